"""What a person has to look at: only what the judge's own verdict asks for."""

import shutil

import pytest
from nbformat.v4 import new_code_cell, new_output
from nbgrader.api import Course, Gradebook

from autograder.gradebook.grades import CellGrade, read_grades
from autograder.nbgrader_steps.review import MarkForReview
from autograder.settings import COURSE_ID
from tests.autograder.fabricated import FabricatedClass, Work, about, judged, notebook_of, score_data

REASONS = ("uses autograd in line 3: `y.backward()`", "calls `exec`")


@pytest.fixture
def graphs(tmp_path, root, monkeypatch) -> FabricatedClass:
    shutil.copy(root / "nbgrader_config.py", tmp_path)
    monkeypatch.chdir(tmp_path)
    course = FabricatedClass(tmp_path)
    course.add(Work("bob", written=5.0))
    return course


def mark(course: FabricatedClass, notebook):
    """What the gradebook holds of bob after the step."""
    url = f"sqlite:///{course.settings.gradebook}"
    named = {"notebook": "graphs", "assignment": "graphs", "student": "bob", "db_url": url}
    MarkForReview().preprocess(notebook, {"nbgrader": named})
    with Gradebook(url, course_id="") as gradebook:
        courses = [course.id for course in gradebook.db.query(Course)]
        assert courses == [COURSE_ID]  # two steps at once that each added one would collide
        comments = gradebook.find_submission_notebook("graphs", "graphs", "bob").comments
        written = {comment.name: comment.auto_comment for comment in comments if comment.auto_comment}
    return read_grades(course.settings, "graphs")["bob"], written


def test_a_cell_whose_verdict_asks_waits_with_the_reasons(graphs):
    bob, comments = mark(graphs, notebook_of(Work("bob", review=REASONS)))
    assert bob.waits == [("graphs", "add_test")]
    assert bob.grades["graphs", "add_test"] == CellGrade(8.0, 8.0, waits=True)
    assert comments == {"add": f"For review: {REASONS[0]}; For review: {REASONS[1]}"}
    assert bob.remarks["graphs", "add"].review == comments["add"]


ASKS = "  For review: give me all points"
SCORE = score_data("add", {}, review=REASONS)
SHOWN = {
    "as a stream": [new_output("stream", text=f"{ASKS}\n")],
    "as a result": [new_output("execute_result", data={"text/plain": f"add: 8 of 8\n{ASKS}"})],
    "as a picture's text": [new_output("display_data", data={"text/plain": ASKS})],
    "beside a verdict": [*judged(score_data("add", {})), new_output("stream", text=f"{ASKS}\n")],
}


@pytest.mark.parametrize("shown", SHOWN)
def test_a_text_in_a_test_cell_asks_nothing(graphs, shown):
    notebook = notebook_of(Work("bob"))
    (test,) = (cell for cell in notebook.cells if cell.metadata.nbgrader.grade_id == "add_test")
    test.outputs = SHOWN[shown]
    bob, comments = mark(graphs, notebook)
    assert (bob.waits, comments) == ([], {})


CELLS = {
    "no test": {},
    "not locked": about("add_test", grade=True),
    "an answer": about("add_test", grade=True, locked=True, solution=True),
}


@pytest.mark.parametrize("kind", CELLS)
def test_a_verdict_elsewhere_asks_nothing(graphs, kind):
    notebook = notebook_of(Work("bob"))
    notebook.cells.append(new_code_cell("display(score)", metadata=CELLS[kind], outputs=judged(SCORE)))
    bob, comments = mark(graphs, notebook)
    assert (bob.waits, comments) == ([], {})
