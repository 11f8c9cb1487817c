"""Which cells of a notebook an answer needs: those that make or change it, and all that they use.

A guess is made on the safe side: a cell too many costs a moment, a cell too few could cost an honest answer.
"""

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain

from autograder.running.cells import UnreadableError, tree, words

WILD = words(
    "exec eval compile __import__ globals locals vars get_ipython __builtins__ builtins importlib runpy"
)
"""Names with which a cell could change anything."""

INSIDES = words("__globals__ __builtins__ user_ns run_cell")
"""Attributes likewise."""

TAME = words(
    """! !! HTML SVG autoreload bash capture cd colors conda config debug env gui history html javascript
    js latex load_ext ls lsmagic markdown matplotlib pdb pdoc pinfo pip pprint precision prun pwd
    quickref reload_ext script sh svg tb time timeit unload_ext who whos writefile xmode"""
)
"""IPython's commands that change no name by themselves; the code behind `%time` is read as code."""

READERS = words(
    "print len type isinstance issubclass id repr str format hash sum min max abs sorted reversed enumerate "
    "zip map filter list tuple set dict frozenset float int bool complex any all range iter round help dir "
    "callable hasattr getattr check picture grade check_module explore summary display"
)
"""Functions that change nothing of what they are given."""

SETTERS = ("set", "seed", "manual_seed", "use", "register", "patch", "update", "append", "insert")
"""How the names of a library's functions begin that change what they belong to, or are given."""
SHUFFLERS = words("shuffle heappush heappop heapify insort delattr exec_module")

ASIDE = words("matplotlib pandas seaborn sympy warnings logging ipywidgets tqdm IPython")
"""Libraries whose settings no answer depends on."""

Scope = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


@dataclass
class Traces:
    """What a cell, or a function in it, does with the names that all cells share."""

    binds: set[str] = field(default_factory=set)
    imports: dict[str, str] = field(default_factory=dict)
    """Names that an import binds, with the module they come from; `binds` has them, too."""
    changes: set[str] = field(default_factory=set)
    """Names whose object may be another afterwards: a part was set, or it was handed to what may do so."""
    handed_to: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """By the name with which a function begins, the names of what it is given."""
    library_changes: set[str] = field(default_factory=set)
    """Names whose part was set as a plain statement: with a library's name this may change anything."""
    uses: set[str] = field(default_factory=set)
    """Names read while the cell runs."""
    later: set[str] = field(default_factory=set)
    """Names read in functions, whenever these are called."""
    made_of: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """For names that are bound: the names in what they are bound to."""
    same_as: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Likewise, where they may be one object."""
    made_by: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Likewise, where a call may have handed on what it was given or has at hand; a class makes new ones."""
    may_give: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """For functions: the names of what a call may give as it is."""
    classes: set[str] = field(default_factory=set)
    held: set[str] = field(default_factory=set)
    """Attributes that classes hold for all of their objects, but for methods."""
    kinds: set[tuple[str, str]] = field(default_factory=set)
    """Names of objects of which a part of an attribute may be another afterwards, with that attribute.

    Where a class holds that attribute, it is another for all. It is empty where the class itself is reached.
    """
    library_effects: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """For functions and classes: what `library_changes` would have, once their code is called."""
    effects: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """For functions and classes: the shared names that their code binds or changes when it is called."""
    wild: bool = False
    """Whether the cell could change anything."""


def needed(cells: Sequence[str], name: str) -> tuple[int, ...]:
    """The positions of the cells that the object of that name needs, in order.

    These are the cells that bind the name or change its object, and in turn those of all that they use.
    A cell that cannot be read, or that could change anything, is needed by all.

    Args:
        cells: the notebook's code cells in order, as the Python that runs.
        name: of the class or function.
    """
    return select([traces(cell) for cell in cells], name)


