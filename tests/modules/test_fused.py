"""Fused kernels: off by default, and wherever they run, what comes out is what the text computes."""

import copy
import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import course.modules
from benchmarks.fused_kernels import WORKS
from course import Module, device, fused_kernels, generator, release_saved
from course.fused import KERNELS
from course.modes import recording
from course.module import Example, as_tuple
from course.modules import LSTM, GroupNorm, LayerNorm, ReLU
from course.modules.registry import all_modules
from tests.modules.test_activations import GRID, SPECIAL

ASIDES = sorted(Path(course.modules.__path__[0]).glob("_fused*.py"))


def fused_classes() -> dict[str, type[Module]]:
    return {name: kind for name, kind in all_modules().items() if inspect.unwrap(kind.backward) in KERNELS}


FUSED = fused_classes()
EXAMPLES = {
    f"{name}-{example.label or position}": example
    for name, kind in FUSED.items()
    for position, example in enumerate(kind.examples(generator(0), 3))
}


def cast(value: Any, dtype: torch.dtype) -> Any:
    return value.to(dtype) if isinstance(value, Tensor) and value.is_floating_point() else value


def run_twice(module: Module, inputs: tuple[Any, ...]) -> list[Any]:
    """Outputs and gradients of two passes forward and backward, which add up in the parameters."""
    results: list[Any] = []
    for seed in (1, 2):
        outputs = as_tuple(module(*inputs))
        rng = generator(seed)
        upstream = [torch.randn(o.shape, dtype=o.dtype, generator=rng, device=rng.device) for o in outputs]
        before = [g.clone() for g in upstream]
        results += [
            *outputs,
            *as_tuple(module.backward(*upstream)),
            *(p.grad.clone() for p in module.parameters()),
        ]
        assert all(map(torch.equal, upstream, before)), "the gradient from above was changed"
    return results


def same(got: list[Any], want: list[Any], dtype: torch.dtype) -> None:
    tolerance = {"rtol": 1e-10, "atol": 1e-12} if dtype == torch.float64 else {"rtol": 1e-4, "atol": 1e-5}
    assert len(got) == len(want)
    for ours, theirs in zip(got, want, strict=True):
        assert (ours is None) is (theirs is None)
        if isinstance(ours, Tensor):
            torch.testing.assert_close(ours, theirs, **tolerance, equal_nan=True)


@pytest.fixture(autouse=True)
def _switched_off():
    """Whatever the environment says, so that all other tests may run with COURSE_FUSED=1, too."""
    with fused_kernels(on=False):
        yield


@pytest.fixture
def kernels(monkeypatch):
    """The names of the kernels that ran, in order."""
    ran: list[str] = []

    def noted(kernel):
        def run(*arguments):
            ran.append(kernel.__name__)
            return kernel(*arguments)

        return run

    for text, kernel in KERNELS.items():
        monkeypatch.setitem(KERNELS, text, noted(kernel))
    return ran


