"""Numerical gradients: known derivatives, many coordinates at once the same as one by one, and the quick projection."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor

from course import generator
from course.gradients import numerical_gradients, projected_gradients
from course.module import Example, as_tuple
from tests.test_modules import differentiable, examples, in_float64


def ones(*shape: int) -> Tensor:
    return torch.ones(shape, dtype=torch.float64)


def example_function(example: Example) -> tuple[Any, list[Tensor], list[Tensor]]:
    """An example's reference as a function of its inputs, the inputs, and an upstream gradient."""
    module, inputs = in_float64(example)
    places = [place for place, value in enumerate(inputs) if differentiable(value)]

    def function(*moved: Tensor) -> Any:
        now = dict(zip(places, moved, strict=True))
        return example.reference(copy.deepcopy(module), *(now.get(place, value) for place, value in enumerate(inputs)))

    tensors, rng = [inputs[place] for place in places], generator(5)
    outputs = as_tuple(function(*tensors))
    upstream = [torch.randn(o.shape, dtype=o.dtype, device=o.device, generator=rng) for o in outputs]
    return function, tensors, upstream


@examples
def test_many_at_once_is_the_same_as_one_by_one(example):
    function, tensors, upstream = example_function(example)
    at_once = numerical_gradients(function, tensors, upstream)
    one_by_one = numerical_gradients(function, tensors, upstream, vectorize=False)
    for many, single in zip(at_once, one_by_one, strict=True):
        torch.testing.assert_close(many, single, rtol=1e-8, atol=1e-8)


def test_coordinates_are_moved_in_one_call():
    calls = []

    def function(x: Tensor) -> Tensor:
        calls.append(1)
        return torch.sin(x)

    (gradient,) = numerical_gradients(function, [ones(50)], [ones(50)])
    assert len(calls) == 2  # once moved up, once moved down, for all fifty
    torch.testing.assert_close(gradient, torch.cos(ones(50)), rtol=1e-9, atol=0)


@pytest.mark.parametrize("chunk", [1, 7, 10, 10**6])
def test_the_number_moved_at_a_time_changes_nothing(chunk, monkeypatch):
    monkeypatch.setattr("course.gradients.CHUNK", chunk)
    x = torch.linspace(-2, 2, 10, dtype=torch.float64).view(5, 2)
    (gradient,) = numerical_gradients(torch.exp, [x], [ones(5, 2)])
    torch.testing.assert_close(gradient, torch.exp(x), rtol=1e-8, atol=0)


def test_a_function_that_branches_on_its_values_is_called_for_each():
    def function(x: Tensor) -> Tensor:
        return x * 2 if x.sum().item() > 0 else x * 3

    (gradient,) = numerical_gradients(function, [ones(4)], [ones(4)])
    torch.testing.assert_close(gradient, 2 * ones(4), rtol=1e-8, atol=0)


def test_a_mistake_in_the_function_comes_out():
    def function(x: Tensor) -> Tensor:
        raise ZeroDivisionError("not a number")

    with pytest.raises(ZeroDivisionError, match="not a number"):
        numerical_gradients(function, [ones(2)], [ones(2)])


def test_tensors_are_left_alone_and_may_be_empty():
    x, y = ones(3), torch.zeros(0, dtype=torch.float64)
    gradients = numerical_gradients(lambda x, y: x * 2 + y.sum(), [x, y], [ones(3)])
    assert x.tolist() == [1, 1, 1]
    assert [tuple(g.shape) for g in gradients] == [(3,), (0,)]


@examples
def test_the_projection_agrees_with_every_coordinate(example):
    function, tensors, upstream = example_function(example)
    rng = generator(9)
    directions = [1e-2 * torch.randn(t.shape, dtype=t.dtype, device=t.device, generator=rng) for t in tensors]
    slopes = projected_gradients(function, tensors, upstream, directions)
    for slope, gradient, direction in zip(slopes, numerical_gradients(function, tensors, upstream), directions, strict=True):
        torch.testing.assert_close(slope, (gradient * direction).sum(), rtol=1e-6, atol=1e-7)


def test_the_projection_sees_a_wrong_number():
    x = torch.linspace(0.1, 1, 40, dtype=torch.float64)
    wrong = torch.cos(x)
    wrong[17] *= 1.001
    direction = torch.randn(40, dtype=torch.float64)
    (slope,) = projected_gradients(torch.sin, [x], [ones(40)], [direction])
    assert abs((torch.cos(x) * direction).sum() - slope) < 1e-8
    assert abs((wrong * direction).sum() - slope) > 1e-6
