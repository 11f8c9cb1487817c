"""One JupyterLab for all tests that only need one, since it takes ten seconds to start; and dashboards."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
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
        """Where a notebook opens alone: a workspace of its own brings back nothing another test opened."""
        return f"{self.address}/lab/workspaces/{Path(path).stem}/tree/{path}"


@pytest.fixture(scope="session")
def jupyter(root, tmp_path_factory) -> Iterator[Jupyter]:
    """JupyterLab over a copy of what students open, so that running it leaves no trace."""
    folder = tmp_path_factory.mktemp("class")
    for name in ("lectures", "assignments", "docs"):
        shutil.copytree(root / name, folder / name, ignore=shutil.ignore_patterns("_build"))
    with running_jupyter(folder, tmp_path_factory.mktemp("jupyter")) as address:
        yield Jupyter(address, folder)


def answers(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def dashboard(notebook, scratch):
    """Voilà on a free port, as `make dashboard` starts it; its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    names = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "HOME")
    environment = {
        **os.environ,
        "JUPYTER_PLATFORM_DIRS": "1",
        **{name: str(scratch / name) for name in names},
    }
    command = [
        sys.executable,
        "-m",
        "voila",
        str(notebook),
        "--no-browser",
        f"--port={port}",
        "--Voila.ip=127.0.0.1",
    ]
    with (scratch / "voila.log").open("w") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            end = time.monotonic() + 60
            while not answers(port):
                assert server.poll() is None, (scratch / "voila.log").read_text()
                assert time.monotonic() < end, (scratch / "voila.log").read_text()
                time.sleep(0.2)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(15)
