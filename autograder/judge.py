"""The judge: grades a student's object that lives in another process, from arrays alone.

The student's code runs in the sandbox and answers questions; the judge asks them with inputs that no notebook contains,
compares the arrays that come back, and fails closed: what is not an answer earns nothing.
"""

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.sandbox import Student, StudentGoneError
from course.evidence import Evidence
from course.exercises import Score, find_exercise, grade
from course.shortcuts import read_text

MEDDLING = {
    "_getframe": "looks into other frames",
    "currentframe": "looks into other frames",
    "get_objects": "looks for other objects in memory",
    "get_referrers": "looks for other objects in memory",
    "ctypes": "reaches into memory",
    "modules": "reaches into loaded modules",
    "settrace": "traces other code",
    "setprofile": "traces other code",
    "__code__": "replaces other code",
    "ast_transformers": "rewrites cells before they run",
}
"""Attributes and modules that no exercise needs, and what they are good for."""

GUARDED = ("course", "torch", "numpy", "np", "builtins", "IPython")
"""Modules whose parts a notebook has no reason to replace."""


@dataclass(frozen=True)
class Check:
    """What a test cell asks for: an exercise, and the object that should solve it, both by name."""

    exercise: str
    name: str


def find_check(source: str) -> Check | None:
    """The check that a test cell makes; None for one that tests in another way.

    Raises:
        ValueError: it makes several different ones, or one of an unknown exercise: the judge could not say what it is worth.
    """
    try:
        nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    except SyntaxError:  # a magic: the student's process will run it
        return None
    calls = [node for node in nodes if isinstance(node.func, ast.Name) and node.func.id == "check"]
    if not calls:
        return None
    asked = {_asked(call) for call in calls}
    if len(asked) > 1 or None in asked:
        raise ValueError('a test cell checks one exercise, and one object by its name: check("add", Add)')
    exercise, name = asked.pop() or ("", "")
    try:
        find_exercise(exercise)
    except KeyError as error:
        raise ValueError(error.args[0]) from None
    return Check(exercise, name)


def _asked(call: ast.Call) -> tuple[str, str] | None:
    """The names of the exercise and of the object; None when one of them is no plain name."""
    if len(call.args) == 2 and isinstance(call.args[0], ast.Constant) and isinstance(call.args[1], ast.Name):
        return str(call.args[0].value), call.args[1].id
    return None


def judge(student: Student, check: Check, sources: Sequence[str], *, seed: int) -> Score:
    """Grade an object that lives in a student's process, and note what a person should see in the notebook's source.

    Args:
        sources: the student's own cells, up to the test.
        seed: of the inputs; no notebook contains it.
    """
    return grade(find_exercise(check.exercise), Remote(student, check, sources), seed=seed)


class Remote:
    """A respondent in another process. Whatever comes back is checked before it is used."""

    def __init__(self, student: Student, check: Check, sources: Sequence[str]) -> None:
        self.student, self.check, self.sources = student, check, sources
        self.problem = _text(self._ask("use", check.exercise, check.name).get("problem"))

    def about(self) -> dict[str, Any]:
        """The object's problem, and what its source shows: here, where nobody can have tampered with the reading."""
        problem = self.problem or _text(self._ask("about").get("problem")) or self.problem
        seen = [*read_text(self.sources, self.check.name), *meddling(self.sources)]
        return {"problem": problem, "shortcuts": seen}

    def own(self, label: str) -> dict[str, Any]:
        """A module of the student's own: inputs' names and parameters."""
        found = self._ask("own", label)
        state = {str(name): value for name, value in _dict(found.get("state")).items() if isinstance(value, np.ndarray)}
        names = [_text(name) for name in _list(found.get("names"))]
        return {"problem": self.problem or _text(found.get("problem")), "names": names, "state": state}

    def probe(
        self, label: str, state: dict[str, np.ndarray], names: Sequence[str], inputs: Sequence[Any], grads: Sequence[np.ndarray]
    ) -> Evidence:
        """One probe."""
        found = self._ask("probe", label, state, list(names), list(inputs), list(grads))
        if self.problem:
            return Evidence(errors={"forward": self.problem}, timed_out=True)
        return Evidence(
            outputs=tuple(_array(value) for value in _list(found.get("outputs"))),
            grads={name: _array(value) for name, value in _dict(found.get("grads")).items()},
            grads_again={name: _array(value) for name, value in _dict(found.get("grads_again")).items()},
            changed=tuple(_text(name) for name in _list(found.get("changed"))),
            demands_forward=found.get("demands_forward") is True,
            timed_out=found.get("timed_out") is True,
            errors={stage: _text(said) for stage, said in _dict(found.get("errors")).items()},
            shortcuts=tuple(_text(said) for said in _list(found.get("shortcuts"))),
        )

    def forward(self, label: str, state: dict[str, np.ndarray], inputs: Sequence[Any]) -> dict[str, Any]:
        """One forward."""
        found = self._ask("forward", label, state, list(inputs))
        outputs = [value for value in _list(found.get("outputs")) if isinstance(value, np.ndarray)]
        problem = self.problem or _text(found.get("problem"))
        return {"problem": problem or ("" if outputs else "forward gave nothing"), "outputs": outputs}

    def call(self, label: str, inputs: Sequence[np.ndarray]) -> dict[str, Any]:
        """One call of a function."""
        found = self._ask("call", label, list(inputs))
        results = [value for value in _list(found.get("results")) if isinstance(value, np.ndarray)]
        changed = [value for value in _list(found.get("changed")) if type(value) is int]
        problem = self.problem or _text(found.get("problem"))
        return {
            "problem": problem,
            "results": results,
            "changed": changed,
            "slow": found.get("slow") is True or bool(self.problem),
        }

    def _ask(self, what: str, *of: Any) -> dict[str, Any]:
        """The answer to one question; empty, with the reason noted, once the process has failed to give one."""
        try:
            return self.student.ask(what, *of)
        except StudentGoneError as gone:
            self.problem = f"the process in which the notebook ran gave no answer: {gone}"
            return {}


def meddling(sources: Sequence[str]) -> list[str]:
    """Lines that reach for what runs beside the notebook: no exercise needs them, and a person should see them."""
    found = {}
    for source in sources:
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue  # it did not run as Python either, or only with a magic
        lines = source.splitlines()
        for node in ast.walk(tree):
            if why := _meddles(node):
                line = lines[node.lineno - 1].strip()[:80]  # pyright: ignore[reportAttributeAccessIssue]
                found.setdefault(why, f"{why}: `{line}`")
    return list(found.values())


def _meddles(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute) and node.attr in MEDDLING:
        return MEDDLING[node.attr]
    if isinstance(node, ast.Import | ast.ImportFrom):
        names = {name for alias in node.names for name in alias.name.split(".")} | {getattr(node, "module", None) or ""}
        return next((MEDDLING[name] for name in sorted(names) if name in MEDDLING and name != "modules"), "")
    targets = node.targets if isinstance(node, ast.Assign | ast.Delete) else [getattr(node, "target", None)]
    if any(isinstance(target, ast.Attribute) and _root(target) in GUARDED for target in targets):
        return "replaces a part of a library"
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("setattr", "delattr") and node.args:
        return "replaces a part of a library" if _root(node.args[0]) in GUARDED else ""
    return ""


def _root(node: ast.AST) -> str:
    """The name that a chain of attributes begins with."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _array(value: Any) -> np.ndarray | None:
    return value if isinstance(value, np.ndarray) else None


def _text(value: Any) -> str:
    return value[:500] if isinstance(value, str) else ""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
