"""The CUDA gate: the one place that says where the course's tensors live."""

import functools
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Generator, Tensor

from course.errors import DeviceError


@functools.cache  # asked at every forward; a GPU neither comes nor goes while Python runs
def device() -> torch.device:
    """The device of every tensor in the course: the GPU when there is one, else the CPU.

    The environment variable ``COURSE_DEVICE=cpu|cuda`` overrides the choice; it is read once.

    Raises:
        DeviceError: ``COURSE_DEVICE`` is neither cpu nor cuda, or asks for a GPU where none is found.
    """
    wanted = os.environ.get("COURSE_DEVICE", "").strip().lower()
    if wanted not in ("", "cpu", "cuda"):
        raise DeviceError(
            f"COURSE_DEVICE={wanted!r} is not a device of the course: set it to cpu or cuda, or unset it"
        )
    if wanted == "cuda" and not torch.cuda.is_available():
        raise DeviceError(
            "COURSE_DEVICE=cuda, but torch finds no GPU: unset it, or install a CUDA build of torch"
        )
    return torch.device(wanted or ("cuda" if torch.cuda.is_available() else "cpu"))


def tensor(data: Any, dtype: torch.dtype | None = None) -> Tensor:
    """``torch.tensor`` on the course's device; whole numbers become floats unless `dtype` says otherwise."""
    made = torch.as_tensor(data, dtype=dtype, device=device()).clone()
    return made if dtype is not None or made.is_floating_point() else made.to(torch.get_default_dtype())


def generator(seed: int) -> Generator:
    """A seeded source of random numbers on the course's device."""
    return Generator(device=device()).manual_seed(seed)


def randn(rng: Generator, *shape: int, dtype: torch.dtype | None = None) -> Tensor:
    """Normally distributed numbers with mean 0 and variance 1, drawn from `rng` on its device."""
    return torch.randn(shape, generator=rng, device=rng.device, dtype=dtype)


def rand(rng: Generator, *shape: int, dtype: torch.dtype | None = None) -> Tensor:
    """Numbers from 0 to 1, each as likely as any other, drawn from `rng` on its device."""
    return torch.rand(shape, generator=rng, device=rng.device, dtype=dtype)


def require_device(values: Iterable[Any], names: Callable[[], Sequence[str]]) -> None:
    """Let only tensors on the course's device pass; `names` is called only when one does not.

    Raises:
        DeviceError: names the argument, both devices and the fix.
    """
    home = device()
    for position, value in enumerate(values):
        if isinstance(value, Tensor) and value.device.type != home.type:
            known = names()
            name = known[position] if position < len(known) else f"input {position}"
            raise DeviceError(
                f"argument '{name}' is on {value.device}, but the course computes on {home}: "
                f"pass it as {name}.to('{home.type}'), or set COURSE_DEVICE={value.device.type} before "
                f"starting Python"
            )
