"""Group normalization: every example by itself, its channels in groups of mean 0 and variance 1."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import device
from course.module import Example, Module, Parameter


class GroupNorm(Module):
    """a = γ (x − μ) / √(σ² + ε) + β, with μ and σ² of a group of channels of one example, all its positions included.

    The `num_channels` channels, axis 1, fall into `num_groups` groups of neighbors; `weight` is γ and `bias` is β, one for each
    channel (None with affine=False; only β with bias=False).

    With g = ∂L/∂a, ĝ = γ g, r = 1/√(σ² + ε), x̂ = r (x − μ), and means over a group, as derived in LayerNorm (lecture 14):
        ∂L/∂x = r (ĝ − mean(ĝ) − x̂ mean(ĝ x̂))
        ∂L/∂γ = Σ g x̂    ∂L/∂β = Σ g, summed over all but the channels

    Raises:
        ValueError: the channels do not fall into groups of equal size, or there is only one value in every group.
    """

    formula = r"a = \gamma \frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}} + \beta"
    source = "Wu, He: Group normalization, ECCV (2018)"
    lecture = 14
    counterpart = "torch.nn.GroupNorm"

    def __init__(
        self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True, *, bias: bool = True
    ) -> None:
        if num_groups < 1 or num_channels % num_groups != 0:
            raise ValueError(f"GroupNorm: {num_channels} channels cannot form {num_groups} groups: num_groups must divide them")
        self.num_groups, self.num_channels, self.eps, self.affine = num_groups, num_channels, eps, affine
        self.weight = Parameter(torch.ones(num_channels, device=device())) if affine else None
        self.bias = Parameter(torch.zeros(num_channels, device=device())) if affine and bias else None

    def extra_repr(self) -> str:
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}"

    def forward(self, x: Float[Tensor, "batch num_channels *positions"]) -> Float[Tensor, "batch num_channels *positions"]:
        if x.numel() == self.num_groups > 0 and x.shape[0] == 1:  # torch.nn refuses it for a single example only
            given, cure = f"x of shape {tuple(x.shape)} has one value per group", "take fewer groups"
            raise ValueError(f"GroupNorm: {given}, which has no variance: {cure}")
        weight, bias = (None if held is None else held.value for held in (self.weight, self.bias))
        batch, channels, positions = x.shape[0], x.shape[1], x.shape[2:].numel()
        x = x.contiguous()
        out, mean, scale = torch.native_group_norm(x, weight, bias, batch, channels, positions, self.num_groups, self.eps)
        self.save(x=x, mean=mean, scale=scale)
        return out

    def backward(
        self, grad_output: Float[Tensor, "batch num_channels *positions"]
    ) -> Float[Tensor, "batch num_channels *positions"]:
        # In plain terms, with x as examples × groups × values, which torch's kernel computes in a fraction of the passes:
        #     normalized = (x - mean) * scale                  self.weight.grad += (grad_output * normalized).sum(non_channels)
        #     grad = grad_output * weight                      self.bias.grad += grad_output.sum(non_channels)
        #     return scale * (grad - grad.mean(values) - normalized * (grad * normalized).mean(values))
        x, mean, scale = self.saved["x"], self.saved["mean"], self.saved["scale"]
        weight = None if self.weight is None else self.weight.value
        sizes = x.shape[0], x.shape[1], x.shape[2:].numel()
        wanted = [True, weight is not None, self.bias is not None]
        grad, grad_weight, grad_bias = torch.ops.aten.native_group_norm_backward(
            grad_output.contiguous(), x, mean, scale, weight, *sizes, self.num_groups, wanted
        )
        if self.weight is not None:
            self.weight.grad += grad_weight
        if self.bias is not None:
            self.bias.grad += grad_bias
        return grad

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = torch.randn(2 * scale, 4, 3, generator=rng, device=rng.device)
        images = torch.randn(scale, 4, 2, 2, generator=rng, device=rng.device)

        def reference(m: GroupNorm, x: Tensor) -> Tensor:
            weight, bias = (None if held is None else held.value for held in (m.weight, m.bias))
            return F.group_norm(x, m.num_groups, weight, bias, m.eps)

        yield Example(cls(2, 4), (x,), reference=reference, label="two groups")
        yield Example(cls(1, 4, bias=False), (images,), reference=reference, label="images, one group, no bias")
        yield Example(cls(4, 4, eps=0.1, affine=False), (images,), reference=reference, label="a group for each channel")
