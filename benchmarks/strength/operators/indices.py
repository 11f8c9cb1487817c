"""Operators on axes, indices and transposes."""

import ast

from benchmarks.strength.flow import Flow
from benchmarks.strength.trees import Found, literal, method, number, operator, receiver, replaced, write

AXES = {
    "sum",
    "mean",
    "softmax",
    "transpose",
    "permute",
    "unsqueeze",
    "squeeze",
    "flatten",
    "unflatten",
    "chunk",
    "split",
}
AXES |= {
    "flip",
    "narrow",
    "index_add_",
    "scatter_",
    "scatter_add_",
    "gather",
    "cat",
    "stack",
    "all",
    "any",
    "sum_to_size",
}
"""Methods and functions whose whole numbers are axes."""


@operator("drop transpose")
def _drop_transpose(node: ast.AST, flow: Flow) -> Found:
    if isinstance(node, ast.Attribute) and node.attr in ("T", "mT"):
        yield node.value, "missing transpose"
    elif method(node) in ("transpose", "permute", "t") and (kept := receiver(node)) is not None:
        yield kept, "missing transpose"


@operator("shift index")
def _shift_index(node: ast.AST, flow: Flow) -> Found:
    if isinstance(node, ast.Slice):
        for name in ("lower", "upper"):
            bound = getattr(node, name)
            if bound is not None:
                for moved in ("A + 1", "A - 1"):
                    written = literal(bound)
                    shifted = written + (1 if "+" in moved else -1) if written is not None else None
                    yield (
                        replaced(node, name, write(moved, A=bound) if shifted is None else number(shifted)),
                        None,
                    )
        if node.step is not None:
            yield ast.Slice(node.lower, node.upper, None), None
    elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple):
        items = node.slice.elts
        turned = ast.Tuple([items[-1], *items[:-1]], ast.Load())
        yield ast.Subscript(node.value, turned, node.ctx), None
    elif isinstance(node, ast.expr) and (value := literal(node)) is not None and is_index(node, flow):
        for moved in {0: (1, -1), 1: (0, 2), -1: (0, -2)}.get(int(value), (value + 1, value - 1)):
            yield number(moved), None


def is_index(node: ast.AST, flow: Flow) -> bool:
    """Whether a number stands for an axis or a place."""
    up = flow.parent(node)
    if isinstance(up, ast.UnaryOp):
        return False  # the number with its sign is meant
    if isinstance(up, ast.Tuple | ast.List):
        up = flow.parent(up)
    if isinstance(up, ast.keyword):
        return up.arg is not None and up.arg.startswith("dim")
    return isinstance(up, ast.Subscript) or method(up) in AXES if up is not None else False
