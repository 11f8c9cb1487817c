"""One step of a gated recurrent unit: an LSTM with two gates and no separate cell."""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example
from course.modules._recurrent import RecurrentCell


class GRUCell(RecurrentCell):
    """h' = (1 − z) ⊙ n + z ⊙ h, the state h being 0 when left out.

    The rows of the weights hold reset gate, update gate and candidate, in this order:
        r = σ(W_ir x + b_ir + W_hr h + b_hr)    z = σ(W_iz x + b_iz + W_hz h + b_hz)
        n = tanh(W_in x + b_in + r ⊙ q)
    with q = W_hn h + b_hn.

    With g = ∂L/∂h' (lecture 13), the gradients before the squashing are
        u_n = g (1 − z)(1 − n²)    u_r = u_n q r (1 − r)    u_z = g (h − n) z (1 − z)
    The input's side gets u = (u_r, u_z, u_n): ∂L/∂x = u W_ih, ∂L/∂W_ih = uᵀ x, ∂L/∂b_ih = Σ_rows u; the
    state's side v = (u_r, u_z, u_n r): ∂L/∂h = v W_hh + g z, ∂L/∂W_hh = vᵀ h, ∂L/∂b_hh = Σ_rows v.
    """

    formula = (
        r"h' = (1 - z) \odot n + z \odot h, \quad n = \tanh(W_{in} x + b_{in} + r \odot (W_{hn} h + "
        r"b_{hn}))"
    )
    source = "Cho et al.: Learning phrase representations using RNN encoder-decoder, EMNLP (2014)"
    lecture = 13
    counterpart = "torch.nn.GRUCell"

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, *, rng: Generator | None = None
    ) -> None:
        super().__init__(input_size, hidden_size, 3, bias, rng)

    def forward(
        self, x: Float[Tensor, "*batch input_size"], h: Float[Tensor, "*batch hidden_size"] | None = None
    ) -> Float[Tensor, "*batch hidden_size"]:
        h = self.zero_state(x) if h is None else h
        from_x, from_h = self.from_input(x), self.from_state(h)
        gates = torch.sigmoid(from_x[..., : 2 * self.hidden_size] + from_h[..., : 2 * self.hidden_size])
        r, z = gates.chunk(2, -1)
        q = from_h[..., 2 * self.hidden_size :]
        n = torch.addcmul(from_x[..., 2 * self.hidden_size :], r, q).tanh_()
        self.save(x=x, h=h, gates=gates, q=q, n=n)
        return torch.lerp(n, h, z)  # n + z (h − n)

    def backward(
        self, grad_output: Float[Tensor, "*batch hidden_size"]
    ) -> tuple[Float[Tensor, "*batch input_size"], Float[Tensor, "*batch hidden_size"]]:
        x, h, gates, q, n = (self.saved[name] for name in ("x", "h", "gates", "q", "n"))
        r, z = gates.chunk(2, -1)
        u_n = grad_output * (1 - z) * (1 - n * n)
        u_r = u_n * q * r * (1 - r)
        u_z = grad_output * (h - n) * z * (1 - z)
        grad_x = self.to_input(torch.cat([u_r, u_z, u_n], -1), x)
        grad_h = self.to_state(torch.cat([u_r, u_z, u_n * r], -1), h)
        return grad_x, torch.addcmul(grad_h, grad_output, z)

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 2 * scale, 2)
        h = randn(rng, 2 * scale, 3)

        def reference(m: GRUCell, x: Tensor, h: Tensor) -> Tensor:
            bias_ih, bias_hh = (
                b.value if b is not None else torch.zeros(9).to(x) for b in (m.bias_ih, m.bias_hh)
            )
            i_r, i_z, i_n = (x @ m.weight_ih.value.T + bias_ih).view(-1, 3, 3).unbind(1)
            h_r, h_z, h_n = (h @ m.weight_hh.value.T + bias_hh).view(-1, 3, 3).unbind(1)
            z, n = 1 / (1 + torch.exp(-i_z - h_z)), torch.tanh(i_n + h_n / (1 + torch.exp(-i_r - h_r)))
            return (1 - z) * n + z * h

        yield Example(cls(2, 3, rng=rng), (x, h), reference=reference)
        yield Example(cls(2, 3, bias=False, rng=rng), (x, h), reference=reference, label="no bias")
        alone = lambda m, x: reference(m, x, torch.zeros_like(h).to(x))  # noqa: E731
        yield Example(cls(2, 3, rng=rng), (x,), reference=alone, label="no state")
