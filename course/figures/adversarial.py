"""Adversarial example: a little ink along the gradient's sign, and a digit is read as another."""

import functools

import numpy as np
import torch
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from torch import Tensor

from course.data.digits import SIDE
from course.figure import GRADIENT_COLOR, NEUTRAL_COLOR, STYLE, VALUE_COLOR, Figure
from course.figures._digit_classifier import digit_classifier
from course.figures.registry import figure
from course.modules import CrossEntropyLoss, Softmax

SIGNS = ListedColormap([VALUE_COLOR, "#FFFFFF", GRADIENT_COLOR])
EPSILONS = np.linspace(0, 0.3, 16)


@figure(lecture=15, live={"digit": (0, 60), "epsilon": (0.0, 0.3)})
def adversarial(digit: int = 7, epsilon: float = 0.1) -> Figure:
    """Change an image by ε times the sign of the loss's gradient.

    Draw what the course's digit classifier makes of it.

    Args:
        digit: which of the 450 digits that the network has never seen.
        epsilon: the change of each pixel, as a part of full ink; no pixel goes below none or above full ink.

    Raises:
        ValueError: there is no such digit, or ε is negative.

    Source: Goodfellow, Shlens, Szegedy: Explaining and harnessing adversarial examples, ICLR (2015).
    """
    classifier = digit_classifier()
    if not 0 <= digit < len(classifier.test) or epsilon < 0:
        raise ValueError(
            f"digit={digit}, epsilon={epsilon:g}: choose a digit from 0 to "
            f"{len(classifier.test) - 1}, and epsilon ≥ 0"
        )
    image, label = classifier.test.inputs[digit : digit + 1], classifier.test.targets[digit : digit + 1]
    sign = gradient_sign(image, label)
    changed = attack(image, label, epsilon)
    before, after = (read(pixels)[0].cpu().numpy() for pixels in (image, changed))
    first, last, true = int(before.argmax()), int(after.argmax()), int(label)
    summary = f"{epsilon:.0%} more or less ink in each pixel: read as {first} before, and as {last} now"
    with rc_context(STYLE):
        figure = Figure(_describe(summary, true, before, after), width=13.0, height=4.0)
        figure.set_layout_engine("constrained", w_pad=0.1)
        figure.suptitle(
            summary
            if first != last
            else f"{epsilon:.0%} more or less ink in each pixel: still read as {last}"
        )
        *images, bars, curve = figure.subplots(1, 5, width_ratios=(1, 1, 1, 1.15, 1.15))
        titles = (
            f"a {true}, read as {first}\n{before[first]:.1%} sure",
            "sign of ∂L/∂image",
            f"read as {last}\n{after[last]:.1%} sure",
        )
        for axes, pixels, title in zip(images, (image, sign, changed), titles, strict=True):
            looks = (
                {"cmap": SIGNS, "vmin": -1, "vmax": 1}
                if pixels is sign
                else {"cmap": "Greys", "vmin": 0, "vmax": 1}
            )
            axes.imshow(pixels.reshape(SIDE, SIDE).cpu().numpy(), **looks)
            axes.set(xticks=[], yticks=[], title=title)
            axes.grid(False)
            axes.spines[:].set_visible(True)
        for axes, between in zip(images, ("+ ε ·", "="), strict=False):
            axes.annotate(between, (1.02, 0.5), xycoords="axes fraction", ha="left", va="center", fontsize=17)
        images[1].set_xlabel("rust: more ink raises the loss\nblue: less ink does", fontsize=12)
        _draw_probabilities(bars, before, after)
        _draw_accuracy(curve, epsilon)
    return figure


def gradient_sign(image: Tensor, label: Tensor) -> Tensor:
    """The sign of ∂L/∂image for each row of pixels, by the backward passes of the library."""
    net, loss = digit_classifier().net, CrossEntropyLoss()
    value = loss(net(image), label)
    grad, _ = loss.backward(torch.ones_like(value))
    return net.backward(grad).sign()


def attack(image: Tensor, label: Tensor, epsilon: float) -> Tensor:
    """The images, moved by ε uphill on the loss in each pixel, with the ink kept from 0 to 1.

    This is the fast gradient sign method.
    """
    return (image + epsilon * gradient_sign(image, label)).clamp(0, 1)


def read(image: Tensor) -> Tensor:
    """The network's probability of each class."""
    return Softmax(dim=1)(digit_classifier().net(image))


@functools.cache
def accuracies() -> tuple[float, ...]:
    """The share of all unseen digits that is read right after an attack with each of EPSILONS."""
    test = digit_classifier().test
    sure = [
        read(attack(test.inputs, test.targets, epsilon)).argmax(dim=1) == test.targets for epsilon in EPSILONS
    ]
    return tuple(right.double().mean().item() for right in sure)


def _draw_probabilities(axes: Axes, before: np.ndarray, after: np.ndarray) -> None:
    classes = np.arange(10)
    axes.barh(classes - 0.2, before, height=0.38, color=VALUE_COLOR)
    axes.barh(classes + 0.2, after, height=0.38, color=GRADIENT_COLOR, hatch="///", edgecolor="white")
    axes.set(yticks=classes, xlim=(0, 1), xticks=[0, 0.5, 1], title="probability", ylabel="class")
    axes.invert_yaxis()
    axes.set_xlabel("blue: before\nrust, hatched: now", fontsize=12)


def _draw_accuracy(axes: Axes, epsilon: float) -> None:
    axes.plot(EPSILONS, accuracies(), "-", color=NEUTRAL_COLOR)
    here = float(np.interp(epsilon, EPSILONS, accuracies()))
    axes.plot([epsilon], [here], "o", color=GRADIENT_COLOR, ms=11)
    axes.set(
        xlabel="ε, part of full ink",
        ylim=(0, 1.05),
        yticks=[0, 0.5, 1],
        title=f"of all digits {here:.0%} right",
    )


def _describe(summary: str, true: int, before: np.ndarray, after: np.ndarray) -> str:
    return (
        f"A handwritten {true}; the sign of its loss's gradient for each of the 64 pixels; and the image "
        f"with that sign added. "
        f"{summary}. The probability of {true} goes from {before[true]:.3f} to {after[true]:.3f}. A curve of "
        f"the accuracy on all "
        f"unseen digits falls from {accuracies()[0]:.0%} without a change to {accuracies()[-1]:.0%} at ε = "
        f"{EPSILONS[-1]:g}."
    )
