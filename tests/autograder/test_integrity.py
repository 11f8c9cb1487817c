"""Points come from backward passes alone: what is forged, patched or edited earns nothing.

What hides is shown.
"""

import json
import os
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from autograder.gradebook.grades import read_grades
from autograder.running.engine import grade
from autograder.running.judge import Check, Sources, judge
from autograder.sandbox.student import Student, StudentGoneError
from course.errors import NoBackwardError
from course.exercises import Score, all_exercises
from course.fallback import falling_back_only
from course.module import Module
from course.modules import Add
from tests.autograder.test_judge import MULTIPLY

pytestmark = pytest.mark.xdist_group("sandbox")

WRONG = MULTIPLY.format("return grad_output, grad_output")
RIGHT = MULTIPLY.format("return grad_output * self.saved['y'], grad_output * self.saved['x']")


def judged(sandbox, *cells: str) -> Score:
    with sandbox.student() as student:
        with suppress(StudentGoneError):
            for cell in cells:
                student.ask("run", cell, stop=True)
        return judge(student, Check("multiply", "Answer"), Sources(cells), seed=11)


FORGERIES = {
    "outputs": "from IPython.display import display\n"
    "display({'application/vnd.modular-learning.score+json': {'points': 12}, 'text/plain': '12.0'}, "
    "raw=True)\n12.0",
    "an equal object": "class Answer(Answer):\n    def __eq__(self, other): return True\n    __hash__ = "
    "object.__hash__",
    "a class that lies": "class Meta(type):\n    def __eq__(cls, other): return True\n    def __hash__(cls): "
    "return 1\n"
    "    def __instancecheck__(cls, one): return True\n    def __subclasscheck__(cls, one): return True\n"
    "class Answer(Answer, metaclass=Meta): __class__ = float",
    "an answer to everything": "class Answer(Answer):\n    def __getattr__(self, name): return lambda *a, "
    "**k: 12.0",
    "a state that lies": "class Answer(Answer):\n    def state_dict(self): return {'x': torch.ones(10**6)}\n"
    "    def load_state_dict(self, state): pass\n"
    "    def named_parameters(self, prefix=''): return iter([('x', Parameter(torch.ones(3)))])",
    "tensors that lie": "class T(torch.Tensor):\n    def __torch_function__(*a, **k): return True\n"
    "class Answer(Answer):\n    def backward(self, g): return g.as_subclass(T), g.as_subclass(T)",
    "numbers for tensors": "class Answer(Answer):\n    def backward(self, g): return 1.0, 1.0",
    "arrays": "class Answer(Answer):\n    def backward(self, g): return g.numpy(), g.numpy()",
    "too many numbers": "class Answer(Answer):\n    def backward(self, g): return torch.zeros(10**7), "
    "torch.zeros(10**7)",
    "no numbers": "class Answer(Answer):\n    def backward(self, g): return g * float('nan'), g * "
    "float('inf')",
    "a shape that fits all": "class Answer(Answer):\n"
    "    def backward(self, g): return torch.zeros(()), torch.zeros(1, 1, 1, 1)",
    "check, replaced": "check = lambda *a, **k: 12.0",
    "the float": "float = lambda x: 12.0\nimport builtins\nbuiltins.float = float",
    "a name that changes": "class N(dict):\n    def __contains__(self, name): return "
    "True\nget_ipython().user_ns = N(Answer=3)",
}
"""After a wrong answer: worth what the wrong answer is, or less."""

