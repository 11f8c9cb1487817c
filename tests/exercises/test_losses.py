"""Assignment 03: what its cases must hold so that no mistake gets by for lack of numbers that show it."""

import pytest
import torch

from course import generator
from course.exercises import find_exercise
from course.exercises.bank.losses import CLOSE, SURE

REDUCED = ("log_loss", "cross_entropy_loss", "bce_with_logits_loss", "hinge_loss")


def cases(name, seed=0):
    return {case.label: case for case in find_exercise(name).cases(generator(seed))}


@pytest.mark.parametrize("name", REDUCED)
def test_every_reduction_is_tried_on_a_batch(name):
    exercise = find_exercise(name)
    made = [(case.module(exercise.truth), *case.inputs) for case in cases(name).values()]
    assert {module.reduction for module, *_ in made} == {"none", "sum", "mean"}
    for module, x, target in made:
        assert len(x) > 1
        assert module(x, target).dim() == 0 or module.reduction == "none"


@pytest.mark.parametrize("seed", range(5))
def test_who_is_sure_leaves_no_probability_to_divide_by(seed):
    logits, truth = cases("cross_entropy_loss", seed)["sure of a wrong class"].inputs
    right = logits.double().softmax(dim=1).gather(1, truth[:, None])
    assert right[0] > 0
    assert right[1:].count_nonzero() == 0
    logits, truth = cases("bce_with_logits_loss", seed)["sure of a wrong answer"].inputs
    p = logits.double().sigmoid()
    assert (p == 1 - truth).all()
    assert torch.exp(torch.tensor(SURE, dtype=torch.float64)).isinf()


@pytest.mark.parametrize("seed", range(5))
def test_labels_of_both_kinds_are_in_every_case(seed):
    for case in cases("hinge_loss", seed).values():
        assert set(case.inputs[1].unique().tolist()) == {-1.0, 1.0}
    for label, case in cases("bce_with_logits_loss", seed).items():
        assert label == "losses kept apart" or set(case.inputs[1].unique().tolist()) == {0.0, 1.0}


@pytest.mark.parametrize("seed", range(5))
def test_the_hinge_is_seen_on_both_sides_of_its_kink_and_never_at_it(seed):
    for case in cases("hinge_loss", seed).values():
        margins = case.inputs[0] * case.inputs[1]
        assert set((margins > 1).unique().tolist()) == {False, True}
        assert ((margins - 1).abs() > 0.9 * CLOSE).all()


def test_softmax_runs_along_axes_that_batch_and_classes_do_not_share():
    shapes = {label: tuple(case.inputs[0].shape) for label, case in cases("softmax").items()}
    dims = {
        label: case.module(find_exercise("softmax").truth).dim for label, case in cases("softmax").items()
    }
    assert set(dims.values()) == {0, 1, -1}
    assert shapes["one row"][0] == 1
    assert {len(shape) for shape in shapes.values()} == {2, 3}


def test_the_gradient_of_whole_numbers_is_worth_points():
    exercise = find_exercise("cross_entropy_loss")
    assert "∂L/∂target" in exercise.points
    assert not any(case.inputs[1].is_floating_point() for case in cases("cross_entropy_loss").values())
