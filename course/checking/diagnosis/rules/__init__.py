"""Wrong rules: for each kind of step of a forward, what students write in place of its reverse rule."""

from course.checking.diagnosis.rules.anew import computed_anew
from course.checking.diagnosis.rules.every import other_rules, repeated_rules, step_rules
from course.checking.diagnosis.rules.paths import paths
from course.checking.diagnosis.rules.wrong import Wrong

__all__ = ["Wrong", "computed_anew", "other_rules", "paths", "repeated_rules", "step_rules"]
