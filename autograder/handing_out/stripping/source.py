"""Source text of a package: what stands in it, and statements taken out of it."""

import ast
import re
from collections.abc import Iterable
from functools import lru_cache

Files = dict[str, str]
"""The text of every Python file of a package, by its path."""

CLASS = re.compile(r"^class (\w+)(?:\(([^)]*)\))?", re.MULTILINE)

parse = lru_cache(maxsize=1024)(ast.parse)


def classes(text: str) -> dict[str, ast.ClassDef]:
    """The classes at a file's top level, by name."""
    return {node.name: node for node in parse(text).body if isinstance(node, ast.ClassDef)}


def bound(node: ast.stmt) -> list[str]:
    """The names that a statement binds: of a function, a class, or plain variables."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [alias.asname or alias.name.partition(".")[0] for alias in node.names]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)]


def identifiers(node: ast.AST) -> set[str]:
    """Every name and every attribute's name in a piece of code."""
    names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    return names | {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)}


def edit(text: str, changes: Iterable[tuple[ast.stmt, str | None]]) -> str:
    """The text with each of the statements replaced by other lines, or gone."""
    lines = text.splitlines()
    for node, new in sorted(changes, key=lambda change: -change[0].lineno):
        first = min(part.lineno for part in (node, *getattr(node, "decorator_list", ())))
        lines[first - 1 : node.end_lineno] = [] if new is None else new.splitlines()
    text = "\n".join(line.rstrip() for line in lines).rstrip() + "\n"
    return re.sub(r"\n{4,}", "\n\n\n", re.sub(r"\n{3,}(?= |import |from )", "\n\n", text))


class Family:
    """Which class inherits from which, in a whole package, by their names; `Module` itself is nobody's relative."""

    def __init__(self, files: Files) -> None:
        self.bases: dict[str, set[str]] = {}
        for text in files.values():
            for name, bases in CLASS.findall(text):
                self.bases.setdefault(name, set()).update(base.split(".")[-1] for base in re.findall(r"[\w.]+", bases))

    def above(self, names: Iterable[str]) -> set[str]:
        """These classes, and what they inherit from."""
        found, waiting = set[str](), list(names)
        while waiting:
            name = waiting.pop()
            if name in self.bases and name != "Module" and name not in found:
                found.add(name)
                waiting.extend(self.bases[name])
        return found

    def below(self, names: Iterable[str]) -> set[str]:
        """These classes, and what inherits from them."""
        names = set(names)
        return names | {name for name in self.bases if self.above([name]) & names}
