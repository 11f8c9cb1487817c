"""Assignment 03: losses."""

import torch
import torch.nn.functional as F

from benchmarks.students import stubs as s
from benchmarks.students.case import case, classes, rand, shares

sm = dict(args=(1,), inputs=lambda: (rand(3, 4),), exercise="softmax")
eu = dict(inputs=lambda: (rand(3, 4), rand(3, 4, seed=1)), exercise="euclidean_loss")
lg = dict(inputs=lambda: (shares(3, 4), shares(3, 4, seed=1)), exercise="log_loss")
ce = dict(inputs=lambda: (rand(5, 4), classes(5, 4)), exercise="cross_entropy_loss")
bc = dict(inputs=lambda: (rand(3, 4), torch.sigmoid(rand(3, 4, seed=1))), exercise="bce_with_logits_loss")
hi = dict(inputs=lambda: (rand(3, 4, scale=2.0), rand(3, 4, seed=1).sign()), exercise="hinge_loss")


# forum: only the diagonal of softmax's Jacobian
@case(
    "softmax-diagonal",
    "only the diagonal p(1 − p) of the Jacobian, as if softmax were elementwise; each output depends on every input: p·(g − Σ g·p)",
    **sm,
)
class Softmax(s.Softmax):
    def backward(self, grad_output):
        p = self.saved["out"]
        return grad_output * p * (1 - p)


# homework code: keepdim left out, with a square input nothing raises
@case(
    "softmax-no-keepdim",
    "sums along the axis without keepdim=True, so that each row's sum is subtracted from a column (square input, nothing raises); keepdim=True is missing",
    args=(1,),
    inputs=lambda: (rand(4, 4),),
    exercise="softmax",
)
class Softmax(s.Softmax):
    def backward(self, grad_output):
        y = self.saved["out"]
        return y * (grad_output - (grad_output * y).sum(dim=self.dim))


# homework code: combined with cross-entropy
@case(
    "softmax-minus-target",
    "returns out − grad_output, the joined gradient of softmax with cross-entropy, as if grad_output were the target; it should be out·(g − Σ g·out)",
    **sm,
)
class Softmax(s.Softmax):
    def backward(self, grad_output):
        return self.saved["out"] - grad_output


# own: sum of g alone
@case(
    "softmax-sum-g",
    "subtracts Σ g instead of Σ g·p: the weights p are missing in the sum along the axis",
    **sm,
)
class Softmax(s.Softmax):
    def backward(self, grad_output):
        p = self.saved["out"]
        total = grad_output.sum(self.dim, keepdim=True)
        return p * (grad_output - total)


# own: p left out in front
@case("softmax-no-front-p", "the factor p in front is missing: g − Σ g·p; it should be p·(g − Σ g·p)", **sm)
class Softmax(s.Softmax):
    def backward(self, grad_output):
        p = self.saved["out"]
        inner = torch.sum(grad_output * p, dim=self.dim, keepdim=True)
        return grad_output - inner


# homework code: fixed axis
@case(
    "softmax-fixed-axis",
    "sums along axis 1 whatever self.dim is; with dim=0 the sum has to run along axis 0",
    args=(0,),
    inputs=lambda: (rand(3, 4),),
    exercise="softmax",
)
class Softmax(s.Softmax):
    def backward(self, grad_output):
        out = self.saved["out"]
        weighted = grad_output * out
        return weighted - out * weighted.sum(dim=1, keepdim=True)


# homework code: Jacobian of the softmax of the gradient
@case(
    "softmax-of-gradient",
    'builds the Jacobian from softmax(grad_output) instead of from the saved output; p should be self.saved["out"]',
    **sm,
)
class Softmax(s.Softmax):
    def backward(self, grad_output):
        grad_x = torch.zeros_like(grad_output)
        for i in range(grad_output.shape[0]):
            p = torch.softmax(grad_output[i], 0)
            jacobian = torch.diag(p) - torch.outer(p, p)
            grad_x[i] = jacobian @ grad_output[i]
        return grad_x


# forum: off-diagonal sign
@case(
    "softmax-jacobian-plus",
    "builds the Jacobian as diag(p) + p pᵀ, with the wrong sign of the outer product; it should be diag(p) − p pᵀ",
    **sm,
)
class Softmax(s.Softmax):
    def backward(self, grad_output):
        p = self.saved["out"]
        rows = []
        for p_row, g_row in zip(p, grad_output):
            J = torch.diag(p_row) + torch.outer(p_row, p_row)
            rows.append(J @ g_row)
        return torch.stack(rows)


