"""Fused kernels of the convolutions: all gradients from one routine, which builds no columns in memory."""

from typing import Any

import torch
from torch import Tensor

from course.fused import kernel_for
from course.modules._convolution import pad_backward, pad_left
from course.modules.conv1d import Conv1d
from course.modules.conv2d import Conv2d
from course.modules.conv_transpose2d import ConvTranspose2d


@kernel_for(Conv1d.backward)
@kernel_for(Conv2d.backward)
def convolution_backward(module: Conv1d | Conv2d, grad_output: Tensor) -> Tensor:
    """∂L/∂x = col2im(Wᵀ G), and ∂L/∂W = Σ G Xᵀ and ∂L/∂b = Σ G added, X being the windows of x as columns."""
    left = pad_left(module.pads, module.padding_mode)
    grad_x = _both_sums(module, grad_output, left, None)
    return pad_backward(grad_x, module.saved["shape"], module.pads, module.padding_mode)


@kernel_for(ConvTranspose2d.backward)
def conv_transpose_backward(module: ConvTranspose2d, grad_output: Tensor) -> Tensor:
    """∂L/∂x = W columns, and ∂L/∂W = Σ x columnsᵀ and ∂L/∂b = Σ G added, with the windows of G as columns."""
    return _both_sums(module, grad_output, module.padding, module.output_padding)


def _both_sums(
    module: Any, grad_output: Tensor, padding: tuple[int, ...], output_padding: tuple[int, ...] | None
) -> Tensor:
    """∂L/∂x, the others added; a transposed convolution has an output padding."""
    x, axes = module.saved["x"], len(padding)
    batched = x.dim() == axes + 2
    grad_x, grad_weight, grad_bias = torch.ops.aten.convolution_backward(
        grad_output if batched else grad_output[None],
        x if batched else x[None],
        module.weight.value,
        None if module.bias is None else list(module.bias.value.shape),
        module.stride,
        padding,
        module.dilation,
        output_padding is not None,
        output_padding or [0] * axes,
        module.groups,
        [True, True, module.bias is not None],
    )
    module.weight.grad += grad_weight
    if module.bias is not None:
        module.bias.grad += grad_bias
    return grad_x if batched else grad_x[0]
