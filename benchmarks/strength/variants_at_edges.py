"""Right modules at inputs where measuring a derivative is hard.

The derivative vanishes there, is lost in round-off, bends or breaks.

Nothing is written otherwise than in the library here; what a checker must not do is to take its own numeric
gradient for the truth where that is worth nothing. Students meet all of these: a layer's bias before batch
normalization, a saturated unit, a probability near zero, a number that is exactly zero.
"""

from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from benchmarks.strength._variant import Made, Variant
from course import modules as library
from course.containers.chain import Chain
from course.containers.graph import Graph
from course.module import Module


def normal(rng: Generator, *shape: int) -> Tensor:
    """Normally distributed numbers."""
    return torch.randn(*shape, generator=rng, device=rng.device)


def tensor(rng: Generator, *numbers: float) -> Tensor:
    """These numbers in a row."""
    return torch.tensor([numbers], dtype=torch.get_default_dtype(), device=rng.device)


def at(module: Module, reference: Callable[..., Any], *inputs: Tensor) -> Made:
    """A module at inputs, with torch's function for it."""
    return module, inputs, lambda _, *given: reference(*given)


def _linear_then_batch_norm(rng: Generator) -> Made:
    def reference(m: Any, x: Tensor) -> Tensor:
        rows = F.linear(x, m[0].weight.value, m[0].bias.value)
        return F.batch_norm(rows, None, None, m[1].weight.value, m[1].bias.value, True)

    return Chain(library.Linear(3, 4, rng=rng), library.BatchNorm1d(4)), (normal(rng, 6, 3),), reference


def _conv_then_batch_norm(rng: Generator) -> Made:
    def reference(m: Any, x: Tensor) -> Tensor:
        maps = F.conv2d(x, m[0].weight.value, m[0].bias.value)
        return F.batch_norm(maps, None, None, m[1].weight.value, m[1].bias.value, True)

    return (
        Chain(library.Conv2d(2, 3, 2, rng=rng), library.BatchNorm2d(3)),
        (normal(rng, 2, 2, 4, 4),),
        reference,
    )


def _before(last: Module, step: Module, function: Callable[..., Tensor], rng: Generator) -> Made:
    """`step` of x and a scalar, which the last module takes out again."""
    graph = Graph("x", "scalar")
    graph.add("step", step, "x", "scalar")
    graph.add("out", last, "step")
    scalar = 1 + torch.rand((), generator=rng, device=rng.device)
    return graph, (normal(rng, 4, 3), scalar), lambda _, x, s: function(x, s)


def _one_key(rng: Generator) -> Made:
    three = normal(rng, 1, 2, 4), normal(rng, 1, 1, 4), normal(rng, 1, 1, 2)
    return at(library.ScaledDotProductAttention(), F.scaled_dot_product_attention, *three)


def _one_feature(rng: Generator) -> Made:
    def reference(m: Any, x: Tensor) -> Tensor:
        return F.layer_norm(x, (1,), m.weight.value, m.bias.value)

    return library.LayerNorm(1), (normal(rng, 4, 1),), reference


def _small_layer_norm(rng: Generator) -> Made:
    def reference(m: Any, x: Tensor) -> Tensor:
        return F.layer_norm(x, (4,), m.weight.value, m.bias.value)

    return library.LayerNorm(4), (1 + 1e-3 * normal(rng, 3, 4),), reference


def _large_linear(rng: Generator) -> Made:
    def reference(m: Any, x: Tensor) -> Tensor:
        return F.linear(x, m.weight.value, m.bias.value)

    return library.Linear(3, 2, rng=rng), (1e6 * normal(rng, 4, 3),), reference


VANISHING: dict[str, Callable[[Generator], Made]] = {
    "Linear before BatchNorm1d: the bias has no effect": _linear_then_batch_norm,
    "Conv2d before BatchNorm2d: the bias has no effect": _conv_then_batch_norm,
    "Softmax: a shift has no effect": lambda rng: _before(
        library.Softmax(1), library.Add(), lambda x, s: torch.softmax(x + s, 1), rng
    ),
    "LogSoftmax: a shift has no effect": lambda rng: _before(
        library.LogSoftmax(1), library.Add(), lambda x, s: torch.log_softmax(x + s, 1), rng
    ),
    "L2Normalize: a scale has no effect": lambda rng: _before(
        library.L2Normalize(1), library.Multiply(), lambda x, s: F.normalize(x * s, dim=1), rng
    ),
    "LayerNorm of one feature: nothing has an effect": _one_feature,
    "Attention to one key: query and key have no effect": _one_key,
    "BCEWithLogitsLoss: sure and right": lambda rng: at(
        library.BCEWithLogitsLoss(),
        F.binary_cross_entropy_with_logits,
        tensor(rng, 30, -30, 35),
        tensor(rng, 1, 0, 1),
    ),
}
"""The true gradient is zero, or nearly so; what is measured is round-off."""

SATURATED: dict[str, Callable[[Generator], Made]] = {
    "Sigmoid at 20": lambda rng: at(library.Sigmoid(), torch.sigmoid, tensor(rng, 20, 20, 20)),
    "Tanh at 12": lambda rng: at(library.Tanh(), torch.tanh, tensor(rng, 12, -12, 12)),
    "Softmax, one score far ahead": lambda rng: at(
        library.Softmax(1), lambda x: torch.softmax(x, 1), tensor(rng, 0, 20, 3)
    ),
    "GELU at −8": lambda rng: at(library.GELU(), F.gelu, tensor(rng, -8, -7.5)),
    "ELU at −25": lambda rng: at(library.ELU(), F.elu, tensor(rng, -25, -24)),
    "Softplus at −25": lambda rng: at(library.Softplus(), F.softplus, tensor(rng, -25, -24)),
}
"""The outputs hardly move: their differences have few digits."""

