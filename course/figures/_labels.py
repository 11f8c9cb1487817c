"""Numbers in pictures: written out, and as ticks for time steps and for powers of ten."""

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator


def rounded(number: float, digits: int = 2) -> str:
    """A number by its first digits, written out at any size: 860 where the format ``.2g`` has 8.6e+02."""
    return f"{float(f'{number:.{digits}g}'):,.12g}"


def time_ticks(steps: int) -> list[int]:
    """Ticks for the time steps 1 … steps: the first one and round ones."""
    every = 1 if steps <= 8 else 5 if steps <= 30 else 10
    return sorted({1, *range(every, steps + 1, every)})


def label_powers(axes: Axes) -> None:
    """Write the numbers of the y axis as powers of ten, for curves of logarithms.

    This is quicker to draw than a logarithmic axis.
    """
    axes.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.yaxis.set_major_formatter(lambda power, _: f"$10^{{{power:.0f}}}$")
