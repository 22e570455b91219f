"""Periods as people mean them: days, months, quarters and years of the site's own clock.

A day has 23 or 25 hours when the clocks change; every edge is a local midnight, told in UTC.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from plant.errors import ConfigError


class Split(StrEnum):
    """How a period is cut into rows."""

    WHOLE = "whole"
    DAY = "day"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Period:
    """A named span from `start` (in) to `end` (out), both UTC."""

    label: str
    start: datetime
    end: datetime


_YEAR = re.compile(r"(\d{4})")
_QUARTER = re.compile(r"(\d{4})-[Qq]([1-4])")
_MONTH = re.compile(r"(\d{4})-(\d{2})")
_DAY = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_EARLIEST_YEAR, _LATEST_YEAR = 1970, 2200


def named_period(text: str, timezone: str) -> Period:
    """A period by its name, in the site's time zone.

    Parameters
    ----------
    text : str
        ``2026``, ``2026-Q4``, ``2026-10``, ``2026-10-25``, or two of them as ``A..B``: from the
        beginning of A to the end of B, both included.

    Raises
    ------
    ConfigError
        If it is none of these.
    """
    first_text, dots, last_text = text.strip().partition("..")
    first, after = _dates(first_text, text)
    if dots:
        after = _dates(last_text, text)[1]
    if not (first.year >= _EARLIEST_YEAR and after.year <= _LATEST_YEAR):
        raise ConfigError(f"report period {text!r}", "is out of range", "name a year people have meters in")
    if after <= first:
        raise ConfigError(f"report period {text!r}", "ends before it begins", "name the earlier one first")
    zone = ZoneInfo(timezone)
    return Period(text.strip().upper(), _midnight(first, zone), _midnight(after, zone))


def _dates(text: str, whole: str) -> tuple[date, date]:
    """First day, and the day after the last, of one named period."""
    try:
        if found := _YEAR.fullmatch(text):
            year = int(found[1])
            return date(year, 1, 1), date(year + 1, 1, 1)
        if found := _QUARTER.fullmatch(text):
            first = date(int(found[1]), 3 * int(found[2]) - 2, 1)
            return first, _next_month(_next_month(_next_month(first)))
        if found := _MONTH.fullmatch(text):
            first = date(int(found[1]), int(found[2]), 1)
            return first, _next_month(first)
        if _DAY.fullmatch(text):
            first = date.fromisoformat(text)
            return first, first + timedelta(days=1)
    except ValueError:
        pass  # a thirteenth month, a thirtieth of February: told below like any other misspelling
    raise ConfigError(
        f"report period {whole!r}",
        "is not a day, month, quarter or year",
        "write 2026-10-25, 2026-10, 2026-Q4, 2026, or two of them as A..B",
    )


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


def month_of(instant: datetime, timezone: str) -> str:
    """The local month an instant is in, as ``2026-10``."""
    return instant.astimezone(ZoneInfo(timezone)).strftime("%Y-%m")


def label_of(start: datetime, end: datetime, timezone: str) -> str:
    """The shortest name of a span: day, month, quarter or year where it is one, else its edges."""
    zone = ZoneInfo(timezone)
    local = start.astimezone(zone)
    quarter = f"{local:%Y}-Q{(local.month + 2) // 3}"
    for name in (f"{local:%Y}", quarter, f"{local:%Y-%m}", f"{local:%Y-%m-%d}"):
        known = named_period(name, timezone)
        if (known.start, known.end) == (start, end):
            return name
    last = (end - timedelta(microseconds=1)).astimezone(zone)
    days = f"{local:%Y-%m-%d}..{last:%Y-%m-%d}"
    whole_days = named_period(days, timezone)
    if (whole_days.start, whole_days.end) == (start, end):
        return days
    return f"{start.astimezone(UTC):%Y%m%dT%H%MZ}..{end.astimezone(UTC):%Y%m%dT%H%MZ}"


def _edges(first: date, zone: ZoneInfo, split: Split) -> Iterator[datetime]:
    day = first if split is Split.DAY else first.replace(day=1)
    while True:
        yield _midnight(day, zone)
        day = day + timedelta(days=1) if split is Split.DAY else _next_month(day)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _next_month(first: date) -> date:
    return (first.replace(day=1) + timedelta(days=32)).replace(day=1)


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
