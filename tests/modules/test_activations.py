"""Activations against torch.nn: every constructor argument, on ordinary and on hostile inputs."""

import itertools
import math
import warnings

import pytest
import torch
from torch import nn

import course
from course import generator
from course.errors import DtypeError, InputCountError, RankError, SizeError
from course.modules import GELU, GLU, Hardtanh, LogSoftmax, NoisyReLU, PReLU, ReLU, Softmax
from course.modules.registry import all_modules
from tests.against_torch import compare

GRID = {
    "Identity": [{}],
    "Sigmoid": [{}],
    "Tanh": [{}],
    "ReLU": [{}],
    "LeakyReLU": [
        {},
        {"negative_slope": 0.3},
        {"negative_slope": 0.0},
        {"negative_slope": -0.5},
        {"negative_slope": 2.0},
    ],
    "PReLU": [{}, {"init": 0.0}, {"init": -1.5}],
    "Softplus": [
        {"beta": beta, "threshold": threshold} for beta in (0.5, 1.0, 3.0) for threshold in (0.0, 1.0, 20.0)
    ],
    "ELU": [{}, {"alpha": 0.3}, {"alpha": 0.0}, {"alpha": -0.7}, {"alpha": 2.0}],
    "SELU": [{}],
    "GELU": [{}, {"approximate": "none"}, {"approximate": "tanh"}],
    "SiLU": [{}],
    "Mish": [{}],
    "Hardtanh": [
        {},
        {"min_val": -2.0, "max_val": 0.5},
        {"min_val": 0.0, "max_val": 3.0},
        {"min_val": -3.0, "max_val": -1.0},
    ],
    "ReLU6": [{}],
    "Softsign": [{}],
    "LogSigmoid": [{}],
}
"""Elementwise activations of torch.nn and the constructor arguments to try."""


def values(*shape: int) -> torch.Tensor:
    """The same random numbers for the same shape, with standard deviation 3."""
    return 3 * torch.randn(shape, dtype=torch.float64, generator=generator(2), device=course.device())


SPECIAL = (
    -1e3,
    -50.0,
    -6.0,
    -3.0,
    -2.0,
    -1.0,
    -1e-9,
    -0.0,
    0.0,
    1e-9,
    0.5,
    1.0,
    3.0,
    6.0,
    20.0,
    21.0,
    50.0,
    1e3,
)
"""Kinks, thresholds, both zeros and saturation."""

INPUTS = {
    "matrix": lambda: values(4, 3),
    "special": lambda: torch.tensor(SPECIAL, dtype=torch.float64),
    "one-example": lambda: values(1, 3),
    "empty-batch": lambda: values(0, 3),
    "no-features": lambda: values(3, 0),
    "vector": lambda: values(5),
    "scalar": lambda: values(),
    "four-axes": lambda: values(2, 3, 2, 2),
    "transposed": lambda: values(3, 4).T,
    "every-second": lambda: values(4, 6)[:, ::2],
    "expanded": lambda: values(1, 3).expand(4, 3),
    "channels-last": lambda: values(2, 3, 2, 2).to(memory_format=torch.channels_last),
}

elementwise = pytest.mark.parametrize(
    ("name", "options"),
    [
        pytest.param(
            name, options, id="-".join([name, *(f"{key}={value}" for key, value in options.items())])
        )
        for name, choices in GRID.items()
        for options in choices
    ],
)
each_name = pytest.mark.parametrize("name", GRID)
with_softmax = pytest.mark.parametrize("kind", [Softmax, LogSoftmax], ids=lambda kind: kind.__name__)


def pair(name: str, options: dict) -> tuple[course.Module, nn.Module]:
    return all_modules()[name](**options), getattr(nn, name)(**options)


@elementwise
@pytest.mark.parametrize("make", INPUTS.values(), ids=INPUTS.keys())
def test_equals_torch(name, options, make):
    compare(*pair(name, options), [make()])


@elementwise
@pytest.mark.parametrize("upstream", ["infinite", "expanded"])
def test_any_upstream_gradient_gives_what_torch_gives(name, options, upstream):
    """Infinity where the slope is 0 gives 0 or NaN exactly as in torch.

    A gradient that was spread by Sum is no obstacle.
    """
    x = torch.tensor([*SPECIAL, *SPECIAL], dtype=torch.float64)
    ours, theirs = (module.to(dtype=torch.float64) for module in pair(name, options))
    theirs = theirs.to(device=course.device())
    grad = (
        torch.full_like(x, math.inf)
        if upstream == "infinite"
        else torch.tensor(-1.5, dtype=torch.float64).expand(x.shape)
    )
    leaf = x.clone().requires_grad_()
    (expected,) = torch.autograd.grad(theirs(leaf), leaf, grad)
    if name == "Softsign":  # torch composes it of three functions, and ∞ − ∞ in between gives NaN
        expected = grad / (1 + x.abs()).square()
    ours(x)
    torch.testing.assert_close(ours.backward(grad), expected, rtol=1e-10, atol=1e-300, equal_nan=True)


