"""Every module, on every example it brings: the contract, and exactness against torch."""

import copy
import inspect
from typing import Any

import pytest
import torch

import course.modules
from course import Chain, Graph, Module, Parameter, generator
from course.checks import check_module
from course.gradients import numerical_gradients
from course.module import Example, as_tuple, has_own_backward
from course.modules import Linear
from course.modules.registry import all_modules

MODULES = all_modules()
EXAMPLES = {
    f"{name}-{example.label or position}": example
    for name, kind in MODULES.items()
    for position, example in enumerate(kind.examples(generator(0)))
}
examples = pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES.keys())
modules = pytest.mark.parametrize("kind", MODULES.values(), ids=MODULES.keys())


def in_float64(example: Example) -> tuple[Module, tuple[Any, ...]]:
    inputs = (
        x.double() if isinstance(x, torch.Tensor) and x.is_floating_point() else x for x in example.inputs
    )
    return copy.deepcopy(example.module).to(dtype=torch.float64), tuple(inputs)


def differentiable(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.is_floating_point()


def random_upstream(outputs: tuple[Any, ...]) -> tuple[Any, ...]:
    rng = generator(1)
    return tuple(torch.randn(o.shape, dtype=o.dtype, device=o.device, generator=rng) for o in outputs)


CURRICULUM = """
Add Subtract Multiply Divide Negate Reciprocal Exp Log Square Power Sin Cos Max Sum Mean MatMul Copy
Concatenate Reshape Linear Bilinear Embedding Conv2d MaxPool2d AvgPool2d GlobalAvgPool2d Flatten Dropout
L1Normalize L2Normalize BatchNorm1d BatchNorm2d LayerNorm FiLM Gate ScaledDotProductAttention
MultiheadAttention RadialBasis Polynomial CosineUnit RNNCell LSTMCell GRUCell Identity Sigmoid Tanh ReLU
LeakyReLU PReLU NoisyReLU Softplus ELU GELU SiLU Softmax LogSoftmax EuclideanLoss MSELoss L1Loss LogLoss
CrossEntropyLoss BCELoss BCEWithLogitsLoss HingeLoss ContrastiveLoss KLDivLoss
"""


def test_the_registry_holds_every_module_of_the_curriculum():
    assert set(CURRICULUM.split()) <= set(MODULES)
    assert len(MODULES) >= 70
    assert set(course.modules.__all__) == set(MODULES)
    assert {type(example.module).__name__ for example in EXAMPLES.values()} == set(MODULES)


@modules
def test_module_describes_itself(kind):
    assert kind.formula, "a module states its formula"
    assert kind.source, "a module states its source"
    assert kind.__doc__
    assert "∂" in kind.__doc__, "the docstring gives the gradients"
    assert has_own_backward(kind), "the library relies on no fallback"
    assert "autograd" not in inspect.getsource(inspect.getmodule(kind))
    assert 1 <= kind.lecture <= 15, "a module names the lecture that introduces it"
    assert all(hint is not inspect.Parameter.empty for hint in inspect.get_annotations(kind.forward).values())
    assert len(kind.local) in (0, len(next(iter(kind.examples(generator(0)))).module.input_names()))


@examples
def test_module_passes_its_checks(example):
    report = check_module(example.module, example.inputs, reference=example.reference)
    assert report.passed, str(report)


@examples
def test_gradients_equal_autograd(example):
    module, inputs = in_float64(example)
    # before forward: a module that draws random numbers draws the same ones again
    truth = copy.deepcopy(module)
    leaves = [x.clone().requires_grad_() if differentiable(x) else x for x in inputs]
    outputs = as_tuple(module(*inputs))
    upstream = random_upstream(outputs)
    grads = as_tuple(module.backward(*upstream))
    assert len(grads) == len(inputs)
    for parameter in truth.parameters():
        parameter.value.requires_grad_()
    expected_outputs = as_tuple(example.reference(truth, *leaves))
    sources = [*filter(differentiable, leaves), *(parameter.value for parameter in truth.parameters())]
    expected = iter(
        torch.autograd.grad(expected_outputs, sources, upstream, allow_unused=True, materialize_grads=True)
    )
    for ours, theirs in zip(outputs, expected_outputs, strict=True):
        torch.testing.assert_close(ours, theirs.detach(), rtol=1e-12, atol=1e-14)
    for ours, leaf in zip(grads, leaves, strict=True):
        if differentiable(leaf):
            torch.testing.assert_close(ours, next(expected), rtol=1e-10, atol=1e-13)
        else:
            assert ours is None
    for parameter, theirs in zip(module.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, theirs, rtol=1e-10, atol=1e-13)


@examples
def test_fallback_backward_equals_the_handwritten_one(example):
    """A class stripped of its backward, as students receive it, still gives the same gradients."""
    kind = type(example.module)
    kept = {
        name: value
        for name, value in vars(kind).items()
        if name not in ("backward", "__dict__", "__weakref__")
    }
    bare = type(kind.__name__, kind.__bases__, {**kept, "forward": inspect.unwrap(kind.forward)})
    written, inputs = in_float64(example)
    stripped = bare.__new__(bare)
    vars(stripped).update(vars(copy.deepcopy(written)))
    assert not has_own_backward(stripped)
    grads = []
    for module in (written, stripped):
        outputs = as_tuple(module(*inputs))
        upstream = tuple(
            torch.linspace(-1, 2, o.numel(), dtype=o.dtype, device=o.device).view(o.shape) for o in outputs
        )
        grads.append(
            [*as_tuple(module.backward(*upstream)), *(parameter.grad for parameter in module.parameters())]
        )
    for by_hand, by_autograd in zip(*grads, strict=True):
        torch.testing.assert_close(by_hand, by_autograd, rtol=1e-10, atol=1e-13)


def scattered(value: Any) -> Any:
    """The same numbers, laid out backward in memory."""
    if not isinstance(value, torch.Tensor) or value.dim() < 2:
        return value
    return value.transpose(0, -1).contiguous().transpose(0, -1)


@examples
def test_layout_and_dtype_do_not_matter(example):
    """In float32, with inputs and upstream gradients that are not contiguous; every result stays float32."""
    results = []
    for lay in (lambda value: value, scattered):
        module = copy.deepcopy(example.module)
        # random numbers follow the layout
        module.train(not isinstance(getattr(module, "rng", None), torch.Generator))
        outputs = as_tuple(module(*map(lay, example.inputs)))
        grads = as_tuple(module.backward(*map(lay, random_upstream(outputs))))
        results.append(
            [*outputs, *(g for g in grads if g is not None), *(p.grad for p in module.parameters())]
        )
    for plain, other in zip(*results, strict=True):
        assert plain.dtype == other.dtype == torch.float32
        torch.testing.assert_close(plain, other, rtol=1e-4, atol=1e-5)


@examples
def test_repr_is_what_one_types_to_make_the_module(example):
    shown = repr(example.module)
    if "Buffer(" not in shown and not list(example.module.named_children()):
        again = eval(shown, dict(vars(course.modules)))
        assert repr(again) == shown
        assert again.state_dict().keys() == example.module.state_dict().keys()


def test_repr_of_ones_own_module_shows_the_arguments_that_it_keeps():
    class Mine(Module):
        def __init__(self, size, *shape, slope=0.5, bias=True, rng=None, other=3):
            self.size, self.shape, self.slope, self.rng = size, shape, slope, rng
            self.bias = Parameter(torch.zeros(2)) if bias else None

    assert repr(Mine(4, 2, 3, rng=generator(0))) == "Mine(size=4, 2, 3, slope=0.5, bias=True)"
    assert repr(Mine(torch.zeros(2), slope="x", bias=False)) == "Mine(slope='x', bias=False)"
    assert repr(MODULES["BCELoss"](torch.ones(3))) == "BCELoss(weight=Buffer(shape=(3,)), reduction='mean')"


def test_fallback_inside_a_graph_and_around_modules():
    class Square(Module):
        def __init__(self):
            self.inner = Linear(2, 2)

        def forward(self, x):
            y = self.inner(x)
            self.save(y=y)
            return y * y

    square, x = Square(), torch.randn(3, 2)
    graph = Graph("x")
    graph.add("s", square, "x")
    graph(x)
    grad = graph.backward(torch.ones(3, 2))
    y = square.inner(x)
    torch.testing.assert_close(grad, 2 * y @ square.inner.weight.value)
    torch.testing.assert_close(square.inner.bias.grad, (2 * y).sum(0))


@examples
def test_scaled_examples_are_larger(example):
    name = type(example.module).__name__
    small, large = (
        [
            x.numel()
            for e in MODULES[name].examples(generator(0), scale)
            for x in e.inputs
            if isinstance(x, torch.Tensor)
        ]
        for scale in (1, 3)
    )
    assert sum(large) > sum(small)


def test_max_shares_a_tie_as_torch_does():
    x = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    y = torch.tensor([1.0, 5.0, 0.0], dtype=torch.float64)
    module = MODULES["Max"]()
    module(x, y)
    ours = module.backward(torch.tensor([2.0, 2.0, 2.0], dtype=torch.float64))
    leaves = x.clone().requires_grad_(), y.clone().requires_grad_()
    theirs = torch.autograd.grad(torch.maximum(*leaves), leaves, torch.full((3,), 2.0, dtype=torch.float64))
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b)


