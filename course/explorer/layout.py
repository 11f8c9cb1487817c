"""Layout: where the parts of a trace's picture go, so that no label meets another or a node.

Layers by the longest path from the inputs; an input stands one layer before its first reader. Every value has a horizontal stem
right of the node that computes it, long enough for its labels, so that labels share a column with nodes and never lie where edges
cross. A long edge gets a place of its own (a dummy) in every layer that it passes, and within a layer the order follows
Sugiyama, Tagawa, Toda: Methods for visual understanding of hierarchical system structures, IEEE Trans. SMC 11 (1981).
"""

from dataclasses import dataclass, field

from course.explorer import ordering
from course.explorer.boxes import Box, free_box
from course.explorer.recording import local_text
from course.explorer.trace import ROOMY, Array, Node, Read, Trace
from course.explorer.wording import derivative, display_name, shape_text

NUMBER_WIDTH, NUMBER_HEIGHT = 66, 21  # "−1.2e−12" in bold at 16 px
RADIUS, NAME_HEIGHT, NAME_SIZE = 20, 18, 15
LOCAL_SIZE, CAPTION_SIZE = 14, 12
ROW_GAP, COLUMN_GAP, MARGIN = 16, 26, 14


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
    points: tuple[tuple[float, float], ...]
    local: Box | None
    local_text: str
    share: Box | None


@dataclass(frozen=True)
class Layout:
    """All places, in pixels from the top left corner."""

    width: float
    height: float
    nodes: tuple[NodeBox, ...]
    stems: tuple[Stem, ...]
    parameters: tuple[ParameterBox, ...]
    edges: tuple[Edge, ...]


@dataclass
class _Place:
    """What takes up a place in a layer: an input, a node, or a dummy where a long edge passes."""

    id: str
    layer: int
    node: Node | None = None
    values: tuple[str, ...] = ()
    body: tuple[float, float] = (0, 0)
    up: float = 7
    down: float = 7
    offsets: list[float] = field(default_factory=lambda: [0.0])
    block: tuple[float, float] = (0, 0)


def text_width(text: str, size: float) -> float:
    """A generous estimate: 0.62 em a character covers the usual sans-serif fonts in bold."""
    return len(text) * size * 0.62


def cell_size(array: Array) -> tuple[int, int]:
    """Width and height of a heat map's cell."""
    return (42, 21) if max(array.rows, array.columns) <= ROOMY else (15, 15)


def label_size(array: Array) -> tuple[float, float]:
    """Width and height of a value's label: a number, or a heat map with its caption."""
    if not array.shape:
        return NUMBER_WIDTH, NUMBER_HEIGHT
    (width, height), caption = cell_size(array), f"{shape_text(array.shape)} max|·| 0.000"
    return max(array.columns * width, text_width(caption, CAPTION_SIZE)) + 8, array.rows * height + CAPTION_SIZE + 12


def layout(trace: Trace) -> Layout:
    """Places for every part of the trace's picture."""
    places = _places(trace)
    links = _links(trace, places)
    rows = ordering.order({p.id: p.layer for p in places.values()}, [link for path in links.values() for link in path])
    ys = _heights(rows, places, [link for path in links.values() for link in path])
    return _Drawing(trace, places, rows, ys, links).finished()


def _layers(trace: Trace) -> dict[str, int]:
    """The layer of each input and node."""
    made_by = {name: node.id for node in trace.nodes for name in node.outputs}
    layers: dict[str, int] = {}
    for node in trace.nodes:
        before = [layers[made_by[name]] for name in node.parents if name in made_by]
        layers[node.id] = max(before, default=0) + 1
    for name in trace.inputs:
        readers = [layers[node.id] for node in trace.nodes if name in node.parents]
        layers[_input_id(name)] = min(readers, default=1) - 1
    return layers


def _input_id(name: str) -> str:
    return f"input {name}"  # a node may not be named like an input, but two kinds of ids stay apart more safely


def _places(trace: Trace) -> dict[str, _Place]:
    layers = _layers(trace)
    places = {}
    for name in trace.inputs:
        _, height = label_size(trace.values[name].value)
        width = text_width(display_name(name), 18) + 6
        places[_input_id(name)] = _Place(_input_id(name), layers[_input_id(name)], None, (name,), (width, 24), height, height)
    for node in trace.nodes:
        places[node.id] = _node_place(trace, node, layers[node.id])
    return places


def _node_place(trace: Trace, node: Node, layer: int) -> _Place:
    heights = [label_size(trace.values[name].value)[1] for name in node.outputs]
    offsets, y = [], 0.0
    for height in heights:
        offsets.append(y + height)
        y += 2 * height + 8
    middle = (offsets[0] + offsets[-1]) / 2
    offsets = [offset - middle for offset in offsets]
    width = max(2 * RADIUS, text_width(node.sign, 17) + 18)
    body = (width, max(2 * RADIUS, offsets[-1] - offsets[0] + 24))
    block_width = block_height = 0.0
    for parameter in node.parameters:
        label_width, label_height = label_size(parameter.value)
        block_width = max(block_width, 2 * label_width + 12, text_width(parameter.name, NAME_SIZE))
        block_height += label_height + NAME_HEIGHT + 6
    down = max(body[1] / 2 + NAME_HEIGHT + 2, offsets[-1] + heights[-1] + 4) + block_height
    up = max(body[1] / 2, heights[0] - offsets[0])
    return _Place(node.id, layer, node, node.outputs, body, up, down, offsets, (block_width, block_height))


