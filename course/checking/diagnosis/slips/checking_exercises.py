"""Wrong ways back through the modules that assignment 04 mends: a product, a sum or a factor is off."""

from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor

from course.checking.diagnosis.mistakes import Mistake
from course.checking.diagnosis.slips.at import At, Slip, slips
from course.checking.diagnosis.slips.detours import everywhere, product, sloped
from course.checking.diagnosis.slips.squashing import OF_SIGMOID, half_slope
from course.checking.diagnosis.slips.sums import broadcast_slips, wrong_sums
from course.checking.finding import gradient_name

Step = Callable[[Tensor], Tensor]
Product = Callable[[Tensor, Tensor], Tensor]


@slips("MatMul")
def matmul(at: At) -> Iterator[Slip | None]:
    """Every product of two of the three matrices, in either order, with and without transposes."""
    x, y, g = at["x"], at["y"], at.grad
    if x.dim() < 2 or y.dim() < 2:
        return
    matrices = {"x": x, "y": y, "grad_output": g}
    right = {
        "x": at.gradient_of("x", lambda leaf: leaf @ y),
        "y": at.gradient_of("y", lambda leaf: x @ leaf),
    }
    for name, other in (("x", "y"), ("y", "x")):
        label = gradient_name(name)
        for first, second in (
            (first, second) for first in matrices for second in matrices if first != second
        ):
            for turns in ((False, False), (True, False), (False, True), (True, True)):
                words = [
                    f"{matrix} transposed" if turned else f"{matrix}"
                    for matrix, turned in zip((first, second), turns, strict=True)
                ]

                def values(
                    name: str = name,
                    first: str = first,
                    second: str = second,
                    turns: tuple[bool, bool] = turns,
                ) -> Tensor:
                    left, right_one = (
                        matrices[matrix].mT if turned else matrices[matrix]
                        for matrix, turned in zip((first, second), turns, strict=True)
                    )
                    made = (left @ right_one).sum_to_size(at[name].shape)
                    if torch.allclose(made, right[name]):
                        raise ValueError("of all these, that one is right")
                    return made

                made = f"{label} is {words[0]} times {words[1]}"
                if {first, second} == {other, "grad_output"}:
                    what, mistake = (
                        f"{made}: rows and columns do not meet as they do in forward",
                        Mistake.MISSING_TRANSPOSE,
                    )
                elif "grad_output" in (first, second):
                    what, mistake = f"{made}: the other factor's numbers belong there", Mistake.WRONG_FACTOR
                else:
                    what, mistake = f"{made}: grad_output is not used", Mistake.UPSTREAM_IGNORED
                yield at.slip(name, values, mistake, what)
        elementwise = f"{label} is a product number by number: forward multiplied matrices"
        yield at.slip(name, lambda other=other: g * matrices[other], Mistake.OTHER_FORMULA, elementwise)
        yield at.slip(name, lambda name=name: g * matrices[name], Mistake.OTHER_FORMULA, elementwise)
        yield at.slip(name, lambda: g, Mistake.LOCAL_DERIVATIVE_IGNORED, f"{label} is grad_output as it came")
    yield at.slip(
        "x",
        lambda: y.mT.sum(-2).expand(x.shape),
        Mistake.UPSTREAM_IGNORED,
        "grad_output is not used in ∂L/∂x",
    )
    ones = torch.ones_like(g)
    for name in ("x", "y"):
        wide = at.gradient_of(name, lambda leaf, name=name: (leaf @ y) if name == "x" else (x @ leaf), ones)
        yield at.slip(
            name, wide, Mistake.UPSTREAM_IGNORED, f"grad_output is not used in {gradient_name(name)}"
        )
    for name, summed in (("x", y.dim() > x.dim()), ("y", x.dim() > y.dim())):
        if summed:
            batch = at[name].expand(*g.shape[:-2], *at[name].shape[-2:])
            leaf = batch.clone().requires_grad_()
            with torch.enable_grad():
                (terms,) = torch.autograd.grad(leaf @ y if name == "x" else x @ leaf, leaf, g)
            yield from broadcast_slips(at, name, terms)


