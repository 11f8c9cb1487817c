"""Collecting: what an instructor expects of each thing that can come in, with real folders and real zips."""

import io
import json
import os
import re
import shutil
import struct
import unicodedata
import warnings
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat.v4 import new_notebook
from nbgrader.auth import Authenticator
from nbgrader.coursedir import CourseDirectory
from nbgrader.exchange.default import ExchangeFetchAssignment, ExchangeReleaseAssignment, ExchangeSubmit
from typer.testing import CliRunner

from autograder.cli import app
from autograder.collecting import archives
from autograder.collecting.archives import RefusedError, list_zip
from autograder.collecting.class_list import ClassList, bad_id, read_class_list, read_times
from autograder.collecting.collect import collect, how_long
from autograder.errors import AutograderError
from autograder.gradebook.due_dates import DueDates, read_due_dates
from autograder.gradebook.grades import read_grades
from autograder.gradebook.record import due
from autograder.gradebook.timestamps import read_timestamp
from autograder.handing_out.assignment import generate
from autograder.quiet import quiet
from autograder.running.engine import grade
from tests.autograder.conftest import answer_cell

NOON = datetime(2026, 10, 1, 12, tzinfo=UTC)


@pytest.fixture
def course(tiny, monkeypatch):
    """The tiny course, with a second assignment, in a time zone that is not UTC."""
    monkeypatch.setenv("TZ", "America/New_York")
    other = tiny.settings.source / "other"
    other.mkdir()
    nbformat.write(
        new_notebook(cells=[answer_cell("third", "third = 3"), answer_cell("fourth", "")]),
        other / "other.ipynb",
    )
    return tiny


def notebook(course, first="first = 42", assignment="tiny") -> bytes:
    """The bytes of a notebook, as a student hands it in."""
    found = nbformat.read(course.settings.source / assignment / f"{assignment}.ipynb", as_version=4)
    found.cells[0].source = first
    return nbformat.writes(found).encode()


def zipped(**members: bytes | str) -> bytes:
    return make_zip(io.BytesIO(), members).getvalue()


def make_zip(to, members, when=(2026, 10, 1, 12, 0, 0)):
    with warnings.catch_warnings(), zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as archive:
        warnings.simplefilter("ignore")  # the same name twice
        for name, data in members.items() if isinstance(members, dict) else members:
            info = name if isinstance(name, zipfile.ZipInfo) else zipfile.ZipInfo(name, when)
            archive.writestr(info, data, zipfile.ZIP_DEFLATED)
    return to


def folder(at: Path, members, when: datetime = NOON) -> Path:
    for name, data in members.items():
        path = at / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        os.utime(path, (when.timestamp(), when.timestamp()))
    return at


def bring(course, source, class_list=None, times=None):
    return collect(
        course.settings,
        "tiny",
        source,
        class_list or ClassList(),
        read_due_dates(course.settings.folder),
        times,
    )


def first_of(course, student) -> str:
    """The first answer in what would be graded."""
    return (
        nbformat.read(course.settings.submitted / student / "tiny" / "tiny.ipynb", as_version=4)
        .cells[0]
        .source
    )


def time_of(course, student):
    return read_timestamp(course.settings.submitted / student / "tiny")


def lines(pairs) -> list[str]:
    return [f"{subject}: {line}" for subject, line in pairs]


def the_list(tmp_path, *rows, head="id,canvas id,sortname,moodle id,email,name") -> ClassList:
    (tmp_path / "students.csv").write_text("\n".join([head, *rows]), encoding="utf-8")
    return read_class_list(tmp_path / "students.csv")


PEOPLE = (
    's01,701,"Eins, Student",,s01@example.edu,Student Eins',
    's02,702,"Zwei, Student",,s02@example.edu,Student Zwei',
    's03,703,"Dréi, Student",,s03@example.edu,Student Dréi',
)


# layouts


