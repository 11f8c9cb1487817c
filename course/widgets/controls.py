"""Controls: a slider, a choice or a switch for one argument of a picture."""

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Slider:
    """A number between two ends. On a `log` slider equal ways multiply by equal factors."""

    low: float
    high: float
    step: float | None = None
    log: bool = False

    def __post_init__(self) -> None:
        if not self.low < self.high or not all(map(math.isfinite, (self.low, self.high))):
            raise ValueError(
                f"a slider from {self.low} to {self.high}: it needs two finite ends, the lower one first"
            )
        if self.log and self.low <= 0:
            raise ValueError(f"a logarithmic slider from {self.low}: both ends must be above 0")
        if self.step is not None and not self.step > 0:
            raise ValueError(f"a slider with step {self.step}: it must be above 0")

    @property
    def whole(self) -> bool:
        """Whether it stands on whole numbers only."""
        return not self.log and all(
            float(end).is_integer() for end in (self.low, self.high, self.step or 0.5)
        )

    @property
    def stride(self) -> float:
        """The step, and if none was given a round number: about 500 to the whole way."""
        return self.step or 10 ** math.floor(math.log10((self.high - self.low) / 500))

    def to_json(self) -> dict[str, Any]:
        """What the browser draws."""
        if not self.log:
            return {"kind": "slider", "low": self.low, "high": self.high, "step": self.stride, "log": False}
        return {
            "kind": "slider",
            "low": math.log10(self.low),
            "high": math.log10(self.high),
            "step": 0.01,
            "log": True,
        }

    def accept(self, value: Any) -> float | int:
        """The value that the browser sent, as the picture takes it."""
        number = min(max(float(value), self.low), self.high)
        return round(number) if self.whole else number


@dataclass(frozen=True)
class Choice:
    """One of several values, by what is written on them."""

    options: tuple[Any, ...]

    def __post_init__(self) -> None:
        if len(self.options) < 2:
            raise ValueError(f"a choice of {len(self.options)}: it needs two options or more")

    def to_json(self) -> dict[str, Any]:
        """What the browser draws."""
        return {"kind": "choice", "options": [str(option) for option in self.options]}

    def accept(self, value: Any) -> Any:
        """The option that the browser sent by its text."""
        return next(option for option in self.options if str(option) == str(value))


@dataclass(frozen=True)
class Switch:
    """On or off."""

    def to_json(self) -> dict[str, Any]:
        """What the browser draws."""
        return {"kind": "switch"}

    def accept(self, value: Any) -> bool:
        """The value that the browser sent."""
        return bool(value)


Control = Slider | Choice | Switch


def control(abbreviation: Any) -> Control:
    """A control from its abbreviation, as in ipywidgets: (low, high[, step]), a list of options, or True.

    Raises:
        ValueError: it is none of these.
    """
    if isinstance(abbreviation, Control):
        return abbreviation
    if isinstance(abbreviation, bool):
        return Switch()
    if (
        isinstance(abbreviation, tuple)
        and len(abbreviation) in (2, 3)
        and all(isinstance(part, int | float) for part in abbreviation)
    ):
        whole = len(abbreviation) == 2 and all(isinstance(part, int) for part in abbreviation)
        return Slider(
            abbreviation[0],
            abbreviation[1],
            abbreviation[2] if len(abbreviation) == 3 else 1 if whole else None,
        )
    if isinstance(abbreviation, Sequence) and not isinstance(abbreviation, str | tuple):
        return Choice(tuple(abbreviation))
    raise ValueError(
        f"{abbreviation!r} is no control: give (low, high), (low, high, step), a list of options, True, "
        "or a Slider"
    )


def controls_for(
    draw: Callable[..., Any],
    given: Mapping[str, Any],
    *,
    drag: str | None = None,
    fixed: Mapping[str, Any] | None = None,
) -> dict[str, Control]:
    """The controls of a function's arguments, from their abbreviations.

    Args:
        draw: the function.
        given: for each argument what `control` takes.
        drag: the name of a slider that also follows the pointer.
        fixed: further arguments of the function.

    Raises:
        ValueError: an argument is unknown, what is given for it is no control, or `drag` names no slider.
    """
    names = inspect.signature(draw).parameters
    for name in (*given, *(fixed or {})):
        if name not in names:
            raise ValueError(f"{draw.__name__} has no argument '{name}': there are {', '.join(names)}")
    controls = {name: control(abbreviation) for name, abbreviation in given.items()}
    if drag is not None and not isinstance(controls.get(drag), Slider):
        raise ValueError(f"drag='{drag}' needs a slider of that name")
    return controls
