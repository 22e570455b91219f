"""Plants of one's own: a factory named on the command line, and a past made with it.

A factory takes the site and a seed and gives anything that satisfies `plant.ports.Plant`::

    def factory(site: Site, seed: int) -> Plant: ...

Its readings should name the site's points; a point it does not tell is missing. Commands name
setpoint points (and the heartbeat point, which a plant may ignore), in inside units.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pandas as pd

from controller.envelope import COOLER
from controller.knowledge import Knowledge, learn
from controller.replay import GoingOn
from controller.scenario.prepare import BACK_AS_FOUND, CACHE, Prepared, Say
from controller.settings import Settings
from plant.commands import Command
from plant.errors import ConfigError
from plant.points import SITE, OwnerId
from plant.ports import Plant
from plant.readings import Reading
from plant.setpoints import Lever, LeverId
from plant.site import Site
from plant.snapshot import Snapshot
from sim.plant import SimulatedPlant
from sim.scenario import Scenario, build_site
from telemetry.historian import Historian

Factory: TypeAlias = Callable[[Site, int], Plant]
STEP_S = 300.0
DWELL_STEPS = 12
"""Each lever goes for another value every hour."""
BACK_OFF_K = 1.5
"""A zone whose warmest inlet is this near its recommended maximum is cooled instead."""


def load_factory(text: str) -> Factory:
    """The callable behind ``package.module:factory``; modules beside the caller's folder count too.

    Raises
    ------
    ConfigError
        If there is no such module or callable.
    """
    where = f"option --plant {text}"
    module_name, _, name = text.partition(":")
    if not module_name or not name:
        raise ConfigError(where, "is not package.module:factory", "give for example examples.own_plant:make")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        factory = getattr(importlib.import_module(module_name), name)
    except ImportError as error:
        raise ConfigError(where, f"cannot be imported ({error})", "correct the module's name") from None
    except AttributeError:
        raise ConfigError(where, f"{module_name} has no {name}", "correct the factory's name") from None
    if not callable(factory) or not _takes_two(factory):
        raise ConfigError(where, "is not a function of (site, seed)", "name one that is")
    return factory  # type: ignore[no-any-return]


def _takes_two(factory: Callable[..., object]) -> bool:
    try:
        inspect.signature(factory).bind("site", 1)
    except TypeError:
        return False
    except ValueError:
        return True  # written in C: it does not say
    return True


def prepare_foreign(
    scenario: Scenario, factory: Factory, out: Path, policy: str, say: Say
) -> tuple[Prepared, Plant]:
    """A foreign plant at the scenario's start, with a past of its own if the policy learns from one."""
    site = build_site(scenario)
    plant = factory(site, scenario.seed)
    folder = out / CACHE / "foreign"
    folder.mkdir(parents=True, exist_ok=True)
    database = folder / f"{scenario.name}-{policy}-s{scenario.seed}.sqlite"
    database.unlink(missing_ok=True)
    historian = Historian(f"sqlite:///{database}")
    knowledge = Knowledge(None, None, "the policy learns nothing")
    if scenario.history.file is not None:
        historian.import_file(scenario.history.file)
    if rehearses(scenario, policy):
        say(f"the plant lives {scenario.history.days:g} days before the scenario")
        readings = rehearse(plant, site, scenario, historian)
    else:
        readings = list(plant.reset(scenario.start))
    if policy == "mpc":
        say("learning the plant from its history")
        knowledge = learn(site, historian, Settings(), scenario.start)
        say(knowledge.sentence)
    historian.close()
    ready = Prepared(scenario, site, None, knowledge, database, "foreign")
    return ready, plant if isinstance(plant, SimulatedPlant) else GoingOn(plant, readings)


def rehearse(plant: Plant, site: Site, scenario: Scenario, historian: Historian) -> Sequence[Reading]:
    """Run the plant as found, then with every lever stepping, then as found again up to the start."""
    history, rng = scenario.history, np.random.default_rng([scenario.seed, 0xF0E1])
    back_from = scenario.start - BACK_AS_FOUND
    begin = back_from - timedelta(days=history.days)
    readings = list(plant.reset(begin))
    stepping_from = begin + timedelta(days=history.as_found_days)
    now, at, n = dict(site.as_found), begin, 0
    targets = dict(now)
    while at < scenario.start:
        commands: list[Command] = []
        if at >= back_from:
            commands = [Command(p, lv.as_found) for lv in site.levers for p in lv.points]
        elif at >= stepping_from:
            if n % DWELL_STEPS == 0:
                targets = {lv.id: float(rng.uniform(lv.low, lv.high)) for lv in site.levers}
            now = _stepped(site, now, targets, Snapshot(site, at, {r.point: r for r in readings}))
            commands = [Command(p, now[lv.id]) for lv in site.levers for p in lv.points]
            n += 1
        step_s = min(STEP_S, (scenario.start - at).total_seconds())
        readings = list(plant.advance(commands, step_s))
        at = at + timedelta(seconds=step_s)
        historian.append(_known(readings, site, at))
    return readings


def foreign_twin(
    scenario: Scenario, site: Site, factory: Factory, ticks: int, rehearsed: bool
) -> pd.DataFrame:
    """Another plant of the same factory and seed with nobody at the levers: what it read, tick by tick.

    Columns are those of a trajectory. After a rehearsal the plant has been as found for some hours; so has
    its twin.
    """
    twin = factory(site, scenario.seed)
    twin.reset(scenario.start - BACK_AS_FOUND if rehearsed else scenario.start)
    if rehearsed:
        for _ in range(round(BACK_AS_FOUND.total_seconds() / STEP_S)):
            twin.advance([], STEP_S)
    rows = []
    for _ in range(ticks):
        said = {r.point: r.value for r in twin.advance([], scenario.tick_s) if r.usable}
        rows.append([said.get(p.id, np.nan) for p in site.points])
    return pd.DataFrame(rows, columns=[f"{p.id} [{p.facts.inside_unit}]" for p in site.points])


def rehearses(scenario: Scenario, policy: str) -> bool:
    """Whether a foreign plant lives a history before the scenario: only who learns needs one."""
    return policy == "mpc" and scenario.history.file is None and scenario.history.days > 0


def _stepped(
    site: Site, now: dict[LeverId, float], targets: dict[LeverId, float], seen: Snapshot
) -> dict[LeverId, float]:
    warm = {
        z.id for z in site.zones if not seen.worst_inlet_c(z.id) < z.limits.recommended_max_c - BACK_OFF_K
    }
    return {lv.id: _one_step(lv, now[lv.id], targets[lv.id], warm) for lv in site.levers}


def _one_step(lever: Lever, now: float, target: float, warm: set[OwnerId]) -> float:
    if lever.owner in warm or (lever.owner == SITE and warm):
        target = lever.high if COOLER.get(lever.quantity, 0) > 0 else lever.low
    move = min(max(target - now, -lever.max_move), lever.max_move)
    return lever.clamp(now + move)


def _known(readings: Sequence[Reading], site: Site, at: datetime) -> list[Reading]:
    return [r for r in readings if r.point in site.point_by_id and r.time <= at]
