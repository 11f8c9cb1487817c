"""The judge: grades a student's object that lives in another process, from arrays alone.

The student's code runs in the sandbox and answers questions; the judge asks them with inputs that no notebook
contains, compares the arrays that come back, and fails closed: what is not an answer earns nothing.
"""

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from autograder.running.reading import remarks
from autograder.running.remark import Remark
from autograder.sandbox.student import Student, StudentGoneError
from course.checking.evidence import Evidence
from course.checking.finding import Finding, Problem
from course.exercises import Call, Case, Score, find_exercise, grade_respondent
from course.exercises.recipe import names_of, recipe_of
from course.module import Module


@dataclass(frozen=True)
class Check:
    """What a test cell asks for: an exercise, and the object that should solve it, both by name."""

    exercise: str
    name: str


def find_check(source: str) -> Check | None:
    """The check that a test cell makes; None for one that tests in another way.

    Raises:
        ValueError: it makes several different ones, or one of an unknown exercise: the judge could not say
            what it is worth.
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


@dataclass(frozen=True)
class Sources:
    """What a notebook ran up to a test.

    Attributes:
        own: the student's cells.
        given: the instructor's.
        brought: the Python files that were handed in beside the notebook.
    """

    own: Sequence[str]
    given: Sequence[str] = ()
    brought: Sequence[str] = ()


def judge(student: Student, check: Check, sources: Sources, *, seed: int) -> Score:
    """Grade an object that lives in a student's process; note what a person should see in the source.

    Args:
        sources: what ran before.
        seed: of the inputs; no notebook contains it.
    """
    return grade_respondent(find_exercise(check.exercise), Remote(student, check, sources), seed=seed)


def seen_in(check: Check, sources: Sources) -> tuple[Remark, ...]:
    """What a person should see in the source of an answer; the arguments are those of `judge`."""
    return _seen_in(check, tuple(sources.own), tuple(sources.given), tuple(sources.brought))


@lru_cache(maxsize=32)
def _seen_in(
    check: Check, own: tuple[str, ...], given: tuple[str, ...], brought: tuple[str, ...]
) -> tuple[Remark, ...]:
    return remarks(check.exercise, check.name, [*brought, *own], given=given, brought=bool(brought))


class Remote:
    """A respondent in another process. Whatever comes back is checked before it is used."""

    def __init__(self, student: Student, check: Check, sources: Sources) -> None:
        self.student, self.check = student, check
        self.seen = seen_in(check, sources)
        self.kind = Problem.MISSING
        self.problem = _text(self._ask("use", check.exercise, check.name).get("problem"))

    def about(self, case: Case | Call) -> dict[str, Any]:
        """The object's problem, and what its source shows: read here, where nobody can have tampered."""
        told = self._told({} if self.problem else self._ask_of(case, "about"))
        return {**told, "shortcuts": [str(remark) for remark in self.seen]}

    def own(self, case: Case) -> dict[str, Any]:
        """A module of the student's own: inputs' names and parameters."""
        answer = self._ask_of(case, "own")
        named = {
            str(name): value
            for name, value in _dict(answer.get("state")).items()
            if isinstance(value, np.ndarray)
        }
        state = {name: value for name, value in named.items() if not hasattr(Module, name.split(".")[0])}
        return {**self._told(answer), "names": _texts(answer.get("names")), "state": state}

    def probe(
        self,
        case: Case,
        state: dict[str, np.ndarray],
        names: Sequence[str],
        inputs: Sequence[Any],
        grads: Sequence[np.ndarray],
        parts: Sequence[type[Module]] | None,
    ) -> Evidence:
        """One probe."""
        answer = self._ask_of(case, "probe", state, names, inputs, grads, names_of(parts))
        if self.problem:
            return Evidence(failures={"forward": Finding(self.kind, self.problem)}, timed_out=True)
        return Evidence(
            outputs=tuple(_array(value) for value in _list(answer.get("outputs"))),
            grads={name: _array(value) for name, value in _dict(answer.get("grads")).items()},
            grads_again={name: _array(value) for name, value in _dict(answer.get("grads_again")).items()},
            changed=tuple(_texts(answer.get("changed"))),
            trained=tuple(_texts(answer.get("trained"))),
            stale=tuple(_texts(answer.get("stale"))),
            odd={name: _text(kind) for name, kind in _dict(answer.get("odd")).items()},
            infinite=tuple(_texts(answer.get("infinite"))),
            demands_forward=answer.get("demands_forward") is True,
            timed_out=answer.get("timed_out") is True,
            failures={
                stage: _finding(_dict(failure)) for stage, failure in _dict(answer.get("failures")).items()
            },
            shortcuts=tuple(_texts(answer.get("shortcuts"))),
        )

    def forward(self, case: Case, state: dict[str, np.ndarray], inputs: Sequence[Any]) -> dict[str, Any]:
        """One forward."""
        answer = self._ask_of(case, "forward", state, inputs)
        outputs = [value for value in _list(answer.get("outputs")) if isinstance(value, np.ndarray)]
        told = self._told(answer)
        nothing = (
            {} if outputs or told["problem"] else {"problem": "forward gave nothing", "kind": Problem.MISSING}
        )
        return {**told, **nothing, "outputs": outputs, "shortcuts": _texts(answer.get("shortcuts"))}

    def steps(self, case: Case, state: dict[str, np.ndarray], inputs: Sequence[Any]) -> dict[str, Any]:
        """The steps of one forward; whoever follows them checks what they are."""
        return {"steps": _list(self._ask_of(case, "steps", state, inputs).get("steps"))}

    def call(self, case: Call, inputs: Sequence[np.ndarray]) -> dict[str, Any]:
        """One call of a function."""
        answer = self._ask_of(case, "call", inputs)
        results = [value for value in _list(answer.get("results")) if isinstance(value, np.ndarray)]
        changed = [value for value in _list(answer.get("changed")) if type(value) is int]
        told = {**self._told(answer), "shortcuts": _texts(answer.get("shortcuts"))}
        return {**told, "results": results, "changed": changed}

    def _told(self, answer: dict[str, Any]) -> dict[str, Any]:
        """What is wrong: that the process is gone, or what its answer says."""
        if self.problem:
            return {"problem": self.problem, "kind": self.kind}
        words = _text(answer.get("problem"))
        return {"problem": words, "kind": _problem(answer.get("kind")) if words else Problem.NONE}

    def _ask_of(self, case: Case | Call, what: str, *of: Any) -> dict[str, Any]:
        """The answer to one question on a case."""
        return self._ask(what, recipe_of(case, self.check.exercise), *of)

    def _ask(self, what: str, *of: Any) -> dict[str, Any]:
        """The answer to one question; empty, with the reason noted, once the process failed to give one."""
        try:
            return self.student.ask(what, *of)
        except StudentGoneError as gone:
            self.kind = Problem.NO_ANSWER
            self.problem = f"the process in which the notebook ran gave no answer: {gone}"
            return {}


def _array(value: Any) -> np.ndarray | None:
    return value if isinstance(value, np.ndarray) else None


def _text(value: Any) -> str:
    return value[:500] if isinstance(value, str) else ""


def _texts(value: Any) -> list[str]:
    return [_text(text) for text in _list(value)]


def _problem(value: Any) -> Problem:
    """The kind of a problem, as a process says it; RAISED where it says nothing that is known."""
    return Problem(value) if value in {problem.value for problem in Problem if problem} else Problem.RAISED


def _finding(failure: dict[str, Any]) -> Finding:
    return Finding(_problem(failure.get("problem")), _text(failure.get("words")))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
