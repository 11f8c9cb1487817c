"""A test cell that did not end in points is worth none."""

import math

from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader import utils
from nbgrader.preprocessors import NbGraderPreprocessor


class FailClosed(NbGraderPreprocessor):
    """Gives 0 to every autograded cell whose output is not one number between 0 and its points.

    nbgrader alone gives full marks to a cell that was not run, that shows nothing, or that shows something
    else than a number, and stops at a number above the points.
    """

    def preprocess_cell(
        self, cell: NotebookNode, resources: ResourcesDict, cell_index: int
    ) -> tuple[NotebookNode, ResourcesDict]:
        """Replace a result that holds no points by an error that says so."""
        if cell.cell_type != "code" or not utils.is_grade(cell) or utils.is_solution(cell):
            return cell, resources
        most = float(cell.metadata.nbgrader["points"])
        results = [output for output in cell.outputs if output.output_type == "execute_result"]
        failed = any(output.output_type == "error" for output in cell.outputs)
        if failed or len(results) != 1 or not 0.0 <= _number(results[0]) <= most:
            # nbgrader goes by whichever comes first, a result or an error
            cell.outputs = [output for output in cell.outputs if output.output_type != "execute_result"]
            if not failed:
                reason = f"0 points: this cell did not end in a number between 0 and {most:g}"
                cell.outputs.append(new_output("error", ename="NoPoints", evalue=reason, traceback=[reason]))
        return cell, resources


def _number(result: NotebookNode) -> float:
    """The number that a result shows; not-a-number if it shows none."""
    try:
        return float(result.data["text/plain"])
    except (KeyError, TypeError, ValueError):
        return math.nan
