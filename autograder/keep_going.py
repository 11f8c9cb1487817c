"""Execution that keeps what was earned before a kernel died."""

from typing import Any

from nbclient.exceptions import DeadKernelError
from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader.preprocessors import Execute
from nbgrader.preprocessors.execute import UnresponsiveKernelError


class KeepGoing(Execute):
    """nbgrader's Execute; when the kernel dies (``exit()``, no memory left), the cells that did not run simply have no output.

    FailClosed gives those 0 points, and every cell before keeps its own.
    """

    def preprocess(
        self, nb: NotebookNode, resources: ResourcesDict | None = None, km: Any = None
    ) -> tuple[NotebookNode, ResourcesDict | None]:
        """Run the notebook as far as its kernel lives."""
        try:
            return super().preprocess(nb, resources, km)
        except (DeadKernelError, UnresponsiveKernelError) as error:
            self.log.warning("The kernel died; what follows is worth 0 points: %s", error)
            for cell in nb.cells:
                if cell.cell_type == "code" and cell.execution_count is None and cell.source.strip():
                    reason = "This cell ran to no end: the kernel died here. Does the code call exit(), or use up the memory?"
                    cell.outputs.append(new_output("error", ename="DeadKernel", evalue=reason, traceback=[reason]))
                    break
            return nb, resources
