"""Wrong rules of steps that move numbers about: parts, gathers, turns, windows, convolutions."""

from collections.abc import Iterator, Sequence
from itertools import accumulate, combinations, pairwise

import torch
from torch import Tensor

from course.checking.diagnosis.mistakes import Mistake
from course.checking.diagnosis.reverse import Gradients, Step
from course.checking.diagnosis.rules.wrong import Wrong, at_input, first

COPIES = frozenset(
    (
        *("index", "gather", "index_select", "embedding", "select", "slice", "split", "split_with_sizes"),
        *("unfold", "im2col", "as_strided", "narrow", "unbind"),
    )
)
"""Steps that copy numbers to another place."""

TURNS = frozenset(("permute", "transpose", "t", "view", "_unsafe_view", "reshape", "mT"))
"""Steps that keep all numbers and change their order or shape."""


def places(step: Step) -> Iterator[Wrong]:
    """Numbers that come from the wrong place, or that overwrite one another."""
    if step.name in COPIES and step.reads:
        yield from _copied(step)
        yield from _exchanged_parts(step)
    elif step.name in TURNS:
        yield from _turned(step)
    elif step.name in ("cat", "stack"):
        yield from _joined(step)
    elif step.name == "convolution":
        yield from _convolution(step)
    elif step.name == "max_pool2d_with_indices":
        yield from _pooled(step)


def _sources(step: Step) -> Tensor:
    """For each number of the first result, the place of the first input that it comes from."""
    x = step.inputs[0]
    numbers = torch.arange(x.numel(), dtype=x.dtype, device=x.device).reshape(x.shape)
    return step.compute([numbers, *step.inputs[1:]])[0].round().long()


def _copied(step: Step) -> Iterator[Wrong]:
    x, place = step.inputs[0], step.place
    for axis in range(x.dim()):
        for far in (1, -1) if x.shape[axis] > 1 else ():
            yield at_input(
                step,
                0,
                lambda grads, a=axis, f=far: step.pull_back(grads)[0].roll(f, a),
                Mistake.WRONG_PLACE,
                f"the gradient of {place} goes to an index that is off by one (axis {axis})",
                0.92,
            )
    if step.name == "gather":
        yield from _unpaired(step)
    if len(step.writes) > 1:
        return
    sources = _sources(step).reshape(-1)
    counts = x.new_zeros(x.numel()).index_add(0, sources, torch.ones_like(sources, dtype=x.dtype))
    if counts.max() < 2:
        return

    def assigned(grads: Gradients, order: int) -> Tensor:
        result = x.new_zeros(x.numel())
        last = {int(source): position for position, source in list(enumerate(sources))[::order]}
        at, of = torch.tensor(list(last)), torch.tensor(list(last.values()))
        result[at] = first(grads).reshape(-1)[of]
        return result.reshape(x.shape)

    for order, which in ((1, "last"), (-1, "first")):
        what = (
            f"where {place} reads a number several times, only the {which} gradient counts: "
            "gradients are assigned where they must be added"
        )
        yield at_input(step, 0, lambda grads, o=order: assigned(grads, o), Mistake.OVERWRITTEN, what, 0.95)
    mean = (
        f"the gradients of a number that {place} reads several times are averaged, where they must be added"
    )
    yield at_input(
        step,
        0,
        lambda grads: step.pull_back(grads)[0] / counts.clamp(min=1).reshape(x.shape),
        Mistake.MEAN_FOR_SUM,
        mean,
        0.95,
    )
    yield at_input(
        step,
        0,
        lambda grads: step.pull_back(grads)[0] * counts.reshape(x.shape),
        Mistake.EXTRA_FACTOR,
        f"the gradients of a number that {place} reads several times are multiplied by how often it is read",
        0.93,
    )


def _unpaired(step: Step) -> Iterator[Wrong]:
    """Each row of the indices is used for all rows."""
    x, axis, index = step.inputs[0], step.args[1], step.args[2]
    if x.dim() != 2 or axis % 2 != 1:
        return
    chosen = torch.zeros(x.shape[1], dtype=x.dtype, device=x.device)
    chosen[index.reshape(-1)] = 1
    what = f"in {step.place}, each row gets the gradient at the indices of all rows: pair rows and indices"
    yield at_input(
        step, 0, lambda grads: first(grads).sum(1, keepdim=True) * chosen, Mistake.WRONG_PLACE, what, 0.94
    )


def _exchanged_parts(step: Step) -> Iterator[Wrong]:
    """Of several parts, two change places."""
    shapes = [None if g is None else g.shape for g in step.arrived]
    for i, j in combinations(range(len(shapes)), 2):
        if shapes[i] is not None and shapes[i] == shapes[j]:

            def exchanged(grads: Gradients, i: int = i, j: int = j) -> Tensor:
                order = list(grads)
                order[i], order[j] = order[j], order[i]
                return step.pull_back(order)[0]

            what = f"of {step.place}, the gradients of part {i} and part {j} are exchanged"
            yield at_input(step, 0, exchanged, Mistake.SWAPPED_GRADIENTS, what, 0.95)
    if len(shapes) > 2 and len(set(shapes)) == 1:
        what = f"the gradients of the parts of {step.place} stand in the opposite order"
        yield at_input(
            step, 0, lambda grads: step.pull_back(list(grads)[::-1])[0], Mistake.SWAPPED_GRADIENTS, what, 0.95
        )


