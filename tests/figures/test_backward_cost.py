"""The cost of backward: torch's own counter counts multiplications, and bars carry what was measured."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from course.figures.backward_cost import backward_cost, measured, network
from course.modules import Linear


def test_products_of_linear_modules_are_torchs_count():
    net, batch = network(), 16
    x = torch.randn(batch, 64)
    costs = [cost for cost in measured(batch) if cost.name.startswith("Linear")]
    linears = [module for module in net.modules if isinstance(module, Linear)]
    with FlopCounterMode(display=False) as counter:
        net(x)
    # a product and a sum each
    assert counter.get_total_flops() == 2 * sum(cost.forward_products for cost in costs)
    with FlopCounterMode(display=False) as counter:
        net.backward(torch.randn(batch, 10))
    assert counter.get_total_flops() == 2 * sum(cost.backward_products for cost in costs)
    assert len(costs) == len(linears) == 3


def test_bars_carry_the_data():
    costs = measured(64)
    counted, timed = backward_cost(64).axes
    widths = [bar.get_width() for bar in counted.patches]
    assert widths == [c.forward_products / 1e6 for c in costs] + [c.backward_products / 1e6 for c in costs]
    widths = [bar.get_width() for bar in timed.patches]
    assert widths == [1000 * c.forward_seconds for c in costs] + [1000 * c.backward_seconds for c in costs]
    assert all(width > 0 for width in widths)


def test_other_batches_are_refused():
    with pytest.raises(ValueError, match=r"a batch of 5 was not measured: choose 16, 64, 256, 1024"):
        backward_cost(5)
