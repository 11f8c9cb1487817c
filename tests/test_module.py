"""The module contract: parameters, saving, modes, sharing, and the CUDA gate."""

import copy
import pickle

import pytest
import torch

from course import Chain, DeviceError, Graph, Module, Parameter, device, generator, release_saved, tensor
from course.module import as_tuple
from course.modules import Add, CosineUnit, Linear, Multiply, Negate, Sigmoid


@pytest.mark.parametrize("make", [Negate, Sigmoid, lambda: Linear(2, 2), lambda: Chain(Sigmoid())])
def test_backward_before_forward_says_so(make):
    with pytest.raises(RuntimeError, match="call forward before backward"):
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
    with pytest.raises(ValueError, match=r"'0.weight' in the state has shape \(2, 2\) where \(2, 3\) is needed"):
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


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["deepcopy", "pickle"])
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
        with pytest.raises(DeviceError, match=r"argument 'y' is on meta, but the course computes on cpu.*y\.to\('cpu'\)"):
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
        torch.testing.assert_close(Linear(2, 2, rng=generator(3)).weight.value, Linear(2, 2, rng=generator(3)).weight.value)

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
