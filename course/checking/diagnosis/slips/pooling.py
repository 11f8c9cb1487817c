"""Wrong ways back through pooling: who gets the gradient, how much of it, and where windows overlap."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from course.checking.diagnosis.mistakes import Mistake
from course.checking.diagnosis.slips.at import At, Slip, slips
from course.checking.diagnosis.slips.elementwise import two_at_once
from course.checking.diagnosis.slips.sums import stopped_loops

Window = tuple[slice, slice]
"""The rows and columns of one window, in an image with its border."""


class _Windows:
    """The windows of one pooling, over images with a border.

    Attributes:
        shape: of the images, batch × channels × height × width.
        grad: what arrives, in the same form.
    """

    def __init__(self, at: At) -> None:
        x = at["x"]
        self.kernel, self.padding = at.sizes("kernel_size", 2), at.sizes("padding", 2, 0)
        self.stride, self.dilation = at.sizes("stride", 2), at.sizes("dilation", 2, 1)
        self.x = x if x.dim() == 4 else x[None]
        self.grad = at.grad if x.dim() == 4 else at.grad[None]
        self.shape, self.unbatched = self.x.shape, x.dim() == 3
        self.rows, self.columns = self.grad.shape[2:]
        if at.option("ceil_mode", False) or self.dilation != (1, 1):
            raise ValueError("windows with gaps, or that hang over the edge, are not looked at")

    def border(self, fill: float) -> Tensor:
        """The images with their border."""
        (top, left) = self.padding
        return F.pad(self.x, (left, left, top, top), value=fill)

    def crop(self, padded: Tensor, top: int | None = None, left: int | None = None) -> Tensor:
        """Back to the images, without their border."""
        top, left = self.padding[0] if top is None else top, self.padding[1] if left is None else left
        inside = padded[:, :, top : top + self.shape[2], left : left + self.shape[3]]
        return inside[0] if self.unbatched else inside

    def all(self, stride: tuple[int, int] | None = None) -> Iterator[tuple[int, int, Window]]:
        """Each window with its row and column in the output, first rows then columns."""
        step = self.stride if stride is None else stride
        for i in range(self.rows):
            for j in range(self.columns):
                top, left = i * step[0], j * step[1]
                yield i, j, (slice(top, top + self.kernel[0]), slice(left, left + self.kernel[1]))

    def put(
        self,
        shares: Tensor,
        *,
        keep: str = "sum",
        stride: tuple[int, int] | None = None,
        only: Tensor | None = None,
    ) -> Tensor:
        """What all windows put down, in images with a border.

        Args:
            shares: batch × channels × rows × columns × kernel's rows × kernel's columns.
            keep: "sum" adds where windows overlap; "last" and "first" keep one of them.
            only: a mask of the same shape: the other places are left as they are.
        """
        padded = self.border(0) * 0
        touched = torch.zeros_like(padded, dtype=torch.bool)
        for i, j, (rows, columns) in self.all(stride):
            share, view = shares[:, :, i, j], padded[:, :, rows, columns]
            hit = torch.ones_like(share, dtype=torch.bool) if only is None else only[:, :, i, j]
            if keep == "sum":
                view += share
            elif keep == "last":
                view[hit] = share[hit]
            else:
                fresh = hit & ~touched[:, :, rows, columns]
                view[fresh] = share[fresh]
                touched[:, :, rows, columns] |= hit
        return padded

    def unfolded(self, padded: Tensor) -> Tensor:
        """Every window: batch × channels × rows × columns × kernel's rows × kernel's columns."""
        return torch.stack(
            [
                torch.stack(
                    [padded[:, :, rows, columns] for _, j, (rows, columns) in self.all() if _ == i], 2
                )
                for i in range(self.rows)
            ],
            2,
        )

    @property
    def spread(self) -> Tensor:
        """What arrives, for every place of each window."""
        return self.grad[..., None, None].expand(*self.grad.shape, *self.kernel)

    @property
    def overlap(self) -> bool:
        """Whether a number lies in several windows."""
        return any(s < k for s, k in zip(self.stride, self.kernel, strict=True))


def _winner(windows: Tensor) -> Tensor:
    """A mask of the largest number of each window, the first of them."""
    flat = windows.flatten(-2)
    hit = F.one_hot(flat.argmax(-1), flat.shape[-1]).to(torch.bool)
    return hit.view(windows.shape)


@slips("MaxPool2d")
def max_pool(at: At) -> Iterator[Slip | None]:
    """The winner of each window."""
    w = _Windows(at)
    windows = w.unfolded(w.border(-torch.inf))
    hit, g, n = _winner(windows), w.spread, w.kernel[0] * w.kernel[1]
    inside = torch.isfinite(windows)
    values = windows.masked_fill(~inside, 0)
    right = w.put(g * hit)
    for keep in ("last", "first"):
        what = f"of the windows that a number wins, only the {keep} counts: assigned, where it must be added"
        yield at.slip(
            "x",
            w.crop(w.put(g, keep=keep, only=hit)),
            Mistake.OVERWRITTEN,
            what,
        )
        what = f"each window writes over all of its places: where they overlap, only the {keep} counts"
        yield at.slip("x", w.crop(w.put(g * hit, keep=keep)), Mistake.OVERWRITTEN, what)
    everyone = "every number of a window gets its gradient: only the one that won has an effect on the output"
    yield at.slip("x", w.crop(w.put(g)), Mistake.MASK_MISSING, everyone)
    shared = (
        "the gradient is shared out evenly in each window, as for a mean: only the one that won has an effect"
    )
    yield at.slip("x", w.crop(w.put(g / n)), Mistake.OTHER_FORMULA, shared)
    losers = "the mask is the wrong way round: all but the winner of a window get its gradient"
    yield at.slip("x", w.crop(w.put(g * ~hit)), Mistake.MASK_MISSING, losers)
    valued = "the gradient is multiplied with the value that won: the winner's slope is 1"
    yield at.slip("x", w.crop(w.put(g * hit * values)), Mistake.EXTRA_FACTOR, valued)
    yield at.slip(
        "x",
        w.crop(w.put(hit.to(g))),
        Mistake.UPSTREAM_IGNORED,
        "grad_output is not used: only a mask is given",
    )
    yield at.slip(
        "x",
        w.crop(w.put(hit * values)),
        Mistake.UPSTREAM_IGNORED,
        "the values that won are given, grad_output is not used",
    )
    smallest = _winner((-windows).masked_fill(~inside, -torch.inf))
    yield at.slip(
        "x",
        w.crop(w.put(g * smallest)),
        Mistake.WRONG_FACTOR,
        "the smallest number of a window gets the gradient, not the largest",
    )
    absolute = _winner(values.abs().masked_fill(~inside, -torch.inf))
    yield at.slip(
        "x",
        w.crop(w.put(g * absolute)),
        Mistake.WRONG_FACTOR,
        "the number with the largest absolute value gets the gradient",
    )
    for place, words in ((0, "first"), (n - 1, "last")):
        fixed = F.one_hot(torch.tensor(place), n).view(w.kernel).expand_as(windows)
        what = f"the {words} place of every window gets the gradient, whoever won"
        yield at.slip("x", w.crop(w.put(g * fixed)), Mistake.WRONG_PLACE, what)
    for mask, words in (
        (values > 0, "of the positive numbers"),
        (windows >= values.mean((-2, -1), keepdim=True), "of what is above the window's mean"),
        (windows == w.x.amax(), "of the largest number of all"),
        (windows == w.x.amax((2, 3))[:, :, None, None, None, None], "of the largest number of each image"),
    ):
        what = f"the mask is that {words}: each window has its own winner"
        yield at.slip("x", w.crop(w.put(g * (mask & inside))), Mistake.WRONG_FACTOR, what)
    for count, words in (
        (n, "the size of a window"),
        (w.rows * w.columns, "the number of windows"),
        (len(w.grad), "the number of examples"),
    ):
        if count == 1:
            continue
        yield at.slip(
            "x",
            w.crop(right) / count,
            Mistake.EXTRA_FACTOR,
            f"the winner's gradient is divided by {count}, {words}: it gets all of it",
        )
    wins = w.put(hit.to(g))
    what = "a number that wins several windows gets the mean of their gradients, not all of them"
    yield at.slip("x", w.crop(right / wins.clamp(min=1)), Mistake.MEAN_FOR_SUM, what)
    first = hit[:, :1].expand_as(hit)
    yield at.slip(
        "x",
        w.crop(w.put(g * first)),
        Mistake.WRONG_FACTOR,
        "the winners of the first channel are used for all channels",
    )
    first = hit[:1].expand_as(hit)
    yield at.slip(
        "x",
        w.crop(w.put(g * first)),
        Mistake.WRONG_FACTOR,
        "the winners of the first example are used for all examples",
    )
    yield from _places(at, w, g * hit)
    moved = list(w.all((1, 1)))  # the windows of a backward that forgets the stride, and their own winners
    near = torch.stack([w.border(-torch.inf)[(..., *window)] for _, _, window in moved], 2).view(
        windows.shape
    )
    own = _winner(near)
    yield at.slip("x", w.crop(w.put(g * own, stride=(1, 1))), Mistake.WRONG_PLACE, ONE_ON)
    for shares in (near.masked_fill(~own, 0), hit * values):
        both = w.crop(w.put(g * shares, stride=(1, 1)))
        yield two_at_once(at, "x", both, Mistake.WRONG_PLACE, ONE_ON, valued)
    turned = hit.mT if w.kernel[0] == w.kernel[1] else hit
    what = "row and column of the winner within its window are exchanged"
    yield at.slip("x", lambda: w.crop(w.put(g * turned)), Mistake.WRONG_PLACE, what)
    what = "the winner's place within its window is used as if it were one in the whole image"
    local = right * 0
    local[:, :, : w.kernel[0], : w.kernel[1]] = (g * hit).sum((2, 3))
    yield at.slip("x", w.crop(local, 0, 0), Mistake.WRONG_PLACE, what)
    flat = (w.x * 0).flatten(2)
    where = hit.flatten(-2).long().argmax(-1).flatten(2)
    yield at.slip(
        "x",
        lambda: flat.scatter_add(2, where, w.grad.flatten(2)).view(at["x"].shape),
        Mistake.WRONG_PLACE,
        what,
    )
    yield from _counted_on(at, w, right)


def _counted_on(at: At, w: _Windows, right: Tensor) -> Iterator[Slip | None]:
    """The places of the winners, which count within a plane, are taken for places of something larger."""
    inside = right[:, :, w.padding[0] :, w.padding[1] :][:, :, : w.shape[2], : w.shape[3]]
    for planes, where in ((inside.flatten(0, 1), "the whole batch"), (inside, "a whole example")):
        if planes.shape[-3] == 1:
            continue
        all_in_first = torch.zeros_like(planes)
        all_in_first[..., 0, :, :] = planes.sum(-3)
        what = (
            f"the winners' places are taken for places in {where}, laid out in a row: each channel of each "
            "example counts anew, so that all lands in the first"
        )
        yield at.slip("x", all_in_first.reshape(at["x"].shape), Mistake.WRONG_PLACE, what)


ONE_ON = "backward takes each next window one place on, forward a stride on"


def _places(at: At, w: _Windows, shares: Tensor) -> Iterator[Slip | None]:
    """What is put down at wrong places: another stride, another border, rows and columns exchanged."""
    yield at.slip("x", lambda: w.crop(w.put(shares, stride=(1, 1))), Mistake.WRONG_PLACE, ONE_ON)
    padded = w.put(shares)
    reach = [
        (n - 1) * s + k - p
        for n, s, k, p in zip(w.grad.shape[2:], w.stride, w.kernel, w.padding, strict=True)
    ]
    if reach[0] < w.shape[2] or reach[1] < w.shape[3]:
        what = "∂L/∂x is as large as the windows reach: the rows and columns that they leave over are missing"
        yield at.slip("x", w.crop(padded)[..., : reach[0], : reach[1]], Mistake.WRONG_PLACE, what)
    what = "the border that forward adds is not cut off where it is: the gradients are shifted"
    top, left = w.padding
    yield at.slip("x", w.crop(padded, 0, 0), Mistake.WRONG_PLACE, what)
    yield at.slip("x", w.crop(padded, 2 * top, 2 * left), Mistake.WRONG_PLACE, what)
    what = "the border that forward adds is not cut off: the gradient is that of the image with its border"
    yield at.slip("x", padded[0] if w.unbatched else padded, Mistake.WRONG_PLACE, what)
    exchanged = shares.transpose(2, 3)
    what = "rows and columns of the windows are exchanged"
    yield at.slip(
        "x",
        lambda: w.crop(w.put(exchanged)),
        Mistake.WRONG_PLACE,
        what,
    )
    for axis, word in ((0, "example"), (1, "channel")):
        for which, index in (("first", 0), ("last", -1)):
            some = torch.zeros_like(shares)
            some.select(axis, index).copy_(shares.select(axis, index))
            what = f"only the {which} {word} gets a gradient"
            yield at.slip("x", w.crop(w.put(some)), Mistake.EXAMPLES_MISSING, what)
    for what, part in stopped_loops(("example", "channel", "row of windows", "window of a row")):
        some = torch.zeros_like(shares)
        some[part] = shares[part]
        yield at.slip("x", w.crop(w.put(some)), Mistake.EXAMPLES_MISSING, what, 0.9)


@slips("AvgPool2d")
def avg_pool(at: At) -> Iterator[Slip | None]:
    """The mean of each window."""
    w = _Windows(at)
    g, n = w.spread, w.kernel[0] * w.kernel[1]
    counted = w.unfolded(F.pad(torch.ones_like(w.x), (w.padding[1],) * 2 + (w.padding[0],) * 2))
    real = counted.sum((-2, -1), keepdim=True)
    counted_in = at.option("count_include_pad", True)
    divisor = at.option("divisor_override", None) or (n if counted_in else real)
    shares = g / divisor
    places = w.shape[2] * w.shape[3]
    what = "the sum of each window's gradient goes to its numbers undivided: forward takes a mean"
    yield at.slip("x", w.crop(w.put(g)), Mistake.SUM_FOR_MEAN, what)
    for other, words in (
        (real, "the number of places inside the image, forward by all of the window"),
        (
            float(n),
            "the size of the window, forward by "
            + ("another number" if counted_in else "the number of its places inside the image"),
        ),
        (w.kernel[0], "one side of the window, forward by all of its places"),
        (w.kernel[1], "one side of the window, forward by all of its places"),
        (w.stride[0] * w.stride[1], "the size of a stride, forward by that of the window"),
        (w.stride[0], "the stride, forward by the size of the window"),
        (places, "the number of places of the whole image, forward by that of the window"),
        (w.rows * w.columns, "the number of windows, forward by the size of one"),
        (w.shape[0] * n, "the number of examples as well"),
        (w.grad.numel(), "the number of outputs, forward by the size of the window"),
    ):
        if isinstance(other, Tensor) or isinstance(divisor, Tensor) or other != divisor:
            what = f"backward divides by {words}"
            yield at.slip("x", w.crop(w.put(g / other)), Mistake.WRONG_FACTOR, what)
    yield at.slip(
        "x", w.crop(w.put(shares / n)), Mistake.DOUBLE_1_N, f"divided by {n}, the size of a window, twice"
    )
    yield at.slip(
        "x",
        w.crop(w.put(g * n)),
        Mistake.INVERSE_1_N,
        f"multiplied with {n}, the size of a window, forward divides",
    )
    for keep, words in (("last", "last"), ("first", "first")):
        what = f"shares are assigned, not added: where windows overlap, only the {words} of them counts"
        yield at.slip("x", w.crop(w.put(shares, keep=keep)), Mistake.OVERWRITTEN, what)
        yield at.slip(
            "x",
            w.crop(w.put(g, keep=keep)),
            Mistake.OVERWRITTEN,
            f"{what}; and forward's mean is not divided",
            0.9,
        )
    windows = w.unfolded(w.border(-torch.inf))
    hit = _winner(windows)
    for scale in (1.0, 1 / n):
        what = "only the largest number of a window gets its gradient: a mean depends on all of them"
        yield at.slip("x", w.crop(w.put(g * hit * scale)), Mistake.OTHER_FORMULA, what)
    values = windows.masked_fill(~torch.isfinite(windows), 0)
    yield at.slip(
        "x",
        w.crop(w.put(shares * values)),
        Mistake.EXTRA_FACTOR,
        "the numbers of x are multiplied in: a mean's slope has none of them",
    )
    for scale in (1.0, 1 / n):
        for place, words in ((0, "first"), (n - 1, "last")):
            fixed = F.one_hot(torch.tensor(place), n).view(w.kernel).expand_as(g)
            what = f"only the {words} place of every window gets a gradient: a mean depends on all of them"
            yield at.slip("x", w.crop(w.put(g * scale * fixed)), Mistake.WRONG_PLACE, what)
    yield at.slip(
        "x", w.crop(w.put(torch.ones_like(g) / divisor)), Mistake.UPSTREAM_IGNORED, "grad_output is not used"
    )
    yield from _places(at, w, shares)


@slips("AdaptiveAvgPool2d")
def adaptive_avg_pool(at: At) -> Iterator[Slip | None]:
    """The mean of windows of several sizes."""
    x, g = at["x"], at.grad
    (height, width), (rows, columns) = x.shape[-2:], g.shape[-2:]

    def put(divisor: float | None, *, assign: bool = False, ends: str = "up") -> Tensor:
        grad = torch.zeros_like(x)
        for i in range(rows):
            for j in range(columns):
                spans = [
                    (
                        k * size // count,
                        -(-(k + 1) * size // count) if ends == "up" else (k + 1) * size // count,
                    )
                    for k, size, count in ((i, height, rows), (j, width, columns))
                ]
                if ends == "even":
                    spans = [
                        (k * (size // count), (k + 1) * (size // count))
                        for k, size, count in ((i, height, rows), (j, width, columns))
                    ]
                (top, bottom), (left, right) = spans
                own = max(1, (bottom - top) * (right - left))
                share = g[..., i, j, None, None] / (own if divisor is None else divisor)
                if assign:
                    grad[..., top:bottom, left:right] = share.expand_as(grad[..., top:bottom, left:right])
                else:
                    grad[..., top:bottom, left:right] += share
        return grad

    for divisor, words in (
        (height * width / (rows * columns), "the average size of a window, forward by each window's own"),
        (height // rows * (width // columns), "the same size for all windows, forward by each window's own"),
        (height * width, "the number of places of the whole image, forward by each window's own"),
        (rows * columns, "the number of windows, forward by the size of each"),
    ):
        yield at.slip(
            "x", lambda divisor=divisor: put(divisor), Mistake.WRONG_FACTOR, f"backward divides by {words}"
        )
    what = "the gradients go to their windows undivided: forward takes means"
    yield at.slip("x", put(1.0), Mistake.SUM_FOR_MEAN, what)
    what = "shares are assigned, not added: where windows overlap, only the last of them counts"
    yield at.slip("x", put(None, assign=True), Mistake.OVERWRITTEN, what)
    for ends in ("down", "even"):
        what = "the windows of backward have other bounds than those of forward, which may overlap"
        yield at.slip("x", lambda ends=ends: put(None, ends=ends), Mistake.WRONG_PLACE, what)
    yield at.slip("x", put(None) * x, Mistake.EXTRA_FACTOR, "x is multiplied in: a mean's slope has no x")


@slips("GlobalAvgPool2d")
def global_avg_pool(at: At) -> Iterator[Slip | None]:
    """One mean for each channel."""
    x, g = at["x"], at.grad
    batch, channels, height, width = x.shape
    spread, n = g[:, :, None, None].expand_as(x), height * width
    what = "each place gets the whole gradient of its channel: forward takes a mean"
    yield at.slip("x", spread, Mistake.SUM_FOR_MEAN, what)
    for other, words in (
        (height, "the height only"),
        (width, "the width only"),
        (height + width, "the sum of height and width"),
        (n * batch, "the number of examples as well"),
        (n * channels, "the number of channels as well"),
        (x.numel(), "the size of all of x"),
        (n * n, "the number of places twice"),
        (batch * channels, "the number of outputs"),
    ):
        yield at.slip(
            "x",
            spread / other,
            Mistake.WRONG_FACTOR,
            f"divided by {words}, forward by the number of places of a channel",
        )
    yield at.slip(
        "x", spread * n, Mistake.INVERSE_1_N, "multiplied with the number of places, forward divides by it"
    )
    yield at.slip("x", spread * x / n, Mistake.EXTRA_FACTOR, "x is multiplied in: a mean's slope has no x")
    narrow = (
        "the gradient is not spread over the places of each channel: every one of them had a part in the mean"
    )
    for share in (g / n, g):
        yield at.slip("x", share, Mistake.BROADCAST_NOT_REDUCED, narrow)
        yield at.slip("x", share[:, :, None, None], Mistake.BROADCAST_NOT_REDUCED, narrow)
    yield at.slip("x", torch.ones_like(x) / n, Mistake.UPSTREAM_IGNORED, "grad_output is not used")
    for share, words in ((1.0, ""), (1 / n, "")):
        corner = torch.zeros_like(x)
        corner[:, :, 0, 0] = g * share
        yield at.slip(
            "x", corner, Mistake.WRONG_PLACE, f"only the first place of each channel gets a gradient{words}"
        )


@slips("UpsamplingNearest2d")
def upsampling(at: At) -> Iterator[Slip | None]:
    """Each place is shown by a block."""
    x, g = at["x"], at.grad
    (height, width), (rows, columns) = x.shape[2:], g.shape[2:]
    index = torch.arange(height * width, dtype=torch.float32).view(1, 1, height, width)
    scale = at.option("scale_factor", None)
    shown = (
        F.interpolate(index, size=at.option("size", None), scale_factor=scale, mode="nearest")
        .long()
        .flatten()
    )
    flat = g.flatten(2)
    counts = torch.bincount(shown, minlength=height * width).clamp(min=1)

    def back(values: Tensor) -> Tensor:
        return values.view(x.shape)

    base = torch.zeros_like(x).flatten(2)
    total = base.index_add(2, shown, flat)
    for which, order in (("last", range(len(shown))), ("first", reversed(range(len(shown))))):
        some = base.clone()
        for place in order:
            some[:, :, shown[place]] = flat[:, :, place]
        what = f"of the places that show one number, only the {which} one's gradient counts"
        yield at.slip("x", back(some), Mistake.EXAMPLES_MISSING, what)
    what = "each number gets the mean of the gradients of its block: every place that shows it counts in full"
    yield at.slip("x", back(total / counts), Mistake.MEAN_FOR_SUM, what)
    if rows % height == 0 and columns % width == 0:
        tall, wide = rows // height, columns // width
        what = "the places are grouped wrongly: those that lie apart are summed, not those of a block"
        apart = g.unflatten(2, (tall, height)).unflatten(4, (wide, width))
        yield at.slip("x", lambda: apart.sum((2, 4)), Mistake.WRONG_PLACE, what)
        yield at.slip("x", lambda: apart.mean((2, 4)), Mistake.WRONG_PLACE, what)
        yield at.slip(
            "x",
            g[:, :, :height, :width],
            Mistake.WRONG_PLACE,
            "only the upper left part of grad_output is used",
        )
        blocks = g.unflatten(2, (height, tall)).unflatten(4, (width, wide))
        yield at.slip(
            "x",
            blocks.amax((3, 5)),
            Mistake.OTHER_FORMULA,
            "the largest gradient of each block is taken, as in pooling",
        )
        for divisor in (tall, wide, tall * wide):
            what = f"the sum over each block is divided by {divisor}: each place that shows it counts in full"
            yield at.slip("x", back(total / divisor), Mistake.MEAN_FOR_SUM, what)
            yield at.slip(
                "x",
                back(total * divisor),
                Mistake.EXTRA_FACTOR,
                f"the sum over each block is multiplied with {divisor} as well",
            )
        yield at.slip(
            "x",
            blocks.sum(3).sum(3)[:, :, :, :1].expand_as(x),
            Mistake.WRONG_AXIS,
            "the sum runs over the wrong axis",
        )
    yield at.slip(
        "x",
        g,
        Mistake.BROADCAST_NOT_REDUCED,
        "the gradients of a block are not summed: the block shows one number",
    )
    yield at.slip(
        "x",
        back(base + counts),
        Mistake.UPSTREAM_IGNORED,
        "grad_output is not used: the places are only counted",
    )
    yield at.slip(
        "x", back(total) * x, Mistake.EXTRA_FACTOR, "x is multiplied in: to show a number has the slope 1"
    )


@slips("ZeroPad2d")
def zero_pad(at: At) -> Iterator[Slip | None]:
    """A border of zeros."""
    x, g = at["x"], at.grad
    left, right, top, bottom = at.module.padding
    height, width = x.shape[-2:]
    yield at.slip("x", g, Mistake.WRONG_PLACE, "the border is not cut off: x has none")
    starts = [  # the commonest first: where the sizes are alike, several begin at the same place
        ((0, 0), "the border is cut off at the end only: the gradients are shifted"),
        ((left, top), "the borders of rows and columns are exchanged"),
        (
            (top + bottom, left + right),
            "the border is cut off at the beginning only: the gradients are shifted",
        ),
        ((bottom, right), "the borders before and after are exchanged"),
        ((top, right), "the borders on the left and on the right are exchanged"),
        ((bottom, left), "the borders above and below are exchanged"),
    ]
    places = [start for start, _ in starts]
    for (row, column), what in starts:
        prior = 0.95 if places.count((row, column)) == 1 else 0.75
        part = g[..., row : row + height, column : column + width] if min(row, column) >= 0 else g
        yield at.slip("x", part, Mistake.WRONG_PLACE, what, prior)
        if (row, column) == (0, 0):
            continue
        ends = g[..., row : g.shape[-2] - row, column : g.shape[-1] - column]
        yield at.slip("x", ends, Mistake.WRONG_PLACE, what, prior)
    yield at.slip(
        "x",
        F.pad(g, at.module.padding),
        Mistake.WRONG_PLACE,
        "backward adds a border once more, instead of cutting it off",
    )
    inner = F.pad(g, [-size for size in at.module.padding])
    yield at.slip(
        "x", inner * x, Mistake.EXTRA_FACTOR, "x is multiplied in: to copy a number has the slope 1"
    )
    yield at.slip("x", torch.ones_like(x), Mistake.UPSTREAM_IGNORED, "grad_output is not used")
