"""Lectures 07 and 12: losses beyond assignment 03, and LogSoftmax."""

import torch
import torch.nn.functional as F

from benchmarks.students import stubs as s
from benchmarks.students.case import case, rand, shares

logits = dict(args=(1,), inputs=lambda: (rand(3, 4),))
pair = lambda: (rand(3, 4, scale=1.5), rand(3, 4, seed=1))
inside = lambda: (torch.sigmoid(rand(3, 4)), torch.sigmoid(rand(3, 4, seed=1)))
chosen = lambda: (torch.log_softmax(rand(5, 4), 1), torch.tensor([0, 3, 1, 3, 2]))
kl = lambda: (torch.log_softmax(rand(3, 4), 1), shares(3, 4, seed=1))


# ---- LogSoftmax
# copied: softmax' backward
@case(
    "logsoftmax-as-softmax",
    "the backward of softmax, p·(g − Σ p·g); for log-softmax it should be g − p·Σ g with p = exp(out)",
    **logits,
)
class LogSoftmax(s.LogSoftmax):
    def backward(self, grad_output):
        p = torch.exp(self.saved["out"])
        return p * (grad_output - (p * grad_output).sum(self.dim, keepdim=True))


# own: the saved output taken for probabilities
@case(
    "logsoftmax-out-not-exponentiated",
    "takes the saved output for the probabilities: g − out·Σ g; the output holds their logarithms, so that it should be g − exp(out)·Σ g",
    **logits,
)
class LogSoftmax(s.LogSoftmax):
    def backward(self, grad_output):
        p = self.saved["out"]
        return grad_output - p * grad_output.sum(dim=self.dim, keepdim=True)


# NumPy habit: sum without an axis
@case(
    "logsoftmax-sum-of-all",
    "sums the gradient over all rows at once; it should be summed along self.dim only, for each row by itself",
    **logits,
)
class LogSoftmax(s.LogSoftmax):
    def backward(self, grad_output):
        return grad_output - self.saved["out"].exp() * grad_output.sum()


# own: p − 1 as known from cross-entropy
@case(
    "logsoftmax-no-upstream-sum",
    "subtracts the bare probabilities, g − exp(out); they must be multiplied by the sum of g along the axis",
    **logits,
)
class LogSoftmax(s.LogSoftmax):
    def backward(self, grad_output):
        return grad_output - torch.exp(self.saved["out"])


# own: the axis written into backward
@case(
    "logsoftmax-axis-fixed",
    "sums along the last axis, whatever self.dim is; it should be self.dim",
    kind="subtle",
    **dict(logits, args=(0,)),
)
class LogSoftmax(s.LogSoftmax):
    def backward(self, grad_output):
        return grad_output - self.saved["out"].exp() * grad_output.sum(-1, keepdim=True)


# ---- MSELoss
# own: factor 2
@case(
    "mse-factor-two",
    "the factor 2 from differentiating the square is missing, as if the loss had a ½; it should be 2·residual/n",
    (),
    pair,
)
class MSELoss(s.MSELoss):
    def backward(self, grad_output):
        r = self.saved["residual"]
        g = grad_output * r
        if self.reduction == "mean":
            g = g / r.numel()
        return g, -g


# own: mean over the batch
@case(
    "mse-divides-by-batch",
    "divides by the number of rows; the mean goes over all elements, so it should divide by residual.numel()",
    (),
    pair,
)
class MSELoss(s.MSELoss):
    def backward(self, grad_output):
        residual = self.saved["residual"]
        scale = 2 / len(residual) if self.reduction == "mean" else 2
        grad = scale * residual * grad_output
        return grad, -grad


# own: only the prediction's gradient is returned
@case(
    "mse-one-gradient",
    "returns the gradient of the prediction alone; the target is an input, too, and needs the negative of it",
    (),
    pair,
    shows="missing",
)
class MSELoss(s.MSELoss):
    def backward(self, grad_output):
        residual = self.saved["residual"]
        n = residual.numel() if self.reduction == "mean" else 1
        return grad_output * 2 * residual / n


# own: the reduction is not read
@case(
    "mse-reduction-ignored",
    "always divides by the number of elements, also where reduction is 'sum' or 'none'; it should divide for 'mean' only",
    (),
    pair,
    kind="subtle",
    options=dict(reduction="sum"),
)
class MSELoss(s.MSELoss):
    def backward(self, grad_output):
        residual = self.saved["residual"]
        grad = grad_output * 2 * residual / residual.numel()
        return grad, -grad


