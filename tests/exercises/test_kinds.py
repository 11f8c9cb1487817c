"""Every kind of exercise: right answers earn all, wrong ones their due, in this process and in another."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.handing_out.edition import make_edition
from autograder.sandbox.host import Sandbox
from course.exercises import find_exercise, grade
from tests.autograder.conftest import in_notebook
from tests.autograder.test_judge import judged

HEAD = """
import torch
from course import Chain, Module, Parameter
from course.modules import CrossEntropyLoss, Linear, Tanh
from course.optim import Adam
"""

NUMERICAL = """
def Answer(f, x):
    grad = torch.zeros_like(x)
    for i in range(x.numel()):
        step = torch.zeros_like(x).reshape(-1)
        step[i] = 1e-5
        step = step.reshape(x.shape)
        grad.view(-1)[i] = {0}
    return grad
"""

MOMENTUM = """
def Answer(value, grad, velocity, lr, momentum):
    {0}
    return value - lr * velocity, velocity
"""

ORDER = """
def Answer(graph):
    done = []
    while len(done) < len(graph):
        for node, reads in graph.items():
            if node not in done and {0}:
                done.append(node)
    return done
"""

TRAINING = """
def Answer(x, y):
    torch.manual_seed(0)
    net, loss = Chain(Linear(2, 16), Tanh(), Linear(16, 2)).to(dtype=x.dtype), CrossEntropyLoss()
    optimizer = Adam(net.parameters(), lr=0.05)
    for _ in range({0}):
        net.zero_grad()
        loss(net(x), y)
        net.backward(loss.backward(torch.ones((), dtype=x.dtype))[0])
        optimizer.step()
    return net
"""

OWN = """
class Answer(Module):
    def __init__(self):
        self.scale = Parameter(torch.ones(3))
    def forward(self, x):
        self.save(x=x)
        return {0}
    def backward(self, g):
        x, scale = self.saved["x"], self.scale.value
        {1}
        return {2}
"""

RIGHT_OWN = OWN.format(
    "(x * self.scale.value) ** 2", "self.scale.grad += (2 * g * x**2 * scale).sum(0)", "2 * g * x * scale**2"
)

ANSWERS = [
    ("numerical_gradient", NUMERICAL.format("(f(x + step) - f(x - step)).item() / 2e-5"), 5, ""),
    ("numerical_gradient", NUMERICAL.format("(f(x + step) - f(x)).item() / 2e-5"), 0, "is right"),
    ("numerical_gradient", "def Answer(f, x):\n    return 3.0", 0, "has shape ()"),
    ("numerical_gradient", "def Answer(f, x):\n    raise NotImplementedError", 0, "it is not written yet"),
    ("numerical_gradient", "def Answer(f):\n    return f", 0, "TypeError"),
    ("numerical_gradient", "def Answer(f, x):\n    return 'steep'", 0, ""),
    ("momentum", MOMENTUM.format("velocity = momentum * velocity + grad"), 5, ""),
    ("momentum", MOMENTUM.format("velocity = grad"), 1, "is right"),
    (
        "momentum",
        MOMENTUM.format("velocity = momentum * velocity + grad; grad.mul_(2)"),
        0,
        "argument 2 was changed in place",
    ),
    ("topological_order", ORDER.format("all(read in done for read in reads)"), 5, ""),
    ("topological_order", ORDER.format("True"), 2, "which it reads"),
    ("topological_order", "def Answer(graph):\n    return [0, 0, 1, 2]", 0, "does not name every node once"),
    ("training", TRAINING.format(150), 5, ""),
    ("training", TRAINING.format(1), 0, "on examples that it has not seen, 95 % are asked for"),
    ("own", RIGHT_OWN, 9, ""),
    ("own", OWN.format("x * self.scale.value", "self.scale.grad += (g * x).sum(0)", "g * scale"), 9, ""),
    ("own", RIGHT_OWN.replace("+=", "="), 7, "not replace it"),
    ("own", RIGHT_OWN.replace("return 2 * g", "return g"), 6, "lacks the factor 2"),
    ("own", RIGHT_OWN.replace("scale", "weight"), 6, "there is no ∂L/∂scale"),
    ("own", "class Answer(Module):\n    pass", 0, "no backward of its own"),
    ("own", RIGHT_OWN.replace("(x * self.scale.value) ** 2", "1 / 0"), 0, "ZeroDivisionError"),
]


@pytest.fixture(scope="module")
def with_kinds(tmp_path_factory) -> Iterator[Sandbox]:
    """A sandbox that has the students' edition, and these exercises beside it."""
    folder = make_edition(tmp_path_factory.mktemp("edition"), judged=True)
    for name in ("__init__.py", "exercises/__init__.py", "exercises/kinds.py"):
        (folder / "tests" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(Path(__file__).parent.parent / name, folder / "tests" / name)
    with Sandbox(folder) as sandbox:
        yield sandbox


@pytest.mark.parametrize(
    ("name", "source", "points", "said"), ANSWERS, ids=[f"{a[0]}-{i}" for i, a in enumerate(ANSWERS)]
)
def test_the_points_here_and_in_another_process(name, source, points, said, with_kinds):
    name, source = f"tests.exercises.kinds:{name}", (HEAD + source).strip()
    namespace: dict = {}
    exec(in_notebook(source), namespace)
    inside = grade(find_exercise(name), namespace["Answer"], seed=4)
    assert inside.points == points, inside
    assert said in " ".join(part.message for part in inside.verdicts)
    assert all("\n" not in part.message for part in inside.verdicts)
    outside = judged(with_kinds, source, name, seed=4)
    assert [(part.passed, part.message) for part in outside.verdicts] == [
        (part.passed, part.message) for part in inside.verdicts
    ]


def test_what_is_seen_names_the_line(tmp_path):
    source, path = HEAD + OWN.format("x * self.scale.value", "pass", "g @ x"), tmp_path / "answer.py"
    path.write_text(source)
    namespace: dict = {}
    exec(compile(source, str(path), "exec"), namespace)
    message = grade(find_exercise("tests.exercises.kinds:own"), namespace["Answer"]).verdicts[0].message
    assert re.search(r"\(line \d+: `return g @ x`\)", message)
    assert "a transpose is missing or one too many, or the factors of @ are in the wrong order" in message
