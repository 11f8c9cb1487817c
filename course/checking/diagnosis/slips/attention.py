"""Wrong ways back through attention and its relatives: softmax's sums, operands, scales, gates, tables."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from course.checking.diagnosis.mistakes import Mistake
from course.checking.diagnosis.slips.at import At, Slip, slips
from course.checking.diagnosis.slips.detours import UNFIT, as_if, everywhere, product, sloped
from course.checking.diagnosis.slips.squashing import OF_SIGMOID
from course.checking.diagnosis.slips.sums import along, broadcast_slips, linear_slips, wrong_sums
from course.checking.finding import gradient_name

Pretended = Callable[[Tensor, Tensor], Tensor]
"""A stand-in for softmax, from its weights (constants) and its scores: its slope is a wrong one."""


def _row(of: Tensor) -> Tensor:
    return of.sum(-1, keepdim=True)


def _turned(of: Tensor) -> Tensor:
    """A row as a column, for one matrix that is square."""
    if of.dim() != 2:
        raise ValueError("batches do not broadcast so")
    return of.mT


SOFTMAX: tuple[tuple[Pretended, str, Mistake], ...] = (
    (
        lambda a, s: a * (1 - a) * s,
        "each score acts on all weights of its query: here each acts on its own weight alone",
        Mistake.DIAGONAL_ONLY,
    ),
    (
        lambda a, s: s,
        "the softmax is skipped on the way back, as if its slope were 1",
        Mistake.MISSING_FACTOR,
    ),
    (
        lambda a, s: a * s,
        "softmax's sum is left out: each score also acts on the other weights of its query",
        Mistake.CONSTANT_STATISTICS,
    ),
    (
        lambda a, s: a * (s - (a * s).sum(-2, keepdim=True)),
        "softmax's sum runs over the queries: each query has a softmax of its own, over its keys",
        Mistake.WRONG_AXIS,
    ),
    (
        lambda a, s: a * (s - (a * s).sum((-2, -1), keepdim=True)),
        "softmax's sum runs over queries and keys: each query has a softmax of its own, over its keys",
        Mistake.WRONG_AXIS,
    ),
    (
        lambda a, s: a * (s - (a * s).sum()),
        "softmax's sum runs over everything: each query has a softmax of its own, over its keys",
        Mistake.WRONG_AXIS,
    ),
    (lambda a, s: a * (s + _row(a * s)), "softmax's sum is added, not taken away", Mistake.SIGN),
    (lambda a, s: a * (_row(a * s) - s), "softmax's slope has the wrong sign", Mistake.SIGN),
    (
        lambda a, s: s - a * _row(s),
        "the weights are left out before the difference in softmax's slope",
        Mistake.MISSING_FACTOR,
    ),
    (
        lambda a, s: a * s - a * _row(s),
        "the weights multiply only the first term of softmax's slope",
        Mistake.MISPLACED_FACTOR,
    ),
    (
        lambda a, s: a * s - _row(a * s),
        "the weights are left out of softmax's sum",
        Mistake.MISSING_FACTOR,
    ),
    (
        lambda a, s: a * (s - (a * s).mean(-1, keepdim=True)),
        "a mean stands in softmax's slope where a sum belongs",
        Mistake.MEAN_FOR_SUM,
    ),
    (
        lambda a, s: a * s - a * _turned((a * s).sum(-2, keepdim=True)),
        "softmax's sum lost its axis (keepdim), so that it is taken away from the wrong rows",
        Mistake.WRONG_AXIS,
    ),
    (
        lambda a, s: (a * (1 - a)) * s - a * _row(a * s),
        "softmax's own part is counted twice",
        Mistake.EXTRA_TERM,
    ),
    (lambda a, s: a * a * (s - _row(a * s)), "the weights are multiplied in twice", Mistake.EXTRA_FACTOR),
    (lambda a, s: (1 - a) * s, "softmax's slope is written as one minus the weights", Mistake.WRONG_SLOPE),
)
"""How the way back through a softmax over keys goes wrong."""


@slips("ScaledDotProductAttention")
def scaled_dot_product_attention(at: At) -> Iterator[Slip | None]:
    """One attention."""
    module, query, key, value = at.module, at["query"], at["key"], at["value"]
    if at.option("dropout_p", 0) and module.training:
        return
    scale = at.option("scale", None)
    scale = max(1, query.shape[-1]) ** -0.5 if scale is None else scale
    given = _given(at, "attn_mask", None)
    names = ("query", "key", "value", "attn_mask")

    def mask(leaves: Mapping[str, Tensor]) -> Tensor | float:
        mask: Tensor | float = 0.0
        if isinstance(given, Tensor):
            added = leaves["attn_mask"] if given.is_floating_point() else given.logical_not() * -1e30
            mask = mask + added
        if at.option("is_causal", False):
            mask = mask + query.new_full((query.shape[-2], key.shape[-2]), -1e30).triu(1)
        return mask

    def told(
        leaves: Mapping[str, Tensor],
        softmax: Pretended | None = None,
        scores: Callable[[Tensor, Tensor], Tensor] | None = None,
        mixed: Callable[[Tensor, Tensor], Tensor] | None = None,
    ) -> Tensor:
        q, k, v = leaves["query"], leaves["key"], leaves["value"]
        right = scale * q @ k.mT
        s = (right if scores is None else as_if(right, scores(q, k))) + mask(leaves)
        a = torch.softmax(s, -1)
        a = a if softmax is None else as_if(a, softmax(a.detach(), s - _plain(mask(leaves))))
        return a @ v if mixed is None else as_if(a @ v, mixed(a, v))

    yield from _attention_slips(at, names, told, scale, ("query", "key", "value"))
    weights = torch.softmax(scale * query @ key.mT + mask(_all(at, names)), -1)
    scores = scale * query @ key.mT
    yield at.slip(
        "value",
        lambda: weights @ at.grad,
        Mistake.MISSING_TRANSPOSE,
        "the weights enter ∂L/∂value untransposed: keys and queries are exchanged",
    )
    yield at.slip(
        "value",
        lambda: scores.mT @ at.grad,
        Mistake.WRONG_FACTOR,
        "the scores stand in ∂L/∂value where the weights, behind the softmax, belong",
    )
    yield at.slip(
        "value",
        lambda: at.grad,
        Mistake.LOCAL_DERIVATIVE_IGNORED,
        "grad_output is handed on to value as it came: the weights are left out",
    )
    yield at.slip(
        "value",
        lambda: (weights.mT @ at.grad) * value,
        Mistake.EXTRA_FACTOR,
        "∂L/∂value is multiplied with value as well",
    )
    yield at.slip(
        "value",
        lambda: weights.mT @ torch.ones_like(at.grad),
        Mistake.UPSTREAM_IGNORED,
        "grad_output is not used in ∂L/∂value",
    )
    yield at.slip(
        "value",
        lambda: weights.mT @ at.grad * scale,
        Mistake.EXTRA_FACTOR,
        "∂L/∂value has the scale of the scores, which is not on its way",
        0.9,
    )
    spread = torch.full_like(weights, 1 / weights.shape[-1])
    yield at.slip(
        "value",
        lambda: spread.mT @ at.grad,
        Mistake.WRONG_FACTOR,
        "∂L/∂value is shared out evenly: the weights are left out",
    )
    yield at.slip(
        "value",
        lambda: at.grad.sum(-2, keepdim=True).expand_as(value),
        Mistake.MISSING_FACTOR,
        "the weights are left out of ∂L/∂value",
    )
    if isinstance(given, Tensor) and given.is_floating_point():
        yield from _mask_slips(at, weights, value, scale)


def _given(at: At, name: str, otherwise: Any) -> Any:
    if name in at:
        return at[name]
    return otherwise


def _plain(mask: Tensor | float) -> Tensor | float:
    return mask.detach() if isinstance(mask, Tensor) else mask


def _all(at: At, names: tuple[str, ...]) -> dict[str, Tensor]:
    return {name: at[name] for name in names if name in at and isinstance(at[name], Tensor)}


def _mask_slips(at: At, weights: Tensor, value: Tensor, scale: float) -> Iterator[Slip | None]:
    """The gradient of a mask that is added to the scores."""
    leaf = torch.zeros_like(weights).requires_grad_()
    with torch.enable_grad():
        out = torch.softmax(weights.log() + leaf, -1) @ value
        (of_scores,) = torch.autograd.grad(out, leaf, at.grad)
    shape = at["attn_mask"].shape
    what = "∂L/∂attn_mask has the scale of the scores: forward adds the mask after scaling"
    yield at.slip("attn_mask", (of_scores * scale).sum_to_size(shape), Mistake.EXTRA_FACTOR, what)
    yield at.slip("attn_mask", (of_scores / scale).sum_to_size(shape), Mistake.EXTRA_FACTOR, what)
    if of_scores.shape != shape:
        what = "∂L/∂attn_mask is not summed over the examples, though they share the mask"
        yield at.slip("attn_mask", of_scores, Mistake.BROADCAST_NOT_REDUCED, what)
        what = "∂L/∂attn_mask is a mean over the examples: each of them adds its whole share"
        count = of_scores.numel() / max(1, at["attn_mask"].numel())
        yield at.slip("attn_mask", of_scores.sum_to_size(shape) / count, Mistake.MEAN_FOR_SUM, what)
    yield at.slip(
        "attn_mask",
        lambda: (at.grad @ value.mT).sum_to_size(shape),
        Mistake.MISSING_FACTOR,
        "the softmax is skipped on the way back to the mask",
    )


def _attention_slips(
    at: At, names: tuple[str, ...], told: Callable[..., Any], scale: float, of: tuple[str, str, str]
) -> Iterator[Slip | None]:
    """What may go wrong between the weighted values and the scores; `told` is forward with wrong steps."""
    for softmax, what, mistake in SOFTMAX:
        yield from everywhere(
            at, names, lambda leaves, softmax=softmax: told(leaves, softmax=softmax), mistake, what
        )
    q, k, v = of
    scalings = (
        (1.0, "the scale of the scores is left out", Mistake.MISSING_FACTOR),
        (scale * scale, "the scale of the scores is multiplied in twice", Mistake.EXTRA_FACTOR),
        (
            1 / scale,
            "the scores' scale is divided by, where forward multiplies with it",
            Mistake.WRONG_FACTOR,
        ),
    )
    for other, what, mistake in scalings:
        yield from everywhere(
            at,
            names,
            lambda leaves, other=other: told(leaves, scores=lambda q, k: other * q @ k.mT),
            mistake,
            what,
        )
    operands: list[tuple[Callable[[Tensor, Tensor], Tensor], str, Mistake]] = [
        (
            lambda a, b: scale * (a @ a.detach().mT + b.detach() @ b.mT),
            f"{q} and {k} are exchanged: each one's gradient is made with itself, not with the other",
            Mistake.WRONG_FACTOR,
        ),
        (
            lambda a, b: scale * (a @ b.detach() + (a.detach() @ b).mT),
            "rows and columns of a matrix are exchanged on the way back to query and key",
            Mistake.MISSING_TRANSPOSE,
        ),
        (
            lambda a, b: scale * (b.detach() @ a.mT + b @ a.detach().mT),
            "the scores' gradient enters untransposed where it must be turned, or the other way round",
            Mistake.MISSING_TRANSPOSE,
        ),
        (
            lambda a, b: scale * (a.detach() @ a.mT + b @ b.detach().mT),
            "the scores' gradient enters transposed, and with the wrong one of query and key",
            Mistake.WRONG_FACTOR,
        ),
    ]
    for other, what, mistake in operands:
        yield from everywhere(
            at, names, lambda leaves, other=other: told(leaves, scores=other), mistake, what
        )
    mixes: list[tuple[Callable[[Tensor, Tensor], Tensor], str, Mistake]] = [
        (
            lambda a, v: a @ v.detach().mT + a.detach() @ v,
            f"{v} enters the weights' gradient with rows and columns exchanged",
            Mistake.MISSING_TRANSPOSE,
        ),
        (
            lambda a, v: a + a.detach() @ v,
            f"{v} is left out of the weights' gradient",
            Mistake.MISSING_FACTOR,
        ),
        (
            lambda a, v: a.detach() @ v,
            "nothing goes back through the weights: query and key act on them",
            Mistake.PATH_LOST,
        ),
        (
            lambda a, v: a @ v.detach() + a.detach().mT @ v,
            f"the weights enter the gradient of {v} untransposed",
            Mistake.MISSING_TRANSPOSE,
        ),
    ]
    for other, what, mistake in mixes:
        yield from everywhere(at, names, lambda leaves, other=other: told(leaves, mixed=other), mistake, what)


@slips("MultiheadAttention")
def multihead_attention(at: At) -> Iterator[Slip | None]:
    """Several heads, each with its part of the projections."""
    module = at.module
    heads, size = module.num_heads, module.head_dim
    if (
        "in_proj_weight" not in at
        or module.bias_k is not None
        or module.add_zero_attn
        or (module.dropout and module.training)
        or at["query"].dim() != 3
    ):
        return
    first = module.batch_first
    inputs = ("query", "key", "value")
    names = (*inputs, "in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias")
    scale = size**-0.5
    padding = _given(at, "key_padding_mask", None)
    square = _given(at, "attn_mask", None)
    average = _given(at, "average_attn_weights", True)
    causal = _given(at, "is_causal", False)
    if any(isinstance(given, Tensor) and given.dtype != torch.bool for given in (padding, square)) or causal:
        return

    def told(
        leaves: Mapping[str, Tensor],
        softmax: Pretended | None = None,
        scores: Callable[[Tensor, Tensor], Tensor] | None = None,
        mixed: Callable[[Tensor, Tensor], Tensor] | None = None,
        order: tuple[int, ...] | None = None,
        merge: Callable[[Tensor], Tensor] | None = None,
        split: Callable[[Tensor], Tensor] | None = None,
        around: str | None = None,
    ) -> tuple[Tensor, ...]:
        parts = [leaves[name] if first else leaves[name].transpose(0, 1) for name in inputs]
        weight, bias = leaves["in_proj_weight"].chunk(3), [0.0] * 3
        if "in_proj_bias" in leaves:
            bias = list(leaves["in_proj_bias"].chunk(3))
        projected = [x @ w.T + b for x, w, b in zip(parts, weight, bias, strict=True)]
        if order is not None:
            projected = [as_if(p, projected[k]) for p, k in zip(projected, order, strict=True)]

        def in_heads(x: Tensor) -> Tensor:
            right = x.unflatten(-1, (heads, size)).transpose(1, 2)
            return right if split is None else as_if(right, split(x))

        q, k, v = map(in_heads, projected)
        right = scale * q @ k.mT
        s = right if scores is None else as_if(right, scores(q, k))
        hidden = s.new_zeros(())
        if isinstance(padding, Tensor):
            hidden = hidden + padding[:, None, None, :] * -1e30
        if isinstance(square, Tensor):
            hidden = hidden + (square.unflatten(0, (-1, heads)) if square.dim() == 3 else square) * -1e30
        a = torch.softmax(s + hidden, -1)
        a = a if softmax is None else as_if(a, softmax(a.detach(), s))
        out = a @ v if mixed is None else as_if(a @ v, mixed(a, v))
        joined = out.transpose(1, 2).flatten(2)
        joined = joined if merge is None else as_if(joined, merge(out))
        linear = joined @ leaves["out_proj.weight"].T
        linear = linear + leaves["out_proj.bias"] if "out_proj.bias" in leaves else linear
        linear = as_if(linear, joined) if around == "out_proj" else linear
        shown = a.mean(1) if average else a
        return (linear if first else linear.transpose(0, 1)), shown

    yield from _attention_slips(at, names, told, scale, ("the queries", "the keys", "the values"))
    whole = module.embed_dim**-0.5
    what = "the scale is that of all features: each head has only its own part of them"
    yield from everywhere(
        at,
        names,
        lambda leaves: told(leaves, scores=lambda q, k: whole * q @ k.mT),
        Mistake.WRONG_FACTOR,
        what,
    )
    for order in itertools.permutations(range(3)):
        if order != (0, 1, 2):
            letters = ", ".join(inputs[k] for k in order)
            what = (
                f"the gradients of the three projections lie below each other as {letters}, not as in forward"
            )
            yield from everywhere(
                at, names, lambda leaves, order=order: told(leaves, order=order), Mistake.PERMUTED, what
            )
    what = "the heads' features are cut or joined without bringing the heads' axis to its place"
    yield from everywhere(
        at,
        names,
        lambda leaves: told(leaves, merge=lambda out: out.reshape(out.shape[0], out.shape[2], -1)),
        Mistake.WRONG_PLACE,
        what,
    )
    yield from everywhere(
        at,
        names,
        lambda leaves: told(leaves, split=lambda x: x.reshape(x.shape[0], heads, x.shape[1], size)),
        Mistake.WRONG_PLACE,
        what,
    )
    what = "the last linear map, out_proj, is skipped on the way back"
    yield from everywhere(
        at, names, lambda leaves: told(leaves, around="out_proj"), Mistake.MISSING_FACTOR, what
    )
    grad, *others = at.grads
    if others and others[0] is not None:
        for grads, what, mistake in (
            ((grad, None), "what arrives at the attention weights is not used", Mistake.PATH_LOST),
            (
                (None, others[0]),
                "what arrives at the output is not used: only the weights' gradient goes back",
                Mistake.PATH_LOST,
            ),
            (
                (grad, others[0] * heads),
                "the weights' gradient is not divided by the number of heads: forward averages them",
                Mistake.SUM_FOR_MEAN,
            ),
        ):
            yield from everywhere(at, names, told, mistake, what, grads=grads)
    if grad is None:
        return
    seen: list[Tensor] = []

    def note(out: Tensor) -> Tensor:
        seen.append(out.transpose(1, 2).flatten(2))
        return seen[0]

    with torch.no_grad():
        told(_all(at, names), merge=note)
    (joined,) = seen
    joined = joined if first else joined.transpose(0, 1)
    bias = "out_proj.bias" if "out_proj.bias" in at else None
    yield from linear_slips(at, grad, joined, (None, "out_proj.weight", bias))


@slips("Embedding")
def embedding(at: At) -> Iterator[Slip | None]:
    """Rows of a table."""
    index, g = at["index"], at.grad
    weight, shape = at["weight"], at["weight"].shape
    flat, arriving = index.reshape(-1).long(), g.reshape(-1, shape[1])
    counts = torch.bincount(flat, minlength=shape[0]).clamp(min=1)[:, None].to(g)
    base = torch.zeros_like(weight)

    def added(places: Tensor, rows: Tensor) -> Tensor:
        return base.index_add(0, places, rows)

    once = "when an index occurs several times, only its {} gradient is kept: all of them must be added"
    for which, order in (("last", range(len(flat))), ("first", range(len(flat) - 1, -1, -1))):
        some = base.clone()
        for place in order:
            some[flat[place]] = arriving[place]
        yield at.slip("weight", some, Mistake.OVERWRITTEN, once.format(which))
    total = added(flat, arriving)
    what = "each row's gradient is a mean over the places that read it: each place adds its whole share"
    yield at.slip("weight", total / counts, Mistake.MEAN_FOR_SUM, what)
    yield at.slip(
        "weight",
        total * counts,
        Mistake.EXTRA_FACTOR,
        "each row's gradient is multiplied with how often it was read",
    )
    for axis in range(index.dim()):
        for which, part in (("first", 0), ("last", -1)):
            places, rows = index.select(axis, part).reshape(-1), g.select(axis, part).reshape(-1, shape[1])
            word = "sequence of the batch" if axis == 0 and index.dim() > 1 else "place of each sequence"
            what = f"only the {which} {word} counts: all places read the same table"
            yield at.slip("weight", added(places.long(), rows), Mistake.EXAMPLES_MISSING, what)
        if index.shape[axis] > 2:
            for which, start in (("last", 0), ("first", 1)):
                places = index.narrow(axis, start, index.shape[axis] - 1).reshape(-1)
                rows = g.narrow(axis, start, index.shape[axis] - 1).reshape(-1, shape[1])
                what = f"the {which} of the places does not count"
                yield at.slip("weight", added(places.long(), rows), Mistake.EXAMPLES_MISSING, what)
    for shift, words in ((1, "one row too far down"), (-1, "one row too far up")):
        what = f"the gradients land {words}: the index is off by one"
        yield at.slip("weight", added((flat + shift) % shape[0], arriving), Mistake.WRONG_PLACE, what)
        inside = (flat + shift >= 0) & (flat + shift < shape[0])
        yield at.slip("weight", added((flat + shift)[inside], arriving[inside]), Mistake.WRONG_PLACE, what)
    what = "each gradient lands in the row of its place in the sequence, not in the row that was looked up"
    yield at.slip("weight", lambda: added(torch.arange(len(flat)), arriving), Mistake.WRONG_PLACE, what)
    yield at.slip(
        "weight",
        lambda: added(torch.arange(len(flat)).clamp(max=shape[0] - 1), arriving),
        Mistake.WRONG_PLACE,
        what,
    )
    turned = index.mT.reshape(-1).long() if index.dim() == 2 else flat
    what = "indices and gradients are read in different orders: sequences and places are exchanged"
    yield at.slip("weight", lambda: added(turned, arriving), Mistake.WRONG_PLACE, what)
    what = "all rows get all of the gradients: only the rows that were looked up had a part in the output"
    yield at.slip("weight", arriving.sum(0).expand(shape), Mistake.MASK_MISSING, what)
    yield at.slip(
        "weight",
        added(flat, torch.ones_like(arriving)),
        Mistake.UPSTREAM_IGNORED,
        "grad_output is not used: the places are only counted",
    )
    what = "the row itself is multiplied in: to look it up has the slope 1"
    yield at.slip("weight", total * weight, Mistake.EXTRA_FACTOR, what)
    yield at.slip(
        "weight",
        total * torch.arange(shape[0]).to(g)[:, None],
        Mistake.EXTRA_FACTOR,
        "the index is multiplied in: it only says which row was read",
    )
    yield at.slip(
        "weight",
        lambda: total.sum(1, keepdim=True).expand(shape),
        Mistake.WRONG_AXIS,
        "the sum runs over a row's numbers: each has a gradient of its own",
    )
    for count, words in (
        (len(flat), "places"),
        (index.shape[0] if index.dim() else 1, "examples"),
        (shape[0], "rows of the table"),
    ):
        what = f"divided by {count}, the number of {words}: forward took no mean"
        yield at.slip("weight", total / count, Mistake.MEAN_FOR_SUM, what)


@slips("FiLM")
def film(at: At) -> Iterator[Slip | None]:
    """A scale and a shift for each feature of each example."""
    x, gamma, beta, g, out = at["x"], at["gamma"], at["beta"], at.grad, at.out
    rest = (1,) * (x.dim() - 2)
    wide, shift = gamma.view(*gamma.shape, *rest), beta.view(*beta.shape, *rest)
    positions = along(x.dim())
    over = tuple(positions)

    def collected(terms: Tensor) -> Tensor:
        return terms.sum(over) if over else terms

    yield at.slip("x", g, Mistake.MISSING_FACTOR, "gamma is left out of ∂L/∂x: forward multiplied x with it")
    yield at.slip(
        "x",
        g * wide + shift,
        Mistake.EXTRA_TERM,
        "beta is added to ∂L/∂x, as in forward: a constant has no part in a slope",
    )
    yield at.slip("x", g * wide * x, Mistake.EXTRA_FACTOR, "x is multiplied into its own gradient")
    yield at.slip("x", g * x, Mistake.WRONG_FACTOR, "∂L/∂x has x where gamma belongs")
    yield at.slip("x", g * shift, Mistake.WRONG_FACTOR, "∂L/∂x has beta where gamma belongs")
    yield at.slip("x", wide.expand_as(x), Mistake.UPSTREAM_IGNORED, "grad_output is not used in ∂L/∂x")
    yield at.slip("x", g * wide * wide, Mistake.EXTRA_FACTOR, "gamma is multiplied in twice in ∂L/∂x")
    yield at.slip(
        "x", g / wide, Mistake.WRONG_FACTOR, "∂L/∂x is divided by gamma, forward multiplied with it"
    )
    yield at.slip("x", g + wide, Mistake.WRONG_FACTOR, "gamma is added in ∂L/∂x, forward multiplied with it")
    for index, which in ((0, "first"), (-1, "last")):
        same = wide[[index]].expand_as(wide)
        yield at.slip(
            "x",
            g * same,
            Mistake.WRONG_FACTOR,
            f"the {which} example's gamma is used for all: each has its own",
        )
    for terms, what, mistake in (
        (g, "x is left out of ∂L/∂gamma: forward multiplied gamma with it", Mistake.MISSING_FACTOR),
        (g * out, "the output stands in ∂L/∂gamma where x belongs", Mistake.OUTPUT_FOR_INPUT),
        (g * x * wide, "gamma is multiplied into its own gradient", Mistake.EXTRA_FACTOR),
        (g * wide, "∂L/∂gamma has gamma where x belongs", Mistake.WRONG_FACTOR),
        (g * x * x, "x is multiplied in twice in ∂L/∂gamma", Mistake.EXTRA_FACTOR),
        (g * (x + shift), "beta is added to x in ∂L/∂gamma: gamma does not multiply it", Mistake.EXTRA_TERM),
        (x, "grad_output is not used in ∂L/∂gamma", Mistake.UPSTREAM_IGNORED),
    ):
        yield at.slip("gamma", collected(terms), mistake, what)
    for terms, what, mistake in (
        (g * wide, "∂L/∂beta is multiplied with gamma: beta is added after it", Mistake.EXTRA_FACTOR),
        (g * x, "∂L/∂beta is multiplied with x: that is how gamma acts", Mistake.EXTRA_FACTOR),
        (g * shift, "beta is multiplied into its own gradient", Mistake.EXTRA_FACTOR),
        (torch.ones_like(g), "grad_output is not used in ∂L/∂beta", Mistake.UPSTREAM_IGNORED),
    ):
        yield at.slip("beta", collected(terms), mistake, what, 0.9)
    for name, terms in (("gamma", g * x), ("beta", g)):
        if over:
            yield from wrong_sums(at, name, terms, positions)
        label = gradient_name(name)
        own = f"{label} is summed over the examples, and so alike for all: each one has its own {name}"
        yield at.slip(name, collected(terms).sum(0).expand_as(gamma), Mistake.WRONG_AXIS, own)
        yield at.slip(name, collected(terms).sum(0), Mistake.WRONG_AXIS, own)
        own = f"{label} is a mean over the examples, and so alike for all: each example has its own {name}"
        yield at.slip(name, collected(terms).mean(0).expand_as(gamma), Mistake.WRONG_AXIS, own)
        own = f"{label} is summed over the features as well: each feature has its own {name}"
        yield at.slip(name, collected(terms).sum(1, keepdim=True).expand_as(gamma), Mistake.WRONG_AXIS, own)
        if over:
            kept = terms.sum(over, keepdim=True)
            yield at.slip(
                name,
                kept,
                Mistake.BROADCAST_NOT_REDUCED,
                f"{label} still has axes of length 1 for the positions",
            )


def _gate_slips(at: At, names: tuple[str, ...], told: Callable[..., Tensor]) -> Iterator[Slip | None]:
    """A product of x and a squashed gate; told(leaves, gate, mixed) has a gate and a product of one's own."""
    for slope, what, mistake in OF_SIGMOID:

        def gate(z: Tensor, slope: Callable[[Tensor, Tensor], Tensor | float] = slope) -> Tensor:
            value = torch.sigmoid(z)
            return sloped(value, z, slope(value.detach(), z.detach()))

        yield from everywhere(
            at,
            names,
            lambda leaves, gate=gate: told(leaves, gate=gate),
            mistake,
            f"the slope of the gate's sigmoid {what}",
        )
    mixes: list[tuple[Callable[[Tensor, Tensor], Tensor], str, Mistake]] = [
        (
            lambda x, s: product(x, s, for_b=1.0),
            "the number that is gated is left out of the gate's gradient",
            Mistake.MISSING_FACTOR,
        ),
        (
            lambda x, s: product(x, s, for_a=1.0),
            "the gate is left out of the gradient of what it lets through",
            Mistake.MISSING_FACTOR,
        ),
        (
            lambda x, s: product(x, s, for_a=x, for_b=s),
            "the two factors' gradients are exchanged: each is multiplied with itself",
            Mistake.SWAPPED_GRADIENTS,
        ),
        (
            lambda x, s: product(x, s, for_b=s),
            "the gate's gradient is multiplied with the gate, not with what it lets through",
            Mistake.WRONG_FACTOR,
        ),
        (
            lambda x, s: product(x, s, for_a=x),
            "x is multiplied into its own gradient, where the gate belongs",
            Mistake.WRONG_FACTOR,
        ),
        (
            lambda x, s: product(x, s, for_b=x * s),
            "the output stands in the gate's gradient: it has the gate in it already",
            Mistake.EXTRA_FACTOR,
        ),
        (
            lambda x, s: product(x, s, for_a=1 - s),
            "the complement of the gate stands in the gradient of what it lets through",
            Mistake.WRONG_FACTOR,
        ),
        (
            lambda x, s: product(x, s, for_a=s * (1 - s)),
            "the gate's slope stands in the gradient of what it lets through: the gate itself does that",
            Mistake.WRONG_FACTOR,
        ),
        (
            lambda x, s: product(x, s, for_a=x * (s - s * s)),
            "the same gradient is given to both factors",
            Mistake.WRONG_FACTOR,
        ),
        (
            lambda x, s: product(x, s, for_b=torch.sigmoid(x)),
            "what is let through is squashed in the gate's gradient: only the gate is",
            Mistake.WRONG_FACTOR,
        ),
        (lambda x, s: product(x, s, for_a=s * s), "the gate is multiplied in twice", Mistake.EXTRA_FACTOR),
        (
            lambda x, s: product(x, s, for_b=x * x),
            "x is multiplied in twice in the gate's gradient",
            Mistake.EXTRA_FACTOR,
        ),
    ]
    for mixed, what, mistake in mixes:
        yield from everywhere(at, names, lambda leaves, mixed=mixed: told(leaves, mixed=mixed), mistake, what)

    def again(z: Tensor) -> Tensor:
        value = torch.sigmoid(z)
        twice = torch.sigmoid(value.detach())
        return sloped(value, z, twice * (1 - twice))

    def through_again(x: Tensor, s: Tensor) -> Tensor:
        return product(x, s, for_a=torch.sigmoid(s.detach()))

    yield from everywhere(
        at,
        names,
        lambda leaves: told(leaves, again, through_again),
        Mistake.OUTPUT_FOR_INPUT,
        "the sigmoid is applied once more, to the gate, which is a sigmoid's value already",
    )


