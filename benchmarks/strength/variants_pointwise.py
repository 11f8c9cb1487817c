"""Correct variants, written by hand: elementary operations and activations."""
# ruff: noqa: D101, D102 - what each class does otherwise is said beside it, in by_hand
# pyright: reportOptionalMemberAccess=false, reportArgumentType=false, reportOptionalOperand=false

import functools
import math
import operator

import torch
from torch import Tensor

from benchmarks.strength._variant import by_hand
from course import modules as library


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
        return [collect(sign * grad_output, shape) for sign, shape in zip((1, -1), self.saved["shapes"], strict=True)]


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
        for winner, grad, other in ((self.saved["x_wins"], grad_x, grad_y), (self.saved["y_wins"], grad_y, grad_x)):
            grad[winner] = grad_output[winner]
            other[winner] = 0
        return grad_x, grad_y


@by_hand("upstream times ones")
class SumByOnes(library.Sum):
    def backward(self, grad_output):
        ones = torch.ones(self.saved["shape"], dtype=torch.float32, device=grad_output.device)
        return ones * grad_output.reshape(self.saved["kept"])


@by_hand("copies joined axis by axis")
class MeanByCopies(library.Mean):
    def backward(self, grad_output):
        grad = grad_output.reshape(self.saved["kept"]) / self.saved["averaged"]
        for axis, size in enumerate(self.saved["shape"]):
            if grad.shape[axis] != size:
                grad = torch.cat([grad] * size, axis)
        return grad


@by_hand("matrix of local derivatives, diagonal")
class TanhByJacobian(library.Tanh):
    def backward(self, grad_output):
        jacobian = torch.diag(1 / torch.cosh(torch.atanh(self.saved["out"].flatten())) ** 2)
        return (grad_output.flatten() @ jacobian).view(grad_output.shape)

    @classmethod
    def examples(cls, rng, scale=1):
        yield next(iter(super().examples(rng, scale)))  # saturated outputs have lost the input's digits


@by_hand("e⁻ˣ/(1 + e⁻ˣ)² from the input")
class SigmoidOfInput(library.Sigmoid):
    def forward(self, x):
        self.save(x=x)
        return 1 / (1 + torch.exp(-x))

    def backward(self, grad_output):
        e = torch.exp(-self.saved["x"].abs())  # the slope is even, and e^|x| would overflow
        return grad_output * e / (1 + e) ** 2


@by_hand("in place on a tensor of its own")
class SigmoidInPlace(library.Sigmoid):
    def backward(self, grad_output):
        out = self.saved["out"]
        return out.clone().neg_().add_(1).mul_(out).mul_(grad_output)


@by_hand("mask times upstream")
class ReLUByMask(library.ReLU):
    def forward(self, x):
        self.save(mask=(x > 0).float())  # float32 zeros and ones are exact
        return x * (x > 0)

    def backward(self, grad_output):
        return self.saved["mask"] * grad_output


@by_hand("a loop over elements")
class ReLUByLoop(library.ReLU):
    def backward(self, grad_output):
        out, grads = self.saved["out"].reshape(-1).tolist(), grad_output.reshape(-1).tolist()
        flat = [g if a > 0 else 0.0 for a, g in zip(out, grads, strict=True)]
        return torch.tensor(flat, dtype=grad_output.dtype, device=grad_output.device).reshape(grad_output.shape)


@by_hand("boolean-mask indexing")
class ReLU6ByMask(library.ReLU6):
    def backward(self, grad_output):
        grad = grad_output.clone()
        grad[(self.saved["out"] <= 0) | (self.saved["out"] >= 6)] = 0
        return grad


@by_hand("torch.where")
class LeakyReLUByWhere(library.LeakyReLU):
    def backward(self, grad_output):
        return torch.where(self.saved["x"] > 0, grad_output, self.negative_slope * grad_output)


@by_hand("channel by channel")
class PReLUByChannel(library.PReLU):
    def backward(self, grad_output):
        x, slopes = self.saved["x"], self.weight.value
        grad, negative = grad_output.clone(), x < 0
        for channel in range(x.shape[1]):
            here = negative[:, channel]
            k = channel if len(slopes) > 1 else 0
            self.weight.grad[k] += (grad_output[:, channel][here] * x[:, channel][here]).sum()
            grad[:, channel] = torch.where(here, slopes[k] * grad_output[:, channel], grad_output[:, channel])
        return grad


