"""Wrong backwards as students write them, and what a check says of them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from course import generator
from course.checks import check_module
from course.module import Module


@dataclass(frozen=True)
class Wrong:
    """A module with a wrong backward, what it is made with and run on, and what must be said of a tensor."""

    label: str
    kind: type[Module]
    backward: Callable[..., Any]
    tensor: str
    name: str
    words: str
    args: tuple[Any, ...] = ()
    shapes: tuple[tuple[int, ...], ...] = ()
    inputs: Callable[[], tuple[Any, ...]] | None = None
    prepare: Callable[[Module], None] | None = None
    perhaps: bool = False

    def made(self) -> tuple[Module, tuple[Any, ...]]:
        """The module, and its inputs."""
        torch.manual_seed(0)
        rng = generator(3)
        module = type(self.kind.__name__, (self.kind,), {"backward": self.backward})(*self.args)
        if self.prepare is not None:
            self.prepare(module)
        if self.inputs is not None:
            return module, self.inputs()
        return module, tuple(torch.randn(*shape, generator=rng) for shape in self.shapes)


def must_be_named(wrong: Wrong) -> None:
    """The check says of the tensor what is wrong, by name and in words, and how sure it is."""
    module, inputs = wrong.made()
    report = check_module(module, inputs)
    mistake = report.mistakes.get(f"∂L/∂{wrong.tensor}")
    assert mistake is not None, str(report)
    assert (mistake.name, wrong.words in mistake.what) == (wrong.name, True), mistake
    assert mistake.sentence.startswith("Perhaps" if wrong.perhaps else "Likely"), mistake
