"""The air units of a zone that are left, at one fan speed: what hangs on the speed alone is reckoned once.

Supply air is as it was asked for, or as cool as open valves or the compressors that are left can make it of
what comes back. What comes back warms toward what each of these would make of it, the zone's store first.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from optimizer.before_trip import Before
from optimizer.identify.dx import capacity_share
from plant.forecast import Array

STORE, MOST_TAU_S, HOT_AISLE_S = 0.6, 900.0, 90.0
"""Share of the heat store counted on, of what the time constant of a zone's inlets would make it at full
airflow (zones are learned from at less); the longest such constant believed; what air alone takes.
[-, s, s]"""
DERATED = 0.95
"""What a machine is counted on for after a trip, over its nameplate. [-]"""
HOT_C, LEAST_FLOW = 40.0, 0.8
"""Outdoor air where none is foretold, and the share of a compressor's capacity at next to no air. [°C, -]"""
LEAST_AIR = 0.02
"""Nothing is divided by less air than this share of all. [-]"""


@dataclass(frozen=True)
class UnitsLeft:
    """A share of each zone's units at a speed, and water so warm. Zones last.

    ``blows``: compressors stop alone, and what is not left blows on what comes back.
    """

    at: Before
    left: Array
    speed: Array
    water_c: Array
    blows: bool = False

    @cached_property
    def cooled(self) -> Array:
        """Share of the zone's full airflow that is cooled. [-]"""
        return np.maximum(self.left * self.speed, LEAST_AIR)

    @cached_property
    def moved(self) -> Array:
        """Share of it that moves at all. [-]"""
        if not self.blows:
            return self.cooled
        return np.broadcast_to(np.maximum(self.speed, LEAST_AIR), self.cooled.shape)

    @cached_property
    def gain_k(self) -> Array:
        """What air that moves gains. [K]"""
        return self.at.gain_k(self.moved) if self.blows else self._cooled_gain_k

    @cached_property
    def _cooled_gain_k(self) -> Array:
        return self.at.gain_k(self.cooled)

    @cached_property
    def _share(self) -> Array:
        """Effectiveness with open valves. [-]"""
        return np.asarray(1.0 / (1.0 + self.at.bank.open_valve_excess(self.speed)))

    @cached_property
    def _fans_k(self) -> Array:
        """What the units' fans warm their air by. [K]"""
        bank = self.at.bank
        return np.asarray(bank.fan_kw(self.speed) / (bank.air_kw_k * self.speed))

    @cached_property
    def _most_k(self) -> Array | None:
        """How far compressors can cool the air they move; water has no end, None where it cools all. [K]"""
        bank = self.at.bank
        if bank.units is None:
            return None
        hottest = np.nanmax(self.at.problem.world.outdoor_c, initial=-np.inf)
        rated = DERATED * bank.units.rated_kw * capacity_share(hottest if np.isfinite(hottest) else HOT_C)
        able = self.left * rated * (LEAST_FLOW + (1.0 - LEAST_FLOW) * self.speed)
        return np.where(bank.units.here, able / (bank.air_kw_k * self.cooled), np.inf)

    def blown_c(self, back_c: Array) -> Array:
        """What all units that move air blow, of what comes back. [°C]"""
        coolest = back_c - self._share * (back_c - self.water_c)
        if self._most_k is not None:
            coolest = np.maximum(coolest, back_c - self._most_k)
        given = np.asarray(np.maximum(self.at.supply_c, coolest + self._fans_k))
        return given + (back_c - given) * (1.0 - self.cooled / self.moved) if self.blows else given

    def inlet_c(self, back_c: Array) -> Array:
        """Where the warmest inlet goes while so warm air comes back. [°C]"""
        return self.at.breathed_c(back_c, self.blown_c(back_c), self.gain_k)

    def warmed_c(self, back_c: Array, seconds: float) -> Array:
        """The air that comes back, some time later: exact as long as one thing limits the cooling.

        That is what was asked for, open valves, or all the compressors can do. Supply air is the warmest of
        the three, so what comes back is no cooler than under any of them.
        """
        gain, share = self._cooled_gain_k, self._share
        part = -seconds / self._store_s
        as_asked = -np.expm1(part) * (self.at.supply_c + gain - back_c)
        all_open = -np.expm1(share * part) * (self._open_toward_c - back_c)
        warmer = np.maximum(as_asked, all_open)
        if self._most_k is not None:
            warmer = np.maximum(warmer, -part * (gain + self._fans_k - self._most_k))
        return np.asarray(back_c + warmer)

    @cached_property
    def _store_s(self) -> Array:
        """Time constant with which what comes back warms. [s]"""
        store = STORE * np.minimum(self.at.bank.tau_s, MOST_TAU_S)
        return np.maximum(store / self.cooled, HOT_AISLE_S)

    @cached_property
    def _open_toward_c(self) -> Array:
        """Where it goes with valves open. [°C]"""
        return np.asarray(self.water_c + (self._cooled_gain_k + self._fans_k) / self._share)
