"""How long a training step takes and how much memory, ours against torch.nn + torch.autograd + torch.optim.

All do the same arithmetic: forward, the gradients of the input and of all parameters, and an update by SGD
with momentum, from the same initial values on the same data; that the parameters agree afterwards is checked
before anything is measured. Ours runs as its text says (plain) and with fused kernels. Times are medians of
interleaved rounds with two threads, memory is the peak of all tensors alive, the network itself included.

The C library may give freed memory back to the system after a step and fetch it page by page in the next. How
often it does so differs from run to run, and costs either library up to half of its time. For all alike, the
benchmark lets it keep what is freed; `--pages` measures with the library's own habit.

The last line has the ratios of ours to torch's: `ratio_*` plain time, `memory_*` plain memory, and with fused
kernels `fused_*` and `fused_memory_*`.

    python benchmarks/training_step.py [--quick] [--pages]
"""

import ctypes
import gc
import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated

import torch
import typer
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

import course
from course import Chain, Module, Residual, Unroll, fused_kernels, release_saved
from course.modules import (
    GELU,
    LSTM,
    CrossEntropyLoss,
    LayerNorm,
    Linear,
    LSTMCell,
    MSELoss,
    MultiheadAttention,
    ReLU,
)
from course.optim import Momentum

RATE, MOMENTUM = 0.01, 0.9
THREADS = 2
DEVICE = course.device()

Step = Callable[[], float]


@dataclass(frozen=True)
class Work:
    """A network, in both libraries, with the data of one step."""

    ours: Callable[[], Module]
    theirs: Callable[[], nn.Module]
    x: Tensor
    target: Tensor
    loss: type[Module]
    torch_loss: Callable[[Tensor, Tensor], Tensor]

    def our_step(self, state: dict[str, Tensor], fused: bool) -> tuple[Step, Module]:
        """A training step with the course's modules, starting from `state`."""
        net, loss, x, target = self.ours(), self.loss(), self.x.clone(), self.target
        net.load_state_dict(dict(zip(net.state_dict(), state.values(), strict=True)))
        optimizer = Momentum(net.parameters(), lr=RATE, momentum=MOMENTUM)

        def step() -> float:
            optimizer.zero_grad()
            with fused_kernels(fused), release_saved():
                value = loss(_first(net(x)), target)
                net.backward(loss.backward(torch.ones_like(value))[0])
            optimizer.step()
            return value.item()

        return step, net

    def their_step(self, state: dict[str, Tensor]) -> tuple[Step, nn.Module]:
        """The same step with torch.nn, torch.autograd and torch.optim."""
        net, x, target = self.theirs().to(DEVICE), self.x.clone().requires_grad_(), self.target
        net.load_state_dict(state)
        optimizer = torch.optim.SGD(net.parameters(), lr=RATE, momentum=MOMENTUM)

        def step() -> float:
            optimizer.zero_grad()
            x.grad = None
            value = self.torch_loss(_first(net(x)), target)
            value.backward()
            optimizer.step()
            return value.item()

        return step, net


def mlp(batch: int) -> Work:
    """784-256-128-10 with ReLU, the size of a digit classifier."""
    return Work(
        lambda: Chain(Linear(784, 256), ReLU(), Linear(256, 128), ReLU(), Linear(128, 10)),
        lambda: nn.Sequential(
            nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10)
        ),
        torch.randn(batch, 784, device=DEVICE),
        torch.randint(10, (batch,), device=DEVICE),
        CrossEntropyLoss,
        nn.functional.cross_entropy,
    )


def cnn(batch: int = 64) -> Work:
    """LeNet-5 with ReLU and max pooling on 28 × 28 images."""

    def build(m, chain):  # the two libraries name their modules alike
        convolutions = (
            m.Conv2d(1, 6, 5, padding=2),
            m.ReLU(),
            m.MaxPool2d(2),
            m.Conv2d(6, 16, 5),
            m.ReLU(),
            m.MaxPool2d(2),
        )
        return chain(
            *convolutions,
            m.Flatten(),
            m.Linear(400, 120),
            m.ReLU(),
            m.Linear(120, 84),
            m.ReLU(),
            m.Linear(84, 10),
        )

    return Work(
        lambda: build(course.modules, Chain),
        lambda: build(nn, nn.Sequential),
        torch.randn(batch, 1, 28, 28, device=DEVICE),
        torch.randint(10, (batch,), device=DEVICE),
        CrossEntropyLoss,
        nn.functional.cross_entropy,
    )


