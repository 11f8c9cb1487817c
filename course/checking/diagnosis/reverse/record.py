"""Record what forward asks torch for: each operation, with the expression of the source that asks for it."""

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from course.checking.diagnosis.reverse.elements import ELEMENTS
from course.checking.diagnosis.reverse.step import Step
from course.checking.trace import expression
from course.checking.truth import Truth
from course.modes import any_numbers, recording
from course.module import as_tuple


def record(truth: Truth) -> tuple[list[Tensor], list[tuple[Step, tuple[Any, ...]]], tuple[Any, ...]]:
    """What forward took, its operations with their results, in order, and its outputs."""
    # one object each: a tensor may be given twice
    tensors = [tensor.detach().clone() for tensor in truth.tensors.values()]
    with recording(), any_numbers(), torch.no_grad():
        recorder = _Recorder()
        try:
            with recorder:
                outputs = truth.function(*tensors)
        except _ChangesInPlaceError:
            recorder = _Recorder()
            function = torch.func.functionalize(truth.function)
            with recorder:
                outputs = function(*tensors)
            # the outputs are wrapped anew: the recorded results of the same place in memory are meant
            at = {_where(result): result for _, results in recorder.log for result in results}
            outputs = tuple(at.get(_where(output), output) for output in as_tuple(outputs))
    return tensors, recorder.log, as_tuple(outputs)


class _ChangesInPlaceError(RuntimeError):
    """Forward changes a tensor in place: torch must make that a new tensor."""


class _Recorder(TorchDispatchMode):
    """Notes each operation that changes nothing in place."""

    def __init__(self) -> None:
        super().__init__()
        self.log: list[tuple[Step, tuple[Any, ...]]] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        name = func._opname
        if name in ELEMENTS:
            with self:
                return ELEMENTS[name](*args, **kwargs)
        with self:
            parts = func.decompose(*args, **kwargs)  # what torch itself composes of others
        if parts is not NotImplemented:
            return parts
        if func._schema.is_mutable:
            raise _ChangesInPlaceError
        result = func(*args, **kwargs)
        results = tuple(result) if isinstance(result, tuple | list) else (result,)
        self.log.append((Step(func, args, kwargs, expression()), results))
        return result


def _where(value: Any) -> Any:
    return (
        (value.data_ptr(), tuple(value.shape), value.stride())
        if isinstance(value, Tensor) and value.numel()
        else id(value)
    )
