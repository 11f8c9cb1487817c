"""Reading the source that reaches an answer."""

import time

import pytest

from autograder.running.reading import remarks
from autograder.running.remark import Beyond

GIVEN = "import torch\nfrom course import Graph, Module, Parameter, tensor"
MULTIPLY = (
    "class Multiply(Module):\n    def forward(self, x, y):\n        self.save(x=x, y=y)\n"
    "        return x * y\n\n"
    "    def backward(self, grad_output):\n        x, y = self.saved['x'], self.saved['y']\n        {}\n"
    "        return grad_output * y, grad_output * x"
)
RIGHT = MULTIPLY.format("pass")


def read(*sources, name="Multiply", exercise="multiply", brought=False):
    return remarks(exercise, name, sources, given=[GIVEN], brought=brought)


def test_a_remark_is_data():
    (remark,) = read(MULTIPLY.format("torch.autograd.grad(x, y)"))
    assert (remark.kind, remark.word, remark.line) == (Beyond.ENGINE, "torch.autograd", 8)
    assert remark.text == "torch.autograd.grad(x, y)"
    assert str(remark) == "uses torch.autograd in line 8: `torch.autograd.grad(x, y)`"


@pytest.mark.parametrize(
    ("line", "kind", "word"),
    [
        ("torch.ops.aten.tanh_backward(x, y)", Beyond.READY, "torch.ops.aten.tanh_backward"),
        ("torch._C", Beyond.LOADED, "torch._C"),
        ("torch.func.vjp(x)", Beyond.ENGINE, "torch.func.vjp"),
        ("x.requires_grad_()", Beyond.ENGINE, "requires_grad_"),
        ("torch.zeros(3, requires_grad=True)", Beyond.ENGINE, "requires_grad_"),
        ("x.sum().backward()", Beyond.ENGINE, "torch.autograd"),
        ("getattr(torch, 'auto' + 'grad')", Beyond.COMPUTED, "getattr(torch, 'auto' + 'grad')"),
        ("getattr(torch, 'autograd')", Beyond.ENGINE, "torch.autograd"),
        ("t = torch", Beyond.UNKNOWN, "torch"),
        ("'{0.grad_fn}'.format(x)", Beyond.COMPUTED, "{0.grad_fn}"),
        ("import os; os.write(1, b'')", Beyond.TALKS, "os.write"),
        ("import gc; gc.get_objects()", Beyond.MEMORY, "gc.get_objects"),
        ("x.right", Beyond.UNKNOWN, "right"),
        ("open('answers')", Beyond.UNKNOWN, "open"),
        ("1j * x", Beyond.COMPLEX, "1j"),
        ("x.__dict__", Beyond.INTERNALS, "__dict__"),
        ("(x + 1e-6 - x) / 1e-6", Beyond.DIFFERENCES, "x + 1e-06"),
        ("[self.forward(x, y) for i in range(3)]", Beyond.REPEATS, "self.forward"),
        ("x.requires_grad_(bool(1))", Beyond.ENGINE, "requires_grad_"),
        ("x.requires_grad = True", Beyond.ENGINE, "requires_grad_"),
        ("globals()['print'](x)", Beyond.INTERNALS, "globals"),
        ("for word in ('sum', 'grad_fn'): getattr(x, word)", Beyond.ENGINE, "grad_fn"),
        ("for _, word in [(1, 'sum')]: getattr(x, word)", Beyond.COMPUTED, "getattr(x, word)"),
        ("word = 'sum'; word += 'mer'; getattr(x, word)", Beyond.COMPUTED, "getattr(x, word)"),
        ("Module.backward = print", Beyond.REPLACES, "course.Module.backward"),
    ],
)
def test_what_is_beyond_is_told_by_name(line, kind, word):
    told = read(MULTIPLY.format(line))
    assert (kind, word) in {(remark.kind, remark.word) for remark in told}


@pytest.mark.parametrize(
    "line",
    [
        "import os; print(os.path.join('a', 'b'))",
        "import gc; gc.collect()",
        "import math; math.exp(2)",
        "unused = torch.zeros(3, requires_grad=False)",
        "print('{:.3f} {x.shape}'.format(1.5, x=x))",
        "print(f'{x.shape=}', self.__class__.__name__, type(self).__name__)",
        "with torch.no_grad(): z = x.clone()",
        "x.numpy().astype(float).sum()",
        "assert x.shape == y.shape, 'shapes'",
        "z = getattr(self, 'saved')",
        "z = torch.einsum('i,i->i', x.flatten(), y.flatten())",
        "(x + y) * (x - y) / 2",
        "z = x.detach().requires_grad_(False); print(z.requires_grad)",
        "if 'debug' in globals(): print(x)",
        "for word in ('saved', 'training'): print(getattr(self, word))",
    ],
)
def test_what_an_answer_needs_is_not_told(line):
    assert not read(MULTIPLY.format(line))


