"""A data set in words and numbers."""

import torch

from course.data.dataset import Dataset

LONGEST = 30
"""So many features get a line of their own; the pixels of an image are taken together."""


def describe(data: Dataset) -> str:
    """A table: range, mean and deviation of each feature, the examples of each class, the source."""
    rows: list[tuple[str, ...]] = [("", "lowest", "mean", "deviation", "highest")]
    columns = data.inputs.flatten(1)
    if columns.shape[1] <= LONGEST:
        rows += [(label, *_numbers(columns[:, i])) for i, label in enumerate(data.feature_labels)]
    else:
        unit = f" ({data.units[0]})" if data.units and data.units[0] and data.input_scaling is None else ""
        rows.append((f"all {columns.shape[1]} features{unit}", *_numbers(columns)))
    if not data.classifies:
        unit = f" ({data.target_unit})" if data.target_unit and data.target_scaling is None else ""
        rows += [(f"→ {name}{unit}", *_numbers(data.targets[:, i])) for i, name in enumerate(data.target_names)]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))])
        for row in rows
    ]
    if data.classifies:
        counts = torch.bincount(data.targets, minlength=len(data.target_names)).tolist()
        said = ", ".join(f"{name} {count}" for name, count in zip(data.target_names, counts, strict=True))
        lines.append(f"classes: {said}")
    return "\n".join([f"{data.name}: {len(data):,} examples", "", *lines, "", f"Source: {data.source}"])


def _numbers(values: torch.Tensor) -> tuple[str, ...]:
    found = (values.min(), values.mean(), values.std(correction=0), values.max())
    return tuple(f"{number.item():.4g}".replace("-", "−") for number in found)
