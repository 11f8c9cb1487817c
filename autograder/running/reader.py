"""Walking through what reaches an answer, name by name."""

import ast
import builtins
import string
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

import torch

from autograder.running.allowed import (
    ALL,
    ATTRIBUTES,
    BUILTINS,
    DEFINED,
    MODULES,
    NEVER,
    OVERLOADED,
    OWN_WORDS,
    SETTINGS,
)
from autograder.running.beside import KNOWN, elsewhere, names_asked
from autograder.running.needed import (
    TAME,
    arguments_of,
    command,
    comprehension_parts,
    own_names,
    shared_names,
    targets_of,
)
from autograder.running.remark import WORDS, Beyond, Cell, Remark, imports_of, stars_of
from course import Graph


@dataclass(frozen=True)
class Known:
    """What the names in an answer mean."""

    imports: dict[str, set[str]]
    """Where a name was imported from."""
    own: frozenset[str]
    """Attributes that the student's own classes and objects have."""
    bound: frozenset[str]
    """Names that the notebook binds."""
    classes: dict[str, list[ast.ClassDef]]
    answer: str
    methods: frozenset[str]
    """The names of methods."""
    used: frozenset[str]
    """Names that are used as more than a base class."""
    values: dict[str, list[ast.expr | None]]
    """What names are bound to, one by one; None where more is done with them."""
    measures: bool
    """Whether differences are what is asked for."""
    stars: tuple[str, ...]
    """Libraries of which everything was imported."""


MOST_TEXTS = 20
"""How many values of a name are looked at."""

TESTING = ("torch.testing.", "numpy.testing.")
"""What compares numbers: where a comparison is what is asked for, the work is theirs."""

KINDS = (".Module", ".Graph")
"""What the course's classes are called of which an answer is one."""


