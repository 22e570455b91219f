"""What if a machine tripped now: the supervisor's own reckoning of what the racks would see.

Written apart from `optimizer.contingency` on purpose: this one walks through the ride-through time in
small steps, for one trip after the other, from the calibrated laws or, where a law is not trusted, from
nameplates. It walks twice: once with what is known, once with everything on the side that warms
(load a little higher than now, air units uneven); what the second adds and the spread of the laws are
independent of each other, so they add up as squares. For a chiller's trip the water is the warmest of
both: chillers weaker than their plates, no more water in the loop than was declared, a standby that
gives nothing until its time is up.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from controller.contingency_air import AirLaw, air_law
from optimizer.identify.load_growth import LEAST
from optimizer.model import PlantModel
from plant.forecast import Array
from plant.idle_units import redundancy_now, running_speed
from plant.points import SITE, OwnerId
from plant.quantities import Quantity
from plant.redundancy import AirTrip, Redundancy, declared_redundancy
from plant.setpoints import LeverId
from plant.site import Site
from plant.snapshot import Snapshot

SIGMAS = 2.0
"""Margin of the laws, in their own standard deviations."""
FINE_S, COARSE_S, FINE_FOR_S = 15.0, 60.0, 300.0
"""Steps of the walk: fine while things jump, coarse while they settle. [s]"""
AIR_S = 20.0
"""Time in which a cold aisle's air follows what is blown into it. [s]"""
SERVER_POWER = 1.02
"""Server fans may raise the IT load by this much in warmer air. [-]"""
DERATED, OVERLOAD = 0.95, 1.05
"""A chiller is counted on for less than its plate after a trip, and taken to carry more before it. [-]"""
TOLD_C = 60.0
"""Beyond it machines have shut down; how much hotter it would get is told nobody. [°C]"""
HOT_C = 40.0
"""Outdoor air where none is measured. [°C]"""
NO_WORSE_K = 0.1


@dataclass(frozen=True, slots=True)
class TripOutcome:
    """One trip and the zone it hurts most: warmest inlet within the ride-through time. [°C]"""

    unit: OwnerId
    zone: OwnerId
    inlet_c: float
    allowable_c: float
    minutes: float
    """Until the allowable limit is passed; infinite where it is not. [min]"""

    @property
    def margin_k(self) -> float:
        """Room left below the allowable limit. [K]"""
        return self.allowable_c - self.inlet_c

    @property
    def sentence(self) -> str:
        """In plant words."""
        if self.margin_k >= 0:
            return f"if {self.unit} trips, {self.zone} reaches {self.inlet_c:.1f} °C at most"
        hot = f"more than {TOLD_C:g} °C" if self.inlet_c > TOLD_C else f"{self.inlet_c:.1f} °C"
        passes = f"passes {self.allowable_c:g} °C after {self.minutes:.0f} min"
        return f"if {self.unit} trips, {self.zone} {passes} and reaches {hot}"


@dataclass(frozen=True)
class Standing:
    """Where everything stands at some instants. Zone arrays (instants, zones), the others (instants,)."""

    supply_c: Array
    speed: Array
    chw_c: Array
    it_kw: Array
    outdoor_c: Array
    """Dry bulb; not known, it is taken to be hot."""
    bias_k: Array
    """How much warmer each zone's warmest inlet is than its law says. Shape (zones,)."""
    runs: Array
    """Share of each zone's air units, by rated air, that is not seen to stand still. Shape (zones,). [-]"""
    trips: tuple[AirTrip, ...]
    """Of each zone the trip that leaves it least air, of the units that run."""

    @property
    def known(self) -> bool:
        """Whether every number is there."""
        arrays = (self.supply_c, self.speed, self.chw_c, self.it_kw)
        return all(bool(np.isfinite(a).all()) for a in arrays)


