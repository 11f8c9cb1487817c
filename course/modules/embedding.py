"""A table of vectors: looks up the row for each whole number."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Generator, Tensor

from course.device import device
from course.module import Example, Module, Parameter


class Embedding(Module):
    """a = W[index]: one row of `weight` (num_embeddings × embedding_dim) for every number in `index`.

    The row `padding_idx` starts at zero and gets no gradient. With a max_norm, rows that are looked up and
    longer (in the p-norm, p = `norm_type`) are first shortened to it, in place. With scale_grad_by_freq=True
    a row's gradient is divided by how often its number occurs.

    With G = ∂L/∂a (lecture 13): ∂L/∂W[k] = Σ G over all places where the index is k; the index, a whole
    number, has none.

    Raises:
        ValueError: a padding_idx outside the table.
        IndexError: an index outside the table; names it.
    """

    formula = r"a = W_{\mathrm{index}}"
    source = "Bengio, Ducharme, Vincent, Jauvin: A neural probabilistic language model, JMLR 3 (2003)"
    lecture = 13
    counterpart = "torch.nn.Embedding"

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        *,
        rng: Generator | None = None,
    ) -> None:
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise ValueError(
                f"Embedding: padding_idx={padding_idx} is outside a table of {num_embeddings} rows"
            )
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.padding_idx = None if padding_idx is None else padding_idx % num_embeddings
        self.max_norm, self.norm_type, self.scale_grad_by_freq = max_norm, norm_type, scale_grad_by_freq
        home = device() if rng is None else rng.device
        self.weight = Parameter(
            torch.empty(num_embeddings, embedding_dim, device=home).normal_(generator=rng)
        )
        if self.padding_idx is not None:
            self.weight.value[self.padding_idx] = 0

    def forward(self, index: Int[Tensor, "*shape"]) -> Float[Tensor, "*shape embedding_dim"]:
        index = index.long()  # torch looks up with no other whole numbers than int32 and int64
        outside = (index < 0) | (index >= self.num_embeddings)
        if outside.any():
            wrong = f"argument 'index' holds {index[outside][0].item()}"
            raise IndexError(
                f"Embedding: {wrong}, expected whole numbers from 0 to {self.num_embeddings - 1}"
            )
        if self.max_norm is not None:
            self._shorten(index, self.max_norm)
        self.save(index=index)
        return self.weight.value[index]

    def backward(self, grad_output: Float[Tensor, "*shape embedding_dim"]) -> None:
        index = self.saved["index"].reshape(-1)
        grad = grad_output.reshape(-1, self.embedding_dim)
        if self.scale_grad_by_freq:
            grad = grad / torch.bincount(index, minlength=self.num_embeddings)[index, None].to(grad)
        if self.padding_idx is not None:
            grad = grad.masked_fill((index == self.padding_idx)[:, None], 0)
        self.weight.grad.index_add_(0, index, grad)

    def _shorten(self, index: Tensor, max_norm: float) -> None:
        rows = index.unique()
        with torch.no_grad():  # as in torch, the gradient knows nothing of the shortening
            norms = self.weight.value[rows].norm(self.norm_type, dim=1, keepdim=True)
            factor = torch.where(norms > max_norm, max_norm / (norms + 1e-7), 1.0)  # torch's 1e-7
            self.weight.value[rows] *= factor

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        index = torch.randint(4, (2 * scale, 3), generator=rng, device=rng.device)
        yield Example(
            cls(4, 2, rng=rng), (index,), reference=lambda m, index: F.embedding(index, m.weight.value)
        )
        by_one_hot = lambda m, index: F.one_hot(index, 4).to(m.weight.value) @ m.weight.value  # noqa: E731
        yield Example(cls(4, 2, rng=rng), (index[0],), reference=by_one_hot, label="one sequence")
        # each once and none the padding: what those two options do elsewhere is, on purpose, not the gradient
        names = torch.tensor([3, 0, 4], device=rng.device)
        padded = cls(5, 2, padding_idx=-4, scale_grad_by_freq=True, rng=rng)
        by_name = lambda m, index: torch.stack([m.weight.value[int(i)] for i in index])  # noqa: E731
        yield Example(padded, (names,), reference=by_name, label="padding and frequencies")
