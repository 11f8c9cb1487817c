"""Answers that stand in files are found, whatever their variables are called; what is anyone's is not."""

import textwrap

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autograder.handing_out.leaks import all_answers, find_leaks
from autograder.handing_out.leaks.answers import MARKED
from autograder.handing_out.leaks.code import cells, source_of
from tests.autograder.conftest import answer_cell, graded_cell, locked_cell
from tests.conftest import ROOT

pytestmark = pytest.mark.xdist_group("leaks")

WRITTEN = (
    "Raising both inputs by a small amount raises the output by that amount; the two gradients must "
    "therefore add up to g."
)
TASK = """
class Mixed(Module):
    def forward(self, x, y):
        self.save(x=x, y=y)
        return x * torch.sigmoid(self.rate.value * y)

    def backward(self, grad_output):
        ### BEGIN SOLUTION
        gate = torch.sigmoid(self.rate.value * self.saved["y"])
        return grad_output * gate * (1 - gate), grad_output * self.saved["x"] * gate
        ### END SOLUTION
"""
HIDDEN = """
score = check("add", Mixed)
### BEGIN HIDDEN TESTS
score = min(score, check("add", Mixed, seed=1847, show=False))
### END HIDDEN TESTS
score
"""
SHORT = """
class Copy(Module):
    def backward(self, grad_first, grad_second):
        ### BEGIN SOLUTION
        return grad_first + grad_second
        ### END SOLUTION
"""
WHOLE = (
    "def doubled(x):\n    halves = [torch.sin(x / 2) * part for part in (x, 2 * x)]\n    return sum(halves)"
)


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """Those of a notebook with every kind of answer."""
    folder = tmp_path_factory.mktemp("course") / "solutions" / "tiny"
    folder.mkdir(parents=True)
    written = answer_cell("written", "")
    notebook = new_notebook(
        cells=[
            locked_cell("imports", "import torch\nstep = (torch.sin(2 * torch.ones(3)) - 1) / 4"),
            answer_cell("mixed", TASK),
            graded_cell("mixed_test", HIDDEN, 4),
            answer_cell("copy", SHORT),
            answer_cell("whole", WHOLE),
            new_markdown_cell(f"It depends. {WRITTEN} True?", metadata=written.metadata),
        ]
    )
    nbformat.write(notebook, folder / "tiny.ipynb")
    return all_answers(folder.parent)


def notebook(*cells):
    return nbformat.writes(new_notebook(cells=list(cells))).encode()


def found(answers, **files):
    given = {f"lectures/{name.replace('_', '.')}": content for name, content in files.items()}
    content = {path: text.encode() if isinstance(text, str) else text for path, text in given.items()}
    return [(leak.place, leak.answer.place) for leak in find_leaks(content, answers)]


MIXED = "solutions/tiny/tiny.ipynb, cell 'mixed'"
LINE = "print(g * s * (1 - s))"


@pytest.mark.parametrize(
    ("files", "place"),
    [
        ({"a_py": f"s = 1\nif s:\n    {LINE}"}, "lectures/a.py"),
        ({"a_py": f'"""As follows.\n\n```python\n{LINE}\n```\n"""'}, "lectures/a.py"),
        ({"a_py": f"x = 1\n# {LINE}\n"}, "lectures/a.py"),
        ({"a_py": '"""The gradient is `upstream * gate * (1 - gate)`, as always."""'}, "lectures/a.py"),
        ({"a_py": '"""Like this.\n\n>>> upstream * gate * (1 - gate)\n"""'}, "lectures/a.py"),
        ({"a_md": f"Like so:\n\n~~~\n{LINE}\n~~~\n"}, "lectures/a.md"),
        ({"a_md": "The gradient is ``a * b * (1 - b)``."}, "lectures/a.md"),
        ({"a_md": f"In a list:\n\n- one\n\n  ```python\n  {LINE}\n  ```\n"}, "lectures/a.md"),
        ({"a_md": f"What does not parse as a whole:\n\n```\n$ python\n{LINE}\n```\n"}, "lectures/a.md"),
        ({"a_ipynb": notebook(new_code_cell(LINE, id="here"))}, "lectures/a.ipynb, cell 'here'"),
        (
            {"a_ipynb": notebook(new_code_cell(f"%matplotlib inline\n{LINE}", id="here"))},
            "lectures/a.ipynb, cell 'here'",
        ),
        (
            {"a_ipynb": notebook(new_markdown_cell(f"```\n{LINE}\n```", id="here"))},
            "lectures/a.ipynb, cell 'here'",
        ),
    ],
)
def test_an_expression_is_found_wherever_code_stands(answers, files, place):
    assert found(answers, **files) == [(place, MIXED)]


