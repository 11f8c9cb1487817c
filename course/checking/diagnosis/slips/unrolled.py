"""Wrong ways back through time: what goes wrong from step to step, and in every step alike."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
from torch import Tensor

from course.checking.diagnosis.mistakes import Mistake
from course.checking.diagnosis.slips.at import At, Slip, slips
from course.checking.diagnosis.slips.cells import biased
from course.checking.diagnosis.slips.detours import UNFIT, everywhere, gradients
from course.checking.diagnosis.slips.lstm import LstmSteps, exchanged_factors, lstm_mistakes
from course.checking.finding import gradient_name
from course.modes import recording


@slips("Unroll")
def unroll(at: At) -> Iterator[Slip | None]:
    """A cell, step after step."""
    module = at.module
    cell = module.cell
    own = dict(cell.named_parameters())
    first, *states = module.input_names(len(at.outs))  # it gives back what it takes: a sequence and a state
    names = [first, *states, *(f"cell.{name}" for name in own)]

    def told(
        leaves: Mapping[str, Tensor],
        link: Callable[[int, int, Tensor], Tensor],
        frozen: Callable[[int], bool] = lambda t: False,
    ) -> tuple[Tensor, ...]:
        state: tuple[Tensor, ...] = tuple(leaves[name] for name in states)
        outputs, held = [], {name: parameter.value for name, parameter in own.items()}
        try:
            with recording():
                for t, x_t in enumerate(leaves[first]):
                    for name, parameter in own.items():
                        leaf = leaves[f"cell.{name}"]
                        parameter.value = leaf.detach() if frozen(t) else leaf
                    given = cell.forward(x_t, *(link(t, k, part) for k, part in enumerate(state)))
                    state = given if isinstance(given, tuple) else (given,)
                    outputs.append(state[0])
        finally:
            for name, value in held.items():
                own[name].value = value
            cell.forget_forward()
        return torch.stack(outputs), *state

    yield from _in_time(at, names, told, len(at[first]), len(states))


def _in_time(
    at: At, names: Sequence[str], told: Callable[..., tuple[Tensor, ...]], steps: int, states: int
) -> Iterator[Slip | None]:
    """What goes wrong from step to step."""

    def whole(t: int, k: int, state: Tensor) -> Tensor:
        return state

    links: list[tuple[Callable[[int, int, Tensor], Tensor], str]] = [
        (
            lambda t, k, s: s.detach() if t else s,
            "no gradient goes from one step to the step before: each step ends with its own",
        ),
        (
            lambda t, k, s: s.detach(),
            "no gradient goes from one step to the step before: each step ends with its own",
        ),
        (
            lambda t, k, s: s.detach() if t and k == 0 else s,
            "the state's gradient does not go from one step to the step before",
        ),
        (
            lambda t, k, s: s.detach() if t and k == 1 else s,
            "the cell's gradient does not go from one step to the step before",
        ),
        (
            lambda t, k, s: s.detach() if t == 1 else s,
            "the gradient ends one step too early: the first step gets none from the second",
        ),
    ]
    for link, what in links:
        yield from everywhere(
            at, names, lambda leaves, link=link: told(leaves, link), Mistake.PATH_LOST, what
        )
    outputs = at.grads[0]
    if outputs is not None:
        last = torch.zeros_like(outputs)
        last[-1] = outputs[-1]
        first = [
            (
                [last, *at.grads[1:]],
                "only the last step's output counts: what arrives at the others is not used",
                Mistake.EXAMPLES_MISSING,
            ),
            (
                [outputs, *(None,) * states],
                "what arrives at the final state is not used: it must be added to that of the last output",
                Mistake.PATH_LOST,
            ),
            (
                [None, *at.grads[1:]],
                "what arrives at the outputs is not used: only the final state's gradient goes back",
                Mistake.PATH_LOST,
            ),
            (
                [outputs.flip(0), *at.grads[1:]],
                "the outputs' gradients are read in the wrong order of time",
                Mistake.WRONG_ORDER,
            ),
        ]
        for k in range(states if states > 1 else 0):
            some = [outputs, *(None if index == k else grad for index, grad in enumerate(at.grads[1:]))]
            first.append(
                (
                    some,
                    f"what arrives at {('the final h', 'the final c')[min(k, 1)]} is not used",
                    Mistake.PATH_LOST,
                )
            )
        overwritten = outputs.clone()
        overwritten[-1] = 0
        first.append(
            (
                [overwritten, *at.grads[1:]],
                "at the last step, the final state's gradient is kept and the output's is lost: both add up",
                Mistake.OVERWRITTEN,
            )
        )
        for grads, what, mistake in first:
            yield from everywhere(at, names, lambda leaves: told(leaves, whole), mistake, what, grads=grads)
    try:
        right = gradients(at, names, lambda leaves: told(leaves, whole))
    except UNFIT:
        return
    x = names[0]
    what = f"{gradient_name(x)} lies in the reverse order of time: backward met the last step first"
    yield at.slip(x, right[x].flip(0), Mistake.PERMUTED, what)
    for which, step in (("last", steps - 1), ("first", 0)):
        try:
            some = gradients(at, names, lambda leaves, step=step: told(leaves, whole, lambda t: t != step))
        except UNFIT:
            return
        for name, values in some.items():
            if name.startswith(("weight", "bias", "cell.")):
                what = f"of the steps, only the {which} counts in {gradient_name(name)}: all of them share it"
                yield at.slip(name, values, Mistake.EXAMPLES_MISSING, what)
    for name, values in right.items():
        if name.startswith(("weight", "bias", "cell.")) and steps > 1:
            what = f"{gradient_name(name)} is a mean over the steps: each of them adds its whole share"
            yield at.slip(name, values / steps, Mistake.MEAN_FOR_SUM, what)


@slips("LSTM")
def lstm(at: At) -> Iterator[Slip | None]:
    """One layer of LSTM cells in one direction."""
    module = at.module
    if module.num_layers > 1 or module.bidirectional or module.proj_size or at["x"].dim() != 3:
        return
    first = module.batch_first
    names = ["x", "h0", "c0", *(f"{kind}_l0" for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))]
    names = [name for name in names if name in at and isinstance(at[name], Tensor)]

    def told(
        leaves: Mapping[str, Tensor],
        link: Callable[[int, int, Tensor], Tensor],
        frozen: Callable[[int], bool] = lambda t: False,
        cell: LstmSteps | None = None,
        run: Callable | None = None,
    ) -> tuple[Tensor, ...]:
        steps, cell = (
            leaves["x"].transpose(0, 1) if first else leaves["x"],
            LstmSteps() if cell is None else cell,
        )
        zeros = steps.new_zeros(steps.shape[1], module.hidden_size)
        state = tuple(leaves[name][0] if name in leaves else zeros for name in ("h0", "c0"))
        outputs = []
        for t, x_t in enumerate(steps):
            own = {name: leaf.detach() if frozen(t) else leaf for name, leaf in leaves.items()}
            h, c = (link(t, k, part) for k, part in enumerate(state))
            sums = biased(own, x_t @ own["weight_ih_l0"].T, "ih", "_l0")
            sums = sums + biased(own, h @ own["weight_hh_l0"].T, "hh", "_l0")
            state = cell.run(sums, c) if run is None else run(sums, c, cell)
            outputs.append(state[0])
        out = torch.stack(outputs)
        return out.transpose(0, 1) if first else out, state[0][None], state[1][None]

    def whole(t: int, k: int, state: Tensor) -> Tensor:
        return state

    count = at["x"].shape[1 if first else 0]
    if not first:
        yield from _in_time(at, names, told, count, 2)
    for run, mistake, what in exchanged_factors():
        yield from everywhere(at, names, lambda leaves, run=run: told(leaves, whole, run=run), mistake, what)
    for cell, mistake, what in lstm_mistakes():
        yield from everywhere(
            at, names, lambda leaves, cell=cell: told(leaves, whole, cell=cell), mistake, what
        )
