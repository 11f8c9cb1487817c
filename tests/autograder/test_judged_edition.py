"""The edition in which submissions are graded: nothing in it answers a question, whoever asks."""

import ast
import textwrap

import pytest

from autograder.handing_out.edition import edition_files
from autograder.running.judge import Check, Sources, judge
from course.device import generator
from course.exercises import Call, all_exercises
from course.exercises.recipe import follow, recipe_of
from tests.conftest import ROOT

pytestmark = pytest.mark.xdist_group("sandbox")

EXERCISES = all_exercises()
TRUTHS = {exercise.truth.__name__ for exercise in EXERCISES.values() if exercise.truth}


@pytest.fixture(scope="module")
def files():
    """The Python files of the edition by path."""
    return {path: text.decode() for path, text in edition_files(judged=True).items() if path.endswith(".py")}


def test_no_exercise_is_in_it(files):
    bank = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "course/exercises/bank").glob("*.py"))
    assert len(bank) > 5
    assert [path for path in bank if path in files] == []
    words = {hint for exercise in EXERCISES.values() for hint in exercise.hints}
    strings = {
        node.value
        for text in files.values()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert words.isdisjoint(strings)


def test_what_is_asked_there_knows_nothing_of_what_is_right(files):
    """No name of what says so: a truth, what is accepted, what spoils a gradient."""
    asking = {path: text for path, text in files.items() if path.startswith("course/exercises/questions/")}
    assert len(asking) > 4
    for path, text in asking.items():
        names = {getattr(node, "id", getattr(node, "arg", "")) for node in ast.walk(ast.parse(text))}
        assert names.isdisjoint({"truth", "accept", "equals", "spoil", "right", "order"}), path


@pytest.mark.parametrize("exercise", EXERCISES)
def test_every_case_can_be_told_to_another_process(exercise):
    for case in EXERCISES[exercise].cases(generator(3)):
        again = follow(recipe_of(case, exercise))
        assert type(again) is type(case)
        assert again.label == case.label
        assert not again.inputs
        if isinstance(again, Call):
            with pytest.raises(RuntimeError, match="decided"):
                again.accept((), ())


def test_a_case_without_a_name_is_refused():
    (first, *_) = EXERCISES["add"].cases(generator(3))
    nameless = type(first)("nameless", lambda answer: answer(), first.inputs)
    with pytest.raises(TypeError, match="cannot be imported"):
        recipe_of(nameless, "add")


GRABS = """
import torch
from course import Chain, Graph, Module, Residual, generator
from course.exercises import all_exercises, find_exercise
from course.exercises.questions.composite import ScaledResidual
from course.module import as_tuple, has_own_backward
from course.modules import Cos
from course.modules.registry import all_modules

got, tried = set(), set()

def nodes():
    graph = Graph("x")
    graph.add("y", Cos(), "x")
    return graph

def grab():
    made = [(make(), (torch.ones(2, 3),)) for make in (
        nodes, lambda: Residual(Cos()), lambda: ScaledResidual(Cos()))]
    made += [(e.module, e.inputs) for kind in all_modules().values() for e in kind.examples(generator(1))]
    for module, inputs in made:
        kind = type(module).__name__
        tried.add(kind)
        try:
            outputs = as_tuple(module(*inputs))
            if module.backward(*(torch.ones_like(o) for o in outputs)) is not None:
                got.add(kind)
        except Exception:
            pass
    try:
        got.add(find_exercise("add").truth)
    except KeyError:
        pass
    got.update(all_exercises())

class Answer(Module):
    def forward(self, x, y):
        self.save(x=x, y=y)
        return x * y
    def backward(self, g):
        grab()
        return g * self.saved["y"], g * self.saved["x"]
"""


def test_while_a_question_is_asked_no_class_that_is_asked_for_gives_a_gradient(sandbox):
    with sandbox.student() as student:
        outputs = [student.ask("run", GRABS)]
        judge(student, Check("multiply", "Answer"), Sources([GRABS]), seed=5)
        show = "print(sorted(tried)); print(sorted(map(str, got)))"
        tried, got = (ast.literal_eval(line) for line in _printed(student, show).splitlines())
        grab = "got.clear(); grab(); print(sorted(got))"
        later = ast.literal_eval(_printed(student, grab))
    assert not outputs[0]["outputs"]
    in_library = TRUTHS - {"SigmoidNeuron", "Bump", "Proportions"}  # those are nowhere in it
    assert in_library <= set(tried)
    assert "Cos" in got  # which no exercise asks for
    assert in_library.isdisjoint(got)
    assert in_library <= set(later)  # a cell that shows what the library can do still does


def _printed(student, source: str) -> str:
    (output,) = student.ask("run", textwrap.dedent(source))["outputs"]
    return str(output.get("text") or output)
