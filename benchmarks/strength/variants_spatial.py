"""Correct variants, written by hand: convolution, pooling, and what else moves numbers about in images."""
# ruff: noqa: D101, D102 - what each class does otherwise is said beside it, in by_hand
# pyright: reportOptionalMemberAccess=false, reportArgumentType=false, reportOptionalOperand=false

import itertools

import torch
import torch.nn.functional as F

from benchmarks.strength._variant import by_hand
from course import modules as library


@by_hand("unfold, matrix products, fold", 0, 1, 2)
class Conv2dByUnfold(library.Conv2d):
    def backward(self, grad_output):
        x = self.saved["x"]
        options = (self.kernel_size, self.dilation, self.pads[0][0], self.stride)
        columns, g = F.unfold(x, *options), grad_output.flatten(2)
        self.weight.grad = self.weight.grad + (g @ columns.mT).sum(0).view_as(self.weight.value)
        if self.bias is not None:
            self.bias.grad = self.bias.grad + g.sum((0, 2))
        return F.fold(self.weight.value.flatten(1).T @ g, x.shape[2:], *options)


@by_hand("nested loops over positions", 0, 1, 2)
class Conv2dByLoops(library.Conv2d):
    def backward(self, grad_output):
        p, s, d = self.pads[0][0], self.stride, self.dilation
        x = F.pad(self.saved["x"], (p, p, p, p))
        grad, (height, width) = torch.zeros_like(x), self.kernel_size
        for n, o, i, j in itertools.product(*map(range, grad_output.shape)):
            g = grad_output[n, o, i, j]
            rows = slice(i * s[0], i * s[0] + (height - 1) * d[0] + 1, d[0])
            columns = slice(j * s[1], j * s[1] + (width - 1) * d[1] + 1, d[1])
            grad[n, :, rows, columns] += g * self.weight.value[o]
            self.weight.grad[o] += g * x[n, :, rows, columns]
            if self.bias is not None:
                self.bias.grad[o] += g
        return grad[:, :, p : x.shape[2] - p, p : x.shape[3] - p]


@by_hand("two more convolutions, the kernel flipped", 0)
class Conv2dByConvolutions(library.Conv2d):
    def backward(self, grad_output):
        x, weight = self.saved["x"], self.weight.value
        self.weight.grad += F.conv2d(x.transpose(0, 1), grad_output.transpose(0, 1)).transpose(0, 1)
        self.bias.grad += grad_output.sum((0, 2, 3))
        border = (self.kernel_size[0] - 1, self.kernel_size[1] - 1)
        return F.conv2d(grad_output, weight.transpose(0, 1).flip(2, 3), padding=border)


@by_hand("group by group", 3)
class Conv2dByGroup(library.Conv2d):
    def backward(self, grad_output):
        x, grads = self.saved["x"], []
        parts = zip(
            x.chunk(self.groups, 1),
            grad_output.chunk(self.groups, 1),
            self.weight.value.chunk(self.groups),
            strict=True,
        )
        sums = []
        for part, g, weight in parts:
            columns = F.unfold(part, self.kernel_size)
            sums.append((g.flatten(2) @ columns.mT).sum(0).view_as(weight))
            grads.append(F.conv_transpose2d(g, weight))
        self.weight.grad += torch.cat(sums)
        self.bias.grad += grad_output.transpose(0, 1).flatten(1).sum(1)
        return torch.cat(grads, 1)


@by_hand("one shift of the kernel at a time", 0, 1)
class Conv1dByShifts(library.Conv1d):
    def backward(self, grad_output):
        p, s, steps = self.pads[0][0], self.stride[0], grad_output.shape[-1]
        x = F.pad(self.saved["x"], (p, p))
        grad = torch.zeros_like(x)
        for u in range(self.kernel_size[0]):
            seen = slice(u, u + s * (steps - 1) + 1, s)
            grad[..., seen] += self.weight.value[:, :, u].T @ grad_output
            self.weight.grad[:, :, u] += torch.einsum("not,nit->oi", grad_output, x[..., seen])
        if self.bias is not None:
            self.bias.grad += grad_output.sum((0, 2))
        return grad[..., p : grad.shape[-1] - p]


@by_hand("a loop over windows", 0, 1)
class MaxPoolByLoop(library.MaxPool2d):
    def forward(self, x):
        out = super().forward(x)
        self.save(x=x)
        return out

    def backward(self, grad_output):
        p, (height, width) = self.padding, self.kernel_size
        x = F.pad(self.saved["x"], (p[1], p[1], p[0], p[0]), value=-torch.inf)
        grad = torch.zeros_like(x)
        for n, c, i, j in itertools.product(*map(range, grad_output.shape)):
            top, left = i * self.stride[0], j * self.stride[1]
            window = x[n, c, top : top + height, left : left + width]
            row, column = divmod(int(window.argmax()), window.shape[1])
            grad[n, c, top + row, left + column] += grad_output[n, c, i, j]
        return grad[:, :, p[0] : x.shape[2] - p[0], p[1] : x.shape[3] - p[1]]


@by_hand("winners by comparison with the output", 0)
class MaxPoolByMask(library.MaxPool2d):
    def forward(self, x):
        out = super().forward(x)
        self.save(x=x, out=out)
        return out

    def backward(self, grad_output):
        x, (height, width) = self.saved["x"], self.kernel_size

        def stretched(t):
            wide = t.repeat_interleave(height, 2).repeat_interleave(width, 3)
            return F.pad(wide, (0, x.shape[3] - wide.shape[3], 0, x.shape[2] - wide.shape[2]))

        won = (x == stretched(self.saved["out"])).to(x)
        ties = F.avg_pool2d(won, self.kernel_size) * height * width  # in a tie, each gets a share
        return won * stretched(grad_output / ties)


@by_hand("fold of equal shares", 0, 1)
class AvgPoolByFold(library.AvgPool2d):
    def backward(self, grad_output):
        shape, count = self.saved["shape"], self.kernel_size[0] * self.kernel_size[1]
        shares = (grad_output / count).flatten(2)[:, :, None].expand(-1, -1, count, -1).flatten(1, 2)
        return F.fold(shares, shape[2:], self.kernel_size, padding=self.padding, stride=self.stride)


@by_hand("repeat")
class GlobalAvgPoolByRepeat(library.GlobalAvgPool2d):
    def backward(self, grad_output):
        _, _, height, width = self.saved["shape"]
        return grad_output.div(height).div(width)[..., None, None].repeat(1, 1, height, width)


@by_hand("sums over blocks", 0)
class UpsamplingByBlocks(library.UpsamplingNearest2d):
    def backward(self, grad_output):
        return grad_output.unflatten(3, (-1, 2)).unflatten(2, (-1, 2)).sum((3, 5))


@by_hand("slices", 0, 1)
class ZeroPadBySlices(library.ZeroPad2d):
    def backward(self, grad_output):
        left, right, top, bottom = self.padding
        height, width = grad_output.shape[-2:]
        return grad_output[..., top : height - bottom, left : width - right]


@by_hand("unflatten, a view")
class FlattenByUnflatten(library.Flatten):
    def backward(self, grad_output):
        shape = self.saved["shape"]
        return grad_output.unflatten(
            self.start_dim, shape[self.start_dim :][: len(shape) - grad_output.dim() + 1]
        )
