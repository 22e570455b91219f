"""Many simulated sites at once, each run twice from the same weather and work: the true saving is known.

All sites are one batch of the simulator's own physics and local controllers. Each has its own servers'
work and its own season; a third run of each follows a switchback, so that both methods see one truth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from plant.history import History
from plant.quantities import Quantity
from plant.site import Site
from reports.switchback import Arm, Schedule
from sim.dynamics import step_plant
from sim.loops import control
from sim.physics.moisture import ratio_from_wet_bulb
from sim.plant import SimulatedPlant
from sim.plc import Registers
from sim.state import Weather
from sim.weather import ConstantWeather, WeatherYear
from sim.workload import ConstantWorkload, DiurnalWorkload

Array = NDArray[np.float64]

STEP_S = 60.0
"""Of the physics; the loops' own rates hold it stable up to two minutes."""
SETTLE_H = 12
RAMP_S = 5400.0
"""A switch takes an hour and a half, as one move each control period does."""
CONTROL: Mapping[Quantity, float] = {
    Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT: 22.0,
    Quantity.FAN_SPEED_SETPOINT: 0.7,
    Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE_SETPOINT: 12.0,
}
"""What runs under control: warmer air, slower fans, warmer water; the rest as found. [°C, -, °C]"""
_BIAS = {"facility": 0.0007, "it": 0.0014, "cooling": 0.002, "wet_bulb": 0.07, "use": 0.0028}
_NOISE = {"facility": 0.00013, "it": 0.00026, "cooling": 0.0004, "wet_bulb": 0.013, "use": 0.0005}
"""Of a meter and of an hour's mean of it, as `sim.instruments` has them; relative for powers. [-, °C, -]"""


@dataclass(frozen=True)
class Hours:
    """Hourly means of one run of every site. Shapes (hours, sites), utilization (hours, sites, zones)."""

    facility: Array
    it: Array
    cooling: Array


@dataclass(frozen=True)
class Sites:
    """Every site's three runs: as found throughout, switched by its schedule, and under control late."""

    site: Site
    start: datetime
    as_found: Hours
    switched: Hours
    later: Hours
    wet_bulb: Array
    use: Array
    shares: tuple[Array, Array]
    """How far from as found to control the switched and the later run stood. (hours, sites) each."""
    seeds: Sequence[int]

    def history(self, number: int, run: Hours, share: Array, hours: slice) -> History:
        """What a site's own meters said in a run."""
        rng = np.random.default_rng([self.seeds[number], 0x5EED])
        measured = {name: self._said(rng, name, run, number, hours) for name in ("facility", "it", "cooling")}
        columns: dict[str, Array] = {
            "utility-meter.power": measured["facility"],
            "it-meter.power": measured["it"],
            "cooling-meter.power": measured["cooling"],
            "outdoor.wet-bulb": self._with(rng, "wet_bulb", self.wet_bulb[hours, number]),
        }
        for z, zone in enumerate(self.site.zones):
            columns[f"{zone.id}.utilization"] = self._with(rng, "use", self.use[hours, number, z])
        moved = share[hours, number]
        for lever in self.site.levers:
            there = CONTROL.get(lever.quantity, lever.as_found)
            at = lever.as_found + moved * (there - lever.as_found)
            columns |= {str(p): at for p in lever.points}
        index = pd.date_range(self.start, periods=len(self.use), freq="h")[hours]
        values = pd.DataFrame(columns, index=index)
        return History(self.site, 3600, values, pd.DataFrame(1.0, index=index, columns=values.columns))

    def _said(self, rng: np.random.Generator, name: str, run: Hours, number: int, hours: slice) -> Array:
        true: Array = getattr(run, name)[hours, number]
        bias = 1 + _BIAS[name] * rng.standard_normal()
        return np.asarray(true * (bias + _NOISE[name] * rng.standard_normal(len(true))))

    def _with(self, rng: np.random.Generator, name: str, true: Array) -> Array:
        bias = _BIAS[name] * rng.standard_normal()
        return np.asarray(true + bias + _NOISE[name] * rng.standard_normal(true.shape))


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
    begin = start.timestamp()
    seasons = np.array([np.random.default_rng([s, 0xDA7]).integers(0, 365) for s in seeds]) * 86_400.0
    work = [DiurnalWorkload(len(site.zones), s, -5.0) for s in seeds]
    shares = np.stack([np.zeros((hours, n)), np.zeros((hours, n)), np.zeros((hours, n))])
    for k, schedule in enumerate(schedules):
        times = [datetime.fromtimestamp(begin + 3600 * h, UTC) for h in range(hours)]
        shares[1, :, k] = [schedule.arm_at(t) is Arm.CONTROL for t in times]
    shares[2, later_from_h:] = 1.0
    batch, per_hour = _Batch.begin(site, 2 * n, step_s), round(3600 / step_s)
    out = {name: np.zeros((hours, 3 * n)) for name in ("facility", "it", "cooling")}
    wet_bulb, use = np.zeros((hours, n)), np.zeros((hours, n, len(site.zones)))
    for h in range(-SETTLE_H, hours):
        at: Array = begin + 3600 * h + step_s * (np.arange(per_hour, dtype=np.float64) + 0.5)
        dry, wet = weather.at(at[:, None] + seasons[None, :])
        busy = np.stack([w.at(at) for w in work], axis=1)
        if h == later_from_h:
            batch.fork(n)  # until here the late run was the run as found
        runs = 3 if h >= later_from_h else 2
        wanted = np.concatenate(shares[:runs, max(h, 0)])
        sums = batch.hour(np.tile(dry, runs), np.tile(wet, runs), np.tile(busy, (1, runs, 1)), wanted)
        if h >= 0:
            for name, total in sums.items():
                out[name][h, : runs * n] = total / per_hour
                out[name][h, runs * n :] = out[name][h, : (3 - runs) * n]
            wet_bulb[h], use[h] = wet.mean(axis=0), busy.mean(axis=0)
    three = [Hours(**{name: v[:, i * n : (i + 1) * n] for name, v in out.items()}) for i in range(3)]
    return Sites(site, start, three[0], three[1], three[2], wet_bulb, use, (shares[1], shares[2]), seeds)


