"""The command line: help, exit codes, and one clear line for what goes wrong."""

import builtins
import importlib.util
import json
import re
import sys

import pytest
from typer.testing import CliRunner

from autograder.__main__ import main
from autograder.cli import app
from autograder.doctor import kernel_problem
from autograder.errors import Problem

COMMANDS = ("generate", "add", "collect", "grade", "feedback", "report", "export", "bundle", "demo", "doctor")


def _run(*arguments):
    result = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"})
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def _one_line(result, code=2):
    assert result.exit_code == code, result.output
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    return lines[0]


def test_help_lists_exactly_these_commands():
    result = _run("--help")
    assert tuple(re.findall(r"^\W+(\w+)  +[A-Z]", result.output, re.MULTILINE)) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example(command):
    result = _run(command, "--help")
    assert result.exit_code == 0
    assert f"autograder {command}" in result.output.partition("Example")[2]


def test_wrong_usage_exits_with_2():
    assert _run("grade").exit_code == 2
    assert _run("grade", "tiny", "--nonsense").exit_code == 2
    assert _run("report").exit_code == 2


@pytest.mark.parametrize("command", ["generate", "grade", "feedback", "report"])
def test_unknown_assignment_names_the_nearest(tiny, command):
    assert _one_line(_run(command, "tinny")) == (
        "autograder: no assignment 'tinny' in solutions/: did you mean 'tiny'?"
    )
    assert "there are tiny" in _one_line(_run(command, "optimizers"))


def test_nothing_handed_in_says_where_to_put_it(tiny):
    line = _one_line(_run("grade", "tiny"))
    assert line.startswith("autograder: nothing was handed in for 'tiny': put each notebook into ")
    assert "submitted/<student>/tiny/" in line


def test_unknown_student_names_the_nearest(tiny):
    tiny.hand_in("ada")
    assert _one_line(_run("grade", "tiny", "--student", "adda")).endswith("did you mean 'ada'?")


def test_feedback_before_grading_says_to_grade(tiny):
    tiny.hand_in("ada")
    assert _one_line(_run("feedback", "tiny")) == (
        "autograder: nothing of 'tiny' is graded yet: autograder grade tiny"
    )


def test_outside_a_course_says_where_to_go(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert ("is in no course: cd to the folder that holds solutions/ and nbgrader_config.py") in _one_line(
        _run("grade", "tiny")
    )


def test_damaged_gradebook_says_what_to_do(tiny):
    tiny.hand_in("ada")
    tiny.settings.gradebook.write_text("this is no database, whatever its name says" * 50)
    assert "cannot be read" in _one_line(_run("grade", "tiny"))


def test_broken_source_is_named(tiny):
    (tiny.settings.source / "tiny" / "tiny.ipynb").write_text("{")
    line = _one_line(_run("generate", "tiny"))
    assert line.startswith("autograder: 'tiny' could not be generated: ")


def test_missing_package_says_how_to_install_it(monkeypatch, capsys):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "rich" else find_spec(name))
    with pytest.raises(SystemExit) as exit_:
        main()
    assert exit_.value.code == 2
    assert capsys.readouterr().err == (
        f'autograder: rich not installed in {sys.prefix}: pip install "modular-learning[grade]"\n'
    )


def test_package_missing_later_points_to_the_doctor(tiny, monkeypatch):
    real = builtins.__import__

    def without_submissions(name, *rest):
        if name == "autograder.handing_out.assignment":
            raise ModuleNotFoundError("No module named 'nbconvert'", name="nbconvert")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_submissions)
    assert _one_line(_run("generate", "tiny")) == (
        "autograder: nbconvert is not installed: 'autograder doctor' says what to do"
    )


def test_missing_bubblewrap_says_how_to_install_it(tiny, monkeypatch):
    tiny.hand_in("ada")
    problem = Problem("bubblewrap", "is not installed", "do this")
    monkeypatch.setattr("autograder.running.engine.sandbox_problem", lambda: problem)
    assert _one_line(_run("grade", "tiny")) == "autograder: bubblewrap is not installed: do this"


def test_kernel_of_another_environment_is_noticed(tmp_path, monkeypatch):
    folder = tmp_path / "kernels" / "python3"
    folder.mkdir(parents=True)
    spec = {
        "argv": ["/bin/false", "-f", "{connection_file}"],
        "display_name": "Python 3",
        "language": "python",
    }
    (folder / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    said = "the kernel 'python3' runs /bin/false, which has no course, torch or ipykernel: "
    assert str(kernel_problem()).startswith(said)


@pytest.mark.slow
def test_grading_a_class_from_start_to_feedback(tiny):
    tiny.hand_in("ada")
    tiny.hand_in("bob", first="first = 41")
    tiny.path("eve").write_text("{")
    result = _run("grade", "tiny")
    assert result.exit_code == 1
    assert re.search(r"bob +1 +1 +2 *$", result.output, re.MULTILINE)
    assert result.stderr.splitlines()[-1].startswith("eve: tiny.ipynb is not JSON")
    again = _run("grade", "tiny")
    assert "2 of 3 are unchanged since they were graded; --again grades all" in again.output
    assert re.search(r"ada +4 +1 +5 *$", again.output, re.MULTILINE)
    tiny.path("ada").write_text("{")
    kept = _run("grade", "tiny", "--student", "ada")
    assert kept.exit_code == 1
    assert "ada: the earlier grade stands; the new file: tiny.ipynb is not JSON" in kept.output
    assert re.search(r"ada +4 +1 +5 *$", kept.output, re.MULTILINE)
    result = _run("feedback", "tiny")
    assert result.exit_code == 0
    for student in ("ada", "bob", "eve"):
        page = (tiny.settings.feedback / student / "tiny" / "tiny.html").read_text()
        assert "too large" not in page


def test_doctor_finds_this_computer_fine_and_a_stray_folder_not(tiny, tmp_path_factory, monkeypatch):
    well = _run("doctor")
    assert well.exit_code == 0, well.output
    for point in ("Python", "torch", "nbgrader", "kernel", "course", "writing", "sandbox", "Chromium"):
        assert re.search(rf"^[✓–] {point} ", well.output, re.MULTILINE), point
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    ill = _run("doctor")
    assert ill.exit_code == 1
    assert re.search(r"^✗ course .*cd to the folder that holds solutions/", ill.output, re.MULTILINE)
