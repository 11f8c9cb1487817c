"""Correct variants, written by hand: layers with parameters."""
# ruff: noqa: D101, D102 - what each class does otherwise is said beside it, in by_hand
# pyright: reportOptionalMemberAccess=false, reportArgumentType=false, reportOptionalOperand=false

import torch
import torch.nn.functional as F

from benchmarks.strength._variant import by_hand
from course import modules as library
from course.module import Example, Module, Parameter


@by_hand("einsum, gradients added out of place")
class LinearByEinsum(library.Linear):
    def backward(self, grad_output):
        self.weight.grad = self.weight.grad + torch.einsum("...o,...i->oi", grad_output, self.saved["x"])
        if self.bias is not None:
            self.bias.grad = self.bias.grad + torch.einsum("...o->o", grad_output)
        return torch.einsum("...o,oi->...i", grad_output, self.weight.value)


@by_hand("a loop over rows, outer products")
class LinearByRows(library.Linear):
    def backward(self, grad_output):
        x, grad = self.saved["x"], torch.empty_like(self.saved["x"])
        rows = zip(grad_output.flatten(0, -2), x.flatten(0, -2), grad.flatten(0, -2), strict=True)
        for g, row, target in rows:
            self.weight.grad += torch.outer(g, row)
            if self.bias is not None:
                self.bias.grad += g
            torch.mv(self.weight.value.T, g, out=target)
        return grad


@by_hand("a loop over single numbers", 0, 1, 3)
class LinearByNumbers(library.Linear):
    def backward(self, grad_output):
        x, grad = self.saved["x"], torch.zeros_like(self.saved["x"])
        for n in range(x.shape[0]):
            for o in range(self.out_features):
                if self.bias is not None:
                    self.bias.grad[o] += grad_output[n, o]
                for i in range(self.in_features):
                    grad[n, i] += grad_output[n, o] * self.weight.value[o, i]
                    self.weight.grad[o, i] += grad_output[n, o] * x[n, i]
        return grad


@by_hand("everything transposed: views that are not contiguous")
class LinearTransposed(library.Linear):
    def backward(self, grad_output):
        columns = self.saved["x"].reshape(-1, self.in_features).T
        self.weight.grad = (self.weight.grad.T + columns @ grad_output.reshape(-1, self.out_features)).T
        if self.bias is not None:
            self.bias.grad = self.bias.grad + grad_output.reshape(-1, self.out_features).T.sum(1)
        return (self.weight.value.T @ grad_output.mT).mT


@by_hand("the bias as one more column")
class LinearWithOnes(library.Linear):
    def backward(self, grad_output):
        rows, g = self.saved["x"].reshape(-1, self.in_features), grad_output.reshape(-1, self.out_features)
        joined = g.T @ torch.cat([rows, torch.ones_like(rows[:, :1])], dim=1)
        self.weight.grad += joined[:, :-1]
        if self.bias is not None:
            self.bias.grad += joined[:, -1]
        return F.linear(grad_output, self.weight.value.T)


@by_hand("weights stored as in × out, in a class of its own")
class _LinearByColumns(Module):
    def __init__(self, in_features, out_features, *, rng=None):
        self.matrix = Parameter.uniform((in_features, out_features), 1.0, rng)
        self.shift = Parameter.uniform((1, out_features), 1.0, rng)

    def forward(self, x):
        self.save(x=x)
        return x @ self.matrix.value + self.shift.value

    def backward(self, grad_output):
        self.matrix.grad += self.saved["x"].T @ grad_output
        self.shift.grad += grad_output.sum(0, keepdim=True)
        return grad_output @ self.matrix.value.T

    @classmethod
    def examples(cls, rng, scale=1):
        x = torch.randn(4 * scale, 3, generator=rng, device=rng.device)
        yield Example(
            cls(3, 2, rng=rng), (x,), reference=lambda m, x: torch.addmm(m.shift.value, x, m.matrix.value)
        )


@by_hand("a loop over outputs, one matrix each")
class BilinearByOutput(library.Bilinear):
    def backward(self, grad_output):
        x1, x2 = self.saved["x1"], self.saved["x2"]
        grad1, grad2 = torch.zeros_like(x1), torch.zeros_like(x2)
        for o, matrix in enumerate(self.weight.value):
            g = grad_output[:, o : o + 1]
            grad1 += g * (x2 @ matrix.T)
            grad2 += g * (x1 @ matrix)
            self.weight.grad[o] += (g * x1).T @ x2
            if self.bias is not None:
                self.bias.grad[o] += g.sum()
        return grad1, grad2


@by_hand("a loop over positions")
class EmbeddingByLoop(library.Embedding):
    def backward(self, grad_output):
        index = self.saved["index"]
        for place, row in zip(
            index.flatten().tolist(), grad_output.reshape(-1, self.embedding_dim), strict=True
        ):
            self.weight.grad[place] += row


@by_hand("one-hot matrix product, out of place")
class EmbeddingByOneHot(library.Embedding):
    def backward(self, grad_output):
        hot = F.one_hot(self.saved["index"].flatten(), self.num_embeddings).to(grad_output)
        self.weight.grad = self.weight.grad + hot.T @ grad_output.flatten(0, -2)


@by_hand("index_put_ that accumulates")
class EmbeddingByIndexPut(library.Embedding):
    def backward(self, grad_output):
        self.weight.grad.index_put_((self.saved["index"],), grad_output, accumulate=True)


@by_hand("the scaled mask saved", 0, 1, 3)
class DropoutWithFactor(library.Dropout):
    def forward(self, x):
        out = super().forward(x)
        kept = self.saved["kept"]
        self.save(factor=1.0 if kept is None else kept.to(x) / (1 - self.p))
        return out

    def backward(self, grad_output):
        return self.saved["factor"] * grad_output


@by_hand("masked_fill, then a division", 0, 1)
class DropoutByFill(library.Dropout):
    def backward(self, grad_output):
        return grad_output.masked_fill(~self.saved["kept"], 0) / (1 - self.p)


@by_hand("einsum")
class FiLMByEinsum(library.FiLM):
    def backward(self, grad_output):
        x, gamma = self.saved["x"], self.saved["gamma"]
        grad_gamma = torch.einsum("nc...,nc...->nc...", grad_output, x)
        axes = tuple(range(2, x.dim()))
        collected = (
            (grad_gamma.sum(axes), grad_output.sum(axes)) if axes else (grad_gamma, grad_output.clone())
        )
        return torch.einsum("nc...,nc->nc...", grad_output, gamma), *collected


@by_hand("a loop over centers")
class RadialBasisByCenter(library.RadialBasis):
    def forward(self, x):
        self.save(x=x)
        hidden = [
            torch.exp(-b * (x - c).square().sum(1))
            for c, b in zip(self.centers.value, self.beta.value, strict=True)
        ]
        return torch.stack(hidden, 1) @ self.weight.value.T

    def backward(self, grad_output):
        x, grad = self.saved["x"], torch.zeros_like(self.saved["x"])
        for k, (center, beta) in enumerate(zip(self.centers.value, self.beta.value, strict=True)):
            offset = x - center
            squared = (offset**2).sum(1)
            hidden = torch.exp(-beta * squared)
            self.weight.grad[:, k] += (grad_output * hidden[:, None]).sum(0)
            g = (grad_output @ self.weight.value[:, k]) * hidden
            self.beta.grad[k] -= g @ squared
            self.centers.grad[k] += 2 * beta * (g @ offset)
            grad -= 2 * beta * g[:, None] * offset
        return grad
