"""Many simulated sites at once, each run three times from the same weather and work: the saving is known.

As found throughout; switched by a schedule; and under control from some hour on. All are plants of one
batch (`sim.batch`): the simulator's own physics and local controllers. Each site has its own servers'
work and its own season, so that both methods are asked about many different weeks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from plant.history import History
from plant.quantities import Quantity
from plant.site import Site
from reports.switchback import Arm, Schedule
from sim.batch import PlantBatch
from sim.plant import CONTROL_PERIOD_S, SimulatedPlant
from sim.weather import ConstantWeather, WeatherSource, WeatherYear
from sim.workload import ConstantWorkload, DiurnalWorkload

Array = NDArray[np.float64]

STEP_S = 60.0
"""Of the physics; it divides a control period, and the loops' own rates hold it stable up to two minutes."""
SETTLE_H = 12
CONTROL: Mapping[Quantity, float] = {
    Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT: 22.0,
    Quantity.FAN_SPEED_SETPOINT: 0.7,
    Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE_SETPOINT: 12.0,
}
"""What runs under control: warmer air, slower fans, warmer water; the rest as found. [°C, -, °C]"""
_GRID_S = 300.0
"""Of the sites' known weather and work, both of which are linear between such instants."""
_BIAS = {"facility": 0.0007, "it": 0.0014, "cooling": 0.002, "wet_bulb": 0.07, "use": 0.0028}
_NOISE = {"facility": 0.00013, "it": 0.00026, "cooling": 0.0004, "wet_bulb": 0.013, "use": 0.0005}
"""Of a meter and of an hour's mean of it, as `sim.instruments` has them; relative for powers. [-, °C, -]"""


@dataclass(frozen=True)
class Run:
    """Hourly means of one run of every site. Shapes (hours, sites), levers (hours, sites, levers)."""

    facility: Array
    it: Array
    cooling: Array
    levers: Array

    @classmethod
    def blank(cls, site: Site, hours: int, sites: int) -> Run:
        """Nothing yet."""
        facility, it, cooling = np.zeros((3, hours, sites))
        return cls(facility, it, cooling, np.zeros((hours, sites, len(site.levers))))


@dataclass(frozen=True)
class Sites:
    """Every site's three runs: as found throughout, switched by its schedule, and under control late."""

    site: Site
    start: datetime
    as_found: Run
    switched: Run
    later: Run
    wet_bulb: Array
    use: Array
    """Shape (hours, sites, zones)."""
    seeds: Sequence[int]

    def history(self, number: int, run: Run, hours: slice) -> History:
        """What a site's own meters said in a run."""
        rng = np.random.default_rng([self.seeds[number], 0x5EED])
        powers = {"facility": run.facility, "it": run.it, "cooling": run.cooling}
        said = {name: _metered(rng, name, p[hours, number]) for name, p in powers.items()}
        columns: dict[str, Array] = {
            "utility-meter.power": said["facility"],
            "it-meter.power": said["it"],
            "cooling-meter.power": said["cooling"],
            "outdoor.wet-bulb": _sensed(rng, "wet_bulb", self.wet_bulb[hours, number]),
        }
        for z, zone in enumerate(self.site.zones):
            columns[f"{zone.id}.utilization"] = _sensed(rng, "use", self.use[hours, number, z])
        for k, lever in enumerate(self.site.levers):
            columns |= dict.fromkeys(lever.points, run.levers[hours, number, k])
        index = pd.date_range(self.start, periods=len(self.use), freq="h")[hours]
        values = pd.DataFrame(columns, index=index)
        return History(self.site, 3600, values, pd.DataFrame(1.0, index=index, columns=values.columns))


def simulate(
    site: Site,
    weather: WeatherYear,
    seeds: Sequence[int],
    schedules: Sequence[Schedule],
    start: datetime,
    hours: int,
    later_from_h: int,
    step_s: float = STEP_S,
) -> Sites:
    """Run every site as found, by its schedule, and under control from `later_from_h` on.

    A site's season (which day of the typical year its first day is) and its work come from its seed.
    """
    n = len(seeds)
    drivers = [_drivers(site, weather, seed, start, hours) for seed in seeds]
    plants = _settling(site, drivers, start, step_s)
    fleet = Fleet(site, [*plants, *(p.copy() for p in plants)], step_s)
    fleet.hold(SETTLE_H)
    runs = [Run.blank(site, hours, n) for _ in range(3)]
    for h in range(hours):
        if h == later_from_h:
            fleet.add(n)  # until here the late run was the run as found
        now = start + timedelta(hours=h)
        switched = [s.arm_at(now) is Arm.CONTROL for s in schedules]
        control = np.array([False] * n + switched + [True] * n)
        hour = fleet.hour(control[: len(fleet.plants)])
        for number, run in enumerate(runs):
            # The late run is the run as found for as long as it is no plant of its own.
            first = number * n if number * n < len(fleet.plants) else 0
            _put(run, h, hour, slice(first, first + n))
    middles = start.timestamp() + 3600 * (np.arange(hours)[:, None] + (np.arange(60) + 0.5) / 60)
    wet = np.stack([w.at(middles)[1].mean(axis=1) for w, _ in drivers], axis=1)
    use = [u.at(middles.ravel()).reshape(hours, 60, -1).mean(axis=1) for _, u in drivers]
    return Sites(site, start, runs[0], runs[1], runs[2], wet, np.stack(use, axis=1), seeds)


