"""The mistakes that have a name, and what a diagnosis says."""

from dataclasses import dataclass

import numpy as np

MISTAKES = {
    "broadcast not reduced": "what was broadcast in forward is not summed in backward",
    "mean for sum": "a mean stands where a sum belongs",
    "sum for mean": "a sum stands where a mean belongs",
    "missing 1/N": "forward divides by N, backward does not",
    "double 1/N": "backward divides by N once more than forward",
    "inverse 1/N": "backward multiplies with N where forward divides by it",
    "upstream ignored": "grad_output is not used",
    "local derivative ignored": "grad_output is handed on as it came",
    "overwritten": "a gradient is assigned where it must be added",
    "path lost": "one of the paths from the input to the output is left out",
    "wrong order": "a node of the graph runs before its whole gradient has arrived",
    "missing transpose": "a matrix enters untransposed where its transpose belongs, or the other way round",
    "transposed": "the result is transposed",
    "diagonal only": "each output is treated as if it depended on its own input only",
    "constant statistics": "a sum, mean or maximum over the data is treated as a constant",
    "input for output": "the input is used where the output belongs",
    "output for input": "the output is used where the input belongs",
    "sign": "the sign is wrong",
    "mask missing": "the mask of forward is not applied",
    "mask scale missing": "the scale of the mask is not applied",
    "other formula": "this is the gradient of another function",
    "ties routed twice": "of several equal largest numbers, each gets the whole gradient",
    "saved changed": "something that forward saved, or grad_output, is changed in place",
    "zero gradient": "the gradient is zero or was never added",
    "swapped gradients": "the gradients of two inputs are exchanged",
    "missing factor": "a factor of the chain rule is left out",
    "extra factor": "a factor is multiplied once too often",
    "constant factor": "the gradient is a constant multiple of the true one",
    "wrong in places": "the gradient is right but for some rows, columns or steps",
}
"""By name, each mistake in half a sentence."""


@dataclass(frozen=True)
class Diagnosis:
    """A mistake that explains what was seen exactly: its name in MISTAKES, a sentence for this case, and how sure this is."""

    name: str
    what: str
    confidence: float
    """From 0 to 1: low where few numbers had to agree, or where another mistake would have looked the same."""

    @property
    def sentence(self) -> str:
        """What a report says."""
        sure = "Likely" if self.confidence >= 0.8 else "Perhaps"
        return f"{sure}: {self.what}"


@dataclass(frozen=True)
class Hypothesis:
    """What the gradient would be if a certain mistake had been made."""

    name: str
    what: str
    predicted: np.ndarray
    prior: float = 0.95
    """How sure an exact agreement would make us."""
