"""The planner on the simulated site with a tank, through one afternoon of dear and dirty energy."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from optimizer.forecast import Forecaster
from optimizer.identify import identify
from optimizer.model import PlantModel
from optimizer.mpc import MpcPolicy
from optimizer.problem import PlannerSettings
from plant.commands import Command
from plant.forecast import CarbonKind, CarbonSeries, Forecast, PriceSeries
from plant.history import History
from plant.points import SITE
from plant.ports import Advice, Policy
from plant.quantities import Quantity
from plant.site import Site
from plant.site_file import load_site
from plant.snapshot import Snapshot
from plant.timegrid import TimeGrid
from sim.plant import SimulatedPlant
from sim.weather import load_weather
from sim.workload import DiurnalWorkload

MORNING = datetime(2025, 7, 9, 13, 0, tzinfo=UTC)  # 9 o'clock in Greensboro
HOURS, DECIDE_S, SAMPLE_S = 11, 3600, 60
DEAR = (14, 20)
"""Local hours of the tariff's peak; a solar grid is dirty then too."""


@dataclass(frozen=True)
class Afternoon:
    """By sample: local hour, facility power and the tank's charge; the warmest inlet of all."""

    hour: np.ndarray
    facility_kw: np.ndarray
    charge: np.ndarray
    worst_inlet_c: float

    def mean_kw(self, first: int, last: int) -> float:
        return float(self.facility_kw[(self.hour >= first) & (self.hour < last)].mean())

    def charge_at(self, hour: float) -> float:
        return float(self.charge[np.argmin(np.abs(self.hour - hour))])


@pytest.fixture(scope="module")
def site() -> Site:
    found = load_site(Path(__file__).parents[2] / "examples" / "storage.yaml")
    return replace(found, safety=replace(found.safety, n_minus_one=()))


def running(site: Site) -> SimulatedPlant:
    plant = SimulatedPlant(
        site, None, load_weather("greensboro"), DiurnalWorkload(len(site.zones), 1, -4.0), 1
    )
    plant.reset(MORNING - timedelta(days=1))
    return plant


def telemetry(site: Site, times: np.ndarray, values: np.ndarray) -> History:
    index = pd.to_datetime(np.round(times).astype("int64") - SAMPLE_S, unit="s", utc=True)
    frame = pd.DataFrame(values, index=index, columns=[p.id for p in site.points])
    return History(site, SAMPLE_S, frame, frame.notna().astype(float))


def outlook(site: Site, forecaster: Forecaster, past: History, snapshot: Snapshot) -> Forecast:
    now = snapshot.time
    grid = TimeGrid(now, 900, 56)
    hour = (now.hour - 4 + np.arange(grid.steps) * 0.25 + now.minute / 60) % 24
    dear = (hour >= DEAR[0]) & (hour < DEAR[1])
    price = PriceSeries(grid, np.where(dear, 0.25, 0.08), site.tariff.currency, "two prices")
    solar = 400 - 300 * np.exp(-(((hour - 12) / 2.5) ** 2))
    carbon = CarbonSeries(grid, solar, CarbonKind.AVERAGE, "a solar grid", True)
    return forecaster.forecast(past, snapshot, carbon, price, grid)


def afternoon(
    site: Site, plant: SimulatedPlant, past: History, policy: Policy | None, model: PlantModel
) -> Afternoon:
    """Eleven hours from the morning, decided every hour; without a policy, as the site was found."""
    forecaster = Forecaster(site, model)
    heartbeat = next(p.id for p in site.points if p.quantity is Quantity.HEARTBEAT)
    rows, times = [], []
    for k in range(HOURS * 3600 // DECIDE_S):
        setpoints = site.as_found
        if policy is not None:
            snapshot = Snapshot(site, plant.now, {r.point: r for r in plant.readings()})
            answer = policy.decide(snapshot, outlook(site, forecaster, past, snapshot))
            assert isinstance(answer, Advice)
            setpoints = answer.setpoints
        commands = [Command(p, setpoints[lv.id]) for lv in site.levers for p in lv.points]
        for beat in range(DECIDE_S // 300):
            for command in (Command(heartbeat, (k * 12 + beat + 1) % 60_000), *commands):
                plant.write(command.point, command.value)
            t, v = plant.record(300, SAMPLE_S)
            times.append(t)
            rows.append(v)
    seen = telemetry(site, np.concatenate(times), np.concatenate(rows))
    inlets = [p.id for p in site.points_with(Quantity.INLET_TEMPERATURE)]
    local = pd.DatetimeIndex(seen.values.index).tz_convert(site.timezone)
    return Afternoon(
        np.asarray(local.hour + local.minute / 60),
        seen.column(site.points_of(SITE, Quantity.FACILITY_POWER)[0].id),
        seen.column(site.points_with(Quantity.STORAGE_CHARGE)[0].id),
        float(np.nanmax(seen.values[inlets].to_numpy())),
    )


def test_cold_made_in_the_cheap_clean_hours_is_used_in_the_dear_dirty_ones(site: Site) -> None:
    plant = running(site)
    past = telemetry(site, *plant.record(86_400, SAMPLE_S))
    model = identify(past, at=past.end)
    settings = replace(PlannerSettings.of(site), use_solver=False)
    planned = afternoon(site, plant, past, MpcPolicy(site, model, settings), model)
    other = running(site)
    other.record(86_400, SAMPLE_S)
    fixed = afternoon(site, other, past, None, model)
    # Filled before two in the afternoon, mostly used by eight, and less power meanwhile than without.
    assert planned.charge_at(13.9) > fixed.charge_at(13.9) + 0.2
    assert planned.charge_at(19.8) < planned.charge_at(13.9) - 0.4
    saved_then, saved_before = (fixed.mean_kw(*h) - planned.mean_kw(*h) for h in (DEAR, (10, 14)))
    assert saved_then > 15
    assert saved_then > saved_before + 15
    assert planned.worst_inlet_c < 27.0
