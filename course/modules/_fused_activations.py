"""Fused kernels of the activations: a derivative in one pass over memory, where the text takes one a step."""

import torch
from torch import Tensor

from course.fused import kernel_for
from course.modules.elu import ELU
from course.modules.gelu import GELU
from course.modules.hardtanh import Hardtanh
from course.modules.leaky_relu import LeakyReLU
from course.modules.noisy_relu import NoisyReLU
from course.modules.prelu import PReLU
from course.modules.relu import ReLU
from course.modules.relu6 import ReLU6
from course.modules.selu import ALPHA, SCALE, SELU
from course.modules.sigmoid import Sigmoid
from course.modules.silu import SiLU
from course.modules.softplus import Softplus
from course.modules.tanh import Tanh


@kernel_for(ReLU.backward)
@kernel_for(NoisyReLU.backward)
def relu_backward(module: ReLU | NoisyReLU, grad_output: Tensor) -> Tensor:
    """0 where a ≤ 0, else g."""
    return torch.ops.aten.threshold_backward(grad_output, module.saved["out"], 0)


@kernel_for(ReLU6.backward)
def relu6_backward(module: ReLU6, grad_output: Tensor) -> Tensor:
    """0 where a ≤ 0 or a ≥ 6, else g."""
    return torch.ops.aten.hardtanh_backward(grad_output, module.saved["out"], 0, 6)


@kernel_for(Hardtanh.backward)
def hardtanh_backward(module: Hardtanh, grad_output: Tensor) -> Tensor:
    """0 where x ≤ m or x ≥ M, else g."""
    return torch.ops.aten.hardtanh_backward(grad_output, module.saved["x"], module.min_val, module.max_val)


@kernel_for(Sigmoid.backward)
def sigmoid_backward(module: Sigmoid, grad_output: Tensor) -> Tensor:
    """G (1 − a) a."""
    return torch.ops.aten.sigmoid_backward(grad_output, module.saved["out"])


@kernel_for(Tanh.backward)
def tanh_backward(module: Tanh, grad_output: Tensor) -> Tensor:
    """G (1 − a²)."""
    return torch.ops.aten.tanh_backward(grad_output, module.saved["out"])


@kernel_for(ELU.backward)
def elu_backward(module: ELU, grad_output: Tensor) -> Tensor:
    """G where x > 0, else g α eˣ; the ones would scale a and x."""
    return torch.ops.aten.elu_backward(grad_output, module.alpha, 1, 1, False, module.saved["x"])


@kernel_for(SELU.backward)
def selu_backward(module: SELU, grad_output: Tensor) -> Tensor:
    """G λ where x > 0, else g λ α eˣ; the one would scale x."""
    return torch.ops.aten.elu_backward(grad_output, ALPHA, SCALE, 1, False, module.saved["x"])


@kernel_for(LeakyReLU.backward)
def leaky_relu_backward(module: LeakyReLU, grad_output: Tensor) -> Tensor:
    """G where x > 0, else β g."""
    return torch.ops.aten.leaky_relu_backward(grad_output, module.saved["x"], module.negative_slope, False)


@kernel_for(PReLU.backward)
def prelu_backward(module: PReLU, grad_output: Tensor) -> Tensor:
    """Where x > 0: ∂L/∂x = g and nothing for β; elsewhere β g, and g x for the β that is shared."""
    x = module.saved["x"]
    slope = module.slope_of_each(x)
    grad_x, shares = torch.ops.aten._prelu_kernel_backward(grad_output, x, slope)
    module.weight.grad += shares.sum_to_size(slope.shape).reshape(-1)
    return grad_x


@kernel_for(Softplus.backward)
def softplus_backward(module: Softplus, grad_output: Tensor) -> Tensor:
    """G where βx > threshold, else g σ(βx)."""
    return torch.ops.aten.softplus_backward(grad_output, module.saved["x"], module.beta, module.threshold)


@kernel_for(SiLU.backward)
def silu_backward(module: SiLU, grad_output: Tensor) -> Tensor:
    """G σ(x) (1 + x (1 − σ(x)))."""
    return torch.ops.aten.silu_backward(grad_output, module.saved["x"])


@kernel_for(GELU.backward)
def gelu_backward(module: GELU, grad_output: Tensor) -> Tensor:
    """G (Φ(x) + x φ(x)), exact or with the approximation by tanh."""
    return torch.ops.aten.gelu_backward(grad_output, module.saved["x"], approximate=module.approximate)
