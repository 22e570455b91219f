"""Fixed, trim-and-respond and mpc on the simulated site, each in its own copy of the same days.

The planner learns from the simulator's telemetry alone: ten as-found days and three of
commissioning before the test days. Run ``python -m benchmarks.closed_loop --month 7 --days 2``.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from optimizer.baselines import FixedPolicy, TrimAndRespondPolicy
from optimizer.forecast import Forecaster
from optimizer.identify import identify
from optimizer.model import PlantModel
from optimizer.mpc import MpcPolicy
from optimizer.problem import PlannerSettings
from plant.commands import Command
from plant.forecast import CarbonKind, CarbonSeries, PriceSeries
from plant.history import History
from plant.points import SITE
from plant.ports import Advice, Policy
from plant.quantities import Quantity
from plant.readings import Reading
from plant.site import Site
from plant.site_file import load_site
from plant.snapshot import Snapshot
from plant.timegrid import TimeGrid
from sim.commissioning import Commissioning
from sim.plant import SimulatedPlant
from sim.weather import load_weather
from sim.workload import DiurnalWorkload

PERIOD_S, SAMPLE_S, STEP_S, STEPS = 300, 60, 900, 96


@dataclass(frozen=True)
class Outcome:
    """One policy's days."""

    policy: str
    facility_kwh: float
    it_kwh: float
    cooling_kwh: float
    water_l: float
    worst_inlet_c: float
    violation_minutes: float
    no_plans: int
    decide_s: float


def simulated(site: Site, weather: str, seed: int, start: datetime) -> SimulatedPlant:
    """A plant that stands at `start`."""
    offset = ZoneInfo(site.timezone).utcoffset(start) or timedelta()
    work = DiurnalWorkload(len(site.zones), seed, offset.total_seconds() / 3600)
    plant = SimulatedPlant(site, None, load_weather(weather), work, seed)
    plant.reset(start)
    return plant


def recorded(site: Site, plant: SimulatedPlant, as_found_days: float, excitation_days: float) -> History:
    """The plant's telemetry as a history: days as found, then days of commissioning."""
    times, values = [], []
    if as_found_days:
        t, v = plant.record(as_found_days * 86_400, SAMPLE_S)
        times.append(t)
        values.append(v)
    engineers = Commissioning(plant, excitation_days * 86_400, np.random.default_rng(7))
    for k in range(round(excitation_days * 86_400 / PERIOD_S)):
        engineers.decide(k * PERIOD_S)
        t, v = plant.record(PERIOD_S, SAMPLE_S)
        times.append(t)
        values.append(v)
    return as_history(site, np.concatenate(times), np.concatenate(values))


def as_history(site: Site, times: np.ndarray, values: np.ndarray) -> History:
    """Samples as a history of one-minute steps."""
    index = pd.to_datetime(np.round(times).astype("int64"), unit="s", utc=True) - pd.Timedelta(
        seconds=SAMPLE_S
    )
    frame = pd.DataFrame(values, index=index, columns=[p.id for p in site.points])
    return History(site, SAMPLE_S, frame, frame.notna().astype(float))


def snapshot_of(site: Site, readings: Sequence[Reading]) -> Snapshot:
    """All readings at one instant."""
    return Snapshot(site, readings[0].time, {r.point: r for r in readings})