class Reader:
    """Walks through a statement that reaches an answer, and notes what is beyond."""

    def __init__(self, cell: Cell, known: Known, hidden: frozenset[str] = frozenset()) -> None:
        self.cell, self.known, self.hidden = cell, known, hidden
        self.kind = ""
        """The class in which this is."""
        self.as_kind = False
        """Whether a class is only named: as a base, in an annotation, or to ask what something is."""
        self.in_body = False
        """Whether this stands in the body of a class, and not in a function there."""
        self.of_self = False
        """Whether `self` is the object that a method belongs to."""
        self.remarks: list[Remark] = []

    def note(self, node: ast.AST, word: str, kind: Beyond = Beyond.UNKNOWN) -> None:
        """What is beyond; where nothing more is known of it, its words say what it is."""
        if kind is Beyond.UNKNOWN:
            kind, word = _known_as(word)
        self.remarks.append(self.cell.remark(kind, word, node))

    def block(self, nodes: Iterable[ast.AST | None]) -> None:
        """One after the other."""
        for node in nodes:
            if node is not None:
                self.visit(node)

    def name(self, nodes: Iterable[ast.AST | None]) -> None:
        """Classes that are only named."""
        before, self.as_kind = self.as_kind, True
        self.block(nodes)
        self.as_kind = before

    def visit(self, node: ast.AST) -> None:
        """A node, and what is in it."""
        match node:
            case ast.Name():
                self._name(node)
            case ast.Attribute():
                self._attribute(node)
            case ast.Call():
                self._call(node)
            case ast.Compare() if (asked := names_asked(node)) is not None:
                self.block(part for part in ast.iter_child_nodes(node) if part is not asked)
            case ast.Assign(targets=[ast.Attribute() as part]) if self._puts_backward(part, node.value):
                self.visit(node.value)
            case ast.ClassDef():
                self._class(node)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._defined(node.name, node)
                self.block(node.decorator_list)
                self._function(node)
            case ast.Lambda():
                self._function(node)
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                self._comprehension(node)
            case ast.Import() | ast.ImportFrom():
                self._import(node)
            case ast.Constant():
                if isinstance(node.value, complex):
                    self.note(node, ast.unparse(node), Beyond.COMPLEX)
            case ast.MatchClass():
                self.block(ast.iter_child_nodes(node))
                for word in node.kwd_attrs:
                    self._word(word, node)
            case ast.Await() | ast.AsyncFor() | ast.AsyncWith():
                self.note(node, "await")
            case ast.keyword():
                self._keyword(node)
            case ast.AnnAssign():
                self.block((node.target, node.value))
                self.name([node.annotation])
            case _:
                self.block(ast.iter_child_nodes(node))

    def _name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            for path in self._paths(node):
                self._use(path, node)
            self._free(node)
        else:
            self._defined(node.id, node)

    def _free(self, node: ast.Name) -> None:
        """A name that nothing in the notebook binds is a builtin, or one of IPython's."""
        name = node.id
        if name in self.hidden or name in self.known.bound or name in self.known.imports:
            return
        if self.known.stars and any(_allowed(f"{star}.{name}") for star in self.known.stars):
            return
        if (
            (name.startswith("_") and name not in BUILTINS and name != "__class__")
            or (hasattr(builtins, name) and name not in BUILTINS)
            or name in ("get_ipython", "In", "Out")
        ):
            self.note(node, name)
        elif name in ("getattr", "setattr", "delattr"):
            self.note(node, name, Beyond.COMPUTED)
        elif self.known.stars and not hasattr(builtins, name):
            self.note(node, name)

    def _paths(self, node: ast.AST) -> list[str]:
        """Where a chain of names leads, if it begins with something imported."""
        if isinstance(node, ast.Name):
            return [] if node.id in self.hidden else sorted(self.known.imports.get(node.id, ()))
        if isinstance(node, ast.Attribute):
            return [f"{path}.{node.attr}" for path in self._paths(node.value)]
        return []

    def _use(self, path: str, node: ast.AST) -> None:
        """A library, or a part of one, as a value."""
        root = path.split(".")[0]
        there = root in MODULES or root in KNOWN or elsewhere(root, brought=False)
        if there and (_is_module(path) or not _allowed(path)):  # what is not there does nothing
            self.note(node, path)
        elif self.known.measures and path.startswith(TESTING):
            self.note(node, path, Beyond.DELEGATES)
        elif root == "course" and path.endswith(KINDS) and not self.as_kind:
            self.note(node, path, Beyond.NO_BACKWARD if path.endswith(".Module") else Beyond.DELEGATES)

    def _attribute(self, node: ast.Attribute) -> None:
        paths = self._paths(node)
        if not paths:
            # of a class only the name is read
            of_name = (
                node.attr in ("__name__", "__qualname__") and getattr(node.value, "attr", "") == "__class__"
            )
            self.visit(node.value.value if of_name else node.value)  # pyright: ignore[reportAttributeAccessIssue]
            self._word(node.attr, node)
            return
        for path in paths:
            if not isinstance(node.ctx, ast.Load):
                if not path.startswith(SETTINGS):
                    self.note(node, path, Beyond.REPLACES)
            else:
                self._use(path, node)

    def _puts_backward(self, part: ast.Attribute, value: ast.expr) -> bool:
        """Whether a function of one's own becomes the backward of a class of one's own."""
        names = (part.value, value)
        own = all(
            isinstance(name, ast.Name) and name.id not in self.hidden and not self.known.imports.get(name.id)
            for name in names
        )
        return own and part.attr == "backward" and getattr(part.value, "id", "") in self.known.classes

    def _word(self, word: str, node: ast.AST) -> None:
        """An attribute of something."""
        of = node.value if isinstance(node, ast.Attribute) else None
        of_self = isinstance(of, ast.Name) and of.id in ("self", "cls") and self.of_self
        stored = isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load)
        if word.startswith("__") and word.endswith("__"):
            own = word in DEFINED and word in self.known.own
            if stored or not (own or word in OWN_WORDS):
                self.note(node, word)
        elif word.startswith("_"):
            if word not in self.known.own or word in _taken():
                self.note(node, word)
        elif stored:
            if word in ("forward", "backward") or (not of_self and word in WORDS):
                self.note(node, word, Beyond.REPLACES if word not in WORDS else Beyond.UNKNOWN)
        elif word not in (*ATTRIBUTES, "requires_grad") and not self._own(word, of_self=of_self):
            self.note(node, word)

    def _own(self, word: str, *, of_self: bool) -> bool:
        """Whether an attribute is of the student's own making."""
        if word in self.known.own:
            return of_self or (word not in WORDS and word not in _taken())
        # nothing that an answer is given has it, unless that is a module of another's, to be judged
        return of_self and word not in _taken() and not self.known.measures

    def _call(self, node: ast.Call) -> None:
        function = node.func
        if tame := command(node):
            if tame not in TAME or tame == "!!":
                self.note(node, tame if tame == "!!" else f"%{tame}", Beyond.RUNS)
            return
        word = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
        free = isinstance(function, ast.Name) and word not in self.hidden and word not in self.known.bound
        if word in ("getattr", "setattr", "delattr", "hasattr") and free:
            self._by_word(node, word)
        elif any(path.endswith(("attrgetter", "methodcaller")) for path in self._paths(function)):
            self._by_words(node, methods=self._paths(function)[0].endswith("methodcaller"))
        elif word == "requires_grad_" and isinstance(function, ast.Attribute) and _is_false(node.args):
            self.visit(function.value)
        else:
            self.visit(function)
        if word == "type" and free and len(node.args) + len(node.keywords) > 1:
            self.note(node, "type(…)")
        if word in ("format", "format_map") and isinstance(function, ast.Attribute):
            self._format(node, function.value)
        if word == "backward" and isinstance(function, ast.Attribute):
            self._backward(node, function)
        if word in ("isinstance", "issubclass") and free:
            self.block(node.args[:1])
            self.name(node.args[1:])
        else:
            self.block((*node.args, *node.keywords))
        self._options(node)
        self._unbound(node)

    def _options(self, node: ast.Call) -> None:
        """Options by words that cannot be read: `torch.zeros(3, **options)`."""
        for keyword in node.keywords:
            if keyword.arg is None and self._paths(node.func) and not self._readable(keyword.value):
                self.note(node, f"**{ast.unparse(keyword.value)}", Beyond.COMPUTED)

    def _readable(self, options: ast.expr | None) -> bool:
        """Whether the words of a dictionary are written out, and none of them is beyond."""
        if isinstance(options, ast.Name):
            made = self.known.values.get(options.id, [])
            return (
                bool(made)
                and all(isinstance(value, ast.Dict | ast.Call) for value in made)
                and all(map(self._readable, made))
            )
        if isinstance(options, ast.Call) and getattr(options.func, "id", "") == "dict" and not options.args:
            return all(keyword.arg and keyword.arg not in WORDS for keyword in options.keywords)
        if isinstance(options, ast.Dict):
            return all(isinstance(key, ast.Constant) and str(key.value) not in WORDS for key in options.keys)
        return False

    def _unbound(self, node: ast.Call) -> None:
        """A method of a class, called on something else than an object of it."""
        function = node.func
        if isinstance(function, ast.Attribute):
            of = function.value
            named = isinstance(of, ast.Name) and of.id in self.known.classes and of.id not in self.hidden
            of_type = isinstance(of, ast.Call) and getattr(of.func, "id", "") == "type"
            first = node.args[0] if node.args else None
            own = isinstance(first, ast.Name) and first.id == "self"
            if (of_type or (named and function.attr in self.known.methods)) and not own:
                self.note(node, ast.unparse(function), Beyond.COMPUTED)

    def _by_word(self, node: ast.Call, function: str) -> None:
        """`getattr(x, "word")` is `x.word`."""
        of, word = node.args[0] if node.args else None, node.args[1] if len(node.args) > 1 else None
        if of is not None and (texts := self._texts(word)):
            for text in texts if function != "hasattr" else ():
                ctx = ast.Load() if function == "getattr" else ast.Store()
                part = ast.Attribute(of, text, ctx, lineno=node.lineno, col_offset=0)
                for path in self._paths(part):
                    self._use(path, part)
                if not self._paths(part):
                    self._word(text, part)
            return
        head = word.values[0] if isinstance(word, ast.JoinedStr) and word.values else None
        begins = head.value if isinstance(head, ast.Constant) else ""
        own = isinstance(of, ast.Name) and of.id == "self" and self.of_self and function != "delattr"
        known = isinstance(begins, str) and begins[:1].isalpha()
        if not own or not (known or function == "setattr"):
            self.note(node, ast.unparse(node), Beyond.COMPUTED)

    def _texts(self, word: ast.expr | None, depth: int = 3) -> list[str]:
        """All texts that an expression can be; none where they cannot all be read."""
        texts: list[str] = []
        match word:
            case ast.Constant(value=str(text)):
                texts = [text]
            case ast.Name(id=name) if depth:
                made = [self._texts(value, depth - 1) for value in self.known.values.get(name, ())]
                texts = list(chain.from_iterable(made)) if all(made) else []
            case ast.BinOp(left=left, op=ast.Add(), right=right) if depth:
                ends = self._texts(right, depth - 1)
                texts = [begin + end for begin in self._texts(left, depth - 1) for end in ends]
        return texts if len(texts) <= MOST_TEXTS else []

    def _by_words(self, node: ast.Call, *, methods: bool) -> None:
        for given in node.args[:1] if methods else node.args:
            if isinstance(given, ast.Constant) and isinstance(given.value, str):
                for word in given.value.split("."):
                    self._word(word, node)
            else:
                self.note(node, ast.unparse(node), Beyond.COMPUTED)

    def _format(self, node: ast.Call, template: ast.expr) -> None:
        """A format that reads attributes of what it is given."""
        if isinstance(template, ast.Constant):
            fields = str(template.value)
            if ("{" in fields and any(sign in fields for sign in (".__", "._"))) or _reads_attributes(fields):
                self.note(node, fields, Beyond.COMPUTED)
        elif not isinstance(template, ast.JoinedStr) and node.args + node.keywords:
            texts = isinstance(template, ast.Name) and template.id in self.known.bound
            if not texts:
                self.note(node, ast.unparse(template), Beyond.COMPUTED)

    def _backward(self, node: ast.Call, function: ast.Attribute) -> None:
        """`loss.backward()` is torch's; a module's takes a gradient, and must be written by hand."""
        if (
            not node.args and not any(keyword.arg in (None, "grad_output") for keyword in node.keywords)
        ) or any(
            keyword.arg in ("gradient", "retain_graph", "create_graph", "inputs") for keyword in node.keywords
        ):
            self.note(node, "torch.autograd", Beyond.ENGINE)
        of = function.value
        if isinstance(of, ast.Call) and isinstance(of.func, ast.Name) and of.func.id == "super":
            kinds = self.known.classes.get(self.kind, [])
            if not any(_writes_backward(kind, self.known.classes, above=True) for kind in kinds):
                self.note(node, "super().backward", Beyond.NO_BACKWARD)

    def _keyword(self, node: ast.keyword) -> None:
        if node.arg in ("requires_grad", "create_graph", "retain_graph") and not (
            isinstance(node.value, ast.Constant) and node.value.value is False
        ):
            self.note(node.value, node.arg)
        self.visit(node.value)

    def _class(self, node: ast.ClassDef) -> None:
        self._defined(node.name, node)
        for base in node.bases:
            self._base(base)
        for keyword in node.keywords:
            if keyword.arg == "metaclass" and "abc.ABCMeta" not in self._paths(keyword.value):
                self.note(keyword.value, "metaclass")
            self.visit(keyword.value)
        self.block(node.decorator_list)
        inner = self._inner(_parameters(node))
        inner.kind, inner.in_body = node.name, True
        inner.block(node.body)
        self.remarks += inner.remarks
        if _is_module_class(node, self.known) and not _writes_backward(node, self.known.classes):
            forward = any(isinstance(part, ast.FunctionDef) and part.name == "forward" for part in node.body)
            only_base = node.name not in self.known.used
            if forward and not only_base and node.name != self.known.answer:
                self.note(node, node.name, Beyond.NO_BACKWARD)

    def _base(self, base: ast.expr) -> None:
        paths = self._paths(base)
        if any(path.startswith(("torch.", "numpy.")) for path in paths):
            for path in paths:
                self.note(base, path)
        else:
            self.name([base])

    def _defined(self, name: str, node: ast.AST) -> None:
        if name in OVERLOADED:
            self.note(node, name, Beyond.OVERLOADS)
        elif name.startswith("__") and name.endswith("__") and name not in DEFINED:
            self.note(node, name)

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        """An import alone is not a use; but all of a library at once may bring anything."""
        for star in stars_of(node):
            if star not in MODULES and star not in ("torch.nn",):
                self.note(node, f"{star}.*")
        for path in imports_of([node]).get(self.known.answer, ()):
            self._use(path, node)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> None:
        arguments = node.args
        self.block((*arguments.defaults, *arguments.kw_defaults))
        annotated = arguments_of(arguments)
        self.name([*(part.annotation for part in annotated), getattr(node, "returns", None)])
        body = node.body if isinstance(node.body, list) else [node.body]
        brought = imports_of(part for part in body if isinstance(part, ast.stmt))
        own = {part.arg for part in annotated} | own_names(body) | _parameters(node)
        inner = self._inner(own - shared_names(body) - brought.keys())
        rebound = "self" in (own_names(body) if self.in_body else own)
        inner.of_self = (self.in_body or self.of_self) and not rebound
        inner.hidden -= shared_names(body) | brought.keys()
        inner.block(body)
        self.remarks += inner.remarks

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> None:
        first, *parts = comprehension_parts(node)
        self.visit(first)
        inner = self._inner(targets_of(node))
        inner.block([*(part.target for part in node.generators), *parts])
        self.remarks += inner.remarks

    def _inner(self, hidden: Collection[str]) -> "Reader":
        inner = Reader(self.cell, self.known, self.hidden | frozenset(hidden))
        inner.kind, inner.as_kind, inner.of_self = self.kind, self.as_kind, self.of_self
        return inner


