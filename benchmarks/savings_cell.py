"""One climate in one season: history, what was learned from it, the rivals, mpc and the ceiling.

All begin in one state: after commissioning, trim-and-respond runs the plant for half a day, which is
recorded as telemetry and not scored. Fixed, trim-and-respond and mpc then run through the production
cycle (`controller.replay`), or as bare policies in a loop.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import cast
from zoneinfo import ZoneInfo

from benchmarks.ceiling import Effort
from benchmarks.ceiling_rollout import PERIOD_S, period_grid
from benchmarks.savings_ceiling import Days, run_ceiling
from benchmarks.savings_kept import Kept
from benchmarks.savings_record import Recorded, Row, positions, row_of
from benchmarks.savings_signals import SIGNALS, carbon_of, money_of
from controller.feeds import Feeds, open_feeds
from controller.knowledge import Knowledge, learn
from controller.policies import make_policy
from controller.relearning import merged
from controller.replay import ReplayRun, replay
from controller.settings import Settings
from controller.wiring import make_outlook
from plant.commands import Command
from plant.forecast import Forecast
from plant.ports import Advice, CarbonFeed
from plant.quantities import Quantity
from plant.site import Site
from plant.site_file import load_site
from plant.snapshot import Snapshot
from sim.history import write_history
from sim.plant import SimulatedPlant
from sim.weather import load_weather
from sim.workload import DiurnalWorkload
from telemetry.historian import Historian

RIVAL, CEILING, ENERGY_ONLY = "trim-and-respond", "ceiling", "mpc (energy only)"
POLICIES = ("fixed", RIVAL, "mpc", CEILING)
NO_ROOM = ", no room"
"""What the names of those end on that were not asked to keep room for a trip."""
_NO_FORECAST = cast(Forecast, None)
"""The other policies look at the plant alone."""
LEAD_H = 12
"""Unscored hours before the days."""
_SEED, _DAY = 7, 86_400 // PERIOD_S


@dataclass(frozen=True)
class Asked:
    """What is to be run."""

    site: Path
    days: int
    cycle_s: float
    as_found_days: float
    excitation_days: float
    effort: Effort
    solar: bool
    without_room: bool
    """Whether to run mpc and the ceiling once more as well, not asked to keep room for a trip."""
    production: bool
    """Through the production cycle; else the bare policies in a loop."""


@dataclass(frozen=True)
class Ready:
    """A plant where the days begin, and what was learned before."""

    climate: str
    season: str
    start: datetime
    site: Site
    plant: SimulatedPlant
    knowledge: Knowledge
    database: Path


def run_cell(
    asked: Asked, climate: str, month: int, say: Callable[[str], None], into: Path | None = None
) -> tuple[list[Row], dict[str, Recorded]]:
    """Every policy's row, and what each did, by signal and policy; runs kept in ``into`` are not repeated."""
    kept = Kept(into, f"{climate}-{month}")
    with tempfile.TemporaryDirectory() as name:
        ready = prepare(asked, climate, month, Path(name), say)
        done = _flat_runs(asked, ready, kept, say)
        if asked.solar:
            done |= _solar_runs(asked, ready, done, kept, say)
    return [_row(ready, key, run) for key, run in done.items()], {"/".join(k): v for k, v in done.items()}


Runs = dict[tuple[str, str], Recorded]


def _flat_runs(asked: Asked, ready: Ready, kept: Kept, say: Callable[[str], None]) -> Runs:
    done: Runs = {}

    def played(on: Ready, policy: str, ending: str = "") -> None:
        key, others = ("flat", policy + ending), list(done.values())
        done[key] = kept.run(key, partial(run_policy, asked, on, policy, "flat", others))
        say(_line(ready, key, done[key]))

    for policy in POLICIES:
        played(ready, policy)
    site = replace(ready.site, safety=replace(ready.site.safety, n_minus_one=()))
    gambling = replace(ready, site=site)
    for policy in POLICIES[1:] if asked.without_room else (RIVAL,):
        played(gambling, policy, NO_ROOM)
    return done


def _solar_runs(asked: Asked, ready: Ready, flat: Runs, kept: Kept, say: Callable[[str], None]) -> Runs:
    """Who does not look at carbon does the same as under the flat signal, which has the same mean."""
    done: Runs = {("solar", p): flat["flat", p] for p in POLICIES[:2]}
    done["solar", ENERGY_ONLY] = flat["flat", "mpc"]
    for policy in ("mpc", CEILING):
        key, others = ("solar", policy), [*flat.values(), *done.values()]
        done[key] = kept.run(key, partial(run_policy, asked, ready, policy, "solar", others))
        say(_line(ready, key, done[key]))
    return done


