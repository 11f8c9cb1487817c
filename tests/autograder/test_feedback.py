"""Feedback: the summary is the judge's and the gradebook's.

Nothing of a submission runs in a reader's browser.
"""

import html
import json
import re
import shutil
import subprocess
import sys

import nbformat
import pytest
from markupsafe import escape
from nbconvert.exporters import HTMLExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from nbgrader.server_extensions.formgrader.handlers import template_path

from autograder.gradebook.grades import CellGrade, Submission
from autograder.gradebook.verdicts import MIMETYPE, NOT_WRITTEN, read_verdict
from autograder.pages.feedback import feedback_page, part_line
from autograder.pages.formula import to_mathml
from autograder.pages.fragments import markdown, text
from autograder.pages.page import POLICY
from autograder.pages.sanitize import clean, clean_style
from autograder.pages.writing import write_feedback, write_problem_page
from course import Module
from course.checking.finding import Problem
from course.exercises import find_exercise, grade, score
from course.exercises.score import LONGEST
from tests.autograder.fabricated import FabricatedClass, Work, about, judged, notebook_of, score_data
from tests.autograder.hostile import CELLS, PAGES, RUN, shown
from tests.exercises.test_exercises import LosesFanOut, RightMultiply, StubMultiply
from tests.exercises.test_score import ANSWERS


@pytest.fixture
def graphs(tmp_path, root, monkeypatch) -> FabricatedClass:
    shutil.copy(root / "nbgrader_config.py", tmp_path)
    monkeypatch.chdir(tmp_path)
    return FabricatedClass(tmp_path)


def page_of(course: FabricatedClass, work: Work) -> str:
    course.add(work)
    write_feedback(course.settings, "graphs", work.student)
    return (course.settings.feedback / work.student / "graphs" / "graphs.html").read_text(encoding="utf-8")


def summary_of(page: str) -> str:
    """The words of the summary."""
    return " ".join(
        html.unescape(
            re.sub(r"<[^>]+>", " ", page.partition("<section")[2].partition("</section>")[0])
        ).split()
    )


BOB = Work(
    "bob",
    failed={
        "add": {"∂L/∂x": "mean for sum"},
        "multiply": {"∂L/∂y": "local derivative ignored", "leaves inputs alone": ""},
    },
    review=("the source calls torch.autograd.grad",),
    written=4.0,
    comment="See lecture 03,\n<b>page 7</b>.",
    first_name="Bob",
    last_name="<i>Noyce</i>",
)


def test_the_summary_says_points_by_part_mistakes_and_comments(graphs):
    page = page_of(graphs, BOB)
    said = summary_of(page)
    assert "9 of 25 points so far: add waits for a person" in said
    assert (
        "Look at this first: Likely: a mean over the batch where a sum belongs add, 3 points" not in said
    )  # 5 points are more
    assert said.index("Perhaps: grad_output is handed on as it came") < said.index(
        "Likely: a mean over the batch"
    )
    assert (
        "✗ ∂L/∂y 0 of 5 Perhaps: grad_output is handed on as it came: the local derivative is missing is "
        "-1.38361"
    ) in said
    assert "✗ leaves inputs alone 0 of 2 is -1.38361 at [2]" in said
    assert "✓ ∂L/∂x 5 of 5" in said
    assert "For review: the source calls torch.autograd.grad" in said
    assert "Comment See lecture 03, page 7 ." in said
    assert "<b>page 7</b>" in page
    assert "written 4 of 5" in said
    assert "Bob &lt;i&gt;Noyce&lt;/i&gt;" in page


def test_a_mistake_made_twice_is_told_once(graphs):
    failed = {"add": {"∂L/∂x": "mean for sum"}, "multiply": {"∂L/∂y": "mean for sum"}}
    said = summary_of(page_of(graphs, Work("bob", failed=failed)))
    assert (
        "Look at this first: Likely: a mean over the batch where a sum belongs add and multiply, 8 points"
        in said
    )


def test_flawless_work_is_told_in_a_line_an_exercise(graphs):
    said = summary_of(page_of(graphs, Work("ada", written=5.0)))
    assert "25 of 25 points ✓ add 8 of 8 ✓ multiply 12 of 12 ✓ written 5 of 5" in said
    assert "Look at this first" not in said


