"""Meddling: what a notebook does that no exercise needs, read in its source, out of its reach."""

import ast
import importlib.util
import sys
from collections.abc import Collection, Sequence
from contextlib import suppress
from functools import lru_cache

from IPython.core.inputtransformer2 import TransformerManager

MEDDLING = {
    word: why
    for why, words in {
        "looks into other frames": "_getframe currentframe tb_frame f_back f_locals f_globals gi_frame "
        "cr_frame inspect",
        "looks for other objects in memory": "gc get_objects get_referrers get_referents",
        "reaches into memory": "ctypes cffi mmap",
        "reaches into loaded modules": "modules _C meta_path path_hooks",
        "traces other code": "settrace setprofile",
        "reaches into other code": "__code__ __globals__ __closure__ __builtins__ __subclasses__ "
        "__getattribute__ __dict__",
        "rewrites cells before they run": "ast_transformers input_transformers_cleanup "
        "input_transformers_post",
        "runs code that cannot be read": "importlib import_module runpy marshal pickle dill cloudpickle "
        "codeop builtins",
        "reaches for torch's engine": "_engine_run_backward _execution_engine run_backward falling_back "
        "recording",
        "talks past the notebook": "socket fromfd fdopen dup dup2 fork subprocess multiprocessing",
    }.items()
    for word in words.split()
}
"""Attributes and modules that no exercise needs, and what they are good for."""

CALLED = {
    **dict.fromkeys(("exec", "eval", "compile", "__import__"), "runs code that cannot be read"),
    **dict.fromkeys(("globals", "vars"), "reaches into other code"),
}
"""Functions likewise."""

MAGICS = (
    "matplotlib",
    "time",
    "timeit",
    "capture",
    "config",
    "precision",
    "pip",
    "conda",
    "who",
    "whos",
    "pwd",
    "ls",
)
"""Commands of IPython that a notebook may well use."""

GUARDED = ("course", "torch", "numpy", "np", "builtins", "IPython")
"""Modules whose parts a notebook has no reason to replace."""

KNOWN = {
    *sys.stdlib_module_names,
    *GUARDED,
    "matplotlib",
    "scipy",
    "sklearn",
    "pandas",
    "tqdm",
    "ipywidgets",
    "jaxtyping",
}
"""Modules whose source is not the student's."""


@lru_cache(maxsize=64)
def as_python(source: str) -> str:
    """A cell as the Python that runs.

    IPython's own commands are calls in it, and what follows a `%%time` is its lines.
    """
    if _tree(source) is None:
        first, _, rest = source.lstrip().partition("\n")
        cell_magic = first.startswith("%%")
        with suppress(Exception):  # it is no Python, and has not run either
            body = TransformerManager().transform_cell(rest if cell_magic else source)
            return f"get_ipython().run_cell_magic({first[2:].split()[0]!r})\n{body}" if cell_magic else body
    return source


@lru_cache(maxsize=64)
def _tree(source: str) -> ast.Module | None:
    with suppress(SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.parse(source)
    return None


def meddling(sources: Sequence[str], *, brought: bool = False) -> list[str]:
    """Lines that reach for what runs beside the notebook: no exercise needs them; a person should see them.

    Args:
        brought: whether Python files were handed in: only then can a notebook import what lies beside it, and
            it might be another text by then than the one that was handed in.
    """
    lines: dict[str, str] = {}
    sources = [as_python(source) for source in sources]
    nodes = [
        (node, source) for source in sources if (tree := _tree(source)) is not None for node in ast.walk(tree)
    ]
    own = {node.name for node, _ in nodes if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    guarded = {name for node, _ in nodes for name in _taken(node)} | set(GUARDED)
    for node, source in nodes:
        if why := _meddles(node, guarded - own, brought):
            line = source.splitlines()[node.lineno - 1].strip()[:80]  # pyright: ignore[reportAttributeAccessIssue]
            lines.setdefault(why, f"{why}: `{line}`")
    return list(lines.values())


def _taken(node: ast.AST) -> list[str]:
    """The names under which an import takes something from a guarded module."""
    if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in GUARDED:
        return [alias.asname or alias.name for alias in node.names]
    if isinstance(node, ast.Import):
        return [alias.asname for alias in node.names if alias.asname and alias.name.split(".")[0] in GUARDED]
    return []


def _meddles(node: ast.AST, guarded: Collection[str], brought: bool) -> str:
    if isinstance(node, ast.Attribute) and (node.attr in MEDDLING or ast.unparse(node) == "sys.path"):
        return MEDDLING.get(node.attr, "imports code that is not in the notebook")
    if isinstance(node, ast.Import | ast.ImportFrom):
        return _imports(node, brought)
    if isinstance(node, ast.Call) and (why := _calls(node, guarded)):
        return why
    targets = node.targets if isinstance(node, ast.Assign | ast.Delete) else [getattr(node, "target", None)]
    if any(
        isinstance(target, ast.Attribute | ast.Subscript) and _root(target) in guarded for target in targets
    ):
        return "replaces a part of a library"
    return ""


def _imports(node: ast.Import | ast.ImportFrom, brought: bool) -> str:
    module = getattr(node, "module", None) or ""
    names = {name for alias in node.names for name in alias.name.split(".")} | set(module.split("."))
    if words := [name for name in sorted(names) if name in MEDDLING and name != "modules"]:
        return MEDDLING[words[0]]
    homes = [module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
    strange = any(_elsewhere(home.split(".")[0], brought) for home in homes) or names >= {"sys", "path"}
    return "imports code that is not in the notebook" if strange else ""


@lru_cache(maxsize=256)
def _elsewhere(module: str, brought: bool) -> bool:
    """Whether a module may be beside the notebook, or happens to be installed; a missing one does nothing."""
    with suppress(ImportError, ValueError):
        return (
            module not in KNOWN and module != "" and (brought or importlib.util.find_spec(module) is not None)
        )
    return False


def _calls(node: ast.Call, guarded: Collection[str]) -> str:
    name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
    first = node.args[0] if node.args else None
    if isinstance(node.func, ast.Name) and name in CALLED:
        return CALLED[name]
    if name in ("setattr", "delattr") and _root(first) in guarded:
        return "replaces a part of a library"
    if name in ("getattr", "setattr", "attrgetter", "methodcaller"):
        word = node.args[1] if name in ("getattr", "setattr") and len(node.args) > 1 else first
        if not isinstance(word, ast.Constant):
            return "names a part by a computed word"
        return MEDDLING.get(str(word.value), "")
    if name in ("run_line_magic", "run_cell_magic") and not (
        isinstance(first, ast.Constant) and first.value in MAGICS
    ):
        return "runs code that cannot be read"
    return ""


def _root(node: ast.AST | None) -> str:
    """The name that a chain of attributes begins with."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