# own: sign and factor
@case(
    "mse-sign-and-count",
    "two: the sign is reversed, as if the residual were target − x, and the gradient is not divided by the number of elements for reduction 'mean'",
    (),
    pair,
    kind="two",
)
class MSELoss(s.MSELoss):
    def backward(self, grad_output):
        residual = self.saved["residual"]
        grad = -2 * residual * grad_output
        return grad, -grad


# ---- L1Loss
# own: a mask for the sign
@case(
    "l1-mask-for-sign",
    "uses the mask residual > 0, which is 1 or 0, where the sign is needed: negative residuals should get −1 and not 0",
    (),
    pair,
)
class L1Loss(s.L1Loss):
    def backward(self, grad_output):
        r = self.saved["residual"]
        g = grad_output * (r > 0)
        g = g / r.numel() if self.reduction == "mean" else g
        return g, -g


# copied: MSE's backward
@case(
    "l1-residual",
    "the gradient grows with the residual, 2·residual/n, as in MSELoss; for absolute values it should be sign(residual)/n",
    (),
    pair,
)
class L1Loss(s.L1Loss):
    def backward(self, grad_output):
        r = self.saved["residual"]
        grad = 2 * grad_output * r / (r.numel() if self.reduction == "mean" else 1)
        return grad, -grad


# own: both inputs alike
@case(
    "l1-target-sign",
    "the target gets the same gradient as the prediction; it should get the negative of it",
    (),
    pair,
)
class L1Loss(s.L1Loss):
    def backward(self, grad_output):
        r = self.saved["residual"]
        grad = grad_output * torch.sign(r)
        if self.reduction == "mean":
            grad /= r.numel()
        return grad, grad


# ---- HuberLoss, SmoothL1Loss
# issue: δ lost in the straight part
@case(
    "huber-slope-one",
    "the slope of the straight part is ±1; for Huber's loss it is ±delta",
    ("mean", 0.5),
    pair,
)
class HuberLoss(s.HuberLoss):
    def backward(self, grad_output):
        r = self.saved["x"] - self.saved["target"]
        g = torch.where(r.abs() <= self.delta, r, r.sign())
        g = g * grad_output / (r.numel() if self.reduction == "mean" else 1)
        return g, -g


# issue: residual <= delta without the absolute value
@case(
    "huber-one-sided",
    "compares the residual itself with delta, not its absolute value: large negative residuals stay in the squared part; it should be |residual| ≤ delta",
    ("mean", 0.5),
    pair,
)
class HuberLoss(s.HuberLoss):
    def backward(self, grad_output):
        r = self.saved["x"] - self.saved["target"]
        g = torch.where(r <= self.delta, r, self.delta * r.sign())
        if self.reduction == "mean":
            g = g / r.numel()
        g = g * grad_output
        return g, -g


# own: the loss itself is differentiated through one factor only
@case(
    "huber-half-in-squared-part",
    "0.5·residual in the squared part: the ½ of the loss is kept though the derivative of the square brings a 2; it should be the residual",
    ("sum", 0.5),
    pair,
)
class HuberLoss(s.HuberLoss):
    def backward(self, grad_output):
        r = self.saved["x"] - self.saved["target"]
        quadratic = r.abs() < self.delta
        g = torch.empty_like(r)
        g[quadratic] = 0.5 * r[quadratic]
        g[~quadratic] = self.delta * torch.sign(r[~quadratic])
        if self.reduction == "mean":
            g /= g.numel()
        return grad_output * g, -grad_output * g


# issue: Huber's and smooth L1's conventions mixed up
@case(
    "smoothl1-as-huber",
    "Huber's gradient, the residual clamped to ±beta; for smooth L1 it should be divided by beta (the same only for beta = 1)",
    ("mean", 0.5),
    pair,
    kind="subtle",
)
class SmoothL1Loss(s.SmoothL1Loss):
    def backward(self, grad_output):
        r = (self.saved["x"] - self.saved["target"]).clamp(-self.beta, self.beta)
        g = grad_output * r / (r.numel() if self.reduction == "mean" else 1)
        return g, -g


# own
@case(
    "smoothl1-sign-and-mean",
    "two: the target gets the same sign as the prediction, and the gradient is not divided by the number of elements for reduction 'mean'",
    ("mean", 0.5),
    pair,
    kind="two",
)
class SmoothL1Loss(s.SmoothL1Loss):
    def backward(self, grad_output):
        slope = ((self.saved["x"] - self.saved["target"]) / self.beta).clamp(-1, 1)
        return grad_output * slope, grad_output * slope


