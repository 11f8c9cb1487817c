"""One step of a long short-term memory: a cell that gates decide to keep, to write and to show."""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example
from course.modules._recurrent import RecurrentCell


class LSTMCell(RecurrentCell):
    """c' = f ⊙ c + i ⊙ z and h' = o ⊙ tanh(c'), the state (h, c) being 0 when left out.

    The rows of the weights hold input gate, forget gate, candidate and output gate, in this order:
        (i, f, z, o) = (σ, σ, tanh, σ)(W_ih x + b_ih + W_hh h + b_hh)

    With g_h = ∂L/∂h' and g_c = ∂L/∂c' (lecture 13), c' also acts through h': γ = g_c + g_h ⊙ o ⊙ (1 − tanh²
    c'). Then ∂L/∂c = γ ⊙ f, the gates' gradients before their squashing are
        u_i = γ z i (1 − i)    u_f = γ c f (1 − f)    u_z = γ i (1 − z²)    u_o = g_h tanh(c') o (1 − o)
    and with u = (u_i, u_f, u_z, u_o): ∂L/∂x = u W_ih, ∂L/∂h = u W_hh, ∂L/∂W_ih = uᵀ x, ∂L/∂W_hh = uᵀ h, ∂L/∂b
    = Σ_rows u.
    """

    formula = r"c' = f \odot c + i \odot z, \quad h' = o \odot \tanh(c')"
    source = (
        "Hochreiter, Schmidhuber: Long short-term memory, Neural Computation 9 (1997); Gers, "
        "Schmidhuber, Cummins (2000)"
    )
    lecture = 13
    counterpart = "torch.nn.LSTMCell"

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, *, rng: Generator | None = None
    ) -> None:
        super().__init__(input_size, hidden_size, 4, bias, rng)

    def forward(
        self,
        x: Float[Tensor, "*batch input_size"],
        h: Float[Tensor, "*batch hidden_size"] | None = None,
        c: Float[Tensor, "*batch hidden_size"] | None = None,
    ) -> tuple[Float[Tensor, "*batch hidden_size"], Float[Tensor, "*batch hidden_size"]]:
        h = self.zero_state(x) if h is None else h
        c = torch.zeros_like(h) if c is None else c
        i, f, z, o = (self.from_input(x) + self.from_state(h)).chunk(4, -1)
        i, f, z, o = torch.sigmoid(i), torch.sigmoid(f), torch.tanh(z), torch.sigmoid(o)
        c_after = f * c + i * z
        tanh_c = torch.tanh(c_after)
        self.save(x=x, h=h, c=c, i=i, f=f, z=z, o=o, tanh_c=tanh_c)
        return o * tanh_c, c_after

    def backward(
        self,
        grad_h: Float[Tensor, "*batch hidden_size"] | None,
        grad_c: Float[Tensor, "*batch hidden_size"] | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        x, h, c, i, f, z, o, tanh_c = (
            self.saved[name] for name in ("x", "h", "c", "i", "f", "z", "o", "tanh_c")
        )
        grad_h = torch.zeros_like(h) if grad_h is None else grad_h
        grad_c = torch.zeros_like(h) if grad_c is None else grad_c
        gamma = grad_c + grad_h * o * (1 - tanh_c * tanh_c)
        u_i, u_f = gamma * z * i * (1 - i), gamma * c * f * (1 - f)
        u_z, u_o = gamma * i * (1 - z * z), grad_h * tanh_c * o * (1 - o)
        u = torch.cat([u_i, u_f, u_z, u_o], -1)
        return self.to_input(u, x), self.to_state(u, h), gamma * f

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 2 * scale, 2)
        h = randn(rng, 2 * scale, 3)
        c = randn(rng, 2 * scale, 3)

        def reference(m: LSTMCell, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
            sums = torch.cat([x, h], -1) @ torch.cat([m.weight_ih.value, m.weight_hh.value], 1).T
            if m.bias_ih and m.bias_hh:
                sums = sums + m.bias_ih.value + m.bias_hh.value
            i, f, z, o = sums.view(-1, 4, 3).unbind(1)
            cell = c / (1 + torch.exp(-f)) + torch.tanh(z) / (1 + torch.exp(-i))
            return torch.tanh(cell) / (1 + torch.exp(-o)), cell

        yield Example(cls(2, 3, rng=rng), (x, h, c), reference=reference)
        yield Example(cls(2, 3, bias=False, rng=rng), (x, h, c), reference=reference, label="no bias")
        alone = lambda m, x: reference(m, x, torch.zeros_like(h).to(x), torch.zeros_like(c).to(x))  # noqa: E731
        yield Example(cls(2, 3, rng=rng), (x,), reference=alone, label="no state")