def _turned(step: Step) -> Iterator[Wrong]:
    x, place = step.inputs[0], step.place
    what = f"the gradient gets the shape from before {place}, but its numbers are not put back in order"
    yield at_input(
        step, 0, lambda grads: first(grads).reshape(x.shape), Mistake.MISSING_TRANSPOSE, what, 0.93
    )
    if step.name in ("view", "_unsafe_view", "reshape") and x.dim() > 1:
        yield at_input(
            step,
            0,
            lambda grads: first(grads).reshape(x.shape[::-1]).permute(*reversed(range(x.dim()))),
            Mistake.MISSING_TRANSPOSE,
            f"the gradient that comes back through {place} has its axes in another order",
            0.9,
        )


def _joined(step: Step) -> Iterator[Wrong]:
    if step.name == "cat" and len(step.inputs) == len(step.args[0]):
        yield from _cut_off(step)
        yield from _cut_all(step)
    for (i, a), (j, b) in pairwise(enumerate(step.inputs)):
        if a.shape == b.shape:

            def exchanged(grads: Gradients, i: int = i, j: int = j) -> dict[int, Tensor]:
                right = step.pull_back(grads)
                return {i: right[j], j: right[i]}

            what = f"what {step.place} joins is taken apart in another order: two gradients are exchanged"
            yield Wrong({step.index: exchanged}, Mistake.SWAPPED_GRADIENTS, what, 0.93)


def _cut_off(step: Step) -> Iterator[Wrong]:
    """Of what is joined, one part is taken from a place that is off by one."""
    axis = step.args[1] if len(step.args) > 1 else 0
    what = f"what {step.place} joins is taken apart at the wrong places: a part begins or ends one off"
    start = 0
    for position, part in enumerate(step.inputs):
        size = part.shape[axis]
        for far in (1, -1):
            if start + far >= 0 and start + far + size <= step.out.shape[axis]:
                yield at_input(
                    step,
                    position,
                    lambda grads, at=start + far, size=size: first(grads).narrow(axis, at, size),
                    Mistake.WRONG_PLACE,
                    what,
                    0.93,
                )
        start += size


def _cut_all(step: Step) -> Iterator[Wrong]:
    """All parts are taken from wrong places: the one where the next begins is not moved on, or not so far."""
    axis = step.args[1] if len(step.args) > 1 else 0
    sizes = [part.shape[axis] for part in step.inputs]
    ends = list(accumulate(sizes))
    for starts, words in (
        (
            [0] * len(sizes),
            "each is cut from the beginning, as if the place where it starts were never moved on",
        ),
        (range(len(sizes)), "each starts one place after the one before, however long that is"),
        ([i * sizes[0] for i in range(len(sizes))], "each starts as if all were as long as the first"),
        ([ends[-1] - end for end in ends], "the first is cut from the end"),
    ):

        def rule(grads: Gradients, starts: Sequence[int] = starts) -> dict[int, Tensor]:
            pairs = zip(starts, sizes, strict=True)
            return {i: first(grads).narrow(axis, *pair) for i, pair in enumerate(pairs)}

        what = f"what {step.place} joins is taken apart at the wrong places: {words}"
        yield Wrong({step.index: rule}, Mistake.WRONG_PLACE, what, 0.93)


def _convolution(step: Step) -> Iterator[Wrong]:
    if step.args[6]:  # transposed
        return
    place = step.place
    positions = {side: position for position, side in enumerate(step.sides)}
    spatial = list(range(2, step.operands[0].dim()))
    if 0 in positions and 1 in positions:
        weight = positions[1]

        def with_kernel(grads: Gradients, kernel: Tensor) -> Tensor:
            at = [kernel if i == weight else tensor for i, tensor in enumerate(step.inputs)]
            return step.pull_back(grads, at)[positions[0]]

        kernel = step.inputs[weight]
        turned = "is turned where it must not be, or is not turned where it must be"
        kernels = [(kernel.flip(spatial), f"the kernel {turned}")]
        kernels += [(kernel.flip(axis), f"the kernel {turned}, along one axis") for axis in spatial]
        if len(spatial) == 2 and kernel.shape[2] == kernel.shape[3]:
            kernels.append((kernel.mT, "the rows and columns of the kernel are exchanged"))
        if kernel.shape[0] == kernel.shape[1]:
            channels = "the kernel's channels of input and output stand the wrong way round"
            kernels.append((kernel.transpose(0, 1), channels))
            both = f"the kernel is half a turn off, and {channels}"
            kernels.append((kernel.transpose(0, 1).flip(spatial), both))
        for other, words in kernels:
            yield at_input(
                step,
                positions[0],
                lambda grads, k=other: with_kernel(grads, k),
                Mistake.WRONG_PLACE,
                f"in the input's gradient of {place}, {words}",
                0.94,
            )
        yield from _shifted(step, positions[0], spatial)
        yield from _windows(step, positions[0], weight)
    if 1 in positions:
        words = f"the kernel's gradient of {place} is turned"
        for axes in (spatial, *([axis] for axis in spatial)):
            yield at_input(
                step,
                positions[1],
                lambda grads, a=axes: step.pull_back(grads)[positions[1]].flip(a),
                Mistake.WRONG_PLACE,
                words,
                0.94,
            )