PATCHES = {
    "the probe": "import course.exercises.respondent as r\nr.probe = lambda *a, **k: None",
    "the evidence": "from course.checking.evidence import Evidence\nEvidence.grads = property(lambda self: "
    "{})",
    "the respondent": "from course.exercises.respondent import Local\nLocal.probe = lambda *a: 3",
    "the watch": "import course.checking.evidence, contextlib\n"
    "course.checking.evidence.watch = lambda m: contextlib.nullcontext([])",
    "the watch, from within": "import course.checking.shortcuts\ncourse.checking.shortcuts.falls_back_now = "
    "lambda: object()",
    "its code": "import course.checking.shortcuts\ncourse.checking.shortcuts.falls_back_now.__code__ = "
    "(lambda: 3).__code__",
    "what it is given by default": "import course.checking.evidence\n"
    "course.checking.evidence.probe.__kwdefaults__ = {'seconds': 1, 'parts': 3}\n"
    "course.checking.evidence.probe.__defaults__ = (1,)",
    "the answers": "import course.exercises.serve as s\ns.answer = lambda *a: {}",
    "the wire": "from course.exercises import wire\nwire.pack = lambda *a: b''",
    "the contract": "from course import Module\nModule.named_parameters = lambda self, prefix='': iter(())",
    "by a computed word": "import course.checking.evidence as e\nsetattr(e, 'pro' + 'be', lambda *a, **k: 3)",
    "torch.autograd": "torch.autograd._engine_run_backward = torch.autograd.grad = lambda *a, **k: 3",
}
"""What stands on the way of a question to the object: nothing is earned once it is replaced, and a person is
told."""

AUTOGRAD = """
def differentiate(x, y, g):
    x, y = x.detach().requires_grad_(), y.detach().requires_grad_()
    with torch.enable_grad():
        return torch.autograd.grad(x * y, (x, y), g)
"""

BY_TORCH = {
    "in backward": "class Answer(Answer):\n"
    "    def backward(self, g): return differentiate(self.saved['x'], self.saved['y'], g)",
    "in forward": "class Answer(Answer):\n    def forward(self, x, y):\n"
    "        self.save(d=differentiate(x, y, torch.ones_like(x)))\n"
    "        return x * y\n    def backward(self, g): return tuple(g * d for d in self.saved['d'])",
    "when the tensor is read": "class Lazy(torch.Tensor):\n    def detach(self):\n        m, g, at = "
    "self.about\n"
    "        return differentiate(m.saved['x'], m.saved['y'], g)[at]\n"
    "class Answer(Answer):\n    def backward(self, g):\n"
    "        found = [g.clone().as_subclass(Lazy), g.clone().as_subclass(Lazy)]\n"
    "        for at, one in enumerate(found): one.about = (self, g, at)\n        return tuple(found)",
    "in a helper that falls back": "class Helper(Module):\n    def forward(self, x, y): return x * y\n"
    "class Answer(Answer):\n    def backward(self, g):\n        h = Helper()\n"
    "        h.forward(self.saved['x'], self.saved['y'])\n"
    "        return h.backward(g)",
    "in a helper that claims to be another": "class Meta(type(Module)):\n    def __eq__(c, o): return True\n"
    "    def __hash__(c): return 0\n"
    "class Helper(Module, metaclass=Meta):\n    def forward(self, x, y): return x * y\n"
    "class Answer(Answer):\n    def backward(self, g):\n        h = Helper()\n"
    "        h.forward(self.saved['x'], self.saved['y'])\n"
    "        return h.backward(g)",
}


def test_a_class_that_claims_to_equal_another_is_not_that_class():
    class Meta(type(Module)):
        def __eq__(cls, other):
            return True

        def __hash__(cls):
            return hash(Add)

    class Helper(Module, metaclass=Meta):
        def forward(self, x):
            return x * x

    helper, x = Helper(), torch.ones(3)
    helper.forward(x)
    with falling_back_only((Add,)), pytest.raises(NoBackwardError):
        helper.backward(x)


