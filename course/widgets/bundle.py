"""What a notebook gets of a picture: words, a page of its own, and a widget if there is a browser."""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import anywidget


def widget_bundle(text: str, html: str, widget: Callable[[], "anywidget.AnyWidget"]) -> dict[str, Any]:
    """The mime bundle of a picture that is also a widget, for its ``_repr_mimebundle_``.

    Args:
        text: for a terminal.
        html: for pages that no Python stands behind.
        widget: makes the widget. It is not called while nbgrader runs the notebook: no browser waits for it.
    """
    bundle: dict[str, Any] = {"text/plain": text, "text/html": html}
    if not os.environ.get("NBGRADER_EXECUTION"):
        shown = widget()._repr_mimebundle_()
        data = shown[0] if isinstance(shown, tuple) else shown
        bundle |= {kind: content for kind, content in (data or {}).items() if "widget" in kind}
    return bundle
