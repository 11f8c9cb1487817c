"""Running: a flat graph's forward and backward pass, node by node, with every tensor and the first error."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from course.containers.graph import Graph, Node
from course.errors import InputError
from course.explorer.flatten import FlatGraph
from course.explorer.foreign import Foreign
from course.gradients import numerical_gradients, sample
from course.module import Module, Parameter, as_tuple

MEASURED = 256
"""Check mode measures this many numbers of a tensor at most, drawn at random."""


Handed = tuple[Tensor | None, ...]
"""What a node's backward returned, for each of its reads."""


@dataclass(frozen=True)
class ParameterUse:
    """A parameter as one node uses it: what that node's backward adds to its gradient."""

    name: str
    parameter: Parameter
    added: Tensor | None
    numeric: Tensor | None = None


@dataclass(frozen=True, kw_only=True)
class NodeRun(Node):
    """A graph's node as it ran. A folded part is one, too: its module is the Graph of what is folded away."""

    around: tuple[str, ...] = ()
    """The parts that it lies in, outermost first."""
    handed: Handed = ()
    locals: tuple[Tensor | None, ...] = ()
    """For each read ∂output/∂read, where the output and all that is read are numbers."""
    numeric: tuple[Tensor | None, ...] = ()
    """For each read the gradient by central differences, in check mode."""
    uses: tuple[ParameterUse, ...] = ()
    members: tuple["NodeRun", ...] = ()
    """What is folded away in it."""


@dataclass(frozen=True)
class Failure:
    """The node at which a pass broke off, and why."""

    node: str | None
    phase: str
    message: str


@dataclass(frozen=True, kw_only=True)
class GraphRun:
    """Everything that happened in a graph's forward and backward pass."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    nodes: tuple[NodeRun, ...]
    values: dict[str, Tensor]
    grads: dict[str, Tensor]
    seeds: dict[str, Tensor]
    seeds_given: bool
    labels: dict[str, str]
    parts: dict[str, tuple[str, ...]]
    """The nodes of each part, the outer parts before those within."""
    checked: bool = False
    failure: Failure | None = None
    shared: dict[int, int] = field(default_factory=dict)
    """How many nodes use a parameter, by the parameter's id."""


def run_graph(
    flat: FlatGraph, tensors: Sequence[Tensor], grad_output: Any = None, *, check: bool = False
) -> GraphRun:
    """Forward and backward pass. `flat` must be a private copy: its modules' memory and gradients change.

    Args:
        flat: from `flatten` or from `torch_calls.record`.
        tensors: the inputs in order.
        grad_output: the gradient of the output (a tuple if there are several); ones when left out.
        check: compare each node's backward with central differences; the copy is then moved to float64.
    """
    graph = flat.graph
    if check:
        graph.to(dtype=torch.float64)
        tensors = [tensor.double() if tensor.is_floating_point() else tensor for tensor in tensors]
    graph.zero_grad()
    values, failure = _forward(graph, tensors)
    seeds: dict[str, Tensor] = {}
    grads: dict[str, Tensor] = {}
    handed: dict[str, Handed] = {}
    if failure is None:
        seeds = _seeds(graph, values, grad_output)
        grads, handed, failure = _backward(graph, seeds)
    with torch.no_grad():
        nodes = tuple(_run_node(flat, node, values, grads, handed, check) for node in graph.nodes.values())
    return GraphRun(
        inputs=graph.inputs,
        outputs=graph.outputs,
        nodes=nodes,
        values=values,
        grads=grads,
        seeds=seeds,
        seeds_given=grad_output is not None,
        labels=flat.labels,
        parts={part: tuple(flat.members(part)) for part in flat.parts()},
        checked=check,
        failure=failure,
        shared=Counter(id(use.parameter) for node in nodes for use in node.uses),
    )