@elementwise
def test_float32_is_as_exact_as_torchs(name, options):
    """Measured against float64: our error is that of torch, and nothing overflows where torch's does not."""
    x = torch.cat([values(200).float(), torch.tensor([*SPECIAL, -1e30, 1e30, -math.inf, math.inf])])
    grad = torch.linspace(0.5, 2, len(x))
    ours, theirs = pair(name, options)
    theirs = theirs.to(device=course.device())

    def run(leaf):
        out = theirs.to(leaf.dtype)(leaf)
        return out.detach(), torch.autograd.grad(out, leaf, grad.to(leaf))[0]

    exact, float32 = run(x.double().requires_grad_()), run(x.clone().requires_grad_())
    for got, want, torchs in zip((ours(x), ours.backward(grad)), exact, float32, strict=True):
        assert got.dtype == torch.float32
        assert not (got.isnan() & ~torchs.isnan()).any()
        assert torch.equal(got.isinf(), torchs.isinf())
        fine = torchs.isfinite() & want.isfinite()
        error, torchs_error = ((result.double() - want)[fine].abs().max() for result in (got, torchs))
        assert error <= 2 * torchs_error + 4e-7


@each_name
def test_saves_no_more_than_its_input(name):
    module, x = all_modules()[name](), values(6, 4).float()
    module(x)
    saved = {value.data_ptr(): value for value in module.saved.values() if isinstance(value, torch.Tensor)}
    assert (
        sum(value.numel() * value.element_size() for value in saved.values()) <= x.numel() * x.element_size()
    )


@each_name
def test_backward_may_be_called_twice(name):
    module, x, grad = all_modules()[name]().to(dtype=torch.float64), values(4, 3), values(4, 3)
    module(x)
    before = grad.clone()
    first = module.backward(grad).clone()
    assert torch.equal(module.backward(grad), first)
    assert torch.equal(grad, before)


@each_name
@pytest.mark.parametrize(
    ("x", "said"),
    [
        pytest.param(
            lambda: torch.ones(2, 3, dtype=torch.int64), ("'x'", "int64", "floating-point"), id="integers"
        ),
        pytest.param(
            lambda: torch.ones(2, 3, dtype=torch.bool), ("'x'", "bool", "floating-point"), id="truth-values"
        ),
        pytest.param(lambda: [1.0, 2.0], ("'x'", "list", "tensor"), id="list"),
    ],
)
def test_wrong_dtype_is_refused(name, x, said):
    with pytest.raises(DtypeError) as caught:
        all_modules()[name]()(x())
    assert all(word in str(caught.value) for word in (name, *said))


@each_name
def test_wrong_number_of_inputs_is_refused(name):
    module = all_modules()[name]()
    for inputs in ((), (values(2), values(2))):
        with pytest.raises(InputCountError, match=name):
            module(*inputs)


@each_name
def test_gradient_of_another_shape_is_refused(name):
    module = all_modules()[name]().to(dtype=torch.float64)
    module(values(4, 3))
    with pytest.raises(SizeError, match=r"\(3, 4\).*\(4, 3\)"):
        module.backward(values(3, 4))


# What each one has of its own


@pytest.mark.parametrize("x", [-0.0, 0.0, -1e-300, math.nan], ids=str)
def test_relu_at_its_kink(x):
    compare(ReLU(), nn.ReLU(), [torch.tensor([x], dtype=torch.float64)])


def test_relus_saved_output_is_its_output():
    """What the next module keeps anyway: ReLU costs no memory of its own."""
    module = ReLU()
    out = module(values(2, 3))
    assert module.saved["out"] is out


@pytest.mark.parametrize("shape", [(4, 3), (0, 3), (2, 3, 5), (2, 3, 2, 2), (1, 3, 0)], ids=str)
@pytest.mark.parametrize("init", [0.25, -2.0, 0.0])
def test_prelu_with_a_slope_for_each_channel(shape, init):
    theirs = nn.PReLU(3, init)
    with torch.no_grad():
        theirs.weight += torch.arange(3.0)
    x = values(*shape)
    compare(PReLU(3, init), theirs, [x])
    compare(PReLU(3, init), theirs, [torch.where(values(*shape) > 0, x, 0.0)])


