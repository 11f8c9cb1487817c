"""What the lists of recurrent cells share: their linear maps, and squashings that go back wrongly."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
from torch import Tensor

from course.checking.diagnosis.mistakes import Mistake
from course.checking.diagnosis.slips.at import At, Slip
from course.checking.diagnosis.slips.detours import as_if, sloped
from course.checking.diagnosis.slips.squashing import Slope
from course.checking.diagnosis.slips.sums import linear_slips

MAPS = ("x", "h", "weight_ih", "weight_hh", "bias_ih", "bias_hh")
"""What the sums before the squashing are made of."""

Step = Callable[..., Tensor]
"""One step of a forward."""


def squash_slope(squash: Callable[[Tensor], Tensor], sums: Tensor) -> Tensor:
    """The right slope of a squashing."""
    leaf = sums.detach().clone().requires_grad_()
    with torch.enable_grad():
        (slope,) = torch.autograd.grad(squash(leaf).sum(), leaf)
    return slope


def linear_of(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """W x + b, for each row."""
    out = x @ weight.T
    return out if bias is None else out + bias


def through_linear(
    at: At,
    grad: Tensor,
    state: Tensor,
    mistake: Mistake,
    what: str,
    prior: float = 0.95,
    names: Sequence[str] = MAPS,
) -> Iterator[Slip | None]:
    """What a wrong gradient of the sums before the squashing does to everything that they are made of."""
    x = at["x"]
    rows, states, arriving = (t.reshape(-1, t.shape[-1]) for t in (x, state, grad))
    for name, lam in (
        ("x", lambda: arriving @ at["weight_ih"]),
        ("h", lambda: arriving @ at["weight_hh"]),
        ("weight_ih", lambda: torch.einsum("no,ni->oi", arriving, rows)),
        ("weight_hh", lambda: torch.einsum("no,ni->oi", arriving, states)),
        ("bias_ih", lambda: arriving.sum(0)),
        ("bias_hh", lambda: arriving.sum(0)),
    ):
        if name in at and name in names:
            shape = at[name].shape
            yield at.slip(name, lambda lam=lam, shape=shape: lam().reshape(shape), mistake, what, prior)


def copied(
    at: At, grad: Tensor, state: Tensor, gates: str, names: Sequence[str] = MAPS
) -> Iterator[Slip | None]:
    """The gradient of one gate in the place of another's, or of all of them: a line that was copied.

    Args:
        grad: what arrives at the sums before the squashing, gate by gate.
        gates: their letters in that order.
        names: the tensors that are looked at.
    """
    blocks = grad.chunk(len(gates), -1)
    for k, own in enumerate(gates):
        what = f"all gates get the gradient of gate {own}: was a line copied, and not changed?"
        yield from through_linear(
            at, torch.cat([blocks[k]] * len(gates), -1), state, Mistake.WRONG_FACTOR, what, names=names
        )
        for j, other in enumerate(gates):
            if j != k:
                what = f"gate {other} gets the gradient of gate {own}: was a line copied, and not changed?"
                wrong = torch.cat([*blocks[:j], blocks[k], *blocks[j + 1 :]], -1)
                yield from through_linear(at, wrong, state, Mistake.WRONG_FACTOR, what, names=names)


def both_maps(
    at: At, of_input: Tensor, of_state: Tensor, state: Tensor, extra: Tensor | None = None
) -> Iterator[Slip | None]:
    """The two linear maps of a cell: wrong operands, transposes, sums.

    Args:
        of_input, of_state: what arrives at W_ih x and at W_hh h.
        extra: what h gets besides.
    """
    biases = [name if name in at else None for name in ("bias_ih", "bias_hh")]
    yield from linear_slips(
        at, of_input, at["x"], ("x", "weight_ih", biases[0]), where=" from the input's side"
    )
    h = "h" if "h" in at and isinstance(at["h"], Tensor) else None
    name = h if extra is None else None
    yield from linear_slips(
        at, of_state, state, (name, "weight_hh", biases[1]), where=" from the state's side"
    )
    if extra is not None and h is not None:
        yield at.slip(
            "h",
            lambda: of_state @ at["weight_hh"].mT + extra,
            Mistake.MISSING_TRANSPOSE,
            "for ∂L/∂h, weight_hh enters with rows and columns exchanged",
        )
    swaps: list[tuple[str, Callable[[], Tensor], str]] = [
        ("x", lambda: of_input @ at["weight_hh"], "∂L/∂x goes through weight_hh, the state's weight"),
        (
            "weight_ih",
            lambda: torch.einsum("no,ni->oi", of_input, state),
            "∂L/∂weight_ih is made of h, not x",
        ),
        (
            "weight_hh",
            lambda: torch.einsum("no,ni->oi", of_state, at["x"]),
            "∂L/∂weight_hh is made of x, not h",
        ),
        (
            "weight_hh",
            lambda: torch.einsum("no,ni->oi", of_state, at.out),
            "∂L/∂weight_hh is made of the new state: forward multiplied the old one",
        ),
    ]
    if h is not None:
        swaps.append(
            (
                "h",
                lambda: of_state @ at["weight_ih"] + (0 if extra is None else extra),
                "∂L/∂h goes through weight_ih, the input's weight",
            )
        )
    for target, lam, what in swaps:
        yield at.slip(target, lam, Mistake.WRONG_FACTOR, what)


CELL = ("x", "h", "c", "weight_ih", "weight_hh", "bias_ih", "bias_hh")


def biased(leaves: Mapping[str, Tensor], sums: Tensor, name: str, ending: str = "") -> Tensor:
    """The sums with the bias of that name, if there is one."""
    return sums + leaves[f"bias_{name}{ending}"] if f"bias_{name}{ending}" in leaves else sums


def state_of(at: At, name: str, like: Tensor) -> Tensor:
    """A state that was given, or zeros."""
    return at[name] if name in at and isinstance(at[name], Tensor) else torch.zeros_like(like)


def gate_of(sums: Tensor) -> Tensor:
    """How a gate squashes."""
    return torch.sigmoid(sums)


def tanh_of(sums: Tensor) -> Tensor:
    """How a candidate, or a cell, is squashed."""
    return torch.tanh(sums)


def wrong_slope(squash: Step, slope: Slope) -> Step:
    """A squashing that goes back with another slope."""

    def step(sums: Tensor) -> Tensor:
        value = squash(sums)
        return sloped(value, sums, slope(value.detach(), sums.detach()))

    return step


def permuted(order: Sequence[int], count: int) -> Step:
    """Blocks whose gradients are put side by side in another order."""

    def step(sums: Tensor) -> Tensor:
        blocks = sums.chunk(count, -1)
        # block k of the sums gets what belongs to block order[k]
        others = {order[k]: blocks[k] for k in range(count)}
        return as_if(sums, torch.cat([others[k] for k in range(count)], -1))

    return step
