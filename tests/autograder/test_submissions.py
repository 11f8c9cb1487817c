"""The bank of submissions: each gets the points that it deserves, and the mistakes in it are named."""

import re
from pathlib import Path

import nbformat
import pytest

from autograder.demo.sample_class import BANK, banks, read_bank, sample_class
from autograder.gradebook.grades import ClassGrades, read_grades
from autograder.gradebook.verdicts import Verdict, read_verdict
from course.exercises import find_exercise

ASSIGNMENTS = sorted(
    path.name for path in (Path(__file__).parents[2] / "solutions").iterdir() if path.is_dir()
)
UNREADABLE = "not-json"


QUICK = ("01_graphs", "02_layers")
"""Tested every time; the classes of the other assignments are slow tests."""


def group(assignment: str):
    """One worker runs an assignment's demo, once."""
    together = pytest.mark.xdist_group("demo" if assignment == "01_graphs" else f"demo of {assignment}")
    return [together] if assignment in QUICK else [together, pytest.mark.slow]


each_assignment = pytest.mark.parametrize(
    "assignment", [pytest.param(name, marks=group(name)) for name in ASSIGNMENTS]
)
each_submission = pytest.mark.parametrize(
    ("assignment", "name"),
    [
        pytest.param(assignment, name, marks=group(assignment))
        for assignment in banks()
        for name in read_bank(assignment)
    ],
)


@pytest.fixture
def points(demos, assignment) -> ClassGrades:
    return read_grades(demos(assignment).settings, assignment)


def who_handed_in(assignment: str, name: str) -> str:
    return next(
        student
        for student, sample in sample_class(assignment).items()
        if sample is not None and sample.name == name
    )


@each_submission
def test_points_are_what_it_deserves(assignment, name, points):
    row = points[who_handed_in(assignment, name)]
    exercises = {exercise: most for exercise, most in points.most.items() if exercise != "written"}
    assert {exercise: row.points[exercise] for exercise in exercises} == read_bank(assignment)[name].deserves(
        exercises
    )


@each_submission
def test_its_mistakes_are_named(assignment, name, demos):
    wanted = read_bank(assignment)[name].mistakes
    verdicts = (
        read_verdicts(demos(assignment).settings.autograded, who_handed_in(assignment, name), assignment)
        if wanted
        else {}
    )
    named = {
        (exercise, part.mistake)
        for exercise, verdict in verdicts.items()
        for part in verdict.parts
        if not part.passed
    }
    assert set(wanted) <= named


def read_verdicts(autograded: Path, student: str, assignment: str) -> dict[str, Verdict]:
    notebook = nbformat.read(autograded / student / assignment / f"{assignment}.ipynb", as_version=4)
    found = [verdict for cell in notebook.cells if (verdict := read_verdict(cell)) is not None]
    return {verdict.exercise: verdict for verdict in found}


@each_assignment
def test_every_bank_is_rich(assignment):
    bank = read_bank(assignment)
    assert 20 <= len(bank) < 30
    assert sum(name.startswith("right-") for name in bank) >= 3
    assert len({mistake for sample in bank.values() for _, mistake in sample.mistakes}) >= 4
    assert len(
        {tuple(sample.answers.items()) + tuple(sample.treatment.items()) for sample in bank.values()}
    ) == len(bank)
    for name in bank:
        assert (BANK / assignment / f"{name}.py").read_text().startswith("# "), f"{name} says what it shows"


@each_assignment
def test_the_class_hands_in_the_whole_bank(assignment):
    handed_in = [sample.name for sample in sample_class(assignment).values() if sample is not None]
    assert set(handed_in) == read_bank(assignment).keys()
    assert len(sample_class(assignment)) == 30
    assert None in sample_class(assignment).values()


def test_nobody_is_always_right():
    right = [
        {who for who, sample in sample_class(name).items() if sample and sample.name == "right-plain"}
        for name in banks()
    ]
    assert len(banks()) == 1 or not set.intersection(*right)


@each_assignment
def test_a_hundred_points_of_which_a_person_gives_some(assignment, points):
    assert sum(points.most.values()) == 100
    assert 5 <= points.most["written"] <= 10
    exercises = {name: most for name, most in points.most.items() if name != "written"}
    assert len(exercises) >= 4
    assert {name: find_exercise(name).max_points for name in exercises} == exercises
    assert sum(len(find_exercise(name).points) for name in exercises) > len(exercises), (
        "parts are graded separately"
    )


@each_submission
def test_the_written_answer_waits_for_a_person(assignment, name, points):
    if name != UNREADABLE:
        assert points[who_handed_in(assignment, name)].points["written"] is None


@each_assignment
def test_feedback_holds_no_hidden_tests(assignment, demos):
    settings = demos(assignment).settings
    source = (settings.source / assignment / f"{assignment}.ipynb").read_text()
    seeds = re.findall(r"seed=(\d+)", source)
    assert len(seeds) >= 4
    for student, sample in sample_class(assignment).items():
        if sample is not None:
            page = (settings.feedback / student / assignment / f"{assignment}.html").read_text()
            assert "HIDDEN TESTS" not in page
            said = re.sub(r"base64,[\w+/=]+", "", page)
            assert not [seed for seed in seeds if re.search(rf"\b{seed}\b", said)], student


@each_assignment
def test_the_demo_prints_every_total(assignment, demos, points):
    demo = demos(assignment)
    assert demo.code == 0, demo.output
    for row in points.submissions:
        if row.handed_in:
            assert re.search(rf"^ *{row.student} .* {row.total:g} *$", demo.output, re.MULTILINE), row.student
