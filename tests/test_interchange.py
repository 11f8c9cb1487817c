"""Every module that torch.nn has too: the same constructor, and torch's test cases give the same results."""

import inspect

import pytest
from torch import nn

from course import Module
from course.modules.registry import all_modules
from tests.against_torch import Case, compare, is_float, torchs_own_cases

COUNTERPARTS = {name: kind for name, kind in all_modules().items() if kind.counterpart == f"torch.nn.{name}"}

NOT_OURS = {
    "device": "the course has one device",
    "dtype": "module.to(dtype=...) sets it",
    "inplace": "no module of the course changes its input",
    "size_average": "torch: deprecated in favor of reduction",
    "reduce": "torch: deprecated in favor of reduction",
    "sparse": "gradients of the course are dense",
    "_weight": "private in torch",
    "_freeze": "private in torch",
}
"""Constructor arguments of torch.nn that the course leaves out, and why."""

CALLS = {
    # torch hands the state over as a tuple (LSTMCell) or as one tensor; ours takes each part by itself
    "LSTMCell": lambda module, x, *state: module(x, state or None),
    "LSTM": lambda module, x, *state: module(x, state or None),
}


def cases() -> dict[str, tuple[type[Module], Case, bool]]:
    return {
        f"{name}-{'train' if training else 'eval'}-{case.label}": (kind, case, training)
        for name, kind in COUNTERPARTS.items()
        for training in (True, False)
        for case in torchs_own_cases(name, training=training)
    }


CASES = cases()


@pytest.mark.parametrize("name", COUNTERPARTS)
def test_constructor_takes_what_torchs_takes(name):
    """The same names, order and defaults, so that code written for torch.nn runs unchanged."""
    theirs, ours = (
        inspect.signature(kind.__init__).parameters for kind in (getattr(nn, name), COUNTERPARTS[name])
    )
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    wanted = {p.name: p.default for p in theirs.values() if p.name not in NOT_OURS and p.kind not in variadic}
    had = {p.name: p.default for p in ours.values() if p.name != "rng" and p.kind not in variadic}
    if name == "LSTM":  # torch's own says (*args, **kwargs); its documentation lists these
        wanted = {
            "self": inspect.Parameter.empty,
            "input_size": inspect.Parameter.empty,
            "hidden_size": inspect.Parameter.empty,
        }
        wanted |= {
            "num_layers": 1,
            "bias": True,
            "batch_first": False,
            "dropout": 0.0,
            "bidirectional": False,
            "proj_size": 0,
        }
    assert list(had) == list(wanted)
    assert had == wanted
    if "rng" in ours:
        assert ours["rng"].kind is inspect.Parameter.KEYWORD_ONLY


# torch.nn.KLDivLoss, of its own default
@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides:UserWarning")
@pytest.mark.parametrize(("kind", "case", "training"), CASES.values(), ids=CASES.keys())
def test_torchs_own_case(kind, case, training):
    kwargs = {name: value for name, value in case.kwargs.items() if name not in NOT_OURS}
    theirs = getattr(nn, kind.__name__)(*case.args, **kwargs).train(training)
    inputs = list(case.inputs)
    if case.options:  # given by name there, by position here
        rest = list(inspect.signature(theirs.forward).parameters.values())[len(inputs) :]
        inputs += [case.options.get(argument.name, argument.default) for argument in rest]
    assert any(is_float(x) for x in inputs) or list(theirs.parameters())
    compare(kind(*case.args, **kwargs), theirs, inputs, call_theirs=CALLS.get(kind.__name__))


def test_torchs_cases_were_found():
    assert len(CASES) >= 2 * len(COUNTERPARTS)
