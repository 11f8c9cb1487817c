"""Lateness: due dates with their zones, what lateness costs, and where the penalty shows.

Grades survive what comes again.
"""

import io
import re
import struct
import zipfile
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbgrader.converters import Autograde
from nbgrader.coursedir import CourseDirectory
from typer.testing import CliRunner

from autograder.cli import app
from autograder.collecting.archives import list_zip
from autograder.collecting.class_list import ClassList
from autograder.collecting.collect import collect
from autograder.errors import AutograderError
from autograder.gradebook.database import open_gradebook
from autograder.gradebook.due_dates import EXAMPLE, FILE, DueDates, Rule, read_due_dates
from autograder.gradebook.grades import read_grades
from autograder.gradebook.late import enter_penalties
from autograder.gradebook.timestamps import parse_timestamp, read_timestamp, write_timestamp
from autograder.pages.exports import write_export
from autograder.pages.table import points_table
from autograder.pages.writing import feedback
from autograder.quiet import quiet
from autograder.running.engine import grade
from tests.autograder.fabricated import FabricatedClass, Work

DUE = datetime(2026, 10, 1, 21, 59, tzinfo=UTC)
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)

times = st.timedeltas(-5 * DAY, 500 * DAY)


# the rule


@pytest.mark.parametrize(
    ("late", "percent"),
    [
        (-DAY, 0),
        (timedelta(0), 0),
        (15 * MINUTE, 0),
        (15 * MINUTE + timedelta(microseconds=1), 10),
        (DAY + 15 * MINUTE, 10),
        (DAY + 15 * MINUTE + timedelta(microseconds=1), 20),
        (4 * DAY, 40),
        (400 * DAY, 50),
    ],
)
def test_each_started_day_costs_up_to_a_maximum_after_a_grace(late, percent):
    assert Rule(10, 50, 15).percent(late) == percent


@given(times, times, st.floats(0, 100), st.floats(0, 100), st.floats(0, 10_000))
def test_later_never_costs_less_and_never_more_than_the_maximum(one, other, each, most, grace):
    rule, (early, late) = Rule(each, most, grace), sorted((one, other))
    assert 0 <= rule.percent(early) <= rule.percent(late) <= most
    assert rule.percent(rule.grace) == 0


def test_due_at_23_59_lasts_until_midnight():
    dates = DueDates({"tiny": DUE}, rule=Rule(10))
    assert dates.lateness("tiny", "s01", DUE + timedelta(seconds=60)) == timedelta(0)
    assert dates.lateness("tiny", "s01", DUE + timedelta(seconds=61)) == timedelta(seconds=61)


# class.toml


def read(tmp_path, text):
    (tmp_path / FILE).write_text(text, encoding="utf-8")
    return read_due_dates(tmp_path)


def test_the_example_says_all_that_can_be_said(tmp_path):
    dates = read(tmp_path, EXAMPLE)
    assert dates.of("01_graphs", "s02") == DUE
    assert dates.of("01_graphs", "s01") == DUE + 4 * DAY
    assert dates.of("02_layers", "s01") is None
    assert (dates.rule, dates.zone) == (Rule(10, 50, 15), ZoneInfo("Europe/Berlin"))


def test_the_page_for_instructors_shows_the_example(root):
    assert EXAMPLE in (root / "docs" / "instructors.md").read_text(encoding="utf-8")


