"""Assignment 05: composite modules."""

import torch
import torch.nn.functional as F

from benchmarks.students import stubs as s
from benchmarks.students.case import block, case, linear, rand, shake
from course import Module, Parameter


def dial(m):
    m.alpha.value = m.alpha.value + 0.6


f64 = dict(dtype=torch.float64)
bp = dict(
    inputs=lambda: (rand(3), rand(3, seed=1), torch.tensor(0.7, **f64), torch.tensor(1.6, **f64)),
    exercise="bump",
    shows="function",
)
rb = dict(args=(3, 4, 2), inputs=lambda: (rand(5, 3),), prepare=shake, exercise="radial_basis")
rs = dict(args=(block,), inputs=lambda: (rand(4, 3),), exercise="residual")
sc = dict(rs, args=(block, linear))
sr = dict(args=(block,), inputs=lambda: (rand(4, 3),), prepare=dial, exercise="scaled_residual")
l2 = dict(inputs=lambda: (rand(3, 4),), exercise="l2_normalize")
ow = dict(inputs=lambda: (rand(5, 3),), exercise="own_module")


# own: center's sign
@case(
    "bump-mu-sign",
    "mu gets the same gradient as x; offset = x − mu, so that mu's has the opposite sign, −grad_offset",
    **bp,
)
def bump(x, mu, beta, u):
    offset = x - mu
    squared = (offset**2).sum()
    hidden = torch.exp(-beta * squared)
    a = u * hidden
    grad_u = hidden
    grad_hidden = u
    grad_squared = -beta * hidden * grad_hidden
    grad_beta = -squared * hidden * grad_hidden
    grad_offset = 2 * offset * grad_squared
    grad_x = grad_offset
    grad_mu = grad_offset
    return a, (grad_x, grad_mu, grad_beta, grad_u)


# own: derivative of the square
@case(
    "bump-no-two",
    "the derivative of offset² is written as offset; the factor 2 is missing, in grad_x and grad_mu",
    **bp,
)
def bump(x, mu, beta, u):
    offset = x - mu
    squared = (offset**2).sum()
    hidden = torch.exp(-beta * squared)
    a = u * hidden
    d_u = hidden
    d_exponent = u * hidden
    d_beta = -d_exponent * squared
    d_squared = -d_exponent * beta
    d_offset = d_squared * offset
    return a, (d_offset, -d_offset, d_beta, d_u)


# own: chain rule cut off
@case(
    "bump-beta-no-u",
    "grad_beta lacks the factor u: the gradient that arrives at hidden is u, it should be −u·squared·hidden",
    **bp,
)
def bump(x, mu, beta, u):
    offset = x - mu
    squared = (offset**2).sum()
    hidden = torch.exp(-beta * squared)
    a = u * hidden
    grad_u = hidden
    grad_beta = -squared * hidden
    grad_x = -2 * beta * a * offset
    grad_mu = 2 * beta * a * offset
    return a, (grad_x, grad_mu, grad_beta, grad_u)


# own: a number for a vector
@case(
    "bump-x-summed",
    "sums the gradient over the coordinates, so that x and mu get the same number in each (or a single number); each coordinate has its own 2·offset",
    **bp,
)
def bump(x, mu, beta, u):
    offset = x - mu
    squared = (offset**2).sum()
    hidden = torch.exp(-beta * squared)
    a = u * hidden
    grad_squared = u * hidden * -beta
    grad_offset = (grad_squared * 2 * offset).sum() * torch.ones_like(offset)
    grad_beta = u * hidden * -squared
    return a, (grad_offset, -grad_offset, grad_beta, hidden)


# own: centers' sign
@case(
    "rbf-centers-sign",
    "the centers' gradient lacks the minus: offset = x − centers, so it should be the negative sum over the batch",
    **rb,
)
class RadialBasis(s.RadialBasis):
    def backward(self, grad_output):
        offset, squared, hidden = self.saved["offset"], self.saved["squared"], self.saved["hidden"]
        self.weight.grad += grad_output.T @ hidden
        d_exp = (grad_output @ self.weight.value) * hidden
        self.beta.grad += -(d_exp * squared).sum(0)
        d_offset = (-d_exp * self.beta.value)[:, :, None] * 2 * offset
        self.centers.grad += d_offset.sum(0)
        return d_offset.sum(1)


