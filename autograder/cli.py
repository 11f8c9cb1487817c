"""The command line: generate, add, bundle, collect, grade, feedback, report, export, demo and doctor."""

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from autograder.address import VARIABLE
from autograder.collecting import submissions
from autograder.errors import AnswersFoundError, AutograderError
from autograder.running import workers
from autograder.running.calls import make_ready
from autograder.settings import Settings, find_root

if TYPE_CHECKING:
    from autograder.running.engine import Outcome, Runner

# nbgrader takes seconds to import: each command imports what it needs when it runs, and --help is quick.

app = typer.Typer(
    help="Grade the course's assignments, on top of nbgrader. Start it anywhere in the course's folder.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
screen, complaints = Console(), Console(stderr=True)

Name = Annotated[
    str, typer.Argument(help="The assignment: a folder in solutions/.", metavar="NAME", show_default=False)
]
Work = Annotated[
    Path | None, typer.Option(help="Grade in this folder, not in autograder/work.", metavar="FOLDER")
]
Database = Annotated[
    str | None,
    typer.Option(
        "--db",
        envvar=VARIABLE,
        help="The gradebook: postgresql://USER:PASSWORD@HOST/NAME, not a file in the work folder.",
        metavar="URL",
    ),
]
Cluster = Annotated[
    str | None,
    typer.Option(
        help="Run submissions on a Dask cluster: its scheduler's address, tcp://HOST:PORT.", metavar="URL"
    ),
]
Student = Annotated[str | None, typer.Option(help="Only this student.", metavar="STUDENT")]


@app.command(epilog="Example: autograder generate 01_graphs")
def generate(name: Name, db: Database = None, work: Work = None) -> None:
    """Make the students' notebook, in assignments/NAME/, from the instructor's in solutions/NAME/."""
    with _course(work, db) as settings:
        from autograder.handing_out.assignment import generate

        screen.print(f"students' notebook of '{name}': {generate(settings, name)}", soft_wrap=True)


@app.command(epilog="Example: autograder add 02_layers softsign")
def add(
    name: Name,
    exercise: Annotated[
        str, typer.Argument(help="Its name in exercises/bank/.", metavar="EXERCISE", show_default=False)
    ],
) -> None:
    """Put a new exercise into an instructor's notebook, from its definition: task, answer, picture, check."""
    with _course(None) as settings:
        submissions.require_assignment(settings, name)
        from autograder.handing_out.new_exercise import add_exercise

        added = add_exercise(settings, name, exercise)
        screen.print(
            f"'{exercise}' is at the end of {added.path}: {added.points:g} points now",
            markup=False,
            soft_wrap=True,
        )
        for missing in added.missing:
            screen.print(
                f"its answer uses {missing}: import it in the notebook's first code cell", soft_wrap=True
            )
        screen.print(f"next: read its cells, then 'autograder generate {name}'", markup=False, soft_wrap=True)


@app.command(
    epilog="Examples: autograder collect 01_graphs submissions.zip --students students.csv "
    "| autograder collect 01_graphs /srv/nbgrader/exchange"
)
def collect(
    name: Name,
    source: Annotated[
        Path,
        typer.Argument(
            help="A folder, a zip, a download from Canvas or Moodle, or nbgrader's exchange.",
            metavar="SOURCE",
            show_default=False,
        ),
    ],
    students: Annotated[
        Path | None,
        typer.Option(help="The class list, a CSV file; students.csv in the work folder.", metavar="FILE"),
    ] = None,
    times: Annotated[
        Path | None,
        typer.Option(help="When who handed in: a CSV file with the columns id and time.", metavar="FILE"),
    ] = None,
    work: Work = None,
) -> None:
    """Bring in what students handed in, each under the right name, and name what cannot be taken.

    The class list says whose is what: a column id, and any of canvas id, sortname, moodle id, email, name.
    When work is due stands in class.toml in the work folder.
    """
    with _course(work) as settings:
        from autograder.collecting import collect as collecting
        from autograder.collecting.class_list import FILE, ClassList, read_class_list, read_times
        from autograder.gradebook.due_dates import read_due_dates

        usual = settings.folder / FILE
        listed = read_class_list(students or usual) if students or usual.exists() else ClassList()
        handed_in = read_times(times, listed) if times else {}
        summary = collecting.collect(
            settings, name, source, listed, read_due_dates(settings.folder), handed_in
        )
        for student, line in summary.notes:
            screen.print(f"{student}: {line}", markup=False, highlight=False, soft_wrap=True)
        for line in summary.hints:
            screen.print(line, markup=False, highlight=False, soft_wrap=True)
        for subject, line in summary.problems:
            complaints.print(f"{subject}: {line}", markup=False, highlight=False, soft_wrap=True)
        screen.print(collecting.summary_table(summary, name))
        if summary.problems:
            raise typer.Exit(1)


DANGER = (
    "[bold red]No sandbox:[/] submissions run with your rights. They can read the solutions, other students' "
    "work and "
    "your keys, change the gradebook, and use the network. Time, memory and processes are limited all the "
    "same."
)


@app.command(
    epilog="Examples: autograder grade 01_graphs | autograder grade 01_graphs --student ada --again "
    "| autograder grade 01_graphs --cluster tcp://localhost:8786"
)
def grade(
    name: Name,
    student: Student = None,
    again: Annotated[
        bool, typer.Option("--again", help="Also what is graded and has not changed since.")
    ] = False,
    no_sandbox: Annotated[
        bool, typer.Option("--no-sandbox", help="Run submissions with your rights.")
    ] = False,
    device: Annotated[
        str, typer.Option(help="Where submissions compute: cpu or cuda.", metavar="DEVICE")
    ] = "cpu",
    cluster: Cluster = None,
    db: Database = None,
    work: Work = None,
) -> None:
    """Grade what lies in autograder/work/submitted/STUDENT/NAME/, and print everybody's points."""
    if device not in ("cpu", "cuda"):
        _give_up(f"there is no device '{device}': cpu or cuda", 2)
    with _course(work, db) as settings:
        settings = replace(settings, sandbox=not no_sandbox, device=device)
        if no_sandbox:
            complaints.print(DANGER, soft_wrap=True)
        submissions.require_assignment(settings, name)
        students = submissions.students_who_submitted(settings, name, student)
        if cluster is None:
            workers.start_early(settings.log, make_ready, settings.limits, settings.sandbox, settings.device)
        from autograder.gradebook.record import due

        todo = students if again else due(settings, name, students)
        outcomes = _grade(settings, name, todo, cluster)
        if len(todo) < len(students):
            screen.print(
                f"{len(students) - len(todo)} of {len(students)} are unchanged since they were graded; "
                f"--again grades all"
            )
        _exit_if_problems(outcomes)


@app.command(epilog="Examples: autograder feedback 01_graphs | autograder feedback 01_graphs --student ada")
def feedback(name: Name, student: Student = None, db: Database = None, work: Work = None) -> None:
    """Write a page for each graded student: autograder/work/feedback/STUDENT/NAME/NAME.html."""
    with _course(work, db) as settings:
        workers.warm_up()
        from autograder.collecting import submissions
        from autograder.gradebook.grades import read_grades
        from autograder.handing_out.assignment import ensure_in_gradebook

        ensure_in_gradebook(settings, name)
        students = submissions.students_who_submitted(settings, name, student)
        graded = {
            submission.student
            for submission in read_grades(settings, name).submissions
            if submission.handed_in
        }
        if graded.isdisjoint(students):
            raise AutograderError(f"nothing of '{name}'", "is graded yet", f"autograder grade {name}")
        _exit_if_problems(
            _feedback(settings, name, [student_id for student_id in students if student_id in graded])
        )


@app.command(epilog="Example: autograder report 01_graphs")
def report(name: Name, db: Database = None, work: Work = None) -> None:
    """Write how the class did, per exercise and per mistake: autograder/work/reports/NAME.html."""
    with _course(work, db) as settings:
        submissions.require_assignment(settings, name)
        _report(settings, name)


@app.command(epilog="Example: autograder export 01_graphs --for canvas --column 'Graphs (4711)'")
def export(
    name: Name,
    lms: Annotated[str, typer.Option("--for", help="canvas or moodle.", metavar="LMS", show_default=False)],
    to: Annotated[
        Path | None, typer.Option(help="The file; autograder/work/exports/NAME-LMS.csv.", metavar="FILE")
    ] = None,
    column: Annotated[str | None, typer.Option(help="The assignment's title there.", metavar="TITLE")] = None,
    db: Database = None,
    work: Work = None,
) -> None:
    """Write final grades as a CSV file for Canvas or Moodle; who has none yet is left out and named."""
    if lms not in ("canvas", "moodle"):
        _give_up(f"there is no export for '{lms}': canvas or moodle", 2)
    with _course(work, db) as settings:
        from autograder.pages.exports import write_export

        submissions.require_assignment(settings, name)
        path = to or settings.folder / "exports" / f"{name}-{lms}.csv"
        left_out = write_export(settings, name, lms, path, column or name)
        screen.print(f"grades for {lms}: {path}", markup=False, soft_wrap=True)
        _name({student: f"left out, {reason}" for student, reason in left_out.items()})


@app.command(epilog="Examples: autograder bundle | autograder bundle 01_graphs 02_layers --to ~/students.zip")
def bundle(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="The assignments; all when left out.", metavar="[NAME]...", show_default=False),
    ] = None,
    to: Annotated[Path | None, typer.Option(help="The file; dist/students.zip.", metavar="FILE")] = None,
) -> None:
    """Write what students receive as one zip: lectures, assignments, and the library without answers."""
    with _course(None) as settings:
        target = (to or settings.root / "dist" / "students.zip").expanduser()
        try:
            from autograder.handing_out.bundle import write_bundle

            count = write_bundle(settings, names or [], target)
        except AnswersFoundError as error:
            complaints.print(str(error), markup=False, highlight=False, soft_wrap=True)
            _give_up(str(error.problem), 1)
        except KeyboardInterrupt:
            _give_up(f"stopped; {target} is as it was", 130)
        else:
            screen.print(
                f"{target}: {count} files, {target.stat().st_size / 1e3:.0f} kB", markup=False, soft_wrap=True
            )


