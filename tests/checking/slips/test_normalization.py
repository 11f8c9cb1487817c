"""Normalizations: what is said of backwards as students write them."""

import pytest
import torch

from course import generator
from course.modules import BatchNorm1d, BatchNorm2d, Dropout, GroupNorm, L1Normalize, LayerNorm, RMSNorm
from tests.checking.slips.written import Wrong, must_be_named


def mean_over(axes):
    return lambda t: t.mean(axes, keepdim=True)


def batch(formula, over=(0,)):
    """A backward of BatchNorm1d; `formula` gets what arrives at the normalized numbers, them, r and means."""

    def backward(self, grad_output):
        x = self.saved["x"]
        r = 1 / torch.sqrt(x.var(over, unbiased=False, keepdim=True) + self.eps)
        hat = (x - x.mean(over, keepdim=True)) * r
        channel = (-1, *[1] * (x.dim() - 2))
        self.weight.grad += (grad_output * hat).sum(over)
        self.bias.grad += grad_output.sum(over)
        g = grad_output * self.weight.value.view(channel)
        return formula(self, grad_output, g, hat, r, mean_over(over))

    return backward


def affine(of_weight, of_bias):
    """A backward of BatchNorm1d whose parameters' gradients are one's own."""

    def backward(self, grad_output):
        x, weight, bias = self.saved["x"], self.weight.grad.clone(), self.bias.grad.clone()
        grad = BatchNorm1d.backward(self, grad_output)
        hat = (x - x.mean(0)) / torch.sqrt(x.var(0, unbiased=False) + self.eps)
        self.weight.grad = weight + of_weight(self, grad_output, hat, x)
        self.bias.grad = bias + of_bias(self, grad_output, hat, x)
        return grad

    return backward


def stepwise(half=-0.5, exponent=-1.5, two=2.0, sign=-1.0, count=1.0, of_var=1.0, collected=None):
    """The backward of BatchNorm1d in the small steps of a lecture, with numbers that go wrong."""

    def backward(self, grad_output):
        x = self.saved["x"]
        n, mean, var = len(x), x.mean(0), x.var(0, unbiased=False)
        r = (var + self.eps) ** -0.5
        self.weight.grad += (grad_output * (x - mean) * r).sum(0)
        self.bias.grad += grad_output.sum(0)
        dhat = grad_output * self.weight.value
        collected_here = collected or (lambda terms: terms.sum(0))
        dvar = collected_here(dhat * (x - mean) * half * (var + self.eps) ** exponent) * of_var
        dmean = (dhat * sign * r).sum(0)
        return dhat * r + dvar * two * (x - mean) / n + dmean / n * count

    return backward


def rows_of_channels(self, grad_output):
    """The backward of BatchNorm2d on rows of channels, which are not moved to the last axis before."""
    x, channels = self.saved["x"], len(self.weight.value)
    r = 1 / torch.sqrt(x.var((0, 2, 3), unbiased=False) + self.eps)
    rows, g = x.reshape(-1, channels), grad_output.reshape(-1, channels)
    hat = (rows - x.mean((0, 2, 3))) * r
    self.weight.grad += (g * hat).sum(0)
    self.bias.grad += g.sum(0)
    g = g * self.weight.value
    return (r * (g - g.mean(0) - hat * (g * hat).mean(0))).reshape(x.shape)


def layer(formula):
    def backward(self, grad_output):
        x = self.saved["x"]
        r = 1 / torch.sqrt(x.var(-1, unbiased=False, keepdim=True) + self.eps)
        hat = (x - x.mean(-1, keepdim=True)) * r
        self.weight.grad += (grad_output * hat).sum(0)
        self.bias.grad += grad_output.sum(0)
        return formula(self, grad_output, grad_output * self.weight.value, hat, r, mean_over(-1))

    return backward


def rms(formula):
    def backward(self, grad_output):
        hat, r = self.saved["normalized"], self.saved["scale"]
        self.weight.grad += (grad_output * hat).sum(0)
        return formula(self, grad_output, grad_output * self.weight.value, hat, r, mean_over(-1))

    return backward


def group(formula):
    def backward(self, grad_output):
        x = self.saved["x"]
        shape = x.shape
        self.weight.grad += torch.zeros_like(self.weight.grad)
        parts = x.reshape(shape[0], self.num_groups, -1)
        r = 1 / torch.sqrt(parts.var(2, unbiased=False, keepdim=True) + self.eps)
        hat = (parts - parts.mean(2, keepdim=True)) * r
        rest = tuple(range(2, x.dim()))
        self.weight.grad += (grad_output * hat.reshape(shape)).sum((0, *rest))
        self.bias.grad += grad_output.sum((0, *rest))
        g = grad_output * self.weight.value.view(-1, *[1] * (x.dim() - 2))
        return formula(g.reshape(parts.shape), hat, r, mean_over(2)).reshape(shape)

    return backward


