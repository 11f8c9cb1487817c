"""A remark: what a person should look at in a source, as data; and the words by which it is known."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import chain


class Beyond(Enum):
    """What is beyond what an answer needs: what it does, in words, as `{}` names it."""

    ENGINE = "uses {}"
    READY = "uses torch's ready backward functions: {}"
    DELEGATES = "hands its work to another module: {}"
    NO_BACKWARD = "has a module without a backward, which torch.autograd differentiates: {}"
    MEASURES = "measures gradients with the library: {}"
    DIFFERENCES = "computes values at moved points, as numerical differences do: {}"
    REPEATS = "calls forward again and again, as numerical differences do: {}"
    OVERLOADS = "defines operators, as an engine of one's own does: {}"
    COMPLEX = "computes with complex numbers: {}"
    UNKNOWN = "uses {}, which such an answer does not need"
    COMPUTED = "names a part by a computed word: {}"
    REPLACES = "replaces a part of a library: {}"
    RUNS = "runs code that cannot be read: {}"
    FRAMES = "looks into other frames: {}"
    MEMORY = "looks for other objects in memory: {}"
    POINTERS = "reaches into memory: {}"
    LOADED = "reaches into loaded modules: {}"
    TRACES = "traces other code: {}"
    INTERNALS = "reaches into other code: {}"
    REWRITES = "rewrites cells before they run: {}"
    TORCHS_ENGINE = "reaches for torch's engine: {}"
    TALKS = "talks past the notebook: {}"
    ELSEWHERE = "imports code that is not in the notebook: {}"
    UNREADABLE = "{}"


@dataclass(frozen=True)
class Remark:
    """One thing that a person should look at.

    Attributes:
        kind: what it is.
        word: the name that it goes by in the source.
        line: its number in its cell.
        text: the line itself.
    """

    kind: Beyond
    word: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.kind.value.format(self.word)} in line {self.line}: `{self.text}`"


WORDS = {
    word: kind
    for kind, text in {
        Beyond.ENGINE: "autograd functorch requires_grad_ requires_grad enable_grad set_grad_enabled grad_fn "
        "jvp vjp register_hook retain_grad create_graph retain_graph func jacrev jacfwd vmap "
        "register_backward_hook",
        Beyond.READY: "ops aten",
        Beyond.MEASURES: "numerical_gradients gradients checks checking check_module gradcheck gradient",
        Beyond.COMPLEX: "complex complex64 complex128 cdouble cfloat cmath imag view_as_complex view_as_real "
        "polar fft conj",
        Beyond.RUNS: "exec eval compile __import__ importlib import_module runpy marshal pickle dill "
        "cloudpickle codeop builtins get_ipython run_cell pkgutil pydoc code",
        Beyond.FRAMES: "_getframe currentframe tb_frame f_back f_locals f_globals gi_frame cr_frame inspect "
        "ag_frame gi_code __traceback__",
        Beyond.MEMORY: "gc get_objects get_referrers get_referents",
        Beyond.POINTERS: "ctypes cffi mmap data_ptr",
        Beyond.LOADED: "_C meta_path path_hooks sys",
        Beyond.TRACES: "settrace setprofile",
        Beyond.INTERNALS: "__code__ __globals__ __closure__ __builtins__ __subclasses__ __getattribute__ "
        "__dict__ globals vars locals",
        Beyond.TALKS: "socket fromfd fdopen dup dup2 fork subprocess multiprocessing threading _thread "
        "concurrent asyncio signal atexit write",
    }.items()
    for word in text.split()
}
"""Words by which what is beyond goes: what using them means. Others are just beyond."""


@dataclass(frozen=True, eq=False)
class Cell:
    """A cell that can be read: its text and its statements."""

    text: str
    body: tuple[ast.stmt, ...]

    def remark(self, kind: Beyond, word: str, node: ast.AST) -> Remark:
        """What is to be said of a node of it."""
        line = getattr(node, "lineno", 1)
        lines = self.text.splitlines()
        return Remark(kind, word[:80], line, lines[line - 1].strip()[:80] if lines else "")


def imports_of(statements: Iterable[ast.stmt]) -> dict[str, set[str]]:
    """Where the names come from that statements import."""
    paths: dict[str, set[str]] = {}
    for node in chain.from_iterable(map(ast.walk, statements)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                path = alias.name if alias.asname else alias.name.split(".")[0]
                paths.setdefault(alias.asname or path, set()).add(path)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                path = f"{'.' * node.level}{node.module or ''}.{alias.name}"
                paths.setdefault(alias.asname or alias.name, set()).add(path)
    return paths


def stars_of(statement: ast.stmt) -> Iterator[str]:
    """The libraries of which a statement imports everything."""
    for node in ast.walk(statement):
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
            yield node.module or ""
