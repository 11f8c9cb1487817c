"""Links in a submission, which nbgrader would follow when it copies the files."""

import os
from collections.abc import Sequence
from pathlib import Path

from autograder.collecting.submissions import odd_files


def defuse_links(assignment: str, student: str, notebooks: Sequence[str]) -> None:
    """Take links out of a submission, before nbgrader copies its files and what links among them point to.

    nbgrader goes on whatever is raised here, so that every link becomes a text that says where it led.
    """
    for folder in {Path(notebook).parent for notebook in notebooks}:
        for path in odd_files(folder):
            what = (
                (f"a link to {os.readlink(path)}, which was not followed") if path.is_symlink() else "no file"
            )
            path.unlink()
            path.write_text(f"This was {what}.\n", encoding="utf-8", errors="replace")
