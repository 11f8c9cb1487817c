"""Training: the numbers of a torch.nn loop, stopping at the right time, and saying what went wrong."""

import math
import signal
import time

import nbformat
import pytest
import torch
from nbclient import NotebookClient

import course
from course import Chain, Module
from course.data import digits, hills, iris, two_moons
from course.modules import (
    BatchNorm1d,
    CrossEntropyLoss,
    Dropout,
    EuclideanLoss,
    Linear,
    MSELoss,
    ReLU,
    Softmax,
    Tanh,
)
from course.optim import SGD, Adam, CosineAnnealingLR, Momentum, ReduceLROnPlateau, StepLR
from course.training import DivergedError, History, accuracy, batches, evaluate, fit, predict


def classifier(features, classes, hidden=16, seed=0):
    rng = course.generator(seed)
    return Chain(Linear(features, hidden, rng=rng), Tanh(), Linear(hidden, classes, rng=rng))


def twin(chain):
    """The same network of torch.nn, with the same weights."""
    kinds = {
        Linear: lambda m: torch.nn.Linear(m.in_features, m.out_features),
        Tanh: lambda m: torch.nn.Tanh(),
        ReLU: lambda m: torch.nn.ReLU(),
    }
    net = torch.nn.Sequential(*(kinds[type(module)](module) for module in chain.modules)).to(course.device())
    net.load_state_dict(chain.state_dict())
    return net


def torch_loop(
    net, loss, optimizer, data, epochs, batch_size, seed, validation=None, scheduler=None, clip_norm=None
):
    order, train, found = torch.Generator(device="cpu").manual_seed(seed), [], []
    for _ in range(epochs):
        total = 0.0
        for rows in batches(len(data), batch_size, order):
            optimizer.zero_grad()
            value = loss(net(data.inputs[rows]), data.targets[rows])
            value.backward()
            if clip_norm is not None:
                torch.nn.utils.clip_grad_norm_(net.parameters(), clip_norm)
            optimizer.step()
            total += value.item() * len(rows)
        train.append(total / len(data))
        with torch.no_grad():
            if validation is not None:
                found.append(loss(net(validation.inputs), validation.targets).item())
        if scheduler is not None:
            scheduler.step()
    return train, found


OPTIMIZERS = {
    "SGD": (lambda p: SGD(p, lr=0.1), lambda p: torch.optim.SGD(p, lr=0.1)),
    "Momentum": (lambda p: Momentum(p, lr=0.05), lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9)),
    "Adam": (
        lambda p: Adam(p, lr=0.01, weight_decay=0.01),
        lambda p: torch.optim.Adam(p, lr=0.01, weight_decay=0.01),
    ),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_losses_are_those_of_torch(name):
    train, test = iris().split().standardize()
    net = classifier(4, 3)
    ours, theirs = OPTIMIZERS[name]
    other = twin(net)
    expected = torch_loop(
        other, torch.nn.CrossEntropyLoss(), theirs(other.parameters()), train, 12, 16, 3, test
    )
    history = fit(
        net,
        CrossEntropyLoss(),
        ours(net.parameters()),
        train,
        epochs=12,
        batch_size=16,
        seed=3,
        validation=test,
    )
    assert history.train["loss"] == pytest.approx(expected[0], abs=1e-5)
    assert history.validation["loss"] == pytest.approx(expected[1], abs=1e-5)
    assert expected[0][-1] < 0.5 * expected[0][0]
    for value, parameter in zip(net.parameters(), other.parameters(), strict=True):
        assert torch.allclose(value.value, parameter, atol=1e-4)


def test_schedule_and_clipping_are_those_of_torch():
    data = hills().standardize(targets=True)
    net = classifier(1, 1)
    other, optimizer = twin(net), SGD(net.parameters(), lr=0.5)
    theirs = torch.optim.SGD(other.parameters(), lr=0.5)
    scheduler = torch.optim.lr_scheduler.StepLR(theirs, 2, gamma=0.5)
    expected, _ = torch_loop(
        other, torch.nn.MSELoss(), theirs, data, 6, 50, 0, scheduler=scheduler, clip_norm=0.1
    )
    schedule = StepLR(optimizer, 2, gamma=0.5)
    history = fit(net, MSELoss(), optimizer, data, epochs=6, batch_size=50, schedule=schedule, clip_norm=0.1)
    assert history.train["loss"] == pytest.approx(expected, abs=1e-5)
    assert history.learning_rates == [0.5, 0.5, 0.25, 0.25, 0.125, 0.125]
    unclipped, _ = torch_loop(twin(classifier(1, 1)), torch.nn.MSELoss(), theirs, data, 1, 50, 0)
    assert abs(unclipped[0] - expected[0]) > 1e-3


