"""Taking answers out of source text."""

from autograder.handing_out.stripping.answers import cut_answers
from autograder.handing_out.stripping.source import Files, bound, classes

__all__ = ["Files", "bound", "classes", "cut_answers"]
