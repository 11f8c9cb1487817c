"""Reused parts: small pieces of images and of text come again and again, large ones hardly ever twice."""

import functools

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes

from course.data import digits
from course.figure import GRADIENT_COLOR, STYLE, VALUE_COLOR, Figure
from course.figures.registry import figure

SIDES = range(1, 9)
LENGTHS = range(1, 9)
WORDS = 100_000
"""The text ends after so many words, so that it is counted in half a second."""


def patches(images: np.ndarray, side: int) -> tuple[int, int]:
    """How many squares of side × side pixels are in images of ones and zeros, and how many different ones."""
    windows = np.lib.stride_tricks.sliding_window_view(images, (side, side), axis=(1, 2)).reshape(
        -1, side * side
    )
    return len(windows), len(np.unique(np.packbits(windows, axis=1), axis=0))


def phrases(words: list[str], length: int) -> tuple[int, int]:
    """How many runs of so many words there are in a text, and how many different ones."""
    runs = [tuple(words[start : start + length]) for start in range(len(words) - length + 1)]
    return len(runs), len(set(runs))


@functools.cache
def manual() -> tuple[str, ...]:
    """The words of the reference manual that comes with Python, in small letters, up to `WORDS`.

    No paragraph comes twice.
    """
    from pydoc_data.topics import topics  # half a megabyte

    paragraphs = dict.fromkeys("\n\n".join(topics.values()).lower().split("\n\n"))
    return tuple(" ".join(paragraphs).split()[:WORDS])


@functools.cache
def counts() -> tuple[dict[int, tuple[int, int]], dict[int, tuple[int, int]]]:
    """All and different pieces by size: patches of the digits by side, phrases of the manual by words."""
    images = (digits(images=True).inputs[:, 0] > 0.5).cpu().numpy()
    words = list(manual())
    return {side: patches(images, side) for side in SIDES}, {
        length: phrases(words, length) for length in LENGTHS
    }


@figure(lecture=1)
def reused_parts() -> Figure:
    """Draw the share of different pieces among all counted, for patches of digits and phrases of a text.

    Source of the text: the Python language reference, as `pydoc` shows it.
    """
    images, text = counts()
    shares = [
        {size: different / every for size, (every, different) in counted.items()}
        for counted in (images, text)
    ]
    alt = (
        f"Two curves that rise from left to right. Patches of 1,797 binary digits: {images[2][1]} different "
        f"ones among "
        f"{images[2][0]:,} of side 2, {images[8][1]:,} among {images[8][0]:,} whole images. Phrases of a "
        f"text: {text[1][1]:,} "
        f"different words among {text[1][0]:,}, {text[8][1]:,} different runs of 8 words among "
        f"{text[8][0]:,}."
    )
    with rc_context(STYLE):
        figure = Figure(alt, width=11.5, height=4.8)
        left, right = figure.subplots(1, 2)
        for axes, counted, share, name, marks in (
            (left, images, shares[0], "side of a patch of digit images, in pixels", (2, 4, 8)),
            (right, text, shares[1], "words in a phrase of Python's manual", (1, 2, 8)),
        ):
            axes.plot(list(share), list(share.values()), "o-", color=VALUE_COLOR, ms=7)
            axes.set(xlabel=name, ylim=(-0.06, 1.15), xlim=(0.6, 8.6), xticks=list(share))
            for size in marks:
                _mark(axes, size, share[size], *counted[size])
        left.set_ylabel("different pieces / all pieces")
        figure.suptitle("Small parts come again and again, wholes are nearly always new", fontsize=18)
    return figure


def _mark(axes: Axes, size: int, share: float, every: int, different: int) -> None:
    place, align = ((0, -30), ("right", "top")) if size == 8 else ((9, -4), ("left", "top"))
    if share < 0.05:  # no room below
        place, align = (0, 12), ("center", "bottom")
    label = f"{different:,} different\nof {every:,}"
    axes.annotate(
        label, (size, share), place, textcoords="offset points", ha=align[0], va=align[1], fontsize=12
    )
    axes.plot(size, share, "o", color=GRADIENT_COLOR, ms=10, zorder=3)
