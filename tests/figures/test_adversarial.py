"""Adversarial examples: the sign is torch.autograd's, the change is bounded, and the loss goes up."""

import numpy as np
import pytest
import torch

from course.figures._digit_classifier import digit_classifier
from course.figures.adversarial import EPSILONS, accuracies, adversarial, attack, gradient_sign, read


@pytest.fixture(scope="module")
def twin():
    state = digit_classifier().net.state_dict()
    net = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10)).to(
        next(iter(state.values()))
    )
    net.load_state_dict(state)
    return net


def test_the_classifier_is_good():
    assert digit_classifier().accuracy >= 0.95
    assert len(digit_classifier().test) == 450


def test_sign_is_that_of_autograd(twin):
    test = digit_classifier().test
    leaf = test.inputs.clone().requires_grad_()
    torch.nn.functional.cross_entropy(twin(leaf), test.targets, reduction="sum").backward()
    ours = gradient_sign(test.inputs, test.targets)
    clear = leaf.grad.abs() > 1e-7  # where rounding does not decide the sign
    assert clear.float().mean() > 0.85
    assert torch.equal(ours[clear], leaf.grad.sign()[clear])


def test_an_attack_stays_within_epsilon_and_full_ink_and_raises_the_loss(twin):
    test = digit_classifier().test
    changed = attack(test.inputs, test.targets, 0.1)
    assert (changed - test.inputs).abs().max() <= 0.1 + 1e-6
    assert 0 <= changed.min() < changed.max() <= 1
    loss = lambda x: torch.nn.functional.cross_entropy(twin(x), test.targets).item()  # noqa: E731
    assert loss(changed) > 5 * loss(test.inputs)
    assert torch.equal(attack(test.inputs, test.targets, 0.0), test.inputs)
    assert torch.allclose(read(changed), twin(changed).softmax(dim=1), atol=1e-5)


def test_accuracy_falls_with_epsilon(twin):
    test = digit_classifier().test
    assert accuracies()[0] == digit_classifier().accuracy
    assert accuracies()[5] < 0.6
    assert accuracies()[-1] < 0.05
    assert list(accuracies()) == sorted(accuracies(), reverse=True)
    right = twin(attack(test.inputs, test.targets, float(EPSILONS[3]))).argmax(dim=1) == test.targets
    assert accuracies()[3] == pytest.approx(right.float().mean().item())


def test_marks_carry_the_data(twin):
    test = digit_classifier().test
    image, label = test.inputs[7:8], test.targets[7:8]
    figure = adversarial(7, 0.1)
    shown = [axes.images[0].get_array().reshape(64) for axes in figure.axes[:3]]
    for pixels, expected in zip(
        shown, (image, gradient_sign(image, label), attack(image, label, 0.1)), strict=True
    ):
        np.testing.assert_allclose(pixels, expected[0].cpu())
    before, after = figure.axes[3].containers
    np.testing.assert_allclose(
        [bar.get_width() for bar in before], twin(image).softmax(1)[0].detach().cpu(), atol=1e-5
    )
    changed = twin(attack(image, label, 0.1)).softmax(1)[0].detach().cpu()
    np.testing.assert_allclose([bar.get_width() for bar in after], changed, atol=1e-5)
    assert figure.get_suptitle().endswith(f"read as {int(label)} before, and as {int(changed.argmax())} now")
    assert "still read as" in adversarial(7, 0.0).get_suptitle()


def test_no_such_digit():
    with pytest.raises(ValueError, match=r"digit=450, epsilon=0\.1: choose a digit from 0 to 449"):
        adversarial(450)