@app.command(epilog="Examples: autograder demo | autograder demo 01_graphs")
def demo(
    names: Annotated[
        list[str] | None, typer.Argument(help="Only these assignments.", metavar="NAME", show_default=False)
    ] = None,
    work: Work = None,
) -> None:
    """Show the whole path in its own folder: a class of thirty hands in, gets grades, feedback, a report."""
    began, count = time.monotonic(), 0
    with _course(work) as settings:
        workers.warm_up()
        from autograder.demo.sample_class import banks, hand_in
        from autograder.handing_out.assignment import generate

        for name in names or ():
            submissions.require_assignment(settings, name)
        folder = settings.folder / "demo"
        shutil.rmtree(folder, ignore_errors=True)
        settings = settings.at(folder, release=folder / "assignments")
        for name in names or banks():
            generate(settings, name)
            students = list(hand_in(settings, name))
            _grade(settings, name, students)
            _feedback(settings, name, students)
            _report(settings, name)
            count += len(students)
        screen.print(f"{count} submissions in {time.monotonic() - began:.0f} s", soft_wrap=True)
        screen.print(f"who handed in what: {folder / 'class.csv'}", markup=False, soft_wrap=True)


@app.command(epilog="Example: autograder doctor")
def doctor() -> None:
    """Check what grading needs on this computer, one line each, with the cure."""
    from autograder.doctor import examine

    findings = examine()
    for finding in findings:
        screen.print(finding.line(), highlight=False, soft_wrap=True)
    if any(not finding.fine and not finding.optional for finding in findings):
        raise typer.Exit(1)


