"""Each lecture as a page without its code, in Voilà.

It runs to its end, steps, asks no other machine, and says no error.
"""

from urllib.parse import urlsplit

import pytest

from tests.browser.conftest import dashboard
from tests.notebooks import each_lecture

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FACTS = """() => ({
  said: document.body.innerText,
  code: [...document.querySelectorAll(".jp-InputArea .highlight")].filter((found) => found.offsetHeight).length,
  formulas: document.querySelectorAll("math").length,
})"""


@each_lecture("path")
def test_a_lecture_as_a_dashboard(path, page, tmp_path):
    asked, errors = set(), []
    page.on("request", lambda request: asked.add(urlsplit(request.url).hostname))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.set_default_timeout(120_000)
    with dashboard(path, tmp_path) as address:
        page.goto(address, timeout=180_000)
        page.get_by_role("heading", name="References").wait_for()
        explorers = page.locator(".ml-explorer")
        explorers.first.wait_for()
        page.wait_for_timeout(2000)  # the others come alive
        for explorer in explorers.all():
            explorer.locator('[data-action="step"]').click()
            assert explorer.locator(".ml-counter").inner_text().startswith("Step 1 of ")
        facts = page.evaluate(FACTS)
    assert not [bad for bad in ("Traceback", "model not found") if bad in facts["said"]]
    assert facts["formulas"] > 20
    assert not facts["code"], "a dashboard hides the code"
    assert asked <= {"127.0.0.1", None}, "data and blobs have no host"
    assert not errors
