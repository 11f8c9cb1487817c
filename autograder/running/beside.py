"""The rest of a notebook, which no answer needs: nothing in it may reach for what runs beside it."""

import ast
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache

from autograder.running.allowed import BESIDE, SETTINGS
from autograder.running.cells import words
from autograder.running.needed import TAME, command
from autograder.running.remark import WORDS, Beyond, Cell, Remark, imports_of

GUARDED = ("course", "torch", "numpy", "np", "builtins", "IPython")
"""Modules whose parts a notebook has no reason to replace."""

KNOWN = frozenset(sys.stdlib_module_names) | words(
    "course torch numpy np builtins IPython matplotlib scipy sklearn pandas tqdm ipywidgets jaxtyping "
    "seaborn sympy"
)
"""Modules whose source is not the student's."""

BESIDE_WORDS = words(
    """_getframe currentframe tb_frame f_back f_locals f_globals gi_frame cr_frame get_objects
    get_referrers get_referents ctypes cffi mmap _C meta_path path_hooks settrace setprofile __code__
    __globals__ __closure__ __builtins__ __subclasses__ __getattribute__ __dict__ __defaults__
    __kwdefaults__ importlib import_module runpy marshal pickle dill cloudpickle codeop pkgutil pydoc
    socket fromfd fdopen dup dup2 fork subprocess multiprocessing threading _thread concurrent asyncio
    signal atexit __import__ ast_transformers user_ns input_transformers_cleanup
    input_transformers_post _engine_run_backward _execution_engine run_backward falling_back recording
    __func__ __wrapped__ __self__ builtins barry_as_FLUFL mock monkeypatch MonkeyPatch"""
)
"""Attributes and modules that no notebook of an assignment needs."""

BESIDE_KINDS = {
    **WORDS,
    **dict.fromkeys(
        words("ast_transformers input_transformers_cleanup input_transformers_post"), Beyond.REWRITES
    ),
    **dict.fromkeys(
        words("_engine_run_backward _execution_engine run_backward falling_back recording"),
        Beyond.TORCHS_ENGINE,
    ),
    **dict.fromkeys(words("__defaults__ __kwdefaults__ __func__ __wrapped__ __self__"), Beyond.INTERNALS),
    **dict.fromkeys(words("mock monkeypatch MonkeyPatch"), Beyond.REPLACES),
    **dict.fromkeys(words("user_ns barry_as_FLUFL"), Beyond.RUNS),
}


def beside(cell: Cell, brought: bool) -> Iterator[Remark]:
    """What reaches for what runs beside the notebook, wherever it stands: no exercise needs it."""
    nodes = [node for statement in cell.body for node in ast.walk(statement)]
    paths = imports_of(cell.body)
    asked = {id(names_asked(node)) for node in nodes}
    for node in nodes:
        if id(node) in asked:
            continue
        for kind, word in _meddles(node, paths, brought):
            yield cell.remark(kind, word, node)


def names_asked(node: ast.AST) -> ast.Call | None:
    """The call of `if "x" in globals()`, which only asks whether a name is there."""
    match node:
        case ast.Compare(
            ops=[ast.In() | ast.NotIn()],
            comparators=[ast.Call(func=ast.Name(id="globals" | "locals"), args=[], keywords=[]) as call],
        ):
            return call
    return None


def _meddles(node: ast.AST, paths: dict[str, set[str]], brought: bool) -> Iterator[tuple[Beyond, str]]:
    match node:
        case ast.Import() | ast.ImportFrom():
            yield from _imported(node, brought)
        case ast.Attribute():
            yield from _reached(node, paths)
        case ast.Call():
            yield from _called(node, paths)
        case ast.Assign() | ast.Delete():
            for target in node.targets:
                yield from _replaced(target, paths)
        case ast.AugAssign() | ast.AnnAssign() | ast.For() | ast.NamedExpr():
            yield from _replaced(node.target, paths)
        case ast.Name() if node.id in ("__builtins__", "__loader__", "__spec__"):
            yield Beyond.INTERNALS, node.id
        case _:
            pass


