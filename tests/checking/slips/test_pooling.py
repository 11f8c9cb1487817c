"""Pooling, upsampling and borders: what is said of backwards as students write them."""

import itertools

import pytest
import torch
import torch.nn.functional as F

from course.modules import (
    AdaptiveAvgPool2d,
    AvgPool2d,
    GlobalAvgPool2d,
    MaxPool2d,
    UpsamplingNearest2d,
    ZeroPad2d,
)
from tests.checking.slips.written import Wrong, must_be_named


class KeepsInput(MaxPool2d):
    def forward(self, x):
        out = super().forward(x)
        self.save(x=x)
        return out


def winners(put, step=None):
    """The backward of MaxPool2d in four loops; put(view, g, window) changes the gradients of a window."""

    def backward(self, grad_output):
        x, k = self.saved["x"], self.kernel_size
        s = self.stride if step is None else step
        dx = torch.zeros_like(x)
        for n, c, i, j in itertools.product(*map(range, grad_output.shape)):
            place = (n, c, slice(i * s[0], i * s[0] + k[0]), slice(j * s[1], j * s[1] + k[1]))
            put(dx[place], grad_output[n, c, i, j], x[place])
        return dx

    return backward


def best(window):
    return window == window.max()


def reach(dx):
    return dx[:, :, :4, :6]


def one_place_on(self, grad_output):
    x, s, k = self.saved["x"], self.stride, self.kernel_size
    dx = torch.zeros_like(x)
    for i, j in itertools.product(*map(range, grad_output.shape[2:])):
        window = x[:, :, i * s[0] : i * s[0] + k[0], j * s[1] : j * s[1] + k[1]]
        share = (window == window.amax((2, 3), keepdim=True)) * window * grad_output[:, :, i, j, None, None]
        dx[:, :, i : i + k[0], j : j + k[1]] += share
    return dx


def all_in_the_first_channel(self, grad_output):
    x = self.saved["x"]
    _, places = F.max_pool2d(x, self.kernel_size, return_indices=True)
    rows = torch.zeros_like(x).flatten(1)
    return rows.scatter_add(1, places.flatten(1), grad_output.flatten(1)).reshape(x.shape)


def assign(view, g, window):
    view[best(window)] = g


def assign_all(view, g, window):
    view[:] = g * best(window)


def stopped(rows, columns):
    """The backward of MaxPool2d in two loops that go through these rows and columns of windows only."""

    def backward(self, grad_output):
        x, (k, s) = self.saved["x"], (self.kernel_size, self.stride)
        dx = torch.zeros_like(x)
        for i, j in itertools.product(range(rows), range(columns)):
            place = (..., slice(i * s[0], i * s[0] + k[0]), slice(j * s[1], j * s[1] + k[1]))
            winner = x[place] == x[place].amax((2, 3), keepdim=True)
            dx[place] += winner * grad_output[:, :, i, j, None, None]
        return dx

    return backward


def means(share, assigned=False):
    def backward(self, grad_output):
        dx, k, s = torch.zeros(self.saved["shape"], dtype=grad_output.dtype), self.kernel_size, self.stride
        for i, j in itertools.product(*map(range, grad_output.shape[2:])):
            place = (..., slice(i * s[0], i * s[0] + k[0]), slice(j * s[1], j * s[1] + k[1]))
            part = share(grad_output[:, :, i, j])[:, :, None, None]
            dx[place] = part.expand_as(dx[place]) if assigned else dx[place] + part
        return dx

    return backward


def first_of_each(self, grad_output):
    return grad_output[:, :, ::2, ::2]


OVER = {"args": (3, 1), "shapes": ((1, 2, 5, 5),)}
PLAIN = {"args": (2,), "shapes": ((2, 2, 4, 6),)}
GLOBAL = {"shapes": ((2, 3, 2, 4),)}
UP = {"args": (None, 2), "shapes": ((2, 2, 2, 3),)}
FRAME = {"args": ((1, 2, 0, 3),), "shapes": ((2, 2, 3, 4),)}

