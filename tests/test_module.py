"""The module contract: parameters, saving, modes, sharing, and the CUDA gate."""

import copy
import pickle

import pytest
import torch

from course import (
    Buffer,
    Chain,
    DeviceError,
    DtypeError,
    Graph,
    Module,
    Parameter,
    SavedError,
    Unroll,
    device,
    generator,
    release_saved,
    tensor,
)
from course.checks import check_module
from course.module import as_tuple
from course.modules import Add, CosineUnit, Linear, Multiply, Negate, RNNCell, Sigmoid


@pytest.mark.parametrize("make", [Negate, Sigmoid, lambda: Linear(2, 2), lambda: Chain(Sigmoid())])
def test_backward_before_forward_says_so(make):
    with pytest.raises(SavedError, match="call forward before backward"):
        make().backward(torch.ones(1, 2))


def test_saved_names_what_is_missing():
    class Forgetful(Module):
        def forward(self, x):
            self.save(x=x)
            return x

        def backward(self, grad_output):
            return grad_output * self.saved["mask"]

    module = Forgetful()
    module(torch.ones(2))
    with pytest.raises(KeyError, match=r"forward saved no 'mask', only \['x'\]"):
        module.backward(torch.ones(2))


def test_a_module_needs_no_super_init():
    class Scale(Module):
        def __init__(self, factor):
            self.factor = Parameter(tensor(factor))

        def forward(self, x):
            self.save(x=x)
            return self.factor.value * x

    first, second = Scale(2.0), Scale(3.0)
    first(torch.ones(2))
    assert not second.saved.filled


def test_no_torch_graph_is_recorded():
    x = torch.ones(2, requires_grad=True)
    assert not Sigmoid()(x).requires_grad


def test_backward_adds_until_zero_grad():
    module, x = Linear(3, 2), torch.randn(5, 3)
    module(x)
    for _ in range(2):
        module.backward(torch.ones(5, 2))
    torch.testing.assert_close(module.bias.grad, torch.full((2,), 10.0))
    module.zero_grad()
    assert not module.bias.grad.any()


def test_state_dict_goes_round_and_refuses_strangers():
    source, target = Chain(Linear(3, 2), CosineUnit()), Chain(Linear(3, 2), CosineUnit())
    target.load_state_dict(source.state_dict())
    for name, value in target.state_dict().items():
        torch.testing.assert_close(value, source.state_dict()[name])
    before = target.state_dict()
    with pytest.raises(KeyError, match=r"missing \['0.bias', '0.weight', '1.theta'\]"):
        target.load_state_dict({})
    with pytest.raises(
        ValueError,
        match=r"'0.weight' in the state has shape \(2, 2\) where \(2, 3\) is "
        r"needed",
    ):
        target.load_state_dict({**before, "0.weight": torch.zeros(2, 2)})
    for name, value in target.state_dict().items():
        torch.testing.assert_close(value, before[name])


def test_state_dict_is_a_copy():
    module = Linear(2, 2)
    module.state_dict()["weight"].zero_()
    assert module.weight.value.any()


def test_train_and_eval_reach_every_child():
    graph = Graph("x")
    graph.add("a", Chain(Linear(2, 2), Sigmoid()), "x")
    inner = graph.nodes["a"].module
    assert isinstance(inner, Chain)
    graph.eval()
    assert not inner[1].training
    graph.train()
    assert inner[1].training


def test_repr_names_modules_and_sizes():
    assert repr(Linear(3, 2)) == "Linear(in_features=3, out_features=2, bias=True)"
    assert (
        repr(Chain(Linear(3, 2), Sigmoid()))
        == "Chain(\n  (0): Linear(in_features=3, out_features=2, bias=True)\n  (1): Sigmoid()\n)"
    )


@pytest.mark.parametrize(
    "clone", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["deepcopy", "pickle"]
)
def test_a_copy_stands_on_its_own(clone):
    chain = Chain(Linear(3, 2), Sigmoid())
    x = torch.randn(4, 3)
    out = chain(x)
    twin = clone(chain)
    torch.testing.assert_close(twin.backward(torch.ones(4, 2)), chain.backward(torch.ones(4, 2)))
    twin[0].weight.value.zero_()  # pyright: ignore
    torch.testing.assert_close(chain(x), out)


def test_shared_parameters_have_one_gradient_and_two_memories():
    first = CosineUnit()
    chain = Chain(first, first.share())
    assert len(list(chain.parameters())) == 1
    chain = chain.to(dtype=torch.float64)
    x = torch.tensor([0.3, 1.7], dtype=torch.float64)
    chain(x)
    chain.backward(torch.ones(2, dtype=torch.float64))
    theta = first.theta.value.clone().requires_grad_()
    expected = torch.cos(theta * (torch.cos(theta * x) + torch.pi)) + torch.pi
    (grad,) = torch.autograd.grad(expected.sum(), theta)
    torch.testing.assert_close(first.theta.grad, grad)


