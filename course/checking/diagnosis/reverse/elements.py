"""What torch computes in one go and a lecture in several steps; and what the steps are called."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

WORDS = {
    **dict.fromkeys(("add", "sub", "rsub"), "the sum"),
    "mul": "the product",
    **dict.fromkeys(("div", "reciprocal"), "the quotient"),
    **dict.fromkeys(("mm", "bmm", "mv", "dot", "matmul"), "the matrix product"),
    **dict.fromkeys(("max", "amax", "min", "amin", "maximum", "minimum"), "the maximum"),
    **dict.fromkeys(("relu", "where", "clamp", "clamp_min", "clamp_max", "threshold"), "the mask"),
    **dict.fromkeys(("select", "slice", "split"), "the part"),
    **dict.fromkeys(("index", "gather", "index_select"), "the chosen numbers"),
    **dict.fromkeys(("var", "std"), "the variance"),
    **dict.fromkeys(("sqrt", "rsqrt"), "the root"),
    **dict.fromkeys(("log_softmax", "_log_softmax"), "the log softmax"),
    **dict.fromkeys(("logsumexp", "logaddexp"), "the log of the sum"),
    **dict.fromkeys(("cat", "stack"), "the joining"),
    "neg": "the negation",
    "sum": "the sum over an axis",
    "mean": "the mean",
    "pow": "the power",
    "exp": "the exponential",
    "log": "the logarithm",
    "sigmoid": "the sigmoid",
    "tanh": "the tanh",
    "softplus": "the softplus",
    "_softmax": "the softmax",
    "abs": "the absolute value",
    "linalg_vector_norm": "the length",
    "convolution": "the convolution",
}
"""What a step is called in a sentence."""


def _addmm(bias: Tensor, first: Tensor, second: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    product = torch.mm(first, second) if first.dim() == 2 else torch.bmm(first, second)
    return (bias if beta == 1 else beta * bias) + (product if alpha == 1 else alpha * product)


def _addcmul(x: Tensor, first: Tensor, second: Tensor, *, value: float = 1) -> Tensor:
    product = first * second
    return x + (product if value == 1 else value * product)


def _addcdiv(x: Tensor, first: Tensor, second: Tensor, *, value: float = 1) -> Tensor:
    quotient = first / second
    return x + (quotient if value == 1 else value * quotient)


def _lerp(start: Tensor, end: Tensor, weight: Any) -> Tensor:
    return start + weight * (end - start)


def _elu(x: Tensor, alpha: float = 1, scale: float = 1, input_scale: float = 1) -> Tensor:
    return scale * torch.where(x > 0, x, alpha * torch.expm1(input_scale * x))


def _leaky_relu(x: Tensor, negative_slope: float = 0.01) -> Tensor:
    return torch.where(x > 0, x, negative_slope * x)


def _prelu(x: Tensor, weight: Tensor) -> Tensor:
    return torch.where(x > 0, x, weight * x)


def _gelu(x: Tensor, *, approximate: str = "none") -> Tensor:
    if approximate == "tanh":
        return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return x * (0.5 * (1 + torch.erf(x / math.sqrt(2))))


def _glu(x: Tensor, dim: int = -1) -> Tensor:
    value, gate = x.chunk(2, dim)
    return value * torch.sigmoid(gate)


def _reduce(losses: Tensor, reduction: int) -> Tensor:
    return losses.mean() if reduction == 1 else losses.sum() if reduction == 2 else losses


def _mse_loss(x: Tensor, target: Tensor, reduction: int = 1) -> Tensor:
    return _reduce((x - target) ** 2, reduction)


def _binary_cross_entropy(
    x: Tensor, target: Tensor, weight: Tensor | None = None, reduction: int = 1
) -> Tensor:
    losses = -(target * torch.log(x) + (1 - target) * torch.log(1 - x))
    return _reduce(losses if weight is None else weight * losses, reduction)


def _nll_loss(
    x: Tensor, target: Tensor, weight: Tensor | None, reduction: int, ignore_index: int
) -> tuple[Tensor, Tensor]:
    if x.dim() != 2:
        return torch.ops.aten.nll_loss_forward(x, target, weight, reduction, ignore_index)
    kept = target != ignore_index
    index = torch.where(kept, target, 0)
    weights = (torch.ones_like(x[0]) if weight is None else weight)[index] * kept
    losses = -x.gather(1, index[:, None])[:, 0]
    if weight is not None or not kept.all():
        losses = weights * losses
    total = weights.sum()
    if reduction == 1:
        return losses.mean() if weight is None and kept.all() else losses.sum() / total, total
    return (losses.sum() if reduction == 2 else losses), total


def _normalize(x: Tensor, dims: list[int], eps: float) -> Tensor:
    centered = x - x.mean(dims, keepdim=True)
    return centered * torch.rsqrt((centered**2).mean(dims, keepdim=True) + eps)


def _scale_shift(x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    scaled = x if weight is None else x * weight
    return scaled if bias is None else scaled + bias


def _batch_norm(
    x: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    mean: Tensor | None,
    var: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
) -> tuple[Tensor, Tensor, Tensor]:
    del momentum
    shape = [1, -1] + [1] * (x.dim() - 2)
    if training:
        out = _normalize(x, [axis for axis in range(x.dim()) if axis != 1], eps)
    else:
        assert mean is not None
        assert var is not None
        out = (x - mean.reshape(shape)) * torch.rsqrt(var.reshape(shape) + eps)
    if x.dim() > 2:
        weight, bias = (None if t is None else t.reshape(shape) for t in (weight, bias))
    return _scale_shift(out, weight, bias), x.new_zeros(0), x.new_zeros(0)


def _layer_norm(
    x: Tensor, shape: Sequence[int], weight: Tensor | None, bias: Tensor | None, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    out = _normalize(x, [axis - len(shape) for axis in range(len(shape))], eps)
    return _scale_shift(out, weight, bias), x.new_zeros(0), x.new_zeros(0)


ELEMENTS: dict[str, Callable[..., Any]] = {
    "addmm": _addmm,
    "addcmul": _addcmul,
    "addcdiv": _addcdiv,
    "baddbmm": _addmm,
    "lerp": _lerp,
    "elu": _elu,
    "leaky_relu": _leaky_relu,
    "_prelu_kernel": _prelu,
    "gelu": _gelu,
    "glu": _glu,
    "silu": lambda x: x * torch.sigmoid(x),
    "mish": lambda x: x * torch.tanh(torch.nn.functional.softplus(x)),
    "mse_loss": _mse_loss,
    "binary_cross_entropy": _binary_cross_entropy,
    "nll_loss_forward": _nll_loss,
    "native_batch_norm": _batch_norm,
    "native_layer_norm": _layer_norm,
}
"""By torch's name of an operation: the same in elementary steps."""
