"""The figure that CONTRIBUTING.md adds works as it stands there, with its controls and its test."""

import re
import sys
from types import ModuleType

import pytest

import course.figures
from course.figures import live
from course.figures.registry import registered
from tests.figures.test_all_figures import require_listed, require_readable_text


@pytest.fixture
def walk(root, monkeypatch):
    """The file and its test, from the page, and the figure where a newcomer puts it."""
    page = (root / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("**A figure**")[2]
    file, test = re.findall(r"```python\n(.*?)```", page, re.DOTALL)[:2]
    module = ModuleType("course.figures.sine_slope")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(file, vars(module))
    monkeypatch.setattr(course.figures, "sine_slope", module, raising=False)
    return module, test


def test_the_example_is_a_figure_of_the_course(walk, generate):
    module, _ = walk
    entry = registered(module.sine_slope)
    drawn = module.sine_slope()
    require_readable_text(drawn)
    require_listed(drawn, entry, generate)
    assert entry.summary.startswith("The sine and its slope")
    assert [control["name"] for control in live(module.sine_slope).widget.controls] == ["at"]
    assert module.sine_slope(at=2.0).to_png() != drawn.to_png()


def test_the_examples_test_passes_and_can_fail(walk, monkeypatch):
    module, test = walk
    names: dict = {}
    exec(test, names)
    names["test_the_mark_lies_on_the_slope"]()
    right = module.value_and_slope
    monkeypatch.setattr(module, "value_and_slope", lambda *given: [2 * part for part in right(*given)])
    with pytest.raises(AssertionError):
        names["test_the_mark_lies_on_the_slope"]()