def test_digits_are_learned_in_seconds():
    train, test = digits().split()
    rng, began = course.generator(0), time.perf_counter()
    net = Chain(Linear(64, 64, rng=rng), ReLU(), Linear(64, 10, rng=rng))
    history = fit(
        net,
        CrossEntropyLoss(),
        Adam(net.parameters(), lr=3e-3),
        train,
        epochs=15,
        validation=test,
        metrics=[accuracy],
    )
    assert history.validation["accuracy"][-1] >= 0.95
    assert history.train["accuracy"][-1] > history.train["accuracy"][0]
    assert time.perf_counter() - began < 15
    found = evaluate(net, CrossEntropyLoss(), test, [accuracy])
    assert found == {"loss": history.validation["loss"][-1], "accuracy": history.validation["accuracy"][-1]}


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_a_loss_may_be_a_mean_a_sum_or_one_for_each_example(reduction):
    data, net = hills().standardize(targets=True), classifier(1, 1)
    frozen = SGD(net.parameters(), lr=0.0)
    expected = torch.nn.functional.mse_loss(net(data.inputs), data.targets).item()
    history = fit(net, MSELoss(reduction), frozen, data, epochs=1)
    assert history.train["loss"][0] == pytest.approx(expected, abs=1e-5)
    assert evaluate(net, MSELoss(reduction), data)["loss"] == pytest.approx(expected, abs=1e-5)


def test_of_one_loss_an_example_the_mean_goes_back():
    data, first, second = hills().standardize(targets=True), classifier(1, 1), classifier(1, 1)
    fit(first, EuclideanLoss(), SGD(first.parameters(), lr=0.2), data, epochs=2)
    # twice the loss, half the learning rate
    fit(second, MSELoss(), SGD(second.parameters(), lr=0.1), data, epochs=2)
    assert all(
        torch.allclose(a.value, b.value, atol=1e-5)
        for a, b in zip(first.parameters(), second.parameters(), strict=True)
    )


class TwoInputs(Module):
    """Two inputs and two outputs, as of a multi-modal and multi-task model."""

    def __init__(self):
        self.left, self.right = Linear(2, 3, rng=course.generator(1)), Linear(1, 1, rng=course.generator(2))

    def forward(self, a, b):
        self.save()
        return self.left(a), self.right(b)

    def backward(self, grad_a, grad_b):
        return self.left.backward(grad_a), self.right.backward(grad_b)


class BothLosses(Module):
    def __init__(self):
        self.first, self.second = CrossEntropyLoss(), MSELoss()

    def forward(self, a, b, target):
        self.save()
        return self.first(a, target) + self.second(b, target[:, None].float())

    def backward(self, grad):
        return self.first.backward(grad)[0], self.second.backward(grad)[0], None


def test_several_inputs_and_outputs():
    inputs = (iris().inputs[:, :2], iris().inputs[:, 2:3])
    net, loss = TwoInputs(), BothLosses()
    history = fit(
        net,
        loss,
        Adam(net.parameters(), lr=0.05),
        (inputs, iris().targets),
        epochs=30,
        validation=(inputs, iris().targets),
    )
    assert history.train["loss"][-1] < 0.5 * history.train["loss"][0]
    assert [tuple(output.shape) for output in predict(net, inputs)] == [(150, 3), (150, 1)]
    value = loss(*net(*inputs), iris().targets).item()
    assert history.validation["loss"][-1] == pytest.approx(value, abs=1e-5)


def test_every_epoch_deals_all_examples_anew():
    order = torch.Generator(device="cpu").manual_seed(0)
    first, second = [list(batches(10, 4, order)) for _ in range(2)]
    assert [len(rows) for rows in first] == [4, 4, 2]
    assert (
        torch.cat(first).sort().values.tolist() == torch.cat(second).sort().values.tolist() == list(range(10))
    )
    assert torch.cat(first).tolist() != torch.cat(second).tolist()
    assert torch.cat(list(batches(10, 4))).tolist() == list(range(10))
    with pytest.raises(ValueError, match="0 examples in batches of 4"):
        list(batches(0, 4))


def test_modes_while_training_and_after():
    net, modes = Chain(Linear(2, 8), BatchNorm1d(8), Dropout(0.5), Linear(8, 2)), []

    def mode(outputs, targets):
        modes.append(net.training)
        return 0.0

    net.eval()
    fit(
        net,
        CrossEntropyLoss(),
        SGD(net.parameters()),
        two_moons(),
        epochs=2,
        validation=two_moons(seed=1),
        metrics=[mode],
    )
    # evaluated in eval mode, and back in training mode when the outputs are there
    assert modes == [True, True, True, True]
    assert not net.training
    expected = net(two_moons().inputs)
    assert torch.equal(predict(net.train(), two_moons().inputs), expected)
    assert net.training


