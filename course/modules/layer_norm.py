"""Layer normalization: every example by itself with mean 0 and variance 1 over its features."""

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import device, randn
from course.module import Example, Module, Parameter
from course.modules._normalized_shape import as_shape, require_last_axes
from course.modules._precision import at_least_float32


class LayerNorm(Module):
    """a = γ (x − μ) / √(σ² + ε) + β, with μ and σ² of each example's last axes, those in `normalized_shape`.

    `weight` is γ and `bias` is β, in that shape (None with elementwise_affine=False; only β with bias=False).

    With x̂ = r (x − μ), r = 1/√(σ² + ε), and g = ∂L/∂a, the gradient ĝ = γ g arrives at x̂. Each of the n
    features acts on the output by itself, through σ² and through μ, sums and means running over the features
    of one example (lecture 14):
        ∂L/∂σ² = Σ ĝ (x − μ) · (−½ r³) = −½ r² Σ ĝ x̂
        ∂L/∂μ = −r Σ ĝ                             (σ² does not change with μ, since Σ (x − μ) = 0)
        ∂L/∂x = r ĝ + ∂L/∂μ · 1/n + ∂L/∂σ² · 2 (x − μ)/n
              = r (ĝ − mean(ĝ) − x̂ mean(ĝ x̂))
        ∂L/∂γ = Σ g x̂    ∂L/∂β = Σ g              (these sums run over the examples)

    Raises:
        ValueError: `normalized_shape` has no axes.
        SizeError: x does not end in `normalized_shape`.
    """

    formula = r"a = \gamma \frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}} + \beta"
    source = "Ba, Kiros, Hinton: Layer normalization (2016)"
    lecture = 14
    counterpart = "torch.nn.LayerNorm"

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
    ) -> None:
        self.normalized_shape, self.eps = as_shape(normalized_shape), eps
        self.elementwise_affine = elementwise_affine
        self.weight = (
            Parameter(torch.ones(self.normalized_shape, device=device())) if elementwise_affine else None
        )
        self.bias = (
            Parameter(torch.zeros(self.normalized_shape, device=device()))
            if elementwise_affine and bias
            else None
        )

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        require_last_axes(self, x, self.normalized_shape)
        weight, bias = (None if held is None else held.value for held in (self.weight, self.bias))
        wide = at_least_float32(x)
        mean = wide.mean(self._features(), keepdim=True)
        centered = wide - mean
        scale = (centered.square().mean(self._features(), keepdim=True) + self.eps).rsqrt()
        self.save(x=x, mean=mean, scale=scale)
        out = centered * scale if weight is None else centered * scale * weight
        return (out if bias is None else out + bias).to(x.dtype)

    def backward(self, grad_output: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        x, mean, scale = self.saved["x"], self.saved["mean"], self.saved["scale"]
        normalized = (x - mean) * scale
        product, grad = grad_output * normalized, grad_output
        if self.bias is not None:
            self.bias.grad += grad_output.sum_to_size(self.normalized_shape)
        if self.weight is not None:
            self.weight.grad += product.sum_to_size(self.normalized_shape)
            grad, product = grad_output * self.weight.value, product * self.weight.value
        along = product.mean(self._features(), keepdim=True)
        grad_x = scale * (grad - grad.mean(self._features(), keepdim=True) - normalized * along)
        return grad_x.to(grad_output.dtype)

    def _features(self) -> tuple[int, ...]:
        """The axes of the features, counted from the back."""
        return tuple(range(-len(self.normalized_shape), 0))

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 3 * scale, 2, 4)

        def reference(m: LayerNorm, x: Tensor) -> Tensor:
            weight, bias = (None if held is None else held.value for held in (m.weight, m.bias))
            return F.layer_norm(x, m.normalized_shape, weight, bias, m.eps)

        yield Example(cls(4), (x,), reference=reference, label="the last axis")
        yield Example(cls((2, 4)), (x,), reference=reference, label="the last two axes")
        yield Example(cls(4, bias=False), (x[0],), reference=reference, label="no bias")
        yield Example(
            cls(4, eps=0.1, elementwise_affine=False), (x,), reference=reference, label="no scale and shift"
        )