def _known_as(word: str) -> tuple[Beyond, str]:
    """What using a part of a library means, and the name that it goes by."""
    parts = word.split(".")
    kind = next((WORDS[part] for part in parts if part in WORDS), Beyond.UNKNOWN)
    if kind is Beyond.ENGINE and parts[-1] in ("requires_grad", "requires_grad_"):
        return kind, "requires_grad_"
    if kind is Beyond.ENGINE and "autograd" in parts:
        return kind, "torch.autograd"
    if kind is Beyond.UNKNOWN and "backward" in word:
        return Beyond.READY, word
    if kind is Beyond.UNKNOWN and parts[0] in ("course", "torch") and parts[-1][:1].isupper():
        return Beyond.DELEGATES, word
    return kind, word


def _is_module(path: str) -> bool:
    """Whether it is a whole library, or a room of one."""
    return path != "torch.Tensor" and any(name == path or name.startswith(f"{path}.") for name in MODULES)


@lru_cache(maxsize=1024)
def _allowed(path: str) -> bool:
    """Whether an answer may use a part of a library."""
    parts = path.split(".")
    for length in range(len(parts) - 1, 0, -1):
        home, (head, *rest) = ".".join(parts[:length]), parts[length:]
        if home in MODULES:
            everything = MODULES[home] is ALL
            if home.startswith("course") and rest and head in ("Module", "Graph"):
                return False
            allowed = not head.startswith("_") and head not in NEVER if everything else head in MODULES[home]
            return allowed and all(
                word in ATTRIBUTES or word in OWN_WORDS or (everything and not word.startswith("_"))
                for word in rest
            )
    return False


