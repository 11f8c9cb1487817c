"""Elementary modules against torch's functions: broadcast shapes, kinks and poles, and what is refused."""

import math

import pytest
import torch

import course
from course import generator
from course.errors import DtypeError, InputCountError, RankError, SizeError
from course.modules import (
    Abs,
    Concatenate,
    Cos,
    Divide,
    Log,
    MatMul,
    Mean,
    Power,
    Reshape,
    Sin,
    Sqrt,
    Square,
    Sum,
    Transpose,
)
from tests.against_torch import compare


def values(*shape: int, seed: int = 2) -> torch.Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=generator(seed), device=course.device())


def of(*numbers: float) -> torch.Tensor:
    return torch.tensor(numbers, dtype=torch.float64)


# One input, elementwise

FUNCTIONS = {
    Abs: torch.abs,
    Cos: torch.cos,
    Log: torch.log,
    Sin: torch.sin,
    Sqrt: torch.sqrt,
    Square: torch.square,
}

INPUTS = {
    "matrix": lambda: values(4, 3),
    "positive": lambda: 0.01 + values(4, 3).abs(),
    "zeros": lambda: of(0.0, -0.0, 1.0, -1.0),
    "large": lambda: of(1e3, -1e3, 1e8, -1e8, 1e-8),
    "infinite": lambda: of(math.inf, -math.inf, math.nan),
    "scalar": lambda: values().abs(),
    "empty": lambda: values(0, 3),
    "transposed": lambda: values(3, 4).T,
    "every-second": lambda: values(4, 6)[:, ::2],
    "expanded": lambda: values(1, 3).expand(4, 3),
}

made = pytest.mark.parametrize("make", INPUTS.values(), ids=INPUTS.keys())
unary = pytest.mark.parametrize("kind", FUNCTIONS, ids=lambda kind: kind.__name__)


@unary
@made
def test_function_equals_torch(kind, make):
    compare(kind(), FUNCTIONS[kind], [make()])


@made
@pytest.mark.parametrize("exponent", [-2, -1.0, -0.5, 0, 0.0, 0.5, 1, 1.5, 2, 3, 4.0, 11])
def test_power_equals_torch(exponent, make):
    """Zero to a negative power, a negative number to a broken one, and the constant x⁰ at x = 0 included."""
    compare(Power(exponent), lambda x: torch.pow(x, exponent), [make()])


@unary
def test_function_refuses_other_kinds_of_number(kind):
    with pytest.raises(DtypeError, match=rf"{kind.__name__}.*'x' holds int64.*floating-point"):
        kind()(torch.ones(3, dtype=torch.int64))
    with pytest.raises(DtypeError, match=rf"{kind.__name__}.*'x' is a float.*tensor"):
        kind()(1.0)
    with pytest.raises(InputCountError, match=kind.__name__):
        kind()(values(3), values(3))


# Division

PAIRS = [
    ((4, 3), (4, 3)),
    ((4, 3), (3,)),
    ((3,), (4, 3)),
    ((4, 1), (1, 3)),
    ((), (2, 3)),
    ((2, 3), ()),
    ((), ()),
]
PAIRS += [((2, 1, 3), (4, 1)), ((0, 3), (3,)), ((1, 3), (0, 3)), ((2, 0), (2, 1)), ((1,), (1, 1, 1))]


@pytest.mark.parametrize(("left", "right"), PAIRS, ids=str)
def test_divide_broadcasts_as_torch_does(left, right):
    compare(Divide(), torch.div, [values(*left), values(*right, seed=3).sign() * 2 + values(*right)])


def test_divide_of_strided_inputs():
    compare(Divide(), torch.div, [values(3, 4).T, 3 + values(4, 6)[:, ::2].abs()])
    compare(Divide(), torch.div, [values(1, 3).expand(4, 3), 3 + values(3, 4).T.abs()])


def test_divide_by_zero_gives_what_torch_gives():
    compare(Divide(), torch.div, [of(1.0, -1.0, 0.0, 0.0, 5.0), of(0.0, 0.0, 2.0, -2.0, -0.0)])


def test_divide_zero_by_zero_gives_what_torch_gives():
    compare(Divide(), torch.div, [of(0.0, math.inf, 1.0), of(0.0, math.inf, math.inf)])


