"""The class report: right numbers, for any class, in a page that needs nothing else."""

import html
import json
import re
import shutil

import pytest
from typer.testing import CliRunner

from autograder.cli import app
from autograder.errors import AutograderError
from autograder.gradebook.database import open_gradebook
from autograder.gradebook.verdicts import MIMETYPE, NOT_WRITTEN
from autograder.pages.class_results import UNNAMED, UNWRITTEN, read_class
from autograder.pages.report import report_page, write_report
from autograder.quiet import quiet
from tests.autograder.fabricated import FabricatedClass, Work, as_older_version
from tests.autograder.test_feedback import open_and_watch

CLASS = [
    Work("ada", written=5.0),
    Work(
        "bob",
        {"add": {"∂L/∂x": "mean for sum", "∂L/∂y": "mean for sum"}, "multiply": {"∂L/∂x": "mean for sum"}},
        written=2.0,
    ),
    Work("cyd", {"multiply": {"∂L/∂x": "mean for sum", "∂L/∂y": "sign"}}, seconds=3.0),
    Work("dan", {"add": {"shapes": ""}}, review=("the source calls torch.autograd.grad",)),
    Work("eve", problem="graphs.ipynb is not JSON <b>(line 1)</b>"),
    Work("<script>alert(1)</script>", {"multiply": {"∂L/∂x": "mean for sum"}}),
]


@pytest.fixture
def graphs(tmp_path, root, monkeypatch) -> FabricatedClass:
    shutil.copy(root / "nbgrader_config.py", tmp_path)
    monkeypatch.chdir(tmp_path)
    return FabricatedClass(tmp_path)


@pytest.fixture
def whole(graphs) -> FabricatedClass:
    graphs.add(*CLASS)
    with quiet(graphs.settings.log), open_gradebook(graphs.settings) as gradebook:
        gradebook.add_student("fay")
    return graphs


def words_of(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL)).split())


def test_exercises_come_in_the_notebooks_order(whole):
    results = read_class(whole.settings, "graphs")
    assert list(results.exercises) == ["add", "multiply", "written"]
    assert results.most == 25
    assert len(results.graded) == 5
    assert [one.student for one in results.submissions if not one.handed_in] == ["fay"]


def test_shares_are_of_the_class(whole):
    results = read_class(whole.settings, "graphs")
    assert results.parts_right("add") == {"shapes": 0.8, "∂L/∂x": 0.8, "∂L/∂y": 0.8}
    assert results.parts_right("multiply") == pytest.approx(
        {"∂L/∂x": 0.4, "∂L/∂y": 0.8, "leaves inputs alone": 1.0}
    )
    assert results.share_of_points("written") == pytest.approx((1.0 + 0.4) / 2)  # the others wait
    made = results.mistakes()
    assert list(made) == ["mean for sum", "sign", UNNAMED]
    assert made["mean for sum"] == {"add": ["bob"], "multiply": ["<script>alert(1)</script>", "bob", "cyd"]}
    assert results.share_of_class(made["mean for sum"]) == 0.6
    assert results.seconds()["add"].count(3.0) == 1


def test_what_is_not_written_yet_is_counted_apart(graphs):
    half = {"∂L/∂x": NOT_WRITTEN, "shapes": ""}
    graphs.add(Work("none", {"add": {"∂L/∂x": NOT_WRITTEN}}), Work("half", {"add": half}))
    graphs.add(Work("says so", {"multiply": {"∂L/∂x": ""}}))
    path = graphs.settings.autograded / "says so" / "graphs" / "graphs.ipynb"
    path.write_text(path.read_text().replace("is -1.38361", "raised ValueError: backward is not written yet"))
    mistakes = read_class(graphs.settings, "graphs").mistakes()
    assert mistakes == {UNNAMED: {"add": ["half"], "multiply": ["says so"]}, UNWRITTEN: {"add": ["none"]}}


def test_the_page_says_it(whole):
    page = write_report(whole.settings, "graphs").read_text(encoding="utf-8")
    said = words_of(page)
    assert "60%: a mean stands where a sum belongs add and multiply" in said
    assert "a mean stands where a sum belongs 60% add: 1 (20%), multiply: 3 (60%)" in said
    assert "<dt>could not be graded</dt><dd>1</dd>" in page
    assert "eve graphs.ipynb is not JSON <b>(line 1)</b>" in said
    assert "dan: the source calls torch.autograd.grad" in said
    assert "Handed in nothing fay" in said
    assert "Longest altogether: cyd (6.0 s)" in said
    assert page.count("<img") == 4
    assert all(re.search(r'alt="[^"]{30,}"', image) for image in re.findall(r"<img[^>]+>", page))
    assert "<script" not in page


@pytest.mark.browser
def test_the_page_needs_nothing_else(whole, page):
    path = write_report(whole.settings, "graphs")
    assert open_and_watch(page, path) == ([], [], [])
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    assert page.evaluate("[...document.images].every(one => one.complete && one.naturalWidth > 500)")


def test_a_class_of_one(graphs):
    graphs.add(Work("ada", written=5.0))
    said = words_of(report_page(read_class(graphs.settings, "graphs")))
    assert "Mistakes" not in said
    assert "1 submission, by points" in said


def test_a_class_in_which_nothing_could_be_graded(graphs):
    graphs.add(Work("eve", problem="graphs.ipynb is not text"))
    assert "eve graphs.ipynb is not text" in words_of(report_page(read_class(graphs.settings, "graphs")))


def test_gradings_of_an_earlier_version_have_points_but_no_parts(graphs):
    graphs.add(Work("ada"), Work("bob", {"add": {"∂L/∂x": "sign"}}))
    for path in graphs.settings.autograded.rglob("*.ipynb"):
        notebook = json.loads(path.read_text())
        for cell in notebook["cells"]:
            cell["outputs"] = []
        path.write_text(json.dumps(notebook))
    (graphs.settings.autograded / "bob" / "graphs" / "graphs.ipynb").unlink()
    page = report_page(read_class(graphs.settings, "graphs"))
    assert page.count("<img") == 1
    assert "There are no verdicts by part" in words_of(page)
    assert "81%" in words_of(page)  # of add's points


def test_mistakes_that_an_older_version_found_keep_their_names(whole):
    before = read_class(whole.settings, "graphs")
    for path in whole.settings.autograded.rglob("*.ipynb"):
        notebook = json.loads(path.read_text())
        for output in (output for cell in notebook["cells"] for output in cell.get("outputs", [])):
            if MIMETYPE in output["data"]:
                output["data"][MIMETYPE] = as_older_version(output["data"][MIMETYPE])
        path.write_text(json.dumps(notebook))
    assert '"found"' not in path.read_text()
    after = read_class(whole.settings, "graphs")
    assert after.mistakes() == before.mistakes()
    assert after.parts_right("multiply") == before.parts_right("multiply")


def test_nobody_is_graded(graphs):
    with pytest.raises(AutograderError, match="nothing of 'graphs' is graded yet: autograder grade graphs"):
        write_report(graphs.settings, "graphs")


def test_the_command(whole):
    result = CliRunner().invoke(app, ["report", "graphs"], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    path = whole.settings.folder / "reports" / "graphs.html"
    assert str(path) in result.output
    assert path.is_file()
