"""Holds: a person keeps the program's hands off a machine, a zone or a lever until a stated time."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from sqlalchemy import insert, select, update

from controller.audit import AuditLog
from controller.canonical import instant, stamp
from controller.reach import home_of
from controller.store import Store
from controller.tables import HOLDS
from plant.points import SITE
from plant.setpoints import Lever, LeverId
from plant.site import Site


@dataclass(frozen=True, slots=True)
class Hold:
    """Hands off `target` (site, zone, equipment or lever) until `until`."""

    id: str
    target: str
    reason: str
    by: str
    placed_at: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class UnknownTarget:
    """The site has nothing of that name that a lever moves."""

    target: str


HoldAnswer: TypeAlias = Hold | UnknownTarget


class HoldBook:
    """Holds in force. Kept in the store and in memory, so a lost database frees nothing."""

    def __init__(self, store: Store, audit: AuditLog, site: Site) -> None:
        self._store = store
        self._audit = audit
        self._site = site
        rows = store.rows(select(HOLDS).where(HOLDS.c.released_at.is_(None)).order_by(HOLDS.c.placed_at))
        self._holds = {
            r["id"]: Hold(
                r["id"], r["target"], r["reason"], r["by"], instant(r["placed_at"]), instant(r["until"])
            )
            for r in rows
        }

    def place(
        self, target: str, *, reason: str, by: str, at: datetime, until: datetime, drill: bool = False
    ) -> HoldAnswer:
        """Hold a site, zone, piece of equipment or lever. A drill's own hold overrides nobody's judgment."""
        if not self.levers_of(target):
            return UnknownTarget(target)
        hold = Hold(f"H-{secrets.token_hex(4)}", target, reason, by, at, until)
        with self._store.transaction() as tx:
            tx.execute(
                insert(HOLDS).values(
                    id=hold.id,
                    target=target,
                    reason=reason,
                    by=by,
                    placed_at=stamp(at),
                    until=stamp(until),
                )
            )
            what = {
                "hold": hold.id,
                "target": target,
                "levers": self.levers_of(target),
                "reason": reason,
                "drill": drill,
                "until": until,
                "before": "free",
                "after": "held",
            }
            self._audit.record("hold.placed", by, what, at)
        self._holds[hold.id] = hold
        return hold

    def release(self, hold_id: str, *, by: str, at: datetime) -> Hold | None:
        """End a hold early; None if it is not in force."""
        hold = self._holds.get(hold_id)
        if hold is None or hold.until <= at:
            return None
        with self._store.transaction() as tx:
            tx.execute(
                update(HOLDS).where(HOLDS.c.id == hold_id).values(released_at=stamp(at), released_by=by)
            )
            what = {"hold": hold_id, "target": hold.target, "before": "held", "after": "free"}
            self._audit.record("hold.released", by, what, at)
        del self._holds[hold_id]
        return hold

    def active(self, at: datetime) -> list[Hold]:
        """Holds in force at ``at``, oldest first."""
        return [hold for hold in self._holds.values() if hold.until > at]

    def levers(self, at: datetime) -> frozenset[LeverId]:
        """Every lever that a hold in force touches."""
        return frozenset(lever for hold in self.active(at) for lever in self.levers_of(hold.target))

    def levers_of(self, target: str) -> frozenset[LeverId]:
        """The levers a target stands for; a machine holds each lever that moves one of its points."""
        return frozenset(lever.id for lever in self._site.levers if self._touches(lever, target))

    def _touches(self, lever: Lever, target: str) -> bool:
        if target in (SITE, lever.id, lever.owner, home_of(self._site, lever.owner)):
            return True
        points = self._site.point_by_id
        return any(points[p].owner == target for p in lever.points if p in points)
