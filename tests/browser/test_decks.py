"""Each lecture as slides, in a real JupyterLab: no slide is larger than the screen.

The lecture was run before, by the worker that tests it, and is opened with its outputs: what a slide needs is as large then.
`DECK_SHOTS=folder` keeps a picture of each slide there, to be looked at.
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
"""More than any lecture has: a deck that never ends fails."""

MEASURE = """() => {
  const shown = [...document.querySelectorAll(".jp-deck-mod-visible")].filter((cell) => cell.offsetHeight);
  const boxes = shown.map((cell) => cell.getBoundingClientRect());
  const cut = [];
  for (const cell of shown)
    for (const part of cell.querySelectorAll("svg, img, pre, table, mjx-container, .ml-explorer, .ml-live")) {
      const box = part.getBoundingClientRect();
      if (box.width && box.right > innerWidth + 1) cut.push(part.tagName + " ends at " + Math.round(box.right));
    }
  return {
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


def turn(page, way: str) -> bool:
    """Show the next part of a slide ("down") or the next slide ("forward"); False where there is none."""
    button = page.locator(f".jp-Deck-Remote .jp-deck-mod-direction-{way}:not(.jp-mod-disabled)")
    if there := button.count() > 0:
        button.click()
    return there


@each_lecture("path")
def test_no_slide_overflows(path, stage, page):
    stage.place(lecture(path).notebook, path.name)
    page.set_default_timeout(60_000)
    page.goto(f"{stage.address}/lab/workspaces/{path.stem}/tree/{path.name}")
    page.locator('body[data-jp-deck-mode="presenting"] .jp-Deck').wait_for()
    page.locator(".jp-deck-mod-onscreen .jp-MarkdownOutput h1").wait_for()
    faults, slides = [], 0
    while slides < MOST_SLIDES:
        while turn(page, "down"):
            pass
        page.wait_for_timeout(300)  # formulas and pictures take their places
        slides += 1
        slide = page.evaluate(MEASURE)
        if "DECK_SHOTS" in os.environ:
            page.screenshot(path=Path(os.environ["DECK_SHOTS"]) / f"{slides:02}.png")
        if slide["bottom"] > 720 or slide["top"] < 0:
            faults.append(f"slide {slides}, {slide['title']!r}, runs from {slide['top']:.0f} to {slide['bottom']:.0f} of 720")
        faults += [f"slide {slides}, {slide['title']!r}: {part} of 1280" for part in slide["cut"]]
        assert not slide["missing"], f"slide {slides}, {slide['title']!r}: its picture is not alive"
        if not turn(page, "forward"):
            break
    assert 8 < slides < MOST_SLIDES
    assert not faults, "\n".join(faults)
