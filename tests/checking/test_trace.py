"""A forward as data: what is followed gives the same numbers and slopes, and nothing else can be followed."""

import pytest
import torch

from course.checking.trace import follow, trace
from course.exercises.wire import pack, unpack

X = torch.linspace(-2, 2, 12, dtype=torch.float64).reshape(4, 3)
THETA = torch.tensor([0.3, -0.7, 1.1], dtype=torch.float64)


def bent(x, theta):
    scale = torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64)
    row = (x * theta).sum(1, keepdim=True)
    return torch.where(x > 0, torch.nn.functional.silu(x - row), 0.5 * x) / scale + torch.exp(-(theta**2))


def test_what_travels_computes_the_same():
    lines = unpack(pack(trace(bent, (X, THETA))))
    assert lines[0]["quote"] == "x * theta"
    x, theta = (X + 0.1).requires_grad_(), (2 * THETA).requires_grad_()
    (followed,), right = follow(lines, (x, theta)), bent(x, theta)
    assert torch.allclose(followed, right, rtol=0, atol=1e-15)
    pairs = zip(*(torch.autograd.grad(out.sum(), (x, theta)) for out in (followed, right)), strict=True)
    assert all(torch.allclose(one, other) for one, other in pairs)


@pytest.mark.parametrize(
    "function",
    [lambda x: x.clone().add_(1), lambda x: x * float(x.sum()), lambda x: x.sort().values],
    ids=["in place", "a number taken out", "not known"],
)
def test_what_cannot_be_told_is_not_told(function):
    with pytest.raises(ValueError, match="is not followed"):
        trace(function, (X,))


@pytest.mark.parametrize(
    ("name", "inputs"),
    [("set_", ["0", "0"]), ("expand", ["0", [100_000, 4, 3]]), ("from_file", ["0"])],
)
def test_what_is_not_listed_or_too_large_is_not_followed(name, inputs):
    line = {"name": name, "overload": "default", "inputs": inputs, "options": {}, "quote": "x"}
    with pytest.raises(ValueError, match=r"not followed|too large"):
        follow([line, {"results": ["1"]}], (X.to("meta"),))


def test_nothing_that_is_followed_changes_what_it_is_given():
    x = X.clone()
    line = {"name": "add", "overload": "out", "inputs": ["0", 1.0], "options": {"out": "0"}, "quote": "x"}
    with pytest.raises((ValueError, TypeError, RuntimeError)):
        follow([line, {"results": ["0"]}], (x,))
    line["inputs"] = ["0", "0"]
    with pytest.raises(ValueError, match="would change"):
        follow([line, {"results": ["0"]}], (x,))
    assert torch.equal(x, X)
