"""A photograph, and beside it what modules make of it: one map for each channel."""

from collections.abc import Mapping

from matplotlib import rc_context
from torch import Tensor

from course.data import photograph
from course.device import tensor
from course.figure import STYLE, Figure
from course.figures.registry import figure
from course.modules import Conv2d

GREY = (0.299, 0.587, 0.114)
"""How bright red, green and blue look. Source: Recommendation ITU-R BT.601."""
MIXTURES = {"brightness": GREY, "red − blue": (0.5, 0.0, -0.5)}


@figure(lecture=8)
def channel_maps(image: Tensor | None = None, maps: Mapping[str, Tensor] | None = None) -> Figure:
    """Draw an image of three channels, and maps of the same height and width, each on a scale of its own.

    Args:
        image: 3 × height × width, from 0 to 1; None: a photograph.
        maps: height × width by name; None: two mixtures of the image's channels, computed by a 1 × 1
            convolution.
    """
    image = photograph("flower", shrink=4) if image is None else image
    if image.dim() != 3 or image.shape[0] != 3:
        raise ValueError(f"the image has shape {tuple(image.shape)}, expected 3 × height × width")
    maps = mixtures(image) if maps is None else maps
    for name, pixels in maps.items():
        if pixels.shape != image.shape[1:]:
            size = f"{tuple(pixels.shape)}, the image is {tuple(image.shape[1:])}"
            raise ValueError(f"the map '{name}' has shape {size}: give one number for each pixel")
    with rc_context({**STYLE, "axes.grid": False}):
        columns = 1 + len(maps)
        width = 12.0
        figure = Figure(
            _describe(image, maps),
            width=width,
            height=width / columns * image.shape[1] / image.shape[2] + 0.55,
        )
        panels = figure.subplots(1, columns, squeeze=False)[0]
        panels[0].imshow(image.permute(1, 2, 0).clamp(0, 1).cpu().numpy())
        panels[0].set_title("the image")
        for axes, (name, pixels) in zip(panels[1:], maps.items(), strict=True):
            axes.imshow(pixels.cpu().numpy(), cmap="gray")
            axes.set_title(name)
        for axes in panels:
            axes.axis("off")
    return figure


def mixtures(image: Tensor) -> dict[str, Tensor]:
    """What a 1 × 1 convolution makes of an image's channels: at every pixel the same weighted sums."""
    convolution = Conv2d(3, len(MIXTURES), 1, bias=False)
    weight = tensor(list(MIXTURES.values()), image.dtype)
    convolution.weight.value = weight[:, :, None, None]
    return dict(zip(MIXTURES, convolution(image), strict=True))


def _describe(image: Tensor, maps: Mapping[str, Tensor]) -> str:
    listed = ", ".join(
        f"{name} (from {_short(pixels.min())} to {_short(pixels.max())})" for name, pixels in maps.items()
    )
    return (
        f"A photograph of {image.shape[1]} × {image.shape[2]} pixels, and beside it, from dark to "
        f"bright: {listed}."
    )


def _short(number: Tensor) -> str:
    return f"{number.item():.2g}".replace("-", "−")
