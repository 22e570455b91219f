"""Where everything stands when a machine trips, at the likely load and at the higher one.

And what racks breathe there: the inlet law that was learned, taken on the safe side beyond its data.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from optimizer.problem import Problem
from optimizer.zones import ZoneBank
from plant.forecast import Array
from plant.redundancy import Redundancy

STEEPEST = 1.0
"""Least kelvins of the warmest inlet per kelvin of air gain beyond what the data covered: where servers
draw more than is supplied, all further gain comes back to them. [K/K]"""
WARM_SERVERS, COOL_C = 0.1, 20.0
"""What server fans add where air is short: +4 % airflow per kelvin above 25 °C (ASHRAE TC 9.9, 2011)
draws in more exhaust. Kelvins per kelvin of inlet above that, less what the law itself adds for supply
air warmer than 20 °C. [K/K, °C]"""
WARM_FROM_C, SHORT_FROM_K, SHORT_WITHIN_K = 25.0, 6.0, 4.0
UNLIKE_STD_K, BEYOND_STD = 0.4, 0.15
"""Spread of the warmest inlet after a trip, which no past has shown, and more of it per kelvin of air gain
beyond what the data covered (less than `EXTRAPOLATION_STD`: the steepest slope is already taken). [K, K/K]"""
MOST_GAIN_K = 60.0
"""No air is reckoned to gain more. [K]"""


@dataclass(frozen=True)
class Before:
    """Where everything stands when a machine trips. Zones last; load and power have both loads first."""

    problem: Problem
    facts: Redundancy
    supply_c: Array
    speed: Array
    load_kw: Array
    """IT power at the reference inlet."""
    power_kw: Array
    """With what warm servers draw more."""
    later_kw: Array
    """The same once the load has had the ride-through time to grow in."""

    @cached_property
    def later(self) -> Before:
        """Where things stand once the load has grown."""
        return replace(self, power_kw=self.later_kw)

    @property
    def bank(self) -> ZoneBank:
        """The zones' learned laws."""
        return self.problem.model.bank

    def gain_k(self, moved: Array) -> Array:
        """What the zone's air gains if a share of full airflow moves. [K]"""
        return np.minimum(self.power_kw / (self.bank.air_kw_k * moved), MOST_GAIN_K)

    def breathed_c(self, back_c: Array, given_c: Array, gain_k: Array) -> Array:
        """Warmest inlet: exhaust that comes back is no warmer than the store has let it become. [°C]"""
        returned = np.clip((back_c - given_c) / gain_k, 0.0, 1.0)
        return np.asarray(given_c + self.rise_k(gain_k, given_c) * returned)

    def rise_k(self, gain_k: Array, given_c: Array) -> Array:
        """Warmest inlet above supply air, once settled; beyond the data the safe side is taken. [K]"""
        bank = self.bank
        inside = np.minimum(gain_k, np.maximum(bank.gain_high_k, 1.0))
        bias = bank.padded(self.problem.world.inlet_bias_k, 0.0)
        law = (bank.rise_k(gain_k, given_c) + bias).max(axis=-1)
        floor = (bank.rise_k(inside, given_c) + bias).max(axis=-1) + STEEPEST * (gain_k - inside)
        rise = np.maximum(law, floor)
        short = np.clip((gain_k - SHORT_FROM_K) / SHORT_WITHIN_K, 0.0, 1.0)
        learned = law - (bank.rise_k(gain_k, np.minimum(given_c, COOL_C)) + bias).max(axis=-1)
        warm = WARM_SERVERS * short * np.maximum(given_c + rise - WARM_FROM_C, 0.0)
        return np.asarray(rise + np.maximum(warm - learned, 0.0))

    def warmest(self, inlets_c: Array, gain_k: Array) -> Array:
        """Of the inlets at both loads: the likely one and its margin. Both have the loads first. [°C]"""
        likely, worse = inlets_c
        beyond = np.maximum(gain_k[0] - np.maximum(self.bank.gain_high_k, 1.0), 0.0)
        spread = np.sqrt(self.bank.std_k**2 + UNLIKE_STD_K**2 + (BEYOND_STD * beyond) ** 2)
        margin = np.hypot(self.problem.settings.sigmas * spread, np.maximum(worse - likely, 0.0))
        return np.asarray(likely + margin)
