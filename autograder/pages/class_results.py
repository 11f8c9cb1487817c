"""How a class did in one assignment: the gradebook's points and the judge's verdicts, put together."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from nbgrader.api import MissingEntry

from autograder.errors import AutograderError
from autograder.gradebook.grades import ClassGrades, Place, Submission, exercise_of, read_grades
from autograder.gradebook.notebooks import nbgrader_metadata, read_cells
from autograder.gradebook.verdicts import NOT_WRITTEN, Verdict, read_verdict
from autograder.settings import Settings

UNWRITTEN = "nothing written yet"
UNNAMED = "another mistake"
"""What is counted where no mistake has a name."""


@dataclass
class ClassResults:
    """A class's grades and the judge's verdicts."""

    grades: ClassGrades
    verdicts: dict[str, dict[str, Verdict]] = field(default_factory=dict)
    """By student and exercise; those of an earlier version of the grader are not there."""

    @property
    def assignment(self) -> str:
        """The assignment's name."""
        return self.grades.assignment

    @property
    def exercises(self) -> dict[str, Place]:
        """By exercise, in the notebook's order, the cell that grades it."""
        return {exercise_of(cell): (notebook, cell) for notebook, cell in self.grades.cells}

    @property
    def submissions(self) -> list[Submission]:
        """Everybody in the gradebook."""
        return self.grades.submissions

    @property
    def graded(self) -> list[Submission]:
        """Who handed in something that could be graded."""
        return self.grades.graded

    @property
    def most(self) -> float:
        """The points for flawless work."""
        return sum(self.grades.cells.values())

    def worth(self, exercise: str) -> float:
        """The points for one exercise."""
        return self.grades.most[exercise]

    def share_of_points(self, exercise: str) -> float | None:
        """The part of the points that the class earned; None if none are known, as a person gives them."""
        grades = [
            submission.grades[self.exercises[exercise]]
            for submission in self.graded
            if self.exercises[exercise] in submission.grades
        ]
        known = [grade for grade in grades if not grade.waits and grade.most]
        return sum(grade.points / grade.most for grade in known) / len(known) if known else None

    def of(self, exercise: str) -> list[Verdict]:
        """Everyone's verdict on an exercise."""
        return [verdicts[exercise] for verdicts in self.verdicts.values() if exercise in verdicts]

    def parts_right(self, exercise: str) -> dict[str, float]:
        """For each part, the share of the class that has it right."""
        parts = [part for verdict in self.of(exercise) for part in verdict.parts]
        asked, right = (
            Counter(part.name for part in parts),
            Counter(part.name for part in parts if part.passed),
        )
        return {name: right[name] / count for name, count in asked.items()}

    def mistakes(self) -> dict[str, dict[str, list[str]]]:
        """For each mistake, by exercise who made it; the most frequent first."""
        by_mistake: dict[str, dict[str, list[str]]] = {}
        for exercise in self.exercises:
            for student, verdicts in self.verdicts.items():
                for mistake in _made(verdicts[exercise]) if exercise in verdicts else ():
                    by_mistake.setdefault(mistake, {}).setdefault(exercise, []).append(student)
        return dict(
            sorted(
                by_mistake.items(),
                key=lambda pair: (pair[0] in (UNWRITTEN, UNNAMED), -len(_students(pair[1]))),
            )
        )

    def share_of_class(self, made: dict[str, list[str]]) -> float:
        """The share of the class that made a mistake, in whichever exercise."""
        return len(_students(made)) / max(1, len(self.verdicts))

    def seconds(self) -> dict[str, list[float]]:
        """The judge's time for each exercise, a number a submission."""
        times = {exercise: [verdict.seconds for verdict in self.of(exercise)] for exercise in self.exercises}
        return {exercise: taken for exercise, taken in times.items() if taken}


def read_class(settings: Settings, assignment: str) -> ClassResults:
    """Read the gradebook and the autograded notebooks.

    Raises:
        AutograderError: nobody is graded yet.
    """
    try:
        grades = read_grades(settings, assignment)
    except MissingEntry:
        grades = ClassGrades(assignment, {}, [])
    if not any(submission.grades for submission in grades.submissions):
        raise AutograderError(f"nothing of '{assignment}'", "is graded yet", f"autograder grade {assignment}")
    results = ClassResults(grades)
    for submission in results.graded:
        verdicts = dict(_verdicts(settings.autograded / submission.student / assignment, submission))
        if verdicts:
            results.verdicts[submission.student] = verdicts
    return results


def _verdicts(folder: Path, submission: Submission) -> Iterator[tuple[str, Verdict]]:
    for path in sorted(folder.glob("*.ipynb")):
        for cell in read_cells(path):
            about = nbgrader_metadata(cell)
            grade = submission.grades.get((path.stem, str(about.get("grade_id"))))
            verdict = read_verdict(cell)
            if grade is not None and verdict is not None and grade.agrees_with(verdict.points, verdict.most):
                yield exercise_of(about["grade_id"]), verdict


def _made(verdict: Verdict) -> list[str]:
    """What went wrong in one exercise: the named mistakes, or that there is one without a name."""
    failed = [part for part in verdict.parts if not part.passed]
    named = list(dict.fromkeys(part.mistake for part in failed if part.mistake))
    if named or not failed:
        return named
    return [UNWRITTEN if all(part.problem == NOT_WRITTEN for part in failed) else UNNAMED]


def _students(made: dict[str, list[str]]) -> set[str]:
    return {student for students in made.values() for student in students}
