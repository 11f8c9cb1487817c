"""The public door of course/checking/: `check_module` says whether forward and backward are right."""

from course.checking.check import FunctionWithGradient, check_module
from course.checking.part import Part
from course.checking.report import Report
from course.checking.verdicts import TOLERANCE

__all__ = ["TOLERANCE", "FunctionWithGradient", "Part", "Report", "check_module"]
