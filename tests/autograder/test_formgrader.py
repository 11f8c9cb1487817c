"""An instructor's path in the browser: the formgrader generates and grades; a student validates.

JupyterLab has nothing set.
"""

import re

import pytest
from playwright.sync_api import expect

from tests.conftest import running_jupyter

pytestmark = pytest.mark.browser


@pytest.fixture
def jupyter(tiny, tmp_path_factory):
    with running_jupyter(tiny.settings.root, tmp_path_factory.mktemp("jupyter")) as address:
        yield address


def test_formgrader_generates_and_grades_and_jupyterlab_validates(tiny, jupyter, page):
    page.set_default_timeout(120_000)
    page.goto(f"{jupyter}/formgrader")
    row = page.locator("tr", has_text="tiny")
    row.locator("td.assign a").click()
    page.get_by_text("Successfully created the student version of 'tiny'").wait_for()
    released = tiny.settings.released / "tiny" / "tiny.ipynb"
    assert "BEGIN SOLUTION" not in released.read_text()

    tiny.hand_in("ada", first="first = 41")
    page.goto(f"{jupyter}/formgrader/manage_submissions/tiny")
    row = page.locator("tr", has_text="ada")
    row.locator("td.autograde a").click()
    page.get_by_text("Successfully autograded 'tiny' for student 'ada'").wait_for()
    page.goto(f"{jupyter}/formgrader/manage_submissions/tiny")
    expect(page.locator("tr", has_text="ada")).to_contain_text(re.compile(r"2\s*/\s*5"))

    page.goto(f"{jupyter}/formgrader/gradebook/tiny/tiny")
    page.locator("td.name a").first.click()
    expect(page.locator("input.score").first).to_have_attribute("placeholder", "1")

    page.goto(f"{jupyter}/lab/tree/assignments/tiny/tiny.ipynb")
    page.locator(".jp-Notebook .jp-Cell").first.wait_for()
    page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").first.wait_for()
    page.get_by_role("button", name="Validate").click()
    expect(page.locator(".jp-Dialog")).to_contain_text("The following cell failed")
