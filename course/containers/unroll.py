"""Unroll: a loop in time as a cascade of steps that share their parameters."""

from typing import Any

import torch
from torch import Tensor

from course.containers.graph import Graph
from course.errors import InputError, SizeError
from course.module import Module, as_tuple


class Unroll(Module):
    """s_t = cell(x_t, s_{t−1}) for every t along the first axis of x; each step is a `share()` of the cell.

    The state s is one tensor (RNNCell, GRUCell) or several (LSTMCell's h and c); its first tensor is the
    step's output. forward returns all outputs, stacked along time, and then the final state.

    Backpropagation through time (lecture 13), from the last step to the first: s_t acts on the loss as the
    output of step t and through step t + 1, so that both gradients add up,
        ∂L/∂s_t = ∂L/∂output_t + cell_{t+1}.backward(∂L/∂s_{t+1}),
    and every step adds to the same ∂L/∂θ. With ``truncate=k`` the second term is dropped after every k steps:
    the state goes on, the gradient does not, as if the state were detached there.

    Args:
        cell: forward(x, *state) returns the new state.
        truncate: how many steps a gradient flows back at most; all of them when left out.

    Raises:
        ValueError: `truncate` is below 1.
        SizeError: the sequence has no step.
    """

    formula = r"s_t = \mathrm{cell}(x_t, s_{t-1})"
    source = "Werbos: Backpropagation through time, Proceedings of the IEEE 78 (1990)"
    lecture = 13

    def __init__(self, cell: Module, *, truncate: int | None = None) -> None:
        if truncate is not None and truncate < 1:
            raise ValueError(
                f"truncate={truncate}: a gradient flows back through at least 1 step; leave it out for all "
                f"of them"
            )
        self.cell, self.truncate = cell, truncate

    def forward(self, x: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        if x.dim() == 0 or len(x) == 0:
            raise SizeError(
                f"Unroll: argument 'x' has shape {tuple(x.shape)}, expected (time, …) with at least one step"
            )
        steps, outputs = [], []
        for t, x_t in enumerate(x):
            step = self.cell.share()
            try:
                state = as_tuple(step(x_t, *state))
            except InputError as error:
                raise error.within(f"step {t}") from error
            steps.append(step)
            outputs.append(state[0])
        self.save(steps=steps)
        return torch.stack(outputs), *state

    def backward(self, grad_output: Tensor | None, *grad_state: Tensor) -> Any:
        steps = self.saved["steps"]
        grads = self._complete(steps[-1], grad_state)
        grad_x = []
        for t in reversed(range(len(steps))):
            if self._is_cut(t + 1):
                grads = self._complete(steps[t], ())
            if grad_output is not None:
                grads = (grads[0] + grad_output[t], *grads[1:])
            grad_x_t, *grads = as_tuple(steps[t].backward(*grads))
            grad_x.append(grad_x_t)
        stacked = None if grad_x[0] is None else torch.stack(grad_x[::-1])
        return (stacked, *grads) if grads else stacked

    def _is_cut(self, t: int) -> bool:
        """Whether no gradient flows from step t back to the step before it."""
        return self.truncate is not None and t % self.truncate == 0 and t < len(self.saved["steps"])

    @staticmethod
    def _complete(step: Module, grads: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The gradients of a step's state, zero where none came."""
        like = next(step.parameters()).value
        return (
            *grads,
            *(like.new_zeros(shape) for shape in step.output_shapes[len(grads) :] if shape is not None),
        )

    def graph(self, steps: int) -> Graph:
        """The loop as a Graph for looking at.

        It reads x1, x2, … and the first state, and gives h1, h2, … and the last state.

        It shares the cell's parameters; a gradient flows through all of it.
        """
        first, *others = states = self.cell.input_names()[1:]
        times = range(1, steps + 1)
        outputs = (*(f"{first}{t}" for t in times), *(f"{name}{steps}" for name in others))
        graph = Graph(*(f"x{t}" for t in times), *(f"{name}0" for name in states), outputs=outputs)
        for t in times:
            before, after = (tuple(f"{name}{when}" for name in states) for when in (t - 1, t))
            name = after[0] if len(after) == 1 else f"step {t}"
            graph.add(name, self.cell.share(), f"x{t}", *before, outputs=after)
        return graph

    def extra_repr(self) -> str:
        return f"truncate={self.truncate}"
