"""Attention maps: torch's own attention and torch.autograd's gradients, and each matrix in its place."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from course.figures._matrix import shade
from course.figures.attention_maps import TOKENS, attention, attention_maps


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize(("token", "scale"), [(1, 0.5), (3, 1.7), (6, 0.1)])
def test_outputs_and_gradients_are_torchs(token, scale, causal):
    found = attention(token, scale, causal)
    with torch.enable_grad():
        query, key, value = (
            torch.tensor(x, requires_grad=True) for x in (found.query, found.key, found.value)
        )
        scores = scale * query @ key.T
        scores.retain_grad()
        mask = torch.ones(6, 6, dtype=torch.bool).tril() if causal else torch.ones(6, 6, dtype=torch.bool)
        weights = torch.softmax(scores.masked_fill(~mask, -torch.inf), -1)
        output = weights @ value
        output.backward(torch.tensor(found.grad_output))
    np.testing.assert_allclose(found.weights, weights.detach().cpu(), atol=1e-5)
    np.testing.assert_allclose(found.output, output.detach().cpu(), atol=1e-5)
    torchs = F.scaled_dot_product_attention(query, key, value, is_causal=causal, scale=scale)
    np.testing.assert_allclose(found.output, torchs.detach().cpu(), atol=1e-5)
    for name, leaf in (
        ("grad_query", query),
        ("grad_key", key),
        ("grad_value", value),
        ("grad_scores", scores),
    ):
        np.testing.assert_allclose(getattr(found, name), leaf.grad.cpu(), atol=1e-5, err_msg=name)


def test_the_values_get_the_gradient_in_shares_and_other_rows_of_the_scores_none():
    found = attention(3, 0.5, causal=False)
    arriving = found.grad_output[2]
    np.testing.assert_allclose(found.grad_value, np.outer(found.weights[2], arriving), atol=1e-6)
    others = np.delete(np.arange(6), 2)
    assert not found.grad_scores[others].any()
    assert not found.grad_query[others].any()
    assert found.grad_scores[2].sum() == pytest.approx(0, abs=1e-6)
    assert np.abs(found.grad_key).max(axis=1).min() > 0


def test_equal_words_are_read_alike():
    weights = attention(1, 0.5, causal=False).weights
    assert TOKENS[0] == TOKENS[4] == "the"
    np.testing.assert_allclose(weights[0], weights[4], atol=1e-6)
    np.testing.assert_allclose(weights[:, 0], weights[:, 4], atol=1e-6)


def test_a_sharp_softmax_hands_no_gradient_to_the_scores():
    norms = [np.linalg.norm(attention(6, scale, causal=False).grad_scores) for scale in (0.5, 1.0, 2.0, 4.0)]
    assert norms == sorted(norms, reverse=True)
    assert norms[-1] < 0.01 * norms[0]


def test_each_matrix_stands_in_its_place():
    figure = attention_maps(2, 0.5, causal=True)
    found = attention(2, 0.5, causal=True)
    images = {
        (round(i.get_extent()[0], 2), round(i.get_extent()[3], 2)): i.get_array()
        for i in figure.axes[0].images
    }
    assert len(images) == 10
    for place, name in ((0.75, "query"), (2.5, "key"), (8.75, "value"), (10.6, "output")):
        np.testing.assert_allclose(images[place, 1.35], shade(getattr(found, name)))
        np.testing.assert_allclose(images[place, 3.95], shade(getattr(found, f"grad_{name}")))
    future = np.triu(np.ones((6, 6), dtype=bool), 1)
    np.testing.assert_allclose(images[5.0, 1.35], shade(np.where(future, np.nan, found.weights), 1.0))
    np.testing.assert_allclose(images[5.0, 3.95], shade(np.where(future, np.nan, found.grad_scores)))


def test_the_title_tells_the_mixture():
    weights = attention(3, 0.5, causal=False).weights[2]
    title = attention_maps(3).axes[0].texts[0].get_text()
    assert title.startswith(
        f"“sat” reads {weights[2]:.2f} sat + {weights[0]:.2f} the + {weights[4]:.2f} the + …"
    )
    assert attention_maps(1, causal=True).axes[0].texts[0].get_text().startswith("“the” reads 1.00 the: ")


def test_an_unknown_token_is_refused():
    with pytest.raises(ValueError, match="tokens 1 to 6"):
        attention_maps(7)