@slips("GLU")
def glu(at: At) -> Iterator[Slip | None]:
    """One half gates the other."""
    dim = at.module.dim

    def told(
        leaves: Mapping[str, Tensor],
        gate: Callable[[Tensor], Tensor] = torch.sigmoid,
        mixed: Callable[[Tensor, Tensor], Tensor] = torch.mul,
    ) -> Tensor:
        value, logits = leaves["x"].chunk(2, dim)
        return mixed(value, gate(logits))

    right = _of_x(at, told)
    first, second = right.chunk(2, dim)
    what = "the gradients of the two halves lie in each other's place"
    yield at.slip("x", torch.cat([second, first], dim), Mistake.PERMUTED, what)
    yield from _gate_slips(at, ("x",), told)
    exchanged = torch.cat(at["x"].chunk(2, dim)[::-1], dim)
    leaf = exchanged.clone().requires_grad_()
    with torch.enable_grad():
        (other,) = torch.autograd.grad(told({"x": leaf}), leaf, at.grad)
    yield at.slip(
        "x",
        torch.cat(other.chunk(2, dim)[::-1], dim),
        Mistake.PERMUTED,
        "the halves are exchanged in backward: the second one is the gate",
    )
    yield at.slip(
        "x",
        other,
        Mistake.PERMUTED,
        "the halves' numbers are exchanged in backward: the second one is the gate",
    )
    for axis in range(at["x"].dim()):
        what = "the gradients of the halves are put together along the wrong axis"
        yield at.slip("x", torch.cat([first, second], axis), Mistake.WRONG_AXIS, what)
    yield at.slip(
        "x",
        torch.stack([first, second], -1).flatten(-2),
        Mistake.WRONG_PLACE,
        "the gradients of the halves are interleaved: forward cut x in the middle",
    )
    yield at.slip(
        "x", first, Mistake.PATH_LOST, "only the gradient of the half that is let through is returned"
    )
    yield at.slip("x", second, Mistake.PATH_LOST, "only the gradient of the half that gates is returned")
    yield at.slip(
        "x",
        torch.cat([first, torch.zeros_like(second)], dim),
        Mistake.PATH_LOST,
        "the half that gates gets no gradient",
    )
    yield at.slip(
        "x",
        torch.cat([at.grad, at.grad], dim),
        Mistake.LOCAL_DERIVATIVE_IGNORED,
        "grad_output is handed on to both halves as it came",
    )


