"""What tells of an answer in words: docstrings and comments that come to speak of derivatives."""

import ast
import io
import re
import tokenize
from typing import TypeGuard

from autograder.handing_out.stripping.source import classes, edit, parse

TELLING = re.compile(r"∂|grad|backward|derivative|\bslope|jacobian|chain rule", re.IGNORECASE)
"""Words by which one comes to speak of derivatives."""

SECTION = re.compile(r"\n(?=[ \t]*(?:Args|Attributes|Raises|Returns):)")
SENTENCE = re.compile(r"(?<=[.!?])\s|\n[ \t]*\n")
CLAUSE = re.compile(r"[:;,](?=\s)")


def cut_telling(text: str, name: str, whole: bool) -> str:
    """Shorten a class's docstrings and drop its comments, and those in the `whole` file that tell."""
    strings = [node for node in ast.walk(classes(text)[name]) if is_docstring(node)]
    strings += [node for node in parse(text).body[:1] if whole and is_docstring(node)]
    text = edit(text, [(node, _shorter(text, node)) for node in strings if TELLING.search(ast.unparse(node))])
    owner, lines = classes(text)[name], text.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        row, column = token.start
        inside = owner.lineno <= row <= (owner.end_lineno or 0)
        if token.type == tokenize.COMMENT and (inside or (whole and TELLING.search(token.string))):
            lines[row - 1] = lines[row - 1][:column].rstrip() or GONE
    return "\n".join(line for line in lines if line != GONE) + "\n"


GONE = "\f"
"""Stands for a line that held nothing but a comment."""


def is_docstring(node: ast.AST) -> TypeGuard[ast.Expr]:
    """Whether a statement is nothing but a string."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _shorter(text: str, node: ast.Expr) -> str | None:
    """The lines of a docstring that tells no longer; None where nothing is left of it."""
    source = ast.get_source_segment(text, node) or ""
    quotes = re.match(r"\w*(\"\"\"|'''|\"|')", source)
    assert quotes
    said, margin = shortened(source[quotes.end() : -len(quotes[1])]), " " * node.col_offset
    end = f"\n{margin}" if "\n" in said else ""
    return f"{margin}{quotes[0]}{said}{end}{quotes[1]}" if said else None


def shortened(said: str) -> str:
    """What a docstring says before it comes to speak of derivatives, and its sections up to such a line."""
    head, *sections = SECTION.split(said)
    found = TELLING.search(head)
    if found:
        ends = [end.start() for end in SENTENCE.finditer(head, 0, found.start())]
        clause = CLAUSE.search(head, 0, found.start())
        head = head[: ends[-1]] if ends else f"{head[: clause.start()]}." if clause else ""
    kept = [head.rstrip()]
    for section in sections:
        lines = section.rstrip().split("\n")
        fine = next((i for i, line in enumerate(lines) if TELLING.search(line)), len(lines))
        kept += ["\n" + "\n".join(lines[:fine])] if fine > 1 else []
    return "\n".join(filter(None, kept)).rstrip()