def _links(trace: Trace, places: dict[str, _Place]) -> dict[tuple[str, int], list[tuple[str, str]]]:
    """For each edge (node, position) the pairs of places that it joins, through new dummies in the layers between."""
    made_by = {name: place.id for place in list(places.values()) for name in place.values}
    links = {}
    for node in trace.nodes:
        for position, read in enumerate(node.reads):
            if read.source is None:
                continue
            path = [made_by[read.source]]
            for layer in range(places[path[0]].layer + 1, places[node.id].layer):
                dummy = f"dummy {node.id}:{position}:{layer}"
                places[dummy] = _Place(dummy, layer)
                path.append(dummy)
            path.append(node.id)
            links[node.id, position] = list(zip(path, path[1:], strict=False))
    return links


def _heights(rows: list[list[str]], places: dict[str, _Place], links: list[tuple[str, str]]) -> dict[str, float]:
    separations = [
        [
            places[a].down + places[b].up + (4 if "dummy" in (a[:5], b[:5]) else ROW_GAP)
            for a, b in zip(row, row[1:], strict=False)
        ]
        for row in rows
    ]
    is_input = {place.id: place.node is None and bool(place.values) for place in places.values()}
    return ordering.straighten(rows, separations, links, is_input)


class _Drawing:
    """Turns rows and heights into boxes and paths."""

    def __init__(self, trace: Trace, places: dict[str, _Place], rows: list[list[str]], ys: dict[str, float], links) -> None:
        self.trace, self.places, self.rows, self.ys, self.links = trace, places, rows, ys, links
        self.columns = self._columns()
        self.nodes: list[NodeBox] = []
        self.stems: dict[str, Stem] = {}
        self.parameters: list[ParameterBox] = []
        for place in places.values():
            if place.values:
                self._place(place)

    def _columns(self) -> list[tuple[float, float, float]]:
        """(left, start of the stems, right) of each layer."""
        columns, x = [], 0.0
        for layer, row in enumerate(self.rows):
            body = max((self.places[id].body[0] for id in row), default=0)
            stems = [label_size(self.trace.values[name].value)[0] for id in row for name in self.places[id].values]
            right = x + max(body + max(stems, default=0), max(self.places[id].block[0] for id in row))
            columns.append((x, x + body, right))
            x = right + self._gap(layer)
        return columns

    def _gap(self, layer: int) -> float:
        """Room for the edges between two layers: the steeper they are, the more; and for labels on edges of a sum."""
        steepness, shares = 0.0, False
        for path in self.links.values():
            for a, b in path:
                if self.places[a].layer == layer:
                    steepness = max(steepness, abs(self.ys[a] - self.ys[b]))
        shares = any(
            self._forks(name) and self.places[path[0][0]].layer == layer
            for path in self.links.values()
            for name in self.places[path[0][0]].values
        )
        return max(COLUMN_GAP + min(50, 0.35 * steepness), NUMBER_WIDTH + 20 if shares else 0)

    def _forks(self, name: str) -> bool:
        return self.trace.values[name].readers > 1

    def _place(self, place: _Place) -> None:
        left, stems, right = self.columns[place.layer]
        y, (width, height) = self.ys[place.id], place.body
        body = Box.around((left + stems) / 2, y, width, height)
        if place.node is None:
            name = place.values[0]
            self.nodes.append(NodeBox(name, True, body, body, display_name(name)))
        else:
            text = display_name(place.id)
            label = Box.around(body.center, body.bottom + NAME_HEIGHT / 2 + 1, text_width(text, NAME_SIZE), NAME_HEIGHT)
            self.nodes.append(NodeBox(place.id, False, body, label, text))
        end = stems + max(
            label_size(self.trace.values[name].value)[0] for id in self.rows[place.layer] for name in self.places[id].values
        )
        for name, offset in zip(place.values, place.offsets, strict=True):
            label_width, label_height = label_size(self.trace.values[name].value)
            x = (stems + end) / 2 - label_width / 2
            self.stems[name] = Stem(
                name,
                body.right,
                end,
                y + offset,
                Box(x, y + offset - label_height, label_width, label_height),
                Box(x, y + offset, label_width, label_height),
                self._forks(name),
                name in self.trace.outputs,
            )
        if place.node is not None and place.node.parameters:
            self._place_parameters(place.node, left, y + place.down - place.block[1])

    def _place_parameters(self, node: Node, left: float, top: float) -> None:
        for parameter in node.parameters:
            width, height = label_size(parameter.value)
            title = Box(left, top + 4, text_width(parameter.name, NAME_SIZE), NAME_HEIGHT)
            value = Box(left, title.bottom, width, height)
            grad = Box(value.right + 12, title.bottom, width, height)
            self.parameters.append(ParameterBox(f"{node.id}.{parameter.name}", parameter.name, title, value, grad))
            top = value.bottom + 2

    def finished(self) -> Layout:
        """The layout, moved so that everything lies inside it."""
        taken = [box for node in self.nodes for box in (node.body, node.name)]
        taken += [box for stem in self.stems.values() for box in (stem.value, stem.grad)]
        taken += [box for found in self.parameters for box in (found.title, found.value, found.grad)]
        routes = self._routes()
        shares: dict[tuple[str, int], Box] = {}
        for (node, position), points in routes.items():
            if self._forks(self._read(node, position).source or ""):
                x, y = (points[0][0] + points[1][0]) / 2, points[0][1] * 0.3 + points[1][1] * 0.7
                shares[node, position] = free_box(Box.around(x, y + 12, 52, 18), [*taken, *shares.values()], reach=6)
        taken += shares.values()
        edges = [self._edge(node, position, points, taken, shares) for (node, position), points in routes.items()]
        boxes = taken + [edge.local for edge in edges if edge.local is not None]
        left, top = min(box.x for box in boxes) - MARGIN, min(box.y for box in boxes) - MARGIN
        right = max(*(box.right for box in boxes), *(stem.end + 12 for stem in self.stems.values())) + MARGIN
        bottom = max(max(box.bottom for box in boxes), *(y for points in routes.values() for _, y in points)) + MARGIN
        return _shifted(
            Layout(
                right - left, bottom - top, tuple(self.nodes), tuple(self.stems.values()), tuple(self.parameters), tuple(edges)
            ),
            -left,
            -top,
        )

    def _read(self, node: str, position: int) -> Read:
        found = self.places[node].node
        assert found is not None
        return found.reads[position]

    def _routes(self) -> dict[tuple[str, int], list[tuple[float, float]]]:
        """For each edge its points: end of the stem, both sides of every dummy's column, and the port at the node."""
        routes = {}
        for (node, position), path in self.links.items():
            stem = self.stems[self._read(node, position).source or ""]
            points = [(stem.end, stem.y)]
            for _, dummy in path[:-1]:
                left, _, right = self.columns[self.places[dummy].layer]
                points += [(left, self.ys[dummy]), (right, self.ys[dummy])]
            routes[node, position] = points
        for node in self.trace.nodes:
            ends = sorted((key for key in routes if key[0] == node.id), key=lambda key: (routes[key][-1][1], key[1]))
            body = next(box.body for box in self.nodes if box.id == node.id and not box.is_input)
            for index, key in enumerate(ends):
                spread = 11 * (2 * index - len(ends) + 1) if len(ends) > 1 else 0
                spread = max(-body.height / 2 + 8, min(body.height / 2 - 8, spread))
                curve = RADIUS - (RADIUS**2 - min(abs(spread), RADIUS) ** 2) ** 0.5
                routes[key].append((body.x + curve, body.y + body.height / 2 + spread))
        return routes

    def _edge(self, node: str, position: int, points, taken: list[Box], shares: dict[tuple[str, int], Box]) -> Edge:
        read = self._read(node, position)
        placed = self.places[node].node
        assert placed is not None
        assert read.source is not None
        text, box = "", None
        if read.contribution is not None and (read.local is not None or read.symbol):
            text = derivative(placed.label, display_name(read.source))
            words = local_text(read)
            symbol = f" = {read.symbol}" if read.symbol and read.symbol != words else ""
            text += symbol if read.local is not None else f" = {read.symbol}"
            width = text_width(text, LOCAL_SIZE) + (text_width(" = −0.0000", LOCAL_SIZE) if read.local is not None else 0)
            body = next(found.body for found in self.nodes if found.id == node and not found.is_input)
            box = free_box(Box.around(body.center, body.y - 13, width, 20), taken, reach=40)
        return Edge(node, position, read.source, tuple(points), box, text, shares.get((node, position)))


def _shifted(found: Layout, dx: float, dy: float) -> Layout:
    def box(old: Box) -> Box:
        return Box(old.x + dx, old.y + dy, old.width, old.height)

    return Layout(
        found.width,
        found.height,
        tuple(NodeBox(n.id, n.is_input, box(n.body), box(n.name), n.text) for n in found.nodes),
        tuple(
            Stem(s.name, s.start + dx, s.end + dx, s.y + dy, box(s.value), box(s.grad), s.forks, s.is_output)
            for s in found.stems
        ),
        tuple(ParameterBox(p.key, p.label, box(p.title), box(p.value), box(p.grad)) for p in found.parameters),
        tuple(
            Edge(
                e.node,
                e.position,
                e.source,
                tuple((x + dx, y + dy) for x, y in e.points),
                box(e.local) if e.local else None,
                e.local_text,
                box(e.share) if e.share else None,
            )
            for e in found.edges
        ),
    )
