"""Assignment 04: broken modules earn nothing, both verdicts count, the differences are the student's own."""

from itertools import combinations
from pathlib import Path

import nbformat
import pytest
import torch

import course
from course import Module, Parameter
from course.checking.shortcuts import ENGINE, MEASURED
from course.checks import check_module
from course.exercises import find_exercise
from course.exercises.gradient_pictures import distance_curve, error_curve, verdict_curve
from course.exercises.grading import grade
from course.gradients import numerical_gradients
from course.modules import Sin

NOTEBOOK = Path(__file__).parents[2] / "solutions" / "04_gradient_checking" / "04_gradient_checking.ipynb"
BROKEN = {
    "mend_mse_loss": ("BrokenMSELoss", "missing 1/N"),
    "mend_matmul": ("BrokenMatMul", "missing transpose"),
    "mend_silu": ("BrokenSiLU", "path lost"),
    "mend_divide": ("BrokenDivide", "broadcast not reduced"),
    "mend_sine": ("BrokenSine", "overwritten"),
    "mend_proportions": ("BrokenProportions", "constant statistics"),
}


@pytest.fixture(scope="module")
def cells():
    return {cell.id: cell for cell in nbformat.read(NOTEBOOK, as_version=4).cells}


@pytest.fixture(scope="module")
def named(cells):
    """What the notebook's cells of code define, those of the answers included."""
    found = {"torch": torch, "Module": Module, "Parameter": Parameter}
    for name, cell in cells.items():
        if cell.cell_type == "code" and not name.endswith(("-test", "-picture")) and name != "imports":
            exec(cell.source, found)
    return found


@pytest.mark.parametrize("exercise", BROKEN)
def test_a_broken_module_earns_nothing_and_its_mistake_has_a_name(exercise, named):
    broken, mistake = BROKEN[exercise]
    for seed in range(3):
        score = grade(find_exercise(exercise), named[broken], seed=seed)
        assert score.points == 0
        assert mistake in {part.mistake.name for part in score.verdicts if part.mistake}


def test_each_mistake_is_another_one():
    assert len({mistake for _, mistake in BROKEN.values()}) == len(BROKEN)


def test_the_broken_code_is_locked_and_holds_no_answer(cells):
    for exercise in BROKEN:
        name = exercise.replace("_", "-")
        broken, mended = cells[f"{name}-broken"], cells[name]
        assert broken.metadata.nbgrader.locked
        lines = mended.source.partition("### BEGIN SOLUTION")[2].partition("### END SOLUTION")[0].splitlines()
        assert any(line.strip() and line.strip() not in broken.source for line in lines)


def test_the_text_tells_how_many_modules_are_shown_and_of_what_dtype(cells):
    for name in ("numerical_gradient", "relative_error", "check_gradient"):
        calls = find_exercise(name).cases(course.generator(0))
        assert {tensor.dtype for call in calls for tensor in call.inputs} <= {torch.float64, torch.bool}
    assert len(calls) == 9
    assert "nine modules that are right" in cells["check-gradient-task"].source


@pytest.mark.parametrize("verdict", [True, False, 0.5, "True", None])
def test_a_check_that_always_says_the_same_earns_nothing(verdict):
    assert grade(find_exercise("check_gradient"), lambda module, x: verdict).points == 0


def test_an_order_learned_by_heart_does_not_help():
    for first in (True, False):
        points = [
            grade(find_exercise("check_gradient"), alternating(first), seed=seed).points for seed in range(4)
        ]
        assert max(points) < 16


def alternating(verdict):
    def check_gradient(module, x):
        nonlocal verdict
        verdict = not verdict
        return verdict

    return check_gradient


def test_the_librarys_differences_are_refused_and_work_again_afterwards():
    ones = torch.ones((), dtype=torch.float64)
    by_library = grade(
        find_exercise("numerical_gradient"), lambda f, x, epsilon: numerical_gradients(f, [x], [ones])[0]
    )
    assert by_library.points == 0
    assert MEASURED in by_library.verdicts[0].message
    assert (
        grade(find_exercise("check_gradient"), lambda module, x: check_module(module, (x,)).passed).points
        == 0
    )
    assert check_module(Sin(), (torch.ones(2, device=course.device()),)).passed


def test_pictures_show_the_students_functions_at_work(named):
    assert "smallest at ε = " in error_curve(named["numerical_gradient"]).alt
    line = distance_curve(named["relative_error"]).axes[0].lines[0]
    torch.testing.assert_close(
        torch.tensor(line.get_ydata()), torch.tensor(line.get_xdata()), rtol=1e-3, atol=0
    )
    assert "the first False at 2e-06" in verdict_curve(named["check_gradient"]).alt


@pytest.mark.parametrize("draw", [error_curve, distance_curve, verdict_curve])
def test_pictures_wait_for_what_is_not_written(draw):
    def not_written(*given):
        raise NotImplementedError

    figure = draw(not_written)
    assert "not written yet" in figure.alt
    assert figure.to_png().startswith(b"\x89PNG")
    assert "it raised ZeroDivisionError" in draw(lambda *given: 1 / 0).alt


def test_a_function_that_lets_torch_differentiate_is_seen():
    def by_hand(a, b):
        largest = max(a.abs().max(), b.abs().max())
        return (a - b).abs().max() / largest if largest else 0.0

    def with_torch(a, b):
        with torch.enable_grad():
            x = torch.ones(1, requires_grad=True)
            torch.autograd.grad(x.sum(), x)
        return by_hand(a, b)

    exercise = find_exercise("relative_error")
    assert grade(exercise, by_hand).complete
    score = grade(exercise, with_torch)
    assert score.points == 0
    assert ENGINE in score.verdicts[0].message


def test_what_tells_a_right_gradient_from_a_wrong_one_is_its_numbers_alone():
    """The two modules have the same class and the same attributes, but for their tables."""
    seen = []

    def check_gradient(module, x):
        seen.append(module)
        return True

    grade(find_exercise("check_gradient"), check_gradient)
    assert len(seen) == 9 * 4
    pairs = [pair for group in zip(*[iter(seen)] * 4, strict=True) for pair in combinations(group, 2)]
    others = [
        (first, second)
        for first, second in pairs
        if not torch.equal(first.slopes.nan_to_num(9), second.slopes.nan_to_num(9))
    ]
    assert len(others) == 9 * 4  # in each case, two are right and two are wrong
    for first, second in others:
        assert type(first) is type(second)
        assert vars(first).keys() == vars(second).keys()
        same = {name for name in vars(first) if not isinstance(vars(first)[name], torch.Tensor)}
        assert {name: vars(first)[name] for name in same - {"saved"}} == {
            name: vars(second)[name] for name in same - {"saved"}
        }
