"""A long short-term memory over whole sequences: layers of LSTM cells, each run along time."""

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.errors import RankError, SizeError
from course.module import Example, Module, Parameter
from course.modules._dropout import dropout_factors

RunForward = Callable[[Module, str, Tensor, Tensor, Tensor], tuple[Tensor, Tensor, Tensor, dict[str, Tensor]]]
RunBackward = Callable[
    [Module, str, dict[str, Tensor], Tensor | None, Tensor | None, Tensor | None],
    tuple[Tensor, Tensor, Tensor],
]


class LSTM(Module):
    """In every layer and direction, (h_t, c_t) = LSTMCell(x_t, h_{t−1}, c_{t−1}).

    The next layer reads h_1 … h_T.

    forward(x, h0, c0) takes x as time × batch × input_size (batch first with batch_first=True, without a
    batch also) and gives the last layer's outputs, and the final h and c of each layer and direction; the
    state is 0 when left out. The parameters are those of LSTMCell, named as in torch: weight_ih_l0,
    weight_hh_l0, … and with the ending _reverse for the direction from the last step to the first. With a
    proj_size, h_t = W_hr (o_t ⊙ tanh c_t). `dropout` acts between layers while training.

    Backpropagation through time (lecture 13) goes from the last step to the first, as Unroll(LSTMCell) does,
    but faster: only u_t W_hh must wait for its turn. The input's part of all gates is one matrix product
    before the loop, and one product each after it gives, with u = (u_1 … u_T),
        ∂L/∂x = u W_ih    ∂L/∂W_ih = uᵀ x    ∂L/∂W_hh = uᵀ (h_0 … h_{T−1})    ∂L/∂b_ih = ∂L/∂b_hh = Σ u

    Raises:
        ValueError: a size below 1, a proj_size that is not below hidden_size, or a dropout outside [0, 1].
        SizeError: the sequence has no step.
    """

    formula = r"(h_t, c_t) = \mathrm{LSTMCell}(x_t, h_{t-1}, c_{t-1}), \quad t = 1 \dots T"
    source = "Hochreiter, Schmidhuber: Long short-term memory, Neural Computation 9 (1997)"
    lecture = 13
    counterpart = "torch.nn.LSTM"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        *,
        rng: Generator | None = None,
    ) -> None:
        if (
            min(input_size, hidden_size, num_layers) < 1
            or not 0 <= proj_size < hidden_size
            or not 0 <= dropout <= 1
        ):
            given = f"{input_size=}, {hidden_size=}, {num_layers=}, {proj_size=}, {dropout=}"
            raise ValueError(
                f"LSTM: {given}: sizes are at least 1, proj_size is below hidden_size, dropout within [0, 1]"
            )
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout = bias, batch_first, dropout
        self.bidirectional, self.proj_size, self.rng = bidirectional, proj_size, rng
        out_size, bound = proj_size or hidden_size, hidden_size**-0.5
        for layer in range(num_layers):
            in_size = input_size if layer == 0 else out_size * (1 + bidirectional)
            for ending in self._endings(layer):
                shapes = {"weight_ih": (4 * hidden_size, in_size), "weight_hh": (4 * hidden_size, out_size)}
                shapes |= {"bias_ih": (4 * hidden_size,), "bias_hh": (4 * hidden_size,)} if bias else {}
                shapes |= {"weight_hr": (proj_size, hidden_size)} if proj_size else {}
                for name, shape in shapes.items():
                    setattr(self, name + ending, Parameter.uniform(shape, bound, rng))

    def _endings(self, layer: int) -> tuple[str, ...]:
        return (f"_l{layer}", f"_l{layer}_reverse") if self.bidirectional else (f"_l{layer}",)

    def forward(
        self,
        x: Float[Tensor, "*steps input_size"],
        h0: Float[Tensor, "..."] | None = None,
        c0: Float[Tensor, "..."] | None = None,
    ) -> tuple[Float[Tensor, "..."], Float[Tensor, "..."], Float[Tensor, "..."]]:
        return self.through_layers(run_forward, x, h0, c0)

    def backward(
        self,
        grad_output: Float[Tensor, "..."] | None,
        grad_h: Float[Tensor, "..."] | None = None,
        grad_c: Float[Tensor, "..."] | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        return self.back_through_layers(run_backward, grad_output, grad_h, grad_c)

    def through_layers(
        self, run: RunForward, x: Tensor, h0: Tensor | None, c0: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Layer upon layer, each of them one run, or one in each direction."""
        if x.dim() not in (2, 3):
            raise RankError(
                f"LSTM: argument 'x' has shape {tuple(x.shape)}, expected (time, batch, "
                f"input_size={self.input_size})"
            )
        steps = self._time_first(x)
        if not len(steps):
            raise SizeError(
                f"LSTM: argument 'x' has shape {tuple(x.shape)}, expected at least one step in time"
            )
        count, batch = self.num_layers * (1 + self.bidirectional), steps.shape[1]
        h0 = self._state("h0", h0, x, (count, batch, self.proj_size or self.hidden_size))
        c0 = self._state("c0", c0, x, (count, batch, self.hidden_size))
        runs, masks, finals = [], [], []
        for layer in range(self.num_layers):
            if layer and self.training and self.dropout:
                masks.append(dropout_factors(steps, self.dropout, self.rng))
                steps = steps * masks[-1]
            outputs = []
            for ending in self._endings(layer):
                output, h, c, memory = run(self, ending, steps, h0[len(runs)], c0[len(runs)])
                outputs.append(output)
                finals.append((h, c))
                runs.append(memory)
            steps = outputs[0] if len(outputs) == 1 else torch.cat(outputs, -1)
        self.save(runs=runs, masks=masks, unbatched=x.dim() == 2)
        h, c = (torch.stack(parts) for parts in zip(*finals, strict=True))
        return self._as_given(steps, x.dim() == 2), *((h[:, 0], c[:, 0]) if x.dim() == 2 else (h, c))

    def back_through_layers(
        self, run: RunBackward, grad_output: Tensor | None, grad_h: Tensor | None, grad_c: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """From the last layer to the first, each of their runs backward."""
        runs, unbatched = list(self.saved["runs"]), self.saved["unbatched"]
        masks = list(self.saved["masks"])
        steps = grad_output if grad_output is None else self._time_first(grad_output)
        grad_h, grad_c = (g if g is None or not unbatched else g[:, None] for g in (grad_h, grad_c))
        grads_h0, grads_c0 = [], []
        for layer in reversed(range(self.num_layers)):
            grad_x = None
            endings = self._endings(layer)
            parts = (None,) * len(endings) if steps is None else steps.chunk(len(endings), -1)
            for ending, part in reversed(list(zip(endings, parts, strict=True))):
                memory, position = runs.pop(), len(runs)
                last = (None if g is None else g[position] for g in (grad_h, grad_c))
                grad, grad_h0, grad_c0 = run(self, ending, memory, part, *last)
                grad_x = grad if grad_x is None else grad_x + grad
                grads_h0.append(grad_h0)
                grads_c0.append(grad_c0)
            steps = grad_x * masks.pop() if masks and grad_x is not None else grad_x
        assert steps is not None
        grad_h0, grad_c0 = (torch.stack(grads[::-1]) for grads in (grads_h0, grads_c0))
        states = (grad_h0[:, 0], grad_c0[:, 0]) if unbatched else (grad_h0, grad_c0)
        return self._as_given(steps, unbatched), *states

    def _time_first(self, x: Tensor) -> Tensor:
        """Time × batch × features, from what the caller has."""
        return x[:, None] if x.dim() == 2 else x.transpose(0, 1) if self.batch_first else x

    def _as_given(self, x: Tensor, unbatched: bool) -> Tensor:
        """The other way round."""
        return x[:, 0] if unbatched else x.transpose(0, 1) if self.batch_first else x

    @staticmethod
    def _state(name: str, state: Tensor | None, x: Tensor, shape: tuple[int, int, int]) -> Tensor:
        """A state to begin with: layers and directions × batch × size."""
        if state is None:
            return x.new_zeros(shape)
        expected = shape if x.dim() == 3 else (shape[0], shape[2])
        if tuple(state.shape) != expected:
            raise SizeError(f"LSTM: argument '{name}' has shape {tuple(state.shape)}, expected {expected}")
        return state.reshape(shape)

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 2 + scale, 2, 2)
        h = randn(rng, 1, 2, 3)

        def reference(m: LSTM, x: Tensor, h0: Tensor, c0: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            weights = [parameter.value for parameter in m.parameters()]  # in torch's order
            outputs = torch.lstm(
                x, (h0, c0), weights, m.bias, m.num_layers, 0.0, False, m.bidirectional, m.batch_first
            )
            return outputs[0], outputs[1], outputs[2]

        yield Example(cls(2, 3, rng=rng), (x, h, 0.5 * h), reference=reference)
        alone = lambda m, x: reference(m, x, torch.zeros_like(h).to(x), torch.zeros_like(h).to(x))  # noqa: E731
        yield Example(cls(2, 3, rng=rng), (x,), reference=alone, label="no state")
        hs, cs = randn(rng, 2, 4, 2, 3)
        both = cls(2, 3, 2, bidirectional=True, rng=rng)
        yield Example(both, (x, hs, cs), reference=reference, label="two layers, both directions")
        projected = cls(2, 3, 2, bias=False, batch_first=True, proj_size=2, rng=rng)
        batches = (x.transpose(0, 1).contiguous(), hs[:2, :, :2].contiguous(), cs[:2])
        yield Example(projected, batches, reference=reference, label="projection, batch first")

        def unbatched(m: LSTM, x: Tensor, h0: Tensor, c0: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            out, h, c = reference(m, x[None], h0[:, None], c0[:, None])
            return out[0], h[:, 0], c[:, 0]

        single = cls(2, 3, batch_first=True, bidirectional=True, rng=rng)
        yield Example(
            single,
            (x[:, 0], hs[:2, 0], cs[:2, 0]),
            reference=unbatched,
            label="one sequence, both directions",
        )

        def dropped(m: LSTM, x: Tensor, h0: Tensor, c0: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            weights = [parameter.value for parameter in m.parameters()]
            options = (True, 1, 0.0, False, False, False)
            between, h1, c1 = torch.lstm(x, (h0[:1], c0[:1]), weights[:4], *options)
            # draws what the module will draw, without using it up
            again = None if m.rng is None else m.rng.clone_state()
            between = between * dropout_factors(between, m.dropout, again)
            out, h2, c2 = torch.lstm(between, (h0[1:], c0[1:]), weights[4:], *options)
            return out, torch.cat([h1, h2]), torch.cat([c1, c2])

        between = cls(2, 3, 2, dropout=0.4, rng=rng.clone_state())
        yield Example(between, (x, hs[:2], cs[:2]), reference=dropped, label="dropout between layers")


def run_forward(
    lstm: Module, ending: str, x: Tensor, h: Tensor, c: Tensor
) -> tuple[Tensor, Tensor, Tensor, dict[str, Tensor]]:
    """One layer in one direction: its outputs, the last h and c, and what backward reads, step after step."""
    own = {name: parameter.value for name, parameter in own_parameters(lstm, ending).items()}
    reverse, weight_hr = ending.endswith("_reverse"), own.get("weight_hr")
    from_input = F.linear(x, own["weight_ih"], own["bias_ih"] + own["bias_hh"] if "bias_ih" in own else None)
    sums = from_input.flip(0) if reverse else from_input
    weight_hh, h0 = own["weight_hh"].T.contiguous(), h
    steps, outputs = [], []
    for t in range(len(x)):
        i, f, z, o = sums[t].addmm_(h, weight_hh).chunk(4, -1)
        # tanh takes a whole block of memory three times as fast as a part of each row
        i, f, z, o = torch.sigmoid(i), torch.sigmoid(f), torch.tanh(z.clone()), torch.sigmoid(o)
        c_before, c = c, f * c + i * z
        tanh_c = torch.tanh(c)
        h = o * tanh_c
        h = h if weight_hr is None else h @ weight_hr.T
        steps.append((i, f, z, o, c_before, tanh_c))
        outputs.append(h)
    i, f, z, o, c_before, tanh_c = (torch.stack(of_steps) for of_steps in zip(*steps, strict=True))
    out = torch.stack(outputs)
    memory = {"x": x, "h0": h0, "h": out, "i": i, "f": f, "z": z, "o": o, "c": c_before, "tanh_c": tanh_c}
    return out.flip(0) if reverse else out, h, c, memory


def run_backward(
    lstm: Module,
    ending: str,
    memory: dict[str, Tensor],
    grad_output: Tensor | None,
    grad_h: Tensor | None,
    grad_c: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of x and of the h and c before the first step; those of the parameters are added."""
    own, reverse = own_parameters(lstm, ending), ending.endswith("_reverse")
    weight_hh, weight_hr = own["weight_hh"].value, own.get("weight_hr")
    x, h0, h, i, f, z, o, c, tanh_c = (
        memory[name] for name in ("x", "h0", "h", "i", "f", "z", "o", "c", "tanh_c")
    )
    if reverse:
        x, grad_output = x.flip(0), None if grad_output is None else grad_output.flip(0)
    # As in LSTMCell, of all steps at once: how g_h adds to γ, and what turns (γ, γ, γ, g_h) into u.
    through_h = (1 - tanh_c * tanh_c).mul_(o)
    of_i, of_f = (1 - i).mul_(i).mul_(z), (1 - f).mul_(f).mul_(c)
    of_z, of_o = (1 - z * z).mul_(i), (1 - o).mul_(o).mul_(tanh_c)
    slopes = torch.cat([of_i, of_f, of_z, of_o], -1)
    grads_h = torch.zeros_like(h) if grad_output is None else grad_output.clone()
    if grad_h is not None:
        grads_h[-1] += grad_h
    grad_h0 = torch.zeros_like(h0)
    grad_c = torch.zeros_like(c[0]) if grad_c is None else grad_c
    before = [grad_h0, *grads_h[:-1]]  # step t sends its gradient to h_{t−1}
    steps = zip(before, grads_h, through_h, slopes, f, strict=True)
    for grad_before, grad_h, through, u, keep in reversed(list(steps)):
        grad_h = grad_h if weight_hr is None else grad_h @ weight_hr.value
        gamma = torch.addcmul(grad_c, grad_h, through)
        u.mul_(torch.cat([gamma, gamma, gamma, grad_h], -1))  # the slopes of this step turn into its u
        grad_before.addmm_(u, weight_hh)
        grad_c = gamma * keep
    rows = slopes.flatten(0, 1)  # u of all steps
    own["weight_ih"].add_product(rows.T, x.flatten(0, 1))
    own["weight_hh"].add_product(rows.T, torch.cat([h0[None], h[:-1]]).flatten(0, 1))
    grad_bias = rows.sum(dim=0)
    for name in own.keys() & {"bias_ih", "bias_hh"}:
        own[name].grad += grad_bias
    if weight_hr is not None:
        weight_hr.add_product(grads_h.flatten(0, 1).T, (o * tanh_c).flatten(0, 1))
    grad_x = slopes @ own["weight_ih"].value
    return grad_x.flip(0) if reverse else grad_x, grad_h0, grad_c


def own_parameters(lstm: Module, ending: str) -> dict[str, Parameter]:
    """The parameters of one layer in one direction, by their names without the ending."""
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")
    return {name: vars(lstm)[name + ending] for name in names if name + ending in vars(lstm)}