def _gate_alone(x: Tensor, gate: Tensor) -> Tensor:
    return x.detach() * gate


@slips("SiLU")
def silu(at: At) -> Iterator[Slip | None]:
    """A number times its own sigmoid: two paths."""
    x, g = at["x"], at.grad
    s = torch.sigmoid(x)

    def told(leaves: Mapping[str, Tensor], gate: Step = torch.sigmoid, mixed: Product = torch.mul) -> Tensor:
        return mixed(leaves["x"], gate(leaves["x"]))

    half = "x reaches the output on two paths, by itself and through σ(x): only {} is there"
    yield at.slip("x", g * s, Mistake.PATH_LOST, half.format("the first"))
    through_gate = at.gradient_of("x", lambda leaf: x * torch.sigmoid(leaf))
    yield at.slip("x", through_gate, Mistake.PATH_LOST, half.format("the one through σ(x)"))
    yield at.slip(
        "x",
        g * s - through_gate,
        Mistake.SIGN,
        "the term with the derivative of σ has the wrong sign: the two terms add up",
    )
    bare = at.gradient_of("x", lambda leaf: x * torch.sigmoid(leaf), torch.ones_like(g))
    yield at.slip(
        "x", g * s + bare, Mistake.MISPLACED_FACTOR, "grad_output multiplies only one of the two paths"
    )
    yield at.slip(
        "x", s + through_gate, Mistake.MISPLACED_FACTOR, "grad_output multiplies only one of the two paths"
    )
    yield at.slip("x", s + bare, Mistake.UPSTREAM_IGNORED, "grad_output is not used")
    yield at.slip(
        "x",
        (g * s + through_gate) / s,
        Mistake.MISSING_FACTOR,
        "σ(x) is left out, which stands in both terms",
    )
    yield at.slip("x", s * through_gate, Mistake.WRONG_FACTOR, "the two paths are multiplied, they add up")
    own = at.gradient_of("x", torch.sigmoid)
    for values, what, mistake in (
        (own, "this is the slope of σ alone: x is left out of the product", Mistake.OTHER_FORMULA),
        (g * s + own, "x is left out of the path through σ(x)", Mistake.MISSING_FACTOR),
        (g * x * s, "grad_output is multiplied with the output: that is no slope", Mistake.WRONG_FACTOR),
        (
            g * (at.out - at.out**2),
            "the output stands where σ(x) belongs: it is no sigmoid's output",
            Mistake.OUTPUT_FOR_INPUT,
        ),
        (
            g * (s + at.out * (1 - at.out)),
            "the output stands where σ(x) belongs: it is no sigmoid's output",
            Mistake.OUTPUT_FOR_INPUT,
        ),
        (
            g * (at.out + s * (1 - s)),
            "the output and σ(x) are exchanged between the two paths",
            Mistake.WRONG_FACTOR,
        ),
        (
            g * at.out + own,
            "the output and σ(x) are exchanged between the two paths",
            Mistake.WRONG_FACTOR,
        ),
        (g * s + g * x, "the slope of σ is left out of the path through it", Mistake.MISSING_FACTOR),
        (g * (s + 1 - s), "this is grad_output as it came", Mistake.LOCAL_DERIVATIVE_IGNORED),
        (g * (1 + x * s), "the slope of neither path is whole", Mistake.WRONG_SLOPE),
        (g * s * (1 + x), "the slope of σ lacks a factor", Mistake.WRONG_SLOPE),
        (g * s * (1 + x * s), "the slope of σ has σ(x) squared", Mistake.WRONG_SLOPE),
        (g * s * (1 + s * (1 - x)), "x and σ(x) are exchanged in the second term", Mistake.WRONG_FACTOR),
        (g * (x > 0), "this is the mask of a ReLU", Mistake.OTHER_FORMULA),
    ):
        yield at.slip("x", values, mistake, what, 0.9)
    for slope, what, mistake in OF_SIGMOID:
        if slope is half_slope:
            continue  # another mistake gives the same numbers here: gated.py tells both

        def gate(z: Tensor, slope: Callable[[Tensor, Tensor], Tensor | float] = slope) -> Tensor:
            value = torch.sigmoid(z)
            return sloped(value, z, slope(value.detach(), z.detach()))

        told_so = f"the slope of the sigmoid {what}".replace("the gate", "σ(x)")
        yield from everywhere(at, ("x",), lambda leaves, gate=gate: told(leaves, gate=gate), mistake, told_so)
        alone = f"{told_so}; and x's own path is missing"
        yield from everywhere(
            at,
            ("x",),
            lambda leaves, gate=gate: told(leaves, gate=gate, mixed=_gate_alone),
            mistake,
            alone,
            0.85,
        )
    mixes: tuple[tuple[Product, str, Mistake], ...] = (
        (
            lambda x, s: product(x, s, for_a=1 - s),
            "the complement of σ(x) stands in x's own path",
            Mistake.WRONG_FACTOR,
        ),
        (
            lambda x, s: product(x, s, for_a=s * (1 - s)),
            "the slope of σ stands in x's own path as well",
            Mistake.EXTRA_FACTOR,
        ),
        (
            lambda x, s: product(x, s, for_a=s * s),
            "σ(x) is multiplied in twice in x's own path",
            Mistake.EXTRA_FACTOR,
        ),
        (
            lambda x, s: product(x, s, for_a=1.0),
            "σ(x) is left out of x's own path",
            Mistake.MISSING_FACTOR,
        ),
        (
            lambda x, s: product(x, s, for_a=x),
            "x stands in its own path where σ(x) belongs",
            Mistake.WRONG_FACTOR,
        ),
        (
            lambda x, s: product(x, s, for_b=x * s),
            "the output stands in the path through σ(x), where x belongs",
            Mistake.OUTPUT_FOR_INPUT,
        ),
        (
            lambda x, s: product(x, s, for_b=x * x),
            "x is multiplied in twice in the path through σ(x)",
            Mistake.EXTRA_FACTOR,
        ),
    )
    for mixed, what, mistake in mixes:
        yield from everywhere(
            at, ("x",), lambda leaves, mixed=mixed: told(leaves, mixed=mixed), mistake, what
        )


