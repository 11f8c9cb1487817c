"""One run of an LSTM along time in a single kernel, oneDNN's: what `Run` and `run_backward` in lstm.py compute step by step.

The derivation is the one beside `LSTM` and `LSTMCell`, and tests compare the two. The kernel serves float32 on a CPU, with
biases and without projection; everywhere else, and whenever torch records, the steps are run one by one.
"""

import torch
from torch import Tensor

from course.module import Parameter

LSTM_KIND = 2
"""oneDNN's number for an LSTM among its recurrent networks (ideep::rnn_kind::LSTM)."""


def can_fuse(x: Tensor, values: dict[str, Tensor]) -> bool:
    """Whether the kernel knows this case."""
    known = x.device.type == "cpu" and x.dtype == torch.float32 and torch.backends.mkldnn.is_available()
    all_biases = set(values) == {"weight_ih", "weight_hh", "bias_ih", "bias_hh"}
    return known and all_biases and x.numel() > 0 and not torch.is_grad_enabled()


def fused_forward(x: Tensor, h: Tensor, c: Tensor, values: dict[str, Tensor], reverse: bool) -> dict[str, Tensor]:
    """The outputs of all steps, the last h and c, and what backward needs, `workspace`, the kernel's own notes."""
    x, h, c = x.contiguous(), h[None].contiguous(), c[None].contiguous()
    size, weights = h.shape[-1], list(values.values())
    with (
        torch.enable_grad()
    ):  # without it the kernel takes no notes; nothing here requires a gradient, so torch records nothing
        outputs, last_h, last_c, workspace = torch.ops.aten.mkldnn_rnn_layer(
            x, *weights, h, c, reverse, [], LSTM_KIND, size, 1, True, False, False, True
        )
    return {"x": x, "h": h, "c": c, "outputs": outputs, "last_h": last_h, "last_c": last_c, "workspace": workspace}


def fused_backward(
    memory: dict[str, Tensor],
    parameters: dict[str, Parameter],
    reverse: bool,
    grad_output: Tensor | None,
    grad_h: Tensor | None,
    grad_c: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of x, h and c; those of the parameters are added."""
    outputs, last_h, last_c = memory["outputs"], memory["last_h"], memory["last_c"]
    grads = (
        torch.zeros_like(outputs) if grad_output is None else grad_output.contiguous(),
        torch.zeros_like(last_h) if grad_h is None else grad_h[None].contiguous(),
        torch.zeros_like(last_c) if grad_c is None else grad_c[None].contiguous(),
    )
    weights = [parameter.value for parameter in parameters.values()]
    states = (memory["h"], memory["c"], outputs, last_h, last_c)
    size = last_h.shape[-1]
    with torch.enable_grad():
        found = torch.ops.aten.mkldnn_rnn_layer_backward(
            *(memory["x"], *weights, *states, *grads),
            *(reverse, LSTM_KIND, size, 1, True, True, False, [], False, memory["workspace"]),
        )
    grads = (*found[1:3], found[3], found[4].clone())  # the kernel may give both biases one tensor
    for parameter, grad in zip(parameters.values(), grads, strict=True):
        if parameter.has_grad:
            parameter.grad += grad
        else:
            parameter.grad = grad
    return found[0], found[5][0], found[6][0]
