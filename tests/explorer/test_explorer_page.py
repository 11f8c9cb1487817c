"""The explorer's page without Python, in a browser: every number, button and key, and room for all labels."""

import json
import re
import time

import pytest

from course import Graph
from course.explorer import explore
from course.explorer.explorer import ExplorerWidget
from course.modules import Add, Multiply, Reciprocal
from tests.explorer import graphs

HOSTILE = "</script><img src=x onerror=alert(1)>\"'&"

# Every label, node and heat map that can be seen, as [name, left, top, right, bottom] in pixels.
BOXES = """() => {
  const drawing = document.querySelector(".ml-stage svg");
  const seen = (found) => getComputedStyle(found).visibility !== "hidden" && found.getBoundingClientRect().width > 0;
  const box = (found, name) => {
    const { left, top, right, bottom } = found.getBoundingClientRect();
    return [name, left, top, right, bottom];
  };
  const alone = (found) => !found.closest(".ml-cell, .ml-mark") && !found.matches(".ml-sign");
  const texts = [...drawing.querySelectorAll("text")].filter((found) => seen(found) && alone(found));
  const rects = [...drawing.querySelectorAll(".ml-node > rect, .ml-mark > rect")].filter(seen);
  const maps = [...drawing.querySelectorAll("[data-whole]")].filter((map) => seen(map.querySelector("rect"))).map((map) => {
    const sides = [...map.querySelectorAll("rect")].map((cell) => cell.getBoundingClientRect());
    const far = (pick, side) => Math[pick](...sides.map((box) => box[side]));
    return ["heat map", far("min", "left"), far("min", "top"), far("max", "right"), far("max", "bottom")];
  });
  const inner = [...drawing.querySelectorAll(".ml-sign, .ml-cell text, .ml-mark text")].filter((t) => seen(t) && t.textContent);
  return {
    frame: box(drawing, "frame"),
    outer: [
      ...texts.map((t) => box(t, t.textContent)),
      ...rects.map((r) => box(r, r.parentNode.dataset.node ?? "mark")),
      ...maps,
    ],
    inner: inner.map((t) => [box(t, t.textContent), box(t.parentNode.querySelector("rect"), "its rectangle")]),
    sizes: texts.map((t) => parseFloat(getComputedStyle(t).fontSize) * drawing.getScreenCTM().a),
  };
}"""


KEYS_IN_SIGHT = """() => [...document.querySelectorAll("[data-key]")]
  .filter((found) => found.getBoundingClientRect().width > 0).map((found) => found.dataset.key)"""


def problems(found: dict, slack: float = 0.6) -> list[str]:
    """What overlaps or is cut off, in words. Neighbor cells share a side: `slack` pixels are no overlap."""
    outer, sentences = found["outer"], []
    for index, (name, left, top, right, bottom) in enumerate(outer):
        for other, left2, top2, right2, bottom2 in outer[index + 1 :]:
            if (
                min(right, right2) - max(left, left2) > slack
                and min(bottom, bottom2) - max(top, top2) > slack
            ):
                sentences.append(f"'{name}' overlaps '{other}'")
    pairs = [*((box, found["frame"]) for box in outer), *found["inner"]]
    for (name, left, top, right, bottom), (around, left2, top2, right2, bottom2) in pairs:
        if left < left2 - slack or top < top2 - slack or right > right2 + slack or bottom > bottom2 + slack:
            sentences.append(f"'{name}' is not inside {around}")
    return sentences


@pytest.fixture
def show(page, tmp_path):
    """Open an explorer's page; fails on any script error or request beyond the page itself."""
    trouble: list[str] = []
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("request", lambda request: request.url.endswith("page.html") or trouble.append(request.url))

    def open_page(*explorers):
        html = "".join(explorer.to_html() for explorer in explorers)
        (tmp_path / "page.html").write_text(html, encoding="utf-8")
        page.goto((tmp_path / "page.html").as_uri())
        page.wait_for_selector(".ml-counter")
        return page

    yield open_page
    assert trouble == []


def explored(name: str):
    case = graphs.ALL[name]()
    return explore(case.graph, **case.inputs)


def number(page, hook: str) -> float:
    return float(page.locator(hook).first.get_attribute("data-exact"))


