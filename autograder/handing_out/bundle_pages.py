"""Pages and notebooks as students receive them: what the index leads to, no outputs, no dead links."""

import json
import posixpath
import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from autograder.errors import AutograderError

INDEX = "lectures/index.md"
REFERENCE = "docs/modules.md"
REFERENCE_HEAD = """\
What each module computes, and its gradients: in every formula $g$, or `g`, is the gradient ∂L/∂a that
arrives from above. Gradients that an assignment asks for are left out.
"""
ROOMS = ("lectures/", "docs/")
"""Where pages and pictures lie that a link may bring in."""

LINK = re.compile(
    r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()\s:#]+)((?:#[^()\s]*)?)\)|<img[^>]*?src=\"([^\":]+)\"[^>]*>"
)
ENTRY = re.compile(r"^- \[[^\]]*\]\(([^()\s:#]+)\).*\n", re.MULTILINE)


def collect_pages(root: Path, start: Iterable[str]) -> dict[str, bytes]:
    """The index and all in the rooms of pages that it or one of the pages in `start` leads to, by path.

    Raises:
        AutograderError: there is no index, or it leaves out a lecture or one of `start`.
    """
    start = set(start)
    if not (root / INDEX).is_file():
        raise AutograderError(INDEX, "is not there, from which students find everything", "make reference")
    pages: dict[str, bytes] = {}
    waiting, listed = [INDEX, *sorted(start)], set(_links(root, INDEX))
    lectures = {path.relative_to(root).as_posix() for path in root.glob("lectures/[0-9]*.ipynb")}
    for missing in sorted((start | lectures) - listed):
        raise AutograderError(INDEX, f"does not lead to {missing}", "make reference")
    while waiting:
        path = waiting.pop()
        if path in pages:
            continue
        content = (root / path).read_bytes()
        pages[path] = without_outputs(content) if path.endswith(".ipynb") else content
        if path.endswith((".md", ".ipynb")):
            waiting += [
                link for link in _links(root, path) if link.startswith(ROOMS) and (root / link).is_file()
            ]
    return {path: content for path, content in pages.items() if path not in start}


def without_outputs(content: bytes) -> bytes:
    """A notebook as it was before it ran."""
    notebook = json.loads(content)
    notebook["metadata"].pop("widgets", None)
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
    return f"{json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True)}\n".encode()


def without_dead_links(path: str, content: bytes, known: Collection[str]) -> bytes:
    """A page in which links to what is not in the bundle are words, and lists do not name it."""

    def leads(target: str) -> bool:
        return _target(path, target) in known

    def unlink(match: re.Match[str]) -> str:
        target = match[3] or match[5]
        return match[0] if not _is_file(target) or leads(target) else (match[2] or "")

    def mend(text: str) -> str:
        listed = ENTRY.sub(lambda match: match[0] if leads(match[1]) or not _is_file(match[1]) else "", text)
        return LINK.sub(unlink, listed)

    if path.endswith(".md"):
        return mend(content.decode()).encode()
    notebook = json.loads(content)
    before = json.dumps(notebook)
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = mend("".join(cell["source"])).splitlines(keepends=True)
    return content if json.dumps(notebook) == before else without_outputs(json.dumps(notebook).encode())


def shorten_reference(content: bytes, changed: Mapping[str, tuple[str, str]]) -> bytes:
    """The reference of all modules as the students' edition has them.

    Args:
        content: of the page.
        changed: by its name, of each class of which students receive less, the line that says what it is, and
            their line.
    """
    text = content.decode()
    for name, (before, after) in changed.items():
        text = text.replace(before, after or name) if before else text
    head, *sections = re.split(r"^(?=### )", text, flags=re.MULTILINE)
    head = re.sub(r"\A(# .*\n\n)(?:.+\n)+", rf"\1{REFERENCE_HEAD}", head)
    for i, section in enumerate(sections):
        if section[4:].partition("\n")[0].strip() in changed:
            sections[i] = re.sub(r"```text\n.*?```\n\n?", "", section, flags=re.DOTALL)
    return "".join([head, *sections]).encode()


def _links(root: Path, path: str) -> list[str]:
    """The files, by their paths from the root, to which a page's links lead."""
    content = (root / path).read_text(encoding="utf-8")
    if path.endswith(".ipynb"):
        cells = [cell for cell in json.loads(content)["cells"] if cell["cell_type"] == "markdown"]
        content = "\n".join("".join(cell["source"]) for cell in cells)
    targets = (match[3] or match[5] for match in LINK.finditer(content))
    return [_target(path, target) for target in targets if _is_file(target)]


def _is_file(target: str) -> bool:
    """Whether a link leads to a file of the course: a formula may look like a link."""
    return not target.startswith("/") and ("/" in target or "." in target)


def _target(path: str, target: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
