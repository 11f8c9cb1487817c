"""The convolution stepper: scipy's correlation forward, full convolution and torch.autograd backward.

It makes one window a step.
"""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.signal import convolve2d, correlate2d
from sklearn.datasets import load_digits

from course.figures._matrix import shade
from course.figures.convolution import KERNELS, convolution, learned_kernel, slides


@pytest.mark.parametrize("kernel", ["edge", "blur", "learned"])
def test_forward_is_scipys_correlation(kernel):
    forward, _ = slides(kernel, 3)
    np.testing.assert_allclose(forward.read, load_digits().images[3] / 16, atol=1e-6)
    weight = learned_kernel().cpu().numpy()[0, 0] if kernel == "learned" else KERNELS[kernel]
    np.testing.assert_allclose(forward.written, correlate2d(forward.read, weight, mode="valid"), atol=1e-5)


@pytest.mark.parametrize("kernel", ["edge", "blur", "learned"])
def test_backward_is_autograds_and_a_full_convolution(kernel):
    forward, backward = slides(kernel, 0)
    with torch.enable_grad():
        x = torch.tensor(forward.read, requires_grad=True)
        output = F.conv2d(x[None, None], torch.tensor(forward.kernel)[None, None])
        (output**2).sum().mul(0.5).backward()
    np.testing.assert_allclose(backward.written, x.grad.cpu(), atol=1e-5)
    np.testing.assert_allclose(backward.read[2:-2, 2:-2], forward.written, atol=1e-6)
    np.testing.assert_allclose(
        backward.written, convolve2d(forward.written, forward.kernel, mode="full"), atol=1e-5
    )
    np.testing.assert_allclose(backward.kernel, np.rot90(forward.kernel, 2))


def test_each_cell_is_the_sum_over_its_window():
    for slide in slides("learned", 1):
        sums = [(slide.seen(position) * slide.kernel).sum() for position in range(slide.written.size)]
        np.testing.assert_allclose(np.reshape(sums, slide.written.shape), slide.written, atol=1e-5)


def test_a_pixel_in_the_corner_was_read_by_one_output():
    _, backward = slides("edge", 0)
    inside = np.pad(np.ones((6, 6)), 2)
    readers = [inside[r : r + 3, c : c + 3].sum() for r, c in map(backward.window, range(64))]
    assert readers[0] == readers[63] == 1
    assert readers[27] == 9


@pytest.mark.parametrize(("phase", "position"), [("forward", 14), ("backward", 40)])
def test_the_picture_shows_what_was_written_so_far(phase, position):
    figure = convolution(position, phase, "blur")
    slide = slides("blur", 0)[phase == "backward"]
    written = slide.written.copy()
    written.ravel()[position + 1 :] = np.nan
    images = [image.get_array() for image in figure.axes[0].images]
    shades = (
        (slide.read, slide.read),
        (slide.seen(position), slide.read),
        (slide.kernel, slide.kernel),
        (written, slide.written),
    )
    for image, (matrix, scale) in zip(images, shades, strict=True):
        np.testing.assert_allclose(image, shade(matrix, np.abs(scale).max()))
    row, column = slide.window(position)
    total = f"{slide.written[row, column]:.2f}".rstrip("0").replace("-", "−")
    assert any(text.get_text() == f"sum of the 9 products: {total}" for text in figure.axes[0].texts)
    frames = [patch.get_bbox().bounds for patch in figure.axes[0].patches if patch.get_linewidth() == 3.5]
    left, _, high, _ = figure.axes[0].images[0].get_extent()
    assert frames[0][0] == pytest.approx(left + column * 0.37)
    assert frames[0][1] + (8 if phase == "forward" else 10) * 0.37 == pytest.approx(high + row * 0.37)


def test_forward_ends_at_its_last_output():
    assert convolution(63, "forward").alt == convolution(35, "forward").alt
    assert "Step 64 of 64" in convolution(63, "backward").alt


def test_the_learned_kernel_is_learned():
    assert learned_kernel().shape == (1, 1, 3, 3)
    from course import generator
    from course.modules import Conv2d

    start = Conv2d(1, 1, 3, bias=False, rng=generator(0)).weight.value
    assert (learned_kernel() - start).abs().max() > 0.1


@pytest.mark.parametrize(
    "wrong", [{"phase": "sideways"}, {"kernel": "sharpen"}, {"position": 64}, {"digit": 1797}]
)
def test_wrong_arguments(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        convolution(**wrong)
