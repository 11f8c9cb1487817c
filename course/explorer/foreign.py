"""Foreign: an object that only has forward and backward, such as a student's first class, as a module."""

import functools
from collections.abc import Collection
from typing import Any

from course.module import Module, Parameter
from course.shapes import Signature

_signature = functools.cache(Signature)


class Foreign(Module):
    """Passes forward and backward on to an object; the object's Parameters are parameters here, too.

    Raises:
        TypeError: the object has no forward.
    """

    def __init__(self, inner: Any) -> None:
        if not callable(getattr(inner, "forward", None)):
            raise TypeError(
                f"a {type(inner).__name__} cannot be explored: it needs forward and backward, or be "
                "a Module, a Graph, a torch.nn.Module or a function of tensors"
            )
        self.inner = inner
        for name, value in vars(inner).items():
            if isinstance(value, Parameter):
                setattr(self, name, value)

    def input_names(self, given: int | Collection[str] | None = None) -> tuple[str, ...]:
        """Those of the object's own forward."""
        return _signature(type(self.inner).forward).names(given)

    def forward(self, *inputs: Any) -> Any:
        """The object's own forward."""
        self.save()
        return self.inner.forward(*inputs)

    def backward(self, *grad_outputs: Any) -> Any:
        """The object's own backward."""
        if not callable(getattr(self.inner, "backward", None)):
            raise NotImplementedError(f"{type(self.inner).__name__} has no backward yet")
        return self.inner.backward(*grad_outputs)
