"""What the batch normalizations share: a channel's statistics over a batch, and the gradient through them."""

import torch
import torch.nn.functional as F
from torch import Tensor

from course.device import device
from course.module import Buffer, Module, Parameter


class _BatchNorm(Module):
    """Normalization of each channel, axis 1, over the examples and all further axes.

    With n numbers x_i in a channel, their mean μ and variance σ² = Σ (x_i − μ)²/n, r = 1/√(σ² + ε) and x̂_i =
    r (x_i − μ), the output is a_i = γ x̂_i + β, and each x_i acts on it in three ways: by itself, through μ
    and through σ². With g_i = ∂L/∂a_i, the gradient ĝ_i = γ g_i arrives at x̂_i, and then (lecture 14)
        ∂L/∂σ² = Σ ĝ_i (x_i − μ) · (−½ r³) = −½ r² Σ ĝ_i x̂_i
        ∂L/∂μ = −r Σ ĝ_i                               (σ² does not change with μ, since Σ (x_i − μ) = 0)
        ∂L/∂x_i = r ĝ_i + ∂L/∂μ · 1/n + ∂L/∂σ² · 2 (x_i − μ)/n
                = r (ĝ_i − mean(ĝ) − x̂_i mean(ĝ x̂))
        ∂L/∂γ = Σ g_i x̂_i    ∂L/∂β = Σ g_i
    In eval mode μ and σ² are constants, the running ones, so that only the first way is left: ∂L/∂x_i = r
    ĝ_i.
    """

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        *,
        bias: bool = True,
    ) -> None:
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        ones, zeros = torch.ones(num_features, device=device()), torch.zeros(num_features, device=device())
        self.weight = Parameter(ones) if affine else None
        self.bias = Parameter(zeros) if affine and bias else None
        self.running_mean = Buffer(zeros.clone()) if track_running_stats else None
        self.running_var = Buffer(ones.clone()) if track_running_stats else None
        self.num_batches_tracked = Buffer(torch.tensor(0, device=device())) if track_running_stats else None

    def _normalize(self, x: Tensor) -> Tensor:
        """γ x̂ + β, with the batch's statistics when training, else the running ones if they are tracked."""
        of_batch = self.training or self.running_mean is None
        if of_batch and x.shape[0] * x.shape[2:].numel() == 1:
            given, cure = (
                f"x of shape {tuple(x.shape)} has one value per channel",
                ("pass more examples, or call eval()"),
            )
            raise ValueError(f"{type(self).__name__}: {given}, which has no variance: {cure}")
        weight, bias, mean, var = (
            None if held is None else held.value
            for held in (self.weight, self.bias, self.running_mean, self.running_var)
        )
        rate = self._count_batch() if self.training else 0.0
        if self.training and mean is not None and var is not None:
            # the kernel moves them by `rate`; an earlier forward may have saved the old
            mean, var = mean.clone(), var.clone()
        if x.numel() > 0:
            out, *statistics = torch.native_batch_norm(x, weight, bias, mean, var, of_batch, rate, self.eps)
        else:
            out, statistics = x.clone(), [x.new_zeros(self.num_features), x.new_ones(self.num_features)]
        if not of_batch and mean is not None and var is not None:
            statistics = [mean, (var + self.eps).rsqrt()]
        elif (
            self.running_mean is not None
            and self.running_var is not None
            and mean is not None
            and var is not None
        ):
            self.running_mean.value, self.running_var.value = mean, var
        self.save(x=x, mean=statistics[0], scale=statistics[1], of_batch=of_batch)
        return out

    def _count_batch(self) -> float:
        """How far the running statistics move.

        It is `momentum`, or 1/t at batch t, which makes them the average of all so far.
        """
        if self.num_batches_tracked is None:
            return 0.0
        self.num_batches_tracked.value = self.num_batches_tracked.value + 1
        return 1 / int(self.num_batches_tracked.value) if self.momentum is None else self.momentum

    def _grad_through_statistics(self, grad_output: Tensor) -> Tensor:
        """∂L/∂x = r (ĝ − mean(ĝ) − x̂ mean(ĝ x̂)), or only r ĝ when the statistics were constants."""
        x, mean, scale = self.saved["x"], self.saved["mean"], self.saved["scale"]
        axes, channel = [0, *range(2, x.dim())], [-1, *[1] * (x.dim() - 2)]
        normalized = (x - mean.view(channel)).mul_(scale.view(channel))
        grad_bias, grad_weight = grad_output.sum(axes), (grad_output * normalized).sum(axes)
        if self.weight is not None:
            self.weight.grad += grad_weight
            scale = scale * self.weight.value
        if self.bias is not None:
            self.bias.grad += grad_bias
        if not self.saved["of_batch"]:
            return grad_output * scale.view(channel)
        n = x.shape[0] * x.shape[2:].numel()
        grad = grad_output - (grad_bias / n).view(channel)
        return grad.addcmul_(normalized, (grad_weight / n).view(channel), value=-1).mul_(scale.view(channel))


def batch_norm_by_torch(m: _BatchNorm, x: Tensor) -> Tensor:
    """The same by torch, for examples: running statistics are left as they are."""
    weight, bias, mean, var = (
        None if held is None else held.value.clone()
        for held in (m.weight, m.bias, m.running_mean, m.running_var)
    )
    return F.batch_norm(x, mean, var, weight, bias, m.training or mean is None, m.momentum or 0.0, m.eps)
