"""What an exercise's text promises: each sentence is listed, and each promise has a case that tests it.

promises/<assignment>.toml has a table for each exercise, and one for each cell of text that several share. A
sentence of the text stands in one of two lists: `promise`, with the cases and parts that test it and a wrong
answer that breaks it, or `no_promise`. A new sentence therefore fails here until somebody decides. `border`
has further wrong answers, at the border of what the text says.

A wrong answer is the body of a class that inherits the right one, or, where a function is asked for, a
function called `answer` that may call the `right` one. What several exercises share has a wrong answer for
`each`, or for one of them by its name.
"""

import ast
import io
import re
import textwrap
import tokenize
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from course import Parameter, generator
from course.checking.part import Kind
from course.exercises import Exercise, find_exercise
from course.exercises.grading import examine
from course.exercises.respondent import Local
from tests.autograder.conftest import in_notebook
from tests.conftest import ROOT
from tests.exercises.test_assignments import NAMES, about, each, graded_cells, source

LISTS = ROOT / "tests" / "exercises" / "promises"
ABOUT_NO_ANSWER = {"title", "written_task", "network_task", "together", "end"}
"""Cells of text that ask for nothing that is checked."""


@dataclass(frozen=True)
class Asked:
    """An exercise in its notebook: what it asks for by that name, and the right one."""

    exercise: Exercise
    name: str
    right: Any


@cache
def asked(assignment: str) -> dict[str, Asked]:
    """The exercises of an assignment, in their order, with the answers of the instructor's notebook."""
    notebook, names = source(assignment), {"__name__": "__main__"}
    for cell in notebook.cells:
        if about(cell).get("grade_id") == "imports" or (
            cell.cell_type == "code"
            and not cell.source.startswith(("picture(", "score = "))
            and re.match(r"class |def ", cell.source)
        ):
            exec(in_notebook(cell.source), names)
    pairs = [re.search(r'check\("(\w+)", (\w+)', cell.source).groups() for cell in graded_cells(notebook)]
    return {name: Asked(find_exercise(name), answer, names[answer]) for name, answer in pairs}


@cache
def lists(assignment: str) -> dict[str, Any]:
    """The lists of an assignment, by exercise or cell."""
    return tomllib.loads((LISTS / f"{assignment}.toml").read_text(encoding="utf-8"))


def sentences(text: str) -> Iterator[str]:
    """The sentences of a text in Markdown, but for headings and questions, which promise nothing.

    A row of a table, or a formula, is one.
    """
    for paragraph in re.split(r"\n\s*\n|\n(?=- |\||\d+\. )", text.strip()):
        line = " ".join(paragraph.split())
        if not re.match(r"#+ |[|-]+$", line):
            yield from (s for s in re.split(r"(?<=[.!?]) (?=[^\d ])", line) if not s.endswith("?"))


def comments(code: str) -> Iterator[str]:
    """The docstrings and comments of a cell of code that students get."""
    code = re.sub(r"### BEGIN SOLUTION\n.*?### END SOLUTION", "pass", code, flags=re.DOTALL)
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
            yield ast.get_docstring(node)
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        if token.type == tokenize.COMMENT:
            yield token.string.lstrip("# ")


def texts(assignment: str) -> dict[str, list[str]]:
    """The sentences of each exercise by its name, those of other cells by theirs."""
    told: dict[str, list[str]] = {name: [] for name in asked(assignment)}
    for cell in source(assignment).cells:
        name = about(cell).get("grade_id", "")
        owner = max((key for key in told if name.startswith(key)), key=len, default=name)
        if cell.cell_type == "code" and owner in told and not about(cell).get("grade"):
            told[owner] += [sentence for text in comments(cell.source) for sentence in sentences(text)]
        elif (
            cell.cell_type == "markdown" and not about(cell).get("solution") and owner not in ABOUT_NO_ANSWER
        ):
            told.setdefault(owner, []).extend(sentences(cell.source))
    for name, task in asked(assignment).items():
        told[name] += [sentence for hint in task.exercise.hints for sentence in sentences(hint)]
    return told


@dataclass(frozen=True)
class Wrong:
    """A wrong answer to an exercise.

    Attributes:
        about: the sentence that it breaks, or what it does.
        tested_by: the cases, parts and kinds of parts that it must fail in; where exercises share the
            sentence, in one of them.
    """

    assignment: str
    exercise: str
    about: str
    code: str
    tested_by: tuple[str, ...]
    shared: bool


def wrong_answers(assignment: str) -> Iterator[Wrong]:
    known = list(asked(assignment))
    for place, listed in lists(assignment).items():
        for entry in (*listed.get("promise", ()), *listed.get("border", ())):
            what, tested_by = entry.get("says") or entry["what"], tuple(entry["tested_by"])
            if place in known:
                yield Wrong(assignment, place, what, entry["wrong"], tested_by, False)
                continue
            for name in known:
                if name not in entry.get("not_for", {}):
                    yield Wrong(assignment, name, what, entry.get(name, entry["each"]), tested_by, True)


ALL = [wrong for assignment in NAMES for wrong in wrong_answers(assignment)]


def answer_of(task: Asked, code: str) -> Any:
    """A wrong answer: a class that inherits the right one, or a function."""
    names = {"__name__": "__main__", "torch": torch, "F": F, "Parameter": Parameter}
    names |= {"Right": task.right, "right": task.right}
    if isinstance(task.right, type):
        code = "class answer(Right):\n" + textwrap.indent(code.strip(), "    ")
    exec(in_notebook(code.strip()), names)
    return names["answer"]


def failing(exercise: Exercise, answer: Any, seed: int) -> set[str]:
    """What fails: the labels of cases, the names and the kinds of parts."""
    torch.manual_seed(seed)  # an answer may draw numbers, too
    reports = examine(exercise, Local(exercise, answer), seed=seed)
    parts = [(label, part) for label, report in reports.items() for part in report.parts]
    missing = set(exercise.points) - {name for label, part in parts for name in (label, part.name)}
    failed = [(label, part) for label, part in parts if not part.passed]
    return missing | {name for label, part in failed for name in (label, part.name, part.kind.value)}


@each
def test_every_sentence_is_listed_as_a_promise_or_as_none(name):
    told = {place: Counter(said) for place, said in texts(name).items() if said}
    listed = {
        place: Counter([*(promise["says"] for promise in lists_of["promise"]), *lists_of["no_promise"]])
        for place, lists_of in lists(name).items()
    }
    assert listed == told


@each
def test_what_tests_a_promise_exists(name):
    for place, task in asked(name).items():
        cases = {case.label for case in task.exercise.cases(generator(0))}
        known = cases | task.exercise.points.keys() | {kind.value for kind in Kind}
        assert {by for wrong in ALL if wrong.exercise == place for by in wrong.tested_by} <= known
        assert sum(wrong.exercise == place and not wrong.shared for wrong in ALL) >= 5


@pytest.mark.parametrize("wrong", ALL, ids=[f"{wrong.exercise}-{number}" for number, wrong in enumerate(ALL)])
def test_who_breaks_a_promise_loses_points(wrong):
    task = asked(wrong.assignment)[wrong.exercise]
    failed = failing(task.exercise, answer_of(task, wrong.code), seed=0)
    assert failed & task.exercise.points.keys(), wrong.about
    assert failed & set(wrong.tested_by) if wrong.shared else failed >= set(wrong.tested_by), wrong.about


@each
def test_who_breaks_none_loses_nothing(name):
    for task in asked(name).values():
        answer = answer_of(task, "pass") if isinstance(task.right, type) else task.right
        assert not failing(task.exercise, answer, seed=0)
