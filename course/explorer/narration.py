"""Telling: a run as a trace, with the sentence of each step."""

from collections import Counter
from collections.abc import Iterator

import torch
from torch import Tensor

from course.explorer import wording
from course.explorer.running import GraphRun, NodeRun, ParameterUse, arguments, finite, source_name
from course.explorer.trace import Array, Trace, TracedNode, TracedParameter, TracedPart, TracedRead, TracedValue, TraceEvent


def tell(run: GraphRun, whole: GraphRun, folded: frozenset[str]) -> Trace:
    """The trace of `run`, which is `whole` with the parts of `folded` folded."""
    return _Teller(run, whole, folded).trace()


class _Teller:
    def __init__(self, run: GraphRun, whole: GraphRun, folded: frozenset[str]) -> None:
        self.run, self.whole, self.folded = run, whole, folded
        labels = [self.label(name) for name in run.outputs]
        self.of = labels[0] if len(labels) == 1 else "L"
        self.keys = self._shared_keys()
        self.arrays: dict[int, tuple[Tensor, Array]] = {}
        self.nodes = {call.name: self._node(call) for call in run.nodes}

    def trace(self) -> Trace:
        run = self.run
        events = [*self._forward(), *self._backward()]
        if run.failure is not None:
            events = self._failed(events)
        return Trace(
            run.inputs, run.outputs, tuple(self.nodes.values()), self._values(), self._start(), tuple(events),
            tuple(self._shared()), tuple(self._parts()), run.failure.message if run.failure else "", run.checked,
        )  # fmt: skip

    def label(self, name: str) -> str:
        return wording.display_name(self.run.labels.get(name, name))

    def _values(self) -> dict[str, TracedValue]:
        readers = Counter(read.source for node in self.nodes.values() for read in node.reads)
        shown = [*self.run.inputs, *(output for call in self.run.nodes for output in call.outputs)]
        found = {}
        for name in shown:
            value, grad = self.run.values.get(name), self.run.grads.get(name)
            grad = None if grad is None else self._array(grad)
            wrong = self._wrong_sum(name)
            found[name] = TracedValue(
                name, self.label(name), None if value is None else self._array(value), grad, readers[name], wrong
            )
        return found

    def _wrong_sum(self, name: str) -> str:
        """Where a student's own graph sums the gradients of a fan-out: what it made of it, against the sum of the paths."""
        if not self.run.checked or name not in self.run.grads:
            return ""
        parts = [
            grad
            for call in self.run.nodes
            for source, grad in zip(call.reads, call.handed, strict=True)
            if source == name and grad is not None
        ]
        parts += [self.run.seeds[name]] if name in self.run.seeds else []
        return differ(self.run.grads[name], sum(parts[1:], parts[0]), "the paths add up to") if parts else ""

    def _parts(self) -> Iterator[TracedPart]:
        for part, members in self.whole.parts.items():
            around = next(call.around for call in self.whole.nodes if call.name == members[0])
            yield TracedPart(part, self.label(part), len(members), part in self.folded, around[: around.index(part)])

    # Parameters: those that several nodes share are drawn once, away from the nodes.

    def _shared_keys(self) -> dict[int, str]:
        keys: dict[int, str] = {}
        for call in self.run.nodes:
            for use in call.uses:
                if self.run.shared[id(use.parameter)] > 1 and id(use.parameter) not in keys:
                    taken = f"shared.{use.name}" in keys.values()
                    keys[id(use.parameter)] = f"shared.{call.name}.{use.name}" if taken else f"shared.{use.name}"
        return keys

    def _shared(self) -> Iterator[TracedParameter]:
        seen = set()
        for call in self.run.nodes:
            for use in call.uses:
                key = self.keys.get(id(use.parameter))
                if key is not None and key not in seen:
                    seen.add(key)
                    others = [other for c in self.run.nodes for other in c.uses if other.parameter is use.parameter]
                    added = [other.added for other in others if other.added is not None]
                    total = sum(added[1:], added[0]) if added else torch.zeros_like(use.parameter.value)
                    value = self._array(use.parameter.value)
                    yield TracedParameter(key, key.removeprefix("shared."), value, self._array(total), len(others))

    def _own(self, call: NodeRun) -> tuple[TracedParameter, ...]:
        return tuple(
            TracedParameter(
                f"{call.name}.{use.name}",
                use.name,
                self._array(use.parameter.value),
                self._array(_added(use)),
                1,
                _wrong_use(use),
            )
            for use in call.uses
            if id(use.parameter) not in self.keys
        )

    # Nodes

    def _node(self, call: NodeRun) -> TracedNode:
        names, op = self._names(call), self._op(call)
        constants = [None if isinstance(read, str) else wording.number_text(read) for read in call.reads]
        operands = [self.label(read) if isinstance(read, str) else None for read in call.reads]
        symbols = call.module.local
        symbols = symbols if len(symbols) == len(call.reads) else ("",) * len(call.reads)
        reads = tuple(
            TracedRead(
                read if isinstance(read, str) else None,
                None if isinstance(read, str) else float(read),
                wording.substitute(symbol, names),
                None if local is None else self._array(local),
                None if grad is None or not isinstance(read, str) else self._array(grad),
                "" if grad is None or numeric is None else differ(grad, numeric),
            )
            for read, symbol, local, grad, numeric in zip(
                call.reads, symbols, call.locals, call.handed, call.numeric, strict=True
            )
        )
        shown = op if call.members else wording.sign(op, arguments(call.module), operands, constants)
        shared = tuple(dict.fromkeys(self.keys[id(use.parameter)] for use in call.uses if id(use.parameter) in self.keys))
        label = self.label(call.name)
        return TracedNode(
            call.name, label, op, shown, reads, call.outputs, self._own(call), shared, call.around, len(call.members),
            self._note(call),
        )  # fmt: skip

    def _op(self, call: NodeRun) -> str:
        if call.members:
            return self.label(call.name)
        return call.module.symbol or source_name(call.module)

    def _names(self, call: NodeRun) -> dict[str, str]:
        names = dict(zip(arguments(call.module), map(self._operand, call.reads), strict=False))
        return names | {"out": self.label(call.outputs[0])}

    def _operand(self, read: str | float) -> str:
        return self.label(read) if isinstance(read, str) else wording.number_text(read)

    def _note(self, call: NodeRun) -> str:
        """What is wrong at a node: the pass broke off here, or a number here is the first that is not finite."""
        failure, values = self.run.failure, self.run.values
        if failure is not None and failure.node == call.name:
            return failure.message
        made = [values[name] for name in call.outputs if name in values and values[name].is_floating_point()]
        read = [values[name] for name in call.reads if isinstance(name, str) and name in values]
        if all(map(finite, read)) and not all(map(finite, made)):
            what = "NaN" if any(value.isnan().any() for value in made) else "an infinite number"
            return f"here {what} appears first"
        arriving = [self.run.grads[name] for name in call.outputs if name in self.run.grads]
        handed = [grad for grad in call.handed if grad is not None]
        if all(map(finite, [*made, *arriving])) and not all(map(finite, handed)):
            return "here the gradient stops being finite"
        return ""

    # Events

    def _start(self) -> TraceEvent:
        run = self.run
        shows = [(f"value:{name}", self._array(run.values[name])) for name in run.inputs]
        for node in self.nodes.values():
            shows += [(f"value:{found.key}", found.value) for found in node.parameters]
        shows += [(f"value:{found.key}", found.value) for found in self._shared()]
        given = ", ".join(f"{self.label(name)} = {self._text(name)}" for name in run.inputs)
        if len(given) > 150:
            given = f"{len(run.inputs)} inputs"
        return TraceEvent("start", None, None, tuple(shows), f"Given: {given}. Press Step to compute the first node.")

    def _array(self, tensor: Tensor) -> Array:
        """A tensor's numbers: most tensors are told of many times, as a value, as what is handed on, and as its sum."""
        if id(tensor) not in self.arrays:
            self.arrays[id(tensor)] = tensor, Array.of(tensor)  # with the tensor, whose id must stay its own
        return self.arrays[id(tensor)][1]

    def _text(self, name: str) -> str:
        """A value's numbers in short."""
        return self._array(self.run.values[name]).text

    def _forward(self) -> Iterator[TraceEvent]:
        for call in self.run.nodes:
            if not all(name in self.run.values for name in call.outputs):
                return
            names, op = arguments(call.module), self.nodes[call.name].op
            left = ", ".join(map(self.label, call.outputs))
            formula = wording.applied(op, names, [self._operand(read) for read in call.reads])
            reads = [self.run.values[read] if isinstance(read, str) else torch.tensor(read) for read in call.reads]
            if reads and all(value.dim() == 0 for value in reads):
                numbers = [wording.number_text(value.item()) for value in reads]
                formula += f" = {wording.applied(op, names, numbers)}"
            result = ", ".join(self._text(output) for output in call.outputs)
            note = self.nodes[call.name].note
            warning = f": {note}" if note.startswith("here") and "gradient" not in note else ""
            shows = tuple((f"value:{output}", self._array(self.run.values[output])) for output in call.outputs)
            marks = (f"note:{call.name}",) if warning else ()
            yield TraceEvent("forward", call.name, None, shows, f"{left} = {formula} = {result}{warning}", marks)

    def _backward(self) -> Iterator[TraceEvent]:
        run = self.run
        if not run.seeds:
            return
        sums: dict[str, Tensor] = dict(run.seeds)
        added: dict[str, Tensor] = {}
        done = Counter(run.seeds.keys())
        paths = done + Counter(
            read
            for call in run.nodes
            for read, part in zip(call.reads, call.handed, strict=True)
            if isinstance(read, str) and part is not None
        )
        yield self._seed()
        for call in reversed(run.nodes):
            node = self.nodes[call.name]
            waiting = [use for use in call.uses if use.added is not None]
            for position, (read, part) in enumerate(zip(call.reads, call.handed, strict=True)):
                if not isinstance(read, str) or part is None:
                    continue
                sums[read] = _plus(sums.get(read), part)
                done[read] += 1
                place = (done[read], paths[read])
                # The last path's total is what the graph itself has: a student's graph may have summed otherwise.
                total = (
                    self._array(run.grads[read]) if done[read] == paths[read] and read in run.grads else self._array(sums[read])
                )
                sentence = self._edge_sentence(call, node.reads[position], total, place) + self._also(waiting)
                marks = [f"wrong:{node.id}:{position}"] if node.reads[position].wrong else []
                marks += [f"wrong:{node.id}.{use.name}" for use in waiting if _wrong_use(use)]
                if done[read] == paths[read] and (wrong := self._wrong_sum(read)):
                    sentence += f". Wrong sum: {wrong}"
                    marks.append(f"wrong:{read}")
                if position == 0 and "gradient" in node.note:
                    sentence += f": {node.note}"
                    marks.append(f"note:{node.id}")
                shows = _edge_shows(node, position, total) + self._grads(call, waiting, added)
                waiting = []
                yield TraceEvent("backward", call.name, position, shows, sentence, tuple(marks))
            if waiting:
                sentence = f"The gradient that arrives at {node.label} ends in its parameters" + self._also(waiting)
                marks = [f"wrong:{node.id}.{use.name}" for use in waiting if _wrong_use(use)]
                yield TraceEvent("backward", call.name, None, self._grads(call, waiting, added), sentence, tuple(marks))
        for name in run.inputs:
            if name in run.grads and name not in sums and run.failure is None:
                shows = ((f"grad:{name}", self._array(self.run.grads[name])),)
                yield TraceEvent("backward", None, None, shows, f"{self._by(name)} = 0: no path leads from it to {self.of}")

    def _failed(self, events: list[TraceEvent]) -> list[TraceEvent]:
        failure = self.run.failure
        assert failure is not None
        place = f"{self.label(failure.node)} ({self.nodes[failure.node].op})" if failure.node else "the graph"
        marks = (f"note:{failure.node}",) if failure.node else ()
        told = TraceEvent("failure", failure.node, None, (), f"{failure.phase} of {place} breaks off: {failure.message}", marks)
        return [*events, told]

    def _seed(self) -> TraceEvent:
        arrays = {name: self._array(seed) for name, seed in self.run.seeds.items()}
        labels = " and ".join(map(self._by, arrays))
        if self.run.seeds_given:
            reason = f"{' and '.join(array.text for array in arrays.values())}: the upstream gradient that was given"
        elif any(array.shape for array in arrays.values()):
            reason = "1 everywhere: backward starts at the output, here at the sum of its numbers"
        else:
            reason = "1: backward starts at the output, which changes one for one with itself"
        last = next((node.id for node in self.nodes.values() if self.run.outputs[-1] in node.outputs), None)
        shows = tuple((f"grad:{name}", array) for name, array in arrays.items())
        return TraceEvent("backward", last, None, shows, f"{labels} = {reason}")

    def _by(self, name: str) -> str:
        return wording.derivative(self.of, self.label(name))

    def _also(self, uses: list[ParameterUse]) -> str:
        if not uses:
            return ""
        said = []
        for use in uses:
            sign = " +=" if id(use.parameter) in self.keys else ""
            said.append(f"∂{self.of}/∂{use.name}{sign}" + (f" ({wrong})" if (wrong := _wrong_use(use)) else ""))
        return f"; also {' and '.join(said)}" if len(said) < 3 else f"; also {', '.join(said[:-1])} and {said[-1]}"

    def _grads(self, call: NodeRun, uses: list[ParameterUse], added: dict[str, Tensor]) -> tuple[tuple[str, Array], ...]:
        """Each parameter's gradient after this node: its own, or with what later nodes have added to a shared one."""
        shows = []
        for use in uses:
            shared = self.keys.get(id(use.parameter))
            key = shared or f"{call.name}.{use.name}"
            added[key] = _plus(added.get(key), _added(use))
            shows.append((f"grad:{key}", self._array(added[key])))
        return tuple(shows)

    def _edge_sentence(self, call: NodeRun, read: TracedRead, total: Array, place: tuple[int, int]) -> str:
        assert read.source is not None
        assert read.contribution is not None
        node = self.nodes[call.name]
        upstream = [self._array(self.run.grads[name]) for name in call.outputs if name in self.run.grads]
        if read.local is not None:
            product = wording.product(upstream[0].text, local_text(read), read.contribution.text)
        else:
            shapes = ", ".join(f"[{wording.shape_text(array.shape)}]" if array.shape else array.text for array in upstream)
            product = wording.jacobian_product(shapes, node.op, read.symbol, read.contribution.text)
        wrong = f". Wrong: {read.wrong}" if read.wrong else ""
        return wording.with_sum(self._by(read.source), product, total.text, place) + wrong


