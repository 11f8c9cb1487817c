"""Answers are taken out of source text with what serves them alone; where that cannot be, it is an error."""

import ast
import textwrap

import pytest

from autograder.errors import AutograderError
from autograder.handing_out.stripping import cut_answers, without_telling


def package(**files):
    return {f"p/{name}.py": textwrap.dedent(text).lstrip() for name, text in files.items()}


def cut(asked, stand_ins=None, **files):
    made = cut_answers(package(**files), asked.split(), stand_ins or {})
    for text in made.values():
        ast.parse(text)
    return {path[2:-3]: text for path, text in made.items()}


WHOLE = '''
"""A wave: its gradient is another wave."""

import math
from functools import partial, reduce

import torch

from p._help import grad_of_wave, shared

STEEPEST = math.pi  # of all


class Wave(Module):
    """a = sin(f x).

    Its slope is f cos(f x).

    Each of these lines stays.

    Raises:
        ValueError: f is negative.
    """

    symbol = "~"
    local = ("f·cos(f·x)",)  # what the explorer shows

    def __init__(self, f):
        self.f = f  # not the slope

    def forward(self, x):
        """The wave."""
        out = torch.sin(self.f * x)
        self.save(x=x, shape=x.shape, out=out)
        return partial(self._half, shared(out))

    def backward(self, grad_output):
        return reduce(self._through, grad_output) * self._half(1) * self.steepness(STEEPEST)

    def _through(self, grad):
        return grad_of_wave(grad, self.saved["x"])

    def steepness(self, x):
        return torch.cos(x)

    def _half(self, x):
        """Half of it.

        The derivative is a half.
        """
        return x / 2
'''

HELP = '''
"""What waves share."""


def grad_of_wave(grad, slope):
    return _times(grad, slope)


def _times(a, b):
    return a * b


def shared(x):
    return x
'''


def test_an_answer_goes_with_all_that_serves_it_alone():
    made = cut("Wave", wave=WHOLE, _help=HELP)
    assert made["wave"] == textwrap.dedent('''\
        """A wave."""

        from functools import partial

        import torch

        from p._help import shared


        class Wave(Module):
            """a = sin(f x).

            Each of these lines stays.

            Raises:
                ValueError: f is negative.
            """

            symbol = "~"

            def __init__(self, f):
                self.f = f

            def forward(self, x):
                """The wave."""
                out = torch.sin(self.f * x)
                self.save(x=x, shape=x.shape, out=out)
                return partial(self._half, shared(out))

            def _half(self, x):
                """Half of it."""
                return x / 2
        ''')
    assert made["_help"] == '"""What waves share."""\n\n\ndef shared(x):\n    return x\n'


def test_what_others_use_stays():
    other = """
    from p._help import grad_of_wave


    class Other(Module):
        def backward(self, grad_output):
            return grad_of_wave(grad_output, self.steepness)
    """
    made = cut("Wave", wave=WHOLE, _help=HELP, other=other)
    assert made["_help"] == package(_help=HELP)["p/_help.py"]
    assert "def steepness" in made["wave"]  # a public name may be anyone's
    assert "def _through" not in made["wave"]
    assert "def backward" in made["other"]


def test_a_private_name_in_a_stranger_s_file_keeps_nothing():
    stranger = "class Stranger(Module):\n    def forward(self, x):\n        return self._through(x)\n"
    assert "_through" not in cut("Wave", wave=WHOLE, _help=HELP, stranger=stranger)["wave"]
    friend = "from p.wave import Wave\n" + stranger.replace("(Module)", "(Other)")
    with pytest.raises(AutograderError, match=r"_through in p/wave\.py is part of an answer"):
        cut("Wave", wave=WHOLE, _help=HELP, friend=friend)


def test_nothing_changes_where_nothing_is_asked():
    files = package(wave=WHOLE, _help=HELP)
    assert cut_answers(files, [], {}) == files


BASE = """
class Base(Module):
    \"\"\"What both share, the gradient too.\"\"\"

    def _grad(self, grad_output):
        return 2 * grad_output
"""
FIRST = """
class First(Base):
    def forward(self, x):
        return 2 * x

    def backward(self, grad_output):
        return self._grad(grad_output)
"""
SECOND, THIRD = FIRST.replace("First", "Second"), FIRST.replace("First(Base)", "Third(First)")


def test_relatives_that_hold_the_same_answer_lose_it_too():
    made = cut("First", base=BASE, first=FIRST, second=SECOND, third=THIRD)
    assert "grad" not in "".join(made.values())
    assert made["first"] == "class First(Base):\n    def forward(self, x):\n        return 2 * x\n"


def test_a_base_without_gradients_costs_its_children_nothing():
    base = (
        'class Base(Module):\n    """The gradient of each is another."""\n\n    def __init__(self):\n    '
        "    pass\n"
    )
    own = FIRST.replace("self._grad(grad_output)", "2 * grad_output")
    made = cut("First", base=base, first=own, second=own.replace("First", "Second"))
    assert "grad" not in made["base"] + made["first"]
    assert "def backward" in made["second"]


def test_a_stand_in_takes_the_place_of_a_backward():
    made = cut("First", {"p/first.py": "p._first_backward"}, first=FIRST.replace("Base", "Module"))
    assert "    from p._first_backward import backward\n" in made["first"]


PLAIN = FIRST.replace("Base", "Module").replace("self._grad(grad_output)", "2 * grad_output")
SLOPE = PLAIN.replace("return 2 * x", "{}self.save(x=x{})\n        return torch.sin(x)")


