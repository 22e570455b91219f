"""Leases: a setpoint we wrote stays ours only while we renew it and the plant still holds it.

Who owns a register is read from the record of writes: ours if the last confirmed one was a proposal,
a switchback's way back to as found, or a renewal. A register that somebody moved since is given up,
never fought over.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from controller.canonical import instant
from controller.guard import GuardedWriter, Purpose
from controller.store import Store
from controller.tables import COMMANDS
from plant.commands import Command, Receipt
from plant.points import PointId
from plant.setpoints import LeverId
from plant.site import Site
from plant.snapshot import Snapshot

RENEW_AT = 0.5
"""Share of the lease after which it is renewed, so that one missed cycle does not lose it."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A register we hold: at what value, since when."""

    point: PointId
    value: float
    renewed_at: datetime


@dataclass(frozen=True)
class Renewal:
    """What a round of renewals did. `lost` registers were moved by someone else."""

    receipts: tuple[Receipt, ...]
    lost: tuple[PointId, ...]


def leases(store: Store) -> Mapping[PointId, Lease]:
    """The registers that are ours, from the record of writes."""
    last = select(func.max(COMMANDS.c.id)).where(COMMANDS.c.state == "confirmed").group_by(COMMANDS.c.point)
    ours = (str(Purpose.PROPOSAL), str(Purpose.RENEW), str(Purpose.SWITCHBACK))
    rows = store.rows(select(COMMANDS).where(COMMANDS.c.id.in_(last), COMMANDS.c.purpose.in_(ours)))
    return {
        PointId(r["point"]): Lease(PointId(r["point"]), r["value"], instant(r["intended_at"])) for r in rows
    }


async def renew(
    *,
    store: Store,
    site: Site,
    snapshot: Snapshot,
    writer: GuardedWriter,
    at: datetime,
    held: frozenset[LeverId] = frozenset(),
) -> Renewal:
    """Write again what is ours and due. A value the plant no longer holds is not written again."""
    due: list[Command] = []
    lost: list[PointId] = []
    levers = {p: lever for lever in site.levers if lever.id not in held for p in lever.points}
    one_poll = timedelta(seconds=max((g.poll_s for g in site.gateways), default=0.0))
    for lease in leases(store).values():
        age_s = (at - lease.renewed_at).total_seconds()
        lever = levers.get(lease.point)
        present = snapshot.value(lease.point)
        if lever is None or math.isnan(present):
            continue
        # A reading from before our own write tells the old value: that is nobody's doing.
        if snapshot.reading(lease.point).time <= lease.renewed_at + one_poll:
            continue
        if abs(present - lease.value) > lever.resolution / 2 + 1e-9:
            lost.append(lease.point)
        elif age_s >= RENEW_AT * site.safety.lease_s:
            due.append(Command(lease.point, lease.value))
    if not due:
        return Renewal((), tuple(lost))
    receipts = await writer.write(due, snapshot=snapshot, purpose=Purpose.RENEW)
    return Renewal(tuple(receipts), tuple(lost))
