"""Assignment 04: gradient checking, and the broken modules that are to be mended."""

import torch

import course.modules as M
from benchmarks.students import stubs as s
from benchmarks.students.case import away, case, rand

sines = lambda v: torch.sin(v).sum()
ng = dict(inputs=lambda: (sines, rand(3, 4)), exercise="numerical_gradient", shows="function")
rl = dict(
    inputs=lambda: (rand(3, 4), rand(3, 4) + 0.01 * rand(3, 4, seed=1)),
    exercise="relative_error",
    shows="function",
)
cg = dict(inputs=lambda: (M.Softmax(1), rand(3, 4)), exercise="check_gradient", shows="function")


# forum: forward difference
@case(
    "numeric-one-sided",
    "a forward difference, (f(x + ε) − f(x))/ε; central differences were asked for, (f(x + ε) − f(x − ε))/2ε, which are far more exact",
    **ng,
)
def numerical_gradient(f, x, epsilon=6e-6):
    grad = torch.zeros_like(x)
    base = f(x)
    for i in range(x.numel()):
        moved = x.clone()
        moved.view(-1)[i] += epsilon
        grad.view(-1)[i] = (f(moved) - base) / epsilon
    return grad


# own: the 2 in the denominator
@case(
    "numeric-no-two",
    "divides by ε instead of 2ε: the two points are 2ε apart, so all derivatives are twice as large as they should be",
    **ng,
)
def numerical_gradient(f, x, epsilon=6e-6):
    grad = torch.zeros_like(x)
    for i in range(x.numel()):
        up, down = x.clone().flatten(), x.clone().flatten()
        up[i] += epsilon
        down[i] -= epsilon
        grad.view(-1)[i] = (f(up.reshape(x.shape)) - f(down.reshape(x.shape))) / epsilon
    return grad


# own: precedence in the quotient
@case(
    "numeric-precedence",
    "/ 2 * epsilon without brackets divides by 2 and multiplies by ε; it should be / (2 * epsilon)",
    **ng,
)
def numerical_gradient(f, x, epsilon=6e-6):
    grad = torch.zeros_like(x).flatten()
    for i in range(len(grad)):
        e = torch.zeros_like(grad)
        e[i] = epsilon
        e = e.reshape(x.shape)
        grad[i] = (f(x + e) - f(x - e)) / 2 * epsilon
    return grad.reshape(x.shape)


# forum: moves x itself, there and back
@case(
    "numeric-moves-x",
    "moves the numbers of x itself there and back with += and −=, which rounds, so that x is not exactly what it was; move a copy, x.clone(), or put the old value back",
    **ng,
)
def numerical_gradient(f, x, epsilon=6e-6):
    grad = torch.zeros_like(x)
    flat, g = x.view(-1), grad.view(-1)
    for i in range(flat.numel()):
        flat[i] += epsilon
        plus = f(x)
        flat[i] -= 2 * epsilon
        minus = f(x)
        flat[i] += epsilon
        g[i] = (plus - minus) / (2 * epsilon)
    return grad


# own: rows for elements
@case(
    "numeric-rows",
    "loops over the first axis only and moves a whole row at once, so each element gets the derivative along its row; every single number has to be moved by itself",
    **ng,
)
def numerical_gradient(f, x, epsilon=6e-6):
    grad = torch.zeros_like(x)
    for i in range(x.shape[0]):
        xp = x.clone()
        xm = x.clone()
        xp[i] += epsilon
        xm[i] -= epsilon
        grad[i] = (f(xp) - f(xm)) / (2 * epsilon)
    return grad


# homework code: cs231n's guard in the denominator, and |a| + |b|
@case(
    "relative-sum",
    "divides by |a| + |b| instead of by the larger of the two, so that the result is about half of what it should be",
    **rl,
)
def relative_error(a, b):
    top = (a - b).abs().max()
    bottom = a.abs().max() + b.abs().max()
    if bottom == 0:
        return 0.0
    return (top / bottom).item()


# homework code: small number in the denominator
@case(
    "relative-epsilon",
    "adds 1e-8 to the denominator against a division by zero; tiny gradients then seem to agree, nothing may be added: treat the case of two zeros by itself",
    **rl,
)
def relative_error(a, b):
    return (a - b).abs().max() / (torch.maximum(a.abs().max(), b.abs().max()) + 1e-8)


