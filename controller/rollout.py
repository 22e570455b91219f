"""Rollout: authority is earned zone by zone, from one pilot to all, and kept by drills.

More authority is asked for by one person, granted by another, and only once the zone's scorecard,
the walk and the dead-man drill allow it; `objections` says what is still missing, in words.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import insert, select

from controller.audit import AuditLog
from controller.canonical import instant, stamp
from controller.mode import AUTHORITY, Mode
from controller.scorecard import CRITERIA, Criteria, ScoreBook, Scorecard
from controller.store import Store
from controller.tables import DRILLS, MODES
from plant.points import SITE, OwnerId
from plant.site import Site


class Stage(StrEnum):
    """Where a zone stands in the rollout."""

    SHADOW = "shadow"
    PILOT = "pilot"
    """The first zone with its mode: the others wait until it has kept it for a while."""
    PRODUCTION = "production"


@dataclass(frozen=True, slots=True)
class Drill:
    """A rehearsal of the dead man: heartbeat withheld, plant watched."""

    at: datetime
    by: str
    passed: bool
    took_over_after_s: float
    note: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one zone stands: its mode since when, its scorecard, and what the next mode still wants."""

    zone: OwnerId
    mode: Mode
    stage: Stage
    next_mode: Mode | None
    card: Scorecard
    missing: tuple[str, ...]


class Rollout:
    """Says what stands between a zone and more authority. `ModeKeeper` asks it."""

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
        self._criteria = criteria
        self.scores = ScoreBook(store, cycle_s=cycle_s)

    def objections(self, scope: OwnerId, mode: Mode, at: datetime) -> tuple[str, ...]:
        """What is still missing for this mode; nothing when it may be asked for.

        The site's mode is a ceiling: it may be raised as soon as one zone has earned it.
        """
        wanted = self._criteria.get(mode)
        if wanted is None:
            return ()
        found = [] if wanted.drill_within is None else self._drill_objection(wanted.drill_within, at)
        if scope != SITE:
            found += self.scores.card(scope, at, wanted.days).missing(wanted)
            return (*found, *self._walk_objection(scope, mode, wanted.settled, at))
        cards = [self.scores.card(z.id, at, wanted.days).missing(wanted) for z in self._site.zones]
        if all(cards):
            found += [objection for card in cards for objection in card]
        return tuple(found)

    def standing(self, zone: OwnerId, mode: Mode, at: datetime) -> Standing:
        """Where a zone in this mode stands, for people."""
        following = {Mode.SHADOW: Mode.ADVISORY, Mode.ADVISORY: Mode.SUPERVISED}.get(mode)
        missing = () if following is None else self.objections(zone, following, at)
        return Standing(zone, mode, self._stage(zone, mode), following, self.scores.card(zone, at), missing)

    def record_drill(
        self, *, by: str, at: datetime, passed: bool, took_over_after_s: float = math.nan, note: str = ""
    ) -> Drill:
        """Write down a dead-man drill."""
        drill = Drill(at, by, passed, took_over_after_s, note)
        seconds = None if math.isnan(took_over_after_s) else took_over_after_s
        before = self.last_drill()
        with self._store.transaction() as tx:
            tx.execute(
                insert(DRILLS).values(
                    at=stamp(at), by=by, passed=int(passed), took_over_after_s=seconds, note=note
                )
            )
            what = {
                "passed": passed,
                "took_over_after_s": seconds,
                "note": note,
                "before": None if before is None else before.at,
                "after": at,
            }
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

    def drill_due(self) -> datetime | None:
        """Until when the last drill counts; None when there is none that passed."""
        drill = self.last_drill()
        within = self._criteria[Mode.SUPERVISED].drill_within
        return drill.at + within if drill is not None and drill.passed and within is not None else None

    def drill_objection(self, at: datetime) -> str:
        """Why `supervised` is closed for want of a drill, or nothing."""
        within = self._criteria[Mode.SUPERVISED].drill_within
        return "" if within is None else "; ".join(self._drill_objection(within, at))

    def _drill_objection(self, within: timedelta, at: datetime) -> list[str]:
        drill = self.last_drill()
        if drill is None:
            return ["the dead-man drill was never held"]
        if not drill.passed:
            return [f"the dead-man drill of {drill.at:%Y-%m-%d} failed"]
        if at - drill.at > within:
            return [f"the dead-man drill of {drill.at:%Y-%m-%d} is older than {within.days} days"]
        return []

    def _walk_objection(self, zone: OwnerId, mode: Mode, settled: timedelta, at: datetime) -> list[str]:
        """The zone promoted last must have kept the mode for a while, and none have lost it meanwhile."""
        others = {z: since for z, since in self._given(mode).items() if z != zone}
        found = [
            f"{other} has had {mode} for {(at - since) / timedelta(days=1):.1f} days, "
            f"{settled / timedelta(days=1):g} needed before the next zone"
            for other, since in others.items()
            if at - since < settled
        ]
        found.extend(
            f"{record.what['scope']} lost {mode} on {record.at:%Y-%m-%d}: {record.what['reason']}"
            for record in self._audit.since(at - settled)
            if record.kind == "mode.demoted" and record.what.get("before") == str(mode)
        )
        return found

    def _given(self, mode: Mode) -> dict[OwnerId, datetime]:
        """Zones that were given at least this mode, and when."""
        rows = self._store.rows(select(MODES).where(MODES.c.scope.in_([z.id for z in self._site.zones])))
        enough = [r for r in rows if AUTHORITY[Mode(r["mode"])] >= AUTHORITY[mode]]
        return {OwnerId(r["scope"]): instant(r["at"]) for r in enough}

    def _stage(self, zone: OwnerId, mode: Mode) -> Stage:
        if mode in (Mode.SHADOW, Mode.FALLBACK):
            return Stage.SHADOW
        given = self._given(mode)
        alone = len(self._site.zones) > 1 and set(given) == {zone}
        return Stage.PILOT if alone else Stage.PRODUCTION
