"""Global average pooling: one number for every channel of an image."""

from collections.abc import Iterator

import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.errors import SizeError
from course.module import Example, Module


class GlobalAvgPool2d(Module):
    """a[n, c] = (1/HW) Σ_{i,j} x[n, c, i, j]: the mean of each channel, whatever the image's size.

    With g = ∂L/∂a (lecture 12): every place of the channel gets g / HW.

    Raises:
        SizeError: an image without a single place.
    """

    formula = r"a_c = \frac{1}{HW} \sum_{i,j} x_{cij}"
    source = "Lin, Chen, Yan: Network in network, ICLR (2014)"
    lecture = 12

    def forward(self, x: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch channels"]:
        if not x.shape[2] * x.shape[3]:
            raise SizeError(
                f"GlobalAvgPool2d: argument 'x' has shape {tuple(x.shape)}, expected a height and width of "
                f"at least 1"
            )
        self.save(shape=x.shape)
        return x.mean((2, 3))

    def backward(
        self, grad_output: Float[Tensor, "batch channels"]
    ) -> Float[Tensor, "batch channels height width"]:
        shape = self.saved["shape"]
        return (grad_output / (shape[2] * shape[3]))[:, :, None, None].expand(shape)

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 2 * scale, 2, 3, 4)
        yield Example(cls(), (x,), reference=lambda m, x: F.adaptive_avg_pool2d(x, 1).flatten(1))
