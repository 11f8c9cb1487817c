"""Flatten: any network as one flat graph, in which each node knows the parts that it lies in."""

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from course.containers.chain import Chain
from course.containers.graph import Graph, Node
from course.containers.residual import Residual
from course.module import Module, as_tuple
from course.modules import Add

LIMIT = 2000
"""With more nodes than this in no parts, there is nothing to fold and no picture that anyone could read."""


@dataclass
class FlatGraph:
    """A graph without graphs inside it.

    `groups` has for each node the parts around it, outermost first; `labels` has what nodes, values and parts
    are called.
    """

    graph: Graph
    groups: dict[str, tuple[str, ...]]
    labels: dict[str, str] = field(default_factory=dict)

    def members(self, group: str) -> list[str]:
        """The nodes of a part, in their order."""
        return [node for node, around in self.groups.items() if group in around]

    def parts(self) -> list[str]:
        """Every part, the outer ones before those within."""
        return list(dict.fromkeys(part for around in self.groups.values() for part in around))

    def add_part(self, part: str, members: Iterable[str]) -> None:
        """Make a part of some nodes.

        Raises:
            ValueError: a member is unknown, the part lies half in another, or a path leaves and comes back.
        """
        wanted = list(members)
        unknown = [name for name in wanted if name not in self.graph.nodes]
        if unknown:
            nodes = ", ".join(self.graph.nodes)
            raise ValueError(f"fold: part '{part}' names '{unknown[0]}', which is no node: there are {nodes}")
        if part in self.graph.nodes or part in self.parts():
            raise ValueError(f"fold: the name '{part}' is taken: choose another for the part")
        if len(wanted) < 2:
            raise ValueError(
                f"fold: part '{part}' has {len(wanted)} node: there is nothing to fold below two"
            )
        for other in self.parts():
            inside = set(self.members(other))
            if inside & set(wanted) and not inside <= set(wanted) and not set(wanted) <= inside:
                raise ValueError(
                    f"fold: part '{part}' cuts through part '{other}': let one lie within the other"
                )
        self.graph.nodes = {name: self.graph.nodes[name] for name in _together(self.graph, part, set(wanted))}
        depth = {
            name: len([p for p in self.groups[name] if not set(self.members(p)) <= set(wanted)])
            for name in wanted
        }
        groups = {
            name: (*a[: depth[name]], part, *a[depth[name] :]) if name in depth else a
            for name, a in self.groups.items()
        }
        self.groups = {name: groups[name] for name in self.graph.nodes}
        self.labels[part] = part


def flatten(
    module: Module, tensors: Mapping[str, Tensor], fold: Mapping[str, Sequence[str]] | None = None
) -> FlatGraph:
    """A module as a flat graph: what is inside graphs, chains and residual blocks becomes nodes.

    Args:
        module: a Graph, a Chain, a Residual or any single module.
        tensors: its inputs by name.
        fold: further parts by name, each with the names of its nodes.

    Raises:
        ValueError: a part of `fold` names an unknown node, lies half in another part, or has a path that
            leaves it and comes back.
    """
    graph = module if isinstance(module, Graph) else _as_graph(module, tensors)
    # A student's own kind of graph keeps its own backward.
    flat = type(graph).__new__(type(graph))
    vars(flat).update({**vars(graph), "nodes": {}, "grads": {}})
    flattened = FlatGraph(flat, {})
    for node, around in _inside(graph, (), {}, flattened.labels):
        flat.nodes[node.name], flattened.groups[node.name] = node, around
    for part, members in (fold or {}).items():
        flattened.add_part(part, members)
    return flattened