HIDDEN = {
    "behind a magic": "%matplotlib inline\nimport course.checking.evidence\ncourse.checking.evidence.extra = "
    "3",
    "behind a cell magic": "%%time\nimport course.checking.evidence\ncourse.checking.evidence.extra = 3",
    "in a package that happens to be here": "import nbformat",
    "in a file, after all": "import sys\nsys.path.insert(0, '')\nimport helper",
    "in a file that runs": "%run helper.py",
    "in words": "exec('a' + 'b')",
    "by getattr": "getattr(torch, 'auto' + 'grad')",
    "by an alias": "from course.checking import evidence as e\ne.extra = 3",
    "by a dictionary": "vars(torch)['auto' + 'grad']",
    "by a traceback": "try: 1 / 0\nexcept Exception as e: e.__traceback__.tb_frame.f_back",
    "by the engine itself": "torch.autograd.Variable._execution_engine.run_backward()",
    "by the exemption for modules of the library": "from course.modes import falling_back",
    "on the line to the engine": "import socket\nsocket.socket(fileno=3)",
    "in another process": "import os\nos.fork()",
}
"""Where a person can find it, at least."""


@pytest.mark.parametrize("forgery", FORGERIES)
def test_forgery_earns_nothing(forgery, sandbox):
    assert judged(sandbox, WRONG, FORGERIES[forgery]).points <= 2
    assert judged(sandbox, RIGHT).points == 12


@pytest.mark.parametrize("patch", PATCHES)
def test_what_is_on_the_way_cannot_be_replaced(patch, sandbox):
    score = judged(sandbox, RIGHT, PATCHES[patch])
    assert score.points == 0
    assert score.review
    assert judged(sandbox, RIGHT).points == 12


@pytest.mark.parametrize("way", BY_TORCH)
def test_torch_s_own_gradient_is_no_answer(way, sandbox):
    assert judged(sandbox, WRONG, AUTOGRAD, BY_TORCH[way]).points <= 2


@pytest.mark.parametrize("way", HIDDEN)
def test_what_hides_is_shown_to_a_person(way, sandbox):
    assert judged(sandbox, RIGHT, HIDDEN[way]).review
    assert not judged(sandbox, RIGHT).review


