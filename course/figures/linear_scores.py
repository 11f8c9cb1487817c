"""A linear module reads a text: four scores from three features, W x + b, and a sigmoid behind it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import rc_context

from course.device import tensor
from course.figure import GRADIENT_COLOR, NEUTRAL_COLOR, STYLE, VALUE_COLOR, Figure
from course.figures._matrix import canvas, draw_matrix, number_text
from course.figures.registry import figure
from course.modules import Linear, Sigmoid

WEIGHT = ((0.2, -0.5, 0.1), (2.0, 1.5, 1.3), (0.5, 0.0, 0.25), (-0.3, 2.0, 0.0))
BIAS = (1.0, 3.0, 0.025, 0.0)
CLASSES = ("very positive", "positive", "negative", "very negative")


@dataclass(frozen=True)
class Scores:
    """What the modules hold and compute, each as a matrix for the picture (vectors are columns)."""

    weight: np.ndarray
    x: np.ndarray
    bias: np.ndarray
    scores: np.ndarray
    squashed: np.ndarray


def scores(x: tuple[float, float, float]) -> Scores:
    """Run the example's Linear, then a Sigmoid, on one text's features."""
    linear = Linear(3, 4)
    linear.weight.value, bias = tensor(WEIGHT), tensor(BIAS)
    assert linear.bias is not None
    linear.bias.value = bias
    features = tensor([x])
    a = linear(features)
    columns = (t.cpu().double().numpy().T for t in (features, bias[None], a, Sigmoid()(a)))
    return Scores(linear.weight.value.cpu().double().numpy(), *columns)


@figure(lecture=2, live={"first": (-1.0, 1.0), "second": (-1.0, 1.0), "third": (-1.0, 1.0)})
def linear_scores(first: float = 0.1, second: float = 0.2, third: float = 0.3) -> Figure:
    """Draw W x + b = scores and σ(scores) as matrices, each row a class and each number in its cell.

    Args:
        first, second, third: the features of the text.
    """
    matrices = scores((first, second, third))
    best = int(matrices.scores.argmax())
    listed = ", ".join(
        f"{name} {number_text(score, 3)}" for name, score in zip(CLASSES, matrices.scores.flat, strict=True)
    )
    features = ", ".join(number_text(feature, 3) for feature in (first, second, third))
    alt = (
        f"W, 4 by 3, times x = ({features}), plus b, 4 by 1, gives four scores: {listed}. A sigmoid takes "
        f"each to between 0 "
        f"and 1. The largest score belongs to {CLASSES[best]}."
    )
    with rc_context(STYLE):
        figure, axes = canvas(alt, 16.4, 6.8, width=12.5)
        top, middle = 1.9, 3.9
        places = (
            ("W", matrices.weight, 0.3, top, 4.0, 3),
            ("x", matrices.x, 4.0, top + 0.5, 4.0, 3),
            ("b", matrices.bias, 5.9, top, 4.0, 3),
            ("scores", matrices.scores, 7.8, top, 4.0, 2),
            ("σ(scores)", matrices.squashed, 10.4, top, 1.0, 2),
        )
        for name, matrix, left, above, largest, digits in places:
            rows, columns = matrix.shape
            draw_matrix(axes, matrix, left, above, largest=largest, digits=digits, fontsize=15)
            center = left + columns / 2
            axes.text(
                center, above - 0.55, name, ha="center", fontsize=19, fontweight="bold", color=VALUE_COLOR
            )
            axes.text(
                center, above - 0.14, f"{rows} × {columns}", ha="center", fontsize=13, color=NEUTRAL_COLOR
            )
        for sign, where in (("·", 3.65), ("+", 5.45), ("=", 7.35), ("→", 9.6)):
            axes.text(where, middle, sign, ha="center", va="center", fontsize=26, color=NEUTRAL_COLOR)
        axes.text(9.6, middle - 0.35, "σ", ha="center", va="bottom", fontsize=19, color=NEUTRAL_COLOR)
        for row, name in enumerate(CLASSES):
            bold: dict[str, Any] = {"fontweight": "bold", "color": VALUE_COLOR} if row == best else {}
            axes.text(
                11.6,
                top + row + 0.5,
                name + (" ← largest" if row == best else ""),
                va="center",
                fontsize=17,
                **bold,
            )
        title = f"Four scores from three features, a row of W each: this text is “{CLASSES[best]}”"
        axes.text(8.2, 0.6, title, ha="center", fontsize=18)
        axes.text(8.0, 6.5, "blue: above zero", ha="right", fontsize=14, color=VALUE_COLOR)
        axes.text(8.4, 6.5, "rust: below zero", ha="left", fontsize=14, color=GRADIENT_COLOR)
    return figure