@pytest.mark.parametrize(
    "names",
    [
        ["s01.ipynb", "s02.ipynb"],
        ["s01_tiny.ipynb", "tiny-s02.ipynb"],
        ["s01/tiny.ipynb", "s02/tiny.ipynb"],
        ["s01/work/deep/tiny.ipynb", "s02/tiny.ipynb"],
        ["s01/tiny/tiny.ipynb", "s02/tiny/tiny.ipynb"],
        ["s01/tiny/tiny.ipynb", "s01/other/other.ipynb", "s02/tiny/tiny.ipynb"],
        ["submissions/s01/tiny.ipynb", "submissions/s02/tiny.ipynb"],
        ["submissions/s01_tiny.ipynb", "submissions/s02_tiny.ipynb"],
    ],
    ids=lambda names: names[0],
)
@pytest.mark.parametrize("as_zip", [False, True], ids=["folder", "zip"])
def test_folders_and_zips_of_notebooks_and_of_student_folders(course, tmp_path, names, as_zip):
    members = {name: notebook(course, f"first = {number}") for number, name in enumerate(names)}
    source = tmp_path / "submissions"
    if as_zip:
        source = tmp_path / "submissions.zip"
        make_zip(source, members)
    else:
        folder(source, members)
        if "submissions" in names[0]:
            source = source / "submissions"
    done = bring(course, source)
    assert (done.problems, done.notes) == ([], [])
    assert done.became == {"s01": "new", "s02": "new"}
    assert (first_of(course, "s01"), first_of(course, "s02")) == ("first = 0", f"first = {len(names) - 1}")
    assert sorted(path.name for path in course.path("s01").parent.iterdir()) == [
        "timestamp.txt",
        "tiny.ipynb",
    ]


def test_a_single_students_folder_is_not_taken_for_a_wrapper(course, tmp_path):
    make_zip(tmp_path / "all.zip", {"s01/tiny.ipynb": notebook(course)})
    assert bring(course, tmp_path / "all.zip").became == {"s01": "new"}
    make_zip(tmp_path / "s02.zip", {"s02/tiny.ipynb": notebook(course)})
    assert bring(course, tmp_path / "s02.zip").became == {"s02": "new"}


def test_canvas_download(course, tmp_path):
    members = {
        "einsstudent_701_9001_tiny.ipynb": notebook(course),
        "zweistudent_LATE_702_9002_tiny-1.ipynb": notebook(course, "first = 1"),
        "dréistudent_703_9003_tiny-2.ipynb": notebook(course, "first = 2"),
        "vierstudent_704_9004_tiny.ipynb": notebook(course),
        "fünfstudent_705_text.html": "<p>typed</p>",
    }
    make_zip(tmp_path / "submissions.zip", members)
    done = bring(course, tmp_path / "submissions.zip", the_list(tmp_path, *PEOPLE, "s05,705,,,,"))
    assert done.kind == "Canvas"
    assert done.became == {"s01": "new", "s02": "new", "s03": "new", "s05": "refused"}
    assert lines(done.problems) == [
        "vierstudent_704: '704' is not in students.csv: add the student there, or ask whose it is",
        "s05: tiny.ipynb is missing (only text.html): ask for it",
    ]
    assert lines(done.notes) == [
        "s02: is late, says Canvas, but class.toml has no due date: nothing is taken off"
    ]
    assert time_of(course, "s01") is None  # the members' time is that of the download


def test_canvas_without_a_class_list_goes_by_canvas_numbers(course, tmp_path):
    members = {
        "einsstudent_701_9001_tiny.ipynb": notebook(course),
        "anon_xY9_9002_tiny.ipynb": notebook(course),
    }
    make_zip(tmp_path / "submissions.zip", members)
    assert bring(course, tmp_path / "submissions.zip").became == {"701": "new", "xY9": "new"}


def test_canvas_sortname_will_do_where_the_list_has_no_numbers(course, tmp_path):
    make_zip(tmp_path / "s.zip", {"dréistudent_703_9003_tiny.ipynb": notebook(course)})
    people = the_list(tmp_path, 's01,"Eins, Student"', 's03,"Dréi, Student"', head="id,sortname")
    assert bring(course, tmp_path / "s.zip", people).became == {"s03": "new"}


def test_dates_in_file_names_are_no_canvas_numbers(course, tmp_path):
    names = [f"s{number:02}_2026_10_tiny.ipynb" for number in (1, 2, 3)]
    source = folder(tmp_path / "in", {name: notebook(course) for name in names})
    assert bring(course, source).kind == "folder"
    shutil.rmtree(course.settings.submitted)
    course.settings.prepare()
    people = the_list(tmp_path, "s01", "s02", "s03", head="id")
    assert set(bring(course, source, people).became) == {"s01", "s02", "s03"}


@pytest.mark.parametrize(
    "tail", ["/tiny.ipynb", "_/tiny.ipynb", "_tiny.ipynb", "/work.zip", "/sub/tiny.ipynb"]
)
def test_moodle_download(course, tmp_path, tail):
    data = zipped(**{"work/tiny.ipynb": notebook(course)}) if tail.endswith("zip") else notebook(course)
    members = {
        f"Student Eins_5001_assignsubmission_file{tail}": data,
        "Student Eins_5001_assignsubmission_onlinetext/onlinetext.html": b"<p>hello</p>",
        f"Student Dréi_5003_assignsubmission_file{tail}": data,
        f"Student Neun_5009_assignsubmission_file{tail}": data,
    }
    make_zip(tmp_path / "course-tiny-17.zip", members)
    done = bring(course, tmp_path / "course-tiny-17.zip", the_list(tmp_path, *PEOPLE))
    assert done.kind == "Moodle"
    assert done.became == {"s01": "new", "s03": "new"}
    assert lines(done.problems) == [
        "Student Neun_5009: 'Student Neun' is not in students.csv: add the student there, or ask whose it is"
    ]
    assert done.missing == ["s02"]
    assert time_of(course, "s01") is None  # the members' time is that of the download


