"""The forwards that students fill in backward for: as handed out, or as the lectures write them."""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from course import Module, Parameter
from course.module import Buffer
from tests.autograder.read_cases import stubs


def _handed_out() -> dict[str, Any]:
    """The classes of the assignments; of assignment 04, the broken ones that are to be mended."""
    classes: dict[str, Any] = {}
    for exercise, stub in stubs().items():
        names: dict[str, Any] = {"__name__": __name__}
        for text in stub.given:
            if text.startswith(("import ", "class Broken", "def ")):
                exec(text, names)
        exec(stub.text, names)
        name = f"Broken{stub.name}" if exercise.startswith("mend_") else stub.name
        classes[name] = names[name]
    return classes


globals().update(_handed_out())


def reduce(losses: Tensor, reduction: str) -> Tensor:
    """The losses' mean or sum, or all of them."""
    if reduction == "mean":
        return losses.mean()
    return losses.sum() if reduction == "sum" else losses


class _Loss(Module):
    def __init__(self, reduction="mean"):
        self.reduction = reduction


class Subtract(Module):
    def forward(self, x, y):
        self.save(x_shape=x.shape, y_shape=y.shape)
        return x - y


class Exp(Module):
    def forward(self, x):
        out = torch.exp(x)
        self.save(out=out)
        return out


class Power(Module):
    def __init__(self, exponent):
        self.exponent = exponent

    def forward(self, x):
        self.save(x=x)
        return torch.pow(x, self.exponent)


class Mean(Module):
    def __init__(self, dim=None):
        self.dim = dim

    def forward(self, x):
        self.save(shape=x.shape)
        return x.mean() if self.dim is None else x.mean(self.dim)


class Concatenate(Module):
    def __init__(self, dim=0):
        self.dim = dim

    def forward(self, *inputs):
        self.save(sizes=[x.shape[self.dim] for x in inputs])
        return torch.cat(inputs, self.dim)


class Transpose(Module):
    def __init__(self, dim0=-2, dim1=-1):
        self.dim0, self.dim1 = dim0, dim1

    def forward(self, x):
        self.save()
        return x.transpose(self.dim0, self.dim1)


class Polynomial(Module):
    def __init__(self, degree):
        self.degree = degree
        self.weight = Parameter.uniform((degree + 1,), 1.0)

    def forward(self, x):
        self.save(x=x)
        return sum(self.weight.value[k] * x**k for k in range(self.degree + 1))


class L1Normalize(Module):
    def __init__(self, dim=1, eps=1e-12):
        self.dim, self.eps = dim, eps

    def forward(self, x):
        norm = x.abs().sum(self.dim, keepdim=True)
        out = x / norm.clamp(min=self.eps)
        self.save(x=x, out=out, norm=norm)
        return out


class ELU(Module):
    def __init__(self, alpha=1.0):
        self.alpha = alpha

    def forward(self, x):
        self.save(x=x)
        return torch.where(x > 0, x, self.alpha * (torch.exp(x) - 1))


ALPHA, SCALE = 1.6732632423543772, 1.0507009873554805


class SELU(Module):
    def forward(self, x):
        self.save(x=x)
        return SCALE * torch.where(x > 0, x, ALPHA * (torch.exp(x) - 1))


class GELU(Module):
    def __init__(self, approximate="none"):
        self.approximate = approximate

    def forward(self, x):
        self.save(x=x)
        return F.gelu(x, approximate=self.approximate)


class SiLU(Module):
    def forward(self, x):
        self.save(x=x)
        return F.silu(x)


class Mish(Module):
    def forward(self, x):
        self.save(x=x)
        return x * torch.tanh(F.softplus(x))


class Softsign(Module):
    def forward(self, x):
        denominator = 1 + x.abs()
        self.save(denominator=denominator)
        return x / denominator


class Hardtanh(Module):
    def __init__(self, min_val=-1.0, max_val=1.0):
        self.min_val, self.max_val = min_val, max_val

    def forward(self, x):
        self.save(x=x)
        return x.clamp(self.min_val, self.max_val)


class LogSigmoid(Module):
    def forward(self, x):
        self.save(x=x)
        return F.logsigmoid(x)


