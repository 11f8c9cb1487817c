"""The lists themselves: they can be computed everywhere, and never hold the true gradient."""

import copy

import numpy as np
import pytest

from course import generator
from course.checking.diagnosis.slips import wrong_formulas
from course.checking.diagnosis.slips.at import At, lists_for
from course.checking.diagnosis.suspect import Suspect, same
from course.checking.truth import Truth
from course.exercises import all_exercises
from course.exercises.exercise import Case
from course.modules.registry import all_modules

FEWEST = 3
"""A module that has a list has so many wrong formulas at least."""

EXERCISES = [
    name
    for name, exercise in all_exercises().items()
    if exercise.truth is not None and not name.startswith("mend_")
]
LISTED = set(
    """
    Abs Add BCELoss BCEWithLogitsLoss Copy Cos CosineUnit CrossEntropyLoss Divide ELU EuclideanLoss Exp GELU
    Hardtanh HingeLoss HuberLoss Identity KLDivLoss L1Loss L2Normalize LeakyReLU Linear Log LogLoss LogSigmoid
    LogSoftmax MSELoss Max Mish Multiply NLLLoss Negate NoisyReLU PReLU Polynomial Power RadialBasis ReLU
    ReLU6 Reciprocal SELU SiLU Sigmoid Sin SmoothL1Loss Softmax Softplus Softsign Sqrt Square Subtract Tanh
    ContrastiveLoss
    """.split()  # noqa: SIM905 - a list of words
)


def suspects(truth):
    """Each tensor's gradient under suspicion, where torch knows the true ones."""
    exact = truth.exact()
    for name, true in (exact or {}).items():
        yield Suspect(truth, name, {name: true}, true)


def require_wrong(truth):
    """No prediction is the true gradient, nor anything that agrees with all numbers; their count."""
    count = 0
    for suspect in suspects(truth):
        for hypothesis in wrong_formulas(suspect):
            count += 1
            assert np.isfinite(hypothesis.predicted).all(), hypothesis.what
            assert not same(hypothesis.predicted, suspect.true), hypothesis.what
            assert not suspect.matches(hypothesis.predicted), hypothesis.what
    return count


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", EXERCISES)
def test_no_slip_of_an_exercise_is_right(name, seed):
    exercise, rng = all_exercises()[name], generator(seed)
    for case in exercise.cases(rng):
        if isinstance(case, Case):
            require_wrong(Truth(case.module(exercise.truth), case.inputs, rng))


@pytest.mark.parametrize("kind", [kind for name, kind in all_modules().items() if name in LISTED])
def test_no_slip_of_a_module_is_right(kind):
    counts = []
    for example in kind.examples(generator(3)):
        truth = Truth(
            copy.deepcopy(example.module), example.inputs, generator(4), reference=example.reference
        )
        counts.append(require_wrong(truth))
        for listed in lists_for(truth.module):
            list(listed(At(next(suspects(truth)))))  # no list breaks off, which `drain` would not tell
    assert max(counts) >= FEWEST


def test_every_listed_module_exists():
    assert all_modules().keys() >= LISTED
