"""The bundle: complete, without answers, and the same bytes each time.

It runs where nothing else of the course is.
"""

import ast
import contextlib
import importlib.metadata
import io
import json
import os
import re
import signal
import stat
import subprocess
import sys
import sysconfig
import time
import tomllib
import urllib.request
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import nbformat
import pytest
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from typer.testing import CliRunner

from autograder.cli import app
from autograder.errors import AnswersFoundError, AutograderError
from autograder.handing_out import bundle, bundle_pages
from autograder.handing_out.edition import edition_files
from autograder.settings import Settings
from course.exercises import all_exercises
from tests.autograder.conftest import AUTOGRADER, TINY
from tests.conftest import ROOT

pytestmark = pytest.mark.xdist_group("bundle")

PROBE = Path(__file__).with_name("bundle_probe.py")
NAMES = sorted(path.parent.name for path in ROOT.glob("solutions/*/*.ipynb"))
ELSEWHERE = {
    "TZ": "Asia/Tokyo",
    "LC_ALL": "C",
    "PYTHONUTF8": "0",
    "PYTHONCOERCECLOCALE": "0",
    "PYTHONHASHSEED": "7",
}


@dataclass(frozen=True)
class Made:
    """What the command wrote, and what it said."""

    path: Path
    said: str

    def read(self):
        with zipfile.ZipFile(self.path) as archive:
            return {name.removeprefix(f"{bundle.FOLDER}/"): archive.read(name) for name in archive.namelist()}


