"""Deciding again: from a run folder, what the controller knew at one decision, and what it would do now.

The plant's model is learned again from the same past (or taken from the preparation beside the run),
the snapshot and the outlook are as they were recorded, and the policy is asked once more. With
changed limits or prices it is the counterfactual.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from controller.canonical import instant, plain
from controller.planner import Planner
from controller.policies import inline_planner
from controller.scenario.compare import RunSummary, read_run
from controller.scenario.folder import BUNDLED
from controller.scenario.foreign import load_factory, prepare_foreign
from controller.scenario.prepare import Prepared, Say, learned_model, prepare
from controller.scenario.recorder import plan_facts
from controller.second_look import SecondLook
from controller.settings import Settings
from plant.errors import ConfigError
from plant.forecast import Band, CarbonKind, CarbonSeries, Forecast, PriceSeries
from plant.plan import NoPlan
from plant.points import OwnerId, PointId
from plant.ports import PolicyAnswer
from plant.readings import Quality, Reading
from plant.setpoints import LeverId
from plant.site import Site
from plant.snapshot import Snapshot
from plant.timegrid import TimeGrid
from sim.scenario import load_scenario

_SAME = 1e-6


@dataclass(frozen=True)
class LeverChange:
    """One lever, as it was requested then and as it would be now."""

    lever: str
    then: float
    now: float


@dataclass(frozen=True)
class SecondThought:
    """A decision taken again."""

    decision: str
    at: str
    same_model: bool
    then: Mapping[str, Any]
    now: Mapping[str, Any]
    levers: tuple[LeverChange, ...]

    @property
    def identical(self) -> bool:
        """Whether every lever is requested where it was then, and the outcome is the same."""
        same = all(abs(c.then - c.now) <= _SAME for c in self.levers)
        return same and self.then["outcome"] == self.now["outcome"]


def decide_again(
    folder: Path, decision: str, changes: Mapping[str, object], say: Say = lambda text: None
) -> SecondThought:
    """Take one decision of a run again, with ``changes`` (dotted keys of the scenario) over it.

    Raises
    ------
    ConfigError
        If the folder, the decision or a key is not usable.
    """
    run = read_run(folder)
    told = _find(folder, decision)
    # The plant is learned as it was; only what is decided with may differ.
    then = told.get("model", run.manifest.get("model_version"))
    ready = _as_known(_prepared(folder, run, say), folder.parent, then)
    changed = prepare_site(folder, changes) if changes else ready.site
    desk = _Desk(folder, ready, changed, str(run.manifest["policy"]))
    model = ready.knowledge.model
    same_model = then == (None if model is None else model.version)
    thought = _thought(told, desk.ask([told]), same_model)
    if changes or thought.identical or not same_model:
        return thought
    # Where several plans cost the same, the solver keeps near its last one: let it come the whole way.
    say(f"taking the decisions before {told['id']} again too")
    return _thought(told, desk.ask([*_before(folder, told), told]), same_model)


def _prepared(folder: Path, run: RunSummary, say: Say) -> Prepared:
    """The past of the run, made again by the plant it was made with."""
    scenario = load_scenario(str(folder / "scenario.yaml"))
    plant = str(run.manifest["plant"])
    if plant == BUNDLED:
        return prepare(scenario, folder.parent, say)
    ready, _ = prepare_foreign(scenario, load_factory(plant), folder.parent, str(run.manifest["policy"]), say)
    return ready


def _as_known(ready: Prepared, out: Path, version: str | None) -> Prepared:
    """With the model of that decision: after its first day a run has learned the plant anew."""
    model = ready.knowledge.model
    if version is None or (model is not None and model.version == version):
        return ready
    learned = learned_model(out, version)
    return ready if learned is None else replace(ready, knowledge=learned)


def prepare_site(folder: Path, changes: Mapping[str, object]) -> Site:
    """The run's site with changed keys."""
    from sim.scenario import build_site

    return build_site(load_scenario(str(folder / "scenario.yaml"), changes))


def newest_run(out: Path) -> Path:
    """The run finished last in a folder of runs.

    Raises
    ------
    ConfigError
        If there is none.
    """
    found = sorted(out.glob("*/manifest.json"), key=lambda p: p.stat().st_mtime)
    if not found:
        raise ConfigError(f"folder {out}", "holds no finished run", "run a scenario first, or give --run")
    return found[-1].parent


@dataclass(frozen=True)
class _Desk:
    """One policy to be asked again, with what it knew at each decision."""

    folder: Path
    ready: Prepared
    site: Site
    policy: str

    def ask(self, decisions: Sequence[Mapping[str, Any]]) -> PolicyAnswer:
        """The answer to the last of these, looked at twice; a new policy was asked each in turn."""
        planner = inline_planner(self.policy, self.site, self.ready.knowledge)
        for told in decisions:
            outlook = _repriced(_outlook(self.folder, told), self.ready.site, self.site)
            snapshot = _snapshot(self.folder, told, self.site)
            answer = asyncio.run(_ask(planner, snapshot, outlook))
        look = SecondLook(self.site, self.ready.knowledge.model, Settings().cycle_s)
        return look.at(answer, outlook, snapshot, snapshot.time)


