"""Scoring: what was predicted against what came, cycle by cycle, for the rollout's scorecards."""

from __future__ import annotations

import math
from dataclasses import dataclass

from controller.audit import AuditRecord
from controller.cycle import CycleRecord
from controller.rollout import Rollout
from plant.plan import Plan
from plant.points import OwnerId
from plant.ports import Advice
from plant.site import Site
from plant.snapshot import Snapshot
from reports.account import Account

_OVERRIDES = frozenset({"proposal.rejected", "hold.placed"})


@dataclass
class Scorer:
    """Compares each cycle with the plan of the one before, and writes it to the rollout's record."""

    site: Site
    rollout: Rollout
    cycle_s: float
    _plan: Plan | None = None
    _overrides: int = 0
    _predicted_kwh: float = 0.0
    _actual_kwh: float = 0.0

    def heard(self, record: AuditRecord) -> None:
        """A listener of the audit log: rejections and holds are overrides of every zone."""
        if record.kind in _OVERRIDES:
            self._overrides += 1

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
        for zone in self.site.zones:
            worst = record.snapshot.worst_inlet_c(zone.id)
            self.rollout.observe(
                zone.id,
                record.snapshot.time,
                inlet_error_k=self._error_k(zone.id, record.snapshot),
                violation_s=self.cycle_s if worst > zone.limits.recommended_max_c else 0.0,
                overrides=self._overrides,
                predicted_kwh=self._predicted_kwh * share,
                actual_kwh=self._actual_kwh * share,
            )
        self._overrides = 0
        self._predicted_kwh = self._actual_kwh = 0.0
        self._plan = record.answer.plan if isinstance(record.answer, Advice) else None

    def _error_k(self, zone: OwnerId, now: Snapshot) -> float:
        """Seen minus predicted worst inlet, by the plan of the cycle before; NaN where there was none."""
        if self._plan is None or zone not in self._plan.prediction.worst_inlet_c:
            return math.nan
        grid = self._plan.grid
        step = int((now.time - grid.start).total_seconds() // grid.step_s)
        if not 0 <= step < grid.steps:
            return math.nan
        return now.worst_inlet_c(zone) - float(self._plan.prediction.worst_inlet_c[zone][step])
