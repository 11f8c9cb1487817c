"""docs/modules.md, the page about all modules: made from the modules themselves, and up to date."""

import importlib.util

import pytest

from course import Chain
from course.modules import Linear
from course.modules.registry import all_modules


@pytest.fixture(scope="module")
def generate(root):
    spec = importlib.util.spec_from_file_location("generate_modules", root / "docs" / "generate_modules.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date(root, generate):
    committed = (root / "docs" / "modules.md").read_text(encoding="utf-8")
    assert committed == generate.page(), "docs/modules.md is stale: run `make reference`"


def test_the_page_tells_everything_of_every_module(generate):
    page = generate.page()
    for name, kind in all_modules().items():
        section = page.split(f"\n### {name}\n")[1].split("\n### ")[0]
        for fact in (kind.formula, kind.source, f"lecture: {kind.lecture:02d}", kind.counterpart, "∂", "→"):
            assert fact in section, f"{name}: {fact}"


def test_what_is_taken_from_a_docstring(generate):
    assert generate.gradients(Linear).startswith("With G = ∂L/∂Y")
    assert "Raises" not in generate.gradients(Chain)


def test_torchs_names_exist():
    import torch

    for kind in all_modules().values():
        found = torch
        for part in kind.counterpart.split(".")[1:]:
            found = getattr(found, part)
