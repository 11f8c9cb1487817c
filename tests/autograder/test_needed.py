"""Which cells an answer needs."""

import pytest

from autograder.running.needed import needed

IMPORTS = "import torch\nimport sys\nfrom course import Module"
ADD = "class Add(Module):\n    table = ()\n\n    def backward(self, grad_output):\n        return {}"
HARMLESS = (
    "x = torch.randn(3)",
    "import sympy\nx = sympy.symbols('x')\nprint(x**2)",
    "class Other(Module):\n    pass\nOther.forward = None",
    "import matplotlib.pyplot as plt\nplt.rcParams['figure.dpi'] = 90\nplt.plot([1, 2])",
    "grad_output = 3",
    "print(Add)\nprint(helper(3))",
    "get_ipython().run_line_magic('matplotlib', 'inline')",
    "total = sum(helper(i) for i in range(3))",
    "def unrelated(helper):\n    return helper",
    "[Add for Add in range(3)]",
    "def local():\n    Add = 3\n    return Add",
    "module = Add()\nmodule.other = 3",
    "module = Add()\nmodule.other.value = 3\nmodule.other.grad.zero_()",
    "module = Add()\nout = module.forward(3)\nout.mul_(2)",
)
"""Cells that leave `Add` as it is."""

CHANGING = (
    "Add.backward = lambda self, g: g",
    "setattr(Add, 'backward', None)",
    "del Add.backward",
    "Add.table['k'] = 3",
    "Add.__dict__['k'].x = 3",
    "vars(Add)['backward'] = 3",
    "Alias = Add\nAlias.backward = 3",
    "def same():\n    return Add\nkind = same()\nkind.backward = 3",
    "def same(kind):\n    return kind\nkind = same(Add)\nkind.backward = 3",
    "def same():\n    return Add\nsame().backward = 3",
    "module = Add()\ntype(module).backward = 3",
    "module = Add()\nsetattr(type(module), 'backward', 3)",
    "module = Add()\nmodule.table.append(3)",
    "for kind in [Add]:\n    kind.backward = 3",
    "kinds = {'a': Add}\nkinds['a'].backward = 3",
    "Add.register(3)",
    "patch(Add)",
    "(Add := 3)",
    "with open('f') as Add:\n    pass",
    "for Add in range(3):\n    pass",
    "try:\n    pass\nexcept Exception as Add:\n    pass",
    "match 3:\n    case Add:\n        pass",
    "match [3]:\n    case [*Add]:\n        pass",
    "match {}:\n    case {**Add}:\n        pass",
    "from course.modules import Add",
    "import course.modules as Add",
    "def make():\n    global Add\n    Add = 3",
    "[Add := i for i in range(3)]",
    "del Add",
    "Add += 3",
    "Add: int = 3",
    "if True:\n    class Add:\n        pass",
    "async def Add():\n    pass",
)

ANYTHING = (
    "exec(text)",
    "eval('1')",
    "from torch import *",
    "get_ipython().run_cell('1')",
    "shell = get_ipython()",
    "get_ipython().run_line_magic('run', 'x.py')",
    "torch.relu = torch.sigmoid",
    "torch.nn.functional.relu = 3",
    "setattr(torch, 'relu', 3)",
    "torch.set_default_dtype(torch.float64)",
    "torch.manual_seed(1)",
    "globals()['Add'] = 3",
    "sys.modules['torch'] = 3",
    "import importlib",
    "x = = 3",
)
"""Cells after which everything may be another."""


def positions(*cells, name="Add"):
    return needed([IMPORTS, "def helper(g):\n    return g", ADD.format("grad_output"), *cells], name)


@pytest.mark.parametrize("cell", HARMLESS)
def test_what_leaves_the_answer_alone_is_not_needed(cell):
    assert positions(cell) == (0, 2)


@pytest.mark.parametrize("cell", CHANGING)
def test_what_binds_or_changes_the_answer_is_needed(cell):
    assert 3 in positions(cell)


@pytest.mark.parametrize("cell", ANYTHING)
def test_what_could_change_anything_is_needed_by_all(cell):
    assert 3 in positions(cell)
    assert 3 in positions(cell, name="helper")


@pytest.mark.parametrize(
    "use",
    [
        "helper(grad_output)",
        "(lambda g: helper(g))(grad_output)",
        "[helper(g) for g in grad_output]",
        "f'{helper(grad_output)}'",
        "scale * grad_output",
        "second(grad_output)",
        "table['f'](grad_output)",
    ],
)
def test_what_an_answer_uses_is_needed_across_cells(use):
    cells = [
        IMPORTS,
        "def first(g):\n    return g\nhelper = first\nscale = 2",
        "table = {}",
        "def second(g):\n    return helper(g)",
        "table['f'] = second",
        "nothing = 3",
        ADD.format(use),
    ]
    wanted = {"scale": {1}, "second": {1, 3}, "table['f']": {1, 2, 3, 4}}
    own = next((cells for word, cells in wanted.items() if use.startswith(word)), {1})
    assert set(needed(cells, "Add")) == {0, 6} | own


@pytest.mark.parametrize(
    "head",
    [
        "class Add(Base):\n    pass",
        "class Add(Module, metaclass=Base):\n    pass",
        "@Base\nclass Add(Module):\n    pass",
        "class Add(Module):\n    scale = Base",
        "class Add(Module):\n    def forward(self, x=Base):\n        pass",
        "class Add(Module):\n    @Base\n    def forward(self, x):\n        pass",
        "class Add(Module):\n    def forward(self, x: Base):\n        pass",
        "Add = Base",
        "Add = type('Add', (Base,), {})",
    ],
)
def test_what_a_class_is_made_of_is_needed(head):
    assert needed([IMPORTS, "class Base:\n    pass", "other = 3", head], "Add")[-2:] == (1, 3)


def test_what_a_cell_uses_while_it_runs_was_made_above_it():
    cells = ["x = 1", "Add = x", "x = 2"]
    assert needed(cells, "Add") == (0, 1)


def test_what_a_function_uses_may_be_made_below_it():
    cells = ["def Add(g):\n    return x", "x = 2"]
    assert needed(cells, "Add") == (0, 1)


def test_a_function_that_changes_a_name_counts_where_it_is_called():
    cells = [
        "table = {}",
        "def note(value):\n    table['f'] = value",
        "def Add(g):\n    return table",
        "note(3)",
        "instance = 3",
    ]
    assert needed(cells, "Add") == (0, 1, 2, 3)


def test_cells_that_are_nested_too_deeply_are_needed_by_all():
    assert needed([ADD.format(1), "x = " + "-" * 3000 + "1"], "Add") == (0, 1)


def test_a_name_that_nothing_binds_needs_nothing():
    assert needed([IMPORTS, "x = 3"], "Add") == ()
