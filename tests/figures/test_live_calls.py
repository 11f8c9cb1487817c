"""The controls that a figure's decorator names work as they stand; those that a call names count instead."""

import pytest

from course.figure import Figure
from course.figures.live import live
from course.figures.registry import all_figures, figure

FIGURES = {name: registered for name, registered in all_figures().items() if registered.live}


def test_figures_recommend_controls():
    assert {"decision_boundary", "loss_surface", "loss_contours", "rbf_cascade", "adversarial"} <= set(
        FIGURES
    )


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] * (place % 2)) for place, name in enumerate(FIGURES)],
)
def test_a_figures_own_controls_move_it(name):
    shown = live(FIGURES[name].draw)
    assert {control["name"] for control in shown.widget.controls} == FIGURES[name].live.keys() - {
        "drag",
        "fixed",
    }
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


@figure(live={"drag": "at", "at": (0.0, 10.0), "fixed": {"scale": 3.0}})
def dot(at: float = 4.0, scale: float = 1.0) -> Figure:
    """A dot on a line, for tests."""
    drawn = Figure(f"a dot at {at} times {scale}")
    drawn.subplots().plot([at], [scale], "o")
    return drawn


def plain(at: float = 4.0) -> Figure:
    """No figure of the course, for tests."""
    return dot(at)


def test_named_controls_count_instead_of_the_figures_own():
    assert [control["name"] for control in live(dot).widget.controls] == ["at"]
    assert live(dot).widget.about["drag"]["name"] == "at"
    assert live(dot).figure.alt == "a dot at 4.0 times 3.0"
    assert [control["name"] for control in live(dot, scale=(1, 9)).widget.controls] == ["scale"]
    assert "drag" not in live(dot, scale=(1, 9)).widget.about
    assert live(plain, at=(1.0, 5.0)).values == {"at": 4.0}


def test_fixed_arguments_join_the_figures_own_controls():
    started = live(dot, fixed={"at": 7.0})
    assert started.values == {"at": 7.0}
    assert started.figure.alt == "a dot at 7.0 times 3.0"
    assert live(dot, fixed={"scale": 2.0}).figure.alt == "a dot at 4.0 times 2.0"


def test_what_is_no_control_is_refused():
    with pytest.raises(ValueError, match=r"plain has no controls of its own: name some, as in live\("):
        live(plain)
    with pytest.raises(ValueError, match="plain has no argument 'att': there are at"):
        live(plain, att=(0.0, 1.0))
    with pytest.raises(ValueError, match="drag='at' needs a slider of that name"):
        live(plain, drag="at", at=[1.0, 2.0])
    with pytest.raises(ValueError, match="is no control"):
        live(plain, at="up")


def test_no_widget_is_made_where_no_browser_waits(monkeypatch):
    assert "application/vnd.jupyter.widget-view+json" in live(dot)._repr_mimebundle_()
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    assert set(live(dot)._repr_mimebundle_()) == {"text/plain", "text/html"}
