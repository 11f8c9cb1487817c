"""Assignment 05: what its cases hold, and what a module of one's own must be."""

import pytest
import torch

from course import Module, Parameter, Residual, generator, tensor
from course.checking.finding import Problem
from course.checking.shortcuts import ENGINE
from course.exercises import find_exercise, grade
from course.exercises.questions.composite import ScaledResidual
from course.exercises.respondent import Local
from course.module import Buffer
from course.modules import Sine
from tests.autograder.conftest import in_notebook

OWN = find_exercise("own_module")


def cases(name):
    return {case.label: case for case in find_exercise(name).cases(generator(3))}


class Bends(Module):
    """a = e^(θx)."""

    def __init__(self):
        self.theta = Parameter(tensor([0.0, 0.0, 0.0]))  # here, and only here, it is a straight line

    def forward(self, x):
        self.save(x=x, out=torch.exp(self.theta.value * x))
        return self.saved["out"]

    def backward(self, grad_output):
        slope = grad_output * self.saved["out"]
        self.theta.grad += (slope * self.saved["x"]).sum(dim=0)
        return slope * self.theta.value


class Drops(Bends):
    """a = x · (1 + θ tanh x)."""

    def forward(self, x):
        bent = torch.tanh(x)
        self.save(x=x, bent=bent)
        return x * (1 + self.theta.value * bent)

    def backward(self, grad_output):
        x, bent, theta = self.saved["x"], self.saved["bent"], self.theta.value
        self.theta.grad += (grad_output * x * bent).mean(dim=0)
        return grad_output * (1 + theta * bent) + grad_output * x * theta * (1 - bent)


def test_mistakes_in_a_formula_of_ones_own_have_names():
    parts = {part.name: part for part in grade(OWN, Drops).verdicts}
    assert "`torch.tanh(x)`" in parts["∂L/∂x"].mistake.what
    assert "is a mean" in parts["∂L/∂theta"].mistake.what


def test_steps_that_say_something_else_than_forward_are_not_followed(monkeypatch):
    def lies(self, case, state, inputs):
        line = {
            "name": "mul",
            "overload": "Tensor",
            "inputs": ["0", "1"],
            "options": {},
            "quote": "x * theta",
        }
        return {"steps": [line, {"results": ["2"]}]}

    monkeypatch.setattr(Local, "steps", lies)
    part = next(part for part in grade(OWN, Drops).verdicts if part.name == "∂L/∂x")
    assert not part.passed
    assert part.mistake is None


class ManyParameters(Bends):
    """a = e^(θx) + b tanh x, with parameters of two shapes."""

    def __init__(self):
        super().__init__()
        self.scale = Parameter(tensor(0.0))

    def forward(self, x):
        out = super().forward(x)
        return out + self.scale.value * torch.tanh(x)

    def backward(self, grad_output):
        bend = torch.tanh(self.saved["x"])
        self.scale.grad += (grad_output * bend).sum()
        return super().backward(grad_output) + grad_output * self.scale.value * (1 - bend**2)


class HandsOn(Bends):
    def forward(self, x):
        self.save()
        return x

    def backward(self, grad_output):
        return grad_output


class Constant(Bends):
    def forward(self, x):
        self.save()
        return torch.exp(self.theta.value).expand(x.shape)

    def backward(self, grad_output):
        self.theta.grad += (grad_output * torch.exp(self.theta.value)).sum(dim=0)
        return torch.zeros_like(grad_output)


class Scales(Bends):
    def forward(self, x):
        self.save(x=x)
        return self.theta.value * x + 1

    def backward(self, grad_output):
        self.theta.grad += (grad_output * self.saved["x"]).sum(dim=0)
        return grad_output * self.theta.value


class Idle(Bends):
    def forward(self, x):
        self.save(x=x)
        return x**2

    def backward(self, grad_output):
        return 2 * grad_output * self.saved["x"]


class NothingToLearn(Idle):
    def __init__(self):
        pass


class SumsUp(Bends):
    def forward(self, x):
        return super().forward(x).sum(dim=1)

    def backward(self, grad_output):
        return super().backward(grad_output[:, None])


class Shifts(Bends):
    def __init__(self):
        super().__init__()
        self.shift = Buffer(torch.full((3,), 0.5))

    def forward(self, x):
        return super().forward(x) + self.shift.value