def _forward(graph: Graph, tensors: Sequence[Tensor]) -> tuple[dict[str, Tensor], Failure | None]:
    values = dict(zip(graph.inputs, tensors, strict=True))
    if type(graph).forward is not Graph.forward:  # a graph whose forward is a student's own
        try:
            graph.forward(*tensors)
        except Exception as error:
            return dict(graph.values) if graph.saved.filled else values, Failure(
                None, "forward", explain(error)
            )
        return dict(graph.values), None
    for node in graph.nodes.values():
        try:
            results = as_tuple(node.module(*graph.inputs_of(node, values)))
            if len(results) != len(node.outputs) or not all(isinstance(result, Tensor) for result in results):
                kinds = ", ".join(type(result).__name__ for result in results)
                raise TypeError(
                    f"forward returned {kinds}, not {'a tensor' if len(node.outputs) == 1 else 'tensors'}"
                )
        except Exception as error:  # whatever a student's forward may raise is shown at its node
            graph.save(**values)
            return values, Failure(node.name, "forward", explain(error))
        values |= dict(zip(node.outputs, results, strict=True))
    graph.save(**values)
    graph.output_shapes = tuple(values[name].shape for name in graph.outputs)
    graph.grads = {}
    return values, None


def _seeds(graph: Graph, values: dict[str, Tensor], grad_output: Any) -> dict[str, Tensor]:
    outputs = [values[name] for name in graph.outputs]
    if grad_output is None:
        seeds = [torch.ones_like(output) for output in outputs]
    else:
        given = as_tuple(grad_output) if len(outputs) > 1 else (grad_output,)
        seeds = [torch.as_tensor(seed).to(output) for seed, output in zip(given, outputs, strict=True)]
    return dict(zip(graph.outputs, seeds, strict=True))


def _backward(
    graph: Graph, seeds: dict[str, Tensor]
) -> tuple[dict[str, Tensor], dict[str, Handed], Failure | None]:
    """The graph's own backward, listened to: what arrives at a node, what it hands on, where it breaks off.

    What a node hands on counts only where it is sure to follow from all that arrived: a student's graph may
    ask too early.
    """
    arrived, handed, failures = dict(seeds), dict[str, Handed](), []
    for node in graph.nodes.values():
        vars(node.module)["backward"] = _listener(graph, node, arrived, handed, failures)
    try:
        graph.backward(*seeds.values())
    except Exception as error:  # whatever a student's backward may raise is shown at its node
        return arrived, {}, failures[0] if failures else Failure(None, "backward", explain(error))
    finally:
        for node in graph.nodes.values():
            vars(node.module).pop("backward", None)
        graph.zero_grad()
    return dict(graph.grads), handed if type(graph).backward is Graph.backward else {}, None


def _listener(
    graph: Graph, node: Node, arrived: dict[str, Tensor], handed: dict[str, Handed], failures: list[Failure]
) -> Callable[..., Handed]:
    own = node.module.backward

    def backward(*arriving: Tensor) -> Handed:
        arrived.update(zip(node.outputs, arriving, strict=True))
        try:
            handed[node.name] = _gradients(graph, node, own(*arriving))
            return handed[node.name]
        except Exception as error:
            failures.append(Failure(node.name, "backward", explain(error)))
            raise

    return backward


def _gradients(graph: Graph, node: Node, returned: Any) -> Handed:
    """What a node's backward returned, as a gradient for each of its reads.

    Raises:
        TypeError, ValueError: it is something else, or has another shape than what was read.
    """
    handed = as_tuple(returned)
    if len(handed) != len(node.reads):
        raise ValueError(f"backward returned {len(handed)} gradients for {len(node.reads)} inputs")
    for read, grad in zip(node.reads, handed, strict=True):
        if not isinstance(read, str) or grad is None:
            continue
        value = graph.values[read]
        if not isinstance(grad, Tensor):
            raise TypeError(f"backward returned a {type(grad).__name__} for '{read}', not a tensor")
        if grad.shape != value.shape:
            shapes = f"shape {tuple(grad.shape)} for '{read}', which has shape {tuple(value.shape)}"
            raise ValueError(f"backward returned {shapes}")
    return handed


def _run_node(
    flat: FlatGraph,
    node: Node,
    values: dict[str, Tensor],
    grads: dict[str, Tensor],
    known: dict[str, Handed],
    check: bool,
) -> NodeRun:
    """A node as it ran: what it hands back, what it adds to each parameter, its local derivatives."""
    nothing = (None,) * len(node.reads)
    ran = NodeRun(
        name=node.name,
        module=node.module,
        reads=node.reads,
        outputs=node.outputs,
        around=flat.groups[node.name],
        handed=nothing,
        locals=nothing,
        numeric=nothing,
        uses=tuple(
            ParameterUse(name.removeprefix("inner."), parameter, None)
            for name, parameter in node.module.named_parameters()
        ),
    )
    if not any(name in grads for name in node.outputs) or not all(name in values for name in node.outputs):
        return ran
    try:
        ran = _handing_back(ran, flat.graph, values, grads, known.get(node.name))
    except Exception:  # the run has its message already
        return ran
    return _measure(ran, flat.graph, values, grads) if check else ran


