"""Correct variants, written by hand: elementary operations."""
# ruff: noqa: D101, D102 - what each class does otherwise is said beside it, in by_hand
# pyright: reportOptionalMemberAccess=false, reportArgumentType=false, reportOptionalOperand=false

import functools
import math
import operator

import torch
from torch import Tensor

from benchmarks.strength._variant import by_hand
from course import modules as library
from course.modules._axis import kept_shape


def collect(grad: Tensor, shape: torch.Size) -> Tensor:
    """Sum over the axes along which a tensor of this shape was broadcast, one axis after the other."""
    while grad.dim() > len(shape):
        grad = grad.sum(0)
    for axis, size in enumerate(shape):
        if size == 1 and grad.shape[axis] > 1:
            grad = grad.sum(axis, keepdim=True)
    return grad


@by_hand("axes summed one by one")
class AddByAxes(library.Add):
    def backward(self, grad_output):
        return collect(grad_output, self.saved["x_shape"]), collect(grad_output, self.saved["y_shape"])


@by_hand("a list, out of place")
class SubtractAsList(library.Subtract):
    def forward(self, x, y):
        self.save(shapes=[x.shape, y.shape])
        return x + (-y)

    def backward(self, grad_output):
        return [
            collect(sign * grad_output, shape)
            for sign, shape in zip((1, -1), self.saved["shapes"], strict=True)
        ]


@by_hand("index_add_ into flat tensors")
class MultiplyByIndexAdd(library.Multiply):
    def backward(self, grad_output):
        x, y = self.saved["x"], self.saved["y"]
        return self.gather(grad_output * y, x), self.gather(grad_output * x, y)

    @staticmethod
    def gather(grad: Tensor, like: Tensor) -> Tensor:
        places = torch.arange(like.numel(), device=like.device).view(like.shape).expand(grad.shape)
        flat = grad.new_zeros(like.numel()).index_add_(0, places.reshape(-1), grad.reshape(-1))
        return flat.view(like.shape)


@by_hand("quotient rule from x and y")
class DivideByQuotientRule(library.Divide):
    def forward(self, x, y):
        self.save(x=x, y=y)
        return x * y.reciprocal()

    def backward(self, grad_output):
        x, y = self.saved["x"], self.saved["y"]
        grad_x = (0 * x + 1) * y / y**2 * grad_output
        grad_y = -x / y**2 * grad_output
        return collect(grad_x, x.shape), collect(grad_y, y.shape)


@by_hand("subtracted from zeros")
class NegateFromZeros(library.Negate):
    def backward(self, grad_output):
        grad = torch.zeros_like(grad_output)
        grad -= grad_output
        return grad


@by_hand("from the input, not the output")
class ReciprocalOfInput(library.Reciprocal):
    def forward(self, x):
        self.save(x=x)
        return 1 / x

    def backward(self, grad_output):
        return -grad_output * self.saved["x"] ** -2


@by_hand("computed again from the input")
class ExpOfInput(library.Exp):
    def forward(self, x):
        self.save(x=x)
        return x.exp()

    def backward(self, grad_output):
        return torch.exp(self.saved["x"] + grad_output.abs().log()) * grad_output.sign()


@by_hand("slope precomputed in forward")
class LogWithSlope(library.Log):
    def forward(self, x):
        self.save(slope=1 / x)
        return x.log()

    def backward(self, grad_output):
        return self.saved["slope"].clone().mul_(grad_output)


@by_hand("product rule, two equal terms")
class SquareAsProduct(library.Square):
    def forward(self, x):
        self.save(left=x, right=x)
        return x * x

    def backward(self, grad_output):
        return grad_output * self.saved["right"] + self.saved["left"] * grad_output


@by_hand("a shifted sine")
class SinByShift(library.Sin):
    def backward(self, grad_output):
        return grad_output * torch.sin(self.saved["x"] + math.pi / 2)


@by_hand("complex numbers")
class CosByComplex(library.Cos):
    def backward(self, grad_output):
        return -grad_output * torch.exp(1j * self.saved["x"]).imag