class HandsWorkOn(Bends):
    def __init__(self):
        self.inside = Sine(3)
        self.theta = self.inside.frequency

    def forward(self, x):
        self.save()
        return self.inside(x)

    def backward(self, grad_output):
        return self.inside.backward(grad_output)


class Stub(Bends):
    def forward(self, x):
        raise NotImplementedError

    def backward(self, grad_output):
        raise NotImplementedError


class Breaks(Bends):
    def forward(self, x):
        return x / 0 + torch.ones(2)


@pytest.mark.parametrize(
    ("answer", "points", "said"),
    [
        (Bends, 18, ""),
        (ManyParameters, 18, ""),
        (Shifts, 18, ""),
        (HandsOn, 0, "a is a straight line in x: choose a formula that bends"),
        (Constant, 0, "a is a straight line in x"),
        (Scales, 0, "a is a straight line in x"),
        (Idle, 0, "a does not depend on theta: use it in forward"),
        (NothingToLearn, 9, "there is no ∂L/∂theta"),
        (NothingToLearn, 9, "your module has no parameter"),
        (SumsUp, 0, "a has shape (5,) where x has shape (5, 3): keep the shape"),
        (HandsWorkOn, 0, "there is a module inside: write the formula out"),
        (Stub, 0, "forward is not written yet"),
        (Breaks, 0, "forward raised RuntimeError"),
    ],
)
@pytest.mark.parametrize("seed", [0, 9])
def test_a_module_of_ones_own(answer, points, said, seed):
    score = grade(OWN, answer, seed=seed)
    assert score.points == points
    told = " ".join(part.message for part in score.verdicts)
    assert said in told
    assert "ValueError" not in told
    assert "RefusalError" not in told
    assert (score.verdicts[0].problem is Problem.NOT_WRITTEN) == (answer is Stub)


def test_short_rows_stand_beside_long_ones():
    (x,) = cases("l2_normalize")["rows shorter than ε"].inputs
    short = x.norm(dim=1) < 1.0
    assert short.any()
    assert not short.all()


def test_sizes_differ_so_that_no_transpose_fits_by_chance():
    case = cases("radial_basis")["one output"]
    module = case.module(find_exercise("radial_basis").truth)
    assert len({*case.inputs[0].shape, *module.weight.value.shape}) == 4
    assert (module.beta.value > 0).all()


@pytest.mark.parametrize(("name", "asked"), [("residual", Residual), ("scaled_residual", ScaledResidual)])
def test_the_module_inside_is_never_of_the_kind_that_is_asked_for(name, asked):
    """In the students' edition, what a right answer is made of falls back on torch.autograd, and may."""
    for case in cases(name).values():
        assert asked not in {type(part) for place, part in case.module(asked).named_modules() if place}


def test_the_dial_is_also_asked_for_where_it_begins():
    alphas = [float(case.module(ScaledResidual).alpha.value) for case in cases("scaled_residual").values()]
    assert sorted(map(torch.tensor(alphas).sign().tolist().count, (-1, 0, 1))) == [1, 1, 1]


DIFFERENTIATES_ASIDE = """
class Own(Module):
    def __init__(self):
        self.theta = Parameter(torch.ones(3))
        self.probed = False

    def zero_grad(self):
        super().zero_grad()
        self.probed = True

    def forward(self, x):
        if not self.probed:
            with torch.enable_grad():
                leaf = x.detach().requires_grad_()
                torch.autograd.grad((leaf**2).sum(), leaf)
        self.save(x=x)
        return self.theta.value * x**2

    def backward(self, g):
        x, theta = self.saved["x"], self.theta.value
        self.theta.grad += (g * x**2).sum(0)
        return 2 * g * theta * x
"""


def test_a_forward_that_differentiates_is_seen_whatever_is_asked():
    for source, points in (
        (DIFFERENTIATES_ASIDE.replace("if not self.probed", "if False"), 18),
        (DIFFERENTIATES_ASIDE, 5),
    ):
        namespace = {"Module": Module, "Parameter": Parameter, "torch": torch}
        exec(in_notebook(source), namespace)
        score = grade(OWN, namespace["Own"])
        assert score.points == points
        assert (ENGINE in score.verdicts[0].message) is (points == 5)