def lstm(length: int = 32, batch: int = 32, hidden: int = 128) -> Work:
    """An LSTM over a sequence, with a target at every step."""
    return Work(
        lambda: LSTM(hidden, hidden),
        lambda: nn.LSTM(hidden, hidden),
        torch.randn(length, batch, hidden, device=DEVICE),
        torch.randn(length, batch, hidden, device=DEVICE),
        MSELoss,
        nn.functional.mse_loss,
    )


class TorchSteps(nn.Module):
    """The loop over time that one writes with nn.LSTMCell."""

    def __init__(self, features: int, hidden: int) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(features, hidden)

    def forward(self, x: Tensor) -> Tensor:
        """All outputs, stacked along time."""
        state, outputs = None, []
        for step in x:
            state = self.cell(step, state)
            outputs.append(state[0])
        return torch.stack(outputs)


def lstm_steps(length: int = 32, batch: int = 32, hidden: int = 128) -> Work:
    """The same LSTM cell by cell, as one reads it."""
    return replace(
        lstm(length, batch, hidden),
        ours=lambda: Unroll(LSTMCell(hidden, hidden)),
        theirs=lambda: TorchSteps(hidden, hidden),
    )


class TorchSelfAttention(nn.MultiheadAttention):
    """Attention of a sequence to itself, without the weights that nobody reads."""

    def forward(self, x: Tensor) -> Tensor:
        """One input, one output."""
        return super().forward(x, x, x, need_weights=False)[0]


class SelfAttention(MultiheadAttention):
    """The same with the course's module."""

    def forward(self, x: Tensor) -> Tensor:
        """One input, one output."""
        return super().forward(x, x, x, need_weights=False)[0]

    def backward(self, grad_output: Tensor) -> Tensor:
        """The sequence is read three times: as query, as key and as value."""
        grad_query, grad_key, grad_value, *_ = super().backward(grad_output)
        return grad_query.add_(grad_key).add_(grad_value)


class TorchResidual(nn.Sequential):
    """x + modules(x)."""

    def forward(self, x: Tensor) -> Tensor:
        """The way around is the identity."""
        return x + super().forward(x)


def attention(batch: int = 16, length: int = 64, features: int = 128, heads: int = 4) -> Work:
    """A transformer's block: attention and two layers, each normalized before and added to what it reads."""
    wide = 4 * features
    return Work(
        lambda: Chain(
            Residual(Chain(LayerNorm(features), SelfAttention(features, heads, batch_first=True))),
            Residual(Chain(LayerNorm(features), Linear(features, wide), GELU(), Linear(wide, features))),
        ),
        lambda: nn.Sequential(
            TorchResidual(nn.LayerNorm(features), TorchSelfAttention(features, heads, batch_first=True)),
            TorchResidual(
                nn.LayerNorm(features), nn.Linear(features, wide), nn.GELU(), nn.Linear(wide, features)
            ),
        ),
        torch.randn(batch, length, features, device=DEVICE),
        torch.randn(batch, length, features, device=DEVICE),
        MSELoss,
        nn.functional.mse_loss,
    )


WORKS: dict[str, Callable[[], Work]] = {
    "mlp_32": lambda: mlp(32),
    "mlp_128": lambda: mlp(128),
    "mlp_512": lambda: mlp(512),
    "cnn": cnn,
    "lstm": lstm,
    "lstm_steps": lstm_steps,
    "attention": attention,
}


def _first(output: Tensor | tuple[Tensor, ...]) -> Tensor:
    return output if isinstance(output, Tensor) else output[0]


def check(work: Work, state: dict[str, Tensor], steps: int = 3) -> None:
    """All must compute the same: the losses and, after some steps, every parameter."""
    for fused in (False, True):
        (our_step, ours), (their_step, theirs) = work.our_step(state, fused), work.their_step(state)
        losses = [(our_step(), their_step()) for _ in range(steps)]
        torch.testing.assert_close(
            *(torch.tensor(column) for column in zip(*losses, strict=True)), rtol=1e-4, atol=1e-6
        )
        for mine, their in zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True):
            torch.testing.assert_close(mine, their, rtol=1e-3, atol=1e-5)


