"""Lectures 11 and 14: dropout and the normalizations."""

import torch

from benchmarks.students import stubs as s
from benchmarks.students.case import case, rand, shake

rows = dict(args=(3,), inputs=lambda: (rand(6, 3, scale=1.5) + 0.5,), prepare=shake)
images = dict(args=(3,), inputs=lambda: (rand(2, 3, 4, 4),), prepare=shake)
tokens = dict(args=(4,), inputs=lambda: (rand(2, 3, 4, scale=1.3) + 0.4,), prepare=shake)
grouped = dict(args=(2, 4), inputs=lambda: (rand(2, 4, 3, 3),), prepare=shake)
drop = lambda: (rand(5, 6),)


# ---- Dropout
# issue: kept values' 1/(1 − p) forgotten
@case(
    "dropout-not-rescaled",
    "masks the gradient but does not divide it by 1 − p, as forward does with what it keeps",
    (0.3,),
    drop,
)
class Dropout(s.Dropout):
    def backward(self, grad_output):
        kept = self.saved["kept"]
        if kept is None:
            return grad_output
        return grad_output * kept


# issue: the mask is not applied
@case(
    "dropout-mask-missing",
    "divides by 1 − p but does not apply the mask: dropped elements should get 0",
    (0.3,),
    drop,
)
class Dropout(s.Dropout):
    def backward(self, grad_output):
        if self.saved["kept"] is None:
            return grad_output
        return grad_output / (1 - self.p)


# misread docs: p is the probability of dropping
@case(
    "dropout-divides-by-p",
    "divides by p in place of 1 − p (the same for p = 0.5 only)",
    (0.3,),
    drop,
    kind="subtle",
)
class Dropout(s.Dropout):
    def backward(self, grad_output):
        kept = self.saved["kept"]
        if kept is None:
            return grad_output
        return grad_output * kept / self.p


# own: a new mask
@case(
    "dropout-new-mask",
    "draws a new random mask in backward; it should use the one that forward drew and saved",
    (0.5,),
    drop,
)
class Dropout(s.Dropout):
    def backward(self, grad_output):
        if self.saved["kept"] is None:
            return grad_output
        mask = (torch.rand_like(grad_output) > self.p).to(grad_output.dtype)
        return grad_output * mask / (1 - self.p)


# own: eval mode not thought of
@case(
    "dropout-eval-mode",
    "does not think of eval mode, where forward keeps everything and saves None for the mask: there backward raises; it should return grad_output",
    (0.5,),
    drop,
    kind="subtle",
    prepare=lambda m: m.eval(),
)
class Dropout(s.Dropout):
    def backward(self, grad_output):
        return grad_output * self.saved["kept"] / (1 - self.p)


# ---- BatchNorm1d
# own: statistics as constants
@case(
    "bn-constant-statistics",
    "γ·r·g, as if mean and variance did not depend on x; in training the ways through both are missing",
    **rows,
)
class BatchNorm1d(s.BatchNorm1d):
    def backward(self, grad_output):
        x, mean, scale = self.saved["x"], self.saved["mean"], self.saved["scale"]
        xhat = (x - mean) * scale
        self.weight.grad += (grad_output * xhat).sum(0)
        self.bias.grad += grad_output.sum(0)
        return grad_output * self.weight.value * scale


# own: the variance's way only is missing
@case(
    "bn-variance-constant",
    "the way through the variance is missing: r(ĝ − mean ĝ) lacks − x̂·mean(ĝ·x̂)",
    **rows,
)
class BatchNorm1d(s.BatchNorm1d):
    def backward(self, grad_output):
        x, mean, scale = self.saved["x"], self.saved["mean"], self.saved["scale"]
        xhat = (x - mean) * scale
        self.weight.grad += (grad_output * xhat).sum(0)
        self.bias.grad += grad_output.sum(0)
        ghat = grad_output * self.weight.value
        if not self.saved["of_batch"]:
            return ghat * scale
        return scale * (ghat - ghat.mean(0))


