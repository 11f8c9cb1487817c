"""An exercise of each kind that is no library module: functions, a module of one's own, a training loop."""

import torch

from course.exercises import Call, Case, Exercise, equals

HINTS = ("Think.", "Look back.", "A relative.")


def cubes(x):
    return (x**3).sum()


def numerical_gradient_cases(rng):
    x = torch.randn(3, 2, generator=rng, dtype=torch.float64)
    return [
        Call("a sum of cubes", lambda answer, x: answer(cubes, x), (x,), equals(lambda x: 3 * x**2)),
        Call("one number", lambda answer, x: answer(torch.sin, x), (x[0, 0],), equals(torch.cos)),
    ]


def step_cases(rng):
    value, grad = torch.randn(4, generator=rng).double(), torch.randn(4, generator=rng).double()

    def run(answer, value, grad):
        velocity = torch.zeros_like(value)
        for _ in range(3):
            value, velocity = answer(value, grad, velocity, 0.1, 0.9)
        return value

    def reference(value, grad):
        parameter = torch.nn.Parameter(value.clone())
        optimizer = torch.optim.SGD([parameter], lr=0.1, momentum=0.9)
        for _ in range(3):
            parameter.grad = grad.clone()
            optimizer.step()
        return parameter

    return [Call("three steps", run, (value, grad), equals(reference))]


def order_cases(rng):
    reads = torch.tensor([[0, 0, 0, 0], [1, 0, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0]])[
        torch.randperm(4, generator=rng)
    ]

    def run(answer, reads):
        graph = {i: [j for j in range(4) if reads[i, j]] for i in range(4)}
        return torch.tensor(answer(graph))

    def accept(inputs, results):
        order, reads = [int(i) for i in results[0]], inputs[0]
        if sorted(order) != [0, 1, 2, 3]:
            return f"{order} does not name every node once"
        early = [
            (i, j) for i in range(4) for j in range(4) if reads[i, j] and order.index(i) < order.index(j)
        ]
        return f"node {early[0][0]} comes before node {early[0][1]}, which it reads" if early else ""

    fixed = torch.tensor([[0, 0, 0, 0], [1, 0, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0]])
    mixed = fixed[[3, 1, 2, 0]][:, [3, 1, 2, 0]]
    del reads
    return [Call("in order", run, (fixed,), accept), Call("mixed", run, (mixed,), accept)]


def training_cases(rng):
    def data(count):
        labels = torch.arange(count) % 2
        angle = torch.pi * torch.rand(count, generator=rng)
        x = torch.stack([angle.cos() + labels, angle.sin() * (1 - 2 * labels) + 0.5 * labels], 1)
        return (x + 0.1 * torch.randn(count, 2, generator=rng)).double(), labels

    x, labels = data(200)
    held_out, truth = data(200)

    def accept(inputs, results):
        if results[0].shape != (200, 2):
            return (
                f"has shape {results[0].shape}, but a score for each of 2 classes belongs to each of 200 "
                f"examples"
            )
        accuracy = float((results[0].argmax(axis=1) == truth.numpy()).mean())
        return (
            ""
            if accuracy >= 0.95
            else (f"reaches {accuracy:.1%} on examples that it has not seen, 95 % are asked for")
        )

    return [
        Call(
            "two moons",
            lambda answer, x, y, held: answer(x, y)(held),
            (x, labels, held_out),
            accept,
            seconds=30.0,
        )
    ]


def own_cases(rng):
    return [Case("any shape", lambda answer: answer(), (torch.randn(4, 3, generator=rng),))]


EXERCISES = (
    Exercise(
        "numerical_gradient", None, numerical_gradient_cases, {"a sum of cubes": 3, "one number": 2}, HINTS
    ),
    Exercise("momentum", None, step_cases, {"result": 4, "leaves inputs alone": 1}, HINTS),
    Exercise("topological_order", None, order_cases, {"in order": 2, "mixed": 3}, HINTS),
    Exercise("training", None, training_cases, {"two moons": 5}, HINTS),
    Exercise(
        "own",
        None,
        own_cases,
        {"∂L/∂x": 3, "∂L/∂scale": 3, "accumulation": 2, "needs forward first": 1},
        HINTS,
    ),
)
