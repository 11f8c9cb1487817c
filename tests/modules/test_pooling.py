"""Pooling, padding and upsampling against torch, against readable windows, at ties, NaN and infinity."""

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import course
from course import generator
from course.errors import DtypeError, RankError, SizeError
from course.modules import (
    AdaptiveAvgPool2d,
    AvgPool2d,
    GlobalAvgPool2d,
    MaxPool2d,
    UpsamplingNearest2d,
    ZeroPad2d,
)
from tests.against_torch import compare


def randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, device=course.device(), generator=generator(seed))


def names(options: Any) -> str:
    return (
        ",".join(f"{name}={value}" for name, value in options.items())
        if isinstance(options, dict)
        else str(options)
    )


WINDOWS = [
    {"kernel_size": kernel, "stride": stride, "padding": padding, "ceil_mode": ceil_mode}
    for kernel, stride, padding, ceil_mode in itertools.product(
        (2, 3, (2, 3)), (None, 1, 2, (3, 2)), (0, 1, (1, 0)), (False, True)
    )
]
VIEWS = {
    "permuted": lambda: randn(2, 6, 7, 3).permute(0, 3, 1, 2),
    "every second": lambda: randn(4, 3, 12, 14)[::2, :, ::2, ::2],
    "channels last": lambda: randn(2, 3, 6, 7).to(memory_format=torch.channels_last),
    "expanded": lambda: randn(3, 6, 7).expand(2, 3, 6, 7),
    "one image": lambda: randn(3, 6, 7),
    "one image, a view": lambda: randn(7, 6, 3).permute(2, 1, 0),
    "no images": lambda: randn(0, 3, 6, 7),
    "one window": lambda: randn(1, 1, 3, 3),
}


# ---------------------------------------------------------------------------------------------------- against
# torch


@pytest.mark.parametrize("options", WINDOWS, ids=names)
def test_max_pool(options):
    for dilation in (1, 2):
        ours, theirs = MaxPool2d(dilation=dilation, **options), nn.MaxPool2d(dilation=dilation, **options)
        compare(ours, theirs, (randn(2, 2, 7, 8),))


@pytest.mark.parametrize("options", WINDOWS, ids=names)
def test_average_pool(options):
    for count_include_pad, divisor in itertools.product((True, False), (None, 3, -2)):
        more = {"count_include_pad": count_include_pad, "divisor_override": divisor, **options}
        compare(AvgPool2d(**more), nn.AvgPool2d(**more), (randn(2, 2, 7, 8),))


@pytest.mark.parametrize("kernel_size", [2, 3], ids=str)
@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS.keys())
@pytest.mark.parametrize("name", ["MaxPool2d", "AvgPool2d"])
def test_pooling_of_any_view(name, view, kernel_size):
    ours, theirs = (getattr(room, name)(kernel_size, 2, 1) for room in (course.modules, nn))
    compare(ours, theirs, (view(),))


@pytest.mark.parametrize(
    "output_size", [1, 2, 3, (5, 2), (None, 4), (3, None), (9, 11), (None, None)], ids=str
)
@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS.keys())
def test_adaptive_average_pool(view, output_size):
    compare(AdaptiveAvgPool2d(output_size), nn.AdaptiveAvgPool2d(output_size), (view(),))


@pytest.mark.parametrize("padding", [0, 1, (1, 2, 3, 4), (-1, -1, 0, 1), (2, -3, -1, -1)], ids=str)
@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS.keys())
def test_zero_padding(view, padding):
    compare(ZeroPad2d(padding), nn.ZeroPad2d(padding), (view(),))


@pytest.mark.parametrize(
    "options",
    [{"scale_factor": factor} for factor in (1, 2, 3, 1.5, 2.7, 0.5, (2, 3), (0.4, 1.25))]
    + [{"size": size} for size in (1, 5, (12, 14), (6, 21), (11, 3))],
    ids=names,
)
@pytest.mark.parametrize("view", [name for name in VIEWS if not name.startswith("one")])
def test_upsampling(view, options):
    compare(UpsamplingNearest2d(**options), nn.UpsamplingNearest2d(**options), (VIEWS[view](),))


