"""Assignment 02: layers."""

import torch

from benchmarks.students import stubs as s
from benchmarks.students.case import away, case, rand

li = dict(args=(3, 4), inputs=lambda: (rand(5, 3),), exercise="linear")
sq = dict(args=(4, 4), inputs=lambda: (rand(4, 4),), exercise="linear")
el = dict(inputs=lambda: (away(rand(3, 4)),))
sg, th, re = dict(el, exercise="sigmoid"), dict(el, exercise="tanh"), dict(el, exercise="relu")
lk = dict(el, args=(0.2,), exercise="leaky_relu")
pr = dict(args=(4,), inputs=lambda: (away(rand(5, 4)),), exercise="prelu")
sp = dict(args=(2.0,), inputs=lambda: (rand(3, 4),), exercise="softplus")


# homework code: everything divided by the batch size
@case(
    "linear-weight-per-batch",
    "divides the weight's gradient by the number of examples; the averaging is the loss's business, it should be Gᵀ X alone",
    **li,
)
class Linear(s.Linear):
    def backward(self, grad_output):
        x = self.saved["x"]
        m = x.shape[0]
        self.weight.grad += grad_output.T @ x / m
        self.bias.grad += grad_output.sum(dim=0)
        return grad_output @ self.weight.value


# forum: x.T @ grad, as in libraries with W of shape (in, out)
@case(
    "linear-weight-in-out",
    "the weight's gradient is Xᵀ G, of the shape inputs × outputs, as where W is stored the other way round; here W is outputs × inputs, so Gᵀ X",
    shows="shape",
    **li,
)
class Linear(s.Linear):
    def backward(self, grad_output):
        x = self.saved["x"]
        self.weight.grad += x.T @ grad_output
        self.bias.grad += grad_output.sum(0)
        return grad_output @ self.weight.value


# forum: the same with a square weight, where nothing raises
@case(
    "linear-input-transposed",
    "the gradient by x is G Wᵀ; it should be G W, without a transpose, as forward has X Wᵀ (the square weight hides the wrong shape)",
    **sq,
)
class Linear(s.Linear):
    def backward(self, grad_output):
        x = self.saved["x"]
        W = self.weight.value
        self.weight.grad += grad_output.T @ x
        self.bias.grad += grad_output.sum(dim=0)
        return grad_output @ W.T


# homework code: bias mean
@case(
    "linear-bias-mean0",
    "the bias's gradient is the mean over the examples; it should be the sum over them",
    **li,
)
class Linear(s.Linear):
    def backward(self, grad_output):
        self.weight.grad += torch.mm(grad_output.t(), self.saved["x"])
        self.bias.grad += torch.mean(grad_output, axis=0)
        return torch.mm(grad_output, self.weight.value)


# own: axis of the bias
@case(
    "linear-bias-axis",
    "sums the bias's gradient over the outputs (dim=1) instead of over the examples (dim=0); each output has its own bias, shared by all examples",
    **sq,
)
class Linear(s.Linear):
    def backward(self, grad_output):
        self.weight.grad += grad_output.T @ self.saved["x"]
        self.bias.grad += grad_output.sum(dim=1)
        return grad_output @ self.weight.value


# homework code: bias total
@case(
    "linear-bias-total",
    "sums grad_output over everything, so that each bias gets the same total (broadcast); the sum should run over the examples only, dim=0",
    **li,
)
class Linear(s.Linear):
    def backward(self, grad_output):
        self.weight.grad += grad_output.T.matmul(self.saved["x"])
        self.bias.grad += grad_output.sum()
        return grad_output.matmul(self.weight.value)


# own: only the first example
@case(
    "linear-one-example",
    "loops over the examples to add up the weight's gradient, but the range starts at 1 and leaves out the first example; it should start at 0",
    **li,
)
class Linear(s.Linear):
    def backward(self, grad_output):
        x = self.saved["x"]
        n = x.shape[0]
        for i in range(1, n):
            self.weight.grad += torch.outer(grad_output[i], x[i])
        self.bias.grad += grad_output.sum(dim=0)
        return grad_output @ self.weight.value


# forum: overwritten
@case(
    "linear-weight-set",
    "the weight's gradient is set with =, which throws away what earlier passes had added; it should be +=",
    shows="accumulation",
    **li,
)
class Linear(s.Linear):
    def backward(self, grad_output):
        self.weight.grad = grad_output.T @ self.saved["x"]
        self.bias.grad += grad_output.sum(dim=0)
        return grad_output @ self.weight.value


