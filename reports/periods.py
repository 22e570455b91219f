"""Periods as people mean them: days and months of the site's own clock, 23 and 25 hour days included."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from plant.errors import ConfigError


class Split(StrEnum):
    """How a period is cut into rows."""

    WHOLE = "whole"
    DAY = "day"
    MONTH = "month"


def cut(
    start: datetime, end: datetime, timezone: str, split: Split, step_s: int
) -> list[tuple[datetime, datetime]]:
    """The parts of a period between local midnights (or firsts of the month), in UTC.

    A whole period is cut by month too, so that each piece of history stays small; `combine` joins them.

    Raises
    ------
    ConfigError
        If the period is empty, naive, or does not begin and end on a step (of the epoch's grid).
    """
    _check(start, end, step_s)
    zone = ZoneInfo(timezone)
    inner = (edge for edge in _edges(start.astimezone(zone).date(), zone, split) if edge > start)
    edges = [start.astimezone(UTC)]
    for edge in inner:
        if edge >= end:
            break
        edges.append(edge)
    edges.append(end.astimezone(UTC))
    return list(itertools.pairwise(edges))


def _edges(first: date, zone: ZoneInfo, split: Split) -> Iterator[datetime]:
    day = first if split is Split.DAY else first.replace(day=1)
    while True:
        yield datetime.combine(day, time(), zone).astimezone(UTC)
        step = timedelta(days=1 if split is Split.DAY else 32)
        day = day + step if split is Split.DAY else (day + step).replace(day=1)


def _check(start: datetime, end: datetime, step_s: int) -> None:
    if start.tzinfo is None or end.tzinfo is None:
        raise ConfigError(
            "report period", "has no time zone", "write times with an offset, for example 2026-10-01T00:00Z"
        )
    if end <= start:
        raise ConfigError("report period", f"ends ({end}) before it begins ({start})", "swap --from and --to")
    if start.timestamp() % step_s or end.timestamp() % step_s:
        raise ConfigError(
            "report period", f"does not begin and end on a step of {step_s} s", "round it to quarter hours"
        )
