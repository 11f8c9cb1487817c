"""Lecture 12: convolution, pooling, padding, upsampling."""

import math

import torch
import torch.nn.functional as F

from benchmarks.students import stubs as s
from benchmarks.students.case import case, rand

img = lambda: (rand(2, 2, 6, 6),)


# ---- Conv1d
c1 = dict(args=(2, 3, 3), inputs=lambda: (rand(2, 2, 6),))


# blog: kernel not turned round
@case(
    "conv1d-not-flipped",
    "the input's gradient correlates the padded gradient with the kernel as it is; the kernel must be flipped for it",
    **c1,
)
class Conv1d(s.Conv1d):
    def backward(self, grad_output):
        x, k = self.saved["x"], self.kernel_size
        self.bias.grad += grad_output.sum((0, 2))
        for u in range(k):
            self.weight.grad[:, :, u] += torch.einsum(
                "nol,nil->oi", grad_output, x[:, :, u : u + grad_output.shape[2]]
            )
        g = F.pad(grad_output, (k - 1, k - 1))
        return F.conv1d(g, self.weight.value.transpose(0, 1))


# own: windows overlap
@case(
    "conv1d-assigns-windows",
    "sets each window of the input's gradient (=) in place of adding to it (+=): where windows overlap only the last one's share is left",
    **c1,
)
class Conv1d(s.Conv1d):
    def backward(self, grad_output):
        x, k, st, p = self.saved["x"], self.kernel_size, self.stride, self.padding
        xp = F.pad(x, (p, p))
        dxp = torch.zeros_like(xp)
        for i in range(grad_output.shape[2]):
            g = grad_output[:, :, i]
            self.weight.grad += torch.einsum("no,nik->oik", g, xp[:, :, i * st : i * st + k])
            self.bias.grad += g.sum(0)
            dxp[:, :, i * st : i * st + k] = torch.einsum("no,oik->nik", g, self.weight.value)
        return dxp[:, :, p : p + x.shape[2]]


# own: off by one
@case(
    "conv1d-last-position",
    "the loop over the output's positions stops one too early, range(L − 1), so that the last window's share is missing everywhere",
    **c1,
)
class Conv1d(s.Conv1d):
    def backward(self, grad_output):
        x, k, st, p = self.saved["x"], self.kernel_size, self.stride, self.padding
        xp = F.pad(x, (p, p))
        dxp = torch.zeros_like(xp)
        for i in range(grad_output.shape[2] - 1):
            g = grad_output[:, :, i]
            self.weight.grad += torch.einsum("no,nik->oik", g, xp[:, :, i * st : i * st + k])
            self.bias.grad += g.sum(0)
            dxp[:, :, i * st : i * st + k] += torch.einsum("no,oik->nik", g, self.weight.value)
        return dxp[:, :, p : p + x.shape[2]]


# ---- Conv2d
def weight_grad(m, x, g):
    """Right: Σ over images and places of g times what the kernel saw."""
    p, st, k = m.padding, m.stride, m.kernel_size
    xp = F.pad(x, (p, p, p, p))
    out = torch.zeros_like(m.weight.value)
    h, w = g.shape[2:]
    for u in range(k):
        for v in range(k):
            seen = xp[:, :, u : u + st * (h - 1) + 1 : st, v : v + st * (w - 1) + 1 : st]
            out[:, :, u, v] = torch.einsum("nohw,nihw->oi", g, seen)
    return out


# issue: one sum for all biases
@case(
    "conv2d-bias-one-sum",
    "the bias' gradient is one number, the sum over everything, added to each channel; the channel axis must not be summed",
    (2, 3, 3, 1, 1),
    img,
)
class Conv2d(s.Conv2d):
    def backward(self, grad_output):
        x = self.saved["x"]
        self.bias.grad += grad_output.sum()
        self.weight.grad += weight_grad(self, x, grad_output)
        left = [
            x.shape[i] - ((grad_output.shape[i] - 1) * self.stride - 2 * self.padding + self.kernel_size)
            for i in (2, 3)
        ]
        return F.conv_transpose2d(grad_output, self.weight.value, None, self.stride, self.padding, left)