@pytest.mark.parametrize("options", WINDOWS[::5], ids=names)
def test_places_of_the_winners(options):
    """The places are returned beside the maxima, are torch's, and have no gradient."""
    x = randn(2, 2, 7, 8)
    ours, theirs = MaxPool2d(return_indices=True, **options), nn.MaxPool2d(return_indices=True, **options)
    (out, places), (grad,) = compare(ours, theirs, (x,))
    assert torch.equal(x.flatten(2).gather(2, places.flatten(2)), out.flatten(2))
    assert torch.equal(MaxPool2d(**options)(x), out)
    assert torch.equal(ours.backward(torch.ones_like(out)), ours.backward(torch.ones_like(out), None))
    assert grad.shape == x.shape


# ---------------------------------------------------------------------------------------------------- ties
# and kinks


@pytest.mark.parametrize("number", [0.0, -0.0, 1e3, -1e3, -torch.inf, torch.inf], ids=str)
@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize("stride", [1, 3])
def test_the_first_of_a_tie_wins(number, padding, stride):
    x = torch.full((1, 1, 6, 6), number, dtype=torch.float64, device=course.device())
    options = {"kernel_size": 3, "stride": stride, "padding": padding}
    compare(MaxPool2d(**options), nn.MaxPool2d(**options), (x,))
    if not padding and stride == 3:
        module = MaxPool2d(**options)
        module(x)
        grad = module.backward(torch.ones((1, 1, 2, 2), dtype=torch.float64, device=course.device()))
        assert grad.nonzero().tolist() == [[0, 0, row, column] for row in (0, 3) for column in (0, 3)]


def test_many_ties():
    x = torch.randint(0, 2, (3, 2, 9, 9), generator=generator(0), device=course.device()).double()
    for stride, padding, dilation in itertools.product((1, 2, 3), (0, 1), (1, 2)):
        options = {
            "kernel_size": 3,
            "stride": stride,
            "padding": padding,
            "dilation": dilation,
            "return_indices": True,
        }
        compare(MaxPool2d(**options), nn.MaxPool2d(**options), (x,))


@pytest.mark.parametrize("odd", [torch.nan, torch.inf, -torch.inf], ids=str)
@pytest.mark.parametrize("name", ["MaxPool2d", "AvgPool2d"])
def test_what_is_no_number_spoils_only_its_windows(name, odd):
    """NaN is a window's maximum, as in torch: nothing hides it."""
    x = randn(1, 1, 6, 6)
    x[0, 0, 1, 2] = odd
    x[0, 0, 5, 5] = odd
    for stride in (1, 2):
        ours, theirs = (getattr(room, name)(2, stride) for room in (course.modules, nn))
        (out, *_), _ = compare(ours, theirs, (x,))
        if odd != -torch.inf or name == "AvgPool2d":
            assert 0 < (~out.isfinite()).sum() < out.numel()


def test_one_number_that_wins_four_windows_gets_four_gradients():
    x = torch.zeros(1, 3, 3, dtype=torch.float64, device=course.device())
    x[0, 1, 1] = 1
    module = MaxPool2d(2, 1)
    module(x)
    grad = module.backward(
        torch.tensor([[[1.0, 2.0], [3.0, 4.0]]], dtype=torch.float64, device=course.device())
    )
    assert torch.equal(grad, 10 * x)


# ---------------------------------------------------------------------------------------------------- against
# loops


@pytest.mark.parametrize(("stride", "padding"), [(2, 0), (1, 1), (3, 1)], ids=str)
@pytest.mark.parametrize("kind", [MaxPool2d, AvgPool2d])
def test_pooling_equals_loops_over_windows(kind, stride, padding):
    x, module = randn(2, 7, 6), kind(3, stride, padding)
    out = module(x)
    upstream = randn(*out.shape, seed=1)
    want, grad = torch.zeros_like(out), torch.zeros_like(x)
    for c, i, j in itertools.product(*map(range, out.shape)):
        rows = range(max(stride * i - padding, 0), min(stride * i - padding + 3, 7))
        columns = range(max(stride * j - padding, 0), min(stride * j - padding + 3, 6))
        window = {(row, column): x[c, row, column].item() for row in rows for column in columns}
        if kind is MaxPool2d:
            winner = max(window, key=lambda place: window[place])
            want[c, i, j] = window[winner]
            grad[c, *winner] += upstream[c, i, j]
            continue
        want[c, i, j] = sum(window.values()) / 9
        for place in window:
            grad[c, *place] += upstream[c, i, j] / 9
    torch.testing.assert_close(out, want)
    torch.testing.assert_close(module.backward(upstream), grad)


