"""Drawing: a trace and its layout as SVG at the last step; the browser's script then shows any other."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from course.explorer.boxes import Box
from course.explorer.layout import MARK_LINE, Edge, GraphLayout, Hull, Mark, ParameterBox, Stem, shared_title
from course.explorer.slots import Slot, cell_size
from course.explorer.trace import Array, Trace, TracedNode, TracedParameter
from course.explorer.wording import derivative
from course.widgets import page_style

STYLE = page_style(Path(__file__).parent / "explorer.css")


LEAST = 0.85
"""How far a wide drawing shrinks to the window: its smallest print stays at 11 px."""
STRIP = 1400.0
"""The width of one strip of a very wide drawing: about a window."""
PRESSED = ' role="button" tabindex="0"'
"""The attributes of what can be pressed in a page: a folded node, a heat map."""


_HARMLESS = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"})


@lru_cache(4096)
def escape(text: str) -> str:
    """Text that is harmless inside an element and inside an attribute: `html.escape` in one go."""
    return text.translate(_HARMLESS)


@dataclass(frozen=True)
class Drawing:
    """A drawing of the last step.

    A very wide drawing comes in vertical strips, which a page inserts when they come into sight.
    """

    opening: str
    across: str
    """What reaches across strips; everything where there are none."""
    strips: tuple[dict[str, Any], ...]
    """Each with its `left` and `right` in the drawing's pixels, the `nodes` in it and its `svg`."""

    @classmethod
    def of(cls, trace: Trace, layout: GraphLayout) -> "Drawing":
        """Draw a trace."""
        opening, pieces = _opening(trace, layout, "group"), [*_pieces(trace, layout)]
        narrow = layout.frame.width <= 3 * STRIP
        across = [piece.drawn for piece in pieces if narrow or piece.right - piece.left > STRIP]
        strips: dict[int, list[_Piece]] = defaultdict(list)
        for piece in [] if narrow else pieces:
            if piece.right - piece.left <= STRIP:
                strips[int((piece.left - layout.frame.x) // STRIP)].append(piece)
        return cls(opening, "".join(across), tuple(_strip(strips[number]) for number in sorted(strips)))

    @property
    def svg(self) -> str:
        """The whole drawing as one SVG element."""
        return "".join([self.opening, self.across, *(strip["svg"] for strip in self.strips), "</svg>"])

    def to_json(self) -> dict[str, Any]:
        """What a widget draws: the drawing without its strips, and the strips."""
        return {"svg": f"{self.opening}{self.across}</svg>", "strips": self.strips}


def standalone(trace: Trace, layout: GraphLayout) -> str:
    """The drawing of the last step as a document with a style of its own, in which nothing can be pressed."""
    drawn = "".join(piece.drawn for piece in _pieces(trace, layout)).replace(PRESSED, "")
    return f"{_opening(trace, layout, 'img')}<style>{STYLE}</style>{drawn}</svg>"


def _opening(trace: Trace, layout: GraphLayout, role: str) -> str:
    x, y, width, height = (
        f"{number:.0f}"
        for number in (layout.frame.x, layout.frame.y, layout.frame.width, layout.frame.height)
    )
    # Small graphs grow with the window, up to half as large again and no higher than a slide has room for.
    # High ones shrink until they and their controls are in sight, as far as their labels stay readable.
    least = LEAST * layout.frame.width
    shape = layout.frame.width / layout.frame.height
    most = layout.frame.width * max(1.0, min(1.5, 430 / layout.frame.height))
    room = f'style="--ml-most:{most:.0f}px;--ml-least:{least:.0f}px;--ml-shape:{shape:.3f}"'
    size = f'viewBox="{x} {y} {width} {height}" width="{width}" height="{height}" {room}'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="ml-drawing" role="{role}" {size}>'
        f"<title>{escape(title(trace))}</title><desc>{escape(_description(trace, layout.marks))}</desc>"
    )


class _Piece(NamedTuple):
    """A part of a drawing, and how far it reaches from left to right; `node` where it is one."""

    left: float
    right: float
    drawn: str
    node: str = ""


def _pieces(trace: Trace, layout: GraphLayout) -> Iterator[_Piece]:
    """Everything in a drawing, in the order in which it is painted: what comes later lies above."""
    nodes = {node.id: node for node in trace.nodes}
    for hull in layout.hulls:
        yield _Piece(hull.box.x, hull.box.right, _hull(hull))
    for edge in layout.edges:
        yield _Piece(edge.points[0][0], edge.points[-1][0], _edge(edge))
    for stem in layout.stems:
        yield _Piece(stem.start, stem.end + 8, _stem(stem))
    for slot in layout.nodes:
        left, right = min(slot.body.x, slot.name.x), max(slot.body.right, slot.name.right)
        drawn = _input(slot) if slot.is_input else _node(slot, nodes[slot.id])
        yield _Piece(left, right, drawn, "" if slot.is_input else slot.id)
    for box, label in _labels(trace, layout):
        yield _Piece(box.x, box.right, label)
    for mark in layout.marks:
        yield _Piece(mark.box.x, mark.box.right, _mark(mark))


def title(trace: Trace) -> str:
    """What a drawing is of."""
    return f"Computational graph of {', '.join(trace.values[name].label for name in trace.outputs)}"


def _description(trace: Trace, marks: Sequence[Mark]) -> str:
    values = (
        f"{value.label} = {value.value.text}" + (f" with gradient {value.grad.text}" if value.grad else "")
        for value in list(trace.values.values())[:60]
        if value.value is not None
    )
    wrong = [f"{' '.join(mark.lines)}" for mark in marks]
    return ". ".join([f"Values above, gradients below the lines. {'; '.join(values)}", *wrong]) + "."


def curve(points: Sequence[tuple[float, float]]) -> str:
    """The path of an edge: a curve across each gap between columns, a straight line across each column."""
    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for index, ((x1, y1), (x2, y2)) in enumerate(pairwise(points)):
        bend = (x2 - x1) / 2
        path += (
            (f"C{x1 + bend:.1f} {y1:.1f} {x2 - bend:.1f} {y2:.1f} {x2:.1f} {y2:.1f}")
            if index % 2 == 0
            else f"H{x2:.1f}"
        )
    return path


def _edge(edge: Edge) -> str:
    x, y = edge.points[-1]
    # Where its local derivative will stand, and the words before the number: the browser draws it in time.
    local = ""
    if edge.local is not None:
        local = f' data-local="{edge.local.center:.1f} {edge.local.bottom - 5:.1f} {escape(edge.local_text)}"'
    return (
        f'<g class="ml-edge" data-edge="{escape(edge.node)}:{edge.position}"{local}>'
        f'<path class="ml-line" d="{curve(edge.points)}"/>'
        f'<path class="ml-head" d="M{x:.1f} {y:.1f}l-8 -4v8z"/></g>'
    )


def _stem(stem: Stem) -> str:
    end = f'<circle class="ml-fork" cx="{stem.end:.1f}" cy="{stem.y:.1f}" r="3.5"/>' if stem.forks else ""
    if stem.is_output and not stem.forks:
        end = f'<path class="ml-head" d="M{stem.end + 8:.1f} {stem.y:.1f}l-8 -4v8z"/>'
    return (
        f'<g class="ml-stem" data-stem="{escape(stem.name)}">'
        f'<path class="ml-line" d="M{stem.start:.1f} {stem.y:.1f}H{stem.end:.1f}"/>{end}</g>'
    )


def _strip(pieces: Sequence[_Piece]) -> dict[str, Any]:
    return {
        "left": min(piece.left for piece in pieces),
        "right": max(piece.right for piece in pieces),
        "nodes": [piece.node for piece in pieces if piece.node],
        "svg": "".join(piece.drawn for piece in pieces),
    }


def _sides(box: Box) -> str:
    return f'x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}"'


def _hull(hull: Hull) -> str:
    x, y = hull.box.x + 8, hull.box.y + 17
    return (
        f'<g class="ml-hull"><rect {_sides(hull.box)} rx="10"/>'
        f'<text class="ml-name ml-left" x="{x:.1f}" y="{y:.1f}">{escape(hull.label)}</text></g>'
    )


def _mark(mark: Mark) -> str:
    box, left = mark.box, mark.box.x + 7
    lines = "".join(
        f'<text x="{left:.1f}" y="{box.y + 4 + MARK_LINE * (number + 0.78):.1f}">{escape(line)}</text>'
        for number, line in enumerate(mark.lines)
    )
    return f'<g class="ml-mark" data-key="{escape(mark.key)}"><rect {_sides(box)} rx="4"/>{lines}</g>'


def _input(slot: Slot) -> str:
    x, y = slot.body.right - 4, slot.body.middle + 6
    return f'<text class="ml-input" x="{x:.1f}" y="{y:.1f}">{escape(slot.text)}</text>'


def _node(slot: Slot, node: TracedNode) -> str:
    body, name = slot.body, slot.name
    kind = "ml-node ml-folded" if node.folds else "ml-node"
    unfolds = f'{PRESSED} aria-label="Unfold {escape(node.label)}" data-unfold="{escape(node.id)}"'
    return (
        f'<g class="{kind}" data-node="{escape(node.id)}"{unfolds if node.folds else ""}>'
        f'<rect {_sides(body)} rx="{min(20, body.height / 2):.0f}"/>'
        f'<text class="ml-sign" x="{body.center:.1f}" y="{body.middle + 6:.1f}">{escape(node.sign)}</text>'
        f'<text class="ml-name" x="{name.center:.1f}" y="{name.bottom - 4:.1f}">'
        f"{escape(slot.text)}</text></g>"
    )


def _labels(trace: Trace, layout: GraphLayout) -> Iterator[tuple[Box, str]]:
    for stem in layout.stems:
        value = trace.values[stem.name]
        if value.value is None:
            continue
        yield stem.value, _label("value", stem.name, value.label, value.value, stem.value)
        if value.grad is not None:
            yield stem.grad, _label("grad", stem.name, value.label, value.grad, stem.grad)
    owned = [parameter for node in trace.nodes for parameter in node.parameters]
    parameters = {parameter.key: parameter for parameter in (*owned, *trace.shared)}
    of = trace.values[trace.outputs[0]].label if len(trace.outputs) == 1 else "L"
    for box in layout.parameters:
        yield box.title, _parameter(parameters[box.key], box, of)
    nodes = {node.id: node for node in trace.nodes}
    for edge in layout.edges:
        read = nodes[edge.node].reads[edge.position]
        key = f"{escape(edge.node)}:{edge.position}"
        if edge.share is not None and read.contribution is not None:
            x, y = edge.share.center, edge.share.bottom - 5
            hook = f'data-share-of="{escape(edge.node)}&lt;-{escape(edge.source)}"'
            text = _number(read.contribution, hook, x, y)
            yield edge.share, f'<g class="ml-share" data-key="share:{key}">{text}</g>'


def _parameter(parameter: TracedParameter, box: ParameterBox, of: str) -> str:
    y = box.title.bottom - 4

    def heading(text: str, below: Box) -> str:
        return f'<text class="ml-name" x="{below.center:.1f}" y="{y:.1f}">{escape(text)}</text>'

    name = heading(shared_title(parameter) if parameter.uses > 1 else box.label, box.value)
    value = _label("value", box.key, box.label, parameter.value, box.value, above=True)
    title = heading(derivative(of, box.label), box.grad)
    grad = _label("grad", box.key, box.label, parameter.grad, box.grad, above=True, title=title)
    return name + value + grad


def _label(
    kind: str, key: str, label: str, array: Array, box: Box, *, above: bool | None = None, title: str = ""
) -> str:
    """A value (above its line) or a gradient (below it)."""
    above = kind == "value" if above is None else above
    hook = f'data-{kind}-of="{escape(key)}"'
    what = f"{label} = " if kind == "value" else f"gradient of {label}: "
    if not array.shape:
        text = _number(array, hook, box.center, box.bottom - 6 if above else box.y + 16)
        inside = f"<title>{escape(what)}{_plain(array.numbers[0])}</title>{text}"
    else:
        name = escape(what.removesuffix(" = ").removesuffix(": "))
        opened = f'{PRESSED} data-whole="" aria-label="{name}: show all numbers"'
        inside = (
            f"<title>{escape(what + array.text)}</title><g{opened}>{_heat_map(array, hook, box, above)}</g>"
        )
    return f'<g class="ml-{kind}" data-key="{kind}:{escape(key)}">{inside}{title}</g>'


def _number(array: Array, hook: str, x: float, y: float) -> str:
    broken = ' class="ml-broken"' if array.broken else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" {hook} {_exact(array)}{broken}>{escape(array.text)}</text>'


def _exact(array: Array) -> str:
    return f'data-exact="{_plain(array.numbers[0])}"' if not array.shape else ""


def _plain(number: float) -> str:
    return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}.get(repr(number), repr(number))


