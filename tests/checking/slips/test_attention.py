"""Attention, tables, gates and modulation: what is said of backwards as students write them."""

import pytest
import torch

from course.checks import check_module
from course.modules import GLU, Bilinear, Embedding, FiLM, Gate, MultiheadAttention, ScaledDotProductAttention
from tests.checking.slips.written import Wrong, must_be_named


def attend(**changed):
    """The backward of attention; each of its lines may be changed, as a function of all that it has."""

    def backward(self, grad_output):
        v = {name: self.saved[name] for name in ("query", "key", "value")}
        v |= {"a": self.saved["weights"], "s": self.saved["scale"], "g": grad_output}
        lines = {
            "dv": lambda v: v["a"].mT @ v["g"],
            "da": lambda v: v["g"] @ v["value"].mT,
            "ds": lambda v: v["a"] * (v["da"] - (v["da"] * v["a"]).sum(-1, keepdim=True)),
            "dq": lambda v: v["s"] * v["ds"] @ v["key"],
            "dk": lambda v: v["s"] * v["ds"].mT @ v["query"],
        }
        for name, line in (lines | changed).items():
            v[name] = line(v)
        return v["dq"], v["dk"], v["dv"], None

    return backward


def modulate(**changed):
    def backward(self, grad_output):
        x, gamma = self.saved["x"], self.saved["gamma"]
        lines = {
            "x": lambda g, x, c: g * c,
            "gamma": lambda g, x, c: (g * x).sum((2, 3)),
            "beta": lambda g, x, c: g.sum((2, 3)),
        } | changed
        return tuple(line(grad_output, x, gamma[:, :, None, None]) for line in lines.values())

    return backward


def look_up(add):
    """The backward of Embedding; add(grad, index, g) fills the table's gradient."""

    def backward(self, grad_output):
        add(self.weight.grad, self.saved["index"], grad_output)

    return backward


def one_by_one(table, index, g):
    for row, part in zip(index.flatten(), g.flatten(0, 1), strict=True):
        table[row] += part


def halves(formula):
    def backward(self, grad_output):
        value, gate = self.saved["value"], self.saved["gate"]
        return torch.cat(formula(grad_output, value, gate), self.dim)

    return backward


def let_through(formula):
    return lambda self, g: formula(g, self.saved["x"], self.saved["gate"])


def products(**changed):
    """The backward of Bilinear, in loops over outputs."""

    def backward(self, grad_output):
        x1, x2, w = self.saved["x1"], self.saved["x2"], self.weight.value
        lines = {
            "x1": lambda g, x1, x2, w: sum(g[:, [o]] * (x2 @ w[o].T) for o in range(len(w))),
            "x2": lambda g, x1, x2, w: sum(g[:, [o]] * (x1 @ w[o]) for o in range(len(w))),
            "weight": lambda g, x1, x2, w: torch.stack([(g[:, [o]] * x1).T @ x2 for o in range(len(w))]),
            "bias": lambda g, x1, x2, w: g.sum(0),
        } | changed
        grads = {name: line(grad_output, x1, x2, w) for name, line in lines.items()}
        self.weight.grad += grads["weight"]
        self.bias.grad += grads["bias"]
        return grads["x1"], grads["x2"]

    return backward


class Heads(MultiheadAttention):
    """Its backward goes through out_proj or around it."""

    around = False


def around(self, grad_output, grad_weights):
    right, self.out_proj.weight.value = self.out_proj.weight.value, torch.eye(4, dtype=torch.float64)
    grads = MultiheadAttention.backward(self, grad_output, grad_weights)
    self.out_proj.weight.value = right
    return grads


def forgets_weights(self, grad_output, grad_weights):
    return MultiheadAttention.backward(self, grad_output, None)


PLAIN = {"shapes": ((2, 3, 4), (2, 5, 4), (2, 5, 2))}
CUBE = {"shapes": ((2, 3, 3), (2, 3, 3), (2, 3, 3))}
MATRIX = {"shapes": ((4, 3), (4, 3), (4, 2))}
IMAGES = {"shapes": ((3, 2, 3, 4), (3, 2), (3, 2))}
TABLE = {"args": (5, 3), "inputs": lambda: (torch.tensor([[1, 3, 1], [0, 3, 1]]),)}
HALVES = {"shapes": ((4, 6),)}
PAIR = {"shapes": ((4, 3), (4, 3))}
BOTH = {"args": (2, 4, 3), "shapes": ((5, 2), (5, 4))}
SQUARE = {"args": (3, 3, 2), "shapes": ((5, 3), (5, 3))}
HEADS = {"args": (4, 2), "shapes": ((3, 2, 4), (5, 2, 4), (5, 2, 4))}


