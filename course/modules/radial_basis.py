"""Radial basis functions: how near a point lies to each of some centers, weighed and summed."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example, Module, Parameter


class RadialBasis(Module):
    """a_o = Σ_k u[o, k] exp(−β_k ‖x − μ_k‖²), for every row of x.

    In four steps (lecture 08): a₁ = ‖x − μ_k‖², a₂ = exp(−β_k a₁), a₃ = u a₂, a₄ = Σ over the centers k.
    `centers` is μ (centers × in_features), `beta` is β (one for each center), `weight` is u (out_features ×
    centers).

    With g = ∂L/∂a, h_k = exp(−β_k ‖x − μ_k‖²) and γ_k = h_k Σ_o g_o u[o, k], the gradient of the logarithm of
    h_k:
        ∂L/∂x = Σ_k −2 β_k γ_k (x − μ_k)    ∂L/∂μ_k = Σ_rows 2 β_k γ_k (x − μ_k)
        ∂L/∂β_k = Σ_rows −γ_k ‖x − μ_k‖²    ∂L/∂u[o, k] = Σ_rows g_o h_k
    """

    formula = r"a_o = \sum_k u_{ok} \exp\!\left(-\beta_k \lVert x - \mu_k \rVert^2\right)"
    source = (
        "Broomhead, Lowe: Multivariable functional interpolation and adaptive networks, Complex "
        "Systems 2 (1988)"
    )
    lecture = 8

    def __init__(
        self, in_features: int, num_centers: int, out_features: int = 1, *, rng: Generator | None = None
    ) -> None:
        self.in_features, self.num_centers, self.out_features = in_features, num_centers, out_features
        self.centers = Parameter.uniform((num_centers, in_features), 1.0, rng)
        self.beta = Parameter(torch.ones_like(self.centers.value[:, 0]))
        self.weight = Parameter.uniform((out_features, num_centers), num_centers**-0.5, rng)

    def forward(self, x: Float[Tensor, "batch in_features"]) -> Float[Tensor, "batch out_features"]:
        offset = x[:, None, :] - self.centers.value  # batch × centers × features
        squared = offset.square().sum(dim=2)
        hidden = torch.exp(-self.beta.value * squared)
        self.save(offset=offset, squared=squared, hidden=hidden)
        return hidden @ self.weight.value.T

    def backward(
        self, grad_output: Float[Tensor, "batch out_features"]
    ) -> Float[Tensor, "batch in_features"]:
        offset, squared, hidden = (self.saved[name] for name in ("offset", "squared", "hidden"))
        self.weight.add_product(grad_output.T, hidden)
        gamma = hidden * (grad_output @ self.weight.value)
        self.beta.grad -= (gamma * squared).sum(dim=0)
        pull = (2 * self.beta.value * gamma)[:, :, None] * offset
        self.centers.grad += pull.sum(dim=0)
        return -pull.sum(dim=1)

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 4 * scale, 2)

        def reference(m: RadialBasis, x: Tensor) -> Tensor:
            distances = (
                x.square().sum(1)[:, None] - 2 * x @ m.centers.value.T + m.centers.value.square().sum(1)
            )
            return F.linear(torch.exp(-m.beta.value * distances), m.weight.value)

        yield Example(cls(2, 3, rng=rng), (x,), reference=reference)
        yield Example(cls(2, 3, 2, rng=rng), (x,), reference=reference, label="two outputs")
