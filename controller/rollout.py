"""Rollout: authority is earned, zone by zone, by a scorecard, and kept by drills.

A zone's scorecard grows with every cycle. More authority is asked for by one person, granted by
another, and only once the scorecard and the dead-man drill allow it; `objections` says what is
still missing, in words. `ModeKeeper` asks it when it is given one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, select, update

from controller.audit import AuditLog, AuditRecord
from controller.canonical import instant, stamp
from controller.modes import Mode
from controller.store import Store
from controller.tables import DRILLS, SCORES
from plant.points import SITE, OwnerId
from plant.site import Site

FULL_DAY = 0.8
"""Share of a day's cycles that must have been seen for the day to count."""


@dataclass(frozen=True, slots=True)
class Criteria:
    """What a zone must have shown before it is given a mode."""

    days: int
    max_inlet_error_k: float = math.inf
    """Root mean square error of predicted worst inlets. [K]"""
    max_override_share: float = math.inf
    """Rejections and holds per cycle."""
    min_saving_ratio: float = -math.inf
    """Actual over predicted saving; 1 is as promised."""
    max_violation_s: float = 0.0
    drill_within: timedelta | None = None


CRITERIA: Mapping[Mode, Criteria] = {
    Mode.ADVISORY: Criteria(days=3, max_inlet_error_k=1.5),
    Mode.SUPERVISED: Criteria(
        days=14,
        max_inlet_error_k=1.0,
        max_override_share=0.02,
        min_saving_ratio=0.5,
        drill_within=timedelta(days=92),
    ),
}


@dataclass(frozen=True, slots=True)
class Scorecard:
    """What a zone has shown over its full days. NaN where nothing could be judged."""

    zone: OwnerId
    days: int
    cycles: int
    inlet_error_k: float
    violation_s: float
    override_share: float
    saving_ratio: float


@dataclass(frozen=True, slots=True)
class Drill:
    """A rehearsal of the dead man: heartbeat withheld, plant watched."""

    at: datetime
    by: str
    passed: bool
    took_over_after_s: float
    note: str


