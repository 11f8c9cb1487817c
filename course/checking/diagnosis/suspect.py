"""One wrong gradient beside all that is known about the right one."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from torch import Tensor

from course.checking.evidence import Evidence
from course.checking.finding import gradient_name
from course.checking.truth import Truth

AGREE = 1e-6
"""Two gradients are the same when they differ by less than this share of the largest number: a prediction is
exact, while the numbers of two different formulas agree to so many digits by chance once in a million."""


@dataclass(frozen=True)
class Trial:
    """What a module did in one case, and the truth about it.

    Attributes:
        wrong: for each gradient with wrong numbers, the true ones.
        right: the names of the tensors whose gradients are right.
    """

    truth: Truth
    evidence: Evidence
    wrong: Mapping[str, np.ndarray]
    right: Collection[str] = ()

    def suspect(self, name: str) -> "Suspect | None":
        """The gradient for that tensor; None where none was given, or where no number of it is finite."""
        given = self.evidence.grads.get(name)
        if given is None or name not in self.truth.tensors or not given.size or not np.isfinite(given).any():
            return None
        return Suspect(self.truth, name, self.evidence.grads, self.wrong.get(name, given))


class Suspect:
    """The wrong gradient that backward gave for the tensor `name`, and the truth.

    Attributes:
        given: what backward gave.
        true: what it should be, exact where torch can differentiate the true forward, else measured.
        grads: everything that backward gave, by name.
    """

    def __init__(
        self, truth: Truth, name: str, grads: Mapping[str, np.ndarray | None], numeric: np.ndarray
    ) -> None:
        self.truth, self.name, self.grads = truth, name, grads
        given = grads[name]
        assert given is not None
        self.given = given
        exact = self.gradients()
        self.true = exact[name] if exact is not None else numeric

    @cached_property
    def weight(self) -> int:
        """How many numbers had to agree: those that are not zero, and one where they are all equal."""
        known = self.true[np.isfinite(self.true) & (self.true != 0)]
        return int(known.size) if known.size and np.ptp(known) > 1e-9 * np.abs(known).max() else 1

    @cached_property
    def finite(self) -> bool:
        """Whether all that backward gave are numbers; a division by 0 leaves some that are none."""
        return bool(np.isfinite(self.given).all())

    @property
    def label(self) -> str:
        """What the gradient is called."""
        return gradient_name(self.name)

    @cached_property
    def tensors(self) -> dict[str, np.ndarray]:
        """The floating-point inputs and the parameters."""
        return {name: tensor.detach().cpu().numpy() for name, tensor in self.truth.tensors.items()}

    @cached_property
    def outputs(self) -> list[np.ndarray]:
        """The true outputs, those that have a gradient."""
        pairs = zip(self.truth.expected, self.truth.grad_outputs, strict=True)
        return [output.detach().cpu().numpy() for output, grad in pairs if grad is not None]

    @cached_property
    def upstream(self) -> list[np.ndarray]:
        """The gradients that arrived at the outputs."""
        return [grad.cpu().numpy() for grad in self.truth.grad_outputs if grad is not None]

    @cached_property
    def elementwise(self) -> bool:
        """Whether every number of the only output depends on the number at the same place alone."""
        if len(self.upstream) != 1 or self.upstream[0].shape != self.true.shape:
            return False
        if len(self.truth.grad_outputs) != 1:
            return False
        half = self.truth.grad_outputs[0].clone()
        half.view(-1)[::2] = 0
        gradients = self.gradients((half,))
        return gradients is not None and not gradients[self.name].reshape(-1)[::2].any()

    def gradients(
        self, grad_outputs: Sequence[Tensor | None] | None = None, tensors: Mapping[str, Tensor] | None = None
    ) -> dict[str, np.ndarray] | None:
        """Gradients of the true forward for another upstream gradient or point; None if torch has none."""
        return self.truth.exact(grad_outputs, tensors)

    def matches(self, predicted: np.ndarray) -> bool:
        """Whether a prediction is what backward gave, and not what it should have given."""
        return same(self.given, predicted) and not same(predicted, self.true)


def same(first: np.ndarray, second: np.ndarray, tolerance: float = AGREE) -> bool:
    """Whether two arrays agree but for rounding; numbers that are nan in the second are not compared.

    What is not finite in the first must not be so in the second.
    """
    if first.shape != second.shape or not first.size:
        return False
    compared = ~np.isnan(second)
    broken = ~np.isfinite(first)
    if broken.any() and not np.isfinite(second[broken]).any():
        compared &= ~broken
    if (
        not compared.any()
        or not np.isfinite(first[compared]).all()
        or not np.isfinite(second[compared]).all()
    ):
        return False
    scale = np.abs(second[compared]).max()
    return bool(np.abs(first[compared] - second[compared]).max() <= tolerance * scale)
