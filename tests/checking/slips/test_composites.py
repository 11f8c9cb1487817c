"""Wrong gradients of the composite modules: steps, sums, paths and lengths."""

import torch

from course import Chain, generator
from course.containers.residual import Residual
from course.exercises import find_exercise, grade
from course.exercises.bank.composite import ScaledResidual
from course.modules import L2Normalize, Linear, Polynomial, RadialBasis, Tanh
from tests.checking.slips.wrong import Wrong, parametrize, rand


def basis(named, **changed):
    """Radial basis functions with one of the four gradients, or what they are made of, in another way."""

    def whole(self, g):
        offset, squared, hidden = (self.saved[name] for name in ("offset", "squared", "hidden"))
        values = {"g": g, "offset": offset, "squared": squared, "hidden": hidden, "beta": self.beta.value}
        gamma = changed.get("gamma", lambda h, **_: h)(hidden, **values) * (g @ self.weight.value)
        pull = (2 * self.beta.value * gamma)[:, :, None] * offset
        rights = {
            "x": -pull.sum(1),
            "centers": pull.sum(0),
            "beta": -(gamma * squared).sum(0),
            "weight": g.T @ hidden,
        }
        grads = rights | {
            name: changed[name](gamma=gamma, pull=pull, **values) for name in rights if name in changed
        }
        for name in ("centers", "beta", "weight"):
            getattr(self, name).grad = getattr(self, name).grad + grads[name]
        return grads["x"]

    return Wrong(RadialBasis, [rand(5, 2) / 2], whole, named, (2, 3, 2))


@parametrize(
    basis(
        dict.fromkeys(("x", "centers", "beta"), ("step left out", "the derivative of exp")),
        gamma=lambda h, **_: torch.ones_like(h),
    ),
    basis(
        {"x": ("missing factor", "beta is left out")},
        x=lambda gamma, offset, **_: -2 * (gamma[:, :, None] * offset).sum(1),
    ),
    basis(
        {"x": ("wrong slope", "does not come down")},
        x=lambda pull, **_: -pull.sum(1) / 2,
    ),
    basis({"x": ("wrong axis", "examples and centers")}, x=lambda pull, **_: -pull.sum((0, 1)).expand(5, 2)),
    basis({"centers": ("sign", "the center in x − μ")}, centers=lambda pull, **_: -pull.sum(0)),
    basis({"centers": ("mean for sum", "averaged")}, centers=lambda pull, **_: pull.mean(0)),
    basis({"centers": ("examples missing", "only the last")}, centers=lambda pull, **_: pull[-1]),
    basis({"beta": ("missing factor", "squared distance")}, beta=lambda gamma, **_: -gamma.sum(0)),
    basis(
        {"beta": ("misplaced factor", "summed before")},
        beta=lambda gamma, squared, **_: -gamma.sum(0) * squared.sum(0),
    ),
    basis({"weight": ("step left out", "without exp")}, weight=lambda g, squared, **_: g.T @ squared),
    basis(
        {"weight": ("misplaced factor", "each summed over")},
        weight=lambda g, hidden, **_: torch.outer(g.sum(0), hidden.sum(0)),
    ),
)
def test_radial_basis(wrong):
    wrong.check()


def block(seed=0):
    return Chain(Linear(3, 3, rng=generator(seed)), Tanh())


def around(backward, name, words, *options):
    return Wrong(Residual, [rand(4, 3)], backward, {"x": (name, words)}, (block(), *options))


@parametrize(
    around(lambda self, g: self.module.backward(g), "path lost", "only the path through the module"),
    around(lambda self, g: self.module.backward(g) * g, "wrong factor", "multiplied with each other"),
    around(lambda self, g: (self.module.backward(g) + g) / 2, "mean for sum", "averaged"),
    around(lambda self, g: self.module.backward(g) + 2 * g, "extra factor", "counted twice"),
    around(lambda self, g: self.module.backward(g) - g, "sign", "subtracted"),
    around(lambda self, g: self.module.backward(g) + 1, "upstream ignored", "without grad_output"),
)
def test_a_way_around(wrong):
    wrong.check()


def test_a_backward_that_is_called_twice():
    def backward(self, g):
        self.module.backward(g)
        return self.module.backward(g) + g

    twice = ("extra factor", "is called twice")
    named = {"module.0.weight": twice, "module.0.bias": twice}
    Wrong(Residual, [rand(4, 3)], backward, named, (block(),)).check()


def scaled(of_x, of_alpha, handed, **named):
    def whole(self, g):
        alpha, added = self.alpha.value, self.module(self.read)
        through = self.module.backward(handed(g, alpha) if handed else alpha * g)
        right = (g * added).sum()
        self.alpha.grad = self.alpha.grad + (of_alpha(g, added, self.read) if of_alpha else right)
        return of_x(g, through, alpha) if of_x else g + through

    def forward(self, x):
        self.read = x
        return ScaledResidual.forward(self, x)

    kind = type("ScaledResidual", (ScaledResidual,), {"forward": forward})
    return Wrong(kind, [rand(4, 3)], whole, named, (block(),))