# blog: the step-by-step version, one power wrong
@case(
    "bn-variance-power",
    "in the gradient of the variance the factor −½(var + ε)^(−3/2) is written with the power −1/2: scale in place of scale³",
    **rows,
)
class BatchNorm1d(s.BatchNorm1d):
    def backward(self, dout):
        x, mu, r = self.saved["x"], self.saved["mean"], self.saved["scale"]
        N = x.shape[0]
        xmu = x - mu
        self.bias.grad += dout.sum(0)
        self.weight.grad += (dout * xmu * r).sum(0)
        dxhat = dout * self.weight.value
        if not self.saved["of_batch"]:
            return dxhat * r
        dvar = (dxhat * xmu * -0.5 * r).sum(0)
        dmu = (-dxhat * r).sum(0) + dvar * (-2 * xmu).mean(0)
        return dxhat * r + dvar * 2 * xmu / N + dmu / N


# blog: the variance's gradient is not collected over the batch
@case(
    "bn-variance-not-summed",
    "the gradient of the variance is not summed over the batch: each row keeps its own share, though all rows share one variance",
    **rows,
)
class BatchNorm1d(s.BatchNorm1d):
    def backward(self, dout):
        x, mu, r = self.saved["x"], self.saved["mean"], self.saved["scale"]
        N = len(x)
        xmu = x - mu
        self.weight.grad += torch.sum(dout * xmu * r, dim=0)
        self.bias.grad += torch.sum(dout, dim=0)
        dxhat = dout * self.weight.value
        if not self.saved["of_batch"]:
            return dxhat * r
        dvar = dxhat * xmu * (-0.5) * r**3
        dmu = -(dxhat * r).sum(0)
        return dxhat * r + dvar * 2 * xmu / N + dmu / N


# own: γ forgotten
@case("bn-gamma-missing", "grad_output is not multiplied by γ (weight) on its way to x", **rows)
class BatchNorm1d(s.BatchNorm1d):
    def backward(self, grad_output):
        x, mean, r = self.saved["x"], self.saved["mean"], self.saved["scale"]
        xhat = (x - mean) * r
        self.weight.grad += (grad_output * xhat).sum(0)
        self.bias.grad += grad_output.sum(0)
        if not self.saved["of_batch"]:
            return grad_output * r
        return r * (grad_output - grad_output.mean(0) - xhat * (grad_output * xhat).mean(0))


# own: var() divides by n − 1
@case(
    "bn-unbiased-variance",
    "computes the variance anew with torch's default, which divides by n − 1; forward normalizes with the one that divides by n (unbiased=False)",
    **rows,
)
class BatchNorm1d(s.BatchNorm1d):
    def backward(self, grad_output):
        x = self.saved["x"]
        if self.saved["of_batch"]:
            mu, r = x.mean(0), 1 / torch.sqrt(x.var(0) + self.eps)
        else:
            mu, r = self.saved["mean"], self.saved["scale"]
        xhat = (x - mu) * r
        self.weight.grad += (grad_output * xhat).sum(0)
        self.bias.grad += grad_output.sum(0)
        g = grad_output * self.weight.value
        if not self.saved["of_batch"]:
            return g * r
        return r * (g - g.mean(0) - xhat * (g * xhat).mean(0))


# own: eval mode
@case(
    "bn-eval-mode",
    "goes through the batch's statistics in eval mode, too; there the running ones are constants, so that it should be γ·r·g",
    kind="subtle",
    **dict(rows, prepare=lambda m: (shake(m), m.eval())[1]),
)
class BatchNorm1d(s.BatchNorm1d):
    def backward(self, grad_output):
        x, mean, r = self.saved["x"], self.saved["mean"], self.saved["scale"]
        xhat = (x - mean) * r
        self.weight.grad += (grad_output * xhat).sum(0)
        self.bias.grad += grad_output.sum(0)
        g = grad_output * self.weight.value
        return r * (g - g.mean(0) - xhat * (g * xhat).mean(0))


