"""Feedback: a page for each student, with a summary and the notebook below it.

The gradebook and the judge vouch for the summary.

nbgrader's GenerateFeedback writes it, with this exporter in place of its own, so that `nbgrader
generate_feedback` and the formgrader's button make the same page as `autograder feedback`.
"""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from markupsafe import Markup
from nbconvert.exporters.exporter import Exporter
from nbformat import NotebookNode
from traitlets import default

from autograder.gradebook.database import gradebook_at
from autograder.gradebook.grades import CellGrade, Submission, exercise_of, read_submissions
from autograder.gradebook.notebooks import nbgrader_metadata
from autograder.gradebook.remarks import Remark, for_review
from autograder.gradebook.verdicts import PartVerdict, Verdict, read_verdict
from autograder.pages import fragments
from autograder.pages.page import humane, points, render


@dataclass(frozen=True)
class PartLine:
    """One part of an exercise in the summary: the mistake in a sentence, and what was found."""

    name: str
    passed: bool
    points: float
    most: float
    mistake: str
    found: str


@dataclass(frozen=True)
class Line:
    """One exercise in the summary."""

    title: str
    anchor: str
    state: str
    """full, some, none or waits."""
    mark: str
    share: int
    """Percent."""
    words: str
    parts: tuple[PartLine, ...] = ()
    notes: tuple[str, ...] = ()
    comment: Markup | None = None


@dataclass(frozen=True)
class MistakeMade:
    """One mistake, in all the exercises in which it was made, and the points that it cost."""

    sentence: str
    exercises: tuple[str, ...]
    cost: float


@dataclass(frozen=True)
class ShownCell:
    """One cell of the notebook."""

    kind: str
    source: Markup
    heading: str = ""
    words: str = ""
    anchor: str = ""
    outputs: tuple[Markup, ...] = ()


class FeedbackExporter(Exporter):
    """A notebook and its grades as one HTML page, in which nothing of the notebook can run."""

    output_mimetype = "text/html"

    @default("file_extension")
    def _file_extension_default(self) -> str:
        return ".html"

    def from_notebook_node(
        self, nb: NotebookNode, resources: Any = None, **kw: Any
    ) -> tuple[str, dict[str, Any]]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The page. What cannot be shown of a cell is left out, with a word on it."""
        nb, resources = self._preprocess(nbformat.from_dict(_writable(nb)), self._init_resources(resources))
        about = resources["nbgrader"]
        with gradebook_at(about["db_url"]) as gradebook:
            (submission,) = read_submissions(gradebook, about["assignment"], about["student"])
        return feedback_page(nb, about["notebook"], submission), resources


def feedback_page(notebook: NotebookNode, name: str, submission: Submission) -> str:
    """The page for one notebook of a submission."""
    submission = submission.of(name)
    grades = {cell: grade for (_, cell), grade in submission.grades.items()}
    remarks = {exercise_of(cell): remark for (_, cell), remark in submission.remarks.items()}
    anchors = {
        _name(cell): f"cell-{position}"
        for position, cell in enumerate(notebook.cells)
        if _name(cell) in grades
    }
    verdicts: dict[str, Verdict] = {}
    for cell in notebook.cells:
        grade, verdict = grades.get(_name(cell)), read_verdict(cell)
        if grade is not None and verdict is not None and grade.agrees_with(verdict.points, verdict.most):
            verdicts[_name(cell)] = verdict
    order = [*anchors, *(cell for cell in grades if cell not in anchors)]
    lines = [
        _line(cell, grades[cell], verdicts.get(cell), remarks.get(exercise_of(cell)), anchors.get(cell, ""))
        for cell in order
    ]
    return render(
        "feedback.html.j2",
        name=submission.name,
        notebook=name,
        total=submission.total,
        most=submission.most,
        penalty=submission.penalty,
        waiting=[exercise_of(cell) for cell in order if grades[cell].waits],
        mistakes=_mistakes(list(verdicts.values())),
        lines=lines,
        cells=[_show(cell, anchors, grades) for cell in notebook.cells],
    )


def _name(cell: NotebookNode) -> str:
    return str(nbgrader_metadata(cell).get("grade_id", ""))


def _line(cell: str, grade: CellGrade, verdict: Verdict | None, remark: Remark | None, anchor: str) -> Line:
    state = (
        "waits"
        if grade.waits
        else "full"
        if grade.points >= grade.most
        else "some"
        if grade.points > 0
        else "none"
    )
    remark = remark or Remark()
    notes = [for_review([reason]) for reason in verdict.review] if verdict else []
    if remark.automatic:
        notes.append(remark.automatic)
    if state == "none" and verdict is None and not grade.by_hand:
        notes.append("The test did not come to its end: see what it says below.")
    return Line(
        title=humane(exercise_of(cell)),
        anchor=anchor,
        state=state,
        mark={"waits": "✎", "full": "✓", "some": "◐", "none": "✗"}[state],
        share=round(100 * min(1.0, grade.points / grade.most)) if grade.most else 100,
        words=_words(grade),
        parts=tuple(part_line(part) for part in verdict.parts) if verdict else (),
        notes=tuple(notes),
        comment=fragments.markdown(remark.by_hand) if remark.by_hand else None,
    )


def _mistakes(verdicts: Sequence[Verdict]) -> list[MistakeMade]:
    """The named mistakes, the most expensive first; one told alike of several exercises stands once."""
    made: dict[str, list[tuple[str, float]]] = {}
    for verdict in verdicts:
        named = [part for part in verdict.parts if not part.passed and part.sentence]
        for mistake in dict.fromkeys(part.mistake for part in named):
            parts = [part for part in named if part.mistake == mistake]
            surest = max(parts, key=lambda part: part.confidence)
            cost = sum(part.most - part.points for part in parts)
            made.setdefault(surest.sentence, []).append((verdict.exercise, cost))
    mistakes = [
        MistakeMade(sentence, tuple(exercise for exercise, _ in places), sum(cost for _, cost in places))
        for sentence, places in made.items()
    ]
    return sorted(mistakes, key=lambda mistake: -mistake.cost)


def _words(grade: CellGrade) -> str:
    """The points in words."""
    words = f"{points(grade.points)} of {points(grade.most)}"
    if grade.waits:
        return f"waits for a person: {words} by the checks" if grade.points else "waits for a person"
    return words


def part_line(part: PartVerdict) -> PartLine:
    """A part's line in the summary; what follows from another failure says no more than that."""
    if part.follows:
        follows = f"follows from “{part.follows}”"
        return PartLine(part.name, part.passed, part.points, part.most, "", follows)
    case = "" if part.case == part.name else part.case  # a part may be a case as a whole
    where = f" (case: {case})" if case else ""
    return PartLine(part.name, part.passed, part.points, part.most, part.sentence, part.found + where)


