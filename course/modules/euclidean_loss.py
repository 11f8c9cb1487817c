"""Half the squared distance between output and target, one loss for each example."""

from collections.abc import Iterator

import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example, Module


class EuclideanLoss(Module):
    """L_i = ½ ‖target_i − x_i‖², one number for each row i of x.

    With g = ∂(total loss)/∂L, one number for each row: ∂/∂x = −g (target − x) and ∂/∂target = g (target − x).
    """

    formula = r"L_i = \tfrac{1}{2} \lVert y_i - x_i \rVert^2"
    source = "Bishop: Pattern Recognition and Machine Learning (2006), section 5.2"
    lecture = 5
    symbol = "½‖·‖²"

    def forward(
        self, x: Float[Tensor, "batch features"], target: Float[Tensor, "batch features"]
    ) -> Float[Tensor, " batch"]:
        residual = target - x
        self.save(residual=residual)
        return 0.5 * residual.square().sum(dim=1)

    def backward(
        self, grad_output: Float[Tensor, " batch"]
    ) -> tuple[Float[Tensor, "batch features"], Float[Tensor, "batch features"]]:
        grad_target = grad_output[:, None] * self.saved["residual"]
        return -grad_target, grad_target

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 5 * scale, 3)
        target = randn(rng, 5 * scale, 3)
        reference = lambda m, x, target: 0.5 * F.mse_loss(x, target, reduction="none").sum(dim=1)  # noqa: E731
        yield Example(cls(), (x, target), reference=reference)
