"""What a Jacobian costs: both ways give the same gradient, bytes are counted, and the matrix is slower."""

import pytest
import torch

from course.figures.jacobian_cost import SIZES, by_element, by_matrix, jacobian_cost


@pytest.mark.parametrize("size", SIZES[:4])
def test_both_ways_give_the_same_gradient(size):
    torch.testing.assert_close(by_matrix(size).gradient, by_element(size).gradient)
    assert by_matrix(size).size == 4 * size**2
    assert by_element(size).size == 4 * size


def test_the_matrix_is_slower_where_it_is_large():
    assert by_matrix(SIZES[-1]).seconds > 5 * by_element(SIZES[-1]).seconds


def test_curves_carry_the_data():
    memory, seconds = jacobian_cost(256).axes
    assert list(memory.lines[0].get_ydata()) == [4 * size**2 for size in SIZES]
    assert list(seconds.lines[2].get_ydata()) == [by_element(size).seconds for size in SIZES]
    assert memory.lines[1].get_xydata().tolist() == [[256, 4 * 256**2]]


def test_other_sizes_are_refused():
    with pytest.raises(ValueError, match=r"size=100 was not measured: choose 64, 128"):
        jacobian_cost(100)
