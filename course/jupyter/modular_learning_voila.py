"""Voilà's Markdown with its formulas as MathML, so that a dashboard loads nothing from elsewhere."""

from modular_learning_offline import MathMLRenderer
from voila.exporter import VoilaMarkdownRenderer


class OfflineRenderer(MathMLRenderer, VoilaMarkdownRenderer):
    """What a dashboard's text is drawn with; `voila.json` names it."""
