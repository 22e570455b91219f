"""A large site walked group by group: what each part's program sees of all the others.

Zones meet in the chilled water's temperature, the heat and the flow. A round settles the zones group
by group at the water as it stands, each group with the plant room's whole cost and everyone else
standing still, the groups before it as already settled. Their shadow prices say what warmer water
would cost the zones; with that price the plant room's own levers follow. A last round brings the
zones to the final water.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.build import Numbers, Scope
from plant.forecast import Array

Zones = NDArray[np.intp]

_WATER_STEPS = (1.0, 0.5, 0.25)
"""How far the plant room may go in each round, as a share of where cuts are trusted."""


@dataclass
class Settled:
    """The site as it stands while its parts are solved one after the other.

    `path` (blocks, axes); `beyond_kw`, heat beyond the IT reference, (blocks, zones); `water_price`,
    what a kelvin of warmer chilled water costs the zones, (blocks,).
    """

    path: Array
    beyond_kw: Array
    water_price: Array

    @classmethod
    def at(cls, numbers: Numbers) -> Settled:
        """As the reference has it."""
        at = numbers.at
        none = np.zeros(len(numbers.hours))
        return cls(at.path.copy(), at.left_kw - at.air_reference_kw, none)


def scopes(numbers: Numbers, stands: Settled, groups: tuple[Zones, ...]) -> Iterator[tuple[int, Scope]]:
    """What is decided, part by part, with the part's number; each sees what those before it settled.

    Whoever solves a part brings its answer into ``stands`` before asking for the next.
    """
    if len(groups) == 1:
        yield 0, Scope.whole(numbers)
        return
    terms = _FlowTerms(numbers, stands)
    for share in _WATER_STEPS:
        stands.water_price = np.zeros(len(numbers.hours))
        yield from _zones(numbers, stands, groups, terms)
        yield len(groups), _plant_room(numbers, stands, terms, share)
    yield from _zones(numbers, stands, groups, terms)


def _zones(
    numbers: Numbers, stands: Settled, groups: tuple[Zones, ...], terms: _FlowTerms
) -> Iterator[tuple[int, Scope]]:
    """Group by group at the water as it stands."""
    zones = stands.beyond_kw.shape[1]
    plant = slice(2 * zones, None)
    low, high = numbers.low.copy(), numbers.high.copy()
    low[:, plant] = high[:, plant] = stands.path[:, plant]
    free = np.zeros(len(numbers.hours))
    for number, group in enumerate(groups):
        others = stands.beyond_kw.sum(axis=1) - stands.beyond_kw[:, group].sum(axis=1)
        yield number, Scope(group, low, high, others, terms.without(group), free)
        terms.renew(group)


def _plant_room(numbers: Numbers, stands: Settled, terms: _FlowTerms, share: float) -> Scope:
    """The plant room's levers, the zones standing still but for the price of their water."""
    zones = stands.beyond_kw.shape[1]
    none = np.zeros(0, dtype=np.intp)
    low, high = numbers.low.copy(), numbers.high.copy()
    water = stands.path[:, 2 * zones]
    reach = share * np.maximum(high - low, 0.0)[:, 2 * zones] / 2
    low[:, 2 * zones] = np.maximum(low[:, 2 * zones], water - reach)
    high[:, 2 * zones] = np.minimum(high[:, 2 * zones], water + reach)
    beyond = stands.beyond_kw.sum(axis=1)
    return Scope(none, low, high, beyond, terms.without(none), stands.water_price)


class _FlowTerms:
    """Each zone's terms in the cuts of the flow, kept up as zones are settled."""

    def __init__(self, numbers: Numbers, stands: Settled) -> None:
        self._flow, self._stands = numbers.flow, stands
        self._zones = stands.beyond_kw.shape[1]
        self._terms = self._of(np.arange(self._zones))
        self._total = self._terms.sum(axis=1)

    def _of(self, zones: NDArray[np.intp]) -> Array:
        """Shape (blocks, zones, cuts)."""
        path, beyond = self._stands.path, self._stands.beyond_kw
        return self._flow.of_zones(zones, path[:, zones], path[:, self._zones + zones], beyond[:, zones])

    def without(self, zones: NDArray[np.intp]) -> Array:
        """All but some zones'. Shape (blocks, cuts)."""
        return np.asarray(self._total - self._terms[:, zones].sum(axis=1))

    def renew(self, zones: NDArray[np.intp]) -> None:
        """Take what was just settled."""
        now = self._of(zones)
        self._total = self._total + (now - self._terms[:, zones]).sum(axis=1)
        self._terms[:, zones] = now
