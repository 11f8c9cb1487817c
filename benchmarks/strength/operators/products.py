"""Operators on products, of numbers and of matrices."""

import ast
import re

from benchmarks.strength.flow import Flow
from benchmarks.strength.trees import (
    MASK,
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

COUNT = re.compile(r"\bcount\b|\bn\b|numel\(\)|\.shape\[|\bshape\[|_rows\(|averaged|\blen\(")
"""How the number of things that a mean was taken over looks."""


@operator("drop factor")
def _drop_factor(node: ast.AST, flow: Flow) -> Found:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div):
        divides = isinstance(node.op, ast.Div)
        sides = [(node.left, node.right)] if divides else [(node.left, node.right), (node.right, node.left)]
        for left, dropped in sides:
            yield left, _name_of_factor(node, dropped, flow, divides)
    elif (
        method(node) in ("mul", "mul_", "div", "div_")
        and isinstance(node, ast.Call)
        and (kept := receiver(node)) is not None
    ):
        yield kept, _name_of_factor(node, node.args[0], flow, method(node).startswith("div"))
        if flow.upstream(kept) or flow.carries(kept):
            return
        if method(node).startswith("mul"):
            yield node.args[0], None
    elif method(node) in ("addcmul", "addcmul_") and isinstance(node, ast.Call):
        for place in range(len(node.args))[-2:]:
            new = shallow(node)
            new.args[place] = write("torch.ones_like(A)", A=node.args[place])
            yield new, None


def _name_of_factor(whole: ast.AST, dropped: ast.expr, flow: Flow, divides: bool) -> str | None:
    if not flow.whole(whole):
        fits = literal(dropped) is not None and flow.whole(whole, constant=True)
        return given(fits, "constant factor")
    if literal(dropped) is not None or flow.is_scalar(dropped):
        return "constant factor"
    if divides:
        return given(bool(COUNT.search(ast.unparse(dropped))), "sum for mean")
    if flow.upstream(dropped):
        return "upstream ignored"
    return given(bool(MASK.search(ast.unparse(dropped))) and not flow.carries(dropped), "mask missing")


@operator("swap matmul")
def _swap_matmul(node: ast.AST, flow: Flow) -> Found:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        yield ast.BinOp(node.right, node.op, node.left), "factors swapped"
    elif (
        method(node) in ("add_product", "addmm_", "matmul", "mm")
        and isinstance(node, ast.Call)
        and len(node.args) == 2
    ):
        new = shallow(node)
        new.args.reverse()
        yield new, "factors swapped"


@operator("times for divide")
def _times_for_divide(node: ast.AST, flow: Flow) -> Found:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div):
        other = ast.Div() if isinstance(node.op, ast.Mult) else ast.Mult()
        yield ast.BinOp(node.left, other, node.right), None
    elif method(node) in (swaps := {"mul": "div", "mul_": "div_", "div": "mul", "div_": "mul_"}):
        yield renamed(node, swaps[method(node)]), None


@operator("scale")
def _scale(node: ast.AST, flow: Flow) -> Found:
    if flow.is_root(node):
        yield write("2 * A", A=node), "constant factor"
