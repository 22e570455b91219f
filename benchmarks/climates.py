"""One week in each of three climates, closed loop through the production cycle: who uses least?

    python -m benchmarks.climates [--days 7] [--json] [--climates tampa,las-vegas,san-francisco]

For each climate the simulator makes twelve days of history; the plant is learned from that
telemetry alone; then fixed setpoints, trim-and-respond and mpc each run the same week from the same
state, same weather, same load. Energies are the simulator's true ones, and so are the inlets. The site
file demands room for the trip of any one machine, and all keep it; trim-and-respond runs once more on a
site that demands none. Each third hour every machine that may is tripped on a copy of the plant.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.savings import told
from benchmarks.savings_record import Recorded, after_trips
from controller.knowledge import Knowledge, learn
from controller.policies import POLICIES
from controller.replay import ReplayRun, replay
from controller.settings import Settings
from plant.site import Site
from plant.site_file import load_site
from sim.history import write_history
from sim.plant import SimulatedPlant
from sim.weather import load_weather
from sim.workload import DiurnalWorkload
from telemetry.historian import Historian

CLIMATES = {"las-vegas": "hot-dry", "tampa": "hot-humid", "san-francisco": "mild"}
START = datetime(2026, 7, 15, tzinfo=UTC)
AS_FOUND_DAYS, EXCITATION_DAYS, SEED = 8, 4, 7
NO_ROOM = ", no room"
RUN = (*reversed(POLICIES[1:]), POLICIES[0], "trim-and-respond" + NO_ROOM)


@dataclass(frozen=True)
class Row:
    """One policy in one climate: true energies over the week."""

    climate: str
    policy: str
    facility_kwh: float
    it_kwh: float
    cooling_kwh: float
    water_l: float
    worst_inlet_c: float
    violation_minutes: float
    warmest_after_trip_c: float | None
    """Warmest true inlet, had any one machine tripped."""
    trips_survived: float | None
    """Share of the instants tried at which no trip takes an inlet above its allowable limit."""
    verified: int
    plans: dict[str, int]


@dataclass(frozen=True)
class Prepared:
    """A climate's plant at the start of the week, and what was learned before it."""

    climate: str
    site: Site
    plant: SimulatedPlant
    knowledge: Knowledge
    database: Path


def prepare(climate: str, folder: Path) -> Prepared:
    """Make history, learn from it, leave the plant where the week begins."""
    site = load_site(Path("examples/demo.yaml"))
    plant = SimulatedPlant(site, None, load_weather(climate), DiurnalWorkload(len(site.zones), SEED), SEED)
    trends = folder / f"{climate}.parquet"
    first = START - timedelta(days=AS_FOUND_DAYS + EXCITATION_DAYS)
    write_history(plant, first, trends, AS_FOUND_DAYS, EXCITATION_DAYS, seed=SEED)
    database = folder / f"{climate}.sqlite"
    historian = Historian(f"sqlite:///{database}")
    historian.import_file(trends)
    knowledge = learn(site, historian, Settings(), START)
    historian.close()
    plant.begin_scoring()
    return Prepared(climate, site, plant, knowledge, database)


def run_policy(ready: Prepared, policy: str, days: float, cycle_s: float) -> Row:
    """One week of one policy, from the prepared plant's own copy."""
    plant, site = ready.plant.copy(), ready.site
    name = policy.removesuffix(NO_ROOM)
    if name != policy:
        site = replace(site, safety=replace(site.safety, n_minus_one=()))
    watched = Recorded(plant)
    with tempfile.TemporaryDirectory() as folder:
        database = Path(shutil.copy(ready.database, folder))
        historian = Historian(f"sqlite:///{database}")
        run = ReplayRun(
            site=site,
            plant=watched,
            policy=name,
            start=START,
            duration=timedelta(days=days),
            historian=historian,
            knowledge=ready.knowledge,
            settings=Settings(cycle_s=cycle_s),
        )
        result = asyncio.run(replay(run))
        historian.close()
    true, after = plant.totals(), after_trips(watched)
    return Row(
        climate=ready.climate,
        policy=policy,
        facility_kwh=true.facility_kwh,
        it_kwh=true.it_kwh,
        cooling_kwh=true.cooling_kwh,
        water_l=true.water_l,
        worst_inlet_c=true.worst_inlet_c,
        violation_minutes=sum(true.violation_minutes.values()),
        warmest_after_trip_c=after[0],
        trips_survived=after[1],
        verified=result.proposals.get("verified", 0),
        plans=result.plans,
    )


def campaign(climates: Sequence[str], days: float, cycle_s: float, workers: int) -> list[Row]:
    """Every policy in every climate; says on standard error what is done."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name, ProcessPoolExecutor(workers) as pool:
        preparing = {pool.submit(prepare, climate, Path(name)) for climate in climates}
        running: set[Future[Row]] = set()
        for done in as_completed(preparing):
            ready = done.result()
            say(f"{ready.climate}: {ready.knowledge.sentence}")
            running |= {pool.submit(run_policy, ready, p, days, cycle_s) for p in RUN}
        for count, finished in enumerate(as_completed(running), 1):
            row = finished.result()
            rows.append(row)
            say(f"[{count}/{len(running)}] {row.climate} {row.policy}: {row.facility_kwh:,.0f} kWh")
    order = {policy: n for n, policy in enumerate(RUN)}
    return sorted(rows, key=lambda r: (list(climates).index(r.climate), order[r.policy]))


def table(rows: Sequence[Row]) -> str:
    """For people: Markdown, with savings against both baselines of the same climate."""
    lines = [
        "| climate | policy | facility kWh | cooling kWh | IT kWh | water m³ | vs fixed "
        "| vs trim-and-respond | warmest inlet °C | violation min | trips survived | after a trip °C |",
        "|" + " --- |" * 2 + " ---: |" * 10,
    ]
    of = {(r.climate, r.policy): r.facility_kwh for r in rows}
    for r in rows:
        against = [r.facility_kwh / of[r.climate, other] - 1 for other in ("fixed", "trim-and-respond")]
        lines.append(
            f"| {r.climate} ({CLIMATES.get(r.climate, '–')}) | {r.policy} | {r.facility_kwh:,.0f} | "
            f"{r.cooling_kwh:,.0f} | {r.it_kwh:,.0f} | {r.water_l / 1000:,.1f} | {against[0]:+.1%} | "
            f"{against[1]:+.1%} | {r.worst_inlet_c:.1f} | {r.violation_minutes:.0f} | "
            f"{told(r.trips_survived, '.0%')} | {told(r.warmest_after_trip_c, '.1f')} |"
        )
    return "\n".join(lines)


def say(text: str) -> None:
    """Progress, apart from the result."""
    sys.stderr.write(text + "\n")


def main() -> None:
    """Run the campaign and print it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--days", type=float, default=7.0)
    parser.add_argument("--cycle-s", type=float, default=300.0)
    parser.add_argument("--climates", default=",".join(CLIMATES))
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = campaign(options.climates.split(","), options.days, options.cycle_s, options.workers)
    print(json.dumps({"rows": [asdict(r) for r in rows]}) if options.json else table(rows))


if __name__ == "__main__":
    main()