@slips("Divide")
def divide(at: At) -> Iterator[Slip | None]:
    """A quotient, whose two numbers may be broadcast."""
    x, y, g = at["x"], at["y"], at.grad
    wide = {name: at[name].expand(g.shape) for name in ("x", "y")}

    def of(
        name: str, values: Tensor, mistake: Mistake, what: str, prior: float = 0.95
    ) -> Iterator[Slip | None]:
        """Summed to the shape it should have, and as it is."""
        yield at.slip(name, lambda: values.sum_to_size(at[name].shape), mistake, what, prior)
        if at[name].shape != g.shape:
            yield at.slip(
                name, values, mistake, f"{what}; and it is not summed where {name} was broadcast", prior
            )

    a = at.out.expand_as(g)
    for values, what, mistake in (
        (g * wide["y"], "∂L/∂x is multiplied with y, forward divides by it", Mistake.WRONG_FACTOR),
        (g / wide["y"] ** 2, "∂L/∂x is divided by y twice", Mistake.EXTRA_FACTOR),
        (g / wide["x"], "∂L/∂x is divided by x", Mistake.WRONG_FACTOR),
        (g * a, "∂L/∂x has the output where the slope belongs", Mistake.WRONG_FACTOR),
        (g, "y is left out of ∂L/∂x: forward divides by it", Mistake.LOCAL_DERIVATIVE_IGNORED),
        (1 / wide["y"], "grad_output is not used in ∂L/∂x", Mistake.UPSTREAM_IGNORED),
        (
            g * wide["x"] / wide["y"],
            "x stands in ∂L/∂x: x is a factor once, and its slope has none of it",
            Mistake.EXTRA_FACTOR,
        ),
        (-g / wide["y"], "∂L/∂x has the wrong sign", Mistake.SIGN),
    ):
        yield from of("x", values, mistake, what)
    for values, what, mistake in (
        (-g * wide["x"] / wide["y"], "the square is missing in ∂L/∂y", Mistake.WRONG_SLOPE),
        (g * wide["x"] / wide["y"], "the square and the sign are missing in ∂L/∂y", Mistake.WRONG_SLOPE),
        (-g / wide["y"] ** 2, "x is left out of ∂L/∂y", Mistake.MISSING_FACTOR),
        (g / wide["y"] ** 2, "x and the sign are left out of ∂L/∂y", Mistake.MISSING_FACTOR),
        (-g * a / wide["y"] ** 2, "∂L/∂y is divided by y once too often", Mistake.EXTRA_FACTOR),
        (-g * a * wide["x"] / wide["y"] ** 2, "x is multiplied in twice in ∂L/∂y", Mistake.EXTRA_FACTOR),
        (-g * wide["x"], "the division by y is left out of ∂L/∂y", Mistake.MISSING_FACTOR),
        (g * wide["x"], "∂L/∂y is that of a product, forward divides", Mistake.OTHER_FORMULA),
        (
            -g * wide["x"] * wide["y"] ** 2,
            "∂L/∂y is multiplied with the square of y, not divided by it",
            Mistake.WRONG_FACTOR,
        ),
        (-g * wide["y"] / wide["x"] ** 2, "x and y are exchanged in ∂L/∂y", Mistake.WRONG_FACTOR),
        (-g / wide["y"], "x is left out of ∂L/∂y, and the square of y", Mistake.MISSING_FACTOR),
        (
            g * wide["x"] * wide["y"].abs().log(),
            "∂L/∂y has a logarithm: that would be its integral",
            Mistake.OTHER_FORMULA,
        ),
        (-wide["x"] / wide["y"] ** 2, "grad_output is not used in ∂L/∂y", Mistake.UPSTREAM_IGNORED),
        (
            -g * g * wide["x"] / wide["y"] ** 2,
            "grad_output is multiplied in twice in ∂L/∂y",
            Mistake.EXTRA_FACTOR,
        ),
        (
            -2 * g * wide["x"] / wide["y"] ** 3,
            "the slope of one over y² stands in ∂L/∂y",
            Mistake.OTHER_FORMULA,
        ),
    ):
        yield from of("y", values, mistake, what)
    for name in ("x", "y"):
        leaf = wide[name].clone().requires_grad_()
        with torch.enable_grad():
            numbers = {"x": x, "y": y} | {name: leaf}
            (terms,) = torch.autograd.grad(numbers["x"] / numbers["y"], leaf, g)
        yield from broadcast_slips(at, name, terms)