@by_hand("from the output")
class ELUOfOutput(library.ELU):
    def forward(self, x):
        out = torch.where(x > 0, x, self.alpha * torch.expm1(x))
        self.save(out=out)
        return out

    def backward(self, grad_output):
        out = self.saved["out"]
        return grad_output * torch.where(out > 0, 1.0, out + self.alpha)


@by_hand("erf and the bell curve", 0)
class GELUByErf(library.GELU):
    def backward(self, grad_output):
        x = self.saved["x"]
        area, density = (1 + torch.erf(x / math.sqrt(2))) / 2, torch.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)
        return grad_output * (area + x * density)


@by_hand("product rule, sigmoid saved")
class SiLUByProductRule(library.SiLU):
    def forward(self, x):
        s = torch.sigmoid(x)
        self.save(s=s, x=x)
        return x * s

    def backward(self, grad_output):
        s, x = self.saved["s"], self.saved["x"]
        return grad_output * s + grad_output * x * s * (1 - s)


@by_hand("chain rule through log and exp")
class SoftplusByChain(library.Softplus):
    def backward(self, grad_output):
        e = torch.exp(self.beta * self.saved["x"])
        return grad_output / self.beta / (1 + e) * e * self.beta


@by_hand("written into slices")
class GLUBySlices(library.GLU):
    def backward(self, grad_output):
        value, gate = self.saved["value"], self.saved["gate"]
        shape = list(value.shape)
        shape[self.dim] *= 2
        grad = grad_output.new_empty(shape)
        left, right = grad.chunk(2, self.dim)
        torch.mul(grad_output, gate, out=left)
        right.copy_(grad_output * value).mul_(gate - gate**2)
        return grad


@by_hand("full Jacobian of every row")
class SoftmaxByJacobian(library.Softmax):
    def backward(self, grad_output):
        axis = self._axis(grad_output)
        p, g = self.saved["out"].movedim(axis, -1), grad_output.movedim(axis, -1)
        jacobians = torch.diag_embed(p) - p[..., :, None] * p[..., None, :]
        return (jacobians @ g[..., None])[..., 0].movedim(-1, axis)


@by_hand("a double loop over classes")
class SoftmaxByLoop(library.Softmax):
    def backward(self, grad_output):
        axis = self._axis(grad_output)
        grad = torch.zeros_like(grad_output)
        p, g, target = (t.movedim(axis, 0) for t in (self.saved["out"], grad_output, grad))
        for i in range(len(p)):
            for j in range(len(p)):
                target[j] += g[i] * p[i] * (float(i == j) - p[j])
        return grad


@by_hand("matrix I − 1 pᵀ")
class LogSoftmaxByMatrix(library.LogSoftmax):
    def backward(self, grad_output):
        axis = self._axis(grad_output)
        p, g = self.saved["out"].exp().movedim(axis, -1), grad_output.movedim(axis, -1)
        identity = torch.eye(p.shape[-1], dtype=p.dtype, device=p.device)
        return torch.einsum("...i,...ij->...j", g, identity - p[..., None, :]).movedim(-1, axis)


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


@by_hand("powers in a Vandermonde matrix")
class PolynomialByVandermonde(library.Polynomial):
    def backward(self, grad_output):
        x, g = self.saved["x"].reshape(-1), grad_output.reshape(-1)
        powers = torch.stack([x**k for k in range(self.degree + 1)], dim=1)
        self.weight.grad = self.weight.grad + g @ powers
        orders = torch.arange(1, self.degree + 1, device=x.device)
        slopes = powers[:, :-1] @ (orders * self.weight.value[1:])
        return (g * slopes).reshape(grad_output.shape)


@by_hand("a 0-d parameter's gradient from a Python number")
class CosineUnitByNumbers(library.CosineUnit):
    def backward(self, grad_output):
        x, theta = self.saved["x"], self.theta.value.item()
        slope = -(theta * x).sin() * grad_output
        self.theta.grad = self.theta.grad + sum((slope * x).flatten().tolist())
        return slope * theta


@by_hand("slope with respect to the gate saved")
class GateWithSlope(library.Gate):
    def forward(self, x, z):
        gate = 1 / (1 + (-z).exp())
        self.save(gate=gate, slope=x * gate * (1 - gate), shapes=(x.shape, z.shape))
        return x * gate

    def backward(self, grad_output):
        x_shape, z_shape = self.saved["shapes"]
        return collect(grad_output * self.saved["gate"], x_shape), collect(grad_output * self.saved["slope"], z_shape)
