"""Carbon intensity from a CSV file: a record, or what a utility sends."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from plant.errors import ConfigError
from plant.forecast import CarbonKind, CarbonSeries
from plant.site import CarbonSource
from plant.timegrid import TimeGrid
from telemetry.feeds.csv_series import read_series, stated_nature
from telemetry.feeds.gaps import Gaps
from telemetry.feeds.resample import onto_grid, with_lengths

_COLUMNS = {"average_g_per_kwh": CarbonKind.AVERAGE, "marginal_g_per_kwh": CarbonKind.MARGINAL}


class CsvCarbon:
    """A file with the columns ``time`` and ``average_g_per_kwh`` or ``marginal_g_per_kwh``.

    Satisfies `CarbonFeed`. Values that are zero or negative are gaps. A comment line ``# measured``,
    ``# estimated``, ``# forecast`` or ``# typical`` says what they are; without it that is unstated.

    Raises
    ------
    ConfigError
        If the site file names no path, or the file is not of this form.
    """

    def __init__(self, source: CarbonSource) -> None:
        if source.path is None:
            raise ConfigError("key carbon.path", "is missing for provider csv", "name the CSV file")
        self._path: Path = source.path
        column, values = read_series(self._path, tuple(_COLUMNS))
        self._kind = _COLUMNS[column]
        self._nature = stated_nature(self._path)
        self.gaps = Gaps(f"csv {self._path.name}")
        self._intervals = with_lengths([(at, value) for at, value in values if value > 0])

    async def intensity(self, grid: TimeGrid) -> CarbonSeries:
        """Intensity on a grid; what the file does not cover is NaN."""
        values = onto_grid(self._intervals, grid)
        missing = int(np.isnan(values).sum())
        self.gaps.say([f"nothing for {missing} of {grid.steps} steps"] if missing else [])
        return CarbonSeries(grid, values, self._kind, f"csv {self._path.name}", False, self._nature)