def _show(cell: NotebookNode, anchors: Mapping[str, str], grades: Mapping[str, CellGrade]) -> ShownCell:
    """One cell; whatever a submission may hold, the page is written."""
    about = nbgrader_metadata(cell)
    name = _name(cell)
    grade = grades.get(name)
    words = _words(grade) if grade else ""
    try:
        source = (
            fragments.code(cell.source)
            if cell.cell_type == "code"
            else fragments.markdown(cell.source, cell.get("attachments"))
        )
        outputs = _outputs(cell) if cell.cell_type == "code" else ()
    except Exception as error:
        source, outputs = fragments.text(f"This cell cannot be shown ({type(error).__name__})."), ()
    language = " python" if cell.cell_type == "code" else ""
    if grade and not about.get("solution"):
        return ShownCell(
            "test", source, f"Test: {humane(exercise_of(name))}", words, anchors.get(name, ""), outputs
        )
    if about.get("solution") or about.get("task"):
        return ShownCell(f"answer{language}", source, "Your answer", words, anchors.get(name, ""), outputs)
    return ShownCell("code" if language else "text", source, outputs=outputs)


def _outputs(cell: NotebookNode) -> tuple[Markup, ...]:
    shown = cell.outputs
    if read_verdict(cell) is not None:  # the points stand in the heading
        shown = [output for output in shown if output.output_type != "execute_result"]
    return tuple(filter(None, map(fragments.output, shown)))


def _writable(value: Any) -> Any:
    """The same without half characters, which JSON can hold and no page can."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_writable(key): _writable(item) for key, item in value.items()}
    return [_writable(item) for item in value] if isinstance(value, list) else value


def keep_pages_only(assignment: str, student: str, notebooks: Sequence[str]) -> None:
    """Take away what nbgrader copied beside a student's pages.

    That is every file of the submission, HTML of the student's own too.

    nbgrader calls this when the pages are written.

    Args:
        notebooks: …/autograded/<student>/<assignment>/<notebook>.ipynb, from which pages were made.
    """
    source = Path(notebooks[0]).parent
    kept = {f"{Path(notebook).stem}.html" for notebook in notebooks} | {"timestamp.txt"}
    for path in (source.parents[2] / "feedback" / source.parent.name / source.name).iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name not in kept:
            path.unlink()
