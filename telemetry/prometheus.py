"""A Prometheus server: present values by instant queries, the past by range queries.

An instant query answers with the time of the question, not of the sample, so a value up to five
minutes old looks fresh. `timestamp(metric)` is asked as well, and its answer is the reading's time.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from plant.commands import Command, Receipt, Refused
from plant.gateways import Gateway
from plant.points import Point, PrometheusAddress
from plant.ports import Clock
from plant.readings import Quality, Reading, missing
from plant.units import unit
from telemetry.complaints import Complaints
from telemetry.health import DeviceHealth, DevicePatience
from telemetry.http import HttpFault, client_for, get
from telemetry.series import Sample, SeriesIndex, by_metric, mismatch, prometheus_address, reading_of

MOST_POINTS = 11_000
"""Prometheus refuses a range query of more points than this for one series."""


@dataclass(frozen=True, slots=True)
class Past:
    """What a range query brought: readings in time order, and what could not be fetched."""

    readings: list[Reading]
    faults: tuple[str, ...]


class PrometheusGateway:
    """One Prometheus server. Satisfies `PointReader` and `PointWriter` (it refuses every write).

    Two queries a metric, whatever the number of points.

    Raises
    ------
    ConfigError
        If a certificate or secret file cannot be used.
    """

    def __init__(self, gateway: Gateway, points: Iterable[Point], clock: Clock) -> None:
        self.gateway = gateway
        self._points = tuple(p for p in points if self.serves(p))
        self._clock = clock
        self._client = client_for(gateway)
        self._base = gateway.target.rstrip("/")
        self._patience = DevicePatience(gateway.id)
        self._refused = ""
        self._complaints = Complaints(gateway.id)

    @property
    def health(self) -> tuple[DeviceHealth, ...]:
        """How the server is doing."""
        health = self._patience.health
        # One question it refuses is told, and does not make a server of many metrics a dead one.
        return (replace(health, last_fault=self._refused) if health.answering else health,)

    def serves(self, point: Point) -> bool:
        """Whether the point lives on this gateway."""
        return isinstance(point.address, PrometheusAddress) and point.address.gateway == self.gateway.id

    async def read(self, points: Sequence[Point]) -> list[Reading]:
        """One reading a point, in order; `MISSING` where no series, or more than one, matches."""
        if not self._patience.ready():
            return [missing(p.id, self._clock.now()) for p in points]
        groups = by_metric(p for p in points if self.serves(p))
        answers = await asyncio.gather(*(self._read_group(k, group) for k, group in groups.items()))
        self._note([fault for _, fault in answers])
        found = {reading.point: reading for readings, _ in answers for reading in readings}
        now = self._clock.now()
        return [found.get(p.id) or missing(p.id, now) for p in points]

    async def write(self, commands: Sequence[Command]) -> list[Receipt]:
        """Refuse: a Prometheus server is read only."""
        return [Refused(c, f"gateway {self.gateway.id} is Prometheus, which is read only") for c in commands]

    async def history(self, points: Sequence[Point], start: datetime, end: datetime, step_s: int) -> Past:
        """Samples of the past, each at its own time and once, however fine ``step_s`` is.

        Answers outside ``start`` to ``end`` are dropped: a server that answers a question about
        the past with the present has not answered it.
        """
        readings: list[Reading] = []
        faults: list[str] = []
        for key, group in by_metric(p for p in points if self.serves(p)).items():
            for begin, finish in _chunks(start, end, step_s):
                got = await self._past_of_group(key, group, begin, finish, step_s)
                if isinstance(got, HttpFault):
                    faults.append(f"{key[0]} from {begin.isoformat()}: {got.reason}")
                else:
                    readings.extend(r for r in got if start <= r.time <= end)
        readings.sort(key=lambda r: (r.time, r.point))
        return Past(readings, tuple(faults))

    async def close(self) -> None:
        """Close the connection."""
        await self._client.aclose()

    def _note(self, faults: Sequence[HttpFault | None]) -> None:
        told = [fault for fault in faults if fault is not None]
        self._refused = told[0].reason if told else ""
        if told and len(told) == len(faults):
            self._patience.failed(self._refused)
        elif faults:
            self._patience.succeeded()

    async def _read_group(
        self, key: tuple[str, float | None], group: list[Point]
    ) -> tuple[list[Reading], HttpFault | None]:
        metric, rate_s = key
        selector = _selector(metric, group)
        values, times = await asyncio.gather(
            self._query("query", {"query": _expression(selector, rate_s)}),
            self._query("query", {"query": f"timestamp({selector})"}),
        )
        now = self._clock.now()
        if isinstance(values, HttpFault):
            return [missing(p.id, now) for p in group], values
        if isinstance(times, HttpFault):
            return [missing(p.id, now) for p in group], times
        stamped = _stamp(_instant(values), _instant(times))
        index = SeriesIndex(stamped)
        return [self._found(p, index, now) for p in group], None

    def _found(self, point: Point, index: SeriesIndex, now: datetime) -> Reading:
        matches = index.matching(prometheus_address(point).labels)
        self._complaints.note(point.id, mismatch(point, matches))
        return reading_of(point, matches, now)

    async def _past_of_group(
        self,
        key: tuple[str, float | None],
        group: list[Point],
        begin: datetime,
        finish: datetime,
        step_s: int,
    ) -> list[Reading] | HttpFault:
        metric, rate_s = key
        selector = _selector(metric, group)
        span = {"start": f"{begin.timestamp():.3f}", "end": f"{finish.timestamp():.3f}", "step": str(step_s)}
        values = await self._query("query_range", {"query": _expression(selector, rate_s), **span})
        if isinstance(values, HttpFault):
            return values
        times = await self._query("query_range", {"query": f"timestamp({selector})", **span})
        if isinstance(times, HttpFault):
            return times
        series = _ranges(values)
        stamps = {_key(labels): dict(pairs) for labels, pairs in _ranges(times)}
        readings: list[Reading] = []
        for point in group:
            wanted = prometheus_address(point).labels
            matches = [(ls, pairs) for ls, pairs in series if all(ls.get(k) == v for k, v in wanted.items())]
            if len(matches) == 1:
                labels, pairs = matches[0]
                readings.extend(_each_once(point, pairs, stamps.get(_key(labels), {})))
        return readings

    async def _query(self, what: str, params: Mapping[str, str]) -> list[dict[str, object]] | HttpFault:
        answer = await get(self._client, f"{self._base}/api/v1/{what}", params)
        if isinstance(answer, HttpFault):
            return answer
        try:
            body = json.loads(answer.text)
            if body["status"] != "success":
                return HttpFault(f"{body.get('errorType')}: {body.get('error')}")
            result = body["data"]["result"]
        except (ValueError, KeyError, TypeError, AttributeError):
            return HttpFault("the answer is not Prometheus JSON")
        return result if isinstance(result, list) else HttpFault("the answer is not a list of series")


def _selector(metric: str, group: Sequence[Point]) -> str:
    """The metric with the labels all the points share: narrow, yet one question for all of them."""
    shared = dict(prometheus_address(group[0]).labels)
    for point in group[1:]:
        labels = prometheus_address(point).labels
        shared = {k: v for k, v in shared.items() if labels.get(k) == v}
    inner = ",".join(f"{k}={json.dumps(v, ensure_ascii=False)}" for k, v in sorted(shared.items()))
    return f"{metric}{{{inner}}}" if inner else metric


def _expression(selector: str, rate_s: float | None) -> str:
    return selector if rate_s is None else f"rate({selector}[{max(1, round(rate_s))}s])"


def _instant(result: Iterable[Mapping[str, object]]) -> list[Sample]:
    samples: list[Sample] = []
    for series in result:
        labels, pair = series.get("metric"), series.get("value")
        if isinstance(labels, dict) and isinstance(pair, list) and len(pair) == 2:
            samples.append(Sample(labels, _number(pair[1]), float(pair[0])))
    return samples


def _ranges(result: Iterable[Mapping[str, object]]) -> list[tuple[dict[str, str], list[tuple[float, float]]]]:
    found = []
    for series in result:
        labels, pairs = series.get("metric"), series.get("values")
        if isinstance(labels, dict) and isinstance(pairs, list):
            found.append((labels, [(float(at), _number(value)) for at, value in pairs]))
    return found


def _stamp(values: Sequence[Sample], times: Sequence[Sample]) -> list[Sample]:
    """Values with the time of their own sample; a value whose time is not known has none to offer."""
    when = {_key(sample.labels): sample.value for sample in times}
    stamped = [Sample(s.labels, s.value, when.get(_key(s.labels), math.nan)) for s in values]
    return [s for s in stamped if s.time_s is not None and math.isfinite(s.time_s)]


def _each_once(
    point: Point, pairs: list[tuple[float, float]], stamps: Mapping[float, float]
) -> list[Reading]:
    """Readings at the samples' own times, so that a value repeated over a gap is not a measurement."""
    stamped = [(stamps.get(at, at), value) for at, value in pairs]
    keep = [pair for pair, after in pairwise([*stamped, (math.inf, 0.0)]) if pair[0] != after[0]]
    inside = unit(point.unit)
    readings = []
    for at, value in keep:
        time = datetime.fromtimestamp(at, UTC)
        if math.isfinite(value):
            readings.append(Reading(point.id, time, inside.to_inside(value), Quality.GOOD))
        else:
            readings.append(missing(point.id, time, Quality.NOT_AVAILABLE))
    return readings


def _key(labels: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    return frozenset((k, v) for k, v in labels.items() if k != "__name__")


def _number(text: object) -> float:
    try:
        return float(str(text))  # Prometheus writes "NaN" and "+Inf" as Python reads them
    except ValueError:
        return math.nan


def _chunks(start: datetime, end: datetime, step_s: int) -> list[tuple[datetime, datetime]]:
    span = timedelta(seconds=step_s * (MOST_POINTS - 1))
    chunks = []
    begin = start
    while begin <= end:
        finish = min(begin + span, end)
        chunks.append((begin, finish))
        begin = finish + timedelta(seconds=step_s)
    return chunks