def seconds(step: Step, repeats: int) -> float:
    """The mean time of one step, the device's queue emptied."""
    start = time.perf_counter()
    for _ in range(repeats):
        step()
    _wait()
    return (time.perf_counter() - start) / repeats


def _wait() -> None:
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()


def times(steps: Sequence[Step], budget: float) -> list[float]:
    """Median times of the steps, in rounds in which they take turns, for about `budget` seconds."""
    repeats = max(1, round(0.05 / max(seconds(step, 3) for step in steps)))
    rounds: list[list[float]] = []
    end = time.perf_counter() + budget
    while time.perf_counter() < end or len(rounds) < 5:
        order = range(len(steps)) if len(rounds) % 2 else reversed(range(len(steps)))
        measured = {place: seconds(steps[place], repeats) for place in order}
        rounds.append([measured[place] for place in range(len(steps))])
    return [statistics.median(column) for column in zip(*rounds, strict=True)]


def peak_bytes(build: Callable[[], tuple[Step, object]]) -> int:
    """The most bytes of tensors alive at one time while a network is built and makes three steps."""
    gc.collect()
    if DEVICE.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        step, _net = build()
        for _ in range(3):
            step()
        return torch.cuda.max_memory_allocated() - before
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as recorded:
        step, _net = build()
        for _ in range(3):
            step()
    assert recorded.profiler is not None
    events = recorded.profiler.kineto_results.events()
    changes = sorted((event.start_ns(), event.nbytes()) for event in events if event.name() == "[memory]")
    alive = peak = 0
    for _, change in changes:
        alive += change
        peak = max(peak, alive)
    return peak


def keep_freed_memory() -> None:
    """Let the C library (glibc, the only one that has the switch) keep freed memory for what comes next."""
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    trim_threshold, mmap_threshold = -1, -3  # as malloc.h numbers them
    if set_option is not None:
        set_option(trim_threshold, 2**31 - 1)
        set_option(mmap_threshold, 2**25)  # the most it takes


def main(
    quick: Annotated[bool, typer.Option(help="within a minute, for a first look")] = False,
    pages: Annotated[bool, typer.Option(help="let freed memory go back to the system")] = False,
) -> None:
    """Measure every network, print a table and, as the last line, the ratios as JSON."""
    if not pages:
        keep_freed_memory()
    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    found: dict[str, float] = {}
    head = f"{'plain':>9}{'fused':>9}{'torch':>9}{'plain':>8}{'fused':>7}"
    units = f"{'UNIT':>9}{'UNIT':>9}{'UNIT':>9}{'ratio':>8}{'ratio':>7}"
    print(f"{'':10}{head}  {head}   on {DEVICE}")
    print(f"{'':10}{units.replace('UNIT', '  ms')}  {units.replace('UNIT', ' MiB')}")
    for name, make in WORKS.items():
        work = make()
        state = {key: value.clone() for key, value in work.theirs().to(DEVICE).state_dict().items()}
        check(work, state)
        build = (
            partial(work.our_step, state, False),
            partial(work.our_step, state, True),
            partial(work.their_step, state),
        )
        milliseconds = [
            1e3 * s for s in times([make_step()[0] for make_step in build], 3.0 if quick else 20.0)
        ]
        mebibytes = [peak_bytes(make_step) / 2**20 for make_step in build]
        row = f"{name:10}"
        for kind, (plain, fused, torchs) in (("", milliseconds), ("memory_", mebibytes)):
            found[f"{kind or 'ratio_'}{name}"] = round(plain / torchs, 3)
            found[f"fused_{kind}{name}"] = round(fused / torchs, 3)
            row += f"{plain:9.2f}{fused:9.2f}{torchs:9.2f}{plain / torchs:8.2f}{fused / torchs:7.2f}  "
        print(row, flush=True)
    print(json.dumps(found))


if __name__ == "__main__":
    typer.run(main)
