"""The judge: the same verdict from another process as in the notebook, and nothing for what is no answer."""

import re
from contextlib import suppress

import numpy as np
import pytest

from autograder.running.judge import Check, Remote, Sources, find_check, judge
from autograder.sandbox.host import Sandbox
from autograder.sandbox.student import StudentGoneError
from course.exercises import Case, Score, find_exercise, grade
from tests.autograder.conftest import in_notebook

HEAD = """
import torch
from course import Graph, Module, Parameter
"""

MULTIPLY = (
    HEAD
    + """
class Answer(Module):
    def forward(self, x, y):
        self.save(x=x, y=y)
        return x * y
    def backward(self, grad_output):
        {0}
"""
)

COSINE = (
    HEAD
    + """
class Answer(Module):
    def __init__(self):
        self.theta = Parameter.uniform((), 1.0)
    def forward(self, x):
        self.save(x=x)
        return torch.cos(self.theta.value * x) + torch.pi
    def backward(self, g):
        x, theta = self.saved["x"], self.theta.value
        {0}
        return {1}
"""
)

GRAPH = (
    HEAD
    + """
class Answer(Graph):
    def backward(self, g):
        grads = {{self.outputs[0]: g}}
        for node in reversed(self.nodes.values()):
            if node.name not in grads:
                continue
            returned = node.module.backward(grads[node.name])
            returned = returned if isinstance(returned, tuple) else (returned,)
            for read, one in zip(node.reads, returned):
                grads[read] = {0}
        found = tuple(grads.get(name, torch.zeros_like(self.values[name])) for name in self.inputs)
        return found if len(found) > 1 else found[0]
"""
)

NEURON = (
    HEAD
    + """
def Answer(w, x):
    f = torch.sigmoid(w[0] * x[0] + w[1] * x[1] + w[2])
    slope = {0}
    return f, (torch.stack([slope * x[0], slope * x[1], slope]), slope * w[:2])
"""
)

SIN = "-torch.sin(theta * x)"
ZOO = [
    ("multiply", MULTIPLY.format("return grad_output * self.saved['y'], grad_output * self.saved['x']"), 12),
    ("multiply", MULTIPLY.format("return grad_output * self.saved['x'], grad_output * self.saved['y']"), 2),
    ("multiply", MULTIPLY.format("return grad_output * self.saved['y'], grad_output"), 7),
    ("multiply", MULTIPLY.format("return self.saved['y'], grad_output * self.saved['x']"), 7),
    (
        "multiply",
        MULTIPLY.format("return grad_output.mul_(self.saved['y']), grad_output * self.saved['x']"),
        None,
    ),
    ("multiply", MULTIPLY.format("return [[1.0]]"), None),
    ("multiply", MULTIPLY.format("raise NotImplementedError"), 0),
    ("multiply", MULTIPLY.format("return grad_output * float('nan'), grad_output * self.saved['x']"), 7),
    ("multiply", MULTIPLY.format("return 1 / 0"), 0),
    ("multiply", "Answer = 3", 0),
    ("multiply", "import math", 0),
    ("multiply", "raise SystemExit(3)", 0),
    ("cosine_unit", COSINE.format(f"self.theta.grad += (g * x * {SIN}).sum()", f"g * theta * {SIN}"), 18),
    ("cosine_unit", COSINE.format(f"self.theta.grad = (g * x * {SIN}).sum()", f"g * theta * {SIN}"), 14),
    ("cosine_unit", COSINE.format(f"self.theta.grad += (g * x * {SIN}).mean()", f"g * theta * {SIN}"), None),
    ("cosine_unit", COSINE.format(f"self.theta.grad += g * x * {SIN}", f"g * theta * {SIN}"), None),
    ("cosine_unit", COSINE.format("", f"g * theta * {SIN}"), None),
    ("graph", GRAPH.format("grads.get(read, 0) + one"), 20),
    ("graph", GRAPH.format("one"), 6),
    ("sigmoid_neuron", NEURON.format("f * (1 - f)"), 15),
    ("sigmoid_neuron", NEURON.format("f"), 1),
]


def judged(sandbox: Sandbox, source: str, exercise: str, *, seed: int) -> Score:
    """The judge's verdict on an answer that runs in the sandbox."""
    with sandbox.student() as student:
        with suppress(StudentGoneError):
            student.ask("run", source, stop=True)
        return judge(student, Check(exercise, "Answer"), Sources([source]), seed=seed)


