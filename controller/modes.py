"""The mode keeper: how much may be done without a person, per zone and for the site.

Going down is immediate and anyone's; going up is earned, and takes two people. The site's mode is a
ceiling: raising it gives no zone more than it had, so that zones are walked one by one.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

from sqlalchemy import Connection, delete, insert, select

from controller.audit import AuditLog
from controller.canonical import stamp
from controller.mode import (
    AUTHORITY,
    ConfirmAnswer,
    Mode,
    ModeAnswer,
    NeedsSecond,
    NotEarned,
    PromotionGate,
    Set,
    UnknownScope,
    least,
)
from controller.reach import home_of
from controller.stop_latch import STOP, Stop, StopLatch
from controller.store import Store, StoreUnavailable
from controller.tables import MODES
from controller.two_person import Agreed, NotOpen, Request, Requests, SamePerson
from plant.points import SITE, OwnerId
from plant.setpoints import LeverId
from plant.site import Site

__all__ = [
    "SYSTEM",
    "Mode",
    "ModeAnswer",
    "ModeKeeper",
    "NeedsSecond",
    "NotEarned",
    "PromotionGate",
    "Set",
    "Stop",
    "UnknownScope",
]

SYSTEM = "coolwright"
ResumeAnswer: TypeAlias = Agreed | SamePerson | NotOpen


class ModeKeeper:
    """What mode each zone and the site is in. Reads come from memory and need no database."""

    def __init__(
        self,
        store: Store,
        audit: AuditLog,
        site: Site,
        *,
        initial: Mode = Mode.ADVISORY,
        latch_file: Path | None = None,
        gate: PromotionGate | None = None,
    ) -> None:
        self._store = store
        self._audit = audit
        self._site = site
        self._requests = Requests(store, audit)
        self._gate = gate
        self._latch = StopLatch(store, audit, latch_file)
        self._causes: dict[tuple[OwnerId, str], str] = {}
        self._listeners: list[Callable[[datetime], object]] = []
        rows = store.rows(select(MODES).where(MODES.c.scope != STOP))
        self._modes = {SITE: initial, **{OwnerId(r["scope"]): Mode(r["mode"]) for r in rows}}

    def listen(self, listener: Callable[[datetime], object]) -> None:
        """Tell ``listener`` each time there is less authority than before: a mode, a stop, a failure."""
        self._listeners.append(listener)

    @property
    def stopped(self) -> Stop | None:
        """The latched stop, or None."""
        return self._latch.stopped

    @property
    def fallback_causes(self) -> dict[tuple[OwnerId, str], str]:
        """Why the site or a zone is in fallback besides a stop: (scope, cause) → detail."""
        return dict(self._causes)

    @property
    def site_mode(self) -> Mode:
        """The site's mode as it takes effect now."""
        return self.effective(SITE)

    def chosen(self, scope: OwnerId = SITE) -> Mode:
        """The mode people chose, whatever a stop or a failure makes of it."""
        return self._modes.get(scope, self._modes[SITE])

    def effective(self, owner: OwnerId) -> Mode:
        """The least of the owner's and the site's mode; `FALLBACK` under a stop or a failure."""
        if self.stopped is not None or any(scope in (SITE, owner) for scope, _ in self._causes):
            return Mode.FALLBACK
        return least(self._modes[SITE], self.chosen(owner))

    def of_levers(self, levers: frozenset[LeverId]) -> Mode:
        """The least mode among these levers: what moves every zone is automatic only where every zone is."""
        known = self._site.lever_by_id
        homes = {home_of(self._site, known[lv].owner) for lv in levers if lv in known} or {SITE}
        modes = [self.effective(home) for home in homes]
        if SITE in homes:
            zones = least(*(self.effective(zone.id) for zone in self._site.zones))
            modes.append(Mode.SUPERVISED if zones is Mode.SUPERVISED else Mode.ADVISORY)
        return least(*modes)

    def closed_levers(self) -> frozenset[LeverId]:
        """Levers nothing may be proposed for: their zone is in shadow or fallback."""
        return frozenset(
            lever.id
            for lever in self._site.levers
            if AUTHORITY[self.effective(home_of(self._site, lever.owner))] < AUTHORITY[Mode.ADVISORY]
        )

    def change(self, scope: str, mode: Mode, *, by: str, at: datetime, reason: str) -> ModeAnswer:
        """Choose a mode. Less authority takes effect at once, more waits for a second person."""
        owner = OwnerId(scope)
        if owner != SITE and owner not in self._site.zone_by_id:
            return UnknownScope(scope)
        if AUTHORITY[mode] <= AUTHORITY[self.chosen(owner)]:
            self._set(owner, mode, by, at, reason)
            return Set(owner, mode)
        refused = self._not_earned(owner, mode, by, at)
        if refused is not None:
            return refused
        what = {"scope": scope, "from": str(self.chosen(owner)), "to": str(mode), "reason": reason}
        return NeedsSecond(self._requests.ask("mode", what, by=by, at=at))

    def confirm_change(self, request_id: str, *, by: str, at: datetime) -> ConfirmAnswer:
        """Agree to more authority as the second person. What was earned then must still be earned."""
        open_ones = {r.id: r for r in self._requests.open(at, "mode")}
        if (asked := open_ones.get(request_id)) is not None and asked.by != by:
            refused = self._not_earned(OwnerId(str(asked.what["scope"])), Mode(str(asked.what["to"])), by, at)
            if refused is not None:
                return refused
        answer = self._requests.agree(request_id, kind="mode", by=by, at=at)
        if not isinstance(answer, Agreed):
            return answer
        owner, mode = OwnerId(str(answer.request.what["scope"])), Mode(str(answer.request.what["to"]))
        reason = str(answer.request.what["reason"])
        self._set(owner, mode, f"{answer.request.by} and {by}", at, reason)
        return Set(owner, mode)

    def demote(self, scope: OwnerId, to: Mode, why: str, at: datetime) -> bool:
        """Take authority away after a breach; False if there was no more than that."""
        if AUTHORITY[self.chosen(scope)] <= AUTHORITY[to]:
            return False
        self._set(scope, to, SYSTEM, at, why, kind="mode.demoted")
        return True

    def enter_fallback(self, cause: str, detail: str, at: datetime, scope: OwnerId = SITE) -> bool:
        """Note a reason for fallback; True if it is new. Never waits for the database."""
        if (scope, cause) in self._causes:
            return False
        self._causes[scope, cause] = detail
        self._note("fallback.entered", {"scope": scope, "cause": cause, "detail": detail}, at)
        self._fell(at)
        return True

    def leave_fallback(self, cause: str, at: datetime, scope: OwnerId = SITE) -> bool:
        """The reason is gone; the chosen mode holds again once no reason is left."""
        if self._causes.pop((scope, cause), None) is None:
            return False
        others = [f"{s}: {c}" for s, c in self._causes]
        self._note("fallback.left", {"scope": scope, "cause": cause, "others": others}, at)
        return True

    def stop(self, *, by: str, reason: str, at: datetime) -> Stop:
        """Latch the stop: memory first, then a file, then the database. The first one stands."""
        known = self.stopped
        latched = self._latch.stop(by=by, reason=reason, at=at)
        if known is None:
            self._fell(at)
        return latched

    def ask_resume(self, *, by: str, reason: str, at: datetime) -> Request | None:
        """Ask for the stop to be lifted; None if there is none."""
        if self.stopped is None:
            return None
        return self._requests.ask("resume", {"reason": reason}, by=by, at=at)

    def confirm_resume(self, request_id: str, *, by: str, at: datetime) -> ResumeAnswer:
        """Lift the stop as the second person."""
        answer = self._requests.agree(request_id, kind="resume", by=by, at=at)
        if isinstance(answer, Agreed):
            # Whatever waited under the stop (a restart may have brought it) is not what was agreed to now.
            self._fell(at)
            why = str(answer.request.what.get("reason", ""))
            self._latch.lift(by=by, asked_by=answer.request.by, why=why, at=at)
        return answer

    def requests(self, at: datetime) -> list[Request]:
        """Every wish that waits for a second person."""
        return self._requests.open(at)

    def flush(self) -> bool:
        """Write a stop the database has not heard of; False if it still cannot be reached."""
        return self._latch.flush()

    def _not_earned(self, owner: OwnerId, mode: Mode, by: str, at: datetime) -> NotEarned | None:
        missing = () if self._gate is None else self._gate.objections(owner, mode, at)
        if not missing:
            return None
        self._audit.record("mode.not_earned", by, {"scope": owner, "to": mode, "missing": missing}, at)
        return NotEarned(owner, mode, missing)

    def _set(
        self, scope: OwnerId, mode: Mode, by: str, at: datetime, reason: str, kind: str = "mode.set"
    ) -> None:
        before = self.chosen(scope)
        if AUTHORITY[mode] < AUTHORITY[before]:
            self._modes[scope] = mode  # less authority must not wait for the database
        written = {scope: mode}
        if scope == SITE and AUTHORITY[mode] > AUTHORITY[before]:
            written |= {z.id: before for z in self._site.zones if z.id not in self._modes}
        try:
            with self._store.transaction() as tx:
                for owner, chosen in written.items():
                    _keep(tx, owner, chosen, by, reason, at)
                what = {"scope": scope, "before": before, "after": mode, "reason": reason}
                self._audit.record(kind, by, what, at)
            self._modes.update(written)
        finally:
            if AUTHORITY[mode] < AUTHORITY[before]:
                self._fell(at)

    def _fell(self, at: datetime) -> None:
        for listener in self._listeners:
            listener(at)

    def _note(self, kind: str, what: dict[str, object], at: datetime) -> None:
        try:
            self._audit.record(kind, SYSTEM, what, at)
        except StoreUnavailable:
            return  # going to fallback must not depend on the database that may be the failure


def _keep(tx: Connection, scope: OwnerId, mode: Mode, by: str, reason: str, at: datetime) -> None:
    tx.execute(delete(MODES).where(MODES.c.scope == scope))
    tx.execute(insert(MODES).values(scope=scope, mode=mode, by=by, reason=reason, at=stamp(at)))
