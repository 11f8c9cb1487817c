"""Formulas: TeX as MathML, which browsers draw by themselves, offline and without scripts."""

import html
import re
import xml.etree.ElementTree as ET

from markupsafe import Markup, escape
from modular_learning_offline import convert

from autograder.pages.sanitize import clean_style

LONGEST = 4000
"""Characters of TeX in one formula: more is shown as it is written."""

TAGS = {
    *(
        "math",
        "mrow",
        "mi",
        "mn",
        "mo",
        "ms",
        "mtext",
        "mspace",
        "mfrac",
        "msqrt",
        "mroot",
        "mstyle",
        "mpadded",
        "mphantom",
    ),
    *(
        "msub",
        "msup",
        "msubsup",
        "munder",
        "mover",
        "munderover",
        "mmultiscripts",
        "mprescripts",
        "mtable",
        "mtr",
        "mtd",
    ),
}

LENGTH = re.compile(r"\d{0,2}(\.\d+)?(em|px)?")
ATTRIBUTES = {
    **dict.fromkeys(("display", "form", "mathvariant"), re.compile(r"[a-z-]+")),
    **dict.fromkeys(
        (
            "displaystyle",
            "stretchy",
            "fence",
            "separator",
            "symmetric",
            "largeop",
            "movablelimits",
            "accent",
            "accentunder",
        ),
        re.compile(r"true|false"),
    ),
    **dict.fromkeys(("lspace", "rspace", "width", "linethickness", "minsize", "maxsize"), LENGTH),
    **dict.fromkeys(("columnspan", "rowspan", "scriptlevel"), re.compile(r"[+-]?\d{1,2}")),
}
"""What a formula may say about its looks. Lengths are short ones: a formula stays in its line."""

NAMED = re.compile(r"&(?!(?:amp|lt|gt|quot);)[A-Za-z]+;")
"""HTML's named characters, which XML does not know."""


def to_mathml(tex: str, *, block: bool = False) -> Markup:
    """A formula as MathML; what cannot be converted stays as it is written.

    Args:
        block: on a line of its own, as between ``$$``.
    """
    if len(tex) <= LONGEST:
        try:
            drawn = convert(tex, block=block)
            return Markup(
                _serialize(
                    ET.fromstring(NAMED.sub(lambda match: html.escape(html.unescape(match[0])), drawn))
                )
            )
        except (ValueError, ET.ParseError, RecursionError):
            pass
    kind = "pre" if block else "code"
    return Markup(f"<{kind}>{escape(tex)}</{kind}>")


def _serialize(element: ET.Element) -> str:
    """Only known elements and attributes, whatever the converter hands through."""
    kept = {
        name: value
        for name, value in element.attrib.items()
        if name in ATTRIBUTES and ATTRIBUTES[name].fullmatch(value)
    }
    if style := clean_style(element.get("style", "")):
        kept["style"] = style
    attributes = "".join(f' {name}="{html.escape(value)}"' for name, value in kept.items())
    inner = html.escape(element.text or "") + "".join(
        _serialize(child) + html.escape(child.tail or "") for child in element
    )
    tag = element.tag
    return f"<{tag}{attributes}>{inner}</{tag}>" if tag in TAGS else inner
