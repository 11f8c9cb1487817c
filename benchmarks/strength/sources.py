"""The source of a hand-written backward and the library's functions it calls: read, changed, made again."""

import ast
import copy
import functools
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import torch

from course.module import Module

ROOT = Path(__file__).resolve().parents[2]
PREFIX = "_of_backward_"  # a method that backward calls gets a second name, since forward may call it too


@dataclass(eq=False)
class Source:
    """One function: its tree without docstring, annotations and defaults, and where it stands."""

    function: Any
    """The function as it is."""
    owner: type | None
    """The class that defines it; None for a function outside classes."""
    static: bool
    tree: ast.FunctionDef
    path: str
    line: int
    """Of the tree's first line in the file."""
    methods: dict[str, "Source"] = field(default_factory=dict)
    functions: dict[str, "Source"] = field(default_factory=dict)
    """What it calls: methods by their names on self, functions by their names in its file."""
    code: CodeType | None = None
    """Of the unchanged function, compiled once."""

    @property
    def arguments(self) -> list[str]:
        """The names of its arguments, without self."""
        given = self.tree.args
        names = [a.arg for a in (*given.posonlyargs, *given.args)]
        names += [given.vararg.arg] if given.vararg else []
        names += [a.arg for a in given.kwonlyargs]
        return names[1:] if self.owner is not None and not self.static else names

    def where(self, node: ast.AST) -> str:
        """File and line of a node."""
        return f"{self.path}:{self.line + getattr(node, 'lineno', 1) - 1}"


def sources_of(kind: type[Module]) -> list[Source]:
    """The backward of a class, then every function and method of the library that it reaches."""
    found: dict[FunctionType, Source] = {}
    _read(kind, _function(kind.backward), _owner(kind, "backward"), False, found)
    return list(found.values())


def _function(value: Any) -> FunctionType:
    function = inspect.unwrap(value)
    assert isinstance(function, FunctionType)
    return function


def _owner(kind: type, name: str) -> type:
    return next(base for base in kind.__mro__ if name in vars(base))


@functools.cache
def parse(function: FunctionType) -> tuple[ast.FunctionDef, int]:
    """The tree of a function, reduced to what computes, and its first line in the file."""
    lines, first = inspect.getsourcelines(function)
    tree = ast.parse(textwrap.dedent("".join(lines))).body[0]
    assert isinstance(tree, ast.FunctionDef)
    tree.decorator_list, tree.returns = [], None
    # the made function gets the old ones
    tree.args.defaults, tree.args.kw_defaults = [], [None] * len(tree.args.kwonlyargs)
    for argument in ast.walk(tree.args):
        if isinstance(argument, ast.arg):
            argument.annotation = None
    if ast.get_docstring(tree, clean=False) is not None:
        tree.body = tree.body[1:] or [ast.Pass()]
    return _Plain().visit(tree), first


class _Plain(ast.NodeTransformer):
    """Types of local names are nothing to change."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt:
        return node if node.value is None else ast.copy_location(ast.Assign([node.target], node.value), node)


def _read(
    kind: type[Module],
    function: FunctionType,
    owner: type | None,
    static: bool,
    found: dict[FunctionType, Source],
) -> Source:
    if function in found:
        return found[function]
    tree, line = parse(function)
    path = Path(inspect.getsourcefile(function) or "?")
    shown = str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else path.name
    source = found[function] = Source(function, owner, static, copy.deepcopy(tree), shown, line)
    self_name = tree.args.args[0].arg if owner is not None and not static and tree.args.args else ""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == self_name
        ):
            held = inspect.getattr_static(kind, node.attr, None)
            inner = (
                inspect.unwrap(held.__func__ if isinstance(held, staticmethod) else held)
                if callable(held)
                else None
            )
            if (
                isinstance(inner, FunctionType)
                and _is_mutable(kind, inner)
                and _owner(kind, node.attr) is not Module
            ):
                owns = _owner(kind, node.attr)
                source.methods[node.attr] = _read(kind, inner, owns, isinstance(held, staticmethod), found)
        if isinstance(node, ast.Name) and inspect.isroutine(held := function.__globals__.get(node.id)):
            inner = inspect.unwrap(held)
            if (
                isinstance(inner, FunctionType)
                and _is_mutable(kind, inner)
                and inner.__qualname__ == inner.__name__
            ):
                source.functions[node.id] = _read(kind, inner, None, False, found)
    return source


def _is_mutable(kind: type, function: FunctionType) -> bool:
    """The module's own file and what modules share; not the contract that all sign, course/module.py."""
    return function.__module__ == kind.__module__ or function.__module__.startswith("course.modules.")


