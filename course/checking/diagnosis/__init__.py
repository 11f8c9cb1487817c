"""Diagnosis: names the mistake behind a wrong gradient and says how sure it is, or nothing if unknown."""

from course.checking.diagnosis.diagnose import diagnose
from course.checking.diagnosis.mistakes import MISTAKES, Diagnosis, Mistake
from course.checking.diagnosis.suspect import Trial

__all__ = ["MISTAKES", "Diagnosis", "Mistake", "Trial", "diagnose"]
