"""Standing approvals: a person agrees beforehand to a bounded kind of change, a bounded number of times."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update

from controller.audit import AuditLog
from controller.canonical import canonical, instant, stamp
from controller.drafts import Draft
from controller.envelope import Range
from controller.store import Store
from controller.tables import STANDING
from plant.errors import BrokenPromise
from plant.setpoints import LeverId


@dataclass(frozen=True)
class StandingApproval:
    """Changes of these levers, ending within these ranges, until then, so many times yet."""

    id: str
    ranges: Mapping[LeverId, Range]
    min_margin_k: float
    """The worst predicted inlet must stay this far below its limit. [K]"""
    by: str
    granted_at: datetime
    until: datetime
    remaining: int

    def covers(self, draft: Draft, at: datetime) -> bool:
        """Whether every change of the draft is inside what was agreed; an unseen inlet is not."""
        if self.remaining <= 0 or not self.granted_at <= at < self.until or not draft.inlets:
            return False
        if not all(inlet.margin_k >= self.min_margin_k for inlet in draft.inlets):
            return False
        return all(self._allows(lever, change.after) for lever, change in draft.changes.items())

    def _allows(self, lever: LeverId, value: float) -> bool:
        room = self.ranges.get(lever)
        return room is not None and room.low <= value <= room.high


class StandingApprovals:
    """The standing approvals in force."""

    def __init__(self, store: Store, audit: AuditLog) -> None:
        self._store = store
        self._audit = audit

    def grant(
        self,
        ranges: Mapping[LeverId, Range],
        *,
        until: datetime,
        count: int,
        by: str,
        at: datetime,
        min_margin_k: float = 0.0,
    ) -> StandingApproval:
        """Agree to ``count`` changes within ``ranges`` until ``until``."""
        if not ranges or count < 1 or until <= at or any(r.empty for r in ranges.values()):
            raise BrokenPromise("a standing approval is bounded by levers, ranges, time and count")
        approval = StandingApproval(
            f"S-{secrets.token_hex(4)}", dict(ranges), min_margin_k, by, at, until, count
        )
        payload = {
            "min_margin_k": min_margin_k,
            "ranges": {k: {"low": r.low, "high": r.high} for k, r in ranges.items()},
        }
        with self._store.transaction() as tx:
            tx.execute(
                insert(STANDING).values(
                    id=approval.id,
                    payload=canonical(payload),
                    by=by,
                    granted_at=stamp(at),
                    until=stamp(until),
                    remaining=count,
                )
            )
            what = {
                "standing": approval.id,
                "count": count,
                "until": until,
                **payload,
                "before": None,
                "after": "in force",
            }
            self._audit.record("standing.granted", by, what, at)
        return approval

    def revoke(self, approval_id: str, *, by: str, at: datetime) -> bool:
        """End one early; False if it is not in force."""
        with self._store.transaction() as tx:
            done = tx.execute(
                update(STANDING)
                .where(STANDING.c.id == approval_id, STANDING.c.revoked_at.is_(None))
                .values(revoked_at=stamp(at), revoked_by=by)
            )
            if done.rowcount != 1:
                return False
            self._audit.record(
                "standing.revoked",
                by,
                {"standing": approval_id, "before": "in force", "after": "revoked"},
                at,
            )
        return True

    def revoked(self, approval_id: str) -> bool:
        """Whether it was ended early, or was never there."""
        query = select(STANDING).where(STANDING.c.id == approval_id, STANDING.c.revoked_at.is_(None))
        return not self._store.rows(query)

    def active(self, at: datetime) -> list[StandingApproval]:
        """Approvals in force with uses left, oldest first."""
        query = select(STANDING).where(
            STANDING.c.revoked_at.is_(None), STANDING.c.until > stamp(at), STANDING.c.remaining > 0
        )
        return [_approval(row) for row in self._store.rows(query.order_by(STANDING.c.granted_at))]

    def use(self, draft: Draft, at: datetime) -> StandingApproval | None:
        """Spend one use of the first approval that covers the draft; None if none does."""
        with self._store.transaction() as tx:
            for approval in self.active(at):
                if not approval.covers(draft, at):
                    continue
                spent = tx.execute(
                    update(STANDING)
                    .where(STANDING.c.id == approval.id, STANDING.c.remaining > 0)
                    .values(remaining=STANDING.c.remaining - 1)
                )
                if spent.rowcount == 1:
                    left = approval.remaining - 1
                    what = {"standing": approval.id, "before": approval.remaining, "after": left}
                    self._audit.record("standing.used", approval.by, what, at)
                    return approval
        return None


def _approval(row: Mapping[str, Any]) -> StandingApproval:
    payload = json.loads(row["payload"])
    return StandingApproval(
        id=row["id"],
        ranges={LeverId(k): Range(r["low"], r["high"]) for k, r in payload["ranges"].items()},
        min_margin_k=payload["min_margin_k"],
        by=row["by"],
        granted_at=instant(row["granted_at"]),
        until=instant(row["until"]),
        remaining=row["remaining"],
    )
