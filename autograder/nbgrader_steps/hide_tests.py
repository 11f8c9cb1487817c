"""Feedback that does not show the hidden tests."""

import html
import io
import re
import tokenize
from ast import literal_eval

from nbconvert.exporters.exporter import ResourcesDict
from nbconvert.filters import strip_ansi
from nbformat import NotebookNode
from nbgrader import utils
from nbgrader.preprocessors import NbGraderPreprocessor

BEGIN, END = "BEGIN HIDDEN TESTS", "END HIDDEN TESTS"

GUTTER = re.compile(r"^[->\s]*\d*\s*")
"""What stands before a line of code in a traceback: an arrow, a number."""

TELLING = 8
"""Characters from which on a hidden line is looked for within lines: a bracket would be found anywhere."""

FAILED = "A hidden test failed."


class HideTests(NbGraderPreprocessor):
    """Takes hidden tests out of locked test cells, and their lines out of every output.

    Such outputs are tracebacks and prints of `In`.

    Unlike ClearHiddenTests it never stops at what a student wrote.
    """

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        """Collect the hidden lines of all test cells, then remove them everywhere."""
        hidden: dict[str, None] = {}
        shown: set[str] = set()
        for cell in nb.cells:
            if cell.cell_type == "code" and utils.is_grade(cell) and utils.is_locked(cell):
                cell.source, lines = _split(cell.source)
                hidden.update(dict.fromkeys(lines))
            shown.update(line.strip() for line in cell.source.split("\n"))
        secrets = [line for line in hidden if line not in shown]
        if hidden:
            for cell in nb.cells:
                for output in cell.get("outputs", []):
                    _censor(output, secrets)
        return nb, resources


def _split(source: str) -> tuple[str, list[str]]:
    """What may be shown, and the lines that may not."""
    shown, hidden, inside = [], [], False
    for line in source.split("\n"):
        if BEGIN in line or END in line:
            inside = BEGIN in line
        elif inside:
            hidden.append(line.strip())
        else:
            shown.append(line)
    return "\n".join(shown), list(filter(None, hidden))


def _censor(output: NotebookNode, secrets: list[str]) -> None:
    if output.output_type == "stream":
        output.text = _without(output.text, secrets)
    elif output.output_type == "error":
        _censor_error(output, secrets)
    else:
        for kind, value in output.data.items():
            if isinstance(value, str) and kind.startswith("text/"):
                output.data[kind] = _without(value, secrets)


def _censor_error(output: NotebookNode, secrets: list[str]) -> None:
    """Also keep back what an error says, if a hidden test raised it and it says what stands in the test."""
    before = "\n".join(output.traceback)
    output.traceback = [_without(frame, secrets) for frame in output.traceback]
    if "\n".join(output.traceback) != before and any(text in output.evalue for text in _literals(secrets)):
        message = strip_ansi(output.evalue).split("\n")[0]
        output.traceback = [frame for frame in output.traceback if message not in strip_ansi(frame)]
        output.ename, output.evalue = "HiddenTest", FAILED
    if not "".join(output.traceback).strip():
        output.traceback = [FAILED]


def _literals(lines: list[str]) -> list[str]:
    """The texts that stand between quotes in some lines of code; the pieces of f-strings, too."""
    literals = []
    try:
        for token in tokenize.generate_tokens(io.StringIO("\n".join(lines)).readline):
            if token.type == tokenize.STRING and token.string[:1] not in "fF":
                literals.append(str(literal_eval(token.string)))
            elif token.type == tokenize.STRING or tokenize.tok_name[token.type] == "FSTRING_MIDDLE":
                literals += re.split(r"\{[^}]*\}", token.string.lstrip("fFrR").strip("'\""))
    except (tokenize.TokenError, SyntaxError, ValueError):
        pass
    return [text.strip() for text in literals if len(text.strip()) > 2]


def _without(text: str, secrets: list[str]) -> str:
    def told(line: str) -> bool:
        plain = html.unescape(strip_ansi(line))
        if BEGIN in plain or END in plain:
            return True
        bare = GUTTER.sub("", plain).strip()
        return any(secret in plain if len(secret) >= TELLING else secret == bare for secret in secrets)

    return "\n".join(line for line in text.split("\n") if not told(line))
