"""How fast the explorer answers in the browser: a step, a slider, a large graph, against matplotlib.

A real JupyterLab in headless Chromium. The peer is what one would write without the explorer: the same
graph's values and gradients drawn by matplotlib into an image, moved by ipywidgets' buttons and sliders. Both
stand in one notebook and are moved in turns; every time ends when the new picture is on the screen.

    python benchmarks/explorer.py [--quick]
"""

import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import nbformat
import typer

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

SETUP = """
import io, json
import ipywidgets, torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from course import Chain, Graph, generator
from course.explorer import explore, trace
from course.explorer.layout import layout
from course.modules import Add, Exp, Linear, Multiply, Negate, ReLU, Reciprocal, Tanh

print("ready")
neuron = Graph("w0", "x0", "w1", "x1", "w2")
neuron.add("a", Multiply(), "w0", "x0")
neuron.add("b", Multiply(), "w1", "x1")
neuron.add("c", Add(), "a", "b")
neuron.add("s", Add(), "c", "w2")
neuron.add("n", Negate(), "s")
neuron.add("e", Exp(), "n")
neuron.add("d", Add(), "e", 1.0)
neuron.add("f", Reciprocal(), "d")
GIVEN = {"w0": 2.0, "x0": -1.0, "w1": -3.0, "x1": -2.0, "w2": -3.0}

def network(nodes):
    graph, names = Graph("x", "y"), ["x", "y"]
    for number in range(nodes):
        kind = (Add, Multiply, Tanh)[number % 3]
        graph.add(f"n{number}", kind(), *(names[-1:] if kind is Tanh else names[-2:]))
        names.append(f"n{number}")
    return graph
"""

OURS = "explore(neuron, **GIVEN)"

PEER = """
def draw(found, step, size=(12.5, 4)):
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    axes, places = figure.add_subplot(), layout(found)
    axes.axis("off")
    axes.invert_yaxis()
    now = found.events[step - 1] if step else found.start
    shown = {key for event in (found.start, *found.events[:step]) for key, _ in event.shows}
    for edge in places.edges:
        axes.plot(*zip(*edge.points), color="0.6", lw=1)
    for node in places.nodes:
        axes.text(node.body.center, node.body.middle, node.text, ha="center", va="center",
                  bbox=dict(boxstyle="circle", fc="#fff3b0" if node.id == now.node else "white"))
    for stem in places.stems:
        value = found.values[stem.name]
        if f"value:{stem.name}" in shown:
            axes.text(stem.value.center, stem.value.middle, value.value.text, color="#005A9C", ha="center")
        if f"grad:{stem.name}" in shown:
            axes.text(stem.grad.center, stem.grad.middle, value.grad.text, color="#B8430B", ha="center")
    axes.set_title(now.sentence)
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=100)
    return buffer.getvalue()

state = {"given": dict(GIVEN), "step": 0}
image = ipywidgets.Image(format="png")
image.add_class("peer-image")
button = ipywidgets.Button(description="Step")
button.add_class("peer-step")
slider = ipywidgets.FloatSlider(value=2.0, min=-5, max=5, step=0.01, description="w0")
slider.add_class("peer-slider")

def show():
    image.value = draw(trace(neuron, state["given"]), state["step"])

def step(_):
    state["step"] = (state["step"] + 1) % 21
    show()

def slide(change):
    state["given"]["w0"] = change["new"]
    show()

button.on_click(step)
slider.observe(slide, names="value")
show()
ipywidgets.VBox([button, slider, image])
"""

LARGE = "explore(network(300), x=0.3, y=0.2)"
LARGE_PEER = """
from IPython.display import Image as Shown
Shown(draw(trace(network(300), {"x": 0.3, "y": 0.2}), 0, size=(60, 4)))
"""
PAYLOAD = """
rng = generator(0)
mlp = Chain(Linear(64, 32, rng=rng), ReLU(), Linear(32, 16, rng=rng), Tanh(), Linear(16, 10, rng=rng))
moved = explore(mlp, x=torch.randn(32, 64, generator=rng, device=rng.device))
moved.widget
print(len(json.dumps(moved.widget.trace)))
"""

# Milliseconds until the picture that `act` leads to has been painted.
TIMED = """async ({act, done}) => {
  const wait = (0, eval)(done);
  const finished = wait();
  const began = performance.now();
  (0, eval)(act)();
  await finished;
  await new Promise((painted) => requestAnimationFrame(() => setTimeout(painted, 0)));
  return performance.now() - began;
}"""

STEP = "() => { const b = document.querySelector('.ml-explorer [data-action=step]'); \
(b.disabled ? document.querySelector('.ml-explorer [data-action=first]') : b).click(); }"
STEPPED = "() => Promise.resolve()"
SLIDE = """() => { const s = document.querySelector('.ml-explorer [data-input=w0]');
  s.value = Number(s.value) > 0 ? -1.5 - Math.random() : 1.5 + Math.random();
  s.dispatchEvent(new Event('input')); }"""
SLID = """() => new Promise((done) => {
  const label = document.querySelector('.ml-explorer [data-value-of=w0]');
  new MutationObserver((_, watcher) => { watcher.disconnect(); done(); }).observe(label, {attributes: true});
})"""
PEER_STEP = "() => document.querySelector('.peer-step').click()"
PEER_SLIDE = """() => { const s = document.querySelector('.peer-slider .noUi-handle'); s.focus();
  s.dispatchEvent(new KeyboardEvent('keydown',
    {key: 'ArrowRight', code: 'ArrowRight', keyCode: 39, bubbles: true})); }"""
