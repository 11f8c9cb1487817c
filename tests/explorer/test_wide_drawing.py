"""A drawing far wider than the window: what is out of sight is inserted when it comes into sight.

It misses nothing then.
"""

import json
from pathlib import Path

import pytest

from course import Graph
from course.explorer import explore
from course.explorer.drawing import STRIP
from course.modules import Add, Cos, Multiply
from course.widgets import script
from tests.explorer import graphs

NODES = 300
WINDOW = 1000  # pixels
LIVE = """<!DOCTYPE html><html><head><meta charset="utf-8"><style>{style}</style></head>
<body><div id="cell" style="width: {width}px"></div><script type="application/json">{state}</script>
<script type="module">{script}
const state = JSON.parse(document.querySelector("script").textContent);
const model = {{ get: (name) => state[name], set() {{}}, save_changes() {{}}, on() {{}}, off() {{}} }};
render({{ model, el: document.querySelector("#cell") }});
</script></body></html>"""

IN_DOCUMENT = "() => [...document.querySelectorAll('[data-node]')].map((found) => found.dataset.node)"
IN_SIGHT = """() => {
  const frame = document.querySelector(".ml-stage").getBoundingClientRect();
  const inside = ({ left, right }) => right > frame.left && left < frame.right;
  return [...document.querySelectorAll("[data-node]")].filter((found) => inside(found.getBoundingClientRect()))
    .map((found) => found.dataset.node);
}"""
NUMBERS = """() => Object.fromEntries([...document.querySelectorAll("[data-key]")]
  .filter((found) => found.getClientRects().length)
  .map((found) => [found.dataset.key, found.querySelector("[data-exact]").dataset.exact]))"""
PLACES = """() => {
  const whole = document.querySelector(".ml-drawing").getBoundingClientRect();
  return Object.fromEntries([...document.querySelectorAll("[data-node], [data-edge], [data-stem], [data-key]")].map((found) => {
    const { left, top, width } = found.getBoundingClientRect();
    const name = found.dataset.node ?? found.dataset.edge ?? found.dataset.stem ?? found.dataset.key;
    return [`${found.classList[0]} ${name}`, [left - whole.left, top - whole.top, width]];
  }));
}"""


def chain(nodes: int = NODES) -> Graph:
    """A long one: each node reads the two before it, or the one before it."""
    graph, names = Graph("x", "y"), ["x", "y"]
    for number in range(nodes):
        kind = (Add, Multiply, Cos)[number % 3]
        graph.add(f"n{number}", kind(), *(names[-1:] if kind is Cos else names[-2:]))
        names.append(f"n{number}")
    return graph


@pytest.fixture(scope="module")
def explorer():
    """The explorer of a graph with 300 nodes."""
    return explore(chain(), x=1.4, y=1.3)


@pytest.fixture
def live(page, tmp_path):
    """Open a widget as a notebook does; fails on any script error."""
    trouble: list[str] = []
    page.on("pageerror", lambda error: trouble.append(str(error)))

    def open_widget(explorer):
        widget = explorer.widget
        state = json.dumps({"picture": widget.picture, "trace": widget.trace}).replace("<", "\\u003c")
        source = script(Path(__file__).parents[2] / "course" / "explorer" / "explorer.js")
        html = LIVE.format(style=widget._css, width=WINDOW, state=state, script=source)
        (tmp_path / "live.html").write_text(html, encoding="utf-8")
        page.goto((tmp_path / "live.html").as_uri())
        page.wait_for_selector(".ml-counter")
        return page

    yield open_widget
    assert trouble == []


def numbers_shown(explorer, step: int) -> dict[str, float]:
    """What the trace says stands in the drawing after a step.

    The one local derivative that comes and goes is left out.
    """
    shown: dict[str, float] = {}
    for event in (explorer.trace.start, *explorer.trace.events[:step]):
        shown |= {key: array.numbers[0] for key, array in event.shows if not key.startswith("local:")}
    return shown


def scroll(page, share: float) -> None:
    page.evaluate(
        "share => { const s = document.querySelector('.ml-stage'); s.scrollLeft = share * s.scrollWidth; }",
        share,
    )
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)))")


