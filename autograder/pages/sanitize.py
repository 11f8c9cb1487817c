"""HTML from a submission, made harmless: nothing in it runs, loads anything, or leaves its place on the page.

nh3 (the HTML parser of Servo, in Rust) keeps what is listed here and nothing else. nbconvert's SanitizeHTML
is built on bleach, which gets security fixes only since 2023, and it looks at sources, not at what Markdown
makes of them.
"""

import re

import nh3
from markupsafe import Markup
from pygments.token import STANDARD_TYPES

TAGS = nh3.ALLOWED_TAGS - {"map", "area"}
"""Text, tables, lists, pictures, details; no forms, frames, styles, scripts, media, SVG or MathML."""

DROPPED = {"script", "style", "template", "noscript", "iframe", "object", "svg", "math", "title", "textarea"}
"""Of these not even the text stays."""

ATTRIBUTES = {
    "*": {"style", "title", "role", "aria-label", "aria-hidden", "align", "dir", "lang"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    "ol": {"start"},
    "details": {"open"},
}
"""No id, name or class, by which a submission could pass itself off as part of the page."""

HIGHLIGHTING = frozenset(filter(None, STANDARD_TYPES.values()))
"""Pygments' classes, which only color code."""

PROPERTIES = re.compile(
    r"color|background(-color)?|font-(weight|style|size|family)|text-(align|decoration)"
    r"|vertical-align|white-space|line-height"
    r"|(min-|max-)?(width|height)|(margin|padding)(-(top|right|bottom|left))?|border(-[a-z]+)*"
    r"|display|gap|flex-(wrap|direction)|align-items|justify-(content|items)|list-style(-type)?"
)
"""Nothing that takes an element out of its place: position, float, transform, z-index, opacity, animation
…"""

_VALUE = (
    r"(#[0-9a-f]{3,8}|[a-z][a-z-]*|([0-9]+|[0-9]*\.[0-9]+)(px|em|rem|ex|ch|pt|%)?|(rgb|hsl)a?\([0-9.,% "
    r"/]+\))"
)
VALUES = re.compile(rf"{_VALUE}(( ?, ?| ){_VALUE})*", re.I)
"""Words, colors and lengths; no url(), nothing negative, no escapes."""

PICTURES = re.compile(r"data:image/(png|jpeg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/=\s]+")
"""Pictures that are part of the page. In an img element a browser runs no script of an SVG and loads nothing
for it."""

LINKS = re.compile(r"(https?://|mailto:)[^\s]", re.I)


def clean(page: str) -> Markup:
    """The harmless part of some HTML."""
    return Markup(
        nh3.clean(
            page,
            tags=TAGS,
            clean_content_tags=DROPPED,
            attributes=ATTRIBUTES,
            attribute_filter=_keep,
            allowed_classes={"span": set(HIGHLIGHTING), "div": {"highlight"}},
            url_schemes={"http", "https", "mailto", "data"},
            url_relative="deny",
        )
    )


def _keep(tag: str, attribute: str, value: str) -> str | None:
    """An attribute's value as it may stay; None takes the attribute away."""
    if attribute == "style":
        return clean_style(value) or None
    if attribute == "src":
        return value if PICTURES.fullmatch(value.strip()) else None
    if attribute == "href":
        return value if LINKS.match(value.strip()) else None
    return value


def clean_style(style: str) -> str:
    """The harmless declarations of a style attribute."""
    kept = []
    for declaration in style.split(";"):
        name, _, value = declaration.partition(":")
        name, value = name.strip().lower(), " ".join(value.split())
        if PROPERTIES.fullmatch(name) and VALUES.fullmatch(value):
            kept.append(f"{name}:{value}")
    return ";".join(kept)
