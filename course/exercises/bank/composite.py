"""Assignment 05: composite modules.

There are a bump by hand, radial basis functions, ways around, unit length, and a module of one's own.
"""

import torch
from torch import Generator, Tensor

from course.containers.residual import Residual
from course.device import rand, randn
from course.exercises.exercise import Case, Exercise
from course.exercises.questions import composite
from course.exercises.questions.composite import ScaledResidual
from course.exercises.questions.making import called_with, with_gradient
from course.module import Module
from course.modules import L2Normalize, RadialBasis


def _positive(rng: Generator, *shape: int) -> Tensor:
    return 0.3 + rand(rng, *shape)


class Bump(Module):
    """a = u exp(−β ‖x − μ‖²) for one point x and one center μ.

    Its exercise differentiates this forward pass by hand.
    """

    def forward(self, x: Tensor, mu: Tensor, beta: Tensor, u: Tensor) -> Tensor:
        self.save()
        return u * torch.exp(-beta * ((x - mu) ** 2).sum())


def _bump_cases(rng: Generator) -> list[Case]:
    def place(size: int, sign: int) -> tuple[Tensor, ...]:
        return 0.7 * randn(rng, size), 0.7 * randn(rng, size), _positive(rng), sign * _positive(rng)

    return [
        Case("one coordinate", with_gradient, place(1, -1)),
        Case("three coordinates", with_gradient, place(3, 1)),
    ]


def _radial_basis_cases(rng: Generator) -> list[Case]:
    def case(label: str, batch: int, features: int, centers: int, outputs: int) -> Case:
        state = {
            "centers": 0.7 * randn(rng, centers, features),
            "beta": _positive(rng, centers),
            "weight": randn(rng, outputs, centers),
        }
        return Case(
            label,
            called_with(features, centers, outputs),
            (0.7 * randn(rng, batch, features),),
            state,
        )

    return [
        case("one point, one coordinate", 1, 1, 3, 1),
        case("one output", 5, 3, 4, 1),
        case("two outputs", 5, 2, 3, 2),
    ]


def _linear(rng: Generator, name: str, outputs: int) -> dict[str, Tensor]:
    """Values of the parameters of a Linear with three inputs, which has that name in a network."""
    return {f"{name}.weight": 0.7 * randn(rng, outputs, 3), f"{name}.bias": randn(rng, outputs)}


def _residual_cases(rng: Generator) -> list[Case]:
    single = _linear(rng, "module.0", 3)
    inside = _linear(rng, "module.0.module", 3)
    narrow = _linear(rng, "module.0", 2) | _linear(rng, "shortcut", 2)
    inside["module.0.alpha"] = _positive(rng)

    return [
        Case("a shortcut with weights", composite.with_shortcut, (randn(rng, 4, 3),), narrow),
        Case("another block inside", composite.around_a_block, (randn(rng, 1, 3),), inside),
        Case("one block", composite.around_one, (randn(rng, 4, 3),), single),
    ]


def _scaled_residual_cases(rng: Generator) -> list[Case]:
    linear, alpha = _linear(rng, "module", 3), _positive(rng)

    def case(label: str, alpha: Tensor, batch: int) -> Case:
        state = linear | {"alpha": alpha}
        return Case(label, composite.around_a_layer, (randn(rng, batch, 3),), state)

    return [
        case("as it begins", torch.zeros_like(alpha), 4),
        case("one row", -alpha, 1),
        case("a batch", alpha, 4),
    ]


def _l2_normalize_cases(rng: Generator) -> list[Case]:
    def rows(count: int) -> Tensor:
        x = randn(rng, count, 3)
        return x + 0.1 * x.sign()

    lengths = torch.tensor([0.4, 3.0, 0.0, 2.0], device=rng.device)
    some_short = rows(4)
    some_short = some_short * (lengths / some_short.norm(dim=1))[:, None]
    return [
        Case("one row", inputs=(rows(1),)),
        Case("columns", called_with(dim=0), (rows(4),)),
        Case("rows shorter than ε", called_with(eps=1.0), (some_short,)),
        Case("a batch of rows", inputs=(rows(4),)),
    ]


def _own_module_cases(rng: Generator) -> list[Case]:
    return [
        Case("one row", composite.a_formula, (randn(rng, 1, 3),)),
        Case("a batch", composite.a_formula, (randn(rng, 4, 3),)),
    ]


