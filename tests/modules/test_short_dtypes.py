"""Short dtypes, and windows and vectors at the edge of what there is: equal to torch."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import course
from course import device, generator, tensor
from course.device import randn
from course.modules import GroupNorm, Hardtanh, L1Normalize, LayerNorm, MaxPool2d, RMSNorm

SHORT = [torch.float16, torch.bfloat16]
NORMS = {
    "LayerNorm": (lambda: LayerNorm(6), lambda: nn.LayerNorm(6)),
    "RMSNorm": (lambda: RMSNorm(6), lambda: nn.RMSNorm(6)),
    "RMSNorm, two axes": (lambda: RMSNorm((4, 6), eps=1e-3), lambda: nn.RMSNorm((4, 6), eps=1e-3)),
    "GroupNorm": (lambda: GroupNorm(2, 4), lambda: nn.GroupNorm(2, 4)),
}


def by_torch(module, x, grad):
    leaf = x.clone().requires_grad_()
    with torch.enable_grad():
        out = module(leaf)
        out.backward(grad)
    return out.detach(), leaf.grad


@pytest.mark.parametrize("size", [0.01, 1.0, 300.0, 3000.0])
@pytest.mark.parametrize("dtype", SHORT, ids=str)
@pytest.mark.parametrize("name", NORMS)
def test_a_norm_is_as_exact_as_torchs(name, dtype, size):
    """The square of 300 is beyond float16; the squares of 0.01 are below its precision."""
    rng = generator(0)
    ours, theirs = (make() for make in NORMS[name])
    ours, theirs = ours.to(dtype=dtype), theirs.to(device=device(), dtype=dtype)
    x = (size * randn(rng, 3, 4, 6)).to(dtype)
    grad = randn(rng, 3, 4, 6).to(dtype)
    out, grad_x = by_torch(theirs, x, grad)
    close = {"rtol": 2 * torch.finfo(dtype).eps, "atol": 2 * torch.finfo(dtype).eps}
    torch.testing.assert_close(ours(x), out, **close)
    largest = grad_x.abs().max()
    torch.testing.assert_close(ours.backward(grad) / largest, grad_x / largest, **close)
    for parameter, value in zip(ours.parameters(), theirs.parameters(), strict=True):
        largest = value.grad.abs().max()
        torch.testing.assert_close(
            parameter.grad / largest, value.grad / largest, rtol=0.05, atol=4 * torch.finfo(dtype).eps
        )


def test_the_default_eps_of_rms_norm_is_that_of_float32():
    x = tensor([0.05, -0.02, 0.03, 0.01], torch.bfloat16)
    out = RMSNorm(4).to(dtype=torch.bfloat16)(x)
    assert out[0].item() == pytest.approx(1.602, abs=0.004)  # with bfloat16's own eps it would be 0.535


@pytest.mark.parametrize("fused", [False, True], ids=["plain", "fused"])
@pytest.mark.parametrize("end", [0.1, 0.7, 1.3])
@pytest.mark.parametrize("dtype", [*SHORT, torch.float32, torch.float64], ids=str)
def test_hardtanh_stops_where_torchs_does(dtype, end, fused):
    """Also where no number of the dtype is the end itself, and the end is rounded into the middle."""
    near = tensor([-end, end], dtype)
    steps = [near]
    for far in (-9.0, 0.0, 9.0):
        steps.append(torch.nextafter(near, tensor([far, far], dtype)))
    x = torch.cat([*steps, tensor([-3.0, 0.0, 3.0], dtype)])
    with course.fused_kernels(fused):
        module = Hardtanh(-end, end)
        out, grad = module(x), module.backward(torch.ones_like(x))
    expected, expected_grad = by_torch(nn.Hardtanh(-end, end), x, torch.ones_like(x))
    assert torch.equal(out, expected)
    assert torch.equal(grad, expected_grad)
    assert grad[-3:].tolist() == [0.0, 1.0, 0.0]


@pytest.mark.parametrize("numbers", [[1e-30, -1e-30, 1e20], [1e-20, -1e-20, 1e-30], [0.0, 1e-38, -1.0]])
def test_l1_normalize_knows_the_sign_of_what_its_output_rounds_to_zero(numbers):
    x, grad = tensor([numbers]), tensor([[1.0, 1.0, 1.0]])
    module = L1Normalize()
    out, grad_x = by_torch(lambda x: F.normalize(x, p=1, dim=1), x, grad)
    torch.testing.assert_close(module(x), out)
    torch.testing.assert_close(module.backward(grad), grad_x)


@pytest.mark.parametrize(("height", "width", "blind"), [(1, 1, 1), (2, 1, 2), (1, 3, 3), (3, 3, 0)])
def test_a_window_that_sees_only_padding_passes_no_gradient(height, width, blind):
    module = MaxPool2d(2, stride=1, padding=1, dilation=2)
    x = randn(generator(0), 2, 1, height, width)
    out = module(x)
    assert (out == -torch.inf).sum().item() == 2 * blind
    grad_x = module.backward(torch.ones_like(out))
    assert grad_x.sum().item() == out.numel() - 2 * blind
