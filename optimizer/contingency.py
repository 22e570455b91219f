"""Room for a trip: what a path leads to if any one air unit or chiller stops at any of its steps.

Settled laws on the safe side, for many candidates at once: the planner keeps this room, and the
supervisor checks it again by other code (`controller.contingency`). After an air unit's trip the
others move what the site declares; the zone's air gain per load d = P/(C r) jumps, and with it the
recirculation that the inlet law has learned. After a chiller's trip the loop warms by what is not
taken from it until a standby has taken over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.model import PlantModel
from optimizer.problem import Problem
from plant.forecast import Array
from plant.redundancy import Redundancy, declared_redundancy

AIR_S = 45.0
"""Time in which a cold aisle's air follows a jump in airflow. Racks and floor slow it more than this. [s]"""
HOT_AISLE_S = 90.0
"""Time in which the air that comes back warms to what less supply makes of it. Racks slow it more. [s]"""
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
KEPT_K = 0.5
"""Room the planner keeps beyond its own reckoning, so that the supervisor's finds it kept too. [K]"""
PRICED_H = 4.0
"""How far ahead missing room costs a path anything: levers come back from anywhere in less. [h]"""
SPEED_OFFSETS = np.array([-0.1, 0.0, 0.1])
_SUBSTEPS, _NUDGE_K = 4, 0.5
_MOST_K = 60.0


@dataclass(frozen=True)
class TripRoom:
    """Shapes (candidates, steps, zones): warmest inlet after the worst trip, and its limit less margins."""

    inlet_c: Array
    allowed_c: Array

    @property
    def excess_k(self) -> Array:
        """How far the limit would be passed. [K]"""
        return np.asarray(self.inlet_c - self.allowed_c)


def keeps_room(problem: Problem) -> bool:
    """Whether the site asks for this at all."""
    return problem.settings.n_minus_one and bool(problem.site.safety.n_minus_one)


def trip_room(problem: Problem, paths: Array) -> TripRoom:
    """What each step of candidate paths (candidates, steps, axes) would lead to if a machine tripped then.

    Paths may be cut short: their steps are the first ones.
    """
    course, world, steps = problem.board.unpack(paths), problem.world, paths.shape[1]
    where = (course.supply_c, course.speed, course.chw_c)
    warmest = after_trip_c(problem, *where, world.it_reference_kw[:steps], world.it_std_kw[:steps])
    allowed = np.array([z.limits.allowable_max_c for z in problem.site.zones]) - KEPT_K
    return TripRoom(warmest, np.broadcast_to(allowed, warmest.shape))


def after_trip_c(
    problem: Problem, supply_c: Array, speed: Array, chw_c: Array, load_kw: Array, load_std_kw: Array
) -> Array:
    """Warmest inlet of each zone after the worst trip, margins inside. Zone arrays, zones last. [°C]

    The margin takes the law's spread as a plan's own inlets do, and the load's at one standard
    deviation: a trip in the very hour of an unusual load is two rare things at once.
    """
    facts, bank = declared_redundancy(problem.site), problem.model.bank
    # Both loads at once, before the axes that the paths have and the loads have not.
    between = [1] * (supply_c.ndim - load_kw.ndim)
    load = np.stack([load_kw, load_kw + load_std_kw]).reshape(2, *between, *load_kw.shape)
    power = load + bank.rise_kw(np.full((*load.shape, bank.sensors), WARM_C), load)
    where = (supply_c, speed, chw_c)
    air, spread = _air_trip(problem, facts, *where, power)
    both = np.maximum(air, _chiller_trip(problem, facts, *where, load, power))
    inlet, more = both[0], both[1]
    return np.asarray(inlet + np.hypot(problem.settings.sigmas * spread[0], more - inlet))


