"""Modes: how much may be done without a person, per zone and for the site, and the stop latch.

Going down is immediate and anyone's; going up takes two people. The stop works first in memory
and in a file of its own, so it holds with the database gone and after a restart.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol, TypeAlias

from sqlalchemy import delete, insert, select

from controller.audit import AuditLog
from controller.canonical import canonical, instant, stamp
from controller.store import Store, StoreUnavailable
from controller.tables import MODES
from controller.two_person import Agreed, NotOpen, Request, Requests, SamePerson
from plant.points import SITE, OwnerId
from plant.setpoints import LeverId
from plant.site import Site

_STOP = "stop"
SYSTEM = "coolwright"


class Mode(StrEnum):
    """How far the program may go by itself."""

    FALLBACK = "fallback"
    """Safe setpoints and local control; proposals rest."""
    SHADOW = "shadow"
    """Compute only; nothing is ever written."""
    ADVISORY = "advisory"
    """Each change is approved by a person."""
    SUPERVISED = "supervised"
    """Automatic inside a standing approval."""


_AUTHORITY = {Mode.FALLBACK: 0, Mode.SHADOW: 1, Mode.ADVISORY: 2, Mode.SUPERVISED: 3}


@dataclass(frozen=True, slots=True)
class Stop:
    """The latched stop: who, why, when."""

    by: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Set:
    """The mode is what was asked, now."""

    scope: OwnerId
    mode: Mode


@dataclass(frozen=True, slots=True)
class NeedsSecond:
    """More authority waits for a second person; give them the request's id."""

    request: Request


@dataclass(frozen=True, slots=True)
class UnknownScope:
    """Neither the site nor one of its zones."""

    scope: str


@dataclass(frozen=True, slots=True)
class NotEarned:
    """More authority has to be earned first; what is missing."""

    scope: OwnerId
    mode: Mode
    missing: tuple[str, ...]


class PromotionGate(Protocol):
    """What stands between a zone (or the site) and a mode. `rollout.Rollout` is one."""

    def objections(self, scope: OwnerId, mode: Mode, at: datetime) -> tuple[str, ...]:
        """What is still missing; nothing when the mode may be asked for."""
        ...


