"""The released notebook: reproducible, and without answers."""

import difflib
import json
from pathlib import Path

import nbformat
import pytest

from autograder.assignment import generate
from autograder.engine import grade
from autograder.points import read_points
from autograder.settings import Settings

pytestmark = pytest.mark.xdist_group("demo")


def _normal(path: Path) -> list[str]:
    return json.dumps(json.loads(path.read_text()), indent=1, sort_keys=True, ensure_ascii=False).splitlines()


@pytest.mark.parametrize("name", sorted(path.parent.name for path in Path(__file__).parents[2].glob("solutions/*/*.ipynb")))
def test_committed_release_is_what_nbgrader_generates(tmp_path, root, name):
    made = generate(Settings(root, tmp_path / "work", tmp_path / "release"), name) / f"{name}.ipynb"
    committed = root / "assignments" / name / f"{name}.ipynb"
    assert committed.is_file(), f"assignments/{name} is not there: autograder generate {name}"
    difference = list(difflib.unified_diff(_normal(committed), _normal(made), "committed", "generated", lineterm="", n=1))
    assert not difference, f"assignments/{name} is out of date: autograder generate {name}\n" + "\n".join(difference[:40])


def test_generating_twice_gives_the_same_bytes(tiny):
    path = generate(tiny.settings, "tiny") / "tiny.ipynb"
    first = path.read_bytes()
    generate(tiny.settings, "tiny")
    assert path.read_bytes() == first


def test_release_holds_no_solution(demo):
    released = nbformat.read(demo.settings.released / "01_graphs" / "01_graphs.ipynb", as_version=4)
    source = nbformat.read(demo.settings.source / "01_graphs" / "01_graphs.ipynb", as_version=4)
    handed_out = "\n".join(cell.source for cell in released.cells)
    answers = [
        line.strip()
        for cell in source.cells
        for line in _between(cell.source, "SOLUTION") + _between(cell.source, "HIDDEN TESTS")
    ]
    assert len(answers) > 20
    assert not [line for line in answers if line and line in handed_out]
    written = next(cell.source for cell in source.cells if cell.metadata.nbgrader.grade_id == "written")
    assert written not in handed_out
    assert not [cell for cell in released.cells if cell.get("outputs")]


def _between(source: str, what: str) -> list[str]:
    _, _, rest = source.partition(f"### BEGIN {what}\n")
    return rest.partition(f"### END {what}")[0].splitlines()


def test_solution_earns_everything_but_the_written_answer(tmp_path, root):
    settings = Settings(root, tmp_path / "work", tmp_path / "release").prepare()
    folder = settings.submitted / "solution" / "01_graphs"
    folder.mkdir(parents=True)
    (folder / "01_graphs.ipynb").write_bytes((settings.source / "01_graphs" / "01_graphs.ipynb").read_bytes())
    (outcome,) = grade(settings, "01_graphs", ["solution"])
    assert outcome.problem == ""
    row = read_points(settings, "01_graphs")["solution"]
    assert (row.total, row.points["written"]) == (95, None)
