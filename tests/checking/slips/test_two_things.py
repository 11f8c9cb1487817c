"""A wrong formula of a list, and something besides: both are said."""

import torch

from course.modules import Hardtanh, ScaledDotProductAttention
from tests.checking.slips.wrong import Wrong, parametrize, rand

ENDS = (-0.4, 0.8)


def exchanged(self, g):
    """Attention with the diagonal of softmax alone; the gradients of query and key change places."""
    q, k, v = (self.saved[name] for name in ("query", "key", "value"))
    a = torch.softmax(q @ k.mT / 2, -1)
    ds = a * (1 - a) * (g @ v.mT) / 2
    return ds.mT @ q, ds @ k, a.mT @ g


class Clipped(Hardtanh):
    def forward(self, x):
        self.kept = x
        return super().forward(x)


def of_size(factor):
    """Hardtanh with a mask that compares the size of x, times a factor."""
    return lambda self, g: factor * g * (self.kept.abs() < self.max_val)


BOTH = ("swapped gradients", "two things: ∂L/∂key and ∂L/∂query are exchanged; and each score acts on all")
SIGN = ("wrong mask", "two things: the mask compares the size of x with the upper end only; and the sign")
SHARE = ("wrong mask", "upper end only; and the whole is divided by 6, once too often")


@parametrize(
    Wrong(
        ScaledDotProductAttention,
        [rand(3, 4, seed=i) for i in range(3)],
        exchanged,
        {"query": BOTH, "key": BOTH},
    ),
    Wrong(Clipped, [rand(6, 4)], of_size(-1), {"x": SIGN}, ENDS),
    Wrong(Clipped, [rand(6, 4)], of_size(1 / 6), {"x": SHARE}, ENDS),
)
def test_two_things(wrong):
    wrong.check()