def prepare(asked: Asked, climate: str, month: int, folder: Path, say: Callable[[str], None]) -> Ready:
    """Make history, learn from it, and let trim-and-respond run for half a day."""
    site = load_site(asked.site)
    start = datetime(2026, month, 15, tzinfo=UTC)
    begin = start - timedelta(hours=LEAD_H)
    offset = ZoneInfo(site.timezone).utcoffset(start) or timedelta()
    work = DiurnalWorkload(len(site.zones), _SEED, offset.total_seconds() / 3600)
    plant = SimulatedPlant(site, None, load_weather(climate), work, _SEED, compiled=True)
    trends, database = folder / "trends.parquet", folder / "history.sqlite"
    first = begin - timedelta(days=asked.as_found_days + asked.excitation_days)
    write_history(plant, first, trends, asked.as_found_days, asked.excitation_days, seed=_SEED)
    historian = Historian(f"sqlite:///{database}")
    historian.import_file(trends)
    knowledge = learn(site, historian, Settings(), begin)
    say(f"{climate} {begin:%B}: {knowledge.sentence}")
    ready = Ready(climate, f"{start:%B}", begin, site, plant, knowledge, database)
    _looped(ready, Recorded(plant), LEAD_H / 24, historian, SIGNALS["flat"], RIVAL)
    knowledge = learn(site, historian, Settings(), start)
    historian.close()
    plant.begin_scoring()
    return replace(ready, start=start, knowledge=knowledge)


def run_policy(asked: Asked, ready: Ready, policy: str, signal: str, others: Sequence[Recorded]) -> Recorded:
    """One policy from the prepared plant's own copy; ``others`` are where a ceiling begins to search.

    Trim-and-respond keeps room by itself, so it runs in a loop of its own: the production cycle would
    only cut it short.
    """
    if policy == CEILING:
        law = ready.knowledge.model if ready.site.safety.n_minus_one else None
        days = Days(ready.start, asked.days, partial(money_of, ready.site, carbon=SIGNALS[signal]), law)
        return run_ceiling(ready.plant, days, others, asked.effort)
    with tempfile.TemporaryDirectory() as name:
        historian = Historian(f"sqlite:///{shutil.copy(ready.database, name)}")
        done, carbon = Recorded(ready.plant.copy()), SIGNALS[signal]
        if asked.production and policy != RIVAL:
            _replayed(ready, done, policy, asked.days, historian, asked.cycle_s, carbon)
        else:
            _looped(ready, done, asked.days, historian, carbon, policy)
        historian.close()
    return done


def _replayed(
    ready: Ready,
    plant: Recorded,
    policy: str,
    days: float,
    historian: Historian,
    cycle_s: float,
    carbon: CarbonFeed,
) -> None:
    settings = Settings(cycle_s=cycle_s)
    run = ReplayRun(
        site=ready.site,
        plant=plant,
        policy=policy,
        start=ready.start,
        duration=timedelta(days=days),
        historian=historian,
        knowledge=ready.knowledge,
        settings=settings,
        feeds=Feeds(carbon, open_feeds(ready.site).price),
    )
    asyncio.run(replay(run))


def _looped(
    ready: Ready, plant: Recorded, days: float, historian: Historian, carbon: CarbonFeed, policy: str
) -> None:
    """The bare policy: what it advises is written. Its telemetry goes to the historian, and who uses a
    model learns from it once a day, as the service and `controller.replay` do.
    """
    site, settings, knowledge = ready.site, Settings(), ready.knowledge
    feeds = Feeds(carbon, open_feeds(site).price)
    readings = plant.reset(ready.start)
    for beat in range(round(days * _DAY)):
        if beat % _DAY == 0:
            if beat and policy != "fixed":
                knowledge = merged(knowledge, learn(site, historian, settings, readings[0].time))
            chooses = make_policy(policy, site, knowledge.model)
            outlook = make_outlook(site, historian, knowledge, feeds, settings)
        historian.append(readings)
        snapshot = Snapshot(site, readings[0].time, {r.point: r for r in readings})
        unused = chooses.name != "mpc"
        forecast = _NO_FORECAST if unused else asyncio.run(outlook.look(snapshot))
        answer = chooses.decide(snapshot, forecast)
        commands = [Command(h.id, beat % 60_000) for h in site.points_with(Quantity.HEARTBEAT)]
        if isinstance(answer, Advice):
            for lever in site.levers:
                commands += [Command(p, answer.setpoints[lever.id]) for p in lever.points]
        readings = plant.advance(commands, PERIOD_S)


def _row(ready: Ready, key: tuple[str, str], done: Recorded) -> Row:
    signal, policy = key
    grid = period_grid(ready.start, len(done.paths))
    money = money_of(ready.site, ready.start, grid.steps, SIGNALS[signal])
    where = (ready.climate, ready.season, signal, policy)
    return row_of(done, where, money, carbon_of(SIGNALS[signal], grid), positions(ready.plant))


def _line(ready: Ready, key: tuple[str, str], done: Recorded) -> str:
    row = _row(ready, key, done)
    return (
        f"{ready.climate} {ready.season} {' '.join(key)}: {row.facility_kwh:,.0f} kWh, "
        f"cost {row.cost:,.2f}, warmest {row.worst_inlet_c:.2f} °C"
    )
