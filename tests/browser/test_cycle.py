"""The whole cycle once, as a class lives it.

It goes through bundle, JupyterLab, collecting, grading, the formgrader and feedback, and then again.

`CYCLE_SHOTS=folder` keeps pictures of the pages there, to be looked at.
"""

import csv
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import TimeoutError as NotThere
from playwright.sync_api import expect

from autograder.demo.sample_class import read_bank
from autograder.gradebook.grades import read_grades
from autograder.settings import Settings
from tests.autograder.conftest import needs_sandbox
from tests.conftest import ROOT, run_all, running_jupyter

pytestmark = [pytest.mark.browser, pytest.mark.slow]

NAME, STUDENT = "01_graphs", "s07"
WRONG = """    def backward(self, grad_output):
        return grad_output * self.saved["x"], grad_output * self.saved["y"]"""
RIGHT = WRONG.replace('"x"', '"t"').replace('"y"', '"x"').replace('"t"', '"y"')


@pytest.fixture
def course(tmp_path) -> Path:
    """The instructor's course: a copy of this one."""
    needs_sandbox()
    folder = tmp_path / "course"
    skip = shutil.ignore_patterns("__pycache__", "work", "_build", ".*")
    for name in ("course", "autograder", "solutions", "assignments", "lectures", "docs"):
        shutil.copytree(ROOT / name, folder / name, ignore=skip)
    for path in ROOT.iterdir():
        if path.is_file() and not path.name.startswith("."):
            shutil.copy(path, folder)
    return folder


