"""The report: a table in a terminal, and in a notebook maps of what is wrong."""

import re

import numpy as np
import torch

from course import generator
from course.checking.report import MOST_CELLS
from course.checks import check_module
from course.modules import Linear


class Column(Linear):
    def backward(self, grad_output):
        grad = super().backward(grad_output)
        grad[:, 20] *= 1.5
        return grad


class Broken(Linear):
    def backward(self, grad_output):
        return super().backward(grad_output) / 0


def report(kind, *shape):
    return check_module(kind(shape[1], 4), (torch.randn(*shape, generator=generator(2)),))


def test_the_terminal_shows_a_line_a_part():
    lines = str(report(Column, 30, 40)).splitlines()
    assert lines[0] == "Column"
    assert [line.split()[0] for line in lines[1:]].count("FAIL") == 1
    assert "Perhaps: only" in str(report(Column, 30, 40))


def test_three_maps_around_the_largest_error():
    page = report(Column, 30, 40)._repr_html_()
    titles = re.findall(r"<div style='font-size:14px;margin-bottom:4px'>(.*?)</div>", page)
    assert titles == ["yours", "numeric", "yours − numeric"]
    assert page.count("<td title=") == 3 * MOST_CELLS**2
    start, stop = map(int, re.search(r"∂L/∂x\[\d+:\d+, (\d+):(\d+)\]", page).groups())
    assert start <= 20 < stop
    difference = page.split("yours − numeric")[1]
    wrong = [float(value) != 0 for value in re.findall(r"<td title='([^']*)'", difference)]
    columns = np.array(wrong).reshape(MOST_CELLS, MOST_CELLS)
    assert columns[:, 20 - start].all()
    assert (
        np.abs(
            np.delete(
                np.array(re.findall(r"<td title='([^']*)'", difference), float).reshape(16, 16), 20 - start, 1
            )
        ).max()
        < 1e-6
    )


def test_numbers_stand_in_the_cells_while_they_can_be_read():
    assert re.search(r">-?\d\.\d+</td>", report(Broken, 3, 2)._repr_html_())
    assert not re.search(r">-?\d\.\d+</td>", report(Column, 30, 40)._repr_html_())


def test_what_is_no_number_is_a_dot_and_said():
    page = report(Broken, 3, 2)._repr_html_()
    assert ">·</td>" in page
    assert "a dot where there is no number" in page


def test_the_maps_are_told_in_words():
    assert "aria-label='∂L/∂x" in report(Column, 30, 40)._repr_html_()


def test_a_right_module_has_no_maps():
    page = report(Linear, 5, 3)._repr_html_()
    assert "✓ pass" in page
    assert "<figure" not in page


def test_names_and_messages_are_escaped():
    class Angry(Linear):
        def backward(self, grad_output):
            raise ValueError("<script>alert(1)</script>")

    assert "<script>" not in report(Angry, 3, 2)._repr_html_()
