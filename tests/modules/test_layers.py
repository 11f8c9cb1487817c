"""Embedding, bilinear map, radial basis functions, polynomial, sine and flattening against torch.

What they refuse is tested, too.
"""

import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import course
from course import Parameter, generator
from course.errors import DtypeError, InputCountError, RankError, SizeError
from course.modules import Bilinear, Embedding, Flatten, Polynomial, RadialBasis, Sine
from tests.against_torch import compare


def randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, device=course.device(), generator=generator(seed))


def randint(high: int, *shape: int, dtype: torch.dtype = torch.int64, seed: int = 0) -> Tensor:
    return torch.randint(high, shape, dtype=dtype, device=course.device(), generator=generator(seed))


# ----------------------------------------------------------------------------------------------------
# embedding

INDICES = {
    "a sequence": lambda: randint(7, 5),
    "a batch": lambda: randint(7, 3, 4),
    "one number": lambda: randint(7),
    "nothing": lambda: randint(7, 0),
    "an empty batch": lambda: randint(7, 0, 4),
    "the same again and again": lambda: torch.full((3, 5), 2, device=course.device()),
    "int32": lambda: randint(7, 3, 4, dtype=torch.int32),
    "a view": lambda: randint(7, 6, 4).T[::2],
    "expanded": lambda: randint(7, 4).expand(3, 4),
    "first and last": lambda: torch.tensor([0, 6], device=course.device()),
}


@pytest.mark.parametrize("index", INDICES.values(), ids=INDICES.keys())
@pytest.mark.parametrize("padding_idx", [None, 0, 2, -1])
@pytest.mark.parametrize("by_frequency", [False, True], ids=["sum", "by frequency"])
@pytest.mark.parametrize(
    ("max_norm", "norm_type"), [(None, 2.0), (1.0, 2.0), (1.5, 1.0), (0.5, math.inf), (100.0, 2.0)], ids=str
)
def test_embedding(index, padding_idx, by_frequency, max_norm, norm_type):
    """Also that the rows which were looked up, and only they, are shortened in place."""
    options = {
        "padding_idx": padding_idx,
        "max_norm": max_norm,
        "norm_type": norm_type,
        "scale_grad_by_freq": by_frequency,
    }
    compare(Embedding(7, 3, **options), nn.Embedding(7, 3, **options), (index(),))


def test_small_whole_numbers_are_looked_up_too():
    module = Embedding(7, 3)
    for dtype in (torch.int8, torch.int16):
        assert torch.equal(module(randint(7, 5, dtype=dtype)), module(randint(7, 5, dtype=dtype).long()))


def test_embedding_is_a_linear_layer_of_one_hot_vectors():
    module, index = Embedding(5, 3, rng=generator(1)).to(dtype=torch.float64), randint(5, 4, 6)
    one_hot, upstream = F.one_hot(index, 5).double(), randn(4, 6, 3)
    torch.testing.assert_close(module(index), one_hot @ module.weight.value)
    assert module.backward(upstream) is None
    torch.testing.assert_close(module.weight.grad, torch.einsum("bik,bif->kf", one_hot, upstream))


def test_padding_row_starts_at_zero_and_gets_no_gradient():
    module = Embedding(5, 3, padding_idx=-2, rng=generator(0))
    assert module.padding_idx == 3
    assert not module.weight.value[3].any()
    assert module.weight.value[[0, 1, 2, 4]].all()
    index = torch.arange(5, device=course.device())
    module.backward(torch.ones_like(module(index)))
    assert module.weight.grad.tolist() == [[1.0] * 3, [1.0] * 3, [1.0] * 3, [0.0] * 3, [1.0] * 3]


def test_embedding_starts_with_the_normal_distribution():
    values = Embedding(200, 100, rng=generator(0)).weight.value
    # 4 standard deviations of a mean of 20 000 numbers
    assert values.mean().item() == pytest.approx(0, abs=0.03)
    assert values.std().item() == pytest.approx(1, abs=0.02)
    assert torch.equal(values, Embedding(200, 100, rng=generator(0)).weight.value)


def test_the_fallback_shortens_too():
    """As students receive it, without a backward, a max_norm still works."""
    kept = {
        name: value
        for name, value in vars(Embedding).items()
        if name not in ("backward", "__dict__", "__weakref__")
    }
    bare = type("Embedding", Embedding.__bases__, kept)
    written, stripped = (kind(5, 3, max_norm=1.0, rng=generator(0)) for kind in (Embedding, bare))
    index = randint(5, 4)
    for module in (written, stripped):
        module.backward(torch.ones_like(module(index)))
    torch.testing.assert_close(written.weight.value, stripped.weight.value)
    torch.testing.assert_close(written.weight.grad, stripped.weight.grad)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [([0, 5], "5"), ([-1, 2], "-1"), ([[1], [1000]], "1000")],
    ids=["too large", "negative", "far off"],
)
def test_embedding_names_the_number_that_is_outside(wrong, named):
    module = Embedding(5, 3)
    before = module.weight.value.clone()
    with pytest.raises(
        IndexError, match=f"Embedding: argument 'index' holds {named}, expected whole numbers from 0 to 4"
    ):
        module(torch.tensor(wrong, device=course.device()))
    assert torch.equal(module.weight.value, before)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bool], ids=str)
