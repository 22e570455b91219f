"""One run of one scenario: prepare, replay through the production cycle, score, write the folder."""

from __future__ import annotations

import asyncio
import math
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from controller.canonical import plain
from controller.replay import GoingOn, ReplayResult, ReplayRun, replay
from controller.scenario.checks import check_alarms, check_policy, make_folder
from controller.scenario.feeds import heard_feeds, true_feeds
from controller.scenario.folder import RunFolder, folder_name
from controller.scenario.foreign import Factory, foreign_twin, load_factory, prepare_foreign, rehearses
from controller.scenario.page import write_page
from controller.scenario.prepare import Prepared, Say, keep_learned, prepare
from controller.scenario.recorder import Recorder
from controller.scenario.score import Amounts, Finding, judge, kpi_document, measured_amounts, valued
from controller.scenario.wire import FaultyWire
from controller.settings import Settings
from plant.errors import ConfigError
from plant.forecast import Array
from plant.ports import Plant
from sim.faults import FaultyPlant, Place
from sim.plant import SimulatedPlant
from sim.scenario import Scenario
from telemetry.historian import Historian


@dataclass(frozen=True)
class RunOrder:
    """What is to be run. `days` shortens the scenario; `plant` names a factory of one's own."""

    scenario: Scenario
    policy: str
    out: Path
    days: float | None = None
    plant: str | None = None
    command: str = ""
    say: Say = lambda text: None
    progress: Callable[[float], None] = lambda share: None
    overrides: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class RunOutcome:
    """Where the run is, what it used and whether it passed."""

    folder: Path
    amounts: Amounts
    baseline: Amounts | None
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """No criterion failed."""
        return all(f.met is not False for f in self.findings)


@dataclass(frozen=True)
class _Stage:
    """A plant at the scenario's start, with everything in place to be replayed."""

    ready: Prepared
    plant: Plant
    body: SimulatedPlant | None
    factory: Factory | None = None
    """Makes a twin, where the plant is somebody else's."""
    files: tuple[Path, ...] = ()
    """What that plant was made from, if it says so in `input_files`."""


def run_scenario(order: RunOrder) -> RunOutcome:
    """Run it and write its folder.

    Raises
    ------
    ConfigError
        If the policy, the scenario, or the plant's factory cannot be used.
    """
    check_policy(order.policy)
    check_alarms(order.scenario)
    began = time.monotonic()
    scenario = shortened(order.scenario, order.days)
    make_folder(order.out)
    stage = _stage(scenario, order)
    baseline, baseline_kw = _as_found(stage, order.policy)
    recorder = Recorder(stage.ready.site, stage.body, scenario.tick_s)
    _note_faults(recorder, scenario)
    result = _replay(stage, order, recorder)
    keep_learned(order.out, recorder.learned)
    outcome, document = _score(stage, recorder, result, baseline)
    folder = RunFolder(order.out / folder_name(scenario, order.policy, order.plant))
    folder.begin()
    folder.write_inputs(scenario, order.overrides, stage.files)
    folder.write_record(recorder)
    folder.write_json("kpis.json", document)
    write_page(folder.path / "report.html", stage.ready, order.policy, recorder, document, baseline_kw)
    folder.finish(
        scenario,
        stage.ready,
        policy=order.policy,
        plant=order.plant,
        command=order.command,
        wall={"seconds": time.monotonic() - began, "finished_unix_s": time.time()},
        stages=recorder.stages,
    )
    return replace(outcome, folder=folder.path)


def shortened(scenario: Scenario, days: float | None) -> Scenario:
    """The scenario's first days, for a quick look."""
    if days is None:
        return scenario
    if not 0 < days < math.inf:
        raise ConfigError("option --days", f"{days:g} is not a length", "give a number above zero")
    length = min(timedelta(seconds=round(days * 86_400)), scenario.length)
    document = {**scenario.document, "days": length / timedelta(days=1)}
    return replace(scenario, length=length, document=document)


def _stage(scenario: Scenario, order: RunOrder) -> _Stage:
    if order.plant is None:
        ready = prepare(scenario, order.out, order.say)
        body = ready.plant
    else:
        factory = load_factory(order.plant)
        ready, foreign = prepare_foreign(scenario, factory, order.out, order.policy, order.say)
        body = foreign if isinstance(foreign, SimulatedPlant) else None
        whole = foreign.plant if isinstance(foreign, GoingOn) else foreign
        files = tuple(getattr(whole, "input_files", ()))
        if body is None:
            return _Stage(ready, _broken(scenario, ready, foreign, None), None, factory, files)
    if body is None:
        raise ConfigError(f"scenario {scenario.name}", "has no plant", "name one with --plant")
    return _Stage(ready, _broken(scenario, ready, GoingOn(body, body.readings()), body), body)


def _broken(scenario: Scenario, ready: Prepared, plant: Plant, body: SimulatedPlant | None) -> Plant:
    faults = [f for f in scenario.faults if f.place is not Place.FEED]
    return FaultyPlant(plant, ready.site, faults, scenario.seed, body) if faults else plant


