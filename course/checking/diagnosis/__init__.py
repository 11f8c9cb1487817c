"""Diagnosis: names the mistake behind a wrong gradient, says how sure it is, and nothing where it knows nothing."""

from course.checking.diagnosis.diagnose import diagnose
from course.checking.diagnosis.mistakes import MISTAKES, Diagnosis, Mistake

__all__ = ["MISTAKES", "Diagnosis", "Mistake", "diagnose"]