class Scripted(Module):
    """A model with one weight that each step moves by 1, so a test knows which epoch's weight it holds."""

    def __init__(self):
        self.weight = course.Parameter(course.tensor([0.0]))

    def forward(self, x):
        self.save()
        return x * 0 + self.weight.value

    def backward(self, grad_output):
        self.weight.grad += 1.0
        return grad_output * 0


class Valley(Module):
    """The loss |output + 3|: lowest after three steps down."""

    def forward(self, x, target):
        self.save(shape=x.shape)
        return (x + 3).abs().mean()

    def backward(self, grad_output):
        return torch.zeros(self.saved["shape"], device=grad_output.device), None


ONE = (torch.zeros(1, 1, device=course.device()), torch.zeros(1, 1, device=course.device()))


def test_patience_stops_and_restores_the_best_weights():
    net = Scripted()
    history = fit(net, Valley(), SGD(net.parameters(), lr=1.0), ONE, epochs=20, validation=ONE, patience=2)
    assert history.validation["loss"] == [2, 1, 0, 1, 2]
    assert (history.best_epoch, history.stopped) == (3, "no lower validation loss for 2 epochs")
    assert net.weight.value.item() == -3
    net = Scripted()
    history = fit(net, Valley(), SGD(net.parameters(), lr=1.0), ONE, epochs=4, validation=ONE, patience=5)
    assert (len(history), history.stopped, net.weight.value.item()) == (4, "", -3)
    net = Scripted()
    fit(net, Valley(), SGD(net.parameters(), lr=1.0), ONE, epochs=5, validation=ONE)
    assert net.weight.value.item() == -5  # without patience nothing is taken back


def test_plateau_watches_the_validation_loss():
    net = Scripted()
    optimizer = SGD(net.parameters(), lr=1.0)
    history = fit(
        net,
        Valley(),
        optimizer,
        ONE,
        epochs=7,
        validation=ONE,
        schedule=ReduceLROnPlateau(optimizer, patience=0),
    )
    assert history.learning_rates[:5] == pytest.approx([1, 1, 1, 1, 0.1])


def test_a_learning_rate_that_is_too_large_is_named():
    train, net = iris().split().train, classifier(4, 1)
    target = train.targets[:, None].float()
    with pytest.raises(
        DivergedError,
        match=r"became (inf|nan) in epoch \d+, batch \d+\. Likely the learning rate 50 is too large \(try 5, "
        r"or clip",
    ) as caught:
        fit(net, MSELoss(), SGD(net.parameters(), lr=50.0), (train.inputs * 100, target), epochs=50)
    assert isinstance(caught.value.history, History)
    assert len(caught.value.history) == len(caught.value.history.train.get("loss", []))


def test_other_causes_of_a_loss_that_is_no_number():
    data, net = two_moons(), classifier(2, 2)
    spoiled = data.inputs.clone()
    spoiled[7, 1] = math.nan
    with pytest.raises(DivergedError, match=r"The inputs of this batch hold NaN"):
        fit(net, CrossEntropyLoss(), SGD(net.parameters()), (spoiled, data.targets), epochs=1)

    class Broken(Linear):
        def backward(self, grad_output):
            grad = super().backward(grad_output)
            self.weight.grad = self.weight.grad * math.nan
            return grad

    net = Chain(Linear(2, 4), Broken(4, 2))
    with pytest.raises(
        DivergedError,
        match=r"epoch 1, batch 2\..*gave '1\.weight' a gradient with NaN: run "
        r"check_module",
    ):
        fit(net, CrossEntropyLoss(), SGD(net.parameters()), data, epochs=1)

    class Naive(Module):
        def forward(self, x, target):
            return -x.gather(1, target[:, None]).log().mean()

    net = Chain(Linear(2, 2), Softmax(dim=1))
    net[0].weight.value *= 1e4
    with pytest.raises(DivergedError, match=r"became inf .* probability of 0 \(CrossEntropyLoss and"):
        fit(net, Naive(), SGD(net.parameters(), lr=1e-9), data, epochs=1)