def test_to_moves_values_and_gradients():
    module = Linear(2, 2).to(dtype=torch.float64)
    assert module.weight.value.dtype == module.weight.grad.dtype == torch.float64


def test_chain_says_what_does_not_fit():
    with pytest.raises(ValueError, match="at least one"):
        Chain()
    with pytest.raises(TypeError, match="position 1 of the chain is a int"):
        Chain(Sigmoid(), 3)  # pyright: ignore
    twice = Sigmoid()
    with pytest.raises(ValueError, match="stands twice"):
        Chain(twice, twice)


def test_chain_passes_several_values_along():
    chain = Chain(Add(), Sigmoid())
    x, y = torch.randn(3), torch.randn(3)
    chain(x, y)
    assert len(as_tuple(chain.backward(torch.ones(3)))) == 2


class TestDevice:
    @pytest.fixture(autouse=True)
    def asked_anew(self):
        """The device is found out once; these tests change what there is to find."""
        device.cache_clear()
        yield
        device.cache_clear()

    def test_override(self, monkeypatch):
        monkeypatch.setenv("COURSE_DEVICE", "cpu")
        assert device().type == "cpu"
        device.cache_clear()
        monkeypatch.setenv("COURSE_DEVICE", "tpu")
        with pytest.raises(DeviceError, match="'tpu' is not a device of the course: set it to cpu or cuda"):
            device()

    @pytest.mark.skipif(torch.cuda.is_available(), reason="tells what happens where there is no GPU")
    def test_a_gpu_that_is_not_there(self, monkeypatch):
        monkeypatch.setenv("COURSE_DEVICE", "cuda")
        with pytest.raises(DeviceError, match="finds no GPU"):
            device()

    def test_a_tensor_elsewhere_is_refused_by_name(self, monkeypatch):
        """Seen from a course on the CPU, with a tensor on torch's meta device in place of another GPU's."""
        monkeypatch.setenv("COURSE_DEVICE", "cpu")
        module = Multiply()
        with pytest.raises(
            DeviceError,
            match=r"argument 'y' is on meta, but the course computes on "
            r"cpu.*y\.to\('cpu'\)",
        ):
            module(torch.ones(2, device="cpu"), torch.ones(2, device="meta"))

    @pytest.mark.gpu
    @pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
    def test_cpu_tensors_are_refused_where_a_gpu_is(self):
        with pytest.raises(DeviceError, match=r"argument 'x' is on cpu, but the course computes on cuda"):
            Sigmoid()(torch.ones(2, device="cpu"))

    def test_tensor_and_generator_live_on_the_device(self):
        assert tensor([1, 2]).device.type == device().type
        assert tensor(-2).dtype == torch.get_default_dtype()
        assert tensor([1, 2], dtype=torch.int64).dtype == torch.int64
        assert Linear(2, 2, rng=generator(3)).weight.value.device.type == device().type
        torch.testing.assert_close(
            Linear(2, 2, rng=generator(3)).weight.value, Linear(2, 2, rng=generator(3)).weight.value
        )

    def test_tensor_copies(self):
        data = torch.ones(2)
        tensor(data).zero_()
        assert data.all()


def test_saved_tensors_can_be_released_by_backward():
    net = Chain(Linear(3, 4), Sigmoid(), Linear(4, 2))
    x, grad = torch.randn(5, 3), torch.randn(5, 2)
    net(x)
    kept = net.backward(grad)
    assert net[1].saved
    net.zero_grad()
    net(x)
    with release_saved():
        torch.testing.assert_close(net.backward(grad), kept)
        assert not any(module.saved for _, module in net.named_modules())
        with pytest.raises(RuntimeError, match="call forward before backward"):
            net.backward(grad)
        net(x)
        net.backward(grad)
    net(x)
    net.backward(grad)
    net.backward(grad)


class Tower(Module):
    """Blocks in a list, heads in a dict, and numbers in a tuple; its backward is torch.autograd's."""

    def __init__(self) -> None:
        self.blocks = [Linear(3, 3), [Sigmoid(), Linear(3, 3)]]
        self.heads = {"first": Linear(3, 2), "second": Linear(3, 2)}
        self.scales = (Parameter(torch.tensor(2.0)), Buffer(torch.tensor(0.5)))

    def forward(self, x):
        self.save()
        first, (bend, last) = self.blocks
        hidden = last(bend(first(x)))
        scale, shift = self.scales
        return scale.value * self.heads["first"](hidden) + shift.value * self.heads["second"](hidden)


class TorchTower(torch.nn.Module):
    """The parts of a Tower as torch.nn has them."""

    def __init__(self) -> None:
        super().__init__()
        inner = torch.nn.ModuleList([torch.nn.Sigmoid(), torch.nn.Linear(3, 3)])
        self.blocks = torch.nn.ModuleList([torch.nn.Linear(3, 3), inner])
        self.heads = torch.nn.ModuleDict({"first": torch.nn.Linear(3, 2), "second": torch.nn.Linear(3, 2)})


