"""Numerical differences in a source: values computed at moved points, and divided by how far they moved."""

import ast
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from autograder.running.cells import words
from autograder.running.needed import arguments_of

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)

FILLED = words(
    "tensor as_tensor full full_like ones ones_like array asarray float float64 scalar_tensor new_full"
)
"""Functions that make a constant of a constant, whatever the shape."""

SMALL = 0.02
"""A factor below this makes a step of whatever it is multiplied with."""

NEAR_ONE = 0.004
"""A factor as near to 1 as this moves a point."""


def moved_points(tree: ast.stmt, around: Sequence[ast.stmt], imported: Collection[str]) -> Iterator[ast.expr]:
    """Places where a function's values are computed at moved points, as numerical differences are.

    Args:
        tree: a statement of an answer, a class or a function, say.
        around: the statements of which it may use constants.
        imported: the names of libraries and their functions.
    """
    shared = _Constants()
    shared.read([part for part in around if not isinstance(part, DEFINITIONS)])
    if isinstance(tree, ast.ClassDef):
        shared.read([part for part in ast.walk(tree) if isinstance(part, ast.Assign)])
    for part in ast.walk(tree):
        if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from _in_function(part, shared, imported)
    if not isinstance(tree, DEFINITIONS):
        yield from _Moves(tree, shared, imported).places()


def _in_function(function: Function, outside: "_Constants", imported: Collection[str]) -> Iterator[ast.expr]:
    constants = _Constants(set(outside.steps), set(outside.counts))
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args]
    defaults = [*zip(named[::-1], arguments.defaults[::-1], strict=False)]
    defaults += [
        (argument, default)
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        if default is not None
    ]
    own = {argument.arg for argument in arguments_of(arguments)}
    constants.steps -= own
    constants.counts -= own
    for argument, default in defaults:
        if getattr(function, "name", "") != "__init__":
            constants.note(argument.arg, default)
    constants.read(_body(function))
    yield from _Moves(function, constants, imported).places()


def _body(tree: ast.AST) -> Sequence[ast.AST]:
    body = getattr(tree, "body", tree)
    return body if isinstance(body, list) else [body]


@dataclass
class _Constants:
    """Names whose values the code itself says."""

    steps: set[str] = field(default_factory=set)
    """Those that are no whole numbers, or small: they could be how far a point moves."""
    counts: set[str] = field(default_factory=set)

    def read(self, nodes: Sequence[ast.AST]) -> None:
        """Note what is assigned, also in loops."""
        parts = [part for node in nodes for part in ast.walk(node)]
        for _ in range(3):  # a name may be made of names that are assigned further down
            for part in parts:
                if isinstance(part, ast.Assign):
                    for target in part.targets:
                        self._assigned(target, part.value)
                elif isinstance(part, ast.AnnAssign | ast.NamedExpr) and part.value is not None:
                    self._assigned(part.target, part.value)
                elif isinstance(part, ast.For | ast.comprehension):
                    self._over(part.target, part.iter)

    def _assigned(self, target: ast.AST, value: ast.AST) -> None:
        if isinstance(target, ast.Tuple | ast.List) and isinstance(value, ast.Tuple | ast.List):
            for part, of in zip(target.elts, value.elts, strict=False):
                self._assigned(part, of)
        elif isinstance(target, ast.Name | ast.Attribute):
            self.note(ast.unparse(target), value)

    def _over(self, target: ast.AST, values: ast.AST) -> None:
        """What a loop over constants hands out."""
        parts = list(values.elts) if isinstance(values, ast.Tuple | ast.List) else [values]
        if isinstance(values, ast.Call):
            parts = values.args
        if parts and all(self.is_constant(part) for part in parts):
            for name in (part.id for part in ast.walk(target) if isinstance(part, ast.Name)):
                (self.steps if any(map(self.is_step, parts)) else self.counts).add(name)

    def note(self, name: str, value: ast.AST) -> None:
        """A name and what it is given."""
        if self.is_step(value):
            self.steps.add(name)
        elif self.is_constant(value):
            self.counts.add(name)

    def is_constant(self, node: ast.AST) -> bool:
        """Whether the code says the value."""
        match node:
            case ast.Constant():
                return isinstance(node.value, int | float | complex)
            case ast.Name() | ast.Attribute():
                return ast.unparse(node) in self.steps | self.counts or getattr(node, "attr", "") in (
                    "eps",
                    "tiny",
                )
            case ast.UnaryOp():
                return self.is_constant(node.operand)
            case ast.BinOp():
                return self.is_constant(node.left) and self.is_constant(node.right)
            case ast.Call():
                filled = _word(node.func) in FILLED or _root(node.func) == "math"
                return filled and any(self.is_constant(given) for given in node.args)
            case ast.List() | ast.Tuple():
                return bool(node.elts) and all(map(self.is_constant, node.elts))
            case _:
                return False

    def is_step(self, node: ast.AST) -> bool:
        """Whether a value could be how far a point moves: a constant that is no whole number, or is small."""
        if self.is_constant(node):
            parts = list(ast.walk(node))
            return any(
                (isinstance(part, ast.Constant) and _is_fraction(part.value))
                or (isinstance(part, ast.Name | ast.Attribute) and ast.unparse(part) in self.steps)
                or getattr(part, "attr", "") in ("eps", "tiny")
                or (isinstance(part, ast.BinOp) and isinstance(part.op, ast.Div))
                or (
                    isinstance(part, ast.UnaryOp) and isinstance(part.op, ast.USub) and _exponent(part, parts)
                )
                for part in parts
            )
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            return any(
                self.is_small(factor) or (isinstance(factor, ast.BinOp) and self.is_step(factor))
                for factor in (node.left, node.right)
            )
        return False

    def is_small(self, node: ast.AST) -> bool:
        """Whether a factor makes a step of what it is multiplied with."""
        if isinstance(node, ast.Constant):
            return isinstance(node.value, float) and 0 < abs(node.value) < SMALL
        return isinstance(node, ast.Name | ast.Attribute) and ast.unparse(node) in self.steps


