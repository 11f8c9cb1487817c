"""Describing: a run's nodes, values, parameters and parts as plain numbers and words."""

import functools
from collections import Counter, defaultdict
from collections.abc import Collection

import torch
from torch import Tensor

from course.checking.finding import at, index_of_largest
from course.explorer import wording
from course.explorer.running import GraphRun, NodeRun, ParameterUse, arguments, finite, source_name
from course.explorer.trace import Array, TracedNode, TracedParameter, TracedPart, TracedRead, TracedValue


class Description:
    """What a trace holds of a run, but for its steps; each tensor's numbers are read once."""

    def __init__(self, run: GraphRun) -> None:
        self.run = run
        labels = [self.label(name) for name in run.outputs]
        self.output_label = labels[0] if len(labels) == 1 else "L"
        """What all gradients are gradients of."""
        self.shared_keys = _shared_keys(run)
        """The key of each parameter that several nodes share, by the parameter's id."""
        self._arrays: dict[int, tuple[Tensor, Array]] = {}
        self.nodes = {node.name: self._node(node) for node in run.nodes}
        self.shared = self._shared()
        """The parameters that several nodes share: drawn once, away from the nodes."""

    def label(self, name: str) -> str:
        """A value, node or part as it is written."""
        return wording.display_name(self.run.labels.get(name, name))

    def operand(self, read: str | float) -> str:
        """What a node reads, as it is written: a value's label or a plain number."""
        return self.label(read) if isinstance(read, str) else wording.number_text(read)

    def array(self, tensor: Tensor) -> Array:
        """A tensor's numbers; most tensors come many times: as a value, as what is handed on, as a sum."""
        if id(tensor) not in self._arrays:
            self._arrays[id(tensor)] = tensor, Array.of(tensor)  # with the tensor, whose id must stay its own
        return self._arrays[id(tensor)][1]

    def maybe_array(self, tensor: Tensor | None) -> Array | None:
        """The numbers of a tensor that may be missing."""
        return None if tensor is None else self.array(tensor)

    def values(self) -> dict[str, TracedValue]:
        """Every input and every node's output, by name."""
        run = self.run
        readers = Counter(read.source for node in self.nodes.values() for read in node.reads)
        return {
            name: TracedValue(
                name=name,
                label=self.label(name),
                value=self.maybe_array(run.values.get(name)),
                grad=self.maybe_array(run.grads.get(name)),
                readers=readers[name],
                wrong=self.wrong_sum(name),
            )
            for name in (*run.inputs, *(output for node in run.nodes for output in node.outputs))
        }

    def wrong_sum(self, name: str) -> str:
        """In check mode, a value's gradient against the sum of its paths; empty where they agree.

        They differ where a student's own graph sums the gradients of a fan-out wrongly.
        """
        if not self.run.checked or name not in self.run.grads:
            return ""
        parts = [
            grad
            for node in self.run.nodes
            for source, grad in zip(node.reads, node.handed, strict=True)
            if source == name and grad is not None
        ]
        parts += [self.run.seeds[name]] if name in self.run.seeds else []
        if not parts:
            return ""
        return difference_text(
            self.run.grads[name], functools.reduce(torch.add, parts), "the paths add up to"
        )

    def parameter_key(self, node: NodeRun, use: ParameterUse) -> str:
        """The key of a parameter in the trace: a shared one has one for all its nodes."""
        return self.shared_keys.get(id(use.parameter)) or f"{node.name}.{use.name}"

    def _shared(self) -> tuple[TracedParameter, ...]:
        uses: dict[str, list[ParameterUse]] = defaultdict(list)
        for node in self.run.nodes:
            for use in node.uses:
                if id(use.parameter) in self.shared_keys:
                    uses[self.parameter_key(node, use)].append(use)
        return tuple(
            TracedParameter(
                key=key,
                name=key.removeprefix("shared."),
                value=self.array(same[0].parameter.value),
                grad=self.array(functools.reduce(torch.add, map(added, same))),
                uses=len(same),
            )
            for key, same in uses.items()
        )

    def _own(self, node: NodeRun) -> tuple[TracedParameter, ...]:
        """The parameters that only this node uses."""
        return tuple(
            TracedParameter(
                key=f"{node.name}.{use.name}",
                name=use.name,
                value=self.array(use.parameter.value),
                grad=self.array(added(use)),
                wrong=wrong_use(use),
            )
            for use in node.uses
            if id(use.parameter) not in self.shared_keys
        )

    def _node(self, node: NodeRun) -> TracedNode:
        op = self._op(node)
        constants = [None if isinstance(read, str) else wording.number_text(read) for read in node.reads]
        operands = [self.label(read) if isinstance(read, str) else None for read in node.reads]
        keys = [self.shared_keys.get(id(use.parameter)) for use in node.uses]
        note, note_phase = self._note(node)
        return TracedNode(
            id=node.name,
            label=self.label(node.name),
            op=op,
            sign=op if node.members else wording.sign(op, arguments(node.module), operands, constants),
            reads=self._reads(node),
            outputs=node.outputs,
            parameters=self._own(node),
            shared=tuple(dict.fromkeys(key for key in keys if key is not None)),
            around=node.around,
            folds=len(node.members),
            note=note,
            note_phase=note_phase,
        )

    def _op(self, node: NodeRun) -> str:
        """What the node does: a module's symbol or class, a folded part's name."""
        return self.label(node.name) if node.members else node.module.symbol or source_name(node.module)

    def _reads(self, node: NodeRun) -> tuple[TracedRead, ...]:
        names = dict(zip(arguments(node.module), map(self.operand, node.reads), strict=False))
        names["out"] = self.label(node.outputs[0])
        symbols = node.module.local if len(node.module.local) == len(node.reads) else ("",) * len(node.reads)
        return tuple(
            TracedRead(
                source=read if isinstance(read, str) else None,
                constant=None if isinstance(read, str) else float(read),
                symbol=wording.substitute(symbol, names),
                local=self.maybe_array(local),
                contribution=self.maybe_array(grad) if isinstance(read, str) else None,
                wrong="" if grad is None or numeric is None else difference_text(grad, numeric),
            )
            for read, symbol, local, grad, numeric in zip(
                node.reads, symbols, node.locals, node.handed, node.numeric, strict=True
            )
        )

    def _note(self, node: NodeRun) -> tuple[str, str]:
        """What is wrong at a node, and the phase of the step that shows it; both empty where nothing is."""
        failure, values, grads = self.run.failure, self.run.values, self.run.grads
        if failure is not None and failure.node == node.name:
            return failure.message, "failure"
        made = [values[name] for name in node.outputs if name in values and values[name].is_floating_point()]
        read = [values[name] for name in node.reads if isinstance(name, str) and name in values]
        if all(map(finite, read)) and not all(map(finite, made)):
            what = "NaN" if any(value.isnan().any() for value in made) else "an infinite number"
            return f"here {what} appears first", "forward"
        arriving = [grads[name] for name in node.outputs if name in grads]
        handed = [grad for grad in node.handed if grad is not None]
        if all(map(finite, [*made, *arriving])) and not all(map(finite, handed)):
            return "here the gradient stops being finite", "backward"
        return "", ""

    def parts(self, whole: GraphRun, folded: Collection[str]) -> tuple[TracedPart, ...]:
        """All parts of the unfolded run, and which of them are folded now."""
        around = {node.name: node.around for node in whole.nodes}
        return tuple(
            TracedPart(
                id=part,
                label=self.label(part),
                size=len(members),
                folded=part in folded,
                around=around[members[0]][: around[members[0]].index(part)],
            )
            for part, members in whole.parts.items()
        )


