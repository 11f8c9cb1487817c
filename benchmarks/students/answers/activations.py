"""Lectures 03 to 08: activations beyond assignment 02, and small modules (Exp, Power, Mean, Concatenate, …)."""

import math

import torch
import torch.nn.functional as F

from benchmarks.students import stubs as s
from benchmarks.students.case import case, rand

xs = lambda: (rand(3, 4, scale=1.5),)


# ---- ELU
# issue: the formula remembered with the branches the wrong way round
@case(
    "elu-branches-swapped",
    "the two branches are exchanged: slope 1 where x is negative and α·exp(x) where x is positive; it should be 1 for x > 0 and α·exp(x) below",
    (0.5,),
    xs,
)
class ELU(s.ELU):
    def backward(self, grad_output):
        x = self.saved["x"]
        return torch.where(x < 0, grad_output, grad_output * self.alpha * torch.exp(x))


# own: the derivative in terms of the output, the α forgotten
@case(
    "elu-output-without-alpha",
    "on the negative side the slope is taken to be the output α(exp(x) − 1) itself; it should be output + α, that is α·exp(x)",
    (0.5,),
    xs,
)
class ELU(s.ELU):
    def backward(self, grad_output):
        x = self.saved["x"]
        elu = self.alpha * (torch.exp(x) - 1)
        slope = torch.ones_like(x)
        slope[x <= 0] = elu[x <= 0]
        return grad_output * slope


# issue: derivative by the output written for α = 1 only
@case(
    "elu-output-plus-one",
    "on the negative side output + 1, which is right for α = 1 only; it should be output + α = α·exp(x)",
    (0.5,),
    xs,
    kind="subtle",
)
class ELU(s.ELU):
    def backward(self, grad_output):
        x = self.saved["x"]
        out = torch.where(x > 0, x, self.alpha * (torch.exp(x) - 1))
        d = (out > 0).to(x.dtype)
        d = d + (out <= 0) * (out + 1)
        return d * grad_output


# ---- SELU
# issue: scale applied a second time to a derivative read off the output
@case(
    "selu-output-scaled-twice",
    "on the negative side scale·(output + α), although the output holds the scale already; it should be output + scale·α = scale·α·exp(x)",
    (),
    xs,
)
class SELU(s.SELU):
    def backward(self, grad_output):
        x = self.saved["x"]
        alpha, scale = 1.6732632423543772, 1.0507009873554805
        out = scale * torch.where(x > 0, x, alpha * (torch.exp(x) - 1))
        return grad_output * torch.where(x > 0, torch.full_like(x, scale), scale * (out + alpha))


# issue: λ left out where x is positive
@case(
    "selu-positive-slope-one",
    "the slope is 1 where x is positive, as in ELU; it should be the scale 1.0507 there, too",
    (),
    xs,
)
class SELU(s.SELU):
    def backward(self, grad_output):
        x = self.saved["x"]
        dx = grad_output.clone()
        neg = x <= 0
        dx[neg] = grad_output[neg] * s.SCALE * s.ALPHA * torch.exp(x[neg])
        return dx


# ---- GELU
# blog: only the first summand of the product rule
@case(
    "gelu-only-cdf",
    "only Φ(x), the first summand of the product rule for x·Φ(x); the second, x·φ(x) with the normal density φ, is missing",
    (),
    xs,
)
class GELU(s.GELU):
    def backward(self, grad_output):
        x = self.saved["x"]
        cdf = 0.5 * (1 + torch.erf(x / math.sqrt(2)))
        return grad_output * cdf


# own: derivative of erf without the inner 1/√2
@case(
    "gelu-density-inner",
    "the inner derivative 1/√2 of erf(x/√2) is left out, so that the density is exp(−x²/2)/√π; it should be exp(−x²/2)/√(2π)",
    (),
    xs,
)
class GELU(s.GELU):
    def backward(self, grad_output):
        x = self.saved["x"]
        cdf = (1 + torch.erf(x / 2**0.5)) / 2
        d_erf = 2 / math.pi**0.5 * torch.exp(-((x / 2**0.5) ** 2))
        d_cdf = d_erf / 2
        return grad_output * (cdf + x * d_cdf)