def _grade(
    settings: Settings, name: str, students: Sequence[str], cluster: str | None = None
) -> "list[Outcome]":
    """Grade, and print the table with a line for each problem."""
    from autograder.gradebook.grades import read_grades
    from autograder.pages.table import points_table
    from autograder.running import engine

    with (
        _runner(settings, cluster if students else None) as runner,
        _bar("grading", len(students)) as advance,
    ):
        outcomes = engine.grade(settings, name, students, advance, runner=runner)
    grades = read_grades(settings, name)
    screen.print(points_table(grades))
    screen.print("✎ waits for a person   — not handed in", soft_wrap=True)
    problems = {
        submission.student: submission.problem for submission in grades.submissions if submission.problem
    }
    problems |= {
        outcome.student: f"the earlier grade stands; the new file: {outcome.problem}"
        for outcome in outcomes
        if outcome.kept
    }
    _name(problems)
    return outcomes


@contextmanager
def _runner(settings: Settings, cluster: str | None) -> "Iterator[Runner]":
    """Where submissions run: on this computer, or on a cluster."""
    if cluster is None:
        yield workers.in_workers
        return
    try:
        from autograder.running.cluster import on_cluster
    except ModuleNotFoundError as error:
        raise AutograderError(
            str(error.name), "is not installed", 'pip install "modular-learning[cluster]"'
        ) from error

    def say(line: str) -> None:
        complaints.print(line, markup=False, highlight=False, soft_wrap=True)

    with on_cluster(
        cluster, settings.log, isolated=settings.sandbox, device=settings.device, say=say
    ) as runner:
        yield runner


