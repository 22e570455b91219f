"""The law of outdoor-air dampers: the heat they take, what their fans draw for it, when the PLC lets them.

    Q_free = leave · min(1, C r / G)^e · min(Q, min(G, C r) (T_r − T_o)₊)

Dampers mix in as much outdoor air as makes the supply air asked for, so outdoor air takes all of a
zone's heat Q while there is enough of it: G is the heat capacity rate of dampers wide open, C r that
of the zone's air. Some controllers open dampers for the air they expect and not for what they get:
with slow fans outdoor air then falls short of Q, and e says how far (0: it does not). Coils or
compressors do the rest. The PLC closes dampers outside dew-point limits (differential dry bulb with
dew-point lockout: ASHRAE Guideline 36, TC 9.9): `leave` falls from 1 to 0 within a kelvin. Relief
fans follow the cube of what they move.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from plant.forecast import Array

BAND_K, LEAST_K = 1.0, 1.0
"""Dampers close within so much of a dew-point limit, and where outdoor air is not so much cooler. [K]"""


@dataclass(frozen=True)
class OutdoorAirLaw:
    """A zone's dampers. `most_kw_k` is G of the law; the limits are those of outdoor dew point."""

    most_kw_k: float
    relief_kw: float
    dew_low_c: float
    dew_high_c: float
    slow_fans: float = 0.0
    """e of the law."""

    def leave(self, dew_point_c: ArrayLike) -> Array:
        """Share of what they could open to that the PLC allows, 0 to 1."""
        dew = np.asarray(dew_point_c, float)
        return np.clip(np.minimum(self.dew_high_c - dew, dew - self.dew_low_c) / BAND_K, 0.0, 1.0)

    def taken_kw(
        self, heat_kw: ArrayLike, air_kw_k: ArrayLike, cooler_k: ArrayLike, leave: ArrayLike
    ) -> Array:
        """Heat that leaves with outdoor air ``cooler_k`` cooler than the return air. [kW]"""
        return taken_kw(self.most_kw_k, self.slow_fans, heat_kw, air_kw_k, cooler_k, leave)

    def fans_kw(self, taken_kw: ArrayLike, cooler_k: ArrayLike) -> Array:
        """Relief fans while that is taken. [kW]"""
        return fans_kw(self.most_kw_k, self.relief_kw, taken_kw, cooler_k)


def taken_kw(
    most_kw_k: ArrayLike,
    slow_fans: ArrayLike,
    heat_kw: ArrayLike,
    air_kw_k: ArrayLike,
    cooler_k: ArrayLike,
    leave: ArrayLike,
) -> Array:
    """The law for one zone or for many, shapes broadcast. [kW]"""
    cooler = np.asarray(cooler_k, float)
    moved = np.minimum(most_kw_k, air_kw_k)
    most = moved * np.where(cooler > LEAST_K, cooler, 0.0)
    follows = (moved / most_kw_k) ** np.asarray(slow_fans, float)
    return np.asarray(np.asarray(leave, float) * follows * np.minimum(np.maximum(heat_kw, 0.0), most))


def fans_kw(most_kw_k: ArrayLike, relief_kw: ArrayLike, taken: ArrayLike, cooler_k: ArrayLike) -> Array:
    """Cube law of relief fans by the share of outdoor air moved. [kW]"""
    full = np.asarray(most_kw_k, float) * np.maximum(np.asarray(cooler_k, float), LEAST_K)
    return np.asarray(relief_kw * np.minimum(np.asarray(taken, float) / np.maximum(full, 1e-6), 1.0) ** 3)
