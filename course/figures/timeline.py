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


@dataclass(frozen=True)
class Event:
    """What happened, and where it can be read; `level` is its place in the picture, above or below the line."""

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
    Event(1943, "model of a\nneuron", "W. S. McCulloch, W. Pitts",
          "A logical calculus of the ideas immanent in nervous activity", "Bulletin of Mathematical Biophysics 5", 1),
    Event(1957, "perceptron", "F. Rosenblatt", "The perceptron: a perceiving and recognizing automaton",
          "Cornell Aeronautical Laboratory, report 85-460-1", -1),
    Event(1969, "“Perceptrons”:\nlimits of one layer", "M. Minsky, S. Papert", "Perceptrons", "MIT Press", 1),
    Event(1974, "backpropagation,\na thesis", "P. J. Werbos",
          "Beyond regression: new tools for prediction and analysis in the behavioral sciences",
          "PhD thesis, Harvard University", -1, -1.5, gradient=True),
    Event(1980, "neocognitron,\nfirst of the CNNs", "K. Fukushima",
          "Neocognitron: a self-organizing neural network model for a mechanism of pattern recognition "
          "unaffected by shift in position", "Biological Cybernetics 36", 2),
    Event(1982, "recurrent\nnetworks", "J. J. Hopfield",
          "Neural networks and physical systems with emergent collective computational abilities", "PNAS 79", -1),
    Event(1986, "backpropagation\nfinds features", "D. E. Rumelhart, G. E. Hinton, R. J. Williams",
          "Learning representations by back-propagating errors", "Nature 323", 1, 0.8, gradient=True),
    Event(1989, "CNN trained by\nbackpropagation", "Y. LeCun et al.",
          "Backpropagation applied to handwritten zip code recognition", "Neural Computation 1", -2),
    Event(1991, "vanishing\ngradients", "S. Hochreiter", "Untersuchungen zu dynamischen neuronalen Netzen",
          "diploma thesis, Technische Universität München", -1, 2.4, gradient=True),
    Event(1997, "LSTM", "S. Hochreiter, J. Schmidhuber", "Long short-term memory", "Neural Computation 9", 1),
    Event(2012, "deep CNN wins\nImageNet", "A. Krizhevsky, I. Sutskever, G. E. Hinton",
          "ImageNet classification with deep convolutional neural networks", "NIPS 25", 1, -1.2),
    Event(2016, "residual\nnetworks", "K. He, X. Zhang, S. Ren, J. Sun", "Deep residual learning for image recognition",
          "CVPR", -1, gradient=True),
    Event(2017, "attention", "A. Vaswani et al.", "Attention is all you need", "NIPS 30", 2),
)  # fmt: skip


@figure(lecture=1, live={"until": (1943, 2020)})
def timeline(until: int = 2020) -> Figure:
    """Draw the events up to a year on a line of time, with the source of the newest one below.

    Args:
        until: later events are left out.
    """
    shown = [event for event in EVENTS if event.year <= until]
    told = ", ".join(f"{event.year} {' '.join(event.name.split())}" for event in shown)
    newest = shown[-1] if shown else None
    alt = f"A line of time with {len(shown)} events{': ' + told if told else ' so far'}."
    alt += " After 1969 a grey band, the first winter, fades out." if until >= WINTER[0] else ""
    alt += f" The newest comes from {newest.source}." if newest else ""
    with rc_context({**STYLE, "axes.grid": False}):
        figure = Figure(alt, width=12.5, height=5.6)
        figure.set_layout_engine("none")
        axes = figure.add_axes((0.01, 0.17, 0.98, 0.74))
        axes.axis("off")
        axes.set(xlim=(FIRST, LAST), ylim=YLIM)
        axes.annotate(
            "", (LAST, 0), (FIRST, 0), arrowprops={"arrowstyle": "-|>", "linewidth": 2.5, "color": NEUTRAL_COLOR, "shrinkA": 0}
        )
        if until >= WINTER[0]:
            _draw_winter(axes)
        for decade in range(1940, 2021, 10):
            axes.plot(decade, 0, "|", color=NEUTRAL_COLOR, ms=12, mew=2)
        for event in shown:
            _draw_event(axes, event, event is newest)
        figure.text(
            0.5, 0.935, "From the model of a neuron to attention: every idea has a date and a source", ha="center", fontsize=18
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
    look = {"color": color, "fontsize": 13.5, "fontweight": "bold" if newest else "normal", "linespacing": 1.15}
    side_up = "bottom" if side > 0 else "top"
    axes.text(
        event.year + event.shift, end + 0.06 * side, f"{event.year}\n{event.name}", ha="center", va=side_up, zorder=2, **look
    )


def _draw_winter(axes: Axes) -> None:
    fade = np.ones((1, 64, 4))
    fade[..., :3], fade[..., 3] = to_rgb(NEUTRAL_COLOR), np.linspace(0.5, 0, 64)
    axes.imshow(fade, extent=(*WINTER, -0.22, 0.22), aspect="auto", zorder=0, interpolation="nearest")
    axes.set(xlim=(FIRST, LAST), ylim=YLIM)
    axes.text(WINTER[0] - 0.6, -0.36, "first winter", fontsize=13, style="italic", color=NEUTRAL_COLOR, ha="right", va="center")
