"""Recurrent cells, and cells in time: what is said of backwards as students write them."""

import pytest
import torch

from course.checks import check_module
from course.containers.unroll import Unroll
from course.modules import LSTM, GRUCell, LSTMCell, RNNCell
from tests.checking.slips.written import Wrong, must_be_named


def simple(slope=None, of=None):
    """The backward of RNNCell; `slope` and `of` (a dict by name) are written in other ways."""

    def backward(self, grad_output):
        x, h, out = self.saved["x"], self.saved["h"], self.saved["out"]
        u = grad_output * (1 - out**2) if slope is None else slope(grad_output, out, x, h)
        grads = {
            "weight_ih": u.T @ x,
            "weight_hh": u.T @ h,
            "bias_ih": u.sum(0),
            "bias_hh": u.sum(0),
            "x": u @ self.weight_ih.value,
            "h": u @ self.weight_hh.value,
        }
        grads |= {} if of is None else of(self, u, x, h, out, grad_output)
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            getattr(self, name).grad += grads[name]
        return grads["x"], grads["h"]

    return backward


def gated(**changed):
    """The backward of LSTMCell; each of its lines may be changed, as a function of all that it has."""

    def backward(self, grad_h, grad_c):
        v = dict(self.saved.items()) if hasattr(self.saved, "items") else {}
        for name in ("x", "h", "c", "i", "f", "z", "o", "tanh_c"):
            v[name] = self.saved[name]
        v |= {"gh": grad_h, "gc": grad_c, "new": v["f"] * v["c"] + v["i"] * v["z"]}
        lines = {
            "gamma": lambda v: v["gc"] + v["gh"] * v["o"] * (1 - v["tanh_c"] ** 2),
            "ui": lambda v: v["gamma"] * v["z"] * v["i"] * (1 - v["i"]),
            "uf": lambda v: v["gamma"] * v["c"] * v["f"] * (1 - v["f"]),
            "uz": lambda v: v["gamma"] * v["i"] * (1 - v["z"] ** 2),
            "uo": lambda v: v["gh"] * v["tanh_c"] * v["o"] * (1 - v["o"]),
            "u": lambda v: torch.cat([v["ui"], v["uf"], v["uz"], v["uo"]], -1),
            "dc": lambda v: v["gamma"] * v["f"],
        }
        for name, line in (lines | changed).items():
            v[name] = line(v)
        u = v["u"]
        self.weight_ih.grad += u.T @ v["x"]
        self.weight_hh.grad += u.T @ v["h"]
        self.bias_ih.grad += u.sum(0)
        self.bias_hh.grad += u.sum(0)
        return u @ self.weight_ih.value, u @ self.weight_hh.value, v["dc"]

    return backward


def reset(**changed):
    """The backward of GRUCell, in the same way."""

    def backward(self, grad_output):
        v = {name: self.saved[name] for name in ("x", "h", "q", "n")}
        v["r"], v["z"] = self.saved["gates"].chunk(2, -1)
        v["g"] = grad_output
        lines = {
            "un": lambda v: v["g"] * (1 - v["z"]) * (1 - v["n"] ** 2),
            "ur": lambda v: v["un"] * v["q"] * v["r"] * (1 - v["r"]),
            "uz": lambda v: v["g"] * (v["h"] - v["n"]) * v["z"] * (1 - v["z"]),
            "vn": lambda v: v["un"] * v["r"],
            "u": lambda v: torch.cat([v["ur"], v["uz"], v["un"]], -1),
            "v": lambda v: torch.cat([v["ur"], v["uz"], v["vn"]], -1),
            "direct": lambda v: v["g"] * v["z"],
        }
        for name, line in (lines | changed).items():
            v[name] = line(v)
        self.weight_ih.grad += v["u"].T @ v["x"]
        self.weight_hh.grad += v["v"].T @ v["h"]
        self.bias_ih.grad += v["u"].sum(0)
        self.bias_hh.grad += v["v"].sum(0)
        return v["u"] @ self.weight_ih.value, v["v"] @ self.weight_hh.value + v["direct"]

    return backward


def in_time(cut=False, reverse=False, last=False, final=True):
    """The backward of Unroll over an RNNCell."""

    def backward(self, grad_output, grad_state):
        steps = self.saved["steps"]
        g, grads = grad_state if final else torch.zeros_like(grad_state), []
        for t in range(len(steps) - 1, -1, -1):
            if not last or t == len(steps) - 1:
                g = g + grad_output[t]
            grad_x, g = steps[t].backward(g)
            grads.append(grad_x)
            if cut and t:
                g = torch.zeros_like(g)
        return torch.stack(grads if reverse else grads[::-1]), g

    return backward


