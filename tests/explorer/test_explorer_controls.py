"""The explorer's page: folding, full views, marks of what is wrong, and jumping.

Every number of graphs of tensors is checked, too.
"""

import json

import pytest

from course import Graph
from course.explorer import explore
from course.explorer.drawing import LEAST
from course.modules import Add, Multiply, Tanh
from tests.explorer import graphs
from tests.explorer.test_check_mode import Swapped
from tests.explorer.test_explorer_page import BOXES, explored, problems, show  # noqa: F401 - the fixture
from tests.explorer.test_sources import Mismatch

pytestmark = pytest.mark.browser

# Everything on the page that carries exact numbers, by its key.
NUMBERS = """() => Object.fromEntries([...document.querySelectorAll("[data-key]")]
  .filter((found) => found.getBoundingClientRect().width > 0 && /^(value|grad):/.test(found.dataset.key))
  .map((found) => [found.dataset.key,
    [...found.querySelectorAll("[data-exact]")].map((one) => Number(one.dataset.exact))]))"""


@pytest.mark.parametrize("name", ["mlp", "rbf", "rnn", "residual_cnn", "torch_function"])
def test_every_number_on_the_page_is_the_librarys(show, name):  # noqa: F811
    explorer = explored(name)
    page = show(explorer)
    page.click('[data-action="last"]')
    found = page.evaluate(NUMBERS)
    trace = explorer.trace
    wanted = {f"value:{value.name}": value.value for value in trace.values.values()}
    wanted |= {f"grad:{value.name}": value.grad for value in trace.values.values()}
    for parameter in (*trace.shared, *(parameter for node in trace.nodes for parameter in node.parameters)):
        wanted |= {f"value:{parameter.key}": parameter.value, f"grad:{parameter.key}": parameter.grad}
    assert set(found) == set(wanted)
    for key, array in wanted.items():
        assert found[key] == pytest.approx(array.numbers, rel=1e-12, abs=1e-15), key


def test_parts_fold_and_unfold_without_python(show):  # noqa: F811
    page = show(explored("mlp"))
    page.click('[data-action="last"]')
    assert page.locator("[data-node]").count() == 5
    page.click('[data-part="a3"]')
    assert page.locator("[data-node]").count() == 4
    assert page.evaluate("document.activeElement.dataset.part") == "a3"
    assert page.get_attribute('[data-part="a3"]', "aria-pressed") == "true"
    assert problems(page.evaluate(BOXES)) == []
    assert "times the Jacobian of Linear" in page.inner_text(".ml-sentence")
    page.focus('[data-unfold="a3"]')
    page.keyboard.press("Enter")  # a folded node opens by itself, too
    assert page.locator("[data-node]").count() == 5
    assert page.locator(".ml-hull").count() == 1


def test_the_folded_neuron_says_the_slope_of_the_sigmoid(show):  # noqa: F811
    case = graphs.neuron()
    page = show(explore(case.graph, fold={"σ": ["n", "e", "d", "f"]}, **case.inputs))
    for _ in range(7):
        page.click('[data-action="step"]')
    assert page.inner_text(".ml-sentence") == "∂f/∂s: upstream 1 × local 0.197 gives 0.197"


def test_a_heat_map_opens_with_all_its_numbers(show):  # noqa: F811
    explorer = explored("mlp")
    page = show(explorer)
    page.click('[data-action="last"]')
    page.focus('[data-key="value:a1"] [data-whole]')
    page.keyboard.press("Enter")
    cells = [text.replace("−", "-") for text in page.locator("dialog td").all_text_contents()]
    assert [float(cell) for cell in cells] == pytest.approx(
        explorer.trace.values["a1"].value.numbers, rel=6e-3, abs=1e-3
    )
    assert "all of [5×6]" in page.inner_text("dialog p")
    page.keyboard.press("Escape")
    assert page.locator("dialog[open]").count() == 0
    assert page.evaluate("document.activeElement.closest('[data-key]').dataset.key") == "value:a1"


def test_a_wrong_edge_is_outlined_and_said(show):  # noqa: F811
    graph = Graph("x", "y", "z")
    graph.add("q", Add(), "x", "y")
    graph.add("f", Swapped(), "q", "z")
    page = show(explore(graph, check=True, x=-2.0, y=5.0, z=-4.0))
    assert not page.locator(".ml-mark").first.is_visible()
    page.click('[data-action="last"]')
    assert page.locator(".ml-edge.ml-wrong").evaluate_all(
        "found => found.map((edge) => edge.dataset.edge)"
    ) == ["f:0", "f:1"]
    assert page.locator(".ml-mark").all_text_contents() == [
        "✗ q: yours 3, numeric −4.00",
        "✗ z: yours −4, numeric 3.00",
    ]
    assert problems(page.evaluate(BOXES)) == []


