"""Names that nbgrader's configuration or our documentation once gave, and where each of them went.

nbgrader imports what its configuration names, and an instructor's own configuration outlives the rooms of
this package. So each name below still leads to its class, with a line that says how it is written now. A name
that only our own code ever used is not here.
"""

import importlib
import sys
import warnings
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

MOVED = {
    "autograder.allow_stderr": "autograder.nbgrader_steps.allow_stderr",
    "autograder.database": "autograder.address",
    "autograder.exports": "autograder.pages.exports",
    "autograder.fail_closed": "autograder.nbgrader_steps.fail_closed",
    "autograder.feedback": "autograder.pages.feedback",
    "autograder.fragments": "autograder.pages.fragments",
    "autograder.hide_tests": "autograder.nbgrader_steps.hide_tests",
    "autograder.late": "autograder.nbgrader_steps.penalties",
    "autograder.review": "autograder.nbgrader_steps.review",
    "autograder.sanitize": "autograder.pages.sanitize",
    "autograder.steps": "autograder.nbgrader_steps.steps",
    "autograder.submissions": "autograder.nbgrader_steps.links",
}
"""By its old name, where a module is that such a file may name."""


class OldNames(MetaPathFinder, Loader):
    """Finds a module under its old name, as Python's import system asks: the same module, not a copy."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The way to a moved module; None for every other name."""
        return ModuleSpec(fullname, self) if fullname in MOVED else None

    def exec_module(self, module: ModuleType) -> None:
        """Put the module that is meant in the place of the empty one that Python has made."""
        old = module.__name__
        warnings.warn(f"{old} is {MOVED[old]} now: name it so", FutureWarning, stacklevel=2)
        sys.modules[old] = importlib.import_module(MOVED[old])
