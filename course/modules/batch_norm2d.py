"""Batch normalization of images: each channel with mean 0 and variance 1 over the batch and all pixels."""

from collections.abc import Iterator

from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example
from course.modules._batch_norm import _BatchNorm, batch_norm_by_torch


class BatchNorm2d(_BatchNorm):
    """a = γ (x − μ) / √(σ² + ε) + β for each channel, μ and σ² taken over the examples and all their pixels.

    `weight` is γ and `bias` is β (None with affine=False). When training, σ² divides by n, and `running_mean`
    and `running_var` (which divides by n − 1) move towards the batch's by a share `momentum`, or average all
    batches if it is None. In eval mode these running statistics stand in for the batch's, unless
    track_running_stats=False.

    With g = ∂L/∂a, ĝ = γ g, r = 1/√(σ² + ε), x̂ = r (x − μ), and sums and means over a channel (lecture 14):
        ∂L/∂γ = Σ g x̂    ∂L/∂β = Σ g    ∂L/∂x = r (ĝ − mean(ĝ) − x̂ mean(ĝ x̂)), in eval mode r ĝ
    derived step by step in `course/modules/_batch_norm.py`.

    Raises:
        ValueError: when training, a channel has only one value.
    """

    formula = r"a = \gamma \frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}} + \beta"
    source = (
        "Ioffe, Szegedy: Batch normalization: accelerating deep network training by reducing internal "
        "covariate shift, "
        "ICML (2015)"
    )
    lecture = 14
    counterpart = "torch.nn.BatchNorm2d"

    def forward(
        self, x: Float[Tensor, "batch num_features height width"]
    ) -> Float[Tensor, "batch num_features height width"]:
        return self._normalize(x)

    def backward(self, grad_output: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        return self._grad_through_statistics(grad_output)

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 2 * scale, 3, 2, 2)
        yield Example(cls(3), (x,), reference=batch_norm_by_torch, label="training")
        yield Example(
            cls(3, affine=False, momentum=None),
            (x,),
            reference=batch_norm_by_torch,
            label="no scale and shift",
        )
        yield Example(
            cls(3, track_running_stats=False, bias=False).eval(),
            (x,),
            reference=batch_norm_by_torch,
            label="no bias, never running",
        )
        met = cls(3)
        met(x + 1)
        yield Example(met.eval(), (x,), reference=batch_norm_by_torch, label="eval")
        wide = randn(rng, 2 * scale, 3, 1, 3)
        yield Example(cls(3), (wide,), reference=batch_norm_by_torch, label="wide images")
