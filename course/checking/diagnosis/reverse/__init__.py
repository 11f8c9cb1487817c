"""A true forward as elementary steps, and the reverse pass over them by hand, with some rules wrong."""

from course.checking.diagnosis.reverse.program import Program
from course.checking.diagnosis.reverse.step import Gradients, Step

__all__ = ["Gradients", "Program", "Step"]
