"""A notebook's cells, and what nbgrader notes about each."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def read_cells(path: Path) -> list[dict[str, Any]]:
    """A notebook's cells, without nbformat's checks, which would take most of the time.

    There are none where the notebook cannot be read.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))["cells"]
    except (OSError, ValueError, KeyError):
        return []


def nbgrader_metadata(cell: Mapping[str, Any]) -> dict[str, Any]:
    """What nbgrader notes of a cell: its name (`grade_id`), whether it is locked, graded, or an answer.

    Empty where there is nothing, or no dictionary: a submission may hold anything there.
    """
    metadata = cell.get("metadata")
    noted = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    return noted if isinstance(noted, dict) else {}