# own: sum over everything
@case(
    "softmax-sum-all",
    "the sum Σ g·p runs over the whole batch; each row is a softmax of its own and needs its own sum along self.dim",
    **sm,
)
class Softmax(s.Softmax):
    def backward(self, grad_output):
        p = self.saved["out"]
        return p * (grad_output - (grad_output * p).sum())


# own: sign
@case(
    "euclid-swapped-sign",
    "both gradients have the wrong sign: the one by x is (target − x); it should be x − target, and target − x for the target",
    **eu,
)
class EuclideanLoss(s.EuclideanLoss):
    def backward(self, grad_output):
        diff = (self.saved["target"] - self.saved["x"]) * grad_output[:, None]
        return diff, -diff


# homework code: factor 2
@case(
    "euclid-factor-two",
    "keeps a factor 2 from the square; the ½ of the loss cancels it, so g·(x − target)",
    **eu,
)
class EuclideanLoss(s.EuclideanLoss):
    def backward(self, grad_output):
        x, target = self.saved["x"], self.saved["target"]
        grad_x = 2 * (x - target) * grad_output.unsqueeze(1)
        return grad_x, -1 * grad_x


# forum: a vector that broadcasts along the wrong axis
@case(
    "euclid-row-vector",
    "multiplies by grad_output without making it a column: in a square batch the losses' gradients land on the columns instead of the rows; grad_output[:, None] is needed",
    inputs=lambda: (rand(4, 4), rand(4, 4, seed=1)),
    exercise="euclidean_loss",
)
class EuclideanLoss(s.EuclideanLoss):
    def backward(self, grad_output):
        x, target = self.saved["x"], self.saved["target"]
        grad_x = grad_output * (x - target)
        grad_target = grad_output * (target - x)
        return grad_x, grad_target


# own: no gradient for the target
@case(
    "euclid-target-none",
    "gives None for the target, as if it were only data; its gradient is wanted, too: g·(target − x)",
    shows="missing",
    **eu,
)
class EuclideanLoss(s.EuclideanLoss):
    def backward(self, grad_output):
        return grad_output[:, None] * (self.saved["x"] - self.saved["target"]), None


# own: divided by the number of examples
@case(
    "euclid-mean",
    "divides by the number of examples, though forward keeps one loss for each row and takes no mean",
    **eu,
)
class EuclideanLoss(s.EuclideanLoss):
    def backward(self, grad_output):
        x, target = self.saved["x"], self.saved["target"]
        g = grad_output.reshape(-1, 1)
        n = len(x)
        return g * (x - target) / n, g * (target - x) / n


# homework code: samples forgotten
@case(
    "log-no-mean",
    'never divides by the number of examples; with reduction "mean" each loss counts 1/batch',
    **lg,
)
class LogLoss(s.LogLoss):
    def backward(self, grad_output):
        x, target = self.saved["x"], self.saved["target"]
        g = grad_output[..., None]
        return -g * target / x, -g * torch.log(x)


# own: numel for batch
@case(
    "log-mean-numel",
    "divides by the number of all elements; the mean is over the losses, one for each row, so by x.shape[0]",
    **lg,
)
class LogLoss(s.LogLoss):
    def backward(self, grad_output):
        x, target = self.saved["x"], self.saved["target"]
        g = grad_output[..., None]
        if self.reduction == "mean":
            g = g / x.numel()
        return -g * target / x, -g * x.log()


# forum: minus forgotten in one
@case("log-target-sign", "the target's gradient is +log x; the minus of the loss is missing: −g·log x", **lg)
class LogLoss(s.LogLoss):
    def backward(self, grad_output):
        x, target = self.saved["x"], self.saved["target"]
        scale = grad_output[..., None] / (x.shape[0] if self.reduction == "mean" else 1)
        grad_x = -(target / x) * scale
        grad_target = torch.log(x) * scale
        return grad_x, grad_target