def test_what_lies_in_lists_tuples_and_dicts_is_called_as_in_torch():
    tower, theirs = Tower(), TorchTower()
    assert tower.state_dict().keys() == theirs.state_dict().keys() | {"scales.0", "scales.1"}
    assert [name for name, _ in tower.named_children()] == [
        "blocks.0",
        "blocks.1.0",
        "blocks.1.1",
        "heads.first",
        "heads.second",
    ]
    assert [name for name, _ in tower.named_parameters(recurse=False)] == ["scales.0"]
    tower.load_state_dict(
        theirs.state_dict() | {"scales.0": torch.tensor(3.0), "scales.1": torch.tensor(4.0)}
    )
    torch.testing.assert_close(tower.heads["second"].weight.value, theirs.heads["second"].weight.detach())
    theirs.load_state_dict(
        {name: value for name, value in tower.state_dict().items() if "scales" not in name}
    )


def test_what_lies_in_lists_tuples_and_dicts_is_switched_moved_and_trained():
    tower, x = Tower(), torch.randn(4, 3)
    assert check_module(tower, (x,)).passed
    tower.eval()
    assert not any(module.training for _, module in tower.named_modules())
    tower.train().to(dtype=torch.float64)
    assert {tensor.value.dtype for _, tensor in tower.named_state()} == {torch.float64}
    with pytest.raises(DtypeError, match="module's parameters hold float64"):
        tower(x)
    tower(x.double())
    tower.backward(torch.ones(4, 2, dtype=torch.float64))
    assert all(parameter.grad.any() for parameter in tower.parameters())
    tower.zero_grad()
    assert not any(parameter.grad.any() for parameter in tower.parameters())
    tower.forget_forward()
    assert not any(module.saved.filled for _, module in tower.named_modules())


def test_a_second_use_has_second_uses_in_its_lists_tuples_and_dicts():
    class Alias(Tower):
        def __init__(self) -> None:
            super().__init__()
            self.log, self.all = [1, 2], [self.blocks[0]]

    first = Alias()
    second, x = first.share(), torch.randn(4, 3)
    assert list(first.parameters()) == list(second.parameters())
    assert not {id(module) for _, module in first.named_modules()} & {
        id(module) for _, module in second.named_modules()
    }
    assert type(second.blocks) is list
    assert second.all[0] is second.blocks[0]
    assert second.log is first.log
    first(x)
    assert not any(module.saved.filled for _, module in second.named_modules())
    grad = first.backward(torch.ones(4, 2))
    second(2 * x)
    torch.testing.assert_close(first.backward(torch.ones(4, 2)), grad)


def test_what_is_an_attribute_has_no_second_name_in_a_list():
    class Named(Module):
        def __init__(self) -> None:
            weight, part = Parameter(torch.ones(2)), Sigmoid()
            self.trained, self.parts = [weight], {"the": part}
            self.weight, self.part = weight, part

    assert [name for name, _ in Named().named_state()] == ["weight"]
    assert [name for name, _ in Named().named_children()] == ["part"]


def test_modules_that_forward_saved_are_no_parts():
    loop = Unroll(RNNCell(2, 3))
    loop(torch.randn(4, 1, 2), torch.zeros(1, 3))
    assert [name for name, _ in loop.named_children()] == ["cell"]


class Maybe(Module):
    def forward(self, x, y, mask=None):
        self.save()
        return x + y


class Several(Module):
    def forward(self, x, *state):
        self.save()
        return x


def graph_of_two():
    graph = Graph("a", "b")
    graph.add("f", Add(), "a", "b")
    return graph


@pytest.mark.parametrize(
    ("make", "given", "names"),
    [
        (Maybe, None, ("x", "y", "mask")),
        (Maybe, 3, ("x", "y", "mask")),
        (Maybe, 2, ("x", "y")),
        (Maybe, 1, ("x0",)),
        (Maybe, {"x", "y"}, ("x", "y")),
        (Maybe, {"mask": 1}, ("x", "y", "mask")),
        (Several, None, ("x",)),
        (Several, 1, ("x",)),
        (Several, 2, ("x0", "x1")),
        (Several, ("x", "h"), ("x", "h")),
        (graph_of_two, None, ("a", "b")),
        (graph_of_two, 2, ("a", "b")),
        (graph_of_two, 3, ("x0", "x1", "x2")),
        (graph_of_two, {"b"}, ("a", "b")),
        (lambda: Chain(Maybe(), Sigmoid()), None, ("x", "y", "mask")),
        (lambda: Chain(Maybe(), Sigmoid()), 2, ("x", "y")),
        (lambda: Chain(graph_of_two()), None, ("a", "b")),
        (Module, None, ()),
        (Module, 2, ("x0", "x1")),
    ],
)
def test_the_names_of_inputs(make, given, names):
    assert make().input_names(given) == names
