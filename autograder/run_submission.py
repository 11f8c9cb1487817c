"""Execution of what was handed in: as far as its kernel lives, and without the pictures."""

from fnmatch import fnmatch
from typing import Any

from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader.preprocessors import Execute
from nbgrader.preprocessors.execute import UnresponsiveKernelError
from traitlets import Unicode

KERNEL_DIED = "The kernel died in this cell, and nothing below was run. Does the code call exit(), or use up the memory?"


class RunSubmission(Execute):
    """nbgrader's Execute, with two differences.

    A kernel that dies, by ``exit()`` or for lack of memory, does not void the notebook: the cells that ran keep their outputs,
    and FailClosed gives 0 to those that did not. And locked cells without points whose name matches `skip` are not run: drawing
    the pictures takes as long as all the rest, and students have them in their own copy.
    """

    skip = Unicode("*_picture", help="Name of locked cells that are left out; empty to run every cell.").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: Any = None, km: Any = None) -> tuple[NotebookNode, Any]:
        """Run the notebook as far as its kernel lives."""
        self._running: NotebookNode | None = None
        try:
            return super().preprocess(nb, resources, km)
        except (DeadKernelError, UnresponsiveKernelError) as error:
            self.log.warning("The kernel died: %s", error)
            if self._running is not None:
                self._running.outputs.append(
                    new_output("error", ename="DeadKernel", evalue=KERNEL_DIED, traceback=[KERNEL_DIED])
                )
            return nb, resources

    def preprocess_cell(self, cell: NotebookNode, resources: Any, index: int) -> tuple[NotebookNode, Any]:
        """Run one cell, unless it is to be skipped."""
        about = cell.metadata.get("nbgrader", {})
        if about.get("locked") and not about.get("grade") and fnmatch(about.get("grade_id", ""), self.skip):
            return cell, resources
        if cell.cell_type == "code":
            self._running = cell
        return super().preprocess_cell(cell, resources, index)
