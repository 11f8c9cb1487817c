"""A class whose gradebook and autograded notebooks are made up: nothing is run."""

# nbgrader 0.9.6 annotates **kwargs as one dict, and its models' columns without what they hold.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false

from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from nbgrader.api import Grade, Gradebook

from autograder.gradebook.database import open_gradebook
from autograder.gradebook.verdicts import MIMETYPE, NOT_WRITTEN
from autograder.quiet import quiet
from autograder.settings import Settings

PARTS = {
    "add": {"shapes": 2.0, "∂L/∂x": 3.0, "∂L/∂y": 3.0},
    "multiply": {"∂L/∂x": 5.0, "∂L/∂y": 5.0, "leaves inputs alone": 2.0},
}
WRITTEN = 5.0
SENTENCES = {
    "mean for sum": "Likely: a mean over the batch where a sum belongs",
    "local derivative ignored": "Perhaps: grad_output is handed on as it came: the local derivative is "
    "missing",
}


@dataclass(frozen=True)
class Work:
    """What one student did: failed parts with the mistake's name ("" where it has none), by exercise."""

    student: str
    failed: dict[str, dict[str, str]] = field(default_factory=dict)
    seconds: float = 0.5
    review: tuple[str, ...] = ()
    written: float | None = None
    comment: str = ""
    problem: str = ""
    answers: dict[str, str] = field(default_factory=dict)
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    lms_id: str = ""
    penalty: float = 0.0
    cells: tuple[NotebookNode, ...] = ()
    """More cells of the student's own."""


def score_data(
    exercise: str, failed: dict[str, str], seconds: float = 0.5, review: tuple[str, ...] = ()
) -> dict:
    """As `course.exercises.Score.mimebundle` writes it; a part whose mistake is NOT_WRITTEN is not begun."""
    parts = []
    for name, most in PARTS[exercise].items():
        wrong = name in failed
        begun = failed.get(name) != NOT_WRITTEN
        mistake = failed.get(name, "") if begun else ""
        sentence = SENTENCES.get(mistake, f"Likely: {mistake}") if mistake else ""
        seen = "is -1.38361 at [2], but the numeric gradient is 1.50056 (4 of 4 differ)"
        found = "" if not wrong else seen if begun else "backward is to do"
        case = "many axes" if mistake else ""
        message = ". ".join(filter(None, [found, sentence])) + (f" (case: {case})" if case else "")
        parts.append(
            {
                "name": name,
                "kind": "gradient" if name.startswith("∂L/∂") else name,
                "tensor": name.removeprefix("∂L/∂") if name.startswith("∂L/∂") else "",
                "case": case,
                "passed": not wrong,
                "points": 0.0 if wrong else most,
                "most": most,
                "problem": ("different" if begun else NOT_WRITTEN) if wrong else "",
                "found": found,
                "message": message,
                "mistake": {"name": mistake, "confidence": 0.9, "sentence": sentence} if mistake else None,
            }
        )
    total = sum(part["points"] for part in parts)
    most = sum(PARTS[exercise].values())
    return {
        "exercise": exercise,
        "points": total,
        "most": most,
        "seconds": seconds,
        "review": list(review),
        "parts": parts,
    }


def as_older_version(data: dict) -> dict:
    """A score's data as it was before verdicts had fields: for each part a message, and a mistake's name."""
    kept = ("name", "passed", "points", "most", "message")
    parts = [
        {
            **{key: part[key] for key in kept},
            "mistake": part["mistake"] and {"name": part["mistake"]["name"], "confidence": 0.9},
        }
        for part in data["parts"]
    ]
    return {**data, "parts": parts}


def judged(
    data: dict, page: str = "<table><tr><td style='background:#ffeeaa'>the judge's table</td></tr></table>"
) -> list:
    """The two outputs that the judge writes."""
    bundle = {
        "text/plain": f"{data['exercise']}: {data['points']:g} points",
        "text/html": page,
        MIMETYPE: data,
    }
    result = new_output("execute_result", data={"text/plain": repr(data["points"])}, execution_count=1)
    return [new_output("display_data", data=bundle), result]


