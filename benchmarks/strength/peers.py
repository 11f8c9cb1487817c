"""The gradient checkers of other courses, by their settings: each says whether it would let a module pass.

Only the settings are theirs: which upstream gradient, which numbers are moved, how far, in which precision,
and what is compared with what. All get the same treatment: a copy of the module with its parameters as they
are, one forward, one backward. None of them asks that gradients add up over several backward passes, or that
inputs are left alone.

A peer is called as ``peer(module, inputs, rng, reference=None)``. The reference, where there is one, computes
the true outputs in place of forward when numbers are moved; only modules need it that draw random numbers
which depend on their input.
"""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor

from benchmarks.strength._trial import (
    AsFunction,
    Peer,
    Reference,
    fails_on_error,
    is_float,
    largest_relative_error,
    random_like,
    run,
    slope,
    slopes,
    slopes_of_sum,
    start,
)
from course.module import Module


def _each_number(
    module: Module, inputs: Sequence[Any], rng: Generator, reference: Reference, limit: float
) -> bool:
    trial = run(start(module, inputs, reference), random_like(rng))
    return all(
        largest_relative_error(grad, slopes(trial, tensor, 1e-5)) < limit
        for grad, tensor in zip(trial.grads, trial.moving, strict=True)
    )


@fails_on_error
def cs231n(module: Module, inputs: Sequence[Any], rng: Generator, reference: Reference) -> bool:
    """Stanford CS231n, with the error at which its notes say that one should be happy.

    Upstream: random. Moved: every number of every input and parameter, by 1e-5, float64. Compared: number by
    number, the largest relative error. Limit: 1e-7; the notebooks print the error and say what it should be
    near, 1e-8 for convolutions and recurrent layers, 1e-10 for linear ones. Accumulation: not checked, since
    gradients are returned.

    Source: cs231n.github.io, neural-networks-3 (gradient checks) and assignments 2 and 3 (FullyConnectedNets,
    ConvolutionalNetworks and LSTM_Captioning notebooks, cs231n/gradient_check.py).
    """
    return _each_number(module, inputs, rng, reference, 1e-7)


@fails_on_error
def cs231n_lenient(module: Module, inputs: Sequence[Any], rng: Generator, reference: Reference) -> bool:
    """Stanford CS231n, with the error above which its notes say that a gradient is probably wrong: 1e-2.

    All else is as in `cs231n`.
    """
    return _each_number(module, inputs, rng, reference, 1e-2)


@fails_on_error
def uva(module: Module, inputs: Sequence[Any], rng: Generator, reference: Reference) -> bool:
    """University of Amsterdam, Deep Learning 1, first practical.

    Upstream: random. Moved: every number of the input and of `weight`, by 1e-5, float64. Compared: number by
    number, the largest relative error, below 1e-5 (1e-6 for ELU). Biases are not compared; in modules that
    the practical does not have, all parameters but biases count. Accumulation: not checked. One of its ten
    random trials is run here.

    Source: uvadlc, assignment 1, unittests.py (Fall 2022).
    """
    trial = run(start(module, inputs, reference), random_like(rng))
    limit = 1e-6 if "ELU" in (base.__name__ for base in type(module).__mro__) else 1e-5
    return all(
        largest_relative_error(grad, slopes(trial, tensor, 1e-5)) < limit
        for name, grad, tensor in zip(trial.names, trial.grads, trial.moving, strict=True)
        if "bias" not in name
    )


