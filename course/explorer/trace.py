"""Trace: everything a graph computed, forward and backward, as plain numbers in the order in which it happened."""

import copy
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from course.explorer import wording
from course.explorer.sources import as_graph, as_tensors
from course.module import Module, as_tuple

SIDE = 8  # the largest heat map that is still readable beside a node is 8×8
ROOMY = 4  # up to 4×4, the cells are wide enough for numbers


@dataclass(frozen=True)
class Array:
    """A tensor's shape, its first SIDE×SIDE numbers row by row, and the largest finite |number| of all."""

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
    def of(cls, tensor: Tensor) -> "Array":
        """The array for a tensor of any shape; leading dimensions become rows."""
        shape = tuple(tensor.shape)
        exact = tensor.detach().to("cpu", torch.float64)
        table = exact.reshape(1, -1) if exact.dim() < 2 else exact.reshape(-1, shape[-1])
        finite = exact[exact.isfinite()].abs()
        largest = finite.max().item() if finite.numel() else 0.0
        broken = not exact.isfinite().all().item()
        shown = table[:SIDE, :SIDE]
        if not shape:
            text = wording.number_text(exact.item())
        else:
            bad = "NaN" if exact.isnan().any() else "∞"
            text = f"[{wording.shape_text(shape)}] max|·| {bad if broken else wording.number_text(largest)}"
        rows, columns = shown.shape
        numbers = tuple(shown.flatten().tolist())
        cells = tuple(wording.cell_text(number, max(rows, columns) <= ROOMY) for number in numbers)
        return cls(shape, rows, columns, numbers, cells, largest, text, broken)


@dataclass(frozen=True)
class Read:
    """One edge: what a node reads, the derivative of the node's output by it, and the gradient it hands back."""

    source: str | None
    """The name of the value that is read; None for a plain number."""
    constant: float | None
    symbol: str
    """∂output/∂source with the graph's own names; empty where the module gives none."""
    local: Array | None
    """The same as a number, where source and outputs are numbers."""
    contribution: Array | None
    """What this edge adds to the source's gradient; None where no gradient flows."""


@dataclass(frozen=True)
class ParameterTrace:
    """A module's parameter with its gradient."""

    name: str
    value: Array
    grad: Array


@dataclass(frozen=True)
class Node:
    """One module: its sign in the picture, what it reads, the names of its outputs, its parameters."""

    id: str
    label: str
    op: str
    sign: str
    reads: tuple[Read, ...]
    outputs: tuple[str, ...]
    parameters: tuple[ParameterTrace, ...]

    @property
    def parents(self) -> tuple[str, ...]:
        """The names of the values that the node reads."""
        return tuple(read.source for read in self.reads if read.source is not None)


@dataclass(frozen=True)
class Value:
    """A named value, its gradient (None where none flows), and how many edges read it."""

    name: str
    label: str
    value: Array
    grad: Array | None
    readers: int


@dataclass(frozen=True)
class Event:
    """One step: the node or edge (node, position) it happens at, what it shows as (key, numbers), and a sentence.

    Keys are value:NAME, grad:NAME, share:NODE:POSITION (an edge's part of a sum) and local:NODE:POSITION.
    """

    phase: str
    node: str | None
    position: int | None
    shows: tuple[tuple[str, Array], ...]
    sentence: str


@dataclass(frozen=True)
class Trace:
    """A graph's forward and backward pass."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    nodes: tuple[Node, ...]
    values: dict[str, Value]
    start: Event
    events: tuple[Event, ...]

    def to_json(self) -> dict[str, Any]:
        """The trace as what `json.dumps(…, allow_nan=False)` accepts: NaN and infinities become strings."""
        return _json(asdict(self))


def trace(graph: Module, inputs: Mapping[str, Any], grad_output: Any = None) -> Trace:
    """Run `graph` forward and backward on a private copy, and write down every number.

    The graph's own saved values and gradients stay as they are.

    Args:
        graph: a Graph, a Chain or a single module.
        inputs: a number, list or tensor for every input name.
        grad_output: the gradient that arrives at the output (a tuple if there are several outputs); ones when left out.

    Raises:
        ValueError: an input is missing or unknown.
    """
    tensors = as_tensors(graph, inputs)
    # A copy, because forward and backward also move what tracing cannot know of: running statistics, random generators.
    from course.explorer.recording import Recorder  # it builds the classes above

    network = as_graph(copy.deepcopy(graph), tensors)
    network.zero_grad()
    outputs = as_tuple(network.forward(*tensors.values()))
    if grad_output is None:
        seeds = tuple(torch.ones_like(output) for output in outputs)
    else:
        given = as_tuple(grad_output) if len(outputs) > 1 else (grad_output,)
        seeds = tuple(torch.as_tensor(seed).to(output) for seed, output in zip(given, outputs, strict=True))
    network.backward(*seeds)
    return Recorder(network, seeds, given=grad_output is not None).trace()


def _json(part: Any) -> Any:
    if isinstance(part, float) and not math.isfinite(part):
        return "NaN" if math.isnan(part) else "Infinity" if part > 0 else "-Infinity"
    if isinstance(part, dict):
        return {key: _json(value) for key, value in part.items()}
    return [_json(value) for value in part] if isinstance(part, list | tuple) else part
