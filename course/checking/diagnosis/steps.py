"""Mistakes on the way through forward: one of its steps differentiated wrongly, or one of its paths left out.

The true forward is taken apart into torch's elementary operations. Then it is run again and again, each time
without the gradient of one path; what that path contributes also tells what a wrong sign or factor on it
would do.
"""

import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, fx

from course.checking.diagnosis.mistakes import Hypothesis, Mistake
from course.checking.diagnosis.suspect import Suspect
from course.checking.truth import Truth, by_autograd
from course.modes import any_numbers, recording

MOST_STEPS = 120
"""Forwards with more operations than this are not taken apart: there is no time to try them all."""

REDUCTIONS = {
    "sum",
    "mean",
    "var",
    "var_mean",
    "std",
    "amax",
    "amin",
    "logsumexp",
    "linalg_vector_norm",
    "norm",
    "max",
    "min",
}


class Steps:
    """A true forward as elementary operations; it can run with one of them differentiated wrongly."""

    def __init__(self, truth: Truth) -> None:
        self.truth = truth
        self.program = _take_apart(truth)
        self._known: dict[frozenset[tuple[fx.Node, fx.Node]], dict[str, np.ndarray] | None] = {}

    def edges(self) -> Iterator[tuple[fx.Node, fx.Node]]:
        """Pairs of an operation and one that it reads, if a gradient flows between them."""
        if self.program is None:
            return
        nodes = [node for node in self.program.graph.nodes if node.op == "call_function"]
        if len(nodes) > MOST_STEPS:
            return
        flowing = set()
        for node in self.program.graph.nodes:
            if node.op == "placeholder" or any(read in flowing for read in node.all_input_nodes):
                flowing.add(node)
        for node in nodes:
            for read in node.all_input_nodes:
                if read in flowing and _is_float(read):
                    yield node, read

    def without(self, edges: frozenset[tuple[fx.Node, fx.Node]]) -> dict[str, np.ndarray] | None:
        """The gradients of all tensors when none flows along some edges."""
        program = self.program
        assert program is not None
        if edges not in self._known:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._known[edges] = by_autograd(
                    lambda *leaves: _run(program, edges, leaves), self.truth.tensors, self.truth.grad_outputs
                )
        return self._known[edges]


def _run(program: fx.GraphModule, edges: frozenset[tuple[fx.Node, fx.Node]], inputs: Sequence[Tensor]) -> Any:
    """The outputs of the operations, run one by one; no gradient flows along some edges.

    By hand, because torch's own Interpreter loses track of references when it runs many thousand times.
    """
    values: dict[fx.Node, Any] = {}
    given = iter(inputs)

    def read(value: Any, by: fx.Node) -> Any:
        if isinstance(value, fx.Node):
            return values[value].detach() if (by, value) in edges else values[value]
        if isinstance(value, list | tuple):
            return (
                tuple(read(item, by) for item in value)
                if isinstance(value, tuple)
                else [read(item, by) for item in value]
            )
        return value

    for node in program.graph.nodes:
        if node.op == "placeholder":
            values[node] = next(given)
        elif node.op == "get_attr":
            values[node] = getattr(program, node.target)
        elif node.op == "output":
            return read(node.args[0], node)
        else:
            options = {name: read(value, node) for name, value in node.kwargs.items()}
            values[node] = node.target(*read(tuple(node.args), node), **options)
    return None


def taken_apart(truth: Truth) -> Steps:
    """A true forward as elementary operations, taken apart once."""
    if not isinstance(truth.derived, Steps):
        truth.derived = Steps(truth)
    return truth.derived


def lost_paths(suspect: Suspect) -> Iterator[Hypothesis]:
    """A path from the tensor to the output that is left out, or that has a wrong factor."""
    if suspect.given.shape != suspect.true.shape:
        return
    steps = taken_apart(suspect.truth)
    edges = list(steps.edges())
    uses = _statistics(edges)
    if uses:
        what = (
            "the sums, means or maxima over the data depend on the data: the paths through them are missing"
        )
        yield from _lost(suspect, steps, uses, Mistake.CONSTANT_STATISTICS, what, 0.95)
        for read in dict.fromkeys(read for _, read in uses):
            what = "a sum, mean or maximum over the data depends on the data: the path through it is missing"
            yield from _lost(
                suspect,
                steps,
                [edge for edge in uses if edge[1] is read],
                Mistake.CONSTANT_STATISTICS,
                what,
                0.92,
            )
    for edge in edges:
        step = f"forward's step '{_name(edge[0])}'"
        yield from _lost(
            suspect, steps, [edge], Mistake.PATH_LOST, f"one path is left out: the one into {step}", 0.88
        )
        yield from _scaled(suspect, steps, edge, step)


