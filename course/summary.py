"""A network's budget: each module's output, number of parameters, and memory kept for backward."""

import copy
import html
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from course.module import Module

HEADS = ("module", "output shape", "parameters", "bytes of parameters", "bytes saved for backward")


@dataclass(frozen=True)
class Row:
    """One module of a network; numbers are its own, without those of the modules in it."""

    name: str
    kind: str
    output_shapes: tuple[tuple[int, ...] | None, ...]
    parameters: int
    parameter_bytes: int
    saved_bytes: int


@dataclass(frozen=True)
class Summary:
    """The rows of a network, parents before children; prints as a table.

    Memory that two modules share is counted once.
    """

    rows: tuple[Row, ...]

    @property
    def parameters(self) -> int:
        """How many numbers are trained."""
        return sum(row.parameters for row in self.rows)

    @property
    def parameter_bytes(self) -> int:
        """Bytes that the parameters' values take; their gradients take as many again."""
        return sum(row.parameter_bytes for row in self.rows)

    @property
    def saved_bytes(self) -> int:
        """Bytes kept from forward for backward, the input included if a module saves it."""
        return sum(row.saved_bytes for row in self.rows)

    def _cells(self) -> Iterator[tuple[str, ...]]:
        for row in self.rows:
            depth = row.name.count(".") + bool(row.name)
            name = "  " * depth + (f"{row.name.rpartition('.')[2]}: " if row.name else "") + row.kind
            shapes = ", ".join(_shape(shape) for shape in row.output_shapes)
            yield (
                name,
                shapes,
                *(f"{n:,}" if n else "" for n in (row.parameters, row.parameter_bytes, row.saved_bytes)),
            )
        yield "total", "", f"{self.parameters:,}", f"{self.parameter_bytes:,}", f"{self.saved_bytes:,}"

    def __str__(self) -> str:
        table = [HEADS, *self._cells()]
        widths = [max(len(row[column]) for row in table) for column in range(len(HEADS))]
        sides = (str.ljust, str.ljust, str.rjust, str.rjust, str.rjust)
        aligned = (
            [side(cell, width) for side, cell, width in zip(sides, row, widths, strict=True)] for row in table
        )
        lines = ["  ".join(row) for row in aligned]
        rule = "─" * len(lines[0])
        return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])

    def _repr_html_(self) -> str:
        def line(cells: Iterable[str], tag: str) -> str:
            sides = ("left", "left", "right", "right", "right")
            styled = (
                f"<{tag} style='text-align:{side};padding:4px "
                f"12px;white-space:pre'>{html.escape(cell)}</{tag}>"
                for cell, side in zip(cells, sides, strict=True)
            )
            return f"<tr>{''.join(styled)}</tr>"

        *rows, total = self._cells()
        body = "".join(line(row, "td") for row in rows)
        return f"<table style='font-size:15px'>{line(HEADS, 'th')}{body}{line(total, 'th')}</table>"


def summary(net: Module, *inputs: Tensor) -> Summary:
    """Run a copy of `net` forward on `inputs` and note each module's output shape, parameters and memory.

    A parameter or saved tensor that several modules hold is counted at the first of them, and at a container
    only when none of its modules holds it; a view counts as what it looks into.
    """
    net = copy.deepcopy(net)
    net(*inputs)
    modules = list(net.named_modules())
    held = {parameter.value.untyped_storage().data_ptr() for parameter in net.parameters()}
    saved = {}
    # a container comes last
    for name, module in sorted(modules, key=lambda item: any(True for _ in item[1].named_children())):
        saved[name] = sum(_new_bytes(tensor, held) for tensor in _tensors(module.saved))
    counted: set[int] = set()
    rows = []
    for name, module in modules:
        own = [
            parameter
            for _, parameter in module.named_parameters(recurse=False)
            if id(parameter) not in counted
        ]
        counted.update(map(id, own))
        rows.append(
            Row(
                name,
                type(module).__name__,
                tuple(None if shape is None else tuple(shape) for shape in module.output_shapes),
                sum(parameter.value.numel() for parameter in own),
                sum(parameter.value.nbytes for parameter in own),
                saved[name],
            )
        )
    return Summary(tuple(rows))


def _tensors(saved: Any) -> Iterator[Tensor]:
    """Every tensor in what a module saved, also in the memories of the steps of an unrolled loop."""
    if isinstance(saved, Tensor):
        yield saved
    elif isinstance(saved, Module):
        for _, module in saved.named_modules():
            yield from _tensors(module.saved)
    elif isinstance(saved, dict | list | tuple):
        for value in saved.values() if isinstance(saved, dict) else saved:
            yield from _tensors(value)


def _new_bytes(tensor: Tensor, held: set[int]) -> int:
    """The bytes that a tensor keeps alive, 0 when they are counted already."""
    storage = tensor.untyped_storage()
    if storage.data_ptr() in held:
        return 0
    held.add(storage.data_ptr())
    return storage.nbytes()


def _shape(shape: tuple[int, ...] | None) -> str:
    return "–" if shape is None else " × ".join(map(str, shape)) or "a number"