def test_embedding_refuses_what_counts_nothing(dtype):
    with pytest.raises(
        DtypeError, match=f"Embedding: argument 'index' holds {str(dtype)[6:]}, expected whole numbers"
    ):
        Embedding(5, 3)(torch.ones(2, dtype=dtype, device=course.device()))


@pytest.mark.parametrize("padding_idx", [5, -6])
def test_embedding_refuses_a_padding_row_that_is_not_there(padding_idx):
    with pytest.raises(
        ValueError, match=f"Embedding: padding_idx={padding_idx} is outside a table of 5 rows"
    ):
        Embedding(5, 3, padding_idx)


# ----------------------------------------------------------------------------------------------------
# bilinear map


@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize("sizes", [(2, 3, 4), (1, 1, 1), (3, 1, 2), (4, 4, 1)], ids=str)
@pytest.mark.parametrize("batch", [(5,), (), (1,), (0,), (2, 3), (2, 0, 3)], ids=str)
def test_bilinear(batch, sizes, bias):
    first, second, out = sizes
    inputs = (randn(*batch, first), randn(*batch, second, seed=1))
    compare(Bilinear(first, second, out, bias), nn.Bilinear(first, second, out, bias), inputs)


def test_bilinear_of_views():
    inputs = (randn(3, 8).T[::2], randn(2).expand(4, 2))
    compare(Bilinear(3, 2, 5), nn.Bilinear(3, 2, 5), inputs)


@pytest.mark.parametrize("number", [0.0, 1e3, -1e3])
def test_bilinear_of_large_numbers_and_zeros(number):
    compare(Bilinear(3, 2, 5), nn.Bilinear(3, 2, 5), (torch.full((4, 3), number).double(), randn(4, 2)))


def test_bilinear_equals_loops():
    module, x1, x2 = (
        Bilinear(2, 3, 2, rng=generator(1)).to(dtype=torch.float64),
        randn(4, 2),
        randn(4, 3, seed=1),
    )
    out, upstream = module(x1, x2), randn(4, 2, seed=2)
    want, grad_weight = torch.zeros_like(out) + module.bias.value, torch.zeros_like(module.weight.value)
    grad_x1, grad_x2 = torch.zeros_like(x1), torch.zeros_like(x2)
    for n, o, i, j in itertools.product(range(4), range(2), range(2), range(3)):
        want[n, o] += x1[n, i] * module.weight.value[o, i, j] * x2[n, j]
        grad_weight[o, i, j] += upstream[n, o] * x1[n, i] * x2[n, j]
        grad_x1[n, i] += upstream[n, o] * module.weight.value[o, i, j] * x2[n, j]
        grad_x2[n, j] += upstream[n, o] * module.weight.value[o, i, j] * x1[n, i]
    torch.testing.assert_close(out, want)
    for got, expected in zip(module.backward(upstream), (grad_x1, grad_x2), strict=True):
        torch.testing.assert_close(got, expected)
    torch.testing.assert_close(module.weight.grad, grad_weight)


def test_bilinear_starts_as_torchs():
    ours, theirs = Bilinear(4, 30, 20, rng=generator(0)), nn.Bilinear(4, 30, 20)
    for name, value in ours.state_dict().items():
        assert value.shape == theirs.state_dict()[name].shape
        assert 0.45 < value.abs().max() <= 0.5  # 1 / √in1_features
    assert ours.weight.value.std().item() == pytest.approx(0.5 * 3**-0.5, rel=0.05)


@pytest.mark.parametrize(
    ("inputs", "error", "message"),
    [
        (
            (torch.zeros(4, 5), torch.zeros(4, 3)),
            SizeError,
            r"argument 'x1' has shape \(4, 5\), expected "
            r".*in1_features=2",
        ),
        (
            (torch.zeros(4, 2), torch.zeros(4, 2)),
            SizeError,
            r"argument 'x2' has shape \(4, 2\), expected "
            r".*in2_features=3",
        ),
        (
            (torch.zeros(4, 2), torch.zeros(5, 3)),
            SizeError,
            r"argument 'x2' has shape \(5, 3\), expected \(4, in2_features=3\)",
        ),
        ((torch.zeros(()), torch.zeros(4, 3)), RankError, r"argument 'x1' has shape \(\), expected"),
        ((torch.zeros(4, 2).double(), torch.zeros(4, 3)), DtypeError, "argument 'x1' holds float64"),
        ((torch.zeros(4, 2),), InputCountError, r"takes \(x1, x2\), got 1 input"),
    ],
    ids=["first", "second", "other batches", "no axis", "float64", "one input"],
)
def test_bilinear_refuses(inputs, error, message):
    with pytest.raises(error, match=f"Bilinear:? {message}"):
        Bilinear(2, 3, 4)(*(x.to(course.device()) for x in inputs))


