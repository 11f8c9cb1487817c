"""Sources: what can be explored (a Graph, a Chain, a single module) and which inputs it takes."""

import difflib
import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from course.chain import Chain
from course.device import device
from course.graph import Graph
from course.module import Module, as_tuple


def input_names(module: Module, given: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of a module's inputs; for a forward with `*inputs`, the names that were given."""
    if isinstance(module, Graph):
        return module.inputs
    if isinstance(module, Chain):
        return input_names(module[0], given)
    parameters = inspect.signature(module.forward).parameters.values()
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return tuple(given)
    return tuple(p.name for p in parameters if p.default is p.empty or p.name in given)


def as_tensors(module: Module, given: Mapping[str, Any]) -> dict[str, Tensor]:
    """Every input as a tensor, in forward's order.

    Numbers and lists take the dtype of the tensors given beside them, else that of the parameters, else float64, so that the
    digits on the screen are those of the arithmetic.

    Raises:
        ValueError: an input is missing or unknown.
    """
    names = input_names(module, given)
    takes = f"the inputs are {', '.join(names)}"
    for name in given:
        if name not in names:
            nearest = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
            hint = f"; did you mean '{nearest[0]}'?" if nearest else ""
            raise ValueError(f"'{name}' is not an input of this {type(module).__name__}{hint} ({takes})")
    missing = [name for name in names if name not in given]
    if missing:
        example = ", ".join(f"{name}=…" for name in names)
        raise ValueError(f"no value is given for input '{missing[0]}': explore(graph, {example})")
    kinds = [value.dtype for value in given.values() if isinstance(value, Tensor) and value.is_floating_point()]
    kinds += [parameter.value.dtype for parameter in module.parameters()]
    dtype = kinds[0] if kinds else torch.float64
    return {
        name: given[name].detach()
        if isinstance(given[name], Tensor)
        else torch.tensor(given[name], dtype=dtype, device=device())
        for name in names
    }


def as_graph(module: Module, tensors: Mapping[str, Tensor]) -> Graph:
    """The module as a graph: a chain becomes nodes a1, a2, …, a single module one node."""
    if isinstance(module, Graph):
        return module
    graph = Graph(*tensors)
    reads: tuple[str, ...] = tuple(tensors)
    values = dict(tensors)
    links = module.modules if isinstance(module, Chain) else [module]
    letter = next(letter for letter in ("a", "h", "u", "a_") if not any(name.startswith(letter) for name in tensors))
    for position, link in enumerate(links, start=1):
        name = f"{letter}{position}" if len(links) > 1 else letter
        # Only running the module tells how many outputs it has.
        results = as_tuple(link(*(values[read] for read in reads)))
        outputs = (name,) if len(results) == 1 else tuple(f"{name}_{number}" for number in range(len(results)))
        graph.add(name, link, *reads, outputs=outputs)
        values.update(zip(outputs, results, strict=True))
        reads = outputs
    return graph
