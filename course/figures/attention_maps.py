"""Attention forward and backward: who reads whom, and where the gradient of one output goes."""

from dataclasses import dataclass

import numpy as np
import torch
from matplotlib import rc_context
from matplotlib.axes import Axes

from course.device import generator
from course.figure import GRADIENT_COLOR, NEUTRAL_COLOR, STYLE, VALUE_COLOR, Figure
from course.figures._matrix import canvas, draw_matrix, number_text, outline
from course.figures.registry import figure
from course.module import as_tuple
from course.modules import Embedding, ScaledDotProductAttention

TOKENS = ("the", "cat", "sat", "on", "the", "mat")
FEATURES = 4
LEFTS = (0.75, 2.5, 5.0, 8.75, 10.6)
TOP, BOTTOM, HIGH = 1.35, 3.95, 0.345
"""Where the picture's matrices begin, and the height of their rows, in inches."""


@dataclass(frozen=True, kw_only=True)
class Attention:
    """Every matrix of one forward and one backward pass; a row for each token. Scores are the scaled ones."""

    query: np.ndarray
    key: np.ndarray
    value: np.ndarray
    weights: np.ndarray
    output: np.ndarray
    grad_query: np.ndarray
    grad_key: np.ndarray
    grad_value: np.ndarray
    grad_scores: np.ndarray
    grad_output: np.ndarray


def attention(token: int, scale: float, causal: bool, seed: int = 0) -> Attention:
    """Run the library's attention on the sentence; the loss reads one token's output (1 for the first) only.

    Query, key and value of a token are its embedding, so that equal words attend to one another.
    """
    rng = generator(seed)
    words = sorted(set(TOKENS))
    embedding, module = (
        Embedding(len(words), FEATURES, rng=rng),
        ScaledDotProductAttention(is_causal=causal, scale=scale),
    )
    x = embedding(torch.tensor([words.index(word) for word in TOKENS], device=rng.device))
    output = module(
        x, x, x, x.new_zeros(len(x), len(x))
    )  # a mask of zeros changes nothing, and its gradient is that of the scores
    grad_output = torch.zeros_like(output)
    grad_output[token - 1] = torch.randn(FEATURES, generator=rng, device=rng.device)
    grad_query, grad_key, grad_value, grad_scores = map(_numbers, as_tuple(module.backward(grad_output)))
    tokens = _numbers(x)
    return Attention(
        query=tokens,
        key=tokens,
        value=tokens,
        weights=_numbers(module.saved["weights"]),
        output=_numbers(output),
        grad_query=grad_query,
        grad_key=grad_key,
        grad_value=grad_value,
        grad_scores=grad_scores,
        grad_output=_numbers(grad_output),
    )


def _numbers(matrix: torch.Tensor) -> np.ndarray:
    return matrix.cpu().double().numpy()


