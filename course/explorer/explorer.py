"""Explorer: step through a graph's forward and backward pass in a notebook, or on a page without Python."""

import gc
import json
import pathlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import anywidget
import traitlets

from course.explorer.drawing import STYLE, Drawing, escape, standalone, title
from course.explorer.folding import automatic
from course.explorer.layout import GraphLayout, layout
from course.explorer.running import GraphRun
from course.explorer.slots import skeleton
from course.explorer.trace import Array, Trace
from course.explorer.tracing import run_network, trace_of
from course.widgets import Slider, script, widget_bundle

_HERE = pathlib.Path(__file__).parent
PAGE = 400_000
"""A page without Python holds its other foldings, too, up to this many characters of them."""
NEARBY = 200
"""A folding that shows so many more nodes than the first one is left out of such a page."""
WHOLE = 32
"""All numbers of a tensor are shown up to 32×32; more cannot be read in a window."""


@contextmanager
def _collecting_later() -> Iterator[None]:
    """Python's garbage collector waits: of a picture's many objects none is garbage before it is shown.

    The collector would look through them again and again, and now and then through all of torch, which takes
    longer than to draw.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            if not gc.get_freeze_count():
                # There and back again: all objects are old now, and wait for the next look at everything.
                gc.freeze()
                gc.unfreeze()
            gc.enable()


class ExplorerWidget(anywidget.AnyWidget):
    """What the browser shows: a drawing with its controls, sent once; its numbers, sent at every change."""

    _esm = script(_HERE / "explorer.js")
    _css = STYLE
    picture = traitlets.Dict().tag(sync=True)
    trace = traitlets.Unicode().tag(sync=True)
    """JSON, as on a page: nothing on its way to the browser needs to look into it."""
    whole = traitlets.Dict().tag(sync=True)
    """All numbers of the tensor that the browser asked for."""
    wish = traitlets.Dict().tag(sync=True)
    """What the browser asks for: new `values` of inputs, a part to `fold` or unfold, a `whole` tensor."""


class Explorer:
    """A stepping picture of a graph, made by `explore`.

    `trace` holds its numbers. Outside a notebook, `to_html()` is the picture as a page of its own that steps
    without Python, for a mail or a web site, and `to_svg()` is its last step as a drawing, for a document.
    """

    @_collecting_later()
    def __init__(
        self,
        graph: Any,
        *,
        inputs: Mapping[str, Any],
        ranges: Mapping[str, tuple[float, float]],
        grad_output: Any,
        check: bool,
        fold: Mapping[str, Sequence[str]],
    ) -> None:
        self._graph, self._inputs, self._ranges, self._grad_output = (
            graph,
            dict(inputs),
            dict(ranges),
            grad_output,
        )
        self._check, self._own_parts = check, dict(fold)
        self._widget: ExplorerWidget | None = None
        self._run = self._run_with(self._inputs)
        self._folded = {*automatic(self._run), *fold}
        self.trace: Trace = trace_of(self._run, self._folded)
        self._layout: GraphLayout = layout(self.trace)
        self._drawing: Drawing | None = None
        self._numbers_text = ""
        unknown = [name for name in ranges if name not in self.trace.inputs]
        if unknown:
            names = ", ".join(self.trace.inputs)
            raise ValueError(f"ranges names '{unknown[0]}', which is no input: the inputs are {names}")

    def _run_with(self, inputs: Mapping[str, Any]) -> GraphRun:
        return run_network(self._graph, inputs, self._grad_output, check=self._check, fold=self._own_parts)

    def set(self, **inputs: Any) -> None:
        """Change some inputs and compute all again; a picture on the screen follows and keeps its step.

        Raises:
            ValueError: an input is unknown.
        """
        changed = {**self._inputs, **inputs}
        self._run = self._run_with(changed)
        self._inputs = changed
        self._update()

    def fold(self, part: str) -> None:
        """Draw a part as one node.

        Raises:
            ValueError: there is no such part.
        """
        self._fold({*self._folded, self._part(part)})

    def unfold(self, part: str) -> None:
        """Draw all nodes of a part.

        Raises:
            ValueError: there is no such part.
        """
        self._fold(self._folded - {self._part(part)})

    def _part(self, part: str) -> str:
        if part not in self._run.parts:
            raise ValueError(f"there is no part '{part}': there are {', '.join(self._run.parts) or 'none'}")
        return part

    def _fold(self, folded: Collection[str]) -> None:
        self._folded = {*folded}
        self._update()

    @_collecting_later()
    def _update(self) -> None:
        before, self.trace = self.trace, trace_of(self._run, self._folded)
        self._drawing, self._numbers_text = None, ""
        redrawn = skeleton(before) != skeleton(self.trace)
        if redrawn:
            self._layout = layout(self.trace)
        if self._widget is not None:
            with self._widget.hold_sync():
                self._widget.trace = self._numbers()
                if redrawn:
                    self._widget.picture = self._picture()

    @property
    def widget(self) -> ExplorerWidget:
        """The live widget, for use inside other widgets."""
        if self._widget is None:
            self._widget = ExplorerWidget(picture=self._picture(), trace=self._numbers())
            self._widget.observe(lambda change: self._grant(change["new"]), names="wish")
        return self._widget

    def _grant(self, wish: dict[str, Any]) -> None:
        if wish.get("values"):
            self.set(**wish["values"])
        if "fold" in wish:
            part = self._part(wish["fold"])
            self._fold(self._folded ^ {part})
        if "whole" in wish and self._widget is not None:
            self._widget.whole = self._whole(wish["whole"])

    def _whole(self, key: str) -> dict[str, Any]:
        """All numbers behind a label."""
        kind, _, name = key.partition(":")
        tensor = (self._run.values if kind == "value" else self._run.grads).get(name)
        for node in self._run.nodes if tensor is None else ():
            for use in node.uses:
                if f"{node.name}.{use.name}" == name:
                    tensor = use.parameter.value if kind == "value" else use.added
        if tensor is None:
            return {}
        array = Array.of(tensor, WHOLE)
        return {"key": key, **array.to_json(), "rows": array.rows, "columns": array.columns}

    def to_svg(self) -> str:
        """The drawing after the last step, with all values and gradients, as an SVG document."""
        return standalone(self.trace, self._layout)

    def to_html(self) -> str:
        """A page that draws and steps without Python and without a network."""
        heading = escape(title(self.trace))
        return (
            '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Computational graph</title>'
            '<meta name="viewport" content="width=device-width"><style>:root{color-scheme:light dark}'
            "h1{margin:8px 10px;font:600 18px sans-serif}</style></head>"
            f"<body><main><h1>{heading}</h1>{self._fragment()}</main></body></html>"
        )

    def _fragment(self) -> str:
        data = _text(self._views())
        # "<" as an escape, so that no name can end the script element or open a comment in it.
        data = data.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
        note = (
            ('<p class="ml-note">Sliders for the inputs appear when the notebook runs.</p>')
            if self._controls()
            else ""
        )
        return (
            f"<style>{STYLE}</style>"
            f'<div class="ml-widget ml-explorer" data-waiting="true">{self._drawn().svg}'
            f'<script type="application/json">{data}</script>{note}</div>'
            f'<script type="module">{script(_HERE / "explorer.js")}\nstartPages();</script>'
        )

    def _views(self) -> dict[str, Any]:
        """The drawing's numbers, and those of the foldings that lie some clicks away, up to PAGE characters.

        The nearest foldings come first.
        """
        start = frozenset(self._folded)
        views: dict[str, Any] = {_name(start): {"trace": self._numbers(), "parts": _parts(self.trace)}}
        waiting, known, size = [start], {start}, 0
        while waiting and size < PAGE:
            now = waiting.pop(0)
            turns = views[_name(now)].setdefault("turns", {})
            for part in self._run.parts:
                other = now ^ {part}
                if other not in known:
                    trace = trace_of(self._run, other)
                    if len(trace.nodes) > len(self.trace.nodes) + NEARBY:
                        continue
                    view = {
                        "trace": _text(trace.to_json()),
                        "parts": _parts(trace),
                        "svg": Drawing.of(trace, layout(trace)).svg,
                    }
                    size += len(view["svg"]) * 2
                    if size > PAGE:
                        break
                    views[_name(other)] = view
                    known.add(other)
                    waiting.append(other)
                turns[part] = _name(other)
        return {"start": _name(start), "views": views}

    def _numbers(self) -> str:
        """The numbers of a page or a widget, collected once for both."""
        held = {
            control["name"]: {"value": control["value"], "text": control["text"]}
            for control in self._controls()
        }
        self._numbers_text = self._numbers_text or _text({**self.trace.to_json(), "inputValues": held})
        return self._numbers_text

    def _drawn(self) -> Drawing:
        """The drawing inside a page or a widget, made once for both."""
        self._drawing = self._drawing or Drawing.of(self.trace, self._layout)
        return self._drawing

    def _picture(self) -> dict[str, Any]:
        return {**self._drawn().to_json(), "controls": self._controls(), "parts": _parts(self.trace)}

    def _controls(self) -> list[dict[str, Any]]:
        made = []
        for name in self.trace.inputs:
            array = self.trace.values[name].value
            if array is None or array.shape or array.broken:
                continue
            number = array.numbers[0]
            slider = Slider(*(self._ranges.get(name) or _default_range(number)))
            label = self.trace.values[name].label
            control = {"name": name, "label": label, "value": number, "text": array.text}
            made.append({**slider.to_json(), **control})
        return made

    @_collecting_later()
    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return widget_bundle(repr(self), self._fragment(), lambda: self.widget)

    def __repr__(self) -> str:
        given = ", ".join(
            f"{name}={value.text}"
            for name in self.trace.inputs
            if (value := self.trace.values[name].value) is not None
        )
        return f"Explorer({given}; {len(self.trace.nodes)} nodes, {len(self.trace.events)} steps)"


def explore(
    graph: Any,
    /,
    *,
    ranges: Mapping[str, tuple[float, float]] | None = None,
    grad_output: Any = None,
    check: bool = False,
    fold: Mapping[str, Sequence[str]] | None = None,
    **inputs: Any,
) -> Explorer:
    """Step through a network: forward, backward, every number, in the notebook.

    ``explore(graph, x=-2, y=5, z=-4)`` starts from the given values, which sliders then change. What breaks
    off or is not finite is marked where it happens.

    Args:
        graph: a Graph, a Chain, an Unroll or any module of the course; an object that has forward and
            backward; a torch.nn.Module or a plain function of torch tensors.
        ranges: the ends of an input's slider, by name; symmetric around zero when left out.
        grad_output: the gradient that arrives at the output; ones when left out.
        check: compare every backward with central differences, and mark each edge whose gradient is wrong.
        fold: parts by name, each with the names of its nodes: ``fold={"σ": ["n", "e", "d", "f"]}``; drawn as
            one node that opens. What lies in a Chain or a Graph inside the graph is a part by itself.
        inputs: a number, list or tensor for each input; none for a graph that has run. A chain has the inputs
            of its first module.

    Raises:
        TypeError: nothing that has a graph.
        ValueError: an input is missing or unknown, a part is not possible, or the graph is too large to draw.
    """
    return Explorer(
        graph, inputs=inputs, ranges=ranges or {}, grad_output=grad_output, check=check, fold=fold or {}
    )


def _parts(trace: Trace) -> list[dict[str, Any]]:
    """The parts that a button can fold or unfold: not those inside a folded one."""
    closed = {part.id for part in trace.parts if part.folded}
    return [
        {"id": part.id, "label": part.label, "size": part.size, "folded": part.folded}
        for part in trace.parts
        if not closed & set(part.around)
    ]


def _text(data: Any) -> str:
    return json.dumps(data, allow_nan=False, ensure_ascii=False, separators=(",", ":"))


def _name(folded: frozenset[str]) -> str:
    return "|".join(sorted(folded))


def _default_range(value: float) -> tuple[float, float]:
    """Symmetric, wide enough to change the sign and to grow by half: one of 5, 10, 20, 50, 100 and so on."""
    reach = 1.5 * abs(value)
    limit = next(
        base * 10**power for power in range(400) for base in (5, 10, 20) if base * 10**power >= reach
    )
    return -limit, limit
