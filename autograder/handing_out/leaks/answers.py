"""The answers: what the instructors' notebooks and the library know, and students are asked to find."""

import ast
import inspect
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from autograder.gradebook.notebooks import nbgrader_metadata
from autograder.handing_out.leaks.code import cells, parse_cell, source_of
from autograder.handing_out.source import bound, classes
from course.exercises import Exercise, all_exercises

MARKED = re.compile(
    r"^([ \t]*)[^\n]*BEGIN (SOLUTION|HIDDEN TESTS|MARK SCHEME)[^\n]*\n(.*?)^[^\n]*END "
    r"\2[^\n]*",
    re.M | re.S,
)
"""What nbgrader takes out of a notebook."""

SENTENCE = re.compile(r"(?<=[.!?;:])\s+")


@dataclass(frozen=True)
class Answer:
    """One answer.

    Attributes:
        place: where it stands.
        statements: its code, those inside of others after them.
        runs: those of its statements that follow one another and together are an answer.
        functions: the functions that it is part of, by name: ``Add.backward``.
        given: what students see of the code of that exercise, and is no secret.
        sentences: of an answer in words.
        truths: the names of the library's classes that are right answers, too.
    """

    place: str
    statements: tuple[ast.stmt, ...] = ()
    runs: tuple[tuple[ast.stmt, ...], ...] = ()
    functions: tuple[tuple[str, tuple[ast.stmt, ...]], ...] = ()
    given: tuple[ast.AST, ...] = ()
    sentences: tuple[str, ...] = ()
    truths: tuple[str, ...] = ()


def all_answers(source: Path) -> list[Answer]:
    """The answers and hidden tests in every instructor's notebook of a folder, and the library's answers."""
    of_notebooks = [
        answer for path in sorted(source.glob("*/*.ipynb")) for answer in _answers_of_notebook(path)
    ]
    of_library = answers_of_library(all_exercises().values())
    given: dict[str, tuple[ast.AST, ...]] = {}
    for answer in of_notebooks:
        for name in answer.truths:
            given[name] = given.get(name, ()) + answer.given
    return of_notebooks + [
        replace(answer, given=given.get(answer.truths[0], answer.given)) for answer in of_library
    ]


def answers_of_library(exercises: Iterable[Exercise]) -> list[Answer]:
    """The derivatives of the classes that exercises ask for, each with the forward that students see."""
    truths = {exercise.truth for exercise in exercises if isinstance(exercise.truth, type)}
    answers = []
    for truth in sorted(truths, key=lambda truth: truth.__qualname__):
        path = f"{truth.__module__.replace('.', '/')}.py"
        methods = classes(Path(inspect.getfile(truth)).read_text(encoding="utf-8"))[truth.__name__].body
        given = tuple(node for part in methods if "forward" in bound(part) for node in ast.walk(part))
        for part in methods:
            if isinstance(part, ast.FunctionDef) and part.name in ("backward", "local"):
                name, body = f"{truth.__name__}.{part.name}", body_of(part)
                place, functions = f"{path}, {name}", ((name, body),)
                answer = Answer(
                    place, tuple(_statements(body)), (body,), functions, given, truths=(truth.__name__,)
                )
                answers.append(answer)
    return answers


def _answers_of_notebook(path: Path) -> Iterator[Answer]:
    """Each with the code that students see between the exercise's graded cell and the one before it."""
    waiting: list[Answer] = []
    given: list[ast.AST] = []
    for place, cell in cells(path.relative_to(path.parents[2]).as_posix(), path.read_bytes()):
        source, about = source_of(cell), nbgrader_metadata(cell)
        hidden = [match[3] for match in MARKED.finditer(source)]
        shown = MARKED.sub(r"\1pass", source)
        if about.get("solution") and not hidden:  # nbgrader puts its stub in place of the whole cell
            hidden, shown = [source], ""
        if cell["cell_type"] == "code":
            waiting += [_answer_in_code(place, source)] if hidden else []
            given += ast.walk(parse_cell(shown) or ast.Module([], []))
        elif hidden:
            waiting.append(Answer(place, sentences=tuple(_sentences(hidden))))
        if about.get("grade"):
            truths = tuple(_truths(given))
            yield from (replace(answer, given=tuple(given), truths=truths) for answer in waiting)
            waiting, given = [], []
    yield from (replace(answer, given=tuple(given)) for answer in waiting)


def _truths(given: Iterable[ast.AST]) -> Iterator[str]:
    """The names of the right classes of what is checked in some code."""
    known = all_exercises()
    for node in given:
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "check"
            and node.args
        ):
            exercise = known.get(getattr(node.args[0], "value", ""))
            if exercise and isinstance(exercise.truth, type):
                yield exercise.truth.__name__


def body_of(function: ast.FunctionDef) -> tuple[ast.stmt, ...]:
    """A function's statements without its docstring."""
    return tuple(function.body[ast.get_docstring(function) is not None :])


def functions_in(tree: ast.Module) -> Iterator[tuple[str, tuple[ast.stmt, ...]]]:
    """The functions at the top level of a cell or a file and in its classes, by name, with their bodies."""
    for top in tree.body:
        before = f"{top.name}." if isinstance(top, ast.ClassDef) else ""
        for node in top.body if isinstance(top, ast.ClassDef) else [top]:
            if isinstance(node, ast.FunctionDef):
                yield before + node.name, body_of(node)


def _answer_in_code(place: str, source: str) -> Answer:
    tree = parse_cell(source) or ast.Module([], [])
    rows = {row for match in MARKED.finditer(source) for row in range(*_rows(source, match))}
    statements = [node for node in _statements(tree.body) if not rows or node.lineno in rows]
    inside = {id(part) for node in statements for part in ast.walk(node) if part is not node}
    runs = [
        tuple(part for part in block if part in statements and id(part) not in inside)
        for block in blocks_in(tree)
    ]
    answer = {id(node) for node in statements}
    functions = [
        (name, body)
        for name, body in functions_in(tree)
        if any(id(part) in answer for node in body for part in ast.walk(node))
    ]
    return Answer(place, tuple(statements), tuple(filter(None, runs)), tuple(functions))


def blocks_in(tree: ast.AST) -> Iterator[list[ast.stmt]]:
    """Every list of statements that follow one another."""
    for node in ast.walk(tree):
        for field in ("body", "orelse", "finalbody"):
            block = getattr(node, field, None)
            if isinstance(block, list) and block:
                yield block


def _rows(source: str, match: re.Match[str]) -> tuple[int, int]:
    return source.count("\n", 0, match.start()) + 1, source.count("\n", 0, match.end()) + 2


def _statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements and those inside of them, without strings that stand by themselves."""
    for part in body:
        nodes = [node for node in ast.walk(part) if isinstance(node, ast.stmt)]
        yield from (
            node
            for node in nodes
            if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        )


def _sentences(texts: list[str]) -> Iterator[str]:
    for text in texts:
        yield from (" ".join(sentence.split()) for sentence in SENTENCE.split(text))
