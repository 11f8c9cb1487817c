"""Feedback that does not show the hidden tests."""

from nbconvert.exporters.exporter import ResourcesDict
from nbconvert.filters import strip_ansi
from nbformat import NotebookNode
from nbgrader import utils
from nbgrader.preprocessors import NbGraderPreprocessor

BEGIN, END = "BEGIN HIDDEN TESTS", "END HIDDEN TESTS"


class HideTests(NbGraderPreprocessor):
    """Takes hidden tests out of locked test cells, and their lines out of every output: tracebacks, prints of `In`.

    Unlike ClearHiddenTests it never stops at what a student wrote.
    """

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        """Collect the hidden lines of all test cells, then remove them everywhere."""
        hidden: set[str] = set()
        for cell in nb.cells:
            if cell.cell_type == "code" and utils.is_grade(cell) and utils.is_locked(cell):
                cell.source, lines = _split(cell.source)
                hidden.update(lines)
        if hidden:
            for cell in nb.cells:
                for output in cell.get("outputs", []):
                    _censor(output, hidden)
        return nb, resources


def _split(source: str) -> tuple[str, set[str]]:
    """What may be shown, and the lines that may not."""
    shown, hidden, inside = [], set(), False
    for line in source.split("\n"):
        if BEGIN in line or END in line:
            inside = BEGIN in line
        elif inside:
            hidden.add(line.strip())
        else:
            shown.append(line)
    return "\n".join(shown), hidden - {""}


def _censor(output: NotebookNode, hidden: set[str]) -> None:
    if output.output_type == "stream":
        output.text = _without(output.text, hidden)
    elif output.output_type == "error":
        output.traceback = [_without(frame, hidden) for frame in output.traceback]
    else:
        for kind, value in output.data.items():
            if isinstance(value, str) and kind.startswith("text/"):
                output.data[kind] = _without(value, hidden)


def _without(text: str, hidden: set[str]) -> str:
    def told(line: str) -> bool:
        plain = strip_ansi(line)
        return BEGIN in plain or END in plain or any(secret in plain for secret in hidden)

    return "\n".join(line for line in text.split("\n") if not told(line))
