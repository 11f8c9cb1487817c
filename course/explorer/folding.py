"""Folding: parts of a run as single nodes, each one step that shows its vector–Jacobian product."""

import functools
from collections.abc import Collection
from dataclasses import replace

import torch
from torch import Tensor

from course.explorer.running import GraphRun, NodeRun, finite
from course.module import as_tuple

MANY = 40
"""More nodes than this do not fit on a slide: parts are folded until there are no more, or none are left."""


def automatic(run: GraphRun) -> set[str]:
    """The parts to fold at first: the innermost ones that are enough, outer ones where they are not."""
    if len(run.calls) <= MANY:
        return set()
    depth = {part: next(call.around for call in run.calls if part in call.around).index(part) for part in run.parts}
    for level in range(max(depth.values(), default=0), -1, -1):
        folded = {part for part in run.parts if depth[part] == level}
        if folded and len(fold(run, folded).calls) <= MANY:
            return folded
    return {part for part in run.parts if depth[part] == 0}


def fold(run: GraphRun, folded: Collection[str]) -> GraphRun:
    """The run with these parts as single nodes; within a folded part nothing else counts."""
    if not folded:
        return run
    calls: list[NodeRun] = []
    pending: list[NodeRun] = []
    open_part = ""
    for call in run.calls:
        part = next((part for part in call.around if part in folded), "")
        if part != open_part and pending:
            calls.append(_merge(run, open_part, pending))
            pending = []
        open_part = part
        if part:
            pending.append(call)
        else:
            calls.append(call)
    if pending:
        calls.append(_merge(run, open_part, pending))
    failure = run.failure
    if failure is not None and failure.node is not None:
        around = next(call.around for call in run.calls if call.name == failure.node)
        part = next((part for part in around if part in folded), None)
        if part:
            failure = replace(failure, node=part, message=f"{run.labels.get(failure.node, failure.node)}: {failure.message}")
    return replace(run, calls=tuple(calls), failure=failure)


def _merge(run: GraphRun, part: str, members: list[NodeRun]) -> NodeRun:
    made = {output for call in members for output in call.outputs}
    reads = list(dict.fromkeys(read for call in members for read in call.reads if isinstance(read, str) and read not in made))
    inside = {call.name for call in members}
    read_outside = {read for call in run.calls if call.name not in inside for read in call.reads if isinstance(read, str)}
    outputs = tuple(output for call in members for output in call.outputs if output in read_outside or output in run.outputs)
    around = members[0].around[: members[0].around.index(part)]

    def total(kind: str, read: str) -> Tensor | None:
        parts = [
            tensor
            for call in members
            for source, tensor in zip(call.reads, getattr(call, kind), strict=True)
            if source == read and tensor is not None
        ]
        return functools.reduce(torch.add, parts) if parts else None

    return NodeRun(
        part, None, tuple(reads), outputs or members[-1].outputs, around,
        tuple(total("handed", read) for read in reads),
        _locals(run, members, reads, outputs),
        tuple(total("numeric", read) for read in reads),
        members=tuple(members),
    )  # fmt: skip


def _locals(run: GraphRun, members: list[NodeRun], reads: list[str], outputs: tuple[str, ...]) -> tuple[Tensor | None, ...]:
    """∂output/∂read through the whole part, where all of them are numbers: its own small backward pass from 1."""
    nothing = (None,) * len(reads)
    around = [*outputs, *reads]
    if len(outputs) != 1 or any(name not in run.values or run.values[name].dim() for name in around):
        return nothing
    if not all(finite(run.values[name]) for name in around) or not any(name in run.grads for name in outputs):
        return nothing
    parts: dict[str, list[Tensor]] = {outputs[0]: [torch.ones_like(run.values[outputs[0]])]}
    with torch.no_grad():
        for call in reversed(members):
            if call.module is None or not any(name in parts for name in call.outputs):
                continue
            arriving = [sum(parts.get(name, []), torch.zeros_like(run.values[name])) for name in call.outputs]
            try:
                handed = as_tuple(call.module.backward(*arriving))
            except Exception:  # a student's backward that fails has been told of
                return nothing
            for read, grad in zip(call.reads, handed, strict=True):
                if isinstance(read, str) and grad is not None:
                    parts.setdefault(read, []).append(grad)
    return tuple(functools.reduce(torch.add, parts[read]) if read in parts else None for read in reads)
