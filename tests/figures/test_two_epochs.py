"""Two epochs: every number is torch's and appears in its step; the second starts where the first ended."""

import pytest
import torch

from course.figures.two_epochs import STEPS, THETA1, THETA2, X1, Y, cascade_epochs, two_epochs


def by_torch(theta1, theta2):
    """Values and gradients by name."""
    with torch.enable_grad():
        x1, t1, t2 = (
            torch.tensor(number, dtype=torch.float64, requires_grad=True) for number in (X1, theta1, theta2)
        )
        a1 = torch.sigmoid(t1 * x1)
        a2 = torch.sigmoid(t2 * a1)
        loss = 0.5 * (Y - a2) ** 2
        grads = torch.autograd.grad(loss, (a2, t2, a1, t1, x1))
    names = ("∂L/∂x₃", "∂L/∂θ₂", "∂L/∂x₂", "∂L/∂θ₁", "∂L/∂x₁")
    return {"a₁ = x₂": a1.item(), "a₂ = x₃": a2.item(), "L": loss.item()} | {
        name: grad.item() for name, grad in zip(names, grads, strict=True)
    }


def test_every_number_is_torchs():
    theta = (THETA1, THETA2)
    for stored in cascade_epochs(4.0):
        expected = by_torch(*theta)
        found = {one.name: one.value for one in stored}
        theta = tuple(t - 4.0 * expected[f"∂L/∂{name}"] for t, name in zip(theta, ("θ₁", "θ₂"), strict=True))
        assert found == pytest.approx(expected | dict(zip(("θ₁", "θ₂"), theta, strict=True)))
    assert cascade_epochs(4.0)[1][2].value < cascade_epochs(4.0)[0][2].value, "the loss falls"


def test_formulas_say_the_number():
    """After each formula's last = sign stands an expression of the value, rounded to the digits in it."""
    signs = str.maketrans({"−": "-", "·": "*", "½": "0.5*", "²": ""})
    for one in cascade_epochs(4.0)[0][4:8]:
        said = one.formula.rpartition("= ")[2].translate(signs).replace("(1", "*(1")
        assert eval(said) == pytest.approx(one.value, rel=0.01)


@pytest.mark.parametrize("step", range(2 * STEPS + 1))
def test_what_is_drawn_is_what_is_stored_so_far(step):
    figure = two_epochs(step=step)
    said = [text.get_text() for text in figure.axes[0].texts]
    values = sum(name in text for text in said for name in ("a₁ = x₂\n", "a₂ = x₃\n", "L\n"))
    gradients = sum(text.startswith("∂L/∂") for text in said)
    updates = sum("←" in text for text in said)
    first, second = min(step, STEPS), max(0, step - STEPS)
    count = [(min(s, 3), max(0, min(s - 3, 5)), 2 * (s == STEPS)) for s in (first, second)]
    assert [values, gradients, updates] == [a + b for a, b in zip(*count, strict=True)]
    assert figure.get_suptitle()


@pytest.mark.parametrize("wrong", [{"step": 19}, {"step": -1}, {"learning_rate": 0.0}])
def test_what_does_not_exist_is_explained(wrong):
    with pytest.raises(ValueError, match=r"choose 0 to 18 steps and a rate above 0"):
        two_epochs(**wrong)
