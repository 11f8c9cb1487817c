"""How long grading a class takes: the engine, its sandbox on, against nbgrader's own autograde.

Both are started as an instructor starts them, as a command in the course's folder, on the same submissions of
a real assignment: right answers and the classic mistakes, each a little different from all others, so that
nothing is known in advance. The engine is started anew, with an empty cache, each time. nbgrader runs one
notebook after the other; its time for one is the same whether the class is large or small, so that it is
measured on parts of the class, in turns with the engine.

    python benchmarks/grading.py [--quick]
"""

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import nbformat
import psutil
import typer

from autograder.demo.sample_class import Sample, fill_in, read_bank
from autograder.handing_out.assignment import generate
from autograder.settings import Settings

ROOT = Path(__file__).parent.parent
ASSIGNMENT = "01_graphs"

STUDENTS = (
    "right-plain",
    "mean-for-sum",
    "right-vectorized",
    "lost-fan-out",
    "right-noisy-loops",
    "swapped-factors",
    "ignores-upstream",
    "half-done",
    "wrong-order",
    "in-place-damage",
)
"""Of the sample submissions: those whose notebooks nbgrader alone can grade, too."""

STOCK = """
c = get_config()
c.CourseDirectory.course_id = "stock"
c.Execute.timeout = 60
"""


def make_class(folder: Path, count: int) -> None:
    """A course's folder with that many submissions."""
    shutil.copytree(ROOT / "solutions" / ASSIGNMENT, folder / "solutions" / ASSIGNMENT)
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    settings = Settings(folder).prepare()
    released = generate(settings, ASSIGNMENT) / f"{ASSIGNMENT}.ipynb"
    samples = read_bank(ASSIGNMENT)
    for number in range(count):
        sample = samples[STUDENTS[number % len(STUDENTS)]]
        write(
            settings.submitted / f"student-{number:04}" / ASSIGNMENT,
            released,
            samples["right-plain"],
            sample,
            number,
        )


def write(folder: Path, released: Path, base: Sample, sample: Sample, number: int) -> None:
    """One submission, in which a comment differs from all others."""
    notebook = nbformat.read(released, as_version=4)
    answers = {**({} if "answers" in sample.treatment else base.answers), **sample.answers}
    fill_in(notebook, answers, sample.name)
    first = next(
        cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == "add"
    )
    first.source += f"\n\n# answer {number}"
    folder.mkdir(parents=True)
    nbformat.write(notebook, folder / released.name)


def stock_course(folder: Path, submitted: Path, students: list[str]) -> None:
    """The same as a course of nbgrader's own making, with some of the students."""
    folder.mkdir()
    (folder / "nbgrader_config.py").write_text(STOCK)
    shutil.copytree(ROOT / "solutions" / ASSIGNMENT, folder / "source" / ASSIGNMENT)
    for student in students:
        shutil.copytree(submitted / student, folder / "submitted" / student)
    subprocess.run(
        [*NBGRADER, "generate_assignment", ASSIGNMENT], cwd=folder, check=True, capture_output=True
    )


NBGRADER = [sys.executable, "-m", "nbgrader"]


@dataclass
class Memory:
    """The most memory that a command and each of its workers used, in bytes; shared pages are shared out."""

    parent: int = 0
    worker: int = 0

    def watch(self, process: subprocess.Popen[bytes]) -> None:
        """Look at it again and again until it ends."""
        command = psutil.Process(process.pid)
        while process.poll() is None:
            with suppress(psutil.Error):
                self.parent = max(self.parent, command.memory_info().rss)
                for child in command.children(recursive=True):
                    boxes = [one for one in child.children() if one.name() in ("bwrap", "python", "python3")]
                    if any(
                        one.name() == "bwrap" or "warm_kernel" in " ".join(one.cmdline()) for one in boxes
                    ):
                        tree = [child, *child.children(recursive=True)]
                        self.worker = max(self.worker, sum(one.memory_full_info().pss for one in tree))
            time.sleep(0.25)


