"""Ordering: the order within each layer (few crossings) and the height of each slot (straight lines)."""

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Mapping, Sequence

Link = tuple[str, str]
SWEEPS = 12
STILL = 0.01  # pixels that nobody sees: when two forward sweeps differ by less, the heights have settled
# an input's weight beside a computed value's: enough to place it, too little to bend the main chain
LIGHT = 1e-4


def order(layers: Mapping[str, int], links: Sequence[Link]) -> list[list[str]]:
    """The slots of each layer from top to bottom: barycenter sweeps from the given order, the best kept."""
    rows: list[list[str]] = [[] for _ in range(max(layers.values()) + 1)]
    for slot, layer in layers.items():
        rows[layer].append(slot)
    before, after = _neighbors(links)
    best, fewest = [list(row) for row in rows], crossings(rows, links)
    rank = {name: index for row in rows for index, name in enumerate(row)}
    # the last order that each direction led to: once it comes again, it always does
    settled: dict[bool, list[list[str]]] = {}
    for sweep in range(SWEEPS if fewest else 0):
        downward = sweep % 2 == 0
        for row in rows if downward else reversed(rows):
            near = before if downward else after
            keys = {name: _mean([rank[other] for other in near[name]], rank[name]) for name in row}
            row.sort(key=keys.__getitem__)
            rank |= {name: index for index, name in enumerate(row)}
        if rows == settled.get(downward):
            break
        settled[downward] = [list(row) for row in rows]
        count = crossings(rows, links)
        if count < fewest:
            best, fewest = settled[downward], count
    return best


def crossings(rows: Sequence[Sequence[str]], links: Sequence[Link]) -> int:
    """How many pairs of links between two layers cross."""
    rank = {name: (layer, index) for layer, row in enumerate(rows) for index, name in enumerate(row)}
    count = 0
    # by layer, the lower ends of the links so far, from top to bottom
    seen: dict[int, list[int]] = defaultdict(list)
    for (layer, _), (_, end) in sorted((rank[a], rank[b]) for a, b in links):
        ends = seen[layer]
        count += len(ends) - bisect_right(ends, end)  # those began above or beside this one, and end below
        insort(ends, end)
    return count


def straighten(
    rows: Sequence[Sequence[str]],
    separations: Sequence[Sequence[float]],
    links: Sequence[Link],
    is_input: Mapping[str, bool],
) -> dict[str, float]:
    """The height of each slot: near the mean of its neighbors, no nearer to the next in its row than allowed.

    Inputs give way to computed values, so that the main chain runs straight and its side inputs come from
    above or below.
    """
    before, after = _neighbors(links)
    ys: dict[str, float] = {}
    for row, gaps in zip(rows, separations, strict=True):
        ys |= dict(zip(row, spread([0.0] * len(row), [1.0] * len(row), gaps), strict=True))
    steps = list(zip(rows, separations, strict=True))
    settled: dict[str, float] = {}
    for sweep in range(SWEEPS + 1):  # an odd number: the last sweep runs forward
        forward = sweep % 2 == 0
        for row, gaps in steps if forward else reversed(steps):
            near = before if forward else after
            wanted = []
            for name in row:
                around = near[name] or (after if forward else before)[name]
                computed = [other for other in around if not is_input[other]] if forward else around
                wanted.append(_mean([ys[other] for other in computed or around], ys[name]))
            weights = [LIGHT if is_input[name] else 1.0 for name in row]
            ys |= dict(zip(row, spread(wanted, weights, gaps), strict=True))
        if forward:
            moves = [y - settled[name] for name, y in ys.items()] if settled else [0.0, STILL]
            if max(moves) - min(moves) < STILL:  # all of them moved alike: the drawing as a whole drifts
                break
            settled = dict(ys)
    return ys


def spread(wanted: Sequence[float], weights: Sequence[float], gaps: Sequence[float]) -> list[float]:
    """The heights nearest to `wanted` (weighted least squares) whose differences are at least `gaps`.

    Pool-adjacent-violators on the heights less the sum of the gaps above them: Ayer et al., Ann. Math. Stat.
    26 (1955).
    """
    offsets = [0.0]
    for gap in gaps:
        offsets.append(offsets[-1] + gap)
    pools: list[tuple[float, float, int]] = []  # (mean, weight, how many)
    for want, weight, offset in zip(wanted, weights, offsets, strict=False):
        mean, total, count = want - offset, weight, 1
        while pools and pools[-1][0] > mean:
            last, heavy, many = pools.pop()
            mean, total, count = (mean * total + last * heavy) / (total + heavy), total + heavy, count + many
        pools.append((mean, total, count))
    level = [mean for mean, _, count in pools for _ in range(count)]
    return [base + offset for base, offset in zip(level, offsets, strict=False)]


def _neighbors(links: Sequence[Link]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    before, after = defaultdict(list), defaultdict(list)
    for a, b in links:
        before[b].append(a)
        after[a].append(b)
    return before, after


def _mean(numbers: Sequence[float], otherwise: float) -> float:
    return sum(numbers) / len(numbers) if numbers else otherwise
