"""Operators on masks, conditions, constants and options."""

import ast
import re

from benchmarks.strength.flow import Flow
from benchmarks.strength.operators.indices import is_index
from benchmarks.strength.trees import (
    MASK,
    Found,
    given,
    literal,
    method,
    number,
    operator,
    product,
    receiver,
    replaced,
    shallow,
    write,
)


@operator("flip comparison")
def _flip_comparison(node: ast.AST, flow: Flow) -> Found:
    others: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
        ast.Gt: (ast.GtE, ast.Lt, ast.Eq),
        ast.GtE: (ast.Gt, ast.LtE, ast.Eq),
        ast.Lt: (ast.LtE, ast.Gt, ast.Eq),
        ast.LtE: (ast.Lt, ast.GtE, ast.Eq),
        ast.Eq: (ast.NotEq,),
        ast.NotEq: (ast.Eq,),
    }
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        for other in others.get(type(node.ops[0]), ()):
            ties = (
                type(node.ops[0]) in (ast.Gt, ast.Lt)
                and other in (ast.GtE, ast.LtE)
                and _has_other_half(node, flow)
            )
            ties = ties and {type(node.ops[0]), other} in ({ast.Gt, ast.GtE}, {ast.Lt, ast.LtE})
            yield ast.Compare(node.left, [other()], node.comparators), given(ties, "ties routed twice")


def _has_other_half(node: ast.Compare, flow: Flow) -> bool:
    """Whether the same two tensors are compared elsewhere such that a tie already has a place to go."""
    left, right = ast.unparse(node.left), ast.unparse(node.comparators[0])
    less = (f"{left} <= {right}", f"{right} >= {left}")
    more = (f"{left} >= {right}", f"{right} <= {left}")
    halves = less if isinstance(node.ops[0], ast.Gt) else more
    return any(isinstance(n, ast.Compare) and ast.unparse(n) in halves for n in ast.walk(flow.source.tree))


@operator("negate mask")
def _negate_mask(node: ast.AST, flow: Flow) -> Found:
    if isinstance(node, ast.Call) and method(node) in ("where", "masked_fill", "masked_fill_"):
        new = shallow(node)
        new.args[0] = write("~A", A=node.args[0]) if not _is_inverted(node.args[0]) else node.args[0].operand  # pyright: ignore
        yield new, None
    elif product(node) and isinstance(node, ast.BinOp):
        for side in ("left", "right"):
            value = getattr(node, side)
            if isinstance(value, ast.Name | ast.Subscript | ast.Compare) and MASK.search(ast.unparse(value)):
                yield replaced(node, side, write("1 - 1.0 * A", A=value)), None


def _is_inverted(node: ast.AST) -> bool:
    return isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Invert)


@operator("drop mask")
def _drop_mask(node: ast.AST, flow: Flow) -> Found:
    if not isinstance(node, ast.Call):
        return
    if method(node) in ("masked_fill", "masked_fill_") and (kept := receiver(node)) is not None:
        yield kept, given(flow.whole(node), "mask missing")
    elif ast.unparse(node.func) == "torch.where":
        for kept, other in (node.args[1:], reversed(node.args[1:])):
            yield kept, given(flow.whole(node) and literal(other) == 0, "mask missing")
    elif method(node) in ("clamp", "relu", "sign", "triu") and node.args + node.keywords:
        kept = receiver(node)
        yield (node.args[0] if kept is None else kept), None


@operator("negate condition")
def _negate_condition(node: ast.AST, flow: Flow) -> Found:
    if isinstance(node, ast.If | ast.IfExp):
        negated = write("not A", A=node.test)
        if isinstance(node.test, ast.UnaryOp) and isinstance(node.test.op, ast.Not):
            negated = node.test.operand
        yield replaced(node, "test", negated), None
        if re.search(r"not self\.saved\[.of_batch.\]", ast.unparse(node.test)):
            yield replaced(node, "test", ast.Constant(True)), "constant statistics"


@operator("change constant")
def _change_constant(node: ast.AST, flow: Flow) -> Found:
    up = flow.parent(node)
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        if not isinstance(up, ast.keyword):
            yield ast.Constant(not node.value), None
    elif isinstance(node, ast.expr) and (value := literal(node)) is not None:
        if not (is_index(node, flow) or isinstance(up, ast.UnaryOp | ast.Slice)):
            factor = (
                isinstance(up, ast.BinOp)
                and isinstance(up.op, ast.Mult | ast.Div)
                and flow.whole(node, constant=True)
            )
            for changed in dict.fromkeys((value + 1, 2 * value, value // 2 if value % 2 == 0 else value / 2)):
                if changed != value:
                    yield number(changed), given(factor and changed != 0, "constant factor")
    elif isinstance(node, ast.expr) and (
        flow.is_scalar(node) or (isinstance(node, ast.Name) and _is_named_number(node, flow))
    ):
        factor = (
            isinstance(up, ast.BinOp)
            and isinstance(up.op, ast.Mult | ast.Div)
            and flow.whole(node, constant=True)
        )
        yield write("2 * A", A=node), given(factor, "constant factor")


def _is_named_number(node: ast.Name, flow: Flow) -> bool:
    return type(flow.source.function.__globals__.get(node.id)) in (int, float)


@operator("drop option")
def _drop_option(node: ast.AST, flow: Flow) -> Found:
    if isinstance(node, ast.Call) and flow.called(flow.source, node) is None:
        for place, keyword in enumerate(node.keywords):
            if keyword.arg is not None:
                new = shallow(node)
                del new.keywords[place]
                yield new, None