@by_hand("the power divided by x")
class PowerByQuotient(library.Power):
    def backward(self, grad_output):
        x = self.saved["x"]
        return grad_output * self.exponent * x**self.exponent / x


@by_hand("boolean-mask indexing")
class MaxByMask(library.Max):
    def forward(self, x, y):
        self.save(x_wins=x > y, y_wins=y > x)
        return torch.where(x > y, x, y)

    def backward(self, grad_output):
        grad_x, grad_y = grad_output / 2, grad_output / 2
        for winner, grad, other in (
            (self.saved["x_wins"], grad_x, grad_y),
            (self.saved["y_wins"], grad_y, grad_x),
        ):
            grad[winner] = grad_output[winner]
            other[winner] = 0
        return grad_x, grad_y


@by_hand("upstream times ones")
class SumByOnes(library.Sum):
    def backward(self, grad_output):
        ones = torch.ones(self.saved["shape"], dtype=torch.float32, device=grad_output.device)
        return ones * grad_output.reshape(kept_shape(self.saved["shape"], self.saved["axes"]))


@by_hand("copies joined axis by axis")
class MeanByCopies(library.Mean):
    def backward(self, grad_output):
        shape, axes = self.saved["shape"], self.saved["axes"]
        grad = grad_output.reshape(kept_shape(shape, axes)) / math.prod(shape[axis] for axis in axes)
        for axis, size in enumerate(shape):
            if grad.shape[axis] != size:
                grad = torch.cat([grad] * size, axis)
        return grad


@by_hand("copies added up by reduce")
class CopyByReduce(library.Copy):
    def backward(self, *grad_outputs):
        return functools.reduce(operator.add, grad_outputs)


@by_hand("narrow with a running offset, as a list")
class ConcatenateByNarrow(library.Concatenate):
    def backward(self, grad_output):
        grads, start = [], 0
        for size in self.saved["sizes"]:
            grads.append(grad_output.narrow(self.dim, start, size))
            start += size
        return grads


@by_hand("permute")
class TransposeByPermute(library.Transpose):
    def backward(self, grad_output):
        order = list(range(grad_output.dim()))
        order[self.dim0], order[self.dim1] = order[self.dim1], order[self.dim0]
        return grad_output.permute(order)


@by_hand("copied into an empty tensor")
class ReshapeByCopy(library.Reshape):
    def backward(self, grad_output):
        grad = grad_output.new_empty(self.saved["x_shape"])
        grad.view(-1).copy_(grad_output.flatten())
        return grad


@by_hand("einsum, products summed by letters", 0)
class MatMulByEinsum(library.MatMul):
    def backward(self, grad_output):
        x, y = self.saved["x"], self.saved["y"]
        return torch.einsum("ik,jk->ij", grad_output, y), torch.einsum("ij,ik->jk", x, grad_output)


@by_hand("three nested loops", 0)
class MatMulByLoops(library.MatMul):
    def backward(self, grad_output):
        x, y = self.saved["x"], self.saved["y"]
        grad_x, grad_y = torch.zeros_like(x), torch.zeros_like(y)
        for i in range(x.shape[0]):
            for j in range(x.shape[1]):
                for k in range(y.shape[1]):
                    grad_x[i, j] += grad_output[i, k] * y[j, k]
                    grad_y[j, k] += grad_output[i, k] * x[i, j]
        return grad_x, grad_y


@by_hand("slope with respect to the gate saved")
class GateWithSlope(library.Gate):
    def forward(self, x, z):
        gate = 1 / (1 + (-z).exp())
        self.save(gate=gate, slope=x * gate * (1 - gate), shapes=(x.shape, z.shape))
        return x * gate

    def backward(self, grad_output):
        x_shape, z_shape = self.saved["shapes"]
        return collect(grad_output * self.saved["gate"], x_shape), collect(
            grad_output * self.saved["slope"], z_shape
        )
