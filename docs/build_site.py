"""Builds the course's web site, which needs no network: ``make docs``.

Puts the lectures, the assignments, their list and the reference pages together in docs/_build/sources, and
lets Sphinx run the lectures and draw the pages. A lecture is run again when its code or the library has
changed.
"""

import argparse
import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import nbformat
from myst_parser.slugs import github_slugify

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PICTURES = {".png", ".svg", ".jpg"}
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?!\w+:|#)([^)\s#]+)(#[^)]*)?\)")
"""A link to a file, in Markdown."""
CELL_LINK = re.compile(r"\(([^)\s#]+\.ipynb)#cell-id=([\w-]+)\)")
"""A link to a notebook's cell, as JupyterLab understands it."""

GALLERY = '\n<p>All figures of the course are in the <a href="gallery/index.html">gallery</a>.</p>\n'


def assemble(lectures: Path, assignments: Path, sources: Path, figures: str = "") -> None:
    """Write the site's sources.

    Args:
        lectures: the folder of the lectures and of their list, index.md.
        assignments: the folder of the assignments, each in a folder of its own.
        sources: where to; what was there is removed.
        figures: a sentence that leads to the gallery.
    """
    shutil.rmtree(sources, ignore_errors=True)
    parts: dict[str, list[str]] = {"Lectures": [], "Assignments": [], "Reference": []}
    for path in sorted(lectures.glob("*.ipynb")):
        parts["Lectures"].append(_copy(path, sources / "lectures" / path.name, sources))
    for path in sorted(assignments.glob("*/*.ipynb")):
        parts["Assignments"].append(
            _copy(path, sources / "assignments" / path.parent.name / path.name, sources)
        )
    glossary = lectures / "glossary.md"
    if glossary.exists():
        parts["Lectures"].append(_copy(glossary, sources / "lectures" / glossary.name, sources))
        copied = sources / "lectures" / glossary.name
        copied.write_text(_cells_to_headings(copied.read_text(encoding="utf-8"), lectures), encoding="utf-8")
    for path in sorted(DOCS.glob("*.md")):
        parts["Reference"].append(_copy(path, sources / "docs" / path.name, sources))
    for folder in (lectures, DOCS):
        _copy_pictures(folder, sources / ("docs" if folder == DOCS else "lectures"))
    page = (lectures / "index.md").read_text(encoding="utf-8")
    (sources / "index.md").write_text(_relink(page, sources) + figures + _contents(parts), encoding="utf-8")


def _copy(path: Path, target: Path, sources: Path) -> str:
    """Copy a page; its name in a table of contents."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, target)
    return target.relative_to(sources).with_suffix("").as_posix()


def _copy_pictures(folder: Path, target: Path) -> None:
    for path in folder.rglob("*"):
        if path.suffix in PICTURES and "_build" not in path.parts:
            (target / path.relative_to(folder)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target / path.relative_to(folder))


def _relink(page: str, sources: Path) -> str:
    """The lectures' list one folder up; what is not on the site is named without a link."""

    def link(found: re.Match[str]) -> str:
        text, target, anchor = found[1], found[2], found[3] or ""
        moved = target.removeprefix("../") if target.startswith("../") else f"lectures/{target}"
        return f"[{text}]({moved}{anchor})" if (sources / moved).exists() else text

    return LINK.sub(link, page)


def _cells_to_headings(page: str, folder: Path) -> str:
    """Links to cells as links to the headings above them, since a cell has no name on the site."""

    def link(found: re.Match[str]) -> str:
        heading = re.sub("[`*$]", "", heading_of(folder / found[1], found[2]))
        return f"({found[1]}#{github_slugify(heading)})" if heading else f"({found[1]})"

    return CELL_LINK.sub(link, page)


def heading_of(notebook: Path, cell_id: str) -> str:
    """The last heading in or above a cell, without its marks; empty where there is none but the title.

    Raises:
        ValueError: the notebook has no such cell.
    """
    heading = ""
    for cell in nbformat.read(notebook, as_version=4).cells:
        if cell.cell_type == "markdown":
            found = re.findall(r"^##+ (.+)$", cell.source, re.MULTILINE)
            heading = found[0] if found and cell.id == cell_id else found[-1] if found else heading
        if cell.id == cell_id:
            return heading
    raise ValueError(f"{notebook.name} has no cell '{cell_id}'")


def _contents(parts: dict[str, list[str]]) -> str:
    return "".join(
        f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{chr(10).join(names)}\n```\n"
        for caption, names in parts.items()
        if names
    )


def build(sources: Path, target: Path, cache: Path) -> int:
    """Let Sphinx draw the site, every warning an error; Sphinx's exit code."""
    command = [sys.executable, "-m", "sphinx", "-b", "html", "-c", str(DOCS), "-W", "--keep-going", "--quiet"]
    command += [
        "-d",
        str(target.parent / "doctrees"),
        "-D",
        f"nb_execution_cache_path={cache}",
        str(sources),
        str(target),
    ]
    return subprocess.run(command, check=False).returncode


def fingerprint(files: Iterable[Path]) -> str:
    """A short name for the contents of some files."""
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def main() -> int:
    """Assemble and build."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--lectures", type=Path, default=ROOT / "lectures", help="folder of the lectures (%(default)s)"
    )
    parser.add_argument(
        "--assignments", type=Path, default=ROOT / "assignments", help="folder of assignments (%(default)s)"
    )
    parser.add_argument(
        "--into", type=Path, default=DOCS / "_build", help="where the site is built (%(default)s)"
    )
    options = parser.parse_args()
    into = options.into.resolve()
    library = fingerprint(
        path for kind in ("py", "js", "css") for path in (ROOT / "course").rglob(f"*.{kind}")
    )
    for old in into.glob("runs-*"):
        if old.name != f"runs-{library}":
            shutil.rmtree(old)
    gallery = into / "gallery"  # written by `make gallery`
    assemble(options.lectures, options.assignments, into / "sources", GALLERY if gallery.is_dir() else "")
    failed = build(into / "sources", into / "html", into / f"runs-{library}")
    if not failed:
        if gallery.is_dir():
            shutil.copytree(gallery, into / "html" / "gallery", dirs_exist_ok=True)
        print(f"The site is in {into / 'html'}: open index.html in a browser.")
    return failed


if __name__ == "__main__":
    sys.exit(main())