def _heat_map(array: Array, hook: str, box: Box, above: bool) -> str:
    width, height = cell_size(array)
    left = box.center - array.columns * width / 2
    top = box.bottom - 4 - array.rows * height if above else box.y + 4
    caption = top - 4 if above else top + array.rows * height + 14
    broken = ' class="ml-caption ml-broken"' if array.broken else ' class="ml-caption"'
    cells = []
    for index, (number, text) in enumerate(zip(array.numbers, array.cells, strict=True)):
        x, y = left + index % array.columns * width, top + index // array.columns * height
        kind, strength = shade(number, array.largest)
        cells.append(
            f'<g class="ml-cell {kind}" data-exact="{_plain(number)}">'
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width}" height="{height}" fill-opacity="{strength:.3f}"/>'
            f'<text x="{x + width / 2:.1f}" y="{y + height / 2 + 4.5:.1f}">{escape(text)}</text></g>'
        )
    text = f'<text x="{box.center:.1f}" y="{caption:.1f}" {hook}{broken}>{escape(array.caption)}</text>'
    return "".join([*cells, text])


def shade(number: float, largest: float) -> tuple[str, float]:
    """A cell's class and opacity on the diverging scale centered at zero.

    The opacity is at most 0.6, so that numbers on it stay readable.
    """
    if number != number or abs(number) == float("inf"):
        return "ml-bad", 1.0
    return ("ml-minus" if number < 0 else "ml-plus"), (0.6 * abs(number) / largest if largest else 0.0)