class LogSoftmax(Module):
    def __init__(self, dim):
        self.dim = dim

    def forward(self, x):
        out = torch.log_softmax(x, self.dim)
        self.save(out=out)
        return out


class MSELoss(_Loss):
    def forward(self, x, target):
        residual = x - target
        self.save(residual=residual)
        return reduce(residual.square(), self.reduction)


class L1Loss(_Loss):
    def forward(self, x, target):
        residual = x - target
        self.save(residual=residual)
        return reduce(residual.abs(), self.reduction)


class HuberLoss(Module):
    def __init__(self, reduction="mean", delta=1.0):
        self.reduction, self.delta = reduction, delta

    def forward(self, x, target):
        self.save(x=x, target=target)
        residual = x - target
        clipped = residual.clamp(-self.delta, self.delta)
        return reduce(clipped * (residual - 0.5 * clipped), self.reduction)


class SmoothL1Loss(Module):
    def __init__(self, reduction="mean", beta=1.0):
        self.reduction, self.beta = reduction, beta

    def forward(self, x, target):
        self.save(x=x, target=target)
        residual = x - target
        slope = (residual / self.beta).clamp(-1, 1)
        return reduce(slope * (residual - 0.5 * self.beta * slope), self.reduction)


class BCELoss(_Loss):
    def forward(self, x, target):
        self.save(x=x, target=target)
        return reduce(-target * torch.log(x) - (1 - target) * torch.log(1 - x), self.reduction)


class NLLLoss(_Loss):
    def forward(self, x, target):
        self.save(x_shape=x.shape, target=target)
        return F.nll_loss(x, target, reduction=self.reduction)


class KLDivLoss(_Loss):
    def forward(self, x, target):
        self.save(x=x, target=target)
        losses = torch.xlogy(target, target) - target * x
        return losses.sum() / x.shape[0] if self.reduction == "batchmean" else reduce(losses, self.reduction)


class ContrastiveLoss(Module):
    def __init__(self, margin=1.0, reduction="mean"):
        self.margin, self.reduction = margin, reduction

    def forward(self, x1, x2, same):
        difference, alike = x1 - x2, same.bool()
        distance = torch.linalg.vector_norm(difference, dim=-1)
        self.save(difference=difference, distance=distance, alike=alike)
        short_by = torch.relu(self.margin - distance)
        return reduce(0.5 * torch.where(alike, distance, short_by).square(), self.reduction)


class Dropout(Module):
    def __init__(self, p=0.5):
        self.p = p

    def forward(self, x):
        if not self.training or self.p == 0:
            self.save(kept=None)
            return x
        kept = torch.empty_like(x, dtype=torch.bool).bernoulli_(1 - self.p)
        self.save(kept=kept)
        return x * kept / (1 - self.p)


class _BatchNorm(Module):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.weight = Parameter(torch.ones(num_features))
        self.bias = Parameter(torch.zeros(num_features))
        self.running_mean = Buffer(torch.zeros(num_features))
        self.running_var = Buffer(torch.ones(num_features))

    def normalize(self, x, axes, shape):
        if self.training:
            n = x.numel() // self.num_features
            mean, var = x.mean(axes), x.var(axes, unbiased=False)
            m = self.momentum
            self.running_mean.value = (1 - m) * self.running_mean.value + m * mean.detach()
            self.running_var.value = (1 - m) * self.running_var.value + m * var.detach() * n / (n - 1)
        else:
            mean, var = self.running_mean.value, self.running_var.value
        scale = (var + self.eps).rsqrt()
        self.save(x=x, mean=mean, scale=scale, of_batch=self.training)
        xhat = (x - mean.view(shape)) * scale.view(shape)
        return self.weight.value.view(shape) * xhat + self.bias.value.view(shape)


class BatchNorm1d(_BatchNorm):
    def forward(self, x):
        return self.normalize(x, (0,), (1, -1))


class BatchNorm2d(_BatchNorm):
    def forward(self, x):
        return self.normalize(x, (0, 2, 3), (1, -1, 1, 1))


