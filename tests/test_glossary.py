"""The glossary names every term that a lecture explains, in alphabetical order.

It leads to the cell that explains the term.
"""

import re
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.notebooks import LECTURES, read

PAGE = ROOT / "lectures" / "glossary.md"
ENTRY = re.compile(r"^- \*\*(.+?)\*\*: (.+) \(\[lecture (\d\d)\]\((\S+?)#cell-id=([\w-]+)\)\)$")
BOLD = re.compile(r"\*\*([^*]+?)\*\*")
OTHER = {
    "Step",
    "input",
    "output",
    "trainable parameters",
    "add",
    "Backward costs about twice as much as forward",
    "a row for each output, a column for each input",
}
"""What is bold without being a term."""


def entries() -> list[tuple[str, str, str, str, str]]:
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("- ")]
    found = [ENTRY.match(line) for line in lines]
    assert all(found), [line for line, match in zip(lines, found, strict=True) if not match]
    return [match.groups() for match in found if match]  # type: ignore[misc]


def plain(term: str) -> str:
    """A term without what differs between a text and a list of terms: case, plural, order of words."""
    words = re.findall(r"\w+", term.lower())
    return " ".join(
        sorted(
            re.sub("ies$", "y", word)
            if word.endswith("ies")
            else re.sub("(?<=[sx])es$|(?<=[^saiu])s$", "", word)
            for word in words
        )
    )


def bold(path: Path) -> dict[str, set[str]]:
    """The bold words of each cell of a lecture but the first: terms, and what a sentence leans on."""
    cells = read(path).cells[1:]
    return {
        cell.id: {" ".join(word.split()) for word in BOLD.findall(cell.source)}
        for cell in cells
        if cell.cell_type == "markdown"
    }


def test_terms_stand_in_alphabetical_order_and_once():
    terms = [re.sub(r"\W", "", term.lower()) for term, *_ in entries()]
    assert len(terms) > 80
    assert terms == sorted(set(terms))


@pytest.mark.parametrize("path", LECTURES, ids=lambda path: path.stem)
def test_each_entry_leads_to_the_cell_that_explains_it(path):
    cells = bold(path)
    for term, _, number, file, cell in entries():
        if file == path.name:
            assert number == path.name[:2], term
            assert cell in cells, f"{term}: {file} has no cell {cell}"
            assert plain(term) in {plain(word) for word in cells[cell]}, (
                f"{term}: {cell} explains {sorted(cells[cell])}"
            )


@pytest.mark.parametrize("path", LECTURES, ids=lambda path: path.stem)
def test_every_explained_term_is_listed(path):
    listed = {plain(term) for term, *_ in entries()}
    for words in bold(path).values():
        for word in words - OTHER:
            if not word.endswith((":", ".")):
                assert plain(word) in listed, f"'{word}' is missing in the glossary"
