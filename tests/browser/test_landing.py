"""`make lab`: JupyterLab opens on the list of lectures and assignments, whose links open them."""

import os
import re
import subprocess

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("jupyterlab")]


def default_url(root) -> str:
    """Where `make lab` opens."""
    said = subprocess.run(
        ["make", "--dry-run", "lab"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "MAKEFLAGS": ""},
    ).stdout
    return re.search(r"--LabApp.default_url=(\S+)", said)[1]


def test_the_landing_page_lists_everything_and_its_links_open(root, jupyter, page):
    page.set_default_timeout(60_000)
    page.goto(jupyter.address + default_url(root))
    shown = page.locator(".jp-MarkdownViewer .jp-RenderedMarkdown")
    shown.locator("h1").wait_for()
    titles = shown.locator("li a").all_inner_texts()
    count = len(list((root / "lectures").glob("[0-9]*.ipynb"))) + len(
        list((root / "assignments").glob("*/*.ipynb"))
    )
    assert len(titles) == count
    shown.get_by_text("How does a small change travel through a computation?").click()
    page.locator(".jp-Notebook .jp-MarkdownOutput h1").first.wait_for()
    assert page.locator(".jp-Notebook").count() == 1


def test_a_term_of_the_glossary_leads_to_the_cell_that_explains_it(jupyter, page):
    page.set_default_timeout(60_000)
    page.goto(jupyter.opened("lectures/glossary.md"))
    terms = page.locator(".jp-MarkdownViewer .jp-RenderedMarkdown")
    terms.locator("h1").wait_for()
    terms.locator("li", has_text="saturated").locator("a").first.click()
    cell = page.locator(".jp-Notebook .jp-MarkdownCell", has_text="A slope of at most a quarter")
    page.wait_for_function(
        "cell => { const box = cell.getBoundingClientRect(); return box.height && box.top >= 0 && box.bottom "
        "<= innerHeight }",
        arg=cell.element_handle(),
    )


def test_the_launcher_offers_the_kernel(jupyter, page):
    page.set_default_timeout(60_000)
    page.goto(f"{jupyter.address}/lab?reset")
    page.locator('.jp-LauncherCard[data-category="Notebook"]').first.wait_for()
    assert "Python 3" in page.locator('.jp-LauncherCard[data-category="Notebook"]').first.inner_text()


def test_the_page_is_up_to_date(root, tmp_path):
    import runpy

    made = runpy.run_path(str(root / "docs" / "generate_landing.py"))
    assert (root / "lectures" / "index.md").read_text() == made["page"](), (
        "lectures/index.md is stale: run `make reference`"
    )
