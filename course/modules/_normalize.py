"""What the modules share that divide a vector by its norm."""

from typing import ClassVar

import torch
from torch import Tensor

from course.module import Module
from course.modules._axis import axis_of


class _Normalize(Module):
    """a = x / max(‖x‖, ε), with a norm along the axis `dim`; ε = `eps` keeps vectors of zeros at zero.

    Raises:
        RankError: x has no axis `dim`.
    """

    order: ClassVar[int]
    """The p of the norm (Σ |x|^p)^(1/p)."""

    def __init__(self, dim: int = 1, eps: float = 1e-12) -> None:
        self.dim, self.eps = dim, eps

    def _normalize(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The output and ‖x‖."""
        norm = torch.linalg.vector_norm(x, self.order, dim=axis_of(self, x, self.dim), keepdim=True)
        return x / norm.clamp(min=self.eps), norm
