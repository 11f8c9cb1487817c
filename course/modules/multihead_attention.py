"""Attention in several heads: projections of query, key and value, each head with its own part."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Generator, Tensor

from course.device import randn
from course.errors import RankError, SizeError
from course.module import Example, Module, Parameter
from course.modules._dropout import dropout_factors
from course.modules.linear import Linear
from course.modules.scaled_dot_product_attention import (
    MEMORY,
    as_addend,
    attend,
    attend_backward,
    causal_mask,
)


class MultiheadAttention(Module):
    """H heads, each attending with its own part of the projections.

    Side by side, they go through one more linear map, `out_proj`.

    forward(query, key, value) takes time × batch × features (batch first with batch_first=True; without a
    batch also), returns the output and the attention weights, averaged over the heads unless
    average_attn_weights=False; None if not need_weights. In `key_padding_mask` (batch × keys) and `attn_mask`
    (queries × keys, or one for each batch and head), true *forbids* attending, as in torch; numbers are added
    to the scores. is_causal=True without an attn_mask lets query i attend to the keys 0 … i. A query that may
    attend to nothing gets zeros from every head.

    `in_proj_weight` holds W_q, W_k and W_v one below the other (three parameters when kdim or vdim differ),
    `in_proj_bias` the biases. With add_bias_kv one more key and value is learned (`bias_k`, `bias_v`); with
    add_zero_attn one more is zero.

    Backward (lecture 14) is the chain in reverse: ∂L/∂heads = out_proj.backward(G), each head's attention
    backward, and with U = (∂L/∂q, ∂L/∂k, ∂L/∂v) the linear maps' ∂L/∂query = U_q W_q, ∂L/∂W_q = U_qᵀ query,
    ∂L/∂b_q = Σ U_q, likewise for k and v.

    Raises:
        ValueError: embed_dim is not divisible by num_heads, or dropout is not from 0 to 1.
        RankError, SizeError: shapes that do not fit together.
    """

    formula = (
        r"[a_1 \dots a_H]\, W_o^\top + b_o, \quad a_h = \mathrm{softmax}\!\left(Q_h K_h^\top / "
        r"\sqrt{d}\right) V_h"
    )
    source = "Vaswani et al.: Attention is all you need, NIPS (2017)"
    lecture = 14
    counterpart = "torch.nn.MultiheadAttention"

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        *,
        rng: Generator | None = None,
    ) -> None:
        if embed_dim < 1 or num_heads < 1 or embed_dim % num_heads:
            sizes = f"embed_dim={embed_dim} is not divisible by num_heads={num_heads}"
            raise ValueError(f"MultiheadAttention: {sizes}: each head gets an equal part")
        if not 0 <= dropout <= 1:
            raise ValueError(f"MultiheadAttention: dropout={dropout}, but it is a probability: pass 0 to 1")
        self.embed_dim, self.num_heads, self.head_dim = embed_dim, num_heads, embed_dim // num_heads
        self.dropout, self.add_zero_attn, self.batch_first, self.rng = (
            dropout,
            add_zero_attn,
            batch_first,
            rng,
        )
        self.kdim, self.vdim = kdim or embed_dim, vdim or embed_dim
        if self.kdim == self.vdim == embed_dim:
            self.in_proj_weight = xavier_uniform(3 * embed_dim, embed_dim, rng)
        else:
            self.q_proj_weight = xavier_uniform(embed_dim, embed_dim, rng)
            self.k_proj_weight = xavier_uniform(embed_dim, self.kdim, rng)
            self.v_proj_weight = xavier_uniform(embed_dim, self.vdim, rng)
        zeros = self._any_weight().value.new_zeros
        self.in_proj_bias = Parameter(zeros(3 * embed_dim)) if bias else None
        deviation = embed_dim**-0.5  # torch's Xavier normal of a 1 × 1 × embed_dim tensor
        learned = lambda: Parameter(zeros(1, 1, embed_dim).normal_(0, deviation, generator=rng))  # noqa: E731
        self.bias_k, self.bias_v = (learned(), learned()) if add_bias_kv else (None, None)
        self.out_proj = Linear(embed_dim, embed_dim, bias=bias, rng=rng)
        if self.out_proj.bias is not None:
            self.out_proj.bias.value.zero_()

    def _any_weight(self) -> Parameter:
        return self.in_proj_weight if "in_proj_weight" in vars(self) else self.q_proj_weight

    def forward(
        self,
        query: Float[Tensor, "*query_shape embed_dim"],
        key: Float[Tensor, "*key_shape kdim"],
        value: Float[Tensor, "*key_shape vdim"],
        key_padding_mask: Float[Tensor, "*batch keys"] | Bool[Tensor, "*batch keys"] | None = None,
        need_weights: bool = True,
        attn_mask: Float[Tensor, "*heads queries keys"] | Bool[Tensor, "*heads queries keys"] | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Float[Tensor, "*query_shape embed_dim"], Float[Tensor, "..."] | None]:
        if query.dim() not in (2, 3) or key.dim() != query.dim():
            shapes = f"query has shape {tuple(query.shape)}, key {tuple(key.shape)}"
            raise RankError(
                f"MultiheadAttention: {shapes}, expected (time, batch, features) or (time, features) for both"
            )
        inputs = [self._batch_first(x) for x in (query, key, value)]
        if inputs[0].shape[0] != inputs[1].shape[0]:
            shapes = f"query has shape {tuple(query.shape)}, key {tuple(key.shape)}"
            raise SizeError(f"MultiheadAttention: {shapes}, expected the same batch")
        same = query is key is value  # one product instead of three
        projected = self._project(inputs, same)
        q, k, v = (self._split(x) for x in self._append(*projected))
        mask = self._mask(q, k, key_padding_mask, attn_mask, is_causal)
        heads, memory = attend(q, k, v, mask, None, self.dropout if self.training else 0.0, self.rng)
        out = self.out_proj(self._merge(heads))
        masks = tuple(
            None if m is None or m.dtype == torch.bool else m.shape for m in (key_padding_mask, attn_mask)
        )
        asked = (average_attn_weights, query.dim() == 2)
        weights = self._weights(memory, *asked) if need_weights else None
        if not need_weights:
            memory["weights"] = None  # the largest tensor of all: computed again in backward
        self.save(inputs=inputs, same=same, masks=masks, asked=asked, **memory)
        return self._as_given(out, query), weights

    def backward(
        self, grad_output: Float[Tensor, "..."] | None, grad_weights: Float[Tensor, "..."] | None = None
    ) -> tuple[Tensor, Tensor, Tensor, Tensor | None, None, Tensor | None, None, None]:
        unbatched = self.saved["asked"][1]
        nothing = grad_output is None  # when only the weights were used
        grad = torch.zeros_like(self.saved["inputs"][0]) if nothing else self._batch_first(grad_output)
        grad = self.out_proj.backward(grad)
        memory = {name: self.saved[name] for name in MEMORY}
        grad_weights = None if grad_weights is None else self._weights_backward(grad_weights)
        *grads, grad_scores = attend_backward(self._split(grad), grad_weights, **memory)
        grad_masks = self._mask_backward(grad_scores)
        del grad_scores, memory  # large, and not needed any more
        grad_inputs = self._project_backward(self._append_backward(*map(self._merge, grads)))
        query, key, value = (
            x[0] if unbatched else x.transpose(0, 1) if not self.batch_first else x for x in grad_inputs
        )
        return query, key, value, grad_masks[0], None, grad_masks[1], None, None

    # Each step and its backward: the layout, the projections, the keys that are appended, the heads, the
    # masks, the weights.

    def _batch_first(self, x: Tensor) -> Tensor:
        return x[None] if x.dim() == 2 else x if self.batch_first else x.transpose(0, 1)

    def _as_given(self, x: Tensor, query: Tensor) -> Tensor:
        return x[0] if query.dim() == 2 else x if self.batch_first else x.transpose(0, 1)

    def _parts(self) -> list[tuple[Parameter, slice]]:
        """For query, key and value: the parameter that projects it, and its rows."""
        if "in_proj_weight" in vars(self):
            return [
                (self.in_proj_weight, slice(i * self.embed_dim, (i + 1) * self.embed_dim)) for i in range(3)
            ]
        return [
            (weight, slice(None)) for weight in (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)
        ]

    def _project(self, inputs: list[Tensor], same: bool) -> Sequence[Tensor]:
        bias = None if self.in_proj_bias is None else self.in_proj_bias.value
        if same:
            return F.linear(inputs[0], self.in_proj_weight.value, bias).chunk(3, -1)
        biases = (None,) * 3 if bias is None else bias.chunk(3)
        return [
            F.linear(x, w.value[rows], b)
            for x, (w, rows), b in zip(inputs, self._parts(), biases, strict=True)
        ]

    def _project_backward(self, grads: Sequence[Tensor]) -> list[Tensor]:
        inputs = [x.flatten(0, 1) for x in self.saved["inputs"]]
        if self.saved["same"]:
            joined = torch.cat([grad.flatten(0, 1) for grad in grads], -1)
            self.in_proj_weight.add_product(joined.T, inputs[0])
        else:
            for grad, x, (weight, rows) in zip(grads, inputs, self._parts(), strict=True):
                weight.grad[rows].addmm_(grad.flatten(0, 1).T, x)
        if self.in_proj_bias is not None:
            self.in_proj_bias.grad += torch.cat([grad.sum((0, 1)) for grad in grads])
        return [grad @ weight.value[rows] for grad, (weight, rows) in zip(grads, self._parts(), strict=True)]

    def _append(self, q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Behind the keys and values: the learned ones, then the zeros."""
        for bias, zero in ((True, False), (False, True)):
            if bias and self.bias_k is not None and self.bias_v is not None:
                k = torch.cat([k, self.bias_k.value.expand(len(k), 1, -1)], 1)
                v = torch.cat([v, self.bias_v.value.expand(len(v), 1, -1)], 1)
            if zero and self.add_zero_attn:
                k, v = (F.pad(x, (0, 0, 0, 1)) for x in (k, v))
        return q, k, v

    def _append_backward(self, q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        length = self.saved["inputs"][1].shape[1]
        if self.bias_k is not None and self.bias_v is not None:
            self.bias_k.grad += k[:, length : length + 1].sum(0, keepdim=True)
            self.bias_v.grad += v[:, length : length + 1].sum(0, keepdim=True)
        return q, k[:, :length], v[:, :length]

    def _split(self, x: Tensor) -> Tensor:
        """Batch × time × features to batch × heads × time × head_dim."""
        return x.unflatten(-1, (self.num_heads, self.head_dim)).transpose(1, 2)

    def _merge(self, x: Tensor) -> Tensor:
        return x.transpose(1, 2).flatten(2)

    def _mask(
        self, q: Tensor, k: Tensor, padding: Tensor | None, mask: Tensor | None, is_causal: bool
    ) -> Tensor | None:
        """One mask to add to the scores, batch × heads × queries × keys, or None."""
        keys = self._length(k)
        total = causal_mask(q, k[..., :keys, :]) if mask is None and is_causal else None
        batch, queries = len(q), q.shape[2]
        for name, given, shapes in (
            ("key_padding_mask", padding, ((batch, keys), (keys,))),
            ("attn_mask", mask, ((queries, keys), (batch * self.num_heads, queries, keys))),
        ):
            if given is None:
                continue
            if tuple(given.shape) not in shapes:
                expected = f"expected {shapes[0]} or {shapes[1]}"
                raise SizeError(
                    f"MultiheadAttention: argument '{name}' has shape {tuple(given.shape)}, {expected}"
                )
            added = as_addend(~given, q) if given.dtype == torch.bool else given
            added = added.reshape(batch, 1, 1, keys) if name == "key_padding_mask" else added
            added = added.unflatten(0, (batch, -1)) if added.dim() == 3 else added
            total = added if total is None else total + added
        return total if total is None else F.pad(total, (0, k.shape[2] - keys))

    def _length(self, k: Tensor) -> int:
        """How many of the keys were given."""
        return k.shape[2] - (self.bias_k is not None) - self.add_zero_attn

    def _mask_backward(self, grad_scores: Tensor) -> list[Tensor | None]:
        padding, mask = self.saved["masks"]
        grad = grad_scores[..., : self.saved["inputs"][1].shape[1]]
        grad_padding = None if padding is None else grad.sum((1, 2)).reshape(padding)
        return [
            grad_padding,
            None if mask is None else (grad.sum((0, 1)) if len(mask) == 2 else grad).reshape(mask),
        ]

    @staticmethod
    def _weights(memory: dict[str, Any], average: bool, unbatched: bool) -> Tensor:
        """The weights as they are returned: dropped, averaged, without the batch when there was none."""
        weights, dropped = memory["weights"], memory["dropped"]
        weights = weights if dropped is None else weights * dropped
        weights = weights.mean(1) if average else weights
        return weights[0] if unbatched else weights

    def _weights_backward(self, grad: Tensor) -> Tensor:
        average, unbatched = self.saved["asked"]
        grad = grad[None] if unbatched else grad
        return (grad[:, None] / self.num_heads).expand_as(self.saved["weights"]) if average else grad

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        query = randn(rng, 2, scale, 4)
        key = randn(rng, 3, scale, 4)
        value = randn(rng, 3, scale, 4)
        padding = torch.zeros(scale, 3, dtype=torch.bool, device=rng.device)
        padding[:, -1] = True

        def reference(
            m: MultiheadAttention,
            q: Tensor,
            k: Tensor,
            v: Tensor,
            padding: Tensor | None = None,
            need_weights: bool = True,
            mask: Tensor | None = None,
            average: bool = True,
            causal: bool = False,
        ) -> Any:
            """The same by torch, which takes time first, and a mask where attending is causal."""
            q, k, v = (x.transpose(0, 1) if m.batch_first else x for x in (q, k, v))
            mask = torch.ones(len(q), len(k), dtype=torch.bool, device=q.device).triu(1) if causal else mask
            own = {name: parameter.value for name, parameter in m.named_parameters()}
            attention: Any = F.multi_head_attention_forward
            out, weights = attention(
                *(
                    q,
                    k,
                    v,
                    4,
                    2,
                    own.get("in_proj_weight"),
                    own.get("in_proj_bias"),
                    own.get("bias_k"),
                    own.get("bias_v"),
                ),
                *(
                    m.add_zero_attn,
                    0.0,
                    own["out_proj.weight"],
                    own.get("out_proj.bias"),
                    False,
                    padding,
                    need_weights,
                    mask,
                ),
                use_separate_proj_weight="q_proj_weight" in own,
                **{name: own.get(name) for name in ("q_proj_weight", "k_proj_weight", "v_proj_weight")},
                average_attn_weights=average,
            )
            return out.transpose(0, 1) if m.batch_first else out, weights

        yield Example(cls(4, 2, rng=rng), (query, key, value), reference=reference)
        yield Example(
            cls(4, 2, bias=False, rng=rng), (query, key, value), reference=reference, label="no bias"
        )
        yield Example(cls(4, 2, rng=rng), (query, key, value, padding), reference=reference, label="padding")
        n = 2 + scale
        more = cls(4, 2, add_bias_kv=True, add_zero_attn=True, batch_first=True, rng=rng)
        masked = (randn(rng, n, 2, 4), randn(rng, n, 5, 4), randn(rng, n, 5, 4), None, True, randn(rng, 2, 5))
        yield Example(more, masked, reference=reference, label="batch first, more keys, a mask that is added")
        others = cls(4, 2, kdim=3, vdim=6, rng=rng)
        three = (randn(rng, 2, n, 4), randn(rng, 5, n, 3), randn(rng, 5, n, 6))
        masked = (*three, randn(rng, n, 5), True, randn(rng, 2 * n, 2, 5), False)
        yield Example(
            others, masked, reference=reference, label="other features in key and value, a mask for each head"
        )
        unbatched = (query[:, 0], key[:, 0], value[:, 0], randn(rng, 3), True, None, False)
        yield Example(
            cls(4, 2, rng=rng), unbatched, reference=reference, label="one sequence, the weights of each head"
        )
        x = randn(rng, 3, 2, 4)
        yield Example(cls(4, 2, rng=rng), (x, x, x), reference=reference, label="self-attention")
        causal = (x, randn(rng, 3, 2, 4), randn(rng, 3, 2, 4), None, True, None, True, True)
        yield Example(cls(4, 2, rng=rng), causal, reference=reference, label="causal")

        def dropped(m: MultiheadAttention, *inputs: Tensor) -> tuple[Tensor, Tensor]:
            """In letters: time q or k, batch n, heads h, features d."""
            w_in, b_in, w_out, b_out = (parameter.value for parameter in m.parameters())
            parts = zip(inputs, w_in.chunk(3), b_in.chunk(3), strict=True)
            q, k, v = (F.linear(x, w, b).unflatten(-1, (2, 2)) for x, w, b in parts)
            weights = torch.softmax(torch.einsum("qnhd,knhd->nhqk", q, k) / 2**0.5, -1)
            # draws what the module will draw, without using it up
            again = None if m.rng is None else m.rng.clone_state()
            weights = weights * dropout_factors(torch.empty(weights.shape).to(weights), m.dropout, again)
            heads = torch.einsum("nhqk,knhd->qnhd", weights, v).flatten(2)
            return F.linear(heads, w_out, b_out), weights.mean(1)

        dropping = cls(4, 2, dropout=0.4, rng=rng.clone_state())
        yield Example(dropping, (query, key, value), reference=dropped, label="dropout")


def xavier_uniform(rows: int, columns: int, rng: Generator | None) -> Parameter:
    """Glorot and Bengio's range ±√(6 / (rows + columns)), for a matrix."""
    return Parameter.uniform((rows, columns), (6 / (rows + columns)) ** 0.5, rng)
