"""A student's process in the sandbox: runs one notebook's cells, and answers the judge about its objects.

It is forked from the warm kernel (`warm_kernel.py`), with torch, IPython and the students' edition of the
course loaded, and talks over one socket: `course.exercises.wire` says how. Cells run in IPython's own shell,
as they do in Jupyter: magics, rich output, top-level await and tracebacks are the same.
"""

import base64
import io
import os
import pkgutil
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import matplotlib.pyplot  # noqa: F401 - loaded here, so that no student waits for it
import torch
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Type
from traitlets.config import Config

from course import Module
from course.exercises import questions
from course.exercises.respondent import Local
from course.exercises.serve import answer, receive
from course.exercises.wire import pack, unpack
from course.fallback import fall_back_never

QUESTIONS = tuple(f"{questions.__name__}.{info.name}" for info in pkgutil.iter_modules(questions.__path__))
"""Modules that hold what is done with a student's object."""

ON_THE_WAY = (
    *QUESTIONS,
    "course.attributes",
    "course.checking.deadline",
    "course.checking.evidence",
    "course.checking.finding",
    "course.checking.shortcuts",
    "course.checking.trace",
    "course.device",
    "course.exercises.exercise",
    "course.exercises.recipe",
    "course.exercises.respondent",
    "course.exercises.serve",
    "course.exercises.wire",
    "course.fallback",
    "course.guards",
    "course.modes",
    "course.module",
    "course.parameter",
    "course.saved",
    "torch.autograd",
    "torch.autograd.forward_ad",
    "torch.autograd.graph",
)
"""Modules whose functions and classes a question to a student's object runs through."""

REPLACED = "the notebook replaced {name}, with which answers are checked: take that out"

MOST_TEXT = 2**17
"""Characters of text that one cell may print; the rest is dropped, as 'nbgrader' would drop it later."""

MOST_OUTPUT = 2**23
"""Bytes of output that a notebook may have: pictures, tables and text."""


class Recorder:
    """The outputs of one cell, in the notebook's format."""

    def __init__(self) -> None:
        self.outputs: list[dict[str, Any]] = []
        self.shown: dict[str, dict[str, Any]] = {}
        self.text = 0
        self.total = 0

    def begin(self) -> None:
        """A new cell."""
        self.outputs, self.text = [], 0

    def stream(self, name: str, text: str) -> None:
        """Text on stdout or stderr."""
        room = min(MOST_TEXT - self.text, MOST_OUTPUT - self.total)
        if len(text) > room >= 0:
            text = text[:room] + "\n[the rest is left out]\n"
        elif room < 0:
            return
        self.text, self.total = self.text + len(text), self.total + len(text)
        last = self.outputs[-1] if self.outputs else {}
        if last.get("output_type") == "stream" and last["name"] == name:
            last["text"] += text
        else:
            self.outputs.append({"output_type": "stream", "name": name, "text": text})

    def rich(
        self, kind: str, data: dict[str, Any], metadata: dict[str, Any], number: int | None = None
    ) -> dict[str, Any]:
        """A display or a result; in words only, once there is too much of it."""
        data = {str(mime): _portable(value) for mime, value in data.items()}
        size = sum(len(str(value)) for value in data.values())
        self.total += size
        if self.total > MOST_OUTPUT:
            data, metadata = {"text/plain": str(data.get("text/plain", "[left out]"))[:1000]}, {}
        output = {"output_type": kind, "data": data, "metadata": _portable(metadata or {})}
        if kind == "execute_result":
            output["execution_count"] = number
        self.outputs.append(output)
        return output


class _Stream(io.TextIOBase):
    """What stands for stdout or stderr while cells run."""

    encoding, errors = "utf-8", "replace"

    def __init__(self, recorder: Recorder, name: str) -> None:
        self.recorder, self.name = recorder, name

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self.recorder.stream(self.name, text)
        return len(text)

    def writable(self) -> bool:
        return True


