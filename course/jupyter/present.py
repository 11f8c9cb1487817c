"""Opens a lecture as slides in JupyterLab: ``make present LECTURE=03``.

JupyterLab keeps slide mode switched on between sessions. So it gets settings and a workspace of its own here,
which are gone when it stops: your settings with slide mode on, and letters that are read from the last row.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from jupyterlab.commands import get_user_settings_dir

ROOT = Path(__file__).resolve().parents[2]
RUN_AND_RETURN = [
    "notebook:run-all-cells",
    "notebook:extend-marked-cells-top",
    *(f"notebook:move-cursor-{way}" for way in ("down", "up", "up")),
]
SETTINGS = {
    "jupyterlab-slideshow/plugin": {"active": True},
    "@jupyterlab/apputils-extension/themes": {
        # the last: of tables
        "overrides": {"content-font-size1": "20px", "code-font-size": "17px", "ui-font-size1": "17px"}
    },
    "@jupyterlab/shortcuts-extension/shortcuts": {
        "shortcuts": [
            {
                "command": "apputils:run-all-enabled",
                "args": {"commands": RUN_AND_RETURN},
                "keys": ["F9"],
                "selector": ".jp-Notebook",
            }
        ]
    },
}
"""What is added to your settings."""

HELP = """\
F9 runs all cells and returns to the first slide. → and ← turn the slides, Space goes on to the next part,
Escape leaves the slides."""


def find(number: str) -> Path:
    """A lecture's notebook by its number.

    Raises:
        SystemExit: there is none, or no single one.
    """
    notebooks = sorted((ROOT / "lectures").glob(f"{number}*.ipynb"))
    if len(notebooks) != 1:
        known = ", ".join(path.name.split("_")[0] for path in sorted((ROOT / "lectures").glob("*.ipynb")))
        raise SystemExit(f"there is no lecture {number}: there are {known}; say make present LECTURE=03")
    return notebooks[0]


def write_settings(folder: Path) -> None:
    """Your settings with SETTINGS added."""
    own = Path(get_user_settings_dir())
    if own.is_dir():
        shutil.copytree(own, folder, dirs_exist_ok=True)
    for plugin, added in SETTINGS.items():
        path = folder / f"{plugin}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(added), encoding="utf-8")


def environment(folder: Path) -> dict[str, str]:
    """Environment variables by which JupyterLab takes its settings and workspaces from a folder."""
    write_settings(folder / "settings")
    return {
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
    }


def main(number: str) -> int:
    """Present a lecture until JupyterLab is stopped; its exit code."""
    lecture = find(number)
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        f"--LabApp.default_url=/lab/tree/{lecture.relative_to(ROOT).as_posix()}",
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    print(HELP)
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environment(Path(folder))})
        signal.signal(signal.SIGTERM, lambda *_: server.terminate())
        while True:
            try:
                return server.wait()
            except KeyboardInterrupt:  # JupyterLab got it, too, and asks whether to stop
                continue


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