def _exponent(part: ast.AST, parts: Sequence[ast.AST]) -> bool:
    """Whether it is a negative exponent, which makes a small number."""
    return any(
        isinstance(other, ast.BinOp) and isinstance(other.op, ast.Pow) and other.right is part
        for other in parts
    )


class _Moves:
    """The sums in a function that move a point, and the calls that they go into."""

    def __init__(self, tree: ast.AST, constants: _Constants, imported: Collection[str]) -> None:
        self.constants, self.imported = constants, imported
        self.parts = list(_outside_indices(tree))

    def places(self) -> Iterator[ast.expr]:
        """Where points are moved, and the values differ."""
        yield from self._pairs()
        yield from self._calls()
        yield from self._elements()
        yield from self._factors()

    def _pairs(self) -> Iterator[ast.expr]:
        """`x + h` beside `x - h` or `x + 2 * h`, or beside a division by h; h may be part of an array."""
        offsets: dict[str, dict[str, ast.expr]] = defaultdict(dict)
        divisors, moved = self._divisors(), self._moved()
        for part in self.parts:
            for base, step, sign in self._sums(part):
                if self.constants.is_constant(base) or not isinstance(part, ast.expr):
                    continue
                if self.constants.is_step(step) or (isinstance(step, ast.Name) and step.id in moved):
                    offsets[ast.unparse(base)][sign + ast.unparse(step)] = part
                    if self._names(step) & divisors:
                        yield part
                elif self._names(step) & divisors & self.constants.counts:
                    yield part
        for moves in offsets.values():
            if len(moves) > 1:
                yield next(iter(moves.values()))

    def _sums(self, part: ast.AST) -> Iterator[tuple[ast.expr, ast.expr, str]]:
        if isinstance(part, ast.BinOp) and isinstance(part.op, ast.Add | ast.Sub):
            sign = "+" if isinstance(part.op, ast.Add) else "-"
            yield part.left, part.right, sign
            if sign == "+":
                yield part.right, part.left, sign
        elif isinstance(part, ast.Call) and _word(part.func) in ("add", "sub", "add_", "sub_", "subtract"):
            given = [*part.args]
            if isinstance(part.func, ast.Attribute) and len(given) == 1:
                given = [part.func.value, *given]
            if len(given) >= 2:
                yield given[0], given[1], "+" if "add" in _word(part.func) else "-"

    def _divisors(self) -> set[str]:
        """Names and literals that something is divided by."""
        divisors: set[str] = set()
        for part in self.parts:
            divided = None
            if isinstance(part, ast.BinOp | ast.AugAssign) and isinstance(part.op, ast.Div):
                divided = part.right if isinstance(part, ast.BinOp) else part.value
            elif isinstance(part, ast.Call) and _word(part.func) in ("div", "div_", "divide", "true_divide"):
                divided = part.args[-1] if part.args else None
            elif isinstance(part, ast.BinOp) and isinstance(part.op, ast.Pow) and _is_minus_one(part.right):
                divided = part.left
            for factor in _factors(divided):
                if self.constants.is_constant(factor):
                    divisors |= self._names(factor)
        return divisors

    def _names(self, node: ast.AST) -> set[str]:
        """The step-like parts of an expression."""
        return {
            ast.unparse(part)
            for part in ast.walk(node)
            if (
                isinstance(part, ast.Name | ast.Attribute)
                and ast.unparse(part) in self.constants.steps | self.constants.counts
            )
            or (isinstance(part, ast.Constant) and _is_fraction(part.value))
        }

    def _calls(self) -> Iterator[ast.expr]:
        """A function of one's own, called at a point and at one beside it."""
        calls: dict[str, list[ast.Call]] = defaultdict(list)
        for part in self.parts:
            if isinstance(part, ast.Call) and self._own(part.func):
                calls[ast.unparse(part.func)].append(part)
        divides = any(
            isinstance(part, ast.BinOp | ast.AugAssign) and isinstance(part.op, ast.Div)
            for part in self.parts
        )
        for function, together in calls.items():
            divides = divides or self._subtracts(function)
            bases = {ast.unparse(given) for call in together for given in call.args}
            seen: dict[str, str] = {}
            for call in together:
                for given in call.args:
                    for base, step, sign in self._sums(given):
                        base_text, move = ast.unparse(base), sign + ast.unparse(step)
                        if self.constants.is_constant(base):
                            continue
                        moved = seen.setdefault(base_text, move) != move or base_text in bases
                        if divides and moved:
                            yield call
                        if self.constants.is_step(step) and divides:
                            yield call
                    opposite = given.operand if isinstance(given, ast.UnaryOp) else None
                    if opposite and self.constants.is_step(opposite) and ast.unparse(opposite) in bases:
                        yield call

    def _subtracts(self, function: str) -> bool:
        """Whether two values of a function are subtracted."""
        return any(
            isinstance(part, ast.BinOp)
            and isinstance(part.op, ast.Sub)
            and all(
                isinstance(side, ast.Call) and ast.unparse(side.func) == function
                for side in (part.left, part.right)
            )
            for part in self.parts
        )

    def _own(self, function: ast.AST) -> bool:
        """Whether a call could be of a function of one's own, rather than of one of a library."""
        if isinstance(function, ast.Name):
            return function.id not in BUILTIN and function.id not in self.imported
        if isinstance(function, ast.Attribute):
            return function.attr == "forward" or _root(function) in ("self", "cls")
        return isinstance(function, ast.Lambda | ast.Call)

    def _elements(self) -> Iterator[ast.expr]:
        """An element of a copy is moved, and a function of one's own is called on the copy."""
        moved = self._moved()
        for part in self.parts:
            if isinstance(part, ast.Call) and self._own(part.func):
                for given in part.args:
                    if moved & {inner.id for inner in ast.walk(given) if isinstance(inner, ast.Name)}:
                        yield part

    def _moved(self) -> set[str]:
        """The names of arrays of which an element is moved, or set to a step."""
        moved: set[str] = set()
        for part in self.parts:
            if isinstance(part, ast.AugAssign) and isinstance(part.op, ast.Add | ast.Sub):
                if self.constants.is_step(part.value) and isinstance(part.target, ast.Subscript | ast.Name):
                    moved.add(_root(part.target))
            elif isinstance(part, ast.Assign) and isinstance(part.targets[0], ast.Subscript):
                sums = [step for inner in ast.walk(part.value) for _, step, _ in self._sums(inner)]
                if self.constants.is_step(part.value) or any(map(self.constants.is_step, sums)):
                    moved.add(_root(part.targets[0]))
        return moved - {"", "self"}

    def _factors(self) -> Iterator[ast.expr]:
        """`x * 1.000001`."""
        for part in self.parts:
            if isinstance(part, ast.BinOp) and isinstance(part.op, ast.Mult | ast.Pow):
                for factor in (part.left, part.right):
                    if (
                        isinstance(factor, ast.Constant)
                        and isinstance(factor.value, float)
                        and 0 < abs(factor.value - 1) < NEAR_ONE
                    ):
                        yield part


def _outside_indices(tree: ast.AST) -> Iterator[ast.AST]:
    """The parts of a function, but for what stands in square brackets, and for functions in it."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.Subscript):
            waiting.append(node.value)
        else:
            waiting += ast.iter_child_nodes(node)


BUILTIN = words(
    """print len range float int abs sum max min zip enumerate list tuple isinstance round sorted
    reversed str bool any all map filter super type tensor Parameter Tensor"""
)


def _factors(node: ast.AST | None) -> Iterator[ast.AST]:
    """What a product is made of."""
    match node:
        case ast.BinOp(op=ast.Mult() | ast.Div()):
            yield from _factors(node.left)
            yield from _factors(node.right)
        case ast.BinOp(op=ast.Pow()):
            yield from _factors(node.left)
        case ast.UnaryOp():
            yield from _factors(node.operand)
        case None:
            return
        case _:
            yield node


def _word(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else str(getattr(node, "attr", ""))


def _root(node: ast.AST) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _is_fraction(value: object) -> bool:
    """Whether a number is no whole one."""
    return isinstance(value, float) and not value.is_integer()


def _is_minus_one(node: ast.AST) -> bool:
    return isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)