# own: learning step inside backward
@case(
    "linear-updates",
    "subtracts the gradients from the weight and bias, a learning step of its own; backward should only add them to .grad and leave the values as they are",
    **li,
)
class Linear(s.Linear):
    def backward(self, grad_output):
        lr = 0.1
        grad_x = grad_output @ self.weight.value
        self.weight.value -= lr * (grad_output.T @ self.saved["x"])
        self.bias.value -= lr * grad_output.sum(dim=0)
        return grad_x


# own: local variable instead of the parameter's gradient
@case(
    "linear-not-stored",
    "computes the gradients of weight and bias into local variables and never adds them to weight.grad and bias.grad, which stay zero",
    **li,
)
class Linear(s.Linear):
    def backward(self, grad_output):
        grad_weight = grad_output.T @ self.saved["x"]
        grad_bias = grad_output.sum(dim=0)
        grad_x = grad_output @ self.weight.value
        return grad_x


# own: forgotten return
@case(
    "linear-no-return",
    "computes the gradient by x and forgets to return it: backward gives None; `return grad_x` is missing",
    shows="missing",
    **li,
)
class Linear(s.Linear):
    def backward(self, grad_output):
        self.weight.grad += grad_output.T @ self.saved["x"]
        self.bias.grad += grad_output.sum(dim=0)
        grad_x = grad_output @ self.weight.value


# own: squeeze
@case(
    "linear-squeeze",
    "squeezes the gradient by x, which loses the batch axis when there is one example only; it should keep the shape of x",
    kind="subtle",
    **dict(li, args=(3, 4), inputs=lambda: (rand(1, 3),)),
)
class Linear(s.Linear):
    def backward(self, grad_output):
        x = self.saved["x"]
        self.weight.grad += grad_output.T @ x
        self.bias.grad += grad_output.sum(dim=0)
        return (grad_output @ self.weight.value).squeeze()


# homework code: two at once
@case(
    "linear-two",
    "two mistakes: the bias's gradient is a mean instead of a sum over the examples, and the gradient by x uses the weight's gradient instead of its value",
    kind="two",
    **li,
)
class Linear(s.Linear):
    def backward(self, grad_output):
        self.weight.grad += grad_output.T @ self.saved["x"]
        self.bias.grad += grad_output.mean(dim=0)
        return grad_output @ self.weight.grad


# forum: sigmoid of the output once more
@case(
    "sigmoid-twice",
    "applies the sigmoid to the saved output once more and derives there; the saved out is σ(x) already, so g·out·(1 − out)",
    **sg,
)
class Sigmoid(s.Sigmoid):
    def backward(self, grad_output):
        sig = torch.sigmoid(self.saved["out"])
        return grad_output * sig * (1 - sig)


# own: precedence
@case(
    "sigmoid-precedence",
    "grad_output * out * 1 − out: the brackets around (1 − out) are missing, so that it computes g·out − out; it should be g·out·(1 − out)",
    **sg,
)
class Sigmoid(s.Sigmoid):
    def backward(self, grad_output):
        out = self.saved["out"]
        return grad_output * out * 1 - out


# own: looks for x
@case(
    "sigmoid-saved-x",
    'reads self.saved["x"], but forward has saved only "out", so it raises; out is enough: g·out·(1 − out)',
    shows="raises",
    **sg,
)
class Sigmoid(s.Sigmoid):
    def backward(self, grad_output):
        x = self.saved["x"]
        e = torch.exp(-x)
        return grad_output * e / (1 + e) ** 2


# own: tanh's formula
@case("sigmoid-one-plus", "has out·(1 + out) with a plus; σ' is out·(1 − out)", **sg)
class Sigmoid(s.Sigmoid):
    def backward(self, grad_output):
        out = self.saved["out"]
        return grad_output * (out * (1 + out))


# forum: tanh applied again
@case(
    "tanh-twice",
    "1 − tanh² is taken at the saved output, as if it were x: tanh is applied twice; out is tanh(x) already, so 1 − out²",
    **th,
)
class Tanh(s.Tanh):
    def backward(self, grad_output):
        return grad_output * (1 - torch.tanh(self.saved["out"]) ** 2)


# own: precedence
@case(
    "tanh-precedence",
    "grad_output * 1 − out²: the brackets around (1 − out²) are missing, so out² is subtracted without the factor grad_output",
    **th,
)
class Tanh(s.Tanh):
    def backward(self, grad_output):
        return grad_output * 1 - self.saved["out"] ** 2


# own: the sigmoid's derivative
@case("tanh-sigmoid-rule", "uses the sigmoid's rule out·(1 − out); for tanh it is 1 − out²", **th)
class Tanh(s.Tanh):
    def backward(self, grad_output):
        t = self.saved["out"]
        return grad_output * t * (1 - t)


