"""One step of a simple recurrent network."""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example
from course.modules._recurrent import RecurrentCell


class RNNCell(RecurrentCell):
    """h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or with ReLU for tanh; h is 0 when left out.

    With g = ∂L/∂h' (lecture 13) and u = g ⊙ (1 − h'²) for tanh, g ⊙ [h' > 0] for ReLU:
        ∂L/∂x = u W_ih    ∂L/∂h = u W_hh    ∂L/∂W_ih = uᵀ x    ∂L/∂W_hh = uᵀ h
        ∂L/∂b_ih = ∂L/∂b_hh = Σ_rows u

    Raises:
        ValueError: `nonlinearity` is neither "tanh" nor "relu".
    """

    formula = r"h' = \tanh(W_{ih} x + b_{ih} + W_{hh} h + b_{hh})"
    source = "Elman: Finding structure in time, Cognitive Science 14 (1990)"
    lecture = 13
    counterpart = "torch.nn.RNNCell"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        *,
        rng: Generator | None = None,
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"RNNCell: nonlinearity={nonlinearity!r}, expected 'tanh' or 'relu'")
        self.nonlinearity = nonlinearity
        super().__init__(input_size, hidden_size, 1, bias, rng)

    def forward(
        self, x: Float[Tensor, "*batch input_size"], h: Float[Tensor, "*batch hidden_size"] | None = None
    ) -> Float[Tensor, "*batch hidden_size"]:
        h = self.zero_state(x) if h is None else h
        out = self.from_input(x).add_(self.from_state(h))
        out = out.tanh_() if self.nonlinearity == "tanh" else out.relu_()
        self.save(x=x, h=h, out=out)
        return out

    def backward(
        self, grad_output: Float[Tensor, "*batch hidden_size"]
    ) -> tuple[Float[Tensor, "*batch input_size"], Float[Tensor, "*batch hidden_size"]]:
        x, h, out = self.saved["x"], self.saved["h"], self.saved["out"]
        grad = (
            grad_output * (1 - out * out)
            if self.nonlinearity == "tanh"
            else torch.where(out > 0, grad_output, 0.0)
        )
        grad_x = self.to_input(grad, x)
        grad_h = self.to_state(grad, h)
        return grad_x, grad_h

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 3 * scale, 2)
        h = randn(rng, 3 * scale, 4)

        def reference(m: RNNCell, x: Tensor, h: Tensor) -> Tensor:
            joined = torch.cat([x, h], -1) @ torch.cat([m.weight_ih.value, m.weight_hh.value], 1).T
            biases = m.bias_ih.value + m.bias_hh.value if m.bias_ih and m.bias_hh else 0
            return torch.tanh(joined + biases) if m.nonlinearity == "tanh" else torch.relu(joined + biases)

        yield Example(cls(2, 4, rng=rng), (x, h), reference=reference)
        yield Example(cls(2, 4, bias=False, rng=rng), (x, h), reference=reference, label="no bias")
        yield Example(cls(2, 4, nonlinearity="relu", rng=rng), (x, h), reference=reference, label="relu")
        alone = lambda m, x: reference(m, x, torch.zeros(len(x), 4).to(x))  # noqa: E731
        yield Example(cls(2, 4, rng=rng), (x,), reference=alone, label="no state")
