"""Mistakes in the formula: the input where the output belongs, or the derivative of another function."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from course.checking.diagnosis.mistakes import Hypothesis, Mistake
from course.checking.diagnosis.suspect import Suspect, same

FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "exp": torch.exp,
    "log": torch.log,
    "ReLU": torch.relu,
    "softplus": torch.nn.functional.softplus,
    "SiLU": torch.nn.functional.silu,
    "GELU": torch.nn.functional.gelu,
    "ELU": torch.nn.functional.elu,
    "leaky ReLU": torch.nn.functional.leaky_relu,
    "sin": torch.sin,
    "cos": torch.cos,
    "square": torch.square,
    "square root": torch.sqrt,
    "reciprocal": torch.reciprocal,
    "absolute value": torch.abs,
}
"""Elementwise functions whose derivatives get mixed up."""

INVERSES: dict[str, Callable[[Tensor], Tensor]] = {
    "sigmoid": lambda out: torch.log(out / (1 - out)),
    "tanh": torch.atanh,
    "exp": torch.log,
    "square root": torch.square,
    "reciprocal": torch.reciprocal,
}
"""Of those whose derivative is usually written with the output: the input that belongs to it, for complex
numbers, too."""


def misplaced(suspect: Suspect) -> Iterator[Hypothesis]:
    """For an elementwise module: its own derivative, at the wrong place."""
    if not _of_one(suspect):
        return
    x, out, grad = suspect.tensors[suspect.name], suspect.outputs[0], suspect.upstream[0]
    gradients = (
        suspect.gradients(tensors={suspect.name: torch.from_numpy(out)}) if out.shape == x.shape else None
    )
    if gradients is not None:
        yield Hypothesis(
            Mistake.OUTPUT_FOR_INPUT,
            "the derivative is taken at the output where the input belongs",
            gradients[suspect.name],
        )
    for name in _own(x, out):
        slope = _slope_from_output(name, x) if name in INVERSES else None
        if slope is not None:
            yield Hypothesis(
                Mistake.INPUT_FOR_OUTPUT, "the input is used where the output belongs", grad * slope
            )


def mixed_up(suspect: Suspect) -> Iterator[Hypothesis]:
    """For an elementwise module: the derivative of another function."""
    if not _of_one(suspect):
        return
    x, out, grad = suspect.tensors[suspect.name], suspect.outputs[0], suspect.upstream[0]
    module = type(suspect.truth.module).__name__.lower()
    for name, function in FUNCTIONS.items():
        own = name.replace(" ", "").lower() == module
        if name in _own(x, out):
            continue
        for at, where in ((x, ""), (out, " at the output")):
            slope = _slope(function, at)
            if slope is not None and np.ptp(slope) > 1e-6:
                usual = "the slope is that of the function's usual options, not of this module's own"
                words = usual if own else f"this is the gradient of {name}{where}, a different function"
                yield Hypothesis(Mistake.OTHER_FORMULA, words, grad * slope, 0.9)
        slope = _slope_from_output(name, out) if name in INVERSES and not own else None
        if slope is not None:
            words = f"this is the gradient of {name}, a different function"
            yield Hypothesis(Mistake.OTHER_FORMULA, words, grad * slope, 0.9)


def _of_one(suspect: Suspect) -> bool:
    """Whether it is the gradient of an elementwise module's only input."""
    truth = suspect.truth
    return len(truth.moving) == 1 and suspect.name in truth.moving and suspect.elementwise


def _own(x: np.ndarray, out: np.ndarray) -> list[str]:
    """The names of the functions that have this output."""
    return [name for name, function in FUNCTIONS.items() if same(_value(function, x), out)]


MOST_PARAMETERS = 8
"""With more of them, their gradients are not tried in the place of their values: each costs a pass."""


def replaced(suspect: Suspect) -> Iterator[Hypothesis]:
    """Another tensor of the same shape in the place of one that forward read, a gradient perhaps."""
    truth = suspect.truth
    outputs = {f"the output{i or ''}": output for i, output in enumerate(truth.expected)}
    arrived = {f"grad_output{i or ''}": grad for i, grad in enumerate(truth.grad_outputs)}
    used, computed = "{} is used where {} belongs", "what forward computes of {1} is computed of {0} instead"
    swaps = [
        (name, other, value, mistake, what, prior)
        for name in truth.moving
        for others, mistake, what, prior in (
            (truth.tensors, Mistake.INPUT_FOR_OUTPUT, used, 0.85),
            (outputs, Mistake.OUTPUT_FOR_INPUT, used, 0.85),
            (arrived, Mistake.WRONG_FACTOR, computed, 0.93),
        )
        for other, value in others.items()
        if other != name
    ]
    own = "the gradient of {1} is used where its value belongs"
    for name in truth.parameters if len(truth.parameters) <= MOST_PARAMETERS else ():
        swaps.append((name, "", _given(suspect, name), Mistake.WRONG_FACTOR, own, 0.93))
    for name, other, value, mistake, what, prior in swaps:
        if isinstance(value, Tensor) and value.shape == truth.tensors[name].shape:
            gradients = suspect.gradients(tensors={name: value})
            if gradients is not None:
                yield Hypothesis(mistake, what.format(other, name), gradients[suspect.name], prior)


def _given(suspect: Suspect, name: str) -> Tensor | None:
    """The gradient that backward gave for that tensor."""
    grad = suspect.grads.get(name)
    return None if grad is None else torch.from_numpy(grad).to(suspect.truth.tensors[name])


def _value(function: Callable[[Tensor], Tensor], x: np.ndarray) -> np.ndarray:
    return function(torch.from_numpy(x)).numpy()


def _slope(function: Callable[[Tensor], Tensor], x: np.ndarray) -> np.ndarray | None:
    """The function's derivative at x; None outside its domain."""
    with torch.enable_grad():
        leaf = torch.from_numpy(x).clone().requires_grad_()
        (slope,) = torch.autograd.grad(function(leaf).sum(), leaf)
    return slope.numpy() if torch.isfinite(slope).all() else None


def _slope_from_output(name: str, out: np.ndarray) -> np.ndarray | None:
    """The derivative as written with the output, at any number: by the inverse, in the complex plane."""
    place = INVERSES[name](torch.from_numpy(out).to(torch.complex128))
    step = 1e-5
    slope = (FUNCTIONS[name](place + step) - FUNCTIONS[name](place - step)) / (2 * step)
    slope = slope.real.numpy()
    return slope if np.isfinite(slope).all() else None
