"""Problems are data: the thing, the cause and the cure, which are a sentence only for people."""

import pickle

import pytest

from autograder import doctor
from autograder.errors import AnswersFoundError, AutograderError, NotGradedError, Problem, problem_of
from autograder.gradebook.remarks import for_review, not_graded, read_remark

PROBLEM = Problem("a.ipynb", "is not JSON (line 1: Expecting value)", "ask for it again")


def test_the_sentence_is_made_of_its_parts():
    assert str(PROBLEM) == "a.ipynb is not JSON (line 1: Expecting value): ask for it again"
    assert str(Problem("nbgrader", "stopped")) == "nbgrader stopped"
    assert str(AutograderError(*PROBLEM)) == str(PROBLEM)


@pytest.mark.parametrize(
    "error", [AutograderError(*PROBLEM), NotGradedError("x", "is y"), AnswersFoundError(["a: b", "c"])]
)
def test_an_error_comes_back_from_another_process_whole(error):
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.problem) == (type(error), str(error), error.problem)


def test_whatever_else_is_raised_is_one_line():
    assert problem_of(AutograderError(*PROBLEM)) == PROBLEM
    told = problem_of(OSError("the disk is full\nTraceback"))
    assert str(told) == "the run broke off (OSError: the disk is full): grade it again"
    assert "\n" not in str(problem_of(ValueError()))


def test_a_problem_goes_through_the_gradebook_as_a_comment():
    assert read_remark("Well done", not_graded(PROBLEM)).problem == str(PROBLEM)
    assert read_remark("Well done", not_graded(PROBLEM)).automatic == ""
    other = read_remark(None, "No response.")
    assert (other.by_hand, other.automatic, other.problem) == ("", "No response.", "")


def test_what_asks_for_review_goes_through_the_gradebook_as_a_comment():
    comment = for_review(["uses autograd", "calls `x`", "uses autograd"])
    assert comment == "For review: uses autograd; For review: calls `x`"
    remark = read_remark("Well done", comment)
    assert (remark.by_hand, remark.review, remark.automatic, remark.problem) == ("Well done", comment, "", "")
    assert read_remark(None, "No response.").review == ""


def test_the_doctor_keeps_cause_and_cure_apart(monkeypatch):
    problem = Problem(
        "bubblewrap", "cannot make a sandbox (Permission denied: x)", "allow user namespaces: so"
    )
    monkeypatch.setattr(doctor, "sandbox_problem", lambda: problem)
    (found,) = [finding for finding in doctor.examine() if finding.name == "sandbox"]
    assert not found.fine
    assert found.detail == "bubblewrap cannot make a sandbox (Permission denied: x)"
    assert found.cure == "allow user namespaces: so, or grade with --no-sandbox"
