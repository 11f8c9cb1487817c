"""The students' edition: no answer is in it, and everything runs as in the full library."""

import ast
import hashlib
import os
import pickle
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from autograder.errors import AutograderError
from autograder.handing_out.edition import edition_files, make_edition
from autograder.handing_out.leaks import all_answers, find_leaks
from autograder.handing_out.leaks.shapes import shape, size
from course import Chain, Graph, Module, Residual, Unroll
from course.checks import FunctionWithGradient
from course.exercises import Call, Exercise, all_exercises, equals
from course.gradients import numerical_gradients
from course.modules import Add
from course.modules.registry import all_modules
from tests.conftest import ROOT
from tests.notebooks import LECTURES

pytestmark = pytest.mark.xdist_group("edition")

PROBE = Path(__file__).with_name("edition_probe.py")
BOTH = ("examples", "truths", "graphs", "activations", "third_lecture", "scores", "blame")
EXERCISES = all_exercises()
TRUTHS = {exercise.truth for exercise in EXERCISES.values() if exercise.truth is not None}
WITH_BACKWARD = {truth for truth in TRUTHS if "backward" in vars(truth)}


def start(folder, path, *what):
    """Let a process of its own find the library on `path`, standing where none is."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(path or ""),
        "PYTHONDONTWRITEBYTECODE": "1",
        "COURSE_DEVICE": "cpu",
    }
    command = [sys.executable, "-P", str(PROBE), str(ROOT), str(folder / "found.pickle"), *what]
    folder.mkdir()
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def finish(process, folder, seconds=300):
    said, _ = process.communicate(timeout=seconds)
    assert process.returncode == 0, said
    return pickle.loads((folder / "found.pickle").read_bytes())


def ask(folder, edition, of_both, of_edition=(), seconds=300):
    """What both say, asked at the same time: the full library's answers, then the edition's."""
    started = start(folder / "full", "", *of_both), start(folder / "edition", edition, *of_both, *of_edition)
    return [
        finish(process, folder / name, seconds)
        for process, name in zip(started, ("full", "edition"), strict=True)
    ]


@pytest.fixture(scope="module")
def edition(tmp_path_factory):
    return make_edition(tmp_path_factory.mktemp("students"))


@pytest.fixture(scope="module")
def both(edition, tmp_path_factory):
    """What the full library computes, and what the edition does."""
    full, students = ask(tmp_path_factory.mktemp("probes"), edition, BOTH, ("notebooks", "imports"))
    assert Path(full["where"]) == ROOT / "course"
    assert Path(students["where"]) == edition / "course"
    return full, students


def assert_same_numbers(full, students):
    assert full.keys() == students.keys()
    assert full
    for name, parts in full.items():
        assert parts.keys() == students[name].keys(), name
        for part, expected in parts.items():
            found = students[name][part]
            pairs = zip(expected, found, strict=True) if isinstance(expected, list) else [(expected, found)]
            for want, got in pairs:
                assert (want is None) == (got is None), (name, part)
                if want is not None:
                    np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-10, err_msg=f"{name}, {part}")


# No answer is in it


def parse_all(folder):
    return {
        path.relative_to(folder).as_posix(): ast.parse(path.read_text())
        for path in sorted(folder.rglob("*.py"))
    }


@pytest.fixture(scope="module")
def trees(edition):
    """The edition's files, parsed, by path."""
    return parse_all(edition)


def home(truth):
    return f"{truth.__module__.replace('.', '/')}.py"


def class_in(tree, truth):
    (found,) = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == truth.__name__]
    return found


def statements(tree):
    return [node for node in ast.walk(tree) if isinstance(node, ast.stmt)]


def test_every_exercise_with_an_answer_in_the_library_is_covered():
    assert {truth.__name__ for truth in WITH_BACKWARD} >= {
        "Add",
        "Multiply",
        "Max",
        "Copy",
        "CosineUnit",
        "Graph",
    }


