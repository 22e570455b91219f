"""All zones' coils in one look-up: the tables of `CoilLaw`, stacked."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from optimizer.identify.coils import E_STEPS, R_HIGH, R_LOW, R_STEPS, CoilLaw
from plant.forecast import Array


@dataclass(frozen=True)
class CoilBank:
    """The coils' numbers, zones first; arrays asked for have the zones last."""

    air_kw_k: Array
    water_kw_k: Array
    best: Array
    """Effectiveness with open valves. Shape (zones · speeds,)."""
    water: Array
    """Share of full water flow. Shape (zones · speeds · shares of the best effectiveness,)."""

    @classmethod
    def of(cls, coils: tuple[CoilLaw, ...]) -> CoilBank:
        """Stack the zones' coils."""
        return cls(
            air_kw_k=np.array([c.air_kw_k for c in coils]),
            water_kw_k=np.array([c.water_kw_k for c in coils]),
            best=np.concatenate([c.table[0] for c in coils]),
            water=np.concatenate([c.table[1].ravel() for c in coils]),
        )

    def best_effectiveness(self, speed: Array) -> Array:
        """Effectiveness with the valve open."""
        cell, part = self._place(speed)
        return np.asarray(self.best[cell] * (1 - part) + self.best[cell + 1] * part)

    def water_share(self, speed: Array, effectiveness: Array) -> Array:
        """Share of full water flow that gives an effectiveness, 1 where it is beyond reach."""
        cell, part = self._place(speed)
        best = self.best[cell] * (1 - part) + self.best[cell + 1] * part
        height = np.minimum(np.maximum(effectiveness / best, 0.0), 1.0) * (E_STEPS - 1)
        # What is not known has no place in a table: it stays NaN and must not become an index.
        j = np.minimum(np.fmax(height, 0.0).astype(np.intp), E_STEPS - 2)
        v = height - j
        at = cell * E_STEPS + j
        low = self.water[at] * (1 - v) + self.water[at + 1] * v
        at = at + E_STEPS
        high = self.water[at] * (1 - v) + self.water[at + 1] * v
        return np.asarray(low * (1 - part) + high * part)

    def _place(self, speed: Array) -> tuple[NDArray[np.intp], Array]:
        """Where a speed lies in its zone's table, and how far toward the next entry."""
        inside = np.minimum(np.maximum(speed, R_LOW), R_HIGH)
        position = (inside - R_LOW) * ((R_STEPS - 1) / (R_HIGH - R_LOW))
        i = np.minimum(np.fmax(position, 0.0).astype(np.intp), R_STEPS - 2)
        return i + self._rows, position - i

    @cached_property
    def _rows(self) -> NDArray[np.intp]:
        """Where each zone's table begins."""
        return R_STEPS * np.arange(len(self.air_kw_k))