def test_moodle_names_that_two_people_have(course, tmp_path):
    names = [f"Student Eins_{number}_assignsubmission_file/tiny.ipynb" for number in (5001, 5002)]
    make_zip(tmp_path / "m.zip", {name: notebook(course) for name in names})
    done = bring(course, tmp_path / "m.zip")
    assert done.became == {"Student Eins": "refused"}
    assert "are two people in Moodle: tell them apart in a class list" in done.problems[0][1]
    rows = ("a1,Participant 5001,Student Eins", "a2,Participant 5002,Student Eins")
    people = the_list(tmp_path, *rows, head="ID;Identifier;Full name".replace(";", ","))
    assert bring(course, tmp_path / "m.zip", people).became == {"a1": "new", "a2": "new"}
    done = bring(
        course, tmp_path / "m.zip", the_list(tmp_path, "a1,Student Eins", "a2,Student Eins", head="id,name")
    )
    assert [line for _, line in done.problems] == [
        "'Student Eins' fits a1 and a2 in students.csv: tell them apart there"
    ] * 2


# students


def test_students_who_are_not_on_the_list_are_named_and_the_others_taken(course, tmp_path):
    source = folder(tmp_path / "in", {"S01/tiny.ipynb": notebook(course), "s99/tiny.ipynb": notebook(course)})
    done = bring(course, source, the_list(tmp_path, *PEOPLE))
    assert done.became == {"s01": "new"}  # capitals do not matter
    assert lines(done.problems) == [
        "s99: 's99' is not in students.csv: add the student there, or ask whose it is"
    ]
    assert done.missing == ["s02", "s03"]


def test_emails_and_names_stand_for_students(course, tmp_path):
    decomposed = unicodedata.normalize("NFD", "student dréi")
    source = folder(
        tmp_path / "in",
        {"S01@example.edu/tiny.ipynb": notebook(course), f"{decomposed}/tiny.ipynb": notebook(course)},
    )
    assert bring(course, source, the_list(tmp_path, *PEOPLE)).became == {"s01": "new", "s03": "new"}


def test_ids_that_differ_in_capitals_only_are_refused(course, tmp_path):
    source = folder(
        tmp_path / "in", {"s01/tiny.ipynb": notebook(course), "S01/tiny.ipynb": notebook(course, "first = 1")}
    )
    done = bring(course, source)
    assert done.became == {"s01": "refused", "S01": "refused"}
    assert "differs from 'S01' only in capitals" in dict(done.problems)["s01"]
    course.hand_in("s02")
    source = folder(tmp_path / "in2", {"S02/tiny.ipynb": notebook(course)})
    assert bring(course, source).became == {"S02": "refused"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"name\nStudent Eins\n", "has no column 'id' in its first line (name): add one"),
        (b"", "has no column 'id'"),
        (b"id\ns01\nS01\n", "line 3: 'S01' stands in line 2 already, as 's01'"),
        (b"id,name\n,Student\n", "line 2: the id is empty"),
        (b"id\n../s01\n", "line 2: '../s01' cannot be an id"),
        ("id,name\ns01,Dréi\n".encode("latin-1"), "is not UTF-8: save it as 'CSV UTF-8'"),
    ],
)
def test_a_class_list_that_cannot_be_right_is_refused(tmp_path, text, said):
    (tmp_path / "students.csv").write_bytes(text)
    with pytest.raises(AutograderError, match=re.escape(said)):
        read_class_list(tmp_path / "students.csv")


def test_class_lists_come_with_semicolons_and_a_mark_of_their_encoding(tmp_path):
    (tmp_path / "students.csv").write_text("\ufeffID;E-Mail\r\ns01;a@example.edu\r\n\r\n", encoding="utf-8")
    assert read_class_list(tmp_path / "students.csv").find([("email", "A@example.edu")]) == "s01"


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".git", "a/b", "a\\b", "*", "a?", "a[b]", "-x", "a\nb", "x" * 129, "a "]
)
def test_what_cannot_be_an_id(name):
    assert bad_id(name)


