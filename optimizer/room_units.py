"""Room units with their own compressors, all zones' at once: what they draw and what they can carry."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.identify.dx import DxLaw, capacity_share, compressor_features
from plant.forecast import Array


@dataclass(frozen=True)
class UnitBank:
    """The laws' numbers, zones first, nothing where water cools. Arrays asked for have zones last."""

    here: NDArray[np.bool_]
    """Which zones are cooled by their own compressors."""
    rated_kw: Array
    input_kw: Array
    coefficients: Array
    """Shape (terms, zones)."""

    @classmethod
    def of(cls, laws: tuple[DxLaw | None, ...]) -> UnitBank:
        """Stack the zones' laws."""
        given = [law or _NOTHING for law in laws]
        return cls(
            here=np.array([law is not None for law in laws]),
            rated_kw=np.array([law.rated_kw for law in given]),
            input_kw=np.array([law.input_kw for law in given]),
            coefficients=np.array([law.coefficients for law in given]).T,
        )

    def power_kw(self, heat_kw: Array, outdoor_c: Array, return_c: Array) -> Array:
        """Compressors and condenser fans of each zone; 0 where there are none. [kW]

        `outdoor_c` has the zones' axis too, of length one.
        """
        parts = compressor_features(heat_kw / self.rated_kw, outdoor_c, return_c)
        drawn = sum(c * part for c, part in zip(self.coefficients, parts, strict=True))
        return np.asarray(self.input_kw * drawn)

    def short_kw(self, heat_kw: Array, outdoor_c: Array) -> Array:
        """Heat beyond what each zone's units are counted on for. [kW]"""
        able = np.where(self.here, self.rated_kw, np.inf) * capacity_share(outdoor_c)
        return np.asarray(np.maximum(heat_kw - able, 0.0))


_NOTHING = DxLaw(1.0, 0.0, (0.0, 0.0, 0.0, 0.0, 0.0, 0.0))
