"""Sources: the scripts and styles of the browser's side, put together without a build step."""

from pathlib import Path

_HERE = Path(__file__).parent

THEME = (_HERE / "theme.css").read_text(encoding="utf-8")
"""The colors of the light and the dark theme, and the look of buttons and sliders."""


def script(own: Path) -> str:
    """A widget's module: the shared controls, then its own file."""
    return (_HERE / "controls.js").read_text(encoding="utf-8") + own.read_text(encoding="utf-8")


def page_style(own: Path) -> str:
    """A widget's style: the theme, then its own file."""
    return THEME + own.read_text(encoding="utf-8")
