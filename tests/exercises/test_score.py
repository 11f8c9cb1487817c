"""A score as an output of a notebook: text, HTML with maps, and data that a report reads."""

import json

import pytest
import torch
from nbformat import validate
from nbformat.v4 import new_code_cell, new_notebook, new_output

from course import Module, Parameter
from course.exercises import find_exercise, grade
from course.exercises.score import LONGEST, MAP_CELLS, MIMETYPE, MOST_MAPS
from tests.exercises.test_exercises import HalfMultiply, LosesFanOut, RightMultiply, StubMultiply


class Shouting(RightMultiply):
    def backward(self, grad_output):
        raise ValueError("<script>alert(1)</script>\ud800" + "x" * 10_000)


class MeanCosine(Module):
    def __init__(self):
        self.theta = Parameter.uniform((), 1.0)

    def forward(self, x):
        self.save(x=x)
        return torch.cos(self.theta.value * x) + torch.pi

    def backward(self, grad_output):
        slope = -torch.sin(self.theta.value * self.saved["x"])
        self.theta.grad += (grad_output * slope * self.saved["x"]).mean()
        return grad_output * slope * self.theta.value


class OverwritingCosine(MeanCosine):
    def backward(self, grad_output):
        slope = -torch.sin(self.theta.value * self.saved["x"])
        self.theta.grad = (grad_output * slope * self.saved["x"]).sum()
        return grad_output * slope * self.theta.value


ANSWERS = [
    ("multiply", RightMultiply),
    ("multiply", HalfMultiply),
    ("multiply", StubMultiply),
    ("multiply", Shouting),
    ("graph", LosesFanOut),
    ("cosine_unit", MeanCosine),
    ("cosine_unit", OverwritingCosine),
    ("multiply", None),
]


@pytest.mark.parametrize(("name", "answer"), ANSWERS)
def test_mimebundle_can_be_written_and_adds_up(name, answer):
    score = grade(find_exercise(name), answer)
    bundle = score.mimebundle(seconds=1.5)
    validate(new_notebook(cells=[new_code_cell(outputs=[new_output("display_data", data=bundle)])]))
    json.dumps(bundle, ensure_ascii=False).encode()
    data = bundle[MIMETYPE]
    assert (data["exercise"], data["points"], data["most"], data["seconds"]) == (
        name,
        score.points,
        score.exercise.max_points,
        1.5,
    )
    assert sum(part["points"] for part in data["parts"]) == data["points"]
    assert sum(part["most"] for part in data["parts"]) == data["most"]
    assert all(part["points"] == (part["most"] if part["passed"] else 0) for part in data["parts"])
    assert "<script" not in bundle["text/html"]
    assert len(json.dumps(bundle)) < 20_000
    assert all(len(part["message"]) <= LONGEST for part in data["parts"])


def test_the_mistake_is_named_in_the_data():
    parts = {
        part["name"]: part
        for part in grade(find_exercise("cosine_unit"), MeanCosine).mimebundle()[MIMETYPE]["parts"]
    }
    assert parts["∂L/∂theta"]["mistake"]["name"] == "mean for sum"
    assert 0 < parts["∂L/∂theta"]["mistake"]["confidence"] <= 1
    assert parts["∂L/∂x"]["mistake"] is None


def data_of(name, answer):
    """The parts in a score's data, by name."""
    return {part["name"]: part for part in grade(find_exercise(name), answer).mimebundle()[MIMETYPE]["parts"]}


def test_the_verdict_is_in_the_data_in_fields():
    parts = data_of("cosine_unit", MeanCosine)
    theta = parts["∂L/∂theta"]
    assert (theta["kind"], theta["tensor"], theta["problem"], theta["case"]) == (
        "gradient",
        "theta",
        "different",
        "a batch",
    )
    assert theta["message"] == f"{theta['found']}. {theta['mistake']['sentence']} (case: a batch)"
    assert (parts["∂L/∂x"]["problem"], parts["∂L/∂x"]["found"], parts["∂L/∂x"]["case"]) == ("", "", "")
    assert parts["accumulation"]["kind"] == "accumulation"
    whole = {
        part["name"]: part
        for part in grade(find_exercise("graph"), LosesFanOut).mimebundle()[MIMETYPE]["parts"]
    }["fan-out"]
    assert (whole["kind"], whole["tensor"], whole["case"], whole["problem"]) == (
        "case",
        "x",
        "fan-out",
        "different",
    )
    assert whole["message"].startswith(whole["found"])
    assert {part["problem"] for part in data_of("multiply", StubMultiply).values()} == {"not written"}


def test_a_mistake_has_no_sentence_where_what_was_found_says_as_much():
    accumulation = data_of("cosine_unit", OverwritingCosine)["accumulation"]
    assert (accumulation["mistake"]["name"], accumulation["mistake"]["sentence"]) == ("overwritten", "")
    assert accumulation["message"].startswith(accumulation["found"])


def test_a_hint_stands_with_what_is_missing():
    assert "Hint 1" in grade(find_exercise("multiply"), HalfMultiply).mimebundle()["text/html"]
    assert "Hint" not in grade(find_exercise("multiply"), RightMultiply).mimebundle()["text/html"]


def test_failed_gradients_are_drawn_and_no_others():
    page = grade(find_exercise("multiply"), HalfMultiply).mimebundle()["text/html"]
    assert page.count("<figure") == 1
    assert "aria-label='∂L/∂y (case: a batch)" in page
    graph = grade(find_exercise("graph"), LosesFanOut).mimebundle()["text/html"]
    assert graph.count("<figure") == MOST_MAPS
    assert "∂L/∂x (case: fan-out)" in graph
    for answer in (RightMultiply, StubMultiply):
        assert "<figure" not in grade(find_exercise("multiply"), answer).mimebundle()["text/html"]


def test_a_large_gradient_is_drawn_in_part():
    score = grade(find_exercise("multiply"), HalfMultiply)
    (report,) = score.reports.values()
    large = {"y": torch.randn(50, 50).numpy()}
    vars(report).update(analytic=large, numeric={"y": large["y"] * 2})
    assert score.mimebundle()["text/html"].count("<td title=") == 3 * MAP_CELLS**2


def test_a_case_says_which_number_is_wrong_but_a_reason_stands_alone():
    assert grade(find_exercise("graph"), LosesFanOut).verdicts[1].message.startswith("∂L/∂x is ")
    missing = grade(find_exercise("graph"), None).verdicts[0].message
    assert not missing.startswith(("output", "∂L"))


def test_scores_are_compared_by_their_verdicts():
    first, second = (grade(find_exercise("multiply"), HalfMultiply, seed=3) for _ in range(2))
    assert first == second
