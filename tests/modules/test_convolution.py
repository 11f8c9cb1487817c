"""Convolutions against torch over a grid of options, against slow readable loops, and what they refuse."""

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import course
from course import generator
from course.errors import DtypeError, RankError, SizeError
from course.modules import Conv1d, Conv2d, ConvTranspose2d
from course.modules._convolution import pair, single
from tests.against_torch import compare


def randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, device=course.device(), generator=generator(seed))


def names(options: Any) -> str:
    return (
        ",".join(f"{name}={value}" for name, value in options.items())
        if isinstance(options, dict)
        else str(options)
    )


MODES = ("zeros", "reflect", "replicate", "circular")
SIZES_2D = [
    {"kernel_size": kernel, "stride": stride, "padding": padding, "dilation": dilation}
    for kernel, stride, padding, dilation in itertools.product(
        (1, 3, (2, 3)), (1, 2, (3, 1)), (0, 1, (2, 1), "valid"), (1, (1, 2))
    )
]
GROUPS = [{"groups": groups, "bias": bias} for groups in (1, 2, 4) for bias in (True, False)]
TRANSPOSED = [
    {
        "kernel_size": kernel,
        "stride": stride,
        "padding": padding,
        "output_padding": more,
        "dilation": dilation,
    }
    for kernel, (stride, more), padding, dilation in itertools.product(
        (1, 3, (2, 3)), ((1, 0), (2, 0), (2, 1), ((3, 2), (2, 1))), (0, 1, (0, 1)), (1, (2, 1))
    )
    if (kernel, padding) != (1, 1)
]
SAME = [
    {"kernel_size": kernel, "dilation": dilation, "padding": "same", "padding_mode": mode}
    for kernel in (1, 2, 3, (4, 3), (1, 2))
    for dilation in (1, 2)
    for mode in MODES
]


# ---------------------------------------------------------------------------------------------------- against
# torch


@pytest.mark.parametrize("options", SIZES_2D, ids=names)
def test_conv2d_in_all_sizes(options):
    compare(Conv2d(2, 3, **options), nn.Conv2d(2, 3, **options), (randn(2, 2, 7, 8),))


@pytest.mark.parametrize("options", GROUPS, ids=names)
@pytest.mark.parametrize("shape", [(2, 4, 5, 6), (4, 5, 6), (1, 4, 3, 3), (0, 4, 5, 6)], ids=str)
def test_conv2d_in_groups(options, shape):
    compare(Conv2d(4, 8, 3, **options), nn.Conv2d(4, 8, 3, **options), (randn(*shape),))


@pytest.mark.parametrize("shape", [(2, 2, 6, 5), (2, 6, 5), (0, 2, 6, 5)], ids=str)
@pytest.mark.parametrize("stride", [1, (2, 3)], ids=str)
@pytest.mark.parametrize("padding", [1, (3, 0), (2, 4)], ids=str)
@pytest.mark.parametrize("mode", MODES)
def test_conv2d_with_every_padding_mode(mode, padding, stride, shape):
    options = {"stride": stride, "padding": padding, "padding_mode": mode}
    compare(Conv2d(2, 3, (3, 2), **options), nn.Conv2d(2, 3, (3, 2), **options), (randn(*shape),))


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize("options", SAME, ids=names)
def test_conv2d_that_keeps_the_size(options):
    """An even kernel needs one more place after than before."""
    x = randn(2, 2, 6, 7)
    outputs, _ = compare(Conv2d(2, 3, **options), nn.Conv2d(2, 3, **options), (x,))
    assert outputs[0].shape[2:] == x.shape[2:]
    compare(Conv2d(2, 3, **options), nn.Conv2d(2, 3, **options), (x[0],))


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("padding", [0, 2, "valid"], ids=str)
@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("mode", MODES)
def test_conv1d(mode, dilation, padding, stride):
    options = {"stride": stride, "padding": padding, "dilation": dilation, "padding_mode": mode}
    for shape in ((3, 4, 9), (4, 9), (0, 4, 9)):
        compare(
            Conv1d(4, 6, 3, groups=2, **options), nn.Conv1d(4, 6, 3, groups=2, **options), (randn(*shape),)
        )


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kernel_size", [1, 2, 3, 4, (5,)], ids=str)
def test_conv1d_that_keeps_the_size(kernel_size, mode):
    options = {"padding": "same", "padding_mode": mode, "bias": False}
    compare(Conv1d(2, 3, kernel_size, **options), nn.Conv1d(2, 3, kernel_size, **options), (randn(2, 2, 6),))


