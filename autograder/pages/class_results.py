"""How a class did in one assignment: the gradebook's points and the judge's verdicts, put together."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbgrader.api import MissingEntry

from autograder.errors import AutograderError
from autograder.gradebook.database import open_gradebook
from autograder.gradebook.grades import Place, Submission, read_submissions
from autograder.gradebook.points import exercise_of
from autograder.pages.verdicts import Verdict, read_verdict
from autograder.quiet import quiet
from autograder.settings import Settings

UNWRITTEN = "nothing written yet"
UNNAMED = "another mistake"
"""What is counted where no mistake has a name."""


@dataclass
class ClassResults:
    """Everyone's points and verdicts."""

    assignment: str
    exercises: dict[str, Place]
    """By name, in the notebook's order, the cell that grades it."""
    submissions: list[Submission]
    verdicts: dict[str, dict[str, Verdict]] = field(default_factory=dict)
    """By student and exercise; those of an earlier version of the grader are not there."""

    @property
    def graded(self) -> list[Submission]:
        """Who handed in something that could be graded."""
        return [one for one in self.submissions if one.handed_in and not one.problem]

    @property
    def most(self) -> float:
        """The points for flawless work."""
        return sum(self.worth(exercise) for exercise in self.exercises)

    def worth(self, exercise: str) -> float:
        """The points for one exercise."""
        place = self.exercises[exercise]
        return next((one.grades[place].most for one in self.submissions if place in one.grades), 0.0)

    def share_of_points(self, exercise: str) -> float | None:
        """The part of the points that the class earned; None where nobody's are known, since a person gives them."""
        grades = [one.grades[self.exercises[exercise]] for one in self.graded if self.exercises[exercise] in one.grades]
        known = [grade for grade in grades if not grade.waits and grade.most]
        return sum(grade.points / grade.most for grade in known) / len(known) if known else None

    def of(self, exercise: str) -> list[Verdict]:
        """Everyone's verdict on an exercise."""
        return [verdicts[exercise] for verdicts in self.verdicts.values() if exercise in verdicts]

    def parts_right(self, exercise: str) -> dict[str, float]:
        """For each part, the share of the class that has it right."""
        parts = [part for verdict in self.of(exercise) for part in verdict.parts]
        asked, right = Counter(part.name for part in parts), Counter(part.name for part in parts if part.passed)
        return {name: right[name] / count for name, count in asked.items()}

    def mistakes(self) -> dict[str, dict[str, list[str]]]:
        """For each mistake, by exercise who made it; the most frequent first."""
        found: dict[str, dict[str, list[str]]] = {}
        for exercise in self.exercises:
            for student, verdicts in self.verdicts.items():
                for mistake in _made(verdicts[exercise]) if exercise in verdicts else ():
                    found.setdefault(mistake, {}).setdefault(exercise, []).append(student)
        return dict(sorted(found.items(), key=lambda pair: (pair[0] in (UNWRITTEN, UNNAMED), -len(_students(pair[1])))))

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
    with quiet(settings.log), open_gradebook(settings) as gradebook:
        try:
            submissions = read_submissions(gradebook, assignment)
        except MissingEntry:
            submissions = []
    places = {place for one in submissions for place in one.grades}
    if not places:
        raise AutograderError(f"nothing of '{assignment}' is graded yet: autograder grade {assignment}")
    order = {place: position for position, place in enumerate(_order(settings.source / assignment))}
    sorted_places = sorted(places, key=lambda place: (order.get(place, len(order)), place))
    results = ClassResults(assignment, {exercise_of(cell): (notebook, cell) for notebook, cell in sorted_places}, submissions)
    for one in results.graded:
        found = dict(_verdicts(settings.autograded / one.student / assignment, one))
        if found:
            results.verdicts[one.student] = found
    return results


def _verdicts(folder: Path, submission: Submission) -> Iterator[tuple[str, Verdict]]:
    for path in sorted(folder.glob("*.ipynb")):
        for cell in _cells(path):
            about = cell.get("metadata", {}).get("nbgrader", {})
            grade = submission.grades.get((path.stem, str(about.get("grade_id"))))
            verdict = read_verdict(cell)
            if grade is not None and verdict is not None and grade.agrees_with(verdict.points, verdict.most):
                yield exercise_of(about["grade_id"]), verdict


def _order(folder: Path) -> list[Place]:
    """The cells of the instructor's notebooks: a database does not keep their order."""
    notebooks = sorted(folder.glob("*.ipynb"))
    return [
        (path.stem, cell.get("metadata", {}).get("nbgrader", {}).get("grade_id", ""))
        for path in notebooks
        for cell in _cells(path)
    ]


def _cells(path: Path) -> list[dict[str, Any]]:
    """A notebook's cells, without nbformat's checks, which would take most of the time; none where it cannot be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))["cells"]
    except (OSError, ValueError, KeyError):
        return []


def _made(verdict: Verdict) -> list[str]:
    """What went wrong in one exercise: the named mistakes, or that there is one without a name."""
    failed = [part for part in verdict.parts if not part.passed]
    named = list(dict.fromkeys(part.mistake for part in failed if part.mistake))
    if named or not failed:
        return named
    return [UNWRITTEN if all("is not written yet" in part.message for part in failed) else UNNAMED]


def _students(made: dict[str, list[str]]) -> set[str]:
    return {student for students in made.values() for student in students}
