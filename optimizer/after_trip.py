"""What the racks would see if a machine tripped, for many positions of the levers at once.

After an air unit's trip the others move what the site declares; the zone's air gain per load
d = P/(C r) jumps, and with it the recirculation that the inlet law has learned. Heat that is not taken
away first warms the zone's own store, racks and floor, of which its time constant tells:
C dT_back/dt = P - C_air r (T_back - T_supply). After a chiller's trip the loop warms by what is not
taken from it until a standby has taken over.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from optimizer.model import PlantModel
from optimizer.problem import Problem
from optimizer.zones import ZoneBank
from plant.forecast import Array
from plant.redundancy import UNEVEN, Redundancy, declared_redundancy

AIR_S = 20.0
"""Time in which a cold aisle's air follows a jump in airflow. [s]"""
STORE, MOST_TAU_S, HOT_AISLE_S = 0.6, 900.0, 90.0
"""Share of the heat store counted on, of what the time constant of a zone's inlets would make it at full
airflow (zones are learned from at less); the longest such constant believed; what air alone takes.
[-, s, s]"""
STEEPEST = 1.0
"""Least kelvins of the warmest inlet per kelvin of air gain beyond what the data covered: where servers
draw more than is supplied, all further gain comes back to them. [K/K]"""
WARM_SERVERS, COOL_C = 0.1, 20.0
"""What server fans add where air is short: +4 % airflow per kelvin above 25 °C (ASHRAE TC 9.9, 2011)
draws in more exhaust. Kelvins per kelvin of inlet above that, less what the law itself adds for supply
air warmer than 20 °C. [K/K, °C]"""
WARM_FROM_C, SHORT_FROM_K, SHORT_WITHIN_K = 25.0, 6.0, 4.0
WARM_C = 30.0
"""Inlet at which servers are taken to run after a trip: their fans draw power too. [°C]"""
UNLIKE_STD_K, BEYOND_STD = 0.4, 0.15
"""Spread of the warmest inlet after a trip, which no past has shown, and more of it per kelvin of air gain
beyond what the data covered (less than `EXTRAPOLATION_STD`: the steepest slope is already taken). [K, K/K]"""
DERATED, OVERLOAD = 0.95, 1.05
"""What a chiller is counted on for after a trip, and may have carried before it, over its nameplate. [-]"""
GROWTH = 0.02
"""Least standard deviation of the load meanwhile, as a share of it. [-]"""
_SUBSTEPS, _LATER, _MOST_K = 4, 2, 60.0


def after_trip_c(
    problem: Problem, supply_c: Array, speed: Array, chw_c: Array, load_kw: Array, load_std_kw: Array
) -> Array:
    """Warmest inlet of each zone after the worst trip, margins inside. Zone arrays, zones last. [°C]

    What is likely, and what a load higher by a standard deviation with warm servers and uneven air
    units makes of it; the latter's excess and the law's own spread are independent and add as squares.
    """
    facts, bank = declared_redundancy(problem.site), problem.model.bank
    # Both loads at once, before the axes that the paths have and the loads have not.
    between = [1] * (supply_c.ndim - load_kw.ndim)
    more = np.maximum(load_std_kw, GROWTH * load_kw)
    load = np.stack([load_kw, load_kw + more]).reshape(2, *between, *load_kw.shape)
    warm = bank.rise_kw(np.full((*load.shape, bank.sensors), WARM_C), load)
    power = load + warm * np.array([0.0, 1.0]).reshape(2, *([1] * supply_c.ndim))
    at = _Before(problem, facts, supply_c, speed, power)
    return np.asarray(np.maximum(_air_trip(at, chw_c), _chiller_trip(at, chw_c, load)))


@dataclass(frozen=True)
class _Before:
    """Where everything stands when a machine trips. Zones last; power has both loads first."""

    problem: Problem
    facts: Redundancy
    supply_c: Array
    speed: Array
    power_kw: Array

    @property
    def bank(self) -> ZoneBank:
        return self.problem.model.bank

    def gain_k(self, moved: Array) -> Array:
        """What the zone's air gains if a share of full airflow moves. [K]"""
        return np.minimum(self.power_kw / (self.bank.air_kw_k * moved), _MOST_K)

    def made_c(self, back_c: Array, speed: Array, water_c: Array) -> Array:
        """Supply air: as it was asked for, or the coolest that open valves make of what comes back. [°C]"""
        share, fans = self._open_valves(speed)
        return np.maximum(self.supply_c, back_c - share * (back_c - water_c) + fans)

    def warmed_c(
        self, back_c: Array, gain_k: Array, speed: Array, moved: Array, water_c: Array, seconds: float
    ) -> Array:
        """The air that comes back, some time later: exact while valves are open, or while they are not.

        Supply air is the larger of two, so what comes back is no cooler than under either.
        """
        share, fans = self._open_valves(speed)
        store = STORE * np.minimum(self.bank.tau_s, MOST_TAU_S)
        part = -seconds / np.maximum(store / moved, HOT_AISLE_S)
        as_asked = -np.expm1(part) * (self.supply_c + gain_k - back_c)
        all_open = -np.expm1(share * part) * (water_c + (gain_k + fans) / share - back_c)
        return np.asarray(back_c + np.maximum(as_asked, all_open))

    def _open_valves(self, speed: Array) -> tuple[Array, Array]:
        """Effectiveness with open valves, and what the units' fans warm their air by. [-, K]"""
        share = 1.0 / (1.0 + self.bank.open_valve_excess(speed))
        return share, self.bank.fan_kw(speed) / (self.bank.air_kw_k * speed)

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

    def warmest(self, inlets_c: Array, moved: Array) -> Array:
        """Of the inlets at both loads: the likely one and its margin. `moved` has both loads first. [°C]"""
        likely, worse = inlets_c
        beyond = np.maximum(self.gain_k(moved)[0] - np.maximum(self.bank.gain_high_k, 1.0), 0.0)
        spread = np.sqrt(self.bank.std_k**2 + UNLIKE_STD_K**2 + (BEYOND_STD * beyond) ** 2)
        margin = np.hypot(self.problem.settings.sigmas * spread, np.maximum(worse - likely, 0.0))
        return np.asarray(likely + margin)