# own: beta's factor
@case(
    "rbf-beta-factor",
    "the way back to the squared distances lacks the factor β (only the minus is there), so x and centers get gradients as if β were 1",
    **rb,
)
class RadialBasis(s.RadialBasis):
    def backward(self, grad_output):
        offset, squared, hidden = self.saved["offset"], self.saved["squared"], self.saved["hidden"]
        grad_hidden = grad_output @ self.weight.value
        self.weight.grad += grad_output.T @ hidden
        grad_exponent = grad_hidden * hidden
        self.beta.grad += (grad_exponent * -squared).sum(dim=0)
        grad_squared = -grad_exponent
        grad_offset = 2 * offset * grad_squared[..., None]
        self.centers.grad -= grad_offset.sum(dim=0)
        return grad_offset.sum(dim=1)


# own: exp's own factor
@case(
    "rbf-no-hidden",
    "the derivative of exp is left out: the factor hidden is missing in the gradients by beta, centers and x",
    **rb,
)
class RadialBasis(s.RadialBasis):
    def backward(self, grad_output):
        offset, squared, hidden = self.saved["offset"], self.saved["squared"], self.saved["hidden"]
        self.weight.grad += grad_output.T @ hidden
        g = grad_output @ self.weight.value
        self.beta.grad += (-g * squared).sum(dim=0)
        g_offset = (-g * self.beta.value).unsqueeze(2) * 2 * offset
        self.centers.grad += -g_offset.sum(dim=0)
        return g_offset.sum(dim=1)


# forum: factor two
@case("rbf-no-two", "the factor 2 of the derived square is missing in the gradients by x and centers", **rb)
class RadialBasis(s.RadialBasis):
    def backward(self, grad_output):
        offset, squared, hidden = self.saved["offset"], self.saved["squared"], self.saved["hidden"]
        W, beta = self.weight.value, self.beta.value
        self.weight.grad += grad_output.T @ hidden
        t = grad_output @ W * hidden
        self.beta.grad -= (t * squared).sum(dim=0)
        move = (t * beta)[:, :, None] * offset
        self.centers.grad += move.sum(dim=0)
        return -move.sum(dim=1)


# own: one number for all betas
@case(
    "rbf-beta-sum-all",
    "beta's gradient is summed over the centers as well, so each β gets the same total; there is a β for each center, the sum runs over the batch only, dim=0",
    **rb,
)
class RadialBasis(s.RadialBasis):
    def backward(self, grad_output):
        offset, squared, hidden = self.saved["offset"], self.saved["squared"], self.saved["hidden"]
        self.weight.grad += grad_output.T @ hidden
        grad_hidden = grad_output @ self.weight.value
        self.beta.grad += (-grad_hidden * hidden * squared).sum()
        grad_squared = -grad_hidden * hidden * self.beta.value
        grad_offset = grad_squared[:, :, None] * 2 * offset
        self.centers.grad += -grad_offset.sum(0)
        return grad_offset.sum(1)


# own: sum over the wrong axis
@case(
    "rbf-x-axis",
    "sums the gradient by x over the batch, dim=0, as is right for the centers; an x meets all centers, so its sum should run over the centers, dim=1",
    shows="shape",
    **rb,
)
class RadialBasis(s.RadialBasis):
    def backward(self, grad_output):
        offset, squared, hidden = self.saved["offset"], self.saved["squared"], self.saved["hidden"]
        self.weight.grad += grad_output.T @ hidden
        grad_hidden = grad_output @ self.weight.value
        self.beta.grad += (-grad_hidden * hidden * squared).sum(0)
        grad_offset = (grad_hidden * hidden * -self.beta.value)[:, :, None] * 2 * offset
        self.centers.grad -= grad_offset.sum(dim=0)
        return grad_offset.sum(dim=0)


