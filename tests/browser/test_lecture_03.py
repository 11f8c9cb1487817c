"""A lecturer's path: open JupyterLab, run lecture 03, step the first graph, read the numbers off the page."""

import pytest

from tests.conftest import run_all

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("jupyterlab")]


@pytest.fixture(scope="module")
def lecture(jupyter, chromium):
    """Lecture 03, run from top to bottom, once for all tests."""
    context = chromium.new_context(viewport={"width": 1280, "height": 720})
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.goto(jupyter.opened("lectures/03_computational_graphs.ipynb"))
    page.locator(".jp-Notebook .jp-MarkdownOutput h1").first.wait_for()
    page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").first.wait_for()
    run_all(page, ".ml-explorer")
    yield page
    context.close()


def reader(explorer):
    """Functions that read a value and a gradient off an explorer; None while it is not shown."""

    def read(attribute, name):
        label = explorer.locator(f'[{attribute}="{name}"]:visible')
        return float(label.first.get_attribute("data-exact")) if label.count() else None

    return (lambda name: read("data-value-of", name)), (lambda name: read("data-grad-of", name))


def test_stepping_forward_and_backward(lecture):
    explorer = lecture.locator(".ml-explorer").first
    explorer.scroll_into_view_if_needed()
    value, grad = reader(explorer)
    assert value("q") is None, "nothing is computed before the first step"

    def step():
        explorer.locator('[data-action="step"]').click()
        return explorer.locator(".ml-sentence").inner_text()

    seen = {}
    while explorer.locator('[data-action="step"]').is_enabled():
        assert step().strip(), "every step says in a sentence what it did"
        now = {f"value {name}": value(name) for name in ("q", "f")}
        now |= {f"grad {name}": grad(name) for name in ("f", "q", "z", "x", "y")}
        seen |= {key: number for key, number in now.items() if number is not None and key not in seen}
    assert seen == {
        "value q": 3,
        "value f": -12,
        "grad f": 1,
        "grad q": -4,
        "grad z": 3,
        "grad x": -4,
        "grad y": -4,
    }
    # Values came before gradients, and gradients from the back to the front.
    assert list(seen)[:3] == ["value q", "value f", "grad f"]
    assert list(seen).index("grad q") < list(seen).index("grad x")


def test_a_slider_recomputes_through_the_library(lecture):
    explorer = lecture.locator(".ml-explorer").first
    _, grad = reader(explorer)
    explorer.locator('[data-action="first"]').click()
    explorer.locator('[data-action="last"]').click()
    slider = explorer.locator('input[type=range][data-input="z"]')
    slider.evaluate(
        "s => { s.value = 2; s.dispatchEvent(new Event('input')); s.dispatchEvent(new Event('change')) }"
    )
    explorer.locator(
        '[data-value-of="f"][data-exact="6"], [data-value-of="f"][data-exact="6.0"]'
    ).first.wait_for()
    assert (grad("x"), grad("z")) == (2, 3)


def test_the_whole_lecture_runs_without_an_error_or_warning(lecture):
    lecture.locator(".ml-explorer").nth(4).wait_for()
    lecture.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").first.wait_for()
    assert lecture.locator('[data-mime-type*="stderr"], [data-mime-type*="error"]').count() == 0