@pytest.mark.parametrize("truth", sorted(TRUTHS, key=lambda truth: truth.__name__))
def test_what_is_asked_for_has_no_derivatives_of_its_own(trees, truth):
    owner = class_in(trees[home(truth)], truth)
    methods = {node.name for node in ast.walk(owner) if isinstance(node, ast.FunctionDef)}
    set_there = {
        node.id for node in ast.walk(owner) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    assert not {"backward", "local"} & (methods | set_there)
    said = [
        ast.get_docstring(node) or ""
        for node in ast.walk(owner)
        if isinstance(node, ast.ClassDef | ast.FunctionDef)
    ]
    assert not [text for text in said if re.search(r"∂|grad|derivative", text, re.IGNORECASE)]


@pytest.mark.parametrize("truth", sorted(WITH_BACKWARD, key=lambda truth: truth.__name__))
def test_no_line_of_the_original_backward_is_left(trees, truth):
    owner = class_in(ast.parse((ROOT / home(truth)).read_text()), truth)
    (original,) = [
        node for node in owner.body if isinstance(node, ast.FunctionDef) and node.name == "backward"
    ]
    left = {ast.dump(statement) for statement in statements(trees[home(truth)])}
    assert not [
        ast.unparse(s)
        for s in statements(original)
        if ast.dump(s) in left and not isinstance(s, ast.Continue)
    ]
    functions = [
        node for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)
    ]
    same = [node for node in functions if len(node.body) == len(original.body)]
    assert shape(original.body, exact=True) not in [shape(node.body, exact=True) for node in same]


def test_no_answer_is_left_anywhere(trees):
    answers = all_answers(ROOT / "solutions")
    assert len(answers) > 2 * len(EXERCISES)  # an answer and its hidden tests, and the library's
    assert [str(leak) for leak in find_leaks(edition_files(), answers)] == []


ANSWERS = [
    pytest.param(answer, truth, id=f"{answer.place}: {truth.__name__}")
    for answer in all_answers(ROOT / "solutions")
    if answer.place.startswith("solutions/")
    for truth in TRUTHS
    if truth.__name__ in answer.truths
]


@pytest.mark.parametrize(("answer", "truth"), ANSWERS)
def test_no_part_of_an_answer_is_left_where_its_class_is(trees, answer, truth):
    """Whatever the variables are called, and however short: not one operation of it."""
    short = 1 if home(truth).startswith("course/modules/") else 7  # elsewhere, any sum may stand
    near = {shape(node, exact=True) for node in ast.walk(trees[home(truth)]) if isinstance(node, ast.expr)}
    near -= {shape(node, exact=True) for node in answer.given if isinstance(node, ast.expr)}
    values = [node.value for node in answer.statements if getattr(node, "value", None) is not None]
    telling = [value for value in values if size(value).exact > short and size(value).operations]
    assert not [ast.unparse(value) for value in telling if shape(value, exact=True) in near]


def test_the_library_itself_would_not_pass():
    library = {
        path.relative_to(ROOT).as_posix(): path.read_bytes()
        for path in (ROOT / "course/modules").glob("*.py")
    }
    leaks = find_leaks(library, all_answers(ROOT / "solutions"))
    assert {"course/modules/cosine_unit.py", "course/modules/multiply.py"} <= {leak.place for leak in leaks}


def test_what_tells_of_an_answer_goes_with_it():
    """NoisyReLU's backward is ReLU's, L1Normalize's has a line of L2Normalize's."""
    files = edition_files()
    for path in ("noisy_relu", "l1_normalize"):
        text = (ROOT / f"course/modules/{path}.py").read_text()
        assert "def backward" in text
        assert b"def backward" not in files[f"course/modules/{path}.py"]
    # _recurrent.py holds Linear's backward, for RNNCell, GRUCell and LSTMCell.
    assert "_linear_backward" in (ROOT / "course/modules/_recurrent.py").read_text()
    assert b"grad" not in files["course/modules/_recurrent.py"]


def test_it_holds_the_library_and_nothing_else(edition):
    assert [path.name for path in edition.iterdir()] == ["course"]
    assert not [
        path for path in edition.rglob("*") if path.name.startswith(".") or path.name == "__pycache__"
    ]
    library = {path.relative_to(ROOT).as_posix() for path in (ROOT / "course").rglob("*") if path.is_file()}
    kept = {path.relative_to(edition).as_posix() for path in edition.rglob("*") if path.is_file()}
    assert kept - library == {"course/containers/_graph_backward.py"}
    asides = {path for path in library if path.startswith("course/modules/_fused") and path.endswith(".py")}
    assert len(asides) > 3
    assert {path for path in library - kept if "__pycache__" not in path} == asides
    assert "explorer.js" in {path.name for path in edition.rglob("*.js")}


# Everything runs as in the full library


