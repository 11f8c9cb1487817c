"""Pipelines: the picture shows what two given networks compute, and says which digit each reads."""

import re

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from course import Chain, generator
from course.figures.pipelines import example_pipelines, parts, pipelines
from course.modules import Linear


def test_both_ways_are_what_the_networks_compute():
    by_hand, learned = example_pipelines()
    pixels, measured = (part.test for part in parts())
    for example in (0, 9, 200):
        figure = pipelines(example)
        image, *panels = figure.axes
        np.testing.assert_allclose(image.images[0].get_array(), pixels.inputs[example].reshape(8, 8).cpu())
        np.testing.assert_allclose(
            [bar.get_width() for bar in panels[0].patches], measured.inputs[example].cpu(), rtol=1e-6
        )
        scores = torch.nn.functional.linear(
            measured.inputs[example], by_hand[0].weight.value, by_hand[0].bias.value
        )
        np.testing.assert_allclose(
            [bar.get_height() for bar in panels[1].patches], scores.cpu(), rtol=1e-4, atol=1e-5
        )
        inner = torch.tanh(
            torch.nn.functional.linear(pixels.inputs[example], learned[0].weight.value, learned[0].bias.value)
        )
        np.testing.assert_allclose(
            [bar.get_width() for bar in panels[2].patches], inner.cpu(), rtol=1e-4, atol=1e-5
        )
        learned_scores = torch.nn.functional.linear(inner, learned[2].weight.value, learned[2].bias.value)
        np.testing.assert_allclose(
            [bar.get_height() for bar in panels[3].patches], learned_scores.cpu(), rtol=1e-4, atol=1e-5
        )
        read = [int(number) for number in re.findall(r"read as (\d)", figure.alt)]
        assert read == [int(scores.argmax()), int(learned_scores.argmax())]
        assert f"a handwritten {int(pixels.targets[example])}," in figure.alt


def test_the_classifier_by_hand_is_not_undertrained():
    """Another library's linear classifier, trained to the end, is little better: the comparison is fair."""
    train, test = parts()[1]
    fitted = LogisticRegression(max_iter=5000).fit(train.inputs.cpu(), train.targets.cpu())
    best = fitted.score(test.inputs.cpu(), test.targets.cpu())
    (shown, learned) = (int(share) / 100 for share in re.findall(r"(\d+)%", pipelines().alt))
    assert abs(shown - best) < 0.03
    assert learned > best + 0.1


def test_own_networks_are_drawn():
    by_hand = Chain(Linear(8, 10, rng=generator(3)))
    learned = Chain(Linear(64, 5, rng=generator(3)), Linear(5, 10, rng=generator(3)))
    figure = pipelines(1, by_hand=by_hand, learned=learned)
    assert "5 learned features" in figure.alt
    assert len(figure.axes[3].patches) == 5


def test_texts_stay_inside_and_apart():
    for example in (0, 9):
        figure = pipelines(example)
        renderer = figure.canvas.get_renderer()
        boxes = [text.get_window_extent(renderer) for text in figure.texts]
        boxes += [
            label.get_window_extent(renderer) for axes in figure.axes for label in axes.get_yticklabels()
        ]
        assert all(box.x0 >= 0 and box.x1 <= figure.bbox.x1 for box in boxes)
        assert not any(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[:i])


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match=r"example=450.*0 to 449"):
        pipelines(450)
    with pytest.raises(ValueError, match=r"has 1 module"):
        pipelines(0, learned=Chain(Linear(64, 10)))