async def _ask(planner: Planner, snapshot: Snapshot, outlook: Forecast) -> PolicyAnswer:
    return await planner.decide(snapshot, outlook)


def _thought(told: Mapping[str, Any], answer: PolicyAnswer, same_model: bool) -> SecondThought:
    return SecondThought(
        decision=str(told["id"]),
        at=str(told["at"]),
        same_model=same_model,
        then=told,
        now=_told(answer),
        levers=_levers(told, answer),
    )


def _before(folder: Path, told: Mapping[str, Any]) -> list[dict[str, Any]]:
    # A new model comes with a new planner, which remembers nothing of the one before.
    same = [d for d in _decisions(folder) if d.get("model") == told.get("model")]
    return [d for d in same if d["id"] < told["id"]]


def _decisions(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "decisions.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def _find(folder: Path, decision: str) -> dict[str, Any]:
    wanted = decision if decision.startswith("D-") else f"D-{int(decision):06d}" if decision.isdigit() else ""
    recorded = _decisions(folder)
    found = [told for told in recorded if told["id"] == wanted]
    if not found:
        raise ConfigError(
            f"decision {decision}",
            f"is not one of the {len(recorded)} of {folder}",
            "see decisions.jsonl there",
        )
    return found[0]


def _snapshot(folder: Path, told: Mapping[str, Any], site: Site) -> Snapshot:
    frame = pd.read_parquet(folder / "readings.parquet", filters=[("decision", "==", told["id"])])
    readings = {
        PointId(point): Reading(PointId(point), time.to_pydatetime(), float(value), Quality(quality))
        for point, time, value, quality in zip(
            frame["point"], frame["time"], frame["value"], frame["quality"], strict=True
        )
    }
    held = frozenset(LeverId(lever) for lever in told.get("held", ()))
    return Snapshot(site, instant(told["at"]), readings, held)


def _outlook(folder: Path, told: Mapping[str, Any]) -> Forecast:
    frame = pd.read_parquet(folder / "forecasts.parquet", filters=[("decision", "==", told["id"])])
    facts = told["outlook"]
    grid = TimeGrid(instant(facts["start"]), int(facts["step_s"]), int(facts["steps"]))
    zones = [c.removesuffix(" it mean [kW]") for c in frame.columns if c.endswith(" it mean [kW]")]

    def band(mean: str, std: str) -> Band:
        return Band(frame[mean].to_numpy(float), frame[std].to_numpy(float))

    return Forecast(
        issued_at=instant(facts["issued_at"]),
        grid=grid,
        it_reference_kw={OwnerId(z): band(f"{z} it mean [kW]", f"{z} it std [kW]") for z in zones},
        dry_bulb_c=band("dry bulb mean [degC]", "dry bulb std [K]"),
        wet_bulb_c=band("wet bulb mean [degC]", "wet bulb std [K]"),
        carbon=CarbonSeries(
            grid,
            frame["carbon [g/kWh]"].to_numpy(float),
            CarbonKind(facts["carbon_kind"]),
            facts["carbon_provider"],
            bool(facts["carbon_synthetic"]),
        ),
        price=PriceSeries(
            grid, frame["price [1/kWh]"].to_numpy(float), facts["currency"], facts["price_provider"]
        ),
        month_peak_kw=float(facts.get("month_peak_kw") or 0.0),
        ordinary_peak_kw=float(facts.get("ordinary_peak_kw") or 0.0),
        waiting_kwh={LeverId(lever): float(kwh) for lever, kwh in facts.get("waiting_kwh", {}).items()},
    )


def _repriced(outlook: Forecast, then: Site, now: Site) -> Forecast:
    """A flat price given by hand replaces the recorded one."""
    if then.tariff.price_per_kwh == now.tariff.price_per_kwh:
        return outlook
    flat = outlook.price.per_kwh * 0 + now.tariff.price_per_kwh
    return replace(outlook, price=replace(outlook.price, per_kwh=flat))


def _told(answer: PolicyAnswer) -> dict[str, Any]:
    if isinstance(answer, NoPlan):
        return {"outcome": "no plan", "cause": str(answer.cause), "reason": answer.reason}
    told: dict[str, object] = {
        "outcome": "advice",
        "reason": answer.reason,
        "requested": dict(answer.setpoints),
    }
    if answer.plan is not None:
        told["plan"] = plan_facts(answer.plan)
    described = plain(told)
    return described if isinstance(described, dict) else {}


def _levers(told: Mapping[str, Any], answer: PolicyAnswer) -> tuple[LeverChange, ...]:
    then = told.get("requested") or {}
    now = {} if isinstance(answer, NoPlan) else dict(answer.setpoints)
    return tuple(LeverChange(lv, float(then[lv]), float(now[lv])) for lv in now if lv in then)