def run(
    site: Site, plant: SimulatedPlant, policy: Policy, forecaster: Forecaster, past: History, days: float
) -> Outcome:
    """Close the loop for some days."""
    before = plant.totals()
    heartbeat = next(p.id for p in site.points if p.quantity is Quantity.HEARTBEAT)
    readings = plant.readings()
    added: list[pd.DataFrame] = []
    spent, failed, cycles = 0.0, 0, round(days * 86_400 / PERIOD_S)
    for k in range(cycles):
        now = plant.now
        grid = TimeGrid(now, STEP_S, STEPS)
        carbon = CarbonSeries(grid, np.full(STEPS, 350.0), CarbonKind.AVERAGE, "flat", True)
        price = PriceSeries(grid, np.full(STEPS, site.tariff.price_per_kwh), site.tariff.currency, "flat")
        snapshot = snapshot_of(site, readings)
        began = time.perf_counter()
        forecast = forecaster.forecast(past, snapshot, carbon, price, grid)
        answer = policy.decide(snapshot, forecast)
        spent += time.perf_counter() - began
        commands = [Command(heartbeat, k % 60_000)]
        if isinstance(answer, Advice):
            for lever in site.levers:
                commands += [Command(p, answer.setpoints[lever.id]) for p in lever.points]
            if k % 24 == 0 and "-v" in sys.argv:
                _say(site, k, snapshot, answer)
        else:
            failed += 1
            sys.stderr.write(f"{answer}\n")
        for command in commands:
            plant.write(command.point, command.value)
        times, values = plant.record(PERIOD_S, SAMPLE_S)
        added.append(as_history(site, times, values).values)
        if k % 12 == 11:
            frame = pd.concat([past.values, *added]).iloc[-14 * 1440 :]
            past, added = History(site, SAMPLE_S, frame, frame.notna().astype(float)), []
        readings = plant.readings()
    after = plant.totals()
    return Outcome(
        policy.name,
        after.facility_kwh - before.facility_kwh,
        after.it_kwh - before.it_kwh,
        after.cooling_kwh - before.cooling_kwh,
        after.water_l - before.water_l,
        after.worst_inlet_c,
        sum(after.violation_minutes.values()) - sum(before.violation_minutes.values()),
        failed,
        spent / cycles,
    )


def _say(site: Site, k: int, snapshot: Snapshot, answer: Advice) -> None:
    worst = [round(snapshot.worst_inlet_c(z.id), 1) for z in site.zones]
    levers = [round(v, 2) for v in answer.setpoints.values()]
    facility = snapshot.mean(SITE, Quantity.FACILITY_POWER)
    chosen = answer.plan.chosen if answer.plan else ""
    expected = answer.plan.prediction.facility_kw[0] if answer.plan else float("nan")
    wet = snapshot.mean(SITE, Quantity.OUTDOOR_WET_BULB)
    print(f"{k / 12:5.1f} h {wet:5.1f} {worst} {levers} {facility:.0f} kW, planned {expected:.0f}, {chosen}")


def main() -> None:
    """Print one row a policy."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--weather", default="greensboro")
    parser.add_argument("--month", type=int, default=7)
    parser.add_argument("--days", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--policies", default="fixed,trim-and-respond,mpc")
    parser.add_argument("--no-solver", action="store_true")
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("-v", action="store_true")
    asked = parser.parse_args()
    site = load_site(Path("examples/demo.yaml"))
    start = datetime(2025, asked.month, 8, tzinfo=UTC)
    plant, past, model = prepared(site, asked.weather, asked.seed, start, asked.keep)
    policies: dict[str, Policy] = {
        "fixed": FixedPolicy(site),
        "trim-and-respond": TrimAndRespondPolicy(site),
        "mpc": MpcPolicy(site, model, PlannerSettings(use_solver=not asked.no_solver)),
    }
    forecaster = Forecaster(site, model)
    rows = []
    for name in asked.policies.split(","):
        row = run(site, plant.copy(), policies[name], forecaster, past, asked.days)
        rows.append(row)
        if not asked.json:
            print(
                f"{row.policy:18} facility {row.facility_kwh:9.0f} it {row.it_kwh:9.0f} "
                f"cooling {row.cooling_kwh:8.0f} water {row.water_l:8.0f} worst {row.worst_inlet_c:5.2f} "
                f"viol {row.violation_minutes:6.1f} min "
                f"noplan {row.no_plans} {1000 * row.decide_s:.0f} ms",
                flush=True,
            )
    if asked.json:
        print(json.dumps({"rows": [row.__dict__ for row in rows]}))


def prepared(
    site: Site, weather: str, seed: int, start: datetime, keep: Path | None
) -> tuple[SimulatedPlant, History, PlantModel]:
    """A plant at `start` with its past and what was learned from it; kept in a folder if one is given."""
    store = keep / f"{weather}-{start.month}-{seed}.parquet" if keep else None
    if store and store.exists():
        frame = pd.read_parquet(store)
        past = History(site, SAMPLE_S, frame, frame.notna().astype(float))
    else:
        past = recorded(site, simulated(site, weather, seed, start - timedelta(days=13)), 10, 3)
        if store:
            past.values.to_parquet(store)
    plant = simulated(site, weather, seed, start)
    return plant, past, identify(past, at=plant.now)


if __name__ == "__main__":
    main()
