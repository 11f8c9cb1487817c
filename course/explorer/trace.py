"""Trace: everything a graph computed, forward and backward, as plain numbers in the order of its steps."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from course.explorer import wording

SIDE = 8  # the largest heat map that is still readable beside a node is 8×8
ROOMY = 4  # up to 4×4, the cells are wide enough for numbers


@dataclass(frozen=True, kw_only=True)
class Array:
    """A tensor's shape, its first numbers row by row, and the largest finite |number| of all."""

    shape: tuple[int, ...]
    rows: int
    columns: int
    numbers: tuple[float, ...]
    cells: tuple[str, ...]
    """What stands in each cell of the heat map."""
    largest: float
    text: str
    broken: bool
    """Whether a NaN or an infinity is among the tensor's numbers."""

    @classmethod
    def of(cls, tensor: Tensor, side: int = SIDE) -> "Array":
        """The array of a tensor of any shape: leading dimensions become rows; `side` rows and columns."""
        shape = tuple(tensor.shape)
        if not shape:
            return cls._of_number(float(tensor))
        exact = tensor.detach().to("cpu", torch.float64)
        table = exact.reshape(1, -1) if exact.dim() < 2 else exact.reshape(-1, shape[-1])
        finite = exact[exact.isfinite()].abs()
        largest = finite.max().item() if finite.numel() else 0.0
        broken = not exact.isfinite().all().item()
        shown = table[:side, :side]
        bad = "NaN" if exact.isnan().any() else "∞"
        rows, columns = shown.shape
        numbers = tuple(shown.flatten().tolist())
        return cls(
            shape=shape,
            rows=rows,
            columns=columns,
            numbers=numbers,
            cells=tuple(wording.cell_text(number, max(rows, columns) <= ROOMY) for number in numbers),
            largest=largest,
            text=f"[{wording.shape_text(shape)}] max|·| {bad if broken else wording.number_text(largest)}",
            broken=broken,
        )

    @classmethod
    def _of_number(cls, number: float) -> "Array":
        text, broken = wording.number_text(number), not math.isfinite(number)
        return cls(
            shape=(),
            rows=1,
            columns=1,
            numbers=(number,),
            cells=(text,),
            largest=0.0 if broken else abs(number),
            text=text,
            broken=broken,
        )

    @property
    def roomy(self) -> bool:
        """Whether every number stands in its cell, so that the caption needs only the shape."""
        return (
            bool(self.shape)
            and max(self.rows, self.columns) <= ROOMY
            and self.rows * self.columns == math.prod(self.shape)
        )

    @property
    def caption(self) -> str:
        """What stands beside the heat map."""
        return f"[{wording.shape_text(self.shape)}]" if self.roomy and not self.broken else self.text

    def to_json(self) -> dict[str, Any]:
        """What the browser draws; NaN and infinities become strings."""
        return {
            "shape": self.shape,
            "numbers": [plain(number) for number in self.numbers],
            "cells": self.cells if max(self.rows, self.columns) <= ROOMY and self.shape else None,
            "largest": self.largest,
            "text": self.text,
            "caption": self.caption,
            "broken": self.broken,
        }


def plain(number: float) -> float | str:
    """A number as JSON takes it."""
    return (
        number
        if math.isfinite(number)
        else "NaN"
        if math.isnan(number)
        else "Infinity"
        if number > 0
        else "-Infinity"
    )


@dataclass(frozen=True, kw_only=True)
class TracedRead:
    """An edge: what a node reads, the derivative of the node's output by it, the gradient it hands back."""

    source: str | None
    """The name of the value that is read; None for a plain number."""
    constant: float | None
    symbol: str
    """∂output/∂source with the graph's own names; empty where the module gives none."""
    local: Array | None
    """∂output/∂source as a number, where everything that is read and the output are numbers."""
    contribution: Array | None
    """What this edge adds to the source's gradient; None where no gradient flows."""
    wrong: str = ""
    """In check mode: yours and the numeric gradient, where they differ."""