@pytest.mark.parametrize("shape", [(4, 2), (3,), (), (2, 4, 3)], ids=str)
def test_prelu_refuses_other_channels(shape):
    with pytest.raises((SizeError, RankError), match=r"PReLU.*'x'.*3") as caught:
        PReLU(3)(values(*shape).float())
    assert str(tuple(shape)) in str(caught.value)


def test_prelu_refuses_another_dtype_than_its_weight():
    with pytest.raises(DtypeError, match=r"'x' holds float64.*float32"):
        PReLU()(values(2, 3))


def test_prelu_adds_to_the_gradient():
    module, x = PReLU(3).to(dtype=torch.float64), values(4, 3)
    for times in (1, 2):
        module(x)
        module.backward(torch.ones_like(x))
        torch.testing.assert_close(module.weight.grad, times * x.clamp(max=0).sum(0))


def test_gelu_refuses_an_unknown_approximation():
    with pytest.raises(ValueError, match=r"GELU.*'erf'.*'none'.*'tanh'"):
        GELU("erf")


@pytest.mark.parametrize(("low", "high"), [(1.0, 1.0), (2.0, -2.0)])
def test_hardtanh_refuses_ends_in_the_wrong_order(low, high):
    with pytest.raises(ValueError, match=f"Hardtanh.*{low}.*{high}"):
        Hardtanh(low, high)


# Softmax and LogSoftmax

AXES = [
    pytest.param(shape, dim, id=f"{'x'.join(map(str, shape)) or 'scalar'}-dim={dim}")
    for shape in ((), (5,), (4, 3), (2, 3, 4), (2, 3, 2, 2), (0, 3), (3, 0), (1, 1), (2, 1))
    for dim in range(-max(len(shape), 1), max(len(shape), 1))
]


@with_softmax
@pytest.mark.parametrize(("shape", "dim"), AXES)
def test_softmax_equals_torch(kind, shape, dim):
    compare(kind(dim), getattr(nn, kind.__name__)(dim), [values(*shape)])


@with_softmax
@pytest.mark.parametrize(
    "row",
    [
        (1e3, -1e3, 0.0),
        (1e3, 1e3, 1e3),
        (-1e3, -1e3, -1e3),
        (0.0, 0.0, 0.0),
        (-math.inf, 0.0, 1.0),
        (-math.inf, -math.inf, 1.0),
        (1e300, 1e300, -1e300),
    ],
    ids=str,
)
def test_softmax_of_hostile_scores(kind, row):
    x = torch.tensor([row, (0.1, 0.2, 0.3)], dtype=torch.float64)
    outputs, grads = compare(kind(-1), getattr(nn, kind.__name__)(-1), [x])
    if kind is Softmax:
        assert all(value.isfinite().all() for value in (*outputs, *grads))
        torch.testing.assert_close(outputs[0].sum(-1), torch.ones(2, dtype=torch.float64))


@with_softmax
def test_softmax_of_transposed_scores(kind):
    for dim in (0, 1):
        compare(kind(dim), getattr(nn, kind.__name__)(dim), [values(3, 4).T])
        compare(kind(dim), getattr(nn, kind.__name__)(dim), [values(1, 4).expand(3, 4)])


@with_softmax
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 3, 2), (2, 3, 2, 2), (1, 2, 3, 1, 2)], ids=str)
def test_softmax_without_an_axis_takes_torchs(kind, shape):
    def theirs(x):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch discourages what is compared here
            return getattr(nn, kind.__name__)()(x)

    compare(kind(), theirs, [values(*shape)])


@with_softmax
@pytest.mark.parametrize(("shape", "dim"), [((2, 3), 2), ((2, 3), -3), ((4,), 1), ((), 1)], ids=str)
def test_softmax_refuses_an_axis_that_is_not_there(kind, shape, dim):
    with pytest.raises(RankError) as caught:
        kind(dim)(values(*shape))
    assert all(word in str(caught.value) for word in (kind.__name__, "'x'", str(shape), str(dim)))


@with_softmax
def test_softmax_refuses_integers(kind):
    with pytest.raises(DtypeError, match=r"'x' holds int64.*floating-point"):
        kind(1)(torch.ones(2, 3, dtype=torch.int64))


def test_softmax_gradient_is_the_jacobian_product():
    x, grad = values(5), values(5).flip(0)
    module = Softmax(0)
    a = module(x)
    jacobian = torch.diag(a) - torch.outer(a, a)
    torch.testing.assert_close(module.backward(grad), jacobian @ grad, rtol=1e-12, atol=1e-15)
    torch.testing.assert_close(module.backward(torch.ones_like(x)), torch.zeros_like(x), rtol=0, atol=1e-15)


# GLU


