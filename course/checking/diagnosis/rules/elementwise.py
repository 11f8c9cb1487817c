"""Wrong rules of functions of one number: the slope written wrongly, forgotten, or taken somewhere else."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from course.checking.diagnosis.mistakes import Mistake
from course.checking.diagnosis.reverse import Step
from course.checking.diagnosis.rules.wrong import Wrong, at_input, first

SMOOTH = frozenset(
    (
        *("sigmoid", "tanh", "exp", "log", "sqrt", "rsqrt", "reciprocal", "pow", "softplus"),
        *(
            "log_sigmoid_forward",
            "sin",
            "cos",
            "expm1",
            "log1p",
            "erf",
            "square",
            "log2",
            "tan",
            "atan",
            "sinh",
            "cosh",
        ),
    )
)
"""Functions with a slope that is written out."""

INVERSES: dict[str, Callable[[Tensor], Tensor]] = {
    "sigmoid": lambda out: torch.log(out / (1 - out)),
    "tanh": torch.atanh,
    "exp": torch.log,
    "expm1": torch.log1p,
    "sqrt": torch.square,
    "reciprocal": torch.reciprocal,
    "rsqrt": lambda out: torch.reciprocal(out * out),
}
"""Of functions whose slope is usually written with their value: the input that belongs to a value."""

FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "the sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "ReLU": torch.relu,
    "the exponential": torch.exp,
    "the logarithm": torch.log,
    "the square": torch.square,
    "the square root": torch.sqrt,
    "the reciprocal": torch.reciprocal,
    "the sine": torch.sin,
    "the cosine": torch.cos,
    "softplus": torch.nn.functional.softplus,
}
"""Functions whose slopes get mixed up."""

NAMES = {
    "sigmoid": "the sigmoid",
    "tanh": "tanh",
    "exp": "the exponential",
    "expm1": "the exponential",
    "sqrt": "the square root",
    "reciprocal": "the reciprocal",
    "rsqrt": "one over a root",
}
"""What these functions are called in a sentence."""

WRITTEN: dict[str, Callable[[Tensor], Tensor]] = {
    "{}": lambda y: y,
    "1 − {}": lambda y: 1 - y,
    "1 + {}": lambda y: 1 + y,
    "{} − 1": lambda y: y - 1,
    "−{}": lambda y: -y,
    "2·{}": lambda y: 2 * y,
    "{}²": lambda y: y * y,
    "1 − {}²": lambda y: 1 - y * y,
    "1 + {}²": lambda y: 1 + y * y,
    "(1 − {})²": lambda y: (1 - y) ** 2,
    "1 − 2·{}": lambda y: 1 - 2 * y,
    "{}·(1 − {})": lambda y: y * (1 - y),
    "{}·(1 + {})": lambda y: y * (1 + y),
    "{}·(1 − {}²)": lambda y: y * (1 - y * y),
    "{}²·(1 − {})": lambda y: y * y * (1 - y),
    "{}·(1 − {})²": lambda y: y * (1 - y) ** 2,
    "1/{}": lambda y: 1 / y,
    "−1/{}": lambda y: -1 / y,
    "1/{}²": lambda y: 1 / (y * y),
    "{}³": lambda y: y**3,
}
"""Slopes as they are written, with the function's value or its input."""

AFFINE: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "grad · out · 1 − out": lambda g, y: g * y - y,
    "grad · 1 − out": lambda g, y: g - y,
    "grad · 1 − out²": lambda g, y: g - y * y,
    "grad · out − out²": lambda g, y: g * y - y * y,
    "grad + out": lambda g, y: g + y,
    "1 − grad · out": lambda g, y: 1 - g * y,
    "grad − out": lambda g, y: g - y,
}
"""Where a parenthesis is missing."""


