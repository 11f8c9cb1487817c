"""Wrong ways back through an LSTM's cell: slopes of gates, factors, paths, the order of the gates."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from course.checking.diagnosis.mistakes import Mistake
from course.checking.diagnosis.slips.at import At, Slip, slips
from course.checking.diagnosis.slips.cells import (
    CELL,
    Step,
    biased,
    both_maps,
    copied,
    gate_of,
    permuted,
    squash_slope,
    state_of,
    tanh_of,
    through_linear,
    wrong_slope,
)
from course.checking.diagnosis.slips.detours import everywhere, product
from course.checking.diagnosis.slips.squashing import OF_SIGMOID, OF_TANH


@dataclass(frozen=True)
class LstmSteps:
    """The steps of an LSTM's cell, each of which may go back wrongly."""

    i: Step = gate_of
    f: Step = gate_of
    z: Step = tanh_of
    o: Step = gate_of
    keep: Step = torch.mul
    """Of the forget gate and the old cell."""
    write: Step = torch.mul
    """Of the input gate and the candidate."""
    shown: Step = tanh_of
    """Of the new cell."""
    show: Step = torch.mul
    """Of the output gate and the squashed cell."""
    sums: Step = field(default=lambda sums: sums)

    def run(self, sums: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """The new h and c, from the sums before the squashing."""
        i, f, z, o = self.sums(sums).chunk(4, -1)
        after = self.keep(self.f(f), c) + self.write(self.i(i), self.z(z))
        return self.show(self.o(o), self.shown(after)), after


def _with_factor(side: str, other: Callable[[Tensor, Tensor], Tensor | float]) -> Step:
    """A · b, the gradient of one of them being multiplied with something else than the other one."""

    def step(a: Tensor, b: Tensor) -> Tensor:
        return product(a, b, **{f"for_{side}": other(a.detach(), b.detach())})  # type: ignore[arg-type]

    return step


GATES = {"i": "input gate", "f": "forget gate", "o": "output gate"}


def lstm_mistakes() -> Iterator[tuple[LstmSteps, Mistake, str]]:
    """Cells with one wrong step, in words."""
    right = LstmSteps()
    for name, words in GATES.items():
        for slope, what, mistake in OF_SIGMOID:
            step = wrong_slope(torch.sigmoid, slope)
            yield replace(right, **{name: step}), mistake, f"the slope of the {words}'s sigmoid {what}"
    for name, words in (("z", "of the candidate"), ("shown", "between the new cell and h")):
        for slope, what, mistake in OF_TANH:
            step = wrong_slope(torch.tanh, slope)
            yield replace(right, **{name: step}), mistake, f"the slope of the tanh {words} {what}"
    for slope, what, mistake in OF_SIGMOID:
        step = wrong_slope(torch.sigmoid, slope)
        yield replace(right, i=step, f=step, o=step), mistake, f"the slope of the gates' sigmoids {what}"
    for slope, what, mistake in OF_TANH:
        step = wrong_slope(torch.tanh, slope)
        yield replace(right, z=step, shown=step), mistake, f"the slope of both tanh {what}"
    everything = {name: wrong_slope(torch.sigmoid, OF_SIGMOID[0][0]) for name in GATES}
    none = replace(right, **everything, z=wrong_slope(torch.tanh, OF_TANH[0][0]))
    yield none, Mistake.MISSING_FACTOR, "the slopes of all four squashings before the products are left out"
    products = (
        ("write", "i", "a", "the input gate", "the candidate", Mistake.MISSING_FACTOR, None),
        ("write", "z", "b", "the candidate", "the input gate", Mistake.MISSING_FACTOR, None),
        ("keep", "f", "a", "the forget gate", "the old cell", Mistake.MISSING_FACTOR, None),
        ("keep", "c", "b", "the old cell", "the forget gate", Mistake.MISSING_FACTOR, None),
        ("show", "o", "a", "the output gate", "the squashed cell", Mistake.MISSING_FACTOR, None),
        ("show", "tanh", "b", "the cell on its way to h", "the output gate", Mistake.MISSING_FACTOR, None),
    )
    for step, _, side, of, factor, mistake, _ in products:
        lost = replace(right, **{step: _with_factor(side, lambda a, b: 1.0)})
        yield lost, mistake, f"{factor} is left out of the gradient of {of}"
        own = replace(right, **{step: _with_factor(side, lambda a, b, side=side: a if side == "a" else b)})
        what = f"the gradient of {of} is multiplied with itself, not with {factor}"
        yield own, Mistake.WRONG_FACTOR, what
        both = replace(right, **{step: _with_factor(side, lambda a, b: a * b)})
        yield both, Mistake.EXTRA_FACTOR, f"the gradient of {of} is multiplied with the whole product"
        twice = replace(
            right, **{step: _with_factor(side, lambda a, b, side=side: (b if side == "a" else a) ** 2)}
        )
        yield twice, Mistake.EXTRA_FACTOR, f"{factor} is multiplied in twice in the gradient of {of}"
        other = replace(
            right, **{step: _with_factor(side, lambda a, b, side=side: 1 - (b if side == "a" else a))}
        )
        yield other, Mistake.WRONG_FACTOR, f"one minus {factor} stands in the gradient of {of}"
    tanh_twice = replace(right, write=_with_factor("a", lambda a, b: torch.tanh(b)))
    yield (
        tanh_twice,
        Mistake.WRONG_FACTOR,
        "the candidate is squashed once more in the gradient of the input gate",
    )
    for name, words in (
        ("write", "the input gate and the candidate"),
        ("keep", "the forget gate and the old cell"),
    ):
        neither = replace(right, **{name: lambda a, b: product(a, b, for_a=1.0, for_b=1.0)})
        yield neither, Mistake.MISSING_FACTOR, f"of {words}, each is left out of the other's gradient"
    own = {name: (lambda a, b: product(a, b, for_a=a, for_b=b)) for name in ("write", "keep", "show")}
    for name, step in own.items():
        words = {
            "write": "candidate and input gate",
            "keep": "old cell and forget gate",
            "show": "output gate and squashed cell",
        }
        yield (
            replace(right, **{name: step}),
            Mistake.SWAPPED_GRADIENTS,
            f"the gradients of {words[name]} are exchanged: each is multiplied with itself",
        )
    cut = replace(right, shown=lambda after: torch.tanh(after).detach())
    yield cut, Mistake.PATH_LOST, "the way from h back to the new cell is left out: h shows the cell"
    bare = replace(
        right, shown=wrong_slope(torch.tanh, lambda a, s: 1.0), show=_with_factor("b", lambda a, b: 1.0)
    )
    yield (
        bare,
        Mistake.LOCAL_DERIVATIVE_IGNORED,
        "what arrives at h is added to the cell's gradient as it came",
    )
    for name in ("keep", "write"):
        words = "the forget gate and the old cell" if name == "keep" else "the input gate and the candidate"
        lost = replace(right, **{name: lambda a, b: (a * b).detach()})
        yield lost, Mistake.PATH_LOST, f"the way back to {words} is left out"
    for order in itertools.permutations(range(4)):
        if order != (0, 1, 2, 3):
            letters = ", ".join("ifzo"[k] for k in order)
            exchanged = replace(right, sums=permuted(order, 4))
            yield (
                exchanged,
                Mistake.PERMUTED,
                f"the gates' gradients lie side by side as {letters}, not as forward cut its sums",
            )


def exchanged_factors() -> Iterator[
    tuple[Callable[[Tensor, Tensor, LstmSteps], tuple[Tensor, Tensor]], Mistake, str]
]:
    """Factors that come from another place of the cell, as functions of its sums and the old cell."""

    def cell(
        of_i: str | None = None,
        of_f: str | None = None,
        of_z: str | None = None,
        of_c: str | None = None,
        of_o: str | None = None,
        of_t: str | None = None,
    ) -> Callable[[Tensor, Tensor, LstmSteps], tuple[Tensor, Tensor]]:
        def run(sums: Tensor, c: Tensor, steps: LstmSteps) -> tuple[Tensor, Tensor]:
            parts = sums.chunk(4, -1)
            i, f, z, o = steps.i(parts[0]), steps.f(parts[1]), steps.z(parts[2]), steps.o(parts[3])
            after = f * c + i * z
            values = {
                "i": i,
                "f": f,
                "z": z,
                "o": o,
                "c": c,
                "new c": after,
                "tanh c": torch.tanh(c),
                "new h": o * torch.tanh(after),
            }

            def pick(name: str | None) -> Tensor | None:
                return None if name is None else values[name]

            after = product(f, c, for_a=pick(of_f), for_b=pick(of_c)) + product(
                i, z, for_a=pick(of_i), for_b=pick(of_z)
            )
            return product(o, steps.shown(after), for_a=pick(of_o), for_b=pick(of_t)), after

        return run

    wrong = Mistake.WRONG_FACTOR
    yield (
        cell(of_f="new c"),
        wrong,
        "the new cell stands in the forget gate's gradient, forward multiplied the old one",
    )
    yield (
        cell(of_f="tanh c"),
        wrong,
        "the forget gate's gradient has the squashed cell, forward multiplied the cell itself",
    )
    yield (
        cell(of_i="c"),
        wrong,
        "the old cell stands in the input gate's gradient: that one let the candidate in",
    )
    yield (
        cell(of_f="z"),
        wrong,
        "the candidate stands in the forget gate's gradient: that one let the old cell through",
    )
    yield (
        cell(of_z="f"),
        wrong,
        "the forget gate stands in the candidate's gradient: the input gate let it in",
    )
    yield cell(of_c="i"), wrong, "the input gate stands in ∂L/∂c: the forget gate let the old cell through"
    yield cell(of_c="o"), wrong, "the output gate stands in ∂L/∂c: the forget gate let the old cell through"
    yield (
        cell(of_z="o"),
        wrong,
        "the output gate stands in the candidate's gradient: the input gate let it in",
    )
    yield (
        cell(of_o="new c"),
        wrong,
        "the new cell stands in the output gate's gradient: forward squashed it first",
    )
    yield (
        cell(of_o="c"),
        wrong,
        "the old cell stands in the output gate's gradient: forward multiplied the new one, squashed",
    )
    yield (
        cell(of_o="tanh c"),
        wrong,
        "the old cell stands in the output gate's gradient: forward multiplied the new one",
    )
    yield (
        cell(of_o="new h"),
        wrong,
        "the new state stands in the output gate's gradient: it has the gate in it already",
    )
    yield (
        cell(of_t="i"),
        wrong,
        "the input gate stands on the way from h to the cell: the output gate is there",
    )
    yield (
        cell(of_t="f"),
        wrong,
        "the forget gate stands on the way from h to the cell: the output gate is there",
    )
    yield cell(of_i="c", of_f="z"), wrong, "the factors of input gate and forget gate are exchanged"
    yield (
        cell(of_z="f", of_c="i"),
        wrong,
        "input gate and forget gate are exchanged in the gradients of candidate and old cell",
    )


@slips("LSTMCell")
def lstm_cell(at: At) -> Iterator[Slip | None]:
    """One step of an LSTM."""
    like = at.outs[0]

    def told(
        leaves: Mapping[str, Tensor], cell: LstmSteps, run: Callable | None = None
    ) -> tuple[Tensor, Tensor]:
        h, c = (leaves[name] if name in leaves else torch.zeros_like(like) for name in ("h", "c"))
        sums = biased(leaves, leaves["x"] @ leaves["weight_ih"].T, "ih")
        sums = sums + biased(leaves, h @ leaves["weight_hh"].T, "hh")
        return cell.run(sums, c) if run is None else run(sums, c, cell)

    right = LstmSteps()
    grad_h, grad_c = at.grads
    arriving = [
        ((grad_h, None), Mistake.PATH_LOST, "what arrives at c is not used: only h's gradient goes back"),
        ((None, grad_c), Mistake.PATH_LOST, "what arrives at h is not used: only c's gradient goes back"),
        ((grad_c, grad_h), Mistake.SWAPPED_GRADIENTS, "what arrives at h and at c is exchanged"),
        ((grad_h, grad_h), Mistake.WRONG_FACTOR, "what arrives at h is used for c, too"),
    ]
    for grads, mistake, what in arriving:
        yield from everywhere(at, CELL, lambda leaves: told(leaves, right), mistake, what, grads=grads)
    for run, mistake, what in exchanged_factors():
        yield from everywhere(at, CELL, lambda leaves, run=run: told(leaves, right, run), mistake, what)
    for cell, mistake, what in lstm_mistakes():
        yield from everywhere(at, CELL, lambda leaves, cell=cell: told(leaves, cell), mistake, what)
    yield from _of_sums(at, right, told)


def _of_sums(at: At, right: LstmSteps, told: Callable[..., tuple[Tensor, Tensor]]) -> Iterator[Slip | None]:
    """What can go wrong behind the gates: the linear maps; and ∂L/∂c in place of ∂L/∂h."""
    seen: list[Tensor] = []

    def note(sums: Tensor) -> Tensor:
        seen.append(sums)
        return sums

    with torch.enable_grad():
        leaves = {
            name: at[name].detach().clone().requires_grad_()
            for name in CELL
            if name in at and isinstance(at[name], Tensor)
        }
        outs = told(leaves, replace(right, sums=note))
        pairs = [(out, grad) for out, grad in zip(outs, at.grads, strict=True) if grad is not None]
        u, gamma = torch.autograd.grad([o for o, _ in pairs], [seen[0], outs[1]], [g for _, g in pairs])
    sums = seen[0].detach()
    h = state_of(at, "h", at.out)
    yield from both_maps(at, u, u, h)
    yield from copied(at, u, h, "ifzo")
    squashed = torch.tanh(outs[1].detach())
    slope = squash_slope(torch.sigmoid, sums.chunk(4, -1)[3])
    own = gamma * squashed * slope
    what = "the cell's whole gradient goes into the output gate: only what arrives at h passes that gate"
    rest = u[..., : 3 * own.shape[-1]]
    yield from through_linear(at, torch.cat([rest, own], -1), h, Mistake.WRONG_FACTOR, what)
    if at.grads[1] is not None:
        own = at.grads[1] * squashed * slope
        what = "what arrives at c goes into the output gate: only what arrives at h passes that gate"
        yield from through_linear(at, torch.cat([rest, own], -1), h, Mistake.WRONG_FACTOR, what)
    ends = ["i", "f", "z", "o"]
    for k, name in enumerate(ends):
        left: list[Tensor] = list(u.chunk(4, -1))
        left[k] = torch.zeros_like(left[k])
        what = f"the gradient of gate {name} is left out"
        yield from through_linear(at, torch.cat(left, -1), h, Mistake.PATH_LOST, what)
        left[k] = -u.chunk(4, -1)[k]
        yield from through_linear(
            at, torch.cat(left, -1), h, Mistake.SIGN, f"the gradient of gate {name} has the wrong sign"
        )
    if "h" in at and isinstance(at["h"], Tensor):
        yield at.slip(
            "h",
            u @ at["weight_hh"] + (at.grads[0] if at.grads[0] is not None else 0),
            Mistake.EXTRA_TERM,
            "what arrives at h is added to ∂L/∂h: h acts through its weight only",
        )
    if "c" in at and isinstance(at["c"], Tensor):
        yield at.slip("c", gamma, Mistake.MISSING_FACTOR, "the forget gate is left out of ∂L/∂c")
        forget = torch.sigmoid(sums.chunk(4, -1)[1])
        if at.grads[1] is not None:
            yield at.slip(
                "c",
                at.grads[1] * forget,
                Mistake.PATH_LOST,
                "∂L/∂c lacks what arrives through h: h shows the cell",
            )
            yield at.slip(
                "c",
                at.grads[1],
                Mistake.LOCAL_DERIVATIVE_IGNORED,
                "what arrives at c is handed on as it came",
            )
