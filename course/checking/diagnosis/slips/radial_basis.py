"""Wrong formulas for radial basis functions: a wrong derivative of one of the four steps, or a wrong sum."""

from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor

from course.checking.diagnosis.mistakes import Mistake
from course.checking.diagnosis.slips.at import At, Slip, slips
from course.checking.diagnosis.slips.elementwise import at_each_place, two_at_once

Step = Callable[[Tensor], Tensor]

STEPS: Mapping[str, Step] = {
    "distance": lambda offset: (offset**2).sum(2),
    "exponent": lambda product: -product,
    "bump": torch.exp,
}
"""Forward's steps, each of which may be differentiated wrongly."""


def as_if(value: Tensor, other: Tensor) -> Tensor:
    """The value, with the gradient of another."""
    return other + (value - other).detach()


@slips("RadialBasis")
def radial_basis(at: At) -> Iterator[Slip | None]:
    """Four steps, with a wrong derivative of one of them; and what is summed over what."""
    names = [name for name in ("x", "centers", "beta", "weight") if name in at]
    for name in names:
        yield from _wrong_steps(at, name)
    yield from _places(at)


def _cascade(
    at: At, name: str, value: Tensor, steps: Mapping[str, Step] = STEPS, *, held: tuple[str, ...] = ()
) -> Tensor:
    """Forward as a function of one tensor, with some steps in another way; a factor held counts as 1."""
    x, centers, beta, weight = (
        value if name == other else at[other] for other in ("x", "centers", "beta", "weight")
    )
    distance = steps["distance"](x[:, None, :] - centers)
    product = as_if(beta * distance, distance if "beta" in held else beta * distance)
    hidden = steps["bump"](steps["exponent"](product))
    return hidden @ (torch.ones_like(weight) if "weight" in held else weight).T


