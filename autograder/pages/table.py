"""The table of points that `autograder grade` prints."""

from rich import box
from rich.table import Table

from autograder.gradebook.grades import ClassGrades, Submission
from autograder.pages.page import points


def points_table(grades: ClassGrades) -> Table:
    """A row for each student of the gradebook, a column for each exercise, and the total."""
    table = Table(
        title=grades.assignment, title_justify="left", box=box.SIMPLE_HEAD, padding=0, show_edge=False
    )
    table.add_column("student", no_wrap=True)
    late = any(submission.penalty for submission in grades.submissions)
    for name, most in grades.most.items():
        table.add_column(f"{name.replace('_', chr(10))}\nof {most:g}", justify="right", vertical="bottom")
    if late:
        table.add_column("late", justify="right", vertical="bottom")
    table.add_column(f"total\nof {sum(grades.most.values()):g}", justify="right", vertical="bottom")
    for submission in grades.submissions:
        total = points(submission.total) if submission.handed_in else "—"
        penalty = [f"−{points(submission.penalty)}" if submission.penalty else ""] if late else []
        shown = [*(_shown(submission, name) for name in grades.most), *penalty, total]
        table.add_row(submission.student, *shown, style="red" if submission.problem else "")
    return table


def _shown(submission: Submission, exercise: str) -> str:
    if not submission.handed_in:
        return "—"
    earned = submission.points.get(exercise, 0.0)  # an exercise that was added since has none
    return "✎" if earned is None else points(earned)
