"""Open-Meteo: forecast, the recent past with it, and the archive. No key for non-commercial use; CC BY 4.0.

``/v1/forecast`` (up to 92 days back) and, at an address of its own, ``/v1/archive`` (reanalysis) answer
``{hourly_units: {…}, hourly: {time: […], temperature_2m: […], …}}``;
on an error ``{error: true, reason}``. Times carry no zone; ``timezone=UTC`` is asked for and checked.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import numpy as np

from plant.forecast import Nature, WeatherSeries
from plant.psychrometrics import wet_bulb_c
from plant.timegrid import TimeGrid
from telemetry.feeds.gaps import Gaps
from telemetry.feeds.settings import FeedSettings, number
from telemetry.feeds.weather.instants import means
from telemetry.http import HttpFault

_PROVIDER = "open_meteo"
_WANTED = {"temperature_2m": "°C", "relative_humidity_2m": "%", "surface_pressure": "hPa"}


_FORECAST_REACHES_BACK = timedelta(days=90)

Instants = list[tuple[datetime, float]]


class OpenMeteo:
    """Satisfies `WeatherFeed`.

    Raises
    ------
    ConfigError
        If no clock is given.
    """

    def __init__(self, latitude: float, longitude: float, settings: FeedSettings) -> None:
        self._place = {"latitude": f"{latitude:.4f}", "longitude": f"{longitude:.4f}"}
        self._forecast = f"{(settings.base_url or 'https://api.open-meteo.com').rstrip('/')}/v1/forecast"
        archive = settings.base_url or "https://archive-api.open-meteo.com"
        self._archive = f"{archive.rstrip('/')}/v1/archive"
        self._fetcher = settings.fetcher(_PROVIDER)
        self.gaps = Gaps(_PROVIDER, "weather")

    async def weather(self, grid: TimeGrid) -> WeatherSeries:
        """Hourly values as means over the steps; gaps are NaN and said in `gaps`."""
        now = self._fetcher.clock.now()
        reach = now - _FORECAST_REACHES_BACK
        faults: list[str] = []
        dry: Instants = []
        wet: Instants = []
        for url, begin, end in (
            (self._archive, grid.start, min(grid.end, reach)),
            (self._forecast, max(grid.start, reach), grid.end),
        ):
            if begin < end:
                found = await self._ask(url, begin, end + timedelta(hours=1))
                if isinstance(found, str):
                    faults.append(found)
                else:
                    dry, wet = dry + found[0], wet + found[1]
        means_dry, means_wet = means(dry, grid), means(wet, grid)
        missing = int(np.isnan(means_dry + means_wet).sum())
        if missing and not faults:
            faults.append(f"nothing for {missing} of {grid.steps} steps")
        self.gaps.say(faults)
        return WeatherSeries(grid, means_dry, means_wet, "Open-Meteo", _nature(grid, now))

    async def _ask(self, url: str, begin: datetime, end: datetime) -> tuple[Instants, Instants] | str:
        params = {
            **self._place,
            "hourly": ",".join(_WANTED),
            "timezone": "UTC",
            "start_date": f"{begin.astimezone(UTC):%Y-%m-%d}",
            "end_date": f"{end.astimezone(UTC):%Y-%m-%d}",
        }
        answer = await self._fetcher.json(url, params)
        return answer.reason if isinstance(answer, HttpFault) else _hourly(answer.data)


def _nature(grid: TimeGrid, now: datetime) -> Nature:
    """The past is a model's analysis and not this site's thermometer."""
    if grid.end <= now:
        return Nature.ESTIMATED
    return Nature.FORECAST if grid.start >= now - timedelta(seconds=grid.step_s) else Nature.MIXED


def _hourly(data: object) -> tuple[Instants, Instants] | str:
    """Dry and wet bulb at their instants, or why not."""
    if not isinstance(data, dict) or data.get("error"):
        return f"Open-Meteo says {data.get('reason') if isinstance(data, dict) else 'nothing'}"
    if data.get("utc_offset_seconds") not in (0, None):
        return f"the answer is {data.get('utc_offset_seconds')} s off UTC"
    hourly, units = data.get("hourly"), data.get("hourly_units")
    if not isinstance(hourly, dict) or not isinstance(units, dict):
        return "the answer has no 'hourly' and 'hourly_units'"
    for name, expected in _WANTED.items():
        if units.get(name) != expected:
            return f"{name} is in {units.get(name)}, not {expected}"
    columns = [hourly.get(name) for name in ("time", *_WANTED)]
    if not all(isinstance(c, list) and len(c) == len(columns[0] or []) for c in columns):
        return "the columns of 'hourly' are of different length"
    rows = list(zip(*columns, strict=True))
    try:
        times = [datetime.fromisoformat(str(row[0])).replace(tzinfo=UTC) for row in rows]
    except ValueError:
        return "a time of the answer is none"
    dry = np.array([number(row[1]) for row in rows])
    humidity = np.clip(np.array([number(row[2]) for row in rows]) / 100, 0.01, 1.0)
    pressure_kpa = np.array([number(row[3]) for row in rows]) / 10
    pressure_kpa = np.where(np.isnan(pressure_kpa), 101.325, pressure_kpa)
    known = ~np.isnan(dry + humidity)
    wet = np.full(len(rows), math.nan)
    wet[known] = wet_bulb_c(dry[known], humidity[known], pressure_kpa[known])
    return list(zip(times, dry.tolist(), strict=True)), list(zip(times, wet.tolist(), strict=True))