def test_no_file_means_nothing_is_late(tmp_path):
    dates = read_due_dates(tmp_path)
    assert dates.lateness("tiny", "s01", DUE) == timedelta(0)
    assert dates.rule.percent(100 * DAY) == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[due]\ntiny = 2026-10-01T23:59:00", "due.tiny has no time zone: add +02:00, say, or set timezone"),
        (
            '[due]\ntiny = "2026-10-01T23:59:00Z"',
            "due.tiny is no date with a time: write it like 2026-10-01T23:59:00+02:00",
        ),
        ("[due]\ntiny = 2026-10-01", "due.tiny is no date with a time"),
        ("due = 3", "due is no table: begin it with [due]"),
        ("[dues]\n", "has an unknown key 'dues': did you mean 'due'?"),
        ("[late]\npercent = 10", "has an unknown key 'late.percent': did you mean 'percent_per_day'?"),
        ("[late]\npercent_per_day = 110", "late.percent_per_day is 110, not a number from 0 to 100"),
        ("[late]\nat_most = true", "late.at_most is True, not a number"),
        ("[late]\ngrace_minutes = nan", "late.grace_minutes is nan, not a number"),
        ("[due_for.tiny]\ns01 = 2026-10-01T23:59:00Z", "due_for.tiny changes no date in [due]"),
        ('timezone = "Berlin"', "there is no timezone 'Berlin': write it like 'Europe/Berlin'"),
        ("timezone = 2", "there is no timezone 2"),
        ("[due", "is not TOML"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_its_key(tmp_path, text, said):
    with pytest.raises(AutograderError, match=re.escape(said)):
        read(tmp_path, text)


def test_zones_are_exact_across_the_change_of_clocks(tmp_path):
    dates = read(
        tmp_path, 'timezone = "Europe/Berlin"\n[due]\na = 2026-10-24T23:59:00\nb = 2026-10-25T23:59:00'
    )
    assert dates.due["a"].astimezone(UTC) == datetime(2026, 10, 24, 21, 59, tzinfo=UTC)
    assert dates.due["b"].astimezone(UTC) == datetime(2026, 10, 25, 22, 59, tzinfo=UTC)
    # a day is 24 hours, also where a wall's clock shows 23: from Berlin's 23:59 to 23:00 on the next day is a
    # day and 1 minute
    handed_in = datetime(2026, 10, 25, 22, 0, tzinfo=UTC)
    assert dates.lateness("a", "s01", handed_in) == DAY + MINUTE
    assert Rule(10, 100, 0).percent(DAY + MINUTE) == 20


# times in zips


def zip_time(info, dates=None):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(info, b"")
    listing = list_zip(zipfile.ZipFile(buffer), (dates or DueDates(zone=ZoneInfo("Europe/Berlin"))).local)
    return listing.files[0].time, listing.without_zone


@pytest.mark.parametrize(
    ("wall", "utc"),
    [
        ((2026, 7, 1, 12, 0, 0), datetime(2026, 7, 1, 10, tzinfo=UTC)),
        ((2026, 12, 1, 12, 0, 0), datetime(2026, 12, 1, 11, tzinfo=UTC)),
        # comes twice: the first, for the student
        ((2026, 10, 25, 2, 30, 0), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
    ],
)
def test_times_without_a_zone_are_read_in_the_class_zone(wall, utc):
    assert zip_time(zipfile.ZipInfo("a.ipynb", wall)) == (utc, True)


def test_times_with_a_zone_are_taken_as_they_are():
    info = zipfile.ZipInfo("a.ipynb", (1980, 1, 1, 0, 0, 0))
    info.extra = struct.pack("<HHBI", 0x5455, 5, 1, int(DUE.timestamp()))
    assert zip_time(info) == (DUE, False)
    info.extra = struct.pack(
        "<HHIHHQQQ", 0x000A, 32, 0, 1, 24, (int(DUE.timestamp()) + 11_644_473_600) * 10**7, 0, 0
    )
    assert zip_time(info) == (DUE, False)


def test_a_time_that_cannot_be_is_none():
    info = zipfile.ZipInfo("a.ipynb", (1980, 0, 0, 0, 0, 0))
    assert zip_time(info) == (None, False)


@given(st.binary(max_size=40))
def test_whatever_stands_in_the_extra_field(extra):
    info = zipfile.ZipInfo("a.ipynb", (2026, 1, 1, 0, 0, 0))
    info.extra = extra
    buffer = io.BytesIO()
    try:
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr(info, b"")
        opened = zipfile.ZipFile(buffer)
    except (zipfile.BadZipFile, struct.error):
        return
    assert len(list_zip(opened, DueDates().local).files) == 1


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.timezones()))
def test_timestamps_come_back_to_the_microsecond(tmp_path_factory, time):
    folder = tmp_path_factory.getbasetemp()
    write_timestamp(folder, time)
    assert read_timestamp(folder) == time.astimezone(UTC)