@lru_cache(maxsize=1)
def _taken() -> frozenset[str]:
    """Attributes that tensors and modules have, and that an answer does not need."""
    return frozenset([*dir(torch.Tensor), *dir(torch), *dir(Graph)]) - ATTRIBUTES


def _reads_attributes(template: str) -> bool:
    """Whether a format reads other attributes than an answer may."""
    with suppress(ValueError):
        names = [name for _, name, _, _ in string.Formatter().parse(template) if name]
        return any(word not in ATTRIBUTES for name in names for word in name.split(".")[1:])
    return False


def _writes_backward(
    kind: ast.ClassDef, classes: dict[str, list[ast.ClassDef]], *, above: bool = False
) -> bool:
    """Whether a class, or one that it inherits from, has a backward in the source.

    Args:
        above: whether only those count from which it inherits.
    """
    seen, waiting = set[int](), [kind]
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if "backward" in own_names(node.body) and not (above and node is kind):
            return True
        for base in node.bases:
            waiting += classes.get(getattr(base, "id", ""), [])
    return False


def _is_module_class(kind: ast.ClassDef, known: Known) -> bool:
    """Whether a class inherits from the course's or torch's modules."""
    seen, waiting = set[int](), [kind]
    while waiting:
        node = waiting.pop()
        seen.add(id(node))
        for base in node.bases:
            name = getattr(base, "id", "") or getattr(base, "attr", "")
            if any(path.startswith(("course", "torch")) for path in known.imports.get(name, ())):
                return True
            waiting += [other for other in known.classes.get(name, []) if id(other) not in seen]
    return False


def _is_false(given: Sequence[ast.expr]) -> bool:
    return len(given) == 1 and isinstance(given[0], ast.Constant) and given[0].value is False


def _parameters(node: ast.AST) -> set[str]:
    return {str(getattr(parameter, "name", "")) for parameter in getattr(node, "type_params", ())}
