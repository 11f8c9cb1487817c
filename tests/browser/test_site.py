"""`make docs` as a whole: every lecture run, every link alive, nothing asked of another machine."""

import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup

from tests.conftest import ROOT
from tests.notebooks import LECTURES

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.xdist_group("site")]

MINUTES = 8
"""What the site with its gallery may take to build on two cores."""


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The site, built as `make docs` builds it, elsewhere."""
    into = tmp_path_factory.mktemp("site")
    start = time.perf_counter()
    for command in (
        ["docs/generate_gallery.py", "--into", into / "gallery"],
        ["docs/build_site.py", "--into", into],
    ):
        done = subprocess.run(
            [sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert time.perf_counter() - start < 60 * MINUTES
    return into / "html"


def addresses(page: BeautifulSoup) -> set[str]:
    """All that a page links to or loads."""
    return {str(tag[name]) for name in ("href", "src") for tag in page.find_all(attrs={name: True})}


def test_no_link_is_dead(site):
    files = [path for path in site.rglob("*.html") if "_static" not in path.parts]
    read = {path: BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser") for path in files}
    assert len(read) > len(LECTURES)
    places = {path: {str(tag["id"]) for tag in page.find_all(id=True)} for path, page in read.items()}
    dead = []
    for path, page in read.items():
        for address in addresses(page):
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.is_file():
                dead.append(f"{path.relative_to(site)}: {address}")
            elif parts.fragment and target in places and unquote(parts.fragment) not in places[target]:
                dead.append(f"{path.relative_to(site)}: {address} (no such place on the page)")
    assert not dead, "\n".join(dead)


def test_every_lecture_is_there_and_steps(site, page):
    asked = set()
    page.on("request", lambda request: asked.add(request.url))
    page.set_default_timeout(60_000)
    for lecture in LECTURES:
        page.goto((site / "lectures" / f"{lecture.stem}.html").as_uri())
        page.locator("article h1").first.wait_for()
        assert page.locator(".ml-explorer, img[alt]").count() >= 2, lecture.stem
        assert page.locator("[data-mime-type*=stderr], .stderr, .traceback").count() == 0, lecture.stem
        if explorer := next(iter(page.locator(".ml-explorer").all()), None):
            explorer.scroll_into_view_if_needed()
            explorer.locator('[data-action="step"]').click()
            assert explorer.locator(".ml-sentence").inner_text().strip()
            assert explorer.locator("[data-value-of]:visible").count()
    outside = {address for address in asked if urlsplit(address).scheme not in ("file", "data", "blob")}
    assert outside == set()


def test_the_gallery_is_part_of_it(site, page):
    page.goto((site / "index.html").as_uri())
    page.get_by_role("link", name="gallery").click()
    page.locator("h1").wait_for()
    broken = page.evaluate(
        "[...document.images].map(i => { i.loading = 'eager'; return i }).filter(i => "
        "!i.getAttribute('alt')).length"
    )
    assert broken == 0
    assert page.locator("img").count() > 30
