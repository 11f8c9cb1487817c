"""Notebooks as pages that need no network: ``jupyter nbconvert --to offline --execute lecture.ipynb``.

Formulas become MathML, which browsers draw by themselves. Pictures that step keep their own script, which is
part of them. Nothing is loaded from elsewhere, neither scripts nor fonts.
"""

import html
import re
from typing import Any

from jinja2 import pass_context
from math_core import LatexError, LatexToMathML
from nbconvert.exporters import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from traitlets import default
from traitlets.config import Config

ROW_SPACE = re.compile(r"(\\\\)\s*\[[\d.\s]+[a-z]{2}\]")
"""The extra space behind a row, ``\\\\[6pt]``, which the converter does not know."""

BOX = re.compile(r'<menclose notation="box">(.*?)</menclose>', re.DOTALL)
"""What ``\\\\boxed`` becomes; browsers no longer know the element."""

FORMULAS = """\
math { font-family: "Latin Modern Math", "STIX Two Math", "Cambria Math", math; font-size: 1.15em; }
math[display="block"] { margin: 0.8em 0; padding: 2px 0; overflow-x: auto; overflow-y: hidden; }
"""
"""Formulas as large as the text around them; a wide one scrolls by itself on a narrow page."""

TEMPLATE = """\
{%- extends 'index.html.j2' -%}
{%- block html_head_js -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
{%- block jupyter_widgets -%}{%- endblock -%}
{%- block footer -%}</html>{%- endblock -%}
{%- block html_head_css -%}
<style>
:root { --jp-content-font-size1: 16px; --jp-code-font-size: 14px; }
body.jp-Notebook { padding: 16px; }
body.jp-Notebook > main { max-width: 1080px; margin: 0 auto; }
.jp-RenderedMarkdown { line-height: 1.55; }
.jp-InputArea-editor, .jp-OutputArea-output { overflow-x: auto; }
.jp-OutputArea-output img { height: auto; }
FORMULAS
@media (max-width: 700px) {
  body.jp-Notebook { padding: 8px; }
  .jp-InputPrompt, .jp-OutputPrompt { display: none; }
}
</style>
{%- endblock -%}
""".replace("FORMULAS", FORMULAS)
"""JupyterLab's page without the scripts that it loads and without the state of live widgets, narrow enough to
be read."""

_converter = LatexToMathML(fancy_error=False, max_expansions=200)


class FormulaError(ValueError):
    """A formula that cannot be converted."""


def convert(tex: str, *, block: bool = False) -> str:
    """A formula as MathML.

    Args:
        block: on a line of its own, as between ``$$``.

    Raises:
        FormulaError: the converter does not understand it.
    """
    try:
        drawn = _converter.convert_with_local_state(ROW_SPACE.sub(r"\1", tex), displaystyle=block)
    except (LatexError, ValueError) as error:
        raise FormulaError(f"{tex!r} is no formula that can be drawn: {error}") from error
    return BOX.sub(r'<mrow style="border:1px solid;padding:0.4em">\1</mrow>', drawn)


def to_mathml(tex: str, *, block: bool = False) -> str:
    """A formula as MathML; what cannot be converted stays as it is written."""
    try:
        return convert(tex, block=block)
    except FormulaError:
        kind = "pre" if block else "code"
        return f"<{kind}>{html.escape(tex)}</{kind}>"


class MathMLRenderer(IPythonRenderer):
    """Markdown with its formulas as MathML."""

    def inline_math(self, body: str) -> str:
        """``$…$``."""
        return to_mathml(body)

    def block_math(self, body: str) -> str:
        """``$$…$$``."""
        return to_mathml(body, block=True)

    def latex_environment(self, name: str, body: str) -> str:
        r"""``\begin{name}…\end{name}``."""
        return to_mathml(f"\\begin{{{name}}}{body}\\end{{{name}}}", block=True)


class OfflineExporter(HTMLExporter):
    """One HTML file that shows and steps without a network and without Python."""

    export_from_notebook = "HTML that needs no network"

    @default("raw_template")
    def _raw_template_default(self) -> str:
        return TEMPLATE

    @default("embed_images")
    def _embed_images_default(self) -> bool:
        return True

    @property
    def default_config(self) -> Config:
        """Of an output's kinds, those that show without Python and without scripts from elsewhere."""
        config = Config(super().default_config)
        kinds = config["NbConvertBase"]["display_data_priority"]
        left_out = ("application/vnd.jupyter.widget-view+json", "application/javascript", "text/vnd.mermaid")
        config["NbConvertBase"]["display_data_priority"] = [kind for kind in kinds if kind not in left_out]
        return config

    @pass_context
    def markdown2html(self, context: Any, source: str) -> str:
        """A Markdown cell as HTML."""
        renderer = MathMLRenderer(
            escape=False,
            attachments=context.get("cell", {}).get("attachments", {}),
            embed_images=self.embed_images,
            path=context.get("resources", {}).get("metadata", {}).get("path", ""),
            anchor_link_text=self.anchor_link_text,
            exclude_anchor_links=self.exclude_anchor_links,
            **self.lexer_options,
        )
        return MarkdownWithMath(renderer=renderer).render(source)