@pytest.mark.parametrize("options", TRANSPOSED, ids=names)
def test_transposed_convolution_in_all_sizes(options):
    compare(ConvTranspose2d(2, 3, **options), nn.ConvTranspose2d(2, 3, **options), (randn(2, 2, 4, 5),))


@pytest.mark.parametrize("options", GROUPS, ids=names)
@pytest.mark.parametrize("shape", [(2, 4, 3, 4), (4, 3, 4), (1, 4, 1, 1), (0, 4, 3, 4)], ids=str)
def test_transposed_convolution_in_groups(options, shape):
    # as wide as the dilation allows
    more = {"stride": 2, "padding": 1, "dilation": 3, "output_padding": 2, **options}
    compare(ConvTranspose2d(4, 8, 3, **more), nn.ConvTranspose2d(4, 8, 3, **more), (randn(*shape),))


@pytest.mark.parametrize(
    "view",
    [
        lambda: randn(2, 5, 6, 3).permute(0, 3, 1, 2),
        lambda: randn(4, 3, 10, 12)[::2, :, ::2, ::2],
        lambda: randn(2, 3, 5, 6).to(memory_format=torch.channels_last),
        lambda: randn(3, 1, 1).expand(2, 3, 5, 6),
    ],
    ids=["permuted", "every second", "channels last", "expanded"],
)
@pytest.mark.parametrize("mode", ["zeros", "circular"])
def test_conv2d_of_a_view(view, mode):
    options = {"padding": 1, "padding_mode": mode}
    compare(Conv2d(3, 2, 3, **options), nn.Conv2d(3, 2, 3, **options), (view(),))


def test_upstream_gradient_of_a_sum_is_expanded():
    """Σ a hands down one number that is seen everywhere: strides of 0."""
    x, module = randn(2, 2, 5, 5), Conv2d(2, 3, 3).to(dtype=torch.float64)
    ones = torch.ones((), dtype=torch.float64, device=course.device()).expand(module(x).shape)
    expanded = module.backward(ones)
    torch.testing.assert_close(expanded, module.backward(ones.contiguous()))
    torch.testing.assert_close(module.bias.grad, torch.full_like(module.bias.grad, 2 * 2 * 9))


# ---------------------------------------------------------------------------------------------------- against
# loops


@pytest.mark.parametrize(
    ("stride", "padding", "dilation"),
    [((1, 1), (0, 0), (1, 1)), ((2, 1), (1, 0), (1, 2)), ((2, 3), (1, 2), (2, 1))],
    ids=str,
)
def test_conv2d_equals_the_loops_of_its_docstring(stride, padding, dilation):
    """Every product of a weight with a number of x, by itself.

    What the kernels compute is the derivation's sums.
    """
    module = Conv2d(2, 2, (2, 3), stride, padding, dilation, rng=generator(1)).to(dtype=torch.float64)
    x, weight, bias = randn(2, 2, 6, 7), module.weight.value, module.bias.value
    out = module(x)
    upstream = randn(*out.shape, seed=2)
    want, grad_x, grad_weight = torch.zeros_like(out), torch.zeros_like(x), torch.zeros_like(weight)
    want += bias[:, None, None]
    products = 0
    for (n, o, i, j), c, u, v in itertools.product(
        itertools.product(*map(range, out.shape)), range(2), range(2), range(3)
    ):
        row, column = (
            stride[0] * i + dilation[0] * u - padding[0],
            stride[1] * j + dilation[1] * v - padding[1],
        )
        if not (0 <= row < 6 and 0 <= column < 7):
            continue
        products += 1
        want[n, o, i, j] += weight[o, c, u, v] * x[n, c, row, column]
        grad_x[n, c, row, column] += weight[o, c, u, v] * upstream[n, o, i, j]
        grad_weight[o, c, u, v] += upstream[n, o, i, j] * x[n, c, row, column]
    assert products > 100
    torch.testing.assert_close(out, want)
    torch.testing.assert_close(module.backward(upstream), grad_x)
    torch.testing.assert_close(module.weight.grad, grad_weight)
    torch.testing.assert_close(module.bias.grad, upstream.sum((0, 2, 3)))


