"""What browser pictures share: controls, their script, both themes' colors, and what a page carries."""

from course.widgets.bundle import widget_bundle
from course.widgets.controls import Choice, Control, Slider, Switch, control, controls_for
from course.widgets.sources import THEME, page_style, script

__all__ = [
    "THEME",
    "Choice",
    "Control",
    "Slider",
    "Switch",
    "control",
    "controls_for",
    "page_style",
    "script",
    "widget_bundle",
]