# homework code: probabilities minus target
@case(
    "log-joined",
    "uses x − target, the gradient by the logits of softmax and cross-entropy joined; x holds probabilities here, so −target/x",
    **lg,
)
class LogLoss(s.LogLoss):
    def backward(self, grad_output):
        x, target = self.saved["x"], self.saved["target"]
        g = grad_output[..., None]
        if self.reduction == "mean":
            g = g / len(x)
        return g * (x - target), -g * torch.log(x)


# own: the quotient upside down
@case(
    "log-upside-down",
    "the quotient is upside down, −x/target; the derivative of target·log x is target/x",
    **lg,
)
class LogLoss(s.LogLoss):
    def backward(self, grad_output):
        p, y = self.saved["x"], self.saved["target"]
        g = grad_output[..., None] / (len(p) if self.reduction == "mean" else 1)
        return -g * p / y, -g * torch.log(p)


# homework code: no division by the batch size
@case(
    "ce-sum-for-mean",
    'never divides by the number of examples; with reduction "mean" it should be (p − onehot)·g/batch',
    **ce,
)
class CrossEntropyLoss(s.CrossEntropyLoss):
    def backward(self, grad_output):
        x, target = self.saved["x"], self.saved["target"]
        p = torch.softmax(x, dim=1)
        p[torch.arange(len(x)), target] -= 1
        return p * grad_output[..., None], None


# homework code: the loss as the last node, no upstream gradient
@case(
    "ce-no-upstream",
    "ignores grad_output, as if the loss were always the last node with gradient 1; everything should be multiplied by it",
    **ce,
)
class CrossEntropyLoss(s.CrossEntropyLoss):
    def backward(self, grad_output):
        x, target = self.saved["x"], self.saved["target"]
        batch_size = x.shape[0]
        dx = torch.softmax(x, dim=1)
        dx[torch.arange(batch_size), target] -= 1
        dx = dx / batch_size
        return dx, None


# forum: p[:, t] instead of p[range, t]
@case(
    "ce-colon-index",
    "subtracts 1 with p[:, target], which hits the true columns of all examples in every row; it should be p[torch.arange(n), target], one element for each row",
    **ce,
)
class CrossEntropyLoss(s.CrossEntropyLoss):
    def backward(self, grad_output):
        x, target = self.saved["x"], self.saved["target"]
        p = x.softmax(1)
        p[:, target] -= 1
        if self.reduction == "mean":
            p = p / x.shape[0]
        return grad_output[..., None] * p, None


# own: class number for one-hot
@case(
    "ce-class-number",
    "subtracts the class number itself from the probabilities, p − target[:, None]; it should subtract the one-hot vector, 1 at the true class",
    **ce,
)
class CrossEntropyLoss(s.CrossEntropyLoss):
    def backward(self, grad_output):
        x, target = self.saved["x"], self.saved["target"]
        n = x.shape[0] if self.reduction == "mean" else 1
        return grad_output[..., None] * (torch.softmax(x, dim=1) - target[:, None]) / n, None


# own: softmax along the batch
@case(
    "ce-softmax-axis0",
    "takes the softmax along the examples, dim=0; it should be along the classes, dim=1",
    **ce,
)
class CrossEntropyLoss(s.CrossEntropyLoss):
    def backward(self, grad_output):
        x, target = self.saved["x"], self.saved["target"]
        one_hot = F.one_hot(target, x.shape[1]).to(x.dtype)
        g = grad_output[..., None]
        if self.reduction == "mean":
            g = g / len(target)
        return g * (torch.softmax(x, 0) - one_hot), None


# forum: only the true class
@case(
    "ce-true-class-only",
    "gives a gradient to the true class only, p − 1 there and 0 elsewhere; the other classes get p, since the softmax ties them together",
    **ce,
)
class CrossEntropyLoss(s.CrossEntropyLoss):
    def backward(self, grad_output):
        x, target = self.saved["x"], self.saved["target"]
        p = torch.softmax(x, dim=1)
        grad_x = torch.zeros_like(x)
        for i in range(x.shape[0]):
            grad_x[i, target[i]] = p[i, target[i]] - 1
        if self.reduction == "mean":
            grad_x /= x.shape[0]
        return grad_x * grad_output[..., None], None


