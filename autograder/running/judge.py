"""The judge: grades a student's object that lives in another process, from arrays alone.

The student's code runs in the sandbox and answers questions; the judge asks them with inputs that no notebook contains,
compares the arrays that come back, and fails closed: what is not an answer earns nothing.
"""

import ast
import importlib.util
import sys
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from IPython.core.inputtransformer2 import TransformerManager

from autograder.sandbox.host import Student, StudentGoneError
from course.evidence import Evidence
from course.exercises import Score, find_exercise, grade
from course.module import Module
from course.shortcuts import read_text

MEDDLING = {
    word: why
    for why, words in {
        "looks into other frames": "_getframe currentframe tb_frame f_back f_locals f_globals gi_frame cr_frame inspect",
        "looks for other objects in memory": "gc get_objects get_referrers get_referents",
        "reaches into memory": "ctypes cffi mmap",
        "reaches into loaded modules": "modules _C meta_path path_hooks",
        "traces other code": "settrace setprofile",
        "reaches into other code": "__code__ __globals__ __closure__ __builtins__ __subclasses__ __getattribute__ __dict__",
        "rewrites cells before they run": "ast_transformers input_transformers_cleanup input_transformers_post",
        "runs code that cannot be read": "importlib import_module runpy marshal pickle dill cloudpickle codeop builtins",
        "reaches for torch's engine": "_engine_run_backward _execution_engine run_backward falling_back recording",
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

MAGICS = ("matplotlib", "time", "timeit", "capture", "config", "precision", "pip", "conda", "who", "whos", "pwd", "ls")
"""Commands of IPython that a notebook may well use."""

GUARDED = ("course", "torch", "numpy", "np", "builtins", "IPython")
"""Modules whose parts a notebook has no reason to replace."""

KNOWN = {*sys.stdlib_module_names, *GUARDED, "matplotlib", "scipy", "sklearn", "pandas", "tqdm", "ipywidgets", "jaxtyping"}
"""Modules whose source is not the student's."""


@dataclass(frozen=True)
class Check:
    """What a test cell asks for: an exercise, and the object that should solve it, both by name."""

    exercise: str
    name: str


def find_check(source: str) -> Check | None:
    """The check that a test cell makes; None for one that tests in another way.

    Raises:
        ValueError: it makes several different ones, or one of an unknown exercise: the judge could not say what it is worth.
    """
    try:
        nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    except SyntaxError:  # a magic: the student's process will run it
        return None
    calls = [node for node in nodes if isinstance(node.func, ast.Name) and node.func.id == "check"]
    if not calls:
        return None
    asked = {_asked(call) for call in calls}
    if len(asked) > 1 or None in asked:
        raise ValueError('a test cell checks one exercise, and one object by its name: check("add", Add)')
    exercise, name = asked.pop() or ("", "")
    try:
        find_exercise(exercise)
    except KeyError as error:
        raise ValueError(error.args[0]) from None
    return Check(exercise, name)


def _asked(call: ast.Call) -> tuple[str, str] | None:
    """The names of the exercise and of the object; None when one of them is no plain name."""
    if len(call.args) == 2 and isinstance(call.args[0], ast.Constant) and isinstance(call.args[1], ast.Name):
        return str(call.args[0].value), call.args[1].id
    return None


def judge(student: Student, check: Check, sources: Sequence[str], *, seed: int, brought: bool = False) -> Score:
    """Grade an object that lives in a student's process, and note what a person should see in the notebook's source.

    Args:
        sources: the student's own cells, up to the test, and the Python files that were handed in with them.
        brought: whether there are such files.
        seed: of the inputs; no notebook contains it.
    """
    return grade(find_exercise(check.exercise), Remote(student, check, sources, brought=brought), seed=seed)


class Remote:
    """A respondent in another process. Whatever comes back is checked before it is used."""

    def __init__(self, student: Student, check: Check, sources: Sequence[str], *, brought: bool = False) -> None:
        self.brought = brought
        self.student, self.check, self.sources = student, check, [as_python(source) for source in sources]
        self.problem = _text(self._ask("use", check.exercise, check.name).get("problem"))

    def about(self) -> dict[str, Any]:
        """The object's problem, and what its source shows: here, where nobody can have tampered with the reading."""
        problem = self.problem or _text(self._ask("about").get("problem")) or self.problem
        seen = [*read_text(self.sources, self.check.name), *meddling(self.sources, brought=self.brought)]
        return {"problem": problem, "shortcuts": seen}

    def own(self, label: str) -> dict[str, Any]:
        """A module of the student's own: inputs' names and parameters."""
        found = self._ask("own", label)
        named = {str(name): value for name, value in _dict(found.get("state")).items() if isinstance(value, np.ndarray)}
        state = {name: value for name, value in named.items() if not hasattr(Module, name.split(".")[0])}
        names = [_text(name) for name in _list(found.get("names"))]
        return {"problem": self.problem or _text(found.get("problem")), "names": names, "state": state}

    def probe(
        self, label: str, state: dict[str, np.ndarray], names: Sequence[str], inputs: Sequence[Any], grads: Sequence[np.ndarray]
    ) -> Evidence:
        """One probe."""
        found = self._ask("probe", label, state, list(names), list(inputs), list(grads))
        if self.problem:
            return Evidence(errors={"forward": self.problem}, timed_out=True)
        return Evidence(
            outputs=tuple(_array(value) for value in _list(found.get("outputs"))),
            grads={name: _array(value) for name, value in _dict(found.get("grads")).items()},
            grads_again={name: _array(value) for name, value in _dict(found.get("grads_again")).items()},
            changed=tuple(_text(name) for name in _list(found.get("changed"))),
            demands_forward=found.get("demands_forward") is True,
            timed_out=found.get("timed_out") is True,
            errors={stage: _text(said) for stage, said in _dict(found.get("errors")).items()},
            shortcuts=tuple(_text(said) for said in _list(found.get("shortcuts"))),
        )

    def forward(self, label: str, state: dict[str, np.ndarray], inputs: Sequence[Any]) -> dict[str, Any]:
        """One forward."""
        found = self._ask("forward", label, state, list(inputs))
        outputs = [value for value in _list(found.get("outputs")) if isinstance(value, np.ndarray)]
        problem = self.problem or _text(found.get("problem"))
        return {"problem": problem or ("" if outputs else "forward gave nothing"), "outputs": outputs}

    def call(self, label: str, inputs: Sequence[np.ndarray]) -> dict[str, Any]:
        """One call of a function."""
        found = self._ask("call", label, list(inputs))
        results = [value for value in _list(found.get("results")) if isinstance(value, np.ndarray)]
        changed = [value for value in _list(found.get("changed")) if type(value) is int]
        problem = self.problem or _text(found.get("problem"))
        return {
            "problem": problem,
            "results": results,
            "changed": changed,
            "slow": found.get("slow") is True or bool(self.problem),
        }

    def _ask(self, what: str, *of: Any) -> dict[str, Any]:
        """The answer to one question; empty, with the reason noted, once the process has failed to give one."""
        try:
            return self.student.ask(what, *of)
        except StudentGoneError as gone:
            self.problem = f"the process in which the notebook ran gave no answer: {gone}"
            return {}


@lru_cache(maxsize=64)
def as_python(source: str) -> str:
    """A cell as the Python that runs: IPython's own commands are calls in it, and what follows a `%%time` is its lines."""
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
    """Lines that reach for what runs beside the notebook: no exercise needs them, and a person should see them.

    Args:
        brought: whether Python files were handed in: only then can a notebook import what lies beside it, and it might be
            another text by then than the one that was handed in.
    """
    found: dict[str, str] = {}
    sources = [as_python(source) for source in sources]
    nodes = [(node, source) for source in sources if (tree := _tree(source)) is not None for node in ast.walk(tree)]
    own = {node.name for node, _ in nodes if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    guarded = {name for node, _ in nodes for name in _taken(node)} | set(GUARDED)
    for node, source in nodes:
        if why := _meddles(node, guarded - own, brought):
            line = source.splitlines()[node.lineno - 1].strip()[:80]  # pyright: ignore[reportAttributeAccessIssue]
            found.setdefault(why, f"{why}: `{line}`")
    return list(found.values())


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
    if any(isinstance(target, ast.Attribute | ast.Subscript) and _root(target) in guarded for target in targets):
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
    """Whether a module may be found beside the notebook, or happens to be installed; a missing one does nothing."""
    with suppress(ImportError, ValueError):
        return module not in KNOWN and module != "" and (brought or importlib.util.find_spec(module) is not None)
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
    if name in ("run_line_magic", "run_cell_magic") and not (isinstance(first, ast.Constant) and first.value in MAGICS):
        return "runs code that cannot be read"
    return ""


def _root(node: ast.AST | None) -> str:
    """The name that a chain of attributes begins with."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _array(value: Any) -> np.ndarray | None:
    return value if isinstance(value, np.ndarray) else None


def _text(value: Any) -> str:
    return value[:500] if isinstance(value, str) else ""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
