"""Folding: parts of a run as single nodes, each one step that shows its vector–Jacobian product."""

import functools
from collections.abc import Collection, Iterator
from dataclasses import replace
from itertools import groupby

import torch
from torch import Tensor

from course.containers.graph import Graph
from course.explorer.running import GraphRun, NodeRun, finite
from course.module import as_tuple

MANY = 40
"""More nodes than this do not fit on a slide: parts are folded until there are no more, or none are left."""


def automatic(run: GraphRun) -> set[str]:
    """The parts to fold at first: the innermost ones that are enough, outer ones where they are not."""
    if len(run.nodes) <= MANY:
        return set()
    depth = {part: level for node in run.nodes for level, part in enumerate(node.around)}
    for level in range(max(depth.values(), default=0), -1, -1):
        folded = {part for part in run.parts if depth[part] == level}
        if folded and len(fold(run, folded).nodes) <= MANY:
            return folded
    return {part for part in run.parts if depth[part] == 0}


def fold(run: GraphRun, folded: Collection[str]) -> GraphRun:
    """The run with these parts as single nodes; within a folded part nothing else counts."""
    if not folded:
        return run
    # The nodes of a part stand together.
    groups = groupby(run.nodes, key=lambda node: next((part for part in node.around if part in folded), ""))
    nodes: list[NodeRun] = []
    for part, members in groups:
        nodes += [_merge(run, part, list(members))] if part else members
    failure = run.failure
    if failure is not None and failure.node is not None:
        around = next(node.around for node in run.nodes if node.name == failure.node)
        part = next((part for part in around if part in folded), None)
        if part:
            label = run.labels.get(failure.node, failure.node)
            failure = replace(failure, node=part, message=f"{label}: {failure.message}")
    return replace(run, nodes=tuple(nodes), failure=failure)


def _merge(run: GraphRun, part: str, members: list[NodeRun]) -> NodeRun:
    """The nodes of a part as one, with the sum of what they hand back."""
    made = {output for node in members for output in node.outputs}
    inside = {node.name for node in members}
    reads = list(dict.fromkeys(read for node in members for read in _names(node) if read not in made))
    read_outside = {read for node in run.nodes if node.name not in inside for read in _names(node)}
    outputs = tuple(
        name for node in members for name in node.outputs if name in read_outside or name in run.outputs
    )
    # A graph has inputs, also where the part reads nothing.
    graph = Graph(*(reads or ["nothing"]), outputs=outputs or members[-1].outputs)
    graph.nodes |= {node.name: node for node in members}

    def total(kind: str, read: str) -> Tensor | None:
        parts = [
            tensor
            for node in members
            for source, tensor in zip(node.reads, getattr(node, kind), strict=True)
            if source == read and tensor is not None
        ]
        return functools.reduce(torch.add, parts) if parts else None

    return NodeRun(
        name=part,
        module=graph,
        reads=tuple(reads),
        outputs=graph.outputs,
        around=members[0].around[: members[0].around.index(part)],
        handed=tuple(total("handed", read) for read in reads),
        locals=_locals(run, graph, reads, outputs),
        numeric=tuple(total("numeric", read) for read in reads),
        members=tuple(members),
    )


def _names(node: NodeRun) -> Iterator[str]:
    """What a node reads but plain numbers."""
    return (read for read in node.reads if isinstance(read, str))


def _locals(
    run: GraphRun, part: Graph, reads: list[str], outputs: tuple[str, ...]
) -> tuple[Tensor | None, ...]:
    """∂output/∂read through the whole part, where all are numbers: the part's own backward pass, from 1."""
    nothing = (None,) * len(reads)
    around = [*outputs, *reads]
    if len(outputs) != 1 or any(name not in run.values or run.values[name].dim() for name in around):
        return nothing
    if not all(finite(run.values[name]) for name in around) or not any(name in run.grads for name in outputs):
        return nothing
    part.save(**run.values)
    part.output_shapes = (torch.Size(()),)
    try:
        return as_tuple(part.backward(torch.ones_like(run.values[outputs[0]])))[: len(reads)]
    except Exception:  # the run has shown the error of a student's backward already
        return nothing