def test_gradients_are_a_transposed_convolution_and_a_correlation():
    """∂L/∂x convolves G with W; ∂L/∂W correlates x with G, examples in the place of channels."""
    module = Conv2d(2, 3, 3, rng=generator(1)).to(dtype=torch.float64)
    x = randn(4, 2, 6, 7)
    upstream = randn(*module(x).shape, seed=2)
    grad_x = module.backward(upstream)
    torch.testing.assert_close(grad_x, nn.functional.conv_transpose2d(upstream, module.weight.value))
    correlation = nn.functional.conv2d(x.transpose(0, 1), upstream.transpose(0, 1)).transpose(0, 1)
    torch.testing.assert_close(module.weight.grad, correlation)


def test_transposed_convolution_and_convolution_swap_forward_and_backward():
    """With the same weight (and no bias), each one's forward is the other's gradient of the input."""
    there = Conv2d(2, 3, 3, stride=2, padding=1, bias=False, rng=generator(1)).to(dtype=torch.float64)
    back = ConvTranspose2d(3, 2, 3, stride=2, padding=1, bias=False).to(dtype=torch.float64)
    back.load_state_dict(there.state_dict())
    x, y = randn(2, 2, 7, 9), randn(2, 3, 4, 5, seed=1)
    out, up = there(x), back(y)
    torch.testing.assert_close(up, there.backward(y))
    torch.testing.assert_close(out, back.backward(x))
    torch.testing.assert_close(there.weight.grad, back.weight.grad)


def test_transposed_convolution_equals_loops():
    module = ConvTranspose2d(2, 3, 2, stride=2, rng=generator(1)).to(dtype=torch.float64)
    x, weight = randn(1, 2, 3, 4), module.weight.value
    out = module(x)
    want = torch.zeros_like(out) + module.bias.value[:, None, None]
    for c, o, i, j, u, v in itertools.product(range(2), range(3), range(3), range(4), range(2), range(2)):
        want[0, o, 2 * i + u, 2 * j + v] += x[0, c, i, j] * weight[c, o, u, v]
    torch.testing.assert_close(out, want)


def test_a_kernel_of_one_is_a_linear_layer_at_every_place():
    """Network in network: a 1×1 convolution mixes channels."""
    module, x = Conv2d(3, 4, 1, rng=generator(1)).to(dtype=torch.float64), randn(2, 3, 5, 6)
    linear = course.modules.Linear(3, 4).to(dtype=torch.float64)
    linear.load_state_dict({"weight": module.weight.value.flatten(1), "bias": module.bias.value})
    torch.testing.assert_close(module(x), linear(x.movedim(1, -1)).movedim(-1, 1))
    upstream = randn(2, 4, 5, 6, seed=3)
    torch.testing.assert_close(
        module.backward(upstream), linear.backward(upstream.movedim(1, -1)).movedim(-1, 1)
    )
    torch.testing.assert_close(module.weight.grad.flatten(1), linear.weight.grad)


# ---------------------------------------------------------------------------------------------------- hostile
# numbers


@pytest.mark.parametrize("number", [0.0, 1e3, -1e3, 1e150])
def test_conv2d_of_one_number_everywhere(number):
    x = torch.full((2, 2, 5, 5), number, dtype=torch.float64, device=course.device())
    compare(Conv2d(2, 3, 3, padding=1), nn.Conv2d(2, 3, 3, padding=1), (x,))


def test_nan_stays_in_the_windows_that_see_it():
    x = randn(1, 1, 6, 6)
    x[0, 0, 0, 0] = torch.nan
    outputs, _ = compare(Conv2d(1, 1, 3), nn.Conv2d(1, 1, 3), (x,))
    assert outputs[0].isnan().sum() == 1


def test_gradients_add_up_over_calls():
    module, x = Conv2d(2, 3, 3).to(dtype=torch.float64), randn(2, 2, 5, 5)
    upstream = randn(*module(x).shape)
    module.backward(upstream)
    once = module.weight.grad.clone(), module.bias.grad.clone()
    module.backward(upstream)
    torch.testing.assert_close(module.weight.grad, 2 * once[0])
    torch.testing.assert_close(module.bias.grad, 2 * once[1])


def test_float32_stays_float32():
    module = Conv2d(2, 3, 3, padding=1, padding_mode="reflect")
    x = torch.randn(2, 2, 5, 5, device=course.device())
    out = module(x)
    assert (
        out.dtype == module.backward(torch.ones_like(out)).dtype == module.weight.grad.dtype == torch.float32
    )


# ---------------------------------------------------------------------------------------------------- how it
# starts