def _lost(
    suspect: Suspect,
    steps: Steps,
    edges: list[tuple[fx.Node, fx.Node]],
    mistake: Mistake,
    what: str,
    prior: float,
) -> Iterator[Hypothesis]:
    gradients = steps.without(frozenset(edges))
    if gradients is not None and np.abs(gradients[suspect.name]).max(initial=0.0) > 0:
        yield Hypothesis(mistake, what, gradients[suspect.name], prior)


def _scaled(suspect: Suspect, steps: Steps, edge: tuple[fx.Node, fx.Node], step: str) -> Iterator[Hypothesis]:
    """One path with a wrong factor c.

    No path takes an edge twice, so that the gradient is rest + c · the part through it.
    """
    gradients = steps.without(frozenset([edge]))
    if gradients is None:
        return
    rest = gradients[suspect.name]
    part = suspect.true - rest
    known = ~np.isnan(part)
    square = float((part[known] ** 2).sum())
    if (
        not square
        or suspect.given.shape != part.shape
        or np.abs(rest).max(initial=0.0) <= 1e-9 * np.abs(part[known]).max()
    ):
        return  # the whole gradient goes this way: a factor of the whole is looked for elsewhere
    factor = float(((suspect.given - rest)[known] * part[known]).sum()) / square
    if abs(factor) < 1e-6 or not np.isfinite(factor):
        return
    if abs(factor + 1) < 1e-6:
        yield Hypothesis(
            Mistake.SIGN, f"one path has the wrong sign: the one through {step}", rest - part, 0.85
        )
    elif suspect.given.size > 2:
        times = f"the path through {step} has {factor:.6g} times its gradient"
        yield Hypothesis(Mistake.CONSTANT_FACTOR, times, rest + factor * part, 0.8)


COMPOSED = (
    *("addcdiv", "addcmul", "addmm", "baddbmm", "linear", "rsub", "_softmax", "_log_softmax", "logsumexp"),
    *("celu", "elu", "gelu", "glu", "leaky_relu", "log_sigmoid_forward", "mish", "selu", "silu", "softplus"),
    *("binary_cross_entropy", "huber_loss", "mse_loss", "nll_loss_forward", "smooth_l1_loss"),
    *("native_batch_norm", "_native_batch_norm_legit", "_native_batch_norm_legit_no_training"),
    *("native_group_norm", "native_layer_norm"),
)
"""Operations of torch that are taken apart further; all others are steps by themselves."""


def _take_apart(truth: Truth) -> fx.GraphModule | None:
    """The elementary operations of forward; None where they depend on values or torch cannot follow them."""
    from torch._decomp import get_decompositions  # these take a while to import, and are rarely needed
    from torch.fx.experimental.proxy_tensor import make_fx

    table: Any = get_decompositions([getattr(torch.ops.aten, name) for name in COMPOSED])
    try:
        with recording(), any_numbers(), warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            return make_fx(lambda *tensors: truth.function(*tensors), decomposition_table=table)(
                *truth.tensors.values()
            )
    except Exception:  # whatever torch cannot trace is not taken apart
        return None


def _name(node: fx.Node) -> str:
    return str(getattr(node.target, "_opname", getattr(node.target, "__name__", node.target))).split(".")[0]


def _statistics(edges: list[tuple[fx.Node, fx.Node]]) -> list[tuple[fx.Node, fx.Node]]:
    """The edges along which a statistic of the data meets the data.

    A statistic is a reduction, or what is computed of reductions only.
    """
    reads: dict[fx.Node, list[fx.Node]] = {}
    for node, read in edges:
        reads.setdefault(node, []).append(read)
    statistics = set()
    for node in reads:  # in forward's order
        if _reduces(node) or all(read in statistics or _reduces(read) for read in reads[node]):
            statistics.add(node)
    return [
        (node, read)
        for node, read in edges
        if (read in statistics or _reduces(read)) and node not in statistics
    ]


def _reduces(node: fx.Node) -> bool:
    """Whether a step is a reduction, or one of the results of a reduction that has several."""
    first = node.args[0] if node.args else None
    return _name(node) in REDUCTIONS or (
        _name(node) == "getitem" and isinstance(first, fx.Node) and _reduces(first)
    )


def _is_float(node: fx.Node) -> bool:
    value = node.meta.get("val")
    return isinstance(value, Tensor) and value.dtype.is_floating_point
