"""What the library `course` that this process finds computes, as a pickle.

The script is run as ``python edition_probe.py ROOT OUT WHAT…``.
"""

import ast
import contextlib
import importlib
import io
import json
import pickle
import pkgutil
import sys
import warnings
from pathlib import Path

import torch

import course
from course import Chain, Graph, Module, Parameter, generator
from course.checking.shortcuts import DELEGATED, ENGINE
from course.checks import check_module
from course.exercises import all_exercises, find_exercise, grade
from course.explorer import Explorer
from course.figures.activation import ACTIVATIONS
from course.module import as_tuple
from course.modules import Add, Copy, Embedding, Linear, Max, Multiply, Negate, Sigmoid
from course.modules.registry import all_modules

ROOT = Path(sys.argv[1])


def arrays(values):
    return [None if value is None else value.detach().double().numpy() for value in values]


def as_double(value):
    return value.detach().double() if isinstance(value, torch.Tensor) and value.is_floating_point() else value


def run(module, inputs):
    """Outputs and gradients, twice over, in float64."""
    module.to(dtype=torch.float64)
    module.zero_grad()
    outputs = as_tuple(module(*map(as_double, inputs)))
    rng = generator(5)
    upstream = [
        torch.randn(o.shape, dtype=o.dtype, generator=rng)
        if o is not None and o.is_floating_point()
        else None
        for o in outputs
    ]
    found = {"outputs": arrays(outputs)}
    for time in ("once", "twice"):
        found[time] = arrays(as_tuple(module.backward(*upstream)))
        found[f"parameters {time}"] = arrays(parameter.grad for parameter in module.parameters())
    return found


def examples():
    """Every module of the library on its examples."""
    return {
        f"{name}: {i}": run(example.module, example.inputs)
        for name, kind in all_modules().items()
        for i, example in enumerate(kind.examples(generator(0)))
    }


def truths():
    """What exercises ask for, on its cases, with the gradients of every value of a graph."""
    found = {}
    for exercise in all_exercises().values():
        for case in exercise.cases(generator(1)) if exercise.truth else ():
            module = case.module(exercise.truth)
            found[f"{exercise.name}: {case.label}"] = run(module, case.inputs) | {
                name: grad.numpy() for name, grad in getattr(module, "grads", {}).items()
            }
    return found


def activations():
    """The element-wise activations of the library, by name."""
    return list(ACTIVATIONS)


class Scale(Module):
    """A student's own module, whose backward is wrong on purpose: it is the one that counts."""

    def forward(self, x):
        self.save()
        return 3 * x

    def backward(self, grad_output):
        return 7 * grad_output


def several_outputs():
    graph = Graph("x", "y", outputs=("p", "x", "b"))
    graph.add("p", Multiply(), "x", "y")
    graph.add("c", Copy(3), "p", outputs=("a", "b", "unread"))
    graph.add("dead", Negate(), "a")
    return graph, (torch.randn(2, 3), torch.randn(2, 3))


def whole_numbers():
    graph = Graph("index", "x")
    graph.add("e", Embedding(5, 3), "index")
    graph.add("o", Add(), "e", "x")
    return graph, (torch.tensor([0, 3, 3]), torch.randn(3, 3))


def only_whole_numbers():
    graph = Graph("index")
    graph.add("e", Embedding(5, 3), "index")
    return graph, (torch.tensor([0, 3, 3]),)


def constants():
    graph = Graph("x", "unused")
    graph.add("one", Add(), "x", 1)
    graph.add("p", Multiply(), "one", "one")
    graph.add("f", Max(), "p", 0.5)
    return graph, (torch.randn(()), torch.randn(2))


def nested():
    inner = Graph("a", "b")
    inner.add("c", Multiply(), "a", "b")
    inner.add("d", Add(), "c", "a")
    graph = Graph("x")
    graph.add("l", Chain(Linear(3, 3, rng=generator(2)), Sigmoid()), "x")
    graph.add("g", inner, "l", "x")
    graph.add("s", Scale(), "g")
    graph.add("f", Add(), "s", "l")
    return graph, (torch.randn(2, 3),)