class LayerNorm(Module):
    def __init__(self, features, eps=1e-5):
        self.features, self.eps = features, eps
        self.weight = Parameter(torch.ones(features))
        self.bias = Parameter(torch.zeros(features))

    def forward(self, x):
        mean = x.mean(-1, keepdim=True)
        centered = x - mean
        scale = (centered.square().mean(-1, keepdim=True) + self.eps).rsqrt()
        self.save(x=x, mean=mean, scale=scale)
        return centered * scale * self.weight.value + self.bias.value


class RMSNorm(Module):
    def __init__(self, features, eps=1e-6):
        self.features, self.eps = features, eps
        self.weight = Parameter(torch.ones(features))

    def forward(self, x):
        scale = x.square().mean(-1, keepdim=True).add(self.eps).rsqrt()
        normalized = x * scale
        self.save(normalized=normalized, scale=scale)
        return normalized * self.weight.value


class GroupNorm(Module):
    def __init__(self, num_groups, num_channels, eps=1e-5):
        self.num_groups, self.num_channels, self.eps = num_groups, num_channels, eps
        self.weight = Parameter(torch.ones(num_channels))
        self.bias = Parameter(torch.zeros(num_channels))

    def forward(self, x):
        n = len(x)
        grouped = x.reshape(n, self.num_groups, -1)
        mean = grouped.mean(2, keepdim=True)
        scale = ((grouped - mean).square().mean(2, keepdim=True) + self.eps).rsqrt()
        xhat = ((grouped - mean) * scale).reshape(x.shape)
        self.save(xhat=xhat, scale=scale)
        return xhat * self.weight.value.view(1, -1, 1, 1) + self.bias.value.view(1, -1, 1, 1)


class Conv1d(Module):
    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0):
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding
        bound = (in_channels * kernel_size) ** -0.5
        self.weight = Parameter.uniform((out_channels, in_channels, kernel_size), bound)
        self.bias = Parameter.uniform((out_channels,), bound)

    def forward(self, x):
        self.save(x=x)
        return F.conv1d(x, self.weight.value, self.bias.value, self.stride, self.padding)


class Conv2d(Module):
    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0):
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding
        bound = (in_channels * kernel_size**2) ** -0.5
        self.weight = Parameter.uniform((out_channels, in_channels, kernel_size, kernel_size), bound)
        self.bias = Parameter.uniform((out_channels,), bound)

    def forward(self, x):
        self.save(x=x)
        return F.conv2d(x, self.weight.value, self.bias.value, self.stride, self.padding)


class ConvTranspose2d(Module):
    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0):
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding
        bound = (out_channels * kernel_size**2) ** -0.5
        self.weight = Parameter.uniform((in_channels, out_channels, kernel_size, kernel_size), bound)
        self.bias = Parameter.uniform((out_channels,), bound)

    def forward(self, x):
        self.save(x=x)
        return F.conv_transpose2d(x, self.weight.value, self.bias.value, self.stride, self.padding)


class MaxPool2d(Module):
    def __init__(self, kernel_size, stride=None):
        self.kernel_size, self.stride = kernel_size, stride or kernel_size

    def forward(self, x):
        out, indices = F.max_pool2d(x, self.kernel_size, self.stride, return_indices=True)
        self.save(x=x, out=out, indices=indices)
        return out


class AvgPool2d(Module):
    def __init__(self, kernel_size, stride=None, padding=0, count_include_pad=True):
        self.kernel_size, self.stride = kernel_size, stride or kernel_size
        self.padding, self.count_include_pad = padding, count_include_pad

    def forward(self, x):
        self.save(shape=x.shape)
        return F.avg_pool2d(x, self.kernel_size, self.stride, self.padding, False, self.count_include_pad)


class GlobalAvgPool2d(Module):
    def forward(self, x):
        self.save(shape=x.shape)
        return x.mean((2, 3))


class AdaptiveAvgPool2d(Module):
    def __init__(self, output_size):
        self.output_size = output_size

    def forward(self, x):
        self.save(shape=x.shape)
        return F.adaptive_avg_pool2d(x, self.output_size)


class ZeroPad2d(Module):
    def __init__(self, padding):
        self.padding = (padding,) * 4 if isinstance(padding, int) else tuple(padding)

    def forward(self, x):
        self.save(shape=x.shape)
        return F.pad(x, self.padding)  # left, right, top, bottom


