"""One backward's functions side by side: what is above a node, who calls whom, what carries the gradient."""

import ast
from collections.abc import Iterator

from benchmarks.strength.sources import Source, children

FACTS = {"shape", "dtype", "device", "dim", "numel", "size", "is_floating_point"}
"""What is read of a tensor without reading its numbers."""


class Calls:
    """Facts on the functions of one backward, found in their trees."""

    def __init__(self, sources: list[Source]) -> None:
        self.sources = sources
        self.backward = sources[0]
        self.source = sources[0]
        """The function at hand."""
        self.parents: dict[ast.AST, tuple[ast.AST, str, int | None]] = {}
        self.owners: dict[ast.AST, Source] = {}
        self.nodes = {source: list(ast.walk(source.tree)) for source in sources}
        """All nodes of each function's tree."""
        for source in sources:
            self._adopt(source.tree, source)
        self.calls: dict[Source, list[tuple[Source, ast.Call]]] = {source: [] for source in sources}
        for source in sources:
            for node in self.nodes[source]:
                if isinstance(node, ast.Call) and (called := self.called(source, node)):
                    self.calls[called].append((source, node))
        self.carriers = {source: set[str]() for source in sources}
        self.carriers[self.backward] = set(self.backward.arguments)
        self._spread()

    def _adopt(self, node: ast.AST, source: Source) -> None:
        self.owners[node] = source
        for name, position, child in children(node):
            # shared by all
            if not isinstance(child, ast.expr_context | ast.operator | ast.unaryop | ast.cmpop | ast.boolop):
                self.parents[child] = (node, name, position)
                self._adopt(child, source)

    def parent(self, node: ast.AST) -> ast.AST | None:
        """The node right above."""
        return self.parents[node][0] if node in self.parents else None

    def above(self, node: ast.AST) -> Iterator[ast.AST]:
        """All nodes above, nearest first."""
        while (up := self.parent(node)) is not None:
            yield up
            node = up

    def statement(self, node: ast.AST) -> ast.stmt:
        """The statement that a node stands in."""
        return next(up for up in (node, *self.above(node)) if isinstance(up, ast.stmt))

    def called(self, source: Source, call: ast.Call) -> Source | None:
        """The function of ours that is called, if it is one."""
        if isinstance(call.func, ast.Name):
            return source.functions.get(call.func.id)
        if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name):
            first = source.tree.args.args[0].arg if source.tree.args.args else ""
            return source.methods.get(call.func.attr) if call.func.value.id == first else None
        return None

    def arguments(self, called: Source, call: ast.Call) -> Iterator[tuple[str, ast.expr]]:
        """(name, expression) of what is handed in, as far as it is written out."""
        for name, value in zip(called.arguments, call.args, strict=False):
            if isinstance(value, ast.Starred):
                break
            yield name, value
        yield from ((keyword.arg, keyword.value) for keyword in call.keywords if keyword.arg)

    # Which names carry the gradient that came from above

    def carries(self, node: ast.AST) -> bool:
        """Whether the upstream gradient's numbers go into an expression."""
        names = self.carriers[self.owners[node]]
        return any(isinstance(n, ast.Name) and n.id in names and not self.is_fact(n) for n in ast.walk(node))

    def is_fact(self, node: ast.AST) -> bool:
        """Whether only a shape and the like is read of the tensor at this place, or whether it is None."""
        up = self.parent(node)
        if isinstance(up, ast.Attribute):
            return up.attr in FACTS
        like = (
            isinstance(up, ast.Call) and isinstance(up.func, ast.Attribute) and up.func.attr.endswith("_like")
        )
        return like or (isinstance(up, ast.Compare) and isinstance(up.ops[0], ast.Is | ast.IsNot))

    def _spread(self) -> None:
        before = -1
        while before != (before := sum(map(len, self.carriers.values()))):
            for source in self.sources:
                names = self.carriers[source]
                for node in self.nodes[source]:
                    if isinstance(node, ast.Assign | ast.For | ast.comprehension):
                        value = node.value if isinstance(node, ast.Assign) else node.iter
                        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
                        names.update(self._bound(target, value))
                    if isinstance(node, ast.Call) and (called := self.called(source, node)):
                        pairs = self.arguments(called, node)
                        self.carriers[called].update(name for name, value in pairs if self.carries(value))
                    match node:  # a list that it is appended to
                        case ast.Call(
                            func=ast.Attribute(value=ast.Name(id=name), attr="append"), args=[item]
                        ):
                            names.update({name} if self.carries(item) else ())

    def _bound(self, target: ast.expr, value: ast.expr) -> Iterator[str]:
        """The names in a target that get something which carries the gradient."""
        if (
            isinstance(target, ast.Tuple)
            and isinstance(value, ast.Tuple)
            and len(target.elts) == len(value.elts)
        ):
            for one, its in zip(target.elts, value.elts, strict=True):
                yield from self._bound(one, its)
        elif self.carries(value):
            yield from (
                n.id for n in ast.walk(target) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
            )

    def reads(self, source: Source, name: str) -> list[ast.Name]:
        """Every place where a function reads a name."""
        return [
            n
            for n in self.nodes[source]
            if isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Load)
        ]
