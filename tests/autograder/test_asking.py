"""Which process is asked: what an answer does not need cannot reach it, nor take it down."""

import time

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from autograder.running import asking, judge
from autograder.running.asking import IN_THE_WHOLE, Asking
from autograder.running.execute import run_cells
from course.exercises.score import MIMETYPE
from tests.autograder.conftest import answer_cell, graded_cell, locked_cell
from tests.autograder.test_judge import HEAD, MULTIPLY
from tests.conftest import ROOT

pytestmark = pytest.mark.xdist_group("sandbox")

IMPORTS = locked_cell("imports", HEAD + "from course.exercises import check")
MULTIPLY = MULTIPLY.removeprefix(HEAD).replace("Answer", "Multiply")
RIGHT = answer_cell(
    "multiply", MULTIPLY.format("return grad_output * self.saved['y'], grad_output * self.saved['x']")
)
TEST = graded_cell("multiply_test", 'check("multiply", Multiply)', 12)
ADD = """
class Add(Module):
    def forward(self, x, y):
        self.save()
        return x + y
    def backward(self, grad_output):
        {0}
"""
ADD_TEST = graded_cell("add_test", 'check("add", Add)', 8)


def graded(sandbox, *cells, files=None):
    """(points, what a person should see) of each test, the text of all other outputs, why it stopped."""
    made = [new_code_cell(cell) if isinstance(cell, str) else cell.copy() for cell in cells]
    for number, cell in enumerate(made):
        cell.id = f"cell-{number}"
    notebook = new_notebook(cells=made)
    stopped, _ = run_cells(notebook, sandbox, files=files, seed=5)
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    scores = [output.data[MIMETYPE] for output in outputs if MIMETYPE in output.get("data", {})]
    said = "".join(str(output.get("text") or output.get("evalue") or "") for output in outputs)
    return [(score["points"], score["review"]) for score in scores], said, stopped


def unread(monkeypatch):
    """Let nobody read the sources: the processes are to hold by themselves."""
    for place in (asking, judge):
        monkeypatch.setattr(place, "seen_in", lambda *_, **__: ())


def test_a_notebook_without_other_cells_needs_one_process(sandbox, monkeypatch):
    started = []
    monkeypatch.setattr(Asking, "note_ending", lambda self: started.append(self))
    told, *_ = graded(
        sandbox,
        IMPORTS,
        RIGHT,
        TEST,
        answer_cell("a", ADD.format("return grad_output, grad_output")),
        ADD_TEST,
    )
    assert told == [(12, []), (8, [])]
    assert len(started) == 1


@pytest.mark.parametrize("ends", ["import os\nos._exit(0)", "import os\nos.closerange(3, 64)"])
def test_a_cell_that_ends_the_process_costs_no_answer_that_does_not_need_it(ends, sandbox, monkeypatch):
    unread(monkeypatch)
    told, said, stopped = graded(sandbox, IMPORTS, "print('begin')", ends, RIGHT, TEST, "print('end')")
    assert told == [(12, [])]
    assert "begin" in said
    assert "nothing below was run" in said
    assert "end\n" not in said
    assert stopped


@pytest.mark.parametrize("other", ["", "print('something else')"])
def test_a_process_that_dies_costs_the_answer_that_ended_it(other, sandbox, monkeypatch):
    unread(monkeypatch)
    dies = answer_cell("add", "import os\n" + ADD.format("os._exit(0)"))
    told, *_ = graded(sandbox, IMPORTS, other, dies, ADD_TEST, RIGHT, TEST)
    assert told == [(0, []), (12, [])]


def test_what_a_test_needs_is_what_stood_above_it(sandbox):
    wrong = answer_cell("later", MULTIPLY.format("return grad_output, grad_output"))
    told, *_ = graded(sandbox, IMPORTS, "print(1)", RIGHT, TEST, wrong, TEST)
    assert [points for points, _ in told] == [12, 2]


HELPED = answer_cell("helped", MULTIPLY.format("return product(grad_output, self.saved)"))
HELPER = "def product(g, saved):\n    return g * saved['y'], g * saved['x']"


def test_a_cell_that_was_missed_costs_nothing_but_a_look(sandbox, monkeypatch):
    assert graded(sandbox, IMPORTS, HELPER, "print(1)", HELPED, TEST)[0] == [(12, [])]
    monkeypatch.setattr(asking, "needed", lambda cells, name: (0, len(cells) - 1))
    assert graded(sandbox, IMPORTS, HELPER, "print(1)", HELPED, TEST)[0] == [(12, [IN_THE_WHOLE])]
    monkeypatch.setattr(asking, "needed", lambda cells, name: ())
    assert graded(sandbox, IMPORTS, HELPER, "print(1)", HELPED, TEST)[0] == [(12, [IN_THE_WHOLE])]


def test_an_answer_that_raises_is_worth_the_same_in_both(sandbox):
    raises = answer_cell("raises", MULTIPLY.format("return unheard_of(grad_output)"))
    assert graded(sandbox, IMPORTS, "print(1)", raises, TEST)[0] == [(0, [])]