@slips("Sine")
def sine(at: At) -> Iterator[Slip | None]:
    """A sine of a product."""
    x, w, g = at["x"], at["frequency"], at.grad
    names = ("x", "frequency")

    def told(leaves: Mapping[str, Tensor], wave: Step = torch.sin, mixed: Product = torch.mul) -> Tensor:
        return wave(mixed(leaves["frequency"].expand_as(leaves["x"]), leaves["x"]))

    def waving(slope: Step) -> Step:
        return lambda angle: sloped(torch.sin(angle), angle, slope(angle.detach()))

    for slope, what, mistake in (
        (torch.sin, "the slope of the sine is written as a sine", Mistake.WRONG_SLOPE),
        (
            lambda angle: -torch.sin(angle),
            "the slope of the sine is written as that of a cosine",
            Mistake.OTHER_FORMULA,
        ),
        (lambda angle: -torch.cos(angle), "the slope of the sine has the wrong sign", Mistake.SIGN),
        (lambda angle: torch.ones_like(angle), "the slope of the sine is left out", Mistake.MISSING_FACTOR),
        (
            lambda angle: torch.cos(torch.sin(angle)),
            "the slope of the sine is taken at the output",
            Mistake.OUTPUT_FOR_INPUT,
        ),
        (
            lambda angle: torch.cos(x),
            "the frequency is left out inside the slope of the sine",
            Mistake.MISSING_FACTOR,
        ),
        (
            lambda angle: torch.cos(w).expand_as(angle),
            "x is left out inside the slope of the sine",
            Mistake.MISSING_FACTOR,
        ),
        (
            lambda angle: 1 - torch.sin(angle) ** 2,
            "the slope of the sine is written as that of a tanh",
            Mistake.OTHER_FORMULA,
        ),
        (
            lambda angle: (1 - torch.sin(angle) ** 2).sqrt(),
            "the root for the slope of the sine has lost its sign",
            Mistake.WRONG_SLOPE,
        ),
        (lambda angle: torch.cos(angle) ** 2, "the slope of the sine is taken twice", Mistake.EXTRA_FACTOR),
        (
            lambda angle: torch.sin(angle) * torch.cos(angle),
            "the sine is multiplied in beside its slope",
            Mistake.EXTRA_FACTOR,
        ),
    ):
        wave = waving(slope)
        yield from everywhere(at, names, lambda leaves, wave=wave: told(leaves, wave=wave), mistake, what)
    mixes: tuple[tuple[Product, str, Mistake], ...] = (
        (
            lambda w, x: product(w, x, for_a=1.0, for_b=1.0),
            "the inner derivative is left out",
            Mistake.MISSING_FACTOR,
        ),
        (
            lambda w, x: product(w, x, for_a=w, for_b=x),
            "frequency and x are exchanged as inner derivatives",
            Mistake.WRONG_FACTOR,
        ),
        (
            lambda w, x: product(w, x, for_a=w * x, for_b=w * x),
            "the whole angle stands where the inner derivative belongs",
            Mistake.WRONG_FACTOR,
        ),
        (
            lambda w, x: product(w, x, for_a=x * x, for_b=w * w),
            "the inner derivative is taken twice",
            Mistake.EXTRA_FACTOR,
        ),
    )
    for mixed, what, mistake in mixes:
        yield from everywhere(at, names, lambda leaves, mixed=mixed: told(leaves, mixed=mixed), mistake, what)
    leaf = w.expand_as(x).clone().requires_grad_()
    with torch.enable_grad():
        (terms,) = torch.autograd.grad(torch.sin(leaf * x), leaf, g)
    yield from wrong_sums(
        at,
        "frequency",
        terms,
        {axis: "the rows" if axis == 0 else f"axis {axis}" for axis in range(x.dim() - 1)},
    )
    yield at.slip(
        "frequency",
        (terms * w).sum_to_size(w.shape),
        Mistake.EXTRA_FACTOR,
        "the frequency is multiplied into its own gradient",
    )