PEER_DONE = (
    "() => new Promise((done) => document.querySelector('img.peer-image').addEventListener('load', "
    "done, {once: true}))"
)


def notebook(path: Path, *cells: str) -> None:
    """Write a notebook with these cells."""
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell.strip()) for cell in cells])
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(made, path)


WATCH = """({number, shown}) => {
  const cell = document.querySelectorAll(".jp-CodeCell")[number];
  const there = () => cell.querySelector(".jp-OutputArea " + shown);
  window.shownAt = new Promise((done) => {
    const watcher = new MutationObserver(async () => {
      const picture = there();
      if (!picture) return;
      watcher.disconnect();
      if (picture.tagName === "IMG") await picture.decode();
      requestAnimationFrame(() => setTimeout(() => done(performance.now()), 0));
    });
    watcher.observe(cell, {childList: true, subtree: true, attributes: true});
  });
  addEventListener("keydown", () => { window.pressedAt = performance.now(); }, {once: true, capture: true});
}"""


SHOWN = """async () => {
  const late = new Promise((_, fail) =>
    setTimeout(() => fail(new Error("nothing was shown within a minute")), 60_000));
  return (await Promise.race([window.shownAt, late])) - window.pressedAt;
}"""


def run_cell(page, number: int, shown: str) -> float:
    """Run one cell; the milliseconds from the key press until what it shows has been painted."""
    cell = page.locator(".jp-CodeCell").nth(number)
    cell.scroll_into_view_if_needed()
    cell.locator(".cm-content").click()
    area = cell.locator(".jp-OutputArea").first
    area.evaluate("area => area.replaceChildren()")
    page.evaluate(WATCH, {"number": number, "shown": shown})
    page.keyboard.press("Control+Enter")
    return page.evaluate(SHOWN)


def measure(rounds: int, draws: int) -> dict[str, list[float]]:
    """All times in milliseconds, ours and the peer's in turns."""
    from playwright.sync_api import sync_playwright

    from tests.conftest import CHROMIUM_OPTIONS, find_chromium, running_jupyter

    times: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        folder = Path(scratch) / "class"
        folder.mkdir()
        notebook(folder / "measured.ipynb", SETUP, OURS, PEER, LARGE, LARGE_PEER, PAYLOAD)
        settings = Path(scratch) / "jupyter" / "settings" / "@jupyterlab" / "notebook-extension"
        settings.mkdir(parents=True)
        # Cells out of sight stay on the page, where they can be found and run.
        (settings / "tracker.jupyterlab-settings").write_text('{"windowingMode": "none"}')
        with running_jupyter(folder, Path(scratch) / "jupyter") as address:
            browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_OPTIONS)
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.set_default_timeout(60_000)
            page.goto(f"{address}/lab/tree/measured.ipynb")
            page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").first.wait_for()
            page.locator(".jp-CodeCell").first.wait_for()
            run_cell(page, 0, "pre")
            run_cell(page, 1, ".ml-node")
            run_cell(page, 2, "img.peer-image[src]")
            moves = {
                "step": (STEP, STEPPED),
                "peer_step": (PEER_STEP, PEER_DONE),
                "slider": (SLIDE, SLID),
                "peer_slider": (PEER_SLIDE, PEER_DONE),
            }
            for turn in range(rounds + 3):
                for name, (act, done) in moves.items():
                    took = page.evaluate(TIMED, {"act": act, "done": done})
                    if turn >= 3:  # the first ones warm up both
                        times.setdefault(name, []).append(took)
            for turn in range(draws + 1):
                for name, number, shown in (("draw_300", 3, ".ml-node"), ("peer_draw_300", 4, "img[src]")):
                    took = run_cell(page, number, shown)
                    if turn:
                        times.setdefault(name, []).append(took)
            run_cell(page, 5, "pre")
            said = page.locator(".jp-CodeCell").nth(5).locator(".jp-OutputArea pre").first.inner_text()
            times["payload"] = [float(said) / 1000]
            browser.close()
    return times


def main(quick: Annotated[bool, typer.Option(help="few rounds, within a minute")] = False) -> None:
    """Measure in turns; print a table and, as the last line, medians and ratios as JSON."""
    times = measure(*((8, 1) if quick else (60, 5)))
    middle = {name: statistics.median(found) for name, found in times.items()}
    print(f"{'':24}{'explorer':>12}{'matplotlib':>12}{'ratio':>8}")
    for name in ("step", "slider", "draw_300"):
        ours, theirs = middle[name], middle[f"peer_{name}"]
        print(f"{name:24}{ours:9.1f} ms{theirs:9.1f} ms{theirs / ours:7.1f}×")
    print(f"{'payload of an MLP':24}{middle['payload']:9.1f} kB")
    found = {f"{name}_ms": round(middle[name], 1) for name in ("step", "slider", "draw_300")}
    found["payload_kb"] = round(middle["payload"], 1)
    found["speedup_matplotlib"] = round(
        min(middle[f"peer_{name}"] / middle[name] for name in ("step", "slider")), 1
    )
    print(json.dumps(found))


if __name__ == "__main__":
    typer.run(main)
