"""Explorer: step through a graph's forward and backward pass in a notebook, or on a page without Python."""

import json
import math
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import anywidget
import traitlets

from course.explorer.drawing import STYLE, svg
from course.explorer.layout import Layout, layout
from course.explorer.places import skeleton
from course.explorer.trace import Trace, trace
from course.explorer.wording import display_name
from course.module import Module

_HERE = pathlib.Path(__file__).parent


class ExplorerWidget(anywidget.AnyWidget):
    """What the browser shows: the drawing with its sliders (sent once) and the numbers of the trace (sent at every change)."""

    _esm = _HERE / "explorer.js"
    _css = _HERE / "explorer.css"
    picture = traitlets.Dict().tag(sync=True)
    trace = traitlets.Dict().tag(sync=True)
    wish = traitlets.Dict().tag(sync=True)
    """The inputs that a slider in the browser asks for."""


class Explorer:
    """A stepping picture of a graph; `trace` holds its numbers. Made by `explore`."""

    def __init__(
        self, graph: Module, inputs: Mapping[str, Any], ranges: Mapping[str, tuple[float, float]], grad_output: Any
    ) -> None:
        self._graph, self._inputs, self._ranges, self._grad_output = graph, dict(inputs), dict(ranges), grad_output
        self._widget: ExplorerWidget | None = None
        self.trace: Trace = trace(graph, inputs, grad_output)
        self._layout: Layout = layout(self.trace)
        unknown = [name for name in ranges if name not in self.trace.inputs]
        if unknown:
            raise ValueError(f"ranges names '{unknown[0]}', which is no input: the inputs are {', '.join(self.trace.inputs)}")

    def set(self, **inputs: Any) -> None:
        """Change some inputs and compute everything again; a picture that is on the screen follows and keeps its step.

        Raises:
            ValueError: an input is unknown.
        """
        changed = {**self._inputs, **inputs}
        before, self.trace = self.trace, trace(self._graph, changed, self._grad_output)
        self._inputs = changed
        redrawn = skeleton(before) != skeleton(self.trace)
        if redrawn:
            self._layout = layout(self.trace)
        if self._widget is not None:
            with self._widget.hold_sync():
                self._widget.trace = self.trace.to_json()
                if redrawn:
                    self._widget.picture = self._picture()

    @property
    def widget(self) -> ExplorerWidget:
        """The live widget, for use inside other widgets."""
        if self._widget is None:
            self._widget = ExplorerWidget(picture=self._picture(), trace=self.trace.to_json())
            self._widget.observe(lambda change: self.set(**change["new"].get("inputs", {})), names="wish")
        return self._widget

    def to_svg(self) -> str:
        """The drawing after the last step, with all values and gradients, as an SVG document."""
        return svg(self.trace, self._layout, standalone=True)

    def to_html(self) -> str:
        """A page that draws and steps without Python and without a network."""
        return (
            '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Computational graph</title>'
            '<meta name="viewport" content="width=device-width"><style>:root{color-scheme:light dark}</style></head>'
            f"<body>{self._fragment()}</body></html>"
        )

    def _fragment(self) -> str:
        drawn = svg(self.trace, self._layout)
        data = json.dumps(self.trace.to_json(), allow_nan=False, ensure_ascii=False, separators=(",", ":"))
        # "<" as an escape, so that no name can end the script element or open a comment in it.
        data = data.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
        note = '<p class="ml-note">Sliders for the inputs appear when the notebook runs.</p>' if self._sliders() else ""
        script = (_HERE / "explorer.js").read_text(encoding="utf-8")
        return (
            f'<style>{STYLE}</style><div class="ml-explorer" data-waiting="true">{drawn}'
            f'<script type="application/json">{data}</script>{note}</div>'
            f'<script type="module">{script}\nstartPages();</script>'
        )

    def _picture(self) -> dict[str, Any]:
        return {"svg": svg(self.trace, self._layout), "sliders": self._sliders()}

    def _sliders(self) -> list[dict[str, Any]]:
        made = []
        for name in self.trace.inputs:
            array = self.trace.values[name].value
            if array.shape or array.broken:
                continue
            low, high = self._ranges.get(name) or _default_range(array.numbers[0])
            step = 10 ** math.floor(math.log10((high - low) / 500))
            made.append({"name": name, "label": display_name(name), "low": low, "high": high, "step": step})
        return made

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        bundle: dict[str, Any] = {"text/plain": repr(self), "text/html": self._fragment()}
        # A widget waits for a browser; in a run that grades or validates there is none.
        if not os.environ.get("NBGRADER_EXECUTION"):
            shown = self.widget._repr_mimebundle_()
            live = shown[0] if isinstance(shown, tuple) else shown
            bundle |= {kind: data for kind, data in (live or {}).items() if "widget" in kind}
        return bundle

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={self.trace.values[name].value.text}" for name in self.trace.inputs)
        return f"Explorer({given}; {len(self.trace.nodes)} nodes, {len(self.trace.events)} steps)"


def explore(
    graph: Module,
    /,
    *,
    ranges: Mapping[str, tuple[float, float]] | None = None,
    grad_output: Any = None,
    **inputs: Any,
) -> Explorer:
    """A stepping picture of a Graph, a Chain or a single module.

    ``explore(graph, x=-2, y=5, z=-4)`` starts from the given values, which sliders then change.

    Args:
        ranges: the ends of an input's slider, by name; symmetric around zero when left out.
        grad_output: the gradient that arrives at the output; ones when left out.
        inputs: a number, list or tensor for each input. A chain has the inputs of its first module.

    Raises:
        ValueError: an input is missing or unknown.
    """
    return Explorer(graph, inputs, ranges or {}, grad_output)


def _default_range(value: float) -> tuple[float, float]:
    """Symmetric, wide enough to change the sign and to grow by half: one of 5, 10, 20, 50, 100 and so on."""
    reach = 1.5 * abs(value)
    limit = next(base * 10**power for power in range(400) for base in (5, 10, 20) if base * 10**power >= reach)
    return -limit, limit
