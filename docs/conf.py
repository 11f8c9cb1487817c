"""Sphinx's settings for the course's web site; `docs/build_site.py` gathers the sources and builds it."""

import importlib.metadata
import os
from typing import Any

from docutils import nodes
from modular_learning_offline import FORMULAS, to_mathml

os.environ.setdefault("JUPYTER_PLATFORM_DIRS", "1")  # silences jupyter_core's notice about its folders

project = "Modular Learning"
author = "the Modular Learning authors"
copyright = author  # noqa: A001 - Sphinx's name for it
version = release = importlib.metadata.version("modular-learning")
language = "en"

extensions = ["myst_nb"]
exclude_patterns = ["**/.ipynb_checkpoints"]
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 4
myst_update_mathjax = False

# Lectures are run; an assignment is shown as students get it.
nb_execution_mode = "cache"
nb_execution_excludepatterns = ["assignments/*"]
nb_execution_timeout = 300
nb_execution_raise_on_error = True
nb_merge_streams = True
# An explorer's own page steps without Python; its live widget would ask a content delivery network for its
# manager.
nb_mime_priority_overrides = [
    ("html", "application/vnd.jupyter.widget-view+json", None),
    ("html", "text/html", 0),
]
nb_ipywidgets_js: dict[str, Any] = {}

html_theme = "sphinx_book_theme"
html_title = project
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_math_renderer = "mathml"
html_show_sphinx = False
html_theme_options = {
    "home_page_in_toc": True,
    "show_navbar_depth": 1,
    "search_bar_text": "Search",
    "footer_content_items": "copyright.html",
}


def draw_inline(translator: Any, node: nodes.math) -> None:
    """A formula in the text."""
    translator.body.append(to_mathml(node.astext()))
    raise nodes.SkipNode


def draw_block(translator: Any, node: nodes.math_block) -> None:
    """A formula on a line of its own."""
    translator.body.append(translator.starttag(node, "div", CLASS="math"))
    translator.body.append(to_mathml(node.astext(), block=True) + "</div>\n")
    raise nodes.SkipNode


def without_widget_state(app: Any, doctree: nodes.document) -> None:
    """Leave out what only live widgets read: for every picture a copy of its script and numbers."""
    app.env.nb_metadata.get(app.env.docname, {}).pop("js_files", None)


def with_formulas(app: Any, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """The style of formulas, the same as on exported pages."""
    context["metatags"] = f"{context.get('metatags', '')}<style>\n{FORMULAS}</style>\n"


def setup(app: Any) -> dict[str, Any]:
    """Register what this site does by itself."""
    app.add_html_math_renderer("mathml", (draw_inline, None), (draw_block, None))
    app.connect("doctree-read", without_widget_state, priority=900)
    app.connect("html-page-context", with_formulas)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
