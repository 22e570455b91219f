"""What a simulated plant truly did, minute by minute: energies, money, inlets, moves and starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from benchmarks.ceiling_rollout import PERIOD_S, Array, Money
from plant.commands import Command
from plant.readings import Reading
from sim.faults.trips import ride, units_that_may_trip
from sim.plant import SimulatedPlant

_SAMPLE_S = 60.0
_TRIPS_EVERY = 36
_EXACT = 1e-6


@dataclass
class Recorded:
    """A plant that goes on from where it stands, and is watched. Satisfies `plant.ports.Plant`."""

    plant: SimulatedPlant
    trips_every: int = _TRIPS_EVERY
    """Periods between the instants at which every machine is tripped in a copy of the plant."""
    paths: list[Array] = field(default_factory=list)
    """Where the levers were told to be in each period."""
    amounts: list[Array] = field(default_factory=list)
    """Facility, IT and cooling energy [kWh] and water [L], up to the end of each period."""
    inlets: list[Array] = field(default_factory=list)
    """Every true inlet, each minute."""
    running: list[Array] = field(default_factory=list)
    """Chillers told to run, and whether the economizer works, each minute."""
    parts: list[Array] = field(default_factory=list)
    """Chillers, room units, chilled-water pumps, condenser pumps, towers, servers, each minute. [kW]"""

    trips: list[Array] = field(default_factory=list)
    """Warmest inlet of each zone within the ride-through time of the worst trip, at each such instant."""

    def reset(self, start: datetime) -> Sequence[Reading]:
        """Nothing is reset: the plant goes on."""
        return self.plant.readings()

    def advance(self, commands: Sequence[Command], seconds: float) -> Sequence[Reading]:
        """Apply the commands and let time pass, looking every minute."""
        for command in commands:
            self.plant.write(command.point, command.value)
        self.paths.append(positions(self.plant))
        left = seconds
        while left > _EXACT:
            self.plant.step(min(_SAMPLE_S, left))
            left -= _SAMPLE_S
            self._look()
        if len(self.paths) % self.trips_every == 0:
            self._trip()
        true = self.plant.totals()
        self.amounts.append(np.array([true.facility_kwh, true.it_kwh, true.cooling_kwh, true.water_l]))
        return self.plant.readings()

    def follow(self, path: Array) -> None:
        """Take a path (periods, levers) as it is, as nobody but a benchmark may."""
        heartbeat = self.plant.program.heartbeat_point
        for row in path:
            if heartbeat is not None:
                self.plant.write(heartbeat, (self.plant.register(heartbeat) + 1) % 60_000)
            for lever, value in zip(self.plant.site.levers, row.tolist(), strict=True):
                for point in lever.points:
                    self.plant.write(point, value)
            self.advance((), PERIOD_S)

    def _trip(self) -> None:
        seconds = self.plant.site.safety.ride_through_s
        units = units_that_may_trip(self.plant)
        if units:
            self.trips.append(np.stack([ride(self.plant, unit, seconds) for unit in units]).max(axis=0))

    def _look(self) -> None:
        i = self.plant.image
        self.inlets.append(i.state.inlet_c)
        self.running.append(np.append(i.loops.running, i.loops.economizer_on))
        f = i.flows
        self.parts.append(
            np.array([
                f.chiller_kw.sum(), f.crah_kw.sum(), f.chilled_pump_kw, f.condenser_pump_kw,
                f.tower_fan_kw.sum(), f.zone_it_kw.sum(),
            ])
        )  # fmt: skip


PARTS = ("chillers", "room_units", "chilled_pumps", "condenser_pumps", "towers", "servers")


def positions(plant: SimulatedPlant) -> Array:
    """Where each lever of the site stands, as its register has it. Shape (levers,)."""
    return np.array([plant.register(lever.points[0]) for lever in plant.site.levers])


@dataclass(frozen=True)
class Row:
    """One policy in one climate and season."""

    climate: str
    season: str
    signal: str
    policy: str
    facility_kwh: float
    cooling_kwh: float
    it_kwh: float
    carbon_kg: float
    cost: float
    """Energy, carbon at the site's price, and water."""
    water_l: float
    worst_inlet_c: float
    violation_minutes: float
    """Zone-minutes with the warmest rack group above the recommended maximum, by the true inlet."""
    above_planning_minutes: float
    """The same above the planning limit."""
    warmest_after_trip_c: float | None
    """Warmest true inlet, had any one machine tripped (tried each third hour)."""
    trips_survived: float | None
    """Share of those instants at which no trip takes an inlet above its allowable limit."""
    moves: int
    chiller_starts: int
    economizer_starts: int
    inlet_hours: dict[str, float]
    """Hours of the mean rack group by inlet temperature; the key is the lower edge of a 0.5 K bin."""
    parts_kwh: dict[str, float]
    mean_setpoints: dict[str, float]
    economizer_hours: float
    chiller_hours: float


