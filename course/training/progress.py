"""A progress bar for terminals and notebooks that leaves nothing behind."""

import os
import sys
from typing import Any

from tqdm import tqdm


class Bar(tqdm):
    """tqdm without its watching thread, which a training that moves on by itself has no use for."""

    monitor_interval = 0


class _InPlace:
    """What tqdm writes to in a notebook: an output, replaced by each next state of the bar, empty in the end.

    A bar written to a stream would stay, frame by frame, in the notebook's file and in pages made of it; a
    widget would leave a hole there.
    """

    def __init__(self) -> None:
        self._handle: Any = None

    def write(self, text: str) -> None:
        from IPython.display import display

        shown = {"text/plain": text.strip("\r\n ")}
        if self._handle is not None:
            self._handle.update(shown, raw=True)
        elif shown["text/plain"]:
            self._handle = display(shown, raw=True, display_id=True)

    def flush(self) -> None:
        """Each state is shown as it is written."""


def bar(steps: int, wanted: bool = True) -> Bar:
    """A bar of so many steps.

    It is hidden where nobody watches: when nbgrader runs, or when stderr is no terminal.
    """
    if not wanted or os.environ.get("NBGRADER_EXECUTION"):
        return Bar(disable=True)
    options = {"total": steps, "leave": False, "unit": " batches"}
    if _in_notebook():
        return Bar(file=_InPlace(), ncols=100, **options)
    return Bar(disable=None, dynamic_ncols=True, **options)


def _in_notebook() -> bool:
    if "IPython" not in sys.modules:
        return False
    from IPython.core.getipython import get_ipython

    return hasattr(get_ipython(), "kernel")