# issue: averaged over the batch
@case(
    "conv2d-weight-batch-mean",
    "the weight's gradient is averaged over the batch; it should be summed (a mean in the loss has divided already)",
    (2, 3, 3, 1, 1),
    img,
)
class Conv2d(s.Conv2d):
    def backward(self, grad_output):
        x = self.saved["x"]
        self.bias.grad += grad_output.sum((0, 2, 3))
        self.weight.grad += weight_grad(self, x, grad_output) / x.shape[0]
        left = [
            x.shape[i] - ((grad_output.shape[i] - 1) * self.stride - 2 * self.padding + self.kernel_size)
            for i in (2, 3)
        ]
        return F.conv_transpose2d(grad_output, self.weight.value, None, self.stride, self.padding, left)


# own: input and output channels of the kernel
@case(
    "conv2d-channels-not-exchanged",
    "flips the kernel for the input's gradient but does not exchange its input and output channels; with as many of both nothing raises",
    (3, 3, 3),
    lambda: (rand(2, 3, 5, 5),),
)
class Conv2d(s.Conv2d):
    def backward(self, grad_output):
        k = self.kernel_size
        self.bias.grad += grad_output.sum((0, 2, 3))
        self.weight.grad += weight_grad(self, self.saved["x"], grad_output)
        padded = F.pad(grad_output, (k - 1,) * 4)
        return F.conv2d(padded, self.weight.value.flip(2, 3))


# blog: kernel's gradient comes out reversed
@case(
    "conv2d-weight-reversed",
    "the weight's gradient is flipped in height and width, as for a true convolution; for the correlation that forward computes it should not be flipped",
    (2, 3, 3),
    img,
)
class Conv2d(s.Conv2d):
    def backward(self, grad_output):
        x = self.saved["x"]
        self.bias.grad += grad_output.sum((0, 2, 3))
        dW = F.conv2d(x.transpose(0, 1), grad_output.transpose(0, 1)).transpose(0, 1)
        self.weight.grad += torch.flip(dW, (-2, -1))
        return F.conv_transpose2d(grad_output, self.weight.value)


# own: only one axis of the kernel is turned round
@case(
    "conv2d-flip-one-axis",
    "flips the kernel along its last axis only; for the input's gradient it must be flipped in height and width",
    (2, 3, 3),
    img,
)
class Conv2d(s.Conv2d):
    def backward(self, grad_output):
        k = self.kernel_size
        self.bias.grad += grad_output.sum(dim=(0, 2, 3))
        self.weight.grad += weight_grad(self, self.saved["x"], grad_output)
        turned = torch.flip(self.weight.value, [-1]).permute(1, 0, 2, 3)
        return F.conv2d(F.pad(grad_output, [k - 1] * 4), turned)


# own: the border is not cut off
@case(
    "conv2d-padding-not-cut",
    "returns the gradient of the padded image; the border of zeros that forward added must be cut off again",
    (2, 3, 3, 1, 1),
    img,
    shows="shape",
)
class Conv2d(s.Conv2d):
    def backward(self, grad_output):
        x, st, p, k = self.saved["x"], self.stride, self.padding, self.kernel_size
        xp = F.pad(x, (p, p, p, p))
        dx = torch.zeros_like(xp)
        self.bias.grad += grad_output.sum((0, 2, 3))
        for i in range(grad_output.shape[2]):
            for j in range(grad_output.shape[3]):
                g = grad_output[:, :, i, j]
                at = (..., slice(i * st, i * st + k), slice(j * st, j * st + k))
                self.weight.grad += torch.einsum("no,nihw->oihw", g, xp[at])
                dx[at] += torch.einsum("no,oihw->nihw", g, self.weight.value)
        return dx