@pytest.mark.browser
@pytest.mark.parametrize("name", ["product", "neuron", "fraction"])
def test_stepping_shows_every_number_at_its_turn(show, name):
    explorer = explored(name)
    page = show(explorer)
    shown = {key for key, _ in explorer.trace.start.shows}
    for event in explorer.trace.events:
        page.click('[data-action="step"]')
        assert page.inner_text(".ml-sentence") == event.sentence
        shown |= {key for key, _ in event.shows}
        latest = dict(event.shows)
        seen = page.evaluate(KEYS_IN_SIGHT)
        kinds = ("value:", "grad:")
        assert {key for key in seen if key.startswith(kinds)} == {
            key for key in shown if key.startswith(kinds)
        }
        for key, array in latest.items():
            kind, value = key.split(":", 1)
            if kind in ("value", "grad"):
                assert number(page, f'[data-{kind}-of="{value}"]') == array.numbers[0]
                assert page.text_content(f'[data-{kind}-of="{value}"]') == array.text
        if event.position is not None:
            local = page.locator(f'[data-key="local:{event.node}:{event.position}"] text')
            assert local.is_visible()
            read = next(node for node in explorer.trace.nodes if node.id == event.node).reads[event.position]
            assert local.get_attribute("data-local") == f"{event.node}<-{read.source}"
            assert local.text_content().endswith(f" = {read.local.text}")
    assert page.inner_text(".ml-counter").startswith(
        f"Step {len(explorer.trace.events)} of {len(explorer.trace.events)}"
    )


@pytest.mark.browser
def test_numbers_of_the_lecture_are_on_the_page(show):
    page = show(explored("product"))
    page.click('[data-action="last"]')
    expected = {"x": (-2, -4), "y": (5, -4), "z": (-4, 3), "q": (3, -4), "f": (-12, 1)}
    for name, (value, grad) in expected.items():
        assert number(page, f'[data-value-of="{name}"]') == value
        assert number(page, f'[data-grad-of="{name}"]') == grad