def start(path, *names, cwd=ROOT, umask=-1, **environment):
    command = [*AUTOGRADER, "bundle", *names, "--to", path]
    return subprocess.Popen(
        command,
        cwd=cwd,
        umask=umask,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The bundle, and the same made elsewhere: another folder, time zone, umask, locale and order of sets."""
    folder = tmp_path_factory.mktemp("bundle")
    paths = folder / "students.zip", folder / "new" / "again.zip"
    started = start(paths[0]), start(paths[1], cwd=ROOT / "lectures", umask=0o077, **ELSEWHERE)
    said = [process.communicate(timeout=300)[0] for process in started]
    assert [process.returncode for process in started] == [0, 0], said
    return [Made(path, text) for path, text in zip(paths, said, strict=True)]


@pytest.fixture(scope="module")
def files(made):
    return made[0].read()


@pytest.fixture(scope="module")
def student(made, tmp_path_factory):
    """The unpacked bundle, and a Python that has its packages: the environment that environment.yml makes."""
    folder = tmp_path_factory.mktemp("student")
    with zipfile.ZipFile(made[0].path) as archive:
        archive.extractall(folder)
    venv.create(folder / "venv", symlinks=True)
    (site,) = folder.glob("venv/**/site-packages")
    # .pth files in there are not read, so that what they install is not found
    packages = sysconfig.get_path("purelib")
    (site / "student.pth").write_text(f"{packages}\n{folder / bundle.FOLDER}\n")
    return folder / bundle.FOLDER, folder / "venv" / "bin" / "python"


def as_student(student, *command, seconds=600):
    folder, python = student
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "COURSE", "JUPYTER"))
    }
    environment["JUPYTER_PLATFORM_DIRS"] = "1"
    return subprocess.run(
        [python, *command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def meet(student, out, *parts):
    """What a student meets: a lecture, assignments as they were released, an exercise after it is solved."""
    done = as_student(student, PROBE, student[0], out, *parts)
    assert done.returncode == 0, done.stderr
    return json.loads(out.read_text())


@pytest.fixture(scope="module")
def met(student, tmp_path_factory):
    """A lecture, the first assignment, and then an exercise of it."""
    return meet(student, tmp_path_factory.mktemp("met") / "met.json", "lecture", NAMES[0], "solved")


# What is in it


def test_it_holds_what_students_need(files):
    rooms = {PurePosixPath(path).parts[0] for path in files}
    single = {
        "LICENSE",
        "LICENSE-NOTEBOOKS",
        "README.md",
        "constraints.txt",
        "environment.yml",
        "pyproject.toml",
    }
    assert rooms == {"assignments", "course", "docs", "lectures"} | single
    assert {path for path in files if path.startswith("assignments/")} == {
        f"assignments/{n}/{n}.ipynb" for n in NAMES
    }
    lectures = {
        path.relative_to(ROOT).as_posix() for path in ROOT.glob("lectures/*") if not path.name.startswith(".")
    }
    assert {path for path in files if path.startswith("lectures/")} == lectures
    assert {path: text for path, text in files.items() if path.startswith("course/")} == edition_files()


def test_it_holds_nothing_of_the_instructors(files):
    paths = "\n".join(files)
    assert not re.search(
        r"solution|autograder/|test|gradebook|\.db|__pycache__|\.pyc|checkpoint|nbgrader_config|\.git", paths
    )
    everything = b"\n".join(files.values()).decode()
    assert "import autograder" not in everything
    assert "BEGIN SOLUTION" not in everything
    for folder in (ROOT, Path(sys.prefix), Path.home() / ""):
        assert f"{folder}/" not in everything
    assert not re.search(r"(?<![\w.])/(root|home|Users|tmp|work)/\w", everything)
    assert not [path for path, text in files.items() if path.endswith(".ipynb") and b'"output_type"' in text]


def test_pages_lead_to_what_is_there(files):
    for path, content in files.items():
        if path.endswith((".md", ".ipynb")):
            assert bundle_pages.without_dead_links(path, content, files) == content
    index = files["lectures/index.md"].decode()
    assert re.findall(r"\.\./assignments/(\w+)/", index) == NAMES


def test_the_reference_leaves_out_what_is_asked_for(files):
    page = files["docs/modules.md"].decode()
    sections = dict(re.findall(r"^### (\w+)\n(.*?)(?=^### |\Z)", page, re.MULTILINE | re.DOTALL))
    asked = {
        exercise.truth.__name__ for exercise in all_exercises().values() if isinstance(exercise.truth, type)
    } & sections.keys()
    assert len(asked) > 5
    assert not [name for name in asked if "∂" in sections[name]]
    assert "∂L/∂x = g · sign(x)" in sections["Abs"]
    assert "make " not in page
    assert "for each input by the other" not in page  # what Multiply's file begins with


def test_it_installs_what_the_course_needs_and_no_grading(files):
    ours = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    project = tomllib.loads(files["pyproject.toml"].decode())
    assert project["project"]["dependencies"] == ours["dependencies"]
    assert not project["project"].keys() & {"scripts", "optional-dependencies"}
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["packages"] == ["course"]
    assert {
        *wheel["force-include"],
        "course/jupyter/settings.json",
        "README.md",
        "LICENSE",
        "LICENSE-NOTEBOOKS",
    } <= files.keys()
    assert set(project["project"]["license-files"]) <= files.keys()
    environment = yaml.safe_load(files["environment.yml"])
    assert environment == yaml.safe_load((ROOT / "environment.yml").read_text())
    assert "torch==" in files["constraints.txt"].decode()
    assert "[dev]" not in files["constraints.txt"].decode()


def test_a_tool_among_what_is_installed_is_noticed():
    with pytest.raises(AutograderError, match="installs the autograder for students, too: 'x = "):
        bundle._project('[project]\nname = "a"\n[project.entry-points.y]\nx = "autograder.x"\n')


# The same bytes each time


def test_the_same_bytes_whenever_and_wherever(made):
    first, second = (one.path.read_bytes() for one in made)
    assert first == second
    assert len(first) < 2e6


def test_times_rights_and_order_are_fixed(made):
    with zipfile.ZipFile(made[0].path) as archive:
        entries = archive.infolist()
    assert [entry.filename for entry in entries] == sorted(entry.filename for entry in entries)
    assert {entry.date_time for entry in entries} == {bundle.DATE}
    assert {entry.external_attr >> 16 for entry in entries} == {0o100644}
    assert {(entry.create_system, entry.compress_type) for entry in entries} == {(3, zipfile.ZIP_DEFLATED)}
    assert all(entry.filename.startswith(f"{bundle.FOLDER}/") for entry in entries)


def test_it_says_where_it_is(made):
    for one in made:
        assert re.fullmatch(rf"{re.escape(str(one.path))}: \d+ files, \d+ kB\n", one.said)
    assert stat.S_IMODE(made[1].path.stat().st_mode) == 0o600  # the zip itself obeys the umask


# It runs on its own


def test_only_its_own_library_is_found(student, met):
    folder, _ = student
    assert met["autograder"] is False
    notebooks = [met["lecture"], met[NAMES[0]], met["solved"]]
    assert {ast.literal_eval(cells["where"]) for cells in notebooks} == {
        str(folder / "course" / "__init__.py")
    }


def test_a_lecture_runs(met):
    assert len(met["lecture"]) > 10


@pytest.mark.parametrize(
    "name", [NAMES[0], *(pytest.param(name, marks=pytest.mark.slow) for name in NAMES[1:])]
)
def test_an_assignment_runs_as_it_was_released(student, met, name, tmp_path):
    cells = met[name] if name in met else meet(student, tmp_path / "met.json", name)[name]
    checks = {cell: said for cell, said in cells.items() if cell.endswith("-test")}
    assert len(checks) >= 4
    for cell, said in checks.items():
        assert "not written yet" in said, cell
        assert said.endswith("\n0.0"), cell
    assert ast.literal_eval(cells["where"]) == str(student[0] / "course" / "__init__.py")


def test_a_solved_exercise_earns_its_points(met):
    assert met["solved"]["multiply-test"].endswith("\n12.0")


@pytest.mark.slow
def test_validate_says_what_is_missing(student, met):
    """After one exercise is solved, all others are."""
    done = as_student(student, "-m", "nbgrader", "validate", "assignments/01_graphs/01_graphs.ipynb")
    assert "VALIDATION FAILED ON 7 CELL(S)" in done.stdout, done.stdout + done.stderr
    assert 'check("add", Add)' in done.stdout
    assert "Multiply" not in done.stdout


def pypi_answers():
    try:
        with urllib.request.urlopen("https://pypi.org/simple/hatchling/", timeout=10):
            return True
    except OSError:
        return False


@pytest.mark.slow
def test_pip_installs_it_with_what_jupyterlab_loads(made, tmp_path):
    if not pypi_answers():
        pytest.skip("no network: pip fetches hatchling, which installs the folder, from PyPI")
    with zipfile.ZipFile(made[0].path) as archive:
        archive.extractall(tmp_path)
    venv.create(tmp_path / "venv", symlinks=True)
    python = tmp_path / "venv" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--editable"]
    subprocess.run([*pip, tmp_path / bundle.FOLDER], check=True, timeout=300)
    (site,) = tmp_path.glob("venv/**/site-packages")
    (distribution,) = importlib.metadata.distributions(path=[str(site)])
    assert distribution.name == "modular-learning"
    assert not [entry for entry in distribution.entry_points if "autograder" in entry.value]
    assert (site / "modular_learning_server.py").is_file()
    assert (tmp_path / "venv/share/jupyter/lab/settings/overrides.d/modular-learning.json").is_file()
    find = "import importlib.util; print(importlib.util.find_spec('course').origin)"
    found = subprocess.run(
        [python, "-I", "-c", find], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == str(tmp_path / bundle.FOLDER / "course" / "__init__.py")


# Answers are refused


@pytest.fixture(scope="module")
def solution():
    """A line of the instructor's notebook."""
    text = (ROOT / "solutions/01_graphs/01_graphs.ipynb").read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if "self.theta.grad += " in line)
    return json.loads(line.strip().rstrip(","))


