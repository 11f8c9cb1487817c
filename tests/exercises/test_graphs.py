"""Assignment 01's graph: what the text promises, each promise in a case of its own."""

import pytest
import torch

from course import Graph
from course.exercises import find_exercise
from course.exercises.grading import grade


def answer(*, skip=True, unread="zeros", one="tensor", in_place=False):
    class MyGraph(Graph):
        def backward(self, grad_output):
            grads = {self.outputs[0]: grad_output}
            for node in reversed(self.nodes.values()):
                if skip and node.name not in grads:
                    continue
                returned = node.module.backward(grads[node.name])
                for name, grad in zip(
                    node.reads, returned if isinstance(returned, tuple) else (returned,), strict=True
                ):
                    if in_place and name in grads:
                        grads[name] += grad
                    else:
                        grads[name] = grads[name] + grad if name in grads else grad
            if unread == "zeros":
                of_inputs = tuple(grads.get(n, torch.zeros_like(self.values[n])) for n in self.inputs)
            elif unread == "none":
                of_inputs = tuple(map(grads.get, self.inputs))
            else:
                of_inputs = tuple(grads[name] for name in self.inputs)
            return of_inputs if len(of_inputs) > 1 or one == "tuple" else of_inputs[0]

    return MyGraph


def test_a_right_answer_gets_all_points():
    assert grade(find_exercise("graph"), answer()).complete


@pytest.mark.parametrize(
    ("options", "case"),
    [
        ({"skip": False}, "a node that leads nowhere"),
        ({"unread": "none"}, "an input that is not read"),
        ({"unread": "error"}, "an input that is not read"),
        ({"one": "tuple"}, "one input"),
        ({"in_place": True}, "a value that is added again"),
    ],
)
def test_each_promise_of_the_text_is_asked_for(options, case):
    score = grade(find_exercise("graph"), answer(**options))
    assert [part.name for part in score.verdicts if not part.passed] == [case]
