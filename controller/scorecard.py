"""Scorecards: what each zone has shown, day by day, and what it must have shown for a mode."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, select, update

from controller.canonical import stamp
from controller.decisions import HELD_AGAINST_US, RejectionCode
from controller.mode import Mode
from controller.store import Store
from controller.tables import OVERRIDES, SCORES
from plant.points import OwnerId

FULL_DAY = 0.8
"""Share of a day's cycles that must have been seen for the day to count."""
HOLD = "hold"
"""The code under which holds are counted beside the rejections."""
COUNTED = frozenset({str(code) for code in HELD_AGAINST_US} | {HOLD})
"""Overrides that make up `Scorecard.override_share`; the others are only shown."""


@dataclass(frozen=True, slots=True)
class Criteria:
    """What a zone must have shown before it is given a mode."""

    days: int
    max_inlet_error_k: float = math.inf
    """Root mean square error of predicted worst inlets. [K]"""
    max_forecast_error: float = math.inf
    """Root mean square error of the forecast IT power, as a share of the power seen. [-]"""
    max_override_share: float = math.inf
    """Overrides per cycle: holds, and rejections that say the program was wrong."""
    min_saving_ratio: float = -math.inf
    """Actual over predicted saving; 1 is as promised."""
    max_violation_s: float = 0.0
    max_unsafe: int | None = None
    """Rejections with the code `unsafe`."""
    drill_within: timedelta | None = None
    settled: timedelta = timedelta(days=1)
    """How long the zone promoted last must have kept the mode before the next one is given it."""


CRITERIA: Mapping[Mode, Criteria] = {
    Mode.ADVISORY: Criteria(days=3, max_inlet_error_k=1.5, max_forecast_error=0.2),
    Mode.SUPERVISED: Criteria(
        days=14,
        max_inlet_error_k=1.0,
        max_forecast_error=0.1,
        max_override_share=0.02,
        min_saving_ratio=0.5,
        max_unsafe=0,
        drill_within=timedelta(days=92),
        settled=timedelta(days=7),
    ),
}


@dataclass(frozen=True, slots=True)
class Scorecard:
    """What a zone has shown over its full days. NaN where nothing could be judged."""

    zone: OwnerId
    days: int
    cycles: int
    inlet_error_k: float
    forecast_error: float
    violation_s: float
    override_share: float
    saving_ratio: float
    overrides: Mapping[str, int] = field(default_factory=dict)
    """Holds, and rejections by their reason code."""

    def missing(self, wanted: Criteria) -> list[str]:
        """Objections; what could not be judged is missing, not passed."""
        found = []
        if self.days < wanted.days:
            found.append(f"{self.zone}: {self.days} full days seen, {wanted.days} needed")
        if self.violation_s > wanted.max_violation_s:
            found.append(f"{self.zone}: {self.violation_s / 60:.0f} min above the inlet limit")
        if math.isfinite(wanted.max_inlet_error_k) and not self.inlet_error_k <= wanted.max_inlet_error_k:
            allowed = f"{wanted.max_inlet_error_k:g} allowed"
            found.append(f"{self.zone}: inlet error {told(self.inlet_error_k, 1)} K, {allowed}")
        if math.isfinite(wanted.max_forecast_error) and not self.forecast_error <= wanted.max_forecast_error:
            allowed = f"{100 * wanted.max_forecast_error:.0f} allowed"
            found.append(f"{self.zone}: load forecast error {told(100 * self.forecast_error)} %, {allowed}")
        if math.isfinite(wanted.max_override_share) and not self.override_share <= wanted.max_override_share:
            found.append(f"{self.zone}: people overrode {told(100 * self.override_share)} % of its cycles")
        if math.isfinite(wanted.min_saving_ratio) and not self.saving_ratio >= wanted.min_saving_ratio:
            found.append(f"{self.zone}: saved {told(self.saving_ratio, 2)} of what was predicted")
        unsafe = self.overrides.get(RejectionCode.UNSAFE, 0)
        if wanted.max_unsafe is not None and unsafe > wanted.max_unsafe:
            found.append(f"{self.zone}: {unsafe} proposals were called unsafe")
        return found


@dataclass(frozen=True, slots=True)
class Seen:
    """One cycle of one zone. NaN where it could not be judged."""

    inlet_error_k: float = math.nan
    """Seen minus predicted worst inlet. [K]"""
    forecast_error: float = math.nan
    """Forecast minus seen IT power, over the power seen. [-]"""
    violation_s: float = 0.0
    predicted_kwh: float = 0.0
    actual_kwh: float = 0.0


