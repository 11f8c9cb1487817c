"""Reading the source that reaches an answer against what such an answer needs.

What a student's process says about itself proves nothing, so the judge reads, outside. What reaches an answer
may use what is listed in `allowed.py`, and is no numerical difference (`differences.py`). The rest of the
notebook may do much more, but nothing that reaches for what runs beside it (`beside.py`). What is beyond is
told by name, with its line, and a person looks at it.
"""

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

from torch import Generator

from autograder.running.beside import beside
from autograder.running.cells import LONGEST, UnreadableError, as_python, tree, work
from autograder.running.differences import moved_points
from autograder.running.needed import Traces, own_names, select, trace
from autograder.running.reader import Known, Reader
from autograder.running.remark import Beyond, Cell, Remark, imports_of, stars_of
from course.device import device
from course.exercises import Call, find_exercise

MOST_STATEMENTS, MOST_WORK_IN_ALL = 1000, 200_000
"""How many statements of a notebook are read, a class counting once, and how much work that may be: ten times
what is usual."""

MOST_REMARKS = 6
"""How many remarks on one answer are made: a person who has to look will look at all of it."""


def remarks(
    exercise: str, name: str, sources: Sequence[str], *, given: Sequence[str] = (), brought: bool = False
) -> tuple[Remark, ...]:
    """What a person should look at before an answer's points count.

    Args:
        exercise: the name of what is answered.
        name: of the answer: a class or a function.
        sources: the student's own cells up to the test, and the Python files that were handed in with them.
        given: the instructor's cells.
        brought: whether there are such files. Only then can a notebook import what lies beside it, and it
            might be another text by then than the one that was handed in.
    """
    own, theirs = _Notebook(sources), _Notebook(given)
    made = list(own.unreadable)
    try:
        made += _Strict(exercise, own, theirs).read(name)
    except RecursionError:
        made.append(Remark(Beyond.UNREADABLE, "is nested too deeply to be read", 1, name))
    made += chain.from_iterable(beside(cell, brought) for cell in own.cells)
    unique = {(remark.kind, remark.word, remark.text): remark for remark in reversed(made)}
    return tuple(reversed(unique.values()))[:MOST_REMARKS]


class _Notebook:
    """Cells, and what cannot be read of them."""

    def __init__(self, sources: Iterable[str]) -> None:
        self.cells: list[Cell] = []
        self.unreadable: list[Remark] = []
        statements = done = 0
        for text in sources:
            cell = _cell(text)
            done += work(text) if len(text) <= LONGEST else 0
            statements += len(cell.body) if isinstance(cell, Cell) else 0
            if done > MOST_WORK_IN_ALL or statements > MOST_STATEMENTS:
                shown = text.strip().partition("\n")[0][:80]
                self.unreadable.append(Remark(Beyond.UNREADABLE, "is too long to be read", 1, shown))
                break
            if isinstance(cell, Cell):
                self.cells.append(cell)
            elif cell is not None:
                self.unreadable.append(cell)


@lru_cache(maxsize=512)
def _cell(source: str) -> Cell | Remark | None:
    """A cell, or why it cannot be read; None for one that is no Python, and so has not run."""
    text = as_python(source)
    try:
        parsed = tree(text)
    except UnreadableError as error:
        return Remark(Beyond.UNREADABLE, str(error), 1, text.strip().partition("\n")[0][:80])
    return None if parsed is None else Cell(text, tuple(parsed.body))


@dataclass(frozen=True)
class _Piece:
    """One statement of a cell."""

    cell: Cell
    statement: ast.stmt
    traces: Traces
    own: bool
    """Whether the student wrote it."""


