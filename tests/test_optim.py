"""Optimizers, clipping and schedules: equal to torch.optim's to 1e-12 over 100 steps.

That holds for every option that both have.
"""

import copy
import inspect
import itertools
import pickle
import weakref

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

import course.optim
from course import Module, Parameter, generator
from course.errors import DtypeError, SizeError
from course.modules import Linear
from course.optim import (
    SGD,
    Adagrad,
    Adam,
    AdamW,
    CosineAnnealingLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    Momentum,
    MultiStepLR,
    ReduceLROnPlateau,
    RMSProp,
    SequentialLR,
    StepLR,
    clip_grad_norm_,
    clip_grad_value_,
)

STEPS = 100
SHAPES = ((4, 3), (4,), ())


def grid(**options):
    return [dict(zip(options, values, strict=True)) for values in itertools.product(*options.values())]


SGD_OPTIONS = grid(lr=[0.1, 0.0], weight_decay=[0.0, 0.01], maximize=[False, True])
MOMENTUM_OPTIONS = [
    *grid(
        lr=[0.05],
        momentum=[0.0, 0.5, 0.9],
        dampening=[0.0, 0.3],
        weight_decay=[0.0, 0.01],
        maximize=[False, True],
    ),
    *grid(lr=[0.05], momentum=[0.5, 0.9], nesterov=[True], weight_decay=[0.0, 0.01], maximize=[False, True]),
]
RMSPROP_OPTIONS = grid(
    lr=[0.01], alpha=[0.99, 0.5], eps=[1e-8, 0.1], weight_decay=[0.0, 0.01], momentum=[0.0, 0.9],
    centered=[False, True],
    maximize=[False, True],
)  # fmt: skip
ADAM_OPTIONS = grid(
    lr=[0.01], betas=[(0.9, 0.999),
    (0.0, 0.5)], eps=[1e-8, 0.1], weight_decay=[0.0, 0.1], amsgrad=[False, True],
    maximize=[False, True],
)  # fmt: skip
ADAGRAD_OPTIONS = grid(
    lr=[0.1], lr_decay=[0.0, 0.1], weight_decay=[0.0, 0.01], initial_accumulator_value=[0.0, 0.5], eps=[1e-10,
    0.1],
    maximize=[False, True],
)  # fmt: skip

CASES = [
    (ours, theirs, options)
    for ours, theirs, several in (
        (SGD, torch.optim.SGD, SGD_OPTIONS),
        (Momentum, torch.optim.SGD, MOMENTUM_OPTIONS),
        (RMSProp, torch.optim.RMSprop, RMSPROP_OPTIONS),
        (Adam, torch.optim.Adam, ADAM_OPTIONS),
        (AdamW, torch.optim.AdamW, ADAM_OPTIONS),
        (Adagrad, torch.optim.Adagrad, ADAGRAD_OPTIONS),
    )
    for options in several
]
EVERY = [
    (SGD, torch.optim.SGD),
    (Momentum, torch.optim.SGD),
    (RMSProp, torch.optim.RMSprop),
    (Adam, torch.optim.Adam),
]
EVERY += [(AdamW, torch.optim.AdamW), (Adagrad, torch.optim.Adagrad)]
ALL_SCHEDULES = [
    CosineAnnealingLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiStepLR,
    ReduceLROnPlateau,
    SequentialLR,
    StepLR,
]


@pytest.fixture
def no_default_device():
    """Half the time: a default device passes every call through Python.

    The tensors of such a test say where they lie.
    """
    torch.set_default_device(None)
    yield
    torch.set_default_device(course.device())


def starts() -> list[Tensor]:
    rng = generator(0)
    return [torch.randn(shape, dtype=torch.float64, generator=rng, device=rng.device) for shape in SHAPES]


def gradient(value: Tensor, step: int, rng: torch.Generator) -> Tensor:
    """Of a valley that is steeper one way than the other, with noise; now and then exactly zero in places."""
    grad = torch.sin(3 * value) + 0.1 * torch.randn(
        value.shape, dtype=value.dtype, generator=rng, device=rng.device
    )
    return grad if step % 7 else grad * (value > 0)


def run_together(
    ours, theirs, parameters: list[Parameter], leaves: list[Tensor], steps: int, after=lambda step: None
) -> None:
    """The same gradients for both, computed from our values; all values must agree on the way."""
    rng = generator(1)
    for step in range(steps):
        ours.zero_grad()
        theirs.zero_grad()
        for position, (parameter, leaf) in enumerate(zip(parameters, leaves, strict=True)):
            if (step + position) % 10 == 9:
                continue  # no gradient at all in this step
            grad = gradient(parameter.value, step, rng)
            parameter.grad += grad
            leaf.grad = grad.clone()
        ours.step()
        theirs.step()
        after(step)
        if step % 10 and step != steps - 1:
            continue  # both get the same gradients, so a difference once made stays to be seen
        for parameter, leaf in zip(parameters, leaves, strict=True):
            assert torch.allclose(parameter.value, leaf.detach(), rtol=1e-12, atol=1e-14), f"step {step}"