# own: density with the sign of the exponent lost in the parentheses
@case(
    "gelu-density-square-of-minus",
    "(−x)² in place of −(x²) in the exponent: the density becomes exp(+x²/2)/√(2π); the exponent should be −x²/2",
    (),
    xs,
)
class GELU(s.GELU):
    def backward(self, grad_output):
        x = self.saved["x"]
        phi = torch.exp((-x) ** 2 / 2) / math.sqrt(2 * math.pi)
        Phi = torch.distributions.Normal(0.0, 1.0).cdf(x)
        return grad_output * (Phi + x * phi)


# blog: the cube in the tanh form differentiated without its 3
@case(
    "gelu-tanh-cubic",
    "in the tanh form the derivative of 0.044715·x³ is written 0.044715·x²; it should be 3·0.044715·x²",
    ("tanh",),
    xs,
)
class GELU(s.GELU):
    def backward(self, grad_output):
        x = self.saved["x"]
        k = math.sqrt(2 / math.pi)
        t = torch.tanh(k * (x + 0.044715 * x**3))
        dinner = k * (1 + 0.044715 * x**2)
        return grad_output * (0.5 * (1 + t) + 0.5 * x * (1 - t**2) * dinner)


# own: the option that forward honors is not read
@case(
    "gelu-approximate-ignored",
    "always the derivative of the exact x·Φ(x), also with approximate='tanh', where the derivative of the tanh formula is needed",
    ("tanh",),
    xs,
    kind="subtle",
)
class GELU(s.GELU):
    def backward(self, grad_output):
        x = self.saved["x"]
        cdf = 0.5 * (1.0 + torch.erf(x / math.sqrt(2.0)))
        pdf = torch.exp(-x * x / 2.0) / math.sqrt(2.0 * math.pi)
        return grad_output * (cdf + x * pdf)


# ---- SiLU
# issue: y + σ(1 − y), with the input put where the output belongs
@case(
    "silu-input-for-output",
    "the known formula y + σ(x)(1 − y) with the input x in place of the output y = x·σ(x)",
    (),
    xs,
)
class SiLU(s.SiLU):
    def backward(self, grad_output):
        y = self.saved["x"]
        sig = torch.sigmoid(y)
        return grad_output * (y + sig * (1 - y))


# own: parentheses around the sum forgotten
@case(
    "silu-parentheses",
    "grad_output multiplies only the first summand σ(x) and not x·σ(x)(1 − σ(x)), since the parentheses around the sum are missing",
    (),
    xs,
)
class SiLU(s.SiLU):
    def backward(self, grad_output):
        x = self.saved["x"]
        sig = 1 / (1 + torch.exp(-x))
        return grad_output * sig + x * sig * (1 - sig)


# ---- Mish
# own: softplus' own derivative forgotten
@case(
    "mish-softplus-derivative",
    "the derivative σ(x) of the softplus inside tanh is missing: tanh(sp) + x(1 − tanh²(sp)), which should end in ·σ(x)",
    (),
    xs,
)
class Mish(s.Mish):
    def backward(self, grad_output):
        x = self.saved["x"]
        t = torch.tanh(F.softplus(x))
        return grad_output * (t + x * (1 - t**2))


# own: two lines of the chain wrong
@case(
    "mish-square-and-tanh",
    "two: the derivative of tanh is 1 − tanh in place of 1 − tanh², and the derivative of softplus is written tanh(x), though it is the sigmoid of x",
    (),
    xs,
    kind="two",
)
class Mish(s.Mish):
    def backward(self, grad_output):
        x = self.saved["x"]
        sp = F.softplus(x)
        th = torch.tanh(sp)
        dth = 1 - th
        dsp = torch.tanh(x)
        return grad_output * th + grad_output * x * dth * dsp