@dataclass
class _Batch:
    """The simulator's physics and local controllers for many sites of one description."""

    parameters: Any
    state: Any
    flows: Any
    loops: Any
    found: Registers
    share: Array
    step_s: float

    @classmethod
    def begin(cls, site: Site, members: int, step_s: float) -> _Batch:
        """All settled alike under the as-found setpoints."""
        plant = SimulatedPlant(
            site, None, ConstantWeather(15.0, 12.0), ConstantWorkload((0.6,) * len(site.zones)), 1
        )
        plant.reset(datetime(2026, 1, 1, tzinfo=UTC))
        image = plant.image
        state, flows, loops = (_many(part, members) for part in (image.state, image.flows, image.loops))
        found = _many(image.plc.active, members)
        return cls(plant.parameters, state, flows, loops, found, np.zeros(members), step_s)

    def fork(self, first: int) -> None:
        """Add copies of the first members."""
        self.state, self.flows, self.loops, self.found = (
            _grown(part, first) for part in (self.state, self.flows, self.loops, self.found)
        )
        self.share = np.concatenate([self.share, self.share[:first]])

    def hour(self, dry: Array, wet: Array, busy: Array, wanted: Array) -> dict[str, Array]:
        """One hour; the sums of each power over its steps. `wanted` is the share of control, (members,)."""
        sums = dict.fromkeys(("facility", "it", "cooling"), np.zeros_like(wanted))
        for i in range(len(dry)):
            reach = self.step_s / RAMP_S
            self.share = self.share + np.clip(wanted - self.share, -reach, reach)
            humidity = ratio_from_wet_bulb(dry[i], wet[i], self.parameters.loops.pressure_kpa)
            now = Weather(dry[i], wet[i], humidity)
            at = self._setpoints()
            self.loops, actuators = control(
                self.parameters, self.loops, at, self.state, self.flows, now, self.step_s
            )
            self.state, self.flows = step_plant(
                self.parameters, self.state, actuators, now, busy[i], self.step_s
            )
            sums = {
                "facility": sums["facility"] + self.flows.facility_kw,
                "it": sums["it"] + self.flows.it_meter_kw,
                "cooling": sums["cooling"] + self.flows.cooling_kw,
            }
        return sums

    def _setpoints(self) -> Registers:
        air, fan, water = CONTROL.values()
        found, share = self.found, self.share
        return found._replace(
            supply_air_c=found.supply_air_c + share[:, None] * (air - found.supply_air_c),
            fan_ratio=found.fan_ratio + share[:, None] * (fan - found.fan_ratio),
            chilled_c=found.chilled_c + share * (water - found.chilled_c),
        )


def _many(part: Any, members: int) -> Any:
    """Every array of a nested tuple with a leading axis of equal members."""
    if isinstance(part, tuple):
        return type(part)(*(_many(inner, members) for inner in part))
    return np.repeat(np.asarray(part, float)[None], members, axis=0)


def _grown(part: Any, first: int) -> Any:
    """Every array of a nested tuple with its first members once more at its end."""
    if isinstance(part, tuple):
        return type(part)(*(_grown(inner, first) for inner in part))
    return np.concatenate([part, part[:first]])
