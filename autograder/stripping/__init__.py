"""Taking answers out of source text."""

from autograder.stripping.answers import cut_answers
from autograder.stripping.source import Files, classes

__all__ = ["Files", "classes", "cut_answers"]
