"""Correct variants, written by hand: activations."""
# ruff: noqa: D101, D102 - what each class does otherwise is said beside it, in by_hand
# pyright: reportOptionalMemberAccess=false, reportArgumentType=false, reportOptionalOperand=false

import math

import torch

from benchmarks.strength._variant import by_hand
from course import modules as library


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
        return torch.tensor(flat, dtype=grad_output.dtype, device=grad_output.device).reshape(
            grad_output.shape
        )


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


@by_hand("chain rule through log and exp", 0, 1)
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


@by_hand("full Jacobian of every row", 0, 1, 2, 4, 5, 6)
class SoftmaxByJacobian(library.Softmax):
    def backward(self, grad_output):
        axis = self._axis(grad_output)
        p, g = self.saved["out"].movedim(axis, -1), grad_output.movedim(axis, -1)
        jacobians = torch.diag_embed(p) - p[..., :, None] * p[..., None, :]
        return (jacobians @ g[..., None])[..., 0].movedim(-1, axis)


@by_hand("a double loop over classes", 0, 1, 2, 4, 5, 6)
class SoftmaxByLoop(library.Softmax):
    def backward(self, grad_output):
        axis = self._axis(grad_output)
        grad = torch.zeros_like(grad_output)
        p, g, target = (t.movedim(axis, 0) for t in (self.saved["out"], grad_output, grad))
        for i in range(len(p)):
            for j in range(len(p)):
                target[j] += g[i] * p[i] * (float(i == j) - p[j])
        return grad


@by_hand("matrix I − 1 pᵀ", 0, 1, 2, 4, 5, 6)
class LogSoftmaxByMatrix(library.LogSoftmax):
    def backward(self, grad_output):
        axis = self._axis(grad_output)
        p, g = self.saved["out"].exp().movedim(axis, -1), grad_output.movedim(axis, -1)
        identity = torch.eye(p.shape[-1], dtype=p.dtype, device=p.device)
        return torch.einsum("...i,...ij->...j", g, identity - p[..., None, :]).movedim(-1, axis)


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
