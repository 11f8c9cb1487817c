"""Depth against width: the tent map's closed form, equal budgets, and no better knots for the shallow net."""

import numpy as np
import pytest

from course.figures.tent_map import DEEPEST, GRID, deep_net, pair, run, teeth, tent_map


@pytest.mark.parametrize("depth", range(1, DEEPEST + 1))
def test_the_deep_net_is_the_composed_tent_map(depth):
    # the closed form: 2^(depth − 1) copies of |2x − 1|, upside down
    zigzag = np.abs((GRID * 2 ** (depth - 1)) % 1 * 2 - 1)
    np.testing.assert_allclose(run(deep_net(depth)), 1 - zigzag, atol=1e-9)
    assert teeth(pair(depth).deep_out) == 2 ** (depth - 1)


@pytest.mark.parametrize("depth", [1, 3, 7])
def test_both_nets_have_the_same_budget(depth):
    found = pair(depth)
    sizes = [sum(p.value.numel() for p in net.parameters()) for net in (found.deep, found.shallow)]
    assert sizes == [6 * depth + 1] * 2
    assert len(found.shallow) == 3
    assert len(found.deep) == 2 * depth + 1


def test_the_shallow_net_keeps_up_twice_and_then_falls_behind():
    errors = [pair(depth).error for depth in range(1, DEEPEST + 1)]
    assert max(errors[:2]) < 1e-9
    assert errors[1:] == sorted(errors[1:])
    assert errors[2] > 0.1
    assert errors[-1] < 12**-0.5  # what the constant ½ leaves
    assert [teeth(pair(depth).shallow_out) for depth in range(1, DEEPEST + 1)] == [1, 2, 2, 3, 4, 5, 6]


def best_error(target, knots, places, levels):
    """The least mean squared error of continuous lines with so many bends on a grid of places and heights."""
    fine = len(target) // places
    t = (np.arange(len(target)) + 0.5) / len(target)
    sums = [
        np.concatenate([[0], np.cumsum(moment)])[::fine] / len(target)
        for moment in (target, target * t, target**2)
    ]
    start, end = levels[:, None], levels[None, :]
    best = np.full((places + 1, len(levels)), np.inf)
    best[0] = 0
    for _ in range(knots + 1):
        longer = np.full_like(best, np.inf)
        for j in range(1, places + 1):
            for i in range(j):
                f, ft, ff = (moment[j] - moment[i] for moment in sums)
                width = (j - i) / places
                product = start * f + (end - start) / width * (ft - i / places * f)  # ∫ target · line
                cost = ff - 2 * product + width * (start**2 + start * end + end**2) / 3
                longer[j] = np.minimum(longer[j], (best[i][:, None] + cost).min(axis=0))
        best = longer
    return best[places].min()


def test_no_other_knots_do_better():
    fine = 48 * 64
    t = (np.arange(fine) + 0.5) / fine
    target = 1 - np.abs((t * 4) % 1 * 2 - 1)
    searched = best_error(target, knots=5, places=48, levels=np.linspace(-0.5, 1.5, 41))
    assert pair(3).error ** 2 <= searched * 1.001
    # and the search is no stranger to it: it finds nearly the same
    assert pair(3).error ** 2 > 0.98 * searched


def test_curves_carry_the_data():
    figure = tent_map(5)
    nets, errors, counts = figure.axes
    np.testing.assert_allclose(nets.lines[0].get_ydata(), pair(5).deep_out)
    np.testing.assert_allclose(nets.lines[1].get_ydata(), pair(5).shallow_out)
    assert list(counts.lines[0].get_ydata()) == [1, 2, 4, 8, 16, 32, 64]
    assert list(counts.lines[2].get_ydata()) == [1, 2, 2, 3, 4, 5, 6]
    assert list(counts.lines[1].get_xdata()) == [5]
    np.testing.assert_allclose(errors.lines[0].get_ydata(), [pair(depth).error for depth in range(1, 8)])
    assert figure.get_suptitle() == "31 parameters draw 16 teeth in a deep net, 4 teeth in a shallow one"


@pytest.mark.parametrize("depth", [0, 8])
def test_other_depths_are_refused(depth):
    with pytest.raises(ValueError, match=f"depth={depth}"):
        tent_map(depth)
