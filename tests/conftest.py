"""Shared by all tests: the course imported with its shapes enforced, a browser, a JupyterLab."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from jaxtyping import install_import_hook

import course
import tests.typechecker  # noqa: F401 - imported here so that the hook finds it

# Every shape that stands in a signature of course.modules is checked at run time from here on.
install_import_hook("course.modules", "tests.typechecker.typechecked")

# With a GPU present the library takes only CUDA tensors, so that is where the tests' tensors must be made.
torch.set_default_device(course.device())

# Each of the workers that share the cores computes on one: threads that wait for one another are slower than
# none.
torch.set_num_threads(1)

# A shell that runs the tests in its background has them, and all that they start, ignore Ctrl-C, which some
# of them send.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

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


def find_chromium() -> str | None:
    """The system's Chromium, else the one that Playwright fetched, else None."""
    from playwright.sync_api import sync_playwright

    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    with sync_playwright() as playwright:
        bundled = playwright.chromium.executable_path
    return bundled if Path(bundled).exists() else None


CHROMIUM_OPTIONS = [
    "--no-sandbox",  # containers often run as root, where Chromium's own sandbox does not start
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def chromium():
    """A headless Chromium for the whole session (Playwright's Browser)."""
    from playwright.sync_api import sync_playwright

    path = find_chromium()
    if path is None:
        pytest.skip("no Chromium on this machine: install chromium, or run `playwright install chromium`")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_OPTIONS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium):
    """A fresh page at slide size."""
    context = chromium.new_context(viewport={"width": 1280, "height": 720})
    yield context.new_page()
    context.close()


@contextmanager
def running_jupyter(folder: Path, scratch: Path) -> Iterator[str]:
    """A JupyterLab serving `folder`, with its own settings and logs under `scratch`; yields its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        **{name: str(scratch / name) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "HOME")},
    }
    environment |= {
        f"JUPYTERLAB_{name.upper()}_DIR": str(scratch / name) for name in ("settings", "workspaces")
    }
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    (scratch / "HOME").mkdir(parents=True, exist_ok=True)
    options = [
        "--no-browser",
        "--ip=127.0.0.1",
        f"--port={port}",
        "--ServerApp.port_retries=0",
        "--allow-root",
    ]
    options += [
        "--IdentityProvider.token=",
        "--ServerApp.password=",
        "--LabApp.news_url=",
        "--LabApp.check_for_updates_class=",
    ]
    log = scratch / "jupyter.log"
    with log.open("w") as out:
        command = [sys.executable, "-m", "jupyterlab", *options]
        server = subprocess.Popen(command, cwd=folder, env=environment, stdout=out, stderr=subprocess.STDOUT)
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_for(f"{address}/api/status", server, log)
            yield address
        finally:
            server.terminate()
            try:
                server.wait(15)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def run_all(page, shown: str, tries: int = 5) -> None:
    """Run all cells of the open notebook until `shown` is on the page.

    A kernel that is only just connecting says that it is idle and may lose the first request: then once more.
    """
    from playwright.sync_api import TimeoutError as NotThere

    def answer(dialog) -> None:
        print("JupyterLab asked:", dialog.inner_text())
        dialog.locator("button").last.click()

    # On a busy machine, JupyterLab may ask something in between; a dialog left open would take every click.
    asked = page.locator(".jp-Dialog").first
    page.add_locator_handler(asked, answer)
    try:
        for attempt in range(tries):
            page.get_by_role("menuitem", name="Run", exact=True).click()
            page.get_by_text("Run All Cells", exact=True).click()
            try:
                page.locator(shown).first.wait_for(timeout=15_000 * (attempt + 1))
                return
            except NotThere:
                if attempt == tries - 1:
                    raise
    finally:
        page.remove_locator_handler(asked)  # what comes later is the test's own to answer


def _wait_for(address: str, server: subprocess.Popen, log: Path, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if server.poll() is not None:
            break
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()[-2000:]}")
