"""The steps that we add to nbgrader's, one by one."""

import pytest
from nbformat.v4 import new_notebook, new_output
from nbgrader.utils import determine_grade

from autograder.nbgrader_steps.allow_stderr import AllowStderr
from autograder.nbgrader_steps.fail_closed import FailClosed
from autograder.nbgrader_steps.hide_tests import HideTests
from tests.autograder.conftest import answer_cell, graded_cell


def _result(text):
    return new_output("execute_result", data={"text/plain": text}, execution_count=1)


def _stream(name, text="careful\n"):
    return new_output("stream", name=name, text=text)


def _score(*outputs):
    cell = graded_cell("a_test", "score", 8)
    cell.outputs = list(outputs)
    notebook = new_notebook(cells=[cell])
    for step in (AllowStderr(), FailClosed()):
        notebook, _ = step.preprocess(notebook, {})
    return determine_grade(notebook.cells[0])[0]


@pytest.mark.parametrize(("text", "points"), [("5.0", 5), ("0.0", 0), ("8", 8)])
def test_number_is_the_points(text, points):
    assert _score(_result(text)) == points


@pytest.mark.parametrize("text", ["8.1", "-1.0", "nan", "inf", "'8'", "None", "<Score>", "[8.0]", ""])
def test_anything_else_is_worth_nothing(text):
    assert _score(_result(text)) == 0


def test_no_output_is_worth_nothing():
    assert _score() == 0
    assert _score(_stream("stdout", "8.0")) == 0
    assert _score(new_output("display_data", data={"text/plain": "8.0"})) == 0


def test_two_results_are_worth_nothing():
    assert _score(_result("8.0"), _result("8.0")) == 0


def test_error_is_worth_nothing_even_with_points():
    assert _score(_result("8.0"), new_output("error", ename="E", evalue="", traceback=[])) == 0


def test_stderr_costs_nothing():
    assert _score(_stream("stderr"), _result("5.0"), _stream("stderr")) == 5


def test_answers_and_hand_graded_cells_are_left_alone():
    cell = answer_cell("a", "x = 1")
    cell.outputs = [_stream("stderr"), _result("77")]
    notebook, _ = FailClosed().preprocess(AllowStderr().preprocess(new_notebook(cells=[cell]), {})[0], {})
    assert [output.output_type for output in notebook.cells[0].outputs] == ["stream", "execute_result"]
    assert notebook.cells[0].outputs[0].name == "stderr"


HIDDEN = "assert secret(1847) == 'x'"


def _feedback(*cells):
    notebook, _ = HideTests().preprocess(new_notebook(cells=list(cells)), {})
    return notebook.cells


def _test_cell(*outputs):
    cell = graded_cell(
        "a_test", f"score = 1\n### BEGIN HIDDEN TESTS\n{HIDDEN}\n### END HIDDEN TESTS\nscore", 1
    )
    cell.outputs = list(outputs)
    return cell


def test_hidden_tests_leave_the_source():
    (cell,) = _feedback(_test_cell())
    assert cell.source == "score = 1\nscore"


def test_hidden_tests_leave_tracebacks():
    colored = f"----> 3 \x1b[38;5;28;01massert\x1b[39;00m{HIDDEN.removeprefix('assert')}\n      4 score"
    (cell,) = _feedback(
        _test_cell(new_output("error", ename="AssertionError", evalue="", traceback=["Traceback", colored]))
    )
    assert cell.outputs[0].traceback == ["Traceback", "      4 score"]


def test_hidden_tests_leave_what_students_print_of_them():
    snoop = answer_cell("snoop", "print(In)")
    snoop.outputs = [
        _stream("stdout", f"fine\n  {HIDDEN}\n"),
        new_output("display_data", data={"text/html": f"<b>{HIDDEN}</b>"}),
    ]
    cells = _feedback(snoop, _test_cell())
    assert cells[0].outputs[0].text == "fine\n"
    assert cells[0].outputs[1].data["text/html"] == ""


def test_what_a_student_writes_does_not_stop_feedback():
    cell = answer_cell("odd", "### BEGIN HIDDEN TESTS\nx = 1")
    assert _feedback(cell)[0].source == cell.source


def test_a_hidden_bracket_does_not_hide_every_bracket():
    test = graded_cell("a_test", "### BEGIN HIDDEN TESTS\nprint(\n    1847,\n)\n### END HIDDEN TESTS\n1.0", 1)
    talk = answer_cell("talk", "print((1, 2))")
    talk.outputs = [_stream("stdout", "(1, 2)\n)\n")]
    assert _feedback(talk, test)[0].outputs[0].text == "(1, 2)\n"


def test_a_line_that_is_shown_elsewhere_is_no_secret():
    test = graded_cell(
        "a_test", "x = torch.ones(3)\n### BEGIN HIDDEN TESTS\nx = torch.ones(3)\n### END HIDDEN TESTS\n1.0", 1
    )
    test.outputs = [new_output("error", ename="E", evalue="", traceback=["----> 1 x = torch.ones(3)"])]
    assert _feedback(test)[0].outputs[0].traceback == ["----> 1 x = torch.ones(3)"]


@pytest.mark.parametrize(
    "message", ['"the seventh is not prime"', "f'the seventh is not {x}'", "'the seventh ' + x"]
)
def test_what_a_hidden_test_says_of_itself_is_kept_back(message):
    hidden = f"assert first < 1000, {message}"
    test = graded_cell("a_test", f"### BEGIN HIDDEN TESTS\n{hidden}\n### END HIDDEN TESTS\n1.0", 1)
    said = "the seventh is not prime"
    traceback = ["AssertionError Traceback", f"----> 1 {hidden}", f"AssertionError: {said}"]
    test.outputs = [new_output("error", ename="AssertionError", evalue=said, traceback=traceback)]
    (cell,) = _feedback(test)
    assert "seventh" not in str(cell)


def test_an_error_of_the_students_own_is_told_even_if_a_hidden_test_met_it():
    test = graded_cell(
        "a_test", "### BEGIN HIDDEN TESTS\nassert answer(1847) == 7\n### END HIDDEN TESTS\n1.0", 1
    )
    traceback = [
        "----> 1 assert answer(1847) == 7",
        "      2     return 1 / 0",
        "ZeroDivisionError: division by zero",
    ]
    test.outputs = [
        new_output("error", ename="ZeroDivisionError", evalue="division by zero", traceback=traceback)
    ]
    assert _feedback(test)[0].outputs[0].traceback == ["", *traceback[1:]]


def test_hidden_tests_leave_html_also_when_they_are_escaped():
    snoop = answer_cell("snoop", "display(HTML(escape(In[-1])))")
    snoop.outputs = [
        new_output("display_data", data={"text/html": "<p>fine</p>\nassert secret(1847) == &#x27;x&#x27;"})
    ]
    assert _feedback(snoop, _test_cell())[0].outputs[0].data["text/html"] == "<p>fine</p>"