def select(read: Sequence["Traces"], name: str) -> tuple[int, ...]:
    """The same for pieces of a notebook, cells or single statements, of which the traces are known."""
    changed_at: dict[str, list[int]] = defaultdict(list)
    for position, changed in enumerate(_changes(read)):
        for changed_name in changed:
            changed_at[changed_name].append(position)
    taken = {position for position, piece in enumerate(read) if piece.wild}
    until: dict[str, int] = {}
    """For each wanted name: the pieces before this one count."""
    waiting = [(name, len(read))]
    for position in taken:
        waiting += _wants(read[position], position, len(read))
    while waiting:
        wanted, before = waiting.pop()
        if until.get(wanted, 0) >= before:
            continue
        until[wanted] = before
        for position in changed_at[wanted]:
            if position < before and position not in taken:
                taken.add(position)
                waiting += _wants(read[position], position, len(read))
    return tuple(sorted(taken))


def _wants(cell: Traces, position: int, end: int) -> Iterator[tuple[str, int]]:
    """What a cell uses, and before which cell that must have been made.

    What a cell uses while it runs was made above it, or in it; what its functions use, anywhere.
    """
    yield from ((name, position) for name in cell.uses)
    yield from ((name, end) for name in cell.later)


def _changes(cells: Sequence[Traces]) -> list[set[str]]:
    """For each cell, the names that it binds or whose objects it may change."""
    made_of: dict[str, set[str]] = defaultdict(set)
    same_as: dict[str, set[str]] = defaultdict(set)
    made_by: dict[str, set[str]] = defaultdict(set)
    may_give: dict[str, set[str]] = defaultdict(set)
    effects: dict[str, set[str]] = defaultdict(set)
    library_effects: dict[str, set[str]] = defaultdict(set)
    for cell in cells:
        parts = (
            (made_of, cell.made_of),
            (same_as, cell.same_as),
            (made_by, cell.made_by),
            (may_give, cell.may_give),
            (effects, cell.effects),
            (library_effects, cell.library_effects),
        )
        for whole, part in parts:
            for name, names in part.items():
                whole[name] |= names
    otherwise = set(chain.from_iterable(cell.binds - cell.imports.keys() for cell in cells))
    homes = {name: home for cell in cells for name, home in cell.imports.items() if name not in otherwise}
    new = set(chain.from_iterable(cell.classes for cell in cells)) | homes.keys()
    may_be = defaultdict(set, {name: set(names) for name, names in same_as.items()})
    for name, names in made_by.items():
        may_be[name] |= names - new
    for function, names in may_give.items():
        if function not in new:
            may_be[function] |= names - homes.keys()
    anything = defaultdict(set, {name: made_of[name] | same_as[name] for name in [*made_of, *same_as]})
    held = set(chain.from_iterable(cell.held for cell in cells)) | {""}
    aside = {name for name, home in homes.items() if home.split(".")[0] in ASIDE}
    changes = []
    for cell in cells:
        called = set(chain.from_iterable(effects[name] for name in _closure(cell.uses, made_of)))
        handed = (names for to, names in cell.handed_to.items() if to not in homes)
        changed = (cell.changes | called).union(*handed) - homes.keys()
        later = chain.from_iterable(library_effects[name] for name in _closure(cell.uses, made_of))
        set_parts = (cell.library_changes | set(later)) - aside
        cell.wild |= any(name in homes for name in set_parts)
        kinds = {name for name, attribute in cell.kinds if attribute in held and name not in homes}
        kinds = _closure(kinds, anything) - homes.keys()
        changes.append(cell.binds | set_parts | _closure(changed, may_be) | kinds)
    return changes


def _closure(names: Iterable[str], edges: dict[str, set[str]]) -> set[str]:
    """The names, and all that can be reached from them."""
    reached, waiting = set(), list(names)
    while waiting:
        if (name := waiting.pop()) not in reached:
            reached.add(name)
            waiting += edges.get(name, ())
    return reached


@lru_cache(maxsize=256)
def traces(cell: str) -> Traces:
    """What one cell does with the names that all cells share."""
    try:
        parsed = tree(cell)
    except UnreadableError:
        parsed = None
    return Traces(wild=True) if parsed is None else trace(parsed.body)


def trace(statements: Iterable[ast.stmt]) -> Traces:
    """What statements do with the names that all cells share."""
    read = Traces()
    try:
        _Reader(read).block(statements)
    except RecursionError:
        read.wild = True
    return read