class ScoreBook:
    """Keeps one row for each zone and day."""

    def __init__(self, store: Store, *, cycle_s: float = 300.0) -> None:
        self._store = store
        self._cycles_a_day = 86_400 / cycle_s

    def observe(self, zone: OwnerId, at: datetime, seen: Seen) -> None:
        """Add one cycle of one zone."""
        judged, foreseen = not math.isnan(seen.inlet_error_k), not math.isnan(seen.forecast_error)
        self._add(
            zone,
            at,
            {
                "cycles": 1,
                "judged": int(judged),
                "squared_error_k2": seen.inlet_error_k**2 if judged else 0.0,
                "violation_s": seen.violation_s,
                "predicted_kwh": seen.predicted_kwh,
                "actual_kwh": seen.actual_kwh,
                "forecast_judged": int(foreseen),
                "squared_forecast_error": seen.forecast_error**2 if foreseen else 0.0,
            },
        )

    def override(self, zone: OwnerId, at: datetime, code: str) -> None:
        """Count a hold or a rejection, by its code."""
        where = (OVERRIDES.c.zone == zone, OVERRIDES.c.day == _day(at), OVERRIDES.c.code == code)
        with self._store.transaction() as tx:
            counted = tx.execute(update(OVERRIDES).where(*where).values(count=OVERRIDES.c.count + 1))
            if counted.rowcount == 0:
                tx.execute(insert(OVERRIDES).values(zone=zone, day=_day(at), code=code, count=1))
            if code in COUNTED:
                self._add(zone, at, {"overrides": 1})

    def card(self, zone: OwnerId, at: datetime, days: int = 14) -> Scorecard:
        """The zone's last ``days`` days; a day that was mostly missed does not count."""
        since = _day(at - timedelta(days=days))
        rows = self._store.rows(select(SCORES).where(SCORES.c.zone == zone, SCORES.c.day >= since))
        full = [r for r in rows if r["cycles"] >= FULL_DAY * self._cycles_a_day]
        cycles, predicted = _sum(full, "cycles"), _sum(full, "predicted_kwh")
        return Scorecard(
            zone=zone,
            days=len(full),
            cycles=int(cycles),
            inlet_error_k=_rms(full, "squared_error_k2", "judged"),
            forecast_error=_rms(full, "squared_forecast_error", "forecast_judged"),
            # A violation, and somebody's no, count on whatever day they were.
            violation_s=_sum(rows, "violation_s"),
            override_share=_sum(rows, "overrides") / cycles if cycles else math.nan,
            saving_ratio=_sum(full, "actual_kwh") / predicted if predicted > 0 else math.nan,
            overrides=self._overrides(zone, since),
        )

    def _overrides(self, zone: OwnerId, since: str) -> Mapping[str, int]:
        found: dict[str, int] = {}
        query = select(OVERRIDES).where(OVERRIDES.c.zone == zone, OVERRIDES.c.day >= since)
        for row in self._store.rows(query.order_by(OVERRIDES.c.code)):
            found[row["code"]] = found.get(row["code"], 0) + row["count"]
        return found

    def _add(self, zone: OwnerId, at: datetime, added: Mapping[str, float]) -> None:
        where = (SCORES.c.zone == zone, SCORES.c.day == _day(at))
        with self._store.transaction() as tx:
            there = tx.execute(
                update(SCORES).where(*where).values({k: SCORES.c[k] + v for k, v in added.items()})
            )
            if there.rowcount == 0:
                zeros = {c.name: 0 for c in SCORES.columns if c.name not in ("zone", "day")}
                tx.execute(insert(SCORES).values(**{**zeros, "zone": zone, "day": _day(at), **added}))


def _day(at: datetime) -> str:
    return stamp(at)[:10]


def _rms(rows: Sequence[Mapping[str, Any]], squares: str, count: str) -> float:
    judged = _sum(rows, count)
    return math.sqrt(_sum(rows, squares) / judged) if judged else math.nan


def _sum(rows: Sequence[Mapping[str, Any]], column: str) -> float:
    return float(sum(row[column] for row in rows))


def told(value: float, digits: int = 0) -> str:
    """A figure for people; one that could not be judged yet is a question mark."""
    return "?" if math.isnan(value) else f"{value:.{digits}f}"
