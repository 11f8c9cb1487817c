"""A notebook shows and steps its pictures offline: as an exported page, web site, dashboard and slides.

A real browser opens each; whatever it asks another machine for fails the test.
"""

import json
import os
import re
import runpy
import subprocess
import sys
from urllib.parse import urlsplit

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from playwright.sync_api import TimeoutError as NotThere

from tests.browser.conftest import dashboard
from tests.conftest import ROOT, running_jupyter

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("offline")]

SLIDE, SKIP = {"slideshow": {"slide_type": "slide"}}, {"slideshow": {"slide_type": "skip"}}
CELLS = [
    new_markdown_cell(
        "# What moves $f$?\n\n$$\\boxed{\\frac{\\partial f}{\\partial z} = x + y}$$", metadata=SLIDE
    ),
    new_code_cell(
        "import time\n\n"
        "from course import Graph\n"
        "from course.explorer import explore\n"
        "from course.figures import sigmoid_slope\n"
        "from course.figures.live import live\n"
        "from course.modules import Add, Multiply\n\n"
        'graph = Graph("x", "y", "z")\n'
        'graph.add("q", Add(), "x", "y")\n'
        'graph.add("f", Multiply(), "q", "z")\n'
        'print("run at", time.time_ns())',
        metadata=SKIP,
    ),
    new_markdown_cell("## Step", metadata=SLIDE),
    new_code_cell("explore(graph, x=-2, y=5, z=-4)"),
    new_markdown_cell("## A figure", metadata=SLIDE),
    new_code_cell("live(sigmoid_slope, at=(-6.0, 6.0))"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with one small notebook and its list, as in lectures/."""
    folder = tmp_path_factory.mktemp("offline") / "lectures"
    folder.mkdir()
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(new_notebook(cells=CELLS, metadata={"kernelspec": kernel}), folder / "small.ipynb")
    (folder / "index.md").write_text(
        "# Lectures\n\n- [What moves f?](small.ipynb)\n- [elsewhere](../README.md)\n"
    )
    return folder


@pytest.fixture
def asked(page):
    """The machines that the page asks for something, without this one; filled while the page is used."""
    asked = set()

    def note(address):
        parts = urlsplit(address)
        if parts.scheme not in ("file", "data", "blob", "about") and parts.hostname not in (
            "127.0.0.1",
            "localhost",
        ):
            asked.add(address)

    page.set_default_timeout(40_000)
    page.on("request", lambda request: note(request.url))
    page.on("websocket", lambda opened: note(opened.url))
    yield asked
    assert asked == set()


def run(*command, **environment):
    """Run a command of this Python to its end."""
    environment = {**os.environ, "JUPYTER_PLATFORM_DIRS": "1", **environment}
    made = subprocess.run(
        [sys.executable, *map(str, command)], env=environment, capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stdout + made.stderr
    return made.stdout + made.stderr


def step_through(page):
    """Press Step until the end; the explorer with its last numbers on it."""
    explorer = page.locator(".ml-explorer").first
    explorer.scroll_into_view_if_needed()
    assert not shown(explorer, "value-of", "f")
    for _ in range(7):
        explorer.locator('[data-action="step"]').click()
    assert shown(explorer, "value-of", "f") == [-12]
    assert [shown(explorer, "grad-of", name) for name in "xyz"] == [[-4], [-4], [3]]
    return explorer


def shown(explorer, kind, name):
    labels = explorer.locator(f'[data-{kind}="{name}"]:visible')
    return [float(label.get_attribute("data-exact")) for label in labels.all()]


def move(slider, value):
    slider.evaluate(
        "(s, v) => { s.value = v; s.dispatchEvent(new Event('input')); s.dispatchEvent(new Event('change')) "
        "}",
        value,
    )


def move_sliders(page):
    """Python computes again: in the explorer ∂f/∂x is the new z, the figure says the new point."""
    explorer = page.locator(".ml-explorer").first
    move(explorer.locator('input[type=range][data-input="z"]'), 2)
    explorer.locator(
        '[data-value-of="f"][data-exact="6"], [data-value-of="f"][data-exact="6.0"]'
    ).first.wait_for()
    assert [shown(explorer, "grad-of", name) for name in "xyz"] == [[2], [2], [3]]


def move_figure(page):
    figure = page.locator(".ml-live").first
    assert "At s = 0 " in figure.locator("img").get_attribute("alt")
    move(figure.locator("input[type=range]"), 2)
    figure.locator('img[alt*="At s = 2 "]').wait_for()


def assert_formulas_are_drawn(page):
    assert page.locator("math mfrac").count() == 1
    assert "$" not in page.locator("body").inner_text()


@pytest.fixture(scope="module")
def exported(folder):
    run("-m", "jupyter", "nbconvert", "--to", "offline", "--execute", folder / "small.ipynb")
    return folder / "small.html"


def test_an_exported_page(exported, page, asked):
    page.goto(exported.as_uri())
    step_through(page)
    assert_formulas_are_drawn(page)
    assert page.locator("img[alt^='Two curves']").count() == 1
    page.set_viewport_size({"width": 400, "height": 720})
    assert page.evaluate("document.documentElement.scrollWidth") <= 400


def test_an_exported_page_carries_all_it_needs(exported):
    page = exported.read_text(encoding="utf-8")
    assert "vnd.jupyter.widget" not in page
    assert not re.search(r"<(script|link|iframe)[^>]*(src|href)=", page)


@pytest.fixture(scope="module")
def site(folder):
    into = folder.parent / "site"
    run(ROOT / "docs" / "build_site.py", "--lectures", folder, "--assignments", folder, "--into", into)
    return into / "html"


def test_the_web_site(site, page, asked):
    page.goto((site / "index.html").as_uri())
    assert page.get_by_role("link", name="elsewhere").count() == 0, "what is not on the site is no link"
    page.locator("article").get_by_role("link", name="What moves f?").click()
    step_through(page)
    assert_formulas_are_drawn(page)
    page.set_viewport_size({"width": 400, "height": 720})
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    page.goto((site / "docs" / "modules.html").as_uri())
    assert page.locator("math").count() > 80
    assert page.evaluate("document.documentElement.scrollWidth") <= 400


def test_the_web_site_holds_no_widget_state(site):
    page = (site / "lectures" / "small.html").read_text(encoding="utf-8")
    assert "vnd.jupyter.widget" not in page
    assert "require" not in page


@pytest.mark.slow
def test_an_unchanged_lecture_is_not_run_twice(site):
    page, drawn = site / "lectures" / "small.html", site.parent / "doctrees" / "environment.pickle"
    (when,) = re.findall(r"run at \d+", page.read_text(encoding="utf-8"))
    before = drawn.stat().st_mtime_ns
    (site.parent / "sources" / "lectures" / "small.ipynb").touch()
    (cache,) = site.parent.glob("runs-*")
    builder = runpy.run_path(str(ROOT / "docs" / "build_site.py"))
    assert builder["build"](site.parent / "sources", site, cache) == 0
    assert drawn.stat().st_mtime_ns > before
    assert when in page.read_text(encoding="utf-8")


def test_a_changed_library_has_another_fingerprint(tmp_path):
    fingerprint = runpy.run_path(str(ROOT / "docs" / "build_site.py"))["fingerprint"]
    file = tmp_path / "linear.py"
    file.write_text("a = 1")
    before = fingerprint([file])
    assert fingerprint([file]) == before
    file.write_text("a = 2")
    assert fingerprint([file]) != before


@pytest.mark.slow
def test_a_dashboard(folder, tmp_path, page, asked):
    with dashboard(folder / "small.ipynb", tmp_path) as address:
        page.goto(address)
        page.locator(".ml-explorer").first.wait_for()
        step_through(page)
        assert_formulas_are_drawn(page)
        move_sliders(page)
        move_figure(page)


def run_all_by_key(page, tries=4):
    """F9; once more where a kernel that is only just connecting lost it (see `run_all`)."""
    for attempt in range(tries):
        page.locator(".jp-deck-mod-onscreen.jp-mod-active").click()
        page.keyboard.press("F9")
        try:
            page.locator(".ml-live").first.wait_for(state="attached", timeout=15_000 * (attempt + 1))
            return
        except NotThere:
            if attempt == tries - 1:
                raise


def test_slides(folder, tmp_path, page, asked, monkeypatch):
    present = runpy.run_path(str(ROOT / "course" / "jupyter" / "present.py"))
    for name, value in present["environment"](tmp_path).items():
        monkeypatch.setenv(name, value)
    with running_jupyter(folder, tmp_path) as address:
        page.goto(f"{address}/lab/tree/small.ipynb")
        page.locator('body[data-jp-deck-mode="presenting"] .jp-Deck').wait_for()
        page.locator(".jp-deck-mod-onscreen .jp-MarkdownOutput h1").wait_for()
        page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").first.wait_for(state="attached")
        run_all_by_key(page)
        assert page.locator(".jp-OutputArea-output .ml-explorer").count() == 1

        page.locator(".jp-deck-mod-onscreen h1").wait_for()
        assert not page.locator(".ml-explorer").is_visible(), "the first slide holds only the question"
        page.keyboard.press("ArrowRight")
        page.locator(".ml-explorer").wait_for()
        assert not page.locator(".jp-deck-mod-onscreen.jp-deck-mod-visible h1").count()
        step_through(page)
        move_sliders(page)
        page.locator(".jp-deck-mod-onscreen h2").click()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        page.locator(".ml-live").wait_for()
        move_figure(page)


def test_slide_mode_is_gone_with_the_presentation(tmp_path, monkeypatch):
    present = runpy.run_path(str(ROOT / "course" / "jupyter" / "present.py"))
    own = tmp_path / "own"
    (own / "jupyterlab-slideshow").mkdir(parents=True)
    (own / "terminal.jupyterlab-settings").write_text("{}")
    monkeypatch.setenv("JUPYTERLAB_SETTINGS_DIR", str(own))
    where = present["environment"](tmp_path / "other")
    settings = tmp_path / "other" / "settings"
    assert where["JUPYTERLAB_SETTINGS_DIR"] == str(settings)
    assert (
        json.loads((settings / "jupyterlab-slideshow" / "plugin.jupyterlab-settings").read_text())["active"]
        is True
    )
    assert (settings / "terminal.jupyterlab-settings").exists(), "one's own settings hold on slides, too"
    assert not list((own / "jupyterlab-slideshow").iterdir())
    with pytest.raises(SystemExit, match="no lecture 99"):
        present["find"]("99")


def test_a_graded_run_shows_pages_instead_of_widgets(folder, monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    notebook = nbformat.read(folder / "small.ipynb", as_version=4)
    NotebookClient(notebook, timeout=30).execute()  # seconds for a cell: none of them hangs
    explorer, figure = (notebook.cells[at].outputs[0].data for at in (3, 5))
    assert "startPages" in explorer["text/html"]
    assert "<img" in figure["text/html"]
    assert not [kind for data in (explorer, figure) for kind in data if "widget" in kind]
    assert "widgets" not in notebook.metadata


@pytest.mark.parametrize(
    "name", ["modular_learning_offline", "modular_learning_server", "modular_learning_voila"]
)
def test_what_is_installed_is_what_is_here(name):
    """An editable installation copies these modules."""
    from importlib.util import find_spec

    spec = find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    source = ROOT / "course" / "jupyter" / f"{name}.py"
    with open(spec.origin) as installed:
        assert installed.read() == source.read_text(), "reinstall: pip install --no-deps -e ."


def test_the_exporter_leaves_torch_alone():
    """JupyterLab's server loads all exporters when it starts."""
    run("-c", "import sys, modular_learning_offline; assert 'torch' not in sys.modules")