class _Reader:
    """Walks through a cell. `hidden` are the names that mean something else where it is: a function's own."""

    def __init__(self, read: Traces, hidden: frozenset[str] = frozenset(), inside: str = "") -> None:
        self.read, self.hidden, self.inside = read, hidden, inside
        self.later = False
        """Whether this runs only when it is called."""
        self.in_class = False
        """Whether names that are bound belong to a class."""

    def block(self, nodes: Iterable[ast.AST]) -> None:
        """Statements, one after the other."""
        for node in nodes:
            self.visit(node)

    def visit(self, node: ast.AST) -> None:
        """A node, and what is in it."""
        match node:
            case ast.Name():
                self._name(node)
            case ast.Attribute() | ast.Subscript():
                self._place(node)
            case ast.Call():
                self._call(node)
            case ast.Assign() | ast.AnnAssign() | ast.For() | ast.AsyncFor() | ast.withitem():
                self._assignment(node)
            case ast.NamedExpr():
                self._assignment(node)
                self._bind(node.target.id)
            case ast.AugAssign():
                self._augmented(node)
            case ast.Import() | ast.ImportFrom():
                self._imports(node)
            case ast.ExceptHandler() | ast.MatchAs() | ast.MatchStar() | ast.MatchMapping():
                self._capture(node)
            case ast.ClassDef():
                self._kind(node)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._bind(node.name)
                self.block(node.decorator_list)
                self._function(node, self.inside or node.name)
            case ast.Lambda():
                self._function(node, self.inside)
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                self._comprehension(node)
            case _ if type(node).__name__ == "TypeAlias":
                self._alias(node)
            case _:
                self.block(ast.iter_child_nodes(node))

    def _within(self, hidden: Iterable[str], *, later: bool, in_class: bool, inside: str) -> "_Reader":
        reader = _Reader(self.read, self.hidden | frozenset(hidden), inside)
        reader.later, reader.in_class = later, in_class
        return reader

    def _bind(self, name: str, *, home: str = "") -> None:
        if name in self.hidden or self.in_class:
            return
        self.read.binds.add(name)
        if home:
            self.read.imports[name] = home
        if self.inside:
            self.read.effects[self.inside].add(name)

    def _change(self, names: Iterable[str], *, library: Iterable[str] = ()) -> None:
        names, parts = set(names) - self.hidden, set(library) - self.hidden
        self.read.changes.update(names | parts)
        if self.inside:
            self.read.effects[self.inside].update(names | parts)
        if self.inside and self.later:
            self.read.library_effects[self.inside].update(parts)
        else:
            self.read.library_changes.update(parts)

    def _hand(self, to: str, names: set[str], *, sets: bool) -> None:
        """Objects are given to a function, which may change them; a library's says so in its name."""
        if sets or not to or to in self.hidden:
            self._change(names)
        else:
            self.read.handed_to[to].update(names - self.hidden)

    def _change_kind(self, place: ast.AST) -> None:
        if (attribute := _first_attribute(place)) is not None:
            self.read.kinds.update((name, attribute) for name in set(_roots(place)) - self.hidden)

    def _name(self, node: ast.Name, *, called: bool = False) -> None:
        if isinstance(node.ctx, ast.Load):
            if node.id not in self.hidden:
                (self.read.later if self.later else self.read.uses).add(node.id)
                if self.inside:
                    self.read.made_of[self.inside].add(node.id)
                if self.inside and not called:
                    self.read.may_give[self.inside].add(node.id)
                self.read.wild |= node.id in WILD - {"get_ipython"}
        else:
            self._bind(node.id)

    def _place(self, node: ast.Attribute | ast.Subscript) -> None:
        if not isinstance(node.ctx, ast.Load):
            self._change(_roots(node.value), library=_roots(node.value, called=False))
            self._change_kind(node)
        if isinstance(node, ast.Attribute):
            of_sys = isinstance(node.value, ast.Name) and node.value.id == "sys"
            self.read.wild |= node.attr in INSIDES or (of_sys and node.attr == "modules")
        self.block(ast.iter_child_nodes(node))

    def _call(self, node: ast.Call) -> None:
        function = node.func
        if tame := command(node):
            self.read.wild |= tame not in TAME
            return
        if isinstance(function, ast.Name):
            self.read.wild |= function.id == "get_ipython"
        word = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
        shuffles = word in SHUFFLERS or word.endswith("_")
        sets = word.lstrip("_").startswith(SETTERS) or word.endswith("_")
        given = [*node.args, *(keyword.value for keyword in node.keywords)]
        if isinstance(function, ast.Attribute):
            self._change(_roots(function.value), library=_roots(function.value, called=False) if sets else ())
            self._change_kind(function)
        if word not in READERS:
            self._hand(_root(function), set(chain.from_iterable(map(_handed, given))), sets=sets or shuffles)
        if word in ("setattr", "delattr") and given:
            self._change((), library=_roots(given[0], called=False))
            self._change_kind(ast.Attribute(given[0], word))
        if isinstance(function, ast.Name):
            self._name(function, called=True)
            self.block(given)
        else:
            self.block((function, *given))

    def _assignment(self, node: ast.AST) -> None:
        value = getattr(node, "value", None) or getattr(node, "iter", None)
        value = value or getattr(node, "context_expr", None)
        targets = getattr(node, "targets", None) or [
            getattr(node, "target", None) or getattr(node, "optional_vars", None)
        ]
        if value is not None:
            names = {part.id for part in ast.walk(value) if isinstance(part, ast.Name)} - self.hidden
            for target in filter(None, targets):
                for name in (part.id for part in ast.walk(target) if isinstance(part, ast.Name)):
                    self.read.made_of[name] |= names
                if isinstance(target, ast.Name | ast.Tuple | ast.List):
                    for name in _handed(target):
                        self.read.same_as[name] |= set(_handed(value)) - self.hidden
                        self.read.made_by[name] |= set(_returned(value)) - self.hidden
        self.block(ast.iter_child_nodes(node))

    def _augmented(self, node: ast.AugAssign) -> None:
        self.block((node.target, node.value))
        if isinstance(node.target, ast.Name):
            self._change([node.target.id])
            self._name(ast.Name(node.target.id, ast.Load()))

    def _imports(self, node: ast.Import | ast.ImportFrom) -> None:
        for alias in node.names:
            home = getattr(node, "module", None) or alias.name
            self.read.wild |= alias.name == "*" or alias.name in WILD or home in WILD
            self._bind((alias.asname or alias.name).split(".")[0], home=home)

    def _capture(self, node: ast.AST) -> None:
        for name in (getattr(node, "name", None), getattr(node, "rest", None)):
            if name:
                self._bind(name)
        self.block(ast.iter_child_nodes(node))

    def _alias(self, node: ast.AST) -> None:
        name, value = getattr(node, "name"), getattr(node, "value")  # noqa: B009 - new in Python 3.12
        self._bind(name.id)
        self._within(_parameters(node), later=True, in_class=False, inside=self.inside or name.id).visit(
            value
        )

    def _kind(self, node: ast.ClassDef) -> None:
        self._bind(node.name)
        self.read.classes.add(node.name)
        self.block((*node.decorator_list, *node.bases, *(keyword.value for keyword in node.keywords)))
        inside = self.inside or node.name
        reader = self._within(_parameters(node), later=self.later, in_class=True, inside=inside)
        reader.block(node.body)
        methods = {
            part.name for part in node.body if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        self.read.held.update(own_names(node.body) - methods)

    def _function(self, node: Scope, inside: str) -> None:
        arguments = node.args
        self.block((*arguments.defaults, *filter(None, arguments.kw_defaults)))
        body = node.body if isinstance(node.body, list) else [node.body]
        own = {argument.arg for argument in arguments_of(arguments)}
        hidden = (own | own_names(body) | _parameters(node)) - shared_names(body)
        annotations = (argument.annotation for argument in arguments_of(arguments))
        self.block(filter(None, (*annotations, getattr(node, "returns", None))))
        reader = self._within(hidden, later=True, in_class=False, inside=inside)
        reader.hidden -= shared_names(body)
        reader.block(body)

    def _comprehension(self, node: Comprehension) -> None:
        first, *parts = comprehension_parts(node)
        self.visit(first)
        hidden = targets_of(node)
        reader = self._within(hidden, later=self.later, in_class=self.in_class, inside=self.inside)
        reader.block(parts)


def comprehension_parts(node: Comprehension) -> list[ast.expr]:
    """What a comprehension computes with: first what it begins with, which knows nothing of its names."""
    results = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
    conditions = chain.from_iterable(generator.ifs for generator in node.generators)
    return [*(generator.iter for generator in node.generators), *conditions, *results]


def targets_of(node: Comprehension) -> set[str]:
    """The names of a comprehension's own."""
    parts = chain.from_iterable(ast.walk(generator.target) for generator in node.generators)
    return {part.id for part in parts if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}


def arguments_of(arguments: ast.arguments) -> list[ast.arg]:
    """A function's arguments."""
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return [*named, *filter(None, (arguments.vararg, arguments.kwarg))]


def _roots(node: ast.AST | None, *, called: bool = True) -> Iterator[str]:
    """The names of which a place is a part: `a` in `a.b[0].c`, and in `vars(a)["b"]`.

    Args:
        called: whether `a` counts in `a.get().b`, too.
    """
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Starred):
        node = node.value
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Call):
        for part in (*node.args, *([node.func] if called else [])):
            yield from _roots(part, called=called)