@pytest.mark.parametrize(("left", "right"), [((4, 3), (4,)), ((2, 3), (3, 2)), ((0,), (2,))], ids=str)
def test_divide_refuses_shapes_that_do_not_broadcast(left, right):
    with pytest.raises(SizeError) as caught:
        Divide()(values(*left), values(*right))
    assert all(word in str(caught.value) for word in ("Divide", "'y'", str(right), "broadcast"))


# Sum and Mean

REDUCTIONS = {Sum: torch.sum, Mean: torch.mean}
reductions = pytest.mark.parametrize("kind", REDUCTIONS, ids=lambda kind: kind.__name__)


@reductions
@pytest.mark.parametrize("keepdim", [False, True])
@pytest.mark.parametrize("dim", [None, 0, 1, 2, -1, -3, (0,), (0, 2), (-1, 0), (2, 1, 0), ()], ids=str)
@pytest.mark.parametrize("shape", [(2, 3, 4), (1, 1, 1), (0, 3, 2), (2, 0, 1)], ids=str)
def test_reduction_equals_torch(kind, shape, dim, keepdim):
    """Over no numbers too: their sum is 0 and their mean NaN."""
    compare(kind(dim, keepdim), lambda x: REDUCTIONS[kind](x, dim=dim, keepdim=keepdim), [values(*shape)])


@reductions
@pytest.mark.parametrize("dim", [None, 0, -1, (0,), ()], ids=str)
@pytest.mark.parametrize("keepdim", [False, True])
def test_reduction_of_a_single_number(kind, dim, keepdim):
    compare(kind(dim, keepdim), lambda x: REDUCTIONS[kind](x, dim=dim, keepdim=keepdim), [values()])


@reductions
def test_reduction_of_strided_inputs(kind):
    for x in (values(3, 4).T, values(4, 6)[:, ::2], values(1, 3).expand(4, 3)):
        compare(kind(0), lambda x: REDUCTIONS[kind](x, dim=0), [x])


@reductions
@pytest.mark.parametrize(("shape", "dim"), [((2, 3), 2), ((2, 3), -3), ((2, 3), (0, 5)), ((), 1)], ids=str)
def test_reduction_refuses_an_axis_that_is_not_there(kind, shape, dim):
    with pytest.raises(RankError) as caught:
        kind(dim)(values(*shape))
    missing = dim if isinstance(dim, int) else dim[-1]
    assert all(word in str(caught.value) for word in (kind.__name__, "'x'", str(shape), f"axis {missing}"))


@reductions
@pytest.mark.parametrize("dim", [(0, 0), (1, -1)], ids=str)
def test_reduction_refuses_an_axis_named_twice(kind, dim):
    with pytest.raises(ValueError, match=rf"{kind.__name__}.*twice"):
        kind(dim)(values(2, 3))


@reductions
def test_reduction_refuses_integers(kind):
    with pytest.raises(DtypeError, match=r"'x' holds int64"):
        kind()(torch.ones(2, dtype=torch.int64))


# MatMul

PRODUCTS = [
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((3,), (3, 2)),
    ((4, 3), (3, 2)),
    ((5, 4, 3), (3, 2)),
    ((5, 4, 3), (5, 3, 2)),
    ((4, 3), (5, 3, 2)),
    ((5, 4, 3), (1, 3, 2)),
    ((1, 4, 3), (5, 3, 2)),
    ((2, 1, 4, 3), (5, 3, 2)),
    ((2, 5, 4, 3), (3,)),
    ((3,), (2, 5, 3, 2)),
    ((2, 5, 4, 3), (3, 2)),
    ((0, 3), (3, 2)),
    ((4, 0), (0, 2)),
    ((0,), (0,)),
    ((0, 4, 3), (3, 2)),
    ((0, 4, 3), (1, 3, 2)),
    ((2, 3), (3, 0)),
    ((1, 1), (1, 1)),
]


@pytest.mark.parametrize(("left", "right"), PRODUCTS, ids=str)
def test_matmul_equals_torch(left, right):
    compare(MatMul(), torch.matmul, [values(*left), values(*right, seed=3)])


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (lambda: values(3, 4).T, lambda: values(2, 3).T),
        (lambda: values(5, 3, 4).mT, lambda: values(2, 3, 5).permute(2, 1, 0)),
        (lambda: values(1, 3).expand(4, 3), lambda: values(6, 2)[::2]),
        (lambda: values(4, 5, 3).transpose(0, 1), lambda: values(2, 3).T),
    ],
    ids=["matrices", "batches", "expanded", "one-for-all"],
)
def test_matmul_of_strided_inputs(x, y):
    compare(MatMul(), torch.matmul, [x(), y()])


