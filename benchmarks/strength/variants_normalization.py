"""Correct variants, written by hand: normalization."""
# ruff: noqa: D101, D102 - what each class does otherwise is said beside it, in by_hand
# pyright: reportOptionalMemberAccess=false, reportArgumentType=false, reportOptionalOperand=false

import torch
from torch import Tensor

from benchmarks.strength._variant import by_hand
from course import modules as library


@by_hand("through the gradients of variance and mean")
class LayerNormByStages(library.LayerNorm):
    def forward(self, x):
        axes = tuple(range(-len(self.normalized_shape), 0))
        centered = x - x.mean(axes, keepdim=True)
        variance = centered.square().mean(axes, keepdim=True)
        self.save(centered=centered, variance=variance, axes=axes)
        out = centered / torch.sqrt(variance + self.eps)
        out = out if self.weight is None else out * self.weight.value
        return out if self.bias is None else out + self.bias.value

    def backward(self, grad_output):
        centered, spread, axes = self.saved["centered"], self.saved["variance"] + self.eps, self.saved["axes"]
        examples = tuple(range(grad_output.dim() - len(axes)))
        if self.weight is not None:
            self.weight.grad += (grad_output * centered / spread.sqrt()).sum(examples)
        if self.bias is not None:
            self.bias.grad += grad_output.sum(examples)
        g = grad_output if self.weight is None else grad_output * self.weight.value
        n = centered[0].numel() if len(axes) == centered.dim() - 1 else centered.shape[-1]
        grad_variance = (g * centered).sum(axes, keepdim=True) * -0.5 * spread**-1.5
        grad_centered = g / spread.sqrt() + grad_variance * 2 * centered / n
        grad_mean = -grad_centered.sum(axes, keepdim=True)
        return grad_centered + grad_mean / n


@by_hand("full Jacobian of every example", 0, 2, 3)
class LayerNormByJacobian(library.LayerNorm):
    def backward(self, grad_output):
        x, n = self.saved["x"], self.normalized_shape[0]
        r = (x.var(-1, unbiased=False, keepdim=True) + self.eps).rsqrt()
        normalized = (x - x.mean(-1, keepdim=True)) * r
        g = grad_output
        if self.weight is not None:
            self.weight.grad = self.weight.grad + torch.einsum("...i,...i->i", g, normalized)
            g = g @ torch.diag(self.weight.value)
        if self.bias is not None:
            self.bias.grad = self.bias.grad + torch.einsum("...i->i", grad_output)
        identity = torch.eye(n, dtype=x.dtype, device=x.device)
        jacobian = identity - 1 / n - normalized[..., :, None] * normalized[..., None, :] / n
        return r * torch.einsum("...i,...ij->...j", g, jacobian)


@by_hand("product rule of x and its scale")
class RMSNormByProductRule(library.RMSNorm):
    def backward(self, grad_output):
        normalized, scale = self.saved["normalized"], self.saved["scale"]
        x, g = normalized / scale, grad_output
        features = tuple(range(-len(self.normalized_shape), 0))
        if self.weight is not None:
            examples = tuple(range(x.dim() - len(features)))
            self.weight.grad = self.weight.grad + (g * normalized).sum(examples)
            g = g * self.weight.value
        grad_scale = (g * x).sum(features, keepdim=True)
        count = self.weight.value.numel() if self.weight is not None else x.shape[-1]
        grad_mean = grad_scale * -0.5 * scale**3  # scale = (mean + ε)^(−½)
        return g * scale + grad_mean * 2 * x / count


@by_hand("channel by channel, step by step", 0, 2)
class BatchNormByChannel(library.BatchNorm1d):
    def backward(self, grad_output):
        x, grad = self.saved["x"], torch.empty_like(self.saved["x"])
        for c in range(self.num_features):
            column, g = x[:, c], grad_output[:, c]
            centered = column - column.mean()
            deviation = (centered.square().mean() + self.eps).sqrt()
            if self.weight is not None:
                self.weight.grad[c] += (g * centered / deviation).sum()
                g = g * self.weight.value[c]
            if self.bias is not None:
                self.bias.grad[c] += grad_output[:, c].sum()
            grad_deviation = -(g * centered).sum() / deviation**2
            grad_centered = g / deviation + grad_deviation / deviation * centered / len(column)
            grad[:, c] = grad_centered - grad_centered.mean()
        return grad


@by_hand("images as rows of channels", 0, 1, 2)
class BatchNormByRows(library.BatchNorm2d):
    def backward(self, grad_output):
        rows, g = (t.movedim(1, -1).flatten(0, -2) for t in (self.saved["x"], grad_output))
        n = len(rows)
        r = 1 / torch.sqrt(rows.var(0, unbiased=False) + self.eps)
        normalized = (rows - rows.mean(0)) * r
        if self.weight is not None:
            self.weight.grad += (g * normalized).sum(0)
            r = r * self.weight.value
        if self.bias is not None:
            self.bias.grad += g.sum(0)
        grad = r / n * (n * g - g.sum(0) - normalized * (g * normalized).sum(0))
        batch, channels, height, width = grad_output.shape
        return grad.view(batch, height, width, channels).permute(0, 3, 1, 2)


@by_hand("a loop over examples and groups")
class GroupNormByGroup(library.GroupNorm):
    def backward(self, grad_output):
        x, grad = self.saved["x"], torch.empty_like(self.saved["x"])
        size = self.num_channels // self.num_groups
        for n in range(len(x)):
            for first in range(0, self.num_channels, size):
                here = slice(first, first + size)
                part, g = x[n, here], grad_output[n, here]
                r = (part.var(unbiased=False) + self.eps).rsqrt()
                normalized = r * (part - part.mean())
                if self.weight is not None:
                    self.weight.grad[here] += (g * normalized).flatten(1).sum(1)
                    if self.bias is not None:
                        self.bias.grad[here] += g.flatten(1).sum(1)
                    g = g * self.weight.value[here].view(-1, *[1] * (g.dim() - 1))
                grad[n, here] = r * (g - g.mean() - normalized * (g * normalized).mean())
        return grad


def along(dim: int, grad: Tensor, *tensors: Tensor) -> list[Tensor]:
    """Views with the axis `dim` last."""
    return [tensor.movedim(dim, -1) for tensor in (grad, *tensors)]


@by_hand("projection matrix I − a aᵀ", 0, 1)
class L2NormalizeByMatrix(library.L2Normalize):
    def backward(self, grad_output):
        g, a, norm = along(self.dim, grad_output, self.saved["out"], self.saved["norm"])
        projection = (
            torch.eye(a.shape[-1], dtype=a.dtype, device=a.device) - a[..., :, None] * a[..., None, :]
        )
        return ((g[..., None, :] @ projection)[..., 0, :] / norm).movedim(-1, self.dim)


@by_hand("quotient rule from the input", 0, 1)
class L1NormalizeByQuotientRule(library.L1Normalize):
    def forward(self, x):
        self.save(x=x)
        return x / x.abs().sum(self.dim, keepdim=True)

    def backward(self, grad_output):
        x = self.saved["x"]
        norm = x.abs().sum(self.dim, keepdim=True)
        grad_norm = -(grad_output * x).sum(self.dim, keepdim=True) / norm**2
        return grad_output / norm + grad_norm * torch.where(x > 0, 1.0, -1.0)
