"""What the racks would see if a machine tripped, for many positions of the levers at once.

After an air unit's trip the others move what the site declares; the zone's air gain per load
d = P/(C r) jumps, and with it the recirculation that the inlet law has learned. Heat that is not taken
away first warms the zone's own store, racks and floor, of which its time constant tells:
C dT_back/dt = P - C_air r (T_back - T_supply). After a chiller's trip the loop warms by what is not
taken from it until a standby has taken over.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from optimizer.before_trip import MOST_GAIN_K, Before
from optimizer.identify.load_growth import LEAST
from optimizer.model import PlantModel
from optimizer.problem import Problem
from optimizer.units_left import DERATED, LEAST_AIR, UnitsLeft
from plant.forecast import Array
from plant.redundancy import UNEVEN, Redundancy

AIR_S = 20.0
"""Time in which a cold aisle's air follows a jump in airflow. [s]"""
OVERLOAD = 1.05
"""What a chiller may have carried before it trips, over its nameplate. [-]"""
SERVER_POWER = 1.02
"""What server fans may add in the warmer air after a trip: as the supervisor reckons
(`controller.contingency`). [-]"""
_SUBSTEPS, _LATER = 4, 2
_SHARES = tuple(max(0.0, 2.0 * (k + 0.5) / _SUBSTEPS - 1.0) for k in range(_SUBSTEPS))
"""How far the ramp is: half of the declared time passes before anybody notices, it takes the rest. [-]"""


def after_trip_c(
    problem: Problem, supply_c: Array, speed: Array, chw_c: Array, load_kw: Array, load_std_kw: Array
) -> Array:
    """Warmest inlet of each zone after the worst trip, margins inside. Zone arrays, zones last. [°C]

    What is likely, and what a load higher by a standard deviation, or later by what it may grow meanwhile,
    with warm servers and uneven air units, makes of it; the latter's excess and the law's own spread are
    independent and add as squares.
    """
    at = standing(problem, supply_c, speed, load_kw, load_std_kw)
    return np.asarray(np.maximum(air_trip_c(at, chw_c), _chiller_trip_c(at, chw_c)))


def standing(problem: Problem, supply_c: Array, speed: Array, load_kw: Array, load_std_kw: Array) -> Before:
    """Where things stand before a trip, at the likely load and at the higher one. Zones last."""
    facts = problem.redundancy
    # Both loads at once, before the axes that the paths have and the loads have not.
    between = [1] * (supply_c.ndim - load_kw.ndim)
    servers = np.array([1.0, SERVER_POWER]).reshape(2, *([1] * supply_c.ndim))

    def both(growth: Array | float) -> Array:
        more = np.maximum(load_std_kw, growth * load_kw)
        return np.stack([load_kw, load_kw + more]).reshape(2, *between, *load_kw.shape)

    at_once, later = both(LEAST), both(problem.model.bank.growth)
    return Before(problem, facts, supply_c, speed, at_once, at_once * servers, later * servers)


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
    facts, gain = at.facts, at.gain_k(np.maximum(at.speed, LEAST_AIR))
    back = at.supply_c + gain
    inlet = at.supply_c + at.rise_k(gain, np.broadcast_to(at.supply_c, gain.shape))
    warmest, step_s = np.full(at.supply_c.shape, -np.inf), facts.survivor_ramp_s / _SUBSTEPS
    ramped = _SHARES if step_s > 0 and not np.isnan(facts.survivor_fan) else ()
    units = UnitsLeft(at, left, at.speed, water, blows)
    for k, share in enumerate(ramped):
        if k and share != ramped[k - 1]:
            units = replace(units, speed=at.speed + (after - at.speed) * share)
        back = units.warmed_c(back, step_s)
        inlet = inlet - np.expm1(-step_s / AIR_S) * (units.inlet_c(back) - inlet)
        warmest = np.maximum(warmest, at.warmest(inlet, units.gain_k))
    units = replace(units, at=at.later, speed=after)
    step_s = max(facts.ride_through_s - len(ramped) * step_s, 1.0) / _LATER
    for _ in range(_LATER):
        back = units.warmed_c(back, step_s)
    return np.asarray(np.maximum(warmest, at.warmest(units.inlet_c(back), units.gain_k)))


def _chiller_trip_c(at: Before, chw: Array) -> Array:
    """Warmest inlet with the loop from the start as warm as it gets within the ride-through time. [°C]"""
    if not at.facts.chillers:
        return np.full(at.supply_c.shape, -np.inf)
    heat = at.problem.model.load_kw((at.load_kw + at.bank.fan_kw(at.speed)).sum(axis=-1))
    return warm_loop_c(at, chw + loop_rise_k(at.problem.model, at.facts, heat))


def warm_loop_c(at: Before, chw: Array) -> Array:
    """Warmest inlet with every air unit at work that runs and the loop so warm. [°C]"""
    still = replace(at, facts=replace(at.facts, survivor_fan=math.nan))
    return _march(still, np.ones((2, *at.supply_c.shape)), at.speed, at.bank.water_c(chw))


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
    return np.asarray(np.minimum(lost / facts.loop_kj_k, MOST_GAIN_K))