@pytest.mark.usefixtures("no_default_device")
@pytest.mark.parametrize(
    ("ours", "theirs", "options"), CASES, ids=[f"{c[0].__name__}-{i}" for i, c in enumerate(CASES)]
)
def test_equals_torch_over_a_hundred_steps(ours, theirs, options):
    parameters = [Parameter(value.clone()) for value in starts()]
    leaves = [value.clone().requires_grad_() for value in starts()]
    run_together(ours(parameters, **options), theirs(leaves, **options), parameters, leaves, STEPS)
    moved = any((p.value != start).any() for p, start in zip(parameters, starts(), strict=True))
    assert moved == (options["lr"] > 0)


@pytest.mark.parametrize(("ours", "theirs"), EVERY, ids=[ours.__name__ for ours, _ in EVERY])
def test_defaults_are_torchs(ours, theirs):
    parameters = [Parameter(value.clone()) for value in starts()]
    leaves = [value.clone().requires_grad_() for value in starts()]
    options = {"momentum": 0.9} if ours is Momentum else {}
    run_together(ours(parameters), theirs(leaves, **options), parameters, leaves, 20)


@pytest.mark.parametrize("way", ["state_dict", "pickle", "deepcopy"])
@pytest.mark.parametrize("kind", [ours for ours, _ in EVERY])
def test_training_goes_on_where_it_stopped(kind, way):
    def steps(optimizer, parameters, first, last):
        for step in range(first, last):
            optimizer.zero_grad()
            for parameter in parameters:
                parameter.grad += torch.cos(parameter.value + step)
            optimizer.step()

    whole = [Parameter(value.clone()) for value in starts()]
    # the second is made with other options: the state must bring them
    optimizer = kind(whole, lr=0.1, weight_decay=0.02)
    steps(optimizer, whole, 0, STEPS // 2)
    if way == "state_dict":
        parts = [Parameter(parameter.value.clone()) for parameter in whole]
        second = kind(parts, lr=0.5)
        second.load_state_dict(optimizer.state_dict())
    else:
        second, parts = (
            pickle.loads(pickle.dumps((optimizer, whole)))
            if way == "pickle"
            else copy.deepcopy((optimizer, whole))
        )
    steps(optimizer, whole, STEPS // 2, STEPS)
    steps(second, parts, STEPS // 2, STEPS)
    for one, other in zip(whole, parts, strict=True):
        assert torch.equal(one.value, other.value)


def test_a_state_that_does_not_fit_is_refused():
    optimizer = Adam([Parameter(torch.ones(3))])
    with pytest.raises(ValueError, match="the state is of 2 parameters, there are 1"):
        optimizer.load_state_dict(Adam([Parameter(torch.ones(3)), Parameter(torch.ones(3))]).state_dict())
    other = Parameter(torch.ones(2))
    other.grad += 1
    second = Adam([other], lr=0.5)
    second.step()
    with pytest.raises(
        ValueError,
        match=r"'mean' of parameter 0 in the state has shape \(2,\) where \(3,\) "
        r"is needed",
    ):
        optimizer.load_state_dict(second.state_dict())
    with pytest.raises(
        KeyError,
        match=r"does not fit Adam: missing \['amsgrad', 'betas', 'eps'\], unknown "
        r"\['damp",
    ):
        optimizer.load_state_dict(Momentum([Parameter(torch.ones(3))]).state_dict())
    assert optimizer.lr == 1e-3


def test_a_state_is_a_copy_and_brings_every_option():
    parameter = Parameter(torch.ones(3))
    parameter.grad += 1
    optimizer = Adam([parameter], lr=0.1, betas=(0.5, 0.6), eps=0.1, amsgrad=True, maximize=True)
    optimizer.step()
    state = optimizer.state_dict()
    kept = copy.deepcopy(state)
    optimizer.step()
    torch.testing.assert_close(state, kept, rtol=0, atol=0)
    other = Adam([Parameter(torch.ones(3))])
    other.load_state_dict(state)
    assert (other.lr, other.betas, other.eps, other.amsgrad, other.maximize) == (
        0.1,
        (0.5, 0.6),
        0.1,
        True,
        True,
    )
    other.parameters[0].grad += 1
    other.step()
    torch.testing.assert_close(state, kept, rtol=0, atol=0)


def test_a_state_takes_the_parameters_dtype():
    single, double = Parameter(torch.ones(3)), Parameter(torch.ones(3, dtype=torch.float64))
    first, second = Adam([single]), Adam([double])
    for parameter in (single, double):
        parameter.grad += 1
    first.step()
    second.load_state_dict(first.state_dict())
    second.step()
    assert second.memory[0]["mean"].dtype == torch.float64
    assert second.memory[0]["step"] == 2


@pytest.mark.parametrize("kind", [ours for ours, _ in EVERY])
def test_a_gradient_that_does_not_fit_is_refused_and_nothing_moves(kind):
    first, second = Parameter(torch.ones(3)), Parameter(torch.ones(3))
    first.grad += 1
    second.grad = torch.ones(1)  # would broadcast
    optimizer = kind([first, second])
    with pytest.raises(SizeError, match=r"parameter 1 has shape \(3,\), its gradient \(1,\)"):
        optimizer.step()
    second.grad = torch.ones(3, dtype=torch.float64)
    with pytest.raises(DtypeError, match=r"parameter 1 holds torch.float32, its gradient torch.float64"):
        optimizer.step()
    assert (first.value == 1).all()
    assert (second.value == 1).all()


@pytest.mark.parametrize("kind", [ours for ours, _ in EVERY])
def test_what_no_backward_reached_stays(kind):
    """With a gradient of zero, weight decay and momentum move a parameter; with none at all, nothing does."""
    reached, untouched = Parameter(torch.ones(3)), Parameter(torch.ones(3))
    optimizer = kind([reached, untouched], lr=0.1, weight_decay=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        reached.grad += 0
        optimizer.step()
    assert (reached.value < 1).all()
    assert (untouched.value == 1).all()
    assert not untouched.has_grad


@pytest.mark.parametrize("options", grid(weight_decay=[0.0, 0.1], maximize=[False, True]), ids=range(4))
@pytest.mark.parametrize("kind", [ours for ours, _ in EVERY])
def test_a_step_changes_no_gradient(kind, options):
    parameter = Parameter(torch.ones(3))
    parameter.grad += 2
    optimizer = kind([parameter], lr=0.1, **options)
    for _ in range(3):
        optimizer.step()
    assert (parameter.grad == 2).all()


def test_a_gradient_that_never_changes_has_a_root_of_its_variance():
    parameter = Parameter(torch.zeros(1000))
    optimizer = RMSProp([parameter], lr=1e-9, centered=True)
    for _ in range(2000):  # torch.optim.RMSprop has NaN from about step 1200 on
        parameter.zero_grad()
        parameter.grad += torch.linspace(0.1, 3, 1000)
        optimizer.step()
    assert parameter.value.isfinite().all()


@pytest.mark.parametrize(("ours", "theirs"), EVERY, ids=[ours.__name__ for ours, _ in EVERY])
def test_float32_is_kept_and_equals_torchs(ours, theirs):
    parameters = [Parameter(value.float()) for value in starts()]
    leaves = [value.float().requires_grad_() for value in starts()]
    mine, other = (
        ours(parameters, lr=0.01),
        theirs(leaves, lr=0.01, **({"momentum": 0.9} if ours is Momentum else {})),
    )
    for _ in range(20):
        for parameter, leaf in zip(parameters, leaves, strict=True):
            parameter.grad = torch.sin(3 * leaf.detach())
            leaf.grad = torch.sin(3 * leaf.detach())
        mine.step()
        other.step()
    for parameter, leaf in zip(parameters, leaves, strict=True):
        assert parameter.value.dtype == torch.float32
        torch.testing.assert_close(parameter.value, leaf.detach(), rtol=1e-5, atol=1e-6)
    assert {held.dtype for memory in mine.memory for held in memory.values() if isinstance(held, Tensor)} <= {
        torch.float32
    }


@pytest.mark.parametrize(("ours", "theirs"), EVERY, ids=[ours.__name__ for ours, _ in EVERY])
def test_a_real_problem_is_learned_step_by_step_as_with_torch(ours, theirs):
    """Least squares on half-zero inputs.

    Each side computes its own gradients, ours by hand and torch's by autograd.
    """
    rng = generator(2)
    x = torch.randn(40, 6, dtype=torch.float64, generator=rng, device=rng.device).relu()
    target = torch.randn(40, 3, dtype=torch.float64, generator=rng, device=rng.device)
    net, reference = Linear(6, 3, rng=rng).to(dtype=torch.float64), nn.Linear(6, 3, dtype=torch.float64)
    reference.load_state_dict(net.state_dict())
    mine = ours(net.parameters(), lr=0.01, weight_decay=0.01)
    other = theirs(
        reference.parameters(), lr=0.01, weight_decay=0.01, **({"momentum": 0.9} if ours is Momentum else {})
    )
    for _ in range(STEPS):
        mine.zero_grad()
        other.zero_grad()
        net.backward((net(x) - target) / len(x))
        (0.5 * (reference(x) - target).square().sum() / len(x)).backward()
        mine.step()
        other.step()
        for name, value in reference.state_dict().items():
            assert torch.allclose(net.state_dict()[name], value, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [*EVERY, *((kind, getattr(torch.optim.lr_scheduler, kind.__name__)) for kind in ALL_SCHEDULES)],
    ids=lambda kind: kind.__name__,
)
def test_arguments_and_defaults_are_torchs(ours, theirs):
    mine, other = (list(inspect.signature(kind).parameters.values())[1:] for kind in (ours, theirs))
    defaults = {p.name: p.default for p in other}
    allowed = {"momentum": 0.9} if ours is Momentum else {}  # torch's SGD has none unless told
    assert {p.name: p.default for p in mine} == {p.name: defaults[p.name] for p in mine} | allowed
    left_out = {"foreach", "capturable", "differentiable", "fused", "decoupled_weight_decay"}
    left_out |= {"momentum", "dampening", "nesterov"} if ours is SGD else set()
    assert defaults.keys() - {p.name for p in mine} <= left_out
    positions = [p.name for p in mine if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert positions == [p.name for p in other][: len(positions)], (
        "what may be given by position stands where torch has it"
    )
    assert ours.formula
    assert ours.source


def test_peak_memory_is_torchs_or_less():
    """Counted in tensors as large as the parameter that a step allocates at once."""
    for ours, theirs in EVERY:
        for options in ({}, {"weight_decay": 0.1}, {"weight_decay": 0.1, "maximize": True}):
            parameter, leaf = Parameter(torch.zeros(1000)), torch.zeros(1000, requires_grad=True)
            parameter.grad, leaf.grad = torch.ones(1000), torch.ones(1000)
            momentum = {"momentum": 0.9, "nesterov": True} if ours is Momentum else {}
            mine, other = ours([parameter], **momentum, **options), theirs([leaf], **momentum, **options)
            for optimizer in (mine, other):
                optimizer.step()  # what it remembers is made here
            assert _peak(mine.step) <= _peak(other.step), (ours.__name__, options)


def _peak(step) -> int:
    """The most bytes that the tensors made during a step take up at one time."""
    now = most = 0

    def free(size):
        nonlocal now
        now -= size

    class Count(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            nonlocal now, most
            given = {
                held.data_ptr() for held in (*args, *(kwargs or {}).values()) if isinstance(held, Tensor)
            }
            out = func(*args, **(kwargs or {}))
            if isinstance(out, Tensor) and out.data_ptr() not in given:
                size = out.untyped_storage().nbytes()
                now, most = now + size, max(most, now + size)
                weakref.finalize(out, free, size)
            return out

    with Count():
        step()
    return most


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: SGD([]), ValueError, "no parameters to move"),
        (
            lambda: SGD([torch.ones(2)]),
            TypeError,
            r"not a torch.Tensor, which stands at position 0: pass module.parameters\(\)",
        ),
        (lambda: SGD([Linear(2, 2)]), TypeError, r"not a course\.modules\.linear\.Linear, which"),
        (
            lambda: SGD(Linear(2, 2)),
            TypeError,
            r"a list of Parameters, not a Linear: pass "
            r"module.parameters\(\)",
        ),
        (lambda: SGD(torch.ones(2)), TypeError, "a list of Parameters, not a Tensor"),
        (lambda: SGD(Parameter(torch.ones(1))), TypeError, r"not a Parameter: pass \[parameter\]"),
        (lambda: SGD(0.1), TypeError, "not a float"),
        (lambda: SGD(nn.Linear(2, 2).parameters()), TypeError, "not a torch.nn.parameter.Parameter, which"),
        (lambda: SGD(Linear(2, 2).named_parameters()), TypeError, "not a tuple, which"),
        (
            lambda: SGD([Parameter(torch.ones(1))], weight_decay=-1),
            ValueError,
            "weight_decay=-1 is out of range",
        ),
        (
            lambda: Momentum([Parameter(torch.ones(1))], momentum=-1),
            ValueError,
            "momentum=-1 is out of range",
        ),
        (
            lambda: Momentum([Parameter(torch.ones(1))], dampening=float("nan")),
            ValueError,
            "dampening=nan is out of range",
        ),
        (
            lambda: Momentum([Parameter(torch.ones(1))], momentum=0, nesterov=True),
            ValueError,
            "nesterov needs a momentum",
        ),
        (lambda: RMSProp([Parameter(torch.ones(1))], alpha=1), ValueError, "alpha=1 is out of range.*< 1"),
        (
            lambda: Adam([Parameter(torch.ones(1))], betas=(0.9,)),
            ValueError,
            r"betas=\(0.9,\) has 1 numbers: "
            r"expected two",
        ),
        (lambda: Adam([Parameter(torch.ones(1))], eps=-1), ValueError, "eps=-1 is out of range"),
        (lambda: Adagrad([Parameter(torch.ones(1))], lr_decay=-1), ValueError, "lr_decay=-1 is out of range"),
        (lambda: SGD([(p := Parameter(torch.ones(1))), p]), ValueError, "given twice"),
        (
            lambda: SGD([Parameter(torch.ones(1))], lr=-0.1),
            ValueError,
            "lr=-0.1 is out of range: expected 0 ≤ lr",
        ),
        (lambda: SGD([Parameter(torch.ones(1))], lr=float("nan")), ValueError, "lr=nan"),
        (
            lambda: Adam([Parameter(torch.ones(1))], betas=(0.9, 1.0)),
            ValueError,
            r"betas\[1\]=1.0 is out of "
            r"range.*< 1",
        ),
        (
            lambda: Momentum([Parameter(torch.ones(1))], dampening=0.1, nesterov=True),
            ValueError,
            "nesterov needs a momentum",
        ),
        (lambda: RMSProp([Parameter(torch.ones(1))], alpha=-1), ValueError, "alpha=-1"),
    ],
    ids=range(23),
)
def test_mistakes_are_named(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("zero", [False, True])
@pytest.mark.parametrize("norm_type", [1.0, 2.0, 3.5, float("inf")])
@pytest.mark.parametrize("max_norm", [0.0, 0.5, 100.0])
def test_clipping_the_norm_equals_torchs(max_norm, norm_type, zero):
    parameters = [Parameter(value.clone()) for value in starts()]
    leaves = [value.clone().requires_grad_() for value in starts()]
    # the first one has no gradient
    for parameter, leaf, start in list(zip(parameters, leaves, starts(), strict=True))[1:]:
        parameter.grad += start * (not zero)
        leaf.grad = start * (not zero)
    ours = clip_grad_norm_(parameters, max_norm, norm_type)
    theirs = nn.utils.clip_grad_norm_(leaves, max_norm, norm_type)
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=0)
    for parameter, leaf in list(zip(parameters, leaves, strict=True))[1:]:
        torch.testing.assert_close(parameter.grad, leaf.grad, rtol=1e-12, atol=0)
    assert not parameters[0].has_grad


def test_clipping_refuses_what_it_cannot_clip():
    parameter = Parameter(torch.ones(2))
    assert clip_grad_norm_([parameter], 1.0) == 0
    parameter.grad += torch.tensor([float("inf"), 1.0])
    with pytest.raises(RuntimeError, match="norm is inf"):
        clip_grad_norm_([parameter], 1.0, error_if_nonfinite=True)
    assert parameter.grad.tolist() == [float("inf"), 1.0]
    for max_norm in (-1, float("nan")):
        with pytest.raises(ValueError, match=f"max_norm={max_norm}"):
            clip_grad_norm_([parameter], max_norm)
        with pytest.raises(ValueError, match=f"clip_value={max_norm}"):
            clip_grad_value_([parameter], max_norm)


@pytest.mark.parametrize("bad", [float("inf"), -float("inf"), float("nan")])
@pytest.mark.parametrize("norm_type", [1.0, 2.0, float("inf")])
def test_clipping_what_is_not_finite_equals_torchs(bad, norm_type):
    parameters, leaves = (
        [Parameter(value) for value in starts()],
        [value.requires_grad_() for value in starts()],
    )
    for parameter, leaf in zip(parameters, leaves, strict=True):
        leaf.grad = torch.ones_like(leaf)
        leaf.grad.view(-1)[0] = bad
        parameter.grad = leaf.grad.clone()
    ours, theirs = (
        clip_grad_norm_(parameters, 1.0, norm_type),
        nn.utils.clip_grad_norm_(leaves, 1.0, norm_type),
    )
    torch.testing.assert_close(ours, theirs, rtol=0, atol=0, equal_nan=True)
    for parameter, leaf in zip(parameters, leaves, strict=True):
        torch.testing.assert_close(parameter.grad, leaf.grad, rtol=0, atol=0, equal_nan=True)


def test_an_unlimited_norm_only_measures_and_one_parameter_needs_no_list():
    parameter = Parameter(torch.zeros(2))
    assert clip_grad_norm_(parameter, 1.0) == 0
    assert not parameter.has_grad
    parameter.grad += torch.tensor([3.0, 4.0])
    assert clip_grad_norm_(parameter, float("inf")) == 5
    clip_grad_value_(parameter, 3.5)
    assert parameter.grad.tolist() == [3.0, 3.5]


def test_clipping_values_equals_torchs():
    parameter, leaf = Parameter(starts()[0]), starts()[0].requires_grad_()
    parameter.grad += parameter.value
    leaf.grad = leaf.detach().clone()
    clip_grad_value_([parameter], 0.5)
    nn.utils.clip_grad_value_([leaf], 0.5)
    torch.testing.assert_close(parameter.grad, leaf.grad, rtol=0, atol=0)
    assert parameter.grad.abs().max() == 0.5


SCHEDULES = [
    (LambdaLR, {"lr_lambda": lambda epoch: 1 / (1 + epoch)}),
    (StepLR, {"step_size": 7}),
    (StepLR, {"step_size": 1, "gamma": 0.9}),
    (MultiStepLR, {"milestones": [3, 30, 30, 60], "gamma": 0.5}),
    (ExponentialLR, {"gamma": 0.95}),
    (LinearLR, {}),
    (LinearLR, {"start_factor": 0.1, "end_factor": 0.5, "total_iters": 40}),
    (CosineAnnealingLR, {"T_max": 50}),
    (CosineAnnealingLR, {"T_max": 100, "eta_min": 0.01}),
]


@pytest.mark.parametrize(
    ("kind", "options"), SCHEDULES, ids=[f"{k.__name__}-{i}" for i, (k, _) in enumerate(SCHEDULES)]
)
def test_schedules_equal_torchs_together_with_an_optimizer(kind, options):
    parameters, leaves = [Parameter(starts()[0])], [starts()[0].requires_grad_()]
    ours, theirs = Momentum(parameters, lr=0.2), torch.optim.SGD(leaves, lr=0.2, momentum=0.9)
    schedule, reference = (
        kind(ours, **options),
        getattr(torch.optim.lr_scheduler, kind.__name__)(theirs, **options),
    )
    rates = [ours.lr]

    def after(step):
        schedule.step()
        reference.step()
        rates.append(ours.lr)
        assert ours.lr == pytest.approx(theirs.param_groups[0]["lr"], rel=1e-12, abs=1e-16)

    assert ours.lr == pytest.approx(theirs.param_groups[0]["lr"], rel=1e-12)
    run_together(ours, theirs, parameters, leaves, STEPS, after)
    assert len(set(rates)) > 1


@pytest.mark.parametrize(
    "options",
    [
        *grid(mode=["min", "max"], patience=[0, 3], threshold_mode=["rel", "abs"], cooldown=[0, 4]),
        {"factor": 0.5, "min_lr": 0.05, "patience": 0},
        {"factor": 0.5, "threshold": 0.2},
        {"factor": 0.999, "patience": 0, "eps": 0.01},
    ],
    ids=range(19),
)
def test_reducing_on_a_plateau_equals_torchs(options):
    ours, theirs = (
        SGD([Parameter(torch.ones(1))], lr=1.0),
        torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=1.0),
    )
    schedule = ReduceLROnPlateau(ours, **options)
    reference = torch.optim.lr_scheduler.ReduceLROnPlateau(theirs, **options)
    rng = generator(3)
    for epoch in range(STEPS):
        metric = 2 / (1 + 0.1 * epoch) + 0.1 * torch.rand((), generator=rng, device=rng.device).item()
        schedule.step(metric)
        reference.step(metric)
        assert ours.lr == theirs.param_groups[0]["lr"]
    assert (ours.lr < 1) == (options.get("eps") is None)


@pytest.mark.parametrize("last", [0, 4, 5, 20])
def test_one_schedule_after_another_equals_torchs(last):
    def sequence(package, optimizer):
        warm_up = package.LinearLR(optimizer, start_factor=0.1, total_iters=5)
        parts = [
            warm_up,
            package.CosineAnnealingLR(optimizer, 20, eta_min=0.01),
            package.StepLR(optimizer, 3, 0.5),
        ]
        return package.SequentialLR(optimizer, parts, [5, 25 + last])

    ours, theirs = (
        SGD([Parameter(torch.ones(1))], lr=0.2),
        torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=0.2),
    )
    schedule, reference = sequence(course.optim, ours), sequence(torch.optim.lr_scheduler, theirs)
    for _ in range(STEPS):
        assert ours.lr == pytest.approx(theirs.param_groups[0]["lr"], rel=1e-12, abs=1e-15)
        theirs.step()
        schedule.step()
        reference.step()


TOGETHER = {
    "LambdaLR": {"lr_lambda": lambda epoch: 1 / (epoch + 1)},
    "LinearLR": {"start_factor": 0.1, "total_iters": 7},
    "ExponentialLR": {"gamma": 0.95},
    "MultiStepLR": {"milestones": [3, 30], "gamma": 0.5},
    "StepLR": {"step_size": 10, "gamma": 0.7},
    "CosineAnnealingLR": {"T_max": 8, "eta_min": 0.01},
}


@pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler")
@pytest.mark.parametrize("names", [*itertools.permutations(TOGETHER, 2)], ids="-".join)
def test_schedules_on_one_optimizer_act_as_torchs_do(names):
    """Some multiply what is there, some replace it, the cosine scales what is above its least."""

    def several(package, optimizer):
        third = next(name for name in TOGETHER if name not in names)
        return [getattr(package, name)(optimizer, **TOGETHER[name]) for name in (third, *names)]

    ours, theirs = (
        SGD([Parameter(torch.ones(1))], lr=0.2),
        torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=0.2),
    )
    schedules, references = several(course.optim, ours), several(torch.optim.lr_scheduler, theirs)
    for _ in range(STEPS):
        assert ours.lr == pytest.approx(theirs.param_groups[0]["lr"], rel=1e-9)
        theirs.step()
        for schedule in (*schedules, *references):
            schedule.step()


