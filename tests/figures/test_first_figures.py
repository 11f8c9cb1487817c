"""Figures: what they draw is what the library computes, and each says in words what there is to see."""

import numpy as np
import pytest

from course.figures import Figure, gate_patterns, gradient_comparison, sigmoid_slope
from course.figures.gate_patterns import run_gate, show
from course.modules import Add, Copy, Max, Multiply


def texts(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts]


@pytest.mark.parametrize("make", [gate_patterns, sigmoid_slope], ids=lambda make: make.__name__)
def test_figure_renders_and_has_alt_text(make):
    figure = make()
    assert figure.to_png().startswith(b"\x89PNG")
    assert len(figure.alt) > 60
    assert 'alt="' in figure._repr_html_()


def test_a_figure_without_alt_text_is_refused():
    with pytest.raises(ValueError, match="needs alt text"):
        Figure(" ")


def test_patterns():
    _, values, grads = run_gate(Add(), 3.0, -4.0, (2.0, 5.0))
    assert (values, grads) == (((3, -4), (-1,)), ((2, 2), (2,)))
    _, values, grads = run_gate(Multiply(), 3.0, -4.0, (2.0, 5.0))
    assert (values, grads) == (((3, -4), (-12,)), ((-8, 6), (2,)))
    _, values, grads = run_gate(Max(), 3.0, -4.0, (2.0, 5.0))
    assert (values, grads) == (((3, -4), (3,)), ((2, 0), (2,)))
    _, values, grads = run_gate(Copy(), 3.0, -4.0, (2.0, 5.0))
    assert (values, grads) == (((3,), (3, 3)), ((7,), (2, 5)))
    drawn = texts(gate_patterns(3.0, -4.0, (2.0, 5.0)))
    assert {"−12", "−8", "6", "7"} <= set(drawn)


def test_numbers_for_pictures():
    assert [show(number) for number in (-0.0, -4.0, 0.125, 1234.0)] == ["0", "−4", "0.125", "1.23e+03"]


def test_slope_peaks_at_a_quarter_and_fades():
    top, bottom = sigmoid_slope(at=1.0).axes
    s, slope = bottom.lines[0].get_data()
    assert np.max(slope) == pytest.approx(0.25)
    assert s[np.argmax(slope)] == pytest.approx(0, abs=1e-6)
    assert slope[0] < 0.01
    sigma = top.lines[0].get_ydata()
    np.testing.assert_allclose(slope, np.gradient(sigma, s), atol=2e-3)
    assert texts(sigmoid_slope(at=1.0)) == ["0.731", "0.197"]


def test_comparison_marks_wrong_shapes_and_missing_gradients():
    numeric = {"x": np.array([1.0, 2.0]), "y": np.array([3.0])}
    figure = gradient_comparison({"x": np.ones((2, 1))}, numeric)
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["∂L/∂x: shape (2, 1), not (2,)", "∂L/∂y: not written yet"]
    dots = gradient_comparison({"x": np.array([1.0, 5.0]), "y": np.array([3.0])}, numeric)
    assert dots.axes[0].lines[2].get_ydata().tolist() == [1, 5]
    assert "off their rings for ∂L/∂x" in dots.alt


def test_nothing_to_compare_says_so():
    assert gradient_comparison({}, {}).alt == "There is nothing to compare yet: forward computes no output."
