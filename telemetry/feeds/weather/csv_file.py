"""A weather record from a CSV file."""

from __future__ import annotations

from pathlib import Path

from plant.forecast import WeatherSeries
from plant.timegrid import TimeGrid
from telemetry.feeds.csv_series import read_series
from telemetry.feeds.weather.instants import means


class CsvWeather:
    """A file with the columns ``time``, ``dry_bulb_c`` and ``wet_bulb_c``. Satisfies `WeatherFeed`.

    Raises
    ------
    ConfigError
        If the file is not of this form.
    """

    def __init__(self, path: Path) -> None:
        self._name = path.name
        _, self._dry = read_series(path, ("dry_bulb_c",))
        _, self._wet = read_series(path, ("wet_bulb_c",))

    @staticmethod
    def looks_like(path: Path) -> bool:
        """Whether the file's first line names a column ``time``."""
        try:
            with path.open(encoding="utf-8-sig") as file:
                return "time" in file.readline().strip().split(",")
        except (OSError, UnicodeDecodeError):
            return False

    async def weather(self, grid: TimeGrid) -> WeatherSeries:
        """The record on the grid; what it does not cover is NaN."""
        dry, wet = means(self._dry, grid), means(self._wet, grid)
        return WeatherSeries(grid, dry, wet, f"csv {self._name}", typical=False)
