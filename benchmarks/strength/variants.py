"""Correct variants of the library's modules: backward passes that a checker must accept, however written.

A checker that rejects one of them is wrong. Some are written by hand, by other means than the library's; the
rest are made mechanically from every module and every example it brings.
"""

from collections.abc import Iterator

from benchmarks.strength import (
    variants_activations,
    variants_containers,
    variants_elementary,
    variants_layers,
    variants_losses,
    variants_normalization,
    variants_sequences,
    variants_spatial,
)
from benchmarks.strength._variant import Variant, variants_by_hand
from benchmarks.strength.variants_at_edges import variants_at_edges
from benchmarks.strength.variants_wrapped import variants_wrapped

__all__ = ["Variant", "variants", "variants_at_edges", "variants_by_hand", "variants_wrapped"]

# Importing these enters their classes into the list.
FAMILIES = (
    variants_elementary,
    variants_activations,
    variants_layers,
    variants_normalization,
    variants_spatial,
    variants_losses,
    variants_sequences,
    variants_containers,
)


def variants() -> Iterator[Variant]:
    """Every correct variant at ordinary inputs, handwritten first; for others see `variants_at_edges`."""
    yield from variants_by_hand()
    yield from variants_wrapped()
