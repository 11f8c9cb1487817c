"""Wrong inputs: one class of error for each cause.

The message has the argument, what came and what was expected.
"""

import pytest
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from course import Chain, DtypeError, Graph, InputCountError, InputError, Module, RankError, SizeError, tensor
from course.errors import DeviceError
from course.modules import Add, EuclideanLoss, Linear, Sigmoid


class Pick(Module):
    """An argument of each kind: numbers, whole numbers, an optional mask, a fixed size."""

    size = 4

    def forward(
        self,
        x: Float[Tensor, "batch size"] | Float[Tensor, "batch size size"],
        index: Int[Tensor, " batch"],
        mask: Bool[Tensor, "batch 2"] | None = None,
    ) -> Tensor:
        self.save(x=x)
        return x + 0

    def backward(self, grad_output):
        return grad_output, None, None


x, index = torch.ones(3, 4), torch.zeros(3, dtype=torch.int64)


SIZE, RANK, DTYPE, COUNT = SizeError, RankError, DtypeError, InputCountError
ONE_AXIS, WRONG_BATCH = torch.ones(3), torch.ones(4, 2)
WRONG_INPUTS = [
    (
        lambda: Linear(3, 2)(WRONG_BATCH),
        SIZE,
        "Linear: argument 'x' has shape (4, 2), expected (*batch, in_features=3)",
    ),
    (lambda: Linear(3, 2)(WRONG_BATCH), SIZE, ": axis 1 is 2 where in_features is 3"),
    (
        lambda: Linear(3, 2)(torch.tensor(1.0)),
        RANK,
        "has shape (), expected (*batch, in_features=3): it has 0 axes",
    ),
    (lambda: Linear(3, 2)(index), DTYPE, "'x' holds int64, expected floating-point numbers"),
    (
        lambda: Linear(3, 2)(ONE_AXIS.double()),
        DTYPE,
        "'x' holds float64, but the module's parameters hold float32: ",
    ),
    (
        lambda: Linear(3, 2)(ONE_AXIS.double()),
        DTYPE,
        ": pass x.to(torch.float32), or module.to(dtype=torch.float64)",
    ),
    (lambda: Linear(3, 2)([1.0, 2.0]), DTYPE, "'x' is a list, not a tensor: make one with course.tensor(x)"),
    (lambda: Linear(3, 2)(None), DTYPE, "'x' is a NoneType, not a tensor"),
    (lambda: Linear(3, 2)(), COUNT, "Linear takes (x), got 0 inputs"),
    (lambda: Add()(ONE_AXIS), COUNT, "Add takes (x, y), got 1 input"),
    (
        lambda: Add()(torch.ones(3, 2), WRONG_BATCH),
        SIZE,
        "'y' has shape (4, 2), which does not broadcast with (3, 2)",
    ),
    (
        lambda: EuclideanLoss()(torch.ones(3, 2), WRONG_BATCH),
        SIZE,
        "'target' has shape (4, 2), expected (batch=3, features=2)",
    ),
    (
        lambda: EuclideanLoss()(ONE_AXIS, ONE_AXIS),
        RANK,
        "'x' has shape (3,), expected (batch, features): it has 1 axis",
    ),
    (lambda: Pick()(x, index.float()), DTYPE, "'index' holds float32, expected whole numbers"),
    (lambda: Pick()(x, index, torch.ones(3, 2)), DTYPE, "'mask' holds float32, expected true or false"),
    (
        lambda: Pick()(x, index, torch.ones(3, 3).bool()),
        SIZE,
        "'mask' has shape (3, 3), expected (batch=3, 2)",
    ),
    (lambda: Pick()(torch.ones(3, 4, 5), index), SIZE, "axis 2 is 5 where size is 4"),
    (lambda: Pick()(ONE_AXIS, index), RANK, "'x' has shape (3,)"),
    (lambda: Pick()(x, index[:2]), SIZE, "'index' has shape (2,), expected (batch=3,)"),
    (lambda: Pick()(x, index, None, x), COUNT, "Pick takes (x, index, mask), got 4 inputs"),
    (lambda: Pick()(x, index, maks=None), COUNT, "unexpected keyword argument 'maks'"),
]


@pytest.mark.parametrize(("call", "error", "message"), WRONG_INPUTS, ids=range(len(WRONG_INPUTS)))
def test_wrong_input_is_named(call, error, message):
    with pytest.raises(InputError) as caught:
        call()
    assert type(caught.value) is error
    assert message in str(caught.value)


def test_right_inputs_pass_by_position_and_by_name():
    mask = torch.ones(3, 2, dtype=torch.bool)
    module = Pick()
    for given in ((x, index), (x, index, None), (x, index, mask), (torch.ones(3, 4, 4), index)):
        module(*given)
        assert len(module.backward(torch.ones_like(given[0]))) == len(given)
    module(x, index=index)
    assert len(module.backward(x)) == 2
    module(x, mask=mask, index=index)
    assert len(module.backward(x)) == 3


def test_a_gradient_must_fit_the_output():
    module = Linear(3, 2)
    module(torch.ones(1, 3))
    with pytest.raises(
        SizeError,
        match=r"grad_output has shape \(4, 2\), but the output it belongs to has "
        r"shape \(1, 2\)",
    ):
        module.backward(torch.ones(4, 2))
    with pytest.raises(DtypeError, match="grad_output is a float, not a tensor"):
        module.backward(1.0)
    with pytest.raises(InputCountError, match="2 gradients came for 1 output"):
        module.backward(torch.ones(1, 2), torch.ones(1, 2))
    assert not module.weight.grad.any()


def test_errors_name_the_place_in_a_network():
    graph = Graph("x")
    graph.add("hidden", Chain(Linear(3, 4), Sigmoid(), Linear(5, 2)), "x")
    with pytest.raises(
        SizeError,
        match=r"node 'hidden': position 2 of the chain: Linear: argument 'x' has "
        r"shape \(2, 4\)",
    ):
        graph(torch.ones(2, 3))


def test_every_error_is_a_value_error():
    assert all(
        issubclass(error, ValueError)
        for error in (DeviceError, DtypeError, RankError, SizeError, InputCountError)
    )


def test_an_unannotated_module_takes_anything():
    class Free(Module):
        def forward(self, x, factor=2):
            self.save(factor=factor)
            return x * factor

        def backward(self, grad_output):
            return grad_output * self.saved["factor"], None

    module = Free()
    assert module(tensor([1.0]), factor=3).item() == 3
    assert module.backward(tensor([1.0]))[0].item() == 3
    assert module(tensor([1, 2], dtype=torch.int64)).tolist() == [2, 4]