# own
@case(
    "bn-raw-input-and-mean-way",
    "two: γ's gradient is Σ g·x with the raw input in place of the normalized x̂, and in ∂L/∂x the way through the mean, − mean(ĝ), is missing",
    kind="two",
    **rows,
)
class BatchNorm1d(s.BatchNorm1d):
    def backward(self, grad_output):
        x, mean, r = self.saved["x"], self.saved["mean"], self.saved["scale"]
        xhat = (x - mean) * r
        self.weight.grad += (grad_output * x).sum(0)
        self.bias.grad += grad_output.sum(0)
        g = grad_output * self.weight.value
        if not self.saved["of_batch"]:
            return g * r
        return r * (g - xhat * (g * xhat).mean(0))


# ---- BatchNorm2d
# copied: the version for rows
@case(
    "bn2d-sums-over-batch-only",
    "sums γ's and β's gradients over the batch axis only, as for rows; height and width must be summed, too, or the shapes do not fit and it raises",
    shows="raises",
    **images,
)
class BatchNorm2d(s.BatchNorm2d):
    def backward(self, grad_output):
        x, mean, r = (self.saved[k] for k in ("x", "mean", "scale"))
        mean, r = mean.view(1, -1, 1, 1), r.view(1, -1, 1, 1)
        xhat = (x - mean) * r
        self.weight.grad += (grad_output * xhat).sum(0)
        self.bias.grad += grad_output.sum(0)
        g = grad_output * self.weight.value.view(1, -1, 1, 1)
        if not self.saved["of_batch"]:
            return g * r
        return r * (g - g.mean(0) - xhat * (g * xhat).mean(0))


# own: N for N·H·W
@case(
    "bn2d-count-is-batch",
    "divides the two sums by the batch size alone; a channel has batch·height·width values",
    **images,
)
class BatchNorm2d(s.BatchNorm2d):
    def backward(self, grad_output):
        x = self.saved["x"]
        col = lambda v: v[None, :, None, None]
        r = col(self.saved["scale"])
        xhat = (x - col(self.saved["mean"])) * r
        dgamma, dbeta = (grad_output * xhat).sum((0, 2, 3)), grad_output.sum((0, 2, 3))
        self.weight.grad += dgamma
        self.bias.grad += dbeta
        if not self.saved["of_batch"]:
            return grad_output * col(self.weight.value) * r
        n = x.shape[0]
        return col(self.weight.value) * r / n * (n * grad_output - col(dbeta) - xhat * col(dgamma))


# own: means of each image by itself
@case(
    "bn2d-means-per-image",
    "the two means are taken over height and width of each image by itself; they should go over the batch, too, as the statistics do",
    **images,
)
class BatchNorm2d(s.BatchNorm2d):
    def backward(self, grad_output):
        x = self.saved["x"]
        mean, r = self.saved["mean"].reshape(1, -1, 1, 1), self.saved["scale"].reshape(1, -1, 1, 1)
        xhat = (x - mean) * r
        self.weight.grad += (grad_output * xhat).sum(dim=(0, 2, 3))
        self.bias.grad += grad_output.sum(dim=(0, 2, 3))
        g = grad_output * self.weight.value.reshape(1, -1, 1, 1)
        if not self.saved["of_batch"]:
            return g * r
        return r * (g - g.mean((2, 3), keepdim=True) - xhat * (g * xhat).mean((2, 3), keepdim=True))


# ---- LayerNorm
# own: γ taken outside, as in batch normalization
@case(
    "ln-gamma-outside",
    "multiplies by γ at the end, as one may in batch normalization; here γ differs along the axis of the means, so that it must be multiplied into grad_output before they are taken",
    **tokens,
)
class LayerNorm(s.LayerNorm):
    def backward(self, grad_output):
        x, mean, r = self.saved["x"], self.saved["mean"], self.saved["scale"]
        xhat = (x - mean) * r
        self.weight.grad += (grad_output * xhat).sum((0, 1))
        self.bias.grad += grad_output.sum((0, 1))
        g = grad_output
        return (
            self.weight.value * r * (g - g.mean(-1, keepdim=True) - xhat * (g * xhat).mean(-1, keepdim=True))
        )


