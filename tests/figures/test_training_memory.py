"""The memory budget: bytes counted by hand and by torch, and every bar as long as its number."""

import numpy as np
import pytest
import torch

from course import Chain, Residual
from course.figures.training_memory import budget, example_net, training_memory
from course.modules import Linear, ReLU


def test_parameters_are_torchs():
    nn = torch.nn
    twin = nn.Sequential(
        nn.Conv2d(1, 16, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(32 * 7 * 7, 128), nn.ReLU(), nn.Linear(128, 10),
    )  # fmt: skip
    assert budget(1).parameter_bytes == sum(4 * p.numel() for p in twin.parameters())


@pytest.mark.parametrize("batch", [1, 8])
def test_saved_bytes_by_hand(batch):
    """Each module keeps what its backward reads.

    What the one before keeps as its output is not counted again.
    """
    saved = {row.name: row.saved_bytes for row in budget(batch).rows}
    assert saved["0"] >= 4 * batch * 28 * 28  # the image
    assert saved["1"] == 4 * batch * 16 * 28 * 28  # the ReLU's output
    assert saved["4"] == 4 * batch * 32 * 14 * 14
    assert saved["6"] == 0  # Flatten looks at the same numbers
    assert saved["8"] == 4 * batch * 128
    assert saved["9"] == 0  # the last Linear reads what the ReLU saved


def test_what_is_saved_grows_with_the_batch_and_parameters_do_not():
    small, large = budget(4), budget(40)
    assert large.parameter_bytes == small.parameter_bytes
    assert large.saved_bytes == 10 * small.saved_bytes


def test_bars_carry_the_numbers():
    figure = training_memory(16)
    parameters, gradients, saved = figure.axes[0].containers
    rows = budget(16).rows[1:]
    np.testing.assert_allclose(
        [bar.get_width() for bar in parameters], [row.parameter_bytes / 1e6 for row in rows]
    )
    np.testing.assert_allclose(
        [bar.get_width() for bar in gradients], [row.parameter_bytes / 1e6 for row in rows]
    )
    np.testing.assert_allclose([bar.get_width() for bar in saved], [row.saved_bytes / 1e6 for row in rows])
    np.testing.assert_allclose(
        [bar.get_x() for bar in saved], [2 * row.parameter_bytes / 1e6 for row in rows]
    )
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names[0] == "Conv2d → 16 × 28 × 28"
    assert len(names) == len(example_net())
    assert figure.get_suptitle().startswith("batch of 16: 0.828 MB of parameters")


def test_a_network_of_ones_own():
    net = Chain(Linear(3, 5), Residual(Chain(Linear(5, 5), ReLU())), Linear(5, 2))
    figure = training_memory(10, net, torch.zeros(3))
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == ["Linear → 5", "Linear → 5", "ReLU → 5", "Linear → 2"]


def test_what_is_missing_is_named():
    with pytest.raises(ValueError, match="batch=0"):
        training_memory(0)
    with pytest.raises(ValueError, match="example"):
        training_memory(1, Linear(3, 2))