@pytest.mark.parametrize("name", ["s01", "Student Dréi", "a+b@example.edu", "o'hara", "学生", "1"])
def test_what_can_be_an_id(name):
    assert not bad_id(name)


# which notebook


def one(course, tmp_path, **members):
    """What becomes of one student's folder."""
    made = folder(
        tmp_path / f"in{len(list(tmp_path.iterdir()))}",
        {f"s01/{name}": data for name, data in members.items()},
    )
    (made / "s01").mkdir(parents=True, exist_ok=True)
    done = bring(course, made)
    return done.became.get("s01"), [line for _, line in done.problems], [line for _, line in done.notes]


def test_a_folder_without_a_notebook(course, tmp_path):
    assert one(course, tmp_path) == (
        "refused",
        ["tiny.ipynb is missing (nothing was handed in): ask for it"],
        [],
    )
    became, (problem,), _ = one(course, tmp_path, **{"report.pdf": b"%PDF"})
    assert (became, problem) == ("refused", "tiny.ipynb is missing (only report.pdf): ask for it")
    make_zip(tmp_path / "z.zip", [("s01/", b""), ("s02/tiny.ipynb", notebook(course))])
    assert bring(course, tmp_path / "z.zip").became == {"s01": "refused", "s02": "new"}


@pytest.mark.parametrize(
    "name", ["Copy of tiny.ipynb", "final FINAL.ipynb", "tiny.ipynb.txt", "TINY.IPYNB", "übung 1.ipynb"]
)
def test_a_renamed_notebook_is_taken_and_said(course, tmp_path, name):
    became, problems, notes = one(course, tmp_path, **{name: notebook(course)})
    assert (became, problems) == ("new", [])
    assert notes == [f"{name} has the cells of tiny.ipynb: taken as that"]


def test_a_notebook_without_the_cells_is_refused_whatever_its_name(course, tmp_path):
    became, (problem,), _ = one(course, tmp_path, **{"tiny.ipynb": nbformat.writes(new_notebook()).encode()})
    assert became == "refused"
    assert "tiny.ipynb has none of the cells of 'tiny': ask for the file that was given out" in problem


def test_the_notebook_of_another_assignment_is_refused(course, tmp_path):
    became, (problem,), _ = one(course, tmp_path, **{"tiny.ipynb": notebook(course, assignment="other")})
    assert (became, problem) == (
        "refused",
        "tiny.ipynb is missing (tiny.ipynb is a notebook of 'other'): ask for it",
    )


def test_of_two_notebooks_the_one_that_fits_is_taken(course, tmp_path):
    members = {
        "other.ipynb": notebook(course, assignment="other"),
        "my work.ipynb": notebook(course),
        "data.csv": b"1,2",
    }
    became, problems, notes = one(course, tmp_path, **members)
    assert (became, problems) == ("new", [])
    assert notes == [
        "left out: other.ipynb is a notebook of 'other'",
        "left out, no notebook: data.csv",
        "my work.ipynb has the cells of tiny.ipynb: taken as that",
    ]


def test_two_that_fit_and_differ_are_refused_by_name(course, tmp_path):
    members = {"tiny.ipynb": notebook(course), "tiny-Copy1.ipynb": notebook(course, "first = 1")}
    became, (problem,), _ = one(course, tmp_path, **members)
    assert became == "refused"
    assert problem == (
        "2 notebooks fit tiny.ipynb and differ (tiny-Copy1.ipynb, tiny.ipynb): leave one, and collect again"
    )
    assert not course.settings.submitted.joinpath("s01").exists()


def test_two_with_the_same_answers_are_one(course, tmp_path):
    again = json.loads(notebook(course))
    again["cells"][0]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "ran"}]
    members = {"tiny.ipynb": notebook(course), "tiny-Copy1.ipynb": json.dumps(again).encode()}
    assert one(course, tmp_path, **members) == ("new", [], [])


def test_a_notebook_from_which_cells_were_deleted_still_fits(course, tmp_path):
    short = nbformat.reads(notebook(course).decode(), as_version=4)
    short.cells = short.cells[:1]
    assert one(course, tmp_path, **{"mine.ipynb": nbformat.writes(short).encode()})[0] == "new"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"{", "tiny.ipynb is not JSON (line 1"),
        (b"\xff\xfe", "tiny.ipynb is not text"),
        (b"[" * 100_000, "tiny.ipynb is nested too deeply"),
        (b'{"cells": 3}', "tiny.ipynb is JSON but no notebook"),
        (b"", "tiny.ipynb is not JSON"),
    ],
    ids=["json", "text", "depth", "notebook", "empty"],
)
def test_a_broken_file_is_named_and_what_was_there_stays(course, tmp_path, data, said):
    one(course, tmp_path, **{"tiny.ipynb": notebook(course)})
    became, (problem,), _ = one(course, tmp_path, **{"tiny.ipynb": data})
    assert became == "refused"
    assert said in problem
    assert first_of(course, "s01") == "first = 42"