def elementwise(step: Step) -> Iterator[Wrong]:
    """Wrong slopes of a smooth function of one number."""
    if step.name not in SMOOTH or len(step.reads) != 1 or step.out.shape != step.inputs[0].shape:
        return
    x, y, place = step.inputs[0], step.out, step.place
    slope = step.pull_back([torch.ones_like(y), *[None] * (len(step.writes) - 1)])[0]
    for values, mistake, what, prior in (
        (torch.ones_like(y), Mistake.LOCAL_DERIVATIVE_IGNORED, f"the derivative of {place} is missing", 0.95),
        (slope * slope, Mistake.EXTRA_FACTOR, f"the derivative of {place} is taken twice", 0.93),
        (-slope, Mistake.SIGN, f"the derivative of {place} has the wrong sign", 0.93),
        (
            slope / y,
            Mistake.MISSING_FACTOR,
            f"the derivative of {place} lacks its own value as a factor",
            0.93,
        ),
        (slope * x, Mistake.EXTRA_FACTOR, f"the derivative of {place} is multiplied by its input", 0.88),
        (slope * y, Mistake.EXTRA_FACTOR, f"the derivative of {place} is multiplied by its value", 0.88),
        (
            1 / slope,
            Mistake.WRONG_SLOPE,
            f"the derivative of {place} divides where it belongs as a factor",
            0.88,
        ),
    ):
        yield _slope(step, values, mistake, what, prior)
    twice = f"the derivative of {place} is taken at its value, where its input belongs"
    yield _slope(step, _slope_at(step, y), Mistake.OUTPUT_FOR_INPUT, twice, 0.95)
    if step.name in INVERSES:
        words = f"in the derivative of {place}, its input stands where its value belongs"
        yield _slope(step, from_out(step.name, x), Mistake.INPUT_FOR_OUTPUT, words, 0.95)
    for name in INVERSES:
        words = f"the derivative of {NAMES[name]} stands where that of {place} belongs"
        prior = 0.94 if name in ("sigmoid", "tanh") else 0.9  # the others are no alternatives to one another
        yield _slope(step, from_out(name, y), Mistake.OTHER_FORMULA, words, prior)
    if step.name in ("softplus", "log_sigmoid_forward"):
        words = f"in the derivative of {place}, the sigmoid is left out"
        yield _slope(step, x, Mistake.WRONG_SLOPE, words, 0.93)
        yield _slope(step, -x, Mistake.WRONG_SLOPE, words, 0.9)
        yield _slope(step, 1 - x, Mistake.WRONG_SLOPE, words, 0.93)
        words = f"in the derivative of {place}, a tanh stands where the sigmoid belongs"
        yield _slope(step, torch.tanh(x), Mistake.WRONG_SLOPE, words, 0.93)
        words = f"the derivative of {place} is differentiated once more"
        yield _slope(step, slope * (1 - slope), Mistake.EXTRA_FACTOR, words, 0.93)
        words = f"the derivative of {place} is 1 minus what it should be"
        yield _slope(step, 1 - slope, Mistake.WRONG_SLOPE, words, 0.93)
    if step.name == "pow":
        yield from _power(step, x)
    if step.name == "erf":
        words = f"in the derivative of {place}, the exponent has lost its minus: is a minus squared with x?"
        yield _slope(step, 1 / (slope * torch.pi / 4), Mistake.SIGN, words, 0.93)
    for written, of in WRITTEN.items():
        plain = len(written) < 10 or step.name in ("sigmoid", "tanh")
        for symbol, at, is_what, usual in (
            ("out", y, "value", step.name in INVERSES and step.name != "reciprocal"),
            ("x", x, "input", step.name not in INVERSES or step.name == "reciprocal"),
        ):
            prior = 0.93 if usual and plain else 0.85
            ratios = of(at) / slope
            if (ratios - ratios.mean()).abs().max() < 1e-9:
                continue  # a number times the slope has other causes
            text = written.format(symbol, symbol)
            words = f"the derivative of {place} is computed as {text}, where {symbol} is its {is_what}"
            yield _slope(step, of(at), Mistake.WRONG_SLOPE, words, prior)
    for name, function in FUNCTIONS.items():
        words = f"the derivative of {name} stands where that of {place} belongs"
        yield _slope(step, _slope_of(function, x), Mistake.OTHER_FORMULA, words, 0.9)
        yield _slope(step, _slope_of(function, y), Mistake.OTHER_FORMULA, f"{words}, and at its value", 0.85)
    for text, rule in AFFINE.items():
        words = f"this is {text}, out being {place}: parentheses are missing"
        yield at_input(
            step, 0, lambda grads, rule=rule: rule(first(grads), y), Mistake.WRONG_SLOPE, words, 0.9
        )


def _power(step: Step, x: Tensor) -> Iterator[Wrong]:
    power = step.args[1]
    if not isinstance(power, int | float):
        return
    for values, what in (
        (power * x**power, f"the power of {step.place} is not lowered by one in its derivative"),
        (x**power, f"the power of {step.place} is not lowered, and is missing as a factor"),
        (x ** (power - 1), f"the derivative of {step.place} lacks the factor {power}"),
        (
            power * torch.ones_like(x),
            f"the derivative of {step.place} is {power} alone: what is raised is missing",
        ),
        (power * x ** (power - 2), f"the power of {step.place} is lowered by two in its derivative"),
        (
            power * (x**power - 1),
            f"parentheses are missing around the exponent in the derivative of {step.place}",
        ),
        (power * x.abs() ** (power - 1), f"the derivative of {step.place} is taken without the sign"),
    ):
        yield _slope(step, values, Mistake.WRONG_SLOPE, what, 0.93)


def _slope_at(step: Step, at: Tensor) -> Tensor:
    """The slope of a step at another input."""
    rest = [None] * (len(step.writes) - 1)
    return step.pull_back([torch.ones_like(at), *rest], at=[at])[0]


def _slope_of(function: Callable[[Tensor], Tensor], at: Tensor) -> Tensor:
    with torch.enable_grad():
        leaf = at.detach().clone().requires_grad_()
        (slope,) = torch.autograd.grad(function(leaf).real.sum(), leaf)
    return slope


def from_out(name: str, out: Tensor) -> Tensor:
    """The slope as it is written with the value, for any number in its place: by a complex input."""
    place = INVERSES[name](out.to(torch.complex128))
    return _slope_of(getattr(torch, name), place).conj().real.to(out.dtype)


def _slope(step: Step, values: Tensor, mistake: Mistake, what: str, prior: float) -> Wrong:
    return at_input(step, 0, lambda grads: first(grads) * values, mistake, what, prior)
