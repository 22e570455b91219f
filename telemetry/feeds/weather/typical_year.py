"""A typical year from an EPW or TMY3 file, the same every year."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from plant.errors import ConfigError
from plant.forecast import Nature, WeatherSeries
from plant.psychrometrics import wet_bulb_c
from plant.timegrid import TimeGrid
from telemetry.feeds.weather.instants import means

Hours = NDArray[np.float64]


class TypicalYear:
    """8,760 hours of an .epw or TMY3 .csv file. Satisfies `WeatherFeed`.

    The hours are those of the file's own time zone without daylight saving, as both formats have
    it. 29 February is 28 February once more.

    Raises
    ------
    ConfigError
        If the file is not one of these.
    """

    def __init__(self, path: Path) -> None:
        self._name = path.name
        self._offset_h, self._dry, self._wet = _read(path)

    async def weather(self, grid: TimeGrid) -> WeatherSeries:
        """The typical year's hours on the grid."""
        hours = int((grid.end - grid.start).total_seconds() // 3600) + 3
        first = grid.start.astimezone(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
        times = [first + timedelta(hours=h) for h in range(hours)]
        at = [self._hour_of_year(time) for time in times]
        dry = means([(t, float(self._dry[i])) for t, i in zip(times, at, strict=True)], grid)
        wet = means([(t, float(self._wet[i])) for t, i in zip(times, at, strict=True)], grid)
        return WeatherSeries(grid, dry, wet, f"typical year {self._name}", Nature.TYPICAL)

    def _hour_of_year(self, time: datetime) -> int:
        """Which of 8,760 values belongs to an instant. The file's hour n is told at its end."""
        local = time + timedelta(hours=self._offset_h)
        day = 28 if (local.month, local.day) == (2, 29) else local.day
        ordinal = datetime(2001, local.month, day, local.hour, tzinfo=UTC) - datetime(2001, 1, 1, tzinfo=UTC)
        return (int(ordinal.total_seconds() // 3600) - 1) % 8760


def _read(path: Path) -> tuple[float, Hours, Hours]:
    from pvlib.iotools import read_epw, read_tmy3  # a slow import, seldom needed

    where = f"weather file {path}"
    if not path.is_file():
        raise ConfigError(where, "does not exist", "give the path of an .epw or TMY3 .csv file")
    try:
        if path.suffix.lower() == ".epw":
            frame, meta = read_epw(str(path))
        else:
            frame, meta = read_tmy3(str(path), coerce_year=2001, map_variables=True)
        dry = frame["temp_air"].to_numpy(float)
        humidity = np.clip(frame["relative_humidity"].to_numpy(float) / 100, 0.01, 1.0)
        told = frame["atmospheric_pressure" if "atmospheric_pressure" in frame else "pressure"]
        to_kpa = 1e-3 if path.suffix.lower() == ".epw" else 1e-1  # EPW has Pa, TMY3 mbar
        pressure_kpa = told.to_numpy(float) * to_kpa
        offset_h = float(meta["TZ"])
    except (ValueError, KeyError, IndexError, UnicodeDecodeError) as error:
        raise ConfigError(where, f"is neither EPW nor TMY3 ({error})", "give a valid file") from None
    if len(dry) != 8760:
        raise ConfigError(where, f"has {len(dry)} hours", "give a typical year of 8,760")
    return offset_h, dry, wet_bulb_c(dry, humidity, pressure_kpa)
