"""Electricity Maps v3: average intensity, g CO2eq/kWh, life cycle.

Shapes: ``history`` and ``past-range`` answer ``{zone, data: [{carbonIntensity, datetime, …}]}``,
``forecast`` answers ``{zone, forecast: [{carbonIntensity, datetime}]}``. Every field but
``datetime`` may be absent. `isEstimated` marks past hours the provider filled in.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, timedelta

from plant.forecast import CarbonKind, CarbonSeries, Nature
from plant.site import CarbonSource
from plant.timegrid import TimeGrid
from telemetry.feeds.carbon.answers import Row, series
from telemetry.feeds.gaps import Gaps
from telemetry.feeds.settings import FeedSettings, number, stamp, utc
from telemetry.http import HttpFault

_PROVIDER = "electricity_maps"
_LONGEST_RANGE = timedelta(days=10)


class ElectricityMaps:
    """Satisfies `CarbonFeed`. Needs the secret ``token``.

    Raises
    ------
    ConfigError
        If the token or a clock is not given.
    """

    def __init__(self, source: CarbonSource, settings: FeedSettings) -> None:
        self._zone = source.region
        self._headers = {"auth-token": settings.secret("token", _PROVIDER)}
        self._base = (settings.base_url or "https://api.electricitymap.org").rstrip("/")
        self._fetcher = settings.fetcher(_PROVIDER)
        self.gaps = Gaps(_PROVIDER)

    async def intensity(self, grid: TimeGrid) -> CarbonSeries:
        """Measured where the grid is past, forecast where it is to come; gaps are NaN."""
        now = self._fetcher.clock.now()
        values: list[Row] = []
        faults: list[str] = []
        if grid.end > now:
            await self._ask("forecast", {}, "forecast", values, faults)
        begin = grid.start.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        if begin >= now - timedelta(hours=23) and begin < now:
            await self._ask("history", {}, "data", values, faults)
        else:
            while begin < min(grid.end, now):
                end = min(begin + _LONGEST_RANGE, grid.end + timedelta(hours=1), now)
                span = {"start": stamp(begin), "end": stamp(end)}
                await self._ask("past-range", span, "data", values, faults)
                begin += _LONGEST_RANGE
        return series(grid, values, CarbonKind.AVERAGE, f"Electricity Maps {self._zone}", self.gaps, faults)

    async def _ask(
        self,
        what: str,
        span: dict[str, str],
        key: str,
        values: list[Row],
        faults: list[str],
    ) -> None:
        url = f"{self._base}/v3/carbon-intensity/{what}"
        answer = await self._fetcher.json(url, {"zone": self._zone, **span}, self._headers)
        if isinstance(answer, HttpFault):
            faults.append(f"{what}: {answer.reason}")
            return
        rows = answer.data.get(key) if isinstance(answer.data, dict) else None
        if not isinstance(rows, list):
            faults.append(f"{what}: the answer has no {key!r}")
            return
        for row in rows:
            at = utc(row.get("datetime")) if isinstance(row, dict) else None
            if at is not None:
                values.append((at, number(row.get("carbonIntensity")), _nature(what, row)))


def _nature(what: str, row: Mapping[str, object]) -> Nature:
    if what == "forecast":
        return Nature.FORECAST
    return Nature.ESTIMATED if row.get("isEstimated") is True else Nature.MEASURED