@pytest.mark.browser
def test_every_button_and_key(show):
    page = show(explored("product"))

    def step() -> int:
        return int(re.match(r"Step (\d+)", page.inner_text(".ml-counter"))[1])

    for action, expected in [("step", 1), ("forward", 2), ("last", 7), ("back", 6), ("first", 0)]:
        page.click(f'[data-action="{action}"]')
        assert step() == expected, action
    page.focus(".ml-explorer")
    for key, expected in [("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1), ("End", 7), ("Home", 0)]:
        page.keyboard.press(key)
        assert step() == expected, key
    page.keyboard.press("Space")
    assert page.inner_text('[data-action="play"]') == "Pause"
    page.wait_for_function(
        "document.querySelector('.ml-counter').textContent.startsWith('Step 1')", timeout=5000
    )
    page.keyboard.press("Space")
    assert page.inner_text('[data-action="play"]') == "Play"
    page.keyboard.press("End")
    page.focus('[data-action="back"]')
    page.keyboard.press("Space")  # Space on a button presses the button
    assert step() == 6
    page.click('[data-action="step"]')  # the last step disables the button under the keyboard's focus
    page.keyboard.press("ArrowLeft")
    assert step() == 6
    unmarked = page.evaluate(
        "[...document.querySelectorAll('button, input, [tabindex]')].filter(f => "
        "!f.dataset.lmSuppressShortcuts)"
    )
    assert unmarked == []


@pytest.mark.browser
@pytest.mark.parametrize("width", [1000, pytest.param(1280, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", graphs.ALL)
def test_no_label_overlaps_or_is_cut_off_at_any_step(show, name, width):
    explorer = explored(name)
    page = show(explorer)
    page.set_viewport_size({"width": width, "height": 720})
    every_step = f"""() => Array.from({{length: {len(explorer.trace.events)}}}, () => {{
      document.querySelector('[data-action="step"]').click();
      return ({BOXES})();
    }})"""
    for found in page.evaluate(every_step):
        assert problems(found) == []
    assert len(found["outer"]) > 10
    assert min(found["sizes"]) > 11  # pixels at the smallest, on a slide 1000 pixels wide


@pytest.mark.browser
def test_the_measure_of_overlaps_sees_one(show):
    page = show(explored("product"))
    page.click('[data-action="last"]')
    assert problems(page.evaluate(BOXES)) == []
    lowered = float(page.get_attribute('[data-grad-of="q"]', "y")) - 3
    page.evaluate("y => document.querySelector('[data-value-of=q]').setAttribute('y', y)", lowered)
    assert any("overlaps" in problem for problem in problems(page.evaluate(BOXES)))
    page.evaluate("document.querySelector('[data-value-of=q]').setAttribute('y', -2000)")
    assert any("not inside" in problem for problem in problems(page.evaluate(BOXES)))


@pytest.mark.browser
def test_two_explorers_on_a_page_keep_apart(show):
    page = show(explored("product"), explored("product"))
    roots = page.locator(".ml-explorer")
    assert roots.count() == 2
    roots.nth(1).locator('[data-action="last"]').click()
    assert roots.nth(0).locator(".ml-counter").inner_text().startswith("Step 0")
    assert roots.nth(1).locator(".ml-counter").inner_text().startswith("Step 7")


@pytest.mark.browser
def test_hostile_names_are_harmless(show):
    graph = Graph("x", HOSTILE)
    graph.add("q", Add(), "x", HOSTILE)
    graph.add("<b>f</b>", Multiply(), "q", "x")
    explorer = explore(graph, **{"x": 2, HOSTILE: 3})
    page = show(explorer)  # an image or alert from the name would be a request or an error
    page.click('[data-action="last"]')
    assert page.locator("img").count() == 0
    assert page.locator("svg b").count() == 0
    assert HOSTILE in page.locator(".ml-input").all_text_contents()
    assert float(page.locator('[data-grad-of="q"]').get_attribute("data-exact")) == 2
    assert "<img" not in explorer.to_svg()


@pytest.mark.browser
def test_broken_numbers_are_drawn_as_such(show):
    graph = Graph("x")
    graph.add("r", Reciprocal(), "x")
    graph.add("f", Multiply(), "r", "x")
    page = show(explore(graph, x=0.0))
    page.click('[data-action="last"]')
    assert page.text_content('[data-value-of="r"]') == "∞"
    assert page.text_content('[data-value-of="f"]') == "NaN"
    assert "ml-broken" in page.get_attribute('[data-value-of="f"]', "class")


@pytest.mark.browser
def test_static_svg_is_a_document_of_its_own(page, tmp_path):
    (tmp_path / "graph.svg").write_text(explored("layer").to_svg(), encoding="utf-8")
    page.goto((tmp_path / "graph.svg").as_uri())
    assert page.evaluate("document.documentElement.tagName") == "svg"
    assert page.evaluate("document.querySelectorAll('.ml-cell').length") > 50
    assert page.evaluate("document.querySelector('title').textContent") == "Computational graph of loss"
    assert (
        page.evaluate("getComputedStyle(document.querySelector('.ml-value .ml-caption')).fill")
        == "rgb(0, 90, 156)"
    )


def test_a_slider_moves_only_what_it_must():
    explorer = explored("product")
    widget = explorer.widget
    before = widget.picture
    sent: list[str] = []
    widget.observe(lambda change: sent.append(change["name"]), names=["trace", "picture"])
    widget.wish = {"values": {"x": 1.5}, "time": 1}
    assert explorer.trace.values["q"].value.numbers == (6.5,)
    trace = json.loads(widget.trace)
    assert trace["arrays"][trace["values"]["f"]]["numbers"] == [-26.0]
    assert sent == ["trace"]  # the drawing is not sent again
    assert widget.picture is before
    explorer.set(z=2)
    assert explorer.trace.values["f"].value.numbers == (13.0,)
    with pytest.raises(ValueError, match="'w' is not an input"):
        explorer.set(w=1)
    assert explorer.trace.values["f"].value.numbers == (13.0,)
    explorer.set(x=[1.0, 2.0])
    assert sent[-1] == "picture"  # another shape is another drawing
    assert [slider["name"] for slider in before["controls"]] == ["x", "y", "z"]
    assert (before["controls"][0]["low"], before["controls"][0]["high"], before["controls"][0]["step"]) == (
        -5,
        5,
        0.01,
    )


def test_a_graded_run_makes_no_widget(monkeypatch):
    made: list[int] = []
    monkeypatch.setattr(ExplorerWidget, "__init__", lambda self, **_: made.append(1))
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    bundle = explored("product")._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html"}
    assert made == []


def test_the_bundle_carries_the_widget_and_the_page():
    bundle = explored("product")._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    data = re.search(r'<script type="application/json">(.*?)</script>', bundle["text/html"])[1]
    assert json.loads(json.loads(data)["views"][""]["trace"])["outputs"] == ["f"]


def test_a_change_of_an_input_is_quick():
    explorer = explored("neuron")
    start = time.perf_counter()
    for step in range(10):
        explorer.set(w0=step)
    # seconds; a drag needs several a second even on a slow machine
    assert (time.perf_counter() - start) / 10 < 0.25