# own: transposed weight
@case(
    "rbf-weight-transposed",
    "goes back through the weight with Wᵀ instead of W, so the shapes do not fit and it raises; forward has hidden @ Wᵀ, backward grad_output @ W",
    shows="raises",
    **rb,
)
class RadialBasis(s.RadialBasis):
    def backward(self, grad_output):
        offset, squared, hidden = self.saved["offset"], self.saved["squared"], self.saved["hidden"]
        self.weight.grad += grad_output.T @ hidden
        grad_hidden = grad_output @ self.weight.value.T
        grad_squared = -grad_hidden * hidden * self.beta.value
        self.beta.grad += (-grad_hidden * hidden * squared).sum(dim=0)
        grad_offset = 2 * offset * grad_squared[:, :, None]
        self.centers.grad -= grad_offset.sum(dim=0)
        return grad_offset.sum(dim=1)


# own: gradient passed on past the weight
@case(
    "rbf-weight-hidden-grad",
    "the weight's gradient multiplies grad_output by the squared distances; it should be by the bumps, hidden",
    **rb,
)
class RadialBasis(s.RadialBasis):
    def backward(self, grad_output):
        offset, squared, hidden = self.saved["offset"], self.saved["squared"], self.saved["hidden"]
        self.weight.grad += torch.einsum("no,nk->ok", grad_output, squared)
        flow = torch.einsum("no,ok->nk", grad_output, self.weight.value) * hidden
        self.beta.grad += torch.einsum("nk,nk->k", -flow, squared)
        grad_offset = -2 * torch.einsum("nk,k,nkd->nkd", flow, self.beta.value, offset)
        self.centers.grad += -grad_offset.sum(dim=0)
        return grad_offset.sum(dim=1)


# own: two at once
@case(
    "rbf-two",
    "two mistakes: beta's gradient lacks the minus of −β·squared, and the centers' gradient is averaged over the batch instead of summed",
    kind="two",
    **rb,
)
class RadialBasis(s.RadialBasis):
    def backward(self, grad_output):
        offset, squared, hidden = self.saved["offset"], self.saved["squared"], self.saved["hidden"]
        self.weight.grad += grad_output.T @ hidden
        grad_hidden = grad_output @ self.weight.value
        self.beta.grad += (grad_hidden * hidden * squared).sum(dim=0)
        grad_squared = grad_hidden * hidden * -self.beta.value
        grad_offset = grad_squared[:, :, None] * 2 * offset
        self.centers.grad += -grad_offset.mean(dim=0)
        return grad_offset.sum(dim=1)


# issue: the skip forgotten
@case(
    "residual-no-around",
    "returns the gradient through the module only; the way around is missing, grad_output should be added",
    **rs,
)
class Residual(s.Residual):
    def backward(self, grad_output):
        grad = self.module.backward(grad_output)
        if self.shortcut is not None:
            grad = grad + self.shortcut.backward(grad_output)
        return grad


# forum: 1 for the identity's gradient
@case(
    "residual-plus-one",
    "adds 1 for the identity, its slope, without the chain rule; it should add grad_output",
    **rs,
)
class Residual(s.Residual):
    def backward(self, grad_output):
        through = self.module.backward(grad_output)
        around = 1 if self.shortcut is None else self.shortcut.backward(grad_output)
        return through + around


# own: each once
@case(
    "residual-twice",
    "calls module.backward twice, once to look at the result and once in the sum, so that the module's parameters get their gradients twice; each may run once only",
    **rs,
)
class Residual(s.Residual):
    def backward(self, grad_output):
        if self.module.backward(grad_output) is None:
            return grad_output
        if self.shortcut is None:
            return grad_output + self.module.backward(grad_output)
        return self.shortcut.backward(grad_output) + self.module.backward(grad_output)


# own: in series
@case(
    "residual-in-series",
    "hands the module's gradient on through the shortcut, as if the two stood in a row; both should get grad_output, and the two results be added",
    **sc,
)
class Residual(s.Residual):
    def backward(self, grad_output):
        grad = self.module.backward(grad_output)
        if self.shortcut is None:
            return grad + grad_output
        return self.shortcut.backward(grad)


# own: the shortcut forgotten
@case(
    "residual-shortcut-identity",
    "always adds grad_output itself, as if there were no shortcut; where there is one, its backward should run: it gets no gradients for its parameters",
    **sc,
)
class Residual(s.Residual):
    def backward(self, grad_output):
        return self.module.backward(grad_output) + grad_output


