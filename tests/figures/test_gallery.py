"""The gallery: every figure with its alt text and a call that runs.

The page needs nothing from anywhere.
"""

import itertools
import re
from urllib.parse import unquote, urlparse

import pytest

from course.figure import Figure
from course.figures import linear_scores, tent_map, timeline
from course.figures.registry import all_figures, figure, registered


@figure()
def plain() -> Figure:
    """A figure that names no lecture."""
    return Figure("nothing is to be seen here, for a test", width=6, height=4)


SOME = {draw.__name__: registered(draw) for draw in (linear_scores, plain, tent_map, timeline)}


@pytest.fixture(scope="module")
def gallery(generate, tmp_path_factory):
    folder = tmp_path_factory.mktemp("gallery")
    (folder / "gone.png").write_bytes(b"a figure of old")
    generate.write(folder, SOME.values())
    return folder


@pytest.mark.parametrize("name", all_figures())
def test_the_recommended_call_runs(generate, name):
    code = generate.call(all_figures()[name])
    *imports, _, shown = code.split("\n")
    names: dict = {}
    exec("\n".join(imports), names)
    assert eval(shown, names) is not None


def test_figures_stand_by_lecture_and_those_without_one_last(generate, gallery):
    page = (gallery / "index.html").read_text(encoding="utf-8")
    assert re.findall(r'<h2>(Lecture \d\d|Further)|<article id="(\w+)"', page) == [
        ("Lecture 01", ""), ("", "tent_map"), ("", "timeline"),
        ("Lecture 02", ""), ("", "linear_scores"),
        ("Further", ""), ("", "plain"),
    ]  # fmt: skip
    assert generate.title(3, gallery) == "Lecture 03"
    (gallery / "03_computational_graphs.ipynb").touch()
    assert generate.title(3, gallery) == "Lecture 03: computational graphs"


def test_pictures_fit_a_slide_and_old_ones_are_gone(generate, gallery):
    assert sorted(path.stem for path in gallery.glob("*.png")) == sorted(SOME)
    for path in gallery.glob("*.png"):
        width, height = (int.from_bytes(path.read_bytes()[at : at + 4]) for at in (16, 20))
        assert width <= 1280
        assert height <= 720
        assert width > 1200 or height > 680, "as large as fits"
        assert (f'<img src="{path.name}" width="{width}" height="{height}"') in (
            gallery / "index.html"
        ).read_text(encoding="utf-8")


@pytest.mark.browser
def test_the_page_fetches_nothing_and_nothing_overlaps(gallery, page):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((gallery / "index.html").as_uri())
    for _ in range(8):
        page.mouse.wheel(0, 1000)
        page.wait_for_timeout(50)
    page.wait_for_load_state("networkidle")
    inside = [unquote(urlparse(url).path) for url in asked if urlparse(url).scheme == "file"]
    assert len(inside) == len(asked) == 1 + len(SOME)
    assert all(path.startswith(str(gallery)) for path in inside)
    assert page.evaluate("[...document.images].every(image => image.naturalWidth > 0)")
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    boxes = page.evaluate(
        """[...document.querySelectorAll("h1, h2, h3, nav, p, img, pre, summary")]
           .filter(part => part.checkVisibility())
           .map(part => part.getBoundingClientRect())
           .map(box => [box.left, box.top, box.right, box.bottom])"""
    )
    assert len(boxes) > 5 * len(SOME)
    for (left, _, right, bottom), (_, following, *_) in itertools.pairwise(boxes):
        assert bottom <= following + 0.5
        assert 0 <= left < right <= 1280