class _Strict:
    """Reads what reaches an answer, statement by statement."""

    def __init__(self, exercise: str, own: _Notebook, theirs: _Notebook) -> None:
        self.cells = [*((cell, False) for cell in theirs.cells), *((cell, True) for cell in own.cells)]
        self.pieces = [
            _Piece(cell, statement, _trace(cell, number), own)
            for cell, own in self.cells
            for number, statement in enumerate(cell.body)
        ]
        self.measures = _measures(exercise)

    def read(self, name: str) -> Iterator[Remark]:
        """What is beyond in what reaches the object of that name."""
        chosen = [self.pieces[place] for place in select([piece.traces for piece in self.pieces], name)]
        chosen = self._with_state(chosen)
        imports = imports_of(piece.statement for piece in self.pieces)
        known = Known(
            imports=imports,
            own=frozenset(chain.from_iterable(_attributes(piece.statement) for piece in chosen)),
            bound=frozenset(chain.from_iterable(piece.traces.binds for piece in self.pieces)),
            classes=_classes(chosen),
            answer=name,
            methods=_methods(chosen),
            used=_used(chosen),
            values=_values(chosen),
            measures=self.measures,
            stars=tuple(chain.from_iterable(stars_of(piece.statement) for piece in chosen)),
        )
        statements = [piece.statement for piece in chosen]
        for piece in chosen:
            if not piece.own:
                continue
            reader = Reader(piece.cell, known)
            reader.visit(piece.statement)
            yield from reader.remarks
            if not self.measures:
                moves = moved_points(piece.statement, statements, frozenset(imports))
                for node in sorted(moves, key=lambda node: node.lineno)[:1]:
                    yield piece.cell.remark(Beyond.DIFFERENCES, ast.unparse(node), node)
                yield from _repeated(piece)

    def _with_state(self, chosen: list[_Piece]) -> list[_Piece]:
        """All that is in the cells of these statements, where these hold what others could have changed."""
        if not any(_holds_state(piece.statement) for piece in chosen if piece.own):
            return chosen
        cells = {id(piece.cell) for piece in chosen}
        return [piece for piece in self.pieces if id(piece.cell) in cells]


@lru_cache(maxsize=4096)
def _trace(cell: Cell, number: int) -> Traces:
    return trace([cell.body[number]])


@lru_cache(maxsize=256)
def _measures(exercise: str) -> bool:
    """Whether differences are what an exercise asks for: a function that is called, not differentiated."""
    return isinstance(next(iter(find_exercise(exercise).cases(Generator(device()).manual_seed(0)))), Call)