def test_all_of_it_can_be_imported(both):
    assert {"course.exercises.serve", "course.exercises.wire", "course.explorer.narration"} <= set(
        both[1]["imports"]
    )


@pytest.mark.parametrize("what", ["examples", "truths", "graphs"])
def test_numbers_are_the_same(both, what):
    full, students = both
    assert_same_numbers(full[what], students[what])


def test_the_same_activations_are_known(both):
    """Also those whose local derivative is cut: an exercise asks for it or a relative's (Sigmoid, Mish)."""
    full, students = (found["activations"] for found in both)
    assert {"Sigmoid", "Mish", "LogSigmoid"} <= set(full)
    assert students == full


def test_a_students_own_backward_is_the_one_that_a_graph_calls(both):
    """Scale's backward, wrong on purpose, has 7 where 3 belongs."""
    for found in both:
        grads = found["graphs"]["nested"]
        np.testing.assert_allclose(grads["grads g"], 7 * grads["grads s"])


NUMBER = re.compile(r"[-−]?\d+(?:\.\d+)?(?:e[-−+]?\d+)?")


def assert_the_same(full, students, where):
    """The same words and numbers, but for round-off: in float32, each of many training steps adds to it."""
    if isinstance(full, dict | list | tuple):
        assert len(full) == len(students), where
        for key, expected in full.items() if isinstance(full, dict) else enumerate(full):
            assert_the_same(expected, students[key], f"{where}, {key}")
    elif isinstance(full, str):
        assert NUMBER.sub("#", full).split() == NUMBER.sub("#", students).split(), where
        numbers = [
            [float(number.replace("−", "-")) for number in NUMBER.findall(text)] for text in (full, students)
        ]
        assert numbers[1] == pytest.approx(numbers[0], rel=0.02), where
    else:
        assert students == (
            pytest.approx(full, rel=1e-5, abs=1e-6, nan_ok=True) if isinstance(full, float) else full
        ), where


def assert_cells_are_the_same(full, students):
    assert full.keys() == students.keys()
    for cell, expected in full.items():
        assert_the_same(expected, students[cell], cell)


def test_a_lecture_prints_and_shows_the_same(both):
    full, students = (found["third_lecture"] for found in both)
    assert len(full) > 10
    assert_cells_are_the_same(full, students)


@pytest.mark.slow
def test_every_lecture_prints_and_shows_the_same(edition, tmp_path):
    full, students = ask(tmp_path, edition, ["lectures"], seconds=1200)
    assert {cell.split(",")[0] for cell in full["lectures"]} == {path.stem for path in LECTURES}
    assert_cells_are_the_same(full["lectures"], students["lectures"])


def test_answers_get_the_same_points_and_the_same_diagnosis(both):
    def without_review(score):  # nor the sign of zero, which torch decides in its own way
        return [
            line.replace(" -0 ", " 0 ") for line in score.splitlines() if not line.startswith("  For review")
        ]

    full, students = both
    for answer, expected in full["scores"].items():
        assert without_review(students["scores"][answer]) == without_review(expected), answer
    assert "multiply: 12 of 12 points" in students["scores"]["multiply: RightMultiply"]
    assert "exchanged" in students["scores"]["multiply: SwappedMultiply"]
    assert "keeps the last gradient only" in students["scores"]["graph: OverwritingGraph"]


def test_solutions_earn_every_point_and_stubs_none(both):
    found = both[1]["notebooks"]
    assert {kind for kind, *_ in found} == {"solutions", "assignments"}
    for (kind, *cell), (points, most) in found.items():
        assert points == (most if kind == "solutions" else 0), cell


def test_autograd_is_blamed_on_whoever_calls_it(both):
    """Each with its points, whether torch.autograd is seen, and whether work is left to another module."""
    assert both[1]["blame"] == {
        "RightGraph": (20, False, False),  # its nodes fall back
        "SuperGraph": (0, False, True),
        "AutogradGraph": (0, True, False),
        "RightMultiply": (12, False, False),
        "HandsOnMultiply": (0, False, True),
        "AutogradMultiply": (2, True, False),
        "HoldsAutograd": (0, True, False),  # the graph around it is no excuse
    }


# Made again, and made of anything


