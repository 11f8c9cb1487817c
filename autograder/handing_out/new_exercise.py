"""A new exercise in an assignment: four cells, from its definition in the bank and the library's class."""

import ast
import builtins
import inspect
import random
import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from autograder.errors import AutograderError
from autograder.gradebook.notebooks import nbgrader_metadata
from autograder.settings import Settings
from course.checking.part import Part
from course.exercises import Exercise, find_exercise

KEPT = {"__init__", "forward", "backward"}
"""The methods of the library's class that the answer shows."""


@dataclass(frozen=True)
class Added:
    """The notebook, its points now, and names that the answer uses and no cell of the notebook defines."""

    path: Path
    points: float
    missing: list[str]


def add_exercise(settings: Settings, assignment: str, name: str) -> Added:
    """Put an exercise at the end of an instructor's notebook.

    Its cells are the task, the answer with the solution marked, the picture, and the check.

    Raises:
        AutograderError: there is no such exercise or assignment, it is there already, or it asks for no class
            of the library, so that its cells have to be written by hand.
    """
    path = settings.source / assignment / f"{assignment}.ipynb"
    try:
        exercise = find_exercise(name)
    except KeyError as error:
        cause = f"is in no file of course/exercises/bank/ ({error.args[0]})"
        raise AutograderError(f"exercise '{name}'", cause, "define it in one") from error
    notebook = nbformat.read(path, as_version=4)
    there = {nbgrader_metadata(cell).get("grade_id") for cell in notebook.cells}
    if name in there:
        raise AutograderError(f"'{name}'", f"is in {path.name} already", "edit its cells there")
    if not inspect.isclass(exercise.truth):
        cure = "write its cells by hand, as those of 'graph' in 01_graphs"
        raise AutograderError(f"'{name}'", "asks for no class of the library", cure)
    number = 1 + sum(bool(re.match(r"## \d+\. ", cell.source)) for cell in notebook.cells)
    end = next((place for place, cell in enumerate(notebook.cells) if cell.id == "end"), len(notebook.cells))
    missing = _missing(
        _answer(exercise.truth), [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    )
    notebook.cells[end:end] = _cells(exercise, number)
    total = sum(nbgrader_metadata(cell).get("points", 0) for cell in notebook.cells)
    _note_in_title(notebook.cells[0], exercise, number, total)
    nbformat.write(notebook, path)
    return Added(path, total, missing)


def _cells(exercise: Exercise, number: int) -> list[NotebookNode]:
    name, kind = exercise.name, exercise.truth.__name__
    asked = [tensor for name in exercise.points if (tensor := Part.called(name).tensor)]
    task = f"## {number}. {kind} ({exercise.max_points:g} points)\n\n"
    task += f"$$ {exercise.truth.formula} $$\n\n" if exercise.truth.formula else ""
    wanted = ", ".join(f"${_formula(tensor)}$" for tensor in asked)
    task += f"`forward` is given. Write `backward`: {wanted}, "
    task += (
        f"each in the shape of what it is the gradient of. Derived in lecture {exercise.truth.lecture:02}."
    )
    seed = random.Random(name).randint(1000, 9999)
    test = f"""
        score = check("{name}", {kind})
        ### BEGIN HIDDEN TESTS
        score = min(score, check("{name}", {kind}, seed={seed}, show=False))
        ### END HIDDEN TESTS
        score
        """
    return [
        _cell(new_markdown_cell(task), f"{name}_task", locked=True),
        _cell(new_code_cell(_answer(exercise.truth)), name, solution=True),
        _cell(new_code_cell(f'picture("{name}", {kind})'), f"{name}_picture", locked=True),
        _cell(
            new_code_cell(textwrap.dedent(test).strip()),
            f"{name}_test",
            locked=True,
            points=exercise.max_points,
        ),
    ]


def _formula(tensor: str) -> str:
    shown = tensor if len(tensor) == 1 else rf"\text{{{tensor}}}"
    return rf"\partial L/\partial {shown}"


def _cell(
    cell: NotebookNode,
    name: str,
    *,
    locked: bool = False,
    solution: bool = False,
    points: float | None = None,
) -> NotebookNode:
    cell.id = name.replace("_", "-")
    about = {
        "grade": points is not None,
        "grade_id": name,
        "locked": locked,
        "schema_version": 3,
        "solution": solution,
    }
    cell.metadata["nbgrader"] = {**about, "task": False, **({} if points is None else {"points": points})}
    return cell


def _answer(truth: type) -> str:
    """The library's class as a student would write it, its backward between the marks of a solution."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(truth))).body
    assert isinstance(tree, ast.ClassDef)
    tree.body = [part for part in tree.body if isinstance(part, ast.FunctionDef) and part.name in KEPT]
    for method in tree.body:
        assert isinstance(method, ast.FunctionDef)
        method.returns, method.decorator_list = None, []
        for argument in [*method.args.args, *method.args.kwonlyargs]:
            argument.annotation = None
        if ast.get_docstring(method) is not None:
            method.body = method.body[1:]
    shown = [f"class {tree.name}(Module):"]
    for method in tree.body:
        assert isinstance(method, ast.FunctionDef)
        head, *body = ast.unparse(method).splitlines()
        if method.name == "backward":
            body = ["    ### BEGIN SOLUTION", *body, "    ### END SOLUTION"]
        shown += ["", *(f"    {line}" for line in (head, *body))]
    return "\n".join(shown).replace(":\n\n", ":\n", 1)


def _missing(answer: str, cells: list[str]) -> list[str]:
    """The names that an answer reads and neither it nor the notebook's cells define."""
    known, read = set(vars(builtins)), set()
    for source in (*cells, answer):
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.alias):
                known.add((node.asname or node.name).split(".")[0])
            elif isinstance(node, ast.arg):
                known.add(node.arg)
            elif isinstance(node, ast.ClassDef | ast.FunctionDef):
                known.add(node.name)
            elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                known.add(node.id)
            elif isinstance(node, ast.Name) and source is answer:
                read.add(node.id)
    return sorted(read - known)


def _note_in_title(title: NotebookNode, exercise: Exercise, number: int, total: float) -> None:
    """A line in the table of exercises, and the points of the whole."""
    lines = title.source.splitlines()
    last = max((place for place, line in enumerate(lines) if line.startswith("|")), default=len(lines) - 1)
    lines.insert(last + 1, f"| {number} | `{exercise.truth.__name__}.backward` | {exercise.max_points:g} |")
    title.source = re.sub(r"(\*\*Points:\*\*) [\d.]+", rf"\1 {total:g}", "\n".join(lines))
