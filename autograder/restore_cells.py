"""Test cells that a student deleted come back."""

from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbgrader.preprocessors import OverwriteCells


class RestoreCells(OverwriteCells):
    """nbgrader's OverwriteCells; a missing graded cell is put back behind the nearest cell before it that is still there.

    nbgrader's own `add_missing_cells` looks only at the cell right before the missing one, and stops with a KeyError when that
    cell is locked and has no points, or is missing, too.
    """

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        """Drop what could mislead nbgrader, then overwrite and restore."""
        for cell in nb.cells:
            cell.metadata.pop("tags", None)  # "skip-execution" would do what it says
            if not cell.metadata.get("nbgrader", True):
                del cell.metadata["nbgrader"]  # DeduplicateIds leaves this on a pasted copy, and nbgrader stops at it
        return super().preprocess(nb, resources)

    def add_missing_grade_cells(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        """Go through the source's cells in order, and put back every graded one that is missing."""
        source = self.gradebook.find_notebook(self.notebook_id, self.assignment_id)
        graded = {cell.name: cell for cell in source.grade_cells}
        answers = {cell.name for cell in source.solution_cells}
        place = 0  # behind the last cell of the source that was found or put back
        for source_cell in source.source_cells:
            name = source_cell.name
            found = next(
                (i for i, cell in enumerate(nb.cells) if cell.metadata.get("nbgrader", {}).get("grade_id") == name), None
            )
            if found is not None:
                place = found + 1
            elif name in graded:
                self.log.warning("Cell '%s' was deleted; it is put back", name)
                restored = self.missing_cell_transform(source_cell, graded[name].max_score, is_solution=name in answers)
                nb.cells.insert(place, restored)
                place += 1
        return nb, resources
