"""Operators on what is added to parameters' gradients, and on what is returned."""

import ast
import copy

from benchmarks.strength.flow import Flow, is_grad
from benchmarks.strength.trees import Found, given, method, operator, receiver, renamed, write


@operator("overwrite")
def _overwrite(node: ast.AST, flow: Flow) -> Found:
    if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add | ast.Sub) and is_grad(node.target):
        value = node.value if isinstance(node.op, ast.Add) else write("-A", A=node.value)
        yield ast.Assign([node.target], value), "overwritten"
    elif (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and flow.added(node.value) is not None
    ):
        target, call = receiver(node.value), node.value
        assert target is not None
        grad = ast.Attribute(target, "grad", ast.Load()) if method(call) == "add_product" else target
        if method(call) in ("add_product", "addmm_"):
            value = write("A @ B", A=call.args[0], B=call.args[1])
        else:
            value = renamed(call, method(call))
            value.func.value = write("torch.zeros_like(A)", A=grad)  # pyright: ignore
        stored = copy.deepcopy(grad)
        stored.ctx = ast.Store()  # pyright: ignore
        yield ast.Assign([stored], value), "overwritten"


@operator("drop accumulation")
def _drop_accumulation(node: ast.AST, flow: Flow) -> Found:
    adds = isinstance(node, ast.AugAssign) and is_grad(node.target)
    calls = (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and flow.added(node.value) is not None
    )
    if adds or calls:
        yield ast.Pass(), "zero gradient"


@operator("zero")
def _zero(node: ast.AST, flow: Flow) -> Found:
    if flow.source is flow.backward and flow.is_root(node) and isinstance(flow.statement(node), ast.Return):
        yield write("torch.zeros_like(A)", A=node), "zero gradient"


@operator("swap returned")
def _swap_returned(node: ast.AST, flow: Flow) -> Found:
    if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
        items = node.value.elts
        for left, right in ((i, j) for j in range(len(items)) for i in range(j)):
            nothing = [isinstance(items[i], ast.Constant | ast.Starred) for i in (left, right)]
            if all(nothing):
                continue
            new = list(items)
            new[left], new[right] = new[right], new[left]
            name = given(flow.source is flow.backward and not any(nothing), "swapped gradients")
            yield ast.Return(ast.Tuple(new, ast.Load())), name
