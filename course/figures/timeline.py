"""A time line of the field, from the model of a neuron to attention; each event with its primary source."""

import textwrap
from dataclasses import dataclass

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb

from course.figure import GRADIENT_COLOR, NEUTRAL_COLOR, STYLE, VALUE_COLOR, Figure
from course.figures.registry import figure

FIRST, LAST = 1937, 2023
YLIM = (-2.9, 2.9)
WINTER = (1969, 1984)
"""The band of the winter fades out on its way: when interest began is a date, when it returned is not."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """What happened, and where to read it; `level` is its place in the picture, above or below the line."""

    year: int
    name: str
    authors: str
    title: str
    published: str
    level: int
    shift: float = 0.0
    """How many years its text stands beside it, where neighbors need the room."""
    gradient: bool = False
    """Whether it is about how errors travel backwards, rather than about what a network computes."""

    @property
    def source(self) -> str:
        """Authors, title, and where and when it was published."""
        return f"{self.authors}: {self.title}. {self.published} ({self.year})"


EVENTS = (
    Event(year=1943, name="model of a\nneuron", authors="W. S. McCulloch, W. Pitts",
          title="A logical calculus of the ideas immanent in nervous activity",
          published="Bulletin of Mathematical Biophysics 5", level=1),
    Event(year=1957, name="perceptron", authors="F. Rosenblatt",
          title="The perceptron: a perceiving and recognizing automaton",
          published="Cornell Aeronautical Laboratory, report 85-460-1", level=-1),
    Event(year=1969, name="“Perceptrons”:\nlimits of one layer", authors="M. Minsky, S. Papert",
          title="Perceptrons", published="MIT Press", level=1),
    Event(year=1974, name="backpropagation,\na thesis", authors="P. J. Werbos",
          title="Beyond regression: new tools for prediction and analysis in the behavioral sciences",
          published="PhD thesis, Harvard University", level=-1, shift=-1.5, gradient=True),
    Event(year=1980, name="neocognitron,\nfirst of the CNNs", authors="K. Fukushima",
          title="Neocognitron: a self-organizing neural network model for a mechanism of pattern "
                "recognition unaffected by shift in position", published="Biological Cybernetics 36",
          level=2),
    Event(year=1982, name="recurrent\nnetworks", authors="J. J. Hopfield",
          title="Neural networks and physical systems with emergent collective computational abilities",
          published="PNAS 79", level=-1),
    Event(year=1986, name="backpropagation\nfinds features",
          authors="D. E. Rumelhart, G. E. Hinton, R. J. Williams",
          title="Learning representations by back-propagating errors", published="Nature 323",
          level=1, shift=0.8, gradient=True),
    Event(year=1989, name="CNN trained by\nbackpropagation", authors="Y. LeCun et al.",
          title="Backpropagation applied to handwritten zip code recognition",
          published="Neural Computation 1", level=-2),
    Event(year=1991, name="vanishing\ngradients", authors="S. Hochreiter",
          title="Untersuchungen zu dynamischen neuronalen Netzen",
          published="diploma thesis, Technische Universität München", level=-1, shift=2.4, gradient=True),
    Event(year=1997, name="LSTM", authors="S. Hochreiter, J. Schmidhuber",
          title="Long short-term memory", published="Neural Computation 9", level=1),
    Event(year=2012, name="deep CNN wins\nImageNet", authors="A. Krizhevsky, I. Sutskever, G. E. Hinton",
          title="ImageNet classification with deep convolutional neural networks", published="NIPS 25",
          level=1, shift=-1.2),
    Event(year=2016, name="residual\nnetworks", authors="K. He, X. Zhang, S. Ren, J. Sun",
          title="Deep residual learning for image recognition", published="CVPR", level=-1, gradient=True),
    Event(year=2017, name="attention", authors="A. Vaswani et al.",
          title="Attention is all you need", published="NIPS 30", level=2),
)  # fmt: skip


@figure(lecture=1, live={"until": (1943, 2020)})
def timeline(until: int = 2020) -> Figure:
    """Draw the events up to a year on a line of time, with the source of the newest one below.

    Args:
        until: later events are left out.
    """
    shown = [event for event in EVENTS if event.year <= until]
    listed = ", ".join(f"{event.year} {' '.join(event.name.split())}" for event in shown)
    newest = shown[-1] if shown else None
    alt = f"A line of time with {len(shown)} events{': ' + listed if listed else ' so far'}."
    alt += " After 1969 a grey band, the first winter, fades out." if until >= WINTER[0] else ""
    alt += f" The newest comes from {newest.source}." if newest else ""
    with rc_context({**STYLE, "axes.grid": False}):
        figure = Figure(alt, width=12.5, height=5.6)
        figure.set_layout_engine("none")
        axes = figure.add_axes((0.01, 0.17, 0.98, 0.74))
        axes.axis("off")
        axes.set(xlim=(FIRST, LAST), ylim=YLIM)
        axes.annotate(
            "",
            (LAST, 0),
            (FIRST, 0),
            arrowprops={"arrowstyle": "-|>", "linewidth": 2.5, "color": NEUTRAL_COLOR, "shrinkA": 0},
        )
        if until >= WINTER[0]:
            _draw_winter(axes)
        for decade in range(1940, 2021, 10):
            axes.plot(decade, 0, "|", color=NEUTRAL_COLOR, ms=12, mew=2)
        for event in shown:
            _draw_event(axes, event, event is newest)
        figure.text(
            0.5,
            0.935,
            "From the model of a neuron to attention: every idea has a date and a source",
            ha="center",
            fontsize=18,
        )
        if newest:
            wrapped = textwrap.fill(newest.source, 112)
            figure.text(0.5, 0.08, wrapped, ha="center", va="center", fontsize=14, linespacing=1.4)
        figure.text(0.012, 0.85, "● what a network computes", color=VALUE_COLOR, fontsize=14)
        figure.text(0.012, 0.79, "◆ how errors travel back", color=GRADIENT_COLOR, fontsize=14)
    return figure


def _draw_event(axes: Axes, event: Event, newest: bool) -> None:
    color, marker = (GRADIENT_COLOR, "D") if event.gradient else (VALUE_COLOR, "o")
    side = 1 if event.level > 0 else -1
    end = event.level - 0.4 * side
    axes.plot([event.year, event.year], [0, end], color=color, linewidth=1.3, alpha=0.55, zorder=1)
    axes.plot(event.year, 0, marker, color=color, ms=11 if marker == "o" else 9, zorder=3)
    look = {
        "color": color,
        "fontsize": 13.5,
        "fontweight": "bold" if newest else "normal",
        "linespacing": 1.15,
    }
    side_up = "bottom" if side > 0 else "top"
    axes.text(
        event.year + event.shift,
        end + 0.06 * side,
        f"{event.year}\n{event.name}",
        ha="center",
        va=side_up,
        zorder=2,
        **look,
    )


def _draw_winter(axes: Axes) -> None:
    fade = np.ones((1, 64, 4))
    fade[..., :3], fade[..., 3] = to_rgb(NEUTRAL_COLOR), np.linspace(0.5, 0, 64)
    axes.imshow(fade, extent=(*WINTER, -0.22, 0.22), aspect="auto", zorder=0, interpolation="nearest")
    axes.set(xlim=(FIRST, LAST), ylim=YLIM)
    axes.text(
        WINTER[0] - 0.6,
        -0.36,
        "first winter",
        fontsize=13,
        style="italic",
        color=NEUTRAL_COLOR,
        ha="right",
        va="center",
    )
