"""Shared by all tests: the course is imported with its shapes enforced."""

import os
from pathlib import Path

import pytest
import torch
from jaxtyping import install_import_hook

# Every shape that stands in a signature of course.modules is checked at run time from here on.
install_import_hook("course.modules", "beartype.beartype")

os.environ.setdefault("JUPYTER_PLATFORM_DIRS", "1")  # silences jupyter_core's notice about its folders

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of the whole course."""
    return ROOT


@pytest.fixture
def rng() -> torch.Generator:
    """A seeded generator on the course's device."""
    from course import generator

    return generator(0)