# own: stride forgotten in the loops
@case(
    "conv2d-stride-not-used",
    "the loops place each window at (i, j); with a stride it lies at (i·stride, j·stride)",
    (2, 3, 3, 2, 1),
    img,
)
class Conv2d(s.Conv2d):
    def backward(self, grad_output):
        x, p, k = self.saved["x"], self.padding, self.kernel_size
        xp = F.pad(x, (p, p, p, p))
        dx = torch.zeros_like(xp)
        self.bias.grad += grad_output.sum((0, 2, 3))
        for i in range(grad_output.shape[2]):
            for j in range(grad_output.shape[3]):
                g = grad_output[:, :, i, j]
                self.weight.grad += torch.einsum("no,nihw->oihw", g, xp[:, :, i : i + k, j : j + k])
                dx[:, :, i : i + k, j : j + k] += torch.einsum("no,oihw->nihw", g, self.weight.value)
        return dx[:, :, p : p + x.shape[2], p : p + x.shape[3]]


# own: output_padding
@case(
    "conv2d-size-lost-by-stride",
    "conv_transpose2d without output_padding: where the stride leaves rows or columns over, the input's gradient comes out too small; it should have the input's shape",
    (2, 3, 3, 2, 0),
    lambda: (rand(2, 2, 6, 6),),
    kind="subtle",
)
class Conv2d(s.Conv2d):
    def backward(self, grad_output):
        self.bias.grad += grad_output.sum((0, 2, 3))
        self.weight.grad += weight_grad(self, self.saved["x"], grad_output)
        return F.conv_transpose2d(grad_output, self.weight.value, stride=self.stride, padding=self.padding)


# own
@case(
    "conv2d-flip-and-bias",
    "two: the kernel is not flipped for the input's gradient, and the bias' gradient is averaged over the batch in place of summed",
    (2, 3, 3),
    img,
    kind="two",
)
class Conv2d(s.Conv2d):
    def backward(self, grad_output):
        k = self.kernel_size
        self.bias.grad += grad_output.sum((2, 3)).mean(0)
        self.weight.grad += weight_grad(self, self.saved["x"], grad_output)
        return F.conv2d(F.pad(grad_output, (k - 1,) * 4), self.weight.value.transpose(0, 1))


# ---- ConvTranspose2d
def transposed_weight_grad(m, x, g):
    """Right: weight of shape in × out × k × k."""
    p, st, k = m.padding, m.stride, m.kernel_size
    gp = F.pad(g, (p, p, p, p))
    h, w = x.shape[2:]
    out = torch.zeros_like(m.weight.value)
    for u in range(k):
        for v in range(k):
            out[:, :, u, v] = torch.einsum(
                "nihw,nohw->io", x, gp[:, :, u : u + st * (h - 1) + 1 : st, v : v + st * (w - 1) + 1 : st]
            )
    return out


# own: transposed once more
@case(
    "convt-transposed-again",
    "the input's gradient is computed by a transposed convolution again; the backward of a transposed convolution is the ordinary one, conv2d with the same weight",
    (2, 3, 3, 1, 1),
    img,
)
class ConvTranspose2d(s.ConvTranspose2d):
    def backward(self, grad_output):
        self.bias.grad += grad_output.sum((0, 2, 3))
        self.weight.grad += transposed_weight_grad(self, self.saved["x"], grad_output)
        return F.conv_transpose2d(
            grad_output, self.weight.value.transpose(0, 1), None, self.stride, self.padding
        )


# copied: Conv2d's order of channels
@case(
    "convt-weight-channels",
    "the weight's gradient is built as out × in, as in Conv2d; this weight is in × out, so that its first two axes are exchanged (with as many of both nothing raises)",
    (2, 2, 3, 2, 1),
    img,
)
class ConvTranspose2d(s.ConvTranspose2d):
    def backward(self, grad_output):
        x, st, p, k = self.saved["x"], self.stride, self.padding, self.kernel_size
        self.bias.grad += grad_output.sum((0, 2, 3))
        gp = F.pad(grad_output, (p,) * 4)
        h, w = x.shape[2:]
        for u in range(k):
            for v in range(k):
                g = gp[:, :, u : u + st * (h - 1) + 1 : st, v : v + st * (w - 1) + 1 : st]
                self.weight.grad[:, :, u, v] += torch.einsum("nohw,nihw->oi", g, x)
        return F.conv2d(grad_output, self.weight.value, None, st, p)


