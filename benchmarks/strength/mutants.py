"""Wrong backward passes, made mechanically from the right ones: one small change at one place."""

import ast
import copy
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

import course
from benchmarks.strength.flow import Flow
from benchmarks.strength.operators import OPERATORS, New
from benchmarks.strength.sources import Source, assemble, saved_names, sources_of
from benchmarks.strength.truth import correct
from course.module import Example, Module, Parameter, has_own_backward
from course.modules import Add, Copy, Embedding, Linear, LSTMCell, Multiply, RNNCell, Sigmoid, Tanh
from course.modules.registry import all_modules

__all__ = ["CONTAINERS", "Mutant", "correct", "equivalent", "examples_of", "mutants"]

CONTAINERS: tuple[type[Module], ...] = (course.Chain, course.Graph, course.Residual, course.Unroll)
"""Modules of modules; they are not in the registry, and have no examples of their own."""


@dataclass(frozen=True)
class Mutant:
    """One wrong backward; some are wrong in the text only, see `equivalent`."""

    kind: type[Module]
    """The class whose backward was changed."""
    operator: str
    """What made the change, such as "drop transpose"."""
    name: str | None
    """The name of the mistake, where the change makes exactly one that has a name."""
    place: str
    """File, line, the statement before and after."""
    mutated: type[Module]
    """A subclass of `kind` with the changed backward."""

    def build(self, module: Module) -> Module:
        """A copy of a module of this kind with the changed backward."""
        module = copy.deepcopy(module)
        module.__class__ = self.mutated
        return module


def mutants(kinds: Iterable[type[Module]] | None = None) -> Iterator[Mutant]:
    """Every change that an operator makes to these classes' backward, or to a library function that it calls.

    Args:
        kinds: classes with a hand-written backward; the registry's and the containers when left out.
    """
    for kind in (*all_modules().values(), *CONTAINERS) if kinds is None else kinds:
        if has_own_backward(kind):
            yield from _mutants_of(kind)


def _mutants_of(kind: type[Module]) -> Iterator[Mutant]:
    sources = sources_of(kind)
    flow = Flow(sources, saved_names(kind), _input_names(kind), _scalars(kind))
    for source in sources:
        flow.source = source
        found: dict[str, tuple[str, str | None, str, ast.FunctionDef]] = {}
        for node in (n for n in flow.nodes[source] if n in flow.parents and _computes(n, flow)):
            for operator, change in OPERATORS.items():
                for new, name in list(change(node, flow)):
                    tree, place = _changed(source, node, new, flow)
                    text = ast.unparse(tree)
                    if text not in found or (name is not None and found[text][1] is None):
                        found[text] = operator, name, place, tree
        found.pop(ast.unparse(source.tree), None)
        for operator, name, place, tree in found.values():
            yield Mutant(kind, operator, name, place, assemble(kind, sources, source, tree))


def _computes(node: ast.AST, flow: Flow) -> bool:
    """Whether a node has a part in the result: not what is raised, asserted or deleted."""
    return not any(
        isinstance(up, ast.Raise | ast.Assert | ast.JoinedStr | ast.arguments | ast.Delete)
        for up in flow.above(node)
    )


def _changed(source: Source, node: ast.AST, new: New, flow: Flow) -> tuple[ast.FunctionDef, str]:
    """A copy of the function with one node exchanged, and where that is."""
    up, field, position = flow.parents[node]
    statement = flow.statement(node)
    held, before = getattr(up, field), _head(statement)
    try:
        if position is None:
            setattr(up, field, new)
        else:
            setattr(
                up,
                field,
                [*held[:position], *(new if isinstance(new, list) else [new]), *held[position + 1 :]],
            )
        tree = ast.fix_missing_locations(copy.deepcopy(source.tree))
        after = (
            _head(statement)
            if node is not statement
            else "; ".join(map(_head, new if isinstance(new, list) else [new]))
        )
    finally:
        setattr(up, field, held)
    return tree, f"{source.where(node)}: {before}  ->  {after}"


def _head(statement: ast.AST) -> str:
    """A statement on one line, without the statements in it."""
    return re.sub(
        r"\s+", " ", ast.unparse(ast.fix_missing_locations(copy.deepcopy(statement))).split(":\n")[0]
    )


def _input_names(kind: type[Module]) -> tuple[str, ...]:
    return kind.forward_signature.names()


def _scalars(kind: type[Module]) -> set[str]:
    """The names of the plain numbers that modules of this kind are made with."""
    values = [item for example in examples_of(kind) for item in vars(example.module).items()]
    return {name for name, value in values if type(value) is float}


