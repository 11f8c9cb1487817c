"""What forward saves for backward alone: it goes with the backward, and so does the work of computing it."""

import ast
import re
from collections import Counter
from functools import lru_cache

from autograder.handing_out.stripping.source import Files, bound, classes, edit, identifiers

SAVED = re.compile(r"(\w+)\.saved\[[\"'](\w+)[\"']\]")


def cut_saved(files: Files, path: str, name: str, used: set[str]) -> None:
    """Let a class save only what it was given, what forward needs itself, and what others read.

    Args:
        files: all files of the package; they are changed in place.
        path: of the class's file.
        name: of the class.
        used: gets the identifiers in what is taken out.
    """
    read = {key for other, text in files.items() for owner, key in _reads(text) if other == path or owner != "self"}
    changes: list[tuple[ast.stmt, str | None]] = []
    for method in classes(files[path])[name].body:
        saves = [node for node in ast.walk(method) if _saves(node)]
        if not isinstance(method, ast.FunctionDef) or not saves:
            continue
        inside = {id(part) for save in saves for part in ast.walk(save)}
        known = {argument.arg for argument in ast.walk(method.args) if isinstance(argument, ast.arg)}
        known |= {name for node in ast.walk(method) if id(node) not in inside for name in _loaded(node)}
        gone: list[ast.AST] = []
        for save in saves:
            assert isinstance(save, ast.Expr)
            assert isinstance(save.value, ast.Call)
            kept = [word for word in save.value.keywords if word.arg in read or _root(word.value) in known]
            if len(kept) < len(save.value.keywords):
                call = ast.Call(save.value.func, save.value.args, kept)
                changes.append((save, " " * save.col_offset + ast.unparse(call)))
                gone += [word for word in save.value.keywords if word not in kept]
        dead = _dead(method, gone)
        needed = {id(block[0]) for node in ast.walk(method) for block in _blocks(node) if all(part in dead for part in block)}
        changes += [(node, " " * node.col_offset + "pass" if id(node) in needed else None) for node in dead]
        used |= {name for node in gone for name in identifiers(node)}
    files[path] = edit(files[path], changes)


def _blocks(node: ast.AST) -> list[list[ast.stmt]]:
    """The blocks of statements of an if, a loop and so on; none may become empty."""
    found = [getattr(node, field, None) for field in ("body", "orelse", "finalbody")]
    return [block for block in found if isinstance(block, list) and block]


@lru_cache(maxsize=1024)
def _reads(text: str) -> list[tuple[str, str]]:
    """Whose saved values a file reads, by which keys."""
    return SAVED.findall(text) if ".saved[" in text else []


def _saves(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and ast.unparse(node.value.func) == "self.save"


def _loaded(node: ast.AST) -> list[str]:
    return [node.id] if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) else []


def _root(value: ast.expr) -> str:
    """The name that x, x.shape and so on begin with; none where something is computed."""
    while isinstance(value, ast.Attribute):
        value = value.value
    return value.id if isinstance(value, ast.Name) else ""


def _dead(method: ast.FunctionDef, gone: list[ast.AST]) -> list[ast.stmt]:
    """The assignments whose values only the parts that are `gone` had used, which are then gone, too."""
    loads = Counter(name for node in ast.walk(method) for name in _loaded(node))
    dead: list[ast.stmt] = []
    for part in gone:  # it grows
        loads.subtract(name for node in ast.walk(part) for name in _loaded(node))
        names = identifiers(part)
        for node in ast.walk(method):
            if not isinstance(node, ast.Assign) or node in dead or not names & set(bound(node)):
                continue
            plain = all(isinstance(target, ast.Name | ast.Tuple) for target in node.targets)
            if plain and not any(loads[name] for name in bound(node)):
                dead.append(node)
                gone.append(node)
    return dead