def test_an_lr_that_was_changed_by_hand_stays_changed():
    optimizer = SGD([Parameter(torch.ones(1))], lr=1.0)
    schedule = ExponentialLR(optimizer, 0.5)
    schedule.step()
    optimizer.lr *= 0.1
    schedule.step()
    assert optimizer.lr == pytest.approx(0.025, rel=1e-12)


RESUMED = [
    *SCHEDULES,
    (ReduceLROnPlateau, {"patience": 2, "factor": 0.5, "cooldown": 1}),
    (SequentialLR, {"milestones": [40]}),
]


@pytest.mark.parametrize("way", ["optimizer first", "schedule first", "schedule made last", "pickle"])
@pytest.mark.parametrize(
    ("kind", "options"), RESUMED, ids=[f"{k.__name__}-{i}" for i, (k, _) in enumerate(RESUMED)]
)
def test_a_schedule_goes_on_where_it_stopped(kind, options, way):
    def made(lr, state=None):
        optimizer = Momentum([Parameter(torch.ones(2))], lr=lr)
        if state:
            optimizer.load_state_dict(state)
        inner = [LinearLR(optimizer), StepLR(optimizer, 20)] if kind is SequentialLR else None
        given = {**options, "schedulers": inner} if inner else options
        return optimizer, kind(optimizer, **{**given, **({"lr_lambda": _fading} if kind is LambdaLR else {})})

    def run(schedule, first, last):
        for epoch in range(first, last):
            schedule.step(*([1 / (1 + epoch % 9)] if kind is ReduceLROnPlateau else []))
            yield schedule.optimizer.lr

    optimizer, schedule = made(0.2)
    list(run(schedule, 0, STEPS // 2))
    if way == "pickle":
        other, second = pickle.loads(pickle.dumps((optimizer, schedule)))
        assert second.optimizer is other
    elif way == "schedule made last":  # which sets lr as for a beginning
        other, second = made(0.7, optimizer.state_dict())
        second.load_state_dict(schedule.state_dict())
    else:
        other, second = made(0.7)
        for holder, saved in [(other, optimizer), (second, schedule)][
            :: 1 if way == "optimizer first" else -1
        ]:
            holder.load_state_dict(saved.state_dict())
    assert other.lr == optimizer.lr
    assert list(run(second, STEPS // 2, STEPS)) == list(run(schedule, STEPS // 2, STEPS))


def _fading(epoch: int) -> float:
    return 1 / (1 + epoch)


def test_last_epoch_goes_on_as_torchs_does():
    first = SGD([Parameter(torch.ones(1))], lr=1.0)
    schedule = CosineAnnealingLR(first, 50)
    for _ in range(10):
        schedule.step()
    optimizer = SGD([Parameter(torch.ones(1))], lr=3.0)
    with pytest.raises(ValueError, match="last_epoch=10, but this optimizer never had a schedule"):
        CosineAnnealingLR(optimizer, 50, last_epoch=10)
    optimizer.load_state_dict(first.state_dict())
    second = CosineAnnealingLR(optimizer, 50, last_epoch=10)
    schedule.step()
    assert optimizer.lr == first.lr
    assert second.last_epoch == 11


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda o: StepLR(o, 0), ValueError, "step_size=0 is out of range: expected 1 ≤ step_size"),
        (lambda o: StepLR(o, 1, gamma=-1), ValueError, "gamma=-1"),
        (lambda o: MultiStepLR(o, [1], gamma=-1), ValueError, "gamma=-1"),
        (lambda o: ExponentialLR(o, float("nan")), ValueError, "gamma=nan"),
        (lambda o: CosineAnnealingLR(o, 0), ValueError, "T_max=0 is out of range"),
        (lambda o: CosineAnnealingLR(o, 9, eta_min=-1), ValueError, "eta_min=-1"),
        (
            lambda o: LinearLR(o, start_factor=0),
            ValueError,
            "start_factor=0 is out of range: expected 0 < start_factor ≤ 1",
        ),
        (lambda o: LinearLR(o, end_factor=1.5), ValueError, "end_factor=1.5"),
        (lambda o: LinearLR(o, total_iters=0), ValueError, "total_iters=0"),
        (
            lambda o: StepLR(torch.optim.SGD([torch.ones(1)]), 1),
            TypeError,
            r"not of a torch\.optim\.sgd\.SGD",
        ),
        (lambda o: ReduceLROnPlateau(None), TypeError, "not of a NoneType"),
        (
            lambda o: SequentialLR(o, [], []),
            ValueError,
            r"milestones=\[\] for 0 schedulers: expected one "
            r"fewer",
        ),
        (lambda o: SequentialLR(o, [StepLR(o, 1), StepLR(o, 1)], [0]), ValueError, "above 0 and increasing"),
        (
            lambda o: SequentialLR(o, [ReduceLROnPlateau(o)], []),
            TypeError,
            r"schedulers\[0\] is a "
            r"ReduceLROnPlateau",
        ),
        (
            lambda o: SequentialLR(SGD([Parameter(torch.ones(1))]), [StepLR(o, 1)], []),
            ValueError,
            r"schedulers\[0\] has another optimizer",
        ),
    ],
    ids=range(15),
)
def test_mistakes_in_schedules_are_named(make, error, message):
    optimizer = SGD([Parameter(torch.ones(1))], lr=0.3)
    with pytest.raises(error, match=message):
        make(optimizer)


def test_a_schedules_state_that_does_not_fit_is_refused():
    optimizer = SGD([Parameter(torch.ones(1))], lr=0.3)
    step, sequence = StepLR(optimizer, 1), SequentialLR(optimizer, [StepLR(optimizer, 1)], [])
    with pytest.raises(KeyError, match=r"does not fit StepLR: missing \['step_size'\], unknown \[\]"):
        step.load_state_dict(ExponentialLR(optimizer, 0.9).state_dict())
    longer = SequentialLR(optimizer, [StepLR(optimizer, 1), StepLR(optimizer, 1)], [3])
    with pytest.raises(ValueError, match="the state holds 2 schedules, there are 1"):
        sequence.load_state_dict(longer.state_dict())


def test_a_plateau_schedule_names_what_is_wrong():
    optimizer = SGD([Parameter(torch.ones(1))])
    with pytest.raises(ValueError, match=r"factor=1.0 does not reduce"):
        ReduceLROnPlateau(optimizer, factor=1.0)
    with pytest.raises(ValueError, match="mode='lowest'"):
        ReduceLROnPlateau(optimizer, mode="lowest")  # pyright: ignore


def test_a_network_learns():
    """In float32, with a loss that falls: the parts fit together."""
    rng = generator(0)
    x = torch.randn(64, 3, generator=rng, device=rng.device)
    target = x @ torch.tensor([[1.0], [-2.0], [0.5]]) + 0.3
    net: Module = Linear(3, 1, rng=rng)
    for kind, rate in ((SGD, 0.1), (Momentum, 0.05), (RMSProp, 0.01), (Adam, 0.05), (AdamW, 0.05)):
        net.load_state_dict({"weight": torch.zeros(1, 3), "bias": torch.zeros(1)})
        optimizer = kind(net.parameters(), lr=rate)
        for _ in range(200):
            optimizer.zero_grad()
            net.backward((net(x) - target) / len(x))
            optimizer.step()
        assert (net(x) - target).square().mean() < 0.05, kind.__name__