# ---- BCELoss
# copied: the gradient with logits
@case(
    "bce-as-with-logits",
    "x − target, the gradient by the logits; here x are probabilities, so that it should be (x − target)/(x(1 − x))",
    (),
    inside,
)
class BCELoss(s.BCELoss):
    def backward(self, grad_output):
        x, t = self.saved["x"], self.saved["target"]
        g = grad_output / x.numel() if self.reduction == "mean" else grad_output
        return g * (x - t), g * (torch.log(1 - x) - torch.log(x))


# own: precedence of / and *
@case(
    "bce-division-precedence",
    "(x − target)/x·(1 − x) is computed from left to right; the product x(1 − x) should stand in parentheses below the line",
    (),
    inside,
)
class BCELoss(s.BCELoss):
    def backward(self, grad_output):
        x, t = self.saved["x"], self.saved["target"]
        g = grad_output / x.numel() if self.reduction == "mean" else grad_output
        grad_x = g * (x - t) / x * (1 - x)
        return grad_x, g * torch.log((1 - x) / x)


# own: the inner derivative −1 of log(1 − x)
@case(
    "bce-inner-minus",
    "the inner derivative −1 of log(1 − x) is forgotten, so that the second term is −(1 − target)/(1 − x); it should be +(1 − target)/(1 − x)",
    (),
    inside,
)
class BCELoss(s.BCELoss):
    def backward(self, grad_output):
        x, t = self.saved["x"], self.saved["target"]
        if self.reduction == "mean":
            grad_output = grad_output / x.numel()
        grad_x = grad_output * (-t / x - (1 - t) / (1 - x))
        grad_t = grad_output * (-torch.log(x) + torch.log(1 - x))
        return grad_x, grad_t


# own: target's gradient as in the squared losses
@case(
    "bce-target-is-minus-x",
    "the target's gradient is set to the negative of the prediction's, as in MSELoss; it should be log(1 − x) − log(x)",
    (),
    inside,
)
class BCELoss(s.BCELoss):
    def backward(self, grad_output):
        x, t = self.saved["x"], self.saved["target"]
        g = grad_output / x.numel() if self.reduction == "mean" else grad_output
        grad_x = g * ((1 - t) / (1 - x) - t / x)
        return grad_x, -grad_x


# ---- NLLLoss
# NumPy habit: grad[:, target] picks whole columns
@case(
    "nll-whole-columns",
    "grad[:, target] sets whole columns; it should be grad[arange(n), target], one place in each row",
    (),
    chosen,
)
class NLLLoss(s.NLLLoss):
    def backward(self, grad_output):
        target = self.saved["target"]
        n = len(target)
        grad = grad_output.new_zeros(self.saved["x_shape"])
        grad[:, target] = -1.0
        return grad * grad_output.unsqueeze(-1) / (n if self.reduction == "mean" else 1), None


# own: minus sign
@case(
    "nll-plus",
    "+1/n at the target's place; the loss is the negative log-likelihood, so that it should be −1/n",
    (),
    chosen,
)
class NLLLoss(s.NLLLoss):
    def backward(self, grad_output):
        target = self.saved["target"]
        grad = grad_output.new_zeros(self.saved["x_shape"])
        grad[torch.arange(len(target)), target] = 1
        if self.reduction == "mean":
            grad = grad / len(target)
        return grad * grad_output.unsqueeze(-1), None


# own: mean over all numbers
@case(
    "nll-mean-over-all",
    "divides by rows times classes; each row has one loss, so that it should be divided by the number of rows",
    (),
    chosen,
)
class NLLLoss(s.NLLLoss):
    def backward(self, grad_output):
        target, (n, c) = self.saved["target"], self.saved["x_shape"]
        hot = F.one_hot(target, c).to(grad_output)
        return -hot * grad_output.unsqueeze(-1) / (n * c if self.reduction == "mean" else 1), None


# own: one_hot counts the classes from what it sees
@case(
    "nll-one-hot-classes",
    "one_hot without the number of classes takes the largest target that occurs: where the last class is absent the gradient has too few columns; it should be given x_shape[1]",
    (),
    lambda: (torch.log_softmax(rand(5, 4), 1), torch.tensor([0, 2, 1, 1, 2])),
    kind="subtle",
)
class NLLLoss(s.NLLLoss):
    def backward(self, grad_output):
        hot = F.one_hot(self.saved["target"]).to(grad_output)
        n = hot.shape[0] if self.reduction == "mean" else 1
        return -grad_output.unsqueeze(-1) * hot / n, None


