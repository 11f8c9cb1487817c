"""Dead units: counted as in torch, more of them with a large learning rate, and what is dead stays dead."""

import pytest
import torch

from course.data import digits
from course.device import generator
from course.figures.dead_relus import (
    BATCH,
    INPUTS,
    LARGE_EPOCHS,
    RATES,
    SEEDS,
    SMALL_EPOCHS,
    SMALL_RATE,
    UNITS,
    dead_relus,
    outcome,
)
from course.modules import Linear
from course.training.batches import batches


def by_torch(rate, slope):
    """The same training with torch.nn and torch.optim, from the same weights and in the same order."""
    train, test = digits().split()
    off, right = [], []
    for seed in range(SEEDS):
        rng = generator(seed)
        layers = [Linear(64, UNITS, rng=rng), Linear(UNITS, 10, rng=rng)]
        net = torch.nn.Sequential(
            torch.nn.Linear(64, UNITS), torch.nn.LeakyReLU(slope), torch.nn.Linear(UNITS, 10)
        )
        net.to(train.inputs.device)
        for place, layer in zip((0, 2), layers, strict=True):
            net[place].load_state_dict(layer.state_dict())
        for lr, epochs in ((rate, LARGE_EPOCHS), (SMALL_RATE, SMALL_EPOCHS)):
            optimizer, order = torch.optim.SGD(net.parameters(), lr=lr), torch.Generator().manual_seed(seed)
            for _ in range(epochs):
                for rows in batches(len(train), BATCH, order):
                    rows = rows.to(train.inputs.device) if isinstance(rows, torch.Tensor) else rows
                    optimizer.zero_grad()
                    torch.nn.functional.cross_entropy(net(train.inputs[rows]), train.targets[rows]).backward()
                    optimizer.step()
        with torch.no_grad():
            off.append((net[0](train.inputs) <= 0).all(0).double().mean().item())
            right.append((net(test.inputs).argmax(1) == test.targets).double().mean().item())
    return sum(off) / SEEDS, sum(right) / SEEDS


def test_units_are_counted_as_torch_counts_them():
    off, right = by_torch(1.0, 0.0)
    found = outcome(0.0, 1.0, INPUTS[0])
    assert found.off == pytest.approx(off, abs=0.02)  # a unit that hovers at 0 may fall to either side
    assert found.accuracy == pytest.approx(right, abs=0.05)


def test_large_steps_kill_relus_unless_the_inputs_are_centered():
    assert outcome(0.0, RATES[0], INPUTS[0]).off < 0.15 < 0.6 < outcome(0.0, RATES[-1], INPUTS[0]).off
    assert (
        outcome(0.0, RATES[0], INPUTS[0]).accuracy > 0.8 > 0.3 > outcome(0.0, RATES[-1], INPUTS[0]).accuracy
    )
    assert outcome(0.0, 1.0, INPUTS[1]).off < 0.05


def test_the_lines_carry_the_data():
    figure = dead_relus()
    left, right = figure.axes
    for kind, slope in (("ReLU", 0.0), ("LeakyReLU", 0.01)):
        found = {rate: outcome(slope, rate, INPUTS[0]) for rate in RATES}
        (off,) = [line for line in left.lines if line.get_label() == kind]
        (accuracy,) = [line for line in right.lines if line.get_label() == kind]
        assert off.get_ydata().tolist() == [one.off for one in found.values() if one]
        assert accuracy.get_ydata().tolist() == [one.accuracy for one in found.values() if one]
    assert f"{outcome(0.0, RATES[-1], INPUTS[0]).off:.0%} of the ReLUs are dead" in figure.get_suptitle()


def test_torch_keeps_its_threads():
    before = torch.get_num_threads()
    outcome.__wrapped__(0.0, RATES[0], INPUTS[0])
    assert torch.get_num_threads() == before


def test_wrong_inputs_are_named():
    with pytest.raises(
        ValueError, match="the digits do not come as 'raw': choose ink from 0 to 1 or standardized"
    ):
        dead_relus(inputs="raw")