def row_of(
    done: Recorded, where: tuple[str, str, str, str], money: Money, carbon_g_per_kwh: Array, begin: Array
) -> Row:
    """Account for a recorded run; `begin` is where the levers stood before it."""
    amounts = np.diff(np.vstack([np.zeros(4), *done.amounts]), axis=0)
    facility, water = amounts[:, 0], amounts[:, 3]
    inlets, site = np.stack(done.inlets), done.plant.site
    warmest, hours = inlets.max(axis=-1), _SAMPLE_S / 3600
    running, path = np.stack(done.running), np.stack(done.paths)
    starts = np.maximum(np.diff(running, axis=0), 0.0).sum(axis=0)
    total, after = amounts.sum(axis=0), after_trips(done)
    return Row(
        *where,
        facility_kwh=float(total[0]),
        cooling_kwh=float(total[2]),
        it_kwh=float(total[1]),
        carbon_kg=float((facility * carbon_g_per_kwh).sum() / 1000),
        cost=float(money.of(facility, water).sum()),
        water_l=float(total[3]),
        worst_inlet_c=float(warmest.max()),
        violation_minutes=_minutes(warmest, [z.limits.recommended_max_c for z in site.zones]),
        above_planning_minutes=_minutes(warmest, [z.limits.planning_max_c for z in site.zones]),
        warmest_after_trip_c=after[0],
        trips_survived=after[1],
        moves=int((np.abs(np.diff(np.vstack([begin, path]), axis=0)) > _EXACT).sum()),
        chiller_starts=int(starts[:-1].sum()),
        economizer_starts=int(starts[-1]),
        inlet_hours=inlet_hours(inlets, hours),
        parts_kwh=dict(zip(PARTS, (np.stack(done.parts).sum(axis=0) * hours).tolist(), strict=True)),
        mean_setpoints=dict(zip((str(v.id) for v in site.levers), path.mean(axis=0).tolist(), strict=True)),
        economizer_hours=float(running[:, -1].sum() * hours),
        chiller_hours=float(running[:, :-1].sum() * hours),
    )


def after_trips(done: Recorded) -> tuple[float | None, float | None]:
    """Warmest inlet had any machine tripped, and the share of instants at which none passes its limit."""
    if not done.trips:
        return None, None
    warmest = np.stack(done.trips)
    allowed = np.array([z.limits.allowable_max_c for z in done.plant.site.zones])
    survived = (warmest <= allowed).all(axis=1).mean()
    return float(warmest.max()), float(survived)


def _minutes(warmest: Array, limits: Sequence[float]) -> float:
    return float((warmest > np.array(limits)).sum() * _SAMPLE_S / 60)


def inlet_hours(inlets: Array, hours: float) -> dict[str, float]:
    """Hours in each half-kelvin bin, of the mean rack group. `hours` is what one sample counts."""
    groups = inlets[0].size
    edges, counts = np.unique(np.floor(inlets * 2) / 2, return_counts=True)
    return {f"{e:.1f}": float(n * hours / groups) for e, n in zip(edges, counts, strict=True)}
