"""One of our modules beside torch's.

The same state, inputs and upstream gradient must give the same outputs and gradients.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

import course
from course.module import Module, as_tuple

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # torch's test code looks for packages that only its own tests need
    from torch.testing._internal.common_modules import module_db


@dataclass(frozen=True)
class Case:
    """How one of torch's own tests makes and calls a module."""

    label: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    inputs: tuple[Any, ...]
    options: dict[str, Any]


def torchs_own_cases(name: str, *, training: bool = True) -> Iterator[Case]:
    """The constructor arguments and inputs with which torch tests its module of this name, in float64."""
    info = next((info for info in module_db if info.module_cls is getattr(nn, name, None)), None)
    if info is None:
        return
    device = course.device().type
    made = info.module_inputs_func(
        info, device=device, dtype=torch.float64, requires_grad=False, training=training
    )
    for number, given in enumerate(made):
        construct, call = given.constructor_input, given.forward_input
        yield Case(f"{number}-{given.desc}", construct.args, construct.kwargs, call.args, call.kwargs)


def flat(value: Any) -> tuple[Any, ...]:
    """Nested tuples as one flat tuple: torch's cells take states as a tuple, ours take them one by one."""
    return (
        tuple(leaf for part in value for leaf in flat(part)) if isinstance(value, tuple | list) else (value,)
    )


def is_float(value: Any) -> bool:
    """Whether a value has a gradient."""
    return isinstance(value, Tensor) and value.is_floating_point()


def compare(
    ours: Module,
    theirs: Callable[..., Any],
    inputs: Sequence[Any],
    *,
    call_theirs: Callable[..., Any] | None = None,
    call_ours: Callable[..., Any] | None = None,
    rtol: float = 1e-10,
    atol: float = 1e-13,
) -> tuple[tuple[Tensor, ...], tuple[Tensor | None, ...]]:
    """Run both and compare outputs, gradients and state.

    The gradients are those of every floating-point input and parameter.
    All state is compared as it is afterwards.

    Args:
        ours: our module; made float64 here.
        theirs: an nn.Module (its state is loaded into ours, and ours back into it) or a plain function of the
            inputs.
        inputs: for both; floating-point ones in float64.
        call_theirs: calls theirs with the inputs, where it wants them in another form: call_theirs(theirs,
            *inputs).
        call_ours: likewise for ours, given the flat inputs: call_ours(ours, *inputs).
        rtol: relative to the largest entry of the tensor that is compared.

    Returns:
        our outputs and our gradients of the inputs.
    """
    inputs = flat(tuple(inputs))
    ours.to(dtype=torch.float64)
    module = theirs if isinstance(theirs, nn.Module) else None
    if module is not None:
        module.to(dtype=torch.float64, device=course.device())
        assert list(ours.state_dict()) == list(module.state_dict()), "the state's names, in order"
        ours.load_state_dict(module.state_dict())
        module.load_state_dict(ours.state_dict())
        ours.train(module.training)
    leaves = [x.detach().clone().requires_grad_() if is_float(x) else x for x in inputs]
    before = [x.clone() if isinstance(x, Tensor) else x for x in inputs]
    outputs = as_tuple(call_ours(ours, *inputs) if call_ours else ours(*inputs))
    expected = flat(call_theirs(theirs, *leaves) if call_theirs else theirs(*leaves))
    assert len(outputs) == len(expected), f"{len(outputs)} outputs, torch gives {len(expected)}"
    rng = torch.Generator(course.device()).manual_seed(1)
    upstream: list[Any] = [
        torch.randn(o.shape, dtype=o.dtype, device=o.device, generator=rng) if is_float(o) else None
        for o in outputs
    ]
    for position, (got, want) in enumerate(zip(outputs, expected, strict=True)):
        same(got, want, f"output {position}", rtol, atol)
    grads = as_tuple(ours.backward(*(g for g in upstream)))
    assert len(grads) == len(inputs), f"{len(grads)} gradients for {len(inputs)} inputs"
    pairs = [(o, g) for o, g in zip(expected, upstream, strict=True) if is_float(o) and o.requires_grad]
    parameters = dict(module.named_parameters()) if module is not None else {}
    sources = [leaf for leaf in leaves if is_float(leaf)] + list(parameters.values())
    found = iter(
        torch.autograd.grad([o for o, _ in pairs], sources, [g for _, g in pairs], allow_unused=True)
    )
    for position, (grad, leaf) in enumerate(zip(grads, leaves, strict=True)):
        if is_float(leaf):
            same(grad, next(found), f"gradient of input {position}", rtol, atol)
        else:
            assert grad is None, f"input {position} has no gradient"
    if module is not None:
        mine = dict(ours.named_parameters())
        for name in parameters:
            same(mine[name].grad, next(found), f"gradient of {name}", rtol, atol)
        for name, value in module.state_dict().items():
            same(ours.state_dict()[name], value, f"{name} afterwards", rtol, atol)
    for now, then in zip(inputs, before, strict=True):
        if isinstance(now, Tensor):
            assert torch.equal(now, then) or torch.equal(now.isnan(), then.isnan()), (
                "an input was changed in place"
            )
    return outputs, grads


def same(got: Tensor | None, want: Tensor | None, what: str, rtol: float, atol: float) -> None:
    """Equal shapes, NaN and infinity in the same places, and a difference small against the largest entry."""
    if want is None:  # torch's "unused": zero for us
        assert got is None or not got.any(), f"{what}: torch has none, ours is not zero"
        return
    assert got is not None, f"{what} is missing"
    want = want.detach()
    assert got.shape == want.shape, f"{what} has shape {tuple(got.shape)}, torch's {tuple(want.shape)}"
    assert got.dtype == want.dtype, f"{what} is {got.dtype}, torch's {want.dtype}"
    finite = want[want.isfinite()]
    scale = finite.abs().max().item() if finite.numel() else 0.0
    torch.testing.assert_close(
        got, want, rtol=0, atol=max(atol, rtol * scale), equal_nan=True, msg=lambda m: f"{what}: {m}"
    )
