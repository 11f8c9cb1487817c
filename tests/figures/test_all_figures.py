"""Each figure of the course draws itself, says in words what it shows, and keeps up with its controls."""

import dataclasses
import html
import time

import pytest

from course.figures.registry import all_figures

FIGURES = all_figures()


def test_the_walk_finds_figures():
    assert len(FIGURES) >= 30
    assert {"gate_patterns", "gradient_comparison", "sigmoid_slope"} <= set(FIGURES)


@pytest.mark.parametrize("name", FIGURES)
def test_figure_draws_describes_itself_and_stands_in_the_gallery(name, generate):
    began = time.process_time()
    figure = FIGURES[name].draw()
    picture = figure.to_png()
    assert time.process_time() - began < 10, "a lecture waits for this figure"
    assert picture.startswith(b"\x89PNG")
    assert len(figure.alt) > 60, "alt text says what there is to see"
    assert figure.get_figwidth() >= 6
    require_readable_text(figure)
    require_listed(figure, FIGURES[name], generate)


def require_readable_text(figure):
    """From the last row."""
    texts = [
        text for text in figure.findobj(lambda part: hasattr(part, "get_fontsize")) if text.get_text().strip()
    ]
    small = [
        (text.get_text(), text.get_fontsize())
        for text in texts
        if text.get_visible() and text.get_fontsize() < 9.5
    ]
    assert not small
    axes = [found for found in figure.axes if found.axison and found.lines]
    shared = [found.get_shared_x_axes().get_siblings(found) for found in axes]
    assert all(figure.get_supxlabel() or any(one.get_xlabel() for one in siblings) for siblings in shared), (
        "axes have labels"
    )


def require_listed(figure, registered, generate):
    """In the gallery: with its picture, its alt text, its call and a sentence."""
    name = registered.name
    page = generate.page([generate.entry(dataclasses.replace(registered, draw=lambda: figure))])
    assert page.count("<img ") == page.count("<article ") == 1
    assert f'<a href="#{name}">' in page
    article = page.split(f'<article id="{name}">')[1].split("</article>")[0]
    assert f'alt="{html.escape(figure.alt)}"' in article
    assert html.escape(generate.call(registered)) in article
    assert registered.summary.endswith("."), f"{name}: the file's first line is a sentence"
    assert html.escape(registered.summary) in article
    controls = registered.live.keys() - {"drag", "fixed"}
    assert all(html.escape(control) in article for control in controls)
