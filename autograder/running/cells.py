"""A cell as the Python that runs, and as a tree: bounded, whatever a notebook holds."""

import ast
import re
from contextlib import suppress
from functools import lru_cache

from IPython.core.inputtransformer2 import TransformerManager


def words(text: str) -> frozenset[str]:
    """The words of a text: a list that is easy to read, and to add to."""
    return frozenset(text.split())


LONGEST = 2**17
"""Characters of a cell that is read: a few hundred times an answer. What is longer waits for a person."""

MOST_WORK = 20_000
"""Words and signs of a cell that is read, times how often: once more for each line of IPython's own."""

DEEPEST = 150
"""How deeply what is read may be nested: each sum of a sum counts."""

TIMED = ("time", "timeit", "capture", "prun")
"""Commands of IPython that run the Python behind them."""

COMMANDS = words(
    """alias alias_magic autocall automagic cd colors config debug ed edit env gui load load_ext loadpy
    logon logstart lsmagic macro notebook pastebin pdb pip prun psearch pycat pylab quickref recall
    rehashx reload_ext rerun reset reset_selective run save sc set_env store sx system tb time timeit
    unalias unload_ext who who_ls whos xdel xmode"""
)
"""Commands that IPython also takes without their `%`, where a cell is a single line."""


class UnreadableError(ValueError):
    """A cell that is too long, or nested too deeply, to be read."""


def require_readable(source: str) -> None:
    """Refuse a cell that would take long to read.

    Raises:
        UnreadableError: it is too long.
    """
    if len(source) > LONGEST or work(source) > MOST_WORK:
        raise UnreadableError("is too long to be read")


def work(source: str) -> int:
    """How much there is to read in a cell."""
    commands = sum(line.lstrip()[:1] in tuple("%!?,;/") for line in source.splitlines())
    return len(re.findall(r"\w+|[^\w\s]", source)) * (commands + 1)


@lru_cache(maxsize=256)
def as_python(source: str) -> str:
    """A cell as the Python that runs: IPython's own commands are calls, and the code behind them is code.

    Lines keep their numbers. A cell that cannot be read stays as it is.
    """
    try:
        require_readable(source)
    except UnreadableError:
        return source
    with suppress(Exception):  # it is no Python, and has not run either
        return _commands(TransformerManager().transform_cell(source))
    return source


CALL = re.compile(
    r"^(?P<head>\s*(?:[\w, ]+= *)?)get_ipython\(\)\.run_(?P<kind>line|cell)_magic\("
    r"'(?P<name>\w+)', (?P<arguments>.*)\)$"
)


def _commands(text: str) -> str:
    """The code behind `%time`, `%%time` and their like stands where it runs."""
    first = text.strip().partition(" ")
    if "\n" not in text.strip() and first[0] in COMMANDS and _tree(text) is None:
        text = f"get_ipython().run_line_magic({first[0]!r}, {first[2]!r})\n"
    lines = []
    for line in text.splitlines():
        command = CALL.match(line)
        code = _behind(command) if command else None
        lines.append(line if command is None or code is None else code)
    return "\n".join(lines)


def _behind(command: re.Match[str]) -> str | None:
    """The code behind a command of IPython, after the command alone; None where there is none to be read."""
    name = command["name"]
    if name not in TIMED:
        return None
    with suppress(ValueError, SyntaxError, MemoryError, RecursionError):
        line, *body = ast.literal_eval(f"({command['arguments']},)")
        said = f"{command['head']}get_ipython().run_{command['kind']}_magic({name!r})"
        if command["kind"] == "cell":
            inner = as_python(body[0])
            return f"{said}\n{inner}" if _tree(inner) is not None else None
        code = re.sub(r"^(\s*-\w+(\s+\d+)?)+", "", line).strip()
        if not code:
            return said
        return f"{said}; {code}" if _tree(code) is not None else None
    return None


@lru_cache(maxsize=512)
def _tree(source: str) -> ast.Module | None:
    with suppress(SyntaxError, ValueError):
        return ast.parse(source)
    return None


def tree(source: str) -> ast.Module | None:
    """The tree of a cell; None for one that is no Python, and so has not run.

    Raises:
        UnreadableError: it is too long, or nested too deeply.
    """
    require_readable(source)
    try:
        parsed = _tree(source)
    except (RecursionError, MemoryError):
        parsed = ...
    if parsed is ... or (parsed is not None and _depth(parsed) > DEEPEST):
        raise UnreadableError("is nested too deeply to be read")
    return parsed


def _depth(parsed: ast.Module) -> int:
    depth, level = 0, list[ast.AST](parsed.body)
    while level and depth <= DEEPEST:
        depth, level = depth + 1, [part for node in level for part in ast.iter_child_nodes(node)]
    return depth
