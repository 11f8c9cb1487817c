"""Channel maps: mixtures of a photograph's channels, the same at every pixel."""

import numpy as np
import pytest
import torch

from course.data import photograph
from course.figures.channel_maps import MIXTURES, channel_maps, mixtures


def test_mixtures_are_weighted_sums_at_every_pixel():
    image = photograph("china", shrink=10)
    for (name, weights), found in zip(MIXTURES.items(), mixtures(image).values(), strict=True):
        expected = sum(weight * channel for weight, channel in zip(weights, image, strict=True))
        torch.testing.assert_close(found, expected, msg=name)


def test_the_picture_holds_the_photograph_and_the_maps():
    image = photograph("flower", shrink=20)
    maps = {"first": image[0], "second": -image[1]}
    figure = channel_maps(image, maps)
    shown, *drawn = [axes.images[0].get_array() for axes in figure.axes]
    np.testing.assert_allclose(shown, image.permute(1, 2, 0).cpu())
    for found, expected in zip(drawn, maps.values(), strict=True):
        np.testing.assert_array_equal(found, expected.cpu())
    assert [axes.get_title() for axes in figure.axes] == ["the image", "first", "second"]
    assert "first (from" in figure.alt


def test_shapes_that_do_not_fit_are_explained():
    image = photograph("flower", shrink=20)
    with pytest.raises(ValueError, match="expected 3 × height × width"):
        channel_maps(image[0])
    with pytest.raises(ValueError, match=r"the map 'a' has shape .*: give one number for each pixel"):
        channel_maps(image, {"a": image})