# own: stride left out
@case(
    "convt-stride-left-out",
    "conv2d is called without the stride, so that the input's gradient is larger than the input; it should be given stride=self.stride",
    (2, 3, 3, 2, 1),
    img,
    shows="shape",
)
class ConvTranspose2d(s.ConvTranspose2d):
    def backward(self, grad_output):
        self.bias.grad += grad_output.sum((0, 2, 3))
        self.weight.grad += transposed_weight_grad(self, self.saved["x"], grad_output)
        return F.conv2d(grad_output, self.weight.value, padding=self.padding)


# ---- MaxPool2d
# issue: a mask of all that equal the maximum
@case(
    "maxpool-ties",
    "every place that equals its window's maximum gets the whole gradient; where several are equal only one of them should, the one that forward's indices name",
    (2,),
    lambda: (torch.relu(rand(2, 2, 6, 6) - 0.8),),
    kind="subtle",
)
class MaxPool2d(s.MaxPool2d):
    def backward(self, grad_output):
        x, k = self.saved["x"], self.kernel_size
        up = lambda t: t.repeat_interleave(k, 2).repeat_interleave(k, 3)
        return up(grad_output) * (x == up(self.saved["out"]))


# issue: windows overlap
@case(
    "maxpool-overlap-overwritten",
    "scatter_ writes the gradient at the maximum's place, so that for a maximum of several overlapping windows only one share is left; they should be added (scatter_add_)",
    (3, 1),
    img,
)
class MaxPool2d(s.MaxPool2d):
    def backward(self, grad_output):
        x, indices = self.saved["x"], self.saved["indices"]
        dx = torch.zeros_like(x).flatten(2)
        dx.scatter_(2, indices.flatten(2), grad_output.flatten(2))
        return dx.view(x.shape)


# own: indices of the whole tensor
@case(
    "maxpool-flat-indices",
    "takes the indices as places in the whole flattened batch, so that everything lands in the first image's first channel; they count within each channel's plane",
    (2,),
    img,
)
class MaxPool2d(s.MaxPool2d):
    def backward(self, grad_output):
        x = self.saved["x"]
        dx = torch.zeros_like(x).flatten()
        dx.index_add_(0, self.saved["indices"].flatten(), grad_output.flatten())
        return dx.reshape(x.shape)


# issue: return stands too far to the right
@case(
    "maxpool-return-in-loop",
    "the return stands inside the loop, so that only the first image gets its gradient; it should stand after the loops",
    (2,),
    img,
)
class MaxPool2d(s.MaxPool2d):
    def backward(self, grad_output):
        x, k, st = self.saved["x"], self.kernel_size, self.stride
        dx = torch.zeros_like(x)
        for n in range(x.shape[0]):
            for c in range(x.shape[1]):
                for i in range(grad_output.shape[2]):
                    for j in range(grad_output.shape[3]):
                        win = x[n, c, i * st : i * st + k, j * st : j * st + k]
                        u, v = divmod(int(win.argmax()), k)
                        dx[n, c, i * st + u, j * st + v] += grad_output[n, c, i, j]
            return dx


# copied: average pooling
@case(
    "maxpool-spread",
    "gives the gradient to every place of the window; only the place of the maximum should get it",
    (2,),
    img,
)
class MaxPool2d(s.MaxPool2d):
    def backward(self, grad_output):
        x, k, st = self.saved["x"], self.kernel_size, self.stride
        dx = torch.zeros_like(x)
        for i in range(grad_output.shape[2]):
            for j in range(grad_output.shape[3]):
                dx[..., i * st : i * st + k, j * st : j * st + k] += grad_output[..., i : i + 1, j : j + 1]
        return dx


# own
@case(
    "maxpool-max-value-and-stride",
    "two: multiplies the gradient by the maximum's value, though the derivative is 1, and places the windows at (i, j) in place of (i·stride, j·stride)",
    (2,),
    img,
    kind="two",
)
class MaxPool2d(s.MaxPool2d):
    def backward(self, grad_output):
        x, k = self.saved["x"], self.kernel_size
        dx = torch.zeros_like(x)
        for i in range(grad_output.shape[2]):
            for j in range(grad_output.shape[3]):
                win = x[:, :, i : i + k, j : j + k]
                top = win.amax((2, 3), keepdim=True)
                dx[:, :, i : i + k, j : j + k] += (
                    (win == top) * top * grad_output[:, :, i, j][:, :, None, None]
                )
        return dx


