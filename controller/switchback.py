"""The switchback book: a drawn schedule that two people started, kept over a restart, and its record.

Nobody chooses an arm: a schedule follows from its seed, and its id is in the audit log before the first
block begins. `switchback_arm` carries it out; here it is started, stopped and remembered.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import insert, update

from controller.audit import AuditLog
from controller.canonical import stamp
from controller.modes import SYSTEM
from controller.store import Store
from controller.switchback_kept import StretchLog, latest_run
from controller.switchback_run import Busy, Run, StartAnswer, Wish, first_day_after, wish_of
from controller.tables import SWITCHBACKS
from controller.two_person import Agreed, Request, Requests
from plant.errors import ConfigError
from reports.switchback import Arm, Schedule
from reports.switchback_record import Applied, Stretch

_KIND = "switchback"


class SwitchbackBook:
    """Starts, stops and remembers. Questions are answered from memory and need no database."""

    def __init__(self, store: Store, audit: AuditLog, timezone: str, *, longest_gap_s: float = 900.0) -> None:
        self._store = store
        self._audit = audit
        self._timezone = timezone
        self._requests = Requests(store, audit)
        self._log = StretchLog(store, audit, longest_gap_s)
        self._latest = latest_run(store)

    @property
    def latest(self) -> Run | None:
        """The last schedule that was started, over or not."""
        return self._latest

    @property
    def stretch(self) -> Stretch | None:
        """What is applied now, as it was last written down."""
        return self._log.now

    def running(self, at: datetime) -> Run | None:
        """The schedule that holds at an instant; it may not have begun yet."""
        run = self._latest
        return None if run is None or run.over(at) else run

    def arm_at(self, at: datetime) -> Arm | None:
        """What is to be run now; None where no schedule says."""
        run = self.running(at)
        return None if run is None else run.schedule.arm_at(at)

    def ask(self, wish: Wish, *, by: str, at: datetime) -> Request | Busy:
        """Ask for a schedule to be run; another person agrees.

        Raises
        ------
        ConfigError
            If nothing can be drawn from it, or its first day has begun: an arm would be chosen knowingly.
        """
        busy = self.running(at)
        if busy is not None:
            return Busy(busy)
        schedule = self._ahead(wish, at)
        what = {**wish.payload(), "schedule": schedule.id}
        return self._requests.ask(_KIND, what, by=by, at=at)

    def confirm(self, request_id: str, *, by: str, at: datetime) -> StartAnswer:
        """Start it, as the second person."""
        busy = self.running(at)
        if busy is not None:
            return Busy(busy)
        with self._store.transaction() as tx:
            answer = self._requests.agree(request_id, kind=_KIND, by=by, at=at)
            if not isinstance(answer, Agreed):
                return answer
            schedule = self._ahead(wish_of(answer.request.what), at)
            run = Run(f"S-{secrets.token_hex(4)}", schedule, f"{answer.request.by} and {by}", at)
            tx.execute(
                insert(SWITCHBACKS).values(
                    id=run.id, schedule=schedule.to_json(), by=run.by, started_at=stamp(at)
                )
            )
            first = schedule.blocks[0].start
            what = {"run": run.id, "schedule": schedule.id, "blocks": len(schedule.blocks), "from": first}
            what |= {"before": None, "after": "running"}
            self._audit.record("switchback.started", run.by, what, at)
        self._latest = run
        self._log.forget()
        return run

    def stop(self, *, by: str, reason: str, at: datetime) -> Run | None:
        """End it now; None if none is running. One person is enough: it takes authority from nobody."""
        run = self.running(at)
        if run is None:
            return None
        stopped = replace(run, stopped_at=at, stopped_by=by, reason=reason)
        self._latest = stopped
        self._log.forget()
        with self._store.transaction() as tx:
            tx.execute(
                update(SWITCHBACKS)
                .where(SWITCHBACKS.c.id == run.id)
                .values(stopped_at=stamp(at), stopped_by=by, reason=reason)
            )
            told = {"run": run.id, "before": "running", "after": "stopped", "reason": reason}
            self._audit.record("switchback.stopped", by, told, at)
        return stopped

    def requests(self, at: datetime) -> list[Request]:
        """Schedules that wait for a second person."""
        return self._requests.open(at, _KIND)

    def announce(self, run: Run, number: int, at: datetime) -> None:
        """Say in the audit log that a block has begun."""
        block = run.schedule.blocks[number]
        counts_from = block.start + timedelta(hours=run.schedule.washout_h)
        switched = number == 0 or run.schedule.blocks[number - 1].arm is not block.arm
        what = {
            "run": run.id,
            "block": number + 1,
            "of": len(run.schedule.blocks),
            "arm": block.arm,
            "until": block.end,
            "washout_until": counts_from if switched else None,
        }
        self._audit.record("switchback.block", SYSTEM, what, at)

    def observe(self, run: Run, applied: Applied, detail: str, at: datetime) -> None:
        """Write down what is applied now. Without the database there is a gap: time nobody knows."""
        self._log.observe(run, applied, detail, at)

    def _ahead(self, wish: Wish, at: datetime) -> Schedule:
        schedule = wish.drawn(self._timezone)
        if schedule.blocks[0].start <= at:
            raise ConfigError(
                f"switchback from {wish.first_day}",
                "would begin in the past",
                f"begin on {first_day_after(at, self._timezone)} or later: an arm is drawn before it is run",
            )
        return schedule
