"""Grid or random: nine trials see three values of the number that matters, or nine."""

import functools

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes

from course import Chain, generator
from course.data import Split, digits
from course.figure import NEUTRAL_COLOR, PALETTE, STYLE, VALUE_COLOR, Figure
from course.figures.registry import figure
from course.modules import CrossEntropyLoss, Linear, ReLU
from course.optim import SGD
from course.training import DivergedError, accuracy, evaluate, fit

RATES = (-3.0, 1.0)
DECAYS = (-7.0, -3.0)
"""The ranges of the learning rate and of the weight decay, as powers of ten."""
SIDE = 3
DRAWS = 2000
LOOKS = {"grid": (VALUE_COLOR, "s"), "random": (PALETTE[1], "o")}


@figure(lecture=11, live={"seed": (0, 20)})
def grid_or_random(seed: int = 7) -> Figure:
    """Train a digit classifier nine times on a grid and nine times at random; draw what each search saw.

    Every point is a real training, of five epochs on 400 digits, and its accuracy on 450 others. Other seeds
    show how chance plays; the first look at a seed takes a moment, for its eighteen trainings.

    Args:
        seed: of the random points, and of where the grid lies: no one knows before where the good values are.

    Source: Bergstra, Bengio: Random search for hyper-parameter optimization, JMLR 13 (2012), figure 1.
    """
    places = {"grid": grid_places(seed), "random": random_places(seed)}
    accuracies = {kind: scores(points) for kind, points in places.items()}
    average = {kind: expected(kind) for kind in places}
    with rc_context(STYLE):
        best = {kind: max(numbers) for kind, numbers in accuracies.items()}
        figure = Figure(_describe(places, accuracies, average), width=11.5, height=6.2)
        figure.set_layout_engine("constrained", w_pad=0.12)
        often = f"on average over {DRAWS} searches {average['grid']:.0%} and {average['random']:.0%}"
        figure.suptitle(
            f"Nine trainings: {best['grid']:.0%} on a grid, {best['random']:.0%} at random ({often})"
        )
        rows = figure.subplots(2, 2, sharex=True, sharey="row", height_ratios=(1, 1.2))
        for (above, below), kind in zip(rows.T, places, strict=True):
            _draw_scores(above, kind, places[kind], accuracies[kind])
            _draw_plane(below, kind, places[kind], accuracies[kind])
        rows[0, 0].set_ylabel("accuracy")
        rows[1, 0].set_ylabel("weight decay")
    return figure


def grid_places(seed: int) -> np.ndarray:
    """Nine points (powers of ten: learning rate, weight decay) on a square grid that is shifted by chance."""
    shift = np.random.default_rng([seed, 1]).uniform(size=2)
    steps = (np.arange(SIDE)[:, None] + shift) / SIDE
    rates, decays = (low + (high - low) * steps[:, axis] for axis, (low, high) in enumerate((RATES, DECAYS)))
    return np.stack(np.meshgrid(rates, decays), axis=-1).reshape(-1, 2)


def random_places(seed: int) -> np.ndarray:
    """Nine points, evenly distributed over both ranges."""
    rng = np.random.default_rng([seed, 2])
    return np.stack([rng.uniform(*ends, size=SIDE**2) for ends in (RATES, DECAYS)], axis=1)


def scores(places: np.ndarray) -> list[float]:
    """The accuracy of a training at each point."""
    return [trial(*map(float, place)) for place in places]


@functools.lru_cache(maxsize=4096)
def trial(rate: float, decay: float) -> float:
    """Train with learning rate 10^rate and weight decay 10^decay; the accuracy on digits not learned from."""
    train, validation = _parts()
    rng = generator(0)
    net, loss = Chain(Linear(64, 32, rng=rng), ReLU(), Linear(32, 10, rng=rng)), CrossEntropyLoss()
    optimizer = SGD(net.parameters(), lr=10**rate, weight_decay=10**decay)
    try:
        fit(net, loss, optimizer, train, epochs=5, batch_size=50, progress=False)
    except DivergedError:
        return 0.1  # as good as guessing
    return evaluate(net, loss, validation, [accuracy])["accuracy"]


@functools.cache
def _parts() -> Split:
    train, validation = digits().split()
    return Split(train[:400], validation)


@functools.cache
def curve() -> tuple[np.ndarray, np.ndarray]:
    """Powers of ten of the learning rate, and the accuracy at each with the weight decay at mid-range."""
    rates = np.linspace(*RATES, 25)
    return rates, np.array([trial(float(rate), sum(DECAYS) / 2) for rate in rates])


@functools.cache
def expected(kind: str) -> float:
    """The best accuracy of a search on average over many seeds, read off the curve.

    The curve leaves out the weight decay.
    """
    where = grid_places if kind == "grid" else random_places
    rates = np.stack([where(seed)[:, 0] for seed in range(DRAWS)])
    return float(np.interp(rates, *curve()).max(axis=1).mean())


def _draw_scores(axes: Axes, kind: str, places: np.ndarray, accuracies: list[float]) -> None:
    color, marker = LOOKS[kind]
    rates, shares = curve()
    axes.plot(10.0**rates, shares, "-", color=NEUTRAL_COLOR, linewidth=1.5)
    axes.plot(10 ** places[:, 0], accuracies, marker, color=color, ms=9, mec="white")
    best = int(np.argmax(accuracies))
    axes.plot(10 ** places[best, 0], accuracies[best], "o", ms=20, mfc="none", mec="black", mew=1.8)
    distinct = len(np.unique(places[:, 0].round(9)))
    axes.set(
        xscale="log",
        ylim=(0, 1),
        title=f"{kind}: {distinct} learning rates tried, best {max(accuracies):.0%}",
    )
    axes.minorticks_off()


def _draw_plane(axes: Axes, kind: str, places: np.ndarray, accuracies: list[float]) -> None:
    color, marker = LOOKS[kind]
    axes.vlines(10.0 ** places[:, 0], *(10.0**end for end in DECAYS), color=color, linewidth=1, linestyle=":")
    sizes = 40 + 260 * np.array(accuracies)
    axes.scatter(
        *(10.0**places).T, s=sizes, color=color, marker=marker, edgecolors="white", zorder=3, clip_on=False
    )
    axes.set(
        yscale="log",
        xlabel="learning rate (larger marks: higher accuracy)",
        xlim=[10**end for end in RATES],
        ylim=[10**end for end in DECAYS],
    )
    axes.minorticks_off()
    axes.grid(False)


def _describe(
    places: dict[str, np.ndarray], accuracies: dict[str, list[float]], average: dict[str, float]
) -> str:
    listed = [
        f"the {kind} one at {len(np.unique(points[:, 0].round(9)))} learning rates, best "
        f"{max(accuracies[kind]):.0%}, on average "
        f"over many such searches {average[kind]:.0%}"
        for kind, points in places.items()
    ]
    rates, shares = curve()
    peak = f"{shares.max():.0%} near {10 ** rates[shares.argmax()]:.2g}"
    return (
        f"Two searches of nine trainings each over learning rate and weight decay: {'; '.join(listed)}. "
        f"Above each, a curve of "
        f"the accuracy by learning rate, with a narrow peak of {peak} that three learning rates easily miss."
    )
