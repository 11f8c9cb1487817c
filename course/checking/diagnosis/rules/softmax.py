"""Wrong rules of softmax and its logarithm: the inner sum left out, over the wrong numbers, or added."""

from collections.abc import Iterator

import torch
from torch import Tensor

from course.checking.diagnosis.mistakes import Mistake
from course.checking.diagnosis.reverse import Gradients, Step
from course.checking.diagnosis.rules.wrong import Wrong, at_input, first


def softmax(step: Step) -> Iterator[Wrong]:
    """Wrong rules of softmax, log softmax, and the logarithm of a sum of exponentials."""
    if step.name == "_softmax":
        yield from _softmax(step)
    elif step.name == "_log_softmax":
        yield from _log_softmax(step)
    elif step.name == "logsumexp":
        yield from _logsumexp(step)


def _inner(products: Tensor, axis: int) -> Iterator[tuple[Tensor, Mistake, str]]:
    """What is written for the inner sum, which runs over one axis and stays one number for each vector."""
    total = products.sum(axis, keepdim=True)
    yield torch.zeros_like(total), Mistake.CONSTANT_STATISTICS, "the inner sum is missing"
    yield -total, Mistake.SIGN, "the inner sum is added, where it is subtracted"
    yield products.sum(), Mistake.WRONG_AXIS, "the inner sum runs over everything, not over one vector"
    yield products.mean(axis, keepdim=True), Mistake.MEAN_FOR_SUM, "the inner sum is a mean"
    for other in range(products.dim()):
        if other != axis % products.dim():
            wrong = products.sum(other, keepdim=True)
            yield (
                wrong,
                Mistake.WRONG_AXIS,
                f"the inner sum runs over axis {other}, not over the softmax's axis",
            )
    flat = products.sum(axis)
    if flat.dim() and list(flat.shape) == list(products.shape)[products.dim() - flat.dim() :]:
        words = "the inner sum is spread along the wrong axis: was its axis kept?"
        yield flat.expand_as(products), Mistake.WRONG_AXIS, words


def _softmax(step: Step) -> Iterator[Wrong]:
    x, y, axis, place = step.inputs[0], step.out, step.args[1], step.place

    def rule(of: object, mistake: Mistake, what: str, prior: float = 0.93) -> Wrong:
        words = f"in the gradient of {place}, {what}"
        return at_input(step, 0, lambda grads: of(first(grads)), mistake, words, prior)  # pyright: ignore[reportCallIssue]

    def right(g: Tensor) -> Tensor:
        return (g * y).sum(axis, keepdim=True)

    for index, (_, mistake, what) in enumerate(_inner(y, axis)):

        def inner(g: Tensor, index: int = index) -> Tensor:
            return [value for value, _, _ in _inner(g * y, axis)][index]

        yield rule(lambda g, i=inner: y * (g - i(g)), mistake, what, 0.95)
        both = f"the softmax itself is missing as a factor, and {what}"
        yield rule(lambda g, i=inner: g - i(g), mistake, both, 0.88)
    for of, mistake, what in (
        (
            lambda g: y * (g - g.sum(axis, keepdim=True)),
            Mistake.MISSING_FACTOR,
            "the softmax is missing inside the inner sum",
        ),
        (
            lambda g: y * (g - g.mean(axis, keepdim=True)),
            Mistake.WRONG_SLOPE,
            "the inner sum is a mean of the gradient, without the softmax",
        ),
        (lambda g: g - right(g), Mistake.MISSING_FACTOR, "the softmax itself is missing as a factor"),
        (
            lambda g: y * g * (1 - y),
            Mistake.DIAGONAL_ONLY,
            "only each number's own derivative is there: each output depends on all inputs",
        ),
        (
            lambda g: y * (1 - y),
            Mistake.DIAGONAL_ONLY,
            "only each number's own derivative is there, and the gradient that arrives is not used",
        ),
        (
            lambda g: g * y - right(g),
            Mistake.MISSING_FACTOR,
            "the softmax is missing as a factor of the inner sum",
        ),
        (lambda g: -y * right(g), Mistake.PATH_LOST, "only the inner sum is there"),
        (lambda g: g * y * y, Mistake.WRONG_SLOPE, "the square of the softmax stands for its derivative"),
        (
            lambda g: x * (g - right(g)),
            Mistake.INPUT_FOR_OUTPUT,
            "its input stands as a factor, where its value belongs",
        ),
        (
            lambda g: x * (g - (g * x).sum(axis, keepdim=True)),
            Mistake.INPUT_FOR_OUTPUT,
            "its input stands where its value belongs",
        ),
        (
            lambda g: y * (g - (g * x).sum(axis, keepdim=True)),
            Mistake.INPUT_FOR_OUTPUT,
            "its input stands in the inner sum, where its value belongs",
        ),
        (
            lambda g: g,
            Mistake.LOCAL_DERIVATIVE_IGNORED,
            "the derivative is missing: the gradient is handed on as it came",
        ),
        (
            lambda g: y - g,
            Mistake.WRONG_SLOPE,
            "the gradient that arrives is subtracted, as of softmax and a loss together",
        ),
        (lambda g: g - y, Mistake.WRONG_SLOPE, "the softmax is subtracted from the gradient that arrives"),
        (lambda g: y * y * (g - right(g)), Mistake.EXTRA_FACTOR, "the softmax is a factor twice"),
    ):
        yield rule(of, mistake, what)


