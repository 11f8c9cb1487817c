"""Classes of a student's own, with fewer options, or one number for two: their mistakes are named as well."""

import pytest
import torch
import torch.nn.functional as F

from course import Module, Parameter
from course.checks import check_module


class Windows(Module):
    """Pooling with one number for each option."""

    def __init__(self):
        self.kernel_size, self.stride = 2, 2


class AvgPool2d(Windows):
    def forward(self, x):
        self.save()
        return F.avg_pool2d(x, self.kernel_size)

    def backward(self, grad_output):
        return grad_output.repeat_interleave(2, 2).repeat_interleave(2, 3) / 2


class MaxPool2d(Windows):
    def forward(self, x):
        self.save(x=x)
        return F.max_pool2d(x, self.kernel_size)

    def backward(self, grad_output):
        return grad_output.repeat_interleave(2, 2).repeat_interleave(2, 3)


class UpsamplingNearest2d(Module):
    def __init__(self):
        self.scale_factor = 2

    def forward(self, x):
        self.save()
        return x.repeat_interleave(2, 2).repeat_interleave(2, 3)

    def backward(self, grad_output):
        return F.avg_pool2d(grad_output, 2)


class Conv2d(Module):
    def __init__(self):
        self.stride, self.padding = 1, 0
        self.weight = Parameter.uniform((3, 2, 2, 2), 1.0)

    def forward(self, x):
        self.save(x=x)
        return F.conv2d(x, self.weight.value)

    def backward(self, grad_output):
        x, w = self.saved["x"], self.weight.value
        self.weight.grad += torch.nn.grad.conv2d_weight(x, w.shape, grad_output)
        return F.conv_transpose2d(grad_output, w.flip(2, 3))


class ConvTranspose2d(Module):
    def __init__(self):
        self.weight = Parameter.uniform((2, 3, 2, 2), 1.0)

    def forward(self, x):
        self.save(x=x)
        return F.conv_transpose2d(x, self.weight.value)

    def backward(self, grad_output):
        x, w = self.saved["x"], self.weight.value
        windows = grad_output.unfold(2, 2, 1).unfold(3, 2, 1)
        self.weight.grad += torch.einsum("ncij,noijuv->couv", x, windows)
        return F.conv2d(grad_output, w.flip(2, 3))


class LayerNorm(Module):
    def __init__(self):
        self.weight = Parameter(torch.ones(4))

    def forward(self, x):
        self.save(x=x)
        return F.layer_norm(x, (4,)) * self.weight.value

    def backward(self, grad_output):
        x = self.saved["x"]
        r = (x.var(-1, unbiased=False, keepdim=True) + 1e-5).rsqrt()
        self.weight.grad += (grad_output * (x - x.mean(-1, keepdim=True)) * r).sum((0, 1, 2))
        return r * grad_output * self.weight.value


class RNNCell(Module):
    def __init__(self):
        self.weight_ih, self.weight_hh = Parameter.uniform((4, 4), 1.0), Parameter.uniform((4, 4), 1.0)

    def forward(self, x, h):
        self.save(x=x, h=h)
        return torch.tanh(x @ self.weight_ih.value.T + h @ self.weight_hh.value.T)

    def backward(self, grad_output):
        x, h = self.saved["x"], self.saved["h"]
        u = grad_output * (1 - h**2)
        self.weight_ih.grad += torch.einsum("bcno,bcni->oi", u, x)
        self.weight_hh.grad += torch.einsum("bcno,bcni->oi", u, h)
        return u @ self.weight_ih.value, u @ self.weight_hh.value


class ScaledDotProductAttention(Module):
    def forward(self, query, key, value):
        self.save(query=query, key=key, value=value)
        return F.scaled_dot_product_attention(query, key, value)

    def backward(self, grad_output):
        q, k, v = (self.saved[name] for name in ("query", "key", "value"))
        a = torch.softmax(q @ k.mT / 2, -1)
        da = grad_output @ v.mT
        ds = a * (da - (da * a).sum(-1, keepdim=True)) / 2
        return ds @ k, ds.mT @ q, a @ grad_output


WRONG = {
    AvgPool2d: "one side of the window",
    MaxPool2d: "every number of a window gets its gradient",
    UpsamplingNearest2d: "the mean of the gradients of its block",
    Conv2d: "half a turn off",
    ConvTranspose2d: "or its kernel is turned",
    RNNCell: "written with the old state",
    LayerNorm: "treated as constants",
    ScaledDotProductAttention: "the weights enter the gradient of value untransposed",
}


@pytest.mark.parametrize("kind", WRONG)
def test_they_are_named(kind):
    torch.manual_seed(0)
    count = {ScaledDotProductAttention: 3, RNNCell: 2}.get(kind, 1)
    inputs = tuple(torch.randn(2, 2, 4, 4) for _ in range(count))
    mistakes = check_module(kind(), inputs).mistakes.values()
    assert mistakes
    assert all(WRONG[kind] in mistake.what for mistake in mistakes)