class Liar(Student):
    """A student's process that was taken over: gives one answer to every question."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.answer, self.gone = answer, ""

    def ask(self, what: str, *of: Any, stop: bool = False) -> dict[str, Any]:
        return self.answer


LIES = [
    {},
    {"problem": [], "outputs": {}, "grads": [], "errors": 3, "state": "x", "names": None, "results": 3, "changed": "x"},
    {"outputs": [None, "x", 3], "grads": {"x": "y", "": None}, "state": {"": 3}, "names": [None, {}], "changed": [None]},
    *(
        {
            "outputs": [array] * count,
            "results": [array] * count,
            "grads": dict.fromkeys(("x", "y", "theta", ""), array),
            "grads_again": dict.fromkeys(("x", "y", "theta", "z"), array),
            "state": dict.fromkeys((state, "a.b.c"), array),
            "names": ["x"] * count,
            "changed": [-1, 10**30],
            "demands_forward": True,
            "errors": {"": "x", "forward": "\ud800"} if count == 3 else {},
        }
        for array, count, state in (
            (np.zeros(0), 1, "forward"),
            (np.array(float("nan")), 2, "respondent"),
            (np.ones((2, 3, 4, 5)), 3, "theta"),
            (np.array([True]), 1, "label"),
            (np.array([2**62]), 1, "__class__"),
            (np.full(4, 1e308), 1, "saved"),
        )
    ),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:no diagnosis")
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # such numbers overflow, of course
@pytest.mark.parametrize("exercise", all_exercises())
def test_a_process_that_lies_earns_nothing_and_stops_nothing(exercise):
    for lie in LIES:
        score = judge(Liar(lie), Check(exercise, "Answer"), Sources([]), seed=3)
        assert score.points <= 0.5 * sum(all_exercises()[exercise].points.values()), lie
        json.dumps(score.mimebundle())


Change = Callable[[dict[str, Any], Path], None]
"""What is done to a notebook and the file that it stands in."""


def _metadata(**values: Any) -> Change:
    def change(notebook: dict[str, Any], path: Path) -> None:
        for cell in notebook["cells"]:
            cell["metadata"]["nbgrader"] |= values

    return change


def _every(value: Any) -> Change:
    def change(notebook: dict[str, Any], path: Path) -> None:
        for cell in notebook["cells"]:
            cell["metadata"]["nbgrader"] = value

    return change


def _top(**values: Any) -> Change:
    return lambda notebook, path: notebook.update(values)


def _cells(make: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> Change:
    return lambda notebook, path: notebook.update(cells=make(notebook["cells"]))


def _source(text: Any) -> Change:
    return lambda notebook, path: notebook["cells"][0].update(source=text)


def _as(kind: str) -> Change:
    def change(cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{"cell_type": kind, **{k: cell[k] for k in ("id", "metadata", "source")}} for cell in cells]

    return _cells(change)


def _beside(make: Callable[[Path], None]) -> Change:
    return lambda notebook, path: make(path.parent)


def _folders(folder: Path) -> None:
    before = os.open(".", os.O_RDONLY)
    os.chdir(folder)
    for _ in range(1200):
        os.mkdir("a")
        os.chdir("a")
    os.fchdir(before)
    os.close(before)


def _files(folder: Path) -> None:
    for number in range(2000):
        (folder / str(number)).touch()


def _link(to: str, name: bytes = b"link") -> Change:
    return _beside(lambda folder: os.symlink(to, os.fsencode(folder) + b"/" + name))


def _instead(notebook: dict[str, Any], path: Path) -> None:
    path.rename(path.with_name("other"))
    path.symlink_to("other")


def _nested(depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for _ in range(depth):
        found = {"a": found}
    return found


def _code(source: str, number: int = 0) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "id": f"n{number}",
        "metadata": {},
        "source": source,
        "outputs": [],
        "execution_count": None,
    }


FORGED = [
    {"output_type": "execute_result", "data": {"text/plain": "4.0"}, "metadata": {}, "execution_count": 1}
]
TINY: dict[str, tuple[Change, tuple[int, int]]] = {
    # 3 points of 5 that the answers deserve, whatever surrounds them.
    "metadata a list": (_every([]), (4, 1)),
    "metadata a text": (_every("x"), (4, 1)),
    "metadata null": (_every(None), (4, 1)),
    "grade_id a dictionary": (_metadata(grade_id={}), (4, 1)),
    "grade_id null": (_metadata(grade_id=None), (4, 1)),
    "one grade_id": (_metadata(grade_id="first_test"), (0, 0)),
    "points": (_metadata(points=1000), (1, 1)),
    "points a text": (_metadata(points="x"), (1, 1)),
    "points below zero": (_metadata(points=-5), (1, 1)),
    "all flipped": (_metadata(grade=True, solution=True, locked=False), (1, 1)),
    "tasks": (_metadata(grade=False, solution=False, task=True), (1, 1)),
    "a schema of the past": (_metadata(schema_version=0), (1, 1)),
    "a schema of the future": (_metadata(schema_version=99), (1, 1)),
    "a schema of no time": (_metadata(schema_version="x"), (1, 1)),
    "tags": (_cells(lambda c: [{**x, "metadata": {**x["metadata"], "tags": ["skip-execution"]}} for x in c]), (1, 1)),
    "outputs": (_cells(lambda c: [{**x, "outputs": FORGED} for x in c]), (1, 1)),
    "markdown": (_as("markdown"), (1, 1)),
    "raw": (_as("raw"), (1, 1)),
    "an unknown kind": (_as("heading"), (0, 0)),
    "no cells": (_cells(lambda c: []), (0, 0)),
    "no tests": (_cells(lambda c: [x for x in c if x["id"] in ("first", "second")]), (1, 1)),
    "turned round": (_cells(lambda c: c[::-1]), (1, 1)),
    "twice": (_cells(lambda c: c + c), (1, 1)),
    "a test of one's own, first": (_cells(lambda c: [{**c[2], "source": "4.0"}, *c]), (1, 1)),
    "a test of one's own": (_cells(lambda c: [c[0], {**c[2], "source": "4.0"}, *c[3:]]), (1, 1)),
    "a kernel": (_top(metadata={"kernelspec": {"name": "bash", "display_name": "x", "language": "x"}}), (1, 1)),
    "nbformat 3": (_top(nbformat=3), (0, 0)),
    "nbformat 5": (_top(nbformat=5), (0, 0)),
    "nbformat 4.99": (_top(nbformat_minor=99), (1, 1)),
    "nbformat 4.x": (_top(nbformat_minor="x"), (0, 0)),
    "metadata of the notebook": (_top(metadata=[]), (0, 0)),
    "cells null": (_top(cells=[None]), (0, 0)),
    "ids": (_cells(lambda c: [{**x, "id": "same"} for x in c]), (1, 1)),
    "deep metadata": (_top(metadata=_nested(300)), (1, 1)),
    "half a letter": (_source("first = 41 # \ud800"), (1, 1)),
    "half a letter, printed": (_source("first = 41; print('\\ud800'); '\\udfff'"), (1, 1)),
    "a zero": (_source("first = 41 # \0"), (0, 1)),
    "a number for a source": (_source(3), (0, 0)),
    "a million lines": (_source("first = 41\n" + "x = 1\n" * 10**6), (0, 0)),
    "a hundred thousand cells": (_cells(lambda c: c + [_code("1", i) for i in range(10**5)]), (0, 0)),
    "200 MB": (_top(metadata={"x": "x" * 200_000_000}), (0, 0)),
    "a link to a file": (_link("/etc/passwd"), (0, 0)),
    "a link to a folder": (_link("/etc"), (0, 0)),
    "a link to itself": (_link("link"), (0, 0)),
    "an odd link": (_link("/etc", b"\xff\n"), (0, 0)),
    "a link for a notebook": (_instead, (0, 0)),
    "a pipe": (_beside(lambda folder: os.mkfifo(folder / "pipe")), (0, 0)),
    "a hard link": (_beside(lambda folder: os.link(folder / "tiny.ipynb", folder / "other.txt")), (1, 1)),
    "folders in folders": (_beside(_folders), (0, 0)),
    "many files": (_beside(_files), (0, 0)),
    "odd files": (_beside(lambda folder: Path(os.fsdecode(os.fsencode(folder) + b"/\xff\n")).touch()), (0, 0)),
}  # fmt: skip
ODD_NAMES = {
    "a\nb": None,
    "\udcff": None,
    "*": None,
    "[x]": None,
    "a b": (4, 1),
    "%s{x}": (4, 1),
    "-rf": (4, 1),
    "a'b;&": (4, 1),
}


@pytest.mark.filterwarnings("ignore:.*cell id.*")
def test_whatever_is_handed_in_the_others_get_their_points(tiny):
    students = [*(f"s{number}" for number in range(len(TINY))), *ODD_NAMES, "honest"]
    try:
        for number, (change, (first, _)) in enumerate(TINY.values()):
            path = tiny.hand_in(f"s{number}", first="first = 42" if first == 4 else "first = 41")
            notebook = json.loads(path.read_text())
            change(notebook, path)
            path.write_text(json.dumps(notebook))
        for name in [*ODD_NAMES, "honest"]:
            tiny.hand_in(name)
        outcomes = grade(tiny.settings, "tiny", students)
    finally:
        subprocess.run(["rm", "-rf", str(tiny.settings.submitted)], check=True)  # too deep for pytest
    said = [str(outcome.problem or "") for outcome in outcomes]
    assert all("\n" not in problem and problem.isprintable() for problem in said)
    earned = {
        row.student: tuple(row.points.values()) for row in read_grades(tiny.settings, "tiny").submissions
    }
    assert {name: earned[f"s{number}"] for number, name in enumerate(TINY)} == {
        name: points for name, (_, points) in TINY.items()
    }
    assert {name: earned.get(name) for name in ODD_NAMES} == ODD_NAMES
    assert earned["honest"] == (4, 1)
