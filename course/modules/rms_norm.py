"""Root-mean-square normalization: layer normalization that only scales, and leaves the mean where it is."""

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import device, randn
from course.module import Example, Module, Parameter
from course.modules._normalized_shape import as_shape, require_last_axes
from course.modules._precision import at_least_float32


class RMSNorm(Module):
    """a = γ x / √(mean(x²) + ε), the mean taken over the last axes, those in `normalized_shape`.

    `weight` is γ, in that shape (None with elementwise_affine=False). If `eps` is None, ε is the precision of
    x's dtype, or of float32 for the shorter ones.

    With x̂ = r x, r = (mean(x²) + ε)^(−½), and g = ∂L/∂a, the gradient ĝ = γ g arrives at x̂. Each of the n
    features acts on the output by itself and through r, where ∂r/∂x = −r³ x/n (lecture 14):
        ∂L/∂x = r ĝ − (r³ x/n) Σ ĝ x = r (ĝ − x̂ mean(ĝ x̂))
        ∂L/∂γ = Σ g x̂, summed over the examples

    Raises:
        ValueError: `normalized_shape` has no axes.
        SizeError: x does not end in `normalized_shape`.
    """

    formula = r"a = \gamma \frac{x}{\sqrt{\frac{1}{n} \sum_i x_i^2 + \varepsilon}}"
    source = "Zhang, Sennrich: Root mean square layer normalization, NeurIPS (2019)"
    lecture = 14
    counterpart = "torch.nn.RMSNorm"

    def __init__(
        self, normalized_shape: int | Sequence[int], eps: float | None = None, elementwise_affine: bool = True
    ) -> None:
        self.normalized_shape, self.eps = as_shape(normalized_shape), eps
        self.elementwise_affine = elementwise_affine
        self.weight = (
            Parameter(torch.ones(self.normalized_shape, device=device())) if elementwise_affine else None
        )

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        require_last_axes(self, x, self.normalized_shape)
        wide = at_least_float32(x)
        eps = torch.finfo(wide.dtype).eps if self.eps is None else self.eps
        scale = wide.square().mean(self._features(), keepdim=True).add(eps).rsqrt()
        normalized = wide * scale
        self.save(normalized=normalized, scale=scale)
        out = normalized if self.weight is None else normalized * self.weight.value
        return out.to(x.dtype)

    def backward(self, grad_output: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        normalized, scale = self.saved["normalized"], self.saved["scale"]
        product = grad_output * normalized
        grad = grad_output
        if self.weight is not None:
            self.weight.grad += product.sum_to_size(self.normalized_shape)
            grad, product = grad_output * self.weight.value, product * self.weight.value
        grad_x = scale * (grad - normalized * product.mean(self._features(), keepdim=True))
        return grad_x.to(grad_output.dtype)

    def _features(self) -> tuple[int, ...]:
        """The axes of the features, counted from the back."""
        return tuple(range(-len(self.normalized_shape), 0))

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 3 * scale, 2, 4)

        def reference(m: RMSNorm, x: Tensor) -> Tensor:
            return F.rms_norm(x, m.normalized_shape, None if m.weight is None else m.weight.value, m.eps)

        yield Example(cls(4), (x,), reference=reference, label="the last axis")
        yield Example(cls((2, 4), eps=1e-3), (x,), reference=reference, label="the last two axes")
        yield Example(cls(4, eps=0.1, elementwise_affine=False), (x,), reference=reference, label="no scale")