# own: on the saved logits
@case(
    "ce-logits-for-p",
    "subtracts the one-hot vector from the logits themselves; the softmax of x is missing: softmax(x) − onehot",
    **ce,
)
class CrossEntropyLoss(s.CrossEntropyLoss):
    def backward(self, grad_output):
        x, target = self.saved["x"], self.saved["target"]
        grad_x = x.clone()
        grad_x[range(len(x)), target] -= 1
        if self.reduction == "mean":
            grad_x = grad_x / len(x)
        return grad_output[..., None] * grad_x, None


# own: always a mean
@case(
    "ce-always-mean",
    'divides by the number of examples whatever reduction says; with "sum" nothing is to be divided',
    args=("sum",),
    **ce,
)
class CrossEntropyLoss(s.CrossEntropyLoss):
    def backward(self, grad_output):
        x, target = self.saved["x"], self.saved["target"]
        p = torch.softmax(x, 1)
        y = F.one_hot(target, x.shape[1])
        return grad_output[..., None] * (p - y) / x.shape[0], None


# own: reduction none
@case(
    "ce-none-vector",
    'multiplies by grad_output as it is; with reduction "none" it has one number for each row, does not fit against (batch, classes), and it raises: grad_output[..., None]',
    args=("none",),
    shows="raises",
    **ce,
)
class CrossEntropyLoss(s.CrossEntropyLoss):
    def backward(self, grad_output):
        x, target = self.saved["x"], self.saved["target"]
        p = torch.softmax(x, 1)
        p[torch.arange(x.shape[0]), target] -= 1
        if self.reduction == "mean":
            p /= x.shape[0]
        return p * grad_output, None


# own: half-finished: derivative of the log only
@case(
    "ce-log-only",
    "stops after the logarithm: −1/p at the true class, the gradient by the probabilities; it has to go on through the softmax, which gives p − onehot",
    **ce,
)
class CrossEntropyLoss(s.CrossEntropyLoss):
    def backward(self, grad_output):
        x, target = self.saved["x"], self.saved["target"]
        p = torch.softmax(x, dim=1)
        y = F.one_hot(target, x.shape[1]).to(x)
        g = grad_output[..., None] / (x.shape[0] if self.reduction == "mean" else 1)
        return -y / p * g, None


# issue: softmax by hand, overflows
@case(
    "ce-overflow",
    "computes the softmax by hand as exp(x)/Σexp(x), which is infinite over infinite for large logits and gives no number; torch.softmax, or subtracting the maximum first, stays finite",
    kind="subtle",
    **dict(ce, inputs=lambda: (rand(5, 4, scale=1000.0), classes(5, 4))),
)
class CrossEntropyLoss(s.CrossEntropyLoss):
    def backward(self, grad_output):
        x, target = self.saved["x"], self.saved["target"]
        e = torch.exp(x)
        p = e / e.sum(dim=1, keepdim=True)
        p[torch.arange(len(x)), target] -= 1
        if self.reduction == "mean":
            p = p / len(x)
        return grad_output[..., None] * p, None


# homework code: two at once
@case(
    "ce-two",
    'two mistakes: the sign is turned, onehot − p instead of p − onehot, and the division by the number of examples (reduction "mean") is missing',
    kind="two",
    **ce,
)
class CrossEntropyLoss(s.CrossEntropyLoss):
    def backward(self, grad_output):
        x, target = self.saved["x"], self.saved["target"]
        y = torch.eye(x.shape[1], dtype=x.dtype)[target]
        return (y - torch.softmax(x, dim=1)) * grad_output[..., None], None


# forum: MSE habit, the sigmoid's slope once more
@case(
    "bce-extra-slope",
    "multiplies σ(x) − y by the sigmoid's slope σ(1 − σ) once more; the logarithm has cancelled it, σ(x) − y is the whole gradient",
    **bc,
)
class BCEWithLogitsLoss(s.BCEWithLogitsLoss):
    def backward(self, grad_output):
        x, target = self.saved["x"], self.saved["target"]
        p = torch.sigmoid(x)
        g = grad_output / x.numel() if self.reduction == "mean" else grad_output
        return g * (p - target) * p * (1 - p), -g * x


# homework code: as BCELoss on probabilities
@case(
    "bce-by-probability",
    "(p − y)/(p(1 − p)) is the gradient by the probability p; x holds logits, so the slope p(1 − p) cancels and p − y is left",
    **bc,
)
class BCEWithLogitsLoss(s.BCEWithLogitsLoss):
    def backward(self, grad_output):
        x, y = self.saved["x"], self.saved["target"]
        p = torch.sigmoid(x)
        g = grad_output if self.reduction != "mean" else grad_output / x.numel()
        grad_x = g * (p - y) / (p * (1 - p))
        grad_y = g * -x
        return grad_x, grad_y


