"""Answers are cut out of the library's source text, for the students' edition, by four rules.

1. A class that is asked for loses its `backward` and its `local`; so does each of its bases that takes
   gradients, and each class that inherits from one that lost them.
2. What such code names goes with it where nothing else names it: imports, what its file or a private one
   defines.
3. In such a file all comments go, and of the docstrings each paragraph that speaks of derivatives.
4. What these rules leave of an answer is refused, with its place: a function that takes a gradient, a
   derivative in words, a class's backward in another place, and what forward computes for backward alone.
"""

import ast
import inspect
import io
import re
import textwrap
import tokenize
from collections.abc import Collection, Iterator, Mapping

from autograder.errors import AutograderError
from autograder.handing_out.leaks.shapes import size
from autograder.handing_out.source import bound, classes, edit, names_in, names_of, parse

Files = Mapping[str, str]
"""The text of every Python file of a package, by its path."""

ASKED = {"backward", "local"}
"""What a class says of its derivatives."""

GRADIENT = re.compile(r"^_?grad|backward")
"""What names a gradient in code."""

TELLING = re.compile(r"∂|grad|backward|derivative|\bslope|jacobian|chain rule", re.IGNORECASE)
"""Words by which a docstring comes to speak of derivatives."""

LEFT_OUT = "An exercise asks for what is left out here."
"""Stands for a docstring's first paragraph."""

TASKS = "course/exercises/"
"""Where code may speak of gradients, since it asks for them; the classes that are asked for may not."""

PRIVATE = re.compile(r"/_(?!_)\w+\.py$")


def cut_answers(files: Files, asked: Collection[str], stand_ins: Mapping[str, str]) -> dict[str, str]:
    """The files of a package without the answers in the classes `asked`.

    Args:
        files: of the package.
        asked: names of classes.
        stand_ins: by path, a module whose `backward` takes the place of the one that a class there loses.

    Raises:
        AutograderError: an answer cannot be taken out; the message names its place.
    """
    lost, above = _relatives(files, asked)
    homes = [(path, name) for path, text in files.items() for name in above & classes(text).keys()]
    made, used = dict(files), set[str]()
    for path, name in homes:
        if name in lost:
            made[path] = _without_answers(made[path], path, name, stand_ins.get(path, ""), used)
    _cut_unused(made, {path for path, _ in homes}, used)
    for path in {path for path, _ in homes} | {path for path in files if made[path] != files[path]}:
        made[path] = made[path] if path.startswith(TASKS) else without_telling(made[path])
    for path, name in homes:
        _require_gone(path, classes(made[path])[name] if path.startswith(TASKS) else parse(made[path]))
    for path, text in made.items():
        _require_unnamed(path, text, {name for home, name in homes if home not in stand_ins})
    return made


def _relatives(files: Files, asked: Collection[str]) -> tuple[set[str], set[str]]:
    """The classes that lose their derivatives; and these with all that they inherit from, but for Module."""
    known = {
        name: owner for text in files.values() for name, owner in classes(text).items() if name != "Module"
    }
    bases = {name: known.keys() & {*names_in(ast.Tuple(owner.bases))} for name, owner in known.items()}
    lost, above, before = set(asked), set(asked), -1
    while before != (before := len(lost) + len(above)):
        above |= lost.union(*(bases[name] for name in above & known.keys()))
        lost |= {name for name in above & known.keys() if any(map(derives, known[name].body))}
        lost |= {name for name in bases if bases[name] & lost}
    return lost, above


def derives(part: ast.AST) -> bool:
    """Whether it is `backward` or `local`, or a function that is named for a gradient or takes one."""
    if not isinstance(part, ast.FunctionDef):
        return isinstance(part, ast.stmt) and not ASKED.isdisjoint(bound(part))
    names = [part.name, *(node.arg for node in ast.walk(part.args) if isinstance(node, ast.arg))]
    return part.name in ASKED or any(map(GRADIENT.search, names))


def _without_answers(text: str, path: str, name: str, stand_in: str, used: set[str]) -> str:
    """A file without the derivatives of a class; the names in them are added to those that were `used`.

    Raises:
        AutograderError: backward sets what torch.autograd would not.
    """
    body = classes(text)[name].body
    gone = [part for part in body if not ASKED.isdisjoint(bound(part))]
    for node in () if stand_in else ast.walk(ast.Module(gone, [])):
        target = node.value if isinstance(node, ast.Subscript) else node
        stored = isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store)
        if stored and isinstance(target, ast.Attribute) and ast.unparse(target.value) == "self":
            cause = f"sets self.{target.attr}, which torch.autograd would not"
            place = "the file of that name in autograder/handing_out/edition_parts/"
            cure = f"write one that does so and holds no answer, in {place}"
            raise AutograderError(f"{name}.backward in {path}", cause, cure)
    used |= {known for part in gone for known in names_in(part)} - ASKED
    line = f"    from {stand_in} import backward" if stand_in else "    pass" if gone == body else ""
    return edit(text, [(part, line if "backward" in bound(part) else "") for part in gone])


def _cut_unused(files: dict[str, str], homes: Collection[str], used: set[str]) -> None:
    """Take out what only such code had `used` that is gone, in the classes' homes and in private files."""
    before: dict[str, str] = {}
    while before != files:
        before = dict(files)
        for path in [path for path in files if path in homes or PRIVATE.search(path)]:
            while change := next(_unused(files, path, used), None):
                used |= names_in(change[0]).keys() - ASKED
                files[path] = edit(files[path], [change])


