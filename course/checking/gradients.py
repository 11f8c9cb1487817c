"""Numerical gradients: what a derivative is, measured by moving one number at a time, many at once."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Generator, Tensor

from course.checking.kinks import Decisions, differ
from course.modes import any_numbers
from course.module import as_tuple

CHUNK = 2**19
"""How many numbers the moved copies of a tensor may have at a time: 4 MiB in float64, which processors keep
near at hand."""

COMPLEX_STEP = 1e-30
"""How far to step into the complex plane: nothing is subtracted there, so that a step can be as small as you
like."""


def step_size(value: Tensor) -> Tensor:
    """How far to move each number in `value` for a central difference.

    A step h makes a truncation error of about h²·|f‴|/6 and a round-off error of about ε·|f|/h, ε being the
    dtype's precision. Their sum is least near h = ε^(1/3), 6·10⁻⁶ in float64, measured against the scale on
    which the function bends: the size of the number that is moved, as for log x, but not less than 0.1, where
    most functions bend no faster and round-off would win.
    """
    return torch.finfo(value.dtype).eps ** (1 / 3) * value.abs().clamp(min=0.1)


def numerical_gradients(
    function: Callable[..., Any],
    tensors: Sequence[Tensor],
    grad_outputs: Sequence[Tensor],
    *,
    at: Sequence[Tensor | None] | None = None,
    skip_kinks: bool = False,
    scale: float = 1.0,
    vectorize: bool = True,
) -> list[Tensor]:
    """∂L/∂t for every tensor t, from L = Σ grad_output · function(*tensors) and central differences.

    Each coordinate by itself: (f(… t_i + h …) − f(… t_i − h …)) / 2h, projected on `grad_outputs`. Many
    coordinates are moved in one call through torch.vmap; a function that vmap cannot take, one that branches
    on its values say, is called for each.

    Args:
        function: takes `tensors`, returns a tensor or a tuple of tensors.
        tensors: float64 tensors of any shape; they are not changed.
        grad_outputs: the upstream gradient ∂L/∂output of each output, in the output's shape.
        at: for each tensor, the flat positions to measure (see `sample`); None measures all. What is not
            measured is nan.
        skip_kinks: whether numbers are nan, too, where a mask or an argmax flipped between the two
            evaluations: a kink lies between them, and the difference is the derivative of neither side. Where
            the function cannot be computed, because a step leads out of its domain, they are then infinite.
        scale: multiplies the step size.
        vectorize: False calls the function for each coordinate right away.

    Raises:
        ValueError: a tensor is not float64, in which the differences would drown in round-off.

    Source: Bishop: Pattern Recognition and Machine Learning (2006), section 5.3.3.
    """
    require_float64(tensors)
    rise = Rise(function, tensors, grad_outputs, skip_kinks, vectorize)
    return [
        rise.gradient(position, None if at is None else at[position], scale)
        for position in range(len(tensors))
    ]


def complex_step_gradients(
    function: Callable[..., Any],
    tensors: Sequence[Tensor],
    grad_outputs: Sequence[Tensor],
    *,
    vectorize: bool = True,
) -> list[Tensor]:
    """∂L/∂t for every tensor t of an analytic function, exact to the last digits.

    The formula is ∂f/∂t_i = Im f(… t_i + ih …) / h.

    No difference is taken, so that nothing cancels, however small h is. The function must take complex
    numbers and be analytic where it is measured: no absolute values, maxima or comparisons, which torch
    refuses for complex numbers anyway.

    Raises:
        ValueError: a tensor is not float64, or the function cannot compute with complex numbers.

    Source: Squire, Trapp: Using complex variables to estimate derivatives of real functions, SIAM Review 40
    (1998).
    """
    require_float64(tensors)

    def slope(position: int) -> Callable[[Tensor], Tensor]:
        def of(direction: Tensor) -> Tensor:
            moved = torch.complex(tensors[position], COMPLEX_STEP * direction)
            # matrix products want both factors alike
            held = [tensor.to(torch.complex128) for tensor in tensors]
            # which asks complex numbers whether they are above zero, and so raises at |x|, max and the like
            with Decisions():
                outputs = as_tuple(function(*held[:position], moved, *held[position + 1 :]))
            total = torch.zeros((), dtype=torch.float64, device=moved.device)
            for output, grad in zip(outputs, grad_outputs, strict=True):
                total = total + (output.imag * grad).sum() if output.is_complex() else total
            return total

        return of

    gradients = []
    for position, tensor in enumerate(tensors):
        directions = torch.eye(tensor.numel(), dtype=tensor.dtype, device=tensor.device).view(
            -1, *tensor.shape
        )
        try:
            with any_numbers():
                slopes = (
                    _map(slope(position), (directions,), vectorize)
                    if tensor.numel()
                    else torch.zeros_like(tensor)
                )
        except (RuntimeError, TypeError, NotImplementedError) as error:
            raise ValueError(
                f"the function cannot compute with complex numbers, use central differences: {error}"
            ) from error
        gradients.append(slopes.view(tensor.shape) / COMPLEX_STEP)
    return gradients


def projected_gradients(
    function: Callable[..., Any],
    tensors: Sequence[Tensor],
    grad_outputs: Sequence[Tensor],
    directions: Sequence[Tensor],
) -> list[Tensor]:
    """Σ_i ∂L/∂t_i · d_i for every tensor t with its direction d.

    That takes two calls of the function for each tensor, however large.

    A gradient whose product with a random direction is another number is wrong. One that passes is right but
    for bad luck: see `random_directions` for how little of that is needed.

    Source: Nocedal, Wright: Numerical Optimization (2006), section 8.1.
    """
    slopes = []
    for position, (tensor, direction) in enumerate(zip(tensors, directions, strict=True)):
        rise = Rise(function, tensors, grad_outputs, False, False)
        step = torch.finfo(tensor.dtype).eps ** (1 / 3) * direction
        slopes.append(
            rise(position, tensor + step, tensor - step)[0] / (2 * torch.finfo(tensor.dtype).eps ** (1 / 3))
        )
    return slopes


def crosses_kink(function: Callable[..., Any], tensors: Sequence[Tensor]) -> bool:
    """Whether a kink lies within a few central differences of the point, so that another point serves better.

    All numbers of a tensor are moved at once, twice as far as a central difference moves them, and the masks,
    comparisons and places of maxima on both sides are compared.
    """
    for position, tensor in enumerate(tensors):
        rise = Rise(function, tensors, (), True, False)
        signs = torch.ones_like(tensor)
        for _ in range(2):
            step = 2 * signs * step_size(tensor)
            if rise.flips(position, tensor + step, tensor - step):
                return True
            signs.view(-1)[::2] = -1  # then neighbors in opposite directions, which tells maxima apart
    return False


def random_directions(tensors: Sequence[Tensor], rng: Generator) -> list[Tensor]:
    """A direction for each tensor: magnitudes from 1 to 2 and random signs, in units of the numbers' scale.

    No number of it is near zero, so that no single wrong number can hide behind it, as it could in a normally
    distributed one.
    """
    directions = []
    for tensor in tensors:
        magnitude = 1 + torch.rand(tensor.shape, dtype=tensor.dtype, device=rng.device, generator=rng)
        sign = torch.randint(0, 2, tensor.shape, device=rng.device, generator=rng) * 2 - 1
        directions.append((magnitude * sign).to(tensor.device) * tensor.abs().clamp(min=0.1))
    return directions


def sample(tensors: Sequence[Tensor], count: int, rng: Generator) -> list[Tensor | None]:
    """Flat positions of `count` numbers of each tensor, weights and biases alike.

    None (all of them) where the tensor has no more.
    """
    return [
        torch.randperm(t.numel(), device=rng.device, generator=rng)[:count].sort().values
        if t.numel() > count
        else None
        for t in tensors
    ]


def require_float64(tensors: Sequence[Tensor]) -> None:
    """Let only float64 tensors pass: in float32, the differences would drown in round-off.

    Raises:
        ValueError: names the tensor by its position, and its dtype.
    """
    for position, tensor in enumerate(tensors):
        if tensor.dtype != torch.float64:
            raise ValueError(
                f"numerical gradients need float64, tensor {position} is {tensor.dtype}: use .double()"
            )


class Rise:
    """How much L = Σ grad_output · function(*tensors) rises when one tensor is moved.

    Args:
        function: takes `tensors`, returns a tensor or a tuple of tensors.
        tensors: the point to start from.
        grad_outputs: for each output ∂L/∂output, or None.
        watch: whether kinks are looked for, and steps out of the function's domain give infinity, not an
            error.
        vectorize: whether many coordinates are moved in one call through torch.vmap.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        tensors: Sequence[Tensor],
        grad_outputs: Sequence[Tensor],
        watch: bool,
        vectorize: bool,
    ) -> None:
        self.function, self.tensors, self.grad_outputs = function, tensors, grad_outputs
        self.watch, self.vectorize = watch, vectorize

    def _run(self, position: int, moved: Tensor) -> tuple[tuple[Any, ...], list[Tensor]]:
        arguments = (*self.tensors[:position], moved, *self.tensors[position + 1 :])
        if not self.watch:
            return as_tuple(self.function(*arguments)), []
        with Decisions() as decisions:
            return as_tuple(self.function(*arguments)), decisions.taken

    def __call__(self, position: int, up: Tensor, down: Tensor) -> tuple[Tensor, Tensor]:
        """L(up) − L(down), and whether a kink lies between.

        Differences are taken first, sums after: what did not change cancels.
        """
        highs, decided = self._run(position, up)
        # a function may use its memory again
        highs = [high.clone() if isinstance(high, Tensor) else high for high in highs]
        lows, decided_down = self._run(position, down)
        total = torch.zeros((), dtype=up.dtype, device=up.device)
        for high, low, grad in zip(highs, lows, self.grad_outputs, strict=True):
            if grad is None:  # an output of whole numbers, or none at all
                continue
            total = total + (high - low).flatten() @ grad.flatten()
        return total, differ(decided, decided_down)

    def flips(self, position: int, up: Tensor, down: Tensor) -> bool:
        """Whether the two evaluations decided differently."""
        decided = self._run(position, up)[1]
        return bool(differ(decided, self._run(position, down)[1]))

    def gradient(self, position: int, at: Tensor | None, scale: float) -> Tensor:
        """∂L/∂t of the tensor at one position."""
        tensor = self.tensors[position].contiguous()
        steps = scale * step_size(tensor).flatten()
        gradient = torch.full_like(steps, torch.nan)
        for where, moved in _moved(tensor, steps, at):
            measured = None
            if self.vectorize:
                try:
                    with warnings.catch_warnings():
                        warnings.simplefilter("error")  # vmap warns where it only loops itself
                        measured = self._together(position, moved)
                except Exception:
                    # whatever vmap does not know; a mistake of the function's own is raised again below
                    self.vectorize = False
            if measured is None:
                pairs = [
                    self._carefully(position, up, down) for up, down in zip(*moved.chunk(2), strict=True)
                ]
                measured = (
                    torch.stack([pair[0] for pair in pairs]),
                    torch.stack([pair[1].to(tensor.device) for pair in pairs]),
                )
            rises, flips = measured
            slopes = torch.where(flips.to(rises.device), torch.nan, rises / (2 * steps[where]))
            gradient[where] = slopes if not self.watch else torch.where(rises.isfinite(), slopes, torch.inf)
        return gradient.view(tensor.shape)

    def _together(self, position: int, moved: Tensor) -> tuple[Tensor, Tensor]:
        """All rises at once, and where kinks lie between.

        The first half of the copies is moved up, the second half down.
        """

        def run(copy: Tensor) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
            outputs, decided = self._run(position, copy)
            pairs = zip(outputs, self.grad_outputs, strict=True)
            return tuple(output for output, grad in pairs if grad is not None), tuple(decided)

        outputs, decided = torch.vmap(run)(moved)
        count = len(moved) // 2
        rises = torch.zeros(count, dtype=moved.dtype, device=moved.device)
        for output, grad in zip(
            outputs, (grad for grad in self.grad_outputs if grad is not None), strict=True
        ):
            rises = rises + (output[:count] - output[count:]).reshape(count, grad.numel()) @ grad.flatten()
        flips = torch.zeros(count, dtype=torch.bool, device=moved.device)
        for taken in decided:
            flips |= (taken[:count] != taken[count:]).reshape(count, taken[0].numel()).any(1).to(flips.device)
        return rises, flips

    def _carefully(self, position: int, up: Tensor, down: Tensor) -> tuple[Tensor, Tensor]:
        """The rise; while kinks are watched for, infinity where the function refuses to go."""
        try:
            return self(position, up, down)
        except (ValueError, RuntimeError, ArithmeticError, IndexError):
            if not self.watch:
                raise
            return torch.full((), torch.inf, dtype=up.dtype, device=up.device), torch.tensor(False)


