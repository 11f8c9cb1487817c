"""Cross-entropy on probabilities: the logarithm of what was predicted, weighted by what is true."""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example
from course.modules._loss import _Loss
from course.modules._reduction import grad_of_losses, reduce

# torch.nn.BCELoss's bounds: an impossible event that happens costs 100 rather than infinity,
LEAST_LOG = -100.0
LEAST_PROBABILITY = 1e-12  # and its gradient is finite, too


class LogLoss(_Loss):
    """L_i = −Σ_c y_{ic} log p_{ic}.

    x holds probabilities p and target a distribution y over the classes, the last axis.

    The mean over all rows i by default, with `reduction` their sum or each by itself. log p is at least −100,
    so that 0 · log 0 = 0.

    With g_i = ∂L/∂L_i, which is g/n for a mean over n rows (lecture 07):
        ∂L/∂p_{ic} = −g_i y_{ic} / p_{ic}    ∂L/∂y_{ic} = −g_i log p_{ic}
    where the division is by at least 1e-12. Joined with softmax, as in CrossEntropyLoss, no such bounds are
    needed.
    """

    formula = r"L_i = -\sum_c y_{ic} \log p_{ic}"
    source = "Bishop: Pattern Recognition and Machine Learning (2006), section 4.3.4"
    lecture = 7

    def forward(
        self, x: Float[Tensor, "*batch classes"], target: Float[Tensor, "*batch classes"]
    ) -> Float[Tensor, "*batch"] | Float[Tensor, ""]:
        log_p = x.log().clamp(min=LEAST_LOG)
        self.save(x=x, target=target, log_p=log_p)
        return reduce(-(target * log_p).sum(dim=-1), self.reduction)

    def backward(
        self, grad_output: Float[Tensor, "*loss_shape"]
    ) -> tuple[Float[Tensor, "*batch classes"], Float[Tensor, "*batch classes"]]:
        x, target, log_p = self.saved["x"], self.saved["target"], self.saved["log_p"]
        grad_rows = grad_of_losses(grad_output, self.reduction, x.shape[:-1].numel()).unsqueeze(-1)
        return -grad_rows * target / x.clamp(min=LEAST_PROBABILITY), -grad_rows * log_p

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 4 * scale, 3).softmax(dim=-1)
        target = randn(rng, 4 * scale, 3).softmax(dim=-1)
        one_hot = torch.eye(3, device=rng.device)[torch.arange(4 * scale, device=rng.device) % 3]
        each = lambda m, x, target: -torch.xlogy(target, x).sum(dim=-1)  # noqa: E731
        yield Example(
            cls(), (x, target), reference=lambda m, x, target: each(m, x, target).mean(), label="mean"
        )
        yield Example(
            cls("sum"), (x, target), reference=lambda m, x, target: each(m, x, target).sum(), label="sum"
        )
        yield Example(cls("none"), (x, one_hot), reference=each, label="none, one true class")
        single = (x[0], target[0])
        yield Example(cls(), single, reference=each, label="a single distribution")