# ---- AvgPool2d
# own: not divided
@case(
    "avgpool-not-divided",
    "gives every place of the window the whole gradient; it should be divided by the number of places, kernel_size²",
    (2,),
    img,
)
class AvgPool2d(s.AvgPool2d):
    def backward(self, grad_output):
        shape, k, st, p = self.saved["shape"], self.kernel_size, self.stride, self.padding
        dx = grad_output.new_zeros(shape[0], shape[1], shape[2] + 2 * p, shape[3] + 2 * p)
        for i in range(grad_output.shape[2]):
            for j in range(grad_output.shape[3]):
                dx[:, :, i * st : i * st + k, j * st : j * st + k] += grad_output[:, :, i, j, None, None]
        return dx[:, :, p : p + shape[2], p : p + shape[3]]


# own: divided by one side only
@case("avgpool-one-side", "divides by kernel_size; a window has kernel_size² places", (3,), img)
class AvgPool2d(s.AvgPool2d):
    def backward(self, grad_output):
        shape, k, st, p = self.saved["shape"], self.kernel_size, self.stride, self.padding
        dx = grad_output.new_zeros(*shape[:2], shape[2] + 2 * p, shape[3] + 2 * p)
        rows, cols = grad_output.shape[2:]
        for u in range(k):
            for v in range(k):
                dx[:, :, u : u + st * (rows - 1) + 1 : st, v : v + st * (cols - 1) + 1 : st] += (
                    grad_output / k
                )
        return dx[:, :, p : p + shape[2], p : p + shape[3]]


# issue: padding counted or not
@case(
    "avgpool-padding-counted",
    "divides by kernel_size² at the border, too; with count_include_pad=False only the places inside the image count",
    (2, 2, 1, False),
    img,
)
class AvgPool2d(s.AvgPool2d):
    def backward(self, grad_output):
        n, c, h, w = self.saved["shape"]
        k, st, p = self.kernel_size, self.stride, self.padding
        dx = grad_output.new_zeros(n, c, h + 2 * p, w + 2 * p)
        for i in range(grad_output.shape[2]):
            for j in range(grad_output.shape[3]):
                share = grad_output[:, :, i, j] / (k * k)
                dx[:, :, i * st : i * st + k, j * st : j * st + k] += share[..., None, None]
        return dx[:, :, p : p + h, p : p + w]


# own: repeat, as long as windows fill the image
@case(
    "avgpool-rows-left-over",
    "repeats the gradient kernel_size times along both axes, which gives the input's shape only where the windows fill the image exactly; rows and columns left over should get 0",
    (2,),
    lambda: (rand(2, 2, 5, 5),),
    kind="subtle",
)
class AvgPool2d(s.AvgPool2d):
    def backward(self, grad_output):
        k = self.kernel_size
        return grad_output.repeat_interleave(k, 2).repeat_interleave(k, 3) / k**2


# ---- GlobalAvgPool2d, AdaptiveAvgPool2d
# own: axes not put back
@case(
    "gap-axes-missing",
    "expands a gradient of batch × channels to the image's shape without the two axes of height and width, so that it raises; they should be put back first ([:, :, None, None])",
    (),
    lambda: (rand(2, 3, 4, 5),),
    shows="raises",
)
class GlobalAvgPool2d(s.GlobalAvgPool2d):
    def backward(self, grad_output):
        n, c, h, w = self.saved["shape"]
        return (grad_output / (h * w)).expand(n, c, h, w)


# own: divided by everything
@case(
    "gap-divides-by-all",
    "divides by the number of all values, batch and channels included; the mean is over height·width",
    (),
    lambda: (rand(2, 3, 4, 5),),
)
class GlobalAvgPool2d(s.GlobalAvgPool2d):
    def backward(self, grad_output):
        shape = self.saved["shape"]
        return grad_output[:, :, None, None] * torch.ones(shape).to(grad_output) / math.prod(shape)


