"""Source text: the classes in a file, the names in a piece of code, and statements taken out of it."""

import ast
import re
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

parse = lru_cache(maxsize=1024)(ast.parse)


def classes(text: str) -> dict[str, ast.ClassDef]:
    """The classes at a file's top level, by name."""
    return {node.name: node for node in parse(text).body if isinstance(node, ast.ClassDef)}


def bound(node: ast.stmt) -> list[str]:
    """The names that a statement binds: of a function, a class, imports, or plain variables."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [alias.asname or alias.name.partition(".")[0] for alias in node.names]
    targets = (
        node.targets
        if isinstance(node, ast.Assign)
        else [node.target]
        if isinstance(node, ast.AnnAssign)
        else []
    )
    return [part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)]


def names_in(node: ast.AST, variables: bool = True) -> Counter[str]:
    """How often each name stands in some code: of variables, attributes, imports, or as a string.

    Args:
        node: the code.
        variables: whether variables count.
    """
    counts: Counter[str] = Counter()
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            counts[part.id] += variables
        elif isinstance(part, ast.Attribute):
            counts[part.attr] += 1
        elif isinstance(part, ast.alias):
            counts.update({part.name, part.asname or part.name})
        elif isinstance(part, ast.Constant) and isinstance(part.value, str):
            counts.update(word for word in part.value.split(" | ") if word.isidentifier())
    return counts


@lru_cache(maxsize=1024)
def names_of(text: str, variables: bool = True) -> Counter[str]:
    """How often each name stands in a file."""
    return names_in(parse(text), variables)


def edit(text: str, changes: Iterable[tuple[ast.stmt, str]]) -> str:
    """The text with other lines, or none, in place of each of the statements."""
    lines = text.splitlines()
    for node, new in sorted(changes, key=lambda change: -change[0].lineno):
        first = min(part.lineno for part in (node, *getattr(node, "decorator_list", ())))
        lines[first - 1 : node.end_lineno] = new.splitlines()
    text = "\n".join(line.rstrip() for line in lines).rstrip() + "\n"
    return re.sub(r"\n{4,}", "\n\n\n", re.sub(r"\n{3,}(?= |import |from )", "\n\n", text))
