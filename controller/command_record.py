"""The record of writes: what was about to go out, why, from where to where, and what became of it.

An intent is committed before anything happens, so that after a crash the plant can be asked for what is
not known. Leases, run limits, the pace of registers and recovery are all read from here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, insert, select, update

from controller.canonical import instant, stamp
from controller.store import Store, StoreUnavailable
from controller.tables import COMMANDS
from plant.commands import Command, Confirmed, Mismatch, Receipt, Refused, Unreachable
from plant.errors import BrokenPromise
from plant.points import PointId
from plant.snapshot import Snapshot

EPSILON = 1e-6
"""A value that differs by less is the same value."""


class Purpose(StrEnum):
    """Why something is written."""

    PROPOSAL = "proposal"
    ROLLBACK = "rollback"
    RENEW = "renew"
    FALLBACK = "fallback"
    RESCUE = "rescue"
    """Cooling racks that are too warm: several moves at a time, and only towards more cooling."""
    PUT_BACK = "put_back"
    """A lever that answers backwards returns to where it stood before: what it heated is undone at a
    rescue's pace."""
    SWITCHBACK = "switchback"
    """Back to as found, because a schedule two people started has drawn a baseline block."""


@dataclass(frozen=True, slots=True)
class Stood:
    """Where a point stood when it was written."""

    value: float
    at: datetime


class CommandBook:
    """Writes intents down, and what became of them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def intend(
        self,
        going: Sequence[Command],
        snapshot: Snapshot,
        purpose: Purpose,
        proposal: str | None,
        at: datetime,
    ) -> list[int] | None:
        """Record what is about to be written, a number for each. None: the database cannot be reached."""
        try:
            with self._store.transaction() as tx:
                return [
                    _new_id(
                        tx,
                        proposal=proposal,
                        purpose=purpose,
                        point=command.point,
                        before=_or_none(snapshot.value(command.point)),
                        value=command.value,
                        state="intended",
                        intended_at=stamp(at),
                    )
                    for command in going
                ]
        except StoreUnavailable:
            return None

    def finish(self, ids: Sequence[int], receipts: Sequence[Receipt], at: datetime) -> bool:
        """Record what became of it; False: it could not be, and the intents stand as unknown."""
        try:
            with self._store.transaction() as tx:
                for command_id, receipt in zip(ids, receipts, strict=True):
                    state, read_back, reason = _told(receipt)
                    found = {"state": state, "read_back": read_back, "reason": reason}
                    tx.execute(
                        update(COMMANDS)
                        .where(COMMANDS.c.id == command_id)
                        .values(**found, finished_at=stamp(at))
                    )
        except StoreUnavailable:
            return False  # recovery looks at the plant for them
        return True


@dataclass(frozen=True, slots=True)
class CommandRecord:
    """One recorded write. `state` is intended (outcome unknown) or the receipt's kind."""

    id: int
    proposal: str | None
    purpose: Purpose
    point: PointId
    before: float
    value: float
    state: str


def commands_of(store: Store, proposal: str) -> list[CommandRecord]:
    """Every write made for a proposal, in order."""
    rows = store.rows(select(COMMANDS).where(COMMANDS.c.proposal == proposal).order_by(COMMANDS.c.id))
    return [
        CommandRecord(
            r["id"],
            r["proposal"],
            Purpose(r["purpose"]),
            PointId(r["point"]),
            math.nan if r["before"] is None else r["before"],
            r["value"],
            r["state"],
        )
        for r in rows
    ]


def stood_before(store: Store, since: datetime) -> dict[PointId, list[Stood]]:
    """Where points stood when they were written lately, from the record: a restart forgets no pace."""
    rows = store.rows(
        select(COMMANDS)
        .where(COMMANDS.c.intended_at >= stamp(since), COMMANDS.c.state != "refused")
        .order_by(COMMANDS.c.id)
    )
    found: dict[PointId, list[Stood]] = {}
    for r in rows:
        if r["before"] is not None and abs(r["before"] - r["value"]) > EPSILON:
            found.setdefault(PointId(r["point"]), []).append(Stood(r["before"], instant(r["intended_at"])))
    return found


def _new_id(tx: Connection, **values: object) -> int:
    key = tx.execute(insert(COMMANDS).values(**values)).inserted_primary_key
    if key is None:
        raise BrokenPromise("the store gave a new row no number")
    return int(key[0])


def _or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _told(receipt: Receipt) -> tuple[str, float | None, str | None]:
    match receipt:
        case Confirmed(_, read_back):
            return "confirmed", read_back, None
        case Mismatch(_, read_back):
            return "mismatch", _or_none(read_back), None
        case Refused(_, reason):
            return "refused", None, reason
        case Unreachable(_, reason):
            return "unreachable", None, reason
