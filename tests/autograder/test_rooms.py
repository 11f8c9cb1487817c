"""The autograder's rooms: who may import whom, what runs in the sandbox, where old names lead."""

import ast
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from autograder.nbgrader_steps.old_names import MOVED
from autograder.settings import PACKAGE, Settings

INSIDE = PACKAGE / "sandbox" / "inside"
NOT_OURS = (PACKAGE / "work", PACKAGE / "demo" / "bank", PACKAGE / "handing_out" / "edition_parts")
"""Students' files, and files of the students' edition."""


def files(folder: Path = PACKAGE) -> dict[str, Path]:
    """The package's modules, but not what runs in the sandbox: by dotted name, the file."""
    found = {
        path
        for path in folder.rglob("*.py")
        if not any(path.is_relative_to(other) for other in (*NOT_OURS, INSIDE))
    }
    return {
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path
        for path in found
    }


def imports(path: Path) -> Iterator[str]:
    """The dotted names that a file imports, wherever in it: at the top, in a function, or for types only."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: write the whole name"
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room(name: str) -> str:
    return ".".join(name.split(".")[:2])


def test_no_import_runs_in_a_circle_not_even_a_lazy_one():
    modules = files()
    assert len(modules) > 60
    arrows = {
        name: {other for other in imports(path) if other in modules and other != name}
        for name, path in modules.items()
    }
    assert list(TopologicalSorter(arrows).static_order())  # raises CycleError, with the circle


def test_arrows_between_rooms_run_one_way():
    modules = files()
    arrows: dict[str, set[str]] = {}
    for name, path in modules.items():
        above = {room(other) for other in imports(path) if other in modules}
        arrows.setdefault(room(name), set()).update(above - {room(name)})
    order = list(TopologicalSorter(arrows).static_order())
    assert (
        order.index("autograder.sandbox")
        < order.index("autograder.running")
        < order.index("autograder.pages")
    )


def test_a_newcomer_sees_few_files_beside_the_rooms():
    assert len(list(PACKAGE.glob("*.py"))) <= 8
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    text = ast.get_docstring(ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))) or ""
    assert [name for name in sorted(rooms) if name not in text] == []


def test_every_step_that_the_life_of_a_submission_names_is_there():
    text = ast.get_docstring(ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))) or ""
    rooms = "|".join(path.parent.name for path in PACKAGE.glob("*/__init__.py"))
    named = set(re.findall(rf"\b(?:{rooms})\.\w+", text))
    assert len(named) >= 6
    assert {f"autograder.{name}" for name in named} <= files().keys()


def test_what_runs_in_the_sandbox_imports_nothing_of_the_package():
    """There is none of it in there; the libraries are those that students have."""
    siblings = {path.stem for path in INSIDE.glob("*.py")}
    allowed = siblings | sys.stdlib_module_names | {"IPython", "course", "matplotlib", "torch", "traitlets"}
    assert siblings >= {"shell", "warm_kernel"}
    for path in INSIDE.rglob("*.py"):
        assert {name.split(".")[0] for name in imports(path)} <= allowed, path
        assert "autograder" not in re.sub(r'""".*?"""', "", path.read_text(), flags=re.DOTALL)


@pytest.mark.parametrize("package", ["autograder", "course"])
def test_the_product_reads_no_tests(root, package):
    for path in (root / package).rglob("*.py"):
        if any(path.is_relative_to(folder) for folder in NOT_OURS):
            continue
        assert not {name for name in imports(path) if name.split(".")[0] == "tests"}, path
        texts = [
            node.value
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Constant)
        ]
        assert not [
            text for text in texts if isinstance(text, str) and re.match(r"(.*/)?tests(/\S*)?$", text)
        ], path


OLD = [
    "autograder.allow_stderr.AllowStderr",
    "autograder.database.VARIABLE",
    "autograder.exports.CanvasExportPlugin",
    "autograder.exports.MoodleExportPlugin",
    "autograder.fail_closed.FailClosed",
    "autograder.feedback.FeedbackExporter",
    "autograder.feedback.keep_pages_only",
    "autograder.fragments.markdown",
    "autograder.hide_tests.HideTests",
    "autograder.late.AssignPenalties",
    "autograder.review.MarkForReview",
    "autograder.sanitize.clean",
    "autograder.settings.Settings",
    "autograder.steps.HardenNotebook",
    "autograder.steps.Replay",
    "autograder.steps.SandboxedExecute",
    "autograder.submissions.defuse_links",
]
"""All that nbgrader's configuration named before there were rooms."""


@pytest.mark.parametrize("name", OLD)
def test_a_name_of_an_earlier_configuration_leads_to_where_its_thing_is_now(name):
    home, _, thing = name.rpartition(".")
    now = MOVED.get(home, home)
    sys.modules.pop(home, None) if home in MOVED else None
    if home in MOVED:
        with pytest.warns(FutureWarning, match=f"^{re.escape(home)} is {re.escape(now)} now: name it so$"):
            module = importlib.import_module(home)
    else:
        module = importlib.import_module(home)
    assert module is importlib.import_module(now)
    assert hasattr(module, thing)
    sys.modules.pop(home, None) if home in MOVED else None


def test_no_old_name_is_one_that_is_used():
    assert not MOVED.keys() & files().keys()
    assert set(MOVED.values()) <= files().keys()
    with pytest.raises(ModuleNotFoundError, match=re.escape("No module named 'autograder.judge'")):
        importlib.import_module("autograder.judge")


def test_a_course_s_old_configuration_still_configures_nbgrader(root, tmp_path):
    """As nbgrader_config.py was, in a folder of its own, with one's own change."""
    (tmp_path / "solutions").mkdir()
    (tmp_path / "nbgrader_config.py").write_text(
        "import os\nfrom pathlib import Path\n"
        "from autograder.database import VARIABLE\nfrom autograder.settings import Settings\n"
        "c = get_config()\n"
        "c.merge(Settings(Path(__file__).resolve().parent, db=os.environ.get(VARIABLE)).prepare().config())\n"
        "c.GenerateFeedback.exporter_class = 'autograder.feedback.FeedbackExporter'\n"
        "c.ExportApp.plugin_class = 'autograder.exports.MoodleExportPlugin'\n"
    )
    command = [sys.executable, "-m", "nbgrader", "export", "--to=own.csv"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "autograder.exports is autograder.pages.exports now: name it so" in done.stderr
    assert (tmp_path / "own.csv").read_text().startswith("Username,")


def test_every_name_in_the_configuration_of_nbgrader_leads_somewhere(tmp_path):
    config = Settings(tmp_path).config()
    steps = [*config.Autograde.sanitize_preprocessors, *config.Autograde.autograde_preprocessors]
    feedback = config.GenerateFeedback
    hooks = [config.Autograde.pre_convert_hook, feedback.post_convert_hook, feedback.exporter_class]
    names = [*steps, *feedback.preprocessors, *hooks, *config.HTMLExporter.filters.values()]
    assert sum(name.startswith("autograder.") for name in names) >= 12
    for name in names:
        home, _, thing = name.rpartition(".")
        assert callable(getattr(importlib.import_module(home), thing)), name