BESIDE = {
    "import course.checking.evidence\ncourse.checking.evidence.probe = cheat": Beyond.REPLACES,
    "import sys\nsys.modules['course.checking.evidence']": Beyond.LOADED,
    "import gc\ngc.get_objects()": Beyond.MEMORY,
    "import ctypes": Beyond.POINTERS,
    "setattr(torch, 'equal', cheat)": Beyond.REPLACES,
    "get_ipython().ast_transformers.append(cheat)": Beyond.REWRITES,
    "probe.__code__ = cheat.__code__": Beyond.INTERNALS,
    "import os\nos.write(3, b'')": Beyond.TALKS,
    "%run answers.py": Beyond.RUNS,
    "run answers.py": Beyond.RUNS,
    "%%time\nimport socket": Beyond.TALKS,
    "In [1]: import socket": Beyond.TALKS,
    "%time import socket": Beyond.TALKS,
    "import sys\nsys.path.append('..')": Beyond.ELSEWHERE,
    "import threading": Beyond.TALKS,
}


@pytest.mark.parametrize("source", BESIDE)
def test_what_reaches_beside_the_notebook_is_told_wherever_it_stands(source):
    assert BESIDE[source] in {remark.kind for remark in read(source, RIGHT)}


@pytest.mark.parametrize(
    "source",
    [
        "for m in net.named_modules(): pass",
        "a.b = 3",
        "((",
        "import sympy\nx = sympy.symbols('x')\nprint(sympy.diff(x**2, x))",
        "import random\nimport numpy as np\nrandom.seed(3)\nnp.random.seed(3)\ntorch.manual_seed(3)",
        "torch.backends.cudnn.deterministic = True",
        "import os\nos.environ['OMP_NUM_THREADS'] = '1'",
        "torch.set_printoptions(precision=3)",
        "%load_ext autoreload\n%autoreload 2",
        "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.rcParams['figure.dpi'] = 90",
        "z = torch.randn(3, requires_grad=True)\n(z * z).sum().backward()\nprint(z.grad)",
        "import inspect\nprint(inspect.getsource(Multiply))",
        "%timeit Multiply().forward(torch.ones(2), torch.ones(2))",
    ],
)
def test_what_the_rest_of_a_notebook_does_is_not_told(source):
    assert not read(source, RIGHT)
    assert not read(RIGHT, source)
    assert not read(RIGHT + "\n\n\n" + source) or "%" in source or "((" in source


def test_what_lies_beside_the_notebook_may_be_imported_only_where_it_was_handed_in():
    assert not read("import helper", RIGHT)
    (remark,) = read("import helper", RIGHT, brought=True)
    assert (remark.kind, remark.word) == (Beyond.ELSEWHERE, "helper")


def test_a_helper_in_another_cell_is_read_too():
    helper = "def helper(x, y, g):\n    return torch.autograd.grad(x * y, (x, y), g)"
    assert read(helper, MULTIPLY.format("return helper(x, y, grad_output)"))
    assert not read(helper, RIGHT)


def test_what_holds_a_state_is_read_with_all_that_stands_beside_it():
    keeping = "table = {}\n" + MULTIPLY.format("table.get('f')")
    assert not read(keeping)
    assert read(keeping + "\nz = torch.randn(3, requires_grad=True)")


@pytest.mark.parametrize(
    "source",
    [
        "x = [" + "1, " * 200_000 + "]",
        "x = " + "-" * 3000 + "1",
        "x = " + "(" * 150 + ")" * 150,
        "x = " + "[i for i in " * 40 + "x" + "]" * 40,
        "x = 1" + " + 1" * 900,
        "%matplotlib inline\n" * 500,
        "x = 1\n" * 100_000,
        "def f():\n" + "".join(" " * i + "if 1:\n" for i in range(1, 99)) + " " * 99 + "pass",
        "x = '" + "a" * 10**6 + "'",
        "lambda: " * 400 + "1",
        "x" + ".y" * 3000,
        "x" + "[0]" * 3000,
        "f(" * 80 + ")" * 80,
    ],
)
def test_reading_takes_no_longer_than_it_may(source):
    began = time.process_time()
    told = read(source, RIGHT)
    assert time.process_time() - began < 5
    assert len(told) <= 6
    assert all(len(remark.text) <= 80 for remark in told)


@pytest.mark.parametrize(
    "source", ["x = [" + "1, " * 200_000 + "]", "x = " + "-" * 3000 + "1", "x = 1\n" * 1500]
)
def test_what_cannot_be_read_waits_for_a_person(source):
    assert Beyond.UNREADABLE in {remark.kind for remark in read(source, RIGHT)}
