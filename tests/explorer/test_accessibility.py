"""Accessibility: axe-core finds nothing, in the light and the dark theme, at any phase.

Everything is there by keyboard.
"""

import pytest

from course import Graph
from course.explorer import explore
from course.modules import Add
from tests.explorer import graphs
from tests.explorer.test_check_mode import Swapped
from tests.explorer.test_explorer_page import show  # noqa: F401 - the fixture

pytestmark = pytest.mark.browser


def wrong_product():
    graph = Graph("x", "y", "z")
    graph.add("q", Add(), "x", "y")
    graph.add("f", Swapped(), "q", "z")
    return explore(graph, check=True, x=-2.0, y=5.0, z=-4.0)


def folded_neuron():
    case = graphs.neuron()
    return explore(case.graph, fold={"σ": ["n", "e", "d", "f"]}, **case.inputs)


def tensors():
    case = graphs.mlp()
    return explore(case.graph, **case.inputs)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("make", [wrong_product, folded_neuron, tensors])
def test_axe_finds_no_violation(show, make, theme):  # noqa: F811
    from axe_playwright_python.sync_playwright import Axe

    page = show(make())
    page.emulate_media(color_scheme=theme)
    for action in ("first", "step", "forward", "last"):
        button = page.locator(f'[data-action="{action}"]')
        if button.is_enabled():
            button.click()
        found = Axe().run(page)
        assert found.response["violations"] == [], found.generate_report()
        assert len(found.response["passes"]) > 10  # it did look


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_an_opened_heat_map(show, theme):  # noqa: F811
    from axe_playwright_python.sync_playwright import Axe

    page = show(tensors())
    page.emulate_media(color_scheme=theme)
    page.click('[data-action="last"]')
    page.click('[data-key="grad:a1.weight"] [data-whole]')
    found = Axe().run(page)
    assert found.response["violations"] == [], found.generate_report()


def test_axe_sees_what_is_wrong(show):  # noqa: F811
    from axe_playwright_python.sync_playwright import Axe

    page = show(tensors())
    page.evaluate("document.querySelector('.ml-timeline').removeAttribute('aria-label')")
    assert Axe().run(page).response["violations"]


def test_everything_is_reached_by_the_tab_key(show):  # noqa: F811
    page = show(folded_neuron())
    page.click('[data-action="step"]')
    reached = set()
    page.focus(".ml-explorer")
    names = ("action", "part", "unfold")
    hook = (
        f"(found => {' ?? '.join(f'found.dataset.{name}' for name in names)} ?? "
        f"found.className)(document.activeElement)"
    )
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(page.evaluate(hook))
    assert {"back", "step", "forward", "last", "play", "ml-timeline", "σ"} <= reached


def test_a_reader_of_the_screen_hears_each_step(show):  # noqa: F811
    page = show(folded_neuron())
    sentence = page.locator(".ml-sentence")
    assert sentence.get_attribute("aria-live") == "polite"
    before = sentence.inner_text()
    page.click('[data-action="step"]')
    assert sentence.inner_text() != before
    description = page.locator(".ml-drawing > desc").text_content()
    assert "f = 0.731 with gradient 1" in description
