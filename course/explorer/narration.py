"""Narration: the steps of a run, forward and backward, each with a sentence that says its arithmetic."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from course.explorer import wording
from course.explorer.describing import Description, added, wrong_use
from course.explorer.running import NodeRun, ParameterUse, arguments
from course.explorer.trace import Array, TracedRead, TraceEvent

GIVEN = 150
"""More characters than this of the inputs' values make no sentence that anyone reads."""


def start_event(described: Description) -> TraceEvent:
    """What is there before the first step: inputs and parameters."""
    run = described.run
    shows = [(f"value:{name}", described.array(run.values[name])) for name in run.inputs]
    parameters = [parameter for node in described.nodes.values() for parameter in node.parameters]
    shows += [(f"value:{parameter.key}", parameter.value) for parameter in (*parameters, *described.shared)]
    given = ", ".join(
        f"{described.label(name)} = {described.array(run.values[name]).text}" for name in run.inputs
    )
    if len(given) > GIVEN:
        given = f"{len(run.inputs)} inputs"
    sentence = f"Given: {given}. Press Step to compute the first node."
    return TraceEvent(phase="start", shows=tuple(shows), sentence=sentence)


def narrate(described: Description) -> Iterator[TraceEvent]:
    """Every step: each node forward, the seed, each edge backward, and where a pass breaks off."""
    yield from _forward(described)
    if described.run.seeds:
        yield from _Backward(described).events()
    if described.run.failure is not None:
        yield _failure_event(described)


def _forward(described: Description) -> Iterator[TraceEvent]:
    values = described.run.values
    for node in described.run.nodes:
        if not all(name in values for name in node.outputs):
            return
        traced = described.nodes[node.name]
        arrays = {name: described.array(values[name]) for name in node.outputs}
        sentence = (
            f"{', '.join(map(described.label, arrays))} = {_formula(described, node)} = "
            f"{', '.join(array.text for array in arrays.values())}"
        )
        broken = traced.note_phase == "forward"
        yield TraceEvent(
            phase="forward",
            node=node.name,
            shows=tuple((f"value:{name}", array) for name, array in arrays.items()),
            sentence=f"{sentence}: {traced.note}" if broken else sentence,
            marks=(f"note:{node.name}",) if broken else (),
        )


def _formula(described: Description, node: NodeRun) -> str:
    """What a node computes, with the names of what it reads; then with numbers, where all of these are."""
    values, names, op = described.run.values, arguments(node.module), described.nodes[node.name].op
    formula = wording.applied(op, names, [described.operand(read) for read in node.reads])
    reads = [values[read] if isinstance(read, str) else torch.tensor(read) for read in node.reads]
    if not reads or any(value.dim() for value in reads):
        return formula
    return f"{formula} = {wording.applied(op, names, [wording.number_text(value.item()) for value in reads])}"


def _failure_event(described: Description) -> TraceEvent:
    failure = described.run.failure
    assert failure is not None
    where, marks = "the graph", ()
    if failure.node:
        where = f"{described.label(failure.node)} ({described.nodes[failure.node].op})"
        marks = (f"note:{failure.node}",)
    sentence = f"{failure.phase} of {where} breaks off: {failure.message}"
    return TraceEvent(phase="failure", node=failure.node, sentence=sentence, marks=marks)


