"""What energy costs: the tariff of the site file, or a day-ahead series from a CSV file."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from plant.forecast import PriceSeries
from plant.ports import PriceFeed
from plant.site import Site, Tariff
from plant.timegrid import TimeGrid
from telemetry.feeds.csv_series import read_series
from telemetry.feeds.resample import onto_grid, with_lengths

_FINEST_S = 300


class TariffPrice:
    """Flat or time-of-use price. Satisfies `PriceFeed`. Hours and weekdays are local.

    Parameters
    ----------
    tariff : Tariff
        Periods are tried in order; where none holds, the base price does.
    timezone : str
        IANA name of the site's zone.
    """

    def __init__(self, tariff: Tariff, timezone: str) -> None:
        self._tariff = tariff
        self._timezone = ZoneInfo(timezone)
        self._table = _table(tariff)

    async def price(self, grid: TimeGrid) -> PriceSeries:
        """Price in each step; a step that spans a change has the mean over its time."""
        pieces = max(1, -(-grid.step_s // _FINEST_S))
        finest = pd.Timedelta(seconds=grid.step_s / pieces)
        middle = pd.date_range(grid.start, periods=grid.steps * pieces, freq=finest) + finest / 2
        local = middle.tz_convert(self._timezone)
        prices = self._table[local.day_of_week.to_numpy(), local.hour.to_numpy()]
        prices = prices.reshape(grid.steps, pieces)
        steady = prices.min(axis=1) == prices.max(axis=1)  # the very price, not a rounded mean of it
        per_kwh = np.where(steady, prices[:, 0], prices.mean(axis=1))
        return PriceSeries(grid, per_kwh, self._tariff.currency, "site tariff")


class DayAheadCsv:
    """Day-ahead prices from a CSV file with the columns ``time`` and ``price_per_kwh`` or ``price_per_mwh``.

    Satisfies `PriceFeed`. Steps of any length: the European market's is 15 minutes since 2025. A
    price may be zero or negative. What the file does not cover has the tariff's price.

    Raises
    ------
    ConfigError
        If the file is not of this form.
    """

    def __init__(self, path: Path, tariff: Tariff, timezone: str) -> None:
        column, values = read_series(path, ("price_per_kwh", "price_per_mwh"))
        factor = 1.0 if column == "price_per_kwh" else 1e-3
        self._intervals = with_lengths([(at, value * factor) for at, value in values])
        self._tariff = TariffPrice(tariff, timezone)
        self._name = path.name

    async def price(self, grid: TimeGrid) -> PriceSeries:
        """Price in each step; the provider's name says how many steps are the tariff's."""
        usual = await self._tariff.price(grid)
        known = onto_grid(self._intervals, grid)
        gaps = np.isnan(known)
        provider = f"day-ahead {self._name}"
        if gaps.any():
            provider += f" ({int(gaps.sum())} of {grid.steps} steps from the site tariff)"
        return PriceSeries(grid, np.where(gaps, usual.per_kwh, known), usual.currency, provider)


def open_price_feed(site: Site, day_ahead: Path | None = None) -> PriceFeed:
    """The site's price feed.

    Raises
    ------
    ConfigError
        If the day-ahead file is not of its form.
    """
    if day_ahead is not None:
        return DayAheadCsv(day_ahead, site.tariff, site.timezone)
    return TariffPrice(site.tariff, site.timezone)


def _table(tariff: Tariff) -> NDArray[np.float64]:
    """Price by weekday (0 = Monday) and local hour. Shape (7, 24)."""
    table = np.full((7, 24), tariff.price_per_kwh)
    for period in reversed(tariff.periods):
        table[np.ix_(period.weekdays, period.hours)] = period.price_per_kwh
    return table