STEEP: dict[str, Callable[[Generator], Made]] = {
    "Log at 0.001": lambda rng: at(library.Log(), torch.log, tensor(rng, 1e-3, 2e-3, 1)),
    "Reciprocal at 0.001": lambda rng: at(
        library.Reciprocal(), torch.reciprocal, tensor(rng, 1e-3, -2e-3, 1)
    ),
    "Sqrt at 0.0001": lambda rng: at(library.Sqrt(), torch.sqrt, tensor(rng, 1e-4, 1e-3, 1)),
    "Divide by 0.001": lambda rng: at(
        library.Divide(), torch.div, normal(rng, 1, 3), tensor(rng, 1e-3, 2e-3, 1)
    ),
    "L2Normalize of a short vector": lambda rng: at(
        library.L2Normalize(1), lambda x: F.normalize(x, dim=1), 1e-3 * (1 + normal(rng, 2, 3).abs())
    ),
    "LayerNorm of nearly equal features": _small_layer_norm,
    "BCELoss at probabilities near 0 and 1": lambda rng: at(
        library.BCELoss(), F.binary_cross_entropy, tensor(rng, 1e-3, 0.999, 0.5), tensor(rng, 0.9, 0.2, 0.5)
    ),
    "LogLoss at a probability near 0": lambda rng: at(
        library.LogLoss("sum"),
        lambda x, t: -torch.xlogy(t, x).sum(),
        tensor(rng, 1e-3, 0.999),
        tensor(rng, 0.5, 0.5),
    ),
}
"""The function bends within a step that is small elsewhere."""

LARGE: dict[str, Callable[[Generator], Made]] = {
    "Exp at 20": lambda rng: at(library.Exp(), torch.exp, tensor(rng, 20, -20, 1)),
    "Square at a million": lambda rng: at(library.Square(), torch.square, tensor(rng, 1e6, 1, -1e3)),
    "Linear of millions": _large_linear,
    "MSELoss of far targets": lambda rng: at(
        library.MSELoss(), F.mse_loss, normal(rng, 2, 3), 1e6 * normal(rng, 2, 3)
    ),
    "Cos at a thousand": lambda rng: at(library.Cos(), torch.cos, tensor(rng, 1e3, -1e3, 0.5)),
}
"""Numbers of very different sizes meet."""

KINKS: dict[str, Callable[[Generator], Made]] = {
    "ReLU at 0": lambda rng: at(library.ReLU(), torch.relu, tensor(rng, 0, 1, -1)),
    "ReLU a hair from 0": lambda rng: at(library.ReLU(), torch.relu, tensor(rng, 1e-7, -1e-7, 1)),
    "LeakyReLU at 0": lambda rng: at(
        library.LeakyReLU(0.1), lambda x: F.leaky_relu(x, 0.1), tensor(rng, 0, 1, -1)
    ),
    "Abs at 0": lambda rng: at(library.Abs(), torch.abs, tensor(rng, 0, 1, -1)),
    "ELU at 0, another slope on each side": lambda rng: at(
        library.ELU(0.5), lambda x: F.elu(x, 0.5), tensor(rng, 0, 1, -1)
    ),
    "Max, a tie": lambda rng: at(library.Max(), torch.maximum, tensor(rng, 1, 2, 3), tensor(rng, 1, 3, 2)),
    "MaxPool2d, a tie": lambda rng: at(
        library.MaxPool2d(2),
        lambda x: F.max_pool2d(x, 2),
        tensor(rng, 1, 1, 0, 0, 0, 0, 1, 0).view(1, 1, 2, 4),
    ),
    "L1Loss at its target": lambda rng: at(
        library.L1Loss(), F.l1_loss, tensor(rng, 1, 2, 3), tensor(rng, 1, 3, 2)
    ),
    "HingeLoss on the margin": lambda rng: at(
        library.HingeLoss("none"),
        lambda x, y: F.relu(1 - x * y),
        tensor(rng, 1, 2, 0.5),
        tensor(rng, 1, 1, 1),
    ),
    "L1Normalize with a 0": lambda rng: at(
        library.L1Normalize(1), lambda x: F.normalize(x, 1, 1), tensor(rng, 0, 1, -2)
    ),
}
"""The function has another slope on each side; torch and the library choose the same one."""

DOMAIN: dict[str, Callable[[Generator], Made]] = {
    "BCELoss of targets 0 and 1": lambda rng: at(
        library.BCELoss(), F.binary_cross_entropy, tensor(rng, 0.3, 0.6, 0.9), tensor(rng, 1, 0, 1)
    ),
    "Log a hair from 0": lambda rng: at(library.Log(), torch.log, tensor(rng, 1e-6, 1)),
    "Sqrt a hair from 0": lambda rng: at(library.Sqrt(), torch.sqrt, tensor(rng, 1e-6, 1)),
}
"""A step leads to where the function is not defined."""

GROUPS = {
    "vanishing": VANISHING,
    "saturated": SATURATED,
    "steep": STEEP,
    "large": LARGE,
    "kink": KINKS,
    "domain": DOMAIN,
}


def variants_at_edges() -> Iterator[Variant]:
    """Every one of them, its group before its label."""
    for group, cases in GROUPS.items():
        for label, make in cases.items():
            yield Variant(f"{group}: {label}", make)
