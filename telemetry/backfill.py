"""History that a Prometheus server already has, so that calibration can start on day one."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import numpy as np

from plant.points import PointId
from plant.readings import Reading
from telemetry.gateways import Field
from telemetry.historian.chunks import CODE_OF, Samples
from telemetry.prometheus import PrometheusGateway
from telemetry.quality import Judge

_AT_A_TIME = timedelta(days=1)


class BulkStore(Protocol):
    """Where many readings are stored at once: the historian."""

    def keep(self, samples: Mapping[PointId, Samples]) -> int:
        """Store them, whole or not at all; the number of them."""
        ...


@dataclass(frozen=True, slots=True)
class Backfilled:
    """What came: the number of readings, and what could not be fetched."""

    readings: int
    faults: tuple[str, ...]


async def backfill(
    field: Field, store: BulkStore, start: datetime, end: datetime, step_s: int = 60
) -> Backfilled:
    """Fetch, judge and store every Prometheus point's past from ``start`` to ``end``.

    Repeating it changes nothing; a piece that could not be fetched is left as a gap and named.
    """
    judge = Judge(field.site)
    stored = 0
    faults: list[str] = []
    for gateway in field.gateways:
        if not isinstance(gateway, PrometheusGateway):
            continue
        points = field.points_of(gateway)
        begin = start
        while begin < end:
            past = await gateway.history(points, begin, min(begin + _AT_A_TIME, end), step_s)
            faults.extend(past.faults)
            if past.readings:
                stored += store.keep(_by_point(_judged(judge, past.readings)))
            begin += _AT_A_TIME
    return Backfilled(stored, tuple(faults))


def _judged(judge: Judge, readings: Iterable[Reading]) -> Iterator[Reading]:
    for time, together in itertools.groupby(readings, key=lambda r: r.time):
        yield from judge.judge(list(together), time)


def _by_point(readings: Iterable[Reading]) -> dict[PointId, Samples]:
    found: dict[PointId, list[Reading]] = {}
    for reading in readings:
        found.setdefault(reading.point, []).append(reading)
    return {
        point: Samples(
            np.array([round(r.time.timestamp() * 1000) for r in series], np.int64),
            np.array([r.value for r in series]),
            np.array([CODE_OF[r.quality] for r in series], np.uint8),
        )
        for point, series in found.items()
    }
