"""Syntax trees read and written: what the operators share."""

import ast
import copy
import functools
import re
from collections.abc import Callable, Iterator

from benchmarks.strength.flow import Flow

New = ast.AST | list[ast.stmt]
"""What takes a node's place; a statement's may be several."""

Found = Iterator[tuple[New, str | None]]
"""What takes the place, and the name of the mistake if it is exactly one that has a name."""

OPERATORS: dict[str, Callable[[ast.AST, Flow], Found]] = {}
"""All operators by name, in the order in which they were written."""

MASK = re.compile(r"mask|kept|inside|share_of|[<>]|[=!]=")
"""How a tensor of zeros and ones looks."""


def operator(name: str) -> Callable[[Callable[[ast.AST, Flow], Found]], Callable[[ast.AST, Flow], Found]]:
    """Register an operator."""

    def register(function: Callable[[ast.AST, Flow], Found]) -> Callable[[ast.AST, Flow], Found]:
        OPERATORS[name] = function
        return function

    return register


def write(template: str, **parts: ast.AST) -> ast.expr:
    """An expression from its text, with trees in place of some of its names."""
    tree = copy.deepcopy(_template(template))
    return _Fill(parts).visit(tree)


@functools.cache
def _template(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


class _Fill(ast.NodeTransformer):
    def __init__(self, parts: dict[str, ast.AST]) -> None:
        self.parts = parts

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return self.parts.get(node.id, node)


def method(node: ast.AST) -> str:
    """The last name of what is called; empty for all but a call of a method or of a module's function."""
    return node.func.attr if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else ""


def receiver(node: ast.AST) -> ast.expr | None:
    """What a method is called on; None for a function of torch."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return None
    value = node.func.value
    return None if re.fullmatch(r"(torch|F|math)(\.\w+)*", ast.unparse(value)) else value


def literal(node: ast.AST) -> int | float | None:
    """The number that is written here, with its sign."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = literal(node.operand)
        return None if inner is None else -inner
    numeric = isinstance(node, ast.Constant) and type(node.value) in (int, float)
    return node.value if numeric else None  # pyright: ignore


def number(value: float) -> ast.expr:
    """A number as a tree."""
    return ast.UnaryOp(ast.USub(), ast.Constant(-value)) if value < 0 else ast.Constant(value)


def product(node: ast.AST) -> bool:
    """Whether a node is a product of numbers, not of matrices."""
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult)


def given(condition: bool, name: str) -> str | None:
    """The name if it fits."""
    return name if condition else None


def shallow(node: ast.Call) -> ast.Call:
    """A call whose lists of arguments may be changed."""
    return ast.Call(node.func, list(node.args), list(node.keywords))


def renamed(node: ast.AST, name: str) -> ast.Call:
    """A call of another method with the same arguments."""
    assert isinstance(node, ast.Call)
    assert isinstance(node.func, ast.Attribute)
    return ast.Call(ast.Attribute(node.func.value, name, ast.Load()), node.args, node.keywords)


def replaced(node: ast.AST, name: str, value: ast.AST) -> ast.AST:
    """A node with another child."""
    new = copy.copy(node)
    setattr(new, name, value)
    return new
