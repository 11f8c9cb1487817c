"""Tracing: any network, run forward and backward on a private copy and written down as a trace."""

import copy
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from course.explorer.describing import Description
from course.explorer.flatten import LIMIT, FlatGraph, flatten
from course.explorer.folding import automatic, fold
from course.explorer.foreign import Foreign
from course.explorer.inputs import as_tensors, unrolled
from course.explorer.narration import narrate, start_event
from course.explorer.running import GraphRun, run_graph
from course.explorer.torch_calls import record
from course.explorer.trace import Trace
from course.module import Module


def trace(
    graph: Any,
    inputs: Mapping[str, Any],
    grad_output: Any = None,
    *,
    check: bool = False,
    fold: Mapping[str, Sequence[str]] | None = None,
) -> Trace:
    """Run `graph` forward and backward on a private copy, and write down every number.

    The graph's own saved values and gradients stay as they are. What fails is part of the trace, up to where
    it failed.

    Args:
        graph: a Graph, a Chain, any module of the course; an object with forward and backward; a
            torch.nn.Module or a plain function of torch tensors.
        inputs: a number, list or tensor for every input name.
        grad_output: the gradient that arrives at the output (a tuple if there are several outputs); ones when
            left out.
        check: whether every node's backward is compared with central differences.
        fold: further parts by name, each with the names of its nodes; drawn as one node.

    Raises:
        TypeError: nothing that has a graph.
        ValueError: an input is missing or unknown, a part is not possible, or the graph is too large to draw.
    """
    run = run_network(graph, inputs, grad_output, check=check, fold=fold)
    return trace_of(run, {*automatic(run), *(fold or {})})


def run_network(
    graph: Any,
    inputs: Mapping[str, Any],
    grad_output: Any,
    *,
    check: bool,
    fold: Mapping[str, Sequence[str]] | None,
) -> GraphRun:
    """Both passes of anything that can be explored, parts unfolded; arguments and errors are `trace`'s."""
    flat, tensors = _flat(graph, inputs, fold)
    loose = sum(not around for around in flat.groups.values())
    loose += len({around[0] for around in flat.groups.values() if around})
    if loose > LIMIT:
        raise ValueError(
            f"{len(flat.groups):,} nodes are too many to draw: put parts of the network into a Chain or a "
            "Graph each, which fold into one node, or explore a part by itself"
        )
    return run_graph(flat, list(tensors.values()), grad_output, check=check)


def trace_of(run: GraphRun, folded: Collection[str]) -> Trace:
    """The trace of a run, with some of its parts folded into one node each."""
    shown = fold(run, folded)
    described = Description(shown)
    return Trace(
        inputs=shown.inputs,
        outputs=shown.outputs,
        nodes=tuple(described.nodes.values()),
        values=described.values(),
        start=start_event(described),
        events=tuple(narrate(described)),
        shared=described.shared,
        parts=described.parts(run, folded),
        failure=shown.failure.message if shown.failure else "",
        checked=shown.checked,
    )


def _flat(
    graph: Any, inputs: Mapping[str, Any], fold: Mapping[str, Sequence[str]] | None
) -> tuple[FlatGraph, dict[str, Tensor]]:
    """The flat graph of a private copy, and its inputs as tensors by name."""
    if _is_torch(graph):
        tensors = as_tensors(graph, inputs)
        flat = record(copy.deepcopy(graph) if isinstance(graph, torch.nn.Module) else graph, tensors)
        for part, members in (fold or {}).items():
            flat.add_part(part, members)
        return flat, tensors
    # A copy, because forward and backward also move what tracing cannot know of, such as running statistics.
    module = copy.deepcopy(graph)
    module = module if isinstance(module, Module) else Foreign(module)
    module, inputs = unrolled(module, inputs)
    tensors = as_tensors(module, inputs)
    return flatten(module, tensors, fold), tensors


def _is_torch(graph: Any) -> bool:
    """Whether it is a torch.nn.Module or a plain function of torch tensors."""
    if isinstance(graph, torch.nn.Module):
        return True
    return callable(graph) and not isinstance(graph, Module) and not hasattr(graph, "backward")
