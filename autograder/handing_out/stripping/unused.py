"""Unused helpers: definitions and imports that only code that was taken out had used go with it."""

import ast
import re
from collections.abc import Collection, Iterator
from functools import lru_cache
from pathlib import PurePosixPath

from autograder.handing_out.stripping.source import Family, Files, bound, classes, edit, identifiers, parse

QUOTED = re.compile(r"\w+( \| \w+)*")
"""A string that may be a name, for getattr, or a type that is defined further down."""


def cut_unused(files: Files, homes: Collection[str], used: set[str]) -> None:
    """Take out the imports and definitions that nothing refers to any longer, until there are none.

    A definition is taken out where it is private, since its name or its file's starts with an underscore, or in one of `homes`.

    Args:
        files: all files of the package; they are changed in place.
        homes: the files that lost something.
        used: the identifiers in what was taken out; those in what goes now are added.
    """
    family, touched, before = Family(files), set(homes), None
    while before != files:
        before = dict(files)
        for path in sorted(touched):
            files[path] = _cut_imports(files, path, touched, used)
            while found := _find_unused(files, family, path, path in homes, used):
                used |= identifiers(found)
                files[path] = edit(files[path], [(found, None)])


def _find_unused(files: Files, family: Family, path: str, home: bool, used: set[str]) -> ast.stmt | None:
    """The first definition in a file that was used by what is gone, and by nothing else."""
    private = home or (PurePosixPath(path).name.startswith("_") and not path.endswith("__init__.py"))
    for owner, node in _definitions(files[path]):
        names = bound(node)
        if len(names) != 1 or not used.issuperset(names) or names[0].startswith("__"):
            continue
        if (private or names[0].startswith("_")) and not _is_referenced(files, family, path, owner, node):
            return node
    return None


def _definitions(text: str) -> Iterator[tuple[ast.ClassDef | None, ast.stmt]]:
    """What a file defines, in and outside of its classes, each with its class."""
    yield from ((None, node) for node in parse(text).body if not isinstance(node, ast.Import | ast.ImportFrom))
    yield from ((owner, node) for owner in classes(text).values() for node in owner.body)


def _is_referenced(files: Files, family: Family, path: str, owner: ast.ClassDef | None, node: ast.stmt) -> bool:
    """Whether anything but the definition itself refers to it: through `self`, only its class and the relatives of it do."""
    (name,) = bound(node)
    relatives = family.above([owner.name]) | family.below([owner.name]) if owner else set[str]()
    for other, text in files.items():
        for how, place, line in _mentions(text).get(name, ()) if name in text else ():
            itself = other == path and node.lineno <= line <= (node.end_lineno or 0)
            known = {"name": owner is None and other == path, "import": owner is None, "self": place in relatives}
            if not itself and known.get(how, True):
                return True
    return False


@lru_cache(maxsize=1024)
def _mentions(text: str) -> dict[str, list[tuple[str, str, int]]]:
    """Where a file mentions each name: how (name, import, self, attribute, string), in which class, and in which line."""
    found: dict[str, list[tuple[str, str, int]]] = {}
    for top in parse(text).body:
        place = top.name if isinstance(top, ast.ClassDef) else ""
        for node in ast.walk(top):
            if isinstance(node, ast.Attribute):
                itself = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
                found.setdefault(node.attr, []).append(("self" if itself else "attribute", place, node.lineno))
            elif isinstance(node, ast.Name):
                found.setdefault(node.id, []).append(("name", place, node.lineno))
            elif isinstance(node, ast.alias):
                found.setdefault(node.name, []).append(("import", place, node.lineno))
            elif isinstance(node, ast.Constant) and QUOTED.fullmatch(str(node.value)):
                for name in str(node.value).split(" | "):
                    found.setdefault(name, []).append(("string", place, node.lineno))
    return found


def _cut_imports(files: Files, path: str, touched: set[str], used: set[str]) -> str:
    """A file without the imports that it does not need any longer; the private files that they named are `touched`, too."""
    text = files[path]
    if path.endswith("__init__.py"):
        return text
    mentions = _mentions(text)
    changes: list[tuple[ast.stmt, str | None]] = []
    for node in parse(text).body:
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        kept = [
            alias
            for alias, name in zip(node.names, bound(node), strict=True)
            if name not in used or any(how in ("name", "string") for how, *_ in mentions.get(name, ()))
        ]
        if len(kept) == len(node.names):
            continue
        if isinstance(node, ast.ImportFrom) and node.module:
            touched |= {f"{node.module.replace('.', '/')}.py"} & files.keys()
        again = ast.ImportFrom(node.module, kept, node.level) if isinstance(node, ast.ImportFrom) else ast.Import(kept)
        changes.append((node, ast.unparse(again) if kept else None))
    return edit(text, changes)