# ---- KLDivLoss
# misread docs: x is a log-probability already
@case(
    "kl-divides-by-x",
    "−target/x, as if x were probabilities inside a logarithm; x holds log-probabilities, so that it should be −target",
    ("batchmean",),
    kl,
)
class KLDivLoss(s.KLDivLoss):
    def backward(self, grad_output):
        x, t = self.saved["x"], self.saved["target"]
        n = x.shape[0] if self.reduction == "batchmean" else x.numel() if self.reduction == "mean" else 1
        g = grad_output / n
        return -g * t / x, g * (torch.log(t) + 1 - x)


# own: product rule for t log t
@case(
    "kl-product-rule",
    "the target's gradient is log(target) − x; the product rule for target·log(target) adds 1: log(target) + 1 − x",
    ("batchmean",),
    kl,
)
class KLDivLoss(s.KLDivLoss):
    def backward(self, grad_output):
        x, t = self.saved["x"], self.saved["target"]
        g = grad_output
        if self.reduction == "batchmean":
            g = g / x.shape[0]
        elif self.reduction == "mean":
            g = g / x.numel()
        return -t * g, (t.log() - x) * g


# misread docs: batchmean
@case(
    "kl-batchmean-over-all",
    "with reduction 'batchmean' it divides by the number of all elements; it should divide by the number of rows",
    ("batchmean",),
    kl,
)
class KLDivLoss(s.KLDivLoss):
    def backward(self, grad_output):
        x, t = self.saved["x"], self.saved["target"]
        g = grad_output / x.numel() if "mean" in self.reduction else grad_output
        return -g * t, g * (t.log() + 1 - x)


# ---- ContrastiveLoss
cl = dict(
    args=(2.5,),
    inputs=lambda: (rand(6, 3), rand(6, 3, seed=1), torch.tensor([True, False, True, False, False, False])),
)


# own: sign of the pairs that should be apart
@case(
    "contrastive-sign-of-different",
    "for different pairs +(margin − d)·(x1 − x2)/d, which would pull them together; the derivative of margin − d brings a minus sign",
    **cl,
)
class ContrastiveLoss(s.ContrastiveLoss):
    def backward(self, grad_output):
        diff, d, alike = self.saved["difference"], self.saved["distance"], self.saved["alike"]
        g = grad_output / len(d) if self.reduction == "mean" else grad_output.unsqueeze(-1)
        pull = diff
        push = torch.relu(self.margin - d)[:, None] * diff / d[:, None]
        grad = g * torch.where(alike[:, None], pull, push)
        return grad, -grad, None


# own: derivative of the distance not a unit vector
@case(
    "contrastive-not-a-unit-vector",
    "for different pairs the difference is not divided by the distance: the derivative of the distance is the unit vector (x1 − x2)/d",
    **cl,
)
class ContrastiveLoss(s.ContrastiveLoss):
    def backward(self, grad_output):
        diff, d, alike = self.saved["difference"], self.saved["distance"], self.saved["alike"]
        g = grad_output / len(d) if self.reduction == "mean" else grad_output.unsqueeze(-1)
        short = torch.relu(self.margin - d).unsqueeze(-1)
        grad = g * torch.where(alike.unsqueeze(-1), diff, -short * diff)
        return grad, -grad, None


# own: pairs beyond the margin
@case(
    "contrastive-beyond-margin",
    "different pairs that are farther apart than the margin get a gradient, too, since margin − d is not cut off at 0; they should get none",
    **cl,
)
class ContrastiveLoss(s.ContrastiveLoss):
    def backward(self, grad_output):
        diff, d, alike = self.saved["difference"], self.saved["distance"], self.saved["alike"]
        if self.reduction == "mean":
            grad_output = grad_output / d.numel()
        factor = torch.where(alike, torch.ones_like(d), -(self.margin - d) / d)
        grad = (grad_output * factor)[:, None] * diff
        return grad, -grad, None


# own
@case(
    "contrastive-labels-and-second",
    "two: alike and different pairs are exchanged, and x2 gets the same gradient as x1 in place of its negative",
    kind="two",
    **cl,
)
class ContrastiveLoss(s.ContrastiveLoss):
    def backward(self, grad_output):
        diff, d, alike = self.saved["difference"], self.saved["distance"], self.saved["alike"]
        g = grad_output / len(d) if self.reduction == "mean" else grad_output.unsqueeze(-1)
        away = -torch.relu(self.margin - d)[:, None] * diff / d[:, None]
        grad = g * torch.where(alike[:, None], away, diff)
        return grad, grad, None