CELL = {"args": (2, 3), "shapes": ((4, 2), (4, 3))}
SQUARE = {"args": (3, 3), "shapes": ((4, 3), (4, 3))}
MEMORY = {"args": (2, 3), "shapes": ((4, 2), (4, 3), (4, 3))}
TIME = {"args": (RNNCell(2, 3),), "shapes": ((4, 2, 2), (2, 3))}
SPAN = {"args": (2, 3), "shapes": ((4, 2, 2), (1, 2, 3), (1, 2, 3))}


def slope(words, name, formula, tensor="weight_ih"):
    return Wrong(words, RNNCell, simple(formula), tensor, name, words, **CELL)


def one_of(label, tensor, name, words, how, **case):
    return Wrong(label, RNNCell, simple(of=how), tensor, name, words, **(case or CELL))


def lstm(label, tensor, name, words, **changed):
    return Wrong(label, LSTMCell, gated(**changed), tensor, name, words, **MEMORY)


def gru(label, tensor, name, words, **changed):
    return Wrong(label, GRUCell, reset(**changed), tensor, name, words, **CELL)


def copied(of, *to):
    """The lines of a cell in which the gates `to` get the gradient of another."""
    return {name: lambda v: v[of] for name in to}


WRONG = [
    lstm(
        "copied",
        "bias_ih",
        "wrong factor",
        "all gates get the gradient of gate i",
        **copied("ui", "uf", "uz", "uo"),
    ),
    lstm("copied", "weight_hh", "wrong factor", "gate o gets the gradient of gate f", **copied("uf", "uo")),
    gru("copied", "weight_ih", "wrong factor", "gate z gets the gradient of gate r", **copied("ur", "uz")),
    gru(
        "copied",
        "bias_hh",
        "wrong factor",
        "all gates get the gradient of gate z",
        v=lambda v: v["uz"].repeat(1, 3),
    ),
    *(
        gru(
            "the other convention",
            tensor,
            "other formula",
            "the other convention",
            un=lambda v: v["g"] * v["z"] * (1 - v["n"] ** 2),
            uz=lambda v: v["g"] * (v["n"] - v["h"]) * v["z"] * (1 - v["z"]),
            direct=lambda v: v["g"] * (1 - v["z"]),
        )
        for tensor in ("x", "h", "weight_ih", "bias_hh")
    ),
    one_of(
        "two sums",
        "weight_ih",
        "misplaced factor",
        "a product of two sums",
        lambda s, u, x, h, o, g: {"weight_ih": torch.outer(u.sum(0), x.sum(0))},
    ),
    slope("is left out", "missing factor", lambda g, o, x, h: g),
    slope("is left out", "missing factor", lambda g, o, x, h: g, "h"),
    slope("lacks the square", "wrong slope", lambda g, o, x, h: g * (1 - o)),
    slope("has a plus where a minus belongs", "wrong slope", lambda g, o, x, h: g * (1 + o**2)),
    slope("as that of a sigmoid", "other formula", lambda g, o, x, h: g * o * (1 - o)),
    slope("squashed once more", "output for input", lambda g, o, x, h: g * (1 - torch.tanh(o) ** 2)),
    slope("the square around the difference", "wrong slope", lambda g, o, x, h: g * (1 - o) ** 2),
    slope("first term of tanh's slope only", "misplaced factor", lambda g, o, x, h: g * 1 - o**2),
    slope("with the old state", "input for output", lambda g, o, x, h: g * (1 - h**2)),
    slope("grad_output is not used", "upstream ignored", lambda g, o, x, h: 1 - o**2),
    one_of(
        "no T",
        "h",
        "missing transpose",
        "rows and columns exchanged",
        lambda s, u, x, h, o, g: {"h": u @ s.weight_hh.value.T},
    ),
    one_of(
        "T",
        "x",
        "missing transpose",
        "rows and columns exchanged",
        lambda s, u, x, h, o, g: {"x": u @ s.weight_ih.value.T},
        **SQUARE,
    ),
    one_of(
        "new state",
        "weight_hh",
        "wrong factor",
        "made of the new state",
        lambda s, u, x, h, o, g: {"weight_hh": u.T @ o},
    ),
    one_of(
        "g added",
        "h",
        "extra term",
        "grad_output itself is added",
        lambda s, u, x, h, o, g: {"h": u @ s.weight_hh.value + g},
    ),
    one_of("handed on", "h", "local derivative ignored", "as it came", lambda s, u, x, h, o, g: {"h": g}),
    one_of(
        "wrong weight",
        "x",
        "wrong factor",
        "goes through weight_hh",
        lambda s, u, x, h, o, g: {"x": u @ s.weight_hh.value},
        **SQUARE,
    ),
    one_of(
        "mean",
        "bias_ih",
        "mean for sum",
        "is a mean over the examples",
        lambda s, u, x, h, o, g: {"bias_ih": u.mean(0)},
    ),
    one_of(
        "axis",
        "bias_hh",
        "wrong axis",
        "runs over the wrong axis",
        lambda s, u, x, h, o, g: {"bias_hh": u.sum(1)},
        args=(3, 4),
        shapes=((4, 3), (4, 4)),
    ),
    one_of(
        "last",
        "weight_ih",
        "examples missing",
        "only the last",
        lambda s, u, x, h, o, g: {"weight_ih": torch.outer(u[-1], x[-1])},
    ),
    one_of(
        "transposed",
        "weight_hh",
        "transposed",
        "is transposed",
        lambda s, u, x, h, o, g: {"weight_hh": h.T @ u},
    ),
    one_of(
        "bias added",
        "x",
        "extra term",
        "bias_ih is added",
        lambda s, u, x, h, o, g: {"x": u @ s.weight_ih.value + s.bias_ih.value},
        **SQUARE,
    ),
    lstm("no way from h", "x", "path lost", "the way from h back to the new cell", gamma=lambda v: v["gc"]),
    lstm(
        "only h",
        "c",
        "path lost",
        "what arrives at c is not used",
        gamma=lambda v: v["gh"] * v["o"] * (1 - v["tanh_c"] ** 2),
    ),
    lstm(
        "no slope",
        "weight_hh",
        "missing factor",
        "tanh between the new cell and h is left out",
        gamma=lambda v: v["gc"] + v["gh"] * v["o"],
    ),
    lstm(
        "no square",
        "x",
        "wrong slope",
        "tanh between the new cell and h lacks the square",
        gamma=lambda v: v["gc"] + v["gh"] * v["o"] * (1 - v["tanh_c"]),
    ),
    lstm(
        "no gate",
        "c",
        "missing factor",
        "the output gate is left out",
        gamma=lambda v: v["gc"] + v["gh"] * (1 - v["tanh_c"] ** 2),
    ),
    lstm(
        "added as it came",
        "c",
        "local derivative ignored",
        "added to the cell's gradient as it came",
        gamma=lambda v: v["gc"] + v["gh"],
    ),
    lstm(
        "no i slope",
        "weight_ih",
        "missing factor",
        "the slope of the input gate's sigmoid is left out",
        ui=lambda v: v["gamma"] * v["z"],
    ),
    lstm(
        "half of i's slope",
        "weight_ih",
        "wrong slope",
        "input gate's sigmoid is one minus the gate",
        ui=lambda v: v["gamma"] * v["z"] * (1 - v["i"]),
    ),
    lstm(
        "new cell",
        "weight_ih",
        "wrong factor",
        "the new cell stands in the forget gate's gradient",
        uf=lambda v: v["gamma"] * v["new"] * v["f"] * (1 - v["f"]),
    ),
    lstm(
        "as a sigmoid",
        "x",
        "other formula",
        "of the candidate is written as that of a sigmoid",
        uz=lambda v: v["gamma"] * v["i"] * v["z"] * (1 - v["z"]),
    ),
    lstm(
        "no input gate",
        "bias_ih",
        "missing factor",
        "the input gate is left out",
        uz=lambda v: v["gamma"] * (1 - v["z"] ** 2),
    ),
    lstm(
        "unsquashed",
        "weight_hh",
        "wrong factor",
        "the new cell stands in the output gate's gradient",
        uo=lambda v: v["gh"] * v["new"] * v["o"] * (1 - v["o"]),
    ),
    lstm(
        "gamma for h",
        "x",
        "wrong factor",
        "the cell's whole gradient goes into the output gate",
        uo=lambda v: v["gamma"] * v["tanh_c"] * v["o"] * (1 - v["o"]),
    ),
    lstm(
        "order",
        "x",
        "permuted",
        "side by side as f, i, z, o",
        u=lambda v: torch.cat([v["uf"], v["ui"], v["uz"], v["uo"]], -1),
    ),
    lstm(
        "another order",
        "bias_hh",
        "permuted",
        "side by side as i, f, o, z",
        u=lambda v: torch.cat([v["ui"], v["uf"], v["uo"], v["uz"]], -1),
    ),
    lstm(
        "no forget gate",
        "c",
        "missing factor",
        "the forget gate is left out of the gradient of the old cell",
        dc=lambda v: v["gamma"],
    ),
    lstm(
        "input gate", "c", "wrong factor", "the input gate stands in ∂L/∂c", dc=lambda v: v["gamma"] * v["i"]
    ),
    gru(
        "sign",
        "x",
        "sign",
        "candidate and old state are exchanged",
        uz=lambda v: v["g"] * (v["n"] - v["h"]) * v["z"] * (1 - v["z"]),
    ),
    gru(
        "no candidate",
        "h",
        "path lost",
        "the candidate is left out",
        uz=lambda v: v["g"] * v["h"] * v["z"] * (1 - v["z"]),
    ),
    gru("no direct way", "h", "path lost", "the direct way", direct=lambda v: 0),
    gru(
        "complement",
        "h",
        "wrong factor",
        "the complement of the update gate stands in ∂L/∂h",
        direct=lambda v: v["g"] * (1 - v["z"]),
    ),
    gru(
        "other convention",
        "x",
        "wrong factor",
        "stands in the candidate's gradient",
        un=lambda v: v["g"] * v["z"] * (1 - v["n"] ** 2),
    ),
    gru(
        "no tanh",
        "weight_hh",
        "missing factor",
        "the candidate's tanh is left out",
        un=lambda v: v["g"] * (1 - v["z"]),
    ),
    gru(
        "h for q",
        "weight_ih",
        "wrong factor",
        "the old state itself",
        ur=lambda v: v["un"] * v["h"] * v["r"] * (1 - v["r"]),
    ),
    gru(
        "no r", "h", "missing factor", "the reset gate is left out on the state's side", vn=lambda v: v["un"]
    ),
    gru(
        "r on both sides",
        "x",
        "extra factor",
        "on the input's side",
        u=lambda v: torch.cat([v["ur"], v["uz"], v["vn"]], -1),
    ),
    gru("order", "bias_ih", "permuted", "z, r, n", u=lambda v: torch.cat([v["uz"], v["ur"], v["un"]], -1)),
    Wrong(
        "cut",
        Unroll,
        in_time(cut=True),
        "cell.weight_hh",
        "path lost",
        "from one step to the step before",
        **TIME,
    ),
    Wrong("reverse", Unroll, in_time(reverse=True), "x0", "permuted", "reverse order of time", **TIME),
    Wrong(
        "last output",
        Unroll,
        in_time(last=True),
        "x0",
        "examples missing",
        "only the last step's output",
        **TIME,
    ),
    Wrong(
        "no final state",
        Unroll,
        in_time(final=False),
        "cell.bias_ih",
        "path lost",
        "the final state is not used",
        **TIME,
    ),
    Wrong(
        "no final state",
        LSTM,
        lambda self, g, h, c: LSTM.backward(self, g, None, None),
        "x",
        "path lost",
        "the final state is not used",
        **SPAN,
    ),
    Wrong(
        "outputs only",
        LSTM,
        lambda self, g, h, c: LSTM.backward(self, g, h, None),
        "c0",
        "path lost",
        "the final c is not used",
        **SPAN,
    ),
]


@pytest.mark.parametrize(
    "wrong", WRONG, ids=lambda wrong: f"{wrong.kind.__name__}: {wrong.label}: {wrong.tensor}"
)
def test_it_is_named(wrong):
    must_be_named(wrong)


@pytest.mark.parametrize(
    ("kind", "backward", "case"),
    [
        (RNNCell, simple(), CELL),
        (LSTMCell, gated(), MEMORY),
        (GRUCell, reset(), CELL),
        (Unroll, in_time(), TIME),
    ],
)
def test_the_backwards_are_right_where_nothing_is_changed(kind, backward, case):
    module, inputs = Wrong("", kind, backward, "", "", "", **case).made()
    assert check_module(module, inputs).passed