class _Backward:
    """The steps back, with the sums so far of every gradient."""

    def __init__(self, described: Description) -> None:
        self.described, self.run = described, described.run
        self.sums: dict[str, Tensor] = dict(self.run.seeds)
        self.parameter_sums: dict[str, Tensor] = {}
        self.done = Counter(self.run.seeds.keys())
        """How many paths have added to a value's gradient."""
        self.paths = self.done + Counter(path.name for node in self.run.nodes for path in _paths(node))

    def events(self) -> Iterator[TraceEvent]:
        """The seed, each edge from the last node to the first, and the inputs that no path leads from."""
        yield self._seed()
        for node in reversed(self.run.nodes):
            uses = [use for use in node.uses if use.added is not None]
            for path in _paths(node):
                yield self._edge(node, path, uses)
                uses = []  # the first edge has shown them
            if uses:
                yield self._dead_end(node, uses)
        if self.run.failure is None:
            yield from self._unreached()

    def _seed(self) -> TraceEvent:
        arrays = {name: self.described.array(seed) for name, seed in self.run.seeds.items()}
        if self.run.seeds_given:
            texts = " and ".join(array.text for array in arrays.values())
            reason = f"{texts}: the upstream gradient that was given"
        elif any(array.shape for array in arrays.values()):
            reason = "1 everywhere: backward starts at the output, here at the sum of its numbers"
        else:
            reason = "1: backward starts at the output, which changes one for one with itself"
        return TraceEvent(
            phase="backward",
            node=next((node.name for node in self.run.nodes if self.run.outputs[-1] in node.outputs), None),
            shows=tuple((f"grad:{name}", array) for name, array in arrays.items()),
            sentence=f"{' and '.join(map(self._derivative, arrays))} = {reason}",
        )

    def _edge(self, node: NodeRun, path: "_Path", uses: Sequence[ParameterUse]) -> TraceEvent:
        """A gradient comes back along one edge, and is added to the gradient of what was read."""
        position, name, grad = path
        traced, edge = self.described.nodes[node.name], f"{node.name}:{position}"
        read = traced.reads[position]
        assert read.contribution is not None
        total = self._add(name, grad)
        sentence = self._edge_sentence(node, name, read, total) + self._also(uses)
        marks = [f"wrong:{edge}"] if read.wrong else []
        marks += _parameter_marks(node, uses)
        if self.done[name] == self.paths[name] and (wrong := self.described.wrong_sum(name)):
            sentence += f". Wrong sum: {wrong}"
            marks.append(f"wrong:{name}")
        if position == 0 and traced.note_phase == "backward":
            sentence += f": {traced.note}"
            marks.append(f"note:{node.name}")
        shows = [] if read.local is None else [(f"local:{edge}", read.local)]
        shows += [
            (f"share:{edge}", read.contribution),
            (f"grad:{name}", total),
            *self._parameter_grads(node, uses),
        ]
        return TraceEvent(
            phase="backward",
            node=node.name,
            position=position,
            shows=tuple(shows),
            sentence=sentence,
            marks=tuple(marks),
        )

    def _add(self, name: str, grad: Tensor) -> Array:
        """A value's gradient with one more path in it."""
        self.sums[name] = _plus(self.sums.get(name), grad)
        self.done[name] += 1
        # The last path's total is what the graph itself has: a student's graph may have summed otherwise.
        is_last = self.done[name] == self.paths[name] and name in self.run.grads
        return self.described.array(self.run.grads[name] if is_last else self.sums[name])

    def _edge_sentence(self, node: NodeRun, name: str, read: TracedRead, total: Array) -> str:
        assert read.contribution is not None
        grads = self.run.grads
        upstream = [self.described.array(grads[output]) for output in node.outputs if output in grads]
        if read.local is not None:
            product = wording.product(upstream[0].text, _local_text(read), read.contribution.text)
        else:
            shapes = ", ".join(
                f"[{wording.shape_text(array.shape)}]" if array.shape else array.text for array in upstream
            )
            op = self.described.nodes[node.name].op
            product = wording.jacobian_product(shapes, op, read.symbol, read.contribution.text)
        wrong = f". Wrong: {read.wrong}" if read.wrong else ""
        sentence = wording.with_sum(
            self._derivative(name), product, total.text, which=self.done[name], paths=self.paths[name]
        )
        return sentence + wrong

    def _dead_end(self, node: NodeRun, uses: Sequence[ParameterUse]) -> TraceEvent:
        """A gradient arrives at a node that hands nothing on, but has parameters."""
        label = self.described.nodes[node.name].label
        return TraceEvent(
            phase="backward",
            node=node.name,
            shows=self._parameter_grads(node, uses),
            sentence=f"The gradient that arrives at {label} ends in its parameters{self._also(uses)}",
            marks=tuple(_parameter_marks(node, uses)),
        )

    def _unreached(self) -> Iterator[TraceEvent]:
        """The inputs that nothing reads on the way to the output."""
        output = self.described.output_label
        for name in self.run.inputs:
            if name in self.run.grads and name not in self.sums:
                yield TraceEvent(
                    phase="backward",
                    shows=((f"grad:{name}", self.described.array(self.run.grads[name])),),
                    sentence=f"{self._derivative(name)} = 0: no path leads from it to {output}",
                )

    def _derivative(self, name: str) -> str:
        return wording.derivative(self.described.output_label, self.described.label(name))

    def _also(self, uses: Sequence[ParameterUse]) -> str:
        """The parameters whose gradients come with an edge."""
        if not uses:
            return ""
        names = []
        for use in uses:
            sign = " +=" if id(use.parameter) in self.described.shared_keys else ""
            wrong = f" ({wrong})" if (wrong := wrong_use(use)) else ""
            names.append(f"{wording.derivative(self.described.output_label, use.name)}{sign}{wrong}")
        return (
            f"; also {' and '.join(names)}"
            if len(names) < 3
            else (f"; also {', '.join(names[:-1])} and {names[-1]}")
        )

    def _parameter_grads(self, node: NodeRun, uses: Sequence[ParameterUse]) -> tuple[tuple[str, Array], ...]:
        """Each parameter's gradient after this node, with what later nodes have added to a shared one."""
        shows = []
        for use in uses:
            key = self.described.parameter_key(node, use)
            self.parameter_sums[key] = _plus(self.parameter_sums.get(key), added(use))
            shows.append((f"grad:{key}", self.described.array(self.parameter_sums[key])))
        return tuple(shows)


class _Path(NamedTuple):
    """A value that a node reads, at its position, and the gradient that the node hands back to it."""

    position: int
    name: str
    grad: Tensor


def _paths(node: NodeRun) -> Iterator[_Path]:
    """Where gradients flow back from a node."""
    for position, (read, grad) in enumerate(zip(node.reads, node.handed, strict=True)):
        if isinstance(read, str) and grad is not None:
            yield _Path(position, read, grad)


def _parameter_marks(node: NodeRun, uses: Sequence[ParameterUse]) -> list[str]:
    return [f"wrong:{node.name}.{use.name}" for use in uses if wrong_use(use)]


def _plus(held: Tensor | None, more: Tensor) -> Tensor:
    return more if held is None else held + more


def _local_text(read: TracedRead) -> str:
    """The local derivative in words: its symbol and its number, once when they are the same."""
    number = read.local.text if read.local is not None else ""
    if number and (not read.symbol or wording.is_number(read.symbol)):
        return number
    return f"{read.symbol} = {number}" if number else read.symbol
