"""Attention: every query reads a mixture of all values, by how well their keys fit."""

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Generator, Tensor

from course.device import randn
from course.errors import DtypeError, SizeError
from course.module import Example, Module
from course.modules._dropout import dropout_factors


class ScaledDotProductAttention(Module):
    """A = softmax(s Q Kᵀ + M) along the keys, and the output A V; s = 1/√features unless `scale` is given.

    The mask M is optional: true and false say which keys a query may attend to, numbers are added to the
    scores. With is_causal=True query i attends to the keys 0 … i only. A query that may attend to nothing
    gets zeros. While training, each weight is dropped with probability `dropout_p`. After forward,
    ``saved["weights"]`` holds A.

    With G = ∂L/∂output (lecture 14):
        ∂L/∂V = Aᵀ G    ∂L/∂A = G Vᵀ
        ∂L/∂S = A ⊙ (∂L/∂A − Σ_keys ∂L/∂A ⊙ A)    (softmax's Jacobian product, S = s Q Kᵀ + M)
        ∂L/∂Q = s ∂L/∂S K    ∂L/∂K = s (∂L/∂S)ᵀ Q    ∂L/∂M = ∂L/∂S, summed where M was broadcast

    Raises:
        ValueError: a dropout outside [0, 1].
        DtypeError: query, key, value and a mask of numbers do not all hold the same dtype.
        SizeError: the mask does not broadcast to queries × keys.
    """

    formula = r"\mathrm{softmax}\!\left(\tfrac{1}{\sqrt{d}} Q K^\top + M\right) V"
    source = "Vaswani et al.: Attention is all you need, NIPS (2017)"
    lecture = 14
    counterpart = "torch.nn.functional.scaled_dot_product_attention"

    def __init__(
        self,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        scale: float | None = None,
        *,
        rng: Generator | None = None,
    ) -> None:
        if not 0 <= dropout_p <= 1:
            raise ValueError(
                f"ScaledDotProductAttention: dropout_p={dropout_p}, but it is a probability: pass 0 to 1"
            )
        self.dropout_p, self.is_causal, self.scale, self.rng = dropout_p, is_causal, scale, rng

    def forward(
        self,
        query: Float[Tensor, "*batch queries features"],
        key: Float[Tensor, "*batch keys features"],
        value: Float[Tensor, "*batch keys value_features"],
        attn_mask: Float[Tensor, "..."] | Bool[Tensor, "..."] | None = None,
    ) -> Float[Tensor, "*batch queries value_features"]:
        shape = (*query.shape[:-1], key.shape[-2])
        for name, given in (("key", key), ("value", value), ("attn_mask", attn_mask)):
            if given is not None and given.dtype not in (query.dtype, torch.bool):
                both = f"argument '{name}' holds {given.dtype}, but the query {query.dtype}"
                raise DtypeError(f"ScaledDotProductAttention: {both}: pass {name}.to({query.dtype})")
        mask = attn_mask
        if attn_mask is not None:
            if not _broadcasts(attn_mask.shape, shape):
                given = f"argument 'attn_mask' has shape {tuple(attn_mask.shape)}"
                raise SizeError(
                    f"ScaledDotProductAttention: {given}, expected one that broadcasts to {shape}"
                )
            mask = as_addend(attn_mask, query) if attn_mask.dtype == torch.bool else attn_mask
        if self.is_causal:
            mask = causal_mask(query, key) if mask is None else mask + causal_mask(query, key)
        drop = self.dropout_p if self.training else 0.0
        out, memory = attend(query, key, value, mask, self.scale, drop, self.rng)
        self.save(
            **memory,
            mask_shape=None if attn_mask is None or attn_mask.dtype == torch.bool else attn_mask.shape,
        )
        return out

    def backward(
        self, grad_output: Float[Tensor, "*batch queries value_features"]
    ) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        memory = {name: self.saved[name] for name in MEMORY}
        grad_query, grad_key, grad_value, grad_scores = attend_backward(grad_output, None, **memory)
        shape = self.saved["mask_shape"]
        return grad_query, grad_key, grad_value, None if shape is None else grad_scores.sum_to_size(shape)

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        query = randn(rng, scale, 2, 4)
        key = randn(rng, scale, 3, 4)
        value = randn(rng, scale, 3, 2)
        mask = torch.tensor([[True, True, False], [False, True, True]], device=rng.device)
        bias = randn(rng, 2, 3)
        attention = F.scaled_dot_product_attention
        three = (query, key, value)
        yield Example(cls(), three, reference=lambda m, *x: attention(*x))
        yield Example(
            cls(), (*three, mask), reference=lambda m, *x: attention(*x), label="a mask of true and false"
        )
        yield Example(
            cls(), (*three, bias), reference=lambda m, *x: attention(*x), label="a mask that is added"
        )
        causal = lambda m, *x: attention(*x, is_causal=True, scale=0.3)  # noqa: E731
        yield Example(cls(is_causal=True, scale=0.3), three, reference=causal, label="causal")

        def dropped(m: ScaledDotProductAttention, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            weights = torch.softmax(torch.einsum("bqd,bkd->bqk", q, k) / q.shape[-1] ** 0.5, -1)
            # draws what the module will draw, without using it up
            again = None if m.rng is None else m.rng.clone_state()
            return torch.einsum("bqk,bkd->bqd", weights * dropout_factors(weights, m.dropout_p, again), v)

        yield Example(cls(0.4, rng=rng.clone_state()), three, reference=dropped, label="dropout")


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    scale: float | None,
    dropout: float,
    rng: Generator | None,
) -> tuple[Tensor, dict[str, Any]]:
    """The output, and what `attend_backward` needs; `mask` is added to the scores, −∞ where forbidden."""
    # without features every score is 0
    scale = float(max(1, query.shape[-1]) ** -0.5 if scale is None else scale)
    weights = attention_weights(query, key, mask, scale)
    dropped = dropout_factors(weights, dropout, rng) if dropout else None
    out = (weights if dropped is None else weights * dropped) @ value
    memory = {
        "query": query,
        "key": key,
        "value": value,
        "mask": mask,
        "scale": scale,
        "dropped": dropped,
        "weights": weights,
    }
    return out, memory


