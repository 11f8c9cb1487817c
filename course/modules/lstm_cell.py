"""One step of a long short-term memory: a cell that gates decide to keep, to write and to show."""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from course.module import Example
from course.modules._recurrent import RecurrentCell


class LSTMCell(RecurrentCell):
    """c' = f ⊙ c + i ⊙ z and h' = o ⊙ tanh(c'), the state (h, c) being 0 when left out.

    The rows of the weights hold input gate, forget gate, candidate and output gate, in this order:
        (i, f, z, o) = (σ, σ, tanh, σ)(W_ih x + b_ih + W_hh h + b_hh)

    With g_h = ∂L/∂h' and g_c = ∂L/∂c' (lecture 13), c' also acts through h': γ = g_c + g_h ⊙ o ⊙ (1 − tanh² c'). Then
    ∂L/∂c = γ ⊙ f, the gates' gradients before their squashing are
        u_i = γ z i (1 − i)    u_f = γ c f (1 − f)    u_z = γ i (1 − z²)    u_o = g_h tanh(c') o (1 − o)
    and with u = (u_i, u_f, u_z, u_o): ∂L/∂x = u W_ih, ∂L/∂h = u W_hh, ∂L/∂W_ih = uᵀ x, ∂L/∂W_hh = uᵀ h, ∂L/∂b = Σ_rows u.
    """

    formula = r"c' = f \odot c + i \odot z, \quad h' = o \odot \tanh(c')"
    source = "Hochreiter, Schmidhuber: Long short-term memory, Neural Computation 9 (1997); Gers, Schmidhuber, Cummins (2000)"
    lecture = 13
    counterpart = "torch.nn.LSTMCell"

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, *, rng: Generator | None = None) -> None:
        super().__init__(input_size, hidden_size, 4, bias, rng)

    def forward(
        self,
        x: Float[Tensor, "*batch input_size"],
        h: Float[Tensor, "*batch hidden_size"] | None = None,
        c: Float[Tensor, "*batch hidden_size"] | None = None,
    ) -> tuple[Float[Tensor, "*batch hidden_size"], Float[Tensor, "*batch hidden_size"]]:
        h = self.zero_state(x) if h is None else h
        c = torch.zeros_like(h) if c is None else c
        h_after, c_after, memory = lstm_step(self.from_input(x).add_(self.from_state(h)), c)
        self.save(x=x, h=h, c=c, **memory)
        return h_after, c_after

    def backward(
        self, grad_h: Float[Tensor, "*batch hidden_size"] | None, grad_c: Float[Tensor, "*batch hidden_size"] | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        x, h = self.saved["x"], self.saved["h"]
        grad_h = torch.zeros_like(h) if grad_h is None else grad_h
        grad_c = torch.zeros_like(h) if grad_c is None else grad_c
        gates = {name: self.saved[name] for name in ("c", "sigmoids", "candidate", "output", "tanh_c")}
        slopes, through_h, forget = lstm_slopes(**gates)
        grad_c_before = lstm_step_backward(grad_h, grad_c, slopes, through_h, forget)
        grad_x = self.to_input(slopes, x)
        grad_h_before = self.to_state(slopes, h)
        return grad_x, grad_h_before, grad_c_before

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = torch.randn(2 * scale, 2, generator=rng, device=rng.device)
        h = torch.randn(2 * scale, 3, generator=rng, device=rng.device)
        c = torch.randn(2 * scale, 3, generator=rng, device=rng.device)

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


def lstm_step(sums: Tensor, c: Tensor) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """h', c' and what backward needs, from the sums that the gates squash."""
    size = c.shape[-1]
    sigmoids = torch.sigmoid(sums[..., : 2 * size])  # i and f lie side by side
    candidate = torch.tanh(sums[..., 2 * size : 3 * size])
    output = torch.sigmoid(sums[..., 3 * size :])
    i, f = sigmoids.chunk(2, -1)
    c_after = torch.addcmul(f * c, i, candidate)
    tanh_c = torch.tanh(c_after)
    return output * tanh_c, c_after, {"sigmoids": sigmoids, "candidate": candidate, "output": output, "tanh_c": tanh_c}


def lstm_slopes(c: Tensor, sigmoids: Tensor, candidate: Tensor, output: Tensor, tanh_c: Tensor) -> tuple[Tensor, ...]:
    """The factors of u beside γ and g_h, then o (1 − tanh² c') and f. Of one step or of all; each is written where it stays."""
    i, f = sigmoids.chunk(2, -1)
    slopes = c.new_empty(*c.shape[:-1], 4 * c.shape[-1])
    s_i, s_f, s_z, s_o = slopes.chunk(4, -1)
    torch.addcmul(sigmoids, sigmoids, sigmoids, value=-1, out=slopes[..., : 2 * c.shape[-1]])  # i − i² and f − f²
    s_i.mul_(candidate)
    s_f.mul_(c)
    torch.addcmul(i, i * candidate, candidate, value=-1, out=s_z)  # i − i z²
    torch.addcmul(output, output, output, value=-1, out=s_o).mul_(tanh_c)  # (o − o²) tanh c'
    return slopes, torch.addcmul(output, output * tanh_c, tanh_c, value=-1), f


def lstm_step_backward(grad_h: Tensor, grad_c: Tensor, slopes: Tensor, through_h: Tensor, forget: Tensor) -> Tensor:
    """∂L/∂c; the slopes turn into u, the gradient of the gates' sums, in place."""
    grad_c = torch.addcmul(grad_c, grad_h, through_h)  # γ
    slopes.mul_(torch.cat([grad_c, grad_c, grad_c, grad_h], -1))
    return grad_c * forget