def test_lateness_is_told(graphs):
    said = summary_of(page_of(graphs, Work("late", written=5.0, penalty=3.0)))
    assert "22 of 25 points" in said
    assert "3 points are taken for handing in late" in said


def test_a_persons_points_stand_beside_the_judges_parts(graphs):
    grades = {("graphs", "add_test"): CellGrade(7.5, 8.0, by_hand=True)}
    said = summary_of(feedback_page(notebook_of(BOB), "graphs", Submission("bob", grades=grades)))
    assert "add 7.5 of 8" in said
    assert "✗ ∂L/∂x 0 of 3" in said


def test_the_judges_html_keeps_its_looks(graphs):
    assert '<td style="background:#ffeeaa">the judge' in page_of(graphs, BOB)


def verdict_on(name: str, answer: type[Module] | None):
    """The verdict that is read where the judge's score stands."""
    made = grade(find_exercise(name), answer).mimebundle(2.5)
    test = about(f"{name}_test", grade=True, locked=True)
    return read_verdict(new_code_cell("", metadata=test, outputs=[new_output("display_data", data=made)]))


def test_a_verdict_is_read_as_the_course_writes_it():
    verdict = verdict_on("multiply", RightMultiply)
    assert (verdict.exercise, verdict.seconds, verdict.most) == ("multiply", 2.5, 12)
    assert [part.name for part in verdict.parts] == ["∂L/∂x", "∂L/∂y", "leaves inputs alone"]
    assert all(part.passed and not part.found + part.problem + part.mistake for part in verdict.parts)


def test_what_is_repeated_of_the_course_is_the_same():
    assert MIMETYPE == score.MIMETYPE
    assert NOT_WRITTEN == Problem.NOT_WRITTEN
    assert {part.problem for part in verdict_on("multiply", StubMultiply).parts} == {NOT_WRITTEN}


@pytest.mark.parametrize(("name", "answer"), [*ANSWERS, ("graph", LosesFanOut)])
def test_the_page_says_of_each_part_what_the_notebook_says(name, answer):
    verdicts = grade(find_exercise(name), answer).verdicts
    read = {part.name: part for part in verdict_on(name, answer).parts}
    assert [*read] == [part.name for part in verdicts]
    for part in verdicts:
        line = part_line(read[part.name])
        found, case, label = line.found.partition(" (case: ")
        words = ". ".join(filter(None, [found, line.mistake])) + case + label
        message = part.line.replace(part.found, part.found[:LONGEST])
        assert words == message.encode("utf-8", "replace").decode()
        assert line.passed == part.passed
        assert read[part.name].mistake == (part.mistake.name if part.mistake else "")


OLDER = """{
 "cell_type": "code", "execution_count": 1, "id": "add-test", "source": "check('add', Add)",
 "metadata": {"nbgrader": {"grade": true, "grade_id": "add_test", "locked": true, "points": 8.0,
                           "schema_version": 3, "solution": false, "task": false}},
 "outputs": [{"output_type": "display_data", "metadata": {}, "data": {
  "text/plain": "add: 2 of 8 points",
  "application/vnd.modular-learning.score+json": {
   "exercise": "add", "points": 2.0, "most": 8.0, "seconds": 0.25, "review": [], "parts": [
    {"name": "shapes", "passed": true, "points": 2.0, "most": 2.0, "message": "", "mistake": null},
    {"name": "∂L/∂x", "passed": false, "points": 0.0, "most": 3.0,
     "message": "is 2 at [0], but the numeric gradient is 4. Likely: a mean for a sum (case: vectors)",
     "mistake": {"name": "mean for sum", "confidence": 0.95}},
    {"name": "∂L/∂y", "passed": false, "points": 0.0, "most": 3.0,
     "message": "backward is not written yet", "mistake": null}]}}}]
}"""
"""A test cell as a version graded it whose verdicts were sentences."""


