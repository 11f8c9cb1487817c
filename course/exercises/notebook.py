"""check() and picture(): what a student's notebook calls."""

from typing import TYPE_CHECKING, Any

from IPython.display import display

from course.exercises.grading import examine, grade
from course.exercises.registry import find_exercise
from course.exercises.respondent import Local
from course.exercises.tries import count_try

if TYPE_CHECKING:
    from course.figure import Figure


def check(name: str, answer: Any, *, seed: int = 0, show: bool = True) -> float:
    """Check a student's class or function, show the table of parts, points and hints, and return the points.

    Args:
        name: of the exercise.
        answer: the class or function that the exercise asks for.
        seed: of the random inputs and upstream gradients.
        show: whether the table is displayed; a hidden test's is not, as it would stand below the same table
            once more.
    """
    exercise = find_exercise(name)
    score = grade(exercise, answer, seed=seed)
    if show:
        tried = not (score.complete or score.unwritten)
        display(score.with_hints(count_try(name, answer) if tried else 0))
    return score.points


def picture(name: str, answer: Any, *, seed: int = 0) -> "Figure":
    """Draw the gradients of a student's answer over the numeric ones, in the exercise's last case."""
    # matplotlib takes a while to import, and grading draws nothing
    from course.figures import gradient_comparison

    exercise = find_exercise(name)
    report = list(examine(exercise, Local(name, answer), seed=seed, thorough=True).values())[-1]
    return gradient_comparison(
        dict(report.analytic), dict(report.numeric), title=f"{name}: your gradient and the numeric one"
    )
