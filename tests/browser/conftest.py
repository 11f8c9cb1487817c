"""One JupyterLab for all tests that only need one: it takes ten seconds to start."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import running_jupyter


@dataclass(frozen=True)
class Jupyter:
    """A running JupyterLab: its address, and the folder that it shows."""

    address: str
    folder: Path

    def opened(self, path: str) -> str:
        """Where a notebook opens alone: a workspace of its own does not bring back what another test opened."""
        return f"{self.address}/lab/workspaces/{Path(path).stem}/tree/{path}"


@pytest.fixture(scope="session")
def jupyter(root, tmp_path_factory) -> Iterator[Jupyter]:
    """JupyterLab over a copy of what students open, so that running it leaves no trace."""
    folder = tmp_path_factory.mktemp("class")
    for name in ("lectures", "assignments", "docs"):
        shutil.copytree(root / name, folder / name, ignore=shutil.ignore_patterns("_build"))
    with running_jupyter(folder, tmp_path_factory.mktemp("jupyter")) as address:
        yield Jupyter(address, folder)
