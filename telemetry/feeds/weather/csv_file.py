"""A weather record from a CSV file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from plant.forecast import WeatherSeries
from plant.timegrid import TimeGrid
from telemetry.feeds.csv_series import read_series, stated_nature
from telemetry.feeds.gaps import Gaps
from telemetry.feeds.weather.instants import means


class CsvWeather:
    """A file with the columns ``time``, ``dry_bulb_c`` and ``wet_bulb_c``. Satisfies `WeatherFeed`.

    A comment line ``# measured`` or ``# forecast`` says which it is; without it that is unstated.

    Raises
    ------
    ConfigError
        If the file is not of this form.
    """

    def __init__(self, path: Path) -> None:
        self._name = path.name
        _, self._dry = read_series(path, ("dry_bulb_c",))
        _, self._wet = read_series(path, ("wet_bulb_c",))
        self._nature = stated_nature(path)
        self.gaps = Gaps(f"csv {path.name}", "weather")

    async def weather(self, grid: TimeGrid) -> WeatherSeries:
        """The record on the grid; what it does not cover is NaN."""
        dry, wet = means(self._dry, grid), means(self._wet, grid)
        missing = int(np.isnan(dry + wet).sum())
        self.gaps.say([f"nothing for {missing} of {grid.steps} steps"] if missing else [])
        return WeatherSeries(grid, dry, wet, f"csv {self._name}", self._nature)
