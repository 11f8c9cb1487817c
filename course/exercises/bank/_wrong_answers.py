"""What common mistakes answer where a number is asked for: an answer that is one of them gets its name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from course.exercises.exercise import equals


@dataclass(frozen=True)
class WrongAnswer:
    """What a mistake gives for the inputs of a case: a tensor, or several; and its name, half a sentence."""

    what: str
    given: Callable[..., Any]
    tolerance: float = 1e-6
    """Relative to its largest number, how far an answer may be off."""


Judge = Callable[[Sequence[Tensor], Sequence[np.ndarray]], str]


def named(reference: Callable[..., Any], tolerance: float, mistakes: Sequence[WrongAnswer]) -> Judge:
    """Accept what equals reference(*inputs); of all else say what is wrong, and which mistake gives it."""

    def accept(inputs: Sequence[Tensor], results: Sequence[np.ndarray]) -> str:
        wrong = equals(reference, tolerance)(inputs, results)
        if not wrong:
            return ""
        for mistake in mistakes:
            if agree(results, mistake.given(*inputs), mistake.tolerance):
                return f"{wrong}: {mistake.what}"
        return wrong

    return accept


def agree(results: Sequence[np.ndarray], given: Any, tolerance: float) -> bool:
    """Whether results are the arrays that a mistake gives, in shape and number."""
    arrays = [torch.as_tensor(array).cpu().double().numpy() for array in _several(given)]
    if [array.shape for array in arrays] != [result.shape for result in results]:
        return False
    return all(
        bool(
            np.allclose(
                result,
                array,
                rtol=0,
                atol=tolerance * np.abs(array[np.isfinite(array)]).max(initial=0),
                equal_nan=True,
            )
        )
        for result, array in zip(results, arrays, strict=True)
    )


def _several(given: Any) -> Sequence[Any]:
    return given if isinstance(given, tuple | list) else (given,)