def _shared_keys(run: GraphRun) -> dict[int, str]:
    keys: dict[int, str] = {}
    for node in run.nodes:
        for use in node.uses:
            if run.shared[id(use.parameter)] > 1 and id(use.parameter) not in keys:
                taken = f"shared.{use.name}" in keys.values()
                keys[id(use.parameter)] = f"shared.{node.name}.{use.name}" if taken else f"shared.{use.name}"
    return keys


def added(use: ParameterUse) -> Tensor:
    """What a node adds to a parameter's gradient; zeros where no gradient arrives."""
    return torch.zeros_like(use.parameter.value) if use.added is None else use.added


def wrong_use(use: ParameterUse) -> str:
    """In check mode, a parameter's gradient against the numeric one; empty where they agree."""
    return "" if use.numeric is None or use.added is None else difference_text(use.added, use.numeric)


def difference_text(yours: Tensor, true: Tensor, of: str = "numeric") -> str:
    """Where a gradient is furthest from the true one, and both numbers; empty where they agree.

    A true number that is nan was not measured. Central differences in float64 are right to about seven
    digits, hence the bounds.
    """
    gap = (yours - true).abs().nan_to_num(nan=0.0)
    known = true[~true.isnan()].abs()
    bound = 1e-6 + 1e-4 * (known.max().item() if known.numel() else 0.0)
    if not bool((gap > bound).any()):
        return ""
    index = index_of_largest(gap.cpu().numpy())
    numbers = [wording.number_text(tensor[index].item()) for tensor in (yours, true)]
    return f"{at(index)} yours {numbers[0]}, {of} {numbers[1]}".lstrip()
