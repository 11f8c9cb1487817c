"""A score: the verdict and the points for each part of an exercise, as a table that a student can read."""

import html
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from course.checking.diagnosis import Diagnosis
from course.checking.finding import Problem
from course.checking.part import Kind, Part
from course.checking.report import Report
from course.exercises.exercise import Exercise
from course.exercises.paper import OnPaper

MIMETYPE = "application/vnd.modular-learning.score+json"
"""Under which a score stands in a notebook's outputs for programs to read."""

LONGEST = 500
"""Characters of one message in a mimebundle: part of it may be what a student's exception says."""

MOST_MAPS, MAP_CELLS = 2, 8
"""How many gradients are drawn, and how many rows and columns of each: a class's scores should stay small."""

HINT_TITLES: tuple[str, ...] = (
    "Hint 1: what to think about",
    "Hint 2: an earlier result",
    "Hint 3: a relative, worked out",
)

CELL = "text-align:left;padding:4px 10px"
"""Inline, since a feedback page and a notebook bring style sheets of their own."""


@dataclass(frozen=True)
class Score:
    """How a student's object did: for each part the verdict and its points.

    It shows as a table, with hints while parts fail.
    """

    exercise: Exercise
    verdicts: tuple[Part, ...]
    review: tuple[str, ...] = ()
    """Why a person should look at the answer: torch.autograd in its source, say."""
    hints: int = 0
    """How many of the exercise's hints are shown."""
    reports: Mapping[str, Report] = field(default_factory=dict, compare=False, repr=False)
    """By failed part, the report on the case that its message is about: what the maps are drawn from."""
    paper: OnPaper | None = field(default=None, compare=False, repr=False)
    """A failing case to redo by hand."""
    longest: int | None = None
    """How many characters of a message are shown; all of them when None."""

    @property
    def complete(self) -> bool:
        """Whether nothing is missing."""
        return all(part.passed for part in self.verdicts)

    @property
    def unwritten(self) -> bool:
        """Whether nothing has been written yet: all that fails does so because an answer is missing."""
        failed = [part for part in self.verdicts if not part.passed]
        return bool(failed) and all(part.problem is Problem.NOT_WRITTEN for part in failed)

    def with_hints(self, count: int) -> "Score":
        """The same score showing the first hints."""
        return replace(self, hints=min(count, len(self.exercise.hints)))

    @property
    def points(self) -> float:
        """The points earned."""
        return float(sum(self.earned(part) for part in self.verdicts))

    def earned(self, part: Part) -> float:
        """The points earned with one part."""
        return float(self.exercise.points[part.name]) if part.passed else 0.0

    @property
    def headline(self) -> str:
        """One line: the exercise, the points earned and the points to be had."""
        return f"{self.exercise.name}: {self.points:g} of {self.exercise.max_points:g} points"

    def mimebundle(self, seconds: float = 0.0) -> dict[str, Any]:
        """The score as a notebook's output: as text, as HTML, and under MIMETYPE as data.

        A hint comes with it while parts fail.

        Args:
            seconds: that the answer took.
        """
        parts = [
            {
                "name": part.name,
                "kind": part.kind.value,
                "tensor": part.tensor,
                "case": part.case,
                "passed": part.passed,
                "points": self.earned(part),
                "most": float(self.exercise.points[part.name]),
                "problem": part.problem.value,
                "found": part.found[:LONGEST],
                "message": part.message[:LONGEST],
                "follows": part.follows,
                "mistake": part.mistake and _data(part.mistake, part.explanation),
            }
            for part in self.verdicts
        ]
        data = {
            "exercise": self.exercise.name,
            "points": self.points,
            "most": self.exercise.max_points,
            "seconds": float(seconds),
            "review": [reason[:LONGEST] for reason in self.review],
            "parts": parts,
        }
        short = replace(self, longest=LONGEST, hints=0 if self.complete else max(1, self.hints))
        return _encodable({"text/plain": repr(short), "text/html": short._repr_html_(), MIMETYPE: data})

    def __repr__(self) -> str:
        width = max(len(part.name) for part in self.verdicts)
        lines = [
            f"  {'✓' if part.passed else '✗'} {part.name:<{width}}  "
            f"{self.earned(part):4g} of {self.exercise.points[part.name]:g}  "
            f"{part.line[: self.longest]}".rstrip()
            for part in self.verdicts
        ]
        hints = [f"  {title}: {hint}" for title, hint in self._shown_hints()]
        paper = [f"  On paper: {self.paper.sentence}"] if self.paper else []
        return "\n".join(
            [self.headline, *lines, *paper, *(f"  For review: {reason}" for reason in self.review), *hints]
        )

    def _repr_html_(self) -> str:
        heads = "".join(f"<th style='{CELL}'>{head}</th>" for head in ("", "part", "points", "what was seen"))
        table = (
            "<table style='font-size:15px'>"
            "<caption style='text-align:left;font-weight:bold;color:inherit;font-size:15px'>"
            f"{html.escape(self.headline)}</caption>"
            f"<tr>{heads}</tr>{''.join(self._row(part) for part in self.verdicts)}</table>"
        )
        review = "".join(
            f"<p style='font-size:15px'>For review: {html.escape(reason)}</p>" for reason in self.review
        )
        paper = (
            f"<p style='font-size:15px'>On paper: {html.escape(self.paper.sentence)}</p>"
            if self.paper
            else ""
        )
        return table + paper + review + self._maps() + self._hints()

    def _row(self, part: Part) -> str:
        points = f"{self.earned(part):g} of {self.exercise.points[part.name]:g}"
        cells = ("✓" if part.passed else "✗", part.name, points, part.line[: self.longest])
        return "<tr>" + "".join(f"<td style='{CELL}'>{html.escape(cell)}</td>" for cell in cells) + "</tr>"

    def _maps(self) -> str:
        """Maps of the failed gradients that were measured."""
        wanted: dict[tuple[str, str], Report] = {}
        for part in self.verdicts:
            report = self.reports.get(part.name)
            if report is not None:
                names = [part.tensor] if part.kind is Kind.GRADIENT else report.wrong
                wanted.update({(report.title, wrong): report for wrong in names})
        drawn = [report.maps(wrong, MAP_CELLS, case) for (case, wrong), report in wanted.items()]
        return "".join(list(filter(None, drawn))[:MOST_MAPS])

    def _hints(self) -> str:
        return "".join(
            f"<details><summary>{title}</summary><p>{html.escape(hint)}</p></details>"
            for title, hint in self._shown_hints()
        )

    def _shown_hints(self) -> list[tuple[str, str]]:
        return list(zip(HINT_TITLES, self.exercise.hints, strict=True))[: self.hints]


def _data(mistake: Diagnosis, explanation: str) -> dict[str, Any]:
    """A diagnosis for programs to read; its sentence is empty where what was found says as much."""
    return {"name": mistake.name, "confidence": float(mistake.confidence), "sentence": explanation[:LONGEST]}


def _encodable(value: Any) -> Any:
    """The value with "?" in place of half characters.

    A string may hold these (a student's exception, say), but no file can.
    """
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {key: _encodable(item) for key, item in value.items()}
    return [_encodable(item) for item in value] if isinstance(value, list) else value
