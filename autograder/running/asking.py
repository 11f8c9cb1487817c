"""Which process is asked for which answer: none in which a cell ran that the answer does not need.

Forking one for each answer would cost more than all the rest. So answers in whose sources a person need see
nothing share a process, which has run what they need and no more; where the notebook holds no other cell, it
is the one that runs the whole notebook. An answer in whose sources there is something to see is asked alone.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from nbformat import NotebookNode

from autograder.gradebook.notebooks import nbgrader_metadata
from autograder.running.cells import as_python
from autograder.running.judge import Check, Sources, judge, seen_in
from autograder.running.needed import needed
from autograder.sandbox.host import Sandbox
from autograder.sandbox.student import Student, StudentGoneError
from course.checking.finding import Problem
from course.exercises import Score

IN_THE_WHOLE = (
    "the answer could be asked only where the whole notebook had run: "
    "a person looks at this before the points count"
)

APART = 0.25
"""The part of a notebook's time for answers that are asked apart: then the whole may still take the rest."""

LACKING = (Problem.RAISED, Problem.MISSING)
"""What a verdict may come to where a cell that an answer needs did not run."""


@dataclass(eq=False)
class Test:
    """A test cell that makes a check: what its answer needs, and what became of it.

    Args:
        check: what it checks.
        place: how many of the notebook's cells run before it.
        sources: of the answer, see `judge`.
        needed: the places of the cells that the answer needs.
        clean: whether nobody need look at its sources.
        score: what it is worth; None as long as nobody was asked.
        seconds: that asking took.
    """

    check: Check
    place: int
    sources: Sources
    needed: frozenset[int]
    clean: bool
    score: Score | None = None
    seconds: float = 0.0

    @property
    def lacks(self) -> bool:
        """Whether its answer may have needed a cell more."""
        verdicts = self.score.verdicts if self.score and len(self.needed) < self.place else ()
        return any(part.problem in LACKING for part in verdicts)


class Asking:
    """The tests of one notebook, and the processes that are asked.

    Args:
        sandbox: in which the processes run.
        cells: those that run, in order; tests are not among them.
        files: what was handed in beside the notebook.
        seed: of the judge's inputs.
        until: when the notebook's time is over, in time.monotonic's seconds.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        cells: Sequence[NotebookNode],
        files: Mapping[str, bytes],
        seed: int,
        until: float,
    ) -> None:
        self.sandbox, self.cells, self.files, self.seed, self.until = sandbox, cells, files, seed, until
        self.brought = tuple(
            data.decode(errors="replace") for name, data in files.items() if name.endswith(".py")
        )
        self.tests: list[Test] = []
        self.reason, self.peak = "", 0

    def add(self, check: Check, place: int, answers: Sequence[str], given: Sequence[str]) -> Test:
        """A test that stands behind so many of the cells: `answers` are the student's, `given` the rest."""
        sources = Sources(answers, given, self.brought)
        read = needed([as_python(cell.source) for cell in self.cells[:place]], check.name)
        clean = not seen_in(check, sources)
        test = Test(check, place, sources, frozenset(read), clean)
        self.tests.append(test)
        return test

    def apart(self) -> None:
        """Ask for all answers that the process of the whole notebook may not be asked for.

        They get a part of the time; what there was no time for is left to that process.
        """
        waiting = [test for test in self.tests if not self.fits_whole(test)]
        until = time.monotonic() + APART * (self.until - time.monotonic())
        self._ask_all(waiting, until)
        if time.monotonic() > until:
            for test in waiting:
                if test.score and any(part.problem is Problem.NO_ANSWER for part in test.score.verdicts):
                    test.score = None

    def rest(self) -> None:
        """Ask for the answers that nobody was asked for, since the process of the whole notebook ended."""
        self._ask_all([test for test in self.tests if test.score is None], self.until)

    def fits_whole(self, test: Test) -> bool:
        """Whether the process that runs the whole notebook may be asked: no cell ran there that is nobody's.

        The instructor's cells are no student's.
        """
        wanted = frozenset[int]().union(*(other.needed for other in self.tests if other.clean))
        own = {place for place in range(test.place) if not nbgrader_metadata(self.cells[place]).get("locked")}
        return test.clean and own <= wanted

    def ask_whole(self, test: Test, student: Student) -> None:
        """Ask the process in which the whole notebook runs, up to here, if no other was or could be asked."""
        if test.score is None and self.fits_whole(test):
            test.score = self._ask(test, student)
        elif test.score is None or test.lacks:
            score = self._ask(test, student)
            if test.score is None or score.points > test.score.points:
                test.score = replace(score, review=(*score.review, IN_THE_WHOLE))

    def _ask(self, test: Test, student: Student) -> Score:
        began = time.monotonic()
        score = judge(student, test.check, test.sources, seed=self.seed)
        test.seconds += time.monotonic() - began
        return score

    def _ask_all(self, tests: Sequence[Test], until: float) -> None:
        self._ask_together([test for test in tests if test.clean], until)
        for test in tests:
            if not test.clean:
                self._ask_together([test], until)

    def _ask_together(self, tests: Sequence[Test], until: float) -> None:
        """Ask a process that runs what these tests need, and another one for the rest, should it end."""
        waiting = list(tests)
        while waiting and time.monotonic() < until:
            with self.sandbox.student(until) as student:
                self._ask_one_process(waiting, student)
            self.note_ending()
            waiting = [test for test in waiting if test.score is None]

    def _ask_one_process(self, tests: Sequence[Test], student: Student) -> None:
        """Ask for one answer after the other; those that a process that ended did not need are left out."""
        places = iter(sorted(frozenset[int]().union(*(test.needed for test in tests))))
        place, fatal = next(places, None), None
        with suppress(StudentGoneError):
            student.files(dict(self.files))
            student.shut()
        hopeless = bool(student.gone)
        for test in tests:
            while place is not None and place < test.place and not student.gone:
                with suppress(StudentGoneError):
                    student.ask("run", self.cells[place].source, stop=True)
                fatal = place if student.gone else None
                place = next(places, None)
            if hopeless or not student.gone or fatal in test.needed:
                test.score = self._ask(test, student)

    def note_ending(self) -> None:
        """Note how the last process ended."""
        self.reason = self.reason or self.sandbox.last.reason
        self.peak = max(self.peak, self.sandbox.last.peak)
