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
from functools import cached_property

import numpy as np

from optimizer.identify.dx import capacity_share
from optimizer.model import PlantModel
from optimizer.problem import Problem
from optimizer.zones import ZoneBank
from plant.forecast import Array
from plant.redundancy import UNEVEN, Redundancy

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
HOT_C, LEAST_FLOW = 40.0, 0.8
"""Outdoor air where none is foretold, and the share of a compressor's capacity at next to no air. [°C, -]"""
_SUBSTEPS, _LATER, _MOST_K, _LEAST_AIR = 4, 2, 60.0, 0.02


def after_trip_c(
    problem: Problem, supply_c: Array, speed: Array, chw_c: Array, load_kw: Array, load_std_kw: Array
) -> Array:
    """Warmest inlet of each zone after the worst trip, margins inside. Zone arrays, zones last. [°C]

    What is likely, and what a load higher by a standard deviation with warm servers and uneven air
    units makes of it; the latter's excess and the law's own spread are independent and add as squares.
    """
    at = standing(problem, supply_c, speed, load_kw, load_std_kw)
    return np.asarray(np.maximum(air_trip_c(at, chw_c), _chiller_trip_c(at, chw_c)))


def standing(problem: Problem, supply_c: Array, speed: Array, load_kw: Array, load_std_kw: Array) -> Before:
    """Where things stand before a trip, at the likely load and at the higher one. Zones last."""
    facts, bank = problem.redundancy, problem.model.bank
    # Both loads at once, before the axes that the paths have and the loads have not.
    between = [1] * (supply_c.ndim - load_kw.ndim)
    more = np.maximum(load_std_kw, GROWTH * load_kw)
    load = np.stack([load_kw, load_kw + more]).reshape(2, *between, *load_kw.shape)
    warm = bank.rise_kw(np.full((*load.shape, bank.sensors), WARM_C), load)
    power = load + warm * np.array([0.0, 1.0]).reshape(2, *([1] * supply_c.ndim))
    return Before(problem, facts, supply_c, speed, load, power)


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

    @property
    def bank(self) -> ZoneBank:
        """The zones' learned laws."""
        return self.problem.model.bank

    @cached_property
    def runs(self) -> Array:
        """Share of each zone's air units that does not stand still. Shape (zones,)."""
        return np.array([self.facts.runs_of(z.id) for z in self.bank.zones])

    def gain_k(self, moved: Array) -> Array:
        """What the zone's air gains if a share of full airflow moves. [K]"""
        return np.minimum(self.power_kw / (self.bank.air_kw_k * moved), _MOST_K)

    @cached_property
    def able_kw(self) -> Array:
        """What each zone's own compressors are counted on for on the hottest hour ahead; water has no end."""
        units = self.bank.units
        if units is None:
            return np.full(len(self.bank.zones), np.inf)
        hottest = np.nanmax(self.problem.world.outdoor_c, initial=-np.inf)
        rated = DERATED * units.rated_kw * capacity_share(hottest if np.isfinite(hottest) else HOT_C)
        return np.where(units.here, rated, np.inf)

    def most_k(self, left: Array, speed: Array) -> Array:
        """How far the compressors that are left can cool the air they move. [K]"""
        able = left * self.able_kw * (LEAST_FLOW + (1.0 - LEAST_FLOW) * speed)
        return np.asarray(able / (self.bank.air_kw_k * np.maximum(left * speed, _LEAST_AIR)))

    def made_c(self, back_c: Array, left: Array, speed: Array, water_c: Array) -> Array:
        """Supply air: as it was asked for, or the coolest that can be made of what comes back. [°C]"""
        share, fans = self._open_valves(speed)
        coolest = np.maximum(back_c - share * (back_c - water_c), back_c - self.most_k(left, speed))
        return np.maximum(self.supply_c, coolest + fans)

    def warmed_c(self, back_c: Array, left: Array, speed: Array, water_c: Array, seconds: float) -> Array:
        """The air that comes back, some time later: exact as long as one thing limits the cooling.

        That is what was asked for, open valves, or all the compressors can do. Supply air is the warmest of
        the three, so what comes back is no cooler than under any of them.
        """
        cooled = np.maximum(left * speed, _LEAST_AIR)
        gain = self.gain_k(cooled)
        share, fans = self._open_valves(speed)
        store = STORE * np.minimum(self.bank.tau_s, MOST_TAU_S)
        part = -seconds / np.maximum(store / cooled, HOT_AISLE_S)
        as_asked = -np.expm1(part) * (self.supply_c + gain - back_c)
        all_open = -np.expm1(share * part) * (water_c + (gain + fans) / share - back_c)
        all_on = -part * (gain + fans - self.most_k(left, speed))
        return np.asarray(back_c + np.maximum(np.maximum(as_asked, all_open), all_on))

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