# own: tanh = 2σ(2x) − 1, inner factor 2 lost
@case(
    "tanh-via-sigmoid",
    "goes through tanh(x) = 2σ(2x) − 1 and loses the inner factor 2 of 2x: the gradient is half of what it should be, 4σ(1 − σ) = 1 − out²",
    **th,
)
class Tanh(s.Tanh):
    def backward(self, grad_output):
        s2 = (self.saved["out"] + 1) / 2
        return grad_output * 2 * s2 * (1 - s2)


# forum: returns relu of the gradient
@case(
    "relu-of-gradient",
    "applies relu to the incoming gradient, cutting off where grad_output is negative; the mask should ask where x is positive",
    **re,
)
class ReLU(s.ReLU):
    def backward(self, grad_output):
        return torch.clamp(grad_output, min=0)


# homework code: x * mask
@case(
    "relu-times-x",
    "multiplies by x where x > 0, that is by the output; the slope there is 1: grad_output where x > 0, else 0",
    **re,
)
class ReLU(s.ReLU):
    def backward(self, grad_output):
        x = self.saved["x"]
        return torch.where(x > 0, x * grad_output, torch.zeros_like(x))


# forum: derivative written into the saved input
@case(
    "relu-saved-overwritten",
    "turns the saved x itself into the mask, x[x > 0] = 1 and x[x <= 0] = 0, and so destroys the caller's input; the mask should be a new tensor",
    shows="in place",
    **re,
)
class ReLU(s.ReLU):
    def backward(self, grad_output):
        dx = self.saved["x"]
        dx[dx > 0] = 1
        dx[dx <= 0] = 0
        return dx * grad_output


# forum: dout[x <= 0] = 0
@case(
    "relu-grad-overwritten",
    "sets elements of grad_output to 0 in place and returns it; grad_output belongs to the caller, a new tensor should be made",
    shows="in place",
    **re,
)
class ReLU(s.ReLU):
    def backward(self, grad_output):
        grad_x = grad_output
        grad_x[self.saved["x"] < 0] = 0
        return grad_x


# homework code: the mask alone
@case(
    "relu-mask-only",
    "returns the mask of ones and zeros and never multiplies by grad_output; it should be grad_output times the mask",
    **re,
)
class ReLU(s.ReLU):
    def backward(self, grad_output):
        return (self.saved["x"] > 0).double()


# own: slope only
@case(
    "leaky-negative-missing",
    "gives 0 where x is negative, as plain relu does; it should be negative_slope·grad_output there",
    **lk,
)
class LeakyReLU(s.LeakyReLU):
    def backward(self, grad_output):
        return grad_output * (self.saved["x"] > 0)


# own: hard-coded
@case("leaky-fixed-slope", "uses the number 0.01 for the slope; it should be self.negative_slope", **lk)
class LeakyReLU(s.LeakyReLU):
    def backward(self, grad_output):
        x = self.saved["x"]
        return torch.where(x > 0, 1.0, 0.01).to(x.dtype) * grad_output


# own: slope times x
@case(
    "leaky-slope-times-x",
    "where x is negative it gives grad_output·slope·x, the function's value for its derivative; it should be grad_output·slope",
    **lk,
)
class LeakyReLU(s.LeakyReLU):
    def backward(self, grad_output):
        x = self.saved["x"]
        negative = self.negative_slope * x
        return torch.where(x > 0, grad_output, grad_output * negative)


# own: branches swapped
@case(
    "leaky-swapped",
    "the two branches are swapped: the slope where x is positive and 1 where it is negative",
    **lk,
)
class LeakyReLU(s.LeakyReLU):
    def backward(self, grad_output):
        x = self.saved["x"]
        return torch.where(x < 0, grad_output, self.negative_slope * grad_output)


# issue: slopes' gradient over all features
@case(
    "prelu-sum-all",
    "sums the slopes' gradient over everything, so all features get the same total; with a slope for each feature the sum should run over the examples only",
    **pr,
)
class PReLU(s.PReLU):
    def backward(self, grad_output):
        x = self.saved["x"]
        self.weight.grad += torch.where(x > 0, 0.0, grad_output * x).sum()
        return torch.where(x > 0, grad_output, self.weight.value * grad_output)