def test_linear_exchanges_its_state_with_torch():
    theirs, ours = torch.nn.Linear(3, 2), Linear(3, 2)
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(4, 3)
    torch.testing.assert_close(ours(x), theirs(x).detach())
    theirs.load_state_dict(ours.state_dict())
    assert list(ours.state_dict()) == list(theirs.state_dict())


def test_wrong_shape_is_refused_with_both_shapes():
    with pytest.raises(Exception, match=r"in_features|shape|3"):
        Linear(3, 2)(torch.randn(4, 5))


def test_copy_needs_a_copy():
    with pytest.raises(ValueError, match="at least one"):
        MODULES["Copy"](0)


def test_numerical_gradient_of_a_known_function():
    x = torch.tensor([0.3, -1.2, 40.0], dtype=torch.float64)
    (gradient,) = numerical_gradients(torch.sin, [x], [torch.ones(3, dtype=torch.float64)])
    torch.testing.assert_close(gradient, torch.cos(x), rtol=1e-8, atol=1e-9)
    with pytest.raises(ValueError, match="float64"):
        numerical_gradients(torch.sin, [x.float()], [torch.ones(3)])


def test_chain_of_modules_equals_autograd():
    chain = Chain(Linear(3, 4), MODULES["Sigmoid"](), Linear(4, 2)).to(dtype=torch.float64)
    assert check_module(chain, (torch.randn(5, 3),)).passed
    assert [name for name, _ in chain.named_parameters()] == ["0.weight", "0.bias", "2.weight", "2.bias"]


@pytest.mark.parametrize("rng", [None, 3])
def test_a_fallback_draws_the_same_random_numbers_again(rng):
    kind = MODULES["Dropout"]
    bare = type(
        "Dropout",
        (Module,),
        {k: v for k, v in vars(kind).items() if k not in ("backward", "__dict__", "__weakref__")},
    )
    dropout, x = bare(rng=None if rng is None else generator(rng)), torch.ones(1000)
    out = dropout(x)
    torch.testing.assert_close(dropout.backward(torch.ones(1000)), out)
    assert 400 < (out > 0).sum() < 600
    assert not torch.equal(dropout(x), out)