def test_interrupting_keeps_what_was_learned(capsys):
    net, calls = Scripted(), []

    def interrupt(outputs, targets):
        calls.append(1)
        if len(calls) == 5:  # in the third epoch, in which it is called after training and after validation
            signal.raise_signal(signal.SIGINT)
        return 0.0

    history = fit(
        net, Valley(), SGD(net.parameters(), lr=1.0), ONE, epochs=20, validation=ONE, metrics=[interrupt]
    )
    assert (len(history), history.stopped) == (2, "interrupted in epoch 3")
    assert net.weight.value.item() == -3
    assert not net.training
    assert capsys.readouterr().out == (
        "Training was interrupted in epoch 3 of 20; the model keeps what it has learned.\n"
    )
    calls.clear()
    net = Scripted()
    fit(
        net,
        Valley(),
        SGD(net.parameters(), lr=1.0),
        ONE,
        epochs=9,
        validation=ONE,
        metrics=[interrupt],
        patience=5,
    )
    assert net.weight.value.item() == -2
    assert "keeps the weights of epoch 2, the best one" in capsys.readouterr().out


def test_arguments_that_do_not_fit():
    net = classifier(2, 2)
    optimizer, data = SGD(net.parameters()), two_moons()
    with pytest.raises(ValueError, match="patience=3 needs a validation set"):
        fit(net, CrossEntropyLoss(), optimizer, data, patience=3)
    with pytest.raises(ValueError, match="patience=0 never waits"):
        fit(net, CrossEntropyLoss(), optimizer, data, validation=data, patience=0)
    with pytest.raises(ValueError, match="data: 300 inputs for 10 targets"):
        fit(net, CrossEntropyLoss(), optimizer, (data.inputs, data.targets[:10]))
    with pytest.raises(ValueError, match="batches of 0"):
        fit(net, CrossEntropyLoss(), optimizer, data, batch_size=0)
    with pytest.raises(ValueError, match="always a 'loss'"):
        fit(net, CrossEntropyLoss(), optimizer, data, metrics={"loss": accuracy})
    with pytest.raises(ValueError, match="more than one 'accuracy'"):
        fit(net, CrossEntropyLoss(), optimizer, data, metrics=[accuracy, accuracy])


def test_accuracy():
    scores = course.tensor([[2.0, 1.0, 0.0], [0.0, 1.0, 5.0], [0.0, 3.0, 1.0], [9.0, 1.0, 1.0]])
    assert accuracy(scores, course.tensor([0, 2, 0, 0], dtype=torch.int64)) == 0.75
    logits = course.tensor([[0.3], [-2.0], [1.0], [-0.1]])
    assert accuracy(logits, course.tensor([[1.0], [0.0], [0.0], [0.0]])) == 0.75
    with pytest.raises(ValueError, match="one class for each example"):
        accuracy(scores, course.tensor([0, 1], dtype=torch.int64))


def test_a_history_in_words():
    net = classifier(2, 2)
    history = fit(
        net,
        CrossEntropyLoss(),
        SGD(net.parameters()),
        two_moons(),
        epochs=3,
        validation=two_moons(seed=1),
        metrics=[accuracy],
    )
    said = repr(history)
    assert said.startswith("History(3 epochs in ")
    for part in ("validation loss 0.", "accuracy 0.", "best epoch "):
        assert part in said
    assert repr(History()) == "History(no epoch)"


CELL = """
import course
from course.data import two_moons
from course.modules import CrossEntropyLoss, Linear
from course.optim import SGD
from course.training import fit
net = Linear(2, 2)
history = fit(net, CrossEntropyLoss(), SGD(net.parameters()), two_moons(), epochs=40)
"""


def outputs_of(source):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    return notebook.cells[0].outputs


def test_the_bar_of_a_notebook_leaves_nothing_behind():
    watched = CELL.replace(
        "import course\n", "import course, course.training.progress as p, builtins\nseen = []\n"
    )
    watched += "print(len(seen))"
    spy = (
        "w = p._InPlace.write\np._InPlace.write = lambda self, text: (seen.append(text), w(self, text))[1]\n"
    )
    outputs = outputs_of(watched.replace("net = ", spy + "net = "))
    shown = [output for output in outputs if output.output_type == "display_data"]
    assert [output.data for output in shown] == [{"text/plain": ""}]
    (printed,) = [output for output in outputs if output.output_type == "stream"]
    assert printed.name == "stdout"
    assert int(printed.text) >= 2


def test_no_bar_when_nbgrader_runs():
    assert outputs_of("import os; os.environ['NBGRADER_EXECUTION'] = 'autograde'\n" + CELL) == []


def test_a_bar_in_a_terminal(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    net = classifier(2, 2)
    schedule = Adam(net.parameters())
    fit(net, CrossEntropyLoss(), schedule, two_moons(), epochs=30, schedule=CosineAnnealingLR(schedule, 30))
    said = capsys.readouterr().err
    assert "batches" in said
    assert said.endswith("\r")
    fit(net, CrossEntropyLoss(), schedule, two_moons(), epochs=3, progress=False)
    assert capsys.readouterr().err == ""
