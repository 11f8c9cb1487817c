"""Where a gradient flows in a backward.

It tells which expressions are a whole gradient, and which are somebody else's memory.
"""

import ast
from collections.abc import Iterator

from benchmarks.strength.calls import Calls
from benchmarks.strength.sources import Source

LINEAR = {
    "sum",
    "mean",
    "sum_to_size",
    "reshape",
    "view",
    "expand",
    "expand_as",
    "flatten",
    "unflatten",
    "unsqueeze",
}
LINEAR |= {
    "squeeze",
    "transpose",
    "permute",
    "t",
    "contiguous",
    "mul",
    "mul_",
    "div",
    "div_",
    "neg",
    "to",
    "clone",
    "flip",
}
LINEAR |= {"T", "mT", "masked_fill", "masked_fill_"}
"""Methods that turn twice the tensor into twice the result."""

VIEWS = {
    "T",
    "mT",
    "reshape",
    "view",
    "unsqueeze",
    "squeeze",
    "transpose",
    "permute",
    "t",
    "flatten",
    "unflatten",
    "detach",
}
"""Methods whose result shares memory with the tensor, for the tensors that occur here."""


class Flow(Calls):
    """Facts on the expressions of one backward, found in its functions' trees."""

    def __init__(
        self, sources: list[Source], saved: list[str], inputs: tuple[str, ...], scalars: set[str]
    ) -> None:
        super().__init__(sources)
        self.saved, self.inputs, self.scalars = saved, inputs, scalars
        self._roots: dict[Source, set[ast.expr]] = {}
        self._saved_locals: dict[Source, list[str]] = {}

    # Which expressions are a whole gradient

    def roots(self, source: Source) -> Iterator[ast.expr]:
        """The expressions whose values are handed out as gradients: returned, or added to a parameter's."""
        for node in self.nodes[source]:
            if (
                isinstance(node, ast.Return)
                and node.value is not None
                and (source is self.backward or self.whole(node.value))
            ):
                yield from self._ends(node.value)
            if isinstance(node, ast.Call) and (added := self.added(node)) is not None:
                yield added

    def is_root(self, node: ast.AST) -> bool:
        """Whether a node is one of the roots of the function at hand."""
        if self.source not in self._roots:
            self._roots[self.source] = set(self.roots(self.source))
        return node in self._roots[self.source]

    def is_scalar(self, node: ast.AST) -> bool:
        """Whether this is a number that the module was made with, such as self.alpha."""
        own = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"
        return own and isinstance(node, ast.Attribute) and node.attr in self.scalars

    def _ends(self, value: ast.expr) -> Iterator[ast.expr]:
        if isinstance(value, ast.IfExp):
            yield from self._ends(value.body)
            yield from self._ends(value.orelse)
        elif isinstance(value, ast.Tuple | ast.List):
            for item in value.elts:
                yield from self._ends(item)
        elif not (isinstance(value, ast.Starred | ast.Constant) or self._is_tuple(value)):
            yield value

    def _is_tuple(self, value: ast.expr) -> bool:
        if isinstance(value, ast.Name):
            return any(map(self._is_tuple, self._values(self.owners[value], value.id)))
        return (
            isinstance(value, ast.Call)
            and isinstance(value.func, ast.Name)
            and value.func.id in ("tuple", "list")
        )

    def added(self, call: ast.Call) -> ast.expr | None:
        """One factor of what a call adds.

        Such a call is `weight.add_product(a, b)` or `weight.grad.index_add_(0, i, g)`.
        """
        if not isinstance(call.func, ast.Attribute) or not call.args:
            return None
        if call.func.attr == "add_product":
            return call.args[0]
        if call.func.attr in ("addmm_", "index_add_", "add_") and is_grad(call.func.value):
            return call.args[0] if call.func.attr == "addmm_" else call.args[-1]
        return None

    def whole(self, node: ast.AST, constant: bool = False, depth: int = 0) -> bool:
        """Whether a gradient, or several, double when this expression does.

        With `constant`, whether they double or halve.
        """
        if depth > 40 or node not in self.parents:
            return False
        up, name, position = self.parents[node]
        deeper = lambda n: self.whole(n, constant, depth + 1)  # noqa: E731
        source = self.owners[node]
        match up:
            case ast.Return():
                if source is self.backward:
                    return True
                return bool(self.calls[source]) and all(deeper(call) for _, call in self.calls[source])
            case ast.AugAssign(op=ast.Add() | ast.Sub()):
                return name == "value" and is_grad(up.target)
            case ast.Assign(targets=[ast.Name() as target]):
                return self._name_is_whole(source, target, constant, depth)
            case ast.Assign(
                targets=[ast.Attribute(attr="grad") | ast.Subscript(value=ast.Attribute(attr="grad"))]
            ):
                return True
            case ast.Tuple():
                return self._item_is_whole(up, position or 0, constant, depth)
            case ast.BinOp(op=ast.Mult() | ast.MatMult()) | ast.UnaryOp(op=ast.USub()):
                return deeper(up)
            case ast.BinOp(op=ast.Div()):
                return (name == "left" or constant) and deeper(up)
            case ast.IfExp():
                return name != "test" and deeper(up)
            case ast.Subscript() | ast.Attribute(attr="T" | "mT"):
                return name == "value" and deeper(up)
            case ast.Attribute():
                call = self.parent(up)
                return up.attr in LINEAR and isinstance(call, ast.Call) and call.func is up and deeper(call)
            case ast.Call():
                return self._argument_is_whole(up, node, constant, depth)
        return False

    def _argument_is_whole(self, call: ast.Call, node: ast.AST, constant: bool, depth: int) -> bool:
        if node not in call.args:
            return False
        source, added = self.owners[call], self.added(call)
        if added is not None:
            return node is added or (
                node in call.args[:2] and isinstance(call.func, ast.Attribute) and "m" in call.func.attr
            )
        if (called := self.called(source, call)) is not None:
            name = next((name for name, value in self.arguments(called, call) if value is node), "")
            return self._name_is_whole(called, ast.Name(name), constant, depth)
        function = ast.unparse(call.func)
        if function == "torch.where" and any(
            isinstance(other, ast.Constant) for other in call.args[1:] if other is not node
        ):
            return node in call.args[1:] and self.whole(call, constant, depth + 1)
        factor = function.endswith((".mul_", ".mul")) or function == "torch.einsum"
        return factor and self.whole(call, constant, depth + 1)

    def _item_is_whole(self, items: ast.Tuple, position: int, constant: bool, depth: int) -> bool:
        """An item of a returned tuple, or of a tuple that is assigned to another."""
        up, source = self.parent(items), self.owners[items]
        if isinstance(up, ast.Assign) and isinstance(up.targets[0], ast.Tuple):
            targets = up.targets[0].elts
            named = len(targets) == len(items.elts) and isinstance(targets[position], ast.Name)
            return named and self._name_is_whole(source, targets[position], constant, depth)
        if not isinstance(up, ast.Return):
            return False
        if source is self.backward:
            return True
        for caller, call in self.calls[source]:
            taken = self.parent(call)
            if isinstance(taken, ast.Return) and caller is self.backward:
                continue
            targets = taken.targets[0] if isinstance(taken, ast.Assign) else None
            if not isinstance(targets, ast.Tuple) or len(targets.elts) != len(items.elts):
                return False
            target = targets.elts[position]
            if not isinstance(target, ast.Name) or not self._name_is_whole(caller, target, constant, depth):
                return False
        return bool(self.calls[source])

    def _name_is_whole(self, source: Source, target: ast.AST, constant: bool, depth: int) -> bool:
        """Whether every later reading of a name is a whole gradient, and no two are multiplied together."""
        assert isinstance(target, ast.Name)
        if any(isinstance(up, ast.For | ast.While) for up in self.above(target)):
            return False  # an earlier line may read it in the next round
        # an argument has been there from the start
        stored = self.statement(target) if target in self.parents else None
        after = (0, 0) if stored is None else (stored.end_lineno or 0, stored.end_col_offset or 0)
        reads = [
            n
            for n in self.reads(source, target.id)
            if (n.lineno, n.col_offset) > after and not self.is_fact(n)
        ]
        if not reads or any(self._meet(a, b) for i, a in enumerate(reads) for b in reads[:i]):
            return False
        return all(self.whole(n, constant, depth + 1) for n in reads)

    def saved_locals(self, source: Source) -> list[str]:
        """The names that stand for something that forward saved."""
        if source not in self._saved_locals:
            self._saved_locals[source] = self._find_saved_locals(source)
        return self._saved_locals[source]

    def _find_saved_locals(self, source: Source) -> list[str]:
        names = [n.id for n in self.nodes[source] if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
        tested = {name: [*self._values(source, name)] for name in dict.fromkeys(names)}

        def is_saved(v: ast.AST) -> bool:
            return (
                isinstance(v, ast.Subscript)
                and isinstance(v.value, ast.Attribute)
                and v.value.attr == "saved"
            )

        return [name for name, values in tested.items() if values and all(map(is_saved, values))]

    @property
    def vararg(self) -> str:
        """The name of the function's starred argument, if it has one."""
        return self.source.tree.args.vararg.arg if self.source.tree.args.vararg else ""

    def _meet(self, a: ast.AST, b: ast.AST) -> bool:
        """Whether two readings go into one product or call."""
        over = set(self.above(a))
        lowest = next((up for up in self.above(b) if up in over), None)
        return isinstance(lowest, ast.BinOp | ast.Call)

    # Whose memory an expression is

    def upstream(self, node: ast.AST) -> bool:
        """Whether a name stands for grad_output itself, or for a view of it."""
        return isinstance(node, ast.Name) and self._owned(node, upstream=True, depth=0)

    def foreign(self, node: ast.AST) -> bool:
        """Whether an expression is grad_output, something forward saved, or a view of either.

        Such values are not backward's to change.
        """
        return self._owned(node, upstream=False, depth=0)

    def _owned(self, node: ast.AST, upstream: bool, depth: int) -> bool:
        if depth > 20:
            return False
        deeper = lambda n: self._owned(n, upstream, depth + 1)  # noqa: E731
        source = self.owners.get(node, self.source)
        if (
            isinstance(node, ast.Subscript)
            and isinstance(node.value, ast.Attribute)
            and node.value.attr == "saved"
        ):
            return not upstream
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            return node.func.attr in VIEWS and deeper(node.func.value)
        if isinstance(node, ast.Attribute):
            return node.attr in VIEWS and deeper(node.value)
        if isinstance(node, ast.IfExp):
            return deeper(node.body) or deeper(node.orelse)
        if not isinstance(node, ast.Name):
            return False
        if node.id in source.arguments:
            if source is self.backward:
                return True
            given = [dict(self.arguments(source, call)).get(node.id) for _, call in self.calls[source]]
            return bool(given) and all(value is not None and deeper(value) for value in given)
        values = list(self._values(source, node.id))
        return bool(values) and all(map(deeper, values))

    def _values(self, source: Source, name: str) -> Iterator[ast.expr]:
        """What is assigned to a name in a function."""
        for node in self.nodes[source]:
            if not isinstance(node, ast.Assign):
                continue
            target, value = node.targets[0], node.value
            if isinstance(target, ast.Name) and target.id == name:
                yield value
            elif isinstance(target, ast.Tuple):
                for place, taker in enumerate(target.elts):
                    if isinstance(taker, ast.Name) and taker.id == name:
                        yield _item(value, place, len(target.elts))


def _item(value: ast.expr, place: int, count: int) -> ast.expr:
    """What an item of a tuple on the left gets from the right."""
    if isinstance(value, ast.Tuple) and len(value.elts) == count:
        return value.elts[place]
    return value.elt if isinstance(value, ast.GeneratorExp) else value


def is_grad(node: ast.AST) -> bool:
    """Whether this is a parameter's gradient, or a part of it."""
    return (isinstance(node, ast.Attribute) and node.attr == "grad") or (
        isinstance(node, ast.Subscript) and is_grad(node.value)
    )