def _air_trip(at: _Before, chw: Array) -> Array:
    """The larger of what inlets jump to before the others have come up, and what they reach later."""
    facts = at.facts
    left = np.array([facts.left_of(z.id) for z in at.problem.site.zones])
    lefts = np.stack([left, left * UNEVEN]).reshape(2, *([1] * (at.supply_c.ndim - 1)), len(left))
    after = at.speed if np.isnan(facts.survivor_fan) else np.maximum(at.speed, facts.survivor_fan)
    return _march(at, lefts, after, np.broadcast_to(chw[..., None], at.supply_c.shape))


def _march(at: _Before, left: Array, after: Array, water: Array) -> Array:
    """Warmest inlet within the ride-through time, with a share of the air left. [°C]"""
    facts, gain = at.facts, at.gain_k(at.speed)
    back = at.supply_c + gain
    inlet = at.supply_c + at.rise_k(gain, np.broadcast_to(at.supply_c, gain.shape))
    warmest, step_s = np.full(at.supply_c.shape, -np.inf), facts.survivor_ramp_s / _SUBSTEPS
    ramped = _SUBSTEPS if step_s > 0 and not np.isnan(facts.survivor_fan) else 0
    for k in range(ramped):
        # Half of the declared time passes before anybody notices; the ramp takes the rest.
        share = max(0.0, 2.0 * (k + 0.5) / _SUBSTEPS - 1.0)
        speed = at.speed + (after - at.speed) * share
        moved = np.maximum(left * speed, 0.02)
        given, gain = at.made_c(back, speed, water), at.gain_k(moved)
        back = at.warmed_c(back, gain, speed, moved, water, step_s)
        inlet = inlet - np.expm1(-step_s / AIR_S) * (at.breathed_c(back, given, gain) - inlet)
        warmest = np.maximum(warmest, at.warmest(inlet, moved))
    moved = np.maximum(left * after, 0.02)
    gain = at.gain_k(moved)
    step_s = max(facts.ride_through_s - ramped * step_s, 1.0) / _LATER
    for _ in range(_LATER):
        back = at.warmed_c(back, gain, after, moved, water, step_s)
    later = at.breathed_c(back, at.made_c(back, after, water), gain)
    return np.asarray(np.maximum(warmest, at.warmest(later, moved)))


def _chiller_trip(at: _Before, chw: Array, load: Array) -> Array:
    """Warmest inlet with the loop from the start as warm as it gets within the ride-through time. [°C]"""
    if not at.facts.chillers:
        return np.full(at.supply_c.shape, -np.inf)
    heat = at.problem.model.load_kw((load + at.bank.fan_kw(at.speed)).sum(axis=-1))
    warmer = chw + loop_rise_k(at.problem.model, at.facts, heat)
    still = replace(at, facts=replace(at.facts, survivor_fan=math.nan))
    return _march(still, np.ones((2, *at.supply_c.shape)), at.speed, warmer[..., None])


def loop_rise_k(model: PlantModel, facts: Redundancy, heat_kw: Array) -> Array:
    """How far the chilled loop warms if the largest chiller trips. Any shape. [K]

    What the economizer takes is not known beforehand, so the worst load between none and all of it on
    the chillers is taken: all, or as much as makes one machine carry everything.
    """
    unit = DERATED * max(facts.chiller_kw)
    total = DERATED * sum(facts.chiller_kw)
    running = np.maximum(model.chillers.running(heat_kw), 1.0)
    lone = np.minimum(heat_kw, OVERLOAD * max(facts.chiller_kw))
    until = min(facts.standby_s, facts.ride_through_s)

    def not_taken_kj(load: Array, left_kw: Array | float) -> Array:
        first = np.maximum(load - left_kw, 0.0)
        later = np.minimum(first, np.maximum(load - (total - unit), 0.0))
        return np.asarray(first * until + later * (facts.ride_through_s - until))

    lost = np.maximum(not_taken_kj(heat_kw, (running - 1) * unit), not_taken_kj(lone, 0.0))
    return np.asarray(np.minimum(lost / facts.loop_kj_k, _MOST_K))