class Fleet:
    """Plants of one description side by side, each as found or under control."""

    def __init__(self, site: Site, plants: list[SimulatedPlant], step_s: float) -> None:
        self.site, self.plants = site, plants
        self._batch, self._step_s = PlantBatch(plants), step_s
        self._found = np.array([lever.as_found for lever in site.levers])
        self._control = np.array([CONTROL.get(v.quantity, v.as_found) for v in site.levers])
        self._most = np.array([lever.max_move for lever in site.levers])
        self._at = np.tile(self._found, (len(plants), 1))

    def add(self, first: int) -> None:
        """Let copies of the first plants go on from where those are."""
        self.plants = [*self.plants, *(p.copy() for p in self.plants[:first])]
        self._batch = PlantBatch(self.plants)
        self._at = np.concatenate([self._at, self._at[:first]])

    def hold(self, hours: int) -> None:
        """Let time pass that nobody asks about."""
        self._batch.step(round(hours * 3600 / self._step_s))

    def hour(self, control: NDArray[np.bool_]) -> Run:
        """One hour; each lever goes to where it is wanted, one move each control period."""
        for plant in self.plants:
            plant.begin_scoring()
        wanted = np.where(control[:, None], self._control, self._found)
        stood, left = np.zeros_like(self._at), round(3600 / CONTROL_PERIOD_S)
        while left:
            self._move(wanted)
            # A step of a batch costs most where it begins: where nothing moves any more, the rest is one.
            periods = left if np.array_equal(self._at, wanted) else 1
            self._batch.step(round(periods * CONTROL_PERIOD_S / self._step_s))
            stood += self._at * periods / round(3600 / CONTROL_PERIOD_S)
            left -= periods
        powers = [(t.facility_kwh, t.it_kwh, t.cooling_kwh) for t in (p.totals() for p in self.plants)]
        facility, it, cooling = np.array(powers).T
        return Run(facility, it, cooling, stood)

    def _move(self, wanted: Array) -> None:
        after = self._at + np.clip(wanted - self._at, -self._most, self._most)
        for k, lever in np.argwhere(after != self._at):
            for point in self.site.levers[lever].points:
                self.plants[k].write(point, float(after[k, lever]))
        self._at = np.where(np.isclose(after, wanted), wanted, after)


@dataclass(frozen=True)
class _Known:
    """Columns known every `_GRID_S`, linear between. Shape (instants, columns)."""

    begin_s: float
    table: Array

    def at(self, unix_s: Array) -> Array:
        place = (np.asarray(unix_s, float) - self.begin_s) / _GRID_S
        before = np.minimum(place.astype(int), len(self.table) - 2)
        after: Array = (place - before)[..., None]
        return np.asarray((1 - after) * self.table[before] + after * self.table[before + 1])


@dataclass(frozen=True)
class _KnownWeather:
    known: _Known

    def at(self, unix_s: Array) -> tuple[Array, Array]:
        found = self.known.at(unix_s)
        return found[..., 0], found[..., 1]


def _drivers(
    site: Site, weather: WeatherSource, seed: int, start: datetime, hours: int
) -> tuple[_KnownWeather, _Known]:
    """A site's outdoor air and work, asked once: thousands of short steps will look them up."""
    season_s = 86_400.0 * int(np.random.default_rng([seed, 0xDA7]).integers(0, 365))
    begin = start.timestamp() - SETTLE_H * 3600
    instants: Array = begin + _GRID_S * np.arange((SETTLE_H + hours) * 3600 / _GRID_S + 1)
    air = np.stack(weather.at(instants + season_s), axis=1)
    work = DiurnalWorkload(len(site.zones), seed, -5.0).at(instants)
    return _KnownWeather(_Known(begin, air)), _Known(begin, work)


def _settling(
    site: Site, drivers: Sequence[tuple[_KnownWeather, _Known]], start: datetime, step_s: float
) -> list[SimulatedPlant]:
    """A plant for each site, all from one settled state; the hours before `start` make them differ."""
    mild, half_busy = ConstantWeather(15.0, 12.0), ConstantWorkload((0.6,) * len(site.zones))
    first = SimulatedPlant(site, None, mild, half_busy, 1, step_s)
    first.reset(start.astimezone(UTC) - timedelta(hours=SETTLE_H))
    plants = []
    for weather, work in drivers:
        plant = first.copy()
        plant.weather, plant.workload = weather, work
        plants.append(plant)
    return plants


def _put(run: Run, hour: int, found: Run, plants: slice) -> None:
    run.facility[hour], run.it[hour] = found.facility[plants], found.it[plants]
    run.cooling[hour], run.levers[hour] = found.cooling[plants], found.levers[plants]


def _metered(rng: np.random.Generator, name: str, true: Array) -> Array:
    bias = 1 + _BIAS[name] * rng.standard_normal()
    return np.asarray(true * (bias + _NOISE[name] * rng.standard_normal(len(true))))


def _sensed(rng: np.random.Generator, name: str, true: Array) -> Array:
    bias = _BIAS[name] * rng.standard_normal()
    return np.asarray(true + bias + _NOISE[name] * rng.standard_normal(true.shape))
