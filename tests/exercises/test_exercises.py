"""Exercises: the right answers earn everything, each part stands alone, stubs and cheats earn nothing."""

import time

import pytest
import torch

from course import Graph, Module, Parameter, generator
from course.checking.finding import Problem
from course.exercises import Call, Case, Exercise, all_exercises, check, equals, find_exercise, picture
from course.exercises.grading import grade
from course.exercises.tries import forget_tries
from course.modules import Add, Multiply, PReLU


class RightMultiply(Module):
    def forward(self, x, y):
        self.save(x=x, y=y)
        return x * y

    def backward(self, grad_output):
        return grad_output * self.saved["y"], grad_output * self.saved["x"]


class SwappedMultiply(RightMultiply):
    def backward(self, grad_output):
        return grad_output * self.saved["x"], grad_output * self.saved["y"]


class HalfMultiply(RightMultiply):
    def backward(self, grad_output):
        return grad_output * self.saved["y"], grad_output


class StubMultiply(RightMultiply):
    def backward(self, grad_output):
        raise NotImplementedError


class BrokenInit(RightMultiply):
    def __init__(self):
        raise ValueError("no")


class OneAtATime(Graph):
    """Follows each path on its own instead of summing first: slow, but right, since gradients are linear."""

    def backward(self, grad_output):
        grads = {name: torch.zeros_like(self.values[name]) for name in self.inputs}

        def push(name, grad):
            if name in grads:
                grads[name] += grad
                return
            node = self.nodes[name]
            returned = node.module.backward(grad)
            for read, one in zip(
                node.reads, returned if isinstance(returned, tuple) else (returned,), strict=True
            ):
                push(read, one)

        push(self.outputs[0], grad_output)
        found = tuple(grads.values())
        return found if len(found) > 1 else found[0]


class LosesFanOut(Graph):
    def backward(self, grad_output):
        grads = {self.outputs[0]: grad_output}
        for node in reversed(self.nodes.values()):
            returned = node.module.backward(grads[node.name])
            for read, one in zip(
                node.reads, returned if isinstance(returned, tuple) else (returned,), strict=True
            ):
                grads[read] = one
        return tuple(grads[name] for name in self.inputs)


class OverwritingCosine(Module):
    def __init__(self):
        self.theta = Parameter.uniform((), 1.0)

    def forward(self, x):
        self.save(x=x)
        return torch.cos(self.theta.value * x) + torch.pi

    def backward(self, grad_output):
        slope = -torch.sin(self.theta.value * self.saved["x"])
        self.theta.grad = (grad_output * slope * self.saved["x"]).sum()
        return grad_output * slope * self.theta.value


@pytest.mark.parametrize(
    ("name", "answer", "points"),
    [
        ("multiply", RightMultiply, 12),
        ("multiply", SwappedMultiply, 2),
        ("multiply", HalfMultiply, 7),
        ("multiply", StubMultiply, 0),
        ("multiply", BrokenInit, 0),
        ("multiply", Multiply, 0),  # the library's own
        ("multiply", type("Inherits", (Multiply,), {}), 0),
        ("multiply", type("NoBackward", (Module,), {"forward": RightMultiply.forward}), 0),
        ("multiply", lambda *_: 3, 0),
        ("multiply", None, 0),
        ("graph", OneAtATime, 20),
        ("graph", LosesFanOut, 4),
        ("graph", type("Inherits", (Graph,), {}), 0),
        ("cosine_unit", OverwritingCosine, 14),
        ("sigmoid_neuron", lambda w, x: (1 / 0, None), 0),
    ],
)
def test_points(name, answer, points):
    assert grade(find_exercise(name), answer).points == points
    assert grade(find_exercise(name), answer, seed=77).points == points


def test_check_shows_a_table_and_returns_a_float(capsys):
    earned = check("multiply", HalfMultiply)
    assert type(earned) is float
    shown = capsys.readouterr().out
    assert "multiply: 7 of 12 points" in shown
    assert "✗ ∂L/∂y" in shown
    assert check("multiply", HalfMultiply, show=False) == earned
    assert not capsys.readouterr().out


def test_a_hint_more_after_each_failed_try(monkeypatch):
    shown = []
    monkeypatch.setattr(
        "course.exercises.notebook.display",
        lambda score: shown.append(score._repr_html_().count("<details>")),
    )
    forget_tries()
    for answer in (
        StubMultiply,
        HalfMultiply,
        HalfMultiply,
        RightMultiply,
        SwappedMultiply,
        BrokenInit,
        SwappedMultiply,
    ):
        check("multiply", answer)
        check("multiply", answer, show=False)
    check("add", StubMultiply)
    # the same code again is no new try, nor is the stub; a right answer needs no hint
    assert shown == [0, 1, 1, 0, 2, 3, 3, 0]


