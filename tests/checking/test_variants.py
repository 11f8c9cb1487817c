"""Correct variants: torch.autograd agrees with each of them, and so does the checker."""

import copy
import itertools
from typing import Any

import pytest
import torch
from torch import Tensor

from benchmarks.strength.variants import (
    Variant,
    variants,
    variants_at_edges,
    variants_by_hand,
    variants_wrapped,
)
from course import generator
from course.checks import check_module
from course.module import as_tuple
from course.modules.registry import all_modules

GROUPS = 16
WRAPPED = list(variants_wrapped())
BY_HAND = list(variants_by_hand())
AT_EDGES = list(variants_at_edges())


def is_float(value: Any) -> bool:
    return isinstance(value, Tensor) and value.is_floating_point()


def differs_from_autograd(variant: Variant) -> str:
    """What torch.autograd finds another gradient for, through the reference; empty when they agree."""
    module, inputs, reference = variant.make(generator(0))
    assert reference is not None
    module = copy.deepcopy(module).to(dtype=torch.float64)
    inputs = tuple(x.double() if is_float(x) else x for x in inputs)
    truth = copy.deepcopy(module)  # before forward, which may draw random numbers
    leaves = [x.clone().requires_grad_() if is_float(x) else x for x in inputs]
    for parameter in truth.parameters():
        parameter.value = parameter.value.clone().requires_grad_()
    expected = as_tuple(reference(truth, *leaves))
    outputs = as_tuple(module(*inputs))
    rng = generator(1)
    upstream = [torch.randn(o.shape, dtype=o.dtype, device=o.device, generator=rng) for o in expected]
    found = [*as_tuple(module.backward(*upstream)), *(parameter.grad for parameter in module.parameters())]
    sources = [*filter(is_float, leaves), *(parameter.value for parameter in truth.parameters())]
    grads = iter(torch.autograd.grad(expected, sources, upstream, allow_unused=True, materialize_grads=True))
    wanted = [*(next(grads) if is_float(leaf) else None for leaf in leaves), *grads]
    if len(found) != len(wanted):
        return f"{variant.label}: {len(found)} gradients, torch has {len(wanted)}"
    for what, got, want in [("output", *pair) for pair in zip(outputs, expected, strict=True)] + [
        (f"gradient {position}", *pair) for position, pair in enumerate(zip(found, wanted, strict=True))
    ]:
        if want is None and got is None:
            continue
        if (
            got is None
            or want is None
            or got.shape != want.shape
            or not torch.allclose(got, want, rtol=1e-9, atol=1e-12)
        ):
            return f"{variant.label}: {what} is {got}, torch has {want}"
    return ""


def rejection(variant: Variant, seed: int = 0) -> str:
    """What the checker says against a variant, or how it breaks; empty when it passes."""
    module, inputs, reference = variant.make(generator(seed))
    try:
        report = check_module(module, inputs, reference=reference, seed=seed)
    except Exception as error:
        return f"{variant.label}: check_module raised {type(error).__name__}: {error}"
    return (
        ""
        if report.passed
        else (f"{variant.label}: {[f'{p.name}: {p.message}' for p in report.parts if not p.passed]}")
    )


def test_there_are_enough_and_each_has_its_own_name():
    labels = [variant.label for variant in variants()]
    assert len(BY_HAND) >= 50
    assert len(labels) == len(BY_HAND) + len(WRAPPED) >= 200
    assert len(set(labels)) == len(labels)


def test_every_module_is_among_them():
    families = {label.split(" (")[0].split(":")[0] for label in (variant.label for variant in WRAPPED)}
    assert families == set(all_modules())


@pytest.mark.parametrize("variant", BY_HAND, ids=lambda variant: variant.label)
def test_a_variant_by_hand_is_right_and_passes(variant):
    assert not differs_from_autograd(variant)
    assert not rejection(variant)


@pytest.mark.parametrize(
    "group", [group if group % 2 else pytest.param(group, marks=pytest.mark.slow) for group in range(GROUPS)]
)
def test_wrapped_variants_are_right_and_pass(group):
    some = list(itertools.islice(WRAPPED, group, None, GROUPS))
    assert [
        message for variant in some if (message := differs_from_autograd(variant) or rejection(variant))
    ] == []


@pytest.mark.parametrize("variant", AT_EDGES, ids=lambda variant: variant.label)
def test_a_variant_at_an_edge_is_right(variant):
    assert not differs_from_autograd(variant)


@pytest.mark.parametrize("variant", AT_EDGES, ids=lambda variant: variant.label)
def test_a_variant_at_an_edge_passes(variant):
    assert not rejection(variant)
