"""The script that writes the gallery, for all tests of figures."""

import importlib.util

import pytest


@pytest.fixture(scope="session")
def generate(root):
    """docs/generate_gallery.py as a module."""
    spec = importlib.util.spec_from_file_location("generate_gallery", root / "docs" / "generate_gallery.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
