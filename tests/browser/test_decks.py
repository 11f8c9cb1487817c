"""Each lecture as slides, in a real JupyterLab: no slide is larger than the screen.

The lecture was run before, by the worker that tests it, and is opened with its outputs: what a slide needs is
as large then. `DECK_SHOTS=folder` keeps a picture of each slide there, to be looked at.
"""

import os
import runpy
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.sign import NotebookNotary

from tests.conftest import running_jupyter
from tests.notebooks import each_lecture, lecture

pytestmark = pytest.mark.browser

MOST_SLIDES = 120
"""More looks than any lecture needs: a deck that never ends fails."""

MEASURE = """() => {
  const shown = [...document.querySelectorAll(".jp-deck-mod-visible")].filter((cell) => cell.offsetHeight);
  const boxes = shown.map((cell) => cell.getBoundingClientRect());
  const cut = [];
  for (const cell of shown)
    for (const part of cell.querySelectorAll("svg, img, pre, table, mjx-container, .ml-explorer, .ml-live")) {
      const box = part.getBoundingClientRect();
      if (box.width && box.right > innerWidth + 1) cut.push(part.tagName + " ends at " + Math.round(box.right));
    }
  if (shown.length) shown[0].dataset.slide ??= window.walkedSlides = (window.walkedSlides ?? 0) + 1;
  return {
    number: Number(shown[0]?.dataset.slide ?? 0),
    title: shown.map((cell) => cell.innerText.trim().split("\\n")[0]).find((line) => line) ?? "",
    bottom: Math.max(0, ...boxes.map((box) => box.bottom)),
    missing: shown.some((cell) => cell.innerText.includes("model not found")),
    top: Math.min(innerHeight, ...boxes.map((box) => box.top)),
    cut,
  };
}"""


@dataclass(frozen=True)
class Stage:
    """A JupyterLab with the settings of `make present`."""

    address: str
    folder: Path
    data: Path

    def place(self, notebook: NotebookNode, name: str) -> None:
        """Put a run notebook where JupyterLab shows it, trusted, since its pictures are alive."""
        nbformat.write(notebook, self.folder / name)
        notary = NotebookNotary(data_dir=str(self.data))
        notary.sign(nbformat.read(self.folder / name, as_version=4))
        notary.store.close()


@pytest.fixture(scope="session")
def stage(root, tmp_path_factory):
    present = runpy.run_path(str(root / "course" / "jupyter" / "present.py"))
    scratch, folder = tmp_path_factory.mktemp("present"), tmp_path_factory.mktemp("stage")
    before = dict(os.environ)
    os.environ.update(present["environment"](scratch))
    try:
        with running_jupyter(folder, scratch) as address:
            yield Stage(address, folder, scratch / "JUPYTER_DATA_DIR")
    finally:
        os.environ.clear()
        os.environ.update(before)


TURN = """async (ways) => {
  const wait = (time) => new Promise((done) => setTimeout(done, time));
  const look = (way) => document.querySelector(`.jp-Deck-Remote .jp-deck-mod-direction-${way}:not(.jp-mod-disabled)`);
  const button = () => ways.map(look).find((found) => found);
  let turned = 0;
  for (let found = button(); found; found = ways[0] === "down" && button()) {
    found.click();
    turned += 1;
    await wait(80);  // until the buttons know what comes next
  }
  return turned;
}"""
"""Shows all parts of a slide (["down"]), or the next slide (["forward"])."""


def walk(page) -> tuple[int, list[str], str]:
    """Go through an open deck.

    Returns how many slides it has, what does not fit, and the first slide whose picture is not alive.
    """
    faults, slides = [], 0
    # a press that comes too early turns nothing: that slide is then looked at again
    for _ in range(MOST_SLIDES):
        page.evaluate(TURN, ["down"])
        page.wait_for_timeout(200)  # formulas and pictures take their places
        slide = page.evaluate(MEASURE)
        slides = max(slides, slide["number"])
        name = f"slide {slide['number']}, {slide['title']!r}"
        if slide["missing"]:
            return slides, faults, name
        if "DECK_SHOTS" in os.environ:
            page.screenshot(path=Path(os.environ["DECK_SHOTS"]) / f"{slide['number']:02}.png")
        if slide["bottom"] > 720 or slide["top"] < 0:
            faults.append(f"{name}, runs from {slide['top']:.0f} to {slide['bottom']:.0f} of 720")
        faults += [f"{name}: {part} of 1280" for part in slide["cut"]]
        if not page.evaluate(TURN, ["forward"]):
            break
    return slides, faults, ""


@each_lecture("path", quick=("03",))
def test_no_slide_overflows(path, stage, page):
    stage.place(lecture(path).notebook, path.name)
    page.set_default_timeout(60_000)
    for attempt in range(4):  # JupyterLab forgets pictures that it has restored, when the kernel comes late
        page.goto(f"{stage.address}/lab/workspaces/{path.stem}-{attempt}/tree/{path.name}")
        page.locator('body[data-jp-deck-mode="presenting"] .jp-Deck').wait_for()
        page.locator(".jp-deck-mod-onscreen .jp-MarkdownOutput h1").wait_for()
        page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").first.wait_for(state="attached")
        slides, faults, dead = walk(page)
        if not dead:
            break
    assert not dead, f"{dead}: its picture is not alive"
    wanted = sum(
        cell.metadata.get("slideshow", {}).get("slide_type") == "slide"
        for cell in lecture(path).notebook.cells
    )
    assert slides == wanted
    assert not faults, "\n".join(faults)