def saving(steps, saved):
    return SLOPE.format("".join(f"{step}\n        " for step in steps), saved)


@pytest.mark.parametrize(
    ("files", "cause"),
    [
        ({"first": FIRST.replace("return self._grad", "self.kept = self._grad")}, "sets self.kept"),
        ({"first": FIRST.replace("return self._grad", "self.kept['x'] = self._grad")}, "sets self.kept"),
        (
            {"first": PLAIN, "other": "from p.first import First\n\nFirst.backward = None\n"},
            "other.py names First.backward",
        ),
        (
            {"first": PLAIN, "other": "from p.first import First\n\nf = First.backward\n"},
            "other.py names First.backward",
        ),
        (
            {"first": PLAIN + "\n    def use(self):\n        self.local = ('1',)\n"},
            "p/first.py keeps an answer, 'self.local'",
        ),
        (
            {"first": PLAIN + "\n    if True:\n        def backward(self, g):\n            return g\n"},
            "backward in p/first.py is part of",
        ),
        (
            {
                "first": PLAIN
                + "\n    backward, other = 1, 2\n\n    def use(self):\n        self.backward = "
                "1\n"
            },
            "keeps an answer",
        ),
        (
            {"first": "def grad_of(x):\n    return x\n\n\nSLOPE = grad_of(1)\n" + PLAIN},
            "grad_of in p/first.py is part of an answer",
        ),
        (
            {"first": "def helper(x, grads):\n    return x\n" + PLAIN, "other": "from p.first import helper"},
            "helper in p/first.py is",
        ),
        (
            {"first": saving([], ", slope=torch.cos(x)")},
            "forward in p/first.py computes 'torch.cos(x)' for backward alone",
        ),
        (
            {"first": saving(["slope = torch.cos(x)"], ", slope=slope")},
            r"computes 'torch.cos(x)' for "
            r"backward alone",
        ),
        (
            {"first": saving(["inner = torch.cos(x)", "y = inner.view(-1)"], ", y=y")},
            r"computes 'torch.cos(x)' for backward alone",
        ),
        ({"first": saving(["a, b = 1 + x, -x"], ", a=a")}, "computes '(1 + x, -x)' for backward alone"),
    ],
)
def test_what_cannot_be_taken_out_is_an_error(files, cause):
    with pytest.raises(AutograderError) as found:
        cut("First", **files)
    assert cause in str(found.value)


@pytest.mark.parametrize(
    "steps",
    [
        [],
        ["a = torch.cos(x)", "x = a + 1"],
        ["y, a = torch.sin(x), torch.cos(x)", "x = y"],
        ["flat = x.flatten()", "a = flat"],
        ["a = torch.cos(x)", "if a.sum():", "    x = 1"],
    ],
)
def test_what_forward_needs_or_only_names_may_be_saved(steps):
    text = saving(steps, ", a=a" if steps else "")
    assert cut("First", first=text)["first"] == text.partition("\n    def backward")[0].strip() + "\n"


def test_in_exercises_only_the_class_itself_may_not_tell():
    cases = "\n\ndef grad_of_cases(grad):\n    return grad  # the gradient\n"
    path = "course/exercises/bank/x.py"
    text = (PLAIN.strip() + cases).replace("2 * grad_output", "_twice(grad_output)")
    made = cut_answers({path: text + "\n\ndef _twice(x):\n    return 2 * x\n"}, ["First"], {})
    assert made[path] == (PLAIN.partition("\n    def backward")[0].strip() + "\n" + cases)
    with pytest.raises(
        AutograderError,
        match=r"^course/exercises/bank/x\.py tells of an answer, 'Walk "
        r"backward",
    ):
        cut_answers({path: text.replace(":\n", ':\n    """Walk backward."""\n\n', 1)}, ["First"], {})


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ('"""Addition: hands the gradient on."""', '"""Addition."""'),
        (
            '"""a = x², elementwise.\n\n    With g = ∂L/∂a: ∂L/∂x = 2 g x.\n    """',
            '"""a = x², elementwise."""',
        ),
        (
            '"""a = x where x > 0, else negative_slope · x."""',
            '"""a = x where x > 0, else negative_slope · x."""',
        ),
        (
            'r"""One.\n\n    Two \\pi.\n    And more.\n\n    ∂L/∂x\n\n    Three.\n    """',
            'r"""One.\n\n    Two \\pi.\n    And more.\n\n    Three.\n    """',
        ),
        ('"""The gradient."""', '"""An exercise asks for what is left out here."""'),
        ('"""The gradient: g."""', '"""An exercise asks for what is left out here."""'),
        ("'The chain rule.\\nAgain'", '"""An exercise asks for what is left out here."""'),
        ('"""Nothing of the kind."""', '"""Nothing of the kind."""'),
        ('"""One.\n\n    Raises:\n        ValueError: no gradient came.\n    """', '"""One."""'),
    ],
)
def test_a_docstring_loses_the_paragraphs_that_speak_of_derivatives(said, kept):
    before, after = (f"class A:\n    {text}\n\n    x = 1\n" for text in (said, kept))
    assert without_telling(before) == after


def test_comments_go_whatever_they_say():
    text = '# First.\nx = 1  # one\ny = "# no comment"\n\n\nclass A:\n    # All of it.\n    z = 2\n'
    assert without_telling(text) == 'x = 1\ny = "# no comment"\n\n\nclass A:\n    z = 2\n'
