"""Answers are taken out of source text with all that serves them alone; where that cannot be, it is an error."""

import ast
import textwrap

import pytest

from autograder.errors import AutograderError
from autograder.handing_out.stripping import cut_answers
from autograder.handing_out.stripping.telling import shortened


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

import torch

from p._help import grad_of_wave, shared


class Wave(Module):
    """a = sin(f x). Its slope is f cos(f x).

    Each of these lines goes.

    Args:
        f: the frequency.
        g: scales the gradient.

    Raises:
        ValueError: f is negative.
    """

    symbol = "~"
    local = ("f·cos(f·x)",)  # what the explorer shows

    def __init__(self, f):
        self.f = f  # not the slope

    def forward(self, x):
        out = torch.sin(self.f * x)
        inner = shared(x)
        cosine = torch.cos(inner)
        angle = math.pi * cosine
        self.save(x=x, shape=x.shape, out=out, slope=self.f * cosine, angle=angle)
        return out

    def backward(self, grad_output):
        return self._through(grad_output) * self._half(1)

    def _through(self, grad):
        return grad_of_wave(grad, self.saved["slope"])

    def _half(self, x):
        return x / 2

    def extra_repr(self):
        return str(self._half(self.f))
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

        import torch


        class Wave(Module):
            """a = sin(f x).

            Args:
                f: the frequency.

            Raises:
                ValueError: f is negative.
            """

            symbol = "~"

            def __init__(self, f):
                self.f = f

            def forward(self, x):
                out = torch.sin(self.f * x)
                self.save(x=x, shape=x.shape, out=out)
                return out

            def _half(self, x):
                return x / 2

            def extra_repr(self):
                return str(self._half(self.f))
        ''')
    assert made["_help"] == '"""What waves share."""\n'


def test_what_others_use_stays():
    other = """
    from p._help import grad_of_wave


    class Other(Module):
        def backward(self, grad_output):
            return grad_of_wave(grad_output, self.module.saved["angle"])
    """
    made = cut("Wave", wave=WHOLE, _help=HELP, other=other)
    assert made["_help"] == package(_help=HELP)["p/_help.py"]
    assert "self.save(x=x, shape=x.shape, out=out, angle=angle)" in made["wave"]
    assert "def backward" in made["other"]


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


def test_a_public_helper_in_the_file_takes_its_users_along():
    home = "def wave_backward(grad):\n    return grad\n" + FIRST.replace("self._grad", "wave_backward").replace(
        "Base", "Module"
    )
    user = SECOND.replace("self._grad", "wave_backward").replace("Base", "Module")
    made = cut("First", first=home, second="from p.first import wave_backward\n" + user)
    assert "grad" not in made["first"] + made["second"]


def test_a_stand_in_takes_the_place_of_a_backward():
    made = cut("First", {"p/first.py": "p._first_backward"}, first=FIRST.replace("Base", "Module"))
    assert "    from p._first_backward import backward\n" in made["first"]


@pytest.mark.parametrize(
    ("files", "cause"),
    [
        ({"first": FIRST.replace("return self._grad", "self.kept = self._grad")}, "sets self.kept"),
        ({"first": FIRST.replace("return self._grad", "self.kept['x'] = self._grad")}, "sets self.kept"),
        ({"first": FIRST, "other": "from p.first import First\n\nFirst.backward = None\n"}, "sets First.backward"),
        ({"first": FIRST + "\n    def use(self):\n        self.local = ('1',)\n"}, "keeps an answer in line"),
        (
            {"first": FIRST + "\n    if True:\n        def backward(self, g):\n            return g\n"},
            "keeps an answer in line",
        ),
        (
            {"first": "def grad_of(x):\n    return x\n\n\nSLOPE = grad_of(1)\n" + FIRST},
            "grad_of in p/first.py is part of an answer",
        ),
    ],
)
def test_what_cannot_be_taken_out_is_an_error(files, cause):
    with pytest.raises(AutograderError, match=cause):
        cut("First", **files)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("Addition: hands the gradient on.", "Addition."),
        ("a = x², elementwise. With g = ∂L/∂a: ∂L/∂x = 2 g x.", "a = x², elementwise."),
        ("a = x where x > 0, else negative_slope · x.", "a = x where x > 0, else negative_slope · x."),
        ("One.\n\n    Two.\n\n    With g, ∂L/∂x = g.\n\n    Three.", "One.\n\n    Two."),
        ("The gradient.", ""),
        ("Nothing of the kind.", "Nothing of the kind."),
        ("One.\n\n    Raises:\n        ValueError: no gradient came.\n    ", "One."),
    ],
)
def test_a_docstring_ends_where_it_comes_to_speak_of_derivatives(said, kept):
    assert shortened(said) == kept
