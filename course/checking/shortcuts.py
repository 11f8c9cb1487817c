"""Shortcuts: ways around writing a backward pass by hand, noticed while it runs and in its source."""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from unittest.mock import patch

import torch

from course.checking import gradients
from course.modes import falls_back_now
from course.module import Module

ENGINE = "differentiates with torch.autograd"
DELEGATED = "hands its work to another module, which torch.autograd differentiates"
REPEATED = "calls forward again and again, as numerical differences do"
MEASURED = "measures gradients with course.gradients"

FORBIDDEN = {
    "autograd": "torch.autograd",
    "func": "torch.func",
    "functorch": "functorch",
    "requires_grad_": "requires_grad_",
    "enable_grad": "torch.enable_grad",
    "set_grad_enabled": "torch.set_grad_enabled",
    "ops": "torch.ops",
}
"""Attributes whose use in a backward shows that torch was to do the work: torch.ops holds its finished
backward passes."""
COMMON = {"func", "ops"}
"""Those that anything may be called, and that count on torch only."""


@contextmanager
def watch(module: Module | None = None) -> Iterator[list[str]]:
    """Inside, note if torch or course.gradients differentiates, or the module's forward runs more than once.

    One more forward is fine: to compute a value again is cheaper, sometimes, than to save it. What a module
    does that falls back on torch.autograd is not the caller's doing: `falling_back_only` says which may.

    Args:
        module: whose forward is counted.
    """
    seen: list[str] = []
    calls = 0

    def differentiating(original: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            if falls_back_now() is None:
                seen.append(ENGINE)
            return original(*args, **kwargs)

        return run

    def measuring(original: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            seen.append(MEASURED)
            return original(*args, **kwargs)

        return run

    def counting(forward: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == 2 and falls_back_now() is None:
                seen.append(REPEATED)
            return forward(*args, **kwargs)

        return run

    engine, dual = vars(torch.autograd)["_engine_run_backward"], torch.autograd.forward_ad.enter_dual_level
    with (
        patch.object(torch.autograd, "_engine_run_backward", differentiating(engine)),
        patch.object(torch.autograd.forward_ad, "enter_dual_level", differentiating(dual)),
        patch.object(gradients, "require_float64", measuring(gradients.require_float64)),
        patch.object(gradients, "Rise", measuring(gradients.Rise)),
    ):
        if module is not None:
            vars(module)["forward"] = counting(module.forward)
        try:
            yield seen
        finally:
            if module is not None:
                vars(module).pop("forward", None)
            seen[:] = dict.fromkeys(seen)


def read_source(answer: Any) -> tuple[str, ...]:
    """The shortcuts that stand in the source of a class's backward, or of a function: what and in which line.

    Empty when the source cannot be read, as for code typed into a plain Python prompt.
    """
    written = inspect.unwrap(getattr(answer, "backward", answer))
    with suppress(OSError, TypeError, SyntaxError, IndentationError):
        lines, first = inspect.getsourcelines(written)
        return tuple(_read(ast.parse(textwrap.dedent("".join(lines))), lines, first).values())
    return ()


def _read(tree: ast.AST, lines: Sequence[str], first: int) -> dict[str, str]:
    """What stands in a piece of source, by forbidden word; its lines are counted from `first`."""
    shortcuts: dict[str, str] = {}
    for node in ast.walk(tree):
        for word in _words(node):
            line = getattr(node, "lineno", 1)
            shown = f"uses {FORBIDDEN[word]} in line {first + line - 1}: `{lines[line - 1].strip()}`"
            shortcuts.setdefault(FORBIDDEN[word], shown)
    return shortcuts


def _words(node: ast.AST) -> list[str]:
    """The forbidden words of one node of the syntax tree."""
    if isinstance(node, ast.Attribute):
        return (
            [node.attr]
            if node.attr in FORBIDDEN and (node.attr not in COMMON or _is_torch(node.value))
            else []
        )
    if isinstance(node, ast.keyword):
        return ["requires_grad_"] if node.arg == "requires_grad" else []
    if isinstance(node, ast.Import | ast.ImportFrom):
        names = [*(alias.name for alias in node.names), getattr(node, "module", None) or ""]
        return [word for name in names for word in name.split(".") if word in FORBIDDEN]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "backward":
        return [] if node.args else ["autograd"]  # loss.backward(); a module's takes a gradient
    return []


def _is_torch(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == "torch"