# copied: batch normalization's axis
@case(
    "ln-means-over-batch",
    "the two means go over the batch axis 0, as in batch normalization; they should go over the features, the last axis",
    args=(4,),
    inputs=lambda: (rand(5, 4),),
    prepare=shake,
)
class LayerNorm(s.LayerNorm):
    def backward(self, grad_output):
        x, mean, r = self.saved["x"], self.saved["mean"], self.saved["scale"]
        xhat = (x - mean) * r
        self.weight.grad += (grad_output * xhat).reshape(-1, self.features).sum(0)
        self.bias.grad += grad_output.reshape(-1, self.features).sum(0)
        g = grad_output * self.weight.value
        return r * (g - g.mean(0) - xhat * (g * xhat).mean(0))


# own: three axes
@case(
    "ln-parameters-one-axis",
    "sums the parameters' gradients over axis 0 only: with batch × tokens × features the token axis stays and += raises; all axes but the last should be summed",
    shows="raises",
    **tokens,
)
class LayerNorm(s.LayerNorm):
    def backward(self, grad_output):
        x, mean, r = self.saved["x"], self.saved["mean"], self.saved["scale"]
        xhat = (x - mean) * r
        self.weight.grad += (grad_output * xhat).sum(dim=0)
        self.bias.grad += grad_output.sum(dim=0)
        g = grad_output * self.weight.value
        return r * (g - g.mean(-1, keepdim=True) - xhat * (g * xhat).mean(-1, keepdim=True))


# own: plus for minus
@case(
    "ln-projection-sign",
    "adds x̂·mean(ĝ·x̂), the part through the variance, in place of subtracting it",
    **tokens,
)
class LayerNorm(s.LayerNorm):
    def backward(self, grad_output):
        x, mean, r = self.saved["x"], self.saved["mean"], self.saved["scale"]
        xhat = (x - mean) * r
        self.weight.grad += (grad_output * xhat).sum((0, 1))
        self.bias.grad += grad_output.sum((0, 1))
        g = grad_output * self.weight.value
        m1, m2 = g.mean(-1, keepdim=True), (g * xhat).mean(-1, keepdim=True)
        return r * (g - (m1 - xhat * m2))


# own
@case(
    "ln-gamma-and-bias-mean",
    "two: grad_output is not multiplied by γ on its way to x, and the bias' gradient is averaged over the examples in place of summed",
    kind="two",
    **tokens,
)
class LayerNorm(s.LayerNorm):
    def backward(self, grad_output):
        x, mean, r = self.saved["x"], self.saved["mean"], self.saved["scale"]
        xhat = (x - mean) * r
        self.weight.grad += (grad_output * xhat).sum((0, 1))
        self.bias.grad += grad_output.mean((0, 1))
        g = grad_output
        return r * (g - g.mean(-1, keepdim=True) - xhat * (g * xhat).mean(-1, keepdim=True))


# ---- RMSNorm
rms = dict(args=(4,), inputs=lambda: (rand(5, 4) + 0.3,), prepare=shake)


# issue: weight twice in the correction
@case(
    "rms-weight-twice",
    "the part through the root mean square is multiplied by the weight a second time; the weight is in it already, inside the mean",
    **rms,
)
class RMSNorm(s.RMSNorm):
    def backward(self, grad_output):
        xhat, r = self.saved["normalized"], self.saved["scale"]
        self.weight.grad += (grad_output * xhat).reshape(-1, self.features).sum(0)
        w = self.weight.value
        c = (grad_output * w * xhat).mean(-1, keepdim=True)
        return w * r * (grad_output - xhat * c)


# copied: LayerNorm's mean
@case(
    "rms-as-layernorm",
    "subtracts mean(ĝ), too, as in LayerNorm; RMSNorm takes no mean away, so that it should be r(ĝ − x̂·mean(ĝ·x̂))",
    **rms,
)
class RMSNorm(s.RMSNorm):
    def backward(self, grad_output):
        xhat, r = self.saved["normalized"], self.saved["scale"]
        self.weight.grad += (grad_output * xhat).flatten(0, -2).sum(0)
        g = grad_output * self.weight.value
        return r * (g - g.mean(-1, keepdim=True) - xhat * (g * xhat).mean(-1, keepdim=True))