def _unused(files: Files, path: str, used: Collection[str]) -> Iterator[tuple[ast.stmt, str]]:
    """The definitions and imports in a file that were `used` and that nothing names now, with what stays.

    In another file, a variable is another thing; so is what has a private name, unless it imports this file.
    """
    text, module = files[path], path.removesuffix(".py").replace("/", ".")
    for node in [*parse(text).body, *(part for owner in classes(text).values() for part in owner.body)]:
        names, own = bound(node), names_in(node)
        if isinstance(node, ast.Import | ast.ImportFrom):
            pairs = zip(node.names, names, strict=True)
            kept = [alias for alias, name in pairs if name not in used or names_of(text)[name] > own[name]]
            again = (
                ast.ImportFrom(node.module, kept, node.level)
                if isinstance(node, ast.ImportFrom)
                else ast.Import(kept)
            )
            if len(kept) < len(names):
                yield node, ast.unparse(again) if kept else ""
        elif names and all(name in used and not name.startswith("__") for name in names):
            near = [
                other
                for other in files.values()
                if not names[0].startswith("_") or other is text or module in other
            ]
            if all(
                sum(names_of(other, other is text)[name] for other in near) == own[name] for name in names
            ):
                yield node, ""


def without_telling(text: str) -> str:
    """A file without its comments, and without the paragraphs of its docstrings that speak of derivatives."""
    text = edit(
        text,
        [
            (node, _shorter(node, docstring))
            for node, docstring in _docstrings(parse(text))
            if TELLING.search(docstring)
        ],
    )
    lines: list[str | None] = [*text.splitlines()]
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            lines[token.start[0] - 1] = token.line[: token.start[1]].rstrip() or None
    return "\n".join(line for line in lines if line is not None) + "\n"


def _docstrings(tree: ast.AST) -> list[tuple[ast.Expr, str]]:
    """The statements that are nothing but a string, each with what it says."""
    strings = [(node, node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)]
    strings = [(node, value) for node, value in strings if isinstance(value, ast.Constant)]
    return [(node, inspect.cleandoc(value.value)) for node, value in strings if isinstance(value.value, str)]


def _shorter(node: ast.Expr, docstring: str) -> str:
    """A docstring's lines without the paragraphs that tell; of the first, what precedes its colon stays."""
    first, *others = docstring.split("\n\n")
    topic, colon, _ = first.partition(":")
    if TELLING.search(first):
        first = f"{topic}." if colon and not TELLING.search(topic) else LEFT_OUT
    kept = "\n\n".join([first, *(paragraph for paragraph in others if not TELLING.search(paragraph))])
    quoted = f'"""{kept}\n"""' if "\n" in kept else f'"""{kept}"""'
    return textwrap.indent("r" * ("\\" in kept) + quoted, " " * node.col_offset)


def _require_gone(path: str, tree: ast.AST) -> None:
    """Make sure that the code of a class, or in its file, holds no derivative.

    Raises:
        AutograderError: it does, or it computes something for a backward that is not there.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            if derives(node):
                cause = "is part of an answer, and more than a backward needs it"
                raise AutograderError(f"{node.name} in {path}", cause, "split the file")
            if idle := _for_backward_alone(node):
                cause = f"computes '{ast.unparse(idle)}' for backward alone"
                raise AutograderError(f"{node.name} in {path}", cause, "let backward compute it")
        elif isinstance(getattr(node, "ctx", None), ast.Store) and not ASKED.isdisjoint(names_in(node)):
            raise AutograderError(path, f"keeps an answer, '{ast.unparse(node)}'", "define it in the class")
    for docstring in [docstring for _, docstring in _docstrings(tree) if TELLING.search(docstring)]:
        raise AutograderError(path, f"tells of an answer, '{docstring.splitlines()[0]}'", "leave it out")


def _for_backward_alone(method: ast.FunctionDef) -> ast.AST | None:
    """What a method computes for nothing else than to save it."""
    saves = [
        node
        for node in ast.walk(method)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "self.save"
    ]
    steps = (
        [node for node in ast.walk(method) if isinstance(node, ast.Assign) and bound(node)] if saves else []
    )
    apart = {id(part) for node in (*saves, *steps) for part in ast.walk(node)}
    needed = {node.id for node in ast.walk(method) if isinstance(node, ast.Name) and id(node) not in apart}
    while more := {name for step in steps if needed & {*bound(step)} for name in names_in(step)} - needed:
        needed |= more
    values = [keyword.value for save in saves for keyword in save.keywords]
    values += [step.value for step in steps if not needed & {*bound(step)}]
    return next((value for value in values if size(value).operations), None)


def _require_unnamed(path: str, text: str, lost: Collection[str]) -> None:
    """Make sure that no code names what these classes have lost.

    Raises:
        AutograderError: some does.
    """
    for node in () if ASKED.isdisjoint(names_of(text)) else ast.walk(parse(text)):
        if isinstance(node, ast.Attribute) and node.attr in ASKED and ast.unparse(node.value) in lost:
            raise AutograderError(
                path, f"names {ast.unparse(node)}", "define it in the class, and only there"
            )
