"""Writes the names that course.figures hands out into its __init__.py and __init__.pyi."""

import sys
from pathlib import Path

from course.figures.registry import all_figures

ROOM = Path(__file__).resolve().parent.parent / "course" / "figures"
HEAD = "# What follows is written by `make reference`, from the files of this folder.\n"
FOOT = "# Here ends what is written.\n"


def names() -> list[str]:
    """Everything that course.figures hands out."""
    return ["Figure", *sorted([*all_figures(), "live"])]


def page(old: str) -> str:
    """The file __init__.py with all names between its two marks."""
    before, _, rest = old.partition(HEAD)
    _, _, after = rest.partition(FOOT)
    listed = "".join(f'    "{name}",\n' for name in names())
    return f"{before}{HEAD}__all__ = [\n{listed}]\n{FOOT}{after}"


def stub() -> str:
    """The file __init__.pyi: for type checkers and editors, each name is imported where it is defined."""
    lines = [
        '"""Written by `make reference`: what course.figures hands out, for type checkers and editors."""\n'
    ]
    lines += ["from course.figure import Figure as Figure"]
    lines += [f"from course.figures.{name} import {name} as {name}" for name in names()[1:]]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    text = page((ROOM / "__init__.py").read_text(encoding="utf-8"))
    (ROOM / "__init__.py").write_text(text, encoding="utf-8")
    (ROOM / "__init__.pyi").write_text(stub(), encoding="utf-8")
    print(f"wrote {len(all_figures())} figures into course/figures/", file=sys.stderr)
