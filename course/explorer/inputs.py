"""Inputs: which inputs a module takes, and the given ones as tensors."""

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from course.containers.graph import Graph
from course.containers.unroll import Unroll
from course.device import device
from course.errors import did_you_mean
from course.module import Module, Parameter


def input_names(graph: Any, given: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the inputs; for a forward with `*inputs`, the names that were given."""
    if isinstance(graph, Module):
        return graph.input_names(given)
    parameters = inspect.signature(getattr(graph, "forward", graph)).parameters.values()
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return tuple(given)
    return tuple(p.name for p in parameters if p.default is p.empty or p.name in given)


def as_tensors(module: Any, given: Mapping[str, Any]) -> dict[str, Tensor]:
    """Every input as a tensor, in forward's order.

    A graph that has run already needs none: what it read then is taken. Numbers and lists take the dtype of
    the tensors given beside them, else that of the parameters, else float64, so that the digits on the screen
    are those of the arithmetic.

    Raises:
        ValueError: an input is missing or unknown.
    """
    names = input_names(module, given)
    for name in given:
        if name not in names:
            kind = getattr(module, "__name__", type(module).__name__)
            hint = did_you_mean(name, names)
            takes = f"{hint and '; '}{hint} (the inputs are {', '.join(names)})"
            raise ValueError(f"'{name}' is not an input of this {kind}{takes}")
    if not given and isinstance(module, Graph) and module.saved.filled:
        given = {name: module.values[name] for name in names}
    missing = [name for name in names if name not in given]
    if missing or not names:
        example = ", ".join(f"{name}=…" for name in names or ("x",))
        what = f"input '{missing[0]}'" if missing else "any input"
        never = " and the graph has never run" if isinstance(module, Graph) and not given else ""
        raise ValueError(f"no value is given for {what}{never}: explore(graph, {example})")
    kinds = [
        value.dtype for value in given.values() if isinstance(value, Tensor) and value.is_floating_point()
    ]
    trained = module.parameters() if isinstance(module, Module | torch.nn.Module) else ()
    kinds += [
        (parameter.value if isinstance(parameter, Parameter) else parameter).dtype for parameter in trained
    ]
    dtype = kinds[0] if kinds else torch.float64
    return {name: _as_tensor(given[name], dtype) for name in names}


def _as_tensor(value: Any, dtype: torch.dtype) -> Tensor:
    return value.detach() if isinstance(value, Tensor) else torch.tensor(value, dtype=dtype, device=device())


def unrolled(module: Module, given: Mapping[str, Any]) -> tuple[Module, Mapping[str, Any]]:
    """A loop as the graph of its steps, with their inputs; any other module stays as it is.

    The sequence x becomes the inputs x1, x2, …; the first state of s is called s0.

    Raises:
        ValueError: the sequence or a first state of a loop is missing or unknown.
    """
    if not isinstance(module, Unroll):
        return module, given
    states = [f"{name}0" for name in module.cell.input_names()[1:]]
    unknown = [name for name in given if name not in ("x", *states)]
    missing = [name for name in ("x", *states) if name not in given]
    if unknown or missing:
        wrong = f"'{unknown[0]}' is not an input" if unknown else f"no value is given for '{missing[0]}'"
        call = f"explore(unroll, x=…, {', '.join(f'{state}=…' for state in states)})"
        raise ValueError(f"{wrong}: {call}, x being the sequence")
    sequence = torch.as_tensor(given["x"])
    steps = {f"x{t}": x_t for t, x_t in enumerate(sequence, start=1)}
    return module.graph(len(sequence)), {**steps, **{state: given[state] for state in states}}
