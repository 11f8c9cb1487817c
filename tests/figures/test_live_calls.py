"""The calls of `live` that a figure's docstring recommends work as they stand."""

import inspect
import re
import sys

import pytest

from course.figures.live import live
from course.figures.registry import all_figures
from course.widgets import Slider

FIGURES = all_figures()
CALLS = {
    f"{name} {number}": call
    for name, draw in FIGURES.items()
    for number, call in enumerate(re.findall(r"``(live\(.*?\))``", inspect.getdoc(draw) or "", re.DOTALL))
}


def test_figures_recommend_controls():
    recommended = {name.split()[0] for name in CALLS}
    assert {"decision_boundary", "loss_surface", "loss_contours", "rbf_cascade", "adversarial"} <= recommended


@pytest.mark.parametrize("name", CALLS)
def test_a_recommended_call_draws_and_its_controls_move(name):
    room = vars(sys.modules[FIGURES[name.split()[0]].__module__])
    shown = eval(CALLS[name].replace("\n", " "), {**room, "live": live, "Slider": Slider, **FIGURES})
    before, moved = shown.figure.to_png(), {}
    for control in shown.widget.controls:
        if control["kind"] == "slider":
            low, high = (10 ** control[end] if control["log"] else control[end] for end in ("low", "high"))
            moved[control["name"]] = low + 0.25 * (high - low)
        else:
            moved[control["name"]] = (
                control["options"][-1] if control["kind"] == "choice" else not shown.values[control["name"]]
            )
    shown.set(**moved)
    assert shown.widget.picture != before, "no control changes the picture"
