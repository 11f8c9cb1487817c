"""Places: what takes room in each layer of a drawing, and how much."""

from dataclasses import dataclass, field
from itertools import pairwise

from course.explorer.trace import ROOMY, Array, Trace, TracedNode, TracedParameter
from course.explorer.wording import shape_text

NUMBER_WIDTH, NUMBER_HEIGHT = 62, 21  # "−0.0358" in bold at 16 px
RADIUS, NAME_HEIGHT, NAME_SIZE = 20, 18, 15
CAPTION_SIZE = 13


@dataclass
class Slot:
    """What takes up a place in a layer: an input, a node, or a dummy where a long edge passes."""

    id: str
    layer: int
    node: TracedNode | None = None
    values: tuple[str, ...] = ()
    body: tuple[float, float] = (0, 0)
    up: float = 9
    down: float = 9
    """How far it reaches above and below its own height."""
    offsets: list[float] = field(default_factory=lambda: [0.0])
    """The heights of its values' stems, from its own."""
    named: float = 0
    """The width of the name below it."""
    block: tuple[float, float] = (0, 0)
    """Width and height of the list of parameters below it."""

    @property
    def is_input(self) -> bool:
        """Whether it is an input of the graph."""
        return self.node is None and bool(self.values)

    @property
    def is_dummy(self) -> bool:
        """Whether only a long edge passes here."""
        return not self.values


def text_width(text: str, size: float) -> float:
    """A generous estimate: 0.62 em a character covers the usual sans-serif fonts in bold."""
    return len(text) * size * 0.62


def cell_size(array: Array) -> tuple[int, int]:
    """Width and height of a heat map's cell."""
    return (40, 22) if max(array.rows, array.columns) <= ROOMY else (15, 15)


def label_size(array: Array | None) -> tuple[float, float]:
    """Width and height of a value's label: a number, or a heat map with its caption; a value never computed is a number."""
    if array is None or not array.shape:
        return NUMBER_WIDTH, NUMBER_HEIGHT
    width, height = cell_size(array)
    caption = f"[{shape_text(array.shape)}]" + ("" if array.roomy else " max|·| 0.000")
    return max(array.columns * width, 0.9 * text_width(caption, CAPTION_SIZE)) + 8, array.rows * height + CAPTION_SIZE + 12


def parameter_size(parameter: TracedParameter) -> tuple[float, float]:
    """Width and height of a parameter's value, and of its gradient beside it."""
    width, height = label_size(parameter.value)
    return max(width, text_width(f"∂loss/∂{parameter.name}", NAME_SIZE)), height


def name_text(node: TracedNode) -> str:
    """What stands below a node: its name, how much is folded away in it, and θ where it uses shared parameters."""
    inside = f"{node.folds} node{'s' * (node.folds != 1)} folded" if node.folds else node.label
    return f"{inside} θ" if node.shared else inside


def skeleton(trace: Trace) -> tuple[object, ...]:
    """What a drawing's places depend on: everything but the numbers."""
    values = tuple(
        (name, value.value and value.value.shape, value.readers, value.wrong) for name, value in trace.values.items()
    )
    reads = tuple(
        (node.id, node.sign, node.note, read.source, read.symbol, read.local is None, read.contribution is None, read.wrong)
        for node in trace.nodes
        for read in node.reads
    )
    parameters = tuple(
        (node.id, found.name, found.value.shape, found.wrong) for node in trace.nodes for found in node.parameters
    )
    return values, reads, parameters, tuple(found.key for found in trace.shared), trace.parts


def layers_of(trace: Trace) -> dict[str, int]:
    """The layer of each input and node."""
    made_by = {name: node.id for node in trace.nodes for name in node.outputs}
    layers: dict[str, int] = {}
    for node in trace.nodes:
        before = [layers[made_by[name]] for name in node.parents if name in made_by]
        layers[node.id] = max(before, default=0) + 1 if node.parents else 0
    for name in trace.inputs:
        readers = [layers[node.id] for node in trace.nodes if name in node.parents]
        layers[input_id(name)] = min(readers, default=1) - 1
    return layers


def input_id(name: str) -> str:
    """The id of an input's place."""
    return f"input {name}"


def slots_of(trace: Trace) -> dict[str, Slot]:
    """A place for every input and node."""
    layers = layers_of(trace)
    places = {}
    for name in trace.inputs:
        _, height = label_size(trace.values[name].value)
        width = text_width(trace.values[name].label, 18) + 6
        places[input_id(name)] = Slot(input_id(name), layers[input_id(name)], None, (name,), (width, 24), height, height)
    for node in trace.nodes:
        places[node.id] = _node_slot(trace, node, layers[node.id])
    return places


def _node_slot(trace: Trace, node: TracedNode, layer: int) -> Slot:
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
        label_width, label_height = parameter_size(parameter)
        block_width = max(block_width, 2 * label_width + 12)
        block_height += label_height + NAME_HEIGHT + 6
    down = max(body[1] / 2 + NAME_HEIGHT + 2, offsets[-1] + heights[-1] + 4) + block_height
    up = max(body[1] / 2, heights[0] - offsets[0])
    named = text_width(name_text(node), NAME_SIZE)
    return Slot(node.id, layer, node, node.outputs, body, up, down, offsets, named, (block_width, block_height))


def links_of(trace: Trace, places: dict[str, Slot]) -> dict[tuple[str, int], list[tuple[str, str]]]:
    """For each edge (node, position) the pairs of places that it joins, through new dummies in the layers between."""
    made_by = {name: place.id for place in list(places.values()) for name in place.values}
    links = {}
    for node in trace.nodes:
        for position, read in enumerate(node.reads):
            if read.source is None:
                continue
            path = [made_by[read.source]]
            first = places[path[0]].layer + 1
            for layer in range(first, places[node.id].layer):
                dummy = f"dummy {node.id}:{position}:{layer}"
                # Behind a fork the edge's part of the sum is written above its line.
                labeled = layer == first and trace.values[read.source].readers > 1
                places[dummy] = Slot(dummy, layer, up=22 if labeled else 9)
                path.append(dummy)
            path.append(node.id)
            links[node.id, position] = list(pairwise(path))
    return links
