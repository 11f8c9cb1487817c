"""Wrong ways back through the cells with one state: the simple one, and the GRU with its gates."""

import itertools
from collections.abc import Iterator, Mapping
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
    linear_of,
    permuted,
    squash_slope,
    state_of,
    tanh_of,
    through_linear,
    wrong_slope,
)
from course.checking.diagnosis.slips.detours import as_if, everywhere, product
from course.checking.diagnosis.slips.squashing import OF_SIGMOID, OF_TANH


@slips("RNNCell")
def rnn_cell(at: At) -> Iterator[Slip | None]:
    """A squashed sum of two linear maps."""
    x, g, out = at["x"], at.grad, at.out
    h = state_of(at, "h", out)
    sums = linear_of(x, at["weight_ih"], None) + linear_of(h, at["weight_hh"], None)
    for name in ("bias_ih", "bias_hh"):
        sums = sums + at[name] if name in at else sums
    if torch.allclose(out, torch.tanh(sums)):
        slope = squash_slope(torch.tanh, sums)
        wrong: list[tuple[Tensor, str, Mistake]] = [
            (g * slope(out, sums), f"the slope of tanh {what}", mistake) for slope, what, mistake in OF_TANH
        ]
        wrong += [
            (
                g - out * out,
                "grad_output is multiplied with the first term of tanh's slope only",
                Mistake.MISPLACED_FACTOR,
            ),
            (g + slope, "grad_output is added to tanh's slope, not multiplied with it", Mistake.WRONG_FACTOR),
            (slope, "grad_output is not used, only tanh's slope", Mistake.UPSTREAM_IGNORED),
            (g * (out > 0), "the slope is that of a ReLU", Mistake.OTHER_FORMULA),
        ]
        if h.shape == out.shape:
            wrong += [
                (
                    g - g * h * h,
                    "tanh's slope is written with the old state, not the new one",
                    Mistake.INPUT_FOR_OUTPUT,
                )
            ]
        right = g * slope
    else:
        right = g * (out > 0)
        wrong = [
            (g, "the mask of the ReLU is not applied", Mistake.MASK_MISSING),
            (
                g * out,
                "grad_output is multiplied with the output, not with the ReLU's mask",
                Mistake.WRONG_FACTOR,
            ),
            (g * (out <= 0), "the ReLU's mask is the wrong way round", Mistake.MASK_MISSING),
            (g * (h > 0), "the ReLU's mask is that of the old state", Mistake.WRONG_FACTOR),
            (
                g * sums.sign(),
                "grad_output is multiplied with the sign, not with the ReLU's mask",
                Mistake.WRONG_FACTOR,
            ),
            (
                g - g * out * out,
                "the slope is that of tanh, but this cell has a ReLU",
                Mistake.OTHER_FORMULA,
            ),
            ((out > 0).to(g), "grad_output is not used, only the ReLU's mask", Mistake.UPSTREAM_IGNORED),
        ]
        if x.shape == out.shape:
            wrong += [(g * (x > 0), "the ReLU's mask is that of x, not of the sum", Mistake.WRONG_FACTOR)]
    for grad, what, mistake in wrong:
        yield from through_linear(at, grad, h, mistake, what)
    yield from both_maps(at, right, right, h)
    if "h" in at and isinstance(at["h"], Tensor):
        back = right @ at["weight_hh"]
        yield at.slip(
            "h",
            back + g,
            Mistake.EXTRA_TERM,
            "grad_output itself is added to ∂L/∂h: h acts through its weight only",
        )
        yield at.slip(
            "h",
            back - back * h * h,
            Mistake.EXTRA_FACTOR,
            "∂L/∂h has the slope of the step before as well: that is this step's input",
        )
        yield at.slip("h", right, Mistake.MISSING_FACTOR, "weight_hh is left out of ∂L/∂h")
        yield at.slip("h", g, Mistake.LOCAL_DERIVATIVE_IGNORED, "grad_output is handed on to h as it came")
    yield at.slip(
        "x",
        lambda: right.view(x.shape),
        Mistake.MISSING_FACTOR,
        "weight_ih is left out of ∂L/∂x",
    )


@dataclass(frozen=True)
class _Gru:
    """The steps of a GRU's cell, each of which may go back wrongly."""

    r: Step = gate_of
    z: Step = gate_of
    n: Step = tanh_of
    reset: Step = torch.mul
    """Of the reset gate and the state's part of the candidate."""
    mix: Step = field(default=lambda z, n, h: (1 - z) * n + z * h)
    from_x: Step = field(default=lambda sums, r: sums)
    """The input's side, with the reset gate."""
    order: Step = field(default=lambda sums: sums)

    def run(self, from_x: Tensor, from_h: Tensor, h: Tensor) -> Tensor:
        x_r, x_z, x_n = self.order(from_x).chunk(3, -1)
        h_r, h_z, h_n = self.order(from_h).chunk(3, -1)
        r, z = self.r(x_r + h_r), self.z(x_z + h_z)
        n = self.n(self.from_x(x_n, r) + self.reset(r, h_n))
        return self.mix(z, n, h)