@pytest.mark.parametrize("release", [False, True], ids=["kept", "released"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES.keys())
def test_a_kernel_computes_what_the_text_does(
    example: Example, dtype: torch.dtype, release: bool, kernels: list[str]
):
    plain = copy.deepcopy(example.module).to(dtype=dtype)
    fused, inputs = copy.deepcopy(plain), tuple(cast(x, dtype) for x in example.inputs)
    want = run_twice(plain, inputs)
    assert kernels == []
    with fused_kernels():
        if release:
            with release_saved():
                got = run_twice(fused, inputs)
            assert not fused.saved.filled
        else:
            got = run_twice(fused, inputs)
    assert kernels or isinstance(fused, LSTM)  # whose kernel knows only some of its cases
    same(got, want, dtype)


@pytest.mark.parametrize("upstream", [1.5, torch.inf], ids=str)
@pytest.mark.parametrize("name", [name for name in GRID if name in FUSED])
def test_a_kernel_of_an_activation_agrees_at_kinks_and_beyond(name, upstream):
    x = torch.tensor([*SPECIAL, *SPECIAL], dtype=torch.float64)
    for options in GRID[name]:
        module = all_modules()[name](**options).to(dtype=torch.float64)
        module(x)
        want = module.backward(torch.full_like(x, upstream))
        with fused_kernels():
            module(x)
            got = module.backward(torch.full_like(x, upstream))
        torch.testing.assert_close(got, want, rtol=1e-10, atol=1e-300, equal_nan=True)


@pytest.mark.skipif(device().type == "cuda", reason="the kernel is a CPU's")
@pytest.mark.parametrize("given", ["state", "none"])
@pytest.mark.parametrize(
    "options", [{}, {"bidirectional": True}, {"num_layers": 2}, {"batch_first": True}], ids=str
)
def test_the_kernel_of_the_lstm_computes_what_the_steps_do(options, given):
    lstm, rng = LSTM(5, 7, **options), generator(4)
    count = lstm.num_layers * (1 + lstm.bidirectional)
    x, h, c = (
        torch.randn(6, 3, 5, generator=rng),
        torch.randn(count, 3, 7, generator=rng),
        torch.randn(count, 3, 7, generator=rng),
    )
    if options == {"batch_first": True}:
        x = x.transpose(0, 1)
    inputs = (x, h, c) if given == "state" else (x,)

    def passes() -> list[torch.Tensor]:
        lstm.zero_grad()
        outputs = lstm(*inputs)
        upstream = [torch.randn(o.shape, generator=generator(9)) for o in outputs]
        found = [*outputs]
        for _ in range(2):  # gradients add up, and what was saved stays
            found += [g for g in as_tuple(lstm.backward(*upstream)) if g is not None]
            found += [parameter.grad.clone() for parameter in lstm.parameters()]
        lstm(*inputs)
        found += as_tuple(lstm.backward(upstream[0], None, None))
        return found

    with fused_kernels():
        at_once = passes()
    assert "workspace" in lstm.saved["runs"][0]
    one_by_one = passes()
    assert "workspace" not in lstm.saved["runs"][0]
    for got, want in zip(at_once, one_by_one, strict=True):
        torch.testing.assert_close(got, want, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("options", [{"bias": False}, {"proj_size": 3}], ids=str)
def test_what_the_kernel_does_not_know_runs_step_by_step(options):
    lstm = LSTM(5, 7, **options)
    with fused_kernels():
        lstm(torch.randn(6, 3, 5))
    assert "workspace" not in lstm.saved["runs"][0]
    assert not lstm.fused


# The switch


def test_the_switch_is_off_unless_one_turns_it_on(kernels):
    module, x = ReLU(), torch.randn(3, 2)
    module.backward(module(x))
    assert kernels == []
    with fused_kernels():
        module.backward(module(x))
        with fused_kernels(on=False):
            module.backward(module(x))
        module.backward(module(x))
    module.backward(module(x))
    assert kernels == ["relu_backward"] * 2


@pytest.mark.parametrize("kind", [lambda: LayerNorm(2), lambda: LSTM(2, 3)], ids=["LayerNorm", "LSTM"])
def test_backward_does_as_its_forward_did(kind, kernels):
    """Wherever it is called: what a kernel saved is read by a kernel, what the text saved by the text."""
    module, x = kind(), torch.randn(4, 2, 2)
    with fused_kernels():
        upstream = as_tuple(module(x))
    module.backward(*upstream)
    assert len(kernels) == 2
    module(x)
    with fused_kernels():
        module.backward(*upstream)
    assert len(kernels) == 2


def test_a_class_with_a_backward_of_its_own_runs_its_text(kernels):
    class Mine(LayerNorm):
        def backward(self, grad_output):
            return grad_output

    module = Mine(2)
    with fused_kernels():
        module.backward(module(torch.randn(3, 2)))
    assert kernels == []


def test_no_kernel_runs_while_torch_records(kernels):
    module, x = GroupNorm(2, 4), torch.randn(3, 4, requires_grad=True)
    with fused_kernels(), recording():
        assert module(x).requires_grad
    assert kernels == []


@pytest.mark.parametrize(
    ("value", "said"), [("1", "True"), ("0", "False"), ("", "False"), ("yes", "COURSE_FUSED='yes'")]
)
def test_the_environment_turns_the_switch(value, said, monkeypatch):
    monkeypatch.setenv("COURSE_FUSED", value)
    program = "import torch, course\nrelu = course.modules.ReLU()\nrelu(torch.ones(2))\nprint(relu.fused)"
    ran = subprocess.run(
        [sys.executable, "-c", f"import course.modules\n{program}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert said in ran.stdout + ran.stderr


def test_finished_backward_passes_stand_in_asides_only():
    for path in Path(course.modules.__path__[0]).glob("*.py"):
        assert ("torch.ops" in path.read_text()) is (path in ASIDES), path.name


def test_every_kernel_stands_for_a_pass_that_examples_run():
    texts = {
        inspect.unwrap(vars(kind)[name])
        for kind in FUSED.values()
        for name in ("forward", "backward")
        if name in vars(kind)
    }
    assert set(KERNELS) <= texts
    assert {kernel.__module__ for kernel in KERNELS.values()} == {
        f"course.modules.{path.stem}" for path in ASIDES
    }
    assert {type(module) for module, _ in WORKS.values()} == set(FUSED.values()), "its gain is measured"
