"""Layout: where the parts of a trace's picture go, so that no label meets another or a node.

Layers by the longest path from the inputs; an input stands one layer before its first reader. Every value has
a horizontal stem right of the node that computes it, long enough for its labels: labels share a column with
nodes and lie away from crossings. A long edge gets a slot of its own (a dummy) in every layer that it passes.
Within a layer the order follows Sugiyama, Tagawa, Toda: Methods for visual understanding of hierarchical
system structures, IEEE Trans. SMC 11 (1981).
"""

import textwrap
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from course.explorer import ordering
from course.explorer.boxes import Box, Room
from course.explorer.slots import (
    NAME_HEIGHT,
    NAME_SIZE,
    RADIUS,
    Slot,
    label_size,
    links_of,
    parameter_size,
    slots_of,
    text_width,
)
from course.explorer.trace import Trace, TracedNode, TracedParameter
from course.explorer.wording import derivative, is_number

LOCAL_SIZE = 14
ROW_GAP, COLUMN_GAP, MARGIN = 16, 20, 14
SHARE = (50, 17)  # the label of one path's part of a sum: "−0.0358" at 13 px
MARK_SIZE, MARK_LINE, MARK_WIDTH = 14, 18, 34  # font size, line height, characters in a line
PORTS = 11.0  # between the ends of two edges at one node, so that both can be seen

Key = tuple[str, int]
Point = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Stem:
    """A value's line right of its node, with a label above for the value and one below for its gradient."""

    name: str
    start: float
    end: float
    y: float
    value: Box
    grad: Box
    forks: bool
    is_output: bool


@dataclass(frozen=True)
class ParameterBox:
    """A parameter's name, value and gradient below its node."""

    key: str
    label: str
    title: Box
    value: Box
    grad: Box


@dataclass(frozen=True)
class Mark:
    """Something wrong, in words beside where it is wrong: at an edge, a value, a parameter or a node."""

    key: str
    lines: tuple[str, ...]
    box: Box


@dataclass(frozen=True)
class Hull:
    """The outline of a part that is not folded."""

    part: str
    label: str
    box: Box


@dataclass(frozen=True, kw_only=True)
class Edge:
    """A line from the end of a value's stem to a node, with room for its derivative and its part of a sum."""

    node: str
    position: int
    source: str
    points: tuple[Point, ...]
    local: Box | None
    local_text: str
    """What the local derivative's label says before its number."""
    share: Box | None


@dataclass(frozen=True, kw_only=True)
class GraphLayout:
    """Where everything stands, in pixels, and the frame around it."""

    frame: Box
    nodes: tuple[Slot, ...]
    """The inputs and nodes."""
    stems: tuple[Stem, ...]
    parameters: tuple[ParameterBox, ...]
    edges: tuple[Edge, ...]
    marks: tuple[Mark, ...] = ()
    hulls: tuple[Hull, ...] = ()


def layout(trace: Trace) -> GraphLayout:
    """Where every part of the trace's picture goes."""
    slots = slots_of(trace)
    paths = links_of(trace, slots)
    links = [link for path in paths.values() for link in path]
    rows = ordering.order({slot.id: slot.layer for slot in slots.values()}, links)
    separations = [
        [_separation(slots[upper], slots[lower]) for upper, lower in pairwise(row)] for row in rows
    ]
    ys = ordering.straighten(rows, separations, links, {slot.id: slot.is_input for slot in slots.values()})
    return _Placer(trace, slots, rows, ys, paths).layout()


def shared_title(parameter: TracedParameter) -> str:
    """The heading of a shared parameter."""
    return f"θ {parameter.name}, shared by {parameter.uses} nodes"


def _separation(upper: Slot, lower: Slot) -> float:
    return upper.down + lower.up + (4 if upper.is_dummy or lower.is_dummy else ROW_GAP)


def _straights(points: list[Point]) -> list[tuple[Point, Point]]:
    """The straight parts of an edge, across the columns that it passes."""
    return list(zip(points[1:-1:2], points[2:-1:2], strict=True))