def _log_softmax(step: Step) -> Iterator[Wrong]:
    x, axis, place = step.inputs[0], step.args[1], step.place
    p, log_p = step.out.exp(), step.out

    def total(g: Tensor) -> Tensor:
        return g.sum(axis, keepdim=True)

    def rule(of: object, mistake: Mistake, what: str, prior: float = 0.93) -> Wrong:
        words = f"in the gradient of {place}, {what}"
        return at_input(step, 0, lambda grads: of(first(grads)), mistake, words, prior)  # pyright: ignore[reportCallIssue]

    shifted = (x - x.amax(axis, keepdim=True)).exp()
    wrong_p: list[tuple[Tensor, Mistake, str]] = [
        (x, Mistake.INPUT_FOR_OUTPUT, "the scores stand where the softmax belongs"),
        (log_p, Mistake.OUTPUT_FOR_INPUT, "the logarithm stands where the softmax belongs"),
        (torch.sigmoid(x), Mistake.OTHER_FORMULA, "a sigmoid stands where the softmax belongs"),
        (x.exp(), Mistake.MISSING_FACTOR, "the softmax is not divided by its sum"),
        (shifted, Mistake.MISSING_FACTOR, "the softmax is not divided by its sum"),
        (torch.softmax(p, axis), Mistake.OUTPUT_FOR_INPUT, "softmax is applied twice"),
        (
            torch.softmax(x.reshape(-1), 0).reshape(x.shape),
            Mistake.WRONG_AXIS,
            "the softmax runs over everything",
        ),
        (
            torch.full_like(p, 1 / p.shape[axis]),
            Mistake.WRONG_SLOPE,
            "equal shares stand where the softmax belongs",
        ),
        (torch.ones_like(p), Mistake.MISSING_FACTOR, "the softmax is missing as a factor of the sum"),
        (p * (1 - p), Mistake.EXTRA_FACTOR, "the softmax is differentiated once more"),
        (p * p, Mistake.EXTRA_FACTOR, "the softmax is squared"),
    ]
    for other in range(x.dim()):
        if other != axis % x.dim():
            wrong_p.append(
                (torch.softmax(x, other), Mistake.WRONG_AXIS, f"the softmax runs over axis {other}")
            )
    for wrong, mistake, what in wrong_p:
        yield rule(lambda g, w=wrong: g - w * total(g), mistake, what)
    for of, mistake, what in (
        (lambda g: g, Mistake.PATH_LOST, "the softmax is not subtracted"),
        (
            lambda g: -p * total(g),
            Mistake.PATH_LOST,
            "only the softmax is there: what belongs to the target is missing",
        ),
        (lambda g: g + p * total(g), Mistake.SIGN, "the softmax is added, where it is subtracted"),
        (lambda g: p * total(g) - g, Mistake.SIGN, "the sign is wrong"),
        (lambda g: g - p * g, Mistake.DIAGONAL_ONLY, "the sum is missing: each output depends on all inputs"),
        (
            lambda g: g - p,
            Mistake.UPSTREAM_IGNORED,
            "the softmax is not multiplied by the sum of the gradients",
        ),
        (lambda g: g - p * g.sum(), Mistake.WRONG_AXIS, "the sum runs over everything"),
        (lambda g: g - g.sum(), Mistake.MISSING_FACTOR, "the softmax is missing as a factor of the sum"),
        (
            lambda g: p * (g - (g * p).sum(axis, keepdim=True)),
            Mistake.OTHER_FORMULA,
            "the logarithm is left out: this is the softmax's own",
        ),
        (lambda g: g - total(g), Mistake.MISSING_FACTOR, "the softmax is missing as a factor of the sum"),
        (
            lambda g: -total(g) * p * (1 - p) + g * 0,
            Mistake.WRONG_SLOPE,
            "the softmax is differentiated once more",
        ),
    ):
        yield rule(of, mistake, what)


def _logsumexp(step: Step) -> Iterator[Wrong]:
    x, place = step.inputs[0], step.place
    slope = step.pull_back([torch.ones_like(step.out)])[0]

    def rule(factor: Tensor, mistake: Mistake, what: str) -> Wrong:
        def hand_on(grads: Gradients) -> Tensor:
            return step.pull_back(grads)[0] / slope * factor

        return at_input(step, 0, hand_on, mistake, f"in the gradient of {place}, {what}", 0.93)

    yield rule(x.exp(), Mistake.MISSING_FACTOR, "the exponentials are not divided by their sum")
    yield rule(torch.ones_like(x), Mistake.LOCAL_DERIVATIVE_IGNORED, "the shares of the inputs are missing")
    yield rule(x, Mistake.INPUT_FOR_OUTPUT, "the inputs stand where their softmax belongs")
    yield rule(torch.sigmoid(x), Mistake.OTHER_FORMULA, "a sigmoid stands where the softmax belongs")
    yield rule(slope * (1 - slope), Mistake.EXTRA_FACTOR, "the softmax is differentiated once more")