def seconds(command: list[str], folder: Path, memory: Memory | None = None) -> float:
    """The time that a command takes."""
    began = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, cwd=folder, stdout=said, stderr=said)
        if memory is not None:
            threading.Thread(target=memory.watch, args=(process,), daemon=True).start()
        if process.wait() != 0:
            said.seek(0)
            raise RuntimeError(f"{' '.join(command)} failed:\n{said.read().decode()[-3000:]}")
    return time.perf_counter() - began


def engine(course: Path, *options: str, memory: Memory | None = None) -> float:
    """The time to grade the class with the engine."""
    return seconds([sys.executable, "-m", "autograder", "grade", ASSIGNMENT, *options], course, memory)


def fresh(course: Path, students: list[str]) -> Path:
    """The course as it was before anything was graded, with some of its students."""
    folder = course.with_name(f"{course.name}-fresh")
    shutil.rmtree(folder, ignore_errors=True)
    ignored = shutil.ignore_patterns("cache", "graded", "autograded", "student-*")
    shutil.copytree(course, folder, ignore=ignored)
    for student in students:
        shutil.copytree(
            course / "autograder/work/submitted" / student, folder / "autograder/work/submitted" / student
        )
    return folder


def main(
    quick: Annotated[
        bool, typer.Option(help="a small class, within a minute or so, for a first look")
    ] = False,
    students: Annotated[int, typer.Option(help="how many submissions are compared")] = 60,
    large: Annotated[
        int, typer.Option(help="how many submissions a large class has; 0 leaves it out")
    ] = 1000,
) -> None:
    """Grade the same class in turns; print a table and, as the last line, the ratios as JSON."""
    rounds, count, small, large = (1, 10, 10, 20) if quick else (3, students, 100, large)
    with tempfile.TemporaryDirectory() as scratch:
        course = Path(scratch) / "course"
        make_class(course, max(count, large))
        everyone = sorted(path.name for path in (course / "autograder/work/submitted").iterdir())
        some, memory = everyone[:count], Memory()
        part = 4 if quick else count // rounds
        stock, ours, cached, unchanged = [], [], [], []
        for turn in range(rounds):
            folder = Path(scratch) / f"stock-{turn}"
            stock_course(folder, course / "autograder/work/submitted", some[turn * part : (turn + 1) * part])
            stock.append(seconds([*NBGRADER, "autograde", ASSIGNMENT], folder) / part)
            ours.append(engine(fresh(course, some), memory=memory) / count)
            graded = course.with_name("course-fresh")
            cached.append(engine(graded, "--again") / count)
            unchanged.append(engine(graded))
            print(
                f"round {turn + 1}: nbgrader {stock[-1]:.2f} s, engine {ours[-1]:.3f} s, cached "
                f"{cached[-1]:.3f} s each"
            )
        growth = 1.0
        if large:
            # The small class before and after the large one, so that a machine that slows down on the way
            # does not count.
            before = engine(fresh(course, everyone[:small])) / small
            many = engine(fresh(course, everyone[:large]), memory=memory) / large
            few = (before + engine(fresh(course, everyone[:small])) / small) / 2
            growth = many / few
            print(f"{small} submissions: {few:.3f} s each; {large}: {many:.3f} s each")
    theirs, mine, again = statistics.median(stock), statistics.median(ours), statistics.median(cached)
    print(f"nbgrader          {theirs:7.2f} s a submission")
    print(f"engine            {mine:7.3f} s  {theirs / mine:5.1f}×")
    print(f"engine, cached    {again:7.3f} s  {theirs / again:5.1f}×")
    print(f"nothing changed   {statistics.median(unchanged):7.1f} s in all")
    found = {
        "speedup_cold": round(theirs / mine, 1),
        "speedup_cached": round(theirs / again, 1),
        "per_submission_s": round(mine, 3),
        "unchanged_s": round(statistics.median(unchanged), 1),
        "cost_growth": round(growth, 2),
        "parent_mb": round(memory.parent / 2**20),
        "worker_mb": round(memory.worker / 2**20),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    typer.run(main)
