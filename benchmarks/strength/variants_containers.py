"""Correct variants, written by hand: graphs, chains and modules made of modules."""
# ruff: noqa: D101, D102 - what each class does otherwise is said beside it, in by_hand
# pyright: reportOptionalMemberAccess=false, reportArgumentType=false, reportOptionalOperand=false

import torch
import torch.nn.functional as F

from benchmarks.strength._variant import by_hand
from course import modules as library
from course.containers.chain import Chain
from course.containers.graph import Graph
from course.containers.residual import Residual
from course.containers.unroll import Unroll
from course.module import Example, Module, Parameter, as_tuple


def rows(rng, count, width):
    """Random inputs."""
    return torch.randn(count, width, generator=rng, device=rng.device)


def two_layers(m, x):
    """What the perceptrons below compute, in torch's words."""
    first, second = m[0], m[2]
    return F.linear(
        torch.tanh(F.linear(x, first.weight.value, first.bias.value)), second.weight.value, second.bias.value
    )


@by_hand("backward as a recursion")
class ChainByRecursion(Chain):
    def backward(self, grad_output):
        def through(modules, grad):
            return grad if not modules else through(modules[:-1], modules[-1].backward(grad))

        return through(self.modules, grad_output)

    @classmethod
    def examples(cls, rng, scale=1):
        chain = cls(library.Linear(3, 4, rng=rng), library.Tanh(), library.Linear(4, 2, rng=rng))
        yield Example(chain, (rows(rng, 5 * scale, 3),), reference=two_layers)


@by_hand("all of a perceptron in one module")
class _Perceptron(Module):
    def __init__(self, rng):
        self.w1, self.b1 = Parameter.uniform((4, 3), 1.0, rng), Parameter.uniform((4,), 1.0, rng)
        self.w2, self.b2 = Parameter.uniform((2, 4), 1.0, rng), Parameter.uniform((2,), 1.0, rng)

    def forward(self, x):
        hidden = torch.tanh(x @ self.w1.value.T + self.b1.value)
        self.save(x=x, hidden=hidden)
        return hidden @ self.w2.value.T + self.b2.value

    def backward(self, grad_output):
        x, hidden = self.saved["x"], self.saved["hidden"]
        self.w2.grad += grad_output.T @ hidden
        self.b2.grad += grad_output.sum(0)
        grad_sum = (grad_output @ self.w2.value) * (1 - hidden**2)
        self.w1.grad += grad_sum.T @ x
        self.b1.grad += grad_sum.sum(0)
        return grad_sum @ self.w1.value

    @classmethod
    def examples(cls, rng, scale=1):
        def reference(m, x):
            return F.linear(F.tanh(F.linear(x, m.w1.value, m.b1.value)), m.w2.value, m.b2.value)

        yield Example(cls(rng), (rows(rng, 5 * scale, 3),), reference=reference)


@by_hand("a fan-out within, one module shared by both ways")
class _Twins(Module):
    def __init__(self, rng):
        self.left = library.Linear(3, 3, rng=rng)
        self.right = self.left.share()
        self.product = library.Multiply()

    def forward(self, x):
        self.save(x=x)
        return self.product(self.left(x), self.right(torch.sin(x)))

    def backward(self, grad_output):
        grad_left, grad_right = self.product.backward(grad_output)
        return self.left.backward(grad_left) + self.right.backward(grad_right) * torch.cos(self.saved["x"])

    @classmethod
    def examples(cls, rng, scale=1):
        def reference(m, x):
            w, b = m.left.weight.value, m.left.bias.value
            return F.linear(x, w, b) * F.linear(torch.sin(x), w, b)

        yield Example(cls(rng), (rows(rng, 4 * scale, 3),), reference=reference)


@by_hand("gradients gathered in lists and summed at the end")
class GraphByLists(Graph):
    def backward(self, *grad_outputs):
        arrived = {name: [grad] for name, grad in zip(self.outputs, grad_outputs, strict=True)}
        for node in reversed(list(self.nodes.values())):
            totals = [
                torch.stack(arrived.get(name, [torch.zeros_like(self.values[name])])).sum(0)
                for name in node.outputs
            ]
            for read, grad in zip(node.reads, as_tuple(node.module.backward(*totals)), strict=True):
                if isinstance(read, str):
                    arrived.setdefault(read, []).append(grad)
        return tuple(torch.stack(arrived[name]).sum(0) for name in self.inputs)

    @classmethod
    def examples(cls, rng, scale=1):
        graph = cls("x", "y", outputs=("z", "square"))
        graph.add("sum", library.Add(), "x", "y")
        graph.add("square", library.Square(), "sum")
        graph.add("linear", library.Linear(3, 3, rng=rng), "sum")
        graph.add("gated", library.Gate(), "linear", "square")
        graph.add("z", library.Multiply(), "gated", 2.0)

        def reference(m, x, y):
            layer = m.nodes["linear"].module
            total = x + y
            return 2 * torch.sigmoid(total**2) * F.linear(
                total, layer.weight.value, layer.bias.value
            ), total**2

        yield Example(
            graph, (rows(rng, 4 * scale, 3), rows(rng, 4 * scale, 3)), reference=reference, label="fan-out"
        )


@by_hand("a diamond written as a graph")
class GraphOfTanh(Graph):
    @classmethod
    def examples(cls, rng, scale=1):
        graph = cls("x")
        graph.add("sigmoid", library.Sigmoid(), "x")
        graph.add("double", library.Multiply(), "x", 2.0)
        graph.add("wide", library.Sigmoid(), "double")
        graph.add("out", library.Divide(), "wide", "sigmoid")
        reference = lambda m, x: torch.sigmoid(2 * x) / torch.sigmoid(x)  # noqa: E731
        yield Example(graph, (rows(rng, 3 * scale, 2),), reference=reference, label="diamond")


@by_hand("both ways stacked before they are summed")
class ResidualByStack(Residual):
    def backward(self, grad_output):
        ways = [
            grad_output if way is None else way.backward(grad_output) for way in (self.shortcut, self.module)
        ]
        return torch.stack(ways).sum(0)

    @classmethod
    def examples(cls, rng, scale=1):
        inner = Chain(library.Linear(3, 3, rng=rng), library.Tanh())

        def reference(m, x):
            layer = m.module[0]
            return x + torch.tanh(F.linear(x, layer.weight.value, layer.bias.value))

        yield Example(cls(inner), (rows(rng, 4 * scale, 3),), reference=reference)


def run(m, x, h):
    """A plain loop over time."""
    cell, outputs = m.cell, []
    for step in x:
        sums = F.linear(step, cell.weight_ih.value, cell.bias_ih.value) + F.linear(
            h, cell.weight_hh.value, cell.bias_hh.value
        )
        h = torch.tanh(sums)
        outputs.append(h)
    return torch.stack(outputs), h


@by_hand("gradients of all steps by one loop of its own")
class UnrollByLoop(Unroll):
    def backward(self, grad_output, grad_state):
        steps, grads, carried = self.saved["steps"], [], grad_state
        for t in range(len(steps) - 1, -1, -1):
            grad_x, carried = steps[t].backward(carried + grad_output[t])
            grads.insert(0, grad_x)
        return torch.stack(grads), carried

    @classmethod
    def examples(cls, rng, scale=1):
        x = torch.randn(3, 2 * scale, 2, generator=rng, device=rng.device)
        cell = library.RNNCell(2, 3, rng=rng)
        yield Example(cls(cell), (x, rows(rng, 2 * scale, 3)), reference=run, label="three steps")
