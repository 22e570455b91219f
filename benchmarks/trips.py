"""After every change that was carried out: what if this machine stopped now, and this one, and this one?

The plant runs under the real controller in closed loop. One tick after each carried-out change every
CRAH and every chiller is tripped in turn, each in a copy of the plant, and the ride-through time passes
with nobody acting but the plant's own controllers. No true inlet may pass its allowable limit. With
``--without`` the controller is not asked to keep room for a trip: then the same run is to fail.

    python -m benchmarks.trips --scenario typical-week-tampa --days 7
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import numpy as np

from controller.actions import ActionRecord
from controller.actuation import Outcome
from controller.contingency import TripCheck
from controller.cycle import CycleRecord
from controller.replay import GoingOn, ReplayRun, replay
from controller.scenario.prepare import prepare
from controller.scenario.run import shortened
from controller.settings import Settings
from controller.wiring import Controller
from optimizer.model import PlantModel
from plant.site import Site
from plant.snapshot import Snapshot
from sim.faults.trips import ride, units_that_may_trip
from sim.plant import SimulatedPlant
from sim.scenario import load_scenario
from telemetry.historian import Historian


@dataclass(frozen=True)
class Trial:
    """One change that was carried out, and the worst of all trips right after it."""

    at: datetime
    unit: str
    zone: str
    inlet_c: float
    allowable_c: float
    foretold_c: float
    """What the supervisor's own reckoning said of that zone's worst trip; NaN where it said nothing."""

    @property
    def failed(self) -> bool:
        """Whether an inlet passed its allowable limit."""
        return self.inlet_c > self.allowable_c


@dataclass
class Tripper:
    """Trips every machine after each carried-out change. An observer of a replay."""

    plant: SimulatedPlant
    site: Site
    model: PlantModel | None
    every: int = 1
    trials: list[Trial] = field(default_factory=list)
    carried_out: int = 0
    _due: bool = False

    def began(self, controller: Controller) -> None:
        """Nothing to do before the first change."""

    def thought(self, record: CycleRecord) -> None:
        """What was thought does not matter, only what was done."""

    def acted(self, record: ActionRecord, before: Snapshot) -> None:
        """A change that was carried out is tried a tick later, when the plant has it."""
        if record.executed is not None and record.executed.outcome is Outcome.APPLIED:
            self.carried_out += 1
            self._due = self.carried_out % self.every == 0

    def passed(self, snapshot: Snapshot) -> None:
        """Trip everything in turn."""
        if self._due:
            self._due = False
            self.trials.append(self._try(snapshot))

    def _try(self, snapshot: Snapshot) -> Trial:
        units = units_that_may_trip(self.plant)
        seconds = self.site.safety.ride_through_s
        warmest = np.array([ride(self.plant, unit, seconds) for unit in units])
        allowed = np.array([z.limits.allowable_max_c for z in self.site.zones])
        row, column = np.unravel_index(int((warmest - allowed).argmax()), warmest.shape)
        zone = self.site.zones[int(column)]
        told = {o.zone: o.inlet_c for o in TripCheck(self.site, self.model).now(snapshot)}
        return Trial(
            snapshot.time,
            units[int(row)],
            zone.id,
            float(warmest[row, column]),
            float(allowed[column]),
            told.get(zone.id, float("nan")),
        )


def without_room(site: Site) -> Site:
    """The site, naming no machine that may trip: neither planner nor supervisor keeps room."""
    return replace(site, safety=replace(site.safety, n_minus_one=()))


def summary(trials: Sequence[Trial]) -> dict[str, object]:
    """What the trials amount to."""
    if not trials:
        return {"changes": 0}
    worst = max(trials, key=lambda t: t.inlet_c - t.allowable_c)
    over = [t.foretold_c - t.inlet_c for t in trials if t.foretold_c == t.foretold_c]
    return {
        "changes": len(trials),
        "failed": sum(t.failed for t in trials),
        "worst_inlet_c": worst.inlet_c,
        "allowable_c": worst.allowable_c,
        "unit": worst.unit,
        "at": worst.at.isoformat(),
        "foretold_too_cool": sum(k < 0 for k in over),
        "foretold_over_k": {"least": min(over), "mean": float(np.mean(over))} if over else None,
    }


def campaign(name: str, days: float | None, *, keep: bool, every: int, out: Path) -> dict[str, object]:
    """Run a library scenario's days and try every carried-out change."""
    scenario = shortened(load_scenario(name), days)
    ready = prepare(scenario, out, lambda text: print(text, file=sys.stderr))
    if ready.plant is None:
        raise SystemExit("the scenario has no simulated plant")
    plant, site = ready.plant, ready.site
    tripper = Tripper(plant, site, ready.knowledge.model, every)

    def progress(at: datetime) -> None:
        if at.minute == 0 and at.hour % 3 == 0:
            print(
                f"{(at - scenario.start) / scenario.length:4.0%} {at:%d %H:%M} {summary(tripper.trials)}",
                file=sys.stderr,
            )

    before = plant.totals().facility_kwh
    with tempfile.TemporaryDirectory() as folder:
        historian = Historian(f"sqlite:///{shutil.copy(ready.database, folder)}")
        run = ReplayRun(
            site=site if keep else without_room(site),
            plant=GoingOn(plant, plant.readings()),
            policy="mpc",
            start=scenario.start,
            duration=scenario.length,
            historian=historian,
            knowledge=ready.knowledge,
            settings=Settings(),
            on_cycle=progress,
            observers=[tripper],
        )
        result = asyncio.run(replay(run))
        historian.close()
    return {
        "scenario": name,
        "room_kept": keep,
        "days": scenario.length.total_seconds() / 86_400,
        "facility_kwh": plant.totals().facility_kwh - before,
        "plans": result.plans,
        "proposals": result.proposals,
        **summary(tripper.trials),
    }


def main() -> int:
    """Run it; 1 if an inlet passed its limit."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scenario", default="typical-week-tampa")
    parser.add_argument("--days", type=float, default=None)
    parser.add_argument("--every", type=int, default=1, help="try only every so many changes")
    parser.add_argument("--without", action="store_true", help="keep no room: the run is to fail")
    parser.add_argument("--out", type=Path, default=Path("runs"))
    asked = parser.parse_args()
    found = campaign(asked.scenario, asked.days, keep=not asked.without, every=asked.every, out=asked.out)
    print(json.dumps(found, indent=2))
    return 1 if found.get("failed") else 0


if __name__ == "__main__":
    sys.exit(main())