# own: batch for numel
@case(
    "bce-mean-batch",
    "divides by the number of rows; each element is a loss of its own, and the mean is over all elements, x.numel()",
    **bc,
)
class BCEWithLogitsLoss(s.BCEWithLogitsLoss):
    def backward(self, grad_output):
        x, target = self.saved["x"], self.saved["target"]
        g = grad_output
        if self.reduction == "mean":
            g = g / x.shape[0]
        return g * (torch.sigmoid(x) - target), -g * x


# own: logits for probabilities
@case("bce-logit-minus-target", "x − target without the sigmoid; it should be σ(x) − target", **bc)
class BCEWithLogitsLoss(s.BCEWithLogitsLoss):
    def backward(self, grad_output):
        x, target = self.saved["x"], self.saved["target"]
        n = x.numel() if self.reduction == "mean" else 1
        return grad_output * (x - target) / n, -grad_output * x / n


# own: the target's gradient copied
@case(
    "bce-target-negated",
    "the target's gradient is the negative of x's, as in a squared error; derived by y the loss gives −x",
    **bc,
)
class BCEWithLogitsLoss(s.BCEWithLogitsLoss):
    def backward(self, grad_output):
        x, target = self.saved["x"], self.saved["target"]
        count = x.numel() if self.reduction == "mean" else 1
        grad_x = grad_output * (torch.sigmoid(x) - target) / count
        return grad_x, -grad_x


# forum: margin forgotten
@case(
    "hinge-margin-zero",
    "asks y·x < 0, only where the sign is wrong; the loss is positive wherever y·x < 1",
    **hi,
)
class HingeLoss(s.HingeLoss):
    def backward(self, grad_output):
        x, y = self.saved["x"], self.saved["target"]
        g = grad_output / x.numel() if self.reduction == "mean" else grad_output
        mask = (x * y < 0).to(x.dtype)
        return -g * y * mask, -g * x * mask


# own: inner minus
@case(
    "hinge-plus",
    "the minus of 1 − y·x is missing in both gradients: +y and +x where it should be −y and −x",
    **hi,
)
class HingeLoss(s.HingeLoss):
    def backward(self, grad_output):
        x, y = self.saved["x"], self.saved["target"]
        active = 1 - y * x > 0
        g = grad_output * active
        if self.reduction == "mean":
            g = g / x.numel()
        return g * y, g * x


# homework code: mask inverted
@case(
    "hinge-inverted",
    "the mask is inverted: gradients where y·x > 1, where the loss is 0; they belong where y·x < 1",
    **hi,
)
class HingeLoss(s.HingeLoss):
    def backward(self, grad_output):
        x, y = self.saved["x"], self.saved["target"]
        g = grad_output / x.numel() if self.reduction == "mean" else grad_output
        zero = torch.zeros_like(x)
        return torch.where(x * y > 1, -g * y, zero), torch.where(x * y > 1, -g * x, zero)


# own: mask missing in the second
@case(
    "hinge-target-unmasked",
    "the target's gradient −g·x has no mask; it should be 0 where y·x > 1, like the one by x",
    **hi,
)
class HingeLoss(s.HingeLoss):
    def backward(self, grad_output):
        x, target = self.saved["x"], self.saved["target"]
        if self.reduction == "mean":
            grad_output = grad_output / x.numel()
        inside = torch.relu(1 - target * x)
        grad_x = torch.where(inside > 0, -target, 0.0) * grad_output
        grad_target = -x * grad_output
        return grad_x, grad_target


# own: the loss's value for its derivative
@case(
    "hinge-value",
    "multiplies by the loss itself, relu(1 − y·x), as for a squared hinge; the slope is a plain 1 where it is positive",
    **hi,
)
class HingeLoss(s.HingeLoss):
    def backward(self, grad_output):
        x, y = self.saved["x"], self.saved["target"]
        short = torch.relu(1 - y * x)
        n = x.numel() if self.reduction == "mean" else 1
        return -grad_output * y * short / n, -grad_output * x * short / n
