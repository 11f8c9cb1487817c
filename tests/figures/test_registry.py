"""The register of figures: what a decorator may say; course.figures hands out exactly what is registered."""

import importlib
import importlib.util
import re
import subprocess
import sys

import pytest

import course.figures
from course.figure import Figure
from course.figures.registry import LECTURES, all_figures, figure, registered
from tests.notebooks import LECTURES as NOTEBOOKS
from tests.notebooks import read


def example(at: float = 1.0) -> Figure:
    return Figure(f"an example at {at}")


def test_the_decorator_leaves_the_function_as_it_is_and_keeps_what_it_says():
    assert figure(lecture=6, live={"at": (0.0, 2.0)})(example) is example
    entry = registered(example)
    assert (entry.name, entry.lecture, entry.live) == ("example", 6, {"at": (0.0, 2.0)})
    assert entry.draw is example


def test_a_figure_that_needs_an_argument_is_refused():
    def needy(at: float, *rest: float, scale: float = 1.0) -> Figure:
        return Figure("needy")

    with pytest.raises(
        TypeError,
        match=r"needy has no default for 'at': give it one, so that needy\(\) "
        r"draws",
    ):
        figure()(needy)


def test_a_figure_that_does_not_return_one_is_refused():
    def wrong() -> bytes:
        return b""

    with pytest.raises(TypeError, match="wrong does not say that it returns a Figure: write def wrong"):
        figure()(wrong)


@pytest.mark.parametrize("lecture", [0, LECTURES[-1] + 1, -1])
def test_a_lecture_that_does_not_exist_is_refused(lecture):
    with pytest.raises(ValueError, match=f"names lecture {lecture}: there are lectures 1 to 16; correct"):
        figure(lecture=lecture)(example)


@pytest.mark.parametrize(
    ("live", "cause"),
    [
        ({"att": (0.0, 1.0)}, "no argument 'att': there are at"),
        ({"at": "up"}, "'up' is no control"),
        ({"at": (1.0, 0.0)}, "two finite ends"),
        ({"drag": "at"}, "drag='at' needs a slider"),
        ({"at": (0.0, 1.0), "fixed": {"to": 1}}, "no argument 'to'"),
    ],
)
def test_controls_that_cannot_work_are_refused(live, cause):
    with pytest.raises(ValueError, match=f"figure example cannot be live: .*{cause}"):
        figure(live=live)(example)


def test_a_figure_of_the_course_stands_in_a_file_of_its_name(monkeypatch):
    monkeypatch.setattr(example, "__module__", "course.figures.other")
    with pytest.raises(ValueError, match=r"figure example stands in other.py: name the file example.py"):
        figure()(example)


def test_a_forgotten_decorator_is_found(monkeypatch):
    module = importlib.import_module("course.figures.activation")
    monkeypatch.setattr(example, "__name__", "activation")
    monkeypatch.setattr(module, "activation", example)
    monkeypatch.setattr("course.figures.registry._REGISTER", {})
    with pytest.raises(TypeError, match=r"activation is not registered: write @figure\(lecture=…\) above"):
        all_figures()


def test_lectures_are_those_that_show_the_figures_first():
    shown: dict[str, int] = {}
    for path in NOTEBOOKS:
        code = "\n".join(cell.source for cell in read(path).cells if cell.cell_type == "code")
        for names in re.findall(r"^from course\.figures\S* import (.+)$", code, re.MULTILINE):
            for name in all_figures().keys() & set(names.split(", ")):
                shown.setdefault(name, int(path.stem[:2]))
    assert len(shown) > 40
    assert {name: all_figures()[name].lecture for name in shown} == shown


class TestTheDoor:
    def test_it_hands_out_every_figure(self, root):
        assert set(course.figures.__all__) == {*all_figures(), "Figure", "live"}, "run `make reference`"
        for name, entry in all_figures().items():
            assert getattr(course.figures, name) is entry.draw
            assert name in dir(course.figures)

    def test_type_checkers_know_the_same_names(self, root):
        place = root / "docs" / "generate_figures.py"
        spec = importlib.util.spec_from_file_location("generate_figures", place)
        generate = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(generate)
        committed = (generate.ROOM / "__init__.py").read_text(encoding="utf-8")
        assert generate.page(committed) == committed, "course.figures is stale: run `make reference`"
        written = (generate.ROOM / "__init__.pyi").read_text(encoding="utf-8")
        assert generate.stub() == written, "course/figures/__init__.pyi is stale: run `make reference`"

    def test_a_figure_stays_one_when_its_file_is_imported(self):
        importlib.reload(importlib.import_module("course.figures.sigmoid_slope"))
        import course.figures.sigmoid_slope  # what binds the file in the package

        assert course.figures.sigmoid_slope().alt

    def test_it_imports_a_figure_only_when_it_is_asked_for(self):
        code = (
            "import sys, course.figures\n"
            "assert not [name for name in sys.modules if name.startswith('course.figures.')]\n"
            "assert 'matplotlib' not in sys.modules\n"
            "from course.figures import sigmoid_slope\n"
            "assert 'course.figures.activation' not in sys.modules\n"
            "assert 'anywidget' not in sys.modules, 'a figure without controls needs no widget'\n"
            "import course.figures.activation\n"
            "from course.figures import activation\n"
            "assert activation.__name__ == 'activation'\n"
        )
        subprocess.run([sys.executable, "-c", code], check=True, timeout=60)

    def test_a_wrong_name_is_explained(self):
        with pytest.raises(ImportError, match="no figure 'jacobain': did you mean 'jacobian'"):
            exec("from course.figures import jacobain")
        with pytest.raises(ImportError, match="did you mean 'activation'"):
            importlib.import_module("course.figures.activaton")
        with pytest.raises(AttributeError, match="did you mean 'jacobian'"):
            course.figures.jacobain  # noqa: B018
        with pytest.raises(ImportError, match=r"no figure 'xyzzy': dir\(course.figures\) lists them all"):
            exec("from course.figures import xyzzy")
        assert not hasattr(course.figures, "__wrapped__")