def test_average_pooling_is_a_convolution_with_equal_weights():
    x = randn(2, 3, 6, 7)
    convolution = course.modules.Conv2d(3, 3, 2, stride=2, groups=3, bias=False).to(dtype=torch.float64)
    convolution.load_state_dict({"weight": torch.full((3, 1, 2, 2), 0.25, device=course.device())})
    pool = AvgPool2d(2)
    torch.testing.assert_close(pool(x), convolution(x))
    upstream = randn(2, 3, 3, 3, seed=1)
    torch.testing.assert_close(pool.backward(upstream), convolution.backward(upstream))


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (1, 1, 1, 1), (0, 3, 4, 5), (2, 0, 4, 5)], ids=str)
def test_global_average_pool(shape):
    compare(GlobalAvgPool2d(), lambda x: x.mean((2, 3)), (randn(*shape),))


def test_global_average_pool_of_a_view():
    compare(GlobalAvgPool2d(), lambda x: x.mean((2, 3)), (randn(5, 4, 3, 2).permute(3, 2, 1, 0)[:, ::2],))


def test_upsampling_and_summing_blocks_are_each_others_backward():
    x, module = randn(2, 3, 4, 5), UpsamplingNearest2d(scale_factor=2)
    up = module(x)
    assert torch.equal(up, x.repeat_interleave(2, 2).repeat_interleave(2, 3))
    torch.testing.assert_close(module.backward(up), 4 * x)


def test_infinity_spoils_only_its_adaptive_window():
    x = randn(1, 1, 6, 6)
    x[0, 0, 5, 5] = torch.inf
    (out,), _ = compare(AdaptiveAvgPool2d(3), nn.AdaptiveAvgPool2d(3), (x,))
    assert (~out.isfinite()).sum() == 1


def test_pooling_saves_no_image():
    """Backward needs the winners' places, or only the shape."""
    x = randn(2, 3, 8, 8)
    for module, kept in (
        (MaxPool2d(2), {2 * 3 * 4 * 4}),
        (AvgPool2d(2), set()),
        (GlobalAvgPool2d(), set()),
        (AdaptiveAvgPool2d(2), set()),
    ):
        module(x)
        assert {value.numel() for value in module.saved.values() if isinstance(value, Tensor)} == kept


# ---------------------------------------------------------------------------------------------------- what it
# refuses


@pytest.mark.parametrize(
    ("name", "options", "shape", "smallest"),
    [
        ("MaxPool2d", {"kernel_size": 3}, (1, 2, 2, 5), (3, 3)),
        ("MaxPool2d", {"kernel_size": (1, 4)}, (2, 2, 3), (1, 4)),
        ("MaxPool2d", {"kernel_size": 3, "dilation": 2}, (1, 2, 4, 9), (5, 5)),
        ("MaxPool2d", {"kernel_size": 3, "padding": 1}, (1, 2, 0, 5), (1, 1)),
        ("MaxPool2d", {"kernel_size": 3, "stride": 2, "ceil_mode": True}, (1, 2, 1, 5), (2, 2)),
        ("AvgPool2d", {"kernel_size": 3}, (1, 2, 2, 5), (3, 3)),
        ("AvgPool2d", {"kernel_size": (4, 1)}, (2, 3, 3), (4, 1)),
        ("AvgPool2d", {"kernel_size": 3, "stride": 3, "ceil_mode": True}, (1, 2, 0, 5), (1, 1)),
        (
            "AvgPool2d",
            {"kernel_size": 4, "stride": (1, 2), "ceil_mode": True, "padding": (1, 0)},
            (1, 2, 1, 9),
            (2, 3),
        ),
    ],
    ids=names,
)
def test_the_smallest_image_is_named_and_works(name, options, shape, smallest):
    module = getattr(course.modules, name)(**options)
    with pytest.raises(SizeError) as refused:
        module(torch.zeros(shape, device=course.device()))
    for part in (name, "'x'", str(shape), f"spatial size of at least {smallest}"):
        assert part in str(refused.value)
    compare(module, getattr(nn, name)(**options), (randn(1, 2, *smallest),))


