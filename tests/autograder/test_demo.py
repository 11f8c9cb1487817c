"""`autograder demo`: a class hands in, is graded, and gets feedback and a report.

Its points are tested with the bank.
"""

from dataclasses import replace

import nbformat
import pytest

from autograder.demo.sample_class import read_bank, sample_class, submission
from autograder.errors import AutograderError
from autograder.gradebook.grades import ClassGrades, read_grades

pytestmark = pytest.mark.xdist_group("demo")  # so that it runs once


@pytest.fixture(scope="module")
def points(demo) -> ClassGrades:
    return read_grades(demo.settings, "01_graphs")


def who(name: str) -> str:
    return next(
        student
        for student, sample in sample_class("01_graphs").items()
        if sample is not None and sample.name == name
    )


def handed_in(demo, name: str):
    return demo.settings.submitted / who(name) / "01_graphs" / "01_graphs.ipynb"


def test_everyone_who_handed_in_is_in_the_gradebook(points):
    expected = {student for student, sample in sample_class("01_graphs").items() if sample is not None}
    assert {row.student for row in points.submissions if row.handed_in} == expected


def test_who_handed_in_what_is_written_down(demo):
    lines = (demo.settings.folder / "class.csv").read_text().splitlines()
    assert f"01_graphs,{who('mean-for-sum')},mean-for-sum" in lines
    assert len(lines) == 29


def test_unreadable_submission_has_one_clear_line(demo, points):
    assert points[who("not-json")].problem.startswith("01_graphs.ipynb is not JSON (line ")
    assert demo.output.count("01_graphs.ipynb is not JSON") == 1
    assert "Traceback" not in demo.output


def test_screen_is_quiet(demo):
    for noise in ("nbgrader", "WARNING", "SAWarning", "INFO"):
        assert noise not in demo.output


def test_feedback_shows_points_and_hints(demo):
    page = (demo.settings.feedback / who("mean-for-sum") / "01_graphs" / "01_graphs.html").read_text()
    assert "cosine_unit: 12 of 18 points" in page
    assert "Hint 1" in page


def test_old_format_was_really_old(demo):
    assert nbformat.reader.reads(handed_in(demo, "old-nbformat").read_text()).nbformat == 3


def test_wrong_kernel_was_really_wrong_and_deleted_cell_really_deleted(demo):
    julia = handed_in(demo, "wrong-kernel").read_text()
    assert nbformat.reads(julia, as_version=4).metadata.kernelspec.name == "julia-1.10"
    assert "multiply_test" not in handed_in(demo, "deleted-test-cell").read_text()


def test_demo_leaves_the_class_alone(demo):
    assert demo.settings.folder.name == "demo"
    assert not (demo.settings.folder.parent / "gradebook.db").exists()


def test_an_answer_for_a_cell_that_is_not_there(demo):
    bank = read_bank("01_graphs")
    released = demo.settings.released / "01_graphs" / "01_graphs.ipynb"
    lost = replace(bank["half-done"], answers={"multipy": "pass"})
    with pytest.raises(
        AutograderError, match="'half-done' answers 'multipy', a cell that the assignment does not have"
    ):
        submission(released, lost, bank["right-plain"])
