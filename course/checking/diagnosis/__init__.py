"""Diagnosis: names the mistake behind a wrong gradient and says how sure it is, or nothing if unknown.

diagnose    the first mistake, or two, that explain all cases
slips/      wrong formulas that students write, by module
steps       wrong rules of single steps of forward: found by search, two at once by pairs
rules/      the wrong rules, and reverse/, the reverse pass in which they stand
whole, relations, upstream, formulas, graphs    what shows in the gradient as a whole
suspect     one wrong gradient beside all that is known about the right one
mistakes    the mistakes that have a name
"""

from course.checking.diagnosis.diagnose import VAGUE, diagnose
from course.checking.diagnosis.mistakes import MISTAKES, Diagnosis, Mistake
from course.checking.diagnosis.suspect import Trial

__all__ = ["MISTAKES", "VAGUE", "Diagnosis", "Mistake", "Trial", "diagnose"]
