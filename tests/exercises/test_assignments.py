"""Each assignment as students meet it: form, stubs, hints, and that its solution earns everything."""

import ast
import re
import textwrap
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from course.exercises import find_exercise
from tests.notebooks import ROOT, run

NAMES = sorted(path.parent.name for path in ROOT.glob("solutions/*/*.ipynb"))
each = pytest.mark.parametrize("name", NAMES)
QUICK = ("01_graphs", "05_composite")
"""Which are run as notebooks every time; the others with the slow tests."""
some = pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in NAMES]
)


def source(name: str, folder: str = "solutions") -> NotebookNode:
    return nbformat.read(ROOT / folder / name / f"{name}.ipynb", as_version=4)


def about(cell: NotebookNode) -> NotebookNode:
    return cell.metadata.get("nbgrader", {})


def graded_cells(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code" and about(cell).get("grade")]


def exercises_of(notebook: NotebookNode) -> list[str]:
    return [re.search(r'check\("(\w+)"', cell.source)[1] for cell in graded_cells(notebook)]


@each
def test_a_hundred_points_a_story_and_an_estimate(name):
    notebook = source(name)
    title, *_ = notebook.cells
    assert re.match(rf"# Assignment {name[:2]}: ", title.source)
    for word in ("**What you need:**", "**Time:** about", "**Points:** 100"):
        assert word in title.source
    assert len(title.source.split("**What you need:**")[0].split()) > 30, "a short story says why it matters"
    graded = [cell for cell in notebook.cells if about(cell).get("grade")]
    assert sum(about(cell).points for cell in graded) == 100
    written = [cell for cell in graded if cell.cell_type == "markdown"]
    assert [about(cell).grade_id for cell in written] == ["written"]
    assert len(graded_cells(notebook)) >= 4
    rows = re.findall(r"^\| \d+ \| .* \| (\d+) \|$", title.source, re.MULTILINE)
    assert [int(points) for points in rows] == [about(cell).points for cell in graded], (
        "the table says what cells are worth"
    )


@each
def test_every_exercise_has_task_answer_picture_check_and_hidden_tests(name):
    notebook = source(name)
    cells = {about(cell).get("grade_id"): cell for cell in notebook.cells}
    for test, exercise in zip(graded_cells(notebook), exercises_of(notebook), strict=True):
        found = find_exercise(exercise)
        key = about(test).grade_id.removesuffix("_test")
        assert about(test).points == found.max_points
        assert "### BEGIN HIDDEN TESTS" in test.source
        assert re.search(r"seed=\d+", test.source)
        assert re.search(r"\(\d+ points\)", cells[f"{key}_task"].source)
        assert re.search(r"[Ll]ectures? \d\d", cells[f"{key}_task"].source), f"{key}: where it was derived"
        assert "### BEGIN SOLUTION" in cells[key].source
        assert not about(cells[key]).locked
        if found.truth is None and f"{key}_picture" not in cells:
            continue  # a plain function has no gradient to draw
        asked = re.search(r'check\("\w+", (\w+)', test.source)[1]
        assert re.search(rf"\w+\(.*\b{asked}\b", cells[f"{key}_picture"].source), (
            "a picture of the student's own answer"
        )


def fragments(code: str) -> set[str]:
    """An answer's expressions, also as a formula would write them, without spaces.

    Small ones are anyone's.
    """
    tree = ast.parse("def answer():\n" + textwrap.indent(textwrap.dedent(code), "    "))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp | ast.Call | ast.Compare) and sum(1 for _ in ast.walk(node)) >= 9:
            written = ast.unparse(node)
            formula = re.sub(r"self\.saved\[['\"](\w+)['\"]\]", r"\1", written).replace("grad_output", "g")
            formula = re.sub(r"self\.(\w+)\.value", r"\1", formula)
            for text in (written, formula, formula.replace("**", "^").replace("*", "·").replace("-", "−")):
                found.add(re.sub(r"\s", "", text))
    return {text for text in found if len(text) >= 8}


def answers_of(notebook: NotebookNode) -> dict[str, str]:
    """The text between the solution's marks, by exercise."""
    answers, waiting = {}, []
    for cell in notebook.cells:
        waiting += re.findall(r"### BEGIN SOLUTION\n(.*?)\n *### END SOLUTION", cell.source, re.DOTALL)
        if cell in graded_cells(notebook):
            answers[re.search(r'check\("(\w+)"', cell.source)[1]] = "\n".join(map(textwrap.dedent, waiting))
            waiting = []
    return answers


@each
def test_no_hint_and_no_task_gives_the_answer(name):
    notebook = source(name)
    told = "".join(
        cell.source
        for cell in notebook.cells
        if cell.cell_type == "markdown" and not about(cell).get("solution")
    )
    for exercise, answer in answers_of(notebook).items():
        for text in (*find_exercise(exercise).hints, told):
            said = re.sub(r"\s", "", text)
            assert not [part for part in fragments(answer) if part in said], exercise


def test_a_hint_with_the_answer_would_be_noticed():
    parts = fragments('y = self.saved["y"]\nreturn grad_output * y * (1 - y)')
    assert "g*y*(1-y)" in parts
    assert "g·y·(1−y)" in parts


def results(notebook: NotebookNode) -> list[float]:
    found = [
        out.data["text/plain"]
        for cell in graded_cells(notebook)
        for out in cell.outputs
        if out.output_type == "execute_result"
    ]
    assert len(found) == len(graded_cells(notebook))
    return list(map(float, found))


def said(notebook: NotebookNode) -> str:
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert not [output for output in outputs if output.output_type == "error"]
    assert not [output.text for output in outputs if output.get("name") == "stderr"]
    return "\n".join(
        str(output.get("text", "")) + str(output.get("data", {}).get("text/plain", "")) for output in outputs
    )


@some
def test_the_solution_earns_every_point_in_the_notebook(name, tmp_path):
    """The same through the engine and through nbgrader is tested with the autograder."""
    notebook = run(ROOT / "solutions" / name / f"{name}.ipynb", tmp_path).notebook
    said(notebook)
    assert results(notebook) == [about(cell).points for cell in graded_cells(notebook)]


@some
def test_the_released_notebook_runs_to_its_end_and_says_what_is_missing(name, tmp_path):
    notebook = run(ROOT / "assignments" / name / f"{name}.ipynb", tmp_path).notebook
    words = said(notebook)
    assert results(notebook) == [0.0] * len(graded_cells(notebook))
    assert words.count("is not written yet") >= len(graded_cells(notebook))
    assert "Traceback" not in words


def test_the_folders_hold_nothing_else():
    assert sorted(path.name for path in Path(ROOT / "assignments").iterdir()) == NAMES