@pytest.mark.browser
def test_only_what_is_near_the_window_is_made(live, explorer):
    page = live(explorer)
    made = page.evaluate(IN_DOCUMENT)
    assert 0 < len(made) < NODES / 5
    assert page.evaluate("() => document.querySelector('.ml-stage').scrollWidth") > 10 * WINDOW
    assert set(page.evaluate(IN_SIGHT)) < set(made), "some are ready beyond the edge of the window"
    everything = {node.id for node in explorer.trace.nodes}
    met: set[str] = set()
    for share in [number / 60 for number in range(61)]:
        scroll(page, share)
        seen = page.evaluate(IN_SIGHT)
        assert seen, f"nothing to be seen at {share:.0%} of the width"
        met |= set(seen)
    assert met == everything


@pytest.mark.browser
def test_what_comes_into_sight_shows_the_step_that_it_is(live, explorer):
    page = live(explorer)
    page.click('[data-action="forward"]')
    scroll(page, 0.5)
    found = page.evaluate(NUMBERS)
    wanted = numbers_shown(explorer, NODES)
    assert len(found) > 10
    assert {key: float(number) for key, number in found.items()} == {key: wanted[key] for key in found}
    assert not any(key.startswith("grad:") for key in found)


@pytest.mark.browser
def test_fitted_into_the_window_all_of_it_is_there(live, explorer, tmp_path):
    page = live(explorer)
    page.click('[data-action="last"]')
    page.click('[data-action="fit"]')
    assert sorted(page.evaluate(IN_DOCUMENT)) == sorted(node.id for node in explorer.trace.nodes)
    found = page.evaluate(NUMBERS)
    found = {key: float(number) for key, number in found.items() if not key.startswith("local:")}
    wanted = numbers_shown(explorer, len(explorer.trace.events))
    assert found == {key: wanted[key] for key in found}
    missing = wanted.keys() - found.keys()
    assert all(key.startswith("share:") for key in missing), (
        "a part of a sum is drawn only where there is a sum"
    )
    assert len(set(found.values())) > NODES
    in_strips = page.evaluate(PLACES)
    (tmp_path / "whole.html").write_text(explorer.to_html(), encoding="utf-8")
    page.goto((tmp_path / "whole.html").as_uri())
    page.wait_for_selector(".ml-counter")
    page.set_viewport_size({"width": WINDOW + 16, "height": 800})
    for action in ("last", "fit"):
        page.click(f'[data-action="{action}"]')
    whole = page.evaluate(PLACES)
    assert in_strips.keys() == whole.keys()
    assert all(in_strips[name] == pytest.approx(whole[name], abs=0.5) for name in whole)


@pytest.mark.browser
def test_where_something_happens_is_made_and_brought_into_sight(live, explorer):
    page = live(explorer)
    page.emulate_media(reduced_motion="reduce")
    page.click('[data-action="forward"]')
    last = f"n{NODES - 1}"
    assert page.evaluate("() => document.querySelector('.ml-node.ml-active').dataset.node") == last
    assert last in page.evaluate(IN_SIGHT)
    page.keyboard.press("ArrowRight")  # the gradient that everything starts from
    for event in explorer.trace.events[NODES + 1 : NODES + 4]:
        page.keyboard.press("ArrowRight")
        lit = page.locator(".ml-edge.ml-active").evaluate_all(
            "edges => edges.map((edge) => edge.dataset.edge)"
        )
        assert lit == [f"{event.node}:{event.position}"]
    page.keyboard.press("Home")
    assert "n0" in page.evaluate(IN_SIGHT)


@pytest.mark.browser
def test_strips_stand_in_the_order_of_the_drawing(live, explorer):
    page = live(explorer)
    for share in (0.9, 0.3, 0.6):
        scroll(page, share)
    order = [int(name.removeprefix("n")) for name in page.evaluate(IN_DOCUMENT)]
    starts = page.evaluate(
        "() => [...document.querySelectorAll('.ml-drawing > g')].map((g) => g.getBoundingClientRect().left)"
    )
    assert starts == sorted(starts)
    assert max(order) > 200
    assert min(order) == 0


def test_other_drawings_come_whole():
    for name, case in graphs.ALL.items():
        made = case()
        picture = explore(made.graph, **made.inputs).widget.picture
        if picture["strips"]:
            assert max(strip["right"] for strip in picture["strips"]) > 3 * STRIP, name
    narrow = graphs.ALL["neuron"]()
    assert explore(narrow.graph, **narrow.inputs).widget.picture["strips"] == ()