def _handing_back(
    node: NodeRun, graph: Graph, values: dict[str, Tensor], grads: dict[str, Tensor], known: Handed | None
) -> NodeRun:
    """A node with what its backward, run by itself, hands back and adds; its parameters' gradients stay."""
    before = [use.parameter.grad.clone() for use in node.uses]
    try:
        if node.uses or known is None:
            node.module.zero_grad()
            arriving = [grads.get(name, torch.zeros_like(values[name])) for name in node.outputs]
            handed = _gradients(graph, node, node.module.backward(*arriving))
        else:
            handed = known
        uses = tuple(replace(use, added=use.parameter.grad.clone()) for use in node.uses)
        around = (*(values[name] for name in node.outputs), *graph.inputs_of(node, values))
        single = len(node.outputs) == 1 and all(value.dim() == 0 for value in around)
        if not single or all(grad is None for grad in handed):
            return replace(node, handed=tuple(handed), uses=uses)
        local = as_tuple(node.module.backward(torch.ones_like(around[0])))
        return replace(node, handed=tuple(handed), locals=tuple(local), uses=uses)
    finally:
        for use, grad in zip(node.uses, before, strict=True):
            use.parameter.grad = grad


def _measure(node: NodeRun, graph: Graph, values: dict[str, Tensor], grads: dict[str, Tensor]) -> NodeRun:
    """A node that has run, with numeric gradients beside its own."""
    reads = list(graph.inputs_of(node, values))
    moving = [
        index
        for index, read in enumerate(reads)
        if read.is_floating_point() and isinstance(node.reads[index], str)
    ]
    # A share keeps nothing of what it computes here in the module that has run.
    twin = node.module.share()

    def function(*moved: Tensor) -> Any:
        placed, trained = list(reads), moved[len(moving) :]
        for index, tensor in zip(moving, moved, strict=False):
            placed[index] = tensor
        old = [use.parameter.value for use in node.uses]
        try:
            for use, value in zip(node.uses, trained, strict=True):
                use.parameter.value = value
            return twin(*placed)
        finally:
            for use, value in zip(node.uses, old, strict=True):
                use.parameter.value = value

    tensors = [*(reads[index] for index in moving), *(use.parameter.value for use in node.uses)]
    rng = torch.Generator(device=tensors[0].device if tensors else "cpu").manual_seed(0)
    at = [sample([tensor], MEASURED, rng)[0] if tensor.numel() > MEASURED else None for tensor in tensors]
    try:
        gradients = numerical_gradients(
            function, tensors, [grads[name] for name in node.outputs], at=at, skip_kinks=True
        )
    except Exception:  # a forward that cannot be moved has no numeric gradient
        return node
    numeric: list[Tensor | None] = [None] * len(reads)
    for index, gradient in zip(moving, gradients, strict=False):
        numeric[index] = gradient
    uses = tuple(
        replace(use, numeric=gradient)
        for use, gradient in zip(node.uses, gradients[len(moving) :], strict=True)
    )
    return replace(node, numeric=tuple(numeric), uses=uses)


def explain(error: BaseException) -> str:
    """An error in one line: its kind, where the message does not say it, and the message's first line."""
    kind = "" if isinstance(error, InputError) else f"{type(error).__name__}: "
    return f"{kind}{error}".strip().splitlines()[0] if str(error) else type(error).__name__


def source_name(module: Module) -> str:
    """The class that a reader would name."""
    return type(module.inner if isinstance(module, Foreign) else module).__name__


def arguments(module: Module) -> tuple[str, ...]:
    """The names of forward's inputs; empty for `*inputs`."""
    return module.input_names()


def finite(tensor: Tensor) -> bool:
    """Whether no NaN and no infinity is in it."""
    return bool(tensor.isfinite().all()) if tensor.dim() else math.isfinite(tensor.item())