def _wrong_steps(at: At, name: str) -> Iterator[Slip | None]:
    distance, bump = STEPS["distance"], STEPS["bump"]
    wrong: list[tuple[dict[str, Step], Mistake, str]] = [
        ({"bump": lambda p: as_if(bump(p), p)}, Mistake.STEP_LEFT_OUT, "the derivative of exp is left out"),
        (
            {"bump": lambda p: as_if(bump(p), bump(p) ** 2 / 2)},
            Mistake.EXTRA_FACTOR,
            "the derivative of exp is multiplied twice",
        ),
        (
            {"bump": lambda p: as_if(bump(p), p**2 / 2)},
            Mistake.WRONG_SLOPE,
            "the exponent itself stands in place of the derivative of exp",
        ),
        (
            {"bump": lambda p: as_if(bump(p), p * bump(p).detach() * p.detach())},
            Mistake.EXTRA_FACTOR,
            "exp is differentiated like a power: the exponent comes down",
        ),
        (
            {"bump": lambda p: as_if(bump(p), bump(p) - bump(p) ** 2 / 2)},
            Mistake.WRONG_SLOPE,
            "exp is differentiated like a sigmoid, with 1 minus the output",
        ),
    ]
    if name == "beta":
        turned: dict[str, Step] = {"exponent": lambda p: as_if(-p, p)}
        wrong.append((turned, Mistake.SIGN, "the minus of the exponent is left out"))
    if name in ("x", "centers"):
        wrong += [
            (
                {"distance": lambda o: as_if(distance(o), distance(o) / 2)},
                Mistake.WRONG_SLOPE,
                "the exponent of the square does not come down as a factor",
            ),
            (
                {"distance": lambda o: as_if(distance(o), 2 * o.sum(2))},
                Mistake.STEP_LEFT_OUT,
                "the offset is gone from the derivative of its square",
            ),
            (
                {"distance": lambda o: as_if(distance(o), o.sum(2))},
                Mistake.STEP_LEFT_OUT,
                "the derivative of the square is left out",
            ),
            (
                {"distance": lambda o: as_if(distance(o), o.norm(dim=2))},
                Mistake.OTHER_FORMULA,
                "the distance is differentiated, not its square",
            ),
            (
                {"distance": lambda o: as_if(distance(o), 2 * (o**3).sum(2) / 3)},
                Mistake.WRONG_SLOPE,
                "the exponent of the square is not lowered",
            ),
            (
                {"distance": lambda o: as_if(distance(o), 2 * (o * distance(o).detach()[..., None]).sum(2))},
                Mistake.WRONG_FACTOR,
                "the squared distance stands where the offset belongs",
            ),
            (
                {"distance": lambda o: as_if(distance(o), (distance(o) ** 2) / 2)},
                Mistake.EXTRA_FACTOR,
                "the squared distance is multiplied as well",
            ),
            (
                {"distance": lambda o: as_if(distance(o), o.sum(2) ** 2)},
                Mistake.WRONG_AXIS,
                "the offsets are summed before they are used: each feature has its own",
            ),
            (
                {"distance": lambda o: as_if(distance(o), 2 * (o * at["x"][:, None, :]).sum(2))},
                Mistake.WRONG_FACTOR,
                "x stands where the offset from the center belongs",
            ),
            (
                {"distance": lambda o: as_if(distance(o), 2 * (o * at["centers"]).sum(2))},
                Mistake.WRONG_FACTOR,
                "the center stands where the offset from it belongs",
            ),
        ]
    for changed, mistake, what in wrong if name != "weight" else ():
        yield at.slip(
            name,
            lambda c=changed: at.gradient_of(name, lambda v: _cascade(at, name, v, {**STEPS, **c})),
            mistake,
            what,
        )
        also = {**STEPS, **changed, "exponent": lambda p: as_if(-p, p)}
        if "exponent" not in changed:
            both = lambda a=also: at.gradient_of(name, lambda v: _cascade(at, name, v, a))  # noqa: E731
            yield two_at_once(at, name, both, mistake, what, "a sign is wrong")
    for factor, what in (
        ("beta", "beta is left out: it stands before the distance"),
        ("weight", "the weight is left out: each bump enters with a weight of its own"),
    ):
        if factor not in (name, "beta" if name == "weight" else ""):
            yield at.slip(
                name,
                lambda f=factor: at.gradient_of(name, lambda v: _cascade(at, name, v, held=(f,))),
                Mistake.MISSING_FACTOR,
                what,
            )
    if name in ("x", "centers"):
        one_sided = {**STEPS, "bump": lambda p: as_if(bump(p), p)}
        both = lambda: at.gradient_of(name, lambda v: _cascade(at, name, v, one_sided, held=("beta",)))  # noqa: E731
        first = "the derivative of exp is left out"
        yield two_at_once(at, name, both, Mistake.STEP_LEFT_OUT, first, "beta is left out")
    if name == "weight":
        return
    ones = torch.ones_like(at.grad)
    for grad, mistake, what in (
        (ones, Mistake.UPSTREAM_IGNORED, "grad_output is not used"),
        (
            ones * at.grad.sum(0),
            Mistake.WRONG_AXIS,
            "grad_output is summed over the examples first: each has its own",
        ),
        (
            ones * at.grad.mean(0),
            Mistake.WRONG_AXIS,
            "grad_output is averaged over the examples first: each has its own",
        ),
        (
            ones * at.grad.sum(1, keepdim=True),
            Mistake.WRONG_AXIS,
            "grad_output is summed over the outputs first: each has weights of its own",
        ),
    ):
        yield at.slip(
            name, lambda g=grad: at.gradient_of(name, lambda v: _cascade(at, name, v), g), mistake, what
        )


