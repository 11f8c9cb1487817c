"""Two pipelines read a digit: a linear classifier on features people made, and one on features it learned."""

import functools

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch

from course import Chain, Module, generator
from course.data import Split, digits, measured_digits
from course.figure import GRADIENT_COLOR, NEUTRAL_COLOR, STYLE, VALUE_COLOR, Figure
from course.figures._matrix import shade
from course.figures.registry import figure
from course.modules import CrossEntropyLoss, Linear, Tanh
from course.optim import Adam
from course.training import accuracy, fit, predict

LEFT, WIDE = (0.36, 0.625), (0.17, 0.2)
TOP, BOTTOM, HIGH = 0.55, 0.07, 0.33


@functools.cache
def parts() -> tuple[Split, Split]:
    """The digits as pixels, and measured by hand (standardized), split alike into training and test parts."""
    return digits().split(), measured_digits().split().standardize()


@functools.cache
def example_pipelines() -> tuple[Chain, Chain]:
    """A linear classifier on eight measured features, and the same on eight learned ones, trained alike."""
    by_hand = Chain(Linear(8, 10, rng=generator(0)))
    learned = Chain(Linear(64, 8, rng=generator(0)), Tanh(), Linear(8, 10, rng=generator(1)))
    for net, (train, _) in zip((learned, by_hand), parts(), strict=True):
        fit(net, CrossEntropyLoss(), Adam(net.parameters(), lr=0.02), train, progress=False)
    return by_hand, learned


@figure(lecture=1, live={"example": (0, 99)})
def pipelines(example: int = 9, by_hand: Module | None = None, learned: Chain | None = None) -> Figure:
    """Draw what each stage of two pipelines hands on for a test digit: pixels, features, scores, digit read.

    Args:
        example: which digit of the test part, from 0 to 449.
        by_hand: gives ten scores for eight standardized features; one is trained when left out.
        learned: a Chain from 64 pixels to ten scores, whose last module gets the features; one is trained
            when left out.

    Raises:
        ValueError: there is no such digit, or the learned pipeline has one stage only.
    """
    pixels, measured = (part.test for part in parts())
    if not 0 <= example < len(pixels):
        raise ValueError(f"example={example}: the test part holds digits 0 to {len(pixels) - 1}")
    if by_hand is None or learned is None:
        example_hand, example_learned = example_pipelines()
        by_hand, learned = by_hand or example_hand, learned or example_learned
    if len(learned) < 2:
        raise ValueError(
            f"the learned pipeline has {len(learned)} module: there must be one that makes features before "
            f"the last"
        )
    row = slice(example, example + 1)
    features = Chain(*learned.modules[:-1])(pixels.inputs[row])[0].cpu().numpy()
    image, true = pixels.inputs[example].reshape(8, 8).cpu().numpy(), int(pixels.targets[example])
    stages = (
        (
            "measured by hand",
            by_hand,
            measured,
            measured.inputs[example].cpu().numpy(),
            measured.feature_names,
        ),
        (
            "learned from pixels",
            learned,
            pixels,
            features,
            tuple(f"unit {j + 1}" for j in range(len(features))),
        ),
    )
    scores = [predict(net, data.inputs[row])[0].cpu().numpy() for _, net, data, _, _ in stages]
    right = [accuracy(predict(net, data.inputs), data.targets) for _, net, data, _, _ in stages]
    read = [int(score.argmax()) for score in scores]
    alt = (
        f"An image of a handwritten {true}, 8 by 8 pixels, goes two ways. Above, eight features measured by "
        f"hand, then ten "
        f"scores of a linear classifier: it is read as {read[0]}. Below, {len(features)} learned features, "
        f"then ten scores: it "
        f"is read as {read[1]}. Of all test digits the first way reads {right[0]:.0%} correctly, the second "
        f"{right[1]:.0%}."
    )
    with rc_context({**STYLE, "axes.grid": False}):
        figure = Figure(alt, width=12.5, height=5.9)
        figure.set_layout_engine("none")  # the places are fixed, so that nothing jumps while a slider moves
        axes = figure.add_axes((0.012, 0.34, 0.125, 0.125 * 12.5 / 5.9))
        axes.imshow(image, cmap="gray_r", vmin=0, vmax=1)
        axes.set(xticks=[], yticks=[], title="64 pixels")
        axes.spines[:].set_visible(True)
        for (made, _, _, handed, names), score, height in zip(stages, scores, (TOP, BOTTOM), strict=True):
            left = figure.add_axes((LEFT[0], height, WIDE[0], HIGH))
            _draw_features(left, handed, names, f"{len(handed)} features, {made}")
            _draw_scores(figure.add_axes((LEFT[1], height, WIDE[1], HIGH)), score, int(score.argmax()), true)
            middle = height + HIGH / 2
            _arrow(figure, (0.142, 0.5 if height == TOP else 0.44), (0.172, middle))
            _arrow(figure, (LEFT[0] + WIDE[0] + 0.015, middle), (LEFT[1] - 0.01, middle), "W x + b")
            verdict = f"read as {score.argmax()}" + (": right" if score.argmax() == true else ": wrong")
            color = VALUE_COLOR if score.argmax() == true else GRADIENT_COLOR
            figure.text(0.838, middle, verdict, va="center", fontsize=14.5, fontweight="bold", color=color)
        title = (
            f"The same classifier on two kinds of features reads {right[0]:.0%} and {right[1]:.0%} of the "
            f"test digits correctly"
        )
        figure.text(0.5, 0.955, title, ha="center", fontsize=17)
    return figure


def _draw_features(axes: Axes, numbers: np.ndarray, names: tuple[str, ...], title: str) -> None:
    places = range(len(numbers))
    axes.barh(
        places,
        numbers,
        color=[tuple(color) for color in shade(numbers)],
        edgecolor=NEUTRAL_COLOR,
        linewidth=0.8,
    )
    axes.vlines(0, -0.5, len(numbers) - 0.5, color=NEUTRAL_COLOR, linewidth=1)
    reach = 1.15 * max(1.0, np.abs(numbers).max())
    axes.set_yticks(places, names, fontsize=12)
    axes.set(xlim=(-reach, reach), xticks=[], title=title)
    axes.invert_yaxis()
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.tick_params(axis="y", length=0)


def _draw_scores(axes: Axes, score: np.ndarray, best: int, true: int) -> None:
    colors = [VALUE_COLOR if digit == best else "#C9D8E6" for digit in range(len(score))]
    axes.bar(range(len(score)), score, color=colors)
    axes.hlines(0, -0.8, len(score) - 0.2, color=NEUTRAL_COLOR, linewidth=1)
    axes.set_xticks(range(len(score)), [str(digit) for digit in range(len(score))], fontsize=12)
    axes.set(yticks=[], title="ten scores")
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.tick_params(axis="x", length=0)
    label = axes.get_xticklabels()[true]
    label.set_fontweight("bold")
    label.set_bbox({"boxstyle": "round,pad=0.15", "fc": "white", "ec": "black"})


def _arrow(figure: Figure, start: tuple[float, float], end: tuple[float, float], text: str = "") -> None:
    look = {"arrowstyle": "-|>", "linewidth": 2, "color": NEUTRAL_COLOR, "mutation_scale": 18}
    figure.add_artist(FancyArrowPatch(start, end, transform=figure.transFigure, **look))
    if text:
        figure.text(
            (start[0] + end[0]) / 2, start[1] + 0.025, text, ha="center", fontsize=13, color=NEUTRAL_COLOR
        )