@pytest.mark.parametrize(
    "place", ["course/modules/abs.py", "lectures/a.ipynb", "lectures/glossary.md", "README.md"]
)
def test_an_answer_anywhere_stops_it(solution, place):
    texts = {".py": f"def f(self):\n{solution}", ".md": f"Like this:\n```python\n{solution.strip()}\n```\n"}
    code = nbformat.writes(new_notebook(cells=[new_code_cell(f"def f():\n{solution}", id="here")]))
    with pytest.raises(AnswersFoundError) as found:
        bundle.require_no_answers(ROOT / "solutions", {place: texts.get(Path(place).suffix, code).encode()})
    assert str(found.value).startswith(place)
    assert solution.strip() in str(found.value)
    assert "solutions/01_graphs/01_graphs.ipynb, cell 'cosine-unit'" in str(found.value)


def test_a_hidden_test_or_its_mark_stops_it():
    solutions = ROOT / "solutions"
    hidden = b'score = min(score, check("add", Add, seed=1847, show=False))'
    with pytest.raises(AnswersFoundError, match="cell 'add-test'"):
        bundle.require_no_answers(solutions, {"course/a.py": hidden})
    with pytest.raises(AnswersFoundError, match=r"course/a\.js: holds 'BEGIN HIDDEN TESTS'"):
        bundle.require_no_answers(solutions, {"course/a.js": b"// BEGIN HIDDEN TESTS"})


