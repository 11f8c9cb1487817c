"""Each way in which the library may tell an answer: the edition cuts it, or names the place."""

import shutil
from dataclasses import dataclass

import pytest

from autograder.errors import AnswersFoundError, AutograderError
from autograder.handing_out.bundle import require_no_answers
from autograder.handing_out.edition import edition_files
from tests.conftest import ROOT

pytestmark = pytest.mark.xdist_group("tells")

WAVE, SIGMOID, NEW, PRIVATE, ASIDE = (
    f"course/modules/{name}.py" for name in ("cosine_unit", "sigmoid", "new", "_new", "_fused_new")
)
CLASS, FORWARD, BACKWARD, EXAMPLES = (
    "\n\nclass ",
    "    def forward(",
    "    def backward(",
    "    @classmethod\n    def examples(",
)
"""What stands once in each module's file."""

SLOPE = "-torch.sin(theta * x)"
"""What CosineUnit's backward computes in a line of its own."""

HELPER = f"def slope_of(theta, x):\n    return {SLOPE}\n"
FORMULA = "g * (1 - a) * a"
"""What Sigmoid's backward computes, in other letters."""

PASS = "def through(grad_output, out):\n    return grad_output * (1 - out) * out\n"
HEAD = "import torch\n\nfrom course.fused import kernel_for\nfrom course.modules.sigmoid import Sigmoid\n\n\n"
QUIET = """from course.modules.relu import Module, torch


class Quiet(Module):
    def forward(self, x):
        out = torch.relu(x)
        self.save(out=out)
        return out

    def backward(self, grad_output):
        return torch.where(self.saved["out"] <= 0, 0.0, grad_output)
"""
"""Holds ReLU's backward."""

BASE = """class Squash(Module):
    def backward(self, grad_output):
        return grad_output * (1 - self.saved["out"]) * self.saved["out"]
"""
CHILD = "class Steep(Sigmoid):\n    def backward(self, grad):\n        return 9 * super().backward(grad)\n"


@dataclass(frozen=True)
class Tell:
    """A library that tells an answer.

    Attributes:
        kind: in which way.
        changes: path, text and new text of each place in which the copy differs; a new file has no text
            before.
        fate: what the edition no longer holds in these files, or what the error says.
    """

    kind: str
    changes: tuple[tuple[str, str, str], ...]
    fate: str


def before(path, place, text):
    """A change that puts some text before what stands at a place."""
    return path, place, text + place


CUT = [
    Tell(
        "a helper, as a method",
        (
            (WAVE, SLOPE, "self.slope_of(theta, x)"),
            before(WAVE, EXAMPLES, HELPER.replace("def", "    def").replace("    r", "        r")),
        ),
        SLOPE,
    ),
    Tell(
        "a helper, as a function",
        ((WAVE, SLOPE, "slope_of(theta, x)"), before(WAVE, CLASS, f"\n\n{HELPER}")),
        SLOPE,
    ),
    Tell(
        "a helper in a private file",
        (
            (WAVE, SLOPE, "slope_of(theta, x)"),
            before(WAVE, CLASS, "\nfrom course.modules._new import slope_of"),
            (PRIVATE, "", f"import torch\n\n\n{HELPER}"),
        ),
        "slope_of",
    ),
    Tell(
        "a private helper, whose name stands elsewhere",
        (
            (WAVE, SLOPE, "_slope_of(theta, x)"),
            before(WAVE, CLASS, f"\n\n{HELPER.replace('slope_of', '_slope_of')}"),
            (NEW, "", "_slope_of = 1\nprint(_slope_of)\n"),
        ),
        SLOPE,
    ),
    Tell(
        "a table",
        (
            (WAVE, SLOPE, "TABLE['cos'](theta, x)"),
            before(WAVE, CLASS, f"\nTABLE = {{'cos': lambda theta, x: {SLOPE}}}"),
        ),
        SLOPE,
    ),
    Tell("a comment in the class", (before(SIGMOID, FORWARD, f"    # {FORMULA}\n"),), FORMULA),
    Tell("a comment behind code", ((SIGMOID, "(out=out)\n", f"(out=out)  # {FORMULA}\n"),), FORMULA),
    Tell("a comment beside the class", (before(SIGMOID, CLASS, f"\n# {FORMULA}"),), FORMULA),
    Tell(
        "the class's docstring",
        ((SIGMOID, "elementwise.\n", "elementwise.\n\n    Its slope: (1 − a) a.\n"),),
        "(1 − a) a",
    ),
    Tell(
        "a method's docstring",
        (before(SIGMOID, "        out = torch", '        """Derivative: (1 − a) a."""\n'),),
        "(1 − a)",
    ),
    Tell(
        "the file's docstring",
        ((SIGMOID, '"""The logistic', '"""Its gradient is (1 − a) a.\n\nThe logistic'),),
        "(1 − a)",
    ),
    Tell("the local derivative", ((SIGMOID, "local = (", "local: tuple[str] = ("),), "(1 − out)"),
    Tell("a relative's backward", ((NEW, "", QUIET),), "<= 0"),
    Tell(
        "a relative's helper",
        (
            (
                NEW,
                "",
                QUIET.replace('torch.where(self.saved["out"] <= 0, 0.0,', 'through(self.saved["out"],')
                + f"\n\n{PASS}",
            ),
        ),
        "(1 - out)",
    ),
    Tell(
        "a base's backward",
        (before(SIGMOID, CLASS, f"\n\n{BASE}"), (SIGMOID, "Sigmoid(Module)", "Sigmoid(Squash)")),
        "(1 -",
    ),
    Tell("a child's backward", ((NEW, "", HEAD + CHILD),), "9 * super()"),
    Tell("a fused aside", ((ASIDE, "", f"{HEAD}@kernel_for(Sigmoid.backward)\n{PASS}"),), "(1 - out)"),
]