@pytest.mark.parametrize(
    ("kind", "args"),
    [("Conv1d", (4, 64, 5)), ("Conv2d", (8, 64, (3, 5))), ("ConvTranspose2d", (8, 64, (3, 5)))],
    ids=str,
)
def test_initial_values_are_spread_as_torchs(kind, args):
    torch.manual_seed(0)
    ours, theirs = (
        getattr(course.modules, kind)(*args, groups=2, rng=generator(0)),
        getattr(nn, kind)(*args, groups=2),
    )
    bound = ours.weight.value[0].numel() ** -0.5
    for name, value in ours.state_dict().items():
        reference = theirs.state_dict()[name]
        assert value.shape == reference.shape
        assert value.abs().max() <= bound
        assert reference.abs().max() <= bound
        assert value.abs().max() > 0.9 * bound
        assert value.mean().abs() < 0.25 * bound  # of 64 numbers at least: 3.4 standard deviations
        assert value.std().item() == pytest.approx(bound * 3**-0.5, rel=0.25)


def test_the_generator_decides_the_initial_values():
    first, second, third = (Conv2d(2, 3, 3, rng=generator(seed)) for seed in (5, 5, 6))
    assert torch.equal(first.weight.value, second.weight.value)
    assert torch.equal(first.bias.value, second.bias.value)
    assert not torch.equal(first.weight.value, third.weight.value)


# ---------------------------------------------------------------------------------------------------- what it
# refuses


@pytest.mark.parametrize(
    ("options", "shape", "smallest"),
    [
        ({"kernel_size": 3}, (1, 2, 2, 5), (3, 3)),
        ({"kernel_size": (1, 4)}, (1, 2, 2, 3), (1, 4)),
        ({"kernel_size": 3, "dilation": 2}, (1, 2, 4, 5), (5, 5)),
        ({"kernel_size": 5, "padding": 1}, (2, 2, 9), (3, 3)),
        ({"kernel_size": 3, "padding": (0, 1), "padding_mode": "replicate"}, (1, 2, 2, 5), (3, 1)),
        ({"kernel_size": 3, "padding": 2, "padding_mode": "reflect"}, (1, 2, 2, 5), (3, 3)),
        ({"kernel_size": 3, "padding": 2, "padding_mode": "circular"}, (1, 2, 1, 5), (2, 2)),
        ({"kernel_size": 3, "padding": 1, "padding_mode": "replicate"}, (1, 2, 0, 5), (1, 1)),
        ({"kernel_size": 2, "padding": "same"}, (1, 2, 0, 5), (1, 1)),
        ({"kernel_size": 1, "padding": 1}, (1, 2, 0, 5), (1, 1)),
        ({"kernel_size": 1}, (1, 2, 5, 0), (1, 1)),
    ],
    ids=names,
)
def test_conv2d_names_the_smallest_image_that_works(options, shape, smallest):
    module = Conv2d(2, 3, **options)
    with pytest.raises(SizeError) as refused:
        module(torch.zeros(shape, device=course.device()))
    message = str(refused.value)
    for part in ("Conv2d", "'x'", str(shape), f"spatial size of at least {smallest}"):
        assert part in message
    out = module(torch.zeros((1, 2, *smallest), device=course.device()))
    assert out.numel()
    assert module.backward(torch.ones_like(out)).shape == (1, 2, *smallest)