def test_bilinear_needs_a_feature():
    with pytest.raises(ValueError, match="in1_features=0, expected at least 1"):
        Bilinear(0, 2, 3)


# ---------------------------------------------------------------------------------------------------- radial
# basis


class TorchRadialBasis(nn.Module):
    """The four steps of the lecture, differentiated by torch."""

    def __init__(self, in_features: int, num_centers: int, out_features: int) -> None:
        super().__init__()
        self.centers = nn.Parameter(torch.randn(num_centers, in_features))
        self.beta = nn.Parameter(torch.rand(num_centers) + 0.5)
        self.weight = nn.Parameter(torch.randn(out_features, num_centers))

    def forward(self, x: Tensor) -> Tensor:
        a1 = torch.stack([(x - center).square().sum(1) for center in self.centers], 1)
        a2 = torch.exp(-self.beta * a1)
        a3 = self.weight * a2[:, None, :]
        return a3.sum(2)


@pytest.mark.parametrize("sizes", [(2, 3, 1), (1, 1, 1), (3, 5, 2), (4, 1, 3)], ids=str)
@pytest.mark.parametrize("batch", [6, 1, 0])
def test_radial_basis(sizes, batch):
    torch.manual_seed(0)
    compare(RadialBasis(*sizes), TorchRadialBasis(*sizes), (randn(batch, sizes[0]),))


@pytest.mark.parametrize("far", [0.0, 1e3, -1e3])
def test_radial_basis_on_and_far_from_its_centers(far):
    """At a center the distance has no kink, since it is squared; far away everything is 0."""
    torch.manual_seed(0)
    theirs = TorchRadialBasis(2, 3, 2)
    x = theirs.centers.detach().double() + far
    (out,), _ = compare(RadialBasis(2, 3, 2), theirs, (x,))
    assert out.any() == (far == 0)


def test_radial_basis_of_a_view():
    torch.manual_seed(0)
    compare(RadialBasis(3, 4, 2), TorchRadialBasis(3, 4, 2), (randn(3, 10).T[::2],))


def test_radial_basis_at_a_center_is_its_weight():
    module = RadialBasis(2, 2)
    far_apart = torch.tensor([[0.0, 0.0], [100.0, 100.0]], device=course.device())
    module.centers.value = far_apart
    torch.testing.assert_close(module(far_apart), module.weight.value.T)


@pytest.mark.parametrize(
    ("shape", "error"), [((4, 3), SizeError), ((2,), RankError), ((1, 4, 2), RankError)], ids=str
)
def test_radial_basis_refuses(shape, error):
    with pytest.raises(
        error,
        match=r"RadialBasis: argument 'x' has shape .*, expected \(batch.*, "
        r"in_features=2\)",
    ):
        RadialBasis(2, 3)(torch.zeros(shape, device=course.device()))


# ----------------------------------------------------------------------------------------------------
# polynomial, sine