# own: element by element
@case(
    "relative-elementwise",
    "divides element by element and takes the largest quotient; the largest difference should be divided by the largest element of the whole arrays",
    **rl,
)
def relative_error(a, b):
    size = torch.maximum(a.abs(), b.abs())
    quotient = torch.where(size > 0, (a - b).abs() / size, torch.zeros_like(size))
    return quotient.max()


# own: maximum without the absolute value
@case(
    "relative-no-abs",
    "the denominator takes max(a) and max(b) without the absolute value, wrong where the largest numbers are negative; |a| and |b| are needed",
    **rl,
)
def relative_error(a, b):
    largest = max(a.max().item(), b.max().item())
    if largest == 0:
        return 0.0
    return (a - b).abs().max().item() / largest


# own: zeros
@case(
    "relative-zeros",
    "divides by zero where both arrays are all zeros, 0/0 is no number; two arrays of zeros agree, the result should be 0 there",
    **rl,
)
def relative_error(a, b):
    return (a - b).abs().max() / torch.max(a.abs().max(), b.abs().max())


# ---- right ones, for what follows
def numerical_gradient(f, x, epsilon=6e-6):
    grad = torch.zeros(x.numel(), dtype=x.dtype)
    for i in range(x.numel()):
        e = torch.zeros_like(grad)
        e[i] = epsilon
        grad[i] = (f(x + e.reshape(x.shape)) - f(x - e.reshape(x.shape))) / (2 * epsilon)
    return grad.reshape(x.shape)


def relative_error(a, b):
    largest = max(a.abs().max(), b.abs().max())
    return float((a - b).abs().max() / largest) if largest != 0 else 0.0


# forum: sum of the outputs
@case(
    "check-ones",
    "takes ones as the upstream gradient, that is the sum of the outputs: softmax's outputs always add up to 1, so that behind it the gradient is 0, mistakes hide and rounding makes a right one look wrong; the upstream gradient should be random",
    **cg,
)
def check_gradient(module, x):
    out = module(x)
    grad = module.backward(torch.ones_like(out))
    numeric = numerical_gradient(lambda z: module(z).sum(), x)
    if grad.shape != x.shape or not torch.isfinite(grad).all():
        return False
    return relative_error(grad, numeric) < 1e-6


# own: stale forward
@case(
    "check-stale-forward",
    "calls backward after the numeric gradient, whose last forward was at a moved x, so that backward works with the wrong saved values; module(x) has to run once more right before backward",
    **cg,
)
def check_gradient(module, x):
    torch.manual_seed(3)
    g = torch.randn(module(x).shape, dtype=x.dtype)
    numeric = numerical_gradient(lambda z: (module(z) * g).sum(), x)
    grad = module.backward(g)
    if grad.shape != x.shape or not torch.isfinite(grad).all():
        return False
    return relative_error(grad, numeric) < 1e-6


# own: nan compares false
@case(
    "check-nan",
    "says False only where the error is larger than 1e-6: a gradient that is not a number compares false and passes as right; ask error < 1e-6, or test for nan",
    **cg,
)
def check_gradient(module, x):
    torch.manual_seed(0)
    out = module(x)
    g = torch.rand_like(out)
    grad = module.backward(g)
    if grad.shape != x.shape:
        return False
    numeric = numerical_gradient(lambda z: (module(z) * g).sum(), x)
    if relative_error(grad, numeric) > 1e-6:
        return False
    return True


# own: absolute tolerance
@case(
    "check-absolute",
    "compares the absolute difference with 1e-3, loose, and blind where gradients are small: one that is off by a thousandth passes; the relative error should be below 1e-6",
    **cg,
)
def check_gradient(module, x):
    torch.manual_seed(1)
    g = torch.randn_like(module(x))
    grad = module.backward(g)
    numeric = numerical_gradient(lambda z: (g * module(z)).sum(), x)
    return grad.shape == x.shape and bool((grad - numeric).abs().max() < 1e-3)


# own: another upstream gradient each time
@case(
    "check-two-upstreams",
    "draws a new random upstream gradient inside the function that is differentiated, at every call: numeric and backward's gradient belong to different losses, nothing passes; draw it once",
    **cg,
)
def check_gradient(module, x):
    out = module(x)
    grad = module.backward(torch.randn_like(out))
    numeric = numerical_gradient(lambda z: (module(z) * torch.randn_like(out)).sum(), x)
    if grad.shape != x.shape or torch.isnan(grad).any():
        return False
    return relative_error(grad, numeric) < 1e-6