# ---- Softsign
# own: the denominator is not squared
@case(
    "softsign-not-squared",
    "grad_output divided by 1 + |x|; it should be divided by its square, (1 + |x|)²",
    (),
    xs,
)
class Softsign(s.Softsign):
    def backward(self, grad_output):
        return grad_output / self.saved["denominator"]


# own: quotient rule with the derivative of |x| taken as 1
@case(
    "softsign-abs-derivative",
    "in the quotient rule the derivative of |x| is taken as 1, so that (1 + |x| − x)/(1 + |x|)² is wrong for negative x; it should be sign(x), which gives 1/(1 + |x|)²",
    (),
    lambda: (rand(3, 4),),
)
class Softsign(s.Softsign):
    def forward(self, x):
        denominator = 1 + x.abs()
        self.save(x=x, denominator=denominator)
        return x / denominator

    def backward(self, grad_output):
        x, den = self.saved["x"], self.saved["denominator"]
        return grad_output * (den * 1 - x * 1) / den**2


# ---- Hardtanh
# own: limits of the default written into backward
@case(
    "hardtanh-fixed-limits",
    "passes the gradient where |x| < 1, whatever min_val and max_val are; it should compare x with self.min_val and self.max_val",
    (-0.3, 0.8),
    xs,
    kind="subtle",
)
class Hardtanh(s.Hardtanh):
    def backward(self, grad_output):
        return grad_output * (self.saved["x"].abs() < 1)


# own: clamp applied to the gradient
@case(
    "hardtanh-clamps-gradient",
    "applies forward's clamp to grad_output; it should pass grad_output where min_val < x < max_val and give 0 elsewhere",
    (-0.3, 0.8),
    xs,
)
class Hardtanh(s.Hardtanh):
    def backward(self, grad_output):
        return grad_output.clamp(self.min_val, self.max_val)


# own: or in place of and
@case(
    "hardtanh-or-for-and",
    "the mask joins x > min_val and x < max_val by 'or', so that it is true everywhere and nothing is blocked; it should be 'and'",
    (-0.3, 0.8),
    xs,
)
class Hardtanh(s.Hardtanh):
    def backward(self, grad_output):
        x = self.saved["x"]
        inside = (x > self.min_val) | (x < self.max_val)
        return torch.where(inside, grad_output, torch.zeros_like(grad_output))


# ---- LogSigmoid
# own: σ(x) for σ(−x)
@case(
    "logsigmoid-sigmoid-of-x",
    "multiplies by σ(x), the derivative of softplus; the derivative of log σ(x) is 1 − σ(x) = σ(−x)",
    (),
    xs,
)
class LogSigmoid(s.LogSigmoid):
    def backward(self, grad_output):
        return grad_output * torch.sigmoid(self.saved["x"])


# own: the chain rule stops after the logarithm
@case(
    "logsigmoid-only-log",
    "only the derivative 1/σ(x) of the logarithm; the factor σ(x)(1 − σ(x)) of the sigmoid inside is missing",
    (),
    xs,
)
class LogSigmoid(s.LogSigmoid):
    def backward(self, grad_output):
        p = torch.sigmoid(self.saved["x"])
        return grad_output / p


# ---- Exp, Power
# own: what is saved is taken for the input
@case(
    "exp-of-output",
    "takes the exponential of the saved output, exp(exp(x)); the saved output is the derivative already",
    (),
    xs,
)
class Exp(s.Exp):
    def backward(self, grad_output):
        return grad_output * torch.exp(self.saved["out"])


# own: power rule without lowering the exponent
@case("power-exponent-kept", "n·xⁿ in place of n·xⁿ⁻¹: the exponent is not lowered by one", (3.0,), xs)
class Power(s.Power):
    def backward(self, grad_output):
        n = self.exponent
        return grad_output * n * self.saved["x"] ** n


# own: the precedence of ** and −
@case(
    "power-precedence",
    "x**n − 1 in place of x**(n − 1), for want of parentheses around the exponent",
    (3.0,),
    xs,
)
class Power(s.Power):
    def backward(self, grad_output):
        x = self.saved["x"]
        return grad_output * self.exponent * (x**self.exponent - 1)


