"""The random factors of dropout, for modules that drop something in their midst."""

import torch
from torch import Generator, Tensor


def dropout_factors(like: Tensor, p: float, rng: Generator | None) -> Tensor:
    """Shaped like another tensor: 0 with probability p and else 1 / (1 − p).

    With p = 1 nothing is left that could grow.
    """
    kept = torch.empty_like(like).bernoulli_(1 - p, generator=rng)
    return kept.div_(1 - p) if p < 1 else kept
