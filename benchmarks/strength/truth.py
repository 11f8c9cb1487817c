"""Whether a module's backward is right, by comparison with torch.autograd."""

import copy
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from course.checking.deadline import DeadlineError, deadline
from course.device import device
from course.modes import recording
from course.module import Module, as_tuple

TOLERANCE = 1e-9
"""Accepted error relative to a gradient's largest number; float64's round-off stays far below."""
NOTHING = 1e-4
"""A gradient so much smaller than the module's largest one may be zero in exact arithmetic: what is left is
round-off."""
SECONDS = 10.0


def correct(module: Module, inputs: Sequence[Any], seeds: Iterable[int]) -> bool:
    """Whether a module behaves rightly, in float64, with fresh numbers for each seed.

    Right is: gradients that torch.autograd gives for the module's own forward, in the inputs' shapes and None
    for inputs that have none; a second backward that repeats the inputs' gradients and adds to the
    parameters'; upstream gradients, inputs and parameters unchanged; nothing raised. The first seed takes the
    inputs as they are.
    """
    prepared = copy.deepcopy(module).to(dtype=torch.float64)
    given = [x.detach().double() if _moves(x) else x for x in inputs]
    for position, seed in enumerate(seeds):
        rng = torch.Generator(device()).manual_seed(104729 + seed)  # not the numbers that anyone else draws
        case = copy.deepcopy(prepared)
        for parameter in case.parameters():
            parameter.value = parameter.value + 0.5 * _randn(parameter.value, rng)
        fresh = given if position == 0 else [_moved(x, rng) if _moves(x) else x for x in given]
        if not _right(case, fresh, rng, seed):
            return False
    return True


def _moves(value: Any) -> bool:
    return isinstance(value, Tensor) and value.is_floating_point()


def _randn(like: Tensor, rng: torch.Generator) -> Tensor:
    return torch.randn(like.shape, dtype=torch.float64, device=rng.device, generator=rng)


def _moved(x: Tensor, rng: torch.Generator) -> Tensor:
    """Fresh numbers between the old ones, so that probabilities stay probabilities.

    Infinities stay, as masks need them.
    """
    if x.numel() == 0 or not x.isfinite().all():
        return x
    flat, count = x.flatten(), x.numel()
    first, second = (flat[torch.randperm(count, generator=rng, device=rng.device)] for _ in range(2))
    share = torch.rand(count, dtype=x.dtype, generator=rng, device=rng.device)
    mixed = share * first + (1 - share) * second
    return (mixed if count > 1 else mixed * (1 - 0.2 * share)).view(x.shape)


def _right(module: Module, inputs: Sequence[Any], rng: torch.Generator, seed: int) -> bool:
    names = [f"input {i}" for i in range(len(inputs))]
    truth, upstream = _true_gradients(copy.deepcopy(module), inputs, rng, seed)
    if not all(grad is None or grad.isfinite().all() for grad in truth):
        return True  # where there is no derivative, there is nothing to be right about
    kept = [x.clone() if isinstance(x, Tensor) else x for x in inputs]
    grads: list[Any] = [None if g is None else g.clone() for g in upstream]
    parameters = [parameter.value.clone() for parameter in module.parameters()]
    try:
        with deadline(SECONDS), torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            module.zero_grad()
            module.forward(*kept)
            found = []
            for _ in range(2):
                returned = as_tuple(module.backward(*grads))
                found.append([*returned, *(parameter.grad.clone() for parameter in module.parameters())])
                found[-1][: len(returned)] = [g.clone() if isinstance(g, Tensor) else g for g in returned]
                if len(returned) != len(names):
                    return False
    except (Exception, DeadlineError):
        return False
    doubled = [*truth[: len(inputs)], *(None if g is None else 2 * g for g in truth[len(inputs) :])]
    same = [*zip(kept, inputs, strict=True), *zip(grads, upstream, strict=True)]
    same += zip((parameter.value for parameter in module.parameters()), parameters, strict=True)
    unchanged = all(
        now is then or not isinstance(now, Tensor) or torch.equal(now, then) for now, then in same
    )
    return unchanged and _equal(found[0], truth) and _equal(found[1], doubled)


def _true_gradients(
    module: Module, inputs: Sequence[Any], rng: torch.Generator, seed: int
) -> tuple[list[Tensor | None], list[Tensor | None]]:
    """The gradients of inputs and parameters, and the upstream for them.

    They come from torch.autograd through the module's forward.
    """
    leaves = [x.detach().clone().requires_grad_() if _moves(x) else x for x in inputs]
    for parameter in module.parameters():
        parameter.value = parameter.value.detach().clone().requires_grad_()
    with recording(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        outputs = as_tuple(module.forward(*leaves))
    upstream = [_randn(o, rng) if _moves(o) else None for o in outputs]
    pairs = [(o, g) for o, g in zip(outputs, upstream, strict=True) if g is not None and o.requires_grad]
    sources = [x for x in leaves if _moves(x)] + [parameter.value for parameter in module.parameters()]
    used, arriving = [o for o, _ in pairs], [g for _, g in pairs]
    found = iter(torch.autograd.grad(used, sources, arriving, allow_unused=True, materialize_grads=True))
    truth = [next(found) if _moves(x) else None for x in leaves]
    return [*truth, *found], upstream


def _equal(found: Sequence[Any], truth: Sequence[Tensor | None]) -> bool:
    largest = max((float(t.abs().max()) for t in truth if t is not None and t.numel()), default=0.0)
    for got, want in zip(found, truth, strict=True):
        if want is None or got is None:
            if got is not want:
                return False
            continue
        if not isinstance(got, Tensor) or got.shape != want.shape or got.dtype != want.dtype:
            return False
        if want.numel():
            scale = max(float(want.abs().max()), NOTHING * largest)
            error = (got - want).abs().max()
            if not error <= TOLERANCE * scale:  # NaN is an error too
                return False
    return True
