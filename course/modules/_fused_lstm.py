"""Fused kernel of the LSTM: a whole run along time from oneDNN, in place of the steps in lstm.py.

The derivation stands in `LSTM` and `LSTMCell`. The kernel knows float32 on a CPU, with biases, without
projection.
"""

import torch
from torch import Tensor

from course.fused import kernel_for
from course.module import Module
from course.modules.lstm import LSTM, own_parameters

LSTM_KIND = 2
"""oneDNN's number for an LSTM among its recurrent networks (ideep::rnn_kind::LSTM)."""


@kernel_for(LSTM.forward)
def lstm(
    module: LSTM, x: Tensor, h0: Tensor | None = None, c0: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor] | None:
    """(h_t, c_t) = LSTMCell(x_t, h_{t−1}, c_{t−1}) for t = 1 … T."""
    known = x.device.type == "cpu" and x.dtype == torch.float32 and torch.backends.mkldnn.is_available()
    if not known or not module.bias or module.proj_size or not x.numel():
        return None
    return module.through_layers(run_forward, x, h0, c0)


@kernel_for(LSTM.backward)
def lstm_backward(
    module: LSTM, grad_output: Tensor | None, grad_h: Tensor | None = None, grad_c: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """∂L/∂x = u W_ih, and ∂L/∂W_ih = uᵀ x, ∂L/∂W_hh = uᵀ (h_0 … h_{T−1}), ∂L/∂b = Σ u added."""
    return module.back_through_layers(run_backward, grad_output, grad_h, grad_c)


def run_forward(
    module: Module, ending: str, x: Tensor, h: Tensor, c: Tensor
) -> tuple[Tensor, Tensor, Tensor, dict[str, Tensor]]:
    """One layer in one direction: its outputs, the last h and c, and what backward reads."""
    x, h, c = x.contiguous(), h[None].contiguous(), c[None].contiguous()
    size, weights = h.shape[-1], [parameter.value for parameter in own_parameters(module, ending).values()]
    reverse = ending.endswith("_reverse")
    with torch.enable_grad():  # else the kernel keeps no workspace; it records nothing: no input requires it
        out, last_h, last_c, workspace = torch.ops.aten.mkldnn_rnn_layer(
            x, *weights, h, c, reverse, [], LSTM_KIND, size, 1, True, False, False, True
        )
    memory = {"x": x, "h": h, "c": c, "out": out, "last_h": last_h, "last_c": last_c, "workspace": workspace}
    return out, last_h[0], last_c[0], memory


def run_backward(
    module: Module,
    ending: str,
    memory: dict[str, Tensor],
    grad_output: Tensor | None,
    grad_h: Tensor | None,
    grad_c: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of x and of the h and c before the first step; those of the parameters are added."""
    out, last_h, last_c = memory["out"], memory["last_h"], memory["last_c"]
    upstream = (
        torch.zeros_like(out) if grad_output is None else grad_output.contiguous(),
        torch.zeros_like(last_h) if grad_h is None else grad_h[None].contiguous(),
        torch.zeros_like(last_c) if grad_c is None else grad_c[None].contiguous(),
    )
    parameters = own_parameters(module, ending)
    weights = [parameter.value for parameter in parameters.values()]
    states = (memory["h"], memory["c"], out, last_h, last_c)
    size, reverse = last_h.shape[-1], ending.endswith("_reverse")
    with torch.enable_grad():
        grad_x, *grads, grad_h0, grad_c0 = torch.ops.aten.mkldnn_rnn_layer_backward(
            *(memory["x"], *weights, *states, *upstream),
            *(reverse, LSTM_KIND, size, 1, True, True, False, [], False, memory["workspace"]),
        )
    for parameter, grad in zip(parameters.values(), grads, strict=True):
        parameter.grad += grad
    return grad_x, grad_h0[0], grad_c0[0]
