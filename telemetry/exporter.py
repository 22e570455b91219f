"""An exporter scraped directly: its text page read where there is no Prometheus server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from plant.commands import Command, Receipt, Refused
from plant.gateways import Gateway
from plant.points import Point, PointId, PrometheusAddress
from plant.ports import Clock
from plant.readings import Quality, Reading, missing
from plant.units import unit
from telemetry.complaints import Complaints
from telemetry.health import DeviceHealth, DevicePatience
from telemetry.http import Answer, HttpFault, client_for, get
from telemetry.series import (
    Sample,
    SeriesIndex,
    by_metric,
    increase,
    mismatch,
    prometheus_address,
    reading_of,
)

_ACCEPT = {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"}


class ExporterGateway:
    """One exporter's page. Satisfies `PointReader` and `PointWriter` (it refuses every write).

    A point with `rate_s` is a counter: its value is the increase per second between scrapes up to
    `rate_s` apart, so its first reading is `NOT_AVAILABLE`.

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
        self._counters: dict[PointId, tuple[float, float]] = {}
        self._patience = DevicePatience(gateway.id)
        self._complaints = Complaints(gateway.id)

    @property
    def health(self) -> tuple[DeviceHealth, ...]:
        """How the exporter is doing."""
        return (self._patience.health,)

    def serves(self, point: Point) -> bool:
        """Whether the point lives on this gateway."""
        return isinstance(point.address, PrometheusAddress) and point.address.gateway == self.gateway.id

    async def read(self, points: Sequence[Point]) -> list[Reading]:
        """Scrape once and find each point in the page."""
        if not self._patience.ready():
            return [missing(p.id, self._clock.now()) for p in points]
        samples = await self._scrape()
        now = self._clock.now()
        if isinstance(samples, HttpFault):
            self._patience.failed(samples.reason)
            return [missing(p.id, now) for p in points]
        self._patience.succeeded()
        found: dict[PointId, Reading] = {}
        for (metric, rate_s), group in by_metric(p for p in points if self.serves(p)).items():
            index = SeriesIndex(samples.get(metric, []))
            for point in group:
                matches = index.matching(prometheus_address(point).labels)
                self._complaints.note(point.id, mismatch(point, matches))
                if rate_s is None:
                    found[point.id] = reading_of(point, matches, now)
                else:
                    found[point.id] = self._rate(point, matches, rate_s, now)
        return [found.get(p.id) or missing(p.id, now) for p in points]

    async def write(self, commands: Sequence[Command]) -> list[Receipt]:
        """Refuse: an exporter is read only."""
        return [Refused(c, f"gateway {self.gateway.id} is an exporter, which is read only") for c in commands]

    async def close(self) -> None:
        """Close the connection."""
        await self._client.aclose()

    async def _scrape(self) -> dict[str, list[Sample]] | HttpFault:
        answer = await get(self._client, self.gateway.target, headers=_ACCEPT)
        if isinstance(answer, HttpFault):
            return answer
        wanted = {prometheus_address(p).metric for p in self._points}
        try:
            return _samples(answer, wanted)
        except (ValueError, KeyError, IndexError, AttributeError) as error:
            # What the parser raises on text that is not an exposition.
            return HttpFault(f"the page is not in an exposition format ({error})")

    def _rate(self, point: Point, matches: Sequence[Sample], rate_s: float, now: datetime) -> Reading:
        current = reading_of(point, matches, now)
        if not current.usable:
            return current
        at, count = current.time.timestamp(), matches[0].value
        before = self._counters.get(point.id)
        if before is None or at > before[0]:
            self._counters[point.id] = (at, count)
        if before is None or not 0 < at - before[0] <= rate_s:
            return missing(point.id, current.time, Quality.NOT_AVAILABLE)
        per_s = increase(before[1], count) / (at - before[0])
        return Reading(point.id, current.time, unit(point.unit).to_inside(per_s), Quality.GOOD)


def _samples(answer: Answer, wanted: set[str]) -> dict[str, list[Sample]]:
    found: dict[str, list[Sample]] = {}
    for family in _families(answer):
        for sample in family.samples:
            if sample.name in wanted:
                time_s = None if sample.timestamp is None else float(sample.timestamp)
                found.setdefault(sample.name, []).append(Sample(sample.labels, float(sample.value), time_s))
    return found


def _families(answer: Answer) -> Iterator[Metric]:
    if "openmetrics-text" in answer.content_type:
        return iter(parse_openmetrics(answer.text))  # type: ignore[no-untyped-call]
    return iter(parse_text(answer.text))