def test_conv1d_names_the_smallest_sequence_that_works():
    with pytest.raises(SizeError, match=r"Conv1d: argument 'x' has shape \(1, 2, 2\).*at least \(3,\)"):
        Conv1d(2, 3, 3)(torch.zeros(1, 2, 2, device=course.device()))


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (
            torch.zeros(1, 3, 5, 5),
            SizeError,
            r"argument 'x' has shape \(1, 3, 5, 5\), expected "
            r".*in_channels=2",
        ),
        (torch.zeros(5, 5), RankError, r"argument 'x' has shape \(5, 5\), expected"),
        (torch.zeros(1, 1, 2, 5, 5), RankError, r"argument 'x' has shape \(1, 1, 2, 5, 5\), expected"),
        (
            torch.zeros(1, 2, 5, 5, dtype=torch.float64),
            DtypeError,
            r"argument 'x' holds float64.*parameters "
            r"hold float32",
        ),
        (
            torch.zeros(1, 2, 5, 5, dtype=torch.long),
            DtypeError,
            r"argument 'x' holds int64, expected "
            r"floating-point",
        ),
        ([[1.0]], DtypeError, r"argument 'x' is a list"),
    ],
    ids=["channels", "too few axes", "too many axes", "float64", "int64", "a list"],
)
def test_conv2d_refuses(x, error, message):
    x = x.to(course.device()) if isinstance(x, Tensor) else x
    with pytest.raises(error, match=f"Conv2d: {message}"):
        Conv2d(2, 3, 3)(x)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"in_channels": 3, "groups": 2}, "in_channels=3.*groups=2"),
        ({"out_channels": 3, "groups": 2}, "out_channels=3.*groups=2"),
        ({"groups": 0}, "groups=0"),
        ({"padding_mode": "mirror"}, "padding_mode='mirror'.*reflect"),
        ({"padding": "full"}, "padding='full'.*'same', 'valid'"),
        ({"padding": -1}, r"padding=\(-1, -1\).*at least 0"),
        ({"padding": "same", "stride": 2}, r"padding='same' with stride=\(2, 2\)"),
        ({"kernel_size": 0}, r"kernel_size=\(0, 0\).*at least 1"),
        ({"stride": (1, 0)}, r"stride=\(1, 0\).*at least 1"),
        ({"dilation": 0}, r"dilation=\(0, 0\).*at least 1"),
    ],
    ids=names,
)
def test_conv2d_refuses_options(options, message):
    with pytest.raises(ValueError, match=message):
        Conv2d(**{"in_channels": 2, "out_channels": 4, "kernel_size": 3, **options})


@pytest.mark.parametrize(
    ("options", "smallest"),
    [
        ({"kernel_size": 1, "padding": 1}, (3, 3)),
        ({"kernel_size": 2, "padding": (3, 0), "stride": (2, 1)}, (4, 1)),
        ({"kernel_size": 2, "padding": 3, "stride": 2, "output_padding": (1, 0)}, (3, 4)),
        ({"kernel_size": 3, "padding": 2}, (3, 3)),
        ({"kernel_size": 3}, (1, 1)),
    ],
    ids=names,
)
def test_transposed_convolution_names_the_smallest_image_that_works(options, smallest):
    ours, theirs = ConvTranspose2d(2, 3, **options), nn.ConvTranspose2d(2, 3, **options)
    for axis in (0, 1):
        shape = (1, 2, *(size - (axis == place) for place, size in enumerate(smallest)))
        with pytest.raises(SizeError) as refused:
            ours(torch.zeros(shape, device=course.device()))
        for part in ("ConvTranspose2d", "'x'", str(shape), f"spatial size of at least {smallest}"):
            assert part in str(refused.value)
    compare(ours, theirs, (randn(1, 2, *smallest),))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"groups": 3}, "in_channels=2.*groups=3"),
        ({"kernel_size": 0}, r"kernel_size=\(0, 0\).*at least 1"),
        ({"padding": -1}, r"padding=\(-1, -1\).*at least 0"),
        ({"output_padding": 1}, r"output_padding=\(1, 1\), expected less than stride"),
        ({"padding_mode": "reflect"}, "padding_mode='reflect', expected 'zeros'"),
    ],
    ids=names,
)
def test_transposed_convolution_refuses_options(options, message):
    with pytest.raises(ValueError, match=f"ConvTranspose2d: .*{message}"):
        ConvTranspose2d(**{"in_channels": 2, "out_channels": 4, "kernel_size": 3, **options})


@pytest.mark.parametrize("shape", [(5, 5), (1, 1, 2, 5, 5)], ids=str)
def test_transposed_convolution_refuses_ranks(shape):
    with pytest.raises(RankError, match="ConvTranspose2d: argument 'x' has shape"):
        ConvTranspose2d(2, 3, 3)(torch.zeros(shape, device=course.device()))


@pytest.mark.parametrize(
    ("read", "sizes"), [(pair, (3, 3, 3)), (pair, (1,)), (single, (2, 2)), (single, ())], ids=range(4)
)
def test_as_many_sizes_as_spatial_axes(read, sizes):
    with pytest.raises(ValueError, match=f"holds {len(sizes)} sizes, expected one number"):
        read(sizes)


def test_backward_refuses_another_shape_and_no_forward():
    module = Conv2d(2, 3, 3)
    with pytest.raises(RuntimeError, match="call forward before backward"):
        module.backward(torch.zeros(1, 3, 3, 3, device=course.device()))
    module(torch.zeros(1, 2, 5, 5, device=course.device()))
    with pytest.raises(SizeError, match=r"grad_output has shape \(1, 3, 4, 3\)"):
        module.backward(torch.zeros(1, 3, 4, 3, device=course.device()))
