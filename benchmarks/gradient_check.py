"""How long a gradient check takes: every coordinate at once through torch.vmap.

It is compared with torch.autograd.gradcheck (slow mode).

Both move the same numbers, all inputs and all parameters, in float64 and with the same tolerance. gradcheck
differentiates every output by itself and compares whole Jacobians; ours compares the gradient of a random
weighing of the outputs, which is what a backward pass computes. The projection is the quick first pass: one
random direction for each tensor.

    python benchmarks/gradient_check.py [--quick]
"""

import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import torch
import typer
from torch import Tensor
from torch.func import functional_call

import course
from course import Chain, Module, generator
from course.gradients import numerical_gradients, projected_gradients
from course.module import as_tuple
from course.modules import Conv2d, Linear, LSTMCell, Sigmoid

TOLERANCE = 1e-5
DEVICE = course.device()


@dataclass(frozen=True)
class Work:
    """A module of ours with its inputs, and torch's module that computes the same."""

    ours: Module
    theirs: torch.nn.Module
    inputs: tuple[Tensor, ...]
    call: Callable[..., Any] = lambda module, *inputs: module(*inputs)


def works(quick: bool) -> dict[str, Work]:
    """The networks to check."""
    rng = generator(0)
    side, batch = (6, 1) if quick else (8, 2)

    def randn(*shape: int) -> Tensor:
        return torch.randn(shape, dtype=torch.float64, generator=rng, device=DEVICE)

    cell = LSTMCell(4, 6) if quick else LSTMCell(8, 12)
    size = (cell.input_size, cell.hidden_size)
    return {
        "linear": Work(
            Chain(Linear(64, 64), Sigmoid()),
            torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.Sigmoid()),
            (randn(4 if quick else 32, 64),),
        ),
        "conv2d": Work(Conv2d(3, 4, 3), torch.nn.Conv2d(3, 4, 3), (randn(batch, 3, side, side),)),
        "lstm": Work(
            cell,
            torch.nn.LSTMCell(*size),
            (randn(4, size[0]), randn(4, size[1]), randn(4, size[1])),
            lambda module, x, h, c: module(x, (h, c)),
        ),
    }


class Checked:
    """One network's checks, each as a call that returns whether the gradients are right."""

    def __init__(self, work: Work) -> None:
        self.module, self.inputs = work.ours.to(dtype=torch.float64), work.inputs
        self.theirs = work.theirs.to(dtype=torch.float64, device=DEVICE)
        self.theirs.load_state_dict(
            dict(zip(self.theirs.state_dict(), self.module.state_dict().values(), strict=True))
        )
        self.call, self.parameters = work.call, list(self.module.parameters())
        self.names = [name for name, _ in self.theirs.named_parameters()]
        outputs = as_tuple(self.module(*self.inputs))
        self.upstream = [torch.randn_like(output) for output in outputs]
        self.tensors = [*self.inputs, *(parameter.value for parameter in self.parameters)]

    def function(self, *tensors: Tensor) -> Any:
        """The module's forward, with inputs and parameters as arguments."""
        kept = [parameter.value for parameter in self.parameters]
        try:
            for parameter, value in zip(self.parameters, tensors[len(self.inputs) :], strict=True):
                parameter.value = value
            return self.module(*tensors[: len(self.inputs)])
        finally:
            for parameter, value in zip(self.parameters, kept, strict=True):
                parameter.value = value

    def analytic(self) -> list[Tensor]:
        """The gradients of our backward pass."""
        self.module.zero_grad()
        self.module(*self.inputs)
        return [
            *as_tuple(self.module.backward(*self.upstream)),
            *(parameter.grad for parameter in self.parameters),
        ]

    def full(self) -> bool:
        """Every coordinate, many at once."""
        analytic = self.analytic()
        numeric = numerical_gradients(self.function, self.tensors, self.upstream)
        return all(
            torch.allclose(a, n, rtol=TOLERANCE, atol=TOLERANCE)
            for a, n in zip(analytic, numeric, strict=True)
        )

    def projection(self) -> bool:
        """One random direction for each tensor."""
        analytic, directions = self.analytic(), [torch.randn_like(tensor) for tensor in self.tensors]
        slopes = projected_gradients(self.function, self.tensors, self.upstream, directions)
        pairs = zip(analytic, directions, slopes, strict=True)
        return all(
            torch.allclose((a * d).sum(), slope, rtol=TOLERANCE, atol=TOLERANCE) for a, d, slope in pairs
        )

    def gradcheck(self) -> bool:
        """Torch's own, on torch's module."""
        leaves = [tensor.detach().clone().requires_grad_() for tensor in self.tensors]
        count = len(self.inputs)

        def function(*tensors: Tensor) -> Any:
            parameters = dict(zip(self.names, tensors[count:], strict=True))
            inputs = tensors[:count] if count == 1 else (tensors[0], tensors[1:count])
            return functional_call(self.theirs, parameters, inputs)

        return torch.autograd.gradcheck(function, leaves, atol=TOLERANCE, rtol=TOLERANCE)


def seconds(check: Callable[[], bool], repeats: int = 1) -> float:
    """The mean time of a check, which must pass."""
    start = time.perf_counter()
    for _ in range(repeats):
        assert check()
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()
    return (time.perf_counter() - start) / repeats


def main(quick: Annotated[bool, typer.Option(help="within a minute, for a first look")] = False) -> None:
    """Check every network in three ways, in turns; print a table and, on the last line, speedups as JSON."""
    torch.manual_seed(0)
    found: dict[str, float] = {}
    projections = []
    print(
        f"{'':8} {'numbers':>8} {'gradcheck':>10} {'ours':>9} {'speedup':>8} {'projection':>11} "
        f"{'speedup':>8}"
    )
    for name, work in works(quick).items():
        checked = Checked(work)
        for check in (checked.full, checked.projection):
            check()
        rounds = [
            (seconds(checked.gradcheck), seconds(checked.full, 3), seconds(checked.projection, 10))
            for _ in range(1 if quick else 3)
        ]
        torchs, ours, projection = (statistics.median(column) for column in zip(*rounds, strict=True))
        found[f"speedup_{name}"] = round(torchs / ours, 1)
        projections.append(torchs / projection)
        count = sum(tensor.numel() for tensor in checked.tensors)
        first = f"{name:8} {count:8} {torchs:9.2f}s {ours * 1e3:7.1f}ms {torchs / ours:7.0f}×"
        print(f"{first} {projection * 1e3:9.2f}ms {torchs / projection:7.0f}×")
    found["speedup_projection"] = round(min(projections), 1)
    print(json.dumps(found))


if __name__ == "__main__":
    typer.run(main)
