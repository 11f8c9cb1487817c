"""Operators on whose numbers are read, and whose are changed."""

import ast

from benchmarks.strength.flow import Flow
from benchmarks.strength.trees import Found, given, operator, renamed, write


@operator("swap saved")
def _swap_saved(node: ast.AST, flow: Flow) -> Found:
    if (
        isinstance(node, ast.Subscript)
        and isinstance(node.value, ast.Attribute)
        and node.value.attr == "saved"
    ):
        if isinstance(node.slice, ast.Constant):
            for other in flow.saved:
                if other != node.slice.value:
                    new = ast.Subscript(node.value, ast.Constant(other), ast.Load())
                    yield new, _name_of_swap(str(node.slice.value), other, flow)
    elif isinstance(node, ast.Tuple) and isinstance(node.ctx, ast.Load) and _names_saved(node, flow):
        for i in range(len(node.elts) - 1):
            yield (
                ast.Tuple([*node.elts[:i], node.elts[i + 1], node.elts[i], *node.elts[i + 2 :]], ast.Load()),
                None,
            )
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and not flow.is_fact(node):
        names = flow.saved_locals(flow.source)
        if node.id in names and len(names) > 1 and len(flow.reads(flow.source, node.id)) > 1:
            yield ast.Name(names[(names.index(node.id) + 1) % len(names)], ast.Load()), None


def _names_saved(node: ast.Tuple, flow: Flow) -> bool:
    return len(node.elts) > 1 and all(
        isinstance(item, ast.Constant) and item.value in flow.saved for item in node.elts
    )


def _name_of_swap(old: str, new: str, flow: Flow) -> str | None:
    if old == "out" and new in flow.inputs:
        return "input for output"
    return given(old in flow.inputs and new == "out", "output for input")


@operator("in place")
def _in_place(node: ast.AST, flow: Flow) -> Found:
    names = {ast.Mult: "mul_", ast.Div: "div_", ast.Add: "add_", ast.Sub: "sub_"}
    if not isinstance(node, ast.BinOp) or type(node.op) not in names:
        return
    for kept, other in ((node.left, node.right), (node.right, node.left)):
        of_parameter = isinstance(kept, ast.Attribute) and kept.attr == "value"
        may = kept is node.left or isinstance(node.op, ast.Mult | ast.Add)
        if may and (of_parameter or flow.foreign(kept)):
            new = renamed(write("A.method(B)", A=kept, B=other), names[type(node.op)])
            yield new, given(not of_parameter, "saved changed")


@operator("ignore upstream")
def _ignore_upstream(node: ast.AST, flow: Flow) -> Found:
    is_read = isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id != flow.vararg
    if (
        is_read
        and flow.upstream(node)
        and not flow.is_fact(node)
        and not isinstance(flow.parent(node), ast.Starred)
    ):
        yield write("torch.ones_like(A)", A=node), given(flow.whole(node), "upstream ignored")
    if flow.source is flow.backward and node is flow.source.tree.body[0]:
        for name in flow.source.arguments:
            ones = (
                (f"tuple(torch.ones_like(g) for g in {name})")
                if name == flow.vararg
                else f"torch.ones_like({name})"
            )
            if len(flow.reads(flow.source, name)) != 1 or name == flow.vararg:
                only = len(flow.source.arguments) == 1
                yield [*ast.parse(f"{name} = {ones}").body, node], given(only, "upstream ignored")  # pyright: ignore