@figure(lecture=14, live={"token": (1, 6), "scale": (0.1, 4.0), "causal": True})
def attention_maps(token: int = 3, scale: float = 0.5, causal: bool = False, seed: int = 0) -> Figure:
    """Draw queries, keys, values, weights and outputs as heat maps, and under each its gradient.

    Source: Vaswani et al.: Attention is all you need, NIPS (2017).

    Args:
        token: whose output the loss reads, 1 for the first.
        scale: what scores are multiplied by before the softmax; 1/√features is 0.5 here, 1/scale is the
            temperature.
        causal: whether a token may attend only to itself and to those before it.
        seed: for embeddings and the gradient that arrives.

    Raises:
        ValueError: there is no such token.
    """
    if not 1 <= token <= len(TOKENS):
        raise ValueError(f"token={token}: the sentence has tokens 1 to {len(TOKENS)}")
    matrices = attention(token, scale, causal, seed)
    row, word = matrices.weights[token - 1], TOKENS[token - 1]
    best, size = int(row.argmax()), float(np.linalg.norm(matrices.grad_scores))
    alt = (
        f"Heat maps over the tokens {' '.join(TOKENS)}: queries, keys and values, the attention weights, the "
        f"output, and under "
        f"each its gradient. Token {token}, “{word}”, attends most to token {best + 1}, “{TOKENS[best]}”, "
        f"with weight "
        f"{row[best]:.2f}. The loss reads its output alone: only its row of the scores and of the queries "
        f"has a gradient, and "
        f"the values get theirs by its weights. At scale {scale:.3g} the gradient of the scores has norm "
        f"{size:.2g}."
    )
    hidden = np.triu(np.ones_like(matrices.weights, dtype=bool), 1) & causal
    weights, grad_scores = (
        np.where(hidden, np.nan, matrix) for matrix in (matrices.weights, matrices.grad_scores)
    )
    with rc_context(STYLE):
        figure, axes = canvas(alt, 12.5, 6.35, width=12.5)
        order = np.argsort(-row, kind="stable")[:3]
        mixture = " + ".join(f"{row[i]:.2f} {TOKENS[i]}" for i in order if row[i] > 0.005)
        dots = " + …" if np.sum(row > 0.005) > len(order) else ""
        axes.text(
            6.25,
            0.38,
            f"“{word}” reads {mixture}{dots}: these shares go back to the values",
            ha="center",
            fontsize=18,
        )
        forward = (
            ("Q", matrices.query),
            ("K", matrices.key),
            ("weights A", weights),
            ("V", matrices.value),
            ("output", matrices.output),
        )
        backward = (
            matrices.grad_query,
            matrices.grad_key,
            grad_scores,
            matrices.grad_value,
            matrices.grad_output,
        )
        for (name, matrix), grad, left in zip(forward, backward, LEFTS, strict=True):
            square = name == "weights A"
            cell = (0.52 if square else 0.36, HIGH)
            wide = cell[0] * matrix.shape[1]
            draw_matrix(
                axes,
                matrix,
                left,
                TOP,
                cell=cell,
                digits=2 if square else None,
                largest=1.0 if square else None,
                fontsize=12,
            )
            draw_matrix(axes, grad, left, BOTTOM, cell=cell, digits=None)
            axes.text(
                left + wide / 2,
                TOP - (0.42 if square else 0.12),
                name,
                color=VALUE_COLOR,
                ha="center",
                fontsize=16,
            )
            behind = "∂L/∂scores" if square else f"∂L/∂{name}"
            axes.text(
                left + wide / 2,
                BOTTOM - 0.12,
                behind,
                color=GRADIENT_COLOR,
                ha="center",
                fontsize=16,
                style="italic",
            )
            if name in ("weights A", "output"):
                for top, color in ((TOP, VALUE_COLOR), (BOTTOM, GRADIENT_COLOR)):
                    outline(axes, left, top + (token - 1) * HIGH, wide, HIGH, color, linewidth=3)
        for position, number in enumerate(grad_scores[token - 1]):
            if not np.isnan(number):
                place = LEFTS[2] + (position + 0.5) * 0.52, BOTTOM + (token - 0.5) * HIGH
                axes.text(*place, number_text(number, 2), ha="center", va="center", fontsize=11, zorder=4)
        _name_tokens(axes, token)
        text = f"scale {scale:.3g}:  ‖∂L/∂scores‖ = {size:.2g}"
        axes.text(
            LEFTS[2] + 1.56, BOTTOM + 6 * HIGH + 0.28, text, ha="center", fontsize=14, color=GRADIENT_COLOR
        )
        axes.text(0.75, BOTTOM + 6 * HIGH + 0.28, "blue: above zero", fontsize=13, color=VALUE_COLOR)
        axes.text(2.5, BOTTOM + 6 * HIGH + 0.28, "rust: below zero", fontsize=13, color=GRADIENT_COLOR)
    return figure


def _name_tokens(axes: Axes, token: int) -> None:
    for position, name in enumerate(TOKENS):
        bold = "bold" if position == token - 1 else "normal"
        for left, top in ((LEFTS[0], TOP), (LEFTS[0], BOTTOM), (LEFTS[2], TOP)):
            axes.text(
                left - 0.1,
                top + (position + 0.5) * HIGH,
                name,
                ha="right",
                va="center",
                fontsize=13,
                fontweight=bold,
            )
        axes.text(
            LEFTS[2] + (position + 0.5) * 0.52, TOP - 0.1, name, ha="center", fontsize=13, color=NEUTRAL_COLOR
        )