WRONG = [
    Wrong("assigned", KeepsInput, winners(assign), "x", "overwritten", "only the last counts", **OVER),
    Wrong(
        "assigned with zeros",
        KeepsInput,
        winners(assign_all),
        "x",
        "overwritten",
        "only the last counts",
        **OVER,
    ),
    Wrong(
        "rows left over",
        KeepsInput,
        lambda self, g: reach(winners(lambda v, g, w: v.add_(g * best(w)))(self, g)),
        "x",
        "wrong place",
        "the rows and columns that they leave over are missing",
        args=(2,),
        shapes=((2, 2, 5, 7),),
    ),
    Wrong(
        "own winners, one place on",
        KeepsInput,
        winners(lambda v, g, w: v.add_(g * best(w)), (1, 1)),
        "x",
        "wrong place",
        "one place on, forward a stride on",
        args=(3, 2),
        shapes=((2, 2, 7, 5),),
    ),
    Wrong(
        "values of the right winners, one place on",
        KeepsInput,
        one_place_on,
        "x",
        "wrong place",
        "two things: backward takes each next window one place on",
        **PLAIN,
    ),
    Wrong(
        "places of a whole example",
        KeepsInput,
        all_in_the_first_channel,
        "x",
        "wrong place",
        "taken for places in a whole example",
        args=(2,),
        shapes=((2, 3, 4, 6),),
    ),
    Wrong(
        "everyone",
        KeepsInput,
        winners(lambda v, g, w: v.add_(g)),
        "x",
        "mask missing",
        "every number of a window",
        **PLAIN,
    ),
    Wrong(
        "as a mean",
        KeepsInput,
        winners(lambda v, g, w: v.add_(g / 4)),
        "x",
        "other formula",
        "as for a mean",
        **PLAIN,
    ),
    Wrong(
        "values",
        KeepsInput,
        winners(lambda v, g, w: v.add_(g * best(w) * w)),
        "x",
        "extra factor",
        "the value that won",
        **PLAIN,
    ),
    Wrong(
        "smallest",
        KeepsInput,
        winners(lambda v, g, w: v.add_(g * (w == w.min()))),
        "x",
        "wrong factor",
        "the smallest number",
        **PLAIN,
    ),
    Wrong(
        "positive",
        KeepsInput,
        winners(lambda v, g, w: v.add_(g * (w > 0))),
        "x",
        "wrong factor",
        "the positive numbers",
        **PLAIN,
    ),
    Wrong(
        "losers",
        KeepsInput,
        winners(lambda v, g, w: v.add_(g * ~best(w))),
        "x",
        "mask missing",
        "the wrong way round",
        **PLAIN,
    ),
    Wrong(
        "absolute",
        KeepsInput,
        winners(lambda v, g, w: v.add_(g * best(w.abs()))),
        "x",
        "wrong factor",
        "largest absolute value",
        **PLAIN,
    ),
    Wrong(
        "corner",
        KeepsInput,
        winners(lambda v, g, w: v[:1, :1].add_(g)),
        "x",
        "wrong place",
        "the first place of every window",
        **PLAIN,
    ),
    Wrong(
        "no g",
        KeepsInput,
        winners(lambda v, g, w: v.add_(best(w))),
        "x",
        "upstream ignored",
        "only a mask",
        **PLAIN,
    ),
    Wrong(
        "share of four",
        KeepsInput,
        winners(lambda v, g, w: v.add_(g * best(w) / 4)),
        "x",
        "extra factor",
        "the size of a window",
        **PLAIN,
    ),
    Wrong(
        "a return in the outer loop",
        KeepsInput,
        stopped(1, 3),
        "x",
        "examples missing",
        "only the first row of windows gets a gradient",
        **PLAIN,
    ),
    Wrong(
        "a return in the inner loop",
        KeepsInput,
        stopped(1, 1),
        "x",
        "examples missing",
        "only the first window of a row in the first row of windows",
        **PLAIN,
    ),
    Wrong(
        "the whole window",
        AvgPool2d,
        lambda self, g: F.pad(g, (1, 1, 1, 1)).unfold(2, 3, 1).unfold(3, 3, 1).sum((4, 5)) / 9,
        "x",
        "wrong factor",
        "the number of its places inside the image",
        args=(3, 1, 1, False, False),
        shapes=((1, 2, 4, 4),),
    ),
    Wrong("undivided", AvgPool2d, means(lambda g: g), "x", "sum for mean", "undivided", **PLAIN),
    Wrong(
        "one side", AvgPool2d, means(lambda g: g / 3), "x", "wrong factor", "one side of the window", **OVER
    ),
    Wrong(
        "number of windows",
        AvgPool2d,
        means(lambda g: g / 6),
        "x",
        "wrong factor",
        "the number of windows",
        **PLAIN,
    ),
    Wrong(
        "assigned",
        AvgPool2d,
        means(lambda g: g / 9, assigned=True),
        "x",
        "overwritten",
        "only the last of them counts",
        **OVER,
    ),
    Wrong("twice", AvgPool2d, means(lambda g: g / 16), "x", "double 1/N", "twice", **PLAIN),
    Wrong(
        "undivided",
        AdaptiveAvgPool2d,
        lambda self, g: g.repeat_interleave(2, 2).repeat_interleave(2, 3),
        "x",
        "sum for mean",
        "undivided",
        args=(2,),
        shapes=((2, 2, 4, 4),),
    ),
    Wrong(
        "undivided",
        GlobalAvgPool2d,
        lambda self, g: g[:, :, None, None].expand(2, 3, 2, 4),
        "x",
        "sum for mean",
        "whole gradient of its channel",
        **GLOBAL,
    ),
    Wrong(
        "height",
        GlobalAvgPool2d,
        lambda self, g: g[:, :, None, None].expand(2, 3, 2, 4) / 2,
        "x",
        "wrong factor",
        "the height only",
        **GLOBAL,
    ),
    Wrong(
        "all numbers",
        GlobalAvgPool2d,
        lambda self, g: g[:, :, None, None].expand(2, 3, 2, 4) / 48,
        "x",
        "wrong factor",
        "the size of all of x",
        **GLOBAL,
    ),
    Wrong(
        "narrow",
        GlobalAvgPool2d,
        lambda self, g: g[:, :, None, None] / 8,
        "x",
        "broadcast not reduced",
        "not spread",
        **GLOBAL,
    ),
    Wrong(
        "first place",
        UpsamplingNearest2d,
        first_of_each,
        "x",
        "examples missing",
        "only the first one's gradient",
        **UP,
    ),
    Wrong(
        "mean",
        UpsamplingNearest2d,
        lambda self, g: F.avg_pool2d(g, 2),
        "x",
        "mean for sum",
        "the mean of the gradients of its block",
        **UP,
    ),
    Wrong(
        "apart",
        UpsamplingNearest2d,
        lambda self, g: g.reshape(2, 2, 2, 2, 2, 3).sum((2, 4)),
        "x",
        "wrong place",
        "grouped wrongly",
        **UP,
    ),
    Wrong(
        "unsummed", UpsamplingNearest2d, lambda self, g: g, "x", "broadcast not reduced", "not summed", **UP
    ),
    Wrong(
        "end only", ZeroPad2d, lambda self, g: g[..., :3, :4], "x", "wrong place", "at the end only", **FRAME
    ),
    Wrong(
        "exchanged",
        ZeroPad2d,
        lambda self, g: g[..., 1:4, :4],
        "x",
        "wrong place",
        "rows and columns are exchanged",
        **FRAME,
    ),
    Wrong(
        "exchanged, or the other way",
        ZeroPad2d,
        lambda self, g: g[..., 2:5, :4],
        "x",
        "wrong place",
        "rows and columns are exchanged",
        perhaps=True,
        args=((2, 0, 0, 2),),
        shapes=((2, 2, 3, 4),),
    ),
    Wrong("whole", ZeroPad2d, lambda self, g: g, "x", "wrong place", "not cut off", **FRAME),
]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: f"{wrong.kind.__name__}: {wrong.label}")
def test_it_is_named(wrong):
    must_be_named(wrong)