@dataclass(frozen=True, kw_only=True)
class TracedParameter:
    """A module's parameter with its gradient; `uses` nodes share it."""

    key: str
    name: str
    value: Array
    grad: Array
    uses: int = 1
    wrong: str = ""


@dataclass(frozen=True, kw_only=True)
class TracedNode:
    """A module or folded part: its sign in the picture, what it reads, its outputs, its parameters."""

    id: str
    label: str
    op: str
    sign: str
    reads: tuple[TracedRead, ...]
    outputs: tuple[str, ...]
    parameters: tuple[TracedParameter, ...]
    shared: tuple[str, ...] = ()
    """The keys of the parameters that other nodes use, too."""
    around: tuple[str, ...] = ()
    """The parts that it lies in, outermost first."""
    folds: int = 0
    """How many nodes are folded away in it."""
    note: str = ""
    """What is wrong here: an error, or the first number that is not finite."""
    note_phase: str = ""
    """The phase of the event that shows the note."""

    @property
    def parents(self) -> tuple[str, ...]:
        """The names of the values that the node reads."""
        return tuple(read.source for read in self.reads if read.source is not None)


@dataclass(frozen=True, kw_only=True)
class TracedValue:
    """A named value with its gradient, and how many edges read it.

    `value` is None where the run did not get so far, `grad` where no gradient flows.
    """

    name: str
    label: str
    value: Array | None
    grad: Array | None
    readers: int
    wrong: str = ""


@dataclass(frozen=True, kw_only=True)
class TraceEvent:
    """A step: the node or edge (node, position) it happens at, what it shows as (key, numbers), a sentence.

    Keys are value:NAME, grad:NAME, share:NODE:POSITION (an edge's part of a sum) and local:NODE:POSITION. The
    phase is start, forward, backward or failure.
    """

    phase: str
    node: str | None = None
    position: int | None = None
    shows: tuple[tuple[str, Array], ...] = ()
    sentence: str
    marks: tuple[str, ...] = ()
    """The marks of what is wrong that appear with it: wrong:KEY or note:NODE."""


@dataclass(frozen=True, kw_only=True)
class TracedPart:
    """A part of the network, folded into one node or not."""

    id: str
    label: str
    size: int
    folded: bool
    around: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Trace:
    """A graph's forward and backward pass."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    nodes: tuple[TracedNode, ...]
    values: dict[str, TracedValue]
    start: TraceEvent
    events: tuple[TraceEvent, ...]
    shared: tuple[TracedParameter, ...] = ()
    parts: tuple[TracedPart, ...] = ()
    failure: str = ""
    checked: bool = False

    def to_json(self) -> dict[str, Any]:
        """The trace as what `json.dumps(…, allow_nan=False)` accepts; each array stands in it once."""
        arrays: list[dict[str, Any]] = []
        seen: dict[int, int] = {}  # by identity, which is quicker than to compare numbers
        positions: dict[Array, int] = {}

        def put(array: Array | None) -> int | None:
            if array is None:
                return None
            if id(array) not in seen:
                seen[id(array)] = positions.setdefault(array, len(arrays))
                if seen[id(array)] == len(arrays):
                    arrays.append(array.to_json())
            return seen[id(array)]

        def event_json(event: TraceEvent) -> dict[str, Any]:
            return {
                "phase": event.phase,
                "node": event.node,
                "position": event.position,
                "shows": [(key, put(array)) for key, array in event.shows],
                "sentence": event.sentence,
                "marks": event.marks,
            }

        return {
            "inputs": self.inputs,
            "outputs": self.outputs,
            "nodes": [
                {"id": node.id, "reads": [read.source for read in node.reads], "shared": node.shared}
                for node in self.nodes
            ],
            "values": {name: put(value.value) for name, value in self.values.items()},
            "start": event_json(self.start),
            "events": [event_json(event) for event in self.events],
            "arrays": arrays,
        }
