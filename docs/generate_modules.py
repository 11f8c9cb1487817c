"""Writes docs/modules.md, the reference of all modules, from their own words: ``make reference``."""

import inspect
import re
import sys
import textwrap
from pathlib import Path

from course import Chain, Graph, Module, Residual, Unroll
from course.modules.registry import all_modules
from course.shapes import Argument, Axes, Signature

PAGE = Path(__file__).with_name("modules.md")
CONTAINERS = (Chain, Graph, Residual, Unroll)
HEAD = """\
# The modules

{count} modules and {containers} containers, each with a forward and a backward written by hand. In every
formula $g$, or `g`, is the gradient ∂L/∂a that arrives from above. This page is made from the modules' own
descriptions by `make reference`; do not edit it.

"""


def page() -> str:
    """The whole page."""
    modules = all_modules()
    containers = {kind.__name__: kind for kind in CONTAINERS}
    parts = [
        HEAD.format(count=len(modules), containers=len(containers)),
        "| module | what it is | lecture | in torch |\n|---|---|---|---|\n",
    ]
    parts += [_line(kind) for kind in (*modules.values(), *containers.values())]
    parts += [
        "\n## Modules\n",
        *map(_section, modules.values()),
        "\n## Containers\n",
        *map(_section, containers.values()),
    ]
    return "".join(parts)


def _line(kind: type[Module]) -> str:
    torch_name = f"`{kind.counterpart}`" if kind.counterpart else "–"
    return (
        f"| [{kind.__name__}](#{kind.__name__.lower()}) | {_what(kind)} | {kind.lecture:02d} | "
        f"{torch_name} |\n"
    )


def _section(kind: type[Module]) -> str:
    facts = [f"- shapes: {_shapes(kind)}", f"- lecture: {kind.lecture:02d}"]
    if kind.counterpart:
        facts.append(f"- in torch: `{kind.counterpart}`")
    facts.append(f"- source: {kind.source}")
    code = f"```text\n{gradients(kind)}\n```"
    listed = "\n".join(facts)
    return f"\n### {kind.__name__}\n\n{_what(kind)}\n\n$$\n{kind.formula}\n$$\n\n{code}\n\n{listed}\n"


def _what(kind: type[Module]) -> str:
    """The first line of the module's file."""
    module = inspect.getmodule(kind)
    assert module is not None
    assert module.__doc__ is not None
    return module.__doc__.strip().splitlines()[0].replace("|", r"\|")


def gradients(kind: type[Module]) -> str:
    """The paragraphs of a module's docstring in which its gradients stand."""
    head, _, body = (kind.__doc__ or "").partition("\n")
    text = f"{head}\n{textwrap.dedent(body)}".strip()
    described = re.split(r"\n(?:Args|Raises):\n", text)[0]
    return "\n\n".join(
        paragraph.rstrip() for paragraph in re.split(r"\n\s*\n", described) if "∂" in paragraph
    )


def _shapes(kind: type[Module]) -> str:
    signature = Signature(kind.forward)
    taken = [_argument(argument) for argument in signature.arguments]
    if signature.rest is not None:
        taken.append(f"`*{signature.rest.name}` {_axes(signature.rest.axes)}".rstrip())
    return f"{', '.join(taken)} → {_returned(signature.signature.return_annotation)}"


def _argument(argument: Argument) -> str:
    left_out = " (may be left out)" if argument.optional else ""
    return f"`{argument.name}` {_axes(argument.axes)}".rstrip() + left_out


def _axes(choices: tuple[Axes, ...]) -> str:
    return " or ".join(f"`{axes.text()}`" for axes in choices)


def _returned(annotation: object) -> str:
    """The shapes in a return annotation: a tensor, or a tuple of them."""
    texts = [f"`{Axes.of(part).text()}`" for part in _parts(annotation) if hasattr(part, "dim_str")]
    return ", ".join(texts) or "any"


def _parts(annotation: object) -> tuple[object, ...]:
    inner = getattr(annotation, "__args__", ())
    return (
        (annotation,)
        if hasattr(annotation, "dim_str") or not inner
        else tuple(p for a in inner for p in _parts(a))
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE.name}: {len(all_modules())} modules", file=sys.stderr)