def _air_trip(
    problem: Problem, facts: Redundancy, supply: Array, speed: Array, chw: Array, power: Array
) -> tuple[Array, Array]:
    """The larger of what inlets jump to before the others have come up, and where they settle after."""
    left = np.array([facts.left_of(z.id) for z in problem.site.zones])
    after = speed if np.isnan(facts.survivor_fan) else np.maximum(speed, facts.survivor_fan)
    settled = _Settled.of(problem, supply, left, after, chw, power)
    if np.isnan(facts.survivor_fan):
        return settled.inlet_c, settled.spread_k
    before = _Settled.of(problem, supply, np.ones_like(left), speed, chw, power)
    inlet, warmest = before.inlet_c, settled.inlet_c
    step_s = max(facts.survivor_ramp_s, 1.0) / _SUBSTEPS
    for k in range(_SUBSTEPS):
        # Half of the declared time passes before anybody notices; the ramp takes the rest.
        share = max(0.0, 2.0 * (k + 0.5) / _SUBSTEPS - 1.0)
        now = _Settled.of(problem, supply, left, speed + (after - speed) * share, chw, power)
        # Exhaust that comes back is at first no warmer than it was: the hot aisle has yet to warm.
        warmed = -np.expm1(-step_s * (k + 1) / HOT_AISLE_S)
        gap = before.gain_k + np.maximum(now.gain_k - before.gain_k, 0.0) * warmed
        jump = now.supply_c + now.rise_k * np.minimum(gap / now.gain_k, 1.0)
        inlet = inlet - np.expm1(-step_s / AIR_S) * (jump - inlet)
        warmest = np.maximum(warmest, inlet)
    return np.asarray(warmest), settled.spread_k


@dataclass(frozen=True)
class _Settled:
    """Where a zone settles with a share of its units left, at a speed. Zone arrays, zones last."""

    supply_c: Array
    gain_k: Array
    rise_k: Array
    """Warmest inlet above supply."""
    spread_k: Array

    @property
    def inlet_c(self) -> Array:
        """The warmest inlet. [°C]"""
        return np.asarray(self.supply_c + self.rise_k)

    @classmethod
    def of(
        cls, problem: Problem, supply: Array, left: Array, speed: Array, chw: Array, power: Array
    ) -> _Settled:
        bank = problem.model.bank
        moved = np.maximum(left * speed, 0.02)
        heat = power + bank.fan_kw(speed) * left
        coolest = chw[..., None] + heat / (bank.air_kw_k * moved) * bank.open_valve_excess(speed)
        given = np.maximum(supply, coolest)
        gain = np.minimum(power / (bank.air_kw_k * moved), _MOST_K)
        inside = np.minimum(gain, np.maximum(bank.gain_high_k, 1.0))
        bias = bank.padded(problem.world.inlet_bias_k, 0.0)
        law = (bank.rise_k(gain, given) + bias).max(axis=-1)
        floor = (bank.rise_k(inside, given) + bias).max(axis=-1) + STEEPEST * (gain - inside)
        spread = np.sqrt(bank.std_k**2 + UNLIKE_STD_K**2 + (BEYOND_STD * (gain - inside)) ** 2)
        rise = np.maximum(law, floor)
        short = np.clip((gain - SHORT_FROM_K) / SHORT_WITHIN_K, 0.0, 1.0)
        learned = law - (bank.rise_k(gain, np.minimum(given, COOL_C)) + bias).max(axis=-1)
        warm = WARM_SERVERS * short * np.maximum(given + rise - WARM_FROM_C, 0.0)
        warm = np.maximum(warm - learned, 0.0)
        return cls(given, gain, rise + warm, spread)


def _chiller_trip(
    problem: Problem, facts: Redundancy, supply: Array, speed: Array, chw: Array, load: Array, power: Array
) -> Array:
    """Warmest inlet with the loop as warm as it gets within the ride-through time. [°C]"""
    everything = np.ones(len(problem.model.zones))
    if not facts.chillers:
        return np.full(supply.shape, -np.inf)
    heat = problem.model.load_kw((load + problem.model.bank.fan_kw(speed)).sum(axis=-1))
    warmer = loop_rise_k(problem.model, facts, heat)
    return _Settled.of(problem, supply, everything, speed, chw + warmer, power).inlet_c


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