def attention(label, tensor, name, words, case=None, **changed):
    return Wrong(label, ScaledDotProductAttention, attend(**changed), tensor, name, words, **(case or PLAIN))


def film(label, tensor, name, words, formula):
    return Wrong(label, FiLM, modulate(**{tensor: formula}), tensor, name, words, **IMAGES)


def table(label, name, words, add):
    return Wrong(label, Embedding, look_up(add), "weight", name, words, **TABLE)


def bilinear(label, tensor, name, words, formula, case=None):
    return Wrong(label, Bilinear, products(**{tensor: formula}), tensor, name, words, **(case or BOTH))


WRONG = [
    bilinear(
        "x2 summed first",
        "weight",
        "misplaced factor",
        "x2 is summed over the examples",
        lambda g, x1, x2, w: torch.einsum("no,ni,j->oij", g, x1, x2.sum(0)),
    ),
    bilinear(
        "all summed first",
        "weight",
        "misplaced factor",
        "each of grad_output, x1 and x2 is summed",
        lambda g, x1, x2, w: torch.einsum("o,i,j->oij", g.sum(0), x1.sum(0), x2.sum(0)),
    ),
    attention(
        "no scale",
        "query",
        "missing factor",
        "the scale of the scores is left out",
        dq=lambda v: v["ds"] @ v["key"],
    ),
    attention(
        "scale twice",
        "key",
        "extra factor",
        "multiplied in twice",
        dk=lambda v: v["s"] ** 2 * v["ds"].mT @ v["query"],
    ),
    attention(
        "scale inverted", "key", "wrong factor", "divided by", dk=lambda v: v["ds"].mT @ v["query"] / v["s"]
    ),
    attention(
        "own part",
        "query",
        "diagonal only",
        "its own weight alone",
        ds=lambda v: v["a"] * (1 - v["a"]) * v["da"],
    ),
    attention("no softmax", "query", "missing factor", "the softmax is skipped", ds=lambda v: v["da"]),
    attention(
        "no sum", "key", "constant statistics", "softmax's sum is left out", ds=lambda v: v["a"] * v["da"]
    ),
    attention(
        "over queries",
        "query",
        "wrong axis",
        "runs over the queries",
        ds=lambda v: v["a"] * (v["da"] - (v["da"] * v["a"]).sum(-2, keepdim=True)),
    ),
    attention(
        "over everything",
        "query",
        "wrong axis",
        "runs over everything",
        ds=lambda v: v["a"] * (v["da"] - (v["da"] * v["a"]).sum()),
    ),
    attention(
        "plus",
        "key",
        "sign",
        "is added, not taken away",
        ds=lambda v: v["a"] * (v["da"] + (v["da"] * v["a"]).sum(-1, keepdim=True)),
    ),
    attention(
        "precedence",
        "query",
        "misplaced factor",
        "only the first term",
        ds=lambda v: v["a"] * v["da"] - (v["da"] * v["a"]).sum(-1, keepdim=True),
    ),
    attention(
        "no weights outside",
        "query",
        "missing factor",
        "before the difference",
        ds=lambda v: v["da"] - (v["da"] * v["a"]).sum(-1, keepdim=True),
    ),
    attention(
        "no weights inside",
        "query",
        "missing factor",
        "left out of softmax's sum",
        ds=lambda v: v["a"] * (v["da"] - v["da"].sum(-1, keepdim=True)),
    ),
    attention(
        "mean",
        "key",
        "mean for sum",
        "a mean stands",
        ds=lambda v: v["a"] * (v["da"] - (v["da"] * v["a"]).mean(-1, keepdim=True)),
    ),
    attention(
        "keepdim",
        "query",
        "wrong axis",
        "lost its axis",
        MATRIX,
        ds=lambda v: v["a"] * (v["da"] - (v["da"] * v["a"]).sum(-1)),
    ),
    attention(
        "roles",
        "query",
        "wrong factor",
        "query and key are exchanged",
        CUBE,
        dq=lambda v: v["s"] * v["ds"] @ v["query"],
    ),
    attention(
        "key without T",
        "key",
        "missing transpose",
        "untransposed where it must be turned",
        CUBE,
        dk=lambda v: v["s"] * v["ds"] @ v["query"],
    ),
    attention(
        "value without T", "value", "missing transpose", "untransposed", CUBE, dv=lambda v: v["a"] @ v["g"]
    ),
    attention(
        "no T in da",
        "query",
        "missing transpose",
        "value enters the weights' gradient",
        CUBE,
        da=lambda v: v["g"] @ v["value"],
    ),
    attention("no value", "query", "missing factor", "value is left out", CUBE, da=lambda v: v["g"]),
    attention(
        "value as it came", "value", "local derivative ignored", "as it came", CUBE, dv=lambda v: v["g"]
    ),
    Wrong(
        "around out_proj", Heads, around, "in_proj_weight", "missing factor", "out_proj, is skipped", **HEADS
    ),
    Wrong(
        "weights",
        MultiheadAttention,
        forgets_weights,
        "query",
        "path lost",
        "the attention weights is not used",
        **HEADS,
    ),
    film("no gamma", "x", "missing factor", "gamma is left out of ∂L/∂x", lambda g, x, c: g),
    film("x twice", "x", "extra factor", "x is multiplied into its own gradient", lambda g, x, c: g * c * x),
    film("x", "x", "wrong factor", "∂L/∂x has x where gamma belongs", lambda g, x, c: g * x),
    film("no x", "gamma", "missing factor", "x is left out of ∂L/∂gamma", lambda g, x, c: g.sum((2, 3))),
    film(
        "mean",
        "gamma",
        "mean for sum",
        "is a mean over the rows and the columns",
        lambda g, x, c: (g * x).mean((2, 3)),
    ),
    film(
        "unsummed",
        "beta",
        "broadcast not reduced",
        "a number for each of the rows and the columns",
        lambda g, x, c: g,
    ),
    film(
        "rows only", "beta", "broadcast not reduced", "not summed over the columns", lambda g, x, c: g.sum(2)
    ),
    film(
        "examples, too",
        "beta",
        "wrong axis",
        "summed over the examples",
        lambda g, x, c: g.sum((0, 2, 3)).expand(3, 2),
    ),
    film(
        "gamma in beta", "beta", "extra factor", "multiplied with gamma", lambda g, x, c: (g * c).sum((2, 3))
    ),
    table(
        "overwritten",
        "overwritten",
        "only its last gradient is kept",
        lambda t, index, g: t.__setitem__(index, t[index] + g),
    ),
    table(
        "mean",
        "mean for sum",
        "a mean over the places",
        lambda t, index, g: t.index_add_(
            0, index.flatten(), g.flatten(0, 1) / torch.bincount(index.flatten())[index.flatten(), None]
        ),
    ),
    table(
        "first sequence",
        "examples missing",
        "only the first sequence",
        lambda t, index, g: one_by_one(t, index[:1], g[:1]),
    ),
    table(
        "first place",
        "examples missing",
        "only the first place",
        lambda t, index, g: one_by_one(t, index[:, :1], g[:, :1]),
    ),
    table(
        "off by one",
        "wrong place",
        "the index is off by one",
        lambda t, index, g: one_by_one(t, (index + 1) % 5, g),
    ),
    table(
        "place for index",
        "wrong place",
        "the row of its place",
        lambda t, index, g: one_by_one(t, torch.arange(6).clamp(max=4).view(2, 3), g),
    ),
    table("all rows", "mask missing", "all rows get all", lambda t, index, g: t.add_(g.sum((0, 1)))),
    table(
        "counted",
        "upstream ignored",
        "only counted",
        lambda t, index, g: one_by_one(t, index, torch.ones_like(g)),
    ),
    Wrong(
        "squashed again",
        GLU,
        halves(lambda g, v, s: [g * torch.sigmoid(s), g * v * torch.sigmoid(s) * torch.sigmoid(-s)]),
        "x",
        "output for input",
        "applied once more",
        **HALVES,
    ),
    Wrong(
        "exchanged",
        GLU,
        halves(lambda g, v, s: [g * v * s * (1 - s), g * s]),
        "x",
        "permuted",
        "in each other's place",
        **HALVES,
    ),
    Wrong(
        "no slope",
        GLU,
        halves(lambda g, v, s: [g * s, g * v]),
        "x",
        "missing factor",
        "the slope of the gate's sigmoid is left out",
        **HALVES,
    ),
    Wrong(
        "no value",
        GLU,
        halves(lambda g, v, s: [g * s, g * s * (1 - s)]),
        "x",
        "missing factor",
        "the number that is gated is left out",
        **HALVES,
    ),
    Wrong(
        "no gate",
        GLU,
        halves(lambda g, v, s: [g, g * v * s * (1 - s)]),
        "x",
        "missing factor",
        "the gate is left out",
        **HALVES,
    ),
    Wrong(
        "plus",
        GLU,
        halves(lambda g, v, s: [g * s, g * v * s * (1 + s)]),
        "x",
        "wrong slope",
        "a plus where a minus belongs",
        **HALVES,
    ),
    Wrong(
        "squashed twice",
        GLU,
        halves(lambda g, v, s: [g * s, g * v * torch.sigmoid(s) * (1 - torch.sigmoid(s))]),
        "x",
        "output for input",
        "squashed once more",
        **HALVES,
    ),
    Wrong(
        "no slope",
        Gate,
        let_through(lambda g, x, s: (g * s, g * x)),
        "z",
        "missing factor",
        "the slope of the gate's sigmoid is left out",
        **PAIR,
    ),
    Wrong(
        "half a slope",
        Gate,
        let_through(lambda g, x, s: (g * s, g * x * (1 - s))),
        "z",
        "wrong slope",
        "one minus the gate",
        **PAIR,
    ),
    Wrong(
        "complement",
        Gate,
        let_through(lambda g, x, s: (g * (1 - s), g * x * s * (1 - s))),
        "x",
        "wrong factor",
        "the complement of the gate",
        **PAIR,
    ),
    Wrong(
        "not summed",
        Gate,
        let_through(lambda g, x, s: (g * s, g * x * s * (1 - s))),
        "z",
        "broadcast not reduced",
        "not summed where z was broadcast",
        shapes=((4, 3), (4, 1)),
    ),
    bilinear(
        "itself",
        "x1",
        "wrong factor",
        "made with x1 itself",
        lambda g, x1, x2, w: sum(g[:, [o]] * (x1 @ w[o].T) for o in range(len(w))),
        SQUARE,
    ),
    bilinear(
        "transposed",
        "x1",
        "missing transpose",
        "rows and columns",
        lambda g, x1, x2, w: sum(g[:, [o]] * (x2 @ w[o]) for o in range(len(w))),
        SQUARE,
    ),
    bilinear(
        "no x2",
        "x1",
        "missing factor",
        "x2 is left out",
        lambda g, x1, x2, w: sum(g[:, [o]] * w[o].sum(1) for o in range(len(w))),
    ),
    bilinear(
        "mean",
        "weight",
        "mean for sum",
        "a mean over the examples",
        lambda g, x1, x2, w: torch.stack([(g[:, [o]] * x1).T @ x2 / 5 for o in range(len(w))]),
    ),
    bilinear("first", "bias", "examples missing", "only the first", lambda g, x1, x2, w: g[0]),
]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: f"{wrong.kind.__name__}: {wrong.label}")
def test_it_is_named(wrong):
    must_be_named(wrong)


@pytest.mark.parametrize(
    ("kind", "backward", "case"),
    [
        (ScaledDotProductAttention, attend(), PLAIN),
        (FiLM, modulate(), IMAGES),
        (Embedding, look_up(one_by_one), TABLE),
        (GLU, halves(lambda g, v, s: [g * s, g * v * s * (1 - s)]), HALVES),
        (Gate, let_through(lambda g, x, s: (g * s, g * x * s * (1 - s))), PAIR),
        (Bilinear, products(), BOTH),
    ],
)
def test_the_backwards_are_right_where_nothing_is_changed(kind, backward, case):
    module, inputs = Wrong("", kind, backward, "", "", "", **case).made()
    assert check_module(module, inputs).passed
