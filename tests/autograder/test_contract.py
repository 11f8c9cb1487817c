"""What the engine rests on in others' code, each pinned by a test whose failure says what has changed."""

import inspect
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor

import nbformat
import nbgrader
import nbgrader.api
import pytest
from IPython.core.autocall import ExitAutocall
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from nbconvert.exporters.exporter import ResourcesDict
from nbformat.v4 import new_output
from nbgrader.api import Gradebook
from nbgrader.converters import Autograde
from nbgrader.converters.base import BaseConverter
from nbgrader.preprocessors import NbGraderPreprocessor, OverwriteCells, SaveAutoGrades
from nbgrader.utils import determine_grade

from autograder.handing_out.assignment import generate
from autograder.running.harden import Blueprint, harden
from autograder.settings import RUN, Settings
from tests.autograder.conftest import graded_cell


def _source(thing) -> str:
    return inspect.getsource(thing)


def test_autograde_sanitizes_then_grades_with_the_lists_that_settings_fill(tmp_path):
    said = "nbgrader's Autograde no longer runs sanitize_preprocessors and then autograde_preprocessors"
    assert "self.sanitize_preprocessors" in _source(Autograde._init_preprocessors), said
    assert "self.autograde_preprocessors" in _source(Autograde._init_preprocessors), said
    assert _source(Autograde.convert_single_notebook).count("self._init_preprocessors()") == 2, said
    config = Settings(tmp_path).config()
    assert RUN in config.Autograde.autograde_preprocessors
    for name in (*config.Autograde.sanitize_preprocessors, *config.Autograde.autograde_preprocessors):
        module, _, step = name.rpartition(".")
        __import__(module)
        assert hasattr(sys.modules[module], step), f"{name}, a step that settings.py names, is gone"


def test_the_hook_that_refuses_links_comes_before_files_are_copied():
    lines = _source(BaseConverter.convert_notebooks)
    assert lines.index("run_pre_convert_hook") < lines.index("self.init_assignment("), (
        "links would be followed before the hook"
    )
    assert "notebooks" in _source(BaseConverter.run_pre_convert_hook), (
        "the hook no longer gets the notebooks' paths"
    )


def test_a_failed_conversion_removes_the_autograded_folder():
    assert "_handle_failure" in _source(BaseConverter.convert_notebooks), (
        "record.py relies on it when it puts a folder back"
    )


def test_gradebooks_make_their_engine_by_a_name_that_can_be_kept():
    assert hasattr(nbgrader.api, "create_engine"), "gradebook.one_engine patches nbgrader.api.create_engine"
    assert "create_engine(db_url" in _source(Gradebook.__init__), "Gradebook makes its engine in another way"
    assert "engine.dispose()" in _source(Gradebook.close), "Gradebook.close leaves connections open"


@pytest.mark.parametrize(
    ("outputs", "points"),
    [
        ([new_output("execute_result", data={"text/plain": "2.5"})], 2.5),
        (
            [
                new_output("display_data", data={"text/plain": "1.0"}),
                new_output("execute_result", data={"text/plain": "2.5"}),
            ],
            2.5,
        ),
        ([new_output("error", ename="E", evalue="", traceback=[])], 0),
    ],
)
def test_points_are_read_off_the_result(outputs, points):
    cell = graded_cell("a_test", "score", 4)
    cell.outputs = outputs
    assert determine_grade(cell)[0] == points, "nbgrader reads points in another way"


def test_a_manual_score_is_never_overwritten():
    source = _source(SaveAutoGrades._add_score)
    assert "grade.auto_score = auto_score" in source
    assert "manual_score =" not in source, "SaveAutoGrades writes manual scores"


def test_overwrite_cells_finds_nothing_to_do_after_harden(tiny):
    path = tiny.hand_in("ada", first="first = 41")
    generate(tiny.settings, "tiny")
    with Gradebook(tiny.settings.db_url) as gradebook:
        blueprint = Blueprint.of(gradebook, "tiny", "tiny", tiny.settings.source / "tiny" / "tiny.ipynb")
    hardened = harden(nbformat.read(path, as_version=4), blueprint)
    nbformat.validate(hardened)
    about = {"notebook": "tiny", "assignment": "tiny", "student": "ada", "db_url": tiny.settings.db_url}
    copy = nbformat.from_dict(hardened)
    after, _ = OverwriteCells(add_missing_cells=True).preprocess(copy, ResourcesDict(nbgrader=about))
    assert after == hardened, "harden and nbgrader's OverwriteCells disagree about a cell"


def test_preprocessors_are_called_with_a_notebook_and_resources():
    assert list(inspect.signature(NbGraderPreprocessor.preprocess).parameters)[1:3] == ["nb", "resources"]


def test_ipython_hands_outputs_to_the_methods_that_shell_overrides():
    wanted = {
        DisplayHook.write_format_data: ["self", "format_dict", "md_dict"],
        DisplayHook.write_output_prompt: ["self"],
        DisplayHook.finish_displayhook: ["self"],
        InteractiveShell._showtraceback: ["self", "etype", "evalue", "stb"],
    }
    for method, parameters in wanted.items():
        found = list(inspect.signature(method).parameters)
        assert found == parameters, f"IPython's {method.__qualname__} takes {found}: shell.py must follow"
    assert {"data", "metadata", "transient", "update"} <= set(
        inspect.signature(DisplayPublisher.publish).parameters
    )
    assert "ask_exit" in _source(ExitAutocall), "exit() leaves in another way: shell.py must follow"
    assert {"displayhook_class", "display_pub_class"} <= set(InteractiveShell.class_traits())


def test_jsonschema_does_without_the_slow_grammar():
    code = (
        "import autograder.running.quick_imports, sys, nbformat, jsonschema\n"
        "assert sys.modules['rfc3987_syntax'] is None and 'lark' not in sys.modules\n"
        "nbformat.validate(nbformat.v4.new_notebook())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"quick_imports.py no longer helps: {done.stderr}"


def test_a_pool_shows_its_processes():
    with ProcessPoolExecutor(1) as pool:
        assert pool.submit(int).result() == 0
        assert len(pool._processes) == 1, "workers.Workers.kill needs the processes of a pool"


def test_the_version_is_the_one_that_was_read():
    assert nbgrader.__version__.startswith("0.9."), (
        "a new nbgrader: read autograde.py, base.py and api.py again"
    )
