"""The ways in which most cases make a module of a student's object."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from course.checking.function import FunctionWithGradient
from course.module import Module


def called_with(*arguments: Any, **options: Any) -> Callable[[Any], Module]:
    """The `make` of a case that calls the class with these arguments: numbers, words, tuples of them."""
    return partial(_call, arguments, options)


def _call(arguments: Sequence[Any], options: Mapping[str, Any], answer: Any) -> Module:
    return answer(*arguments, **options)


def with_gradient(answer: Any) -> Module:
    """The `make` of a case for a function that gives its value and its gradients; a class is called."""
    made_of_class = isinstance(answer, type) and issubclass(answer, Module)
    return answer() if made_of_class else FunctionWithGradient(answer)
