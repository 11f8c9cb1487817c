"""Wrong ways back through convolutions: kernels turned, channels exchanged, windows at other places."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from course.checking.diagnosis.mistakes import Mistake
from course.checking.diagnosis.slips.at import At, Slip, slips
from course.checking.diagnosis.slips.detours import UNFIT
from course.checking.diagnosis.slips.sums import along, stopped_loops, wrong_sums


class _Convolved:
    """One convolution as a function of x and the weight, with options that can be changed.

    Attributes:
        x, grad: batch × channels × places.
        pads: what forward adds before each spatial axis; as much after it.
    """

    def __init__(self, at: At) -> None:
        x, self.weight = at["x"], at["weight"]
        self.transposed = any(cls.__name__ == "ConvTranspose2d" for cls in type(at.module).__mro__)
        self.axes = self.weight.dim() - 2
        self.batched = x.dim() == self.axes + 2
        self.x, self.grad = (x, at.grad) if self.batched else (x[None], at.grad[None])
        self.stride, self.dilation = at.sizes("stride", self.axes, 1), at.sizes("dilation", self.axes, 1)
        self.groups, self.kernel = at.option("groups", 1), self.weight.shape[2:]
        self.more = at.sizes("output_padding", self.axes, 0)
        pads = at.option("pads", None)
        if pads is None:
            self.pads = at.sizes("padding", self.axes, 0)
        else:
            if at.option("padding_mode", "zeros") != "zeros" or any(
                before != after for before, after in pads
            ):
                raise ValueError("other borders than equally many zeros are not looked at")
            self.pads = tuple(before for before, _ in pads)

    def apply(self, x: Tensor, weight: Tensor, **changed: Any) -> Tensor:
        """What forward gives without its bias."""
        options = {"stride": self.stride, "padding": self.pads, "dilation": self.dilation} | changed
        common = (options["stride"], options["padding"])
        if self.transposed:
            return F.conv_transpose2d(x, weight, None, *common, self.more, self.groups, options["dilation"])
        function = F.conv1d if self.axes == 1 else F.conv2d
        return function(x, weight, None, *common, options["dilation"], self.groups)

    def gradients(
        self, x: Tensor, weight: Tensor, grad: Tensor, told: Callable[[Tensor, Tensor], Tensor] | None = None
    ) -> tuple[Tensor, Tensor]:
        """The gradients by x and by the weight of a forward, which may be a wrong one."""
        leaves = x.detach().clone().requires_grad_(), weight.detach().clone().requires_grad_()
        with torch.enable_grad():
            out = (told or self.apply)(*leaves)
            of_x, of_weight = torch.autograd.grad(out, leaves, grad)
        return of_x, of_weight

    def cut(self, wide: Tensor, like: Tensor) -> Tensor:
        """The first places of what another stride gives more of."""
        return wide[(..., *(slice(size) for size in like.shape[2:]))]

    def of_x(self, gradient: Tensor) -> Tensor:
        """In the shape of x."""
        return gradient if self.batched else gradient[0]


@slips("Conv1d", "Conv2d", "ConvTranspose2d")
def convolution(at: At) -> Iterator[Slip | None]:
    """Any of the convolutions."""
    c = _Convolved(at)
    yield from _operands(at, c)
    yield from _mixed_indices(at, c)
    yield from _windows(at, c)
    yield from _stopped(at, c)
    if not c.transposed:
        yield from _borders(at, c)
        yield from _assigned(at, c)
    yield from _sums(at, c)


HALF_TURN = "half a turn off"


def _spatial(c: _Convolved) -> tuple[int, ...]:
    return tuple(range(2, 2 + c.axes))


def _operands(at: At, c: _Convolved) -> Iterator[Slip | None]:
    """The weight or what arrives is turned, or its channels are exchanged."""
    spatial, w, g = _spatial(c), c.weight, c.grad
    turns: list[tuple[Callable[[Tensor], Tensor], str, Mistake]] = [
        (lambda t: t.flip(spatial), HALF_TURN, Mistake.WRONG_PLACE),
    ]
    if c.axes == 2:
        turns += [
            (lambda t: t.flip(2), "upside down", Mistake.WRONG_PLACE),
            (lambda t: t.flip(3), "mirrored left to right", Mistake.WRONG_PLACE),
            (lambda t: t.mT, "with its rows and columns exchanged", Mistake.MISSING_TRANSPOSE),
            (
                lambda t: t.mT.flip(spatial),
                "turned, and with its rows and columns exchanged",
                Mistake.WRONG_PLACE,
            ),
            (lambda t: t.rot90(1, spatial), "turned by a quarter", Mistake.WRONG_PLACE),
            (lambda t: t.rot90(-1, spatial), "turned by a quarter", Mistake.WRONG_PLACE),
        ]
    turns += [
        (
            lambda t: t.transpose(0, 1),
            "with the channels of input and output the wrong way round",
            Mistake.MISSING_TRANSPOSE,
        ),
        (
            lambda t: t.transpose(0, 1).flip(spatial),
            "half a turn off, and with the channels of input and output the wrong way round",
            Mistake.MISSING_TRANSPOSE,
        ),
    ]
    for turn, words, mistake in turns:
        what = f"the kernel enters ∂L/∂x {words}: forward used it otherwise"
        if c.transposed and words == HALF_TURN:
            what = "∂L/∂x is made by a transposed convolution again, or its kernel is turned: forward is one"

        def wrong_x(turn: Callable[[Tensor], Tensor] = turn) -> Tensor:
            turned = turn(w)
            if turned.shape != w.shape:
                raise ValueError
            return c.of_x(c.gradients(c.x, turned, g)[0])

        def wrong_weight(turn: Callable[[Tensor], Tensor] = turn) -> Tensor:
            return turn(c.gradients(c.x, w, g)[1])

        yield at.slip("x", wrong_x, mistake, what)
        yield at.slip("weight", wrong_weight, mistake, f"∂L/∂weight comes out {words}")
    for turn, words in (
        (lambda t: t.flip(spatial), "half a turn off"),
        (lambda t: t.mT, "with rows and columns exchanged"),
    ):
        try:
            of_x, of_weight = c.gradients(c.x, w, turn(g))
        except UNFIT:
            continue
        what = f"grad_output enters {{}} {words}"
        yield at.slip("x", c.of_x(of_x), Mistake.WRONG_PLACE, what.format("∂L/∂x"))
        yield at.slip("weight", of_weight, Mistake.WRONG_PLACE, what.format("∂L/∂weight"))
        turned_x = f"x enters ∂L/∂weight {words}"
        yield at.slip(
            "weight", lambda turn=turn: c.gradients(turn(c.x), w, g)[1], Mistake.WRONG_PLACE, turned_x
        )
    of_x, of_weight = c.gradients(c.x, w, g)
    extra = "is multiplied in as well: in a product, each factor's slope is the other one"
    yield at.slip("x", c.of_x(of_x) * at["x"], Mistake.EXTRA_FACTOR, f"in ∂L/∂x, x {extra}")
    yield at.slip("weight", of_weight * w, Mistake.EXTRA_FACTOR, f"in ∂L/∂weight, the weight {extra}")
    ones, _ = c.gradients(c.x, torch.ones_like(w), g)
    yield at.slip("x", c.of_x(ones), Mistake.MISSING_FACTOR, "the kernel is left out of ∂L/∂x")
    _, ones = c.gradients(torch.ones_like(c.x), w, g)
    yield at.slip("weight", ones, Mistake.MISSING_FACTOR, "x is left out of ∂L/∂weight")


def _mixed_indices(at: At, c: _Convolved) -> Iterator[Slip | None]:
    """In loops over channels, the index of an output channel where that of an input channel belongs."""
    w, g = c.weight, c.grad
    if c.groups > 1 or max(w.shape[:2]) == 1:
        return
    inputs, outputs = (0, 1) if c.transposed else (1, 0)
    same = torch.eye(*w.shape[:2]).to(w).view(*w.shape[:2], *(1,) * c.axes)
    what = "the indices of input and output channels are mixed up in {}: {}"
    if w.shape[inputs] >= w.shape[outputs]:

        def at_output() -> Tensor:
            return c.of_x(c.gradients(c.x, w.sum(inputs, keepdim=True) * same, g)[0])

        where = "it is written to the output's channel, not the input's"
        yield at.slip("x", at_output, Mistake.WRONG_PLACE, what.format("∂L/∂x", where))
    if w.shape[outputs] >= w.shape[inputs]:

        def of_input() -> Tensor:
            return c.of_x(c.gradients(c.x, w.sum(outputs, keepdim=True) * same, g)[0])

        where = "grad_output is read at the input's channel, not the output's"
        yield at.slip("x", of_input, Mistake.WRONG_PLACE, what.format("∂L/∂x", where))
    _, right = c.gradients(c.x, w, g)
    diagonal = right * same
    if w.shape[inputs] >= w.shape[outputs]:
        where = "x is read at the output's channel, not its own"
        read = diagonal.sum(inputs, keepdim=True).expand_as(w)
        yield at.slip("weight", read, Mistake.WRONG_PLACE, what.format("∂L/∂weight", where))
    if w.shape[outputs] >= w.shape[inputs]:
        where = "grad_output is read at the input's channel, not its own"
        read = diagonal.sum(outputs, keepdim=True).expand_as(w)
        yield at.slip("weight", read, Mistake.WRONG_PLACE, what.format("∂L/∂weight", where))


def _stopped(at: At, c: _Convolved) -> Iterator[Slip | None]:
    """Loops over examples, channels and places that end too early."""
    of_x, _ = c.gradients(c.x, c.weight, c.grad)
    channel = "input channel" if c.transposed else "output channel"
    places = ("window",) if c.axes == 1 else ("row of windows", "window of a row")
    for what, part in stopped_loops(("example", channel, *places)):
        some = torch.zeros_like(c.x if c.transposed else c.grad)
        some[part] = 1

        def masked(some: Tensor = some) -> tuple[Tensor, Tensor]:
            if c.transposed:  # its loops are over the places of x
                return of_x * some, c.gradients(c.x * some, c.weight, c.grad)[1]
            return c.gradients(c.x, c.weight, c.grad * some)

        yield at.slip("x", lambda masked=masked: c.of_x(masked()[0]), Mistake.EXAMPLES_MISSING, what, 0.9)
        yield at.slip("weight", lambda masked=masked: masked()[1], Mistake.EXAMPLES_MISSING, what, 0.9)
        if "bias" in at and not c.transposed:
            over = (0, *_spatial(c))
            yield at.slip("bias", (c.grad * some).sum(over), Mistake.EXAMPLES_MISSING, what, 0.9)


def _windows(at: At, c: _Convolved) -> Iterator[Slip | None]:
    """Windows at other places than forward's."""
    one = (1,) * c.axes
    changes: list[tuple[dict[str, Any], str]] = [
        ({"stride": one}, "backward takes each next window one place on, forward a stride on"),
        (
            {"dilation": one},
            "backward takes the kernel's places side by side, forward leaves gaps (dilation)",
        ),
        ({"stride": c.kernel}, "backward takes each next window a kernel's size on, forward a stride on"),
        ({"stride": c.dilation, "dilation": c.stride}, "stride and dilation are exchanged in backward"),
    ]
    for changed, what in changes:
        if all(tuple(getattr(c, option)) == tuple(value) for option, value in changed.items()):
            continue

        def told(x: Tensor, weight: Tensor, changed: dict[str, Any] = changed) -> Tensor:
            if c.transposed:
                wide = c.apply(x, weight, **changed)
                missing = [n - m for n, m in zip(c.grad.shape[2:], wide.shape[2:], strict=True)]
                return F.pad(wide, [size for m in reversed(missing) for size in (0, m)])
            wide = F.pad(
                x,
                [
                    size
                    for k, s in zip(reversed(c.kernel), reversed(c.stride), strict=True)
                    for size in (0, 8 * k * s)
                ],
            )
            return c.cut(c.apply(wide, weight, **changed), c.grad)

        try:
            of_x, of_weight = c.gradients(c.x, c.weight, c.grad, told)
        except UNFIT:
            continue
        yield at.slip("x", c.of_x(of_x), Mistake.WRONG_PLACE, what)
        yield at.slip("weight", of_weight, Mistake.WRONG_PLACE, what)