REFUSED = [
    Tell(
        "a saved slope",
        ((WAVE, "self.save(x=x)", "self.save(x=x, s=torch.sin(self.theta.value * x))"),),
        "forward in course/modules/cosine_unit.py computes 'torch.sin(self.theta.value * x)' for backward "
        "alone",
    ),
    Tell(
        "a slope that is computed and then saved",
        (
            (
                SIGMOID,
                "        self.save(out=out)",
                "        slope = out * (1 - out)\n        self.save(out=out, slope=slope)",
            ),
        ),
        "forward in course/modules/sigmoid.py computes 'out * (1 - out)' for backward alone",
    ),
    Tell(
        "a helper that others use",
        (before(SIGMOID, CLASS, f"\n\n{PASS}"), (NEW, "", "from course.modules.sigmoid import through\n")),
        "through in course/modules/sigmoid.py is part of an answer",
    ),
    Tell(
        "a local derivative that a method sets",
        (before(SIGMOID, "        out = torch", "        self.local = ('(1 − out)·out',)\n"),),
        "course/modules/sigmoid.py keeps an answer, 'self.local'",
    ),
    Tell(
        "a backward under a condition",
        (before(SIGMOID, BACKWARD, "    if True:\n        def backward(self, grad): return grad\n\n"),),
        "backward in course/modules/sigmoid.py is part of an answer",
    ),
    Tell(
        "a backward that leaves something behind",
        ((SIGMOID, '        out = self.saved["out"]', '        out = self.kept = self.saved["out"]'),),
        "Sigmoid.backward in course/modules/sigmoid.py sets self.kept",
    ),
    Tell(
        "a backward set from elsewhere",
        ((NEW, "", f"{HEAD}Sigmoid.backward = print\n"),),
        "course/modules/new.py names Sigmoid.backward",
    ),
    Tell(
        "a kernel that is no aside",
        (
            (
                NEW,
                "",
                f"{HEAD}@kernel_for(Sigmoid.backward)\ndef run(x, y):\n    return "
                f"torch.ops.aten.sigmoid_backward(y, x)\n",
            ),
        ),
        "course/modules/new.py names Sigmoid.backward",
    ),
    Tell(
        "the formula in other code",
        ((NEW, "", f"def squash(g, a):\n    return {FORMULA}\n"),),
        f"course/modules/new.py holds '{FORMULA}', an answer: course/modules/sigmoid.py, Sigmoid.backward",
    ),
    Tell(
        "the formula in a private file",
        ((PRIVATE, "", f"def squash(g, a):\n    return {FORMULA}\n"),),
        f"course/modules/_new.py holds '{FORMULA}', an answer: course/modules/sigmoid.py, Sigmoid.backward",
    ),
    Tell(
        "the formula in words",
        ((NEW, "", f'"""As `{FORMULA}`."""\n'),),
        f"course/modules/new.py holds '{FORMULA}', an answer",
    ),
    Tell(
        "the formula in a comment",
        ((NEW, "", f"x = 1  # {FORMULA}\n"),),
        f"course/modules/new.py holds '{FORMULA}', an answer",
    ),
]


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """A copy of the library."""
    return shutil.copytree(ROOT / "course", tmp_path_factory.mktemp("told") / "course")


@pytest.fixture
def told(library, monkeypatch, request):
    """A tell, in a copy of the library of which the edition is made."""
    monkeypatch.setattr("autograder.handing_out.edition.LIBRARY", library)
    originals = {}
    for path, place, text in request.param.changes:
        file = library.parent / path
        content = file.read_text() if file.exists() else ""
        originals.setdefault(file, content)
        assert content.count(place) == 1 if place else not content, (path, place)
        file.write_text(content.replace(place, text) if place else text)
    yield request.param
    for file, content in originals.items():
        file.write_text(content) if content else file.unlink()


def kind_of(tell):
    return tell.kind


@pytest.mark.parametrize("told", CUT, ids=kind_of, indirect=True)
def test_it_is_cut(told, library):
    paths = {path for path, *_ in told.changes}
    assert any(told.fate in (library.parent / path).read_text() for path in paths)
    files = edition_files()
    assert not [path for path in paths if told.fate in files.get(path, b"").decode()]


@pytest.mark.parametrize("told", REFUSED, ids=kind_of, indirect=True)
def test_it_is_refused_with_its_place(told):
    with pytest.raises(AutograderError) as refusal:
        edition_files()
    assert str(refusal.value).startswith(told.fate)


def test_the_copy_itself_tells_nothing(library, monkeypatch):
    expected = edition_files()
    monkeypatch.setattr("autograder.handing_out.edition.LIBRARY", library)
    assert edition_files() == expected


@pytest.mark.parametrize("path", ["course/figures/new.py", "course/new.py"])
def test_what_tells_far_from_the_modules_is_refused_by_the_bundle(path):
    with pytest.raises(AnswersFoundError, match=rf"^{path}: 'g \* \(1 - a\) \* a' is an answer"):
        require_no_answers(ROOT / "solutions", {path: f"def squash(g, a):\n    return {FORMULA}\n".encode()})