# again


def test_the_same_collect_twice_changes_nothing_and_says_so(course, tmp_path):
    source = folder(tmp_path / "in", {"s01/tiny.ipynb": notebook(course), "s02/tiny.ipynb": notebook(course)})
    bring(course, source)
    before = {path: path.stat().st_mtime_ns for path in course.settings.folder.rglob("*") if path.is_file()}
    done = bring(course, source)
    assert (done.became, done.notes) == ({"s01": "unchanged", "s02": "unchanged"}, [])
    assert {
        path: path.stat().st_mtime_ns for path in course.settings.folder.rglob("*") if path.is_file()
    } == before


def test_a_later_copy_of_the_same_file_is_not_handed_in_later(course, tmp_path):
    bring(course, folder(tmp_path / "a", {"s01.ipynb": notebook(course)}))
    bring(course, folder(tmp_path / "b", {"s01.ipynb": notebook(course)}, NOON + timedelta(days=9)))
    assert time_of(course, "s01") == NOON
    bring(course, folder(tmp_path / "c", {"s01.ipynb": notebook(course)}, NOON - timedelta(days=1)))
    assert time_of(course, "s01") == NOON - timedelta(days=1)


def test_a_resubmission_replaces_and_the_older_version_is_kept_with_its_time(course, tmp_path):
    bring(course, folder(tmp_path / "a", {"s01.ipynb": notebook(course)}))
    (course.path("s01").parent / "data.csv").write_text("put here by hand")
    done = bring(
        course,
        folder(tmp_path / "b", {"s01.ipynb": notebook(course, "first = 1")}, NOON + timedelta(hours=1)),
    )
    assert done.became == {"s01": "replaced"}
    assert (first_of(course, "s01"), time_of(course, "s01")) == ("first = 1", NOON + timedelta(hours=1))
    (kept,) = (course.settings.folder / "collected" / "tiny" / "s01").glob("*/tiny.ipynb")
    assert (kept.read_bytes(), read_timestamp(kept.parent)) == (notebook(course), NOON)
    assert kept.parent.name.startswith("2026-10-01T12-00-00Z-")
    assert (kept.parent / "data.csv").exists()
    assert f"the version before is in {kept.parent.relative_to(course.settings.folder)}" in done.notes[0][1]
    done = bring(course, tmp_path / "a")  # the old download once more
    assert done.became == {"s01": "older"}
    assert first_of(course, "s01") == "first = 1"
    assert len(list(kept.parents[1].glob("*-*"))) == 1


def test_canvas_resubmissions_go_by_canvas_numbers(course, tmp_path):
    first, second, third = (notebook(course, f"first = {number}") for number in (1, 2, 3))
    both = {"einsstudent_701_9007_tiny-1.ipynb": second, "einsstudent_701_9001_tiny.ipynb": first}
    make_zip(tmp_path / "both.zip", both)
    assert bring(course, tmp_path / "both.zip").became == {"701": "new"}
    assert first_of(course, "701") == "first = 2"
    assert len(list((course.settings.folder / "collected/tiny/701").glob("*/tiny.ipynb"))) == 1
    assert bring(course, tmp_path / "both.zip").became == {"701": "unchanged"}
    make_zip(tmp_path / "third.zip", {"einsstudent_701_9010_tiny-2.ipynb": third})
    assert bring(course, tmp_path / "third.zip").became == {"701": "replaced"}
    assert bring(course, tmp_path / "both.zip").became == {"701": "older"}
    assert first_of(course, "701") == "first = 3"
    # the student goes back to the first
    make_zip(tmp_path / "back.zip", {"einsstudent_701_9011_tiny-3.ipynb": first})
    assert bring(course, tmp_path / "back.zip").became == {"701": "replaced"}
    assert first_of(course, "701") == "first = 1"


def test_moodle_resubmissions_replace_and_an_old_download_does_not(course, tmp_path):
    name = "Student Eins_5001_assignsubmission_file/tiny.ipynb"
    for number in (1, 2):
        make_zip(tmp_path / f"{number}.zip", {name: notebook(course, f"first = {number}")})
    became = [bring(course, tmp_path / f"{number}.zip").became["Student Eins"] for number in (1, 2, 1)]
    assert became == ["new", "replaced", "older"]
    assert first_of(course, "Student Eins") == "first = 2"