def air_trip_c(at: Before, chw: Array) -> Array:
    """The larger of what inlets jump to before the others have come up, and what they reach later."""
    facts = at.facts
    left = np.array([facts.left_of(z.id) for z in at.problem.site.zones])
    lefts = np.stack([left, left * UNEVEN]).reshape(2, *([1] * (at.supply_c.ndim - 1)), len(left))
    after = at.speed if np.isnan(facts.survivor_fan) else np.maximum(at.speed, facts.survivor_fan)
    water = np.broadcast_to(at.bank.water_c(chw), at.supply_c.shape)
    stops = _march(at, lefts, after, water)
    if at.bank.units is None:
        return stops
    blows = _march(at, lefts, after, water, blows=True)
    return np.where(at.bank.units.here, np.maximum(stops, blows), stops)


def _march(at: Before, left: Array, after: Array, water: Array, *, blows: bool = False) -> Array:
    """Warmest inlet within the ride-through time, with a share of the units left. [°C]

    ``blows``: compressors stop alone, and what is not left blows on what comes back.
    """
    facts, gain = at.facts, at.gain_k(np.maximum(at.runs * at.speed, _LEAST_AIR))
    back = at.supply_c + gain
    inlet = at.supply_c + at.rise_k(gain, np.broadcast_to(at.supply_c, gain.shape))
    warmest, step_s = np.full(at.supply_c.shape, -np.inf), facts.survivor_ramp_s / _SUBSTEPS
    ramped = _SUBSTEPS if step_s > 0 and not np.isnan(facts.survivor_fan) else 0

    def breathed(speed: Array) -> tuple[Array, Array]:
        cooled = np.maximum(left * speed, _LEAST_AIR)
        moved = np.broadcast_to(np.maximum(at.runs * speed, _LEAST_AIR), cooled.shape) if blows else cooled
        given = at.made_c(back, left, speed, water)
        mixed = given + (back - given) * (1.0 - cooled / moved)
        return at.breathed_c(back, mixed, at.gain_k(moved)), moved

    for k in range(ramped):
        # Half of the declared time passes before anybody notices; the ramp takes the rest.
        share = max(0.0, 2.0 * (k + 0.5) / _SUBSTEPS - 1.0)
        speed = at.speed + (after - at.speed) * share
        back = at.warmed_c(back, left, speed, water, step_s)
        toward, moved = breathed(speed)
        inlet = inlet - np.expm1(-step_s / AIR_S) * (toward - inlet)
        warmest = np.maximum(warmest, at.warmest(inlet, moved))
    step_s = max(facts.ride_through_s - ramped * step_s, 1.0) / _LATER
    for _ in range(_LATER):
        back = at.warmed_c(back, left, after, water, step_s)
    later, moved = breathed(after)
    return np.asarray(np.maximum(warmest, at.warmest(later, moved)))


def _chiller_trip_c(at: Before, chw: Array) -> Array:
    """Warmest inlet with the loop from the start as warm as it gets within the ride-through time. [°C]"""
    if not at.facts.chillers:
        return np.full(at.supply_c.shape, -np.inf)
    heat = at.problem.model.load_kw((at.load_kw + at.bank.fan_kw(at.speed)).sum(axis=-1))
    return warm_loop_c(at, chw + loop_rise_k(at.problem.model, at.facts, heat))


def warm_loop_c(at: Before, chw: Array) -> Array:
    """Warmest inlet with every air unit at work that runs and the loop so warm. [°C]"""
    still = replace(at, facts=replace(at.facts, survivor_fan=math.nan))
    return _march(still, np.broadcast_to(at.runs, (2, *at.supply_c.shape)), at.speed, at.bank.water_c(chw))


def loop_rise_k(model: PlantModel, facts: Redundancy, heat_kw: Array) -> Array:
    """How far the chilled loop warms if the largest chiller trips. Any shape. [K]

    What the economizer takes is not known beforehand, so the worst load between none and all of it on
    the chillers is taken: all, or as much as makes one machine carry everything; and the fewest machines
    that may be running, for each is then the more of it.
    """
    unit = DERATED * max(facts.chiller_kw)
    total = DERATED * sum(facts.chiller_kw)
    running = np.maximum(model.chillers.staging.fewest(heat_kw), 1.0)
    lone = np.minimum(heat_kw, OVERLOAD * max(facts.chiller_kw))
    until = min(facts.standby_s, facts.ride_through_s)

    def not_taken_kj(load: Array, left_kw: Array | float) -> Array:
        first = np.maximum(load - left_kw, 0.0)
        later = np.minimum(first, np.maximum(load - (total - unit), 0.0))
        return np.asarray(first * until + later * (facts.ride_through_s - until))

    lost = np.maximum(not_taken_kj(heat_kw, (running - 1) * unit), not_taken_kj(lone, 0.0))
    return np.asarray(np.minimum(lost / facts.loop_kj_k, _MOST_K))