def _reached(node: ast.Attribute, paths: dict[str, set[str]]) -> Iterator[tuple[Beyond, str]]:
    if node.attr in BESIDE_WORDS:
        yield BESIDE_KINDS.get(node.attr, Beyond.INTERNALS), node.attr
    if isinstance(node.value, ast.Name):
        for home in paths.get(node.value.id, {node.value.id} & BESIDE.keys()):
            if home == "sys" and node.attr == "path":
                yield Beyond.ELSEWHERE, "sys.path"
            elif home in BESIDE and node.attr not in BESIDE[home]:
                kind = {"sys": Beyond.LOADED, "inspect": Beyond.FRAMES, "gc": Beyond.MEMORY}.get(home)
                yield kind or Beyond.TALKS, f"{home}.{node.attr}"


def _imported(node: ast.Import | ast.ImportFrom, brought: bool) -> Iterator[tuple[Beyond, str]]:
    home = getattr(node, "module", None) or ""
    for alias in node.names:
        path = f"{home}.{alias.name}" if isinstance(node, ast.ImportFrom) else alias.name
        for word in path.split("."):
            if word in BESIDE_WORDS:
                yield BESIDE_KINDS.get(word, Beyond.INTERNALS), word
        if isinstance(node, ast.ImportFrom) and home in BESIDE and alias.name not in BESIDE[home]:
            yield Beyond.ELSEWHERE if path == "sys.path" else Beyond.TALKS, path
        if elsewhere(path.split(".")[0], brought):
            yield Beyond.ELSEWHERE, path.split(".")[0]


@lru_cache(maxsize=256)
def elsewhere(module: str, brought: bool) -> bool:
    """Whether a module may be beside the notebook, or happens to be installed; a missing one does nothing."""
    with suppress(ImportError, ValueError):
        return (
            module not in KNOWN and module != "" and (brought or importlib.util.find_spec(module) is not None)
        )
    return False


def _replaced(target: ast.AST | None, paths: dict[str, set[str]]) -> Iterator[tuple[Beyond, str]]:
    if isinstance(target, ast.Tuple | ast.List):
        for part in target.elts:
            yield from _replaced(part, paths)
    elif isinstance(target, ast.Attribute | ast.Subscript):
        of = _root(target)
        homes = paths.get(of, {of} if of in GUARDED else set())
        whole = ast.unparse(target).partition(".")[2]
        for home in homes:
            if home.split(".")[0] in GUARDED and not f"{home}.{whole}".startswith(SETTINGS):
                yield Beyond.REPLACES, ast.unparse(target)


def _called(node: ast.Call, paths: dict[str, set[str]]) -> Iterator[tuple[Beyond, str]]:
    function = node.func
    word = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
    first = node.args[0] if node.args else None
    if isinstance(function, ast.Name) and word in ("exec", "eval", "compile", "__import__"):
        yield Beyond.RUNS, word
    if isinstance(function, ast.Name) and word in ("globals", "vars"):
        yield Beyond.INTERNALS, word
    if word in ("setattr", "delattr") and first is not None:
        yield from _replaced(ast.Attribute(first, "…", ast.Store()), paths)
    if word in ("getattr", "setattr", "attrgetter", "methodcaller"):
        of_self = word in ("getattr", "setattr") and isinstance(first, ast.Name) and first.id == "self"
        named = node.args[1] if word in ("getattr", "setattr") and len(node.args) > 1 else first
        if isinstance(named, ast.Constant):
            for part in str(named.value).split("."):
                if part in BESIDE_WORDS:
                    yield BESIDE_KINDS.get(part, Beyond.INTERNALS), part
        elif not of_self:
            yield Beyond.COMPUTED, ast.unparse(node)[:60]
    tame = command(node)
    if (tame and tame not in TAME) or word in ("run_cell", "run_code", "run_cell_async", "ex", "ev"):
        yield Beyond.RUNS, f"%{tame}" if tame else word


def _root(node: ast.AST | None) -> str:
    """The name that a chain of attributes begins with."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