@pytest.mark.slow
def test_what_changed_after_grading_is_due_again(course, tmp_path):
    bring(course, folder(tmp_path / "a", {"s01.ipynb": notebook(course), "s02.ipynb": notebook(course)}))
    grade(course.settings, "tiny", ["s01", "s02"])
    done = bring(
        course,
        folder(tmp_path / "b", {"s01.ipynb": notebook(course, "first = 1")}, NOON + timedelta(hours=1)),
    )
    assert "it was graded: 'autograder grade tiny' grades it again" in done.notes[0][1]
    assert due(course.settings, "tiny", ["s01", "s02"]) == ["s01"]
    grade(course.settings, "tiny", ["s01"])
    assert read_grades(course.settings, "tiny")["s01"].total == 2


# what is dangerous


def link(name: str, to: str = "/etc/passwd"):
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, 0o120777 << 16
    return info, to


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("../../s02/tiny/tiny.ipynb", "has a name that leads elsewhere"),
        ("s02/../s03/tiny.ipynb", "has a name that leads elsewhere"),
        ("/s02/tiny.ipynb", "has a name that leads elsewhere"),
        ("C:/s02/tiny.ipynb", "has a name that leads elsewhere"),
        ("s02\\tiny.ipynb", "has a name that leads elsewhere"),
        ("s02//tiny.ipynb", "has a name that leads elsewhere"),
        ("s02/ti\u202eny.ipynb", "has a name that cannot be printed"),
        ("s02/\x1b[2J.ipynb", "has a name that cannot be printed"),
        (link("s02/tiny.ipynb")[0], "is a link"),
    ],
)
def test_names_that_lead_elsewhere_are_refused_one_by_one(course, tmp_path, name, said):
    make_zip(tmp_path / "in.zip", [(name, notebook(course)), ("s01/tiny.ipynb", notebook(course))])
    before = {path for path in tmp_path.rglob("*") if "work" not in path.parts}
    done = bring(course, tmp_path / "in.zip")
    assert done.became == {"s01": "new"}
    (problem,) = lines(done.problems)
    assert said in problem
    assert problem.isprintable()
    assert {path for path in tmp_path.rglob("*") if "work" not in path.parts} == before


def test_links_in_a_folder_are_not_followed(course, tmp_path):
    source = folder(tmp_path / "in", {"s01/tiny.ipynb": notebook(course)})
    (tmp_path / "secret.ipynb").write_bytes(notebook(course, "first = 'secret'"))
    (source / "s02").mkdir()
    (source / "s02" / "tiny.ipynb").symlink_to(tmp_path / "secret.ipynb")
    (source / "s03").symlink_to(source / "s01")
    os.mkfifo(source / "s04.ipynb")
    done = bring(course, source)
    assert done.became == {"s01": "new", "s02": "refused"}
    assert {line for _, line in done.problems if "ask for the file itself" in line or "is no file" in line}
    assert dict(done.problems)["s04.ipynb"] == "is no file"


def test_a_folder_that_becomes_a_link_after_it_was_listed_is_not_read(course, tmp_path):
    source = folder(tmp_path / "in", {"s01/tiny.ipynb": notebook(course)})
    (file,) = archives.list_folder(source).files
    shutil.move(source / "s01", tmp_path / "elsewhere")
    (source / "s01").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RefusedError, match="cannot be read"):
        file.read()