def _map(function: Callable[..., Tensor], stacks: tuple[Tensor, ...], vectorize: bool) -> Tensor:
    """The function of every slice, through torch.vmap where that works."""
    if vectorize:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                return torch.vmap(function)(*stacks)
        except Exception:  # what is the function's own mistake is raised again below
            pass
    return torch.stack([function(*slices) for slices in zip(*stacks, strict=True)])


def _moved(tensor: Tensor, steps: Tensor, at: Tensor | None) -> Iterator[tuple[Any, Tensor]]:
    """Copies of `tensor`, each with one number moved up, then the same moved down.

    There are as many at a time as CHUNK admits.

    The copies are in the same memory each time: done with these, ask for the next.
    """
    size, total = tensor.numel(), tensor.numel() if at is None else len(at)
    count = max(1, min(total, CHUNK // (2 * max(1, size))))
    copies = torch.empty(2, count, size, dtype=tensor.dtype, device=tensor.device)
    numbers, version = tensor.view(-1), -1
    for start in range(0, total, count):
        stop = min(start + count, total)
        where = slice(start, stop) if at is None else at[start:stop].to(tensor.device)
        if stop - start < len(copies[0]):
            copies, version = copies[:, : stop - start].contiguous(), -1
        # the function left them alone: put back what was moved before
        if at is None and copies._version == version:
            for copy in copies:
                copy.view(-1)[start - count :: size + 1][:count].copy_(numbers[start - count : start])
        else:
            copies.copy_(tensor.view(1, 1, -1).expand_as(copies))
        for copy, sign in zip(copies, (1, -1), strict=True):
            if at is None:  # number `start` of the first copy, the next of the second, and so on
                copy.view(-1)[start :: size + 1][: stop - start].add_(steps[where], alpha=sign)
            else:
                copy[torch.arange(stop - start, device=tensor.device), where] += sign * steps[where]
        version = copies._version
        yield where, copies.view(2 * (stop - start), *tensor.shape)
