"""Answers: in source text, classes lose their backward, and all that serves it alone or tells of it."""

import ast
import re
from collections.abc import Collection, Mapping

from autograder.errors import AutograderError
from autograder.handing_out.stripping.saved import cut_saved
from autograder.handing_out.stripping.source import (
    CLASS,
    Family,
    Files,
    bound,
    classes,
    edit,
    identifiers,
    parse,
)
from autograder.handing_out.stripping.telling import TELLING, cut_telling, is_docstring
from autograder.handing_out.stripping.unused import cut_unused

ASKED = {"backward", "local"}
"""What a class says of its derivatives."""

GRADIENT = re.compile(r"^_?grad|backward")
"""What names a gradient in code."""

TASKS = "course/exercises/"
"""Where code may speak of gradients, since it asks for them."""


def cut_answers(files: Files, asked: Collection[str], stand_ins: Mapping[str, str]) -> Files:
    """The files of a package without the answers in the classes `asked`, and in their relatives that hold them as well.

    What serves such an answer and another class's backward, too, is part of both: that class loses its backward as well.

    Args:
        files: by path.
        asked: names of classes.
        stand_ins: by path, a module whose `backward` takes the place of the one that a class in that file loses.

    Raises:
        AutograderError: an answer cannot be taken out.
    """
    family, found = Family(files), set(asked)
    while True:
        made = _cut(files, family, found, stand_ins)
        homes = [path for path, text in files.items() if family.above(asked) & _classes(text) and not path.startswith(TASKS)]
        left = {name: path for path in homes for name in _left(made[path], path in stand_ins)}
        users = {name for path, text in made.items() for name in _users(path, text, left)}
        if not left:
            return made
        if users <= found:
            helper, path = next(iter(left.items()))
            cause = "is part of an answer, and more than a backward needs it"
            raise AutograderError(f"{helper} in {path}", cause, "split the file")
        found |= users


def _cut(files: Files, family: Family, asked: Collection[str], stand_ins: Mapping[str, str]) -> Files:
    files, used = dict(files), set[str]()
    above = family.above(asked)
    with_backward = {name for text in files.values() for name in above & _classes(text) if _backwards(classes(text)[name])}
    names = above | family.below({*asked, *with_backward})
    holders = [(path, name) for path, text in files.items() for name in sorted(names & _classes(text))]
    homes, before = {path for path, _ in holders}, dict(files)
    for path, name in holders:
        _cut_asked(files, path, name, stand_ins.get(path), used)
    cut_unused(files, homes, used)
    for path, name in holders:
        cut_saved(files, path, name, used)
    cut_unused(files, homes, used)
    code = dict(files)
    for path, name in holders:
        files[path] = cut_telling(files[path], name, whole=code[path] != before[path])
        _require_gone(files, path, name)
    return files


def _classes(text: str) -> set[str]:
    """The names of the classes in a file, without the time that parsing takes."""
    return {name for name, _ in CLASS.findall(text)}


def _backwards(owner: ast.ClassDef) -> list[ast.stmt]:
    return [part for part in owner.body if "backward" in bound(part)]


def _left(text: str, stand_in: bool) -> list[str]:
    """The functions that are named for a gradient or take one: after all is cut, there are none but a stand-in."""
    functions = [node for node in ast.walk(parse(text)) if isinstance(node, ast.FunctionDef)]
    words = {
        node.name: [node.name, *(part.arg for part in ast.walk(node.args) if isinstance(part, ast.arg))] for node in functions
    }
    return [name for name, said in words.items() if any(map(GRADIENT.search, said)) and not (stand_in and name == "backward")]


def _users(path: str, text: str, left: Mapping[str, str]) -> set[str]:
    """The classes in a file whose backward uses one of the functions that are `left`, or is one."""
    helpers = left.keys() - {"backward"}
    if left.get("backward") != path and not any(name in text for name in helpers):
        return set()
    pairs = [(name, part) for name, owner in classes(text).items() for part in _backwards(owner)]
    return {name for name, part in pairs if left.get("backward") == path or identifiers(part) & helpers}


def _cut_asked(files: Files, path: str, name: str, stand_in: str | None, used: set[str]) -> None:
    changes: list[tuple[ast.stmt, str | None]] = []
    for part in classes(files[path])[name].body:
        if not ASKED & set(bound(part)):
            continue
        replaced = stand_in is not None and "backward" in bound(part)
        if not replaced and (kept := _sets(part)):
            cause = f"sets self.{kept}, which torch.autograd would not"
            place = "the file of that name in autograder/handing_out/edition_parts/"
            cure = f"write one that does so and holds no answer, in {place}"
            raise AutograderError(f"{name}.backward in {path}", cause, cure)
        changes.append((part, f"    from {stand_in} import backward" if replaced else None))
        used |= identifiers(part)
    files[path] = edit(files[path], changes)


def _sets(part: ast.stmt) -> str:
    """The first attribute of its own that a method sets, or an item of which it sets."""
    for node in ast.walk(part):
        if isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store):
            held = node.value if isinstance(node, ast.Subscript) else node
            if isinstance(held, ast.Attribute) and isinstance(held.value, ast.Name) and held.value.id == "self":
                return held.attr
    return ""


def _require_gone(files: Files, path: str, name: str) -> None:
    """Make sure that nothing in the class, nor outside of it, gives it what it has lost."""
    for node in ast.walk(classes(files[path])[name]):
        asked = isinstance(node, ast.FunctionDef) and node.name in ASKED
        asked |= isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id in ASKED
        asked |= isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and node.attr in ASKED
        if asked or (is_docstring(node) and TELLING.search(ast.unparse(node))):
            cause = f"keeps an answer in line {getattr(node, 'lineno', 1)}"
            raise AutograderError(f"{name} in {path}", cause, "define backward and local as usual")
    for other, text in files.items():
        if f"{name}." in text and re.search(rf"\b{name}\.({'|'.join(sorted(ASKED))})\s*=(?!=)", text):
            raise AutograderError(other, f"sets {name}.backward or {name}.local", "define it in the class")
