"""check() and picture() where submissions are graded: the judge is elsewhere, and draws nothing."""

from typing import Any

LATER = "Checked outside this notebook: the points stand below the test's cell."


def check(name: str, answer: Any, *, seed: int = 0, show: bool = True) -> float:
    """Say that the check is made elsewhere; no points are known here, so that the result is no number."""
    if show:
        print(LATER)
    return float("nan")


def picture(name: str, answer: Any, *, seed: int = 0) -> None:
    """Draw nothing: pictures are for the student's own copy."""
