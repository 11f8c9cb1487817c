"""``python -m course.exercises FILE NAME EXERCISE``: run a student's file, then answer a judge on stdin and stdout."""

import os
import runpy
import sys
from typing import Any

from course.exercises.respondent import Local
from course.exercises.serve import serve


class Missing:
    """Stands in for an object that the file does not define, or did not come to."""

    def __init__(self, problem: str) -> None:
        self.problem = problem


def main(path: str, name: str, exercise: str) -> None:
    """Keep stdout for the answers: what the student's code prints goes to stderr."""
    reading, writing = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    problem, found = "", {}
    try:
        found = runpy.run_path(path)
        problem = f"there is no '{name}' in {os.path.basename(path)}"
    except (Exception, SystemExit) as error:
        problem = f"running {os.path.basename(path)} raised {type(error).__name__}: {error}"
    serve(_Answering(exercise, found[name]) if name in found else _Answering(exercise, Missing(problem)), reading, writing)


class _Answering(Local):
    """A local respondent that also says why the object is missing."""

    def about(self) -> dict[str, Any]:
        if isinstance(self.answer, Missing):
            return {"problem": self.answer.problem, "shortcuts": []}
        return super().about()


if __name__ == "__main__":
    main(*sys.argv[1:])
