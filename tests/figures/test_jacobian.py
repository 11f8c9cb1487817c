"""Jacobians: the rows backward gives are torch.autograd's, and the picture shows them in their cells."""

import numpy as np
import pytest
import torch

from course.containers.graph import Graph
from course.device import tensor
from course.figures._matrix import number_text
from course.figures.jacobian import MODULES, jacobian, jacobian_rows
from course.modes import recording

X = [1.0, -0.5, 0.25]


def module_and_inputs(name):
    module = MODULES[name][0]().to(dtype=torch.float64)
    x = tensor(X, torch.float64)
    return module, x.unbind() if isinstance(module, Graph) else (x,)


@pytest.mark.parametrize("name", MODULES)
def test_rows_are_those_of_autograd(name):
    module, inputs = module_and_inputs(name)
    outputs, rows = jacobian_rows(module, inputs)

    def function(x):
        out = module(*x.unbind()) if isinstance(module, Graph) else module(x)
        return torch.stack(out) if isinstance(out, tuple) else out

    with recording():
        true = torch.autograd.functional.jacobian(function, tensor(X, torch.float64))
        assert outputs == pytest.approx(function(tensor(X, torch.float64)).tolist())
    np.testing.assert_allclose(rows, true.cpu(), atol=1e-9)


def test_each_shows_what_its_title_says():
    rows = {name: jacobian_rows(*module_and_inputs(name))[1] for name in MODULES}
    assert rows["R³ → R²"] == pytest.approx(np.array([[X[1], X[0], 0], [0, 1, np.cos(X[2])]]))
    for name in ("Tanh", "ReLU"):
        assert np.array_equal(rows[name], np.diag(np.diag(rows[name])))
    assert np.diag(rows["ReLU"]).tolist() == [1, 0, 1]
    for name in ("Softmax", "LayerNorm"):
        assert np.all(rows[name] != 0)
        assert rows[name].sum(axis=1) == pytest.approx(np.zeros(3), abs=1e-12)
    weight = module_and_inputs("Linear")[0].weight.value.cpu().numpy()
    assert rows["Linear"] == pytest.approx(weight)


@pytest.mark.parametrize("name", MODULES)
def test_each_cell_has_its_number_in_its_place(name):
    _, rows = jacobian_rows(*module_and_inputs(name))
    figure = jacobian(name, *X)
    (axes,) = figure.axes
    cells = sorted(
        (round(text.get_position()[1], 3), text.get_position()[0], text.get_text())
        for text in axes.texts
        if text.get_fontsize() == 22
    )
    assert [text for _, _, text in cells] == [number_text(number, 2) for number in rows.ravel()]
    labels = " ".join(text.get_text() for text in axes.texts)
    assert all(
        f"x{index} = {number_text(number, 2)}" in labels for index, number in zip("₁₂₃", X, strict=True)
    )
    assert labels.count("backward(") == len(rows)


def test_an_unknown_module_is_explained():
    with pytest.raises(ValueError, match="no Jacobian of 'Conv2d': there are R³ → R², Tanh"):
        jacobian("Conv2d")