def local_text(read: TracedRead) -> str:
    """The local derivative in words: its symbol and its number, once when they are the same."""
    number = read.local.text if read.local is not None else ""
    if number and (not read.symbol or wording.is_number(read.symbol)):
        return number
    return f"{read.symbol} = {number}" if number else read.symbol


def differ(yours: Tensor, true: Tensor, of: str = "numeric") -> str:
    """Where a gradient is furthest from the true one (nan: not measured), both numbers; empty where they agree.

    Central differences in float64 are right to about seven digits, hence the bounds.
    """
    gap = (yours - true).abs().nan_to_num(nan=0.0)
    known = true[~true.isnan()].abs()
    bound = 1e-6 + 1e-4 * (known.max().item() if known.numel() else 0.0)
    if not bool((gap > bound).any()):
        return ""
    flat = int(gap.flatten().argmax())
    index = [int(part) for part in torch.unravel_index(torch.tensor(flat), yours.shape)] if yours.dim() else []
    numbers = (wording.number_text(tensor.flatten()[flat].item()) for tensor in (yours, true))
    where = f"at [{', '.join(map(str, index))}] " if index else ""
    return where + f"yours {next(numbers)}, {of} {next(numbers)}"


def _wrong_use(use: ParameterUse) -> str:
    return "" if use.numeric is None or use.added is None else differ(use.added, use.numeric)


def _added(use: ParameterUse) -> Tensor:
    return torch.zeros_like(use.parameter.value) if use.added is None else use.added


def _plus(held: Tensor | None, more: Tensor) -> Tensor:
    return more if held is None else held + more


def _edge_shows(node: TracedNode, position: int, total: Array) -> tuple[tuple[str, Array], ...]:
    read, edge = node.reads[position], f"{node.id}:{position}"
    assert read.contribution is not None
    local = () if read.local is None else ((f"local:{edge}", read.local),)
    return (*local, (f"share:{edge}", read.contribution), (f"grad:{read.source}", total))