def test_bombs_are_named_before_they_go_off(course, tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MOST_BYTES", 2**20)
    huge = zipped(**{"tiny.ipynb": b"0" * (2**20 + 1)})
    crowded = zipped(**{f"{number}.ipynb": b"" for number in range(1001)})
    nested = zipped(**{"more.zip": zipped(**{"tiny.ipynb": notebook(course)})})
    members = {
        "s01/a.zip": huge,
        "s02/a.zip": crowded,
        "s03/a.zip": nested,
        "s04/a.zip": b"PK",
        "s05.ipynb": notebook(course),
    }
    make_zip(tmp_path / "in.zip", members)
    done = bring(course, tmp_path / "in.zip")
    assert done.became == {
        "s01": "refused",
        "s02": "refused",
        "s03": "refused",
        "s04": "refused",
        "s05": "new",
    }
    said = lines(done.problems)
    assert any("s01: tiny.ipynb is missing (a.zip/tiny.ipynb has more than 1 MiB" in line for line in said)
    assert (
        "s02: tiny.ipynb is missing (a.zip holds more than 1000 files: ask for the notebook alone): ask "
        "for it"
    ) in said
    assert (
        "s03: tiny.ipynb is missing (a.zip/more.zip is a zip in a zip: ask for the notebook alone): ask "
        "for it"
    ) in said
    assert any(line.startswith("s04: tiny.ipynb is missing (a.zip is no zip file") for line in said)
    monkeypatch.setattr(archives, "MOST_ENTRIES", 4)
    with pytest.raises(AutograderError, match="holds more than 4 files: is it the right one"):
        bring(course, tmp_path / "in.zip")


def test_a_zip_that_lies_about_sizes_is_read_to_the_limit_only(monkeypatch):
    monkeypatch.setattr(archives, "MOST_BYTES", 1000)
    data = bytearray(zipped(**{"a.ipynb": b"0" * 100_000}))
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", data, data.index(signature) + offset, 10)
    (file,) = list_zip(zipfile.ZipFile(io.BytesIO(data)), DueDates().local).files
    with pytest.raises(RefusedError):
        file.read()


def test_damaged_and_encrypted_members_are_refused(course, tmp_path):
    make_zip(tmp_path / "in.zip", {"s01.ipynb": notebook(course), "s02.ipynb": notebook(course)})
    data = bytearray((tmp_path / "in.zip").read_bytes())
    data[60] ^= 0xFF
    second = data.rindex(b"PK\x01\x02")
    data[second + 8] |= 1
    (tmp_path / "in.zip").write_bytes(data)
    done = bring(course, tmp_path / "in.zip")
    said = dict(done.problems)
    assert "s01.ipynb is damaged" in said["s01"]
    assert said["s02.ipynb"] == "is encrypted: ask for it without a password"


def test_one_name_twice_in_a_zip_is_two_notebooks(course, tmp_path):
    make_zip(
        tmp_path / "in.zip",
        [("s01/tiny.ipynb", notebook(course)), ("s01/tiny.ipynb", notebook(course, "first = 1"))],
    )
    assert bring(course, tmp_path / "in.zip").became == {"s01": "refused"}


def test_what_computers_add_is_passed_over(course, tmp_path):
    names = [
        "__MACOSX/s01/._tiny.ipynb",
        "s01/.ipynb_checkpoints/tiny-checkpoint.ipynb",
        "s01/.DS_Store",
        "s01/._tiny.ipynb",
    ]
    make_zip(tmp_path / "in.zip", {**dict.fromkeys(names, b"?"), "s01/tiny.ipynb": notebook(course)})
    done = bring(course, tmp_path / "in.zip")
    assert (done.became, done.problems, done.notes) == ({"s01": "new"}, [], [])


@given(
    st.lists(
        st.text(st.sampled_from("s01tinyTINY./\\_- \x00\n*é.zipbCOPY"), min_size=1, max_size=24),
        max_size=6,
        unique=True,
    )
)
def test_whatever_names_a_zip_holds_nothing_is_written_elsewhere(names):
    listing = list_zip(zipfile.ZipFile(make_zip(io.BytesIO(), dict.fromkeys(names, b""))), DueDates().local)
    for file in listing.files:
        parts = file.path.split("/")
        assert not {"", ".", ".."} & set(parts)
        assert "\\" not in file.path
        assert file.path.isprintable()


# the exchange


def test_the_exchange_from_release_to_collect(course, tmp_path):
    exchange, desk = tmp_path / "exchange", tmp_path / "desk"
    exchange.mkdir()
    exchange.chmod(0o777)
    desk.mkdir()
    config = course.settings.config()
    config.Exchange.root, config.Exchange.cache, config.Exchange.assignment_dir = map(
        str, (exchange, tmp_path / "c", desk)
    )

    def nbgrader(step):
        with quiet(course.settings.log):
            coursedir = CourseDirectory(config=config, assignment_id="tiny")
            step(coursedir=coursedir, authenticator=Authenticator(config=config), config=config).start()

    generate(course.settings, "tiny")
    nbgrader(ExchangeReleaseAssignment)
    nbgrader(ExchangeFetchAssignment)
    (desk / "tiny" / "tiny.ipynb").write_bytes(notebook(course, "first = 1"))
    nbgrader(ExchangeSubmit)
    (desk / "tiny" / "tiny.ipynb").write_bytes(notebook(course, "first = 2"))
    before = datetime.now(UTC)
    nbgrader(ExchangeSubmit)
    inbound = exchange / "modular-learning" / "inbound"
    (inbound / "s07+tiny+").mkdir()  # a name at which nbgrader's own collect stops
    (inbound / "s08+tiny+2026-10-01 12:00:00.000000 UTC+x").symlink_to(course.settings.source / "tiny")
    done = bring(course, exchange)
    (student,) = done.became
    assert first_of(course, student) == "first = 2"
    assert before <= time_of(course, student) <= datetime.now(UTC)
    assert sorted(path.name for path in course.path(student).parent.iterdir()) == [
        "timestamp.txt",
        "tiny.ipynb",
    ]
    assert dict(done.problems) == {
        "s07+tiny+": "is not named as nbgrader names a submission",
        "s08+tiny+2026-10-01 12:00:00.000000 UTC+x": "is no folder",
    }
    assert bring(course, exchange).became == {student: "unchanged"}


def test_nobody_hands_in_under_a_classmates_name(course, tmp_path, monkeypatch):
    inbound = tmp_path / "x" / "modular-learning" / "inbound"
    for student in ("s01", "s02"):
        folder(
            inbound / f"{student}+tiny+2026-10-01 12:00:00.000000 UTC+abc", {"tiny.ipynb": notebook(course)}
        )
    (tmp_path / "x").chmod(0o777)
    monkeypatch.setattr("autograder.collecting.exchange._owner", lambda path: "s01")
    done = bring(course, tmp_path / "x")
    assert done.became == {"s01": "new"}
    assert "says that it is of s02, but s01 made it: ask both" in done.problems[0][1]
    # a JupyterHub where all are one user
    monkeypatch.setattr("autograder.collecting.exchange._owner", lambda path: "jovyan")
    assert bring(course, tmp_path / "x").became == {"s01": "unchanged", "s02": "new"}


# the command


def run(*arguments):
    result = CliRunner().invoke(
        app, ["collect", *map(str, arguments)], env={"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}
    )
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_the_command_says_what_became_of_whom_and_exits_by_it(course, tmp_path):
    members = {f"s{number:02}/tiny.ipynb": notebook(course) for number in range(1, 21)}
    source = folder(tmp_path / "in", members)
    done = run("tiny", source)
    assert done.exit_code == 0, done.output
    # however wide the terminal
    assert re.search(r"new 20 s01, s02, .*, s12 and 8 more", " ".join(done.output.split()))
    folder(source, {"s03/tiny.ipynb": notebook(course, "first = 1")}, NOON + timedelta(hours=2))
    folder(source, {"s04/tiny.ipynb": b"{"}, NOON + timedelta(hours=2))
    (course.settings.folder / "students.csv").write_text(
        "id\n" + "\n".join(f"s{number:02}" for number in range(1, 23))
    )
    done = run("tiny", source)
    assert done.exit_code == 1
    table = " ".join(done.output.split())
    assert re.search(r"replaced 1 s03(?! and)", table)
    assert re.search(r"unchanged 18 s01", table)
    assert re.search(r"refused 1 s04(?! and)", table)
    assert re.search(r"nothing handed in 2 s21, s22(?! and)", table)
    assert "s04: tiny.ipynb is missing (tiny.ipynb is not JSON" in done.stderr
    assert "s03: replaced; the version before is in collected/tiny/s03/" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["tiny"], "Missing argument"),
        (["tiny", "nowhere"], "autograder: there is no nowhere: name the folder or the zip file"),
        (["tinny", "."], "autograder: no assignment 'tinny' in solutions/: did you mean 'tiny'?"),
        (["tiny", "nbgrader_config.py"], "nbgrader_config.py is no zip file"),
        (
            ["tiny", ".", "--students", "nowhere.csv"],
            "nowhere.csv cannot be read (No such file or directory)",
        ),
    ],
)
def test_wrong_usage_exits_with_2(course, arguments, said):
    done = run(*arguments)
    assert done.exit_code == 2
    assert said in done.stderr


