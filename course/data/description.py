"""A table of numbers in words: what `Dataset.describe` prints."""

from collections.abc import Mapping

import torch

HEADS = ("", "lowest", "mean", "deviation", "highest")


def table(columns: Mapping[str, torch.Tensor]) -> list[str]:
    """The lines of a table: lowest number, mean, deviation and highest number of each column."""
    rows = [HEADS, *((label, *_numbers(values)) for label, values in columns.items())]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADS))]
    return [
        "  ".join(
            [
                row[0].ljust(widths[0]),
                *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
            ]
        )
        for row in rows
    ]


def _numbers(values: torch.Tensor) -> tuple[str, ...]:
    numbers = (values.min(), values.mean(), values.std(correction=0), values.max())
    return tuple(f"{number.item():.4g}".replace("-", "−") for number in numbers)
