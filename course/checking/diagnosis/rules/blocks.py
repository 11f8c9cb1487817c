"""Gates in another order: blocks of one long row, exchanged where backward joins their gradients."""

from collections.abc import Iterator
from itertools import combinations

import torch
from torch import Tensor

from course.checking.diagnosis.mistakes import Mistake
from course.checking.diagnosis.reverse import Program, Step
from course.checking.diagnosis.reverse.program import WrongRule
from course.checking.diagnosis.rules.wrong import Wrong, first

PARTS = ("split", "split_with_sizes", "slice", "select", "unbind")


def blocks(program: Program) -> Iterator[Wrong]:
    """Two blocks of the gradient of what is split into parts later on are exchanged."""
    cut = {number for step in program.steps if step.name in PARTS for number in program.before(step)}
    for step in program.steps:
        if step.name not in ("add", "addmm") or step.writes[0] not in cut:
            continue
        width = step.out.shape[-1]
        for count in (3, 4, 2):
            for i, j in combinations(range(count), 2) if width % count == 0 else ():
                order = _exchanged(width, count, i, j)
                what = (
                    f"the blocks {i} and {j} of the {count} in the gradient of {step.place} are exchanged: "
                    f"in which order does forward take them apart?"
                )
                yield Wrong({step.index: _reordered(step, order)}, Mistake.SWAPPED_GRADIENTS, what, 0.92)


def _reordered(step: Step, order: Tensor) -> WrongRule:
    return lambda grads: dict(enumerate(step.pull_back([first(grads)[..., order]])))


def _exchanged(width: int, count: int, i: int, j: int) -> Tensor:
    order = torch.arange(width).reshape(count, -1)
    order[[i, j]] = order[[j, i]]
    return order.reshape(-1)