def _places(at: At) -> Iterator[Slip | None]:
    """What is summed over the wrong axis, or meets the wrong factor."""
    x, centers, grad, weight = at["x"], at["centers"], at.grad, at["weight"]
    beta = at["beta"]

    def at_offsets(offset: Tensor) -> Tensor:
        return torch.exp(-beta * (offset**2).sum(2)) @ weight.T

    start = (x[:, None, :] - centers).detach().requires_grad_()
    with torch.enable_grad():
        (pull,) = torch.autograd.grad(at_offsets(start), start, grad)
    every = {"x": (1, "centers"), "centers": (0, "examples")}
    for name, sign in (("x", 1.0), ("centers", -1.0)):
        axis, over = every[name]
        right = sign * pull.sum(axis)
        for predicted, mistake, what in (
            (sign * pull, Mistake.BROADCAST_NOT_REDUCED, f"the shares of the {over} are not collected"),
            (
                sign * pull.mean(axis),
                Mistake.MEAN_FOR_SUM,
                f"the {over} are averaged: each adds its whole share",
            ),
            (sign * pull.select(axis, 0), Mistake.EXAMPLES_MISSING, f"only the first of the {over} counts"),
            (sign * pull.select(axis, -1), Mistake.EXAMPLES_MISSING, f"only the last of the {over} counts"),
            (
                sign * pull.sum(1 - axis),
                Mistake.WRONG_AXIS,
                f"the sum runs along the wrong axis: the {over} are to be summed over",
            ),
            (
                sign * pull.sum(2),
                Mistake.WRONG_AXIS,
                "the sum runs over the features: each has its own offset",
            ),
            (sign * pull.sum((0, 1)), Mistake.WRONG_AXIS, "the sum runs over examples and centers alike"),
            (
                (sign * pull.sum((0, 1))).expand_as(right),
                Mistake.WRONG_AXIS,
                "the sum runs over examples and centers alike",
            ),
            (
                sign * pull.sum(axis).sum(-1, keepdim=True).expand_as(right),
                Mistake.WRONG_AXIS,
                "the sum runs over the features as well: each has its own offset",
            ),
            (
                sign * pull.amax(axis),
                Mistake.EXAMPLES_MISSING,
                f"only the largest share of the {over} counts",
            ),
            (
                -right,
                Mistake.SIGN,
                "the minus of the center in x − μ, or that of the exponent, is counted wrongly",
            ),
            (right * at[name], Mistake.EXTRA_FACTOR, f"{name} itself is multiplied as well"),
            (right + at[name], Mistake.EXTRA_TERM, f"{name} itself is added to its gradient"),
        ):
            yield at.slip(name, predicted, mistake, what)
    distance = ((x[:, None, :] - centers) ** 2).sum(2)
    hidden = torch.exp(-beta * distance)
    arriving = grad @ weight
    shares = arriving * hidden
    for share, mistake, what in (
        (-shares, Mistake.MISSING_FACTOR, "the squared distance is left out: it stands beside beta"),
        (shares, Mistake.MISSING_FACTOR, "the squared distance is left out, and the minus"),
        (-shares * distance.sqrt(), Mistake.WRONG_FACTOR, "the distance stands there, not its square"),
        (-shares * distance * beta, Mistake.EXTRA_FACTOR, "beta is still a factor"),
        (
            -shares * beta,
            Mistake.WRONG_FACTOR,
            "beta itself stands where its neighbor in the product belongs",
        ),
        (-shares * distance**2, Mistake.EXTRA_FACTOR, "the distance is squared once too often"),
        (-arriving * distance, Mistake.STEP_LEFT_OUT, "the derivative of exp is left out"),
        (
            arriving * distance,
            Mistake.STEP_LEFT_OUT,
            "two things: the derivative of exp is left out; and a sign is wrong",
        ),
        (-shares * 2 * distance, Mistake.EXTRA_FACTOR, "there is a 2: the square does not depend on beta"),
        (
            -shares * (x[:, None, :] - centers).sum(2),
            Mistake.WRONG_FACTOR,
            "the offsets are summed without their squares",
        ),
    ):
        yield at.slip("beta", share.sum(0), mistake, what)
    full = at_each_place(beta, lambda beta: torch.exp(-beta * distance), arriving)
    for predicted, mistake, what in (
        (full, Mistake.BROADCAST_NOT_REDUCED, "the shares of the examples are not collected"),
        (full.mean(0), Mistake.MEAN_FOR_SUM, "the examples are averaged: each adds its whole share"),
        (full.sum(), Mistake.WRONG_AXIS, "the sum runs over everything: each center has a beta of its own"),
        (
            full.sum().expand_as(beta),
            Mistake.WRONG_AXIS,
            "the sum runs over everything: each center has a beta of its own",
        ),
        (full.sum(1), Mistake.WRONG_AXIS, "the sum runs over the centers: each has a beta of its own"),
        (full[0], Mistake.EXAMPLES_MISSING, "only the first example counts"),
        (full[-1], Mistake.EXAMPLES_MISSING, "only the last example counts"),
        (
            -shares.sum(0) * distance.sum(0),
            Mistake.MISPLACED_FACTOR,
            "the distances are summed before the product",
        ),
        (
            -shares.sum(0) * distance.mean(0),
            Mistake.MISPLACED_FACTOR,
            "the distances are averaged before the product",
        ),
    ):
        yield at.slip("beta", predicted, mistake, what)
    for reached, mistake, what in (
        (distance, Mistake.STEP_LEFT_OUT, "the squared distances stand there, without exp"),
        (-beta * distance, Mistake.STEP_LEFT_OUT, "the exponents stand there, without exp"),
        (hidden**2, Mistake.EXTRA_FACTOR, "the bumps are multiplied twice"),
        (-hidden, Mistake.SIGN, "the sign is wrong: the minus stands in the exponent"),
        (
            torch.ones_like(hidden),
            Mistake.MISSING_FACTOR,
            "the bumps are left out: each weight multiplies one",
        ),
        (hidden * beta, Mistake.EXTRA_FACTOR, "beta is multiplied: the weight stands outside of exp"),
        (
            -hidden * distance,
            Mistake.EXTRA_FACTOR,
            "exp is differentiated, too: the weight stands outside of it",
        ),
        (
            hidden * distance,
            Mistake.EXTRA_FACTOR,
            "exp is differentiated, too: the weight stands outside of it",
        ),
        (hidden * (1 - hidden), Mistake.WRONG_FACTOR, "1 minus the bump is multiplied, as of a sigmoid"),
    ):
        yield at.slip(
            "weight",
            at.gradient_of("weight", lambda weight, reached=reached: reached @ weight.T),
            mistake,
            what,
        )
    collected = at.gradient_of("weight", lambda weight: hidden @ weight.T)
    for predicted, mistake, what in (
        (collected * weight, Mistake.EXTRA_FACTOR, "the weight itself is still a factor"),
        (collected.T, Mistake.TRANSPOSED, "∂L/∂weight is transposed"),
        (collected / len(x), Mistake.MEAN_FOR_SUM, "the examples are averaged: each adds its whole share"),
        (
            torch.outer(grad.sum(0), hidden.sum(0)),
            Mistake.MISPLACED_FACTOR,
            "grad_output and the bumps are each summed over the examples before they are multiplied",
        ),
        (torch.outer(grad[0], hidden[0]), Mistake.EXAMPLES_MISSING, "only the first example counts"),
        (torch.outer(grad[-1], hidden[-1]), Mistake.EXAMPLES_MISSING, "only the last example counts"),
        (
            collected.sum(0).expand_as(weight),
            Mistake.WRONG_AXIS,
            "the sum also runs over the outputs: each has its row",
        ),
        (hidden.sum(0).expand_as(weight), Mistake.UPSTREAM_IGNORED, "grad_output is not used"),
        (
            grad[:, :, None] * hidden[:, None, :],
            Mistake.BROADCAST_NOT_REDUCED,
            "the shares of the examples are not collected",
        ),
    ):
        yield at.slip("weight", predicted, mistake, what)