# ---- the six broken ones
pair = dict(inputs=lambda: (rand(3, 4), rand(3, 4, seed=1)))
ms = dict(pair, exercise="mend_mse_loss")
mm = dict(inputs=lambda: (rand(3, 4), rand(4, 2, seed=1)), exercise="mend_matmul")
si = dict(inputs=lambda: (rand(3, 4),), exercise="mend_silu")
away = lambda *shape: (lambda y: y + y.sign())(rand(*shape, seed=1))
dv = dict(inputs=lambda: (rand(4, 3), away(4, 1)), exercise="mend_divide")
sn = dict(args=(4,), inputs=lambda: (rand(3, 4),), exercise="mend_sine")
po = dict(
    inputs=lambda: (torch.rand(3, 4, generator=torch.Generator().manual_seed(3), dtype=torch.float64) + 0.2,),
    exercise="mend_proportions",
)


# own: batch for n
@case("mse-batch-size", "divides by the number of rows; n is how many numbers x has, x.numel()", **ms)
class MSELoss(s.BrokenMSELoss):
    def backward(self, grad_output):
        x, target = self.saved["x"], self.saved["target"]
        grad_x = grad_output * 2 * (x - target) / len(x)
        return grad_x, -grad_x


# own: mean of the gradient for the gradient of the mean
@case(
    "mse-mean-of-grad",
    "takes the mean of the gradient, one number for all; each element keeps its own 2(x − y)/n",
    shows="shape",
    **ms,
)
class MSELoss(s.BrokenMSELoss):
    def backward(self, grad_output):
        grad_x = (grad_output * 2 * (self.saved["x"] - self.saved["target"])).mean()
        return grad_x, -grad_x


# forum: the target's sign
@case("mse-target-sign", "the target's gradient has the sign of x's; it is the negative, −2(x − y)/n", **ms)
class MSELoss(s.BrokenMSELoss):
    def backward(self, grad_output):
        n = self.saved["x"].numel()
        grad_x = 2 / n * grad_output * (self.saved["x"] - self.saved["target"])
        grad_target = grad_x.clone()
        return grad_x, grad_target


# own: transposed the wrong factor
@case(
    "matmul-wrong-transpose",
    "the gradient by Y is Gᵀ X instead of Xᵀ G, which has the shape of Yᵀ: the transpose belongs on x, and x comes first",
    shows="shape",
    **mm,
)
class MatMul(s.BrokenMatMul):
    def backward(self, grad_output):
        grad_x = grad_output @ self.saved["y"].T
        grad_y = grad_output.T @ self.saved["x"]
        return grad_x, grad_y


# forum: reshape for transpose
@case(
    "matmul-reshape",
    "makes the shapes fit with reshape, which reorders the numbers in reading order; a transpose is needed, y.T",
    **mm,
)
class MatMul(s.BrokenMatMul):
    def backward(self, grad_output):
        x, y = self.saved["x"], self.saved["y"]
        grad_x = grad_output @ y.reshape(y.shape[1], y.shape[0])
        grad_y = x.T @ grad_output
        return grad_x, grad_y


# own: one summand of the product rule
@case(
    "silu-gate-only",
    "keeps only gate, the summand that was missing, and drops x·gate·(1 − gate); the product rule needs both",
    **si,
)
class SiLU(s.BrokenSiLU):
    def backward(self, grad_output):
        gate = self.saved["gate"]
        return grad_output * gate


# own: precedence
@case(
    "silu-precedence",
    "grad_output multiplies only the first summand: g·gate + x·gate·(1 − gate) without brackets around the sum",
    **si,
)
class SiLU(s.BrokenSiLU):
    def backward(self, grad_output):
        x, gate = self.saved["x"], self.saved["gate"]
        return grad_output * gate + x * gate * (1 - gate)


# own: derivative of the gate forgotten
@case(
    "silu-gate-not-derived",
    "the second summand is x·gate, with the gate itself instead of its derivative gate·(1 − gate)",
    **si,
)
class SiLU(s.BrokenSiLU):
    def backward(self, grad_output):
        x, gate = self.saved["x"], self.saved["gate"]
        return grad_output * (gate + x * gate)