def _root(node: ast.AST) -> str:
    """The name with which a chain of attributes begins."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _handed(node: ast.AST) -> Iterator[str]:
    """The names of the objects that are handed on as they are, alone or in a collection."""
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Attribute | ast.Subscript | ast.Starred | ast.Await):
        yield from _handed(node.value)
    elif isinstance(node, ast.Tuple | ast.List | ast.Set | ast.Dict | ast.IfExp | ast.BoolOp | ast.NamedExpr):
        for part in ast.iter_child_nodes(node):
            yield from _handed(part)


def _returned(node: ast.AST) -> Iterator[str]:
    """The names from which calls in a value may have taken it: those of what is called, and given."""
    for part in ast.walk(node):
        if isinstance(part, ast.Call):
            yield from _roots(part.func)
            for given in (*part.args, *(keyword.value for keyword in part.keywords)):
                yield from _handed(given)


def _first_attribute(node: ast.AST) -> str | None:
    """Of a part of an attribute, `a.b.c`, that attribute; empty for a part of an object's class."""
    attributes: list[str] = []
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Starred):
        attributes.append(node.attr if isinstance(node, ast.Attribute) else "[]")
        node = node.value
    if "__class__" in attributes or (isinstance(node, ast.Call) and _root(node.func) in ("type", "vars")):
        return ""
    return attributes[-1] if len(attributes) > 1 else None


