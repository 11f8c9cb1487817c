"""Wrong gradients of a linear map: what is summed over, which factor, which way round."""

import torch

from course.modules import Linear
from tests.checking.slips.wrong import Wrong, parametrize, rand


def of_weight(backward, name, words):
    def whole(self, g):
        self.weight.grad = self.weight.grad + backward(g, self.saved["x"], self.weight.value)
        self.bias.grad += g.sum(0)
        return g @ self.weight.value

    return Wrong(Linear, [rand(5, 3)], whole, {"weight": (name, words)}, (3, 4))


def of_bias(backward, name, words):
    def whole(self, g):
        self.weight.grad += g.T @ self.saved["x"]
        self.bias.grad = self.bias.grad + backward(g, self.bias.value)
        return g @ self.weight.value

    return Wrong(Linear, [rand(5, 3)], whole, {"bias": (name, words)}, (3, 4))


def of_x(backward, name, words):
    """A layer with as many inputs as outputs, where a matrix the wrong way round fits, too."""

    def whole(self, g):
        self.weight.grad += g.T @ self.saved["x"]
        self.bias.grad += g.sum(0)
        return backward(self, g)

    return Wrong(Linear, [rand(5, 3)], whole, {"x": (name, words)}, (3, 3))


def last(g, x):
    for i in range(len(x)):
        product = torch.outer(g[i], x[i])
    return product


@parametrize(
    of_weight(lambda g, x, w: last(g, x), "examples missing", "only the last example"),
    of_weight(lambda g, x, w: g[:-1].T @ x[:-1], "examples missing", "the last example is missing"),
    of_weight(
        lambda g, x, w: torch.outer(g.sum(0), x.sum(0)), "misplaced factor", "each summed over the examples"
    ),
    of_weight(lambda g, x, w: torch.ones_like(g).T @ x, "upstream ignored", "grad_output is not used"),
    of_weight(lambda g, x, w: g.T @ torch.ones_like(x), "missing factor", "x is left out"),
    of_weight(lambda g, x, w: g.T @ x + 0.01 * w, "extra term", "penalty"),
    of_weight(lambda g, x, w: g.T @ x / len(x) + 0.1 * w, "extra term", "the examples are averaged"),
    of_weight(lambda g, x, w: (g.T @ x) * w, "extra factor", "the weight itself"),
    of_weight(lambda g, x, w: g.T @ x.abs(), "sign", "the signs of x"),
    of_weight(lambda g, x, w: g[:, :, None] * x[:, None, :], "broadcast not reduced", "a place of its own"),
    of_bias(lambda g, b: g[0], "examples missing", "only the first example"),
    of_bias(lambda g, b: g[1:].sum(0), "examples missing", "the first example is missing"),
    of_bias(lambda g, b: torch.ones_like(b), "upstream ignored", "∂L/∂bias is 1"),
    of_bias(lambda g, b: g.sum().expand(4), "wrong axis", "over everything"),
    of_bias(lambda g, b: g.sum(0) * b, "extra factor", "the bias itself is multiplied"),
    of_bias(lambda g, b: g.sum(0, keepdim=True), "broadcast not reduced", "keepdim"),
    of_x(lambda self, g: g @ self.weight.value.T, "missing transpose", "turned the wrong way round"),
    of_x(lambda self, g: g @ self.weight.value + self.bias.value, "extra term", "added to the product"),
    of_x(lambda self, g: (g - self.bias.value) @ self.weight.value, "extra term", "before the product"),
    of_x(lambda self, g: g * self.weight.value.sum(0), "wrong axis", "number by number"),
    of_x(lambda self, g: g.mean(0, keepdim=True).expand_as(g) @ self.weight.value, "wrong axis", "averaged"),
    of_x(lambda self, g: g @ self.weight.value + g, "extra term", "way around"),
    of_x(lambda self, g: (g @ self.weight.value) * self.saved["x"], "extra factor", "x itself"),
)
def test_linear(wrong):
    wrong.check()