# own: summed over the wrong axis
@case(
    "divide-sum-rows",
    "sums y's gradient over dim=0; y of shape (4, 1) is shared along a row, so the sum runs over dim=1 with keepdim",
    shows="shape",
    **dv,
)
class Divide(s.BrokenDivide):
    def backward(self, grad_output):
        x, y = self.saved["x"], self.saved["y"]
        grad_y = (-grad_output * x / y**2).sum(dim=0, keepdim=True)
        return grad_output / y, grad_y


# issue: mean for sum
@case("divide-mean", "averages y's gradient over the elements that share a y; they should be added up", **dv)
class Divide(s.BrokenDivide):
    def backward(self, grad_output):
        x, y = self.saved["x"], self.saved["y"]
        grad_y = -grad_output * x / y**2
        if grad_y.shape != y.shape:
            grad_y = grad_y.mean(dim=1, keepdim=True)
        return grad_output / y, grad_y


# own: only y is reduced
@case(
    "divide-x-unreduced",
    "reduces only y's gradient to its shape; here x of shape (3) is the one that is broadcast over four rows, and its gradient must be summed, too",
    inputs=lambda: (rand(3), away(4, 3)),
    exercise="mend_divide",
    shows="shape",
)
class Divide(s.BrokenDivide):
    def backward(self, grad_output):
        x, y = self.saved["x"], self.saved["y"]
        grad_x = grad_output / y
        grad_y = (-grad_output * x / y**2).sum_to_size(y.shape)
        return grad_x, grad_y


# own: += kept, but the batch not summed over
@case(
    "sine-sum-all",
    "sums the frequencies' gradient over everything; each column has a frequency of its own, the sum runs over the examples only, dim=0",
    **sn,
)
class Sine(s.BrokenSine):
    def backward(self, grad_output):
        x, frequency = self.saved["x"], self.frequency.value
        slope = grad_output * torch.cos(frequency * x)
        self.frequency.grad += (slope * x).sum()
        return slope * frequency


# own: not a repair
@case(
    "sine-plus-old-value",
    "adds to the frequency's value instead of to its gradient: frequency.value + … is put into grad; it should be frequency.grad += …",
    **sn,
)
class Sine(s.BrokenSine):
    def backward(self, grad_output):
        x, frequency = self.saved["x"], self.frequency.value
        slope = grad_output * torch.cos(frequency * x)
        self.frequency.grad = self.frequency.value + (slope * x).sum(dim=0)
        return slope * frequency


# own: still replaced, only later
@case(
    "sine-zero-first",
    "clears the gradient first and then adds with +=, which is the same as replacing it: what earlier passes had added is lost; leave out zero_grad()",
    shows="accumulation",
    **sn,
)
class Sine(s.BrokenSine):
    def backward(self, grad_output):
        x, frequency = self.saved["x"], self.frequency.value
        self.zero_grad()
        slope = grad_output * torch.cos(frequency * x)
        self.frequency.grad += (slope * x).sum(dim=0)
        return slope * frequency


# homework code: terms of the quotient rule
@case(
    "proportions-no-upstream-sum",
    "the second term of the quotient rule is −g·x/total² for each element, without the sum over the row; it should be −Σ(g·x)/total²",
    **po,
)
class Proportions(s.BrokenProportions):
    def backward(self, grad_output):
        x, total = self.saved["x"], self.saved["total"]
        return grad_output / total - grad_output * x / total**2


# own: power
@case(
    "proportions-total-once",
    "the second term divides by total once, −Σ(g·x)/total; it should be divided by total²",
    **po,
)
class Proportions(s.BrokenProportions):
    def backward(self, grad_output):
        x, total = self.saved["x"], self.saved["total"]
        return grad_output / total - (grad_output * x).sum(dim=1, keepdim=True) / total


# own: softmax's formula
@case(
    "proportions-softmax",
    "uses softmax's formula p·(g − Σ g·p); here it is (g − Σ g·p)/total, without an exponential there is no factor p in front",
    **po,
)
class Proportions(s.BrokenProportions):
    def backward(self, grad_output):
        p = self.saved["x"] / self.saved["total"]
        return p * (grad_output - (grad_output * p).sum(dim=1, keepdim=True))


# own: sign and power
@case(
    "proportions-two",
    "two mistakes: the second term is added instead of subtracted, and it sums over the whole batch instead of over the row (dim=1, keepdim)",
    kind="two",
    **po,
)
class Proportions(s.BrokenProportions):
    def backward(self, grad_output):
        x, total = self.saved["x"], self.saved["total"]
        return grad_output / total + (grad_output * x).sum() / total**2