def _shifted(step: Step, position: int, spatial: list[int]) -> Iterator[Wrong]:
    """The frame of zeros is cut off at the wrong place."""
    padding = int(max(step.args[4]))
    for far in {padding, 1} - {0}:
        for sign in (far, -far):
            what = f"the gradient of {step.place} is shifted by {far}: where is the frame of zeros cut off?"

            def shifted(grads: Gradients, s: int = sign) -> Tensor:
                return _frame(step, grads, position, s, spatial)

            yield at_input(step, position, shifted, Mistake.WRONG_PLACE, what, 0.92)


def _frame(step: Step, grads: Gradients, position: int, far: int, spatial: list[int]) -> Tensor:
    """The gradient of the padded input, cut out at a place that is off."""
    x = step.inputs[position]
    padding = list(step.args[4])
    wide = torch.nn.functional.pad(x, [p for n in reversed(padding) for p in (n + abs(far), n + abs(far))])
    args = list(step.args)
    args[0], args[4] = wide.requires_grad_(), [0] * len(padding)
    crop = [slice(None)] * 2 + [slice(abs(far), wide.shape[axis] - abs(far)) for axis in spatial]
    with torch.enable_grad():
        out = step.function(wide[tuple(crop)], *args[1:])
    (grad,) = torch.autograd.grad(out, wide, first(grads))
    cut = [slice(None)] * 2
    for axis, n in zip(spatial, padding, strict=True):
        start = n + abs(far) + far
        cut.append(slice(start, start + x.shape[axis]))
    return grad[tuple(cut)]


def _windows(step: Step, position: int, weight: int) -> Iterator[Wrong]:
    """Where windows overlap, each overwrites what the one before added."""
    x, kernel = step.inputs[position], step.inputs[weight]
    stride, padding, dilation, groups = step.args[3], step.args[4], step.args[5], step.args[8]
    # a loop over the windows is slow
    if groups != 1 or x.dim() != 4 or step.out[0, 0].numel() > 64:
        return

    def assigned(grads: Gradients, channel: int | None = None) -> Tensor:
        grad = first(grads)
        n, c, height, width = x.shape
        result = x.new_zeros(n, c, height + 2 * padding[0], width + 2 * padding[1])
        of = slice(None) if channel is None else slice(channel, channel + 1)
        for i in range(grad.shape[2]):
            for j in range(grad.shape[3]):
                window = tuple(
                    slice(at * s, at * s + d * (size - 1) + 1, d)
                    for at, s, d, size in zip((i, j), stride, dilation, kernel.shape[2:], strict=True)
                )
                here = torch.einsum("no,ochw->nchw", grad[:, of, i, j], kernel[of])
                result[(slice(None), slice(None), *window)] = here
        return result[:, :, padding[0] : padding[0] + height, padding[1] : padding[1] + width]

    what = f"where windows of {step.place} overlap, the last one overwrites the others: add them up"
    yield at_input(step, position, assigned, Mistake.OVERWRITTEN, what, 0.95)
    last = kernel.shape[0] - 1
    what = (
        f"where windows of {step.place} overlap, the last one overwrites the others, "
        f"and so does the last channel"
    )
    yield at_input(step, position, lambda grads: assigned(grads, last), Mistake.OVERWRITTEN, what, 0.95)


def _pooled(step: Step) -> Iterator[Wrong]:
    x, place, at = step.inputs[0], step.place, step.outputs[1]

    def planes(tensor: Tensor) -> Tensor:
        return tensor.reshape(-1, tensor.shape[-2] * tensor.shape[-1])

    def assigned(grads: Gradients, backwards: bool = False) -> Tensor:
        result, index, grad = torch.zeros_like(planes(x)), planes(at), planes(first(grads))
        for column in sorted(range(index.shape[1]), reverse=backwards):
            result.scatter_(1, index[:, column : column + 1], grad[:, column : column + 1])
        return result.reshape(x.shape)

    what = f"where windows of {place} overlap, the last one overwrites the others: add them up"
    yield at_input(step, 0, assigned, Mistake.OVERWRITTEN, what, 0.95)
    once = f"where windows of {place} overlap, only the first one counts: add them up"
    yield at_input(step, 0, lambda grads: assigned(grads, True), Mistake.OVERWRITTEN, once, 0.93)
    values = f"the gradient of {place} is multiplied by the largest value, where only its place counts"
    yield at_input(
        step,
        0,
        lambda grads: step.pull_back([first(grads) * step.out, None])[0],
        Mistake.EXTRA_FACTOR,
        values,
        0.95,
    )
