"""Convolutions: what is said of backwards in loops, as students write them."""

import itertools

import pytest
import torch
import torch.nn.functional as F

from course.checks import check_module
from course.modules import Conv1d, Conv2d, ConvTranspose2d
from tests.checking.slips.written import Wrong, must_be_named


def loops(turn=lambda w: w, assign_x=False, assign_w=False, step=None, crop=None, of_bias=None, last=False):
    """The backward of Conv2d in four loops, one thing turned the wrong way."""

    def backward(self, grad_output):
        p, s, k = self.padding[0], self.stride[0], self.kernel_size[0]
        s = s if step is None else step
        x = F.pad(self.saved["x"], (p, p, p, p))
        dx, dw, w = torch.zeros_like(x), torch.zeros_like(self.weight.value), turn(self.weight.value)
        batch, channels, rows, columns = grad_output.shape
        for n, o, i, j in itertools.product(*map(range, (batch, channels, rows, columns))):
            if last and n < batch - 1:
                continue
            window = (n, slice(None), slice(i * s, i * s + k), slice(j * s, j * s + k))
            g = grad_output[n, o, i, j]
            dw[o] = g * x[window] if assign_w else dw[o] + g * x[window]
            dx[window] = g * w[o] if assign_x else dx[window] + g * w[o]
        self.weight.grad += dw
        self.bias.grad += grad_output.sum((0, 2, 3)) if of_bias is None else of_bias(grad_output)
        q = p if crop is None else crop
        height, width = self.saved["x"].shape[2:]
        return dx[:, :, q : q + height, q : q + width]

    return backward


def along(turn=lambda w: w, mean=False, shift=0, size=None):
    """The backward of Conv1d in one loop over windows."""

    def backward(self, grad_output):
        x, w, k, s = self.saved["x"], turn(self.weight.value), self.kernel_size[0], self.stride[0]
        dx = torch.zeros_like(x)
        for i in range(grad_output.shape[2]):
            part, g = x[:, :, i * s : i * s + k], grad_output[:, :, i]
            product = torch.einsum("no,nck->ock", g, part)
            self.weight.grad += product / len(x) if mean else product
            dx[:, :, i * s : i * s + k] += torch.einsum("no,ock->nck", g, w)
        self.bias.grad += grad_output.sum((0, 2))
        if size is not None:
            return dx[:, :, : size(grad_output.shape[2], s, k)]
        return dx.roll(shift, 2) if shift else dx

    return backward


def spread(turn=lambda w: w, of_weight=lambda g: g, bias=lambda g: g.sum((0, 2, 3))):
    """The backward of ConvTranspose2d, with a convolution for x."""

    def backward(self, grad_output):
        x, w = self.saved["x"], self.weight.value
        k, s = self.kernel_size, self.stride
        dw = torch.zeros_like(w)
        for i, j in itertools.product(*map(range, x.shape[2:])):
            window = grad_output[:, :, i * s[0] : i * s[0] + k[0], j * s[1] : j * s[1] + k[1]]
            dw += torch.einsum("nc,nouv->couv", x[:, :, i, j], window)
        self.weight.grad += of_weight(dw)
        self.bias.grad += bias(grad_output)
        return F.conv2d(grad_output, turn(w), stride=s)

    return backward


def by_channel(to=lambda o, c: c, of=lambda o, c: o, read=lambda o, c: c, rows=None):
    """The backward of Conv2d in loops over channels and windows, an index or an end of a loop being wrong."""

    def backward(self, grad_output):
        x, w, k = self.saved["x"], self.weight.value, self.kernel_size[0]
        dx = torch.zeros_like(x)
        sizes = (*w.shape[:2], rows or grad_output.shape[2], grad_output.shape[3])
        for o, c, i, j in itertools.product(*map(range, sizes)):
            g = grad_output[:, of(o, c), i, j, None, None]
            window = (..., slice(i, i + k), slice(j, j + k))
            dx[:, to(o, c)][window] += g * w[o, c]
            self.weight.grad[o, c] += (g * x[:, read(o, c)][window]).sum(0)
        self.bias.grad += grad_output.sum((0, 2, 3))
        return dx

    return backward


