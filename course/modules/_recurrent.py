"""What the recurrent cells share: their parameters, and the linear maps of input and state into the gates."""

import torch.nn.functional as F
from torch import Generator, Tensor

from course.module import Module, Parameter


class RecurrentCell(Module):
    """A cell whose weights have `gates` · hidden_size rows; initial values lie in torch's ±1/√hidden_size."""

    def __init__(
        self, input_size: int, hidden_size: int, gates: int, bias: bool, rng: Generator | None
    ) -> None:
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        rows, bound = gates * hidden_size, hidden_size**-0.5 if hidden_size > 0 else 0.0
        self.weight_ih = Parameter.uniform((rows, input_size), bound, rng)
        self.weight_hh = Parameter.uniform((rows, hidden_size), bound, rng)
        self.bias_ih = Parameter.uniform((rows,), bound, rng) if bias else None
        self.bias_hh = Parameter.uniform((rows,), bound, rng) if bias else None

    def zero_state(self, x: Tensor) -> Tensor:
        """The state to begin with, when none is given."""
        return x.new_zeros(*x.shape[:-1], self.hidden_size)

    def from_input(self, x: Tensor) -> Tensor:
        """W_ih x + b_ih."""
        return F.linear(x, self.weight_ih.value, None if self.bias_ih is None else self.bias_ih.value)

    def from_state(self, h: Tensor) -> Tensor:
        """W_hh h + b_hh."""
        return F.linear(h, self.weight_hh.value, None if self.bias_hh is None else self.bias_hh.value)

    def to_input(self, grad: Tensor, x: Tensor) -> Tensor:
        """With the gates' gradient u: ∂L/∂x = u W_ih.

        The parameters' gradients gain uᵀ x and Σ_rows u.
        """
        return _linear_backward(grad, x, self.weight_ih, self.bias_ih)

    def to_state(self, grad: Tensor, h: Tensor) -> Tensor:
        """With the gates' gradient u: ∂L/∂h = u W_hh.

        The parameters' gradients gain uᵀ h and Σ_rows u.
        """
        return _linear_backward(grad, h, self.weight_hh, self.bias_hh)


def _linear_backward(grad: Tensor, x: Tensor, weight: Parameter, bias: Parameter | None) -> Tensor:
    rows, grad_rows = x.reshape(-1, x.shape[-1]), grad.reshape(-1, grad.shape[-1])
    weight.add_product(grad_rows.T, rows)
    if bias is not None:
        bias.grad += grad_rows.sum(dim=0)
    return grad @ weight.value
