"""What the tests of the lists share: a wrong backward, as a student writes it, and what is said of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import torch

from course.checks import check_module


@dataclass(frozen=True)
class Wrong:
    """A module whose backward is wrong.

    Attributes:
        kind: the class, with the right forward.
        inputs: what forward gets.
        backward: what the student wrote.
        named: for each tensor whose gradient is wrong, the mistake's name and words of its sentence.
        options: of the class.
    """

    kind: type
    inputs: Sequence[Any]
    backward: Callable[..., Any]
    named: dict[str, tuple[str, str]]
    options: tuple[Any, ...] = ()

    def check(self) -> None:
        """Each wrong gradient gets the name and the words that it must get, and no other gradient a name."""
        module = type(self.kind.__name__, (self.kind,), {"backward": self.backward})(*self.options)
        mistakes = check_module(module, self.inputs).mistakes
        told = {label: mistake for label, mistake in mistakes.items() if mistake.name != "overwritten"}
        assert set(told) == {f"∂L/∂{tensor}" for tensor in self.named}
        for tensor, (name, words) in self.named.items():
            mistake = told[f"∂L/∂{tensor}"]
            assert (mistake.name, words in mistake.what) == (name, True), mistake.sentence


def parametrize(*wrongs: Wrong) -> Callable[..., Any]:
    """One test for each."""
    ids = [f"{wrong.kind.__name__}-{next(iter(wrong.named.values()))[1][:30]}" for wrong in wrongs]
    return pytest.mark.parametrize("wrong", wrongs, ids=ids)


def rand(*shape: int, seed: int = 0) -> torch.Tensor:
    """Random numbers, none of them near a kink at 0."""
    generator = torch.Generator(torch.get_default_device()).manual_seed(100 + seed)
    values = torch.randn(*shape, generator=generator, dtype=torch.float64)
    return values + 0.2 * values.sign()
