"""The exercises: what each asks of a student's object and how many points its parts are worth. No answers are in here."""

from course.exercises.exercise import Case, Exercise, all_exercises, find_exercise
from course.exercises.grading import check, picture
from course.exercises.score import Score

__all__ = ["Case", "Exercise", "Score", "all_exercises", "check", "find_exercise", "picture"]