@pytest.mark.parametrize(
    ("shape", "dim"),
    [
        ((4,), 0),
        ((4, 6), -1),
        ((4, 6), 0),
        ((2, 4, 3), 1),
        ((2, 4, 3), -2),
        ((0, 4), -1),
        ((4, 0), 0),
        ((2, 0), 1),
    ],
    ids=str,
)
def test_glu_equals_torch(shape, dim):
    compare(GLU(dim), nn.GLU(dim), [values(*shape)])
    compare(GLU(dim), nn.GLU(dim), [1e3 * values(*shape).sign()])
    compare(GLU(dim), nn.GLU(dim), [values(*shape[::-1]).permute(*reversed(range(len(shape))))])


@pytest.mark.parametrize(
    ("shape", "dim", "error"),
    [
        ((4, 5), -1, SizeError),
        ((3, 4), 0, SizeError),
        ((4,), 1, RankError),
        ((4, 6), -3, RankError),
        ((), -1, RankError),
    ],
    ids=str,
)
def test_glu_refuses_what_it_cannot_halve(shape, dim, error):
    with pytest.raises(error) as caught:
        GLU(dim)(values(*shape))
    assert all(word in str(caught.value) for word in ("GLU", "'x'", str(shape), str(dim)))


# NoisyReLU, which torch does not have


def test_noisy_relu_noise_has_the_sigmoid_as_variance():
    """A variance estimated from n normal numbers has a standard error of √(2/n); five of them are allowed."""
    count = 200_000
    for center in (8.0, 12.0):  # so far up that no sample is cut off at 0
        x = torch.full((count,), center, dtype=torch.float64)
        noise = NoisyReLU(rng=generator(3))(x) - x
        variance = torch.sigmoid(x[0])
        assert abs(noise.mean()) < 5 * (variance / count).sqrt()
        assert abs(noise.var() / variance - 1) < 5 * math.sqrt(2 / count)


@pytest.mark.parametrize("center", [-2.0, -0.5, 0.0, 1.0])
def test_noisy_relu_is_active_as_often_as_the_normal_distribution_says(center):
    """P(x + ε > 0) = Φ(x / √σ(x)): a variance of σ(x), not a standard deviation."""
    count = 100_000
    x = torch.full((count,), center, dtype=torch.float64)
    share = (NoisyReLU(rng=generator(4))(x) > 0).double().mean()
    expected = torch.special.ndtr(x[0] / torch.sigmoid(x[0]).sqrt())
    assert abs(share - expected) < 5 * (expected * (1 - expected) / count).sqrt()


def test_noisy_relu_hands_the_gradient_to_active_units():
    module, x, grad = NoisyReLU(rng=generator(5)), values(40, 5), values(40, 5)
    out = module(x)
    assert ((out > 0) != (x > 0)).any(), "noise has switched some unit"
    assert torch.equal(module.backward(grad), torch.where(out > 0, grad, 0.0))


def test_noisy_relu_draws_from_its_generator():
    x = values(6, 4)
    one, same, other = (NoisyReLU(rng=generator(seed)) for seed in (7, 7, 8))
    first = one(x)
    assert torch.equal(first, same(x))
    assert not torch.equal(first, other(x))
    assert not torch.equal(first, one(x)), "each forward draws anew"


def test_noisy_relu_draws_from_torchs_generator_by_default():
    x = values(6, 4)
    torch.manual_seed(0)
    first = NoisyReLU()(x)
    torch.manual_seed(0)
    assert torch.equal(first, NoisyReLU()(x))


@pytest.mark.parametrize("make", INPUTS.values(), ids=INPUTS.keys())
def test_noisy_relu_is_relu_in_eval_mode(make):
    rng = generator(9)
    before = rng.get_state()
    compare(NoisyReLU(rng=rng).eval(), torch.relu, [make()])
    assert torch.equal(rng.get_state(), before), "eval mode draws nothing"


@pytest.mark.parametrize("make", INPUTS.values(), ids=INPUTS.keys())
def test_noisy_relu_while_training_takes_any_input(make):
    x = make()
    module = NoisyReLU(rng=generator(10))
    out = module(x)
    grad = module.backward(torch.ones_like(out))
    assert out.shape == grad.shape == x.shape
    assert out.isfinite().all()
    assert (out >= 0).all()


def test_every_activation_is_in_the_grid():
    """A new elementwise activation that torch.nn has belongs into the grid above."""
    nonlinear = {name for name in vars(nn.modules.activation) if name in all_modules()}
    apart = {"Softmax", "LogSoftmax", "GLU", "MultiheadAttention"}
    assert nonlinear - apart == set(GRID) - {"Identity"}
    assert len(list(itertools.chain(*GRID.values()))) > 30
