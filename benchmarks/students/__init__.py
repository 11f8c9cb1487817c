"""Wrong backward passes as students write them, each with what is wrong in plain words.

They were written from threads in forums, from homework and from teaching, by someone who had not seen the
checks. Exercises have the forward that is handed out; the forwards of other modules are in `stubs`.
`judged.json` holds what a reader, who knew the mistake and not the checks, said of each message.
"""

import importlib
import pkgutil

from benchmarks.students import answers
from benchmarks.students.case import CASES, Case

__all__ = ["Case", "read_cases"]


def read_cases() -> dict[str, Case]:
    """All cases by their names."""
    for info in pkgutil.iter_modules(answers.__path__):
        importlib.import_module(f"{answers.__name__}.{info.name}")
    return CASES
