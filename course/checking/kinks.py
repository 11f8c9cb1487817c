"""Kinks: which side of every kink a computation took, by its masks, comparisons and largest elements."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode


class Decisions(TorchFunctionMode):
    """Inside, `taken` collects every decision torch functions make: masks, comparisons, indices of maxima.

    Two evaluations that decided alike lie on the same smooth piece of the function. It works under
    torch.vmap, too. A function of torch.nn.functional that is itself written in torch functions counts as
    what it computes when it is in the list below.
    """

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[Tensor] = []
        self.chose = False
        """Whether one of several numbers was chosen, such as a largest: then equal numbers are a tie."""

    def __torch_function__(
        self, function: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        name = getattr(function, "__name__", "")
        hidden = HIDDEN.get(name)
        if hidden is not None:
            self.taken += hidden(*args, **kwargs)  # before the call, which may work in place
            self.chose |= name in CHOICES
        result = function(*args, **kwargs)
        if name not in COPIES:
            floats = any(isinstance(value, Tensor) and value.is_floating_point() for value in args)
            for value in result if isinstance(result, tuple | list) else (result,):
                if floats and isinstance(value, Tensor) and value.dtype in (torch.bool, torch.int64):
                    self.taken.append(value)  # a comparison's outcome, or where a maximum was found
                    self.chose |= value.dtype == torch.int64 or sum(_many(arg) for arg in args) > 1
        return result


def _many(value: Any) -> bool:
    return isinstance(value, Tensor) and value.dim() > 0 and value.is_floating_point()


def differ(first: list[Tensor], second: list[Tensor]) -> Tensor:
    """Whether two evaluations decided differently somewhere, as one truth value.

    Under torch.vmap, it is one for each copy.
    """
    if len(first) != len(second):
        return torch.tensor(True)
    flips = [(a != b).any() for a, b in zip(first, second, strict=True)]
    return torch.stack(flips).any() if flips else torch.tensor(False)


def _above(bound: float = 0.0) -> Callable[..., list[Tensor]]:
    return lambda x, *args, **kwargs: [x > bound]


def _between(low: float, high: float) -> Callable[..., list[Tensor]]:
    return lambda x, *args, **kwargs: [x > low, x > high]


def _clamp(x: Tensor, min: Any = None, max: Any = None, **kwargs: Any) -> list[Tensor]:  # noqa: A002 - torch's names
    return [x > bound for bound in (min, max) if bound is not None]


def _clamp_at(x: Tensor, bound: Any = 0.0, *args: Any, **kwargs: Any) -> list[Tensor]:
    return [x > kwargs.get("min", kwargs.get("max", bound))]


def _hardtanh(x: Tensor, low: float = -1.0, high: float = 1.0, *args: Any, **kwargs: Any) -> list[Tensor]:
    return [x > kwargs.get("min_val", low), x > kwargs.get("max_val", high)]


def _threshold(x: Tensor, bound: float, *args: Any, **kwargs: Any) -> list[Tensor]:
    return [x > bound]


def _larger(x: Tensor, y: Any = None, *args: Any, **kwargs: Any) -> list[Tensor]:
    return [x > kwargs.get("other", kwargs.get("target", y))]


def _extreme(which: Callable[..., Tensor]) -> Callable[..., list[Tensor]]:
    def place(x: Tensor, dim: Any = None, *args: Any, **kwargs: Any) -> list[Tensor]:
        if isinstance(dim, Tensor):  # torch.max(x, y) is elementwise
            return [x > dim]
        dim = kwargs.get("dim", () if dim is None else dim)
        return [x == which(x, dim=dim, keepdim=True)]

    return place


def _windows(x: Tensor, size: Any, stride: Any = None, *args: Any, **kwargs: Any) -> list[Tensor]:
    kwargs.pop("return_indices", None)
    given = [stride if stride is not None else kwargs.pop("stride", None) or size, *args[:3]]
    return [torch.nn.functional.max_pool2d_with_indices(x, size, *given, **kwargs)[1]]


COPIES = {"clone", "to", "detach", "long", "int", "bool", "contiguous", "shape", "size"}
"""What hands integers on without deciding anything."""

HIDDEN: dict[str, Callable[..., list[Tensor]]] = {
    **{
        name + end: _above()
        for name in ("relu", "leaky_relu", "elu", "selu", "celu", "rrelu")
        for end in ("", "_")
    },
    **dict.fromkeys(("prelu", "abs", "abs_", "absolute", "__abs__", "sign", "sgn"), _above()),
    **dict.fromkeys(("hardtanh", "hardtanh_"), _hardtanh),
    **dict.fromkeys(("threshold", "threshold_", "_threshold"), _threshold),
    "relu6": _between(0.0, 6.0),
    **dict.fromkeys(("hardsigmoid", "hardswish"), _between(-3.0, 3.0)),
    **dict.fromkeys(("clamp", "clamp_", "clip", "clip_"), _clamp),
    **dict.fromkeys(("clamp_min", "clamp_min_", "clamp_max", "clamp_max_"), _clamp_at),
    **dict.fromkeys(("maximum", "minimum", "fmax", "fmin", "l1_loss"), _larger),
    **dict.fromkeys(("max", "amax"), _extreme(torch.amax)),
    **dict.fromkeys(("min", "amin"), _extreme(torch.amin)),
    **dict.fromkeys(("max_pool2d", "boolean_dispatch"), _windows),
}
"""Functions that decide without showing how: for each, its decisions from its arguments."""

CHOICES = {
    "maximum",
    "minimum",
    "fmax",
    "fmin",
    "max",
    "amax",
    "min",
    "amin",
    "max_pool2d",
    "boolean_dispatch",
}
"""Those of them that choose one of several numbers."""
