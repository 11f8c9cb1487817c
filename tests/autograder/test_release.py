"""The released notebook: reproducible, and without answers."""

import difflib
import json
from pathlib import Path

import nbformat
import pytest

from autograder.gradebook.grades import read_grades
from autograder.handing_out.assignment import generate
from autograder.running.engine import grade
from autograder.settings import Settings

ASSIGNMENTS = sorted(path.parent.name for path in Path(__file__).parents[2].glob("solutions/*/*.ipynb"))


def _normal(path: Path) -> list[str]:
    return json.dumps(json.loads(path.read_text()), indent=1, sort_keys=True, ensure_ascii=False).splitlines()


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_committed_release_is_what_nbgrader_generates(tmp_path, root, name):
    made = generate(Settings(root, tmp_path / "work", tmp_path / "release"), name) / f"{name}.ipynb"
    committed = root / "assignments" / name / f"{name}.ipynb"
    assert committed.is_file(), f"assignments/{name} is not there: autograder generate {name}"
    difference = list(
        difflib.unified_diff(_normal(committed), _normal(made), "committed", "generated", lineterm="", n=1)
    )
    assert not difference, (f"assignments/{name} is out of date: autograder generate {name}\n") + "\n".join(
        difference[:40]
    )


def test_generating_twice_gives_the_same_bytes(tiny):
    path = generate(tiny.settings, "tiny") / "tiny.ipynb"
    first = path.read_bytes()
    generate(tiny.settings, "tiny")
    assert path.read_bytes() == first


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_release_holds_no_solution(root, name):
    released = nbformat.read(root / "assignments" / name / f"{name}.ipynb", as_version=4)
    source = nbformat.read(root / "solutions" / name / f"{name}.ipynb", as_version=4)
    handed_out = "\n".join(cell.source for cell in released.cells)
    answers = [
        line.strip()
        for cell in source.cells
        for line in _between(cell.source, "SOLUTION") + _between(cell.source, "HIDDEN TESTS")
    ]
    given = "\n".join(
        cell.source
        for cell in source.cells
        if cell.metadata.nbgrader.locked and not cell.metadata.nbgrader.grade
    )
    assert len(answers) > 15
    assert not [line for line in answers if len(line) > 6 and line in handed_out and line not in given]
    written = next(cell.source for cell in source.cells if cell.metadata.nbgrader.grade_id == "written")
    assert written not in handed_out
    assert not [cell for cell in released.cells if cell.get("outputs")]


def _between(source: str, what: str) -> list[str]:
    _, _, rest = source.partition(f"### BEGIN {what}\n")
    return rest.partition(f"### END {what}")[0].splitlines()


@pytest.mark.parametrize(
    "name", [ASSIGNMENTS[0], *(pytest.param(name, marks=pytest.mark.slow) for name in ASSIGNMENTS[1:])]
)
def test_solution_earns_everything_but_the_written_answer(tmp_path, root, name):
    settings = Settings(root, tmp_path / "work", tmp_path / "release").prepare()
    folder = settings.submitted / "solution" / name
    folder.mkdir(parents=True)
    (folder / f"{name}.ipynb").write_bytes((settings.source / name / f"{name}.ipynb").read_bytes())
    (outcome,) = grade(settings, name, ["solution"])
    assert outcome.problem is None
    points = read_grades(settings, name)
    assert points["solution"].points == {**points.most, "written": None}