def _borders(at: At, c: _Convolved) -> Iterator[Slip | None]:
    """The border that forward adds, cut off wrongly or forgotten."""
    frame = [size for before in reversed(c.pads) for size in (before, before)]
    padded = F.pad(c.x, frame)
    wide, _ = c.gradients(
        padded, c.weight, c.grad, lambda x, weight: c.apply(x, weight, padding=(0,) * c.axes)
    )
    sizes = c.x.shape[2:]
    for times, words in ((0, "at the end only"), (2, "at the beginning only")):
        places = tuple(slice(times * p, times * p + size) for p, size in zip(c.pads, sizes, strict=True))
        what = f"the border that forward adds is cut off {words}: the gradients are shifted"
        yield at.slip("x", c.of_x(wide[(..., *places)]), Mistake.WRONG_PLACE, what)
    what = "the border that forward adds is not cut off: the gradient is that of the image with its border"
    yield at.slip("x", c.of_x(wide), Mistake.WRONG_PLACE, what)
    options = zip(c.grad.shape[2:], c.stride, c.dilation, c.kernel, c.pads, strict=True)
    reach = [(n - 1) * s + d * (k - 1) + 1 - 2 * p for n, s, d, k, p in options]
    if any(size < whole for size, whole in zip(reach, sizes, strict=True)):
        places = tuple(slice(p, p + size) for p, size in zip(c.pads, reach, strict=True))
        what = "∂L/∂x is as large as the windows reach: what the stride leaves over at the end is missing"
        yield at.slip("x", c.of_x(wide[(..., *places)]), Mistake.WRONG_PLACE, what)
    what = "backward knows nothing of the border that forward adds: the windows are shifted"

    def told(x: Tensor, weight: Tensor) -> Tensor:
        after = F.pad(x, [size for before in reversed(c.pads) for size in (0, 2 * before)])
        return c.apply(after, weight, padding=(0,) * c.axes)

    of_x, of_weight = c.gradients(c.x, c.weight, c.grad, told)
    yield at.slip("weight", of_weight, Mistake.WRONG_PLACE, what)
    yield at.slip("x", c.of_x(of_x), Mistake.WRONG_PLACE, what)


