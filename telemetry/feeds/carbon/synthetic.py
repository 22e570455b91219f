"""A made-up carbon intensity with the shape of a real grid's mean day, and labeled as made up.

Sources: means by local hour of 2022 from the data of SustainDC (domain notes 8.2). CAISO's hours
are given one by one; of the others the mean, the lowest and the highest hour are known, and half
cosines join them.
"""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from plant.errors import ConfigError
from plant.forecast import CarbonKind, CarbonSeries, Nature
from plant.timegrid import TimeGrid
from telemetry.feeds.gaps import Gaps

# fmt: off
_CAISO = (308, 305, 303, 301, 301, 301, 301, 283, 231, 193, 181, 178,
          177, 177, 178, 184, 208, 241, 266, 294, 306, 309, 310, 311)
# fmt: on


@dataclass(frozen=True, slots=True)
class _Day:
    """A grid's mean day. [g CO2/kWh], hours local."""

    timezone: str
    mean: float
    low_hour: int
    low: float
    high_hour: int
    high: float

    def hours(self) -> NDArray[np.float64]:
        """Intensity by local hour. Shape (24,)."""
        hour = np.arange(24)
        rise = (self.high_hour - self.low_hour) % 24
        after_low = (hour - self.low_hour) % 24
        phase = np.where(after_low <= rise, after_low / rise, 1 + (after_low - rise) / (24 - rise))
        shape = (1 - np.cos(np.pi * phase)) / 2
        # The exponent bends the day so that its mean is the one known, between the same extremes.
        level = (self.mean - self.low) / (self.high - self.low)
        powers = np.linspace(0.2, 5.0, 481)
        means = (shape[None, :] ** powers[:, None]).mean(axis=1)
        power = powers[np.abs(means - level).argmin()]
        return np.asarray(self.low + (self.high - self.low) * shape**power)


_PROVIDER = "synthetic (2022 mean day)"
_PACIFIC, _CENTRAL, _EASTERN = "America/Los_Angeles", "America/Chicago", "America/New_York"
_DAYS = {
    "AZPS": _Day("America/Phoenix", 575, 15, 516, 4, 630),
    "ERCOT": _Day(_CENTRAL, 347, 3, 322, 20, 383),
    "BPAT": _Day(_PACIFIC, 55, 19, 50, 3, 59),
    "NYISO": _Day(_EASTERN, 273, 4, 259, 20, 287),
    "MISO": _Day(_CENTRAL, 441, 4, 418, 20, 456),
    "SOCO": _Day(_EASTERN, 423, 12, 406, 23, 441),
    "PJM": _Day(_EASTERN, 363, 3, 349, 21, 375),
}
REGIONS = ("CAISO", *_DAYS)


class SyntheticCarbon:
    """The mean day of a region, every day. Satisfies `CarbonFeed`.

    Raises
    ------
    ConfigError
        If the region is not one of `REGIONS`.
    """

    def __init__(self, region: str) -> None:
        self.gaps = Gaps("synthetic")
        if region == "CAISO":
            self._timezone, self._hours = ZoneInfo(_PACIFIC), np.array(_CAISO, dtype=float)
        elif region in _DAYS:
            self._timezone, self._hours = ZoneInfo(_DAYS[region].timezone), _DAYS[region].hours()
        else:
            raise ConfigError(
                "key carbon.region",
                f"{region!r} has no synthetic shape",
                f"use one of {', '.join(REGIONS)}, or another provider",
            )

    async def intensity(self, grid: TimeGrid) -> CarbonSeries:
        """Intensity in each step, between the middles of the hours. Never a gap."""
        middle = pd.date_range(grid.start, periods=grid.steps, freq=pd.Timedelta(seconds=grid.step_s))
        local = (middle + pd.Timedelta(seconds=grid.step_s / 2)).tz_convert(self._timezone)
        hour = local.hour + local.minute / 60 + local.second / 3600
        values = np.interp(hour, np.arange(24) + 0.5, self._hours, period=24)
        return CarbonSeries(grid, values, CarbonKind.AVERAGE, _PROVIDER, True, Nature.TYPICAL)
