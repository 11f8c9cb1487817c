"""Parameter and Buffer: the tensors that a module holds, trained and not trained."""

from typing import Self

import torch
from torch import Generator, Tensor

from course.device import device, require_device


class Parameter:
    """A trainable tensor `value` beside `grad`, the sum of all ∂L/∂value that backward passes added.

    Raises:
        DeviceError: the value is not on the course's device.
    """

    def __init__(self, value: Tensor) -> None:
        require_device((value,), lambda: ("value",))
        self.value = value.detach()
        self._grad: Tensor | None = None

    @property
    def grad(self) -> Tensor:
        """Zeros until a backward adds to it; no memory is spent on them before."""
        if self._grad is None:
            self._grad = torch.zeros_like(self.value)
        return self._grad

    @grad.setter
    def grad(self, grad: Tensor) -> None:
        self._grad = grad

    @property
    def has_grad(self) -> bool:
        """Whether `grad` takes memory: since last forgotten, it was read or something was added to it."""
        return self._grad is not None

    def add_product(self, left: Tensor, right: Tensor) -> None:
        """``grad += left @ right`` for matrices, without a matrix in between."""
        if self._grad is None:
            self._grad = left @ right
        else:
            self._grad.addmm_(left, right)

    def zero_grad(self) -> None:
        """Forget the gradient: it is zero again."""
        self._grad = None

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> None:
        """Move value and gradient to a device and a dtype."""
        self.value = self.value.to(device=device, dtype=dtype)
        if self._grad is not None:
            self._grad = self._grad.to(device=device, dtype=dtype)

    @classmethod
    def uniform(cls, shape: tuple[int, ...], bound: float, rng: Generator | None = None) -> Self:
        """Values drawn uniformly from [−bound, bound)."""
        home = rng.device if rng is not None else device()
        return cls(torch.empty(shape, device=home).uniform_(-bound, bound, generator=rng))

    def __repr__(self) -> str:
        return f"Parameter(shape={tuple(self.value.shape)})"


class Buffer:
    """A tensor `value` that belongs to a module's state but is not trained, such as a running mean.

    Raises:
        DeviceError: the value is not on the course's device.
    """

    def __init__(self, value: Tensor) -> None:
        require_device((value,), lambda: ("value",))
        self.value = value.detach()

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> None:
        """Move the value to a device and, where it is a floating-point one, to a dtype."""
        self.value = self.value.to(device=device, dtype=dtype if self.value.is_floating_point() else None)

    def __repr__(self) -> str:
        return f"Buffer(shape={tuple(self.value.shape)})"
