"""Fused kernels of the normalizations: statistics, output and gradients in a pass or two, not in a dozen."""

import torch
from torch import Tensor

from course.fused import kernel_for
from course.module import Parameter
from course.modules._normalized_shape import require_last_axes
from course.modules.group_norm import GroupNorm
from course.modules.layer_norm import LayerNorm


@kernel_for(LayerNorm.forward)
def layer_norm(module: LayerNorm, x: Tensor) -> Tensor:
    """A = γ r (x − μ) + β with r = 1/√(σ² + ε)."""
    weight, bias = _values(module.weight, module.bias)
    require_last_axes(module, x, module.normalized_shape)
    out, mean, scale = torch.native_layer_norm(x, module.normalized_shape, weight, bias, module.eps)
    module.save(x=x, mean=mean, scale=scale)
    return out


@kernel_for(LayerNorm.backward)
def layer_norm_backward(module: LayerNorm, grad_output: Tensor) -> Tensor:
    """∂L/∂x = r (ĝ − mean(ĝ) − x̂ mean(ĝ x̂)) with ĝ = γ g, and ∂L/∂γ = Σ g x̂, ∂L/∂β = Σ g added."""
    x, mean, scale = module.saved["x"], module.saved["mean"], module.saved["scale"]
    weight, bias = _values(module.weight, module.bias)
    wanted = [True, weight is not None, bias is not None]
    grad_x, *grads = torch.ops.aten.native_layer_norm_backward(
        grad_output, x, module.normalized_shape, mean, scale, weight, bias, wanted
    )
    _add(module.weight, module.bias, grads)
    return grad_x


@kernel_for(GroupNorm.forward)
def group_norm(module: GroupNorm, x: Tensor) -> Tensor:
    """A = γ r (x − μ) + β with r = 1/√(σ² + ε), of each group of channels."""
    weight, bias = _values(module.weight, module.bias)
    module.require_variance(x)
    x = x.contiguous()
    sizes = x.shape[0], x.shape[1], x.shape[2:].numel()
    out, mean, scale = torch.native_group_norm(x, weight, bias, *sizes, module.num_groups, module.eps)
    module.save(x=x, mean=mean, scale=scale)
    return out


@kernel_for(GroupNorm.backward)
def group_norm_backward(module: GroupNorm, grad_output: Tensor) -> Tensor:
    """∂L/∂x = r (ĝ − mean(ĝ) − x̂ mean(ĝ x̂)) with ĝ = γ g, and ∂L/∂γ = Σ g x̂, ∂L/∂β = Σ g added."""
    x, mean, scale = module.saved["x"], module.saved["mean"], module.saved["scale"]
    weight, _ = _values(module.weight, module.bias)
    sizes = x.shape[0], x.shape[1], x.shape[2:].numel()
    wanted = [True, weight is not None, module.bias is not None]
    grad_x, *grads = torch.ops.aten.native_group_norm_backward(
        grad_output.contiguous(), x, mean, scale, weight, *sizes, module.num_groups, wanted
    )
    _add(module.weight, module.bias, grads)
    return grad_x


def _values(weight: Parameter | None, bias: Parameter | None) -> tuple[Tensor | None, Tensor | None]:
    return None if weight is None else weight.value, None if bias is None else bias.value


def _add(weight: Parameter | None, bias: Parameter | None, grads: list[Tensor | None]) -> None:
    for parameter, grad in zip((weight, bias), grads, strict=True):
        if parameter is not None and grad is not None:
            parameter.grad += grad
