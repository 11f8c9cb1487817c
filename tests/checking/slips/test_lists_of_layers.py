"""All lists: each wrong formula is wrong somewhere, and none stumbles over the cases it is written for."""

from collections import defaultdict

import pytest
import torch

from course import generator
from course.checking.diagnosis import slips
from course.checking.diagnosis.slips.at import At, lists_for
from course.checking.diagnosis.suspect import Suspect, same
from course.checking.truth import Truth, fresh_copy
from course.containers.unroll import Unroll
from course.exercises.bank.gradient_checking import Proportions
from course.modules import (
    GLU,
    LSTM,
    AdaptiveAvgPool2d,
    AvgPool2d,
    BatchNorm1d,
    BatchNorm2d,
    Bilinear,
    Conv1d,
    Conv2d,
    ConvTranspose2d,
    Divide,
    Dropout,
    Embedding,
    FiLM,
    Gate,
    GlobalAvgPool2d,
    GroupNorm,
    GRUCell,
    L1Normalize,
    LayerNorm,
    LSTMCell,
    MatMul,
    MaxPool2d,
    MSELoss,
    MultiheadAttention,
    RMSNorm,
    RNNCell,
    ScaledDotProductAttention,
    SiLU,
    Sine,
    UpsamplingNearest2d,
    ZeroPad2d,
)

INDEX = torch.tensor([[1, 3, 1], [0, 3, 2]])
HEADS = ((3, 2, 4), (5, 2, 4), (5, 2, 4))

CASES = {
    BatchNorm1d: [((3,), [(5, 3)]), ((4,), [(4, 4)]), ((3,), [(2, 3, 4)])],
    BatchNorm2d: [((3,), [(2, 3, 2, 3)]), ((2,), [(2, 2, 2, 2)])],
    LayerNorm: [((4,), [(5, 4)]), ((4,), [(4, 4)]), (((2, 3),), [(4, 2, 3)])],
    RMSNorm: [((4, 0.1), [(5, 4)]), ((4,), [(4, 4)]), (((2, 3),), [(4, 2, 3)])],
    GroupNorm: [((2, 4), [(3, 4, 2)]), ((2, 4), [(2, 4, 2, 3)]), ((2, 4), [(4, 4)])],
    L1Normalize: [((), [(5, 3)]), ((0,), [(3, 3)]), ((), [(4, 4)])],
    Dropout: [((0.4,), [(5, 4)])],
    Conv1d: [((2, 3, 3), [(2, 2, 7)]), ((2, 2, 3, 2, 1), [(3, 2, 7)]), ((2, 3, 2, 1, 0, 2), [(2, 2, 7)])],
    Conv2d: [
        ((2, 3, 3), [(2, 2, 5, 4)]),
        ((2, 2, 2, 2, 1), [(2, 2, 4, 4)]),
        ((2, 2, 2, 1, 1, 2), [(2, 2, 5, 5)]),
    ],
    ConvTranspose2d: [((2, 3, 2), [(2, 2, 3, 2)]), ((2, 2, 3, 2, 1), [(2, 2, 3, 3)])],
    MaxPool2d: [
        ((2,), [(2, 2, 4, 4)]),
        ((3, 1), [(2, 2, 5, 5)]),
        ((2, 2, 1), [(2, 2, 4, 4)]),
        ((3, 2), [(2, 5, 7)]),
    ],
    AvgPool2d: [
        ((2,), [(2, 2, 4, 4)]),
        ((3, 1), [(2, 2, 5, 5)]),
        (((2, 3), 2, 1), [(2, 2, 4, 6)]),
        ((2, 2, 1, False, False), [(2, 2, 4, 4)]),
        ((2, 1, 0, False, True, 3), [(2, 4, 3)]),
    ],
    AdaptiveAvgPool2d: [((2,), [(2, 2, 5, 4)]), (((3, 2),), [(2, 4, 5)])],
    GlobalAvgPool2d: [((), [(2, 3, 2, 4)])],
    UpsamplingNearest2d: [((None, 2), [(2, 2, 2, 3)]), (((4, 5),), [(2, 2, 2, 3)])],
    ZeroPad2d: [((1,), [(2, 2, 3, 4)]), (((1, 2, 0, 3),), [(2, 2, 3, 4)])],
    RNNCell: [
        ((2, 3), [(4, 2), (4, 3)]),
        ((3, 3), [(4, 3), (4, 3)]),
        ((2, 3, True, "relu"), [(4, 2), (4, 3)]),
    ],
    GRUCell: [((2, 3), [(4, 2), (4, 3)]), ((3, 3), [(4, 3), (4, 3)])],
    LSTMCell: [((2, 3), [(4, 2), (4, 3), (4, 3)]), ((3, 3), [(4, 3)] * 3)],
    LSTM: [((2, 3), [(4, 2, 2), (1, 2, 3), (1, 2, 3)])],
    ScaledDotProductAttention: [
        ((), [(2, 3, 4), (2, 5, 4), (2, 5, 2)]),
        ((), [(3, 3), (3, 3), (3, 3)]),
        ((), [(2, 3, 4), (2, 5, 4), (2, 5, 2), (3, 5)]),
        ((), [(4, 4)] * 3),
    ],
    MultiheadAttention: [((4, 2), HEADS), ((4, 2), [(3, 2, 4)] * 3)],
    FiLM: [
        ((), [(4, 3), (4, 3), (4, 3)]),
        ((), [(2, 3, 2, 2), (2, 3), (2, 3)]),
        ((), [(3, 3, 4), (3, 3), (3, 3)]),
    ],
    GLU: [((), [(5, 6)]), ((0,), [(4, 3)]), ((), [(4, 4)])],
    Gate: [((), [(4, 3), (4, 3)]), ((), [(4, 3), (4, 1)]), ((), [(4, 3), (3,)])],
    Bilinear: [((2, 4, 3), [(5, 2), (5, 4)]), ((3, 3, 3), [(3, 3), (3, 3)])],
    MatMul: [((), [(4, 3), (3, 2)]), ((), [(3, 3), (3, 3)]), ((), [(2, 4, 3), (3, 2)])],
    SiLU: [((), [(5, 3)])],
    Divide: [((), [(4, 3), (4, 3)]), ((), [(4, 3), (3,)]), ((), [(3,), (4, 3)]), ((), [(3, 3), (3, 1)])],
    Sine: [((3,), [(4, 3)]), ((3,), [(3, 3)])],
    MSELoss: [((), [(4, 3), (4, 3)]), ((), [(3, 2), (3, 2)]), ((), [(5,), (5,)])],
}