@pytest.mark.parametrize(
    "name", ["MaxPool2d", "AvgPool2d", "AdaptiveAvgPool2d", "GlobalAvgPool2d", "UpsamplingNearest2d"]
)
@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (torch.zeros(5, 5), RankError, r"argument 'x' has shape \(5, 5\), expected"),
        (torch.zeros(1, 1, 2, 5, 5), RankError, r"argument 'x' has shape \(1, 1, 2, 5, 5\), expected"),
        (
            torch.zeros(1, 2, 5, 5, dtype=torch.long),
            DtypeError,
            r"argument 'x' holds int64, expected "
            r"floating-point",
        ),
        (
            torch.zeros(1, 2, 5, 5, dtype=torch.bool),
            DtypeError,
            r"argument 'x' holds bool, expected "
            r"floating-point",
        ),
    ],
    ids=["too few axes", "too many axes", "int64", "bool"],
)
def test_pooling_refuses(name, x, error, message):
    module = getattr(course.modules, name)(*[2] * (name != "GlobalAvgPool2d"))
    with pytest.raises(error, match=f"{name}: {message}"):
        module(x.to(course.device()))


@pytest.mark.parametrize("shape", [(1, 2, 0, 3), (1, 2, 3, 0)], ids=str)
def test_no_place_has_no_mean(shape):
    for module in (GlobalAvgPool2d(), AdaptiveAvgPool2d(2), UpsamplingNearest2d(2)):
        with pytest.raises(
            SizeError,
            match=rf"{type(module).__name__}: argument 'x' has shape .* at least "
            rf"1",
        ):
            module(torch.zeros(shape, device=course.device()))


def test_padding_that_cuts_everything_off():
    with pytest.raises(
        SizeError,
        match=r"ZeroPad2d: argument 'x' has shape \(1, 3, 3\); .* leaves 4 rows "
        r"and 0 columns",
    ):
        ZeroPad2d((-1, -2, 0, 1))(torch.zeros(1, 3, 3, device=course.device()))


def test_upsampling_to_nothing():
    with pytest.raises(
        SizeError,
        match=r"UpsamplingNearest2d: argument 'x' has shape \(1, 1, 3, 3\), from "
        r"which 0 rows and 3",
    ):
        UpsamplingNearest2d(scale_factor=(0.2, 1.0))(torch.zeros(1, 1, 3, 3, device=course.device()))


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        (
            "MaxPool2d",
            {"kernel_size": 2, "padding": 2},
            r"padding=\(2, 2\), expected at most half of "
            r"kernel_size=\(2, 2\)",
        ),
        ("MaxPool2d", {"kernel_size": 3, "padding": -1}, r"padding=\(-1, -1\)"),
        ("MaxPool2d", {"kernel_size": 0}, r"kernel_size=\(0, 0\).*at least 1"),
        ("MaxPool2d", {"kernel_size": 2, "stride": 0}, r"stride=\(0, 0\).*at least 1"),
        ("MaxPool2d", {"kernel_size": 2, "dilation": 0}, r"dilation=\(0, 0\).*at least 1"),
        ("AvgPool2d", {"kernel_size": (3, 1), "padding": 1}, r"padding=\(1, 1\), expected at most half"),
        ("AvgPool2d", {"kernel_size": 2, "stride": (1, 0)}, r"stride=\(1, 0\).*at least 1"),
        ("AvgPool2d", {"kernel_size": 2, "divisor_override": 0}, "divisor_override=0, expected another"),
        ("AdaptiveAvgPool2d", {"output_size": (0, 2)}, r"output_size=\(0, 2\), expected at least 1"),
        ("UpsamplingNearest2d", {}, "give exactly one"),
        ("UpsamplingNearest2d", {"size": 3, "scale_factor": 2}, "size=3, scale_factor=2: give exactly one"),
        ("UpsamplingNearest2d", {"scale_factor": (2, 0)}, r"scale_factor=\(2, 0\), expected numbers above 0"),
        ("ZeroPad2d", {"padding": (1, 2)}, r"padding=\(1, 2\), expected one number, or"),
    ],
    ids=names,
)
def test_pooling_refuses_options(name, options, message):
    with pytest.raises(ValueError, match=f"{name}: .*{message}"):
        getattr(course.modules, name)(**options)