class _Hook(DisplayHook):
    """Records a cell's last value."""

    def write_output_prompt(self) -> None:
        """Notebooks have none."""

    def write_format_data(self, format_dict: dict[str, Any], md_dict: dict[str, Any] | None = None) -> None:
        _recorder(self).rich("execute_result", format_dict, md_dict or {}, self.prompt_count)

    def finish_displayhook(self) -> None:
        """Nothing was written."""


class _Publisher(DisplayPublisher):
    """Records what is displayed."""

    def publish(
        self,
        data: Any,
        metadata: Any = None,
        *args: Any,
        transient: Any = None,
        update: bool = False,
        **kw: Any,
    ) -> None:
        recorder = _recorder(self)
        name = (transient or {}).get("display_id")
        if update and name in recorder.shown:
            recorder.shown[name]["data"] = {str(mime): _portable(value) for mime, value in data.items()}
            return
        output = recorder.rich("display_data", data, metadata or {})
        if name:
            recorder.shown[name] = output

    def clear_output(self, wait: bool = False) -> None:
        _recorder(self).outputs.clear()


class _Interactive(InteractiveShell):
    """IPython's shell, its outputs recorded; `exit()` does nothing, as there is nobody to leave."""

    displayhook_class = Type(_Hook)
    display_pub_class = Type(_Publisher)
    recorder: Recorder

    def _showtraceback(self, etype: Any, evalue: Any, stb: Any) -> None:
        frames = [stb] if isinstance(stb, str) else [str(frame) for frame in stb]
        text = "\n".join(frames)[-MOST_TEXT:]
        self.recorder.outputs.append(
            {
                "output_type": "error",
                "ename": str(etype.__name__),
                "evalue": _words(evalue),
                "traceback": text.split("\n"),
            }
        )

    def ask_exit(self) -> None:
        """Stay."""