class Rollout:
    """Keeps scorecards and drills, and says what stands between a zone and more authority."""

    def __init__(
        self,
        store: Store,
        audit: AuditLog,
        site: Site,
        *,
        cycle_s: float = 300.0,
        criteria: Mapping[Mode, Criteria] = CRITERIA,
    ) -> None:
        self._store = store
        self._audit = audit
        self._site = site
        self._cycles_a_day = 86_400 / cycle_s
        self._criteria = criteria

    def observe(
        self,
        zone: OwnerId,
        at: datetime,
        *,
        inlet_error_k: float = math.nan,
        violation_s: float = 0.0,
        overrides: int = 0,
        predicted_kwh: float = 0.0,
        actual_kwh: float = 0.0,
    ) -> None:
        """Add one cycle of one zone: predicted minus seen worst inlet, time above the limit, and so on."""
        judged = not math.isnan(inlet_error_k)
        added: dict[str, float] = {
            "cycles": 1,
            "judged": int(judged),
            "squared_error_k2": inlet_error_k**2 if judged else 0.0,
            "violation_s": violation_s,
            "overrides": overrides,
            "predicted_kwh": predicted_kwh,
            "actual_kwh": actual_kwh,
        }
        key = {"zone": zone, "day": stamp(at)[:10]}
        with self._store.transaction() as tx:
            there = tx.execute(
                update(SCORES)
                .where(SCORES.c.zone == key["zone"], SCORES.c.day == key["day"])
                .values({name: SCORES.c[name] + value for name, value in added.items()})
            )
            if there.rowcount == 0:
                tx.execute(insert(SCORES).values(**key, **added))

    def scorecard(self, zone: OwnerId, at: datetime, days: int = 14) -> Scorecard:
        """The zone's last ``days`` days; a day that was mostly missed does not count."""
        since = stamp(at - timedelta(days=days))[:10]
        rows = self._store.rows(select(SCORES).where(SCORES.c.zone == zone, SCORES.c.day >= since))
        full = [r for r in rows if r["cycles"] >= FULL_DAY * self._cycles_a_day]
        cycles, judged = _sum(full, "cycles"), _sum(full, "judged")
        predicted = _sum(full, "predicted_kwh")
        return Scorecard(
            zone=zone,
            days=len(full),
            cycles=int(cycles),
            inlet_error_k=math.sqrt(_sum(full, "squared_error_k2") / judged) if judged else math.nan,
            # A violation counts on whatever day it was.
            violation_s=_sum(rows, "violation_s"),
            override_share=_sum(full, "overrides") / cycles if cycles else math.nan,
            saving_ratio=_sum(full, "actual_kwh") / predicted if predicted > 0 else math.nan,
        )

    def objections(self, scope: OwnerId, mode: Mode, at: datetime) -> tuple[str, ...]:
        """What is still missing for this mode; nothing when it may be asked for."""
        wanted = self._criteria.get(mode)
        if wanted is None:
            return ()
        zones = [z.id for z in self._site.zones] if scope == SITE else [scope]
        found = [o for zone in zones for o in _missing(self.scorecard(zone, at, wanted.days), wanted)]
        if wanted.drill_within is not None:
            found.extend(self._drill_objection(wanted.drill_within, at))
        return tuple(found)

    def record_drill(
        self, *, by: str, at: datetime, passed: bool, took_over_after_s: float = math.nan, note: str = ""
    ) -> Drill:
        """Write down a dead-man drill."""
        drill = Drill(at, by, passed, took_over_after_s, note)
        seconds = None if math.isnan(took_over_after_s) else took_over_after_s
        with self._store.transaction() as tx:
            tx.execute(
                insert(DRILLS).values(
                    at=stamp(at), by=by, passed=int(passed), took_over_after_s=seconds, note=note
                )
            )
            what = {"passed": passed, "took_over_after_s": seconds, "note": note}
            self._audit.record("drill.dead_man", by, what, at)
        return drill

    def last_drill(self) -> Drill | None:
        """The newest drill, passed or not."""
        rows = self._store.rows(select(DRILLS).order_by(DRILLS.c.at.desc()).limit(1))
        if not rows:
            return None
        r = rows[0]
        seconds = math.nan if r["took_over_after_s"] is None else r["took_over_after_s"]
        return Drill(instant(r["at"]), r["by"], bool(r["passed"]), seconds, r["note"])

    def commissioning(self, since: datetime) -> list[AuditRecord]:
        """The commissioning record: what was tried, what was seen, who agreed."""
        kinds = ("mode.", "drill.", "lever.", "fallback.", "stop", "resume")
        return [r for r in self._audit.since(since) if r.kind.startswith(kinds)]

    def _drill_objection(self, within: timedelta, at: datetime) -> list[str]:
        drill = self.last_drill()
        if drill is None:
            return ["the dead-man drill was never held"]
        if not drill.passed:
            return [f"the dead-man drill of {drill.at:%Y-%m-%d} failed"]
        if at - drill.at > within:
            return [f"the dead-man drill of {drill.at:%Y-%m-%d} is older than {within.days} days"]
        return []


def _missing(card: Scorecard, wanted: Criteria) -> list[str]:
    """Objections; what could not be judged is missing, not passed."""
    found = []
    if card.days < wanted.days:
        found.append(f"{card.zone}: {card.days} full days seen, {wanted.days} needed")
    if card.violation_s > wanted.max_violation_s:
        found.append(f"{card.zone}: {card.violation_s / 60:.0f} min above the inlet limit")
    if math.isfinite(wanted.max_inlet_error_k) and not card.inlet_error_k <= wanted.max_inlet_error_k:
        found.append(
            f"{card.zone}: inlet error {card.inlet_error_k:.1f} K, {wanted.max_inlet_error_k:g} allowed"
        )
    if math.isfinite(wanted.max_override_share) and not card.override_share <= wanted.max_override_share:
        found.append(f"{card.zone}: people overrode {100 * card.override_share:.0f} % of its cycles")
    if math.isfinite(wanted.min_saving_ratio) and not card.saving_ratio >= wanted.min_saving_ratio:
        found.append(f"{card.zone}: saved {card.saving_ratio:.2f} of what was predicted")
    return found


def _sum(rows: Sequence[Mapping[str, Any]], column: str) -> float:
    return float(sum(row[column] for row in rows))