def _assigned(at: At, c: _Convolved) -> Iterator[Slip | None]:
    """What is assigned in a loop over windows, where it must be added."""
    if c.groups > 1 or any(d > 1 for d in c.dilation):
        return
    frame = [size for before in reversed(c.pads) for size in (before, before)]
    padded = F.pad(c.x, frame)
    outputs = torch.cartesian_prod(*map(torch.arange, c.grad.shape[2:])).view(-1, c.axes).tolist()
    inside = (..., *(slice(p, p + size) for p, size in zip(c.pads, c.x.shape[2:], strict=True)))

    def assigned(shares: Callable[[tuple[int, ...]], Tensor], first: bool = False) -> Tensor:
        grad = torch.zeros_like(padded)
        for place in reversed(outputs) if first else outputs:
            window = tuple(slice(i * s, i * s + k) for i, s, k in zip(place, c.stride, c.kernel, strict=True))
            grad[(..., *window)] = shares(tuple(place))
        return c.of_x(grad[inside])

    def all_channels(place: tuple[int, ...]) -> Tensor:
        return torch.tensordot(c.grad[(..., *place)], c.weight, 1)

    def last_channel(place: tuple[int, ...]) -> Tensor:
        return c.grad[:, -1][(..., *place)][(..., *(None,) * (c.axes + 1))] * c.weight[-1]

    what = "∂L/∂x is assigned, not added, window by window: where windows overlap, only the last counts"
    for shares in (last_channel, all_channels):
        yield at.slip("x", lambda shares=shares: assigned(shares), Mistake.OVERWRITTEN, what)
    what = what.replace("only the last", "only the first")
    yield at.slip("x", lambda: assigned(all_channels, first=True), Mistake.OVERWRITTEN, what)
    for which, index in (("last", -1), ("first", 0)):
        only = torch.zeros_like(c.grad)
        only[:, index] = c.grad[:, index]
        of_x, _ = c.gradients(c.x, c.weight, only)
        what = (
            f"of the output channels, only the {which} one counts in ∂L/∂x: a number of x acts on all of them"
        )
        yield at.slip("x", c.of_x(of_x), Mistake.EXAMPLES_MISSING, what)


