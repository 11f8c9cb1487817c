"""The Jacobian of a batch: torch's, and zero between examples."""

import numpy as np
import pytest
import torch

from course.device import device
from course.figures.batch_jacobian import MODULES, batch_jacobian, jacobian_of_batch


@pytest.mark.parametrize("name", MODULES)
def test_it_is_torchs_and_zero_between_examples(name):
    x, rows = jacobian_of_batch(name, 4)
    module = MODULES[name][0]().to(dtype=torch.float64)
    functions = {
        "Sin": torch.sin,
        "Softmax": lambda x: torch.softmax(x, 1),
        "Linear": lambda x: torch.nn.functional.linear(x, *(p.value for p in module.parameters())),
    }
    with torch.enable_grad():
        expected = torch.autograd.functional.jacobian(functions[name], torch.from_numpy(x).to(device()))
    np.testing.assert_allclose(rows, expected.reshape(rows.shape).cpu(), atol=1e-12)
    blocks = rows.reshape(4, -1, 4, 3)
    assert all(not blocks[i, :, j].any() for i in range(4) for j in range(4) if i != j)
    assert all(blocks[i, :, i].any() for i in range(4))


def test_the_picture_counts_what_is_not_zero():
    figure = batch_jacobian("Softmax", 3)
    assert "27 of 81 numbers are not zero" in figure.axes[0].texts[0].get_text()
    assert sum(text.get_text() == "0" for text in figure.axes[0].texts) == 81 - 27
    assert "one" not in batch_jacobian("Sin", 1).alt.split()
    assert "a batch of 1 example of 3 features" in batch_jacobian("Sin", 1).alt


@pytest.mark.parametrize("wrong", [{"module": "Tan"}, {"examples": 0}, {"examples": 7}])
def test_what_cannot_be_drawn_is_explained(wrong):
    with pytest.raises(ValueError, match=r"choose Sin, Softmax, Linear and 1 to 6 examples"):
        batch_jacobian(**wrong)
