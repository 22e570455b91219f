"""Open-Meteo: forecast, and the recent past with it. No key for non-commercial use; CC BY 4.0.

``/v1/forecast`` answers ``{hourly_units: {…}, hourly: {time: […], temperature_2m: […], …}}``, on an
error ``{error: true, reason}``. Times carry no zone; ``timezone=UTC`` is asked for and checked.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import numpy as np

from plant.forecast import WeatherSeries
from plant.psychrometrics import wet_bulb_c
from plant.timegrid import TimeGrid
from telemetry.feeds.settings import FeedSettings, number
from telemetry.feeds.weather.instants import means
from telemetry.http import HttpFault

_PROVIDER = "open_meteo"
_WANTED = {"temperature_2m": "°C", "relative_humidity_2m": "%", "surface_pressure": "hPa"}


class OpenMeteo:
    """Satisfies `WeatherFeed`.

    Raises
    ------
    ConfigError
        If no clock is given.
    """

    def __init__(self, latitude: float, longitude: float, settings: FeedSettings) -> None:
        self._place = {"latitude": f"{latitude:.4f}", "longitude": f"{longitude:.4f}"}
        self._base = (settings.base_url or "https://api.open-meteo.com").rstrip("/")
        self._fetcher = settings.fetcher(_PROVIDER)
        self.faults: tuple[str, ...] = ()

    async def weather(self, grid: TimeGrid) -> WeatherSeries:
        """Hourly values as means over the steps; gaps are NaN and said in `faults`."""
        params = {
            **self._place,
            "hourly": ",".join(_WANTED),
            "timezone": "UTC",
            "start_date": f"{grid.start.astimezone(UTC):%Y-%m-%d}",
            "end_date": f"{(grid.end + timedelta(hours=1)).astimezone(UTC):%Y-%m-%d}",
        }
        answer = await self._fetcher.json(f"{self._base}/v1/forecast", params)
        found = answer.reason if isinstance(answer, HttpFault) else _hourly(answer.data)
        self.faults = (found,) if isinstance(found, str) else ()
        dry, wet = ([], []) if isinstance(found, str) else found
        return WeatherSeries(grid, means(dry, grid), means(wet, grid), "Open-Meteo", typical=False)


Instants = list[tuple[datetime, float]]


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
    times = [datetime.fromisoformat(str(row[0])).replace(tzinfo=UTC) for row in rows]
    dry = np.array([number(row[1]) for row in rows])
    humidity = np.clip(np.array([number(row[2]) for row in rows]) / 100, 0.01, 1.0)
    pressure_kpa = np.array([number(row[3]) for row in rows]) / 10
    pressure_kpa = np.where(np.isnan(pressure_kpa), 101.325, pressure_kpa)
    known = ~np.isnan(dry + humidity)
    wet = np.full(len(rows), math.nan)
    wet[known] = wet_bulb_c(dry[known], humidity[known], pressure_kpa[known])
    return list(zip(times, dry.tolist(), strict=True)), list(zip(times, wet.tolist(), strict=True))