def _sums(at: At, c: _Convolved) -> Iterator[Slip | None]:
    """Means, and sums over too little or too much, for the weight and the bias."""
    words = {0: "the examples"} | along(2 + c.axes)
    if "bias" in at:
        g, bias = c.grad, at["bias"]
        over = (0, *_spatial(c))
        ones = torch.ones_like(g).sum(over)
        yield at.slip("bias", ones, Mistake.UPSTREAM_IGNORED, "grad_output is not used in ∂L/∂bias")
        yield at.slip(
            "bias", torch.ones_like(bias), Mistake.UPSTREAM_IGNORED, "grad_output is not used in ∂L/∂bias"
        )
        yield at.slip(
            "bias",
            g.sum(over) * bias,
            Mistake.EXTRA_FACTOR,
            "∂L/∂bias is multiplied with bias: its slope is 1",
        )
        yield at.slip(
            "bias",
            g.sum(over) * len(g),
            Mistake.EXTRA_FACTOR,
            "∂L/∂bias is multiplied with the batch's size",
            0.9,
        )
        yield from wrong_sums(at, "bias", g, words)
        steps = tuple(slice(None, None, step) for step in c.stride)
        parts = [(steps, "every stride-th place")]
        if c.transposed:
            parts.append((tuple(slice(size) for size in c.x.shape[2:]), "as many places as x has"))
        for part, where in parts:
            what = f"∂L/∂bias is collected from {where} of the output only: forward adds the bias to them all"
            yield at.slip("bias", g[(..., *part)].sum(over), Mistake.EXAMPLES_MISSING, what)
    batch, places = len(c.grad), c.grad[0, 0].numel() if not c.transposed else c.x[0, 0].numel()
    _, right = c.gradients(c.x, c.weight, c.grad)
    for count, of in (
        (batch * places, "the examples and places"),
        (batch, "the examples"),
        (places, "the places"),
    ):
        if count > 1:
            what = f"∂L/∂weight is a mean over {of}: each of them adds its whole share"
            yield at.slip("weight", right / count, Mistake.MEAN_FOR_SUM, what)
    for which, index in (("last", -1), ("first", 0)):
        some = torch.zeros_like(c.grad)
        some[index] = c.grad[index]
        what = f"of the examples, only the {which} counts in ∂L/∂weight: all of them share the weight"
        yield at.slip(
            "weight", lambda some=some: c.gradients(c.x, c.weight, some)[1], Mistake.EXAMPLES_MISSING, what
        )
        if c.transposed:
            continue
        place = (..., *(index,) * c.axes)
        for example in (slice(None), slice(index, None) if index else slice(1)):
            some = torch.zeros_like(c.grad)
            some[(example, ...)][place] = c.grad[(example, ...)][place]
            what = f"of the windows, only the {which} counts in ∂L/∂weight: each next one must be added to it"
            yield at.slip(
                "weight",
                lambda some=some: c.gradients(c.x, c.weight, some)[1],
                Mistake.EXAMPLES_MISSING,
                what,
            )
    if batch > 1:
        for which, part in (("last", slice(-1)), ("first", slice(1, None))):
            some = torch.zeros_like(c.grad)
            some[part] = c.grad[part]
            what = f"of the examples, the {which} does not count in ∂L/∂weight"
            yield at.slip(
                "weight",
                lambda some=some: c.gradients(c.x, c.weight, some)[1],
                Mistake.EXAMPLES_MISSING,
                what,
            )
    if c.x.shape[1] == c.weight.shape[1] > 1:  # one channel of x for all
        for which, index in (("first", 0), ("last", -1)):
            same = c.x[:, [index]].expand_as(c.x)
            what = f"only the {which} channel of x is used in ∂L/∂weight"
            yield at.slip(
                "weight",
                lambda same=same: c.gradients(same, c.weight, c.grad)[1],
                Mistake.EXAMPLES_MISSING,
                what,
            )