def about(name: str, **options) -> dict:
    """A cell's metadata, as nbgrader writes them."""
    blank = {
        "grade": False,
        "grade_id": name,
        "locked": False,
        "schema_version": 3,
        "solution": False,
        "task": False,
    }
    return {"nbgrader": {**blank, **options}}


def notebook_of(work: Work) -> NotebookNode:
    """The autograded notebook."""
    cells = [
        new_markdown_cell(
            "# Graphs\n\nWrite $\\partial L/\\partial x$ by hand.", metadata=about("intro", locked=True)
        )
    ]
    for exercise, parts in PARTS.items():
        source = work.answers.get(exercise, f"class {exercise.title()}(Module):\n    pass")
        cells.append(new_code_cell(source, metadata=about(exercise, solution=True)))
        data = score_data(
            exercise, work.failed.get(exercise, {}), work.seconds, work.review if exercise == "add" else ()
        )
        test = about(f"{exercise}_test", grade=True, locked=True, points=sum(parts.values()))
        cells.append(
            new_code_cell(f'check("{exercise}", {exercise.title()})', metadata=test, outputs=judged(data))
        )
    written = about("written", grade=True, solution=True, points=WRITTEN)
    cells.append(
        new_markdown_cell(work.answers.get("written", "Because gradients add up."), metadata=written)
    )
    cells += work.cells
    return new_notebook(cells=cells)


class FabricatedClass:
    """An assignment, 'graphs', of two exercises and a written answer, with whoever is added."""

    def __init__(self, root: Path) -> None:
        self.settings = Settings(root).prepare()
        source = self.settings.source / "graphs"
        source.mkdir(parents=True)
        nbformat.write(notebook_of(Work("")), source / "graphs.ipynb")
        with quiet(self.settings.log), open_gradebook(self.settings) as gradebook:
            gradebook.add_assignment("graphs")
            gradebook.add_notebook("graphs", "graphs")
            for exercise, parts in PARTS.items():
                gradebook.add_solution_cell(exercise, "graphs", "graphs")
                test = f"{exercise}_test"
                gradebook.add_grade_cell(
                    test, "graphs", "graphs", max_score=sum(parts.values()), cell_type="code"
                )
                gradebook.add_source_cell(test, "graphs", "graphs", cell_type="code", locked=True)
            gradebook.add_grade_cell("written", "graphs", "graphs", max_score=WRITTEN, cell_type="markdown")
            gradebook.add_solution_cell("written", "graphs", "graphs")

    def add(self, *works: Work) -> None:
        """Note these students in the gradebook, and write their notebooks."""
        with quiet(self.settings.log), open_gradebook(self.settings) as gradebook:
            for work in works:
                self._add(gradebook, work)
            gradebook.db.commit()

    def _add(self, gradebook: Gradebook, work: Work) -> None:
        names = {"first_name": work.first_name or None, "last_name": work.last_name or None}
        gradebook.update_or_create_student(
            work.student, **names, email=work.email or None, lms_user_id=work.lms_id or None
        )
        submission = gradebook.update_or_create_submission("graphs", work.student)
        (notebook,) = submission.notebooks
        notebook.late_submission_penalty = work.penalty
        for grade in notebook.grades:
            self._grade(grade, work)
        for comment in notebook.comments:
            if comment.name == "add":
                comment.manual_comment = work.comment or None
                comment.auto_comment = f"Not graded: {work.problem}" if work.problem else None
        if not work.problem:
            folder = self.settings.autograded / work.student / "graphs"
            folder.mkdir(parents=True, exist_ok=True)
            nbformat.write(notebook_of(work), folder / "graphs.ipynb")

    def _grade(self, grade: Grade, work: Work) -> None:
        exercise = grade.name.removesuffix("_test")
        if work.problem:
            grade.auto_score, grade.needs_manual_grade = 0.0, False
        elif exercise in PARTS:
            failed = work.failed.get(exercise, {})
            grade.auto_score = sum(most for part, most in PARTS[exercise].items() if part not in failed)
            grade.needs_manual_grade = bool(work.review) and exercise == "add"
        else:
            grade.manual_score, grade.needs_manual_grade = work.written, work.written is None
