"""Lectures and solutions run from top to bottom, quietly, and keep to the house's form."""

import ast
import re

import pytest

from tests.conftest import ROOT
from tests.notebooks import LECTURES, SECONDS, each_lecture, lecture, read


def test_there_are_lectures():
    assert "03_computational_graphs" in [path.stem for path in LECTURES]


@each_lecture("path")
def test_lecture_runs_within_a_minute(path):
    assert lecture(path).seconds < SECONDS


@each_lecture("path")
def test_lecture_prints_no_warning(path):
    for cell in lecture(path).notebook.cells:
        for output in cell.get("outputs", ()):
            assert output.get("name") != "stderr", f"{cell.source[:60]!r} printed {output.text[:200]!r}"


@each_lecture("path")
def test_lecture_shows_pictures_that_work_offline(path):
    shown = [
        output.data
        for cell in lecture(path).notebook.cells
        for output in cell.get("outputs", ())
        if re.search(r"\b(explore|live)\(", cell.source)
        and output.output_type in ("display_data", "execute_result")
    ]
    assert len(shown) >= 2
    for data in shown:
        assert "application/vnd.jupyter.widget-view+json" in data
        assert re.search("<(svg|script|img)", data["text/html"])
        assert not re.search(r"(src|href)=[\"']https?://", data["text/html"])


def statements(cell):
    """A cell's statements, each with its text."""
    return [(node, ast.unparse(node)) for node in ast.parse(cell.source).body]


def imports(cell):
    return any(isinstance(node, ast.Import | ast.ImportFrom) for node, _ in statements(cell))


@each_lecture("path")
class TestForm:
    def test_question_slides_summary_and_references(self, path):
        cells = read(path).cells
        assert cells[0].source.splitlines()[0].startswith("# ")
        assert cells[0].source.splitlines()[0].endswith("?"), "a lecture's title is its question"
        headings = [
            line
            for cell in cells
            if cell.cell_type == "markdown"
            for line in cell.source.splitlines()
            if line[:1] == "#"
        ]
        assert any(line.startswith("## Predict, then run") for line in headings)
        assert headings[-2:] == ["## Summary", "## References"]
        summary = next(cell.source for cell in cells if cell.source.startswith("## Summary"))
        assert 0 < sum(line.startswith("- ") for line in summary.splitlines()) <= 5
        slides = [cell.metadata.get("slideshow", {}).get("slide_type") for cell in cells]
        assert slides[0] == "slide"
        assert set(slides) <= {"slide", "fragment", "skip", "notes", None}, (
            "of subslides test_decks.py measures the last only"
        )

    def test_cells_are_short(self, path):
        cells = read(path).cells
        assert 25 <= len(cells) <= 60
        for cell in cells:
            if cell.cell_type == "code" and not imports(cell):
                assert len(cell.source.splitlines()) <= 15, cell.source
            assert cell.source.strip()

    def test_one_cell_imports(self, path):
        """The first one, which slides skip. It may be long: the linter finds what no cell uses."""
        code = [cell for cell in read(path).cells if cell.cell_type == "code"]
        assert [cell.id for cell in code if imports(cell)] == [code[0].id]
        assert code[0].metadata["slideshow"]["slide_type"] == "skip"
        others = [
            line for node, line in statements(code[0]) if not isinstance(node, ast.Import | ast.ImportFrom)
        ]
        assert others in ([], ["torch.set_num_threads(1)"])


@pytest.mark.xdist_group("03_computational_graphs")
def test_lecture_03_computes_the_numbers_of_the_curriculum():
    notebook = lecture(ROOT / "lectures" / "03_computational_graphs.ipynb").notebook
    said = "\n".join(
        output.text for cell in notebook.cells for output in cell.get("outputs", ()) if "text" in output
    )
    for line in (
        "f = -12.0",
        "∂f/∂x, ∂f/∂y, ∂f/∂z = [-4.0, -4.0, 3.0]",
        "f = 0.7310586",
        "∂f/∂w0 = -0.1966119",
        "∂f/∂w1 = -0.3932239",
        "∂f/∂w2 =  0.1966119",
        "∂f/∂x0 =  0.3932239",
        "∂f/∂x1 = -0.5898358",
        "f = 1.5456448841",
        "∂f/∂x = 2.0595697956",
        "∂f/∂y = 1.5922327515",
    ):
        assert line in said
