"""Scoring: what was predicted against what came, cycle by cycle, for the rollout's scorecards."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from controller.audit import AuditRecord
from controller.cycle import CycleRecord
from controller.decisions import RejectionCode
from controller.reach import home_of
from controller.rollout import Rollout
from controller.scorecard import HOLD, Seen
from plant.plan import Plan
from plant.points import OwnerId
from plant.ports import Advice
from plant.quantities import Quantity
from plant.setpoints import LeverId
from plant.site import Site
from plant.snapshot import Snapshot
from reports.account_record import Account


@dataclass
class Scorer:
    """Compares each cycle with the plan of the one before, and writes it to the rollout's record."""

    site: Site
    rollout: Rollout
    cycle_s: float
    _plan: Plan | None = None
    _predicted_kwh: float = 0.0
    _actual_kwh: float = 0.0

    def adopt(self, site: Site) -> None:
        """People changed a limit: from now on it counts."""
        self.site = site

    def heard(self, record: AuditRecord) -> None:
        """A listener of the audit log: a rejection or a hold is an override of each zone it touches.

        Counted in the same transaction as the record, so that a crash loses neither or both.
        """
        match record.kind:
            case "proposal.rejected":
                code = str(record.what.get("code") or RejectionCode.OTHER)
            case "hold.placed" if not record.what.get("drill"):
                code = HOLD
            case _:
                return
        levers = record.what.get("levers")
        for zone in self._touched([str(lever) for lever in levers] if isinstance(levers, list) else []):
            self.rollout.scores.override(zone, record.at, code)

    def accounted(self, account: Account) -> None:
        """An interval was closed: what the plan promised to save in it, and what the meters say."""
        hours = account.compared_h.facility_kwh
        baseline, used = account.baseline.facility_kwh, account.compared.facility_kwh
        if self._plan is None or not math.isfinite(baseline - used):
            return
        self._predicted_kwh += baseline - float(self._plan.prediction.facility_kw[0]) * hours
        self._actual_kwh += baseline - used

    def cycled(self, record: CycleRecord) -> None:
        """A cycle ended: write down each zone's row and remember the new plan."""
        share = 1 / len(self.site.zones)
        forecast_error = self._forecast_error(record.snapshot)
        for zone in self.site.zones:
            worst = record.snapshot.worst_inlet_c(zone.id)
            if math.isnan(worst):
                continue  # a cycle that saw nothing shows nothing
            seen = Seen(
                inlet_error_k=self._error_k(zone.id, record.snapshot),
                forecast_error=forecast_error,
                violation_s=self.cycle_s if worst > zone.limits.recommended_max_c else 0.0,
                predicted_kwh=self._predicted_kwh * share,
                actual_kwh=self._actual_kwh * share,
            )
            self.rollout.scores.observe(zone.id, record.snapshot.time, seen)
        self._predicted_kwh = self._actual_kwh = 0.0
        self._plan = record.answer.plan if isinstance(record.answer, Advice) else None

    def _error_k(self, zone: OwnerId, now: Snapshot) -> float:
        """Seen minus predicted worst inlet, by the plan of the cycle before; NaN where there was none."""
        step = self._step(now)
        if self._plan is None or step is None or zone not in self._plan.prediction.worst_inlet_c:
            return math.nan
        return now.worst_inlet_c(zone) - float(self._plan.prediction.worst_inlet_c[zone][step])

    def _forecast_error(self, now: Snapshot) -> float:
        """Forecast minus seen IT power, over the power seen; NaN where either is not known."""
        step = self._step(now)
        seen_kw = sum(now.mean(zone.id, Quantity.IT_POWER) for zone in self.site.zones)
        if self._plan is None or step is None or not seen_kw > 0:
            return math.nan
        return (float(self._plan.prediction.it_kw[step]) - seen_kw) / seen_kw

    def _step(self, now: Snapshot) -> int | None:
        """Where in the last plan we are."""
        if self._plan is None:
            return None
        grid = self._plan.grid
        step = int((now.time - grid.start).total_seconds() // grid.step_s)
        return step if 0 <= step < grid.steps else None

    def _touched(self, levers: Iterable[str]) -> list[OwnerId]:
        """The zones these levers move; a lever of the whole plant (or an unknown one) moves all."""
        known = self.site.lever_by_id
        owners = {
            home_of(self.site, known[LeverId(lever)].owner) if LeverId(lever) in known else None
            for lever in levers
        }
        zones = [zone.id for zone in self.site.zones]
        every = not owners or any(owner not in zones for owner in owners)
        return zones if every else [zone for zone in zones if zone in owners]