# own: in-place power to save memory
@case(
    "power-in-place",
    "computes xⁿ⁻¹ in place (pow_, mul_) on the saved tensor, which is the caller's input: the input is overwritten; a new tensor should be made",
    (3.0,),
    xs,
    shows="in place",
)
class Power(s.Power):
    def backward(self, grad_output):
        x = self.saved["x"]
        return x.pow_(self.exponent - 1).mul_(self.exponent) * grad_output


# ---- Mean
# own: the sum's backward
@case(
    "mean-not-divided",
    "hands every element the whole gradient, as for a sum; it should be divided by the number of elements",
    (),
    xs,
)
class Mean(s.Mean):
    def backward(self, grad_output):
        return grad_output * torch.ones(self.saved["shape"], dtype=grad_output.dtype)


# own: with a dim, still divided by all elements
@case(
    "mean-numel-with-dim",
    "for a mean along one axis it divides by the number of all elements; it should divide by the length of that axis alone",
    (1,),
    xs,
)
class Mean(s.Mean):
    def backward(self, grad_output):
        shape = self.saved["shape"]
        if self.dim is not None:
            grad_output = grad_output.unsqueeze(self.dim)
        return grad_output.expand(shape) / shape.numel()


# NumPy habit: a dropped axis does not come back by itself
@case(
    "mean-axis-not-restored",
    "expands the gradient to the input's shape without putting the averaged axis back (unsqueeze): the shapes do not fit and it raises",
    (1,),
    xs,
    shows="raises",
)
class Mean(s.Mean):
    def backward(self, grad_output):
        shape = self.saved["shape"]
        n = shape.numel() if self.dim is None else shape[self.dim]
        return grad_output.expand(shape) / n


# ---- Concatenate, Transpose, Subtract
# own: chunk cuts into equal parts
@case(
    "cat-equal-chunks",
    "cuts the gradient into equal parts, one for each input; it should be cut at the inputs' own sizes, which may differ",
    (1,),
    lambda: (rand(3, 2), rand(3, 4, seed=1)),
    kind="subtle",
)
class Concatenate(s.Concatenate):
    def backward(self, grad_output):
        return grad_output.chunk(len(self.saved["sizes"]), dim=self.dim)


# own: split's default axis
@case(
    "cat-split-axis-zero",
    "torch.split without dim cuts along axis 0, whatever the module's dim is, and raises; it should be given dim=self.dim",
    (1,),
    lambda: (rand(3, 2), rand(3, 4, seed=1)),
    shows="raises",
)
class Concatenate(s.Concatenate):
    def backward(self, grad_output):
        return torch.split(grad_output, self.saved["sizes"])


# own: cumulative starts off by one part
@case(
    "cat-start-not-moved",
    "every piece is cut from the start of the gradient, since the starting place is never moved on; each piece should begin where the one before it ended",
    (0,),
    lambda: (rand(2, 3), rand(4, 3, seed=1), rand(1, 3, seed=2)),
)
class Concatenate(s.Concatenate):
    def backward(self, grad_output):
        grads, start = [], 0
        for n in self.saved["sizes"]:
            grads.append(grad_output.narrow(self.dim, start, n))
        return tuple(grads)


# own: reshape (view) for a transpose
@case(
    "transpose-reshape",
    "reshapes the gradient to the transposed shape, which keeps the order of the numbers; it should exchange the two axes again",
    (),
    xs,
)
class Transpose(s.Transpose):
    def backward(self, grad_output):
        shape = list(grad_output.shape)
        shape[self.dim0], shape[self.dim1] = shape[self.dim1], shape[self.dim0]
        return grad_output.reshape(shape)


# own: the broadcast operand's gradient has the output's shape
@case(
    "subtract-not-summed",
    "the gradient of the broadcast y has the output's shape; it should be summed over the axis along which y was repeated, to y's shape",
    (),
    lambda: (rand(3, 4), rand(4, seed=1)),
    shows="shape",
)
class Subtract(s.Subtract):
    def backward(self, grad_output):
        return grad_output, -grad_output