def test_where_a_forward_breaks_off_is_marked(show):  # noqa: F811
    graph = Graph("x")
    graph.add("h", Tanh(), "x")
    graph.add("bad", Mismatch(), "h")
    graph.add("out", Tanh(), "bad")
    page = show(explore(graph, x=[[1.0, 2.0]]))
    page.click('[data-action="last"]')
    assert page.locator(".ml-node.ml-failed").evaluate_all(
        "found => found.map((node) => node.dataset.node)"
    ) == ["bad"]
    assert "breaks off: RuntimeError" in page.inner_text(".ml-sentence")
    assert "cannot be multiplied" in " ".join(page.locator('[data-key="note:bad"] text').all_text_contents())
    assert problems(page.evaluate(BOXES)) == []
    page.click('[data-action="first"]')
    assert page.locator(".ml-node.ml-failed").count() == 0


def test_jumping(show):  # noqa: F811
    page = show(explored("neuron"))
    page.click('[data-node="d"]')
    assert page.inner_text(".ml-counter").startswith("Step 7 of")
    page.click('[data-node="d"]')
    assert "backward" in page.inner_text(".ml-counter")
    page.focus(".ml-timeline")
    page.keyboard.press("Home")
    assert page.inner_text(".ml-counter").startswith("Step 0 of")
    page.keyboard.press("ArrowRight")
    assert page.inner_text(".ml-counter").startswith("Step 1 of")


def test_a_wide_graph_is_followed_or_fitted(show):  # noqa: F811
    page = show(explored("lstm"))
    assert page.is_visible('[data-action="fit"]')
    inside = """() => {
      const [a, b] = [".ml-node.ml-active", ".ml-stage"].map((s) => document.querySelector(s).getBoundingClientRect());
      return a.left >= b.left && a.right <= b.right; }"""
    for action in ("forward", "last"):
        page.click(f'[data-action="{action}"]')
        page.wait_for_function(inside)
    page.click('[data-action="fit"]')
    assert page.evaluate("(s => s.scrollWidth <= s.clientWidth + 1)(document.querySelector('.ml-stage'))")
    narrow = show(explored("product"))
    assert not narrow.is_visible('[data-action="fit"]')


def test_a_high_graph_shrinks_until_it_fits_the_window(show):  # noqa: F811
    lowest = (
        "Math.max(...[...document.querySelectorAll('.ml-explorer *')].map(e => "
        "e.getBoundingClientRect().bottom))"
    )
    page = show(explored("layer"))
    page.set_viewport_size({"width": 1280, "height": 1200})
    natural = page.locator(".ml-drawing").bounding_box()["height"]
    assert not page.is_visible('[data-action="fit"]')
    page.set_viewport_size({"width": 1280, "height": 720})
    assert page.evaluate(lowest) <= 720
    readable = page.locator(".ml-drawing").bounding_box()["height"]
    assert readable == pytest.approx(LEAST * natural, rel=0.01)
    page.click('[data-action="fit"]')
    assert page.locator(".ml-drawing").bounding_box()["height"] < readable
    cnn = show(explored("residual_cnn"))
    cnn.set_viewport_size({"width": 1280, "height": 720})
    assert cnn.evaluate(lowest) > 720
    cnn.click('[data-action="fit"]')
    assert cnn.evaluate(lowest) <= 720


def test_a_widgets_wishes_are_granted():
    case = graphs.mlp()
    explorer = explore(case.graph, **case.inputs)
    widget = explorer.widget
    widget.wish = {"fold": "a3", "time": 1}
    assert [part["folded"] for part in widget.picture["parts"]] == [True]
    assert json.loads(widget.trace)["nodes"][2]["id"] == "a3"
    widget.wish = {"fold": "a3", "time": 2}
    assert len(json.loads(widget.trace)["nodes"]) == 5
    widget.wish = {"whole": "grad:a1.weight", "time": 3}
    assert widget.whole["shape"] == (6, 4)
    assert len(widget.whole["numbers"]) == 24
    json.dumps([widget.picture, widget.trace, widget.whole], allow_nan=False)


def test_large_tensors_are_shown_whole_on_request():
    graph = Graph("x", "y")
    graph.add("p", Multiply(), "x", "y")
    table = [[float(10 * row + column) for column in range(20)] for row in range(15)]
    explorer = explore(graph, x=table, y=table)
    widget = explorer.widget
    assert len(explorer.trace.values["x"].value.numbers) == 64
    widget.wish = {"whole": "value:x", "time": 1}
    assert widget.whole["numbers"] == [number for row in table for number in row]
    assert (widget.whole["rows"], widget.whole["columns"]) == (15, 20)
