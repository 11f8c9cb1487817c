"""The operators: each takes a node of a backward's tree and gives what may stand there instead."""

from benchmarks.strength.operators import choices, gradients, indices, products, readings, sums  # noqa: F401 - they register
from benchmarks.strength.trees import OPERATORS, New

# last: where another makes the same change, that one's name says more
OPERATORS["drop option"] = OPERATORS.pop("drop option")

__all__ = ["OPERATORS", "New"]