def _mixed(
    z: Tensor,
    n: Tensor,
    h: Tensor,
    for_z: Tensor | None = None,
    for_n: Tensor | float | None = None,
    for_h: Tensor | float | None = None,
) -> Tensor:
    """The mixture of candidate and old state, with other slopes."""
    slopes = [
        n.new_zeros(()) + slope
        for slope in (
            h - n if for_z is None else for_z,
            1 - z if for_n is None else for_n,
            z if for_h is None else for_h,
        )
    ]
    pretended = [inner * slope.detach() for inner, slope in zip((z, n, h), slopes, strict=True)]
    return as_if((1 - z) * n + z * h, sum(pretended[1:], pretended[0]))


def _gru_mistakes() -> Iterator[tuple[_Gru, Mistake, str]]:
    """Cells with one wrong step, in words."""
    right = _Gru()
    mixes: list[tuple[Step, Mistake, str]] = [
        (
            lambda z, n, h: _mixed(z, n, h, for_z=n - h),
            Mistake.SIGN,
            "the update gate's gradient has the wrong sign: candidate and old state are exchanged",
        ),
        (
            lambda z, n, h: _mixed(z, n, h, for_z=h),
            Mistake.PATH_LOST,
            "the candidate is left out of the update gate's gradient: what lets h through takes it away",
        ),
        (
            lambda z, n, h: _mixed(z, n, h, for_z=-n),
            Mistake.PATH_LOST,
            "the old state is left out of the update gate's gradient",
        ),
        (
            lambda z, n, h: _mixed(z, n, h, for_z=n),
            Mistake.WRONG_FACTOR,
            "the update gate's gradient has the candidate alone",
        ),
        (
            lambda z, n, h: _mixed(z, n, h, for_z=h + n),
            Mistake.SIGN,
            "the update gate's gradient has the sum of old state and candidate",
        ),
        (
            lambda z, n, h: _mixed(z, n, h, for_z=torch.ones_like(z)),
            Mistake.MISSING_FACTOR,
            "old state and candidate are left out of the update gate's gradient",
        ),
        (
            lambda z, n, h: _mixed(z, n, h, for_n=z),
            Mistake.WRONG_FACTOR,
            "the update gate stands in the candidate's gradient where its complement let the candidate in",
        ),
        (
            lambda z, n, h: _mixed(z, n, h, for_h=1 - z),
            Mistake.WRONG_FACTOR,
            "the complement of the update gate stands in ∂L/∂h, on the direct way",
        ),
        (
            lambda z, n, h: _mixed(z, n, h, for_n=z, for_h=1 - z),
            Mistake.WRONG_FACTOR,
            "the update gate and its complement are exchanged, in the gradients of candidate and old state",
        ),
        (
            lambda z, n, h: _mixed(z, n, h, for_z=n - h, for_n=z, for_h=1 - z),
            Mistake.OTHER_FORMULA,
            "this is the gradient of the other convention, (1 − z) h + z n: z and 1 − z are exchanged",
        ),
        (
            lambda z, n, h: _mixed(z, n, h, for_n=1.0),
            Mistake.MISSING_FACTOR,
            "the update gate is left out of the candidate's gradient",
        ),
        (
            lambda z, n, h: _mixed(z, n, h, for_h=1.0),
            Mistake.MISSING_FACTOR,
            "the update gate is left out of ∂L/∂h, on the direct way",
        ),
        (
            lambda z, n, h: _mixed(z, n, h, for_h=torch.zeros_like(z)),
            Mistake.PATH_LOST,
            "the direct way from the old state to the new one is left out",
        ),
        (
            lambda z, n, h: _mixed(z, n, h, for_n=z - 1),
            Mistake.SIGN,
            "the candidate's gradient has the wrong sign",
        ),
        (
            lambda z, n, h: _mixed(z, n, h, for_n=torch.zeros_like(z)),
            Mistake.PATH_LOST,
            "the way back through the candidate is left out",
        ),
        (
            lambda z, n, h: _mixed(z, n, h, for_z=torch.zeros_like(z)),
            Mistake.PATH_LOST,
            "the way back through the update gate is left out",
        ),
    ]
    for mix, mistake, what in mixes:
        yield replace(right, mix=mix), mistake, what
    for name, words in (("r", "reset gate"), ("z", "update gate")):
        for slope, what, mistake in OF_SIGMOID:
            step = wrong_slope(torch.sigmoid, slope)
            yield replace(right, **{name: step}), mistake, f"the slope of the {words}'s sigmoid {what}"
    for slope, what, mistake in OF_SIGMOID:
        step = wrong_slope(torch.sigmoid, slope)
        yield replace(right, r=step, z=step), mistake, f"the slope of both gates' sigmoids {what}"
    for slope, what, mistake in OF_TANH:
        yield (
            replace(right, n=wrong_slope(torch.tanh, slope)),
            mistake,
            f"the slope of the candidate's tanh {what}",
        )
    yield (
        replace(right, from_x=lambda x_n, r: as_if(x_n, x_n * r.detach())),
        Mistake.EXTRA_FACTOR,
        "the reset gate acts on the input's side of the candidate as well: in forward, on the state's alone",
    )
    resets: list[tuple[Step, Mistake, str]] = [
        (
            lambda r, q: product(r, q, for_b=1.0),
            Mistake.MISSING_FACTOR,
            "the reset gate is left out on the state's side of the candidate",
        ),
        (
            lambda r, q: product(r, q, for_b=r * r),
            Mistake.EXTRA_FACTOR,
            "the reset gate is multiplied in twice on the state's side of the candidate",
        ),
        (
            lambda r, q: product(r, q, for_b=1 - r),
            Mistake.WRONG_FACTOR,
            "the complement of the reset gate stands on the state's side of the candidate",
        ),
        (
            lambda r, q: product(r, q, for_a=1.0),
            Mistake.MISSING_FACTOR,
            "the state's part of the candidate is left out of the reset gate's gradient",
        ),
        (
            lambda r, q: product(r, q, for_a=r),
            Mistake.WRONG_FACTOR,
            "the reset gate's gradient is multiplied with itself",
        ),
        (
            lambda r, q: product(r, q, for_a=r * q),
            Mistake.WRONG_FACTOR,
            "the reset gate's gradient is multiplied with the whole product",
        ),
        (lambda r, q: r.detach() * q, Mistake.PATH_LOST, "the way back through the reset gate is left out"),
        (
            lambda r, q: r * q.detach(),
            Mistake.PATH_LOST,
            "the state's side of the candidate gets no gradient",
        ),
    ]
    for reset, mistake, what in resets:
        yield replace(right, reset=reset), mistake, what
    for order in itertools.permutations(range(3)):
        if order != (0, 1, 2):
            letters = ", ".join("rzn"[k] for k in order)
            what = f"the gates' gradients lie side by side as {letters}, not as forward cut its sums"
            yield replace(right, order=permuted(order, 3)), Mistake.PERMUTED, what