class _Placer:
    """Turns rows and heights into boxes and lines."""

    def __init__(
        self,
        trace: Trace,
        slots: dict[str, Slot],
        rows: list[list[str]],
        ys: dict[str, float],
        paths: dict[Key, list[tuple[str, str]]],
    ) -> None:
        self.trace, self.slots, self.rows, self.ys, self.paths = trace, slots, rows, ys, paths
        self.reads = {
            (node.id, index): read
            for node in trace.nodes
            for index, read in enumerate(node.reads)
            if read.source
        }
        self.made = {node.id: node.outputs[0] for node in trace.nodes}
        self.sizes = {name: label_size(value.value) for name, value in trace.values.items()}
        self.links: dict[int, list[tuple[str, str]]] = defaultdict(list)
        for path in paths.values():
            for link in path:
                self.links[slots[link[0]].layer].append(link)
        self.columns = self._columns()
        self.nodes = {slot.id: self._placed(slot) for slot in slots.values() if not slot.is_dummy}
        self.stems = {stem.name: stem for slot in self.nodes.values() for stem in self._stems(slot)}
        self.parameters = [box for node in trace.nodes for box in self._parameters(node)]

    def layout(self) -> GraphLayout:
        """The finished layout."""
        taken = [box for node in self.nodes.values() for box in (node.body, node.name)]
        taken += [box for stem in self.stems.values() for box in (stem.value, stem.grad)]
        taken += [
            box for parameter in self.parameters for box in (parameter.title, parameter.value, parameter.grad)
        ]
        routes = self._routes()
        # Long lines are in the way of labels too; a label may lie only on the curves between columns.
        taken += [Box(stem.start, stem.y - 1, stem.end - stem.start, 2) for stem in self.stems.values()]
        taken += [
            Box(x, y - 1, right - x, 2)
            for points in routes.values()
            for (x, y), (right, _) in _straights(points)
        ]
        room = Room(taken)
        shares = self._shares(routes, room)
        edges = tuple(self._edges(routes, room, shares))
        marks = tuple(self._marks(routes, room))
        taken += [
            *shares.values(),
            *(edge.local for edge in edges if edge.local is not None),
            *(mark.box for mark in marks),
        ]
        hulls = tuple(self._hulls(taken))
        boxes = taken + [hull.box for hull in hulls]
        ys = [y for points in routes.values() for _, y in points]
        left, top = min(box.x for box in boxes) - MARGIN, min(*ys, *(box.y for box in boxes)) - MARGIN
        right = max(*(box.right for box in boxes), *(stem.end + 10 for stem in self.stems.values())) + MARGIN
        bottom = max(*ys, *(box.bottom for box in boxes)) + MARGIN
        shared = self._shared(left + MARGIN, bottom + 6, right - MARGIN)
        right = max(right, *(parameter.grad.right + MARGIN for parameter in shared)) if shared else right
        bottom = max(parameter.grad.bottom for parameter in shared) + MARGIN if shared else bottom
        frame = Box(left, top, right - left, bottom - top)
        parameters = (*self.parameters, *shared)
        return GraphLayout(
            frame=frame,
            nodes=tuple(self.nodes.values()),
            stems=tuple(self.stems.values()),
            parameters=parameters,
            edges=edges,
            marks=marks,
            hulls=hulls,
        )

    def _shared(self, left: float, top: float, right: float) -> list[ParameterBox]:
        """The parameters that several nodes share, in rows below the drawing."""
        made: list[ParameterBox] = []
        x, y, tallest = left, top, 0.0
        for parameter in self.trace.shared:
            width, height = parameter_size(parameter)
            label = shared_title(parameter)
            wide = max(2 * width + 12, text_width(label, NAME_SIZE) + width / 2)
            if x > left and x + wide > right:
                x, y, tallest = left, y + tallest + 10, 0.0
            title = Box(x, y, wide, NAME_HEIGHT)
            value = Box(x, title.bottom, wide - width - 12, height)
            grad = Box(value.right + 12, title.bottom, width, height)
            made.append(ParameterBox(parameter.key, parameter.name, title, value, grad))
            x, tallest = x + wide + 28, max(tallest, title.height + height)
        return made

    def _marks(self, routes: dict[Key, list[Point]], room: Room) -> list[Mark]:
        wanted: list[tuple[str, str, Point]] = []
        values = self.trace.values
        for node, position in routes:
            read, body = self.reads[node, position], self.nodes[node].body
            if read.wrong:
                text = f"{values[read.source or ''].label}: {read.wrong}"
                wanted.append((f"wrong:{node}:{position}", text, (body.center, body.bottom + 40)))
        for name, stem in self.stems.items():
            if values[name].wrong:
                wanted.append(
                    (f"wrong:{name}", f"sum: {values[name].wrong}", (stem.grad.center, stem.grad.bottom + 24))
                )
        own = {box.key: box for box in self.parameters}
        for node in self.trace.nodes:
            body = self.nodes[node.id].body
            for parameter in node.parameters:
                if parameter.wrong:
                    grad, text = own[parameter.key].grad, f"{parameter.name}: {parameter.wrong}"
                    wanted.append((f"wrong:{parameter.key}", text, (grad.center, grad.bottom + 24)))
            if node.note:
                wanted.append((f"note:{node.id}", node.note, (body.center, body.y - 34)))
        marks: list[Mark] = []
        for key, text, (x, y) in wanted:
            lines = tuple(textwrap.wrap(f"✗ {text}", MARK_WIDTH, break_long_words=True)[:5])
            size = (max(text_width(line, MARK_SIZE) for line in lines) + 14, MARK_LINE * len(lines) + 8)
            marks.append(Mark(key, lines, room.find(Box.around(x, y, *size), reach=60)))
        return marks

    def _hulls(self, taken: list[Box]) -> list[Hull]:
        """Outlines around parts whose nodes stand by themselves; inner ones lie above those around them."""
        hulls: list[Hull] = []
        around = {part.id: part.around for part in self.trace.parts}
        inputs = [node.body for node in self.nodes.values() if node.is_input]
        for part in sorted(self.trace.parts, key=lambda part: -len(part.around)):
            members = [node for node in self.trace.nodes if part.id in node.around]
            if part.folded or not members:
                continue
            inside = [box for node in members for box in self._boxes_of(node)]
            inside += [hull.box for hull in hulls if part.id in around[hull.part]]
            left, top = min(box.x for box in inside) - 10, min(box.y for box in inside) - 30
            right, bottom = max(box.right for box in inside) + 8, max(box.bottom for box in inside) + 8
            box = Box(left, top, right - left, bottom - top)
            label = Box(left, top, text_width(part.label, NAME_SIZE) + 16, 22)
            strangers = [
                box for node in self.trace.nodes if node not in members for box in self._boxes_of(node)
            ]
            if not any(box.overlaps(other) for other in strangers + inputs) and not any(
                map(label.overlaps, taken)
            ):
                hulls.append(Hull(part.id, part.label, box))
        return hulls[::-1]

    def _boxes_of(self, node: TracedNode) -> list[Box]:
        """The boxes of a node, its values and its parameters."""
        slot = self.nodes[node.id]
        stems = [box for name in node.outputs for box in (self.stems[name].value, self.stems[name].grad)]
        keys = {parameter.key for parameter in node.parameters}
        parameters = [box for box in self.parameters if box.key in keys]
        own = [part for box in parameters for part in (box.title, box.value, box.grad)]
        return [slot.body, slot.name, *stems, *own]

    def _columns(self) -> list[tuple[float, float, float, float]]:
        """(left, start of the stems, end of the stems, right) of each layer."""
        columns, x = [], 0.0
        for layer, row in enumerate(self.rows):
            here = [self.slots[name] for name in row]
            start = x + max(max(slot.size[0], slot.text_width) for slot in here)
            end = start + max((self.sizes[value][0] for slot in here for value in slot.values), default=0)
            right = max(end, x + max(slot.block[0] for slot in here))
            columns.append((x, start, end, right))
            x = right + self._gap(layer)
        return columns

    def _gap(self, layer: int) -> float:
        """Room for the edges behind a layer: more for steep ones, and for labels where a value forks."""
        links = self.links[layer]
        steepness = max((abs(self.ys[a] - self.ys[b]) for a, b in links), default=0.0)
        forks = any(self.trace.values[name].readers > 1 for a, _ in links for name in self.slots[a].values)
        return max(COLUMN_GAP + min(50, 0.35 * steepness), SHARE[0] + 60 if forks else 0)

    def _placed(self, slot: Slot) -> Slot:
        """A slot where it stands: an input beside the stems of its column, a node in the middle."""
        left, start, _, _ = self.columns[slot.layer]
        width = slot.size[0]
        return slot.at(start - width if slot.is_input else (left + start) / 2 - width / 2, self.ys[slot.id])

    def _stems(self, slot: Slot) -> Iterator[Stem]:
        _, start, end, _ = self.columns[slot.layer]
        for name, offset in zip(slot.values, slot.offsets, strict=True):
            (width, height), y = self.sizes[name], slot.y + offset
            x = (max(start, slot.body.right) + end) / 2 - width / 2
            readers = self.trace.values[name].readers
            yield Stem(
                name=name,
                start=slot.body.right,
                end=end,
                y=y,
                value=Box(x, y - height, width, height),
                grad=Box(x, y, width, height),
                forks=readers > 1,
                is_output=name in self.trace.outputs and not readers,
            )

    def _parameters(self, node: TracedNode) -> Iterator[ParameterBox]:
        slot = self.nodes[node.id]
        left, top = self.columns[slot.layer][0], slot.y + slot.down - slot.block[1]
        width = max((parameter_size(parameter)[0] for parameter in node.parameters), default=0.0)
        for parameter in node.parameters:
            height = parameter_size(parameter)[1]
            title = Box(left, top + 4, 2 * width + 12, NAME_HEIGHT)
            value = Box(left, title.bottom, width, height)
            grad = Box(value.right + 12, title.bottom, width, height)
            yield ParameterBox(f"{node.id}.{parameter.name}", parameter.name, title, value, grad)
            top = value.bottom + 2

    def _routes(self) -> dict[Key, list[Point]]:
        """Each edge's points: the stem's end, both sides of every dummy's column, the port at the node."""
        routes: dict[Key, list[Point]] = {}
        for key, path in self.paths.items():
            stem = self.stems[self.reads[key].source or ""]
            routes[key] = [(stem.end, stem.y)]
            for _, dummy in path[:-1]:
                left, _, _, right = self.columns[self.slots[dummy].layer]
                routes[key] += [(left, self.ys[dummy]), (right, self.ys[dummy])]
        into: dict[str, list[Key]] = defaultdict(list)
        for key in routes:
            into[key[0]].append(key)
        for node in self.trace.nodes:
            ends = sorted(into[node.id], key=lambda key: (routes[key][-1][1], key[1]))
            body = self.nodes[node.id].body
            room = body.height / 2 - 7
            # A port lies as near as it can to the height its edge comes from: a straight edge stays straight.
            wanted = [max(-room, min(room, routes[key][-1][1] - body.middle)) for key in ends]
            # An edge coming from afar gives way to one that is nearly straight.
            weights = [1 / (1 + (routes[key][-1][1] - body.middle) ** 2) for key in ends]
            ports = ordering.spread(
                wanted, weights, [min(PORTS, 2 * room / max(1, len(ends) - 1))] * (len(ends) - 1)
            )
            for key, port in zip(ends, ports, strict=True):
                into_corner = max(0.0, abs(port) - body.height / 2 + RADIUS)
                inset = RADIUS - (RADIUS**2 - min(into_corner, RADIUS) ** 2) ** 0.5
                routes[key].append((body.x + inset, body.middle + port))
        return routes

    def _shares(self, routes: dict[Key, list[Point]], room: Room) -> dict[Key, Box]:
        """Where a value forks, a label on each branch for the gradient that comes back along it."""
        shares: dict[Key, Box] = {}
        for key, points in routes.items():
            stem = self.stems[self.reads[key].source or ""]
            value = self.trace.values[stem.name].value
            if (
                stem.forks
                and self.reads[key].contribution is not None
                and value is not None
                and not value.shape
            ):
                (x, y), (left, _) = points[1], points[0]
                direct = len(points) == 2
                center = max(left + SHARE[0] / 2, x - 14 - SHARE[0] / 2) if direct else x + SHARE[0] / 2
                # the lower of a node's edges has its label below
                below = direct and y > self.nodes[key[0]].body.middle + 1
                wanted = Box.around(center, y + (11 if below else -11), *SHARE)
                shares[key] = room.find(wanted, reach=8)
        return shares

    def _edges(self, routes: dict[Key, list[Point]], room: Room, shares: dict[Key, Box]) -> Iterator[Edge]:
        texts = {key: self._local_text(key) for key in routes}
        widest: dict[str, float] = defaultdict(float)
        for key, text in texts.items():
            if text:
                exact = " = −0.0358" if self.reads[key].local is not None else ""
                widest[key[0]] = max(widest[key[0]], text_width(text + exact, LOCAL_SIZE))
        # A step shows one of them at a time: those of one node share a place.
        shared: dict[str, Box] = {}
        for node, width in widest.items():
            body = self.nodes[node].body
            shared[node] = room.free(Box.around(body.center, body.y - 13, width, 20), reach=width / 2)
        for key, points in routes.items():
            node, position = key
            yield Edge(
                node=node,
                position=position,
                source=self.reads[key].source or "",
                points=tuple(points),
                local=shared[node] if texts[key] else None,
                local_text=texts[key],
                share=shares.get(key),
            )

    def _local_text(self, key: Key) -> str:
        """What a local derivative's label says before its number; empty where there is none."""
        read = self.reads[key]
        if read.contribution is None or (read.local is None and not read.symbol):
            return ""
        text = derivative(
            self.trace.values[self.made[key[0]]].label, self.trace.values[read.source or ""].label
        )
        return text + (
            f" = {read.symbol}" if read.symbol and (read.local is None or not is_number(read.symbol)) else ""
        )
