"""Cells and outputs of a notebook as harmless HTML, piece by piece."""

import base64
import re
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from markupsafe import Markup
from nbconvert.filters import ansi2html
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode
from pygments import highlight
from pygments.formatters.html import HtmlFormatter
from pygments.lexers.python import PythonLexer

from autograder.pages.formula import to_mathml
from autograder.pages.sanitize import clean

LONGEST = 100_000
"""Characters of text that are shown of one cell or output."""

LARGEST = 4_000_000
"""Characters of HTML or of an encoded picture: one that is larger is left out."""

EXACT_COLOR = re.compile(r"\x1b\[[0-9;]*[34]8;[25];[0-9;]*m")
"""A terminal's command for one of many colors: chosen for a dark background, mostly, and the page has a white
one."""

BASE64 = re.compile(r"[A-Za-z0-9+/=\s]+")


def code(source: str) -> Markup:
    """Python code, colored."""
    formatter = HtmlFormatter(nowrap=True)
    return Markup(f'<pre class="highlight">{highlight(source[:LONGEST], PythonLexer(), formatter)}</pre>')


def text(written: str) -> Markup:
    """Text from a terminal: escaped, with its plain colors."""
    cut = "\n… and more, left out" if len(written) > LONGEST else ""
    return Markup(f"<pre>{ansi2html(EXACT_COLOR.sub('', written[:LONGEST]) + cut)}</pre>")


def markdown(source: str, attachments: Mapping[str, Any] | None = None) -> Markup:
    """Markdown with formulas and attached pictures."""
    renderer = _Renderer(attachments)
    page = clean(MarkdownWithMath(renderer=renderer).render(source[:LONGEST]))
    for place, drawn in renderer.formulas.items():
        page = Markup(page.replace(place, drawn))
    return page


class _Renderer(IPythonRenderer):
    """Markdown's renderer; formulas are put into the page when it is clean.

    A formula's place is held by an element that no submission can write, since the number in it is drawn at
    random. Within an attribute the quotes would be escaped, so that only a place in the text is ever found.
    """

    def __init__(self, attachments: Mapping[str, Any] | None) -> None:
        super().__init__(escape=False, attachments=dict(attachments or {}), exclude_anchor_links=True)
        self.formulas: dict[str, Markup] = {}
        self._token = secrets.token_hex(8)

    def inline_math(self, body: str) -> str:
        return self._hold(to_mathml(body))

    def block_math(self, body: str) -> str:
        return self._hold(to_mathml(body, block=True))

    def latex_environment(self, name: str, body: str) -> str:
        return self._hold(to_mathml(f"\\begin{{{name}}}{body}\\end{{{name}}}", block=True))

    def _embed_image_or_attachment(self, src: str) -> str:
        try:
            return super()._embed_image_or_attachment(src)
        except Exception:  # an attachment that is not there, or not what it should be
            return ""

    def _hold(self, drawn: Markup) -> str:
        place = f'<span title="{self._token}-{len(self.formulas)}"></span>'
        self.formulas[place] = drawn
        return place


def output(shown: NotebookNode) -> Markup:
    """One output of a code cell; empty when there is nothing to see."""
    if shown.output_type == "stream":
        return text(str(shown.text)) if shown.text else Markup()
    if shown.output_type == "error":
        return text("\n".join(map(str, shown.traceback)) or f"{shown.ename}: {shown.evalue}")
    for kind, show in KINDS.items():
        if kind in shown.data and (drawn := show(shown.data[kind])):
            return drawn
    return Markup()


def _html(page: Any) -> Markup:
    cleaned = clean(page) if isinstance(page, str) and len(page) <= LARGEST else Markup()
    return cleaned if cleaned.striptags() or "<img" in cleaned or "<td" in cleaned else Markup()


def _picture(kind: str, data: Any) -> Markup:
    if not isinstance(data, str) or len(data) > LARGEST or not BASE64.fullmatch(data):
        return Markup()
    return Markup(
        f'<img src="data:{kind};base64,{"".join(data.split())}" alt="a picture that the code drew">'
    )


def _svg(source: Any) -> Markup:
    return _picture("image/svg+xml", base64.b64encode(str(source).encode("utf-8", "replace")).decode())


def _latex(source: Any) -> Markup:
    tex = str(source).strip()
    if not tex.startswith("$"):
        tex = f"$${tex}$$"
    return markdown(tex)


KINDS: dict[str, Callable[[Any], Markup]] = {
    "application/vnd.jupyter.widget-view+json": lambda _: Markup(
        "<p>An interactive widget: open the notebook to use it.</p>"
    ),
    "text/html": _html,
    "text/markdown": lambda source: markdown(str(source)),
    "image/svg+xml": _svg,
    "image/png": lambda data: _picture("image/png", data),
    "image/jpeg": lambda data: _picture("image/jpeg", data),
    "text/latex": _latex,
    "text/plain": lambda written: text(str(written)),
}
"""What is shown of an output, the best first. Scripts and all kinds that are not here are left out."""
