"""Wrong formulas for polynomials: exponents that do not come down, and coefficients that are learned."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from course.checking.diagnosis.mistakes import Mistake
from course.checking.diagnosis.slips.at import At, Slip, slips


@slips("Polynomial")
def polynomial(at: At) -> Iterator[Slip | None]:
    """Powers of x, with coefficients that are learned."""
    x, grad, weight, degree = at["x"], at.grad, at["weight"], at.module.degree
    orders = range(degree + 1)

    def combined(factor: Callable[[int], float], power: Callable[[int], int]) -> Tensor:
        return sum((factor(k) * weight[k] * x ** power(k) for k in orders[1:]), torch.zeros_like(x))

    wrong = [
        (
            combined(lambda k: 1, lambda k: k - 1),
            Mistake.MISSING_FACTOR,
            "the exponents do not come down as factors",
        ),
        (combined(lambda k: k, lambda k: k), Mistake.WRONG_SLOPE, "the exponents are not lowered"),
        (
            combined(lambda k: k - 1, lambda k: k - 1),
            Mistake.WRONG_FACTOR,
            "the exponents come down after they were lowered",
        ),
        (
            combined(lambda k: k + 1, lambda k: k - 1),
            Mistake.PERMUTED,
            "the exponents that come down are one too high",
        ),
        (
            combined(lambda k: k, lambda k: max(k - 2, 0)),
            Mistake.PERMUTED,
            "the exponents are lowered by two",
        ),
        (
            combined(lambda k: k, lambda k: k - 1) + weight[0],
            Mistake.EXTRA_TERM,
            "the constant term is kept: it adds no slope",
        ),
        (
            combined(lambda k: 1, lambda k: k),
            Mistake.LOCAL_DERIVATIVE_IGNORED,
            "forward's value stands there, not its slope",
        ),
        (
            sum((k * x ** (k - 1) for k in orders[1:]), torch.zeros_like(x)),
            Mistake.MISSING_FACTOR,
            "the coefficients are left out",
        ),
        (
            combined(lambda k: k * (k == degree), lambda k: k - 1),
            Mistake.PATH_LOST,
            "only the highest power counts",
        ),
        (
            combined(lambda k: k * (k < degree), lambda k: k - 1),
            Mistake.PATH_LOST,
            "the highest power is left out: where does the loop end?",
        ),
    ]
    listed = (at.slip("x", grad * slope, mistake, what) for slope, mistake, what in wrong)
    yield from listed

    def collected(power: Callable[[int], Tensor]) -> Tensor:
        return torch.stack([power(k) for k in orders])

    of_weight = at.gradient_of("weight", lambda w: sum((w[k] * x**k for k in orders), torch.zeros_like(x)))
    count = max(x.numel(), 1)
    wrong = [
        (
            collected(lambda k: (grad * x ** max(k - 1, 0)).sum()),
            Mistake.PERMUTED,
            "the powers are one too low",
        ),
        (collected(lambda k: (grad * x ** (k + 1)).sum()), Mistake.PERMUTED, "the powers are one too high"),
        *(
            wrong
            for first in (0, 1)  # of the constant term, there is nothing to differentiate
            for wrong in (
                (
                    collected(lambda k, first=first: (max(k, first) * grad * x**k).sum()),
                    Mistake.EXTRA_FACTOR,
                    "the exponents are factors: forward is a straight line in each coefficient",
                ),
                (
                    collected(lambda k, first=first: (max(k, first) * grad * x ** max(k - 1, 0)).sum()),
                    Mistake.SWAPPED_GRADIENTS,
                    "this is the derivative by x: each coefficient has its power",
                ),
            )
        ),
        (of_weight * weight, Mistake.EXTRA_FACTOR, "the coefficients themselves are still factors"),
        (of_weight / count, Mistake.MEAN_FOR_SUM, "the elements are averaged: each adds its whole share"),
        (of_weight / len(x) if x.dim() else of_weight, Mistake.MEAN_FOR_SUM, "the examples are averaged"),
        (collected(lambda k: (x**k).sum()), Mistake.UPSTREAM_IGNORED, "grad_output is not used"),
        (
            collected(lambda k: grad.sum() * (x**k).sum()),
            Mistake.MISPLACED_FACTOR,
            "sums are multiplied where products are summed",
        ),
        (
            collected(lambda k: grad.sum() * x.sum() ** k),
            Mistake.MISPLACED_FACTOR,
            "x is summed before it is raised",
        ),
        (of_weight.flip(0), Mistake.PERMUTED, "the coefficients are taken from the highest to the lowest"),
        (
            collected(lambda k: (grad * x).sum() ** k),
            Mistake.MISPLACED_FACTOR,
            "grad_output is raised along with x",
        ),
        (collected(lambda k: (grad * x).sum()), Mistake.MISSING_FACTOR, "x is not raised to its power"),
    ]
    listed = (at.slip("weight", predicted, mistake, what) for predicted, mistake, what in wrong)
    yield from listed
