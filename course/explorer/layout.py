"""Layout: where the parts of a trace's picture go, so that no label meets another or a node.

Layers by the longest path from the inputs; an input stands one layer before its first reader. Every value has a horizontal stem
right of the node that computes it, long enough for its labels: labels share a column with nodes and lie away from crossings.
A long edge gets a place of its own (a dummy) in every layer that it passes. Within a layer the order follows Sugiyama, Tagawa,
Toda: Methods for visual understanding of hierarchical system structures, IEEE Trans. SMC 11 (1981).
"""

from dataclasses import dataclass
from itertools import pairwise

from course.explorer import ordering
from course.explorer.boxes import Box, free_box
from course.explorer.places import (
    NAME_HEIGHT,
    NAME_SIZE,
    RADIUS,
    Place,
    label_size,
    links_of,
    parameter_size,
    places_of,
    text_width,
)
from course.explorer.trace import Node, Trace
from course.explorer.wording import derivative, display_name, is_number

LOCAL_SIZE = 14
ROW_GAP, COLUMN_GAP, MARGIN = 16, 20, 14
SHARE = (50, 17)  # the label of one path's part of a sum: "−0.0358" at 13 px
PORTS = 11.0  # between the ends of two edges at one node, so that both can be seen

Key = tuple[str, int]
Point = tuple[float, float]


@dataclass(frozen=True)
class NodeBox:
    """An input (drawn as its name) or a module (a circle or pill with its sign, the name below)."""

    id: str
    is_input: bool
    body: Box
    name: Box
    text: str


@dataclass(frozen=True)
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
class Edge:
    """From the end of a value's stem to a node, with the places of its local derivative and of its part of a sum."""

    node: str
    position: int
    source: str
    points: tuple[Point, ...]
    local: Box | None
    local_text: str
    """What the local derivative's label says before its number."""
    share: Box | None


@dataclass(frozen=True)
class Layout:
    """All places in pixels, and the frame around them."""

    frame: Box
    nodes: tuple[NodeBox, ...]
    stems: tuple[Stem, ...]
    parameters: tuple[ParameterBox, ...]
    edges: tuple[Edge, ...]


def layout(trace: Trace) -> Layout:
    """Places for every part of the trace's picture."""
    places = places_of(trace)
    paths = links_of(trace, places)
    links = [link for path in paths.values() for link in path]
    rows = ordering.order({place.id: place.layer for place in places.values()}, links)
    separations = [[_separation(places[upper], places[lower]) for upper, lower in pairwise(row)] for row in rows]
    ys = ordering.straighten(rows, separations, links, {place.id: place.is_input for place in places.values()})
    return _Drawing(trace, places, rows, ys, paths).layout()


def _separation(upper: Place, lower: Place) -> float:
    return upper.down + lower.up + (4 if upper.is_dummy or lower.is_dummy else ROW_GAP)


def _straights(points: list[Point]) -> list[tuple[Point, Point]]:
    """The straight parts of an edge, across the columns that it passes."""
    return list(zip(points[1:-1:2], points[2:-1:2], strict=True))


