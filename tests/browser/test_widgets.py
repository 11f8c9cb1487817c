"""Explorer and live figures in a real JupyterLab: what needs Python is asked for, and its answer is shown."""

import nbformat
import pytest

from tests.conftest import run_all

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("jupyterlab")]

CELL = """
from course import Chain, generator
from course.explorer import explore
from course.figures import sigmoid_slope
from course.figures.live import live
from course.modules import Linear, ReLU
import torch

rng = generator(0)
network = Chain(Linear(12, 10, rng=rng), Chain(ReLU(), Linear(10, 2, rng=rng)))
explorer = explore(network, x=torch.randn(3, 12, generator=rng, device=rng.device))
figure = live(sigmoid_slope, drag="at", at=(-6.0, 6.0), reach=[3.0, 6.0])
display(explorer, figure)
"""


@pytest.fixture(scope="module")
def walk(jupyter, chromium):
    """A notebook with its one cell run, shared by the tests."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL.strip())])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, jupyter.folder / "walk.ipynb")
    context = chromium.new_context(viewport={"width": 1280, "height": 720})
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.goto(jupyter.opened("walk.ipynb"))
    page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").first.wait_for()
    run_all(page, ".ml-live img")
    yield page
    context.close()


def test_a_part_folds_and_a_large_tensor_opens(walk):
    explorer = walk.locator(".ml-explorer")
    assert explorer.locator("[data-node]").count() == 3
    explorer.locator('[data-part="a2"]').click()
    explorer.locator('[data-unfold="a2"]').wait_for()
    assert explorer.locator("[data-node]").count() == 2
    explorer.locator('[data-key="value:a1.weight"] [data-whole]').click()
    # all of 10×12, of which 8×8 were there
    walk.wait_for_function("document.querySelectorAll('dialog td').length === 120")
    assert "all of [10×12]" in walk.locator("dialog p").inner_text()
    walk.keyboard.press("Escape")


def test_a_live_figure_follows_slider_choice_and_hand(walk):
    figure = walk.locator(".ml-live")
    image, slider = figure.locator("img"), figure.locator('[data-input="at"]')

    def shows(words: str) -> None:
        walk.wait_for_function("w => document.querySelector('.ml-live img').alt.includes(w)", arg=words)

    shows("At s = 0 the sigmoid is 0.500")
    slider.evaluate("s => { s.value = 2; s.dispatchEvent(new Event('input')); }")
    shows("At s = 2 the sigmoid is 0.881")
    assert figure.locator("output").inner_text() == "2"
    figure.locator('[data-input="reach"]').select_option("3.0")
    shows("from −3 to 3")
    image.scroll_into_view_if_needed()
    walk.wait_for_function("document.querySelector('.ml-live img').naturalWidth > 0")
    box = image.bounding_box()
    walk.mouse.move(box["x"] + 0.9 * box["width"], box["y"] + 0.3 * box["height"])
    walk.mouse.down()
    walk.mouse.move(box["x"] + 0.54 * box["width"], box["y"] + 0.3 * box["height"], steps=4)
    walk.mouse.up()
    # 0 is at 0.54
    walk.wait_for_function("Math.abs(document.querySelector('.ml-live [data-input=at]').value) < 0.5")
    assert image.get_attribute("alt")