@fails_on_error
def eecs598(module: Module, inputs: Sequence[Any], rng: Generator, reference: Reference) -> bool:
    """University of Michigan, EECS 498/598, Deep Learning for Computer Vision.

    Upstream: random. Moved: every number of every input and parameter, by 1e-7, float64. Compared: the
    largest difference in an array relative to the largest |analytic| + |numeric| in it (at least 1e-10).
    Limit: 1e-7, what "around e-8 or less" in the notebooks still covers; they print the error. Accumulation:
    not checked, since gradients are returned.

    Source: eecs598/grad.py (compute_numeric_gradient, rel_error) and the notebooks of assignment 3.
    """
    trial = run(start(module, inputs, reference), random_like(rng))
    for grad, tensor in zip(trial.grads, trial.moving, strict=True):
        numeric = slopes(trial, tensor, 1e-7)
        if grad is None or not np.isfinite(grad).all():
            return False
        size = np.max(np.abs(grad) + np.abs(numeric), initial=1e-10)
        if np.max(np.abs(grad - numeric), initial=0.0) / size >= 1e-7:
            return False
    return True


@fails_on_error
def minitorch(module: Module, inputs: Sequence[Any], rng: Generator, reference: Reference) -> bool:
    """Cornell Tech's MiniTorch, grad_check.

    Upstream: all ones, since the outputs are summed. Moved: one number of each argument, chosen at random, by
    1e-6, float64. Compared: with NumPy's assert_allclose, rtol = atol = 1e-2. Parameters count as arguments,
    as in its convolution tests. Accumulation: not checked.

    Source: minitorch/minitorch, minitorch/tensor_functions.py (grad_check, grad_central_difference).
    """
    trial = run(start(module, inputs, reference), torch.ones_like)
    for grad, tensor in zip(trial.grads, trial.moving, strict=True):
        if not tensor.numel():
            continue
        place = int(torch.randint(tensor.numel(), (), generator=rng, device=rng.device))
        if grad is None:
            return False
        got = grad[tuple(int(i) for i in np.unravel_index(place, tuple(tensor.shape)))]
        np.testing.assert_allclose(got, slope(trial, tensor, place, 1e-6), 1e-2, 1e-2)
    return True


@fails_on_error
def tinytorch(module: Module, inputs: Sequence[Any], rng: Generator, reference: Reference) -> bool:
    """Harvard's TinyTorch, check_grad.

    Upstream: all ones, since the outputs are summed. Moved: every number of every input, by 1e-3 (divided by
    what is left of it after rounding), float32, on the sum of the outputs. Compared: with NumPy's
    assert_allclose, rtol = 5e-3 and atol = 1e-4. Parameters' gradients are not compared: they must be there
    and must not be close to zero everywhere (here: unless they truly are). Accumulation: not checked, but for
    one test that adds up two gradients by hand. Its own tests move three to nine numbers; in longer sums,
    float32 rounds off more than the tolerance admits.

    Source: harvard-edge/cs249r_book, tinytorch/tests/06_autograd/test_gradient_correctness.py and
    tests/09_convolutions/test_convolutions_gradient_flow.py.
    """
    trial = run(start(module, inputs, reference, torch.float32), torch.ones_like)
    for name, grad, tensor in zip(trial.names, trial.grads, trial.moving, strict=True):
        if grad is None:
            return False
        if name:
            if np.allclose(grad, 0) and not np.allclose(slopes(trial, tensor, 1e-3), 0, atol=1e-3):
                return False
            continue
        np.testing.assert_allclose(grad, slopes_of_sum(trial, tensor, 1e-3), rtol=5e-3, atol=1e-4)
    return True


@fails_on_error
def needle(module: Module, inputs: Sequence[Any], rng: Generator, reference: Reference) -> bool:
    """Carnegie Mellon 10-414, Deep Learning Systems, gradient_check of the needle library.

    Upstream: all ones. Moved: every number of every argument, by 1e-4, float64; parameters count as
    arguments. Compared: the sum over the arguments of ‖analytic − numeric‖, below 1e-6 in absolute terms.
    Accumulation: not checked.

    Source: dlsyscourse/hw1, tests/hw1/test_autograd_hw.py.
    """
    trial = run(start(module, inputs, reference), torch.ones_like)
    error = 0.0
    for grad, tensor in zip(trial.grads, trial.moving, strict=True):
        if grad is None:
            return False
        error += float(np.linalg.norm(grad - slopes(trial, tensor, 1e-4)))
    return error < 1e-6


