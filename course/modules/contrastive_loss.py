"""Contrastive loss: draws two of a kind together, and drives two of different kinds a margin apart."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Generator, Tensor

from course.device import randn
from course.module import Example
from course.modules._loss import _Loss
from course.modules._reduction import grad_of_losses, reduce


class ContrastiveLoss(_Loss):
    """L_i = ½ D_i² where row i of `same` is true (or 1), ½ max(0, m − D_i)² where not.

    D_i = ‖x1_i − x2_i‖ is the distance of the two, m = `margin` how far apart they should be at least. The
    mean over all rows by default, with `reduction` their sum or each by itself. With d_i = x1_i − x2_i and
    g_i = ∂L/∂L_i, which is g/n for a mean over n rows (lecture 12), ∂D_i/∂x1_i = d_i/D_i gives
        ∂L/∂x1_i = g_i d_i for two of a kind
        ∂L/∂x1_i = −g_i max(0, m − D_i) d_i/D_i for two of different kinds
    and ∂L/∂x2_i = −∂L/∂x1_i. Two of different kinds in the very same place are not driven apart: no direction
    is the right one.

    Raises:
        ValueError: `margin` is negative.
    """

    formula = r"L_i = \tfrac{1}{2} s_i D_i^2 + \tfrac{1}{2} (1 - s_i) \max(0, m - D_i)^2"
    source = "Hadsell, Chopra, LeCun: Dimensionality reduction by learning an invariant mapping, CVPR (2006)"
    lecture = 12

    def __init__(self, margin: float = 1.0, reduction: str = "mean") -> None:
        if not margin >= 0:
            raise ValueError(f"ContrastiveLoss: margin is {margin}, but it is a distance: pass margin >= 0")
        super().__init__(reduction)
        self.margin = margin

    def forward(
        self,
        x1: Float[Tensor, "*batch features"],
        x2: Float[Tensor, "*batch features"],
        same: Bool[Tensor, "*batch"] | Int[Tensor, "*batch"],
    ) -> Float[Tensor, "*batch"] | Float[Tensor, ""]:
        difference, alike = x1 - x2, same.bool()
        distance = torch.linalg.vector_norm(difference, dim=-1)
        short_by = torch.relu(self.margin - distance)
        self.save(difference=difference, distance=distance, alike=alike)
        return reduce(0.5 * torch.where(alike, distance, short_by).square(), self.reduction)

    def backward(
        self, grad_output: Float[Tensor, "*loss_shape"]
    ) -> tuple[Float[Tensor, "*batch features"], Float[Tensor, "*batch features"], None]:
        difference, distance, alike = self.saved["difference"], self.saved["distance"], self.saved["alike"]
        short_by = torch.relu(self.margin - distance)
        push = torch.where(distance > 0, short_by / distance, 0)
        pull = grad_of_losses(grad_output, self.reduction, distance.numel()) * torch.where(alike, 1, -push)
        grad = pull.unsqueeze(-1) * difference
        return grad, -grad, None

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x1 = randn(rng, 6 * scale, 3)
        x2 = randn(rng, 6 * scale, 3)
        same = torch.arange(6 * scale, device=rng.device) % 2 == 0

        def each(m: ContrastiveLoss, x1: Tensor, x2: Tensor, same: Tensor) -> Tensor:
            distance = F.pairwise_distance(x1, x2, eps=0)
            different = F.hinge_embedding_loss(
                distance, -torch.ones_like(distance), m.margin, reduction="none"
            )
            return torch.where(same.bool(), distance.square(), different.square()) / 2

        yield Example(cls(), (x1, x2, same), reference=lambda m, *xs: each(m, *xs).mean(), label="mean")
        yield Example(
            cls(3.0, "sum"),
            (x1, x2, same.long()),
            reference=lambda m, *xs: each(m, *xs).sum(),
            label="sum, wide margin",
        )
        yield Example(cls(3.0, "none"), (x1, x2, same), reference=each, label="none")
        close = (x1, x1 + 0.2 * x2, torch.zeros_like(same))
        yield Example(cls(), close, reference=lambda m, *xs: each(m, *xs).mean(), label="too close")
