"""The shape of a piece of code: what it computes, whatever its variables are called."""

import ast
import builtins
from collections.abc import Hashable
from typing import Any, NamedTuple

COMPUTING = ast.BinOp | ast.Invert | ast.USub | ast.Lt | ast.LtE | ast.Gt | ast.GtE
"""Nodes that compute, beside calls; naming, unpacking, indexing and asking what is in what do not."""

HANDLING = {
    *dir(builtins),
    "clone",
    "contiguous",
    "dim",
    "expand",
    "expand_as",
    "flatten",
    "get",
    "items",
    "keys",
    "numel",
}
HANDLING |= {
    "reshape",
    "save",
    "size",
    "squeeze",
    "sum_to_size",
    "to",
    "unsqueeze",
    "values",
    "view",
    "view_as",
}
"""Functions and methods that hand on what they get, in another form at most."""

LEFT_OUT = {"ctx", "type_comment", "annotation", "returns"}
"""Fields of a node that say nothing of what it computes."""


def shape(node: Any, *, exact: bool = False, names: dict[str, str] | None = None) -> Hashable:
    """A piece of code with its variables numbered in the order in which they occur.

    Args:
        node: of a syntax tree, or several nodes.
        exact: whether ``self.saved["x"]`` and ``self.theta.value`` stay as they are; otherwise they are
            variables, too.
        names: the variables so far.
    """
    names = {} if names is None else names
    if isinstance(node, ast.Name):
        return names.setdefault(node.id, f"v{len(names)}")
    if not exact and is_variable(node):
        return names.setdefault(ast.unparse(node), f"v{len(names)}")
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not exact:
        # self.f is a variable, self.f(x) is a method's name
        whose = (node.func.attr, shape(node.func.value, names=names))
        return ("Call", whose, shape(node.args, names=names), shape(node.keywords, names=names))
    if isinstance(node, list | tuple):
        return tuple(shape(part, exact=exact, names=names) for part in node)
    if isinstance(node, ast.AST):
        return (type(node).__name__, *(shape(part, exact=exact, names=names) for part in _fields(node)))
    return f"{type(node).__name__} {node!r}"  # 1, 1.0 and True are equal, but not the same


class Size(NamedTuple):
    """How much there is to a piece of code.

    Attributes:
        exact: nodes of its syntax tree.
        nodes: the same where what hangs on `self` counts as a variable, as in a shape that is not exact.
        operations: how many of them compute.
    """

    exact: int
    nodes: int
    operations: int


def size(*nodes: ast.AST) -> Size:
    """How much there is to some nodes together."""
    return add(*(measured(node)[-1][1] for node in nodes))


def add(*sizes: Size) -> Size:
    """The size of all together."""
    return Size(*map(sum, zip((0, 0, 0), *sizes, strict=True)))


def measured(tree: ast.AST) -> list[tuple[ast.AST, Size]]:
    """Every node of a tree with its size, the tree itself last."""
    sizes: list[tuple[ast.AST, Size]] = []

    def measure(node: ast.AST) -> Size:
        exact, nodes, operations = 1, 1, int(_computes(node))
        for part in _fields(node):
            for child in part if isinstance(part, list) else (part,):
                if isinstance(child, ast.AST):
                    inner = measure(child)
                    exact, nodes, operations = (
                        exact + inner.exact,
                        nodes + inner.nodes,
                        operations + inner.operations,
                    )
        whole = Size(exact, 1 if is_variable(node) else nodes, operations)
        sizes.append((node, whole))
        return whole

    measure(tree)
    return sizes


def _computes(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        return getattr(node.func, "attr", getattr(node.func, "id", "")) not in HANDLING
    return isinstance(node, COMPUTING)


def is_variable(node: Any) -> bool:
    """Whether a node is a name, or something that hangs on `self`.

    Examples are ``self.theta.value`` and ``self.saved["x"]``.
    """
    if isinstance(node, ast.Subscript):
        return (
            isinstance(node.slice, ast.Constant)
            and isinstance(node.slice.value, str)
            and is_variable(node.value)
        )
    hangs = isinstance(node, ast.Attribute)
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name) and (not hangs or node.id == "self")


def _fields(node: ast.AST) -> list[Any]:
    return [getattr(node, field, None) for field in node._fields if field not in LEFT_OUT]