def _as_graph(module: Module, tensors: Mapping[str, Tensor]) -> Graph:
    """A chain as nodes a1, a2, …; a residual block as its paths and their sum; else as one node."""
    letter = next(
        letter for letter in ("a", "h", "u", "a_") if not any(name.startswith(letter) for name in tensors)
    )
    graph = Graph(*tensors)
    if isinstance(module, Residual):
        (read,) = tensors
        graph.add("h", module.module, read)
        if module.shortcut is not None:
            graph.add("s", module.shortcut, read)
        graph.add(letter, Add(), "h", read if module.shortcut is None else "s")
        return graph
    links = module.modules if isinstance(module, Chain) else [module]
    reads: tuple[str, ...] = tuple(tensors)
    values: dict[str, Tensor | None] = dict(tensors)
    for position, link in enumerate(links, start=1):
        name = f"{letter}{position}" if len(links) > 1 else letter
        results = _outputs(link, [values[read] for read in reads])
        outputs = (
            (name,) if len(results) == 1 else tuple(f"{name}_{number}" for number in range(len(results)))
        )
        graph.nodes[name] = Node(name, link, reads, outputs)
        values.update(zip(outputs, results, strict=True))
        reads = outputs
    return graph


def _outputs(link: Module, given: list[Tensor | None]) -> tuple[Tensor | None, ...]:
    """What a link of a chain hands on: only running it tells how many outputs it has; one where it fails."""
    if any(value is None for value in given):
        return (None,)
    try:
        return as_tuple(copy.deepcopy(link)(*given))
    except Exception:  # the run will meet it again, and say at which node
        return (None,)


def _inside(
    graph: Graph, around: tuple[str, ...], names: dict[str, str], labels: dict[str, str]
) -> Iterator[tuple[Node, tuple[str, ...]]]:
    """The nodes of a graph and of what is inside; `names`: what its inputs and outputs are called outside."""
    prefix = f"{around[-1]}/" if around else ""
    for node in graph.nodes.values():
        name, outputs = (
            f"{prefix}{node.name}",
            tuple(names.setdefault(output, f"{prefix}{output}") for output in node.outputs),
        )
        reads = tuple(names.get(read, read) if isinstance(read, str) else read for read in node.reads)
        labels |= {name: node.name} | {
            value: output for value, output in zip(outputs, node.outputs, strict=True) if prefix in value
        }
        inner = _opened(node)
        if inner is None:
            yield Node(name, node.module, reads, outputs), around
            continue
        given = dict(zip(inner.inputs, map(str, reads), strict=True)) | dict(
            zip(inner.outputs, outputs, strict=True)
        )
        yield from _inside(inner, (*around, name), given, labels)


def _opened(node: Node) -> Graph | None:
    """What is inside a node, as a graph; None where nothing is, or where it cannot be told apart."""
    module = node.module
    if type(module) is Graph:
        inner = module
    elif (
        type(module) in (Chain, Residual)
        and len(node.reads) == len(node.outputs) == 1
        and isinstance(node.reads[0], str)
    ):
        inner = _opened_chain(module) if isinstance(module, Chain) else _as_graph(module, {"in": Tensor()})
    else:
        return None
    passed = set(inner.outputs) & set(inner.inputs)
    plain = all(isinstance(read, str) for read in node.reads)
    return inner if plain and not passed and len(set(inner.outputs)) == len(inner.outputs) else None


def _opened_chain(chain: Chain) -> Graph:
    graph, read = Graph("in"), "in"
    for position, link in enumerate(chain.modules, start=1):
        graph.nodes[f"a{position}"] = Node(f"a{position}", link, (read,), (f"a{position}",))
        read = f"a{position}"
    return graph


def _together(graph: Graph, part: str, members: set[str]) -> list[str]:
    """The nodes in an order in which the part's nodes stand together."""
    made_by = {output: node.name for node in graph.nodes.values() for output in node.outputs}
    before: list[str] = []
    after: list[str] = []
    for node in graph.nodes.values():
        if node.name in members:
            continue
        needs = {made_by[read] for read in node.reads if isinstance(read, str) and read in made_by}
        (after if needs & (members | set(after)) else before).append(node.name)
    for name in members:
        needs = {
            made_by[read] for read in graph.nodes[name].reads if isinstance(read, str) and read in made_by
        }
        if around := needs & set(after):
            raise ValueError(
                f"fold: a path leaves part '{part}' and comes back through '{min(around)}': fold that in, too"
            )
    return [*before, *(name for name in graph.nodes if name in members), *after]