def _of_x(at: At, told: Callable[..., Tensor]) -> Tensor:
    leaf = at["x"].detach().clone().requires_grad_()
    with torch.enable_grad():
        (gradient,) = torch.autograd.grad(told({"x": leaf}), leaf, at.grad)
    return gradient


@slips("Gate")
def gate(at: At) -> Iterator[Slip | None]:
    """A gate of its own beside x."""

    def told(
        leaves: Mapping[str, Tensor],
        gate: Callable[[Tensor], Tensor] = torch.sigmoid,
        mixed: Callable[[Tensor, Tensor], Tensor] = torch.mul,
    ) -> Tensor:
        x, z = torch.broadcast_tensors(leaves["x"], leaves["z"])
        return mixed(x, gate(z))

    yield from _gate_slips(at, ("x", "z"), told)
    for name in ("x", "z"):
        if at[name].shape != at.grad.shape:
            wide = at[name].expand(at.grad.shape).clone().requires_grad_()
            with torch.enable_grad():
                (terms,) = torch.autograd.grad(
                    told({"x": at["x"], "z": at["z"]} | {name: wide}), wide, at.grad
                )
            yield from broadcast_slips(at, name, terms)


@slips("Bilinear")
def bilinear(at: At) -> Iterator[Slip | None]:
    """Weighted products of the features of two inputs."""
    w = at["weight"]
    x1, x2, g = (t.reshape(-1, t.shape[-1]) for t in (at["x1"], at["x2"], at.grad))

    def like(name: str, formula: str, *operands: Tensor) -> Callable[[], Tensor]:
        return lambda: torch.einsum(formula, *operands).reshape(at[name].shape)

    what = "{} is made with {} itself: in a product, each factor's slope is the other one"
    yield at.slip(
        "x1", like("x1", "no,oij,ni->ni", g, w, x1), Mistake.WRONG_FACTOR, what.format("∂L/∂x1", "x1")
    )
    yield at.slip(
        "x1", like("x1", "no,oij,nj->ni", g, w, x1), Mistake.WRONG_FACTOR, what.format("∂L/∂x1", "x1")
    )
    yield at.slip(
        "x2", like("x2", "no,oij,nj->nj", g, w, x2), Mistake.WRONG_FACTOR, what.format("∂L/∂x2", "x2")
    )
    yield at.slip(
        "x2", like("x2", "no,oij,ni->nj", g, w, x2), Mistake.WRONG_FACTOR, what.format("∂L/∂x2", "x2")
    )
    what = "rows and columns of the weight's matrices are exchanged in {}"
    yield at.slip(
        "x1", like("x1", "no,oji,nj->ni", g, w, x2), Mistake.MISSING_TRANSPOSE, what.format("∂L/∂x1")
    )
    yield at.slip(
        "x2", like("x2", "no,oji,ni->nj", g, w, x1), Mistake.MISSING_TRANSPOSE, what.format("∂L/∂x2")
    )
    yield at.slip(
        "weight",
        like("weight", "no,ni,nj->oji", g, x1, x2),
        Mistake.TRANSPOSED,
        "rows and columns of each matrix in ∂L/∂weight are exchanged",
    )
    yield at.slip("x1", like("x1", "no,oij->ni", g, w), Mistake.MISSING_FACTOR, "x2 is left out of ∂L/∂x1")
    yield at.slip("x2", like("x2", "no,oij->nj", g, w), Mistake.MISSING_FACTOR, "x1 is left out of ∂L/∂x2")
    yield at.slip(
        "x1", like("x1", "oij,nj->ni", w, x2), Mistake.UPSTREAM_IGNORED, "grad_output is not used in ∂L/∂x1"
    )
    yield at.slip(
        "x2", like("x2", "oij,ni->nj", w, x1), Mistake.UPSTREAM_IGNORED, "grad_output is not used in ∂L/∂x2"
    )
    yield at.slip(
        "weight",
        like("weight", "ni,nj->ij", x1, x2),
        Mistake.UPSTREAM_IGNORED,
        "grad_output is not used in ∂L/∂weight",
    )
    yield from wrong_sums(at, "weight", torch.einsum("no,ni,nj->noij", g, x1, x2), {0: "the examples"})
    each = "is summed over the examples before it is multiplied: the three belong to one example"
    for formula, which in (
        ("no,ni,mj->oij", "x2"),
        ("no,mi,nj->oij", "x1"),
        ("no,mi,mj->oij", "grad_output"),
        ("no,mi,lj->oij", "each of grad_output, x1 and x2"),
    ):
        what = f"in ∂L/∂weight, {which} {each}"
        yield at.slip("weight", like("weight", formula, g, x1, x2), Mistake.MISPLACED_FACTOR, what)
    if "bias" in at:
        yield from wrong_sums(at, "bias", g, {0: "the examples"})
        yield at.slip(
            "bias",
            lambda: torch.full_like(at["bias"], len(g)),
            Mistake.UPSTREAM_IGNORED,
            "grad_output is not used in ∂L/∂bias",
        )
        for name in ("x1", "x2"):
            what = f"bias is added to {gradient_name(name)}: a constant has no part in a slope"
            try:
                leaf = at[name].detach().clone().requires_grad_()
                with torch.enable_grad():
                    inputs = {"x1": at["x1"], "x2": at["x2"]} | {name: leaf}
                    out = torch.nn.functional.bilinear(inputs["x1"], inputs["x2"], w)
                    (gradient,) = torch.autograd.grad(out, leaf, at.grad)
                yield at.slip(name, lambda gradient=gradient: gradient + at["bias"], Mistake.EXTRA_TERM, what)
            except UNFIT:
                continue