# own: mask forgotten
@case(
    "prelu-no-mask",
    "the slopes' gradient sums g·x over all examples, also where x is positive; only the elements with x ≤ 0 belong in",
    **pr,
)
class PReLU(s.PReLU):
    def backward(self, grad_output):
        x = self.saved["x"]
        self.weight.grad += (grad_output * x).sum(dim=0)
        return torch.where(x > 0, grad_output, self.weight.value * grad_output)


# issue: a single slope, sum over the batch only
@case(
    "prelu-one-slope",
    "sums over the examples only also where there is one slope for everything: four numbers for a slope of shape (1,), which raises; with num_parameters = 1 it should sum over all",
    args=(1,),
    shows="raises",
    inputs=lambda: (away(rand(5, 4)),),
    exercise="prelu",
)
class PReLU(s.PReLU):
    def backward(self, grad_output):
        x = self.saved["x"]
        self.weight.grad += torch.where(x > 0, torch.zeros_like(x), grad_output * x).sum(dim=0)
        return torch.where(x > 0, grad_output, grad_output * self.weight.value)


# own: without the upstream gradient
@case(
    "prelu-weight-no-upstream",
    "the slopes' gradient sums x where it is negative, without grad_output; it should be Σ g·x",
    **pr,
)
class PReLU(s.PReLU):
    def backward(self, grad_output):
        x = self.saved["x"]
        self.weight.grad += x.clamp(max=0).sum(dim=0)
        return grad_output * torch.where(x > 0, torch.ones_like(x), self.weight.value)


def negative_slopes(m):
    m.weight.value = -m.weight.value


# issue: sign of the output for the sign of the input
@case(
    "prelu-output-sign",
    "decides by the sign of the output βx instead of that of x; with a negative slope the output is positive where x is negative, and the mask is wrong: ask x > 0",
    kind="subtle",
    **dict(pr, prepare=negative_slopes),
)
class PReLU(s.PReLU):
    def backward(self, grad_output):
        x, beta = self.saved["x"], self.weight.value
        out = torch.where(x > 0, x, beta * x)
        positive = out > 0
        self.weight.grad += torch.where(positive, 0.0, grad_output * x).sum(dim=0)
        return torch.where(positive, grad_output, beta * grad_output)




# own: two at once
@case(
    "prelu-two",
    "two mistakes: the slopes' gradient averages over the examples instead of summing, and the gradient by x lets grad_output through unscaled where x is negative (the factor β is missing)",
    kind="two",
    **pr,
)
class PReLU(s.PReLU):
    def backward(self, grad_output):
        x = self.saved["x"]
        leak = torch.where(x > 0, torch.zeros_like(x), x)
        self.weight.grad += (grad_output * leak).mean(0)
        return torch.where(x > 0, grad_output, grad_output * 1.0)


# own: beta forgotten
@case("softplus-no-beta", "σ(x) without β; the derivative is σ(βx)", **sp)
class Softplus(s.Softplus):
    def backward(self, grad_output):
        return grad_output * torch.sigmoid(self.saved["x"])


# own: the factor 1/beta kept
@case(
    "softplus-one-over-beta",
    "keeps the factor 1/β of forward: σ(βx)/β; the inner derivative β cancels it, so σ(βx)",
    **sp,
)
class Softplus(s.Softplus):
    def backward(self, grad_output):
        return grad_output / self.beta * torch.sigmoid(self.beta * self.saved["x"])


# own: derivative of relu term and log term with the wrong sign
@case(
    "softplus-abs-sign",
    "derives the stable formula term by term and forgets that |x| has the slope −1 on the left: the second term has the same sign on both sides; it needs the factor sign(x)",
    **sp,
)
class Softplus(s.Softplus):
    def backward(self, grad_output):
        x = self.saved["x"]
        e = torch.exp(-self.beta * x.abs())
        step = (x > 0).to(x.dtype)
        return grad_output * (step - e / (1 + e))


# own: sigmoid(-beta x)
@case(
    "softplus-minus",
    "σ(−βx) with a minus inside, which falls where the derivative rises; it should be σ(βx)",
    **sp,
)
class Softplus(s.Softplus):
    def backward(self, grad_output):
        x = self.saved["x"]
        return grad_output * 1 / (1 + torch.exp(self.beta * x))


# issue: exp overflows
@case(
    "softplus-overflow",
    "e^(βx)/(1 + e^(βx)), right for small x, but for large x both are infinite and the result is not a number; torch.sigmoid(βx) is the same and stays finite",
    kind="subtle",
    **dict(sp, inputs=lambda: (rand(3, 4, scale=1000.0),)),
)
class Softplus(s.Softplus):
    def backward(self, grad_output):
        power = torch.exp(self.beta * self.saved["x"])
        return grad_output * power / (1 + power)
