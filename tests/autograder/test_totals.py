"""One total: the table, the student's page, the report, and the files for Canvas and Moodle agree."""

import csv
import html
import io
import re
import shutil

import pytest
from nbgrader.api import Gradebook
from rich.console import Console

from autograder.gradebook.database import open_gradebook
from autograder.gradebook.grades import CellGrade, Submission, read_grades
from autograder.pages.exports import write_export
from autograder.pages.report import write_report
from autograder.pages.table import points_table
from autograder.pages.writing import feedback
from autograder.quiet import quiet
from tests.autograder.fabricated import FabricatedClass, Work

ASKED = ("the source calls torch.autograd.grad",)
CLASS = {
    "right": (Work("right", written=5.0), 25),
    "wrong": (Work("wrong", {"add": {"∂L/∂x": ""}, "multiply": {"∂L/∂y": ""}}, written=0.0), 12),
    "a third": (Work("a third", written=5 / 3), 21.67),
    "an answer waits": (Work("an answer waits"), 20),
    "a check asked": (Work("a check asked", {"add": {"∂L/∂x": ""}}, review=ASKED, written=4.0), 16),
    "both wait": (Work("both wait", review=ASKED), 12),
    "reviewed": (Work("reviewed", review=ASKED, written=5.0), 23.5),
    "late": (Work("late", {"multiply": {"∂L/∂x": ""}}, written=5.0, penalty=2.5), 17.5),
    "late and waits": (Work("late and waits", review=ASKED, penalty=5.0), 7),
    "late beyond all": (Work("late beyond all", {"multiply": {"∂L/∂x": ""}}, review=ASKED, penalty=12.5), 0),
    "refused": (
        Work("refused", problem="graphs.ipynb is not JSON (line 1: x): ask for the notebook again"),
        None,
    ),
}
"""Each with its points so far: add gives 8, multiply 12, the written answer 5."""

WAITING = {"an answer waits", "a check asked", "both wait", "late and waits", "late beyond all"}


@pytest.fixture(scope="module")
def graphs(tmp_path_factory, root) -> FabricatedClass:
    folder = tmp_path_factory.mktemp("totals")
    shutil.copy(root / "nbgrader_config.py", folder)
    course = FabricatedClass(folder)
    course.add(*(work for work, _ in CLASS.values()))
    with quiet(course.settings.log), open_gradebook(course.settings) as gradebook:
        gradebook.add_student("missing")
        _review(gradebook)
    return course


def _review(gradebook: Gradebook) -> None:
    """A person has looked at what the check asked about, and gives less than the check."""
    grade = gradebook.find_grade("add_test", "graphs", "graphs", "reviewed")
    assert grade.needs_manual_grade
    grade.manual_score, grade.needs_manual_grade = 6.5, False
    gradebook.db.commit()


def in_the_table(course: FabricatedClass) -> dict[str, str]:
    """The last column of what is printed."""
    console = Console(file=io.StringIO(), record=True, width=200)
    console.print(points_table(read_grades(course.settings, "graphs")))
    rows = [line.rstrip() for line in console.export_text().splitlines()]
    names = (*CLASS, "missing")
    return {name: row.split()[-1] for name in names for row in rows if re.match(rf"\s*{name}  ", row)}


def in_the_feedback(course: FabricatedClass, students: list[str]) -> dict[str, str]:
    """The bold number at the top of each page."""
    assert [outcome.problem for outcome in feedback(course.settings, "graphs", students)] == [None] * (
        len(students) - 1
    )
    found = {}
    for student in students:
        page = (course.settings.feedback / student / "graphs" / "graphs.html").read_text(encoding="utf-8")
        total = re.search(r'<p class="total">(?:<b>([\d.]+)</b> of 25 points|(Not graded yet))', page)
        assert total is not None, student
        found[student] = total[1] or total[2]
    return found


def in_the_report(course: FabricatedClass) -> dict[str, str]:
    """The last column of the table of everyone, and whose work could not be graded or is missing."""
    page = write_report(course.settings, "graphs").read_text(encoding="utf-8")
    everyone = re.findall(
        r"<tr><th>([\w "
        r"]+)</th>(?:<td>[^<]*</td>)*<td>([\d.]+)</td></tr>",
        page.partition("<h2>Everyone")[2],
    )
    refused = re.findall(
        r"<tr><th>([\w ]+)</th><td "
        r'class="text">',
        page.partition("<h2>Could not")[2].partition("</table>")[0],
    )
    absent = re.findall(r'<p class="names">([\w ]+)</p>', page.partition("<h2>Handed in nothing")[2])
    return dict(everyone) | dict.fromkeys(refused, "Not graded yet") | dict.fromkeys(absent, "—")


def in_the_export(course: FabricatedClass, lms: str, path) -> dict[str, str]:
    """The last column of a platform's file."""
    write_export(course.settings, "graphs", lms, path, "Graphs")
    name = {"canvas": 3, "moodle": 0}[lms]
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.reader(file) if row[name] in CLASS]
    return {row[name]: row[-1] for row in rows}


def test_table_feedback_report_and_exports_show_one_total(graphs, tmp_path):
    graded = {name: f"{points:g}" for name, (_, points) in CLASS.items() if points is not None}
    assert in_the_table(graphs) == graded | {"refused": "0", "missing": "—"}
    assert in_the_feedback(graphs, list(CLASS)) == graded | {"refused": "Not graded yet"}
    assert in_the_report(graphs) == graded | {"refused": "Not graded yet", "missing": "—"}
    final = {name: points for name, points in graded.items() if name not in WAITING}
    assert in_the_export(graphs, "canvas", tmp_path / "canvas.csv") == final
    assert in_the_export(graphs, "moodle", tmp_path / "moodle.csv") == final


def test_where_nothing_waits_it_is_nbgraders_own_sum_less_the_penalty(graphs):
    with quiet(graphs.settings.log), open_gradebook(graphs.settings) as gradebook:
        theirs = {
            str(one.student.id): float(one.score) for one in gradebook.find_assignment("graphs").submissions
        }
    for submission in read_grades(graphs.settings, "graphs").graded:
        if not submission.waits:
            assert submission.total == pytest.approx(theirs[submission.student] - submission.penalty)
        else:
            assert submission.total <= theirs[submission.student]


def test_the_student_reads_what_the_checks_give_once_a_person_agrees(graphs):
    feedback(graphs.settings, "graphs", ["both wait"])
    page = (graphs.settings.feedback / "both wait" / "graphs" / "graphs.html").read_text(encoding="utf-8")
    said = " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())
    assert "12 of 25 points so far: add and written wait for a person" in said
    assert "add waits for a person: 8 of 8 by the checks" in said
    assert "written waits for a person" in said
    assert (
        "by the checks" not in said.partition("written waits for a person")[2].partition("Your notebook")[0]
    )


def test_the_page_of_one_notebook_counts_that_notebook():
    grades = {("a", "x_test"): CellGrade(3.0, 4.0), ("b", "y_test"): CellGrade(2.0, 2.0)}
    both = Submission("ada", penalties={"a": 1.0, "b": 0.0}, grades=grades)
    assert (both.total, both.most, both.penalty) == (4, 6, 1)
    assert [(both.of(name).total, both.of(name).most) for name in ("a", "b")] == [(2, 4), (2, 2)]