def saved_names(kind: type[Module]) -> list[str]:
    """What forward keeps for backward, by the keywords of `self.save(...)`.

    The calls in forward count, and those in the methods that it calls.
    """
    names: dict[str, None] = {}
    waiting, seen = ["forward"], {"forward"}
    while waiting:
        held = inspect.getattr_static(kind, waiting.pop(), None)
        inner = inspect.unwrap(held) if inspect.isroutine(held) else None
        if not isinstance(inner, FunctionType) or inner.__module__ == Module.__module__:
            continue
        for node in ast.walk(parse(inner)[0]):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                if node.func.attr == "save":
                    names.update({keyword.arg: None for keyword in node.keywords if keyword.arg})
                elif node.func.attr not in seen:
                    seen.add(node.func.attr)
                    waiting.append(node.func.attr)
    return list(names)


def assemble(
    kind: type[Module], sources: list[Source], changed: Source, tree: ast.FunctionDef
) -> type[Module]:
    """A subclass whose backward runs with one changed function; its forward does not see the change."""
    spaces: dict[int, dict[str, Any]] = {}
    made: dict[Source, FunctionType] = {}
    for source in sources:
        home = source.function.__globals__
        space = spaces.setdefault(id(home), {"torch": torch, **home})  # the operators write `torch`
        made[source] = _make(source, tree if source is changed else source.tree, space)
    for source in sources:
        space = spaces[id(source.function.__globals__)]
        space.update({name: made[called] for name, called in source.functions.items()})
    body: dict[str, Any] = {
        "__module__": kind.__module__,
        "__doc__": kind.__doc__,
        "backward": made[sources[0]],
    }
    for source in sources:
        for name, called in source.methods.items():
            body[PREFIX + name] = staticmethod(made[called]) if called.static else made[called]
    return type(kind.__name__, (kind,), body)


def _make(source: Source, tree: ast.FunctionDef, space: dict[str, Any]) -> FunctionType:
    free = source.function.__code__.co_freevars
    cells = dict(zip(free, (cell.cell_contents for cell in source.function.__closure__ or ()), strict=True))
    cells["__class__"] = source.owner  # what super() without arguments reads
    if tree is not source.tree:
        code = _code(tree, tuple(cells), tuple(source.methods))
    else:
        code = source.code = source.code or _code(copy.deepcopy(tree), tuple(cells), tuple(source.methods))
    exec(code, space)
    made = space.pop("__make__")(*cells.values())
    made.__defaults__, made.__kwdefaults__ = source.function.__defaults__, source.function.__kwdefaults__
    made.__qualname__, made.__module__ = source.function.__qualname__, source.function.__module__
    return made


def _code(tree: ast.FunctionDef, free: tuple[str, ...], methods: tuple[str, ...]) -> CodeType:
    """The code of a function that makes the function, with its free variables as arguments.

    The tree is used up.
    """
    self_name = tree.args.args[0].arg if tree.args.args else ""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in methods and isinstance(node.value, ast.Name):
            node.attr = PREFIX + node.attr if node.value.id == self_name else node.attr
    maker = ast.parse("def __make__(): pass").body[0]
    assert isinstance(maker, ast.FunctionDef)
    maker.args.args = [ast.arg(name) for name in free]
    maker.body = [tree, ast.Return(ast.Name(tree.name, ast.Load()))]
    return compile(ast.fix_missing_locations(ast.Module([maker], [])), "<mutant>", "exec")


def children(node: ast.AST) -> Iterator[tuple[str, int | None, ast.AST]]:
    """(field, position in it if it is a list, node) of everything right below a node."""
    for name, value in ast.iter_fields(node):
        if isinstance(value, ast.AST):
            yield name, None, value
        elif isinstance(value, list):
            for position, item in enumerate(value):
                if isinstance(item, ast.AST):
                    yield name, position, item