EXERCISES = (
    Exercise(
        name="bump",
        truth=Bump,
        cases=_bump_cases,
        points={"∂L/∂x": 3, "∂L/∂mu": 3, "∂L/∂beta": 3, "∂L/∂u": 2, "leaves inputs alone": 1},
        hints=(
            "Walk forward's lines from the last to the first: each gradient is the one before it, times one "
            "local derivative.",
            "Lecture 08, 'The layer as a cascade': its table has the local derivative of every step. Here x "
            "has several "
            "coordinates, and each has its own share in the squared distance.",
            "For f = c·ln(s) with s = Σ eᵈ and d = p + 3q: ∂f/∂c = ln s, ∂f/∂s = c/s, then ∂f/∂d = ∂f/∂s · "
            "eᵈ for each "
            "coordinate, and at last ∂f/∂p = ∂f/∂d, ∂f/∂q = 3 ∂f/∂d.",
        ),
    ),
    Exercise(
        name="radial_basis",
        truth=RadialBasis,
        cases=_radial_basis_cases,
        points={
            "shapes": 2,
            "∂L/∂x": 6,
            "∂L/∂centers": 5,
            "∂L/∂beta": 4,
            "∂L/∂weight": 4,
            "accumulation": 2,
            "repeatable": 1,
        },
        hints=(
            "Write down the shapes of what forward saved, and of the four gradients. Which axes have to be "
            "summed away?",
            "Exercise 1 was one bump at one point. Find the gradient that arrives at `hidden` first (batch × "
            "centers): three "
            "of the four gradients begin with it. Lecture 08, 'Multiply backward', says why x sums over the "
            "centers.",
            "For h[n, k] = tanh(x[n] · c[k]) with γ = (gradient at h)(1 − h²): ∂L/∂c[k] = Σ_n γ[n, k] x[n] "
            "and "
            "∂L/∂x[n] = Σ_k γ[n, k] c[k]; in letters, torch.einsum('nk,nd->kd', γ, x) and "
            "torch.einsum('nk,kd->nd', γ, c).",
        ),
    ),
    Exercise(
        name="residual",
        truth=Residual,
        cases=_residual_cases,
        points={"one block": 5, "a shortcut with weights": 5, "another block inside": 4},
        hints=(
            "x reaches the output along two paths. What becomes of two gradients that meet at one value?",
            "Lecture 08, 'A way around'. A module inside has a backward of its own, which also adds to the "
            "gradients of its "
            "parameters: each module on a path wants to be asked.",
            "For a cascade a = G(F(x)), g goes through the last module first: ∂L/∂x = "
            "F.backward(G.backward(g)). There, one "
            "path runs through both; here, each runs through one.",
        ),
    ),
    Exercise(
        name="scaled_residual",
        truth=ScaledResidual,
        cases=_scaled_residual_cases,
        points={"∂L/∂x": 4, "∂L/∂alpha": 3, "∂L/∂module.weight": 3, "accumulation": 2},
        hints=(
            "Call the product p = α F(x), and go backward through a = x + p first. What arrives at p, and "
            "what at F(x)?",
            "The sum is exercise 3, the product is the multiply node of lecture 03. One α serves all "
            "elements, as the θ of the "
            "CosineUnit did in lecture 05.",
            "For a = x + F(x)/c: the module inside gets g/c, and ∂L/∂c is the sum of −g F(x)/c² over all "
            "elements.",
        ),
    ),
    Exercise(
        name="l2_normalize",
        truth=L2Normalize,
        cases=_l2_normalize_cases,
        at_zero=False,
        points={"a batch of rows": 5, "one row": 3, "columns": 3, "rows shorter than ε": 3},
        hints=(
            "Each coordinate acts on its own output, and through the length on every output of its vector. "
            "In a vector shorter "
            "than ε, one of the two is gone.",
            "Lecture 08, 'Normalize', derives the gradient for any norm. Which numbers share one length? "
            "`dim` says so, and "
            "`keepdim=True` keeps a sum over them in a shape that fits.",
            "For a = x / s with s = Σ x: every ∂s/∂x_j is 1, so ∂L/∂x_j = (g_j − Σ_i g_i a_i) / s.",
        ),
    ),
    Exercise(
        name="own_module",
        truth=None,
        cases=_own_module_cases,
        points={"∂L/∂x": 7, "∂L/∂theta": 6, "accumulation": 3, "leaves inputs alone": 2},
        hints=(
            "Take a formula whose two derivatives, by x and by θ, you can write on paper first. Which "
            "elements of the output "
            "does one number of θ act on?",
            "Lecture 08, 'Waves and powers': two modules with numbers to be learned, and why their gradients "
            "sum over the "
            "batch. Where a dot is off its ring in the picture, backward is not the derivative of your "
            "forward.",
            "For a = θx + 1, with one θ for each feature (too straight to be accepted here): ∂L/∂x = gθ, and "
            "∂L/∂θ is the sum "
            "of g x over the rows, added to theta.grad with +=.",
        ),
    ),
)