# own: sum for mean
@case(
    "rms-sum-for-mean",
    "sums ĝ·x̂ over the features where the mean is needed: the factor 1/n of the mean square is missing",
    **rms,
)
class RMSNorm(s.RMSNorm):
    def backward(self, grad_output):
        xhat, r = self.saved["normalized"], self.saved["scale"]
        self.weight.grad += (grad_output * xhat).flatten(0, -2).sum(0)
        g = grad_output * self.weight.value
        return r * g - r * xhat * torch.sum(g * xhat, dim=-1, keepdim=True)


# issue: a row's correction spread over the columns
@case(
    "rms-keepdim",
    "the mean over the features is taken without keepdim, so that it is spread over columns in place of rows; with a square input nothing raises",
    args=(4,),
    inputs=lambda: (rand(4, 4) + 0.3,),
    prepare=shake,
)
class RMSNorm(s.RMSNorm):
    def backward(self, grad_output):
        xhat, r = self.saved["normalized"], self.saved["scale"]
        self.weight.grad += (grad_output * xhat).flatten(0, -2).sum(0)
        g = grad_output * self.weight.value
        return r * (g - xhat * (g * xhat).mean(-1))


# own: = for +=
@case(
    "rms-overwrites",
    "sets the weight's gradient (=) in place of adding to it (+=), so that what an earlier backward gave is lost",
    shows="accumulation",
    **rms,
)
class RMSNorm(s.RMSNorm):
    def backward(self, grad_output):
        xhat, r = self.saved["normalized"], self.saved["scale"]
        self.weight.grad = (grad_output * xhat).flatten(0, -2).sum(0)
        g = grad_output * self.weight.value
        return r * (g - xhat * (g * xhat).mean(-1, keepdim=True))


# ---- GroupNorm
# own: the example as one group
@case(
    "gn-whole-example",
    "the two means go over all channels of an example; they should go over each group of channels by itself",
    **grouped,
)
class GroupNorm(s.GroupNorm):
    def backward(self, grad_output):
        xhat, r = self.saved["xhat"], self.saved["scale"]
        self.weight.grad += (grad_output * xhat).sum((0, 2, 3))
        self.bias.grad += grad_output.sum((0, 2, 3))
        g = grad_output * self.weight.value.view(1, -1, 1, 1)
        m1 = g.mean((1, 2, 3), keepdim=True)
        m2 = (g * xhat).mean((1, 2, 3), keepdim=True)
        inner = g - m1 - xhat * m2
        n = g.shape[0]
        return (r * inner.reshape(n, self.num_groups, -1)).reshape(g.shape)


# copied: instance normalization
@case(
    "gn-each-channel",
    "the two means go over height and width of each channel by itself; they should go over all channels of the group, too",
    **grouped,
)
class GroupNorm(s.GroupNorm):
    def backward(self, grad_output):
        xhat = self.saved["xhat"]
        n, c, h, w = xhat.shape
        self.weight.grad += torch.einsum("nchw,nchw->c", grad_output, xhat)
        self.bias.grad += torch.einsum("nchw->c", grad_output)
        g = grad_output * self.weight.value[:, None, None]
        r = self.saved["scale"].repeat_interleave(c // self.num_groups, 1)[..., None]
        return r * (g - g.mean((2, 3), keepdim=True) - xhat * (g * xhat).mean((2, 3), keepdim=True))


# own: shapes of groups and channels
@case(
    "gn-scale-of-groups",
    "multiplies the scale, which is batch × groups × 1, with the ungrouped image of batch × channels × height × width: the shapes do not fit and it raises; the gradient must be put into groups first",
    shows="raises",
    **grouped,
)
class GroupNorm(s.GroupNorm):
    def backward(self, grad_output):
        xhat, r = self.saved["xhat"], self.saved["scale"]
        self.weight.grad += (grad_output * xhat).sum((0, 2, 3))
        self.bias.grad += grad_output.sum((0, 2, 3))
        g = grad_output * self.weight.value.view(1, -1, 1, 1)
        gg = g.reshape(len(g), self.num_groups, -1)
        xg = xhat.reshape(gg.shape)
        corr = gg.mean(2, keepdim=True) + xg * (gg * xg).mean(2, keepdim=True)
        return r * (g - corr.reshape(g.shape))