def test_unknown_exercise_names_the_nearest():
    with pytest.raises(KeyError, match="there is no exercise 'multipy': did you mean 'multiply'"):
        find_exercise("multipy")


def test_a_stub_is_told_kindly():
    messages = [part.message for part in grade(find_exercise("multiply"), StubMultiply).verdicts]
    assert all("backward is not written yet" in message for message in messages)


def test_every_exercise_is_well_formed():
    for exercise in all_exercises().values():
        labels = [case.label for case in exercise.cases(generator(0))]
        assert len(set(labels)) == len(labels)
        assert len(exercise.hints) == 3
        assert all(points > 0 for points in exercise.points.values())


def test_picture_tells_in_words_what_it_shows():
    assert "Dots in rings" in picture("multiply", RightMultiply).alt
    assert "off their rings for ∂L/∂y" in picture("multiply", HalfMultiply).alt
    assert "no dots yet for ∂L/∂x, ∂L/∂y" in picture("multiply", StubMultiply).alt
    assert picture("multiply", SwappedMultiply).to_png().startswith(b"\x89PNG")
    assert 'alt="Dots in rings' in picture("multiply", RightMultiply)._repr_html_()


def test_library_answers_are_right_apart_from_being_the_library(monkeypatch):
    """With the guard against handing in the library lifted, the library itself earns everything."""
    monkeypatch.setattr("course.exercises.respondent._wrote_backward", lambda answer: True)
    for exercise in all_exercises().values():
        if isinstance(exercise.truth, type) and "backward" in vars(exercise.truth):
            assert grade(exercise, exercise.truth).points == exercise.max_points
    assert grade(find_exercise("add"), Add).points == 8


def test_an_endless_backward_costs_one_deadline_not_one_a_case(monkeypatch):
    class Endless(RightMultiply):
        def backward(self, grad_output):
            while True:
                pass

    monkeypatch.setattr("course.exercises.respondent.SECONDS", 0.3)
    start = time.perf_counter()
    score = grade(find_exercise("multiply"), Endless)
    # Two stages may run into the deadline: backward before forward, and backward itself.
    assert time.perf_counter() - start < 3 * 0.3
    assert score.points == 0
    assert "is there a loop that never ends?" in score.verdicts[0].message


def test_a_case_puts_its_values_into_a_fresh_module():
    case = Case(
        "slopes", lambda answer: answer(2), (torch.ones(3, 2),), {"weight": torch.tensor([0.5, -1.0])}
    )
    first, second = case.module(PReLU), case.module(PReLU)
    assert first.state_dict()["weight"].tolist() == [0.5, -1.0]
    next(first.parameters()).value.zero_()
    assert second.state_dict()["weight"].tolist() == [0.5, -1.0]
    assert isinstance(Case("no more than a call").module(Add), Add)


def test_a_case_names_a_value_that_the_module_has_no_place_for():
    case = Case("slopes", state={"wieght": torch.ones(1)})
    with pytest.raises(KeyError, match=r"PReLU has no parameter 'wieght', only \['weight'\]"):
        case.module(PReLU)


def test_a_case_says_how_build_is_called_now():
    with pytest.raises(TypeError, match="case 'a vector': `build` is called `make` now"):
        Case("a vector", build=Add)  # pyright: ignore


@pytest.mark.parametrize("wrong", [False, True])
def test_a_function_that_never_ends_is_not_tried_again(wrong):
    tries = []

    def answer(x):
        tries.append(x)
        while not wrong:
            pass
        return x

    def cases(rng):
        return [
            Call(label, lambda answer, x: answer(x), (torch.ones(1),), equals(torch.zeros_like), 0.2)
            for label in "ab"
        ]

    score = grade(Exercise("endless", None, cases, {"a": 1, "b": 1}, ("", "", "")), answer)
    assert len(tries) == (2 if wrong else 1)
    assert {part.problem for part in score.verdicts} == {Problem.DIFFERENT if wrong else Problem.OUT_OF_TIME}
    assert wrong or "is there a loop that never ends?" in score.verdicts[1].message


def test_an_answer_may_look_like_a_respondent():
    class Answer(RightMultiply):
        def about(self):
            return {"problem": "this is no question", "shortcuts": []}

        def call(self, label, inputs):
            return {}

    assert grade(find_exercise("multiply"), Answer).complete