@slips("Proportions")
def proportions(at: At) -> Iterator[Slip | None]:
    """Each number by the sum of its row."""
    x, g, a = at["x"], at.grad, at.out
    t = x.sum(1, keepdim=True)
    own = g / t
    through = at.gradient_of("x", lambda leaf: x / leaf.sum(1, keepdim=True))
    n = x.shape[1]

    def row(of: Tensor) -> Tensor:
        return of.sum(1, keepdim=True)

    what = "the row's sum depends on x, too: here it is a constant, and the path through it is missing"
    yield at.slip("x", own, Mistake.CONSTANT_STATISTICS, what)
    yield at.slip(
        "x", through, Mistake.PATH_LOST, "only the path through the row's sum is there: x is divided, too"
    )
    yield at.slip("x", own - through, Mistake.SIGN, "the path through the row's sum has the wrong sign")
    whole = own + through
    for values, what, mistake in (
        (whole * t, "the division by the row's sum is left out", Mistake.MISSING_FACTOR),
        (whole / t, "divided by the row's sum once too often", Mistake.EXTRA_FACTOR),
        (
            own + through * t,
            "the row's sum is missing once in the second term: its square belongs to a quotient",
            Mistake.WRONG_SLOPE,
        ),
        (
            own + through / t,
            "the second term is divided by the row's sum once too often",
            Mistake.EXTRA_FACTOR,
        ),
        (own * t + through, "the first term is not divided by the row's sum", Mistake.MISSING_FACTOR),
        (own + through / n, "a mean stands in the second term where a sum belongs", Mistake.MEAN_FOR_SUM),
        (own + x * through, "x stands outside of the sum as well", Mistake.EXTRA_FACTOR),
        (
            a * whole * t,
            "this is the slope of a softmax: proportions have no exponentials",
            Mistake.OTHER_FORMULA,
        ),
        (a * whole, "the output is multiplied in, as for a softmax", Mistake.EXTRA_FACTOR),
        (
            g * (a - a * a),
            "this is the slope of a softmax, and of each number's own part alone",
            Mistake.OTHER_FORMULA,
        ),
        (g - row(g * x) / t**2, "the first term is not divided by the row's sum", Mistake.MISSING_FACTOR),
        (own - row(g) / t, "x is left out of the sum in the second term", Mistake.MISSING_FACTOR),
        (own - row(g) / t**2, "x is left out of the sum in the second term", Mistake.MISSING_FACTOR),
        (
            own - x * row(g) / t**2,
            "x stands outside of the sum: it must be multiplied before adding",
            Mistake.MISPLACED_FACTOR,
        ),
        (
            own - g * row(x) / t**2,
            "grad_output stands outside of the sum: it must be multiplied before adding",
            Mistake.MISPLACED_FACTOR,
        ),
        (own - row(x) / t**2, "grad_output is left out of the second term", Mistake.MISSING_FACTOR),
        (own - x / t**2, "grad_output and the sum are left out of the second term", Mistake.MISSING_FACTOR),
        (
            g * (1 - a) / t,
            "each number acts on all of its row: here on its own alone, the sum is missing",
            Mistake.DIAGONAL_ONLY,
        ),
        (
            g * (t - 1) / t**2,
            "the slope of each number has a one where the number itself belongs",
            Mistake.WRONG_FACTOR,
        ),
        (g / x.sum(), "divided by the sum of everything: each row has its own", Mistake.WRONG_AXIS),
        (torch.ones_like(g) / t, "grad_output is not used", Mistake.UPSTREAM_IGNORED),
        (g, "grad_output is handed on as it came", Mistake.LOCAL_DERIVATIVE_IGNORED),
        (g * x / t, "x is multiplied in: that is the output, not its slope", Mistake.WRONG_FACTOR),
        (g - row(g), "nothing is divided by the row's sum", Mistake.MISSING_FACTOR),
        (
            (g - (g * a).sum(0, keepdim=True)) / t,
            "the sum runs over the columns: it belongs to each row",
            Mistake.WRONG_AXIS,
        ),
        ((g - (g * a).sum()) / t, "the sum runs over everything: each row has its own", Mistake.WRONG_AXIS),
        (
            (g - (g * a).mean(1, keepdim=True)) / t,
            "a mean stands in the second term where a sum belongs",
            Mistake.MEAN_FOR_SUM,
        ),
        (
            g - row(g) / n,
            "this is the slope of taking away a mean: forward divides by a sum",
            Mistake.OTHER_FORMULA,
        ),
    ):
        yield at.slip("x", values, mistake, what)
    added = "two things: the second term is added, where it is taken away; and"
    for sums, what in (
        ((g * x).sum(), "the sum runs over everything: each row has its own"),
        ((g * x).sum(0, keepdim=True), "the sum runs over the columns: it belongs to each row"),
    ):
        yield at.slip("x", own - sums / t**2, Mistake.WRONG_AXIS, what)
        yield at.slip("x", own + sums / t**2, Mistake.WRONG_AXIS, f"{added} {what}", 0.93)
    lost = "the sum lost its axis (keepdim), so that it is taken away from the wrong rows"
    yield at.slip("x", lambda: own - (g * x).sum(1) / t**2, Mistake.WRONG_AXIS, lost)
    yield at.slip("x", lambda: (g - (g * a).sum(1)) / t, Mistake.WRONG_AXIS, lost)


