"""The code that stands in a file: of a module, in a notebook's cells, in the text of a page, in comments."""

import ast
import json
import re
import textwrap
from collections.abc import Iterator
from typing import Any

BLOCK = re.compile(r"^([ \t]*)(```+|~~~+)[^\n]*\n(.*?)^[ \t]*\2", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"(?<!`)(`{1,2})(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
PROMPT = re.compile(r"^[ \t]*(?:>>>|\.\.\.) ?", re.MULTILINE)
COMMENT = re.compile(r"#+(.*)$", re.MULTILINE)
OPERATOR = re.compile(r"[-+*/@<>~(=]")
MAGIC = re.compile(r"^\s*[%!?]|\?$", re.MULTILINE)


def code_in(path: str, content: bytes) -> Iterator[tuple[str, ast.Module]]:
    """Everything in a file that is Python, parsed, each with its place."""
    if path.endswith(".py"):
        yield from _code(path, content.decode())
    elif path.endswith(".md"):
        yield from _code_in_text(path, content.decode())
    elif path.endswith(".ipynb"):
        for place, cell in cells(path, content):
            yield from (_code if cell["cell_type"] == "code" else _code_in_text)(place, source_of(cell))


def texts_in(path: str, content: bytes) -> Iterator[tuple[str, str]]:
    """The text of a file, or of each of a notebook's cells, with its place; none where it is no text."""
    if path.endswith(".ipynb"):
        yield from ((place, source_of(cell)) for place, cell in cells(path, content))
        return
    try:
        yield path, content.decode()
    except UnicodeDecodeError:
        return


def cells(path: str, content: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
    """A notebook's cells, each with its place."""
    for i, cell in enumerate(json.loads(content)["cells"]):
        yield f"{path}, cell '{cell.get('id', i)}'", cell


def source_of(cell: dict[str, Any]) -> str:
    """A cell's source, which may be stored as a list of lines."""
    return "".join(cell["source"])


def parse_cell(source: str) -> ast.Module | None:
    """The syntax tree of a cell, in which lines for IPython are calls; None where it is no Python."""
    try:
        text = textwrap.dedent(source)
        if MAGIC.search(text):
            from IPython.core.inputtransformer2 import (
                TransformerManager,  # takes a while to import, and few cells need it
            )

            text = TransformerManager().transform_cell(text)
        return ast.parse(text)
    except (SyntaxError, ValueError):
        return None


def _code(place: str, source: str) -> Iterator[tuple[str, ast.Module]]:
    """A cell or a module, and what its strings and its comments hold; line by line where it is no Python."""
    tree = parse_cell(source)
    if tree is None:
        parsed = (parse_cell(line) for line in source.splitlines() if line.strip())
        yield from ((place, line) for line in parsed if line)
        return
    yield place, tree
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and ("`" in node.value or ">>>" in node.value)
        ):
            yield from _code_in_text(place, node.value)
    yield from ((place, comment) for comment in map(_worth, COMMENT.findall(source)) if comment)


def _code_in_text(place: str, text: str) -> Iterator[tuple[str, ast.Module]]:
    """What stands in a page between backticks, or after a prompt."""
    for block in BLOCK.finditer(text):
        yield from _code(place, PROMPT.sub("", block[3]))
    rest = BLOCK.sub("", text)
    pieces = [span[2] for span in SPAN.finditer(rest)]
    pieces += [PROMPT.sub("", line) for line in rest.splitlines() if line.lstrip().startswith(">>>")]
    yield from ((place, tree) for tree in map(_worth, pieces) if tree)


def _worth(text: str) -> ast.Module | None:
    """The syntax tree of some words, if they are long enough to tell anything, and Python."""
    return parse_cell(text) if len(text.strip()) >= 8 and OPERATOR.search(text) else None