@pytest.mark.parametrize(
    ("left", "right", "error"),
    [
        ((2, 3), (2, 3), SizeError),
        ((3,), (4,), SizeError),
        ((2, 3), (4,), SizeError),
        ((3,), (4, 2), SizeError),
        ((5, 2, 3), (4, 3, 2), SizeError),
        ((), (3,), RankError),
        ((2, 3), (), RankError),
    ],
    ids=str,
)
def test_matmul_refuses_what_does_not_fit(left, right, error):
    with pytest.raises(error) as caught:
        MatMul()(values(*left), values(*right))
    shapes = (str(left), str(right)) if error is SizeError else ("()",)
    assert all(word in str(caught.value) for word in ("MatMul", "argument", "expected", *shapes))


# Concatenate


@pytest.mark.parametrize(
    ("dim", "shapes"),
    [
        (0, [(2, 3), (4, 3)]),
        (1, [(2, 3), (2, 1), (2, 4)]),
        (-1, [(2, 3), (2, 1), (2, 4)]),
        (-2, [(2, 3), (1, 3)]),
        (1, [(2, 3, 4), (2, 1, 4)]),
        (0, [(5,), (2,)]),
        (0, [(3, 2)]),
        (0, [(0, 3), (2, 3)]),
        (1, [(2, 0), (2, 3), (2, 0)]),
        (0, [(0,), (0,)]),
        (1, [(0, 2), (0, 3)]),
    ],
    ids=str,
)
def test_concatenate_equals_torch(dim, shapes):
    parts = [values(*shape, seed=seed) for seed, shape in enumerate(shapes)]
    compare(Concatenate(dim), lambda *inputs: torch.cat(inputs, dim), parts)


def test_concatenate_the_same_tensor_twice_and_strided_ones():
    x = values(3, 4)
    compare(
        Concatenate(1), lambda *inputs: torch.cat(inputs, 1), [x, x, values(4, 3).T, values(3, 8)[:, ::2]]
    )


@pytest.mark.parametrize(
    ("dim", "shapes", "error"),
    [
        (0, [(2, 3), (2, 4)], SizeError),
        (1, [(2, 3), (3, 3)], SizeError),
        (0, [(2, 3), (3,)], RankError),
        (0, [(0,), (2, 3)], RankError),  # torch lets the old kind of empty tensor pass
        (2, [(2, 3), (2, 3)], RankError),
        (-3, [(2, 3), (2, 3)], RankError),
        (0, [(), ()], RankError),
    ],
    ids=str,
)
def test_concatenate_refuses_what_does_not_fit(dim, shapes, error):
    with pytest.raises(error) as caught:
        Concatenate(dim)(*(values(*shape) for shape in shapes))
    assert all(word in str(caught.value) for word in ("Concatenate", "expected", str(shapes[0])))


def test_concatenate_refuses_nothing_and_integers():
    with pytest.raises(InputCountError, match=r"Concatenate.*at least one"):
        Concatenate()()
    with pytest.raises(DtypeError, match=r"'inputs' holds int64"):
        Concatenate()(values(2), torch.ones(2, dtype=torch.int64))


# Reshape and Transpose


@pytest.mark.parametrize(
    ("shape", "wanted"),
    [
        ((2, 6), (3, 4)),
        ((2, 6), (-1,)),
        ((2, 6), (-1, 4)),
        ((2, 6), (2, -1, 3)),
        ((2, 6), (12, 1, 1)),
        ((4,), (2, 2)),
        ((1, 1), ()),
        ((), (1, 1)),
        ((), (-1,)),
        ((0, 3), (3, 0)),
        ((0, 3), (-1, 3)),
        ((0, 3), (0,)),
    ],
    ids=str,
)
def test_reshape_equals_torch(shape, wanted):
    compare(Reshape(*wanted), lambda x: torch.reshape(x, wanted), [values(*shape)])
    compare(Reshape(wanted), lambda x: torch.reshape(x, wanted), [values(*shape)])
    backwards = values(*shape[::-1]).permute(tuple(reversed(range(len(shape)))))
    compare(Reshape(*wanted), lambda x: torch.reshape(x, wanted), [backwards])