def _feedback(settings: Settings, name: str, students: Sequence[str]) -> "list[Outcome]":
    """Write feedback, and say where it lies."""
    from autograder.pages.writing import feedback

    with _bar("feedback", len(students)) as advance:
        outcomes = feedback(settings, name, students, advance)
    screen.print(
        f"feedback: {settings.feedback / '<student>' / name}/{name}.html", markup=False, soft_wrap=True
    )
    _name({outcome.student: str(outcome.problem) for outcome in outcomes if outcome.problem})
    return outcomes


def _report(settings: Settings, name: str) -> None:
    """Write the class report, and say where it lies."""
    from autograder.pages.report import write_report

    screen.print(f"report: {write_report(settings, name)}", markup=False, soft_wrap=True)


def _name(problems: dict[str, str]) -> None:
    for student, problem in problems.items():
        complaints.print(f"{student}: {problem}", markup=False, highlight=False, soft_wrap=True)


def _exit_if_problems(outcomes: "list[Outcome]") -> None:
    if any(outcome.problem for outcome in outcomes):
        raise typer.Exit(1)


@contextmanager
def _course(work: Path | None, db: str | None = None) -> Iterator[Settings]:
    """The course that we stand in; every foreseen error leaves as one line and an exit code."""
    try:
        yield Settings(find_root(), work.resolve() if work else None, db=db).prepare()
    except AutograderError as error:
        _give_up(str(error), 2)
    except ModuleNotFoundError as error:
        _give_up(f"{error.name} is not installed: 'autograder doctor' says what to do", 2)
    except PermissionError as error:
        _give_up(
            f"{error.filename} may not be written: make yourself its owner, or choose another folder "
            f"with --work",
            2,
        )
    except KeyboardInterrupt:
        _give_up("stopped; what is graded stays graded, and the same command goes on with the rest", 130)


def _give_up(line: str, code: int) -> None:
    complaints.print(f"autograder: {line}", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(code)


class _Rate(ProgressColumn):
    """How fast it goes."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.1f}/s" if task.speed else "")


@contextmanager
def _bar(doing: str, total: int) -> Iterator[Callable[[str], None]]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[last]}"),
    )
    with Progress(*columns, console=complaints, transient=True) as bar:
        task = bar.add_task(doing, total=total, last="")
        yield lambda student: bar.update(task, advance=1, last=student)
