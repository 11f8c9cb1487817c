"""Draws each figure of the course into docs/_build/gallery, with a page of them all: ``make gallery``."""

import argparse
import html
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch

from course.figures.registry import RegisteredFigure, all_figures

ROOT = Path(__file__).resolve().parent.parent
SLIDE = (1280, 720)
"""A slide's width and height in pixels: each picture is as large as fits."""

STYLE = """\
body { max-width: 1180px; margin: 0 auto; padding: 0 24px 64px; color: #1f1f1f; background: #fff;
  font: 17px/1.5 system-ui, sans-serif }
h1 { margin: 32px 0 8px } h2 { margin: 56px 0 0; padding-bottom: 4px; border-bottom: 2px solid #005a9c }
h3 { margin: 40px 0 4px; font-size: 20px } p { margin: 4px 0 12px }
img { display: block; max-width: 100%; height: auto; box-sizing: border-box;
  border: 1px solid #d9d9d9; border-radius: 4px }
pre { margin: 12px 0; padding: 10px 14px; overflow-x: auto; background: #f2f2f2;
  border-radius: 4px; font-size: 15px }
a { color: #005a9c } nav ul { columns: 3; padding-left: 20px } summary { cursor: pointer; color: #595959 }
nav li { break-inside: avoid }
"""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What the page says of a figure: its entry in the register, alt text, and size in pixels."""

    figure: RegisteredFigure
    alt: str
    width: int
    height: int


def entry(figure: RegisteredFigure, folder: Path | None = None) -> Entry:
    """Draw a figure as it is without arguments, and write its picture into the folder, if there is one."""
    drawn = figure.draw()
    wide, high = drawn.get_size_inches()
    dpi = int(min(SLIDE[0] / wide, SLIDE[1] / high))
    if folder is not None:
        (folder / f"{figure.name}.png").write_bytes(drawn.to_png(dpi=dpi))
    return Entry(figure=figure, alt=drawn.alt, width=int(wide * dpi), height=int(high * dpi))


def call(figure: RegisteredFigure) -> str:
    """What a notebook runs to show the figure, with its controls if it has some."""
    if figure.live:
        return f"from course.figures import {', '.join(sorted((figure.name, 'live')))}\n\nlive({figure.name})"
    return f"from course.figures import {figure.name}\n\n{figure.name}()"


def page(entries: Iterable[Entry], lectures: Path = ROOT / "lectures") -> str:
    """The page: a table of contents, then the figures by lecture; those of no lecture come last."""
    groups: dict[int, list[Entry]] = {}
    for item in sorted(entries, key=lambda item: (item.figure.lecture or 99, item.figure.name)):
        groups.setdefault(item.figure.lecture or 0, []).append(item)
    count = sum(map(len, groups.values()))
    listed = "".join(
        f'<li><a href="#{item.figure.name}">{item.figure.name}</a></li>'
        for group in groups.values()
        for item in group
    )
    parts = "".join(
        f"<section><h2>{html.escape(title(lecture, lectures))}</h2>{''.join(map(_shown, group))}</section>\n"
        for lecture, group in groups.items()
    )
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Figures of Modular '
        f"Learning</title>\n"
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head>\n'
        f"<body><header><h1>The figures of Modular Learning</h1><p>{count} figures. Each is a function that "
        f"computes what it "
        f"shows when it is called; in a notebook, <code>live</code> gives it sliders and "
        f"choices.</p></header>\n"
        f'<nav aria-label="Figures"><ul>{listed}</ul></nav>\n<main>\n{parts}</main></body></html>\n'
    )


def title(lecture: int, lectures: Path) -> str:
    """A lecture's number, and its topic where its notebook is there."""
    if not lecture:
        return "Further figures"
    topics = [path.stem[3:].replace("_", " ") for path in lectures.glob(f"{lecture:02d}_*.ipynb")]
    return f"Lecture {lecture:02d}" + (f": {topics[0]}" if topics else "")


def _shown(item: Entry) -> str:
    name, size = item.figure.name, f'width="{item.width}" height="{item.height}"'
    return (
        f'<article id="{name}"><h3>{name}</h3><p>{html.escape(item.figure.summary)}</p>\n'
        f'<img src="{name}.png" {size} alt="{html.escape(item.alt)}" loading="lazy">\n'
        f"<pre><code>{html.escape(call(item.figure))}</code></pre>\n{_controls(item.figure)}"
        f"<details><summary>In words</summary><p>{html.escape(item.alt)}</p></details></article>\n"
    )


def _controls(figure: RegisteredFigure) -> str:
    """The arguments that have a control."""
    drag = figure.live.get("drag")
    names = [name for name in figure.live if name not in ("drag", "fixed")]
    names = [f"{name} (also by dragging)" if name == drag else name for name in names]
    return f"<p>Controls: {html.escape(', '.join(names))}.</p>\n" if names else ""


def write(folder: Path, figures: Iterable[RegisteredFigure]) -> None:
    """Draw the figures and write the page; pictures of figures that are gone are removed."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.png"):
        old.unlink()
    text = page([entry(figure, folder) for figure in figures])
    (folder / "index.html").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--into", type=Path, default=ROOT / "docs" / "_build" / "gallery", help="folder (%(default)s)"
    )
    into = parser.parse_args().into
    # the figures' networks are so small that threads would only wait for one another
    torch.set_num_threads(1)
    write(into, all_figures().values())
    print(f"The gallery is in {into}: open index.html in a browser.", file=sys.stderr)
