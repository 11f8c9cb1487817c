"""Writes lectures/index.md, the page JupyterLab opens on, from the notebooks' titles: ``make reference``."""

import re
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "lectures" / "index.md"
HEAD = """\
# Modular Learning

Deep learning from modules whose backward pass you write yourself. Open a lecture, run its cells with
Shift+Enter, and press *Step* in its pictures. Then do the assignment that follows it: `check(...)` says at
once what is right, and names the likely mistake.

"""
FOOT = """
What a term means stands in the [glossary](glossary.md), what each module computes in the [module
reference](../docs/modules.md), how the course is set up and graded in the [README](../README.md).
"""


def page() -> str:
    """The whole page."""
    lectures = [_line(path) for path in sorted((ROOT / "lectures").glob("[0-9]*.ipynb"))]
    assignments = [_line(path) for path in sorted((ROOT / "assignments").glob("*/*.ipynb"))]
    return "".join(
        [HEAD, "## Lectures\n\n", *lectures, "\n## Assignments\n\n", *assignments, FOOT],
    )


def _line(path: Path) -> str:
    """One notebook: its number, its title as a link, and the sentence below the title."""
    first = nbformat.read(path, as_version=4).cells[0].source
    title = re.search(r"^# (.+)$", first, re.MULTILINE)
    if title is None:
        raise SystemExit(
            f"{path.relative_to(ROOT)}: its first cell has no title, a line that begins with '# '"
        )
    here = path.is_relative_to(PAGE.parent)
    link = path.relative_to(PAGE.parent) if here else Path("..") / path.relative_to(ROOT)
    return f"- [{title[1]}]({link.as_posix()}){_about(first)}\n"


def _about(first: str) -> str:
    """A lecture's number and topic; an assignment's time and points."""
    lecture = re.search(r"^\*\*(Lecture \d+: .+?)\.?\*\*", first, re.MULTILINE)
    time = re.search(r"\*\*Time:\*\* (.+?)\.(?:\s|$)", first, re.DOTALL)
    points = re.search(r"\*\*Points:\*\* (\d+)", first)
    facts = (
        ([lecture[1]] if lecture else [])
        + ([time[1]] if time else [])
        + ([f"{points[1]} points"] if points else [])
    )
    return f" ({', '.join(facts)})" if facts else ""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)} written")