@slips("MSELoss")
def mse_loss(at: At) -> Iterator[Slip | None]:
    """A mean of squares."""
    x, target, g = at["x"], at["target"], at.grad
    d, n = x - target, max(1, x.numel())
    mean = at.out.dim() == 0 and torch.allclose(at.out, d.square().mean())

    def told(leaf: Tensor, other: Tensor) -> Tensor:
        losses = (leaf - other).square()
        return losses.mean() if mean else losses.sum() if at.out.dim() == 0 else losses

    right = {
        "x": at.gradient_of("x", lambda leaf: told(leaf, target)),
        "target": at.gradient_of("target", lambda leaf: told(x, leaf)),
    }
    share = g / n if mean else g
    for name, sign in (("x", 1), ("target", -1)):
        label, whole = gradient_name(name), right[name]
        yield at.slip(name, whole / 2, Mistake.WRONG_SLOPE, f"the two from the square is left out of {label}")
        yield at.slip(
            name, whole * 2, Mistake.EXTRA_FACTOR, f"the two from the square is taken twice in {label}"
        )
        if mean:
            what = f"forward takes a mean over {n} numbers, and the division by {n} is missing in {label}"
            yield at.slip(name, whole * n, Mistake.MISSING_1_N, what, key=f"{label}: no mean")
            yield at.slip(
                name,
                whole * n / 2,
                Mistake.MISSING_1_N,
                f"{what}; and the two from the square is left out",
                0.9,
                f"{label}: no mean, no two",
            )
            for size, words in (
                (x.shape[0] if x.dim() else 1, "rows"),
                (x.shape[-1] if x.dim() else 1, "columns"),
            ):
                what = f"{label} is divided by {size}, the number of {words}: forward's mean is over all {n}"
                if 1 < size < n:
                    yield at.slip(name, whole * n / size, Mistake.WRONG_FACTOR, what, key=f"{label}: {words}")
                if 1 < size < n and 2 * size != n:
                    what += "; and the two from the square is left out"
                    yield at.slip(
                        name,
                        whole * n / size / 2,
                        Mistake.WRONG_FACTOR,
                        what,
                        0.85,
                        f"{label}: {words}, no two",
                    )
            twice = f"{label} is divided by {n} twice"
            yield at.slip(name, whole / n, Mistake.DOUBLE_1_N, twice, key=f"{label}: mean twice")
            yield at.slip(
                name,
                whole * n * n,
                Mistake.INVERSE_1_N,
                f"{label} is multiplied with {n}, forward divides by it",
                key=f"{label}: mean inverted",
            )
        opposite = f"{label} has the wrong sign: look at which of the two is taken away from which"
        yield at.slip(name, -whole, Mistake.SIGN, opposite)
        for values, what, mistake in (
            (
                2 * share * d.sign(),
                f"{label} is that of an absolute value: it has only the difference's sign",
                Mistake.OTHER_FORMULA,
            ),
            (
                share * d.sign(),
                f"{label} is that of an absolute value: it has only the difference's sign",
                Mistake.OTHER_FORMULA,
            ),
            (2 * share * d.abs(), f"the sign of the difference is lost in {label}", Mistake.WRONG_SLOPE),
            (
                share * d.square(),
                f"{label} has the square itself where its slope belongs",
                Mistake.WRONG_SLOPE,
            ),
            (
                2 * share * d.square(),
                f"{label} has the square itself where its slope belongs",
                Mistake.WRONG_SLOPE,
            ),
            (2 * share * x, f"target is left out of the difference in {label}", Mistake.MISSING_FACTOR),
            (2 * share * target, f"x is left out of the difference in {label}", Mistake.MISSING_FACTOR),
            (2 * share * (x + target), f"a sum stands in {label} where a difference belongs", Mistake.SIGN),
            (
                2 * share * torch.ones_like(d),
                f"the difference is left out of {label}",
                Mistake.MISSING_FACTOR,
            ),
            (
                2 * share * d.mean(),
                f"{label} is alike for all numbers: each has its own difference",
                Mistake.WRONG_AXIS,
            ),
            (
                2 * share * d.sum(),
                f"{label} is alike for all numbers: each has its own difference",
                Mistake.WRONG_AXIS,
            ),
            (share * d.square().sum(), f"{label} has the loss itself as a factor", Mistake.EXTRA_FACTOR),
        ):
            yield at.slip(name, lambda values=values, sign=sign: sign * values.expand_as(d), mistake, what)
        unused = 2 * d / n if mean else 2 * d
        yield at.slip(name, sign * unused, Mistake.UPSTREAM_IGNORED, f"grad_output is not used in {label}")
        yield at.slip(
            name,
            sign * 2 * d,
            Mistake.UPSTREAM_IGNORED,
            f"grad_output is not used in {label}, and there is no mean",
        )