class _Drawing:
    """Turns rows and heights into boxes and lines."""

    def __init__(
        self,
        trace: Trace,
        places: dict[str, Place],
        rows: list[list[str]],
        ys: dict[str, float],
        paths: dict[Key, list[tuple[str, str]]],
    ) -> None:
        self.trace, self.places, self.rows, self.ys, self.paths = trace, places, rows, ys, paths
        self.reads = {(node.id, index): read for node in trace.nodes for index, read in enumerate(node.reads) if read.source}
        self.sizes = {name: label_size(value.value) for name, value in trace.values.items()}
        self.columns = self._columns()
        self.nodes: dict[str, NodeBox] = {}
        self.stems: dict[str, Stem] = {}
        self.parameters: list[ParameterBox] = []
        for place in places.values():
            if not place.is_dummy:
                self._put(place)

    def layout(self) -> Layout:
        """The finished layout."""
        taken = [box for node in self.nodes.values() for box in (node.body, node.name)]
        taken += [box for stem in self.stems.values() for box in (stem.value, stem.grad)]
        taken += [box for found in self.parameters for box in (found.title, found.value, found.grad)]
        routes = self._routes()
        # Long lines are in the way of labels too; a label may lie only on the curves between columns.
        taken += [Box(stem.start, stem.y - 1, stem.end - stem.start, 2) for stem in self.stems.values()]
        taken += [Box(x, y - 1, right - x, 2) for points in routes.values() for (x, y), (right, _) in _straights(points)]
        shares = self._shares(routes, taken)
        taken += shares.values()
        edges = tuple(self._edge(key, points, taken, shares.get(key)) for key, points in routes.items())
        boxes = taken + [edge.local for edge in edges if edge.local is not None]
        ys = [y for points in routes.values() for _, y in points]
        left, top = min(box.x for box in boxes) - MARGIN, min(*ys, *(box.y for box in boxes)) - MARGIN
        right = max(*(box.right for box in boxes), *(stem.end + 10 for stem in self.stems.values())) + MARGIN
        bottom = max(*ys, *(box.bottom for box in boxes)) + MARGIN
        frame = Box(left, top, right - left, bottom - top)
        return Layout(frame, tuple(self.nodes.values()), tuple(self.stems.values()), tuple(self.parameters), edges)

    def _columns(self) -> list[tuple[float, float, float, float]]:
        """(left, start of the stems, end of the stems, right) of each layer."""
        columns, x = [], 0.0
        for layer, row in enumerate(self.rows):
            here = [self.places[name] for name in row]
            start = x + max(place.body[0] for place in here)
            end = start + max((self.sizes[value][0] for place in here for value in place.values), default=0)
            right = max(end, x + max(place.block[0] for place in here))
            columns.append((x, start, end, right))
            x = right + self._gap(layer)
        return columns

    def _gap(self, layer: int) -> float:
        """Room for the edges behind a layer: the steeper they are, the more; and for labels where a value forks."""
        links = [link for path in self.paths.values() for link in path if self.places[link[0]].layer == layer]
        steepness = max((abs(self.ys[a] - self.ys[b]) for a, b in links), default=0.0)
        forks = any(self.trace.values[name].readers > 1 for a, _ in links for name in self.places[a].values)
        return max(COLUMN_GAP + min(50, 0.35 * steepness), SHARE[0] + 60 if forks else 0)

    def _put(self, place: Place) -> None:
        left, start, end, _ = self.columns[place.layer]
        y, (width, height) = self.ys[place.id], place.body
        body = Box.around((left + start) / 2, y, width, height)
        if place.node is None:
            body = Box(start - width, body.y, width, height)
            self.nodes[place.id] = NodeBox(place.values[0], True, body, body, display_name(place.values[0]))
        else:
            text = display_name(place.id)
            label = Box.around(body.center, body.bottom + NAME_HEIGHT / 2 + 1, text_width(text, NAME_SIZE), NAME_HEIGHT)
            self.nodes[place.id] = NodeBox(place.id, False, body, label, text)
        for name, offset in zip(place.values, place.offsets, strict=True):
            (label_width, label_height), level = self.sizes[name], y + offset
            x = (max(start, body.right) + end) / 2 - label_width / 2
            above = Box(x, level - label_height, label_width, label_height)
            below = Box(x, level, label_width, label_height)
            forks, is_output = self.trace.values[name].readers > 1, name in self.trace.outputs
            self.stems[name] = Stem(name, body.right, end, level, above, below, forks, is_output)
        if place.node is not None:
            self._put_parameters(place.node, left, y + place.down - place.block[1])

    def _put_parameters(self, node: Node, left: float, top: float) -> None:
        width = max((parameter_size(parameter)[0] for parameter in node.parameters), default=0.0)
        for parameter in node.parameters:
            height = parameter_size(parameter)[1]
            title = Box(left, top + 4, 2 * width + 12, NAME_HEIGHT)
            value = Box(left, title.bottom, width, height)
            grad = Box(value.right + 12, title.bottom, width, height)
            self.parameters.append(ParameterBox(f"{node.id}.{parameter.name}", parameter.name, title, value, grad))
            top = value.bottom + 2

    def _routes(self) -> dict[Key, list[Point]]:
        """For each edge its points: the end of the stem, both sides of every dummy's column, and the port at the node."""
        routes: dict[Key, list[Point]] = {}
        for key, path in self.paths.items():
            stem = self.stems[self.reads[key].source or ""]
            routes[key] = [(stem.end, stem.y)]
            for _, dummy in path[:-1]:
                left, _, _, right = self.columns[self.places[dummy].layer]
                routes[key] += [(left, self.ys[dummy]), (right, self.ys[dummy])]
        for node in self.trace.nodes:
            ends = sorted((key for key in routes if key[0] == node.id), key=lambda key: (routes[key][-1][1], key[1]))
            body = self.nodes[node.id].body
            room = body.height / 2 - 7
            # A port lies as near as it can to the height that its edge comes from: an edge that runs straight stays straight.
            wanted = [max(-room, min(room, routes[key][-1][1] - body.middle)) for key in ends]
            # An edge coming from afar gives way to one that is nearly straight.
            weights = [1 / (1 + (routes[key][-1][1] - body.middle) ** 2) for key in ends]
            ports = ordering.spread(wanted, weights, [min(PORTS, 2 * room / max(1, len(ends) - 1))] * (len(ends) - 1))
            for key, port in zip(ends, ports, strict=True):
                into_corner = max(0.0, abs(port) - body.height / 2 + RADIUS)
                inset = RADIUS - (RADIUS**2 - min(into_corner, RADIUS) ** 2) ** 0.5
                routes[key].append((body.x + inset, body.middle + port))
        return routes

    def _shares(self, routes: dict[Key, list[Point]], taken: list[Box]) -> dict[Key, Box]:
        """Where a value forks, a label on each branch for the gradient that comes back along it."""
        shares: dict[Key, Box] = {}
        for key, points in routes.items():
            stem = self.stems[self.reads[key].source or ""]
            if stem.forks and self.reads[key].contribution is not None and not self.trace.values[stem.name].value.shape:
                (x, y), (left, _) = points[1], points[0]
                direct = len(points) == 2
                center = max(left + SHARE[0] / 2, x - 14 - SHARE[0] / 2) if direct else x + SHARE[0] / 2
                below = direct and y > self.nodes[key[0]].body.middle + 1  # the lower of a node's edges has its label below
                wanted = Box.around(center, y + (11 if below else -11), *SHARE)
                shares[key] = free_box(wanted, [*taken, *shares.values()], reach=8)
        return shares

    def _edge(self, key: Key, points: list[Point], taken: list[Box], share: Box | None) -> Edge:
        read, (node, position) = self.reads[key], key
        text, box = "", None
        if read.contribution is not None and (read.local is not None or read.symbol):
            text = derivative(display_name(node), display_name(read.source or ""))
            text += f" = {read.symbol}" if read.symbol and (read.local is None or not is_number(read.symbol)) else ""
            width = text_width(text + (" = −0.0358" if read.local is not None else ""), LOCAL_SIZE)
            body = self.nodes[node].body
            box = free_box(Box.around(body.center, body.y - 13, width, 20), taken, reach=width / 2)
        return Edge(node, position, read.source or "", tuple(points), box, text, share)