def rows_of_channels(self, grad_output):
    """The backward of Conv2d whose bias takes the numbers in rows, channels not being last."""
    x, w = self.saved["x"], self.weight.value
    self.weight.grad += torch.nn.grad.conv2d_weight(x, w.shape, grad_output)
    self.bias.grad += grad_output.reshape(-1, len(w)).sum(0)
    return torch.nn.grad.conv2d_input(x.shape, w, grad_output)


PLAIN = {"args": (2, 3, 3), "shapes": ((2, 2, 5, 4),)}
EQUAL = {"args": (2, 2, 3), "shapes": ((2, 2, 5, 5),)}
PADDED = {"args": (2, 2, 3, 1, 1), "shapes": ((2, 2, 4, 4),)}
STRIDED = {"args": (2, 2, 2, 2), "shapes": ((3, 2, 6, 4),)}
LINE = {"args": (2, 3, 3), "shapes": ((2, 2, 7),)}
UP = {"args": (2, 3, 2, 2), "shapes": ((2, 2, 3, 2),)}

WRONG = [
    Wrong("turned", Conv2d, loops(lambda w: w.flip(2, 3)), "x", "wrong place", "half a turn off", **PLAIN),
    Wrong(
        "mirrored", Conv2d, loops(lambda w: w.flip(3)), "x", "wrong place", "mirrored left to right", **PLAIN
    ),
    Wrong("transposed", Conv2d, loops(lambda w: w.mT), "x", "missing transpose", "rows and columns", **PLAIN),
    Wrong(
        "channels", Conv2d, loops(lambda w: w.transpose(0, 1)), "x", "missing transpose", "channels", **EQUAL
    ),
    Wrong("assigned", Conv2d, loops(assign_x=True), "x", "overwritten", "only the last counts", **PLAIN),
    Wrong(
        "last window", Conv2d, loops(assign_w=True), "weight", "examples missing", "only the last", **PLAIN
    ),
    Wrong("last example", Conv2d, loops(last=True), "weight", "examples missing", "only the last", **PLAIN),
    Wrong("not cropped", Conv2d, loops(crop=0), "x", "wrong place", "cut off at the end only", **PADDED),
    Wrong(
        "cropped twice", Conv2d, loops(crop=2), "x", "wrong place", "cut off at the beginning only", **PADDED
    ),
    Wrong("stride", Conv2d, loops(step=1), "x", "wrong place", "one place on", **STRIDED),
    Wrong("stride", Conv2d, loops(step=1), "weight", "wrong place", "one place on", **STRIDED),
    Wrong(
        "bias, mean",
        Conv2d,
        loops(of_bias=lambda g: g.mean((0, 2, 3))),
        "bias",
        "mean for sum",
        "is a mean over",
        **PLAIN,
    ),
    Wrong(
        "bias, a mean over the batch",
        Conv2d,
        loops(of_bias=lambda g: g.sum((2, 3)).mean(0)),
        "bias",
        "mean for sum",
        "is a mean over the examples",
        **PLAIN,
    ),
    Wrong(
        "bias, first example",
        Conv2d,
        loops(of_bias=lambda g: g[0].sum((1, 2))),
        "bias",
        "examples missing",
        "only the first",
        **PLAIN,
    ),
    Wrong(
        "bias, everything",
        Conv2d,
        loops(of_bias=lambda g: g.sum()),
        "bias",
        "wrong axis",
        "runs over everything",
        **PLAIN,
    ),
    Wrong(
        "written to the output's channel",
        Conv2d,
        by_channel(to=lambda o, c: o),
        "x",
        "wrong place",
        "it is written to the output's channel",
        **EQUAL,
    ),
    Wrong(
        "read at the input's channel",
        Conv2d,
        by_channel(of=lambda o, c: c),
        "x",
        "wrong place",
        "grad_output is read at the input's channel",
        **PLAIN,
    ),
    Wrong(
        "read at the input's channel",
        Conv2d,
        by_channel(of=lambda o, c: c),
        "weight",
        "wrong place",
        "grad_output is read at the input's channel",
        **PLAIN,
    ),
    Wrong(
        "x read at the output's channel",
        Conv2d,
        by_channel(read=lambda o, c: o),
        "weight",
        "wrong place",
        "x is read at the output's channel",
        **EQUAL,
    ),
    Wrong(
        "a return in a loop",
        Conv2d,
        by_channel(rows=1),
        "x",
        "examples missing",
        "only the first row of windows gets a gradient",
        **PLAIN,
    ),
    Wrong(
        "a return in a loop",
        Conv2d,
        by_channel(rows=1),
        "weight",
        "examples missing",
        "only the first row of windows gets a gradient",
        **PLAIN,
    ),
    Wrong(
        "bias, in rows",
        Conv2d,
        rows_of_channels,
        "bias",
        "wrong axis",
        "moved to the last axis before a reshape",
        **PLAIN,
    ),
    Wrong("turned", Conv1d, along(lambda w: w.flip(2)), "x", "wrong place", "half a turn off", **LINE),
    Wrong(
        "what the stride leaves over",
        Conv1d,
        along(size=lambda n, s, k: (n - 1) * s + k),
        "x",
        "wrong place",
        "what the stride leaves over at the end is missing",
        args=(2, 3, 2, 2),
        shapes=((2, 2, 7),),
    ),
    Wrong(
        "channels",
        Conv1d,
        along(lambda w: w.transpose(0, 1)),
        "x",
        "missing transpose",
        "the channels of input and output the wrong way round",
        args=(3, 3, 2),
        shapes=((2, 3, 5),),
    ),
    Wrong(
        "transposed again",
        ConvTranspose2d,
        lambda self, g: F.conv_transpose2d(g, self.weight.value.transpose(0, 1), None, 1, 2),
        "x",
        "wrong place",
        "by a transposed convolution again, or its kernel is turned",
        args=(2, 3, 3),
        shapes=((2, 2, 3, 4),),
    ),
    Wrong("mean", Conv1d, along(mean=True), "weight", "mean for sum", "a mean over the examples", **LINE),
    Wrong(
        "turned",
        ConvTranspose2d,
        spread(lambda w: w.flip(2, 3)),
        "x",
        "wrong place",
        "or its kernel is turned",
        **UP,
    ),
    Wrong(
        "weight turned",
        ConvTranspose2d,
        spread(of_weight=lambda g: g.flip(2, 3)),
        "weight",
        "wrong place",
        "half a turn off",
        **UP,
    ),
    Wrong(
        "bias",
        ConvTranspose2d,
        spread(bias=lambda g: g.mean((0, 2, 3))),
        "bias",
        "mean for sum",
        "is a mean over",
        **UP,
    ),
    Wrong(
        "bias, where x stands",
        ConvTranspose2d,
        spread(bias=lambda g: g[..., ::2, ::2].sum((0, 2, 3))),
        "bias",
        "examples missing",
        "every stride-th place",
        **UP,
    ),
    Wrong(
        "bias, the size of x",
        ConvTranspose2d,
        spread(bias=lambda g: g[..., :3, :2].sum((0, 2, 3))),
        "bias",
        "examples missing",
        "as many places as x has",
        **UP,
    ),
]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: f"{wrong.kind.__name__}: {wrong.label}")
def test_it_is_named(wrong):
    must_be_named(wrong)


def test_the_loops_are_right_where_nothing_is_turned():
    module, inputs = Wrong("", Conv2d, loops(), "x", "", "", **PADDED).made()
    assert check_module(module, inputs).passed