def autograder(course: Path, *arguments: str, code: int = 0) -> str:
    command = [sys.executable, "-m", "autograder", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(course), "COLUMNS": "180"}
    done = subprocess.run(command, cwd=course, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def shot(page, name: str) -> None:
    if "CYCLE_SHOTS" in os.environ:
        Path(os.environ["CYCLE_SHOTS"]).mkdir(exist_ok=True)
        page.screenshot(path=Path(os.environ["CYCLE_SHOTS"]) / f"{name}.png")


def open_notebook(page, address: str, path: str) -> None:
    page.goto(f"{address}/lab/tree/{path}")
    page.locator(".jp-Notebook .jp-Cell").first.wait_for()
    page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").first.wait_for()


def type_backward(page, kind: str, body: str) -> None:
    """Replace a stub's backward, with the keyboard."""
    cell = page.locator(".jp-CodeCell", has_text=f"class {kind}(Module)").first
    cell.scroll_into_view_if_needed()
    cell.locator(".cm-content").click()
    source = cell.locator(".cm-content").inner_text().split("    def backward")[0].rstrip()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(f"{source}\n\n{body}")


def validate(page) -> None:
    """Press Validate until nbgrader answers: a press that meets JupyterLab saving a notebook may be lost."""
    answer = page.locator(".jp-Dialog", has_text="The following cell failed")
    for patience in (60_000, 90_000):
        page.get_by_role("button", name="Validate").click()
        try:
            answer.wait_for(timeout=patience)
            return
        except NotThere:
            continue
    raise AssertionError("Validate says nothing")


def hand_in(notebook: Path, target: Path) -> Path:
    """A zip as a learning platform makes it: one folder for each student."""
    with zipfile.ZipFile(target, "w") as file:
        file.write(notebook, f"{STUDENT}/{NAME}.ipynb")
    return target


def test_a_class_from_the_bundle_to_the_report(course, tmp_path, page, monkeypatch):
    page.set_default_timeout(60_000)
    page.set_viewport_size({"width": 1280, "height": 900})

    # The instructor makes what students get.
    autograder(course, "generate", NAME)
    bundle = tmp_path / "students.zip"
    autograder(course, "bundle", NAME, "--to", bundle)

    # A student unpacks it, writes one answer that is wrong, and sees which mistake it is.
    with zipfile.ZipFile(bundle) as file:
        file.extractall(tmp_path / "student")
    (home,) = (tmp_path / "student").iterdir()
    monkeypatch.setenv("PYTHONPATH", str(home))
    notebook = home / "assignments" / NAME / f"{NAME}.ipynb"
    with running_jupyter(home, tmp_path / "student-jupyter") as address:
        open_notebook(page, address, f"assignments/{NAME}/{NAME}.ipynb")
        type_backward(page, "Multiply", WRONG)
        run_all(page, ".jp-OutputArea :text('of 20 points')")
        table = page.locator(".jp-OutputArea", has_text="multiply: 2 of 12 points").first
        table.scroll_into_view_if_needed()
        expect(table).to_contain_text("exchanged")
        shot(page, "1-mistake-named")

        type_backward(page, "Multiply", RIGHT)
        page.keyboard.press("Control+Enter")
        cell = page.locator(".jp-CodeCell", has_text='score = check("multiply", Multiply)').first
        cell.locator(".cm-content").click()
        page.keyboard.press("Control+Enter")
        page.locator(".jp-OutputArea", has_text="multiply: 12 of 12 points").first.wait_for()
        shot(page, "2-right")
        words = page.locator(".jp-MarkdownCell", has_text="YOUR ANSWER HERE").first
        words.scroll_into_view_if_needed()
        words.dblclick()
        words.locator(".cm-content").click()
        page.keyboard.press("Control+A")
        page.keyboard.insert_text(
            "Both together move the output twice as far. Half of g for each adds up to g."
        )
        page.keyboard.press("Escape")
        page.keyboard.press("Control+S")
        page.locator(".lm-TabBar-tab.jp-mod-dirty").wait_for(state="detached")
        validate(page)
        shot(page, "3-validate")
        page.locator(".jp-Dialog button").last.click()
    monkeypatch.delenv("PYTHONPATH")
    assert 'self.saved["y"], grad_output' in notebook.read_text().replace('\\"', '"')

    # It is handed in, collected and graded.
    autograder(course, "collect", NAME, hand_in(notebook, tmp_path / "first.zip"))
    assert STUDENT in autograder(course, "grade", NAME)
    settings = Settings(course)
    row = read_grades(settings, NAME)[STUDENT]
    assert (row.points["multiply"], row.points["add"], row.points["written"]) == (12, 0, None)

    # The question in words is read in the formgrader.
    with running_jupyter(course, tmp_path / "instructor-jupyter") as address:
        page.goto(f"{address}/formgrader/gradebook/{NAME}/{NAME}")
        page.locator("td.name a").first.click()
        # in the order of the notebook: add, multiply, max, written
        score = page.locator("input.score").nth(3)
        score.scroll_into_view_if_needed()
        score.fill("4")
        score.press("Tab")
        comment = page.locator("textarea.comment").nth(3)
        comment.fill("Say also what happens to a sum.")
        comment.press("Tab")
        page.wait_for_timeout(1500)
        shot(page, "4-formgrader")
    points = read_grades(settings, NAME)[STUDENT].points
    assert points["written"] == 4, points

    # Feedback, then a better answer, and everything again: what a person gave stays.
    autograder(course, "feedback", NAME)
    feedback = settings.feedback / STUDENT / NAME / f"{NAME}.html"
    assert "Say also what happens to a sum." in feedback.read_text()
    page.goto(f"file://{feedback}")
    shot(page, "5-feedback")
    better = nbformat.read(notebook, as_version=4)
    answer = read_bank(NAME)["right-plain"].answers["add"]
    next(
        cell for cell in better.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == "add"
    ).source = answer
    nbformat.write(better, notebook)
    said = autograder(course, "collect", NAME, hand_in(notebook, tmp_path / "second.zip"))
    assert STUDENT in said
    autograder(course, "grade", NAME)
    row = read_grades(settings, NAME)[STUDENT]
    assert (row.points["add"], row.points["multiply"], row.points["written"]) == (8, 12, 4)
    assert row.total == 24

    # Grades leave for the learning platform, and the class report is written.
    autograder(course, "export", NAME, "--for", "moodle", "--to", tmp_path / "grades.csv")
    with (tmp_path / "grades.csv").open(encoding="utf-8") as file:
        assert any("24" in cell for line in csv.reader(file) for cell in line)
    autograder(course, "report", NAME)
    page.goto(f"file://{settings.folder / 'reports' / f'{NAME}.html'}")
    expect(page.locator("body")).to_contain_text(re.compile("graph", re.IGNORECASE))
    shot(page, "6-report")