def truths(kind):
    for number, (args, shapes) in enumerate(CASES[kind]):
        rng = generator(number)
        torch.manual_seed(number)
        inputs = tuple(torch.randn(*shape, generator=rng) for shape in shapes)
        yield Truth(fresh_copy(kind(*args), rng), inputs, rng)


def others():
    """Modules that are made of others, or that read whole numbers."""
    rng = generator(0)
    torch.manual_seed(0)
    yield "Embedding", Truth(fresh_copy(Embedding(5, 3), rng), (INDEX,), rng)
    for cell in (RNNCell(2, 3), LSTMCell(2, 3)):
        states = [torch.randn(2, 3, generator=rng) for _ in range(1 + isinstance(cell, LSTMCell))]
        yield (
            "Unroll",
            Truth(fresh_copy(Unroll(cell), rng), (torch.randn(4, 2, 2, generator=rng), *states), rng),
        )
    for shape in ((4, 3), (3, 3), (1, 4)):
        yield "Proportions", Truth(Proportions(), (0.5 + torch.rand(shape, generator=rng),), rng)
    evaluated = BatchNorm1d(3)
    evaluated(torch.randn(6, 3, generator=rng) + 1)
    yield "in eval mode", Truth(fresh_copy(evaluated.eval(), rng), (torch.randn(5, 3, generator=rng),), rng)
    dropping = Dropout(0.3).eval()
    yield "eval", Truth(fresh_copy(dropping, rng), (torch.randn(5, 3, generator=rng),), rng)


def listed(truth):
    """Every slip for the truth, with the right gradient, not stopping short of anything that is raised."""
    exact = truth.exact()
    name = next(iter(exact))
    at = At(Suspect(truth, name, exact, exact[name]))
    for slip in (slip for one_list in lists_for(truth.module) for slip in one_list(at)):
        if slip is not None:
            tensor, hypothesis = slip
            yield tensor, hypothesis, exact[tensor]


def must_be_wrong_somewhere(all_of_them):
    wrong = defaultdict(list)
    for truth in all_of_them:
        for _, hypothesis, right in listed(truth):
            wrong[hypothesis.what].append(not same(hypothesis.predicted, right))
    assert len(wrong) > 2
    assert [what for what, differs in wrong.items() if not any(differs)] == []


@pytest.mark.parametrize("kind", CASES, ids=lambda kind: kind.__name__)
def test_each_formula_is_wrong_somewhere(kind):
    slips._read_all_lists()
    must_be_wrong_somewhere(truths(kind))


@pytest.mark.parametrize("name", dict.fromkeys(name for name, _ in others()))
def test_so_it_is_of_what_is_made_of_others(name):
    slips._read_all_lists()
    must_be_wrong_somewhere(truth for own, truth in others() if own == name)


@pytest.mark.parametrize("kind", CASES, ids=lambda kind: kind.__name__)
def test_a_formula_that_is_right_here_is_not_told(kind):
    for truth in truths(kind):
        exact = truth.exact()
        for name, right in exact.items():
            suspect = Suspect(truth, name, exact, right)
            assert [h.what for h in slips.wrong_formulas(suspect) if suspect.matches(h.predicted)] == []


def test_sentences_hold_no_names_of_torch():
    names = {"aten", "addmm", "mul", "lerp", "select", "scatter", "bmm", "einsum", "index_add"}
    for kind in CASES:
        for truth in truths(kind):
            for _, hypothesis, _ in listed(truth):
                assert not names & set(hypothesis.what.replace("'", " ").split())
                assert hypothesis.what[-1] not in ".,"
                assert hypothesis.what.count("(") == hypothesis.what.count(")")