def test_reshape_forms_a_new_tensor_where_torch_does():
    compare(Reshape(12), lambda x: torch.reshape(x, (12,)), [values(1, 3).expand(4, 3)])


@pytest.mark.parametrize(
    ("shape", "wanted"),
    [((2, 3), (4,)), ((2, 3), (4, -1)), ((0, 3), (0, -1)), ((2, 3), ()), ((0,), (1,))],
    ids=str,
)
def test_reshape_refuses_another_number_of_elements(shape, wanted):
    with pytest.raises(SizeError) as caught:
        Reshape(*wanted)(values(*shape))
    assert all(word in str(caught.value) for word in ("Reshape", "'x'", str(shape), str(wanted)))


@pytest.mark.parametrize("wanted", [(-1, -1), (2, -2), (-3,)], ids=str)
def test_reshape_refuses_an_impossible_shape(wanted):
    with pytest.raises(ValueError, match=r"Reshape.*at most one") as caught:
        Reshape(*wanted)
    assert str(wanted) in str(caught.value)


@pytest.mark.parametrize(
    ("shape", "dims"),
    [
        ((2, 3), (0, 1)),
        ((2, 3), (-1, -2)),
        ((2, 3, 4), (0, 2)),
        ((2, 3, 4), (-1, 1)),
        ((2, 3, 4), (1, 1)),
        ((2, 3, 4, 5), (1, -1)),
        ((3,), (0, -1)),
        ((), (0, -1)),
        ((0, 3), (0, 1)),
    ],
    ids=str,
)
def test_transpose_equals_torch(shape, dims):
    compare(Transpose(*dims), lambda x: torch.transpose(x, *dims), [values(*shape)])


def test_transpose_takes_the_last_two_axes_by_default():
    compare(Transpose(), lambda x: x.mT, [values(2, 3, 4)])


@pytest.mark.parametrize(
    ("shape", "dims"), [((2, 3), (0, 2)), ((2, 3), (-3, 0)), ((3,), (-2, -1)), ((), (0, 1))], ids=str
)
def test_transpose_refuses_an_axis_that_is_not_there(shape, dims):
    with pytest.raises(RankError) as caught:
        Transpose(*dims)(values(*shape))
    assert all(word in str(caught.value) for word in ("Transpose", "'x'", str(shape), "axis"))


# All of them

EVERY = {
    "Abs": (Abs, (4, 3)),
    "Concatenate": (Concatenate, (4, 3), (2, 3)),
    "Cos": (Cos, (4, 3)),
    "Divide": (Divide, (4, 3), (3,)),
    "Log": (Log, (4, 3)),
    "MatMul": (MatMul, (4, 3), (3, 2)),
    "Mean": (Mean, (4, 3)),
    "Power": (lambda: Power(3), (4, 3)),
    "Reshape": (lambda: Reshape(2, -1), (4, 3)),
    "Sin": (Sin, (4, 3)),
    "Sqrt": (Sqrt, (4, 3)),
    "Square": (Square, (4, 3)),
    "Sum": (lambda: Sum(0), (4, 3)),
    "Transpose": (Transpose, (4, 3)),
}
every = pytest.mark.parametrize("name", EVERY)


@every
def test_float32_stays_float32_and_an_expanded_gradient_is_no_obstacle(name):
    make, *shapes = EVERY[name]
    module, inputs = (
        make(),
        [1 + values(*shape, seed=seed).abs().float() for seed, shape in enumerate(shapes)],
    )
    out = module(*inputs)
    spread = module.backward(torch.tensor(-1.5).expand(out.shape))
    solid = module.backward(torch.full(out.shape, -1.5))
    spread, solid = (grads if isinstance(grads, tuple) else (grads,) for grads in (spread, solid))
    assert out.dtype == torch.float32
    for a, b, x in zip(spread, solid, inputs, strict=True):
        assert a.dtype == torch.float32
        assert a.shape == x.shape
        assert torch.equal(a, b)


@every
def test_gradient_of_another_shape_is_refused(name):
    make, *shapes = EVERY[name]
    module = make()
    module(*(1 + values(*shape).abs() for shape in shapes))
    with pytest.raises(SizeError, match=r"grad_output.*\(7, 7\)"):
        module.backward(values(7, 7))


@every
def test_backward_before_forward_is_refused(name):
    with pytest.raises(RuntimeError, match="forward before backward"):
        EVERY[name][0]().backward(values(4, 3))
