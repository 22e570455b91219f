"""What a switchback really ran: stretches of time with what was applied, written by who applied it.

A schedule says what was wanted. Analysis goes by this record: a fallback, a hold or a program that was
off leaves time that belongs to neither arm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reports.switchback import Arm, Schedule


class Applied(StrEnum):
    """What the plant was run under, as far as our hands go."""

    BASELINE = "baseline"
    """Every lever stands as found."""
    MOVING = "moving"
    """On the way there: one move each control period."""
    CONTROL = "control"
    """Plans may be carried out."""
    INTERRUPTED = "interrupted"
    """Fallback, a stop, a hold, shadow or a zone in rescue stood before the schedule."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """From `since` (in) to `until` (out) one thing was applied. Time in no stretch is not known."""

    since: datetime
    until: datetime
    applied: Applied
    detail: str = ""


@dataclass(frozen=True)
class RunRecord:
    """A switchback that was run: who started it, what was drawn, and what was applied."""

    id: str
    by: str
    schedule: Schedule
    record: tuple[Stretch, ...]


_ARM_OF = {Applied.BASELINE: Arm.BASELINE, Applied.CONTROL: Arm.CONTROL}


@dataclass(frozen=True)
class RunAs:
    """Steps of a history against a schedule and its record. Arrays have shape (steps,).

    `drawn` counts by the schedule alone; `as_drawn` also ran what was drawn, and the plant has settled
    from the last interruption.
    """

    control: NDArray[np.bool_]
    block: NDArray[np.int64]
    drawn: NDArray[np.bool_]
    as_drawn: NDArray[np.bool_]


def run_as(
    schedule: Schedule, record: Sequence[Stretch] | None, times: pd.DatetimeIndex, step_s: float
) -> RunAs:
    """Put a schedule and the record of its running on a history's steps.

    Parameters
    ----------
    record : sequence of Stretch or None
        None: nobody recorded anything, the schedule is believed (its levers are checked elsewhere).
    """
    instants = [t.to_pydatetime() for t in times]
    block = np.array([-1 if (n := schedule.block_at(t)) is None else n for t in instants], dtype=np.int64)
    control = np.array([n >= 0 and schedule.blocks[n].arm is Arm.CONTROL for n in block], dtype=bool)
    drawn = np.array([schedule.counts(t) for t in instants], dtype=bool)
    if record is None:
        return RunAs(control, block, drawn, drawn)
    applied = _applied(record, instants, step_s)
    wanted = [schedule.blocks[n].arm if n >= 0 else None for n in block]
    ran = np.array([a is not None and _ARM_OF.get(a) is w for a, w in zip(applied, wanted, strict=True)])
    upset = np.array([a is None or a is Applied.INTERRUPTED for a in applied], dtype=bool) & (block >= 0)
    settled = ~_within(upset, max(1, round(schedule.washout_h * 3600 / step_s)))
    return RunAs(control, block, drawn, drawn & ran & settled)


def _applied(record: Sequence[Stretch], instants: list[datetime], step_s: float) -> list[Applied | None]:
    """What was applied during the whole of each step; None where it changed or nobody says."""
    step = timedelta(seconds=step_s)
    ordered, found, at = sorted(record, key=lambda s: s.since), [], 0
    for instant in instants:
        while at < len(ordered) and ordered[at].until <= instant:
            at += 1
        inside = at < len(ordered) and ordered[at].since <= instant and instant + step <= ordered[at].until
        found.append(ordered[at].applied if inside else _bridged(ordered[at:], instant, instant + step))
    return found


def _bridged(ahead: Sequence[Stretch], start: datetime, end: datetime) -> Applied | None:
    """One thing throughout a step that two or more stretches share; an interruption in it counts."""
    reached, seen = start, set()
    for stretch in ahead:
        if stretch.since > reached or reached >= end:
            break
        seen.add(stretch.applied)
        reached = stretch.until
    if Applied.INTERRUPTED in seen:
        return Applied.INTERRUPTED
    if reached < end:
        return None
    return seen.pop() if len(seen) == 1 else Applied.MOVING


def _within(upset: NDArray[np.bool_], steps: int) -> NDArray[np.bool_]:
    """Steps that are upset or have an upset one among the `steps` before them."""
    last = np.where(upset, np.arange(len(upset)), -steps - 1)
    return np.asarray(np.arange(len(upset)) - np.maximum.accumulate(last) <= steps)
