"""Residual: a module with a way around it."""

from typing import Any

from torch import Tensor

from course.errors import SizeError
from course.module import Module


class Residual(Module):
    """a = h(x) + s(x): `module` h learns what to add to x; the `shortcut` s is the identity when left out.

    With g = ∂L/∂a (lecture 08), x lies on two paths, so that its gradients add up:
        ∂L/∂x = h.backward(g) + s.backward(g)
    The identity's gradient is g itself: however small h's, g arrives undiminished.

    Raises:
        SizeError: the two paths end in different shapes.
    """

    formula = r"a = h(x) + x"
    source = "He, Zhang, Ren, Sun: Deep residual learning for image recognition, CVPR (2016)"
    symbol = "h(x) + x"
    lecture = 8

    def __init__(self, module: Module, shortcut: Module | None = None) -> None:
        self.module = module
        if shortcut is module:
            raise ValueError("one module remembers only its last forward: use module.share() as the shortcut")
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        around = x if self.shortcut is None else self.shortcut(x)
        through = self.module(x)
        if through.shape != around.shape:
            both = f"the module gives shape {tuple(through.shape)}, the shortcut {tuple(around.shape)}"
            raise SizeError(
                f"Residual: {both}: pass a shortcut that gives the module's shape, such as a Linear"
            )
        self.save()
        return through + around

    def backward(self, grad_output: Tensor) -> Any:
        grad_around = grad_output if self.shortcut is None else self.shortcut.backward(grad_output)
        return self.module.backward(grad_output) + grad_around
