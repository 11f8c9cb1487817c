"""Draws every figure of the course into docs/_build/gallery, with a page that shows them all: ``make gallery``."""

import argparse
import ast
import builtins
import html
import inspect
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import torch

from course import widgets
from course.figure import Figure
from course.figures.registry import all_figures

ROOT = Path(__file__).resolve().parent.parent
SLIDE = (1280, 720)
"""A slide's width and height in pixels: each picture is as large as fits."""

STYLE = """\
body { max-width: 1180px; margin: 0 auto; padding: 0 24px 64px; color: #1f1f1f; background: #fff;
  font: 17px/1.5 system-ui, sans-serif }
h1 { margin: 32px 0 8px } h2 { margin: 56px 0 0; padding-bottom: 4px; border-bottom: 2px solid #005a9c }
h3 { margin: 40px 0 4px; font-size: 20px } p { margin: 4px 0 12px }
img { display: block; max-width: 100%; height: auto; box-sizing: border-box; border: 1px solid #d9d9d9; border-radius: 4px }
pre { margin: 12px 0; padding: 10px 14px; overflow-x: auto; background: #f2f2f2; border-radius: 4px; font-size: 15px }
a { color: #005a9c } nav ul { columns: 3; padding-left: 20px } summary { cursor: pointer; color: #595959 }
nav li { break-inside: avoid }
"""


@dataclass(frozen=True)
class Entry:
    """What the page says of one figure; `lecture` is 0 where its file does not name one."""

    name: str
    what: str
    lecture: int
    call: str
    alt: str
    width: int
    height: int


def entry(name: str, draw: Callable[..., Figure], folder: Path | None = None) -> Entry:
    """Draw a figure as it is without arguments, and write its picture into the folder, if there is one."""
    figure = draw()
    wide, high = figure.get_size_inches()
    dpi = min(SLIDE[0] / wide, SLIDE[1] / high)
    if folder is not None:
        (folder / f"{name}.png").write_bytes(figure.to_png(dpi=int(dpi)))
    module = inspect.getmodule(draw)
    what = ((module.__doc__ if module else None) or draw.__doc__ or "").strip().splitlines()
    lecture = getattr(module, "LECTURE", 0)
    return Entry(
        name, what[0] if what else "", lecture, call(name, draw), figure.alt, int(wide * int(dpi)), int(high * int(dpi))
    )


def call(name: str, draw: Callable[..., Figure]) -> str:
    """What a notebook runs to show the figure: the call of `live` that its docstring recommends, else the figure alone."""
    module = inspect.getmodule(draw)
    recommended = re.search(rf"``(live\({name}\b.*?\))``", draw.__doc__ or "", re.DOTALL)
    shown = re.sub(r"\s+", " ", recommended[1]) if recommended else f"{name}()"
    used = {node.id for node in ast.walk(ast.parse(shown)) if isinstance(node, ast.Name)} - set(dir(builtins))
    places = {
        "course.figures.live": {"live"},
        f"course.figures.{name}": set(dir(module)),
        "course.widgets": set(widgets.__all__),
    }
    imports = []
    for place, offered in places.items():
        names, used = sorted(used & offered), used - offered
        imports += [f"from {place} import {', '.join(names)}\n"] if names else []
    return f"{''.join(imports)}\n{shown}"


def page(entries: Iterable[Entry], lectures: Path = ROOT / "lectures") -> str:
    """The page: a table of contents, then the figures by lecture; those of no lecture come last."""
    groups: dict[int, list[Entry]] = {}
    for one in sorted(entries, key=lambda one: (one.lecture or 99, one.name)):
        groups.setdefault(one.lecture, []).append(one)
    count = sum(map(len, groups.values()))
    listed = "".join(f'<li><a href="#{one.name}">{one.name}</a></li>' for group in groups.values() for one in group)
    parts = "".join(
        f"<section><h2>{html.escape(title(lecture, lectures))}</h2>{''.join(map(_shown, group))}</section>\n"
        for lecture, group in groups.items()
    )
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Figures of Modular Learning</title>\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head>\n'
        f"<body><header><h1>The figures of Modular Learning</h1><p>{count} figures. Each is a function that computes what it "
        f"shows when it is called; in a notebook, <code>live</code> gives it sliders and choices.</p></header>\n"
        f'<nav aria-label="Figures"><ul>{listed}</ul></nav>\n<main>\n{parts}</main></body></html>\n'
    )


def title(lecture: int, lectures: Path) -> str:
    """A lecture's number, and its topic where its notebook is there."""
    if not lecture:
        return "Further figures"
    topics = [path.stem[3:].replace("_", " ") for path in lectures.glob(f"{lecture:02d}_*.ipynb")]
    return f"Lecture {lecture:02d}" + (f": {topics[0]}" if topics else "")


def _shown(one: Entry) -> str:
    return (
        f'<article id="{one.name}"><h3>{one.name}</h3><p>{html.escape(one.what)}</p>\n'
        f'<img src="{one.name}.png" width="{one.width}" height="{one.height}" alt="{html.escape(one.alt)}" loading="lazy">\n'
        f"<pre><code>{html.escape(one.call)}</code></pre>\n"
        f"<details><summary>In words</summary><p>{html.escape(one.alt)}</p></details></article>\n"
    )


def write(folder: Path, figures: dict[str, Callable[..., Figure]]) -> None:
    """Draw the figures and write the page; pictures of figures that are gone are removed."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.png"):
        old.unlink()
    text = page([entry(name, draw, folder) for name, draw in figures.items()])
    (folder / "index.html").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--into", type=Path, default=ROOT / "docs" / "_build" / "gallery", help="folder (%(default)s)")
    into = parser.parse_args().into
    torch.set_num_threads(1)  # the figures' networks are so small that threads would only wait for one another
    write(into, all_figures())
    print(f"The gallery is in {into}: open index.html in a browser.", file=sys.stderr)