@pytest.mark.parametrize(
    ("exercise", "source", "points"), ZOO, ids=[f"{z[0]}-{i}" for i, z in enumerate(ZOO)]
)
def test_the_same_verdict_as_in_the_notebook(exercise, source, points, sandbox):
    source = source.strip()
    outside = judged(sandbox, source, exercise, seed=5)
    namespace: dict = {}
    try:
        exec(in_notebook(source), namespace)
    except SystemExit:
        namespace = {}
    inside = grade(find_exercise(exercise), namespace.get("Answer"), seed=5)
    assert [part.passed for part in outside.verdicts] == [part.passed for part in inside.verdicts]
    if "Answer" in namespace and callable(namespace["Answer"]):
        assert [part.message for part in outside.verdicts] == [part.message for part in inside.verdicts]
        assert [part.mistake for part in outside.verdicts] == [part.mistake for part in inside.verdicts]
    if points is not None:
        assert outside.points == inside.points == points


HOSTILE = {
    "patches the library": """
import course.checking.verdicts, course.exercises.grading, course.exercises.score
course.checking.verdicts.judge = lambda *a, **k: 1 / 0
course.exercises.grading.grade = lambda *a, **k: 100
course.exercises.score.Score.points = 100
""",
    "prints an answer": "print('multiply: 12 of 12 points')",
    "writes to what was stdout": "import os; os.write(1, b'x' * 1000)",
}


@pytest.mark.parametrize("trick", HOSTILE)
def test_tricks_earn_nothing_and_cost_nothing(trick, sandbox):
    wrong = MULTIPLY.format("return grad_output, grad_output") + HOSTILE[trick]
    assert judged(sandbox, wrong, "multiply", seed=3).points == 2
    right = (
        MULTIPLY.format("return grad_output * self.saved['y'], grad_output * self.saved['x']")
        + HOSTILE[trick]
    )
    assert judged(sandbox, right, "multiply", seed=3).points == 12


@pytest.mark.parametrize("end", ["os._exit(0)", "os.kill(os.getpid(), 9)", "os.closerange(3, 64)"])
def test_a_process_that_dies_earns_nothing(end, sandbox):
    score = judged(sandbox, "import os\n" + MULTIPLY.format(end), "multiply", seed=3)
    assert score.points == 0
    assert "gave no answer" in score.verdicts[0].message


def test_a_process_that_hangs_is_given_up(impatient):
    source = HEAD + (
        "import signal, time\nsignal.signal = lambda *a: None\nsignal.setitimer = lambda *a: None\n"
    )
    source += MULTIPLY.format("time.sleep(60)").replace(HEAD, "")
    score = judged(impatient, source, "multiply", seed=3)
    assert score.points == 0
    assert "it did not answer in time" in score.verdicts[0].message


def test_only_arrays_come_back(sandbox):
    with sandbox.student() as student:
        student.ask("run", MULTIPLY.format("return grad_output, grad_output"))
        remote = Remote(student, Check("multiply", "Answer"), Sources([]))
        case = Case("many axes")
        evidence = remote.probe(case, {}, ["x", "y"], [np.ones(4), np.ones(4)], [np.ones(4)], ())
    assert all(isinstance(grad, np.ndarray) for grad in evidence.grads.values())
    assert set(evidence.grads) == {"x", "y"}


@pytest.mark.parametrize(
    "source",
    ["score = check('add', Add)\nscore", "min(check('add', Add), check('add', Add, seed=3, show=False))"],
)
def test_finds_what_a_test_cell_checks(source):
    check = find_check(source)
    assert check is not None
    assert (check.exercise, check.name) == ("add", "Add")


@pytest.mark.parametrize("source", ["float(x == 3)", "%timeit 3", "checked = 3"])
def test_other_test_cells_make_no_check(source):
    assert find_check(source) is None


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("check('add', Add) + check('max', Max)", "one exercise"),
        ("check('add', make())", "one exercise"),
        ("check(name, Add)", "one exercise"),
        ("check('ad', Add)", "did you mean 'add'?"),
    ],
)
def test_a_check_that_cannot_be_judged_is_refused(source, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        find_check(source)


def test_a_file_that_the_notebook_writes_is_not_imported(sandbox):
    write = "open('late.py', 'w').write('y = 4')\nimport late"
    for files, names in (({}, ["ModuleNotFoundError"]), ({"helper.py": b"x = 3"}, [])):
        with sandbox.student() as student:
            student.files(files)
            outputs = student.ask("run", write)["outputs"]
        assert [output["ename"] for output in outputs if output["output_type"] == "error"] == names
