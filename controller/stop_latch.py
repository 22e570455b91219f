"""The stop latch: first in memory, then in a file of its own, then in the database.

So it holds with the database gone and after a restart, whichever of the three was reached.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import delete, insert, select

from controller.audit import AuditLog
from controller.canonical import canonical, instant, stamp
from controller.store import Store, StoreUnavailable
from controller.tables import MODES

STOP = "stop"
"""The latch's row among the modes; no zone may be called so."""


@dataclass(frozen=True, slots=True)
class Stop:
    """The latched stop: who, why, when."""

    by: str
    reason: str
    at: datetime


class StopLatch:
    """Whether the stop is latched. Setting it never waits and never fails."""

    def __init__(self, store: Store, audit: AuditLog, file: Path | None = None) -> None:
        self._store = store
        self._audit = audit
        self._file = file
        self._unrecorded: Stop | None = None
        self.stopped: Stop | None = self._stored()
        if self.stopped is None and file is not None and file.exists():
            self.stopped = self._unrecorded = _read(file)
            self.flush()

    def stop(self, *, by: str, reason: str, at: datetime) -> Stop:
        """Latch it. The first one stands."""
        if self.stopped is None:
            self.stopped = self._unrecorded = Stop(by, reason, at)
            self._write_file(self.stopped)
            self.flush()
        return self.stopped

    def lift(self, *, by: str, asked_by: str, why: str, at: datetime) -> None:
        """Two people agreed: the record first, then the file, then memory."""
        before = "" if self.stopped is None else f"stopped by {self.stopped.by}: {self.stopped.reason}"
        with self._store.transaction() as tx:
            tx.execute(delete(MODES).where(MODES.c.scope == STOP))
            what = {"asked_by": asked_by, "why": why, "before": before, "after": "not stopped"}
            self._audit.record("resume", by, what, at)
        if self._file is not None:
            self._file.unlink(missing_ok=True)
        self.stopped = self._unrecorded = None

    def flush(self) -> bool:
        """Write a stop the database has not heard of; False if it still cannot be reached."""
        if self._unrecorded is None:
            return True
        stop = self._unrecorded
        row = {"scope": STOP, "mode": STOP, "by": stop.by, "reason": stop.reason, "at": stamp(stop.at)}
        try:
            with self._store.transaction() as tx:
                tx.execute(delete(MODES).where(MODES.c.scope == STOP))
                tx.execute(insert(MODES).values(**row))
                what = {"reason": stop.reason, "before": "not stopped", "after": "stopped"}
                self._audit.record("stop", stop.by, what, stop.at)
        except StoreUnavailable:
            return False
        self._unrecorded = None
        return True

    def _stored(self) -> Stop | None:
        rows = self._store.rows(select(MODES).where(MODES.c.scope == STOP))
        return Stop(rows[0]["by"], rows[0]["reason"], instant(rows[0]["at"])) if rows else None

    def _write_file(self, stop: Stop) -> None:
        if self._file is None:
            return
        text = canonical({"by": stop.by, "reason": stop.reason, "at": stop.at})
        try:
            with self._file.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            return  # memory holds the stop; the database is tried next


def _read(path: Path) -> Stop:
    """A latch file that cannot be understood still means stop."""
    modified = datetime.fromtimestamp(path.stat().st_mtime).astimezone()
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return Stop(str(found["by"]), str(found["reason"]), instant(str(found["at"])))
    except (OSError, ValueError, KeyError, TypeError):
        return Stop("unknown", f"the latch file {path.name} exists but cannot be read", modified)