def _attributes(statement: ast.stmt) -> Iterator[str]:
    """The attributes that a statement gives to classes and objects of the student's own."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr
        elif isinstance(node, ast.ClassDef):
            for part in node.body:
                yield from own_names([part])
        elif isinstance(node, ast.Call):
            yield from (keyword.arg for keyword in node.keywords if keyword.arg)
            word = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if word in ("namedtuple", "setattr", "Enum", "make_dataclass"):
                texts = (part.value for part in ast.walk(node) if isinstance(part, ast.Constant))
                yield from chain.from_iterable(
                    text.replace(",", " ").split() for text in texts if isinstance(text, str)
                )


def _classes(pieces: Iterable[_Piece]) -> dict[str, list[ast.ClassDef]]:
    classes: dict[str, list[ast.ClassDef]] = {}
    for node in chain.from_iterable(ast.walk(piece.statement) for piece in pieces):
        if isinstance(node, ast.ClassDef):
            classes.setdefault(node.name, []).append(node)
    return classes


def _methods(pieces: Iterable[_Piece]) -> frozenset[str]:
    kinds = chain.from_iterable(_classes(pieces).values())
    return frozenset(
        part.name
        for kind in kinds
        for part in kind.body
        if isinstance(part, ast.FunctionDef)
        and not {"staticmethod", "classmethod"} & {ast.unparse(by) for by in part.decorator_list}
    )


def _used(pieces: Iterable[_Piece]) -> frozenset[str]:
    nodes = [node for piece in pieces for node in ast.walk(piece.statement)]
    bases = {id(base) for node in nodes if isinstance(node, ast.ClassDef) for base in node.bases}
    return frozenset(node.id for node in nodes if isinstance(node, ast.Name) and id(node) not in bases)


def _values(pieces: Iterable[_Piece]) -> dict[str, list[ast.expr | None]]:
    values: dict[str, list[ast.expr | None]] = {}
    nodes = [node for piece in pieces for node in ast.walk(piece.statement)]
    plain: set[int] = set()
    for node in nodes:
        made: Sequence[ast.expr] = ()
        targets: Sequence[ast.expr] = ()
        if isinstance(node, ast.Assign):
            targets, made = node.targets, (node.value,)
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            targets, made = (node.target,), (node.value,)
        elif isinstance(node, ast.For) and isinstance(node.iter, ast.Tuple | ast.List):
            targets, made = (node.target,), node.iter.elts
        for target in targets:
            if isinstance(target, ast.Name):
                plain.add(id(target))
                values.setdefault(target.id, []).extend(made)
    for node in nodes:  # whatever else binds a name, or changes a part of what it is bound to
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and id(node) not in plain:
            values.setdefault(node.id, []).append(None)
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
            values.setdefault(getattr(node.value, "id", ""), []).append(None)
        elif isinstance(node, ast.arg):
            values.setdefault(node.arg, []).append(None)
        elif isinstance(node, ast.alias):
            values.setdefault(node.asname or node.name, []).append(None)
        elif isinstance(name := getattr(node, "name", None), str):
            values.setdefault(name, []).append(None)
    return values


HOLDING = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp, ast.GeneratorExp, ast.Call)


def _holds_state(statement: ast.stmt) -> bool:
    """Whether a statement makes something that other code can change without naming it."""
    if isinstance(statement, ast.Import | ast.ImportFrom | ast.Expr):
        return False
    if isinstance(statement, ast.ClassDef | ast.FunctionDef):
        parts = list(ast.walk(statement))
        defaults = [
            default
            for part in parts
            if isinstance(part, ast.arguments)
            for default in (*part.defaults, *filter(None, part.kw_defaults))
        ]
        values = [
            node.value
            for part in parts
            if isinstance(part, ast.ClassDef)
            for node in part.body
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
        ]
        held = [*defaults, *values]
        return any(isinstance(part, ast.Global | ast.Nonlocal) for part in parts) or any(
            isinstance(node, HOLDING) for value in held for node in ast.walk(value)
        )
    value = getattr(statement, "value", statement)
    if isinstance(statement, ast.Assign | ast.AnnAssign) and isinstance(value, ast.AST):
        return any(isinstance(node, HOLDING) for node in ast.walk(value))
    return True


def _repeated(piece: _Piece) -> Iterator[Remark]:
    """Forward, called twice by a backward, or in a loop."""
    for function in ast.walk(piece.statement):
        if not isinstance(function, ast.FunctionDef) or function.name == "forward":
            continue
        calls = [node for node in ast.walk(function) if isinstance(node, ast.Call) and _is_forward(node.func)]
        loops = (
            node
            for node in ast.walk(function)
            if isinstance(
                node,
                ast.For
                | ast.While
                | ast.Lambda
                | ast.ListComp
                | ast.GeneratorExp
                | ast.DictComp
                | ast.SetComp,
            )
        )
        inside = {id(node) for loop in loops for node in ast.walk(loop)}
        if len(calls) > 1 or any(id(call) in inside for call in calls):
            yield piece.cell.remark(Beyond.REPEATS, ast.unparse(calls[0].func), calls[0])


def _is_forward(function: ast.expr) -> bool:
    """Whether a call is of the module's own forward."""
    if isinstance(function, ast.Name):
        return function.id == "self"
    if isinstance(function, ast.Attribute) and function.attr == "forward":
        of = function.value
        named = isinstance(of, ast.Name) and of.id == "self"
        return named or (isinstance(of, ast.Call) and isinstance(of.func, ast.Name) and of.func.id == "super")
    return False
