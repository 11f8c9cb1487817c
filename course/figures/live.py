"""Live: a figure with arguments moved by sliders, choices, switches, or by dragging in the picture itself."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from course.figure import Figure
from course.figures.registry import registered
from course.widgets import THEME, Choice, Control, Slider, Switch, controls_for, script, widget_bundle

_HERE = Path(__file__).parent


class LiveWidget(anywidget.AnyWidget):
    """What the browser shows: a picture and the controls under it."""

    _esm = script(_HERE / "live.js")
    _css = THEME
    picture = traitlets.Bytes().tag(sync=True)
    about = traitlets.Dict().tag(sync=True)
    """The alt text, the values of the controls, and where dragging is possible."""
    controls = traitlets.List().tag(sync=True)
    wish = traitlets.Dict().tag(sync=True)


class Live:
    """A figure function with controls; `figure` is what it draws at the moment. Made by `live`."""

    def __init__(
        self,
        draw: Callable[..., Figure],
        controls: dict[str, Control],
        drag: str | None,
        fixed: dict[str, Any],
    ) -> None:
        self._draw, self._controls, self._drag, self._fixed = draw, controls, drag, fixed
        self.values = {
            name: control.accept(_start(draw, name, control, fixed)) for name, control in controls.items()
        }
        self._widget: LiveWidget | None = None
        self.figure = draw(**{**fixed, **self.values})

    def set(self, **values: Any) -> None:
        """Change some arguments and draw again.

        Raises:
            ValueError: there is no control of that name.
        """
        for name in values:
            if name not in self._controls:
                raise ValueError(f"'{name}' has no control: there are {', '.join(self._controls)}")
        self.values |= {name: self._controls[name].accept(value) for name, value in values.items()}
        self.figure = self._draw(**{**self._fixed, **self.values})
        if self._widget is not None:
            with self._widget.hold_sync():
                self._widget.picture, self._widget.about = self.figure.to_png(), self._about()

    @property
    def widget(self) -> LiveWidget:
        """The live widget, for use inside other widgets."""
        if self._widget is None:
            shown = [
                {"name": name, "label": name.replace("_", " "), **control.to_json(), **self._said(name)}
                for name, control in self._controls.items()
            ]
            self._widget = LiveWidget(picture=self.figure.to_png(), about=self._about(), controls=shown)
            self._widget.observe(lambda change: self.set(**change["new"].get("values", {})), names="wish")
        return self._widget

    def _said(self, name: str) -> dict[str, Any]:
        value = self.values[name]
        plain = value if isinstance(value, bool | int | float) else str(value)
        text = f"{value:.4g}".replace("-", "−") if isinstance(value, float) else str(value)
        return {"value": plain, "text": text}

    def _about(self) -> dict[str, Any]:
        about: dict[str, Any] = {
            "alt": self.figure.alt,
            "values": {name: self._said(name) for name in self._controls},
        }
        if self._drag is not None:
            axes = self.figure.axes[0]
            place = axes.get_position()  # as drawn: the layout is settled once the picture exists
            # from the upper left, in parts of the whole
            corners = (place.x0, 1 - place.y1, place.x1, 1 - place.y0)
            low, high = map(float, axes.get_xlim())
            about["drag"] = {"name": self._drag, "box": [*map(float, corners)], "low": low, "high": high}
        return about

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        note = (
            '<p style="font-size:14px;color:#595959">The controls of this picture appear when the '
            "notebook runs.</p>"
        )
        return widget_bundle(repr(self), self.figure._repr_html_() + note, lambda: self.widget)

    def __repr__(self) -> str:
        return (
            f"Live({self._draw.__name__}: "
            f"{', '.join(f'{name}={value!r}' for name, value in self.values.items())})"
        )


def live(
    draw: Callable[..., Figure],
    /,
    *,
    drag: str | None = None,
    fixed: dict[str, Any] | None = None,
    **controls: Any,
) -> Live:
    """A figure with controls: ``live(cover_count, dimensions=[2, 5, 10], samples=(1, 60))``.

    Each control starts at the argument's default value. Without any, as in ``live(cover_count)``, the figure
    has the controls that its decorator `@figure(live=…)` names.

    Args:
        draw: a function that returns a Figure.
        drag: the name of a slider that also follows the pointer in the first axes, along x.
        fixed: further arguments that stay as they are; of an argument with a control, the value where it
            starts.
        controls: for each argument (low, high), (low, high, step), a list of options, True for a switch, or a
            Slider.

    Raises:
        ValueError: an argument is unknown, what is given for it is no control, or there is no control at all.
    """
    if not controls and drag is None:
        entry = registered(draw)
        if entry is None or not entry.live:
            raise ValueError(
                f"{draw.__name__} has no controls of its own: name some, as in live(…, argument=(low, high))"
            )
        return live(draw, **{**entry.live, "fixed": {**entry.live.get("fixed", {}), **(fixed or {})}})
    return Live(draw, controls_for(draw, controls, drag=drag, fixed=fixed), drag, fixed or {})


def _start(draw: Callable[..., Figure], name: str, control: Control, fixed: dict[str, Any]) -> Any:
    default = fixed.get(name, inspect.signature(draw).parameters[name].default)
    if default is not inspect.Parameter.empty and not (
        isinstance(control, Choice) and default not in control.options
    ):
        return default
    if isinstance(control, Slider):
        return control.low
    return False if isinstance(control, Switch) else control.options[0]