class Shell:
    """IPython and what it has recorded."""

    def __init__(self) -> None:
        config = Config()
        config.HistoryManager.enabled = False
        config.InteractiveShell.colors = "nocolor"
        config.InteractiveShell.xmode = "Context"
        self.recorder = Recorder()
        self.ipython = _Interactive.instance(config=config)
        self.ipython.recorder = self.recorder
        self.respondent: Local | None = None
        self.raw = -1
        for name in QUESTIONS:
            import_module(name)
        self.changed = original_parts()

    @classmethod
    def warm(cls) -> "Shell":
        """A shell in which everything that a first use would load is loaded."""
        torch.set_num_threads(1)  # no thread may run yet where processes are forked
        shell = cls()
        shell.run("1 + 1")
        module = _Nothing()
        for inputs in (torch.ones(1), torch.zeros(2)):
            module.forward(inputs)
            # torch.autograd loads a second's worth of Python when it is first used
            module.backward(torch.ones_like(inputs))
        shell.recorder.__init__()
        shell.ipython.execution_count = 1
        return shell

    def serve(self, channel: socket.socket, scratch: Path) -> None:
        """Answer until the engine closes its end."""
        os.chdir(scratch)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        self.raw = os.open(scratch / ".output", os.O_RDWR | os.O_CREAT | os.O_APPEND)
        os.unlink(scratch / ".output")
        for number in (1, 2):
            os.dup2(self.raw, number)
        sys.stdout, sys.stderr = _Stream(self.recorder, "stdout"), _Stream(self.recorder, "stderr")
        reading, writing = channel.makefile("rb"), channel.makefile("wb")
        while (data := receive(reading)) is not None:
            question = unpack(data)
            writing.write(pack(self._answer(question["ask"], question["of"])))
            writing.flush()

    def _answer(self, ask: str, of: list[Any]) -> dict[str, Any]:
        own: dict[str, Callable[..., dict[str, Any]]] = {
            "run": self.run,
            "use": self.use,
            "files": self.files,
            "shut": self.shut,
        }
        if ask in own:
            return own[ask](*of)
        assert self.respondent is not None
        reply = answer(self.respondent, ask, of)
        if changed := self.changed():
            words = REPLACED.format(name=changed)
            return {
                "problem": words,
                "kind": "refused",
                "failures": {"forward": {"problem": "refused", "words": words}},
            }
        return reply

    def files(self, files: dict[str, str]) -> dict[str, Any]:
        """Put what was handed in beside the notebook where the notebook will look for it."""
        folder = Path("notebook").resolve()
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(base64.b64decode(text))
        folder.mkdir(exist_ok=True)
        os.chdir(folder)
        # otherwise nothing is imported that a notebook may have written
        if any(name.endswith(".py") for name in files):
            sys.path.insert(0, "")
        return {}

    def run(self, source: str) -> dict[str, Any]:
        """Run a cell."""
        self.recorder.begin()
        with suppress(KeyboardInterrupt):  # one that came a moment too late
            self.ipython.run_cell(source, store_history=True)
        self._raw_output()
        return {"outputs": self.recorder.outputs, "number": self.ipython.execution_count - 1}

    def _raw_output(self) -> None:
        """What went past Python, from C or from another process."""
        if self.raw < 0:
            return
        with suppress(OSError):
            if text := os.pread(self.raw, MOST_TEXT, 0).decode(errors="replace"):
                self.recorder.stream("stdout", text)
            os.ftruncate(self.raw, 0)

    def shut(self) -> dict[str, Any]:
        """Let torch differentiate for no module that has no backward, from now on."""
        fall_back_never()
        return {}

    def use(self, exercise: str, name: str) -> dict[str, Any]:
        """Answer from now on for the object of that name."""
        if name not in self.ipython.user_ns:
            return {
                "problem": f"there is no '{name}': its cell is missing, or stopped at an error before it "
                f"was defined"
            }
        if changed := self.changed():
            return {"problem": REPLACED.format(name=changed)}
        self.respondent = Local(exercise, self.ipython.user_ns[name])
        return {"problem": ""}


def original_parts() -> Callable[[], str]:
    """Remember the functions on the way of a question.

    Returns:
        a function that names the first of them that is not the same any more; empty when all are. All that it
        needs is in its own closure, so that it cannot be misled by replacing a name.
    """
    seen = []
    for name in ON_THE_WAY:
        module = sys.modules[name]
        homes = [(name, vars(module))]
        homes += [
            (f"{name}.{cls.__name__}", vars(cls))
            for cls in vars(module).values()
            if isinstance(cls, type) and cls.__module__ == name
        ]
        for place, home in homes:
            for key, value in home.items():
                function = getattr(value, "__func__", value)
                if callable(function) or isinstance(value, property):
                    code = getattr(function, "__code__", None)
                    seen.append(
                        (
                            f"{place}.{key}",
                            home,
                            key,
                            value,
                            function,
                            code,
                            getattr(function, "__defaults__", None),
                        )
                    )

    def changed(read: Callable[..., Any] = getattr) -> str:
        for name, home, key, value, function, code, defaults in seen:
            if home.get(key) is not value:
                return name
            if code is not None and (
                read(function, "__code__") is not code or read(function, "__defaults__") is not defaults
            ):
                return name
        return ""

    return changed


class _Nothing(Module):
    """Falls back on torch.autograd: run once, so that what a first module needs is loaded."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.save(x=x)
        return x * x


def _recorder(part: Any) -> Recorder:
    return part.shell.recorder


def _portable(value: Any) -> Any:
    """A value as JSON can have it."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {str(key): _portable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_portable(item) for item in value]
    return value if value is None or isinstance(value, str | bool | int | float) else str(value)


def _words(error: Any) -> str:
    """An exception's message; the class may be a student's, and raise here, too."""
    try:
        return str(error)[:2000]
    except Exception:
        return ""