class UpsamplingNearest2d(Module):
    def __init__(self, scale_factor):
        self.scale_factor = scale_factor

    def forward(self, x):
        self.save(shape=x.shape)
        return x.repeat_interleave(self.scale_factor, 2).repeat_interleave(self.scale_factor, 3)


class _Cell(Module):
    gates = 1

    def __init__(self, input_size, hidden_size):
        self.input_size, self.hidden_size = input_size, hidden_size
        rows, bound = self.gates * hidden_size, hidden_size**-0.5
        self.weight_ih = Parameter.uniform((rows, input_size), bound)
        self.weight_hh = Parameter.uniform((rows, hidden_size), bound)
        self.bias_ih = Parameter.uniform((rows,), bound)
        self.bias_hh = Parameter.uniform((rows,), bound)


class RNNCell(_Cell):
    def forward(self, x, h):
        out = torch.tanh(
            x @ self.weight_ih.value.T + self.bias_ih.value + h @ self.weight_hh.value.T + self.bias_hh.value
        )
        self.save(x=x, h=h, out=out)
        return out


class GRUCell(_Cell):
    gates = 3

    def forward(self, x, h):
        xr, xz, xn = (x @ self.weight_ih.value.T + self.bias_ih.value).chunk(3, -1)
        hr, hz, q = (h @ self.weight_hh.value.T + self.bias_hh.value).chunk(3, -1)
        r, z = torch.sigmoid(xr + hr), torch.sigmoid(xz + hz)
        n = torch.tanh(xn + r * q)
        self.save(x=x, h=h, r=r, z=z, q=q, n=n)
        return (1 - z) * n + z * h


class LSTMCell(_Cell):
    gates = 4

    def forward(self, x, h, c):
        gates = (
            x @ self.weight_ih.value.T + self.bias_ih.value + h @ self.weight_hh.value.T + self.bias_hh.value
        )
        i, f, z, o = gates.chunk(4, -1)
        i, f, z, o = torch.sigmoid(i), torch.sigmoid(f), torch.tanh(z), torch.sigmoid(o)
        c_after = f * c + i * z
        tanh_c = torch.tanh(c_after)
        self.save(x=x, h=h, c=c, i=i, f=f, z=z, o=o, tanh_c=tanh_c)
        return o * tanh_c, c_after


class Embedding(Module):
    def __init__(self, num_embeddings, embedding_dim):
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.weight = Parameter(torch.randn(num_embeddings, embedding_dim))

    def forward(self, index):
        self.save(index=index)
        return self.weight.value[index]


class FiLM(Module):
    def forward(self, x, gamma, beta):
        self.save(x=x, gamma=gamma)
        return gamma[:, :, None] * x + beta[:, :, None]


class Gate(Module):
    def forward(self, x, z):
        gate = torch.sigmoid(z)
        self.save(x=x, gate=gate)
        return gate * x


class GLU(Module):
    def __init__(self, dim=-1):
        self.dim = dim

    def forward(self, x):
        value, gate = x.chunk(2, self.dim)
        gate = torch.sigmoid(gate)
        self.save(value=value, gate=gate)
        return value * gate


class Bilinear(Module):
    def __init__(self, in1_features, in2_features, out_features):
        bound = in1_features**-0.5
        self.weight = Parameter.uniform((out_features, in1_features, in2_features), bound)
        self.bias = Parameter.uniform((out_features,), bound)

    def forward(self, x1, x2):
        self.save(x1=x1, x2=x2)
        return torch.einsum("ni,oij,nj->no", x1, self.weight.value, x2) + self.bias.value


class ScaledDotProductAttention(Module):
    def __init__(self, is_causal=False):
        self.is_causal = is_causal

    def forward(self, query, key, value):
        scores = query @ key.mT / math.sqrt(query.shape[-1])
        if self.is_causal:
            future = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).triu(1)
            scores = scores.masked_fill(future, -torch.inf)
        weights = torch.softmax(scores, -1)
        self.save(query=query, key=key, value=value, weights=weights)
        return weights @ value
