"""Wrong formulas for modules around a module: two paths, and what each of them brings back."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from course.checking.diagnosis.mistakes import Mistake
from course.checking.diagnosis.slips.at import At, Slip, slips
from course.modes import recording


@slips("Residual")
def way_around(at: At) -> Iterator[Slip | None]:
    """Two paths from x: what students do with the two gradients."""
    module, grad = at.module, at.grad
    through = _back(at, module.module, grad)
    around = grad if module.shortcut is None else _back(at, module.shortcut, grad)
    yield from _joined(at, through, around)
    for name, _ in module.named_parameters():
        right, whose = (
            _of_parameter(at, name),
            "the shortcut's" if name.startswith("shortcut.") else "the module's",
        )
        for times, word in ((2, "twice"), (3, "three times")):
            what = f"{whose} backward is called {word}, and each call adds to its parameters' gradients"
            yield at.slip(name, times * right, Mistake.EXTRA_FACTOR, what)
    yield from _shortcut_after(at, through)
    module.forget_forward()


def _joined(at: At, through: Tensor, around: Tensor) -> Iterator[Slip | None]:
    grad, x, out = at.grad, at["x"], at.out
    named = "the shortcut" if at.module.shortcut is not None else "the way around"
    for predicted, mistake, what in (
        (through, Mistake.PATH_LOST, f"only the path through the module is there: {named} is left out"),
        (around, Mistake.PATH_LOST, f"only {named} is there: the path through the module is left out"),
        (
            lambda: through * around,
            Mistake.WRONG_FACTOR,
            "the gradients of the two paths are multiplied with each other",
        ),
        (
            lambda: (through + around) / 2,
            Mistake.MEAN_FOR_SUM,
            "the two paths are averaged: each brings its whole share",
        ),
        (lambda: through + 2 * around, Mistake.EXTRA_FACTOR, f"{named} is counted twice"),
        (lambda: 2 * through + around, Mistake.EXTRA_FACTOR, "the path through the module is counted twice"),
        (lambda: through - around, Mistake.SIGN, f"{named} is subtracted"),
        (lambda: around - through, Mistake.SIGN, "the path through the module is subtracted"),
        (lambda: through + 1, Mistake.UPSTREAM_IGNORED, f"1 is added for {named}, without grad_output"),
        (
            lambda: through + x,
            Mistake.WRONG_FACTOR,
            "x is added, as in forward: what comes back on the way around is a gradient",
        ),
        (lambda: through + out, Mistake.WRONG_FACTOR, "the output is added, as if forward ran again"),
        (
            lambda: through + grad,
            Mistake.STEP_LEFT_OUT,
            "grad_output goes around as it came: the shortcut is a module, too",
        ),
        (lambda: grad, Mistake.PATH_LOST, "grad_output is handed on as it came: both modules are left out"),
        (
            lambda: through * (1 + grad),
            Mistake.WRONG_FACTOR,
            "the gradients of the two paths are multiplied, then added",
        ),
        (
            lambda: grad * (through + around),
            Mistake.EXTRA_FACTOR,
            "grad_output is multiplied once more: the modules have taken it in",
        ),
        (
            lambda: grad * through + around,
            Mistake.EXTRA_FACTOR,
            "grad_output is multiplied once more: the module has taken it in",
        ),
        (
            lambda: _run(at, at.module.module, grad) + around,
            Mistake.WRONG_FACTOR,
            "the module's forward is run on grad_output, not its backward",
        ),
        (
            lambda: torch.maximum(through, around),
            Mistake.PATH_LOST,
            "only the larger of the two gradients is kept",
        ),
        (
            lambda: _back(at, at.module.module, grad / 2) + around / 2,
            Mistake.MEAN_FOR_SUM,
            "grad_output is shared out between the two paths",
        ),
        (lambda: through + around + x, Mistake.EXTRA_TERM, "x is added"),
        (
            lambda: _back(at, at.module.module, through) + around,
            Mistake.EXTRA_FACTOR,
            "the module's backward is run on its own result",
        ),
    ):
        yield at.slip("x", predicted, mistake, what)


def _shortcut_after(at: At, through: Tensor) -> Iterator[Slip | None]:
    """Two paths taken for one: the second module is asked with what the first gave back."""
    module, grad = at.module, at.grad
    if module.shortcut is None:
        yield at.slip(
            "x",
            lambda: _back(at, module.module, grad + through) + grad,
            Mistake.EXTRA_FACTOR,
            "the module's backward is run once more, on the sum",
        )
        return
    one_path = "one module is asked with what the other gave back: the two lie side by side"
    yield at.slip("x", lambda: _back(at, module.shortcut, through), Mistake.WRONG_ORDER, one_path)
    yield at.slip(
        "x", lambda: _back(at, module.module, _back(at, module.shortcut, grad)), Mistake.WRONG_ORDER, one_path
    )


@slips("ScaledResidual")
def scaled_way_around(at: At) -> Iterator[Slip | None]:
    """A way around, and a number that says how much of the module is added."""
    module, grad, x, alpha = at.module, at.grad, at["x"], at["alpha"]
    added, through = _run(at, module.module, x), _back(at, module.module, grad)
    yield from _scaled(at, through, alpha)
    product = grad * added
    if not alpha.any():
        what = "while alpha is 0, nothing is added to its gradient: it would stay 0 for ever"
        yield at.slip("alpha", torch.zeros_like(alpha), Mistake.ZERO_GRADIENT, what)
    scaled = "alpha is used by every number"
    for predicted, mistake, what in (
        (product.mean(), Mistake.MEAN_FOR_SUM, f"the products are averaged: {scaled}"),
        (
            product.mean(0).sum(),
            Mistake.MEAN_FOR_SUM,
            f"the products are averaged over the examples: {scaled}",
        ),
        (
            product.sum() / x.shape[-1],
            Mistake.MEAN_FOR_SUM,
            f"the products are averaged over the features: {scaled}",
        ),
        (product, Mistake.BROADCAST_NOT_REDUCED, f"the products are not collected: {scaled}"),
        (
            product.sum(0),
            Mistake.BROADCAST_NOT_REDUCED,
            f"the products are collected over the examples only: {scaled}",
        ),
        (
            product.sum(-1),
            Mistake.BROADCAST_NOT_REDUCED,
            f"the products are collected over the features only: {scaled}",
        ),
        (product[0].sum(), Mistake.EXAMPLES_MISSING, f"only the first example counts: {scaled}"),
        (product[-1].sum(), Mistake.EXAMPLES_MISSING, f"only the last example counts: {scaled}"),
        (grad.sum(), Mistake.MISSING_FACTOR, "what alpha multiplies in forward is left out"),
        (added.sum(), Mistake.UPSTREAM_IGNORED, "grad_output is not used"),
        ((grad * x).sum(), Mistake.WRONG_FACTOR, "x is multiplied: alpha multiplies what the module gives"),
        (
            (grad * at.out).sum(),
            Mistake.WRONG_FACTOR,
            "the output is multiplied: alpha multiplies one part of it only",
        ),
        ((through * x).sum(), Mistake.WRONG_FACTOR, "the module's gradient and x are multiplied"),
        (
            (through * added).sum(),
            Mistake.WRONG_FACTOR,
            "grad_output went through the module first: alpha stands behind it",
        ),
        (
            through.sum(),
            Mistake.WRONG_FACTOR,
            "the module's gradient is summed: alpha stands behind the module",
        ),
        (alpha * product.sum(), Mistake.EXTRA_FACTOR, "alpha itself is still a factor"),
        (grad.sum() * added.sum(), Mistake.MISPLACED_FACTOR, "sums are multiplied where products are summed"),
        ((grad * (x + added)).sum(), Mistake.EXTRA_TERM, "x counts as well: alpha does not meet it"),
        (-product.sum(), Mistake.SIGN, "the sign is wrong"),
        (
            alpha * grad.sum(),
            Mistake.WRONG_FACTOR,
            "alpha itself stands where its neighbor in the product belongs",
        ),
    ):
        yield at.slip("alpha", predicted, mistake, what)
    for name, _ in module.named_parameters():
        if name.startswith("module."):
            yield from _inside_scaled(at, name, alpha)
    module.forget_forward()


def _scaled(at: At, through: Tensor, alpha: Tensor) -> Iterator[Slip | None]:
    grad, x = at.grad, at["x"]
    for predicted, mistake, what in (
        (grad + through, Mistake.MISSING_FACTOR, "alpha is left out on the path through the module"),
        (alpha * through, Mistake.PATH_LOST, "the way around is left out"),
        (grad, Mistake.PATH_LOST, "only the way around is there: the path through the module is left out"),
        (through, Mistake.PATH_LOST, "the way around is left out, and alpha"),
        (alpha * (grad + through), Mistake.EXTRA_FACTOR, "alpha multiplies the way around, too"),
        (
            alpha * grad + through,
            Mistake.WRONG_FACTOR,
            "alpha multiplies the way around in place of the other path",
        ),
        (
            (1 + alpha) * grad,
            Mistake.STEP_LEFT_OUT,
            "alpha counts, but the module's own backward is left out",
        ),
        (alpha * grad, Mistake.STEP_LEFT_OUT, "the module's own backward is left out, and the way around"),
        (
            grad + alpha**2 * through,
            Mistake.EXTRA_FACTOR,
            "alpha is multiplied twice: before the module and behind it",
        ),
        (grad - alpha * through, Mistake.SIGN, "the path through the module is subtracted"),
        (
            grad * alpha * through,
            Mistake.WRONG_FACTOR,
            "the gradients of the two paths are multiplied with each other",
        ),
        (1 + alpha * through, Mistake.UPSTREAM_IGNORED, "1 is added for the way around, without grad_output"),
        (x + alpha * through, Mistake.WRONG_FACTOR, "x is added, as in forward, where a gradient comes back"),
        (2 * grad + alpha * through, Mistake.EXTRA_FACTOR, "the way around is counted twice"),
        ((grad + alpha * through) / 2, Mistake.MEAN_FOR_SUM, "the two paths are averaged"),
        (grad + (1 - alpha) * through, Mistake.WRONG_FACTOR, "1 minus alpha is multiplied"),
        (
            (1 - alpha) * grad + alpha * through,
            Mistake.WRONG_FACTOR,
            "the two paths are weighed against each other: in forward, x is added as it is",
        ),
        (grad + through / alpha, Mistake.WRONG_FACTOR, "alpha divides"),
        (grad + grad * alpha * through, Mistake.EXTRA_FACTOR, "grad_output is multiplied once more"),
    ):
        yield at.slip("x", predicted, mistake, what)


def _inside_scaled(at: At, name: str, alpha: Tensor) -> Iterator[Slip | None]:
    """The parameters of the module inside, by what was handed to its backward."""
    grad = at.grad
    for handed, mistake, what in (
        (grad, Mistake.MISSING_FACTOR, "the module's backward gets grad_output without alpha"),
        (alpha**2 * grad, Mistake.EXTRA_FACTOR, "the module's backward gets grad_output with alpha twice"),
        (
            2 * alpha * grad,
            Mistake.EXTRA_FACTOR,
            "the module's backward is called twice, and each call adds to its parameters' gradients",
        ),
        (
            2 * grad,
            Mistake.EXTRA_FACTOR,
            "the module's backward is called twice, and gets grad_output without alpha",
        ),
        (
            grad + alpha * grad,
            Mistake.EXTRA_FACTOR,
            "the module's backward is called twice, once without alpha",
        ),
        (0 * grad, Mistake.PATH_LOST, "the module's backward is not called, or gets nothing"),
    ):
        yield at.slip(
            name, lambda handed=handed: _of_parameter(at, name, at.module.module, handed), mistake, what
        )


def _run(at: At, module: Callable[[Tensor], Tensor], value: Tensor) -> Tensor:
    with recording():
        return module(value).detach()


def _back(at: At, module: Callable[[Tensor], Tensor], grad: Tensor) -> Tensor:
    """What a module inside gives back for x, by its forward."""
    with recording():
        return at.gradient_of("x", lambda x: module(x), grad)


def _of_parameter(
    at: At, name: str, forward: Callable[[Tensor], Tensor] | None = None, grad: Tensor | None = None
) -> Tensor:
    """The gradient of a parameter of a module inside."""
    parameter = dict(at.module.named_parameters())[name]
    before = parameter.value

    def run(value: Tensor) -> Tensor:
        parameter.value = value
        return (forward or at.module)(at["x"])

    try:
        with recording():
            return at.gradient_of(name, run, grad)
    finally:
        parameter.value = before
