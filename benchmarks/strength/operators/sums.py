"""Operators on signs, on the terms of a sum, and on sums over axes."""

import ast

from benchmarks.strength.flow import Flow, is_grad
from benchmarks.strength.trees import (
    Found,
    given,
    literal,
    method,
    operator,
    receiver,
    renamed,
    shallow,
    write,
)


@operator("negate")
def _negate(node: ast.AST, flow: Flow) -> Found:
    if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add | ast.Sub):
        other = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
        yield ast.AugAssign(node.target, other, node.value), given(is_grad(node.target), "sign")
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and literal(node) is None:
        yield node.operand, given(flow.whole(node, constant=True), "sign")
    elif flow.is_root(node) and not _leads_with_minus(node):
        yield write("-A", A=node), "sign"


def _leads_with_minus(node: ast.AST) -> bool:
    while isinstance(node, ast.BinOp | ast.Attribute | ast.Call):
        node = (
            node.left
            if isinstance(node, ast.BinOp)
            else node.value
            if isinstance(node, ast.Attribute)
            else node.func
        )
    return isinstance(node, ast.UnaryOp)


@operator("plus for minus")
def _plus_for_minus(node: ast.AST, flow: Flow) -> Found:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        other = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
        yield ast.BinOp(node.left, other, node.right), None
        if literal(node.left) is None:
            yield ast.BinOp(write("-A", A=node.left), node.op, node.right), None
    elif method(node) in (swaps := {"add_": "sub_", "sub_": "add_", "add": "sub", "sub": "add"}):
        yield renamed(node, swaps[method(node)]), None


@operator("drop term")
def _drop_term(node: ast.AST, flow: Flow) -> Found:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        right = node.right if isinstance(node.op, ast.Add) else write("-A", A=node.right)
        yield node.left, _name_of_term(node, node.right, node.left, flow)
        yield right, _name_of_term(node, node.left, node.right, flow)
    elif isinstance(node, ast.AugAssign) and not is_grad(node.target):
        yield ast.Pass(), None
    elif method(node) in ("add_", "sub_", "addcmul", "addcmul_") and isinstance(node, ast.Call):
        kept = receiver(node)
        terms, start = (node.args, kept) if kept is not None else (node.args[1:], node.args[0])
        assert start is not None
        if not is_grad(start):
            yield start, _name_of_term(node, terms[0], start, flow, *terms[1:])
        if len(terms) == 2:
            value = next((keyword.value for keyword in node.keywords if keyword.arg == "value"), None)
            rest = write("A * B", A=terms[0], B=terms[1])
            rest = rest if value is None else write("V * A", V=value, A=rest)
            yield rest, _name_of_term(node, start, terms[0], flow, *terms[1:])


def _name_of_term(
    whole: ast.AST, dropped: ast.AST, kept: ast.AST, flow: Flow, *others: ast.AST
) -> str | None:
    carried = any(flow.carries(part) for part in (dropped, *others))
    if not (flow.whole(whole) and carried and any(flow.carries(part) for part in (kept, *others))):
        return None
    return "constant statistics" if ".mean(" in ast.unparse(dropped) else "path lost"


@operator("mean for sum")
def _mean_for_sum(node: ast.AST, flow: Flow) -> Found:
    if method(node) == "sum":
        yield renamed(node, "mean"), given(flow.whole(node), "mean for sum")


@operator("sum for mean")
def _sum_for_mean(node: ast.AST, flow: Flow) -> Found:
    if method(node) == "mean":
        yield renamed(node, "sum"), given(flow.whole(node), "sum for mean")


@operator("drop axis")
def _drop_axis(node: ast.AST, flow: Flow) -> Found:
    if method(node) in ("sum", "mean", "all", "any") and isinstance(node, ast.Call):
        first = 0 if receiver(node) is not None else 1
        if len(node.args) > first or any(keyword.arg == "dim" for keyword in node.keywords):
            new = shallow(node)
            new.args = new.args[:first]
            new.keywords = [keyword for keyword in node.keywords if keyword.arg not in ("dim", "keepdim")]
            yield new, None


@operator("drop sum")
def _drop_sum(node: ast.AST, flow: Flow) -> Found:
    if method(node) in ("sum", "mean", "sum_to_size") and isinstance(node, ast.Call):
        kept = receiver(node)
        name = given(method(node) != "mean" and flow.whole(node), "broadcast not reduced")
        yield (node.args[0] if kept is None else kept), name