# own: shortcut that is None
@case(
    "residual-none-shortcut",
    "calls self.shortcut.backward without asking whether there is a shortcut; where it is None this raises, grad_output itself should be taken",
    shows="raises",
    **rs,
)
class Residual(s.Residual):
    def backward(self, grad_output):
        grad_f = self.module.backward(grad_output)
        grad_s = self.shortcut.backward(grad_output)
        return grad_f + grad_s


# own: averaged
@case(
    "residual-split",
    "halves grad_output between the two paths; each path should get all of it, a sum hands its gradient on undivided",
    **rs,
)
class Residual(s.Residual):
    def backward(self, grad_output):
        g = grad_output / 2
        if self.shortcut is None:
            return g + self.module.backward(g)
        return self.shortcut.backward(g) + self.module.backward(g)


# forum: scaled afterwards
@case(
    "scaled-alpha-after",
    "hands grad_output to F unscaled and multiplies F's result by α afterwards: x's gradient is right, but F's parameters miss the factor α; F should get α·grad_output",
    **sr,
)
class ScaledResidual(s.ScaledResidual):
    def backward(self, grad_output):
        self.alpha.grad += (grad_output * self.saved["added"]).sum()
        return grad_output + self.alpha.value * self.module.backward(grad_output)


# own: alpha forgotten
@case(
    "scaled-no-alpha",
    "leaves α out on the way through F, as in a plain residual block; F should get α·grad_output",
    **sr,
)
class ScaledResidual(s.ScaledResidual):
    def backward(self, grad_output):
        self.alpha.grad += torch.sum(grad_output * self.saved["added"])
        return grad_output + self.module.backward(grad_output)


# own: early return
@case(
    "scaled-early-return",
    "returns early while α is 0, since F does not count then: but α's own gradient Σ g·F(x) is not 0 there, and α could never begin to learn",
    args=(block,),
    inputs=lambda: (rand(4, 3),),
    exercise="scaled_residual",
)
class ScaledResidual(s.ScaledResidual):
    def backward(self, grad_output):
        if self.alpha.value == 0:
            return grad_output.clone()
        self.alpha.grad += (grad_output * self.saved["added"]).sum()
        return grad_output + self.module.backward(self.alpha.value * grad_output)


# own: alpha's gradient with alpha
@case(
    "scaled-alpha-grad",
    "α's gradient multiplies by α·F(x), what is added, instead of by F(x); derived by α the product gives F(x) alone",
    **sr,
)
class ScaledResidual(s.ScaledResidual):
    def backward(self, grad_output):
        contribution = self.alpha.value * self.saved["added"]
        self.alpha.grad += (grad_output * contribution).sum()
        return grad_output + self.module.backward(grad_output * self.alpha.value)


# own: scaled twice
@case(
    "scaled-alpha-twice",
    "multiplies by α twice, before F's backward and once more after it; once, before, is right",
    **sr,
)
class ScaledResidual(s.ScaledResidual):
    def backward(self, grad_output):
        alpha = self.alpha.value
        self.alpha.grad += (grad_output * self.saved["added"]).sum()
        through = self.module.backward(alpha * grad_output)
        return grad_output + alpha * through


# homework code: diagonal only
@case(
    "l2-diagonal",
    "only the diagonal of the Jacobian, g·(1 − out²)/norm, as if each element were divided by its own length; it should be (g − out·Σ g·out)/norm",
    **l2,
)
class L2Normalize(s.L2Normalize):
    def backward(self, grad_output):
        out, norm = self.saved["out"], self.saved["norm"]
        return grad_output * (1 - out**2) / norm


# forum: norm as a constant
@case(
    "l2-constant-norm",
    "divides by the norm as if it were a constant; the norm depends on x as well: −out·Σ g·out has to be added before dividing",
    **l2,
)
class L2Normalize(s.L2Normalize):
    def backward(self, grad_output):
        return torch.divide(grad_output, self.saved["norm"].clamp(min=self.eps))


# forum: first guess
@case(
    "l2-only-norm-derived",
    "derives only the denominator, −g·x/norm², and without the sum; the numerator's term g/norm is missing: (g − out·Σ g·out)/norm",
    **l2,
)
class L2Normalize(s.L2Normalize):
    def backward(self, grad_output):
        norm = self.saved["norm"]
        x = self.saved["out"] * norm
        return -grad_output * x / norm**2


