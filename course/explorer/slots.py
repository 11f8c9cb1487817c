"""Slots: what takes up room in each layer of a drawing, and how much."""

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

from course.explorer.boxes import Box
from course.explorer.trace import ROOMY, Array, Trace, TracedNode, TracedParameter
from course.explorer.wording import shape_text

NUMBER_WIDTH, NUMBER_HEIGHT = 62, 21  # "−0.0358" in bold at 16 px
RADIUS, NAME_HEIGHT, NAME_SIZE = 20, 18, 15
CAPTION_SIZE = 13


@dataclass(frozen=True, kw_only=True)
class Slot:
    """What takes up room in a layer: an input, a node, or a dummy where a long edge passes.

    Its measures are known first. The layout then says where it stands: `at`.
    """

    id: str
    layer: int
    values: tuple[str, ...] = ()
    """The names of the values that come out of it; none out of a dummy."""
    is_input: bool = False
    text: str = ""
    """An input's label, or what stands below a node."""
    text_width: float = 0
    size: tuple[float, float] = (0, 0)
    """Width and height of the circle, pill or label itself."""
    up: float = 9
    down: float = 9
    """How far it reaches above and below its own height."""
    offsets: tuple[float, ...] = ()
    """The heights of its values' stems, from its own."""
    block: tuple[float, float] = (0, 0)
    """Width and height of the list of parameters below it."""
    left: float = 0
    y: float = 0

    def at(self, left: float, y: float) -> "Slot":
        """The slot where it stands in the drawing: its body's left side, and its height."""
        return replace(self, left=left, y=y)

    @property
    def is_dummy(self) -> bool:
        """Whether only a long edge passes here."""
        return not self.values

    @cached_property
    def body(self) -> Box:
        """The circle or pill of a node, the label of an input."""
        width, height = self.size
        return Box(self.left, self.y - height / 2, width, height)

    @cached_property
    def name(self) -> Box:
        """The text below a node; an input's label is all of it."""
        if self.is_input:
            return self.body
        return Box.around(
            self.body.center, self.body.bottom + NAME_HEIGHT / 2 + 1, self.text_width, NAME_HEIGHT
        )


def text_width(text: str, size: float) -> float:
    """A generous estimate: 0.62 em a character covers the usual sans-serif fonts in bold."""
    return len(text) * size * 0.62


def cell_size(array: Array) -> tuple[int, int]:
    """Width and height of a heat map's cell."""
    return (40, 22) if max(array.rows, array.columns) <= ROOMY else (15, 15)


def label_size(array: Array | None) -> tuple[float, float]:
    """Width and height of a value's label: a number, also one never computed, or a heat map."""
    if array is None or not array.shape:
        return NUMBER_WIDTH, NUMBER_HEIGHT
    width, height = cell_size(array)
    caption = f"[{shape_text(array.shape)}]" + ("" if array.roomy else " max|·| 0.000")
    return max(
        array.columns * width, 0.9 * text_width(caption, CAPTION_SIZE)
    ) + 8, array.rows * height + CAPTION_SIZE + 12


def parameter_size(parameter: TracedParameter) -> tuple[float, float]:
    """Width and height of a parameter's value, and of its gradient beside it."""
    width, height = label_size(parameter.value)
    return max(width, text_width(f"∂loss/∂{parameter.name}", NAME_SIZE)), height


def name_text(node: TracedNode) -> str:
    """What stands below a node: its name, or how much is folded away in it; θ if it shares parameters."""
    inside = f"{node.folds} node{'s' * (node.folds != 1)} folded" if node.folds else node.label
    return f"{inside} θ" if node.shared else inside


def skeleton(trace: Trace) -> tuple[object, ...]:
    """What a drawing's layout depends on: everything but the numbers."""
    values = tuple(
        (name, value.value and value.value.shape, value.readers, value.wrong)
        for name, value in trace.values.items()
    )
    reads = tuple(
        (
            node.id,
            node.sign,
            node.note,
            read.source,
            read.symbol,
            read.local is None,
            read.contribution is None,
            read.wrong,
        )
        for node in trace.nodes
        for read in node.reads
    )
    parameters = tuple(
        (node.id, parameter.name, parameter.value.shape, parameter.wrong)
        for node in trace.nodes
        for parameter in node.parameters
    )
    return values, reads, parameters, tuple(parameter.key for parameter in trace.shared), trace.parts


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
    """The id of an input's slot."""
    return f"input {name}"


def slots_of(trace: Trace) -> dict[str, Slot]:
    """A slot for every input and node, by its id."""
    layers = layers_of(trace)
    slots = [_input_slot(trace, name, layers[input_id(name)]) for name in trace.inputs]
    slots += [_node_slot(trace, node, layers[node.id]) for node in trace.nodes]
    return {slot.id: slot for slot in slots}


def _input_slot(trace: Trace, name: str, layer: int) -> Slot:
    label = trace.values[name].label
    _, height = label_size(trace.values[name].value)
    return Slot(
        id=input_id(name),
        layer=layer,
        values=(name,),
        is_input=True,
        text=label,
        size=(text_width(label, 18) + 6, 24),
        up=height,
        down=height,
        offsets=(0.0,),
    )


def _node_slot(trace: Trace, node: TracedNode, layer: int) -> Slot:
    heights = [label_size(trace.values[name].value)[1] for name in node.outputs]
    offsets, y = [], 0.0
    for height in heights:
        offsets.append(y + height)
        y += 2 * height + 8
    middle = (offsets[0] + offsets[-1]) / 2
    offsets = tuple(offset - middle for offset in offsets)
    size = (max(2 * RADIUS, text_width(node.sign, 17) + 18), max(2 * RADIUS, offsets[-1] - offsets[0] + 24))
    block_width = block_height = 0.0
    for parameter in node.parameters:
        label_width, label_height = parameter_size(parameter)
        block_width = max(block_width, 2 * label_width + 12)
        block_height += label_height + NAME_HEIGHT + 6
    text = name_text(node)
    return Slot(
        id=node.id,
        layer=layer,
        values=node.outputs,
        text=text,
        text_width=text_width(text, NAME_SIZE),
        size=size,
        up=max(size[1] / 2, heights[0] - offsets[0]),
        down=max(size[1] / 2 + NAME_HEIGHT + 2, offsets[-1] + heights[-1] + 4) + block_height,
        offsets=offsets,
        block=(block_width, block_height),
    )


def links_of(trace: Trace, slots: dict[str, Slot]) -> dict[tuple[str, int], list[tuple[str, str]]]:
    """For each edge (node, position) the pairs of slots that it joins.

    An edge across several layers passes a dummy in each layer between: these are added to `slots`.
    """
    made_by = {name: slot.id for slot in slots.values() for name in slot.values}
    links = {}
    for node in trace.nodes:
        for position, read in enumerate(node.reads):
            if read.source is None:
                continue
            path = [made_by[read.source]]
            first = slots[path[0]].layer + 1
            for layer in range(first, slots[node.id].layer):
                dummy = f"dummy {node.id}:{position}:{layer}"
                # Behind a fork the edge's part of the sum is written above its line.
                labeled = layer == first and trace.values[read.source].readers > 1
                slots[dummy] = Slot(id=dummy, layer=layer, up=22 if labeled else 9)
                path.append(dummy)
            path.append(node.id)
            links[node.id, position] = list(pairwise(path))
    return links
