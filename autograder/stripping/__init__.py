"""Taking answers out of source text."""

from autograder.stripping.answers import cut_answers
from autograder.stripping.source import Files, bound, classes

__all__ = ["Files", "bound", "classes", "cut_answers"]