# own: division forgotten
@case(
    "l2-no-division",
    "projects, but forgets to divide by the norm: g − out·Σ g·out; it should be divided by norm",
    **l2,
)
class L2Normalize(s.L2Normalize):
    def backward(self, grad_output):
        out = self.saved["out"]
        along = (grad_output * out).sum(dim=self.dim, keepdim=True)
        return grad_output - along * out


# own: plus
@case(
    "l2-plus", "adds the part along out instead of subtracting it; it should be (g − out·Σ g·out)/norm", **l2
)
class L2Normalize(s.L2Normalize):
    def backward(self, grad_output):
        out, norm = self.saved["out"], self.saved["norm"]
        dot = torch.sum(out * grad_output, dim=self.dim, keepdim=True)
        return (grad_output + out * dot) / norm


# homework code: x and out mixed up
@case(
    "l2-x-for-out",
    "the projection takes x in one place and out in the other, so that it is too large by the factor norm; both should be out (or x, and then divided by norm²)",
    **l2,
)
class L2Normalize(s.L2Normalize):
    def backward(self, grad_output):
        out, norm = self.saved["out"], self.saved["norm"]
        x = out * norm
        dot = (grad_output * x).sum(dim=self.dim, keepdim=True)
        return grad_output / norm - out * dot / norm


# own: keepdim
@case(
    "l2-no-keepdim",
    "sums Σ g·out without keepdim=True; (3, 4) and (3,) do not fit, and it raises",
    shows="raises",
    **l2,
)
class L2Normalize(s.L2Normalize):
    def backward(self, grad_output):
        out, norm = self.saved["out"], self.saved["norm"]
        return (grad_output - out * (grad_output * out).sum(self.dim)) / norm


# own: fixed axis
@case(
    "l2-fixed-axis",
    "sums along axis 1 whatever self.dim is; with dim=0 each column has its own length, and the sum runs along axis 0",
    **dict(l2, args=(0,)),
)
class L2Normalize(s.L2Normalize):
    def backward(self, grad_output):
        out, norm = self.saved["out"], self.saved["norm"]
        dot = (grad_output * out).sum(dim=1, keepdim=True)
        return (grad_output - out * dot) / norm


# own: short vectors
@case(
    "l2-clamp-forgotten",
    "treats all vectors alike; those shorter than eps were divided by the constant eps in forward, and their gradient is g/eps, without a projection",
    kind="subtle",
    **dict(l2, args=(1, 2.0)),
)
class L2Normalize(s.L2Normalize):
    def backward(self, grad_output):
        out, norm = self.saved["out"], self.saved["norm"]
        safe = norm.clamp(min=self.eps)
        return (grad_output - out * (grad_output * out).sum(self.dim, keepdim=True)) / safe


# ---- modules of their own
# own: a parameter shared by the batch, not summed
@case(
    "own-theta-unsummed",
    "theta has three numbers that act on all rows, but its gradient is not summed over the batch and has the shape of x: .sum(dim=0) is missing",
    shows="shape",
    **ow,
)
class OwnModule(Module):
    """a = tanh(theta x) + x²."""

    def __init__(self):
        self.theta = Parameter.uniform((3,), 1.0)

    def forward(self, x):
        self.save(x=x)
        return torch.tanh(self.theta.value * x) + x**2

    def backward(self, grad_output):
        x, theta = self.saved["x"], self.theta.value
        slope = grad_output * (1 - torch.tanh(theta * x) ** 2)
        self.theta.grad += slope * x
        return slope * theta + 2 * x * grad_output


# own: inner derivative
@case("own-inner", "a = sin(θx²): the inner derivative by x is written as θx; it should be 2θx", **ow)
class OwnModule(Module):
    """a = sin(theta x²)."""

    def __init__(self):
        self.theta = Parameter.uniform((3,), 1.0)

    def forward(self, x):
        self.save(x=x)
        return torch.sin(self.theta.value * x**2)

    def backward(self, grad_output):
        x, theta = self.saved["x"], self.theta.value
        outer = grad_output * torch.cos(theta * x**2)
        self.theta.grad += (outer * x**2).sum(dim=0)
        return outer * theta * x


