"""Group normalization: every example by itself, its channels in groups of mean 0 and variance 1."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import device, randn
from course.module import Example, Module, Parameter
from course.modules._precision import at_least_float32


class GroupNorm(Module):
    """a = γ (x − μ) / √(σ² + ε) + β.

    μ and σ² are those of a group of channels of one example, all its positions included.

    The `num_channels` channels, axis 1, fall into `num_groups` groups of neighbors; `weight` is γ and `bias`
    is β, one for each channel (None with affine=False; only β with bias=False).

    With g = ∂L/∂a, ĝ = γ g, r = 1/√(σ² + ε), x̂ = r (x − μ), and means over a group, as derived in LayerNorm
    (lecture 14):
        ∂L/∂x = r (ĝ − mean(ĝ) − x̂ mean(ĝ x̂))
        ∂L/∂γ = Σ g x̂    ∂L/∂β = Σ g, summed over all but the channels

    Raises:
        ValueError: the channels do not fall into groups of equal size, or there is only one value in every
            group.
    """

    formula = r"a = \gamma \frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}} + \beta"
    source = "Wu, He: Group normalization, ECCV (2018)"
    lecture = 14
    counterpart = "torch.nn.GroupNorm"

    def __init__(
        self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True, *, bias: bool = True
    ) -> None:
        if num_groups < 1 or num_channels % num_groups != 0:
            raise ValueError(
                f"GroupNorm: {num_channels} channels cannot form {num_groups} groups: "
                f"num_groups must divide them"
            )
        self.num_groups, self.num_channels, self.eps, self.affine = num_groups, num_channels, eps, affine
        self.weight = Parameter(torch.ones(num_channels, device=device())) if affine else None
        self.bias = Parameter(torch.zeros(num_channels, device=device())) if affine and bias else None

    def forward(
        self, x: Float[Tensor, "batch num_channels *positions"]
    ) -> Float[Tensor, "batch num_channels *positions"]:
        self.require_variance(x)
        grouped = self._in_groups(at_least_float32(x))
        mean = grouped.mean(2, keepdim=True)
        centered = grouped - mean
        scale = (centered.square().mean(2, keepdim=True) + self.eps).rsqrt()
        self.save(x=x, mean=mean, scale=scale)
        out = (centered * scale).reshape(x.shape)
        weight, bias = (
            None if held is None else self._of_channels(held.value, x) for held in (self.weight, self.bias)
        )
        out = out if weight is None else out * weight
        return (out if bias is None else out + bias).to(x.dtype)

    def backward(
        self, grad_output: Float[Tensor, "batch num_channels *positions"]
    ) -> Float[Tensor, "batch num_channels *positions"]:
        x, mean, scale = self.saved["x"], self.saved["mean"], self.saved["scale"]
        normalized = ((self._in_groups(x) - mean) * scale).reshape(x.shape)
        product, grad = grad_output * normalized, grad_output
        all_but_channels = (0, *range(2, grad_output.dim()))
        if self.bias is not None:
            self.bias.grad += grad_output.sum(all_but_channels)
        if self.weight is not None:
            self.weight.grad += product.sum(all_but_channels)
            weight = self._of_channels(self.weight.value, product)
            grad, product = grad_output * weight, product * weight
        grad, product, normalized = (self._in_groups(part) for part in (grad, product, normalized))
        along = product.mean(2, keepdim=True)
        grad_x = scale * (grad - grad.mean(2, keepdim=True) - normalized * along)
        return grad_x.reshape(grad_output.shape).to(grad_output.dtype)

    def require_variance(self, x: Tensor) -> None:
        """Let only inputs pass that have more than one value in a group; as in torch.nn, of one example only.

        Raises:
            ValueError: there is one value in every group.
        """
        if x.numel() == self.num_groups > 0 and x.shape[0] == 1:
            given, cure = f"x of shape {tuple(x.shape)} has one value per group", "take fewer groups"
            raise ValueError(f"GroupNorm: {given}, which has no variance: {cure}")

    def _in_groups(self, x: Tensor) -> Tensor:
        """Examples × groups × values."""
        return x.unflatten(1, (self.num_groups, self.num_channels // self.num_groups)).flatten(2)

    @staticmethod
    def _of_channels(value: Tensor, x: Tensor) -> Tensor:
        """One value for each channel, with axes that broadcast over x's positions."""
        return value.view(-1, *[1] * (x.dim() - 2))

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 2 * scale, 4, 3)
        images = randn(rng, scale, 4, 2, 2)

        def reference(m: GroupNorm, x: Tensor) -> Tensor:
            weight, bias = (None if held is None else held.value for held in (m.weight, m.bias))
            return F.group_norm(x, m.num_groups, weight, bias, m.eps)

        yield Example(cls(2, 4), (x,), reference=reference, label="two groups")
        yield Example(
            cls(1, 4, bias=False), (images,), reference=reference, label="images, one group, no bias"
        )
        yield Example(
            cls(4, 4, eps=0.1, affine=False), (images,), reference=reference, label="a group for each channel"
        )
