"""The learning loop: its numbers are those of the same training by torch, and its boxes hold their texts."""

import re

import numpy as np
import pytest
import torch

from course import Chain, generator
from course.figures.learning_loop import RATE, ROUNDS, learning_loop, training
from course.modules import Linear, Tanh


def test_the_training_is_torchs():
    found, rng = training(), generator(0)
    ours = Chain(Linear(4, 8, rng=rng), Tanh(), Linear(8, 3, rng=rng))
    theirs = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3)).to(
        found.data.inputs.device
    )
    theirs.load_state_dict(ours.state_dict())
    optimizer, losses = torch.optim.SGD(theirs.parameters(), lr=RATE), []
    for _ in range(ROUNDS + 1):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(theirs(found.data.inputs), found.data.targets)
        loss.backward()
        losses.append(loss.item())
        optimizer.step()
    np.testing.assert_allclose(found.losses, losses, rtol=1e-3)
    assert found.losses[-1] < 0.3 * found.losses[0]


@pytest.mark.parametrize("rounds", [0, 30, 100])
def test_the_picture_says_the_numbers_of_the_round(rounds):
    found, figure = training(), learning_loop(rounds)
    said = " ".join(text.get_text() for text in figure.axes[0].texts)
    assert f"loss = {found.losses[rounds]:.3f}" in said
    assert f"{found.right[rounds]} of {len(found.data)} flowers right" in said
    assert f"gradient of length {found.norms[rounds]:.3f}" in said
    dot = figure.axes[1].lines[2]
    assert (dot.get_xdata()[0], dot.get_ydata()[0]) == (rounds, found.losses[rounds])
    assert re.search(rf"in round {rounds}: predict", figure.alt)


def test_texts_stay_in_their_boxes():
    figure = learning_loop(100)
    axes, renderer = figure.axes[0], figure.canvas.get_renderer()
    figure.draw_without_rendering()
    boxes = [patch.get_window_extent(renderer) for patch in axes.patches[:6]]
    for text in axes.texts[:-1]:
        inside = text.get_window_extent(renderer)
        assert any(
            box.x0 < inside.x0 and inside.x1 < box.x1 and box.y0 < inside.y0 and inside.y1 < box.y1
            for box in boxes
        ), text


def test_a_round_that_is_not_there():
    with pytest.raises(ValueError, match=r"rounds=101.*0 to 100"):
        learning_loop(101)