def l1(formula):
    def backward(self, grad_output):
        x = self.saved["x"]
        norm = x.abs().sum(self.dim, keepdim=True)
        return formula(self, grad_output, x, x / norm, norm)

    return backward


def drop(formula):
    return lambda self, grad_output: formula(self, grad_output, self.saved["kept"])


def evaluated(module):
    module(torch.randn(6, 3, generator=generator(5)) + 1)
    module.eval()


def whole(self, go, g, hat, r, m):
    return r * (g - m(g) - hat * m(g * hat))


BATCH = {"args": (3,), "shapes": ((5, 3),)}
IMAGES = {"args": (3,), "shapes": ((2, 3, 2, 3),)}
WIDE = {"args": (3,), "shapes": ((2, 3, 2, 4),)}
LAYER = {"args": (4,), "shapes": ((5, 4),)}
SQUARE = {"args": (4,), "shapes": ((4, 4),)}
GROUPS = {"args": (2, 4), "shapes": ((3, 4, 3),)}
VECTORS = {"shapes": ((5, 3),)}
DROPPED = {"args": (0.4,), "shapes": ((5, 4),)}
PIXELS = (0, 2, 3)
X = "x"

WRONG = [
    Wrong(
        "divided by the examples",
        BatchNorm1d,
        batch(lambda s, go, g, hat, r, m: r / 2 * (2 * g - 4 * 2 * m(g) - 4 * 2 * hat * m(g * hat)), (0, 2)),
        X,
        "wrong factor",
        "the means in ∂L/∂x are sums divided by 2, the examples, but each mean runs over 8 numbers",
        args=(3,),
        shapes=((2, 3, 4),),
    ),
    Wrong(
        "all divided by the channels",
        GroupNorm,
        group(lambda g, hat, r, m: r * (g - m(g) - hat * m(g * hat)) * 6 / 4),
        X,
        "wrong factor",
        "∂L/∂x is divided by 4, the channels, not 6",
        **GROUPS,
    ),
    Wrong(
        "weight once more",
        LayerNorm,
        layer(lambda s, go, g, hat, r, m: r * (g - m(g) - hat * m(g * s.weight.value * hat))),
        X,
        "extra factor",
        "the weight is multiplied in once more in the last mean of ∂L/∂x",
        **LAYER,
    ),
    Wrong(
        "as a LayerNorm, without the mean square",
        RMSNorm,
        rms(lambda s, go, g, hat, r, m: r * (g - m(g))),
        X,
        "other formula",
        "as for a LayerNorm",
        **LAYER,
    ),
    Wrong(
        "the variance's sum has no axis",
        BatchNorm1d,
        stepwise(collected=torch.sum),
        "x",
        "wrong axis",
        "the sum in the variance's term of ∂L/∂x runs over everything",
        **BATCH,
    ),
    *(
        Wrong(
            "rows of channels",
            BatchNorm2d,
            rows_of_channels,
            tensor,
            "wrong axis",
            "moved to the last axis before a reshape",
            **WIDE,
        )
        for tensor in ("x", "weight", "bias")
    ),
    Wrong(
        "no weight, no mean",
        LayerNorm,
        layer(lambda s, g, gh, hat, r, m: r * (g - hat * m(g * hat))),
        "x",
        "missing factor",
        "the path through the mean is missing as well",
        **LAYER,
    ),
    Wrong(
        "no weight, no path",
        RMSNorm,
        rms(lambda s, g, gh, hat, r, m: r * g),
        "x",
        "missing factor",
        "the path through the root mean square is missing as well",
        **LAYER,
    ),
    Wrong(
        "weight",
        BatchNorm1d,
        batch(lambda s, go, g, h, r, m: r * (go - m(go) - h * m(go * h))),
        X,
        "missing factor",
        "weight is left out of ∂L/∂x",
        **BATCH,
    ),
    Wrong(
        "no r",
        BatchNorm1d,
        batch(lambda s, go, g, h, r, m: g - m(g) - h * m(g * h)),
        X,
        "missing factor",
        "not divided by the standard deviation",
        **BATCH,
    ),
    Wrong(
        "r twice",
        BatchNorm1d,
        batch(lambda s, go, g, h, r, m: r**2 * (g - m(g) - h * m(g * h))),
        X,
        "extra factor",
        "divided by the variance",
        **BATCH,
    ),
    Wrong(
        "r inverted",
        BatchNorm1d,
        batch(lambda s, go, g, h, r, m: (g - m(g) - h * m(g * h)) / r),
        X,
        "wrong factor",
        "multiplied with the standard deviation",
        **BATCH,
    ),
    Wrong(
        "precedence",
        BatchNorm1d,
        batch(lambda s, go, g, h, r, m: r * g - m(g) - h * m(g * h)),
        X,
        "misplaced factor",
        "only the first term",
        **BATCH,
    ),
    Wrong(
        "constants",
        BatchNorm2d,
        batch(lambda s, go, g, h, r, m: r * g, PIXELS),
        X,
        "constant statistics",
        "treated as constants",
        **IMAGES,
    ),
    Wrong(
        "no mean",
        BatchNorm1d,
        batch(lambda s, go, g, h, r, m: r * (g - h * m(g * h))),
        X,
        "constant statistics",
        "the mean depends on x",
        **BATCH,
    ),
    Wrong(
        "no variance",
        BatchNorm1d,
        batch(lambda s, go, g, h, r, m: r * (g - m(g))),
        X,
        "constant statistics",
        "the variance depends on x",
        **BATCH,
    ),
    Wrong(
        "plus",
        BatchNorm1d,
        batch(lambda s, go, g, h, r, m: r * (g - m(g) + h * m(g * h))),
        X,
        "sign",
        "standard deviation in ∂L/∂x has the wrong sign",
        **BATCH,
    ),
    Wrong(
        "both plus",
        BatchNorm1d,
        batch(lambda s, go, g, h, r, m: r * (g + m(g) + h * m(g * h))),
        X,
        "sign",
        "both terms",
        **BATCH,
    ),
    Wrong(
        "sums",
        BatchNorm1d,
        batch(lambda s, go, g, h, r, m: r * (g - g.sum(0) - h * (g * h).sum(0))),
        X,
        "sum for mean",
        "sums over the examples",
        **BATCH,
    ),
    Wrong(
        "n forgotten",
        BatchNorm1d,
        batch(lambda s, go, g, h, r, m: r * (5 * g - g.sum(0) - h * (g * h).sum(0))),
        X,
        "missing 1/N",
        "division by 5",
        **BATCH,
    ),
    Wrong(
        "n for all",
        BatchNorm1d,
        batch(lambda s, go, g, h, r, m: r / 5 * (g - g.sum(0) - h * (g * h).sum(0))),
        X,
        "misplaced factor",
        "first term",
        **BATCH,
    ),
    Wrong(
        "number by number",
        BatchNorm1d,
        batch(lambda s, go, g, h, r, m: r * (g - m(g) - h * (g * h))),
        X,
        "diagonal only",
        "number by number",
        **BATCH,
    ),
    Wrong(
        "x for hat",
        BatchNorm1d,
        batch(lambda s, go, g, h, r, m: r * (g - m(g) - s.saved["x"] * m(g * s.saved["x"]))),
        X,
        "wrong factor",
        "x itself stands in ∂L/∂x twice",
        **BATCH,
    ),
    Wrong(
        "centered for hat",
        BatchNorm1d,
        batch(lambda s, go, g, h, r, m: r * (g - m(g) - h / r * m(g * h / r))),
        X,
        "missing factor",
        "lacks a division by it",
        **BATCH,
    ),
    Wrong(
        "hat left out",
        BatchNorm1d,
        batch(lambda s, go, g, h, r, m: r * (g - m(g) - m(g * h))),
        X,
        "missing factor",
        "left out of the last term",
        **BATCH,
    ),
    Wrong(
        "axis",
        BatchNorm1d,
        batch(lambda s, go, g, h, r, m: whole(s, go, g, h, r, mean_over(1))),
        X,
        "wrong axis",
        "run over the features only",
        **BATCH,
    ),
    Wrong(
        "everything",
        BatchNorm2d,
        batch(lambda s, go, g, h, r, m: whole(s, go, g, h, r, torch.mean), PIXELS),
        X,
        "wrong axis",
        "run over everything",
        **IMAGES,
    ),
    Wrong(
        "examples only",
        BatchNorm2d,
        batch(lambda s, go, g, h, r, m: whole(s, go, g, h, r, mean_over(0)), PIXELS),
        X,
        "wrong axis",
        "run over the examples only",
        **IMAGES,
    ),
    Wrong("one half", BatchNorm1d, stepwise(half=-1.0), X, "wrong slope", "one half", **BATCH),
    Wrong("two", BatchNorm1d, stepwise(two=1.0), X, "wrong slope", "the two from the square", **BATCH),
    Wrong(
        "exponent", BatchNorm1d, stepwise(exponent=-0.5), X, "missing factor", "look at an exponent", **BATCH
    ),
    Wrong(
        "sign of the half",
        BatchNorm1d,
        stepwise(half=0.5),
        X,
        "sign",
        "standard deviation in ∂L/∂x has the wrong sign",
        **BATCH,
    ),
    Wrong(
        "sign of the mean",
        BatchNorm1d,
        stepwise(sign=1.0),
        X,
        "sign",
        "the mean's term in ∂L/∂x has the wrong sign",
        **BATCH,
    ),
    Wrong(
        "1/n of the mean",
        BatchNorm1d,
        stepwise(count=5.0),
        X,
        "sum for mean",
        "the mean's term in ∂L/∂x is a sum",
        **BATCH,
    ),
    Wrong(
        "eval",
        BatchNorm1d,
        lambda self, grad_output: as_in_training(self, grad_output),
        X,
        "extra term",
        "in eval mode",
        prepare=evaluated,
        **BATCH,
    ),
    Wrong(
        "mean",
        BatchNorm1d,
        affine(lambda s, g, h, x: (g * h).mean(0), lambda s, g, h, x: g.mean(0)),
        "weight",
        "mean for sum",
        "is a mean over the examples",
        **BATCH,
    ),
    Wrong(
        "x for hat in weight",
        BatchNorm1d,
        affine(lambda s, g, h, x: (g * x).sum(0), lambda s, g, h, x: g.sum(0)),
        "weight",
        "wrong factor",
        "x stands in ∂L/∂weight",
        **BATCH,
    ),
    Wrong(
        "hat left out in weight",
        BatchNorm1d,
        affine(lambda s, g, h, x: g.sum(0), lambda s, g, h, x: g.sum(0)),
        "weight",
        "missing factor",
        "the normalized numbers are left out",
        **BATCH,
    ),
    Wrong(
        "last example",
        BatchNorm1d,
        affine(lambda s, g, h, x: (g * h)[-1], lambda s, g, h, x: g.sum(0)),
        "weight",
        "examples missing",
        "only the last",
        **BATCH,
    ),
    Wrong(
        "weight in bias",
        BatchNorm1d,
        affine(lambda s, g, h, x: (g * h).sum(0), lambda s, g, h, x: (g * s.weight.value).sum(0)),
        "bias",
        "extra factor",
        "multiplied with the weight",
        **BATCH,
    ),
    Wrong(
        "everything in bias",
        BatchNorm1d,
        affine(lambda s, g, h, x: (g * h).sum(0), lambda s, g, h, x: g.sum()),
        "bias",
        "wrong axis",
        "runs over everything",
        **BATCH,
    ),
    Wrong(
        "all but one",
        BatchNorm1d,
        affine(lambda s, g, h, x: (g * h).sum(0), lambda s, g, h, x: g[1:].sum(0)),
        "bias",
        "examples missing",
        "the first does not count",
        **BATCH,
    ),
    Wrong(
        "weight after",
        LayerNorm,
        layer(lambda s, go, g, h, r, m: s.weight.value * r * (go - m(go) - h * m(go * h))),
        X,
        "misplaced factor",
        "multiplied in at the end",
        **LAYER,
    ),
    Wrong(
        "constants",
        LayerNorm,
        layer(lambda s, go, g, h, r, m: r * g),
        X,
        "constant statistics",
        "treated as constants",
        **LAYER,
    ),
    Wrong(
        "examples",
        LayerNorm,
        layer(lambda s, go, g, h, r, m: whole(s, go, g, h, r, mean_over(0))),
        X,
        "wrong axis",
        "run over the examples only",
        **LAYER,
    ),
    Wrong(
        "keepdim",
        LayerNorm,
        layer(lambda s, go, g, h, r, m: r * (g - g.mean(-1) - h * (g * h).mean(-1))),
        X,
        "wrong axis",
        "lost its axis",
        **SQUARE,
    ),
    Wrong(
        "unbiased",
        LayerNorm,
        layer(
            lambda s, go, g, h, r, m: whole(
                s,
                go,
                g,
                (s.saved["x"] - m(s.saved["x"])) / s.saved["x"].std(-1, keepdim=True),
                1 / s.saved["x"].std(-1, keepdim=True),
                m,
            )
        ),
        X,
        "wrong statistics",
        "divides by n − 1",
        **LAYER,
    ),
    Wrong(
        "constant",
        RMSNorm,
        rms(lambda s, go, g, h, r, m: r * g),
        X,
        "constant statistics",
        "the root mean square depends",
        **LAYER,
    ),
    Wrong(
        "as layer norm",
        RMSNorm,
        rms(lambda s, go, g, h, r, m: r * (g - h * h * m(g))),
        X,
        "misplaced factor",
        "outside of the last mean",
        **LAYER,
    ),
    Wrong(
        "no weight",
        RMSNorm,
        rms(lambda s, go, g, h, r, m: r * (go - h * m(go * h))),
        X,
        "missing factor",
        "weight is left out of ∂L/∂x",
        **LAYER,
    ),
    Wrong(
        "sum",
        RMSNorm,
        rms(lambda s, go, g, h, r, m: r * (g - h * (g * h).sum(-1, keepdim=True))),
        X,
        "sum for mean",
        "a sum over the features",
        **LAYER,
    ),
    Wrong(
        "constants",
        GroupNorm,
        group(lambda g, h, r, m: r * g),
        X,
        "constant statistics",
        "treated as constants",
        **GROUPS,
    ),
    Wrong(
        "no r",
        GroupNorm,
        group(lambda g, h, r, m: g - m(g) - h * m(g * h)),
        X,
        "missing factor",
        "not divided by the standard deviation",
        **GROUPS,
    ),
    Wrong(
        "plus",
        GroupNorm,
        group(lambda g, h, r, m: r * (g - m(g) + h * m(g * h))),
        X,
        "sign",
        "wrong sign",
        **GROUPS,
    ),
    Wrong(
        "constant",
        L1Normalize,
        l1(lambda s, g, x, a, n: g / n),
        X,
        "constant statistics",
        "the length depends on x",
        **VECTORS,
    ),
    Wrong(
        "as L2",
        L1Normalize,
        l1(lambda s, g, x, a, n: (g - (g * a).sum(1, keepdim=True) * a) / n),
        X,
        "wrong factor",
        "as for the square root of squares",
        **VECTORS,
    ),
    Wrong(
        "no sign",
        L1Normalize,
        l1(lambda s, g, x, a, n: (g - (g * a).sum(1, keepdim=True)) / n),
        X,
        "wrong factor",
        "nothing stands",
        **VECTORS,
    ),
    Wrong(
        "axis",
        L1Normalize,
        l1(lambda s, g, x, a, n: (g - x.sign() * (g * a).sum(0)) / n),
        X,
        "wrong axis",
        "wrong axis",
        **VECTORS,
    ),
    Wrong(
        "own part",
        L1Normalize,
        l1(lambda s, g, x, a, n: (g - g * a.abs()) / n),
        X,
        "diagonal only",
        "the sum is missing",
        **VECTORS,
    ),
    Wrong(
        "no scale",
        Dropout,
        drop(lambda s, g, kept: g * kept),
        X,
        "mask scale missing",
        "not the scale",
        **DROPPED,
    ),
    Wrong(
        "no mask",
        Dropout,
        drop(lambda s, g, kept: g / 0.6),
        X,
        "mask missing",
        "the mask of forward is not applied",
        **DROPPED,
    ),
    Wrong(
        "inverted",
        Dropout,
        drop(lambda s, g, kept: g * ~kept / 0.6),
        X,
        "mask missing",
        "the wrong way round",
        **DROPPED,
    ),
    Wrong(
        "p", Dropout, drop(lambda s, g, kept: g * kept / 0.4), X, "wrong factor", "divided by p", **DROPPED
    ),
    Wrong(
        "in eval mode",
        Dropout,
        drop(lambda s, g, kept: g / 0.6),
        X,
        "extra factor",
        "in eval mode",
        prepare=lambda m: m.eval(),
        **DROPPED,
    ),
]


def as_in_training(self, grad_output):
    hat, g = hat_of(self), grad_output * self.weight.value
    self.weight.grad += (grad_output * hat).sum(0)
    self.bias.grad += grad_output.sum(0)
    return r_of(self) * (g - g.mean(0) - hat * (g * hat).mean(0))


def r_of(module):
    return 1 / torch.sqrt(module.running_var.value + module.eps)


def hat_of(module):
    return (module.saved["x"] - module.running_mean.value) * r_of(module)


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: f"{wrong.kind.__name__}: {wrong.label}")
def test_it_is_named(wrong):
    must_be_named(wrong)