@pytest.mark.parametrize(
    "text", ["2026-10-01 21:59:00.000000 UTC", "2026-10-01 23:59:00 +0200", "2026-10-01T21:59:00"]
)
def test_timestamps_are_read_as_nbgrader_reads_them(text):
    assert parse_timestamp(text) == DUE
    assert parse_timestamp("tomorrow") is None


# penalties in the gradebook, of a class that is made up: 25 points


@pytest.fixture
def graphs(tmp_path, root) -> FabricatedClass:
    course = FabricatedClass(tmp_path)
    course.add(
        Work("s01", written=5.0),
        Work("s02", written=0.0, failed={"add": dict.fromkeys(("∂L/∂x", "∂L/∂y"), "")}),
        Work("s03"),
    )
    return course


def say(course, text=""):
    (course.settings.folder / FILE).write_text(
        f"[due]\ngraphs = 2026-10-01T23:59:00+02:00\n{text}", encoding="utf-8"
    )
    return read_due_dates(course.settings.folder)


def hand_in_at(course, student, time):
    write_timestamp(course.settings.autograded / student / "graphs", time)


def penalties(course) -> dict[str, float]:
    with quiet(course.settings.log), open_gradebook(course.settings) as gradebook:
        submissions = gradebook.find_assignment("graphs").submissions
        return {str(one.student.id): float(one.late_submission_penalty) for one in submissions}


TEN = "[late]\npercent_per_day = 10\nat_most = 50\n"


def test_the_penalty_is_a_share_of_all_points_and_entered_once(graphs):
    dates = say(graphs, TEN)
    hand_in_at(graphs, "s01", DUE + 3 * HOUR)
    hand_in_at(graphs, "s02", DUE + 30 * HOUR)
    for _ in range(3):
        enter_penalties(graphs.settings, "graphs", dates)
        assert penalties(graphs) == {"s01": 2.5, "s02": 5.0, "s03": 0.0}
    points = read_grades(graphs.settings, "graphs")
    # what was earned by part is left alone
    assert points["s01"].points == {"add": 8, "multiply": 12, "written": 5}
    assert points["s01"].total == 22.5


def test_a_written_answer_that_waits_does_not_lessen_the_penalty(graphs):
    """The step that nbgrader has for lateness caps the penalty at the points so far.

    It leaves the penalty there when a person gives more.
    """
    graphs.add(Work("s04", failed={name: dict.fromkeys(parts, "") for name, parts in EVERYTHING.items()}))
    hand_in_at(graphs, "s04", DUE + 30 * HOUR)
    enter_penalties(graphs.settings, "graphs", say(graphs, TEN))
    assert read_grades(graphs.settings, "graphs")["s04"].total == 0
    with quiet(graphs.settings.log), open_gradebook(graphs.settings) as gradebook:
        written = gradebook.find_grade("written", "graphs", "graphs", "s04")
        written.manual_score, written.needs_manual_grade = 5.0, False
        gradebook.db.commit()
    assert penalties(graphs)["s04"] == 5
    assert read_grades(graphs.settings, "graphs")["s04"].total == 0


EVERYTHING = {"add": ("shapes", "∂L/∂x", "∂L/∂y"), "multiply": ("∂L/∂x", "∂L/∂y", "leaves inputs alone")}