@slips("GRUCell")
def gru_cell(at: At) -> Iterator[Slip | None]:
    """One step of a GRU."""
    names = tuple(name for name in CELL if name != "c")

    def told(leaves: Mapping[str, Tensor], cell: _Gru, of_r: str | None = None) -> Tensor:
        h = leaves["h"] if "h" in leaves else torch.zeros_like(at.out)
        from_x = biased(leaves, leaves["x"] @ leaves["weight_ih"].T, "ih")
        from_h = biased(leaves, h @ leaves["weight_hh"].T, "hh")
        if of_r is not None:  # another factor in the reset gate's gradient
            size = from_h.shape[-1] // 3
            others = {
                "h": h,
                "the bare product": (h @ leaves["weight_hh"].T)[..., 2 * size :],
                "the input's part": from_x[..., 2 * size :],
            }
            cell = replace(cell, reset=lambda r, q: product(r, q, for_a=others[of_r]))
        return cell.run(from_x, from_h, h)

    right = _Gru()
    for of_r, what in (
        (
            "h",
            "the old state itself stands in the reset gate's gradient: forward multiplied what became of it",
        ),
        ("the bare product", "the bias is left out of what the reset gate multiplied"),
        (
            "the input's part",
            "the input's part of the candidate stands in the reset gate's gradient, not the state's",
        ),
    ):
        yield from everywhere(
            at, names, lambda leaves, of_r=of_r: told(leaves, right, of_r), Mistake.WRONG_FACTOR, what
        )
    for cell, mistake, what in _gru_mistakes():
        yield from everywhere(at, names, lambda leaves, cell=cell: told(leaves, cell), mistake, what)
    seen: list[Tensor] = []

    def note(sums: Tensor) -> Tensor:
        seen.append(sums)
        return sums

    with torch.enable_grad():
        leaves = {
            name: at[name].detach().clone().requires_grad_()
            for name in names
            if name in at and isinstance(at[name], Tensor)
        }
        out = told(leaves, replace(right, order=note))
        u, v = torch.autograd.grad(out, seen, at.grad, retain_graph=True)
        direct = None
        if "h" in leaves:
            (whole,) = torch.autograd.grad(out, leaves["h"], at.grad)
            direct = whole - v @ at["weight_hh"]
    yield from both_maps(at, u, v, state_of(at, "h", at.out), direct)
    yield from copied(at, u, state_of(at, "h", at.out), "rzn", ("x", "weight_ih", "bias_ih"))
    yield from copied(at, v, state_of(at, "h", at.out), "rzn", ("weight_hh", "bias_hh"))
    yield from through_linear(
        at,
        v,
        state_of(at, "h", at.out),
        Mistake.EXTRA_FACTOR,
        "the reset gate acts on the input's side of the candidate as well: in forward, on the state's alone",
    )