def _as_found(stage: _Stage, policy: str) -> tuple[Amounts | None, Array]:
    """The same hours, the same weather, work and broken machines, with nobody at the levers."""
    scenario, site = stage.ready.scenario, stage.ready.site
    if stage.body is None:
        return _foreign_as_found(stage, policy)
    twin = stage.body.copy()
    world = [f for f in scenario.faults if f.place in (Place.MACHINE, Place.ROOM, Place.WEATHER, Place.LOAD)]
    if world:
        twin = _healthy(stage, twin)
    plant: Plant = GoingOn(twin, twin.readings())
    plant = FaultyPlant(plant, site, world, scenario.seed, twin) if world else plant
    plant.reset(scenario.start)
    used = [0.0]
    for _ in range(_ticks(scenario)):
        plant.advance([], scenario.tick_s)
        used.append(twin.totals().facility_kwh)
    kwh = np.diff(used)
    feeds = true_feeds(scenario, site)
    carbon, cost = asyncio.run(valued(kwh, scenario.start, scenario.tick_s, feeds))
    return _true_amounts(twin, carbon, cost), kwh * 3600 / scenario.tick_s


def _foreign_as_found(stage: _Stage, policy: str) -> tuple[Amounts | None, Array]:
    """The same by the meters of a second plant of the factory; nothing where it has no facility meter."""
    scenario, site = stage.ready.scenario, stage.ready.site
    if stage.factory is None:
        return None, np.array([])
    rehearsed = rehearses(scenario, policy)
    trajectory = foreign_twin(scenario, site, stage.factory, _ticks(scenario), rehearsed)
    amounts, kwh = measured_amounts(trajectory, site, scenario.tick_s)
    if not np.isfinite(amounts.facility_kwh):
        return None, np.array([])
    carbon, cost = asyncio.run(valued(kwh, scenario.start, scenario.tick_s, true_feeds(scenario, site)))
    return replace(amounts, carbon_kg=carbon, cost=cost), kwh * 3600 / scenario.tick_s


def _healthy(stage: _Stage, twin: SimulatedPlant) -> SimulatedPlant:
    """A copy whose drivers and machines are whole again: the staged plant's are broken already."""
    from sim.scenario import build_plant

    fresh = build_plant(stage.ready.scenario, stage.ready.site)
    fresh.restore(twin.image)
    return fresh


def _true_amounts(plant: SimulatedPlant, carbon_kg: float, cost: float) -> Amounts:
    t = plant.totals()
    return Amounts(
        t.seconds,
        t.facility_kwh,
        t.it_kwh,
        t.cooling_kwh,
        t.water_l,
        carbon_kg,
        cost,
        t.worst_inlet_c,
        {str(z): minutes for z, minutes in t.violation_minutes.items()},
    )


def _ticks(scenario: Scenario) -> int:
    return -int(-scenario.length.total_seconds() // scenario.tick_s)


def _replay(stage: _Stage, order: RunOrder, recorder: Recorder) -> ReplayResult:
    scenario, site = stage.ready.scenario, stage.ready.site
    with tempfile.TemporaryDirectory() as name:
        database = Path(shutil.copy(stage.ready.database, name))
        historian = Historian(f"sqlite:///{database}")

        def progress(at: datetime) -> None:
            order.progress((at - scenario.start) / scenario.length)

        run = ReplayRun(
            site=site,
            plant=stage.plant,
            policy=order.policy,
            start=scenario.start,
            duration=scenario.length,
            historian=historian,
            knowledge=stage.ready.knowledge,
            settings=Settings(),
            tick_s=scenario.tick_s,
            on_cycle=progress,
            observers=[recorder],
            feeds=heard_feeds(scenario, true_feeds(scenario, site)),
            wire=lambda gateway: FaultyWire(gateway, site, scenario.faults),
        )
        result = asyncio.run(replay(run))
        historian.close()
    order.progress(1.0)
    return result


def _score(
    stage: _Stage, recorder: Recorder, result: ReplayResult, baseline: Amounts | None
) -> tuple[RunOutcome, dict[str, object]]:
    scenario, site = stage.ready.scenario, stage.ready.site
    trajectory = recorder.trajectory()
    if stage.body is None:
        amounts, kwh = measured_amounts(trajectory, site, scenario.tick_s)
    else:
        kwh = np.diff(trajectory["true facility energy [kWh]"].to_numpy(float), prepend=0.0)
        amounts = _true_amounts(stage.body, 0.0, 0.0)
    feeds = true_feeds(scenario, site)
    carbon, cost = asyncio.run(valued(kwh, scenario.start, scenario.tick_s, feeds))
    amounts = replace(amounts, carbon_kg=carbon, cost=cost)
    findings = judge(
        scenario.criteria,
        amounts,
        baseline,
        recorder.events,
        result.proposals,
        scenario.end,
        result.policy,
    )
    counts: dict[str, object] = {
        "decisions": len(recorder.decisions),
        "plans": dict(sorted(result.plans.items())),
        "proposals": dict(sorted(result.proposals.items())),
        "alarms": _alarm_counts(recorder),
    }
    document = kpi_document(amounts, baseline, site, findings, counts)
    return RunOutcome(Path(), amounts, baseline, tuple(findings)), document


def _alarm_counts(recorder: Recorder) -> dict[str, int]:
    counts: dict[str, int] = {}
    for event in recorder.events:
        what = event["what"]
        if event["kind"] == "alarm.raised" and isinstance(what, dict):
            name = f"{what.get('kind')} {what.get('source')}"
            counts[name] = counts.get(name, 0) + 1
    return dict(sorted(counts.items()))


def _note_faults(recorder: Recorder, scenario: Scenario) -> None:
    for fault in scenario.faults:
        told: dict[str, object] = {"fault": fault.kind, "target": fault.target}
        if fault.magnitude == fault.magnitude:
            told["magnitude"] = fault.magnitude
        what = plain(told)
        if isinstance(what, dict):
            for at, kind in ((fault.start, "fault.begins"), (fault.end, "fault.ends")):
                if at < scenario.end:
                    recorder.note(at, kind, what)
