"""Correct variants made mechanically: the library's backward of each module, wrapped to go another way."""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from benchmarks.strength._variant import Variant, example_names, example_of
from course import generator
from course.module import Buffer, Module, as_tuple
from course.modules.registry import all_modules

Grads = tuple[Tensor | None, ...]
Backward = Callable[..., Any]
"""The wrapped class's backward, bound to the module."""


def _same_form(found: Any, grads: list[Any]) -> Any:
    """`grads` as one value or a tuple, as `found` was."""
    return tuple(grads) if isinstance(found, tuple) else grads[0]


def _map(found: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """The same gradients, each changed; None stays."""
    return _same_form(found, [None if grad is None else change(grad) for grad in as_tuple(found)])


def _sum(parts: list[Any]) -> Any:
    """The sums of gradients over several calls of backward."""
    columns = zip(*map(as_tuple, parts), strict=True)
    return _same_form(
        parts[0], [None if column[0] is None else torch.stack(column).sum(0) for column in columns]
    )


def through_numpy(module: Module, backward: Backward, grad_outputs: Grads) -> Any:
    """Every tensor as a numpy array and back, the parameters' gradients as well."""
    there = [
        None if grad is None else torch.from_numpy(grad.cpu().numpy().copy()).to(grad.device)
        for grad in grad_outputs
    ]
    found = backward(*there)
    for parameter in module.parameters():
        parameter.grad = torch.from_numpy(parameter.grad.cpu().numpy().copy()).to(parameter.value.device)
    return _map(found, lambda grad: torch.from_numpy(grad.cpu().numpy().copy()).to(grad.device))


def laid_out_otherwise(module: Module, backward: Backward, grad_outputs: Grads) -> Any:
    """From contiguous clones to every second number of a tensor twice as long: a non-contiguous view."""

    def spread(grad: Tensor) -> Tensor:
        return torch.stack([grad, torch.full_like(grad, torch.nan)], dim=-1)[..., 0]

    found = backward(*(None if grad is None else grad.contiguous().clone() for grad in grad_outputs))
    for parameter in module.parameters():
        parameter.grad = spread(parameter.grad)
    return _map(found, spread)


def stored_backward(module: Module, backward: Backward, grad_outputs: Grads) -> Any:
    """Transposed views of upstream gradients and of results, with the axes stored in the opposite order."""

    def reversed_axes(grad: Tensor) -> Tensor:
        order = list(range(grad.dim()))[::-1]
        return grad.permute(order).contiguous().permute(order)

    return _map(
        backward(*(None if grad is None else reversed_axes(grad) for grad in grad_outputs)), reversed_axes
    )


def in_two_halves(module: Module, backward: Backward, grad_outputs: Grads) -> Any:
    """Backward is linear: backward(g) = backward(g/2) + backward(g/2), and parameters collect both."""
    halves = [None if grad is None else grad / 2 for grad in grad_outputs]
    return _sum([backward(*halves), backward(*halves)])


def by_sign(module: Module, backward: Backward, grad_outputs: Grads) -> Any:
    """backward(g) = backward(g where g > 0) + backward(g where g ≤ 0)."""
    positive = [None if grad is None else grad.clamp(min=0) for grad in grad_outputs]
    negative = [None if grad is None else grad.clamp(max=0) for grad in grad_outputs]
    return _sum([backward(*positive), backward(*negative)])


def number_by_number(module: Module, backward: Backward, grad_outputs: Grads) -> Any:
    """The whole Jacobian, one output number at a time, each row weighed by its upstream gradient."""
    parts = []
    for position, grad in enumerate(grad_outputs):
        if grad is None:
            continue
        for i in range(grad.numel()):
            alone: list[Any] = [None if g is None else torch.zeros_like(g) for g in grad_outputs]
            alone[position].view(-1)[i] = grad.reshape(-1)[i]
            parts.append(backward(*alone))
    return _sum(parts)


def scaled_there_and_back(module: Module, backward: Backward, grad_outputs: Grads) -> Any:
    """A float32 constant in between, a power of two so that nothing is rounded."""
    scale = torch.tensor(4.0, dtype=torch.float32, device=generator(0).device)
    before = [parameter.grad.clone() for parameter in module.parameters()]
    module.zero_grad()
    found = backward(*(None if grad is None else grad * scale for grad in grad_outputs))
    for parameter, earlier in zip(module.parameters(), before, strict=True):
        parameter.grad = earlier + parameter.grad / scale
    return _map(found, lambda grad: grad / scale)


def accumulated_out_of_place(module: Module, backward: Backward, grad_outputs: Grads) -> Any:
    """``parameter.grad = parameter.grad + …``: another tensor after each backward."""
    before = [parameter.grad for parameter in module.parameters()]
    module.zero_grad()
    found = backward(*grad_outputs)
    for parameter, earlier in zip(module.parameters(), before, strict=True):
        parameter.grad = earlier + parameter.grad
    return found


def a_list_of_gradients(module: Module, backward: Backward, grad_outputs: Grads) -> Any:
    """A list where the library returns a tuple, or one tensor."""
    return list(as_tuple(backward(*grad_outputs)))


BACKWARDS = (
    through_numpy,
    laid_out_otherwise,
    stored_backward,
    in_two_halves,
    by_sign,
    number_by_number,
    scaled_there_and_back,
    accumulated_out_of_place,
    a_list_of_gradients,
)


def with_backward(kind: type[Module], way: Callable[..., Any]) -> type[Module]:
    """A subclass whose backward is the class's own, called another way."""

    def backward(self: Any, *grad_outputs: Tensor | None) -> Any:
        return way(self, functools.partial(kind.backward, self), grad_outputs)

    return type(kind.__name__, (kind,), {"backward": backward, "__doc__": way.__doc__})


def computed_again(kind: type[Module]) -> type[Module]:
    """A subclass that saves only its inputs, and runs forward once more in backward.

    Gradient checkpointing does so.
    """

    @functools.wraps(kind.forward)  # the shapes in its signature stay readable
    def forward(self: Any, *inputs: Any) -> Any:
        out = kind.forward(self, *inputs)
        self.save(inputs=inputs)
        return out

    def backward(self: Any, *grad_outputs: Any) -> Any:
        inputs = self.saved["inputs"]
        kind.forward(self, *inputs)
        found = kind.backward(self, *grad_outputs)
        self.save(inputs=inputs)
        return found

    return type(kind.__name__, (kind,), {"forward": forward, "backward": backward})


def can_run_again(module: Module) -> bool:
    """Whether a second forward gives the same and changes nothing.

    Such a module has no random numbers and no running statistics.
    """
    draws = module.training and vars(module).get("rng") is not None
    counts = module.training and any(isinstance(held, Buffer) for held in vars(module).values())
    return not draws and not counts


def without_backward(kind: type[Module]) -> type[Module]:
    """A subclass without a backward of its own, which gets torch.autograd's."""
    return type(kind.__name__, (kind,), {"backward": Module.backward})


def variants_wrapped() -> Iterator[Variant]:
    """Every example of every module of the library, in each of these ways that applies to it."""
    for kind in all_modules().values():
        ways = {way.__name__: with_backward(kind, way) for way in BACKWARDS}
        ways |= {"computed_again": computed_again(kind), "without_backward": without_backward(kind)}
        examples = list(kind.examples(generator(0)))
        for position, name in enumerate(example_names(kind)):
            for way, wrapped in ways.items():
                if way == "computed_again" and not can_run_again(examples[position].module):
                    continue
                yield Variant(
                    f"{name}: {way.replace('_', ' ')}", functools.partial(example_of, wrapped, position)
                )
