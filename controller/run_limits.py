"""Run limits: how often, and how soon again, a machine may be started or stopped by a setpoint of ours.

Read from the record of writes: whoever started a machine, the program knows only its own doing. Where
the record cannot be read the limit is unknown, and an unknown limit is closed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import select

from controller.canonical import instant
from controller.store import Store, StoreUnavailable
from controller.tables import COMMANDS
from plant.points import PointId
from plant.quantities import Quantity
from plant.setpoints import Lever, LeverId
from plant.site import EquipmentKind, RunLimits, Site
from plant.snapshot import Snapshot

_COUNTS: Mapping[Quantity, EquipmentKind] = {
    Quantity.CHILLERS_ENABLED_SETPOINT: EquipmentKind.CHILLER,
    Quantity.ECONOMIZER_ENABLE_SETPOINT: EquipmentKind.ECONOMIZER,
}
"""Setpoints that start and stop machines, and which."""

_HOUR = timedelta(hours=1)


def start_objection(
    store: Store, site: Site, lever: Lever, point: PointId, present: float, value: float, now: datetime
) -> str:
    """Why a machine may not be started or stopped now, or nothing."""
    if not moves_machines(site, lever, present, value):
        return ""
    limits = _limits(site, lever)
    longest = max(_HOUR, *(timedelta(seconds=max(run.min_on_s, run.min_off_s)) for run in limits))
    try:
        moves = _moves(store, point, now - longest)
    except StoreUnavailable:
        return "when it was last started or stopped is not known"
    return (
        _starting(limits, moves, value - present, now) if value > present else _stopping(limits, moves, now)
    )


def moves_machines(site: Site, lever: Lever, present: float, value: float) -> bool:
    """Whether a write starts or stops machines that have run limits: off the record it would not count."""
    return bool(_limits(site, lever)) and round(value) != round(present)


def start_ranges(
    store: Store, site: Site, snapshot: Snapshot, now: datetime
) -> Mapping[LeverId, tuple[float, float, str]]:
    """What run limits leave of each lever that starts and stops machines: (low, high, why)."""
    found: dict[LeverId, tuple[float, float, str]] = {}
    for lever in site.levers:
        if lever.quantity not in _COUNTS or math.isnan(present := snapshot.lever_value(lever)):
            continue
        low, high, why = lever.low, lever.high, []
        for point in lever.points:
            for value in range(math.ceil(lever.low), math.floor(lever.high) + 1):
                against = start_objection(store, site, lever, point, present, value, now)
                if against:
                    why.append(against)
                    low, high = (
                        (low, min(high, value - 1)) if value > present else (max(low, value + 1), high)
                    )
        if why:
            found[lever.id] = (min(low, present), max(high, present), why[0])
    return found


def _starting(
    limits: list[RunLimits], moves: list[tuple[datetime, float]], more: float, now: datetime
) -> str:
    rest = max(run.min_off_s for run in limits)
    stopped = [at for at, step in moves if step < 0 and (now - at).total_seconds() < rest]
    if stopped:
        return f"one was stopped {_ago(now, stopped[-1])} ago and must rest {rest / 60:.0f} min"
    allowed = [run.starts_per_hour for run in limits]
    if any(a is None for a in allowed):
        return ""
    done = sum(step for at, step in moves if step > 0 and now - at < _HOUR)
    most = math.floor(sum(a or 0.0 for a in allowed))
    if done + more > most:
        return f"{done:.0f} starts within the hour, {most} are allowed"
    return ""


def _stopping(limits: list[RunLimits], moves: list[tuple[datetime, float]], now: datetime) -> str:
    least = max(run.min_on_s for run in limits)
    started = [at for at, step in moves if step > 0 and (now - at).total_seconds() < least]
    return (
        f"one was started {_ago(now, started[-1])} ago and must run {least / 60:.0f} min" if started else ""
    )


def _limits(site: Site, lever: Lever) -> list[RunLimits]:
    """Of the machines a lever starts and stops, if any of them is limited."""
    kind = _COUNTS.get(lever.quantity)
    limits = [] if kind is None else [e.run for e in site.equipment_of(kind)]
    return limits if any(_limited(run) for run in limits) else []


def _limited(run: RunLimits) -> bool:
    return run.min_on_s > 0 or run.min_off_s > 0 or run.starts_per_hour is not None


def _moves(store: Store, point: PointId, since: datetime) -> list[tuple[datetime, float]]:
    """When the setpoint was written, and by how much it was moved. What was not refused may have happened."""
    rows = store.rows(
        select(COMMANDS)
        .where(COMMANDS.c.point == point, COMMANDS.c.state != "refused")
        .order_by(COMMANDS.c.id.desc())
        .limit(200)
    )
    found = [(instant(r["intended_at"]), r["value"] - r["before"]) for r in rows if r["before"] is not None]
    return [(at, step) for at, step in reversed(found) if at >= since and step]


def _ago(now: datetime, at: datetime) -> str:
    return f"{(now - at).total_seconds() / 60:.0f} min"