# The command


class SmallCourse:
    """A course with one lecture and one assignment, whose library is the real one."""

    def __init__(self, root: Path):
        self.root, self.settings = root, Settings(root)
        (root / "solutions" / "tiny").mkdir(parents=True)
        (root / "lectures").mkdir()
        (root / "nbgrader_config.py").write_text("")
        for name in ("LICENSE", "LICENSE-NOTEBOOKS", "pyproject.toml", "environment.yml", "constraints.txt"):
            (root / name).write_bytes((ROOT / name).read_bytes())
        self.lecture("x = 1")
        self.index("- [First](01_first.ipynb)\n- [Tiny](../assignments/tiny/tiny.ipynb) (an hour)\n")
        notebook = new_notebook(cells=[cell.copy() for cell in TINY])
        notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(notebook, root / "solutions" / "tiny" / "tiny.ipynb")

    def index(self, text):
        (self.root / "lectures" / "index.md").write_text(f"# Course\n\n{text}")

    def lecture(self, code, words="# First"):
        cells = [new_markdown_cell(words, id="title"), new_code_cell(code, id="code")]
        cells[1].outputs = [nbformat.v4.new_output("stream", text="what it printed here\n")]
        nbformat.write(new_notebook(cells=cells), self.root / "lectures" / "01_first.ipynb")


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A small course, in which we stand, with its assignment generated."""
    root = tmp_path / "small"
    course = SmallCourse(root)
    monkeypatch.chdir(root)
    monkeypatch.setattr(
        "autograder.handing_out.bundle.edition_files", lambda: {"course/__init__.py": b"value = 1\n"}
    )
    assert run("generate", "tiny").exit_code == 0
    return course


def run(*arguments):
    result = CliRunner().invoke(
        app, list(map(str, arguments)), env={"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}
    )
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def unpacked(path):
    with zipfile.ZipFile(path) as archive:
        return {
            name.removeprefix(f"{bundle.FOLDER}/"): archive.read(name).decode() for name in archive.namelist()
        }


def test_it_is_written_to_dist(small):
    result = run("bundle")
    path = small.root / "dist" / "students.zip"
    assert result.output.startswith(f"{path}: 10 files, ")
    assert os.listdir(path.parent) == ["students.zip"]
    assert "what it printed here" not in unpacked(path)["lectures/01_first.ipynb"]


def test_pages_of_ones_own_are_left_at_home(small):
    (small.root / "lectures" / "my_notes.md").write_text("for me")
    (small.root / "lectures" / "Untitled.ipynb").write_text("{}")
    (small.root / "assignments" / "tiny" / "notes.txt").write_text("for me")
    small.lecture(
        "x = 1", "# First\n\n![a curve](curve.png) and [more](more.md), [gone](gone.md), $f[0](x.y)$"
    )
    (small.root / "lectures" / "curve.png").write_bytes(b"a picture")
    (small.root / "lectures" / "more.md").write_text(
        "[back](index.md), [elsewhere](https://example.org/a.md)"
    )
    assert run("bundle").exit_code == 0
    files = unpacked(small.root / "dist" / "students.zip")
    assert not [path for path in files if "notes" in path or "Untitled" in path]
    assert {"lectures/curve.png", "lectures/more.md"} <= files.keys()
    assert files["lectures/more.md"] == "[back](index.md), [elsewhere](https://example.org/a.md)"
    assert "and [more](more.md), gone, " in files["lectures/01_first.ipynb"]


def test_some_assignments_only(small):
    second = small.root / "solutions" / "second"
    second.mkdir()
    text = (small.root / "solutions" / "tiny" / "tiny.ipynb").read_text()
    (second / "second.ipynb").write_text(text)
    small.index(
        "- [First](01_first.ipynb)\n- [Tiny](../assignments/tiny/tiny.ipynb)\n- "
        "[2](../assignments/second/second.ipynb)\n"
    )
    result = run("bundle")
    assert (result.exit_code, result.stderr.strip()) == (
        2,
        "autograder: assignments/second/second.ipynb is not there: autograder generate second",
    )
    assert run("bundle", "tiny", "tiny").exit_code == 0
    files = unpacked(small.root / "dist" / "students.zip")
    assert not [path for path in files if "second" in path]
    assert files["lectures/index.md"] == (
        "# Course\n\n- [First](01_first.ipynb)\n- [Tiny](../assignments/tiny/tiny.ipynb)\n"
    )


def test_an_assignment_out_of_date_is_refused(small):
    path = small.root / "solutions" / "tiny" / "tiny.ipynb"
    # a hidden test: students see no difference
    path.write_text(path.read_text().replace("too large", "far too large"))
    assert run("bundle").exit_code == 0
    path.write_text(path.read_text().replace("points = 4.0", "points = 3.0"))
    (small.root / "dist" / "students.zip").unlink()
    result = run("bundle")
    assert result.exit_code == 2
    assert result.stderr.strip() == (
        "autograder: assignments/tiny/tiny.ipynb is out of date: autograder generate tiny"
    )
    assert not (small.root / "dist" / "students.zip").exists()


def test_an_answer_in_a_lecture_is_named_and_nothing_is_written(small):
    small.lecture("assert first < 1000, 'too large'\nfirst = 42\nsecond = 'b'")
    notebook = small.root / "solutions" / "tiny" / "tiny.ipynb"
    notebook.write_text(
        notebook.read_text().replace("first = 42", "first = sum(x * x for x in range(9)) - 2 * 81")
    )
    assert run("generate", "tiny").exit_code == 0
    small.lecture("print(sum(n * n for n in range(9)) - 2 * 81)")
    result = run("bundle")
    assert result.exit_code == 1
    named, told = result.stderr.strip().splitlines()
    assert named.startswith("lectures/01_first.ipynb, cell 'code': 'sum(")
    assert named.endswith("is an answer: solutions/tiny/tiny.ipynb, cell 'first'")
    assert told.startswith("autograder: students would receive these answers; nothing is written")
    assert not (small.root / "dist").exists()


def one_line(result, code=2):
    assert result.exit_code == code, result.output
    (line,) = result.stderr.strip().splitlines()
    return line


def test_what_is_wrong_is_said_in_one_line(small, tmp_path):
    assert one_line(run("bundle", "tinny")) == (
        "autograder: no assignment 'tinny' in solutions/: did you mean 'tiny'?"
    )
    (tmp_path / "file").write_text("")
    line = one_line(run("bundle", "--to", tmp_path / "file" / "students.zip"))
    assert "students.zip cannot be written (" in line
    assert line.endswith("choose another file with --to")
    assert "is a folder: name a file in it" in one_line(run("bundle", "--to", tmp_path))
    small.index("- [Tiny](../assignments/tiny/tiny.ipynb)\n")
    assert one_line(run("bundle")).endswith(
        "lectures/index.md does not lead to lectures/01_first.ipynb: make reference"
    )
    (small.root / "lectures" / "index.md").unlink()
    assert "lectures/index.md is not there" in one_line(run("bundle"))


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_named(small, tmp_path):
    (tmp_path / "closed").mkdir(mode=0o500)
    assert "Permission denied" in one_line(run("bundle", "--to", tmp_path / "closed" / "students.zip"))


def test_stopped_while_writing_leaves_what_was_there(small, monkeypatch):
    assert run("bundle").exit_code == 0
    path = small.root / "dist" / "students.zip"
    before = path.read_bytes()
    small.lecture("x = 2")

    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("autograder.settings.os.replace", stopped)
    assert one_line(run("bundle"), 130) == f"autograder: stopped; {path} is as it was"
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == ["students.zip"]


def test_ctrl_c_leaves_nothing(tmp_path):
    process = start(tmp_path / "students.zip")
    time.sleep(2)
    # Python drops a KeyboardInterrupt that falls into a callback of its own: who sees nothing, presses again
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=5)
            break
    assert process.returncode != 0
    assert os.listdir(tmp_path) == []


def test_the_zip_is_read_by_others(made):
    with zipfile.ZipFile(io.BytesIO(made[0].path.read_bytes())) as archive:
        assert archive.testzip() is None
