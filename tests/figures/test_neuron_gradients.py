"""The neuron reads most digits, and its gradients are torch's."""

import pytest
import torch

from course.figures.neuron_gradients import SIDE, neuron_gradients, read, reader, threes_and_eights


def test_the_neuron_has_learned():
    pixels, eights = threes_and_eights()
    assert set(eights.tolist()) == {0.0, 1.0}
    assert ((reader()(pixels)[:, 0] > 0) == (eights > 0)).float().mean() > 0.95


@pytest.mark.parametrize("example", [0, 1, 17])
def test_gradients_are_those_of_autograd(example):
    pixels, eights = threes_and_eights()
    found, linear = read(example), reader()
    assert linear.bias is not None
    x, w = (t.detach().clone().requires_grad_() for t in (pixels[example], linear.weight.value[0]))
    f = torch.sigmoid(w @ x + linear.bias.value[0])
    theirs = torch.autograd.grad(f, (x, w))
    assert found.f == pytest.approx(f.item(), abs=1e-6)
    assert found.label == (8 if eights[example] else 3)
    for ours, other in zip((found.grad_image, found.grad_weight), theirs, strict=True):
        torch.testing.assert_close(
            torch.from_numpy(ours).float(), other.reshape(SIDE, SIDE).cpu(), rtol=1e-4, atol=1e-6
        )


def test_each_panel_shows_its_pixels():
    figure, found = neuron_gradients(5), read(5)
    drawn = [axes.images[0].get_array() for axes in figure.axes if axes.images]
    for shown, pixels in zip(
        drawn, (found.image, found.weight, found.grad_image, found.grad_weight), strict=True
    ):
        assert (shown == pixels).all()


def test_an_example_that_does_not_exist_is_named():
    with pytest.raises(ValueError, match=r"example 999 does not exist: there are \d+ threes and eights"):
        neuron_gradients(999)
