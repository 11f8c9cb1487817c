"""Each submission of the sample class gets the points that it deserves."""

import re

import nbformat
import pytest

from autograder.points import Points, read_points
from autograder.sample_class import read_class

pytestmark = pytest.mark.xdist_group("demo")  # so that it runs once

EXERCISES = ("add", "multiply", "max", "copy", "cosine_unit", "sigmoid_neuron", "graph")
PARTS = {  # as the assignment states them
    "add": {"shapes": 2, "∂L/∂x": 3, "∂L/∂y": 3},
    "multiply": {"∂L/∂x": 5, "∂L/∂y": 5, "leaves inputs alone": 2},
    "max": {"∂L/∂x": 6, "∂L/∂y": 6, "leaves inputs alone": 2},
    "copy": {"shapes": 2, "∂L/∂x": 6},
    "cosine_unit": {"∂L/∂x": 6, "∂L/∂theta": 6, "accumulation": 4, "leaves inputs alone": 2},
    "sigmoid_neuron": {"∂L/∂w": 8, "∂L/∂x": 7},
    "graph": {"one path": 5, "fan-out": 6, "a long and a short path": 5, "a node with a parameter": 4},
}
# What each submission deserves, argued by hand from the parts above; the written answer waits for a person.
#                     add  multiply  max  copy  cosine  neuron  graph
EXPECTED = {
    "right-plain": (8, 12, 14, 8, 18, 15, 20),
    "right-noisy-loops": (8, 12, 14, 8, 18, 15, 20),  # prints to stderr and warnings cost nothing
    "right-vectorized": (8, 12, 14, 8, 18, 15, 20),
    "wrong-kernel": (8, 12, 14, 8, 18, 15, 20),  # graded with the course's kernel
    "old-nbformat": (8, 12, 14, 8, 18, 15, 20),  # upgraded
    "mean-for-sum": (8, 12, 14, 8, 18 - 6, 15, 20),  # ∂L/∂theta is wrong for a batch, and still accumulates
    "swapped-factors": (8, 12 - 5 - 5, 14, 8, 18 - 6 - 6, 15 - 7, 20),  # both of multiply's, both of cos's, the neuron's ∂L/∂x
    "ignores-upstream": (8 - 3 - 3, 12 - 5 - 5, 14 - 6 - 6, 8, 18 - 4, 15, 20),  # both gradients, three times; accumulation
    "in-place-damage": (8, 12 - 2, 14 - 2, 8, 18, 15, 20),  # the gradients are right, what was given is damaged
    "lost-fan-out": (8, 12, 14, 8 - 6, 18, 15, 5),  # of the graphs only the one in which nothing is read twice
    "wrong-order": (8, 12, 14, 8, 18, 15, 20 - 5),  # early, by the short path, before the long path has arrived
    "half-done": (8, 12, 0, 0, 0, 0, 0),  # stubs earn nothing, not even for leaving inputs alone
    "calls-autograd": (8, None, 14, 8, 18, 15, 20),  # 2 points, for leaving inputs alone; a person looks at it
    "infinite-loop": (8, 12, 14, 8, 18, 15, 0),  # stopped; everything else counts
    "missing-import": (8, 12, 14, 8, 18, 0, 20),
    "deleted-test-cell": (8, 12 - 5, 14, 8, 18, 15, 20),  # the test is back, and ∂L/∂y is wrong
    "not-json": (0, 0, 0, 0, 0, 0, 0),
}


@pytest.fixture(scope="module")
def points(demo) -> Points:
    return read_points(demo.settings, "01_graphs")


@pytest.mark.parametrize("student", EXPECTED)
def test_points_are_what_the_submission_deserves(points, student):
    row = points[student]
    assert tuple(row.points[name] for name in EXERCISES) == EXPECTED[student]


@pytest.mark.parametrize("student", sorted(EXPECTED.keys() - {"not-json"}))
def test_written_answer_waits_for_a_person(points, student):
    assert points[student].points["written"] is None


def test_everyone_in_the_sample_class_is_expected_here(points):
    assert {row.student for row in points.rows} == {sample.student for sample in read_class("01_graphs")} == EXPECTED.keys()
    assert 12 <= len(EXPECTED) <= 20


def test_points_of_the_parts_add_up_to_the_assignment(points):
    assert points.most == {**{name: sum(parts.values()) for name, parts in PARTS.items()}, "written": 5}
    assert sum(points.most.values()) == 100


def test_demo_succeeds_and_prints_every_total(demo):
    assert demo.code == 0, demo.output
    for student, expected in EXPECTED.items():
        assert re.search(rf"^ *{student} .* {sum(points or 0 for points in expected)} *$", demo.output, re.MULTILINE), student


def test_unreadable_submission_has_one_clear_line(demo, points):
    assert points["not-json"].problem.startswith("01_graphs.ipynb is not JSON (line ")
    assert demo.output.count("01_graphs.ipynb is not JSON") == 1
    assert "Traceback" not in demo.output


def test_screen_is_quiet(demo):
    for noise in ("nbgrader", "WARNING", "SAWarning", "INFO"):
        assert noise not in demo.output


@pytest.mark.parametrize("student", EXPECTED)
def test_everyone_gets_feedback_without_hidden_tests(demo, student):
    page = (demo.settings.feedback / student / "01_graphs" / "01_graphs.html").read_text()
    source = (demo.settings.source / "01_graphs" / "01_graphs.ipynb").read_text()
    seeds = re.findall(r"seed=(\d+)", source)
    assert len(seeds) == len(EXERCISES)
    assert "HIDDEN TESTS" not in page
    assert not [seed for seed in seeds if re.search(rf"\b{seed}\b", re.sub(r"base64,[\w+/=]+", "", page))]


def test_feedback_shows_points_and_hints(demo):
    page = (demo.settings.feedback / "mean-for-sum" / "01_graphs" / "01_graphs.html").read_text()
    assert "cosine_unit: 12 of 18 points" in page
    assert "Hint 1" in page


def test_old_format_was_really_old(demo):
    handed_in = demo.settings.submitted / "old-nbformat" / "01_graphs" / "01_graphs.ipynb"
    assert nbformat.reader.reads(handed_in.read_text()).nbformat == 3


def test_wrong_kernel_was_really_wrong_and_deleted_cell_really_deleted(demo):
    julia = (demo.settings.submitted / "wrong-kernel" / "01_graphs" / "01_graphs.ipynb").read_text()
    assert nbformat.reads(julia, as_version=4).metadata.kernelspec.name == "julia-1.10"
    assert "multiply_test" not in (demo.settings.submitted / "deleted-test-cell" / "01_graphs" / "01_graphs.ipynb").read_text()


def test_demo_leaves_the_class_alone(demo):
    assert demo.settings.folder.name == "demo"
    assert not (demo.settings.folder.parent / "gradebook.db").exists()
