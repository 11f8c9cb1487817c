"""The judge: the same verdict from another process as in the notebook, and nothing for what is no answer."""

import textwrap
from pathlib import Path

import numpy as np
import pytest

from autograder.judge import judge_file, student_process
from course.exercises import find_exercise, grade

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
            returned = node.module.backward(grads[node.name])
            returned = returned if isinstance(returned, tuple) else (returned,)
            for read, one in zip(node.reads, returned):
                grads[read] = {0}
        found = tuple(grads[name] for name in self.inputs)
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
    ("multiply", MULTIPLY.format("return grad_output.mul_(self.saved['y']), grad_output * self.saved['x']"), None),
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
    ("graph", GRAPH.format("one"), 5),
    ("sigmoid_neuron", NEURON.format("f * (1 - f)"), 15),
    ("sigmoid_neuron", NEURON.format("f"), 0),
]


def write(folder: Path, source: str) -> Path:
    path = folder / "answer.py"
    path.write_text(textwrap.dedent(source))
    return path


@pytest.mark.parametrize(("exercise", "source", "points"), ZOO, ids=[f"{z[0]}-{i}" for i, z in enumerate(ZOO)])
def test_the_same_verdict_as_in_the_notebook(exercise, source, points, tmp_path):
    path = write(tmp_path, source)
    outside = judge_file(path, "Answer", exercise, seed=5)
    namespace: dict = {}
    try:
        exec(compile(source, str(path), "exec"), namespace)
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
import course.checks, course.exercises.grading, course.exercises.score
course.checks.judge = lambda *a, **k: 1 / 0
course.exercises.grading.grade = lambda *a, **k: 100
course.exercises.score.Score.points = 100
""",
    "prints an answer": "print('multiply: 12 of 12 points')",
    "writes to what was stdout": "import os; os.write(1, b'x' * 1000)",
}


@pytest.mark.parametrize("trick", HOSTILE)
def test_tricks_earn_nothing_and_cost_nothing(trick, tmp_path):
    wrong = MULTIPLY.format("return grad_output, grad_output") + HOSTILE[trick]
    assert judge_file(write(tmp_path, wrong), "Answer", "multiply", seed=3).points == 2
    right = MULTIPLY.format("return grad_output * self.saved['y'], grad_output * self.saved['x']") + HOSTILE[trick]
    assert judge_file(write(tmp_path, right), "Answer", "multiply", seed=3).points == 12


@pytest.mark.parametrize("end", ["os._exit(0)", "os.kill(os.getpid(), 9)", "os.closerange(3, 64)"])
def test_a_process_that_dies_earns_nothing(end, tmp_path):
    source = "import os\n" + MULTIPLY.format(end)
    score = judge_file(write(tmp_path, source), "Answer", "multiply", seed=3)
    assert score.points == 0
    assert "gave no answer" in score.verdicts[0].message


def test_a_process_that_hangs_is_given_up(tmp_path):
    source = HEAD + "import signal, time\nsignal.signal = lambda *a: None\nsignal.setitimer = lambda *a: None\n"
    source += MULTIPLY.format("time.sleep(60)").replace(HEAD, "")
    score = judge_file(write(tmp_path, source), "Answer", "multiply", seed=3, patience=3.0)
    assert score.points == 0
    assert "there was no answer within 3 s" in score.verdicts[0].message


def test_only_arrays_come_back(tmp_path):
    path = write(tmp_path, MULTIPLY.format("return grad_output, grad_output"))
    with student_process(path, "Answer", "multiply") as remote:
        evidence = remote.probe("vectors", {}, ["x", "y"], [np.ones(4), np.ones(4)], [np.ones(4)])
    assert all(isinstance(grad, np.ndarray) for grad in evidence.grads.values())
    assert set(evidence.grads) == {"x", "y"}
