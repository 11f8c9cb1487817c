"""Optimizers, clipping and schedules: equal to torch.optim's to 1e-12 over 100 steps, for every option that both have."""

import copy
import itertools
import pickle

import pytest
import torch
from torch import Tensor, nn

from course import Module, Parameter, generator
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
    *grid(lr=[0.05], momentum=[0.0, 0.5, 0.9], dampening=[0.0, 0.3], weight_decay=[0.0, 0.01], maximize=[False, True]),
    *grid(lr=[0.05], momentum=[0.5, 0.9], nesterov=[True], weight_decay=[0.0, 0.01], maximize=[False, True]),
]
RMSPROP_OPTIONS = grid(
    lr=[0.01], alpha=[0.99, 0.5], eps=[1e-8, 0.1], weight_decay=[0.0, 0.01], momentum=[0.0, 0.9], centered=[False, True],
    maximize=[False, True],
)  # fmt: skip
ADAM_OPTIONS = grid(
    lr=[0.01], betas=[(0.9, 0.999), (0.0, 0.5)], eps=[1e-8, 0.1], weight_decay=[0.0, 0.1], amsgrad=[False, True],
    maximize=[False, True],
)  # fmt: skip
ADAGRAD_OPTIONS = grid(
    lr=[0.1], lr_decay=[0.0, 0.1], weight_decay=[0.0, 0.01], initial_accumulator_value=[0.0, 0.5], eps=[1e-10, 0.1],
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
EVERY = [(SGD, torch.optim.SGD), (Momentum, torch.optim.SGD), (RMSProp, torch.optim.RMSprop), (Adam, torch.optim.Adam)]
EVERY += [(AdamW, torch.optim.AdamW), (Adagrad, torch.optim.Adagrad)]


def starts() -> list[Tensor]:
    rng = generator(0)
    return [torch.randn(shape, dtype=torch.float64, generator=rng, device=rng.device) for shape in SHAPES]


def gradient(value: Tensor, step: int, rng: torch.Generator) -> Tensor:
    """Of a valley that is steeper one way than the other, with noise; now and then exactly zero in places."""
    grad = torch.sin(3 * value) + 0.1 * torch.randn(value.shape, dtype=value.dtype, generator=rng, device=rng.device)
    return grad if step % 7 else grad * (value > 0)


def run_together(ours, theirs, parameters: list[Parameter], leaves: list[Tensor], steps: int, after=lambda step: None) -> None:
    """The same gradients for both, computed from our values; every value must agree after every step."""
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
        for parameter, leaf in zip(parameters, leaves, strict=True):
            torch.testing.assert_close(parameter.value, leaf.detach(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("ours", "theirs", "options"), CASES, ids=[f"{c[0].__name__}-{i}" for i, c in enumerate(CASES)])
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
    optimizer = kind(whole, lr=0.1)
    steps(optimizer, whole, 0, STEPS // 2)
    if way == "state_dict":
        parts = [Parameter(parameter.value.clone()) for parameter in whole]
        second = kind(parts, lr=0.5)
        second.load_state_dict(optimizer.state_dict())
    else:
        second, parts = pickle.loads(pickle.dumps((optimizer, whole))) if way == "pickle" else copy.deepcopy((optimizer, whole))
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
    with pytest.raises(ValueError, match=r"'mean' of parameter 0 in the state has shape \(2,\) where \(3,\) is needed"):
        optimizer.load_state_dict(second.state_dict())
    assert optimizer.lr == 1e-3


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: SGD([]), ValueError, "no parameters to move"),
        (lambda: SGD([torch.ones(2)]), TypeError, r"moves Parameters, not a Tensor: pass module.parameters\(\)"),
        (lambda: SGD([Linear(2, 2)]), TypeError, "not a Linear"),
        (lambda: SGD([(p := Parameter(torch.ones(1))), p]), ValueError, "given twice"),
        (lambda: SGD([Parameter(torch.ones(1))], lr=-0.1), ValueError, "lr=-0.1 is out of range: expected 0 ≤ lr"),
        (lambda: SGD([Parameter(torch.ones(1))], lr=float("nan")), ValueError, "lr=nan"),
        (lambda: Adam([Parameter(torch.ones(1))], betas=(0.9, 1.0)), ValueError, r"betas\[1\]=1.0 is out of range.*< 1"),
        (lambda: Momentum([Parameter(torch.ones(1))], dampening=0.1, nesterov=True), ValueError, "nesterov needs a momentum"),
        (lambda: RMSProp([Parameter(torch.ones(1))], alpha=-1), ValueError, "alpha=-1"),
    ],
    ids=range(9),
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
    for parameter, leaf, start in list(zip(parameters, leaves, starts(), strict=True))[1:]:  # the first one has no gradient
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
    with pytest.raises(ValueError, match="max_norm=-1"):
        clip_grad_norm_([parameter], -1)


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


@pytest.mark.parametrize(("kind", "options"), SCHEDULES, ids=[f"{k.__name__}-{i}" for i, (k, _) in enumerate(SCHEDULES)])
def test_schedules_equal_torchs_together_with_an_optimizer(kind, options):
    parameters, leaves = [Parameter(starts()[0])], [starts()[0].requires_grad_()]
    ours, theirs = Momentum(parameters, lr=0.2), torch.optim.SGD(leaves, lr=0.2, momentum=0.9)
    schedule, reference = kind(ours, **options), getattr(torch.optim.lr_scheduler, kind.__name__)(theirs, **options)
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
    ours, theirs = SGD([Parameter(torch.ones(1))], lr=1.0), torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=1.0)
    schedule = ReduceLROnPlateau(ours, **options)
    reference = torch.optim.lr_scheduler.ReduceLROnPlateau(theirs, **options)
    rng = generator(3)
    for epoch in range(STEPS):
        metric = 2 / (1 + 0.1 * epoch) + 0.1 * torch.rand((), generator=rng, device=rng.device).item()
        schedule.step(metric)
        reference.step(metric)
        assert ours.lr == theirs.param_groups[0]["lr"]
    assert (ours.lr < 1) == (options.get("eps") is None)


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
