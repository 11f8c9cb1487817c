"""Feature-wise linear modulation: a second input scales and shifts each feature of the first."""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example, Module


class FiLM(Module):
    """a = γ x + β: every feature of every example has its own `gamma` and `beta`, alike at all positions.

    x is examples × features × any further axes, such as the height and width of an image; γ and β are
    examples × features. With g = ∂L/∂a (lecture 14): ∂L/∂x = γ g, and what went to all positions is collected
    from all of them:
        ∂L/∂γ = Σ_positions g x    ∂L/∂β = Σ_positions g
    """

    formula = r"a_{nc} = \gamma_{nc} x_{nc} + \beta_{nc}"
    source = (
        "Perez, Strub, de Vries, Dumoulin, Courville: FiLM: visual reasoning with a general conditioning "
        "layer, AAAI (2018)"
    )
    lecture = 14

    def forward(
        self,
        x: Float[Tensor, "batch features *positions"],
        gamma: Float[Tensor, "batch features"],
        beta: Float[Tensor, "batch features"],
    ) -> Float[Tensor, "batch features *positions"]:
        self.save(x=x, gamma=gamma)
        return torch.addcmul(_at_all_positions(beta, x), _at_all_positions(gamma, x), x)

    def backward(
        self, grad_output: Float[Tensor, "batch features *positions"]
    ) -> tuple[
        Float[Tensor, "batch features *positions"],
        Float[Tensor, "batch features"],
        Float[Tensor, "batch features"],
    ]:
        x, gamma = self.saved["x"], self.saved["gamma"]
        grad_gamma, grad_beta = _over_positions(grad_output * x), _over_positions(grad_output)
        return grad_output * _at_all_positions(gamma, x), grad_gamma, grad_beta

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        rows = randn(rng, 4 * scale, 3)
        images = randn(rng, 2 * scale, 3, 2, 2)
        gamma, beta = randn(rng, 2, 4 * scale, 3)

        def by_letters(m: FiLM, x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
            return torch.einsum("nchw,nc->nchw", x, gamma) + beta[:, :, None, None]

        yield Example(
            cls(), (rows, gamma, beta), reference=lambda m, x, gamma, beta: gamma * x + beta, label="rows"
        )
        yield Example(
            cls(), (images, gamma[: 2 * scale], beta[: 2 * scale]), reference=by_letters, label="images"
        )
        sequences = randn(rng, 2 * scale, 3, 4)
        of_sequences = lambda m, x, gamma, beta: torch.einsum("ncl,nc->ncl", x, gamma) + beta[:, :, None]  # noqa: E731
        yield Example(
            cls(),
            (sequences, gamma[: 2 * scale], beta[: 2 * scale]),
            reference=of_sequences,
            label="sequences",
        )


def _at_all_positions(value: Tensor, x: Tensor) -> Tensor:
    """One value for each feature, with further axes of length 1 that broadcast over x's positions."""
    return value.view(*value.shape, *[1] * (x.dim() - 2))


def _over_positions(grad: Tensor) -> Tensor:
    return grad.flatten(2).sum(2) if grad.dim() > 2 else grad
