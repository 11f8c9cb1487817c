"""check_module(): the whole check of one module at one point."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch

from course.checking.evidence import Evidence, probe
from course.checking.function import FunctionWithGradient
from course.checking.part import Kind
from course.checking.report import Report
from course.checking.scatter import note_scatter
from course.checking.ties import ties
from course.checking.truth import Truth, fresh_copy
from course.checking.verdicts import TOLERANCE, judge, judge_ties, named
from course.device import device
from course.module import Module


def check_module(
    module: Module | Callable[..., Any],
    inputs: Sequence[Any],
    *,
    gradient: Callable[..., Any] | None = None,
    reference: Callable[..., Any] | None = None,
    seed: int = 0,
    tolerance: float = TOLERANCE,
    thorough: bool = False,
) -> Report:
    """Check forward and backward of a module on given inputs, in float64.

    The module is copied; its parameters are moved away from their initial values, which may hide mistakes
    (zeros and ones do); the upstream gradient is random, since all-ones hides them too (softmax); the point
    is moved off kinks. A gradient is first compared along random directions, and where that fails, number by
    number.

    Args:
        module: any Module, a Graph or a Chain too; or a plain function with its `gradient`.
        inputs: what its forward takes; integer tensors are passed on and get no gradient.
        gradient: of a plain function: gradient(*inputs) gives ∂f/∂input for each input. Without it, the
            function must return its value and its gradients: ``f, (∂f/∂x, …)``.
        reference: computes the true output as reference(module, *inputs); without it, the module's own
            forward counts as true and only the gradients are judged.
        seed: of the random upstream gradient and of the parameters' move.
        tolerance: the largest accepted error relative to the largest number of the array.
        thorough: whether every number is measured even where the quick comparison passes, so that it can be
            drawn.

    Raises:
        TypeError: neither a module nor a function.
    """
    title = getattr(module, "__name__", type(module).__name__)
    if not isinstance(module, Module):
        if isinstance(module, type) or not callable(module):
            what = (
                ("make a module of it first, as in check_module(Linear(3, 2), inputs)")
                if isinstance(module, type)
                else ""
            )
            raise TypeError(
                f"check_module takes a module or a function, got {module!r}" + (f": {what}" if what else "")
            )
        module = FunctionWithGradient(module, gradient)
    # not the numbers that a caller drew its inputs from
    rng = torch.Generator(device()).manual_seed(seed + 7919)
    module = fresh_copy(module, rng)
    truth = Truth(copy.deepcopy(module), inputs, rng, reference=reference)
    for parameter, true in zip(module.parameters(), truth.parameters.values(), strict=True):
        parameter.value = true.value.clone()  # moved off a kink, perhaps
    # a second module that will draw the same random numbers
    twin, drawn = copy.deepcopy(module), torch.get_rng_state()

    def asked(module: Module, inputs: tuple[Any, ...], grad_outputs: tuple[Any, ...]) -> Evidence:
        """What a module does, whose draws from torch's generator are those of the truth."""
        try:
            return probe(module, truth.names, inputs, grad_outputs)
        finally:
            torch.set_rng_state(drawn)

    evidence = asked(module, truth.inputs, truth.grad_outputs)
    evidence = note_scatter(evidence, truth, lambda at: asked(copy.deepcopy(twin), at, truth.grad_outputs))
    (report,) = named([judge(title, evidence, truth, tolerance=tolerance, thorough=thorough)])
    if not all(part.passed for part in report.parts if part.kind is Kind.GRADIENT):
        return report
    question = ties(truth, rng)
    if question is None:
        return report
    part = judge_ties(asked(twin, question.inputs, question.grad_outputs), question)
    return replace(report, parts=(*report.parts, part if report.passed else replace(part, mistake=None)))
