"""Guards: what stands around every module's forward and backward, so that a subclass is its mathematics."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Self

import torch
from torch import Generator, Tensor

from course.attributes import held
from course.device import device, require_device
from course.errors import DtypeError, InputCountError, SavedError, SizeError
from course.modes import ANY_NUMBERS, RECORDING, RELEASING
from course.parameter import Buffer, Parameter
from course.saved import Saved
from course.shapes import Signature


class Guarded:
    """What the guards know of a module: what forward takes; what its last run was given, gave and saved."""

    forward: Callable[..., Any]
    forward_signature: ClassVar[Signature]
    """The arguments of forward, with the shapes that they may have."""
    saved: Saved
    """What the last forward saved."""
    output_shapes: tuple[torch.Size | None, ...] = ()
    """The shape of each output of the last forward (None for an output that is no tensor)."""

    _accepted: Sequence[Any] = ()  # how the last inputs looked: shape, dtype and device of each
    _falls_back: ClassVar[bool] = True  # on torch.autograd; for such modules alone, the next two are kept
    _inputs: tuple[Any, ...] = ()
    _rng_before: Generator | None = None  # so that a forward that is run again draws the same random numbers

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:  # noqa: D102 - so that subclasses need no super().__init__()
        module = super().__new__(cls)
        module.saved = Saved()
        return module

    def _forget(self) -> None:
        """Be as before the first forward."""
        self.saved, self._inputs, self._accepted, self.output_shapes = Saved(), (), (), ()

    def _release(self) -> None:
        """Let go of what forward left for backward."""
        self.saved, self._inputs = Saved(), ()


def as_tuple(value: Any) -> tuple[Any, ...]:
    """One output or gradient as a tuple of one; tuples and lists as tuples."""
    return tuple(value) if isinstance(value, tuple | list) else (value,)


def guard_forward(forward: Callable[..., Any]) -> Callable[..., Any]:
    """A forward that takes only what fits its signature, on the course's device; torch records nothing."""
    signature = Signature(forward)

    @functools.wraps(forward)
    def guarded(self: Guarded, *inputs: Any, **options: Any) -> Any:
        if options:
            inputs = signature.positional(inputs, options)
        looks = [(x.shape, x.dtype, x.device) if isinstance(x, Tensor) else type(x) for x in inputs]
        # inputs that look like the last ones need no second check
        if looks != self._accepted and not ANY_NUMBERS.get():
            require_device(inputs, lambda: [argument.name for argument in signature.arguments])
            signature.check(self, inputs, _parameter_dtype(self))
        if self._falls_back:
            self._inputs = inputs
            if "rng" in vars(self):
                self._rng_before = (vars(self)["rng"] or _default_rng()).clone_state()
        if torch.is_grad_enabled() is RECORDING.get():
            output = forward(self, *inputs)
        else:
            with torch.set_grad_enabled(RECORDING.get()):
                output = forward(self, *inputs)
        # those of a forward of the base class, which it may have called, are not its own
        self._accepted = looks
        if isinstance(output, Tensor):
            self.output_shapes = (output.shape,)
        else:
            self.output_shapes = tuple([getattr(value, "shape", None) for value in as_tuple(output)])
        return output

    return guarded


def guard_backward(backward: Callable[..., Any]) -> Callable[..., Any]:
    """A backward that needs a forward before it, and takes only gradients that fit the outputs.

    Gradients of optional inputs that were left out are dropped from what it returns.
    """

    @functools.wraps(backward)
    def guarded(self: Guarded, *grad_outputs: Tensor | None) -> Any:
        if not self.saved.filled:
            raise SavedError(f"{type(self).__name__}: call forward before backward")
        require_output_shapes(self, grad_outputs)
        if torch.is_grad_enabled():
            with torch.no_grad():
                grads = backward(self, *grad_outputs)
        else:
            grads = backward(self, *grad_outputs)
        if RELEASING.get():
            self._release()
        given = len(self._accepted)
        if isinstance(grads, tuple | list) and len(grads) > given and self.forward_signature.has_optional:
            return tuple(grads[:given]) if given > 1 else grads[0]
        return grads

    return guarded


def require_output_shapes(module: Guarded, grad_outputs: tuple[Tensor | None, ...]) -> None:
    """Let only gradients pass that have the shapes of the outputs they belong to, on the course's device.

    Raises:
        InputCountError: there are more gradients than outputs.
        DtypeError: a gradient is no tensor.
        DeviceError: a gradient is not on the course's device.
        SizeError: a gradient has another shape than its output.
    """
    shapes, home = module.output_shapes, device().type
    if len(grad_outputs) > len(shapes):
        outputs = f"{len(shapes)} output{'s' * (len(shapes) != 1)}"
        raise InputCountError(f"{type(module).__name__}: {len(grad_outputs)} gradients came for {outputs}")
    for grad, shape in zip(grad_outputs, shapes, strict=False):
        if grad is None or shape is None:
            continue
        if not isinstance(grad, Tensor):
            raise DtypeError(f"{type(module).__name__}: grad_output is a {type(grad).__name__}, not a tensor")
        if grad.device.type != home:
            require_device((grad,), lambda: ("grad_output",))
        if grad.shape != shape:
            both = f"shape {tuple(grad.shape)}, but the output it belongs to has shape {tuple(shape)}"
            raise SizeError(f"{type(module).__name__}: grad_output has {both}")


def _parameter_dtype(module: Guarded) -> torch.dtype | None:
    """The floating-point dtype of the module's own parameters, or else buffers, if it has some."""
    for kind in (Parameter, Buffer):
        for _, tensor in held(module, kind):
            if tensor.value.is_floating_point():
                return tensor.value.dtype
    return None


def _default_rng() -> Generator:
    """The generator that torch draws from where none is given."""
    return (
        torch.cuda.default_generators[torch.cuda.current_device()]
        if device().type == "cuda"
        else torch.default_generator
    )