ModeAnswer: TypeAlias = Set | NeedsSecond | UnknownScope | NotEarned
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
        self._latch_file = latch_file
        self._gate = gate
        self._modes: dict[OwnerId, Mode] = {SITE: initial}
        self._causes: dict[tuple[OwnerId, str], str] = {}
        self._stop: Stop | None = None
        self._unrecorded: Stop | None = None
        self._load()

    @property
    def stopped(self) -> Stop | None:
        """The latched stop, or None."""
        return self._stop

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
        if self._stop is not None or any(scope in (SITE, owner) for scope, _ in self._causes):
            return Mode.FALLBACK
        return min(self._modes[SITE], self.chosen(owner), key=_AUTHORITY.__getitem__)

    def of_levers(self, levers: frozenset[LeverId]) -> Mode:
        """The least mode among the owners of these levers."""
        owners = {self._site.lever_by_id[lv].owner for lv in levers if lv in self._site.lever_by_id}
        return min((self.effective(o) for o in (owners or {SITE})), key=_AUTHORITY.__getitem__)

    def closed_levers(self) -> frozenset[LeverId]:
        """Levers nothing may be proposed for: their zone is in shadow or fallback."""
        return frozenset(
            lever.id
            for lever in self._site.levers
            if _AUTHORITY[self.effective(lever.owner)] < _AUTHORITY[Mode.ADVISORY]
        )

    def change(self, scope: str, mode: Mode, *, by: str, at: datetime, reason: str) -> ModeAnswer:
        """Choose a mode. Less authority takes effect at once, more waits for a second person."""
        owner = OwnerId(scope)
        if owner != SITE and owner not in self._site.zone_by_id:
            return UnknownScope(scope)
        if _AUTHORITY[mode] <= _AUTHORITY[self.chosen(owner)]:
            self._set(owner, mode, by, at, reason)
            return Set(owner, mode)
        missing = () if self._gate is None else self._gate.objections(owner, mode, at)
        if missing:
            self._audit.record("mode.not_earned", by, {"scope": scope, "to": mode, "missing": missing}, at)
            return NotEarned(owner, mode, missing)
        what = {"scope": scope, "from": str(self.chosen(owner)), "to": str(mode), "reason": reason}
        return NeedsSecond(self._requests.ask("mode", what, by=by, at=at))

    def confirm_change(self, request_id: str, *, by: str, at: datetime) -> Set | SamePerson | NotOpen:
        """Agree to more authority as the second person."""
        answer = self._requests.agree(request_id, kind="mode", by=by, at=at)
        if not isinstance(answer, Agreed):
            return answer
        owner, mode = OwnerId(str(answer.request.what["scope"])), Mode(str(answer.request.what["to"]))
        reason = str(answer.request.what["reason"])
        self._set(owner, mode, f"{answer.request.by} and {by}", at, reason)
        return Set(owner, mode)

    def demote(self, scope: OwnerId, to: Mode, why: str, at: datetime) -> bool:
        """Take authority away after a breach; False if there was no more than that."""
        if _AUTHORITY[self.chosen(scope)] <= _AUTHORITY[to]:
            return False
        self._set(scope, to, SYSTEM, at, why)
        return True

    def enter_fallback(self, cause: str, detail: str, at: datetime, scope: OwnerId = SITE) -> bool:
        """Note a reason for fallback; True if it is new. Never waits for the database."""
        if (scope, cause) in self._causes:
            return False
        self._causes[scope, cause] = detail
        self._note("fallback.entered", {"scope": scope, "cause": cause, "detail": detail}, at)
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
        if self._stop is None:
            self._stop = Stop(by, reason, at)
            self._write_latch(self._stop)
            self._unrecorded = self._stop
            self.flush()
        return self._stop

    def ask_resume(self, *, by: str, reason: str, at: datetime) -> Request | None:
        """Ask for the stop to be lifted; None if there is none."""
        return None if self._stop is None else self._requests.ask("resume", {"reason": reason}, by=by, at=at)

    def confirm_resume(self, request_id: str, *, by: str, at: datetime) -> ResumeAnswer:
        """Lift the stop as the second person."""
        answer = self._requests.agree(request_id, kind="resume", by=by, at=at)
        if isinstance(answer, Agreed):
            with self._store.transaction() as tx:
                tx.execute(delete(MODES).where(MODES.c.scope == _STOP))
                self._audit.record("resume", by, {"asked_by": answer.request.by}, at)
            if self._latch_file is not None:
                self._latch_file.unlink(missing_ok=True)
            self._stop = self._unrecorded = None
        return answer

    def requests(self, at: datetime) -> list[Request]:
        """Mode changes and resumes that wait for a second person."""
        return self._requests.open(at)

    def flush(self) -> bool:
        """Write a stop the database has not heard of; False if it still cannot be reached."""
        if self._unrecorded is None:
            return True
        stop = self._unrecorded
        try:
            with self._store.transaction() as tx:
                tx.execute(delete(MODES).where(MODES.c.scope == _STOP))
                tx.execute(
                    insert(MODES).values(
                        scope=_STOP, mode=_STOP, by=stop.by, reason=stop.reason, at=stamp(stop.at)
                    )
                )
                self._audit.record("stop", stop.by, {"reason": stop.reason}, stop.at)
        except StoreUnavailable:
            return False
        self._unrecorded = None
        return True

    def _set(self, scope: OwnerId, mode: Mode, by: str, at: datetime, reason: str) -> None:
        before = self.chosen(scope)
        if _AUTHORITY[mode] < _AUTHORITY[before]:
            self._modes[scope] = mode  # less authority must not wait for the database
        with self._store.transaction() as tx:
            tx.execute(delete(MODES).where(MODES.c.scope == scope))
            tx.execute(insert(MODES).values(scope=scope, mode=mode, by=by, reason=reason, at=stamp(at)))
            what = {"scope": scope, "before": before, "after": mode, "reason": reason}
            self._audit.record("mode.set", by, what, at)
        self._modes[scope] = mode

    def _note(self, kind: str, what: dict[str, object], at: datetime) -> None:
        try:
            self._audit.record(kind, SYSTEM, what, at)
        except StoreUnavailable:
            return  # going to fallback must not depend on the database that may be the failure

    def _write_latch(self, stop: Stop) -> None:
        if self._latch_file is None:
            return
        text = canonical({"by": stop.by, "reason": stop.reason, "at": stop.at})
        try:
            with self._latch_file.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            return  # memory holds the stop; the database is tried next

    def _load(self) -> None:
        for row in self._store.rows(select(MODES)):
            if row["scope"] == _STOP:
                self._stop = Stop(row["by"], row["reason"], instant(row["at"]))
            else:
                self._modes[OwnerId(row["scope"])] = Mode(row["mode"])
        if self._stop is None and self._latch_file is not None and self._latch_file.exists():
            self._stop = self._unrecorded = _read_latch(self._latch_file)
            self.flush()


def _read_latch(path: Path) -> Stop:
    """A latch file that cannot be understood still means stop."""
    modified = datetime.fromtimestamp(path.stat().st_mtime).astimezone()
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return Stop(str(found["by"]), str(found["reason"]), instant(str(found["at"])))
    except (OSError, ValueError, KeyError, TypeError):
        return Stop("unknown", f"the latch file {path.name} exists but cannot be read", modified)