@pytest.mark.parametrize(
    "code",
    [
        'return grad_output * gate * (1 - gate), grad_output * self.saved["x"] * gate',
        "return g * s * (1 - s), g * x * s",
        "return g * self.a.value * (1 - self.a.value)",
        "gates = torch.sigmoid(self.rate.value * self.saved['y'])",
        "score = min(score, check('add', Mixed, seed=1847, show=False))",
        "points = least(points, check('add', Answer, seed=1847, show=False))",
    ],
)
def test_a_line_is_found_under_other_names(answers, code):
    assert found(answers, a_py=f"def f(self, g, x, s):\n    {code}")


@pytest.mark.parametrize(
    "code",
    [
        "return grad_first + grad_second",
        "return grad_output * gate",
        'x, y = self.saved["x"], self.saved["y"]',
        "gate = torch.sigmoid(rate * y)",
        "return grads[0] if len(grads) == 1 else grads",
        "return not all(name in values for name in outputs)",
        "return x * torch.sigmoid(self.rate.value * y)",  # forward, which is given
        "step = (torch.sin(2 * torch.ones(3)) - 1) / 4",
        "score = check('add', Mixed)",
    ],
)
def test_what_is_short_or_given_is_anyones(answers, code):
    assert found(answers, a_py=f"def f(self, grads, grad_output, x, y):\n    {code}") == []


def test_an_answer_of_one_short_line_is_found_in_its_class(answers):
    assert found(answers, a_py="class Sum:\n    def backward(self, a, b):\n        return a + b") == []
    text = 'class Copy:\n    def backward(self, a, b):\n        """Both."""\n        return a + b'
    assert found(answers, a_py=text) == [("lectures/a.py", "solutions/tiny/tiny.ipynb, cell 'copy'")]


def test_a_cell_without_marks_is_an_answer_as_a_whole(answers):
    assert found(answers, a_py="parts = [torch.sin(u / 2) * v for v in (u, 2 * u)]")
    assert found(answers, a_py=textwrap.dedent(WHOLE.partition("\n")[2]))


def test_an_answer_in_words_is_found(answers):
    words = WRITTEN.replace(" raises ", "\n raises ")
    place = "solutions/tiny/tiny.ipynb, cell 'written'"
    assert [answer.split(",")[0] for _, answer in found(answers, a_md=f"So: {words}")] == [
        place.split(",")[0]
    ]
    assert found(answers, a_ipynb=notebook(new_markdown_cell(words)))
    assert found(answers, a_md="It depends. True? Raising both inputs by a small amount.") == []


def test_what_is_no_text_and_no_code_is_no_matter(answers):
    assert (
        found(
            answers,
            a_png=b"\x89PNG\xff",
            a_json="{}",
            a_py="this is no Python `",
            a_ipynb=notebook(new_code_cell("?? no")),
        )
        == []
    )


def test_the_library_s_backward_is_an_answer(answers):
    text = (ROOT / "course/modules/softmax.py").read_text().replace("class Softmax", "class Other")
    assert "Softmax.backward" in found(answers, a_py=text)[0][1]


def marked(path):
    """What nbgrader takes out of a notebook's code, each with its cell's whole code."""
    for place, cell in cells(path.relative_to(ROOT).as_posix(), path.read_bytes()):
        if cell["cell_type"] == "code":
            for match in MARKED.finditer(source_of(cell)):
                yield place, textwrap.dedent(match[3]), source_of(cell)


def test_each_answer_of_the_course_would_be_found():
    """In a function of any name; one of a single line that is anyone's, in its class only."""
    every = [one for path in sorted(ROOT.glob("solutions/*/*.ipynb")) for one in marked(path)]
    bare = {
        f"{i}.py": ("def f():\n" + textwrap.indent(answer, "    ")).encode()
        for i, (_, answer, _) in enumerate(every)
    }
    whole = {f"{i}, whole.py": cell.encode() for i, (_, _, cell) in enumerate(every)}
    places = {leak.place for leak in find_leaks(bare | whole, all_answers(ROOT / "solutions"))}
    missed = [every[i][:2] for i, path in enumerate(bare) if path not in places]
    assert not [place for place, answer in missed if len(answer.strip().splitlines()) > 1]
    assert len(missed) < len(every) / 10
    assert not whole.keys() - places