def examples_of(kind: type[Module]) -> list[Example]:
    """The examples of a class; those of the containers are made here."""
    rng = course.generator(0)
    if kind not in CONTAINERS:
        try:
            return list(kind.examples(rng))
        except NotImplementedError:
            return []
    return [Example(module, inputs, lambda m, *x: m.forward(*x)) for module, inputs in _containers(rng)[kind]]


def _containers(rng: torch.Generator) -> dict[type[Module], list[tuple[Module, tuple[Any, ...]]]]:
    randn = lambda *shape: torch.randn(*shape, generator=rng, device=rng.device)  # noqa: E731
    x: Tensor = randn(4, 3)
    graph = course.Graph("x", "y", "unused", outputs=("product", "hidden"))
    graph.add("hidden", Linear(3, 3, rng=rng), "x")
    graph.add("squashed", Tanh(), "hidden")
    graph.add("aside", Sigmoid(), "x")  # on no path to the output
    graph.add("gated", Multiply(), "squashed", "hidden")
    graph.add("scaled", Multiply(), "gated", 0.7)
    graph.add("product", Multiply(), "scaled", "y")
    words = course.Graph("index", "y")
    words.add("rows", Embedding(5, 3, rng=rng), "index")
    words.add("product", Multiply(), "rows", "y")
    one_way = course.Graph("x")
    one_way.add("cell", LSTMCell(3, 2, rng=rng), "x", outputs=("h", "c"))  # c is read by nobody
    one_way.add("sum", Add(), "h", "h")
    index = torch.randint(5, (4,), generator=rng, device=rng.device)
    sequence, h, keep = randn(3, 2, 2), randn(2, 3), torch.tensor([1, 1, 0, 1, 0], device=rng.device)
    return {
        course.Chain: [
            (course.Chain(Linear(3, 4, rng=rng), Tanh(), Linear(4, 2, rng=rng)), (x,)),
            (course.Chain(Multiply(), Sigmoid()), (x, randn(4, 3))),
            (course.Chain(Sigmoid(), Copy(2), Multiply(), Copy(3)), (x,)),
        ],
        course.Graph: [(graph, (x, randn(4, 3), randn(2))), (words, (index, randn(4, 3))), (one_way, (x,))],
        course.Residual: [
            (course.Residual(course.Chain(Linear(3, 3, rng=rng), Sigmoid())), (x,)),
            (course.Residual(Linear(3, 2, rng=rng), Linear(3, 2, rng=rng)), (x,)),
            (course.Residual(course.Residual(Tanh()), Linear(3, 3, rng=rng)), (randn(2, 2, 3),)),
        ],
        course.Unroll: [
            (course.Unroll(RNNCell(2, 3, rng=rng)), (sequence, h)),
            (course.Unroll(LSTMCell(2, 3, rng=rng)), (sequence, h, randn(2, 3))),
            (course.Unroll(LSTMCell(2, 3, rng=rng)), (sequence,)),
            (course.Unroll(RNNCell(2, 3, rng=rng), truncate=3), (sequence, h)),  # which is never
            (course.Unroll(Forgetful(3, rng), truncate=2), (keep, h)),
        ],
    }


class Forgetful(Module):
    """a = tanh(k W h + b) with k = 1, or k = 0 to forget the state h.

    A truncated gradient lacks a part, and no truth agrees with it, unless the loop is cut where the state is
    forgotten: there nothing is lost. That it was cut is seen by the NaN, in place of zero, that this backward
    hands back to a forgotten state.
    """

    def __init__(self, size: int, rng: torch.Generator) -> None:
        self.weight, self.bias = Parameter.uniform((size, size), 1, rng), Parameter.uniform((size,), 1, rng)

    def forward(self, k: Tensor, h: Tensor) -> Tensor:
        out = torch.tanh(k * h @ self.weight.value.T + self.bias.value)
        self.save(k=k, h=h, out=out)
        return out

    def backward(self, grad_output: Tensor) -> tuple[None, Tensor]:
        k, h, out = self.saved["k"], self.saved["h"], self.saved["out"]
        grad = grad_output * (1 - out * out)
        self.weight.grad += grad.T @ (k * h)
        self.bias.grad += grad.sum(dim=0)
        return None, torch.where(k > 0, grad @ self.weight.value, torch.nan)


def equivalent(mutant: Mutant, seeds: Sequence[int] = range(6)) -> bool:
    """Whether the change changes nothing: the mutant is correct on all the examples of its kind."""
    examples = examples_of(mutant.kind)
    return bool(examples) and all(correct(mutant.build(e.module), e.inputs, seeds) for e in examples)
