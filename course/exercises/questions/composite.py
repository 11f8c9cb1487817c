"""The blocks of assignment 05, built with a student's own class, and what a formula of one's own must be."""

import copy
from typing import Any

import torch
from torch import Tensor

from course.checking.finding import Problem
from course.containers.chain import Chain
from course.device import device
from course.exercises.exercise import RefusalError
from course.module import Module, Parameter
from course.modules import Linear, Tanh


class ScaledResidual(Module):
    """a = x + α F(x): a way around, and one number α that says how much of the `module` F is added.

    Source: Bachlechner et al., ReZero is all you need: fast convergence at large depth, UAI (2021).
    """

    def __init__(self, module: Module) -> None:
        self.module = module
        self.alpha = Parameter(torch.zeros((), device=device()))

    def forward(self, x: Tensor) -> Tensor:
        self.save()
        return x + self.alpha.value * self.module(x)


def around_one(answer: Any) -> Module:
    """A way around one block."""
    return answer(Chain(Linear(3, 3), Tanh()))


def with_shortcut(answer: Any) -> Module:
    """A way around that has weights of its own."""
    return answer(Chain(Linear(3, 2), Tanh()), Linear(3, 2))


def around_a_block(answer: Any) -> Module:
    """A way around a block that has one inside."""
    return answer(Chain(ScaledResidual(Linear(3, 3)), Tanh()))


def around_a_layer(answer: Any) -> Module:
    """A way around one layer."""
    return answer(Linear(3, 3))


def a_formula(answer: Any) -> Module:
    """A module of one's own, when it is what is asked for.

    Raises:
        RefusalError: it is not; the message says in what way.
    """
    module = answer()
    if isinstance(module, Module):
        _require_a_formula(module)
    return module


def _require_a_formula(module: Module) -> None:
    """Refuse a module that differs from what is asked for.

    It may be made of modules, have another shape than x, be a straight line, make no use of theta, be drawn
    at random, or not be defined for every theta.

    Raises:
        RefusalError: it does; the message says in what way.
    """
    if next(module.named_children(), None) is not None:
        raise RefusalError("there is a module inside: write the formula out, with torch's functions")
    module = copy.deepcopy(module).to(dtype=torch.float64)
    x = torch.linspace(-1.9, 1.7, 15, dtype=torch.float64, device=device()).reshape(5, 3)
    problem = ""
    try:
        # away from where they begin: zeros and ones may hide what a formula does
        for parameter in module.parameters():
            _move(parameter)
        before, here, after = (module(x + step) for step in (-0.6, 0.0, 0.6))
        theta = getattr(module, "theta", None)
        if here.shape != x.shape:
            problem = f"a has shape {tuple(here.shape)} where x has shape {tuple(x.shape)}: keep the shape"
        elif not _differ(before + after, 2 * here):
            problem = "a is a straight line in x: choose a formula that bends"
        elif not torch.equal(module(x), module(x)):
            problem = "a is another one each time: nothing random belongs into forward"
        elif isinstance(theta, Parameter):
            _move(theta)
            problem = "" if _differ(module(x), here) else "a does not depend on theta: use it in forward"
            theta.value = -theta.value
            if not module(x).isfinite().all():
                problem = "a is not finite where theta has another sign: take a formula for every theta"
    except NotImplementedError:
        raise RefusalError("forward is not written yet", Problem.NOT_WRITTEN) from None
    except Exception:
        return  # those who run forward for its gradients say what it raised, and where
    if problem:
        raise RefusalError(problem)


def _move(parameter: Parameter) -> None:
    """Change each number by another amount, since many formulas stay the same when all change alike."""
    value = parameter.value
    parameter.value = value + torch.linspace(
        0.2, 0.9, value.numel(), dtype=value.dtype, device=value.device
    ).view(value.shape)


def _differ(first: Tensor, second: Tensor) -> bool:
    return not bool((first - second).abs().max() <= 1e-9 * second.abs().max().clamp(min=1e-3))