def graphs():
    """Graphs with everything that a graph can have."""
    found = {}
    for make in (several_outputs, whole_numbers, only_whole_numbers, constants, nested):
        torch.manual_seed(3)
        graph, inputs = make()
        kept = run(graph, inputs)
        found[make.__name__] = kept | {
            f"grads {name}": grad.double().numpy() for name, grad in graph.grads.items()
        }
    return found


def cells(path):
    notebook = json.loads(path.read_text())
    return [
        ("".join(c["source"]), c["metadata"].get("nbgrader", {}))
        for c in notebook["cells"]
        if c["cell_type"] == "code"
    ]


def execute(source, names):
    """Run a cell; the value of its last line."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names) if last else None


def numbers(explorer):
    """A trace without the symbols of local derivatives, and the sentences in which they stand."""

    def bare(part):
        if isinstance(part, dict):
            return {key: bare(value) for key, value in part.items() if key not in ("symbol", "sentence")}
        return [bare(value) for value in part] if isinstance(part, list) else part

    return bare(explorer.trace.to_json())


def lectures(which="[0-9]"):
    """What each lecture prints and shows, and every number in its explorers."""
    found = {}
    for path in sorted((ROOT / "lectures").glob(f"{which}*.ipynb")):
        names = {"__name__": "__main__"}
        for i, (source, _) in enumerate(cells(path)):
            with contextlib.redirect_stdout(io.StringIO()) as printed:
                value = execute(source, names)
            shown = (
                numbers(value) if isinstance(value, Explorer) else getattr(value, "alt", None) or repr(value)
            )
            shown = "a measurement" if "milliseconds" in str(shown) else shown  # no two are the same
            found[f"{path.stem}, cell {i}"] = (printed.getvalue(), shown)
    return found


def third_lecture():
    """The same of lecture 03, in which all kinds of cells occur."""
    return lectures("03")


def notebooks():
    """The points of every test cell, of the instructor's notebooks and of the students'."""
    found = {}
    for path in sorted(ROOT.glob("solutions/*/*.ipynb")) + sorted(ROOT.glob("assignments/*/*.ipynb")):
        names = {"__name__": "__main__"}
        for source, about in cells(path):
            if not about.get("grade_id", "").endswith("_picture"):
                value = execute(source, names)
                if about.get("grade"):
                    found[(path.parts[-3], path.stem, about["grade_id"])] = (value, about["points"])
    return found


class RightMultiply(Module):
    def forward(self, x, y):
        self.save(x=x, y=y)
        return x * y

    def backward(self, grad_output):
        return grad_output * self.saved["y"], grad_output * self.saved["x"]


class SwappedMultiply(RightMultiply):
    def backward(self, grad_output):
        return grad_output * self.saved["x"], grad_output * self.saved["y"]


class HalfMultiply(RightMultiply):
    def backward(self, grad_output):
        return grad_output * self.saved["y"], grad_output


class AutogradMultiply(RightMultiply):
    def backward(self, grad_output):
        with torch.enable_grad():
            x, y = (self.saved[name].clone().requires_grad_() for name in "xy")
            return torch.autograd.grad(x * y, (x, y), grad_output)


class AssigningCosine(Module):
    def __init__(self):
        self.theta = Parameter.uniform((), 1.0)

    def forward(self, x):
        self.save(x=x)
        return torch.cos(self.theta.value * x) + torch.pi

    def backward(self, grad_output):
        slope = -torch.sin(self.theta.value * self.saved["x"])
        self.theta.grad = (grad_output * slope * self.saved["x"]).sum()
        return grad_output * slope * self.theta.value


class RightGraph(Graph):
    def backward(self, grad_output):
        grads = {self.outputs[0]: grad_output}
        for node in reversed(self.nodes.values()):
            if node.name in grads:
                for read, grad in zip(
                    node.reads, as_tuple(node.module.backward(grads[node.name])), strict=True
                ):
                    grads[read] = grads[read] + grad if read in grads else grad
        of_inputs = tuple(grads.get(name, torch.zeros_like(self.values[name])) for name in self.inputs)
        return of_inputs if len(of_inputs) > 1 else of_inputs[0]


class OverwritingGraph(RightGraph):
    def backward(self, grad_output):
        grads = {self.outputs[0]: grad_output}
        for node in reversed(self.nodes.values()):
            grads.update(zip(node.reads, as_tuple(node.module.backward(grads[node.name])), strict=True))
        return tuple(grads[name] for name in self.inputs)


ANSWERS = (
    ("multiply", RightMultiply),
    ("multiply", SwappedMultiply),
    ("multiply", HalfMultiply),
    ("multiply", AutogradMultiply),
    ("multiply", Multiply),
    ("cosine_unit", AssigningCosine),
    ("graph", RightGraph),
    ("graph", OverwritingGraph),
    ("graph", Graph),
)


def scores():
    """What `check` shows for answers right and wrong."""
    return {
        f"{name}: {answer.__name__}": repr(grade(find_exercise(name), answer)) for name, answer in ANSWERS
    }


class HandsOnMultiply(RightMultiply):
    def backward(self, grad_output):
        helper = Multiply()
        helper(self.saved["x"], self.saved["y"])
        return helper.backward(grad_output)


class SuperGraph(Graph):
    def backward(self, grad_output):
        return super().backward(grad_output)


class AutogradGraph(Graph):
    def backward(self, grad_output):
        with torch.enable_grad():
            leaves = [self.values[name].clone().requires_grad_() for name in self.inputs]
            values = dict(zip(self.inputs, leaves, strict=True))
            for node in self.nodes.values():
                for name, value in zip(
                    node.outputs, as_tuple(node.module.forward(*self.inputs_of(node, values))), strict=True
                ):
                    values[name] = value
            return torch.autograd.grad(leaves[0] * leaves[1], leaves, grad_output, allow_unused=True)


class AutogradScale(Scale):
    def backward(self, grad_output):
        with torch.enable_grad():
            x = torch.zeros_like(grad_output, requires_grad=True)
            return torch.autograd.grad(3 * x, x, grad_output)[0]


class HoldsAutograd(Module):
    """A library graph, with torch.autograd hidden in one of its nodes."""

    def __init__(self):
        self.graph = Graph("x")
        self.graph.add("y", AutogradScale(), "x")

    def forward(self, x):
        self.save()
        return self.graph(x)

    def backward(self, grad_output):
        return self.graph.backward(grad_output)


def blame():
    """For each way to write a backward, whether it counts as written by hand, and what is said if not."""

    def said(name, answer):
        score = grade(find_exercise(name), answer)
        text = repr(score)
        return score.points, ENGINE in text, DELEGATED in text or "has no backward here" in text

    hidden = check_module(HoldsAutograd(), (torch.randn(3),))["by hand"].message
    return {
        **{answer.__name__: said("graph", answer) for answer in (RightGraph, SuperGraph, AutogradGraph)},
        **{
            answer.__name__: said("multiply", answer)
            for answer in (RightMultiply, HandsOnMultiply, AutogradMultiply)
        },
        "HoldsAutograd": (0, ENGINE in hidden, DELEGATED in hidden),
    }


def imports():
    """Every module of the package can be imported."""
    found = [
        info.name
        for info in pkgutil.walk_packages(course.__path__, "course.")
        if not info.name.endswith("__main__")
    ]
    return [importlib.import_module(name).__name__ for name in found]


def where():
    """Which library this is."""
    return str(Path(course.__file__).parent)


if __name__ == "__main__":
    warnings.simplefilter("error")
    torch.set_num_threads(1)
    Path(sys.argv[2]).write_bytes(
        pickle.dumps({what: globals()[what]() for what in ("where", *sys.argv[3:])})
    )
