"""An example site played by the simulator for a day: what a policy used there, and how warm racks became."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from optimizer.baselines import FixedPolicy
from optimizer.forecast import Forecaster
from optimizer.identify import identify
from optimizer.model import PlantModel
from plant.forecast import CarbonKind, CarbonSeries, PriceSeries
from plant.history import History
from plant.ports import Advice, Policy
from plant.quantities import Quantity
from plant.site import Site
from plant.site_file import load_site
from plant.snapshot import Snapshot
from plant.timegrid import TimeGrid
from sim.commissioning import Commissioning
from sim.plant import SimulatedPlant
from sim.weather import load_weather
from sim.workload import DiurnalWorkload

SAMPLE_S, PERIOD_S = 60, 300


@dataclass(frozen=True)
class Day:
    """What a policy used, how warm the warmest rack became, and the answers it gave."""

    facility_kwh: float
    cooling_kwh: float
    worst_inlet_c: float
    violation_minutes: float
    answers: tuple[Advice, ...]


def example(name: str) -> Site:
    """A site file of the examples."""
    return load_site(Path(__file__).parents[2] / "examples" / f"{name}.yaml")


def played(site: Site, start: datetime) -> SimulatedPlant:
    """The site as found, at a time."""
    work = DiurnalWorkload(len(site.zones), 1, -4.0)
    plant = SimulatedPlant(site, None, load_weather("greensboro"), work, 1)
    plant.reset(start)
    return plant


def taught(site: Site, until: datetime, as_found_days: float, excitation_days: float) -> History:
    """Telemetry of days as found, then of days in which engineers stepped the levers."""
    plant = played(site, until - timedelta(days=as_found_days + excitation_days))
    parts = [plant.record(as_found_days * 86_400, SAMPLE_S)]
    engineers = Commissioning(plant, excitation_days * 86_400, np.random.default_rng(7))
    for k in range(round(excitation_days * 86_400 / PERIOD_S)):
        engineers.decide(k * PERIOD_S)
        parts.append(plant.record(PERIOD_S, SAMPLE_S))
    times, values = (np.concatenate(each) for each in zip(*parts, strict=True))
    index = pd.to_datetime(np.round(times).astype("int64") - SAMPLE_S, unit="s", utc=True)
    frame = pd.DataFrame(values, index=index, columns=[p.id for p in site.points])
    # The plants of the tests are found with no work waiting: what these engineers put off is not theirs.
    put_off = [lv for lv in site.levers if lv.quantity is Quantity.DEFERRED_IT_POWER_SETPOINT]
    frame = frame.drop(columns=[p for lv in put_off for p in lv.points])
    return History(site, SAMPLE_S, frame, frame.notna().astype(float))


def _answer(
    site: Site, plant: SimulatedPlant, policy: Policy, past: History, forecaster: Forecaster
) -> Advice:
    grid = TimeGrid(plant.now, 900, 48)
    carbon = CarbonSeries(grid, np.full(48, 350.0), CarbonKind.AVERAGE, "flat", True)
    price = PriceSeries(grid, np.full(48, site.tariff.price_per_kwh), site.tariff.currency, "flat")
    snapshot = Snapshot(site, plant.now, {r.point: r for r in plant.readings()})
    answer = policy.decide(snapshot, forecaster.forecast(past, snapshot, carbon, price, grid))
    assert isinstance(answer, Advice), answer
    return answer


@dataclass(frozen=True)
class PlayedSite:
    """An example site at a time, its telemetry up to then, and the plant learned from it."""

    site: Site
    start: datetime
    past: History
    model: PlantModel

    @classmethod
    def of(cls, name: str, start: datetime, as_found_days: float, excitation_days: float) -> PlayedSite:
        site = example(name)
        past = taught(site, start, as_found_days, excitation_days)
        return cls(site, start, past, identify(past, at=past.end))

    def under(self, site: Site) -> PlayedSite:
        """The same telemetry and plant, with other words in the site file."""
        return replace(self, site=site, past=replace(self.past, site=site))

    def answer(self, policy: Policy) -> Advice:
        """What a policy says to the site as found."""
        plant = played(self.site, self.start)
        return _answer(self.site, plant, policy, self.past, Forecaster(self.site, self.model))

    def day(self, policy: Policy, decide_s: int) -> Day:
        """Close the loop for a day, deciding every ``decide_s``, obeyed at once as approved."""
        site, plant, forecaster = self.site, played(self.site, self.start), Forecaster(self.site, self.model)
        heartbeat = next(p.id for p in site.points if p.quantity is Quantity.HEARTBEAT)
        before, answers, beat = plant.totals(), [], 0
        for _ in range(86_400 // decide_s):
            answer = _answer(site, plant, policy, self.past, forecaster)
            answers.append(answer)
            for _ in range(decide_s // PERIOD_S):
                beat += 1
                plant.write(heartbeat, beat % 60_000)
                for lever in site.levers:
                    for point in lever.points:
                        plant.write(point, answer.setpoints[lever.id])
                plant.record(PERIOD_S, SAMPLE_S)
        after = plant.totals()
        return Day(
            after.facility_kwh - before.facility_kwh,
            after.cooling_kwh - before.cooling_kwh,
            after.worst_inlet_c,
            sum(after.violation_minutes.values()) - sum(before.violation_minutes.values()),
            tuple(answers),
        )

    def assert_pays(self, planned: Day, least_kwh: float) -> None:
        """A planned day uses so much less than one as found, and no rack is too warm meanwhile."""
        fixed = self.day(FixedPolicy(self.site), decide_s=21_600)
        assert planned.facility_kwh < fixed.facility_kwh - least_kwh
        assert planned.violation_minutes == 0.0
        assert planned.worst_inlet_c < 27.0