def test_a_notebook_has_its_time_and_no_more(impatient):
    slow = ["print(1)", *["while True: pass"] * 12]
    impatient.start()
    began = time.monotonic()
    told, *_ = graded(impatient, IMPORTS, *slow, RIGHT, TEST, *slow)
    assert time.monotonic() - began < impatient.limits.seconds + 8
    assert told == [(12, [])]


def test_what_needs_too_long_alone_is_asked_in_the_whole(impatient):
    """Each cell is within its time, and all that one answer needs takes a third of the notebook's."""
    slow = [f"import time\ntime.sleep(0.55)\nstep_{i} = {i}" for i in range(5)]
    uses = "product = lambda g, saved: (g * saved['y'] + 0 * sum(steps), g * saved['x'])"
    steps = "steps = [step_0, step_1, step_2, step_3, step_4]"
    told, *_ = graded(impatient, IMPORTS, "print(1)", *slow, steps, uses, HELPED, TEST)
    assert told == [(12, [IN_THE_WHOLE])]


SHOWS = """
from course.modules import Multiply as Product
product = Product()
product(torch.ones(2), torch.ones(2))
print(product.backward(torch.ones(2)))
"""


def test_cells_may_show_what_the_library_does_and_answers_may_not_use_it(sandbox):
    uses = answer_cell(
        "uses",
        "from course.modules import Multiply as Product\n"
        + MULTIPLY.format(
            "helper = Product()\n        helper(self.saved['x'], self.saved['y'])\n"
            "        return helper.backward(grad_output)"
        ),
    )
    told, said, _ = graded(sandbox, IMPORTS, SHOWS, uses, TEST)
    assert [points for points, _ in told] == [0]
    assert "(tensor([1., 1.]), tensor([1., 1.]))" in said


TAKES_OVER = """
import __main__, code, socket
import torch as by_name
from course.exercises.recipe import follow
from course.exercises.serve import receive
from course.exercises.wire import pack, unpack
from course.modes import recording
from course.module import as_tuple
line = socket.socket(fileno=3)
hears, speaks = line.makefile("rb"), line.makefile("wb")
runs = code.InteractiveInterpreter(__main__.__dict__)
checked = [None]

def by_torch(recipe, state, names, inputs, grads, parts):
    module = follow(recipe).module(checked[0]).to(dtype=by_name.float64)
    module.load_state_dict({name: by_name.from_numpy(value) for name, value in state.items()})
    given = [by_name.from_numpy(value) for value in inputs]
    leaves = [x.requires_grad_() if x.is_floating_point() else x for x in given]
    moving = [x for x in leaves if x.requires_grad]
    with recording():
        for _, parameter in module.named_parameters():
            parameter.value = parameter.value.requires_grad_()
        outputs = as_tuple(module.forward(*leaves))
        values = [parameter.value for _, parameter in module.named_parameters()]
        back = by_name.autograd.grad(
            outputs, moving + values, [by_name.from_numpy(g) for g in grads],
            allow_unused=True, materialize_grads=True,
        )
    first = iter([g.numpy() for g in back])
    of_inputs = {name: next(first) if x.requires_grad else None for name, x in zip(names, leaves)}
    of_parameters = {name: next(first) for name, _ in module.named_parameters()}
    return {
        "outputs": [o.detach().numpy() for o in outputs],
        "grads": of_inputs | of_parameters,
        "grads_again": of_inputs | {name: 2 * g for name, g in of_parameters.items()},
        "demands_forward": True,
    }

def says(ask, of):
    if ask == "run":
        runs.runsource(of[0], "cell", "exec")
        return {"outputs": [], "number": 1}
    if ask == "use":
        checked[0] = getattr(__main__, of[1])
    return by_torch(*of) if ask == "probe" else {"problem": ""}

speaks.write(pack({"outputs": [], "number": 1}))
speaks.flush()
while (question := receive(hears)) is not None:
    question = unpack(question)
    try:
        answer = says(question["ask"], question["of"])
    except Exception:
        answer = {"problem": "no"}
    speaks.write(pack(answer))
    speaks.flush()
"""
"""A cell that answers in the place of the respondent: gradients by torch, of the forward that is given."""

RELEASED = sorted((ROOT / "assignments").glob("*/*.ipynb"))


def handed_in(path, source):
    """An assignment with nothing solved, and a cell of one's own behind the first."""
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    return [cells[0], source, *cells[1:]]


@pytest.mark.parametrize("path", RELEASED, ids=lambda path: path.stem)
def test_a_cell_that_answers_for_all_of_the_notebook_earns_nothing(path, sandbox, monkeypatch):
    told, *_ = graded(sandbox, *handed_in(path, TAKES_OVER))
    assert len(told) > 5
    assert not [points for points, review in told if points and not review]
    unread(monkeypatch)
    told, *_ = graded(sandbox, *handed_in(path, TAKES_OVER))
    assert [points for points, _ in told] == [0] * len(told)
    monkeypatch.setattr(Asking, "fits_whole", lambda *_: True)  # as if one process were asked for all
    told, *_ = graded(sandbox, *handed_in(path, TAKES_OVER))
    assert sum(points for points, _ in told) > 30
