"""WattTime v3: marginal intensity (MOER) in lb CO2/MWh.

Shapes: ``/login`` answers ``{token}`` to basic authentication; ``/v3/historical`` and
``/v3/forecast`` answer ``{data: [{point_time, value}], meta: {region, units, generated_at}}``.
"""

from __future__ import annotations

import json
from datetime import timedelta

import httpx2

from plant.forecast import CarbonKind, CarbonSeries, Nature
from plant.site import CarbonSource
from plant.timegrid import TimeGrid
from plant.units import unit
from telemetry.feeds.carbon.answers import Row, series
from telemetry.feeds.gaps import Gaps
from telemetry.feeds.settings import FeedSettings, number, stamp, utc
from telemetry.http import HttpFault, get

_PROVIDER = "watttime"
_UNITS = "lbs_co2_per_mwh"
_LONGEST_RANGE = timedelta(days=30)


class WattTime:
    """Satisfies `CarbonFeed`. Needs the secrets ``username`` and ``password``.

    Raises
    ------
    ConfigError
        If they or a clock are not given.
    """

    def __init__(self, source: CarbonSource, settings: FeedSettings) -> None:
        self._region = source.region
        self._auth = httpx2.BasicAuth(
            settings.secret("username", _PROVIDER), settings.secret("password", _PROVIDER)
        )
        self._base = (settings.base_url or "https://api.watttime.org").rstrip("/")
        self._fetcher = settings.fetcher(_PROVIDER)
        self._token = ""
        self.gaps = Gaps(_PROVIDER)

    async def intensity(self, grid: TimeGrid) -> CarbonSeries:
        """Marginal intensity; estimated where the grid is past, forecast where it is to come."""
        now = self._fetcher.clock.now()
        values: list[Row] = []
        faults: list[str] = []
        if grid.end > now:
            hours = str(min(72, int((grid.end - now).total_seconds() // 3600) + 1))
            await self._ask("forecast", {"horizon_hours": hours}, values, faults)
        begin = grid.start
        while begin < min(grid.end, now):
            end = min(begin + _LONGEST_RANGE, grid.end, now)
            await self._ask("historical", {"start": stamp(begin), "end": stamp(end)}, values, faults)
            begin += _LONGEST_RANGE
        return series(grid, values, CarbonKind.MARGINAL, f"WattTime {self._region}", self.gaps, faults)

    async def _ask(self, what: str, span: dict[str, str], values: list[Row], faults: list[str]) -> None:
        params = {"region": self._region, "signal_type": "co2_moer", **span}
        url = f"{self._base}/v3/{what}"
        answer = await self._fetcher.json(url, params, await self._headers())
        if isinstance(answer, HttpFault) and answer.status == 401:
            self._token = ""  # a token lives for half an hour
            answer = await self._fetcher.json(url, params, await self._headers())
        if isinstance(answer, HttpFault):
            faults.append(f"{what}: {answer.reason}")
            return
        data = answer.data if isinstance(answer.data, dict) else {}
        meta, rows = data.get("meta"), data.get("data")
        if not isinstance(meta, dict) or not isinstance(rows, list):
            faults.append(f"{what}: the answer has no 'data' and 'meta'")
            return
        if meta.get("units") != _UNITS or meta.get("region") != self._region:
            faults.append(f"{what}: it is in {meta.get('units')} for {meta.get('region')}")
            return
        to_inside = unit("lb/MWh").to_inside
        nature = Nature.FORECAST if what == "forecast" else Nature.ESTIMATED  # nobody can meter a margin
        for row in rows:
            at = utc(row.get("point_time")) if isinstance(row, dict) else None
            if at is not None:
                values.append((at, to_inside(number(row.get("value"))), nature))

    async def _headers(self) -> dict[str, str]:
        if not self._token:
            self._token = await self._login()
        return {"Authorization": f"Bearer {self._token}"}

    async def _login(self) -> str:
        """A token; empty where there is none, and the question itself then fails with 401."""
        request = httpx2.Request("GET", f"{self._base}/login")
        signed = next(self._auth.auth_flow(request))
        answer = await get(
            self._fetcher.client, str(request.url), headers={"Authorization": signed.headers["Authorization"]}
        )
        if isinstance(answer, HttpFault):
            return ""
        try:
            return str(json.loads(answer.text)["token"])
        except (ValueError, KeyError, TypeError):
            return ""
