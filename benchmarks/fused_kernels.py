"""How much of a module's forward and backward its fused kernels save, against the text that they stand for.

A kernel that gains less than a tenth goes, unless a whole training step (`training_step.py`) gains as much.
Times are medians of interleaved rounds with two threads, at sizes that networks have.

    python benchmarks/fused_kernels.py [--quick]
"""

import json
import statistics
import time
from typing import Annotated

import torch
import typer
from torch import Tensor

import course
from course import Module, fused_kernels, release_saved
from course.module import as_tuple
from course.modules import (
    ELU,
    GELU,
    LSTM,
    SELU,
    AdaptiveAvgPool2d,
    Conv1d,
    Conv2d,
    ConvTranspose2d,
    GroupNorm,
    Hardtanh,
    LayerNorm,
    LeakyReLU,
    NoisyReLU,
    PReLU,
    ReLU,
    ReLU6,
    Sigmoid,
    SiLU,
    Softplus,
    Tanh,
)

THREADS = 2
ACTIVATIONS = (
    ELU,
    GELU,
    Hardtanh,
    LeakyReLU,
    NoisyReLU,
    PReLU,
    ReLU,
    ReLU6,
    SELU,
    SiLU,
    Sigmoid,
    Softplus,
    Tanh,
)

IMAGES, FEATURES = (64, 16, 28, 28), (128, 256)
WORKS: dict[str, tuple[Module, tuple[int, ...]]] = {
    **{
        f"{kind.__name__.lower()}_{name}": (kind(), shape)
        for kind in ACTIVATIONS
        for name, shape in (("features", FEATURES), ("images", IMAGES))
    },
    "conv1d": (Conv1d(64, 64, 3, padding=1), (32, 64, 128)),
    "conv2d_first": (Conv2d(1, 6, 5, padding=2), (64, 1, 28, 28)),
    "conv2d_second": (Conv2d(6, 16, 5), (64, 6, 14, 14)),
    "conv2d_wide": (Conv2d(32, 64, 3, padding=1), (16, 32, 16, 16)),
    "conv_transpose2d": (ConvTranspose2d(64, 32, 4, 2, 1), (16, 64, 8, 8)),
    "adaptive_avg_pool2d": (AdaptiveAvgPool2d(7), IMAGES),
    "layer_norm": (LayerNorm(128), (16, 64, 128)),
    "group_norm": (GroupNorm(8, 32), (16, 32, 16, 16)),
    "lstm": (LSTM(128, 128), (32, 32, 128)),
}
"""Modules that have kernels, each with the shape of its input."""


def seconds(module: Module, x: Tensor, fused: bool) -> float:
    """The time of one forward and backward."""
    start = time.perf_counter()
    with fused_kernels(fused), release_saved():
        outputs = as_tuple(module(x))
        module.backward(*outputs)
    if x.is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - start


def main(quick: Annotated[bool, typer.Option(help="within a minute, for a first look")] = False) -> None:
    """Measure every kernel, print a table and, as JSON in the last line, the time that each saves."""
    torch.set_num_threads(THREADS)
    found: dict[str, float] = {}
    print(f"{'':24} {'plain ms':>9} {'fused ms':>9} {'gain':>6}   on {course.device()}")
    for name, (module, shape) in WORKS.items():
        x = torch.randn(shape, device=course.device())
        rounds: list[tuple[float, float]] = []
        end = time.perf_counter() + (1.0 if quick else 5.0)
        while time.perf_counter() < end or len(rounds) < 5:
            rounds.append((seconds(module, x, False), seconds(module, x, True)))
        plain, fused = (statistics.median(column) for column in zip(*rounds, strict=True))
        found[f"gain_{name}"] = round(1 - fused / plain, 3)
        print(f"{name:24} {plain * 1e3:9.3f} {fused * 1e3:9.3f} {1 - fused / plain:6.1%}", flush=True)
    print(json.dumps(found))


if __name__ == "__main__":
    typer.run(main)