def test_a_verdict_of_an_older_version_is_read():
    cell = nbformat.from_dict(json.loads(OLDER))
    shapes, x, y = read_verdict(cell).parts
    assert (shapes.passed, shapes.points, shapes.found, shapes.mistake) == (True, 2.0, "", "")
    assert (x.passed, x.points, x.most, x.mistake, x.confidence) == (False, 0.0, 3.0, "mean for sum", 0.95)
    assert x.found == "is 2 at [0], but the numeric gradient is 4. Likely: a mean for a sum (case: vectors)"
    assert y.found == "backward is not written yet"
    assert not y.case + y.problem + y.mistake + y.sentence
    grades = {("graphs", "add_test"): CellGrade(2.0, 8.0)}
    words = summary_of(feedback_page(new_notebook(cells=[cell]), "graphs", Submission("bob", grades=grades)))
    assert "Look at this first: mean for sum add, 3 points" in words
    assert words.endswith(f"✗ ∂L/∂x 0 of 3 mean for sum {x.found} ✗ ∂L/∂y 0 of 3 backward is not written yet")


FULL = score_data("add", {})
NO_PROBLEM = [{key: part[key] for key in part if key != "problem"} for part in FULL["parts"]]
FORGERIES = {
    "in an answer": (about("add", solution=True), judged(FULL)),
    "in a cell without a name": ({}, judged(FULL)),
    "in an unlocked test": (about("add_test", grade=True), judged(FULL)),
    "twice": (about("add_test", grade=True, locked=True), judged(FULL) * 2),
    "that does not add up": (about("add_test", grade=True, locked=True), judged({**FULL, "points": 7.0})),
    "with a strange number": (
        about("add_test", grade=True, locked=True),
        judged({**FULL, "seconds": float("nan")}),
    ),
    "with a strange name": (
        about("add_test", grade=True, locked=True),
        judged({**FULL, "exercise": ["add"]}),
    ),
    "without a problem": (about("add_test", grade=True, locked=True), judged(FULL | {"parts": NO_PROBLEM})),
    "without parts": (about("add_test", grade=True, locked=True), judged({**FULL, "parts": None})),
    "as a text": (about("add_test", grade=True, locked=True), judged({**FULL, "parts": []}, "")[:0]),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_what_is_not_the_judges_is_no_verdict(forgery):
    metadata, outputs = FORGERIES[forgery]
    assert read_verdict(new_code_cell("", metadata=metadata, outputs=outputs)) is None


def test_a_verdict_on_other_points_than_the_gradebooks_is_left_out(graphs):
    grades = {("graphs", "add_test"): CellGrade(0.0, 8.0)}
    said = summary_of(feedback_page(notebook_of(Work("eve")), "graphs", Submission("eve", grades=grades)))
    assert "add 0 of 8" in said
    assert "∂L/∂x" not in said


@pytest.fixture
def hostile(graphs):
    """The page of a student who tries everything, as a file."""
    name = f"<script>{RUN.format('name')}</script>"
    work = Work(
        "mallory",
        failed=BOB.failed,
        first_name=name,
        last_name='"><img src=x onerror=RUN>',
        cells=tuple(CELLS),
        comment=name,
    )
    graphs.add(work)
    path = graphs.settings.autograded / "mallory" / "graphs" / "graphs.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata.update(
        title=name, language=5, widgets={"application/vnd.jupyter.widget-state+json": {"</script>": name}}
    )
    path.write_text(json.dumps(notebook))
    write_feedback(graphs.settings, "graphs", "mallory")
    return graphs.settings.feedback / "mallory" / "graphs" / "graphs.html"