SHAPES = [(5,), (), (0,), (1,), (2, 3), (2, 0, 3), (2, 3, 2, 2)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("degree", [0, 1, 2, 3, 7])
def test_polynomial(degree, shape):
    class TorchPolynomial(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.randn(degree + 1))

        def forward(self, x: Tensor) -> Tensor:
            return torch.stack([c * x**k for k, c in enumerate(self.weight)]).sum(0)

    torch.manual_seed(0)
    compare(Polynomial(degree), TorchPolynomial(), (randn(*shape),))
    if shape == (2, 3):
        for number in (0.0, -0.0, 1e3, -1e3):
            compare(
                Polynomial(degree),
                TorchPolynomial(),
                (torch.full(shape, number, device=course.device()).double(),),
            )
        compare(Polynomial(degree), TorchPolynomial(), (randn(6, 4).T[::2],))


def test_polynomial_of_known_coefficients():
    module = Polynomial(2)
    module.weight = Parameter(torch.tensor([1.0, -2.0, 3.0], device=course.device()))
    x = torch.tensor([0.0, 1.0, -2.0], device=course.device())
    assert module(x).tolist() == [1.0, 2.0, 17.0]  # 1 − 2x + 3x²
    assert module.backward(torch.ones_like(x)).tolist() == [-2.0, 4.0, -14.0]  # −2 + 6x
    assert module.weight.grad.tolist() == [3.0, -1.0, 5.0]  # Σ 1, Σ x, Σ x²


def test_polynomial_refuses():
    with pytest.raises(ValueError, match="Polynomial: degree=-1, expected at least 0"):
        Polynomial(-1)
    with pytest.raises(
        DtypeError, match="Polynomial: argument 'x' holds float64, but the module's parameters hold float32"
    ):
        Polynomial(2)(randn(3))


@pytest.mark.parametrize("batch", [(5,), (), (0,), (1,), (2, 3)], ids=str)
@pytest.mark.parametrize("features", [1, 3])
def test_sine(features, batch):
    class TorchSine(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.frequency = nn.Parameter(torch.randn(features))

        def forward(self, x: Tensor) -> Tensor:
            return torch.sin(self.frequency * x)

    torch.manual_seed(0)
    compare(Sine(features), TorchSine(), (randn(*batch, features),))
    compare(Sine(features), TorchSine(), (torch.zeros(*batch, features, device=course.device()).double(),))
    compare(Sine(features), TorchSine(), (1e3 * randn(*batch, features),))
    compare(Sine(features), TorchSine(), (randn(features, 6).T[::2],))


def test_sine_refuses():
    with pytest.raises(SizeError, match=r"Sine: argument 'x' has shape \(4, 2\), expected \(.*features=3\)"):
        Sine(3)(torch.zeros(4, 2, device=course.device()))
    with pytest.raises(RankError, match=r"Sine: argument 'x' has shape \(\)"):
        Sine(3)(torch.zeros((), device=course.device()))


# ----------------------------------------------------------------------------------------------------
# flattening


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (1, 3, 1, 2), (0, 3, 4, 5), (2, 3, 0, 5)], ids=str)
@pytest.mark.parametrize("axes", [(), (0,), (2,), (3,), (1, 2), (0, 3), (2, 2), (-3, -2), (-4, 1)], ids=str)
def test_flatten(axes, shape):
    compare(Flatten(*axes), nn.Flatten(*axes), (randn(*shape),))


def test_flatten_of_views_and_of_nothing_to_join():
    compare(Flatten(), nn.Flatten(), (randn(4, 3, 2, 5).permute(2, 0, 3, 1),))
    compare(Flatten(), nn.Flatten(), (randn(3, 1).expand(2, 3, 4),))
    compare(Flatten(), nn.Flatten(), (randn(4, 3),))
    compare(Flatten(0), nn.Flatten(0), (randn(4),))
    compare(Flatten(0), nn.Flatten(0), (randn(),))


def test_flatten_takes_a_gradient_of_any_strides():
    module, upstream = Flatten(), randn(12, 2).T
    module(randn(2, 3, 4))
    assert torch.equal(module.backward(upstream), upstream.reshape(2, 3, 4))


@pytest.mark.parametrize(
    ("axes", "shape"),
    [
        ((), (4,)),
        ((), ()),
        ((2,), (4, 3)),
        ((0, 2), (4, 3)),
        ((2, 1), (4, 3, 2)),
        ((-3,), (4, 3)),
        ((0, -4), (4, 3, 2)),
    ],
    ids=str,
)
def test_flatten_refuses_axes_that_are_not_there(axes, shape):
    with pytest.raises((IndexError, RuntimeError)):
        nn.Flatten(*axes)(torch.zeros(shape, device=course.device()))
    with pytest.raises(RankError) as refused:
        Flatten(*axes)(torch.zeros(shape, device=course.device()))
    start, end = (*axes, -1) if len(axes) == 1 else axes or (1, -1)
    for part in ("Flatten", "'x'", str(shape), f"axes {start} to {end}"):
        assert part in str(refused.value)


def test_an_image_classifier_equals_torchs():
    """LeNet's parts together, state exchanged: loss and every gradient."""
    from course import Chain

    names = [
        ("Conv2d", (1, 3, 5), {"padding": 2}),
        ("ReLU", (), {}),
        ("MaxPool2d", (2,), {}),
        ("Conv2d", (3, 4, 3), {}),
        ("Tanh", (), {}),
        ("AvgPool2d", (2,), {}),
        ("Flatten", (), {}),
        ("Linear", (4 * 2 * 2, 10), {}),
    ]
    torch.manual_seed(0)
    ours = Chain(*(getattr(course.modules, name)(*args, **kwargs) for name, args, kwargs in names))
    theirs = nn.Sequential(*(getattr(nn, name)(*args, **kwargs) for name, args, kwargs in names))
    compare(ours, theirs, (randn(6, 1, 12, 12),))