@fails_on_error
def deeplearning_ai(module: Module, inputs: Sequence[Any], rng: Generator, reference: Reference) -> bool:
    """DeepLearning.AI, Improving Deep Neural Networks, week 1: gradient checking.

    There a whole network that ends in its cost is checked; here the cost is half the squared distance to a
    random target, averaged over the examples, so that the upstream gradient is (output − target)/m. Moved:
    every number of all parameters strung together, by 1e-7, float64; the inputs as well, since a layer may
    have no parameters. Compared: one number, ‖analytic − numeric‖ / (‖analytic‖ + ‖numeric‖), which must not
    be above 2e-7: NaN is not. Accumulation: not checked.

    Source: the course's programming assignment "Gradient Checking", gradient_check_n.
    """
    trial = start(module, inputs, reference)
    targets = []

    def toward_target(out: Tensor) -> Tensor:
        targets.append(torch.randn(out.shape, dtype=out.dtype, device=out.device, generator=rng))
        return (out - targets[-1]) / _examples(out)

    run(trial, toward_target)

    def cost() -> float:
        outputs = [out for out in trial.outputs() if is_float(out)]
        return float(
            sum((o - t).square().sum() / (2 * _examples(o)) for o, t in zip(outputs, targets, strict=True))
        )

    numeric = []
    for tensor in trial.moving:
        flat = tensor.view(-1)
        for place in range(tensor.numel()):
            kept, costs = flat[place].clone(), []
            for sign in (1, -1):
                flat[place] = kept + sign * 1e-7
                costs.append(cost())
            flat[place] = kept
            numeric.append((costs[0] - costs[1]) / 2e-7)
    if any(grad is None for grad in trial.grads):
        return False
    analytic = np.concatenate([grad.reshape(-1) for grad in trial.grads if grad is not None])
    with np.errstate(invalid="ignore"):
        difference = np.linalg.norm(analytic - numeric) / (np.linalg.norm(analytic) + np.linalg.norm(numeric))
    return not difference > 2e-7


def _examples(out: Tensor) -> int:
    return max(1, out.shape[0]) if out.dim() else 1


def _gradcheck(module: Module, inputs: Sequence[Any], reference: Reference, fast_mode: bool) -> bool:
    trial = start(module, inputs, reference)
    leaves = [tensor.clone().requires_grad_() for tensor in trial.moving]
    return torch.autograd.gradcheck(
        functools.partial(AsFunction.apply, trial), leaves, raise_exception=False, fast_mode=fast_mode
    )


@fails_on_error
def gradcheck(module: Module, inputs: Sequence[Any], rng: Generator, reference: Reference) -> bool:
    """PyTorch's torch.autograd.gradcheck with its defaults.

    Upstream: each output number by itself, and left-out ones. Moved: every number of every input and
    parameter, by 1e-6, float64. Compared: whole Jacobians with torch.allclose, atol = 1e-5 and rtol = 1e-3; a
    repeated backward must give exactly the same. Accumulation: not checked.

    Source: PyTorch's documentation and torch/autograd/gradcheck.py.
    """
    return _gradcheck(module, inputs, reference, fast_mode=False)


@fails_on_error
def gradcheck_fast(module: Module, inputs: Sequence[Any], rng: Generator, reference: Reference) -> bool:
    """PyTorch's gradcheck in fast mode: one random projection of each Jacobian from both sides.

    All else is as in `gradcheck`.
    """
    return _gradcheck(module, inputs, reference, fast_mode=True)


PEERS: dict[str, Peer] = {
    "CS231n": cs231n,
    "CS231n, lenient": cs231n_lenient,
    "UvA Deep Learning": uva,
    "EECS 498/598": eecs598,
    "MiniTorch": minitorch,
    "TinyTorch": tinytorch,
    "CMU 10-414 (needle)": needle,
    "DeepLearning.AI": deeplearning_ai,
    "torch gradcheck": gradcheck,
    "torch gradcheck, fast": gradcheck_fast,
}
"""Every peer by the course's or library's name."""
