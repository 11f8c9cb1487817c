"""Mistakes in what is done with the gradient that arrives: not used, handed on as it came, or unmasked."""

from collections.abc import Iterator

import numpy as np
import torch

from course.checking.diagnosis.mistakes import Hypothesis, Mistake
from course.checking.diagnosis.suspect import Suspect, same


def ignored(suspect: Suspect) -> Iterator[Hypothesis]:
    """All ones in place of grad_output; or grad_output twice."""
    grads = suspect.truth.grad_outputs
    for mistake, what, others, prior in (
        (Mistake.UPSTREAM_IGNORED, "grad_output is not used: multiply by it", torch.ones_like, 0.97),
        (Mistake.EXTRA_FACTOR, "grad_output is multiplied twice", torch.square, 0.9),
        (Mistake.UPSTREAM_IGNORED, "only the sign of grad_output is used", torch.sign, 0.9),
    ):
        gradients = suspect.gradients(tuple(g if g is None else others(g) for g in grads))
        if gradients is not None:
            yield Hypothesis(mistake, what, gradients[suspect.name], prior)


def forgotten(suspect: Suspect) -> Iterator[Hypothesis]:
    """Of several outputs, the gradient that arrives at one is not used."""
    grads = suspect.truth.grad_outputs
    for index in range(len(grads)) if len(grads) > 1 else ():
        gradients = suspect.gradients(tuple(None if i == index else g for i, g in enumerate(grads)))
        if gradients is not None:
            yield Hypothesis(
                Mistake.PATH_LOST,
                f"the gradient that arrives at output {index} is not used",
                gradients[suspect.name],
                0.95,
            )


def handed_on(suspect: Suspect) -> Iterator[Hypothesis]:
    """grad_output as it came: without the local derivative, without the mask, or without the mask's scale."""
    for grad in suspect.upstream:
        if grad.shape != suspect.true.shape:
            if (
                grad.size == 1
                or np.broadcast_shapes(*_compatible(grad.shape, suspect.true.shape)) == suspect.true.shape
            ):
                spread = (
                    np.full(suspect.true.shape, grad.item())
                    if grad.size == 1
                    else np.broadcast_to(grad, suspect.true.shape)
                )
                what = "grad_output is handed on as it came: the local derivative is missing"
                yield Hypothesis(Mistake.LOCAL_DERIVATIVE_IGNORED, what, spread, 0.85)
            continue
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = suspect.true / grad
        kept = np.abs(ratio) > 1e-9
        levels = np.unique(np.round(ratio[kept], 9))
        if len(levels) == 1 and kept.all() and grad.size > 1:  # a single number is a multiple of any other
            continue  # the true gradient is a multiple of grad_output itself
        if len(levels) == 1:  # a mask, perhaps with a scale
            scale = float(levels[0])
            yield Hypothesis(
                Mistake.MASK_MISSING, "the mask of forward is not applied to grad_output", scale * grad, 0.93
            )
            yield Hypothesis(
                Mistake.MASK_MISSING, "neither the mask nor its scale is applied to grad_output", grad, 0.9
            )
            missing = f"the kept numbers must be scaled by {scale:.4g}, as in forward"
            yield Hypothesis(Mistake.MASK_SCALE_MISSING, missing, grad * kept, 0.95)
            yield Hypothesis(
                Mistake.EXTRA_FACTOR,
                "the scale of the mask is applied twice",
                scale * scale * grad * kept,
                0.9,
            )
            yield Hypothesis(
                Mistake.MASK_MISSING, "the mask is the wrong way round", scale * grad * ~kept, 0.9
            )
        alike = len({grad.shape for grad in suspect.upstream}) == 1 < len(suspect.upstream)
        if alike and np.allclose(suspect.true, sum(suspect.upstream)):
            yield Hypothesis(
                Mistake.PATH_LOST, "of the gradients that arrive, only one is handed on", grad, 0.93
            )
            continue
        what = "grad_output is handed on as it came: the local derivative is missing"
        yield Hypothesis(Mistake.LOCAL_DERIVATIVE_IGNORED, what, grad, 0.9)
        yield Hypothesis(Mistake.LOCAL_DERIVATIVE_IGNORED, what + ", and the sign is wrong", -grad, 0.8)


def turned(suspect: Suspect) -> Iterator[Hypothesis]:
    """A square matrix that should have been transposed, or was, wherever it entered."""
    for index, grad in enumerate(suspect.truth.grad_outputs):
        if grad is not None and grad.ndim == 2 and grad.shape[0] == grad.shape[1] and grad.shape[0] > 1:
            others = tuple(g.T if i == index else g for i, g in enumerate(suspect.truth.grad_outputs))
            gradients = suspect.gradients(others)
            if gradients is not None:
                yield Hypothesis(
                    Mistake.MISSING_TRANSPOSE,
                    "grad_output enters the wrong way round: a transpose is missing, or one is too many",
                    gradients[suspect.name],
                )
    for name, tensor in suspect.truth.tensors.items():
        if tensor.ndim == 2 and tensor.shape[0] == tensor.shape[1] and tensor.shape[0] > 1:
            gradients = suspect.gradients(tensors={name: tensor.T.contiguous()})
            if gradients is not None:
                yield Hypothesis(
                    Mistake.MISSING_TRANSPOSE,
                    f"{name} needs a transpose here, or has one too many",
                    gradients[suspect.name],
                )


def diagonal(suspect: Suspect) -> Iterator[Hypothesis]:
    """Only each output's dependence on the input at the same place; or the Jacobian untransposed."""
    if (
        len(suspect.truth.grad_outputs) != 1
        or suspect.upstream[0].shape != suspect.true.shape
        or suspect.true.size > 128
        or suspect.true.size < 2
    ):
        return
    rows = []
    for place in range(suspect.true.size):
        unit = torch.zeros_like(suspect.truth.grad_outputs[0])
        unit.view(-1)[place] = 1
        gradients = suspect.gradients((unit,))
        if gradients is None:
            return
        rows.append(gradients[suspect.name].reshape(-1))
    jacobian = np.stack(rows)  # ∂output_i/∂x_j
    own, upstream = np.diag(np.diag(jacobian)), suspect.upstream[0].reshape(-1)
    if same(own, jacobian):
        return
    what = "each output also depends on the other inputs: the rest of the Jacobian is missing"
    yield Hypothesis(
        Mistake.DIAGONAL_ONLY, what, (np.diag(jacobian) * upstream).reshape(suspect.true.shape), 0.95
    )
    flipped = "the Jacobian is multiplied from the wrong side: a transpose is missing, or one is too many"
    yield Hypothesis(
        Mistake.MISSING_TRANSPOSE, flipped, (jacobian @ upstream).reshape(suspect.true.shape), 0.9
    )


def _compatible(small: tuple[int, ...], large: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The shapes if they broadcast, else two empty ones."""
    try:
        np.broadcast_shapes(small, large)
    except ValueError:
        return (), ()
    return small, large
