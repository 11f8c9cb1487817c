"""Exports: the files that Canvas and Moodle import, read back."""

import csv
import shutil
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from autograder.cli import app
from autograder.errors import AutograderError
from autograder.gradebook.database import open_gradebook
from autograder.pages.exports import plain, write_export
from autograder.quiet import quiet
from tests.autograder.fabricated import FabricatedClass, Work

CLASS = [
    Work("ada", written=5.0, first_name="Ada", last_name="Lovelace", email="ada@example.edu", lms_id="4711"),
    Work("bob", {"add": {"∂L/∂x": ""}}, written=3.5, penalty=1.0),
    Work("cyd"),
    Work("dan", problem="graphs.ipynb is not JSON"),
    Work(
        "eve",
        written=0.0,
        first_name='=HYPERLINK("http://far.example")',
        last_name="+Points Possible",
        email="@SUM(1)",
    ),
]


@pytest.fixture
def graphs(tmp_path, root, monkeypatch) -> FabricatedClass:
    shutil.copy(root / "nbgrader_config.py", tmp_path)
    monkeypatch.chdir(tmp_path)
    course = FabricatedClass(tmp_path)
    course.add(*CLASS)
    with quiet(course.settings.log), open_gradebook(course.settings) as gradebook:
        gradebook.add_student("fay")
    return course


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


LEFT_OUT = {"cyd": "waits for a person", "dan": "could not be graded", "fay": "handed in nothing"}


def test_canvas_finds_its_columns(graphs, tmp_path):
    assert write_export(graphs.settings, "graphs", "canvas", tmp_path / "c.csv", "Graphs (99)") == LEFT_OUT
    head, most, ada, bob, eve = read(tmp_path / "c.csv")
    assert head == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Graphs (99)"]
    assert most == ["    Points Possible", "", "", "", "", "25"]
    assert ada == ["Lovelace, Ada", "4711", "", "ada", "", "25"]
    assert bob == ["bob", "", "", "bob", "", "19.5"]
    assert eve == ['\'+, =HYPERLINK("http://far.example")', "", "", "eve", "", "20"]


def test_moodle_finds_its_columns(graphs, tmp_path):
    assert write_export(graphs.settings, "graphs", "moodle", tmp_path / "m.csv", "Graphs") == LEFT_OUT
    head, ada, bob, eve = read(tmp_path / "m.csv")
    assert head == ["Username", "ID number", "Email address", "First name", "Last name", "Graphs"]
    assert ada == ["ada", "4711", "ada@example.edu", "Ada", "Lovelace", "25"]
    assert bob == ["bob", "", "", "", "", "19.5"]
    assert eve == ["eve", "", "'@SUM(1)", '\'=HYPERLINK("http://far.example")', "'+Points Possible", "20"]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r@", " \n-", "\x00=", "＝", "\u200b="])
def test_a_formula_becomes_text(start):
    assert plain(f"{start}1+1").startswith("'")
    assert "\n" not in plain(f"{start}1\n+1")


def test_an_ordinary_name_stays():
    assert plain("O'Hara-Müller, José") == "O'Hara-Müller, José"


def test_nbgraders_own_command_takes_the_plugin(graphs, tmp_path):
    command = [
        sys.executable,
        "-m",
        "nbgrader",
        "export",
        "--exporter=autograder.pages.exports.CanvasExportPlugin",
        "--to=own.csv",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    assert [row[3] for row in read(tmp_path / "own.csv")] == ["SIS Login ID", "", "ada", "bob", "eve"]


def test_the_command_writes_the_file_and_names_who_is_left_out(graphs):
    result = CliRunner().invoke(app, ["export", "graphs", "--for", "moodle"], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    assert read(graphs.settings.folder / "exports" / "graphs-moodle.csv")[0][-1] == "graphs"
    assert "cyd: left out, waits for a person" in result.stderr
    wrong = CliRunner().invoke(app, ["export", "graphs", "--for", "blackboard"])
    assert (wrong.exit_code, wrong.stderr) == (
        2,
        "autograder: there is no export for 'blackboard': canvas or moodle\n",
    )


def test_nobody_is_final_yet(graphs, tmp_path):
    for student in ("ada", "bob", "eve"):
        graphs.add(Work(student))
    with pytest.raises(
        AutograderError,
        match=r"nobody has final points in 'graphs' yet \(waits for a person: 4, could not "
        r"be graded: 1",
    ):
        write_export(graphs.settings, "graphs", "canvas", tmp_path / "c.csv", "graphs")
    assert not (tmp_path / "c.csv").exists()