def test_a_new_date_or_rule_holds_for_what_was_graded_before(graphs):
    hand_in_at(graphs, "s01", DUE + 3 * HOUR)
    enter_penalties(graphs.settings, "graphs", say(graphs, TEN))
    enter_penalties(graphs.settings, "graphs", say(graphs, TEN.replace("10", "20")))
    assert penalties(graphs)["s01"] == 5
    own = say(graphs, "[due_for.graphs]\ns01 = 2026-10-02T23:59:00+02:00\n" + TEN)
    enter_penalties(graphs.settings, "graphs", own)
    assert penalties(graphs)["s01"] == 0
    enter_penalties(graphs.settings, "graphs", say(graphs, TEN))
    assert penalties(graphs)["s01"] == 2.5


def test_a_date_from_the_formgrader_stands_where_class_toml_says_nothing(graphs):
    hand_in_at(graphs, "s01", DUE + 3 * HOUR)
    with quiet(graphs.settings.log), open_gradebook(graphs.settings) as gradebook:
        gradebook.update_or_create_assignment("graphs", duedate="2026-10-01T23:59:00+0200")
    (graphs.settings.folder / FILE).write_text(TEN)
    enter_penalties(graphs.settings, "graphs", read_due_dates(graphs.settings.folder))
    assert penalties(graphs)["s01"] == 2.5


def test_a_time_that_is_gone_takes_the_penalty_with_it(graphs):
    hand_in_at(graphs, "s01", DUE + 3 * HOUR)
    enter_penalties(graphs.settings, "graphs", say(graphs, TEN))
    (graphs.settings.autograded / "s01" / "graphs" / "timestamp.txt").unlink()
    enter_penalties(graphs.settings, "graphs", say(graphs, TEN))
    assert penalties(graphs)["s01"] == 0


def test_the_table_the_exports_and_the_feedback_show_it(graphs, tmp_path):
    hand_in_at(graphs, "s01", DUE + 3 * HOUR)
    enter_penalties(graphs.settings, "graphs", say(graphs, TEN))
    table = points_table(read_grades(graphs.settings, "graphs"))
    titles = [str(column.header) for column in table.columns]
    cells = {titles[position]: list(column.cells) for position, column in enumerate(table.columns)}
    assert cells["late"] == ["−2.5", "", ""]
    assert list(cells.values())[-1][0] == "22.5"
    write_export(graphs.settings, "graphs", "moodle", tmp_path / "m.csv", "Graphs")
    assert "s01,,,,,22.5" in (tmp_path / "m.csv").read_text()
    feedback(graphs.settings, "graphs", ["s01"])
    page = (graphs.settings.feedback / "s01" / "graphs" / "graphs.html").read_text()
    assert "2.5 points are taken for handing in late" in page


def test_no_column_for_lateness_where_nobody_is_late(graphs):
    enter_penalties(graphs.settings, "graphs", say(graphs, TEN))
    table = points_table(read_grades(graphs.settings, "graphs"))
    assert "late" not in [column.header for column in table.columns]


# from collecting to grading, with the tiny course: 5 points


def canvas(course, path, **answers):
    with zipfile.ZipFile(path, "w") as archive:
        for name, first in answers.items():
            notebook = nbformat.read(course.settings.source / "tiny" / "tiny.ipynb", as_version=4)
            notebook.cells[0].source = first
            archive.writestr(f"{name}_tiny.ipynb", nbformat.writes(notebook))
    return path


