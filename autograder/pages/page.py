"""HTML pages that need nothing but themselves: no scripts, no requests, even when opened as a file."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from pygments.formatters.html import HtmlFormatter

FOLDER = Path(__file__).parent / "templates"

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""Content-Security-Policy: should anything slip past the sanitizer, a browser neither runs nor loads it."""


def render(template: str, **data: Any) -> str:
    """A page from a template in templates/. Text is escaped; only Markup is taken as it is."""
    page = _environment().get_template(template).render(policy=POLICY, css=_css(), **data)
    # half characters, which a submission may hold, cannot be written
    return page.encode("utf-8", "replace").decode()


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["points"] = points
    environment.filters["humane"] = humane
    environment.filters["listed"] = listed
    environment.filters["percent"] = "{:.0%}".format
    return environment


@cache
def _css() -> Markup:
    highlighting = HtmlFormatter(style="friendly").get_style_defs(".highlight")
    return Markup(f"{highlighting}\n{(FOLDER / 'page.css').read_text(encoding='utf-8')}")


def points(number: float) -> str:
    """Points as people write them: 7, 7.5, 6.67."""
    return f"{number:.2f}".rstrip("0").rstrip(".")


def humane(name: str) -> str:
    """A name of files or cells as people write it: "cosine unit"."""
    return name.replace("_", " ")


def listed(names: Sequence[str]) -> str:
    """Names in a sentence: "add, max and copy"."""
    *others, last = map(humane, names)
    return f"{', '.join(others)} and {last}" if others else last