def open_and_watch(page, path):
    """Open a file in the browser, and touch everything in it.

    Returns what ran, what was asked for, and what was complained about.
    """
    requests, dialogs, complaints = [], [], []
    page.route(re.compile("^https?:"), lambda route: (requests.append(route.request.url), route.abort()))
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto(path.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    page.evaluate(
        "document.querySelectorAll('main *').forEach(one => ['mouseover', 'focus', 'toggle'].forEach("
        "kind => one.dispatchEvent(new Event(kind, {bubbles: true}))))"
    )
    page.wait_for_timeout(200)
    assert not dialogs
    return page.evaluate("window.ran || []"), requests, complaints


@pytest.mark.browser
def test_nothing_runs_and_nothing_is_asked_for(hostile, page):
    assert open_and_watch(page, hostile) == ([], [], [])
    assert page.locator(".summary").count() == 1
    assert page.locator(".summary .total").inner_text().startswith("10 of 25 points so far")
    assert page.locator("h1").first.inner_text() == "graphs"


@pytest.mark.browser
def test_the_sanitizer_alone_would_do(hostile, page):
    text = hostile.read_text(encoding="utf-8")
    assert str(escape(POLICY)) in text
    hostile.write_text(text.replace(str(escape(POLICY)), ""), encoding="utf-8")
    assert open_and_watch(page, hostile)[:2] == ([], [])


@pytest.mark.browser
def test_the_policy_alone_would_do(hostile, page):
    text = hostile.read_text(encoding="utf-8")
    ran = "".join(
        cell.outputs[0].data["text/html"] for cell in CELLS[: len(PAGES)] if "refresh" not in cell.source
    )
    hostile.write_text(
        text.replace("</main>", f"{ran.replace('<style', '<nostyle')}</main>"), encoding="utf-8"
    )
    ran, requests, complaints = open_and_watch(page, hostile)
    assert (ran, requests) == ([], [])
    assert complaints


@pytest.mark.browser
def test_nothing_covers_the_summary_or_leaves_its_cell(hostile, page):
    page.goto(hostile.as_uri())
    covered = """() => {
        const box = document.querySelector('.summary').getBoundingClientRect();
        const points = [0.02, 0.3, 0.6, 0.98].flatMap(x =>
            [0.02, 0.3, 0.6].map(y => [box.x + x * box.width, box.y + y * box.height]));
        return points.filter(([x, y]) => y < innerHeight && !document.elementFromPoint(x, y).closest('.summary')).length;
    }"""
    assert page.evaluate(covered) == 0
    placed = (
        "[...document.querySelectorAll('.cell *')].map(one => getComputedStyle(one).position).filter(p "
        "=> p != 'static')"
    )
    assert page.evaluate(placed) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280


@pytest.mark.browser
@pytest.mark.filterwarnings("ignore:Your element with mimetype")  # of scripts nothing is shown
def test_nothing_runs_in_the_formgrader_either(graphs, page):
    config = graphs.settings.config()
    config.HTMLExporter.template_name = "formgrade"
    config.HTMLExporter.extra_template_basedirs = [template_path]
    resources = {"base_url": "", "index": 0, "total": 1, "unique_key": "graphs"}
    notebook = notebook_of(Work("mallory", cells=tuple(CELLS)))
    text, _ = HTMLExporter(config=config).from_notebook_node(notebook, resources)
    # the formgrader's own, which a file cannot load
    ours = re.compile(r"<script.*?</script>|<link[^>]*>", re.DOTALL)
    path = graphs.settings.folder / "formgrade.html"
    path.write_text(ours.sub("", text[: text.index("<body")]) + text[text.index("<body") :], encoding="utf-8")
    assert open_and_watch(page, path)[:2] == ([], [])
    assert page.locator("td", has_text="the judge's table").count() == 2


def test_a_link_leads_to_the_web_or_nowhere(hostile):
    links = re.findall(r'href="([^"]*)"', hostile.read_text(encoding="utf-8"))
    assert links
    assert all(re.match(r"#cell-\d+$|https?://|mailto:", link) for link in links)


def test_a_students_own_files_are_not_handed_back(graphs):
    graphs.add(Work("eve"))
    folder = graphs.settings.autograded / "eve" / "graphs"
    (folder / "graphs.html").write_text("<script>1</script>")
    (folder / "index.html").write_text("<script>1</script>")
    (folder / "more").mkdir()
    (folder / "more" / "page.svg").write_text("<svg/>")
    (folder / "timestamp.txt").write_text("2026-01-01 00:00:00 UTC")
    write_feedback(graphs.settings, "graphs", "eve")
    kept = sorted(path.name for path in (graphs.settings.feedback / "eve" / "graphs").rglob("*"))
    assert kept == ["graphs.html", "timestamp.txt"]
    assert "<script>" not in (graphs.settings.feedback / "eve" / "graphs" / "graphs.html").read_text()


def test_strange_content_costs_no_page(graphs):
    odd = [
        new_markdown_cell("half a character: \ud800, $\\text{\udc00}$"),
        new_markdown_cell("> " * 3000 + "deep"),
        new_markdown_cell("$" * 999 + "{" * 999),
        new_markdown_cell("![a](attachment:b)", attachments={"b": {}}),
        new_code_cell(
            "print('\x00\x1b[')", outputs=[new_output("display_data", data={"text/html": "<b>" * 5000})]
        ),
        shown("large", "text/html", "<p>x</p>" * 1_000_000),
        new_code_cell("x" * 500_000, outputs=[new_output("stream", name="stdout", text="y" * 500_000)]),
    ]
    graphs.add(Work("odd"))
    path = graphs.settings.autograded / "odd" / "graphs" / "graphs.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells += odd
    path.write_text(json.dumps(notebook))
    write_feedback(graphs.settings, "graphs", "odd")
    page = graphs.settings.feedback / "odd" / "graphs" / "graphs.html"
    assert page.stat().st_size < 2_000_000
    assert "20 of 25 points" in summary_of(page.read_text(encoding="utf-8"))


def test_nbgraders_own_command_makes_the_same_page(graphs):
    ours = page_of(graphs, BOB)
    shutil.rmtree(graphs.settings.feedback)
    command = [sys.executable, "-m", "nbgrader", "generate_feedback", "graphs"]
    done = subprocess.run(command, cwd=graphs.settings.root, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    assert (graphs.settings.feedback / "bob" / "graphs" / "graphs.html").read_text(encoding="utf-8") == ours


def test_a_page_for_whom_nothing_could_be_graded(graphs):
    write_problem_page(graphs.settings, "graphs", "<b>eve</b>", "graphs.ipynb is not JSON (line 1: <script>)")
    (path,) = (graphs.settings.feedback).rglob("graphs.html")
    page = path.read_text(encoding="utf-8")
    assert "&lt;b&gt;eve" in page
    assert "Not graded yet" in summary_of(page)
    assert "graphs.ipynb is not JSON (line 1: <script>)" in html.unescape(page)
    assert "<script" not in page


@pytest.mark.parametrize(
    ("style", "kept"),
    [
        ("color: red; position: fixed", "color:red"),
        ("background:url(https://far.example)", ""),
        ("background: rgb(1, 2, 3);width:17px", "background:rgb(1, 2, 3);width:17px"),
        ("margin:-100px", ""),
        ("margin:12px 0", "margin:12px 0"),
        ("color:\\72 ed;width:calc(1px)", ""),
        ("col/**/or:red", ""),
    ],
)
def test_of_a_style_only_harmless_declarations_stay(style, kept):
    assert clean_style(style) == kept


def test_what_the_judge_and_pandas_write_stays():
    table = (
        "<table style='font-size:15px'><caption>a</caption><tr><th>b</th></tr><tr><td "
        "colspan=2>c</td></tr></table>"
    )
    assert "<th>b</th>" in clean(table)
    assert 'colspan="2"' in clean(table)
    assert (
        clean("<details><summary>Hint</summary><p>x</p></details>")
        == "<details><summary>Hint</summary><p>x</p></details>"
    )
    assert ('<img src="data:image/png;base64,AAAA" alt="dots">') in clean(
        "<img src='data:image/png;base64,AAAA' alt='dots'>"
    )


def test_colors_for_a_dark_terminal_are_left_out():
    written = "\x1b[31mred\x1b[39m \x1b[38;2;248;248;242mpale\x1b[39m \x1b[1;38;5;15mwhite\x1b[0m"
    assert text(written) == '<pre><span class="ansi-red-fg">red</span> pale white</pre>'


def test_formulas_become_mathml():
    assert to_mathml(r"\frac{1}{2}") == "<math><mfrac><mn>1</mn><mn>2</mn></mfrac></math>"
    assert to_mathml(r"\nosuch{<b>}") == r"<code>\nosuch{&lt;b&gt;}</code>"
    aligned = to_mathml("\\begin{aligned} a &= b \\\\[6pt] c &= d \\end{aligned}", block=True)
    assert aligned.count("<mtr>") == 2
    assert "6" not in re.sub(r"<[^>]+>", "", aligned)
    assert markdown("so $x^2$ is `$x^2$`").count("<math>") == 1


def test_every_formula_of_the_course_becomes_mathml(root):
    formulas = []
    for path in [*root.glob("lectures/*.ipynb"), *root.glob("solutions/*/*.ipynb")]:
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "markdown":
                formulas += re.findall(r"\$\$(.+?)\$\$|\$(.+?)\$", cell.source, re.DOTALL)
    assert len(formulas) > 50
    assert not [tex for both in formulas for tex in both if tex and not to_mathml(tex).startswith("<math")]