def test_what_canvas_marks_as_late_costs_one_started_day_until_somebody_knows_more(tiny, tmp_path):
    (tiny.settings.folder / FILE).write_text(f"[due]\ntiny = 2026-10-01T23:59:00+02:00\n{TEN}")
    source = canvas(tiny, tmp_path / "c.zip", eins_701_9001="first = 42", zwei_LATE_702_9002="first = 42")
    dates = read_due_dates(tiny.settings.folder)
    done = collect(tiny.settings, "tiny", source, ClassList(), dates)
    assert done.late == {"702": timedelta(seconds=61)}
    assert (
        "is late, says Canvas, but not when it came: counts as one started day; --times knows "
        "more" in dict(done.notes)["702"]
    )
    again = collect(tiny.settings, "tiny", source, ClassList(), dates)
    assert (again.became, again.late) == ({"701": "unchanged", "702": "unchanged"}, done.late)
    done = collect(tiny.settings, "tiny", source, ClassList(), dates, {"702": DUE + 3 * DAY})
    assert done.late == {"702": 3 * DAY}
    assert collect(tiny.settings, "tiny", source, ClassList(), dates).late == {"702": 3 * DAY}


def test_what_a_source_does_not_say_is_said(tiny, tmp_path):
    (tiny.settings.folder / FILE).write_text('timezone = "Asia/Tokyo"\n[due]\ntiny = 2026-10-01T23:59:00')
    dates = read_due_dates(tiny.settings.folder)
    notebook = (tiny.settings.source / "tiny" / "tiny.ipynb").read_bytes()

    def hints(**members):
        with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
            for name in members:
                archive.writestr(zipfile.ZipInfo(f"{name}/tiny.ipynb", (2026, 10, 2, 0, 30, 0)), notebook)
        done = collect(tiny.settings, "tiny", tmp_path / "in.zip", ClassList(), dates)
        return done.late, done.hints

    late, (zone,) = hints(s01=1, s02=1)
    assert late == {"s01": 31 * MINUTE, "s02": 31 * MINUTE}
    assert zone == "the times of these files name no zone: they are read in Asia/Tokyo (class.toml)"
    late, (times, names) = hints(**{"Student Eins_5001_assignsubmission_file": 1})
    assert late == {}
    assert times.startswith("Moodle's download does not say when work was handed in")
    assert names.startswith("without a class list students are called what Moodle calls them")


def test_from_collecting_to_points_and_again(tiny, tmp_path):
    (tiny.settings.folder / FILE).write_text(f"[due]\ntiny = 2026-10-01T23:59:00+02:00\n{TEN}")
    source = canvas(tiny, tmp_path / "c.zip", eins_701_9001="first = 42", zwei_LATE_702_9002="first = 41")

    def run(*arguments):
        return CliRunner().invoke(
            app, list(map(str, arguments)), env={"COLUMNS": "120", "NO_COLOR": "1", "TERM": "dumb"}
        )

    done = run("collect", "tiny", source)
    assert re.search(r"late +1 +702 \(1 min 1 s\)", done.output), done.output
    for again in ([], ["--again"]):
        done = run("grade", "tiny", *again)
        assert re.search(r"^ *702 +1 +1 +−0.5 +1.5 *$", done.output, re.MULTILINE), done.output
        assert re.search(r"^ *701 +4 +1 +5 *$", done.output, re.MULTILINE), done.output
    # nbgrader's own command, as the formgrader runs it, enters the same
    config = tiny.settings.config()
    with quiet(tiny.settings.log):
        coursedir = CourseDirectory(config=config, assignment_id="tiny", student_id="702")
        Autograde(coursedir=coursedir, config=config, force=True).start()
    assert read_grades(tiny.settings, "tiny")["702"].penalty == 0.5
    # a resubmission that cannot be graded leaves the earlier grade, and its time
    (tiny.settings.submitted / "702" / "tiny" / "tiny.ipynb").write_text("{")
    write_timestamp(tiny.settings.submitted / "702" / "tiny", DUE + 4 * DAY)
    assert grade(tiny.settings, "tiny", ["702"])[0].kept
    assert read_grades(tiny.settings, "tiny")["702"].penalty == 0.5
    (tiny.settings.folder / FILE).write_text("[due]\ntiny = tomorrow")
    done = run("grade", "tiny")
    assert (done.exit_code, "class.toml is not TOML" in done.stderr) == (2, True)