# own: sign and mean
@case(
    "subtract-sign-and-mean",
    "two: the minus sign for y is missing, and its gradient is averaged over the rows in place of summed",
    (),
    lambda: (rand(3, 4), rand(4, seed=1)),
    kind="two",
)
class Subtract(s.Subtract):
    def backward(self, grad_output):
        grad_y = grad_output
        while grad_y.dim() > len(self.saved["y_shape"]):
            grad_y = grad_y.mean(0)
        return grad_output, grad_y


# ---- Polynomial
# own: derivative by x put at the weights
@case(
    "poly-weight-slope",
    "the weights' gradient uses k·xᵏ⁻¹, the derivative by x; the derivative by the weight w_k is xᵏ",
    (3,),
    xs,
)
class Polynomial(s.Polynomial):
    def backward(self, grad_output):
        x, w = self.saved["x"], self.weight.value
        dx = torch.zeros_like(x)
        for k in range(1, self.degree + 1):
            dx += w[k] * k * x ** (k - 1)
            self.weight.grad[k] += (grad_output * k * x ** (k - 1)).sum()
        self.weight.grad[0] += grad_output.sum()
        return grad_output * dx


# own: the loop ends one too early
@case(
    "poly-loop-short",
    "the loop for the input's gradient runs over range(1, degree) and leaves out the highest power; it should run to degree + 1",
    (3,),
    xs,
)
class Polynomial(s.Polynomial):
    def backward(self, grad_output):
        x = self.saved["x"]
        for k in range(self.degree + 1):
            self.weight.grad[k] += (grad_output * x**k).sum()
        slope = 0
        for k in range(1, self.degree):
            slope = slope + k * self.weight.value[k] * x ** (k - 1)
        return grad_output * slope


# own: factor and accumulation
@case(
    "poly-factor-and-overwrite",
    "two: the factor k of the power rule is missing in the input's gradient, and the weights' gradient is overwritten (=) in place of added (+=)",
    (3,),
    xs,
    kind="two",
)
class Polynomial(s.Polynomial):
    def backward(self, grad_output):
        x = self.saved["x"]
        self.weight.grad = torch.stack([(grad_output * x**k).sum() for k in range(self.degree + 1)])
        return grad_output * sum(self.weight.value[k] * x ** (k - 1) for k in range(1, self.degree + 1))


# ---- L1Normalize
# own: the norm as a constant
@case(
    "l1norm-constant-norm",
    "divides by the norm as if it were a constant; the part through the norm, − sign(x)·Σ g·out / norm, is missing",
    (),
    xs,
)
class L1Normalize(s.L1Normalize):
    def backward(self, grad_output):
        return grad_output / self.saved["norm"].clamp(min=self.eps)


# own: derivative of Σ x in place of Σ |x|
@case(
    "l1norm-no-sign",
    "the norm's derivative is taken as 1, as if it were Σ x; it is sign(x): (g − sign(x)·Σ g·out)/norm",
    (),
    xs,
)
class L1Normalize(s.L1Normalize):
    def backward(self, grad_output):
        out, norm = self.saved["out"], self.saved["norm"]
        along = (grad_output * out).sum(self.dim, keepdim=True).masked_fill(norm < self.eps, 0)
        return (grad_output - along) / norm.clamp(min=self.eps)


# copied: the L2 version's projection
@case(
    "l1norm-from-l2",
    "copied from L2 normalization: subtracts out·Σ g·out; for the sum of absolute values it should be sign(x)·Σ g·out",
    (),
    xs,
)
class L1Normalize(s.L1Normalize):
    def backward(self, grad_output):
        out, norm = self.saved["out"], self.saved["norm"]
        along = torch.where(norm < self.eps, 0, (grad_output * out).sum(dim=self.dim, keepdim=True))
        return (grad_output - out * along) / norm.clamp(min=self.eps)
