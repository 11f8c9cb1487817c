"""Writes the names that course.figures hands out into its __init__.py, from the register of figures."""

import sys
from pathlib import Path

from course.figures.registry import all_figures

PAGE = Path(__file__).resolve().parent.parent / "course" / "figures" / "__init__.py"
HEAD = "# What follows is written by `make reference`, from the files of this folder.\n"
FOOT = "# Here ends what is written.\n"


def page(old: str) -> str:
    """The file with the names of all figures between its two marks, for type checkers and for the door."""
    before, _, rest = old.partition(HEAD)
    _, _, after = rest.partition(FOOT)
    names = sorted([*all_figures(), "live"])
    imports = "".join(f"    from course.figures.{name} import {name}\n" for name in names)
    listed = "".join(f'    "{name}",\n' for name in ["Figure", *names])
    block = f"if TYPE_CHECKING:\n    from course.figure import Figure\n{imports}\n__all__ = [\n{listed}]\n"
    return f"{before}{HEAD}{block}{FOOT}{after}"


if __name__ == "__main__":
    text = page(PAGE.read_text(encoding="utf-8"))
    PAGE.write_text(text, encoding="utf-8")
    print(f"wrote {len(all_figures())} figures into course/figures/__init__.py", file=sys.stderr)
