"""How long the gradient is on its way back through a deep chain of Linear and activation."""

from functools import lru_cache

import torch
from torch import Tensor

from course.containers.chain import Chain
from course.device import device, generator
from course.figures.saturation import ACTIVATIONS
from course.module import Module
from course.modules import Linear

WIDTH, BATCH = 64, 16
INITIALIZATIONS = {"small": 0.01, "Xavier": WIDTH**-0.5, "He": (2 / WIDTH) ** 0.5}
"""Standard deviation of the weights by name; biases are 0.

Sources: 0.01 Krizhevsky, Sutskever, Hinton: ImageNet classification with deep convolutional neural networks,
NIPS (2012); Xavier Glorot, Bengio: Understanding the difficulty of training deep feedforward neural networks,
AISTATS (2010), with as many inputs as outputs; He, Zhang, Ren, Sun: Delving deep into rectifiers, ICCV
(2015).
"""


def deep_chain(activation: str, initialization: str, depth: int, scale: float, seed: int) -> Chain:
    """`depth` times Linear and activation, in float64, so that what vanishes can still be told from zero."""
    modules: list[Module] = []
    for layer in range(depth):
        linear = Linear(WIDTH, WIDTH, bias=False)
        linear.weight.value = scale * INITIALIZATIONS[initialization] * _normal(layer, seed)
        modules += [linear, ACTIVATIONS[activation]()]
    return Chain(*modules)


@lru_cache(maxsize=256)
def _normal(layer: int, seed: int) -> Tensor:
    """The numbers behind the weight of one layer, the same whatever their scale."""
    rng = generator(1000 * seed + layer)
    return torch.randn(WIDTH, WIDTH, generator=rng, device=device(), dtype=torch.float64)


def gradient_norms(
    activation: str, initialization: str, depth: int, scale: float = 1.0, seed: int = 0
) -> list[float]:
    """‖∂L/∂x_l‖ of the input x_l of each layer l = 1 … depth, then of the chain's output, where it is 1."""
    chain = deep_chain(activation, initialization, depth, scale, seed)
    rng = generator(1000 * seed + 999)
    x, grad = (
        torch.randn(BATCH, WIDTH, generator=rng, device=device(), dtype=torch.float64) for _ in range(2)
    )
    chain(x)
    grad = grad / grad.norm()
    norms = [grad.norm()]
    # as Chain.backward does, looking at each gradient on the way
    for position in reversed(range(len(chain))):
        grad = chain[position].backward(grad)
        if position % 2 == 0:
            norms.append(grad.norm())
    return torch.stack(norms[::-1]).tolist()