def test_it_is_made_quickly_and_with_the_same_bytes_each_time(edition, tmp_path):
    begin = time.process_time()
    make_edition(tmp_path)
    assert time.process_time() - begin < 2  # half a second on a machine of its own
    files = {
        path.relative_to(edition).as_posix(): path.read_bytes()
        for path in edition.rglob("*")
        if path.is_file()
    }
    assert files == edition_files()
    assert files == {
        path.relative_to(tmp_path).as_posix(): path.read_bytes()
        for path in tmp_path.rglob("*")
        if path.is_file()
    }
    code = "import hashlib; from autograder.handing_out.edition import edition_files as made; "
    code += "print(hashlib.sha256(repr(made()).encode()).hexdigest())"
    other = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "7"},
    )
    assert other.stdout.strip() == hashlib.sha256(repr(edition_files()).encode()).hexdigest()


def test_it_takes_the_place_of_what_is_there(tmp_path):
    (tmp_path / "course").mkdir()
    (tmp_path / "course" / "stale.py").write_text("")
    assert make_edition(tmp_path) == tmp_path
    assert not (tmp_path / "course" / "stale.py").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["course"]


def exercise(name, truth, cases=lambda rng: []):
    return Exercise(name, truth, cases, {}, ("", "", ""))


@pytest.mark.slow
def test_any_module_of_the_library_can_be_asked_for(both, tmp_path, monkeypatch):
    """All at once: nothing in course/modules/ is named for a gradient now, and the numbers are the same."""
    kinds = [*all_modules().values(), Graph, Chain, Residual, Unroll]
    monkeypatch.setattr(
        "autograder.handing_out.edition.all_exercises",
        lambda: EXERCISES | {k.__name__: exercise("", k) for k in kinds},
    )
    made = make_edition(tmp_path / "all")
    for path, tree in parse_all(made).items():
        if path.startswith("course/modules/"):
            names = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
            names |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
            assert not [name for name in names if re.search(r"^_?grad|backward", name)], path
    process = start(tmp_path / "probe", made, "examples", "truths", "graphs")
    found = finish(process, tmp_path / "probe")
    for what in ("examples", "truths", "graphs"):
        assert_same_numbers(both[0][what], found[what])


class Elsewhere(Module):
    """A right module that does not belong to the library."""

    def forward(self, x):
        self.save()
        return x


def local_class():
    class Inside(Module):
        pass

    Inside.__module__ = Add.__module__
    return Inside


def compared_with_the_library(rng):
    return [Call("", lambda answer, x: answer(x), (torch.zeros(1),), equals(numerical_gradients))]


def compared_with_torch(rng):
    return [Call("", lambda answer, x: answer(x), (torch.zeros(1),), equals(torch.sin))]


@pytest.mark.parametrize(
    ("asked", "cause"),
    [
        (exercise("f", lambda x: (x, 1)), "exercise 'f': its truth is no class of modules"),
        (exercise("f", FunctionWithGradient(torch.sin, torch.cos)), "its truth is no class of modules"),
        (exercise("f", Add()), "its truth is no class of modules"),
        (exercise("f", dict), "its truth is no class of modules"),
        (
            exercise("f", Elsewhere),
            "tests.autograder.test_edition.Elsewhere is not at the top level of a file of course/",
        ),
        (exercise("f", local_class()), "is not at the top level"),
        (exercise("f", FunctionWithGradient), "__init__ in course/checking/function.py is part of an answer"),
        (exercise("f", None, compared_with_the_library), "numerical_gradients is the answer"),
    ],
)
def test_an_answer_that_cannot_be_taken_out_stops_everything(tmp_path, monkeypatch, asked, cause):
    monkeypatch.setattr("autograder.handing_out.edition.all_exercises", lambda: EXERCISES | {"f": asked})
    with pytest.raises(AutograderError, match=re.escape(cause)):
        make_edition(tmp_path / "students")
    assert not (tmp_path / "students").exists()


def test_a_stand_in_is_needed_where_backward_leaves_something_behind(monkeypatch, tmp_path):
    monkeypatch.setattr("autograder.handing_out.edition.PARTS", tmp_path)
    with pytest.raises(
        AutograderError,
        match=r"Graph\.backward in course/containers/graph\.py sets "
        r"self\.grads",
    ):
        edition_files()


def test_what_is_compared_with_torch_is_no_answer(monkeypatch):
    monkeypatch.setattr(
        "autograder.handing_out.edition.all_exercises",
        lambda: {"f": exercise("f", None, compared_with_torch)},
    )
    assert edition_files()["course/modules/add.py"] == (ROOT / "course/modules/add.py").read_bytes()
