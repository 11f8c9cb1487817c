"""What the modules share that would leave a short dtype's range, or its digits, on the way to the output."""

import torch
from torch import Tensor


def at_least_float32(x: Tensor) -> Tensor:
    """x, in float32 if its own dtype is shorter, as torch's kernels compute inside; else x itself.

    The square of 256 is more than float16 holds, and the mean of many numbers more than its digits.
    """
    return x.to(torch.promote_types(x.dtype, torch.float32))
