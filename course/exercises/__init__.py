"""The exercises: what each asks of a student's object, and the points for its parts; no answers."""

from course.exercises.exercise import Call, Case, Exercise, equals
from course.exercises.grading import grade, grade_respondent
from course.exercises.notebook import check, picture
from course.exercises.registry import all_exercises, find_exercise
from course.exercises.score import Score

__all__ = [
    "Call",
    "Case",
    "Exercise",
    "Score",
    "all_exercises",
    "check",
    "equals",
    "find_exercise",
    "grade",
    "grade_respondent",
    "picture",
]