class TripCheck:
    """Asks, for any position of the levers: what if one machine tripped?"""

    def __init__(self, site: Site, model: PlantModel | None) -> None:
        self._site = site
        self._model = model
        self._facts: Redundancy = declared_redundancy(site)
        self._air: tuple[AirLaw, ...] = tuple(air_law(site, zone, model) for zone in site.zones)

    @property
    def asked(self) -> bool:
        """Whether the site names any machine that may trip."""
        return bool(self._facts.air or self._facts.chillers)

    def now(
        self, snapshot: Snapshot, moved: Mapping[LeverId, float] | None = None
    ) -> tuple[TripOutcome, ...]:
        """The worst trip of each zone, with the levers where the plant says, or with some moved.

        Empty where positions or load are not known: nothing is proposed then in any case.
        """
        standing = self.standing(snapshot, moved or {})
        return self._worst(standing) if standing.known else ()

    def standing(self, snapshot: Snapshot, moved: Mapping[LeverId, float]) -> Standing:
        """One instant: the snapshot, with some levers moved."""
        zones = self._site.zones
        supply, speed, load = np.array([self._zone_stands(z.id, snapshot, moved) for z in zones]).T
        chw = self._position(SITE, Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE_SETPOINT, snapshot, moved)
        seen = snapshot.mean(SITE, Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE)
        water = np.nanmax([chw, seen]) if not (math.isnan(chw) and math.isnan(seen)) else 7.0
        outdoor = snapshot.mean(SITE, Quantity.OUTDOOR_DRY_BULB)
        outdoor = HOT_C if math.isnan(outdoor) else outdoor
        bias = np.array([law.bias_k(snapshot) for law in self._air])
        facts = redundancy_now(self._site, snapshot)
        return Standing(
            supply[None, :],
            speed[None, :],
            np.array([water]),
            load[None, :],
            np.array([outdoor]),
            bias,
            np.array([facts.runs_of(z.id) for z in zones]),
            facts.air,
        )

    def _worst(self, standing: Standing) -> tuple[TripOutcome, ...]:
        """The worst trip for each zone over all instants."""
        outcomes = [
            *(self._air_trip(trip, standing) for trip in standing.trips),
            *self._chiller_trips(standing),
        ]
        found: dict[OwnerId, TripOutcome] = {}
        for outcome in outcomes:
            worst = found.get(outcome.zone)
            if worst is None or outcome.inlet_c > worst.inlet_c:
                found[outcome.zone] = outcome
        return tuple(found[z.id] for z in self._site.zones if z.id in found)

    def _air_trip(self, trip: AirTrip, standing: Standing) -> TripOutcome:
        index = next(i for i, z in enumerate(self._site.zones) if z.id == trip.zone)
        water = np.broadcast_to(standing.chw_c, (len(self._ends_s), len(standing.chw_c)))
        return self._outcome(trip.unit, index, self._warmest(index, trip, standing, water))

    def _chiller_trips(self, standing: Standing) -> list[TripOutcome]:
        """The largest chiller stands for all: which one runs is the plant's to choose."""
        if not self._facts.chillers:
            return []
        sizes = self._facts.chiller_kw
        unit = self._facts.chillers[min(int(np.argmax(sizes)), len(self._facts.chillers) - 1)]
        water = self._loop_c(standing)
        return [
            self._outcome(unit, i, self._warmest(i, None, standing, water))
            for i in range(len(self._site.zones))
        ]

    @cached_property
    def _ends_s(self) -> Array:
        """Ends of the walk's steps; the last is not before the ride-through time. [s]"""
        whole = self._facts.ride_through_s
        fine = np.arange(FINE_S, min(whole, FINE_FOR_S) + FINE_S, FINE_S)
        return np.concatenate([fine, np.arange(fine[-1] + COARSE_S, whole + COARSE_S, COARSE_S)])

    @cached_property
    def _lengths_s(self) -> Array:
        return np.diff(self._ends_s, prepend=0.0)

    def _warmest(self, index: int, trip: AirTrip | None, standing: Standing, water_c: Array) -> Array:
        """Warmest inlet of a zone, margins inside, step by step. Shape (steps, instants). [°C]"""
        load = standing.it_kw[:, index]
        runs = float(standing.runs[index])
        left, least = (runs, runs) if trip is None else (trip.left, trip.least)
        # Of a unit with compressors of its own they may stop alone: its fan then blows what comes back.
        ways = (False, True) if trip is not None and self._air[index].dx_kw > 0 else (False,)
        paths = [self._margined(index, left, least, load, standing, water_c, b) for b in ways]
        return np.asarray(np.max(paths, axis=0))

    def _margined(
        self,
        index: int,
        left: float,
        least: float,
        load: Array,
        standing: Standing,
        water_c: Array,
        blows: bool,
    ) -> Array:
        """Of one way to trip: the likely path, and the margin. Shape (steps, instants). [°C]"""
        likely, spread = self._march(index, left, load, standing, water_c, blows=blows)
        at_worst, _ = self._march(
            index, least, SERVER_POWER * load, standing, water_c, blows=blows, grows=True
        )
        return np.asarray(likely + np.hypot(SIGMAS * spread, np.maximum(at_worst - likely, 0.0)))

    def _march(
        self,
        index: int,
        left: float,
        at_trip_kw: Array,
        standing: Standing,
        water_c: Array,
        *,
        blows: bool = False,
        grows: bool = False,
    ) -> tuple[Array, Array]:
        """Warmest inlet of a zone and its law's spread, with a share of its units left. (steps, instants).

        ``blows``: what is not left goes on blowing, uncooled. ``grows``: so does the load, as far as it may.
        """
        law, facts = self._air[index], self._facts
        supply, speed = standing.supply_c[:, index], np.maximum(standing.speed[:, index], 0.02)
        bias, runs = float(standing.bias_k[index]), float(standing.runs[index])
        target = np.array([facts.speed_after(float(r)) for r in speed])
        flows = np.maximum(runs * speed, 0.02)
        growth = self._growth(law) if grows else np.zeros(len(self._ends_s))
        before = at_trip_kw * (1.0 + growth[0])
        inlet = supply + law.rise_k(before, flows, supply, bias)
        back_c = supply + law.gain_k(before, flows)
        path, spread = np.empty((2, len(self._ends_s), len(supply)))
        for k, (end_s, step_s) in enumerate(zip(self._ends_s, self._lengths_s, strict=True)):
            load = at_trip_kw * (1.0 + growth[k])
            # Half of the declared time passes before anybody notices; the ramp takes the rest.
            share = (end_s - step_s / 2) / max(facts.survivor_ramp_s, FINE_S)
            ramped = min(1.0, max(0.0, 2.0 * share - 1.0))
            now = speed + (target - speed) * ramped
            cooled = np.maximum(left * now, 0.02)
            moved = np.maximum(runs * now, 0.02) if blows else cooled
            made = law.made_c(back_c, now, water_c[k], left=left, outdoor_c=standing.outdoor_c)
            given = np.maximum(supply, made)
            given = given + (back_c - given) * (1.0 - cooled / moved)
            gain = law.gain_k(load, moved)
            # Heat that is not taken away stays in the aisle, in racks and floor: they warm first.
            back_c = back_c + (given + gain - back_c) * -np.expm1(-step_s / law.warms_in_s(moved))
            # Exhaust that comes back is no warmer than that.
            returned = np.clip((back_c - given) / gain, 0.0, 1.0)
            rise = law.rise_k(load, moved, given, bias) * returned
            inlet = inlet + (given + rise - inlet) * -math.expm1(-step_s / AIR_S)
            path[k], spread[k] = inlet, law.spread_k(load, moved)
        return path, spread

    def _growth(self, law: AirLaw) -> Array:
        """What the load may have grown by: a little at once, more as time passes. Shape (steps,). [-]"""
        passed = self._ends_s / self._ends_s[-1]
        return np.asarray(LEAST + (law.growth - LEAST) * passed)

    def _loop_c(self, standing: Standing) -> Array:
        """Chilled water after a chiller's trip, step by step. Shape (steps, instants). [°C]"""
        facts, sizes = self._facts, self._facts.chiller_kw
        unit, total = max(sizes), sum(sizes)
        fans = sum(law.fan_kw(standing.speed[:, i]) for i, law in enumerate(self._air))
        # All zones together rise by little while nobody acts, whatever one of them may do.
        heat = (1.0 + LEAST) * standing.it_kw.sum(axis=1) + fans
        load = heat if self._model is None else np.maximum(self._model.load_kw(heat), heat)
        # The plant may run as few machines as can carry the load: then one trip takes most of it away.
        running = np.clip(np.ceil(load / (OVERLOAD * unit)), 1, len(sizes))
        # Or the economizer takes so much that one machine carries the rest.
        lone = np.minimum(load, OVERLOAD * unit)
        several, one = standing.chw_c.copy(), standing.chw_c.copy()
        path = np.empty((len(self._ends_s), len(several)))
        for k, (end_s, step_s) in enumerate(zip(self._ends_s, self._lengths_s, strict=True)):
            started = end_s > facts.standby_s
            after = DERATED * (total - unit) if started else 0.0
            left = np.maximum(DERATED * (running - 1) * unit, after)
            several = several + np.maximum(load - left, 0.0) * step_s / facts.loop_kj_k
            one = one + np.maximum(lone - after, 0.0) * step_s / facts.loop_kj_k
            path[k] = np.maximum(several, one)
        return path

    def _outcome(self, unit: OwnerId, index: int, path: Array) -> TripOutcome:
        zone = self._site.zones[index]
        allowed = zone.limits.allowable_max_c
        over = np.flatnonzero((path > allowed).any(axis=1))
        minutes = float(self._ends_s[over[0]] / 60) if over.size else math.inf
        return TripOutcome(unit, zone.id, float(path.max()), allowed, minutes)

    def _zone_stands(
        self, zone: OwnerId, snapshot: Snapshot, moved: Mapping[LeverId, float]
    ) -> tuple[float, float, float]:
        """Supply air, fan speed and load of a zone; where the air is warmer than asked, as it is."""
        asked = self._position(zone, Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT, snapshot, moved)
        seen = snapshot.zone_mean(zone, Quantity.SUPPLY_AIR_TEMPERATURE)
        speed = self._position(zone, Quantity.FAN_SPEED_SETPOINT, snapshot, moved)
        if math.isnan(speed):
            speed = running_speed(self._site, zone, snapshot)
        # Air that is not yet, or cannot be, as cool as asked is what a trip would find.
        supply = max((v for v in (asked, seen) if not math.isnan(v)), default=math.nan)
        return supply, speed, snapshot.mean(zone, Quantity.IT_POWER)

    def _position(
        self, owner: OwnerId, quantity: Quantity, snapshot: Snapshot, moved: Mapping[LeverId, float]
    ) -> float:
        """Where an owner's levers of a quantity stand; the side that cools less where there are several."""
        owners = {owner, *(e.id for e in self._site.equipment if owner != SITE and e.zone == owner)}
        if owner == SITE:
            owners |= {e.id for e in self._site.equipment if e.zone is None}
        levers = [lv for lv in self._site.levers if lv.owner in owners and lv.quantity is quantity]
        values = [moved.get(lv.id, snapshot.lever_value(lv)) for lv in levers]
        if not values or any(math.isnan(v) for v in values):
            return math.nan
        return min(values) if quantity is Quantity.FAN_SPEED_SETPOINT else max(values)