# own: windows of equal size
@case(
    "adaptive-equal-windows",
    "takes windows of size H // R one beside the other; where that leaves a rest, windows run from ⌊iH/R⌋ to ⌈(i+1)H/R⌉ and overlap",
    (4,),
    img,
)
class AdaptiveAvgPool2d(s.AdaptiveAvgPool2d):
    def backward(self, grad_output):
        shape = self.saved["shape"]
        R, C = grad_output.shape[2:]
        kh, kw = shape[2] // R, shape[3] // C
        dx = grad_output.new_zeros(shape)
        for i in range(R):
            for j in range(C):
                dx[:, :, i * kh : (i + 1) * kh, j * kw : (j + 1) * kw] += grad_output[
                    :, :, i : i + 1, j : j + 1
                ] / (kh * kw)
        return dx


# own: overlapping windows
@case(
    "adaptive-overlap-overwritten",
    "sets each window's places (=) in place of adding (+=), so that places in two windows lose a share",
    (4,),
    img,
)
class AdaptiveAvgPool2d(s.AdaptiveAvgPool2d):
    def backward(self, grad_output):
        shape = self.saved["shape"]
        (H, W), (R, C) = shape[2:], grad_output.shape[2:]
        dx = grad_output.new_zeros(shape)
        for i in range(R):
            top, end = i * H // R, -(-(i + 1) * H // R)
            for j in range(C):
                left, right = j * W // C, -(-(j + 1) * W // C)
                dx[:, :, top:end, left:right] = grad_output[:, :, i, j, None, None] / (
                    (end - top) * (right - left)
                )
        return dx


# ---- ZeroPad2d, UpsamplingNearest2d
# NumPy habit: negative ends
@case(
    "zeropad-minus-zero",
    "cuts the border off by [top:-bottom, left:-right]; where bottom or right is 0 that slice is empty; the end should be counted from the start, top + height",
    ((1, 0, 2, 1),),
    img,
    kind="subtle",
)
class ZeroPad2d(s.ZeroPad2d):
    def backward(self, grad_output):
        left, right, top, bottom = self.padding
        return grad_output[:, :, top:-bottom, left:-right]


# misread docs: the order of the four
@case(
    "zeropad-order",
    "reads the padding as top, bottom, left, right; it is left, right, top, bottom, so that the wrong part is cut out",
    ((2, 0, 0, 2),),
    img,
)
class ZeroPad2d(s.ZeroPad2d):
    def backward(self, grad_output):
        n, c, h, w = self.saved["shape"]
        top, bottom, left, right = self.padding
        return grad_output[..., top : top + h, left : left + w]


# own: padded once more
@case(
    "zeropad-pads-again",
    "pads the gradient again, as forward does; the border should be cut off",
    (1,),
    img,
    shows="shape",
)
class ZeroPad2d(s.ZeroPad2d):
    def backward(self, grad_output):
        return F.pad(grad_output, self.padding)


# own: one of the copies
@case(
    "upsample-one-copy",
    "takes the gradient of one copy of each pixel only ([::s, ::s]); the gradients of all its s² copies should be added",
    (2,),
    lambda: (rand(2, 2, 3, 3),),
)
class UpsamplingNearest2d(s.UpsamplingNearest2d):
    def backward(self, grad_output):
        f = self.scale_factor
        return grad_output[:, :, ::f, ::f]


# own: mean for sum
@case(
    "upsample-mean",
    "averages the gradients of a pixel's copies; they should be summed",
    (2,),
    lambda: (rand(2, 2, 3, 3),),
)
class UpsamplingNearest2d(s.UpsamplingNearest2d):
    def backward(self, grad_output):
        return F.avg_pool2d(grad_output, self.scale_factor)


# own: the blocks cut along the wrong axes
@case(
    "upsample-view-order",
    "cuts rows into (s, height) in place of (height, s), and columns likewise, before it sums over the s copies: pixels are mixed; copies lie side by side",
    (2,),
    lambda: (rand(2, 2, 3, 3),),
)
class UpsamplingNearest2d(s.UpsamplingNearest2d):
    def backward(self, grad_output):
        n, c, h, w = self.saved["shape"]
        f = self.scale_factor
        return grad_output.reshape(n, c, f, h, f, w).sum(dim=(2, 4))
