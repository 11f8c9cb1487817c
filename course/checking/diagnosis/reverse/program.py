"""The steps of a true forward, and the reverse pass over them: as torch does it, or with some rules wrong."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from course.checking.diagnosis.reverse.elements import WORDS
from course.checking.diagnosis.reverse.record import record
from course.checking.diagnosis.reverse.step import Gradients, Step, flows
from course.checking.truth import Truth

MOST_STEPS = 150
"""Forwards with more steps than this are not taken apart: there is no time to try all their rules."""

MOST_NUMBERS = 20_000
"""Nor are those with larger tensors than this."""

SAME_NUMBERS = frozenset(
    ("expand", "view", "_unsafe_view", "clone", "alias", "unsqueeze", "squeeze", "_to_copy")
)
"""Steps that keep numbers and their order: a sentence calls the result as what it is made of."""

TURNED = frozenset(("t", "transpose", "permute"))
"""Steps that turn a tensor: where they are but a part of an expression, they have no name of their own."""

WrongRule = Callable[[Gradients], Mapping[int, Tensor]]
"""What a step hands on to some of its inputs, for the gradients that arrive; the others get what is right."""


class Program:
    """The steps of a true forward.

    Attributes:
        leaves: the number of each input's or parameter's value, by its name.
        values: all values through which a gradient flows.
        steps: the steps through which a gradient flows, in forward's order.
        arrived: by the number of a value, its true gradient.
        gradients: the true gradients of the inputs and parameters.
    """

    def __init__(self, truth: Truth, grad_outputs: Gradients | None = None) -> None:
        tensors, log, results = record(truth)
        upstream = truth.grad_outputs if grad_outputs is None else grad_outputs
        self.leaves = {name: number for number, name in enumerate(truth.tensors)}
        self.values = tensors
        self._tensors = [tensor for _, outputs in log for tensor in outputs]  # kept, so that ids stay unique
        numbers = {id(tensor): number for number, tensor in enumerate(self.values)}
        self.steps: list[Step] = []
        self._makers: dict[int, Step] = {}
        for step, outputs in log:
            step.link(numbers)
            if step.reads:
                self._append(step, outputs, numbers)
        self._ends = [(numbers.get(id(result)), grad) for result, grad in zip(results, upstream, strict=True)]
        self._name_places()
        self.arrived = self._pass({}, {})
        for step in self.steps:
            step.arrived = [None if n is None else self.arrived.get(n) for n in step.writes]
        self.steps = [step for step in self.steps if any(g is not None for g in step.arrived)]
        self.by_index = {step.index: step for step in self.steps}
        self.gradients = self._of_leaves(self.arrived)

    def _append(self, step: Step, outputs: Sequence[Any], numbers: dict[int, int]) -> None:
        if len(self.steps) == MOST_STEPS or any(tensor.numel() > MOST_NUMBERS for tensor in step.inputs):
            raise ValueError("forward is too large to be taken apart")
        step.index = len(self.steps)
        for tensor, recorded in zip(outputs, step.outputs, strict=True):
            step.writes.append(len(self.values) if flows(recorded) else None)
            if flows(recorded):
                numbers[id(tensor)] = len(self.values)
                self._makers[len(self.values)] = step
                self.values.append(tensor)
        if any(n is not None for n in step.writes):
            self.steps.append(step)

    def _name_places(self) -> None:
        """Where one expression makes steps of several kinds, each is called by what it does."""
        kinds: dict[str, set[str]] = {}
        for step in self.steps:
            if step.name not in SAME_NUMBERS:
                kinds.setdefault(step.quote, set()).add(step.name)
        self._shared = {quote for quote, names in kinds.items() if len(names) > 1}
        for step in self.steps:
            if step.quote in self._shared and step.name in WORDS:
                step.place = f"{WORDS[step.name]} in `{step.quote}`"
        reads = [number for step in self.steps for number in step.reads]
        read_once = frozenset(n for n in range(len(self.leaves)) if reads.count(n) == 1)
        for step in self.steps:
            step.read_once = read_once
            step.called = [self.called(number) for number in step.reads]

    def called(self, number: int) -> str:
        """What a value is called in a sentence."""
        if number < len(self.leaves):
            return list(self.leaves)[number]
        maker = self._makers[number]
        if maker.name in SAME_NUMBERS or (maker.name in TURNED and maker.quote in self._shared):
            return self.called(maker.reads[0])
        return maker.place

    def maker(self, number: int) -> Step | None:
        """The step that makes a value; None of an input or parameter."""
        return self._makers.get(number)

    def after(self, number: int, step: Step) -> bool:
        """Whether a value is made by a step, or after it."""
        maker = self.maker(number)
        return maker is not None and maker.index >= step.index

    def before(self, step: Step) -> set[int]:
        """The numbers of all values that a step depends on."""
        numbers = set(step.reads)
        for earlier in reversed(self.steps[: self.steps.index(step)]):
            if numbers.intersection(earlier.writes):
                numbers.update(earlier.reads)
        return numbers

    def leads(self, first: Step, last: Step) -> bool:
        """Whether the results of one step reach another."""
        return bool(self.before(last).intersection(first.writes))

    def run(self, wrong: Mapping[int, WrongRule]) -> dict[str, Tensor]:
        """The gradients of inputs and parameters when the steps of these numbers follow wrong rules."""
        return self._of_leaves(self.arrivals(wrong))

    def arrivals(self, wrong: Mapping[int, WrongRule]) -> dict[int, Tensor]:
        """What arrives at each value when the steps of these numbers follow wrong rules."""
        return self._pass(wrong, {})

    def run_with(self, step: Step, out: Tensor) -> dict[str, Tensor]:
        """The gradients when backward computes the result of a step wrongly, and all that follows from it."""
        number = step.writes[0]
        assert number is not None
        values = {number: out}
        at: dict[int, list[Tensor]] = {}
        for later in self.steps[self.steps.index(step) + 1 :]:
            if any(number in values for number in later.reads):
                pairs = zip(later.reads, later.inputs, strict=True)
                at[later.index] = [values.get(number, tensor) for number, tensor in pairs]
                results = later.compute(at[later.index])
                values |= {n: t for n, t in zip(later.writes, results, strict=True) if n is not None}
        return self._of_leaves(self._pass({}, at))

    def _pass(self, wrong: Mapping[int, WrongRule], at: Mapping[int, Sequence[Tensor]]) -> dict[int, Tensor]:
        """What arrives at each value, by torch.autograd through the steps.

        Args:
            wrong: by the number of a step, a wrong rule in the place of torch's.
            at: by the number of a step, the inputs at which its derivative is taken.
        """
        values = {number: self.values[number].detach().requires_grad_() for number in self.leaves.values()}
        with torch.enable_grad():
            for step in self.steps:
                inputs = [values[number] for number in step.reads]
                if step.index in wrong or step.index in at:
                    results = _ByRule.apply(step, wrong.get(step.index), at.get(step.index), *inputs)
                else:
                    results = step.compute(inputs)
                values |= {n: result for n, result in zip(step.writes, results, strict=True) if n is not None}
        pairs = [(values[n], grad) for n, grad in self._ends if n in values and grad is not None]
        if not pairs:
            return {}
        grads = torch.autograd.grad(
            [value for value, _ in pairs],
            list(values.values()),
            [grad for _, grad in pairs],
            allow_unused=True,
        )
        return {number: grad for number, grad in zip(values, grads, strict=True) if grad is not None}

    def _of_leaves(self, arrived: Mapping[int, Tensor]) -> dict[str, Tensor]:
        return {
            name: arrived[number] if number in arrived else torch.zeros_like(self.values[number])
            for name, number in self.leaves.items()
        }

    def tangents(self, name: str, direction: Tensor) -> dict[int, Tensor]:
        """How each value moves when an input or parameter moves in a direction."""
        moving = {self.leaves[name]: direction}
        for step in self.steps:
            if any(number in moving for number in step.reads):
                along = [
                    moving[number] if number in moving else torch.zeros_like(tensor)
                    for number, tensor in zip(step.reads, step.inputs, strict=True)
                ]
                for number, tangent in zip(step.writes, step.push_forward(along), strict=True):
                    if number is not None and tangent is not None:
                        moving[number] = tangent
        return moving


class _ByRule(torch.autograd.Function):
    """A step whose derivative is another than torch's."""

    @staticmethod
    def forward(
        ctx: Any, step: Step, rule: WrongRule | None, at: Sequence[Tensor] | None, *inputs: Tensor
    ) -> tuple[Any, ...]:
        del inputs  # they are those that the step has
        ctx.step, ctx.rule, ctx.at = step, rule, at
        ctx.set_materialize_grads(False)
        return tuple(out.detach().clone() if isinstance(out, Tensor) else out for out in step.outputs)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Any, ...]:
        handed = dict(enumerate(ctx.step.pull_back(grads, ctx.at)))
        if ctx.rule is not None:
            handed |= ctx.rule(grads)
        return (None, None, None, *(handed[position] for position in range(len(handed))))