def room_price(problem: Problem, paths: Array, before_h: Array) -> Array:
    """What the missing room costs candidate paths in the score. Shape (candidates,).

    `before_h` weighs steps by how soon they come. Priced as inlets above their limit are.
    """
    if not keeps_room(problem):
        return np.zeros(paths.shape[0])
    hours = problem.grid.step_h
    soon = int(np.count_nonzero(hours * np.arange(problem.grid.steps) < PRICED_H))
    over = np.maximum(trip_room(problem, paths[:, :soon]).excess_k, 0.0).max(axis=-1)
    return np.asarray((over * before_h[:soon]).sum(axis=1) * hours * problem.settings.violation_cost_per_k_h)


@dataclass(frozen=True)
class TripCuts:
    """Cuts of the room for a trip around a path: (blocks, zones, cuts) twice, (blocks, zones) twice."""

    level: Array
    per_speed: Array
    per_supply: Array
    per_chw: Array

    def only(self, zones: NDArray[np.intp]) -> tuple[Array, Array, Array, Array]:
        """Some zones' cuts, in the order the law loads them."""
        return (
            self.level[:, zones],
            self.per_speed[:, zones],
            self.per_supply[:, zones],
            self.per_chw[:, zones],
        )


def trip_cuts(problem: Problem, mean: Callable[[Array], Array], at: Array) -> TripCuts:
    """Chords over fan speed, and slopes over supply air and water, around a path ``at`` (blocks, axes).

    ``mean`` gathers steps into blocks.
    """
    blocks, zones, cuts = len(at), len(problem.model.zones), len(SPEED_OFFSETS) - 1
    if not keeps_room(problem):
        none = np.zeros((blocks, zones))
        return TripCuts(np.full((blocks, zones, cuts), -_MOST_K), np.zeros((blocks, zones, cuts)), none, none)
    course, world = problem.board.unpack(at), problem.world
    load = mean(world.it_reference_kw), mean(world.it_std_kw)
    allowed = np.array([z.limits.allowable_max_c for z in problem.site.zones]) - KEPT_K

    supply, chw, speed = course.supply_c, course.chw_c, course.speed
    # All points at once: the reference, air and water warmer, then the speeds.
    points = 3 + len(SPEED_OFFSETS)
    supplies = np.broadcast_to(supply, (points, *supply.shape)).copy()
    waters = np.broadcast_to(chw, (points, *chw.shape)).copy()
    speeds = np.broadcast_to(speed, (points, *speed.shape)).copy()
    supplies[1] += _NUDGE_K
    waters[2] += _NUDGE_K
    speeds[3:] = np.clip(speed + SPEED_OFFSETS[:, None, None], 0.1, 1.1)
    over = after_trip_c(problem, supplies, speeds, waters, *load) - allowed
    per_supply, per_chw = (over[1] - over[0]) / _NUDGE_K, (over[2] - over[0]) / _NUDGE_K
    values, speeds = np.moveaxis(over[3:], 0, -1), np.moveaxis(speeds[3:], 0, -1)
    slope = np.diff(values, axis=-1) / np.maximum(np.diff(speeds, axis=-1), 1e-6)
    fixed = (per_supply * supply + per_chw * chw[:, None])[..., None]
    return TripCuts(values[..., :-1] - slope * speeds[..., :-1] - fixed, slope, per_supply, per_chw)


def room_binds(problem: Problem, path: Array, steps: int, within_k: float) -> tuple[str, ...]:
    """Zones whose room for a trip limits a path (steps, axes) in its first steps, in plant words."""
    if not keeps_room(problem):
        return ()
    spare = -trip_room(problem, path[None, :steps]).excess_k[0].max(axis=0)
    return tuple(
        f"{z.id} must stay under {z.limits.allowable_max_c:g} °C if one of its air units or a chiller trips"
        for z, s in zip(problem.site.zones, spare, strict=True)
        if s < within_k
    )
