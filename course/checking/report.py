"""Report: the verdicts on one module, as a table in a terminal, with maps of wrong gradients in notebooks."""

import html
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from course.checking.diagnosis import Diagnosis, Trial
from course.checking.finding import gradient_name, index_of_largest
from course.checking.part import Kind, Part

MOST_CELLS = 16
"""How many rows and columns of a gradient a map shows: more could not be read on a slide."""

BLUE, ORANGE = (0, 114, 178), (213, 94, 0)
"""Positive and negative numbers; told apart by color-blind readers, too (Okabe, Ito: Color universal design,
2008)."""


@dataclass(frozen=True)
class Report:
    """The verdicts on one module; prints as a table."""

    title: str
    parts: tuple[Part, ...]
    analytic: Mapping[str, np.ndarray | None] = field(default_factory=dict)
    """The gradients that backward gave, by name of the input or parameter."""
    numeric: Mapping[str, np.ndarray] = field(default_factory=dict)
    """The true ones, from central differences: those that were measured in full, nan where a number was left
    out."""
    trial: Trial | None = field(default=None, repr=False, compare=False)
    """What was judged, by which the mistakes get their names."""

    @property
    def passed(self) -> bool:
        """Whether every part passed (and there was at least one)."""
        return bool(self.parts) and all(part.passed for part in self.parts)

    @property
    def mistakes(self) -> dict[str, Diagnosis]:
        """The mistakes that have a name, by part."""
        return {part.name: part.mistake for part in self.parts if part.mistake is not None}

    def __getitem__(self, name: str) -> Part:
        return {part.name: part for part in self.parts}[name]

    def __str__(self) -> str:
        width = max((len(part.name) for part in self.parts), default=0)
        lines = [
            f"{'pass' if part.passed else 'FAIL'}  {part.name:<{width}}  {part.line}".rstrip()
            for part in self.parts
        ]
        return "\n".join([self.title, *lines])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td style='white-space:nowrap'>{'✓ pass' if part.passed else '✗ not yet'}</td>"
            f"<td style='text-align:left;white-space:nowrap'>{html.escape(part.name)}</td>"
            f"<td style='text-align:left'>{html.escape(part.line)}</td></tr>"
            for part in self.parts
        )
        title = html.escape(self.title)
        caption = f"<caption style='text-align:left;font-weight:bold;color:inherit'>{title}</caption>"
        return f"<table style='font-size:15px'>{caption}{rows}</table>" + "".join(
            self.maps(name) for name in self.wrong
        )

    @property
    def wrong(self) -> tuple[str, ...]:
        """The names of the gradients that failed and were measured."""
        failed = {part.tensor for part in self.parts if part.kind is Kind.GRADIENT and not part.passed}
        return tuple(name for name in self.numeric if name in failed and self.analytic.get(name) is not None)

    def maps(self, name: str, cells: int = MOST_CELLS, case: str = "") -> str:
        """Three maps side by side: what backward gave, the numeric gradient, and the difference.

        The result is empty if there are none.

        Args:
            cells: how many rows and columns are drawn at most.
            case: named in the caption, where maps of several cases stand together.
        """
        analytic, numeric = self.analytic.get(name), self.numeric.get(name)
        if analytic is None or numeric is None or analytic.shape != numeric.shape or not numeric.size:
            return ""
        error = np.abs(np.nan_to_num(analytic - numeric, nan=0.0, posinf=np.inf))
        window, where = _window(error, cells)
        maps = {"yours": analytic, "numeric": numeric, "yours − numeric": analytic - numeric}
        scale = np.nanmax(np.abs(numeric[np.isfinite(numeric)]), initial=0.0) or 1.0
        drawn = "".join(_map(title, values[window], scale) for title, values in maps.items())
        dots = (
            ""
            if np.isfinite(analytic).all() and np.isfinite(numeric).all()
            else ("; a dot where there is no number")
        )
        suffix = f" (case: {case})" if case else ""
        words = (
            f"{gradient_name(name)}{where}{suffix}: blue above 0, orange below, the darkest {scale:.3g}{dots}"
        )
        return (
            f"<figure style='margin:12px 0' role='img' aria-label='{html.escape(words, quote=True)}'>"
            f"<div style='display:flex;gap:24px;flex-wrap:wrap'>{drawn}</div>"
            f"<figcaption style='font-size:14px'>{html.escape(words)}</figcaption></figure>"
        )


def _window(error: np.ndarray, cells: int) -> tuple[tuple[int | slice, ...], str]:
    """The part of an array to draw, and where it is, in words.

    It has at most two axes and not many numbers, around the largest error.
    """
    if error.ndim == 0:
        return (), ""
    worst = index_of_largest(error)
    window: list[int | slice] = [*worst]
    for axis in range(max(0, error.ndim - 2), error.ndim):
        start = max(0, min(worst[axis] - cells // 2, error.shape[axis] - cells))
        window[axis] = slice(start, min(start + cells, error.shape[axis]))
    whole = all(
        isinstance(w, slice) and (w.stop - w.start) == size
        for w, size in zip(window, error.shape, strict=True)
    )
    shown = ", ".join(str(w) if isinstance(w, int) else f"{w.start}:{w.stop}" for w in window)
    return tuple(window), "" if whole else f"[{shown}]"


def _map(title: str, values: np.ndarray, scale: float) -> str:
    """One array as a table of colored cells; the number is in the cell while there are few."""
    rows = np.atleast_2d(values)
    few = rows.shape[1] <= 6 and rows.shape[0] <= 8
    body = "".join(
        "<tr style='background:none'>" + "".join(_cell(float(value), scale, few) for value in row) + "</tr>"
        for row in rows
    )
    head = f"<div style='font-size:14px;margin-bottom:4px'>{html.escape(title)}</div>"
    return f"<div>{head}<table style='border-collapse:collapse;margin:0'>{body}</table></div>"


def _cell(value: float, scale: float, with_number: bool) -> str:
    finite = np.isfinite(value)
    share = min(1.0, abs(value) / scale) if finite else 0.0
    red, green, blue = (round(255 + share * (end - 255)) for end in (BLUE if value >= 0 else ORANGE))
    text = "·" if not finite else (f"{value:.3g}" if with_number else "")
    size = "padding:0;width:17px;min-width:17px;height:17px"
    if with_number:
        # whichever has the higher contrast
        ink = "#fff" if 0.3 * red + 0.59 * green + 0.11 * blue < 110 else "#111"
        size = f"padding:0 4px;text-align:right;font-size:13px;min-width:52px;height:26px;color:{ink}"
    return (
        f"<td title='{value:.6g}' style='border:1px solid "
        f"#bbb;{size};background:#{red:02x}{green:02x}{blue:02x}'>{text}</td>"
    )