def test_times_in_a_file_of_their_own(course, tmp_path):
    make_zip(tmp_path / "c.zip", {"einsstudent_701_9001_tiny.ipynb": notebook(course)})
    people = the_list(tmp_path, *PEOPLE)
    (tmp_path / "times.csv").write_text("id,time\ns01,2026-10-01T14:00:00+02:00\n702,2026-10-01T12:00:00Z\n")
    times = read_times(tmp_path / "times.csv", people)
    assert times == {"s01": NOON, "s02": NOON}
    bring(course, tmp_path / "c.zip", people)
    assert time_of(course, "s01") is None
    done = bring(course, tmp_path / "c.zip", people, times)
    assert (done.became, time_of(course, "s01")) == ({"s01": "unchanged"}, NOON)
    (tmp_path / "times.csv").write_text("id,time\ns01,2026-10-01T14:00:00\n")
    with pytest.raises(AutograderError, match="line 2: 2026-10-01T14:00:00 has no time zone"):
        read_times(tmp_path / "times.csv", people)


def test_how_long_is_said():
    said = [how_long(timedelta(seconds=seconds)) for seconds in (1, 3599, 3600, 86_399, 86_400, 200_000)]
    assert said == ["0 min 1 s", "59 min 59 s", "1 h 0 min", "23 h 59 min", "1 d 0 h", "2 d 7 h"]