# own: product rule, one summand
@case(
    "own-product-rule",
    "a = x·exp(−θ²x²): the factor x in front is taken for a constant, its summand exp(−θ²x²) of the product rule is missing in x's gradient",
    **ow,
)
class OwnModule(Module):
    """a = x exp(−theta² x²)."""

    def __init__(self):
        self.theta = Parameter.uniform((3,), 1.0)

    def forward(self, x):
        bell = torch.exp(-((self.theta.value * x) ** 2))
        self.save(x=x, bell=bell)
        return x * bell

    def backward(self, grad_output):
        x, bell, theta = self.saved["x"], self.saved["bell"], self.theta.value
        self.theta.grad += (grad_output * x * bell * (-2 * theta * x**2)).sum(dim=0)
        return grad_output * x * bell * (-2 * theta**2 * x)


# own: saved too early
@case(
    "own-saved-wrong",
    "a = θ·σ(x): forward saves x under the name out, and backward takes it for the sigmoid's value; save the sigmoid's output, or compute it again",
    **ow,
)
class OwnModule(Module):
    """a = theta σ(x)."""

    def __init__(self):
        self.theta = Parameter.uniform((3,), 1.0)

    def forward(self, x):
        self.save(out=x)
        return self.theta.value * torch.sigmoid(x)

    def backward(self, grad_output):
        out = self.saved["out"]
        self.theta.grad += (grad_output * out).sum(dim=0)
        return grad_output * self.theta.value * out * (1 - out)


# own: the sum over the whole, for a vector of three
@case(
    "own-sum-axis",
    "theta's gradient is summed over the features and the batch, so each of its three numbers gets the same total; the sum should run over the batch only, dim=0",
    **ow,
)
class OwnModule(Module):
    """a = cos(x + theta) x."""

    def __init__(self):
        self.theta = Parameter.uniform((3,), 1.0)

    def forward(self, x):
        self.save(x=x)
        return torch.cos(x + self.theta.value) * x

    def backward(self, grad_output):
        x = self.saved["x"]
        inside = x + self.theta.value
        by_inside = -grad_output * x * torch.sin(inside)
        self.theta.grad += by_inside.sum()
        return by_inside + grad_output * torch.cos(inside)


# own: replaced
@case(
    "own-replaced",
    "theta's gradient is set with = instead of being added with +=, so a second pass forgets the first",
    shows="accumulation",
    **ow,
)
class OwnModule(Module):
    """a = softplus(theta x)."""

    def __init__(self):
        self.theta = Parameter.uniform((3,), 1.0)

    def forward(self, x):
        self.save(x=x)
        return F.softplus(self.theta.value * x)

    def backward(self, grad_output):
        x, theta = self.saved["x"], self.theta.value
        slope = torch.sigmoid(theta * x) * grad_output
        self.theta.grad = torch.sum(slope * x, dim=0)
        return slope * theta


# own: power rule
@case(
    "own-abs",
    "a = |x|^1.5·θ: the derivative of |x|^1.5 is written as 1.5·|x|^0.5 and lacks sign(x), so it is wrong where x is negative",
    **ow,
)
class OwnModule(Module):
    """a = theta |x|^1.5."""

    def __init__(self):
        self.theta = Parameter.uniform((3,), 1.0)

    def forward(self, x):
        self.save(x=x)
        return self.theta.value * x.abs() ** 1.5

    def backward(self, grad_output):
        x = self.saved["x"]
        self.theta.grad += (grad_output * x.abs() ** 1.5).sum(dim=0)
        return grad_output * self.theta.value * 1.5 * x.abs() ** 0.5


# own: two slips
@case(
    "own-two",
    "a = exp(−θ²x²): two mistakes: x's gradient lacks the factor 2 of the derived square, and theta's lacks the minus",
    kind="two",
    **ow,
)
class OwnModule(Module):
    """a = exp(−theta² x²)."""

    def __init__(self):
        self.theta = Parameter.uniform((3,), 1.0)

    def forward(self, x):
        out = torch.exp(-(self.theta.value**2) * x**2)
        self.save(x=x, out=out)
        return out

    def backward(self, grad_output):
        x, out, theta = self.saved["x"], self.saved["out"], self.theta.value
        inner = grad_output * out
        self.theta.grad += (inner * 2 * theta * x**2).sum(dim=0)
        return -inner * theta**2 * x