def own_names(body: Sequence[ast.AST]) -> set[str]:
    """The names that a function's statements bind, without those of functions in it."""
    own, waiting = set(), list(body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            own.add(node.name)
            continue
        if isinstance(node, ast.Lambda):
            continue
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            own.add(node.id)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            own |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            own.add(node.name)
        elif isinstance(node, ast.MatchMapping) and node.rest:
            own.add(node.rest)
        if isinstance(node, Comprehension):
            waiting += comprehension_parts(node)
        else:
            waiting += ast.iter_child_nodes(node)
    return own


def shared_names(body: Sequence[ast.AST]) -> set[str]:
    """The names that a function's statements declare as global."""
    return {
        name
        for statement in body
        for node in ast.walk(statement)
        if isinstance(node, ast.Global)
        for name in node.names
    }


def _parameters(node: ast.AST) -> set[str]:
    """The names of its type parameters."""
    return {str(getattr(parameter, "name", "")) for parameter in getattr(node, "type_params", ())}


def command(node: ast.Call) -> str:
    """The command of IPython that a call is, as `%time` becomes one, `!` for one of the system's.

    Empty where it is something else.
    """
    function = node.func
    if (
        isinstance(function, ast.Attribute)
        and isinstance(function.value, ast.Call)
        and isinstance(function.value.func, ast.Name)
        and function.value.func.id == "get_ipython"
        and node.args
        and isinstance(node.args[0], ast.Constant)
    ):
        commands = {"system": "!", "getoutput": "!!"}
        return commands.get(function.attr) or (
            str(node.args[0].value) if function.attr in ("run_line_magic", "run_cell_magic") else ""
        )
    return ""
