"""Graph.backward of the students' edition: torch's engine decides when a node's backward runs, and sums."""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from course.fallback import require_fallback
from course.modes import falling_back
from course.module import as_tuple

if TYPE_CHECKING:
    from course.containers.graph import Graph, Node


def backward(self: "Graph", *grad_outputs: Tensor) -> Any:
    """∂L/∂input for each input; `grads` gets the gradient of every value."""
    require_fallback(self)
    self.grads = {}
    with torch.enable_grad():
        leaves = {name: _leaf(self.values[name]) for name in self.inputs}
        # read by every node, so that one that reads only whole numbers runs, too
        always = torch.ones((), requires_grad=True)
        values = dict(leaves)
        for node in self.nodes.values():
            values.update(
                zip(node.outputs, _Step.apply(self, node, always, *self.inputs_of(node, values)), strict=True)
            )
    pairs = [(values[name], grad) for name, grad in zip(self.outputs, grad_outputs, strict=True)]
    moving = {name: leaf for name, leaf in leaves.items() if leaf.requires_grad}
    with falling_back(self):
        gradients = torch.autograd.grad(
            [value for value, grad in pairs if grad is not None and value.requires_grad],
            [*moving.values(), always],
            [grad for value, grad in pairs if grad is not None and value.requires_grad],
            allow_unused=True,
            materialize_grads=True,
        )
    self.grads |= dict(zip(moving, gradients, strict=False))
    grads = tuple(self.grads.get(name) for name in self.inputs)
    return grads[0] if len(grads) == 1 else grads


class _Step(torch.autograd.Function):
    """One node, for torch's engine.

    Its outputs are what forward computed, its gradients what its module's backward gives.
    """

    @staticmethod
    def forward(ctx: Any, graph: "Graph", node: "Node", *_: Tensor) -> tuple[Tensor, ...]:
        """The node's outputs, as tensors of their own."""
        ctx.graph, ctx.node = graph, node
        ctx.set_materialize_grads(False)
        outputs = tuple(graph.values[name].detach() for name in node.outputs)
        ctx.mark_non_differentiable(*(output for output in outputs if not output.is_floating_point()))
        return outputs

    @staticmethod
    def backward(ctx: Any, *arriving: Tensor | None) -> tuple[Tensor | None, ...]:
        """The gradient for each read; none where none arrives."""
        graph, node = ctx.graph, ctx.node
        if all(grad is None for grad in arriving):
            return (None,) * (3 + len(node.reads))
        whole = [
            torch.zeros_like(graph.values[name]) if grad is None else grad
            for name, grad in zip(node.outputs, arriving, strict=True)
        ]
        graph.grads.update(zip(node.outputs, whole, strict=True))
        with falling_back(None):  # the module's own backward may be anyone's
            return None, None, None, *as_tuple(node.module.backward(*whole))


def _leaf(value: Tensor) -> Tensor:
    return value.detach().requires_grad_() if value.is_floating_point() else value