@parametrize(
    scaled(lambda g, t, a: t, None, None, x=("path lost", "the way around is left out")),
    scaled(lambda g, t, a: a * g + t, None, None, x=("extra factor", "alpha multiplies the way around")),
    scaled(lambda g, t, a: g - t, None, None, x=("sign", "subtracted")),
    scaled(None, lambda g, f, x: (g * f).mean(), None, alpha=("mean for sum", "averaged")),
    scaled(None, lambda g, f, x: g.sum(), None, alpha=("missing factor", "what alpha multiplies")),
    scaled(None, lambda g, f, x: (g * x).sum(), None, alpha=("wrong factor", "x is multiplied")),
    scaled(
        None,
        None,
        lambda g, a: g,
        **{
            "x": ("missing factor", "alpha is left out"),
            "module.0.weight": ("missing factor", "without alpha"),
            "module.0.bias": ("missing factor", "without alpha"),
        },
    ),
)
def test_a_scaled_way_around(wrong):
    wrong.check()


def test_a_way_around_that_is_closed_at_the_beginning():
    def backward(self, g):
        if not self.alpha.value:
            return g
        self.alpha.grad += (g * self.saved["added"]).sum()
        return g + self.module.backward(self.alpha.value * g)

    def forward(self, x):
        self.save(added=self.module(x))
        return x + self.alpha.value * self.saved["added"]

    module = type("ScaledResidual", (ScaledResidual,), {"forward": forward, "backward": backward})
    report = grade(find_exercise("scaled_residual"), module)
    assert "while alpha is 0, nothing is added" in str(report)


def test_unit_length_of_short_rows():
    def backward(self, g):
        out, length = self.saved["out"], self.saved["length"]
        return (g + out * (g * out).sum(self.dim, keepdim=True)) / length

    def forward(self, x):
        length = x.norm(dim=self.dim, keepdim=True)
        self.save(out=x / length.clamp(min=self.eps), length=length)
        return self.saved["out"]

    module = type("L2Normalize", (L2Normalize,), {"forward": forward, "backward": backward})
    report = grade(find_exercise("l2_normalize"), module)
    told = [part for part in str(report).splitlines() if "rows shorter" in part]
    assert "no finite number" in told[0]
    assert "the part along the vector is added" in told[0]


def unit(backward, name, words, *shape):
    return Wrong(
        L2Normalize,
        [rand(*(shape or (4, 3)))],
        lambda self, g: backward(g, self.saved["out"], self.saved["norm"]),
        {"x": (name, words)},
    )


def inner(g, a):
    return (g * a).sum(1, keepdim=True)


@parametrize(
    unit(lambda g, a, n: g / n, "constant statistics", "taken for a constant"),
    unit(lambda g, a, n: g - a * inner(g, a), "missing factor", "the division by the length"),
    unit(lambda g, a, n: g - a * inner(g, a) / n, "missing factor", "grad_output is not divided"),
    unit(lambda g, a, n: (g + a * inner(g, a)) / n, "sign", "is added"),
    unit(lambda g, a, n: (g - inner(g, a)) / n, "missing factor", "lacks a direction"),
    unit(lambda g, a, n: (g - a * (g * a).sum()) / n, "wrong axis", "over everything"),
    unit(lambda g, a, n: (g - a * (g * a).sum(1)) / n, "wrong axis", "keepdim", 3, 3),
    unit(lambda g, a, n: (g - a * n * inner(g, a * n)) / n, "input for output", "x stands in place"),
    unit(lambda g, a, n: -g * (a * n) / n**2, "path lost", "without a sum over the vector"),
    unit(lambda g, a, n: (g - a * g * a) / n, "diagonal only", "own input only"),
)
def test_unit_length(wrong):
    wrong.check()


def curve(backward, of_weight=None, **named):
    def whole(self, g):
        x, c = self.saved["x"], self.weight.value
        powers = torch.stack([(g * x**k).sum() for k in range(4)])
        self.weight.grad = self.weight.grad + (of_weight(g, x) if of_weight else powers)
        return backward(g, x, c) if backward else g * (c[1] + 2 * c[2] * x + 3 * c[3] * x**2)

    return Wrong(Polynomial, [rand(4, 3)], whole, named, (3,))


@parametrize(
    curve(lambda g, x, c: g * (c[1] + c[2] * x + c[3] * x**2), x=("missing factor", "do not come down")),
    curve(lambda g, x, c: g * (c[1] + 2 * c[2] * x), x=("path lost", "the highest power is left out")),
    curve(
        None,
        lambda g, x: torch.stack([(g * x ** (k + 1)).sum() for k in range(4)]),
        weight=("permuted", "one too high"),
    ),
    curve(
        None,
        lambda g, x: torch.stack([g.sum(), *((k * g * x**k).sum() for k in range(1, 4))]),
        weight=("extra factor", "the exponents are factors"),
    ),
)
def test_polynomial(wrong):
    wrong.check()