def attention_weights(query: Tensor, key: Tensor, mask: Tensor | None, scale: float) -> Tensor:
    """A = softmax(s Q Kᵀ + M), a row of zeros where a query may attend to nothing."""
    scores = (query * scale) @ key.mT
    if mask is None:
        return torch.softmax(scores, -1)
    scores = scores + mask
    # of nothing: 0 / 0
    return torch.softmax(scores, -1).masked_fill((scores == -torch.inf).all(-1, keepdim=True), 0.0)


def attend_backward(
    grad_output: Tensor,
    grad_weights: Tensor | None,
    *,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    scale: float,
    dropped: Tensor | None,
    weights: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The gradients of query, key, value and scores.

    `grad_weights` is a gradient of the (dropped) weights from elsewhere; weights that were not kept are
    computed again.
    """
    weights = attention_weights(query, key, mask, scale) if weights is None else weights
    grad_value = (weights if dropped is None else weights * dropped).mT @ grad_output
    grad = grad_output @ value.mT
    if grad_weights is not None:
        grad = grad + grad_weights
    if dropped is not None:
        grad = grad * dropped
    grad_scores = (grad - (grad * weights).sum(-1, keepdim=True)).mul_(weights)
    return (grad_scores @ key).mul_(scale), (grad_scores.mT @ query).mul_(scale), grad_value, grad_scores


MEMORY = ("query", "key", "value", "mask", "scale", "dropped", "weights")
"""What attend_backward reads."""


def causal_mask(query: Tensor, key: Tensor) -> Tensor:
    """−∞ where the key comes after the query, else 0."""
    return torch.full(
        (query.shape[-2], key.shape[-2]), -torch.inf, dtype=query.dtype, device=query.device
    ).triu(1)


def as_addend(allowed: Tensor, like: Tensor) -> Tensor:
    """A mask of true and false as numbers to add: 0 where true, −∞ where false."""
    return torch.zeros(allowed.shape, dtype=like.dtype, device=like.device).masked_fill(~allowed, -torch.inf)


def _broadcasts(shape: torch.Size, to: tuple[int, ...]) -> bool:
    try:
        return torch.broadcast_shapes(shape, to) == to
    except RuntimeError:
        return False
