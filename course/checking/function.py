"""A plain function with its gradient as a module, so that it is checked as one."""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from course.module import Module, as_tuple


class FunctionWithGradient(Module):
    """A plain function and its gradient as a module: ``function(*x) -> f``, ``gradient(*x) -> (∂f/∂x, …)``.

    Without `gradient`, the function gives both: ``function(*x) -> (f, (∂f/∂x, …))``. Elementwise functions
    may return an array of derivatives of the input's shape, which backward multiplies with the upstream
    gradient.
    """

    def __init__(self, function: Callable[..., Any], gradient: Callable[..., Any] | None = None) -> None:
        self.function, self.gradient = function, gradient

    def forward(self, *inputs: Tensor) -> Tensor:
        value, gradients = self.function(*inputs) if self.gradient is None else (self.function(*inputs), None)
        self.save(gradients=gradients, inputs=inputs)
        return value

    def backward(self, grad_output: Tensor) -> Tensor | tuple[Tensor, ...]:
        gradients = self.saved["gradients"] if self.gradient is None else self.gradient(*self.saved["inputs"])
        products = tuple(grad_output * gradient for gradient in as_tuple(gradients))
        return products if len(products) != 1 else products[0]
