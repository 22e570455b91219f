"""Great Britain's National Energy System Operator: average intensity of generation, g CO2/kWh.

``/intensity/{from}/{to}`` and ``/intensity/{from}/fw48h`` answer ``{data: [{from, to, intensity:
{forecast, actual, index}}]}``, half hours in UTC. Regions by postcode nest it one deeper and have
no actual. No key; CC BY 4.0.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from plant.forecast import CarbonKind, CarbonSeries, Nature
from plant.site import CarbonSource
from plant.timegrid import TimeGrid
from telemetry.feeds.carbon.answers import Row, series
from telemetry.feeds.gaps import Gaps
from telemetry.feeds.settings import FeedSettings, number, stamp, utc
from telemetry.http import HttpFault

_PROVIDER = "neso"
_LONGEST_RANGE = timedelta(days=13)


class Neso:
    """Satisfies `CarbonFeed`. Region ``GB``, or the first half of a postcode such as ``RG10``.

    Raises
    ------
    ConfigError
        If no clock is given.
    """

    def __init__(self, source: CarbonSource, settings: FeedSettings) -> None:
        self._region = source.region
        self._base = (settings.base_url or "https://api.carbonintensity.org.uk").rstrip("/")
        self._fetcher = settings.fetcher(_PROVIDER)
        self.gaps = Gaps(_PROVIDER)

    async def intensity(self, grid: TimeGrid) -> CarbonSeries:
        """Measured half hours where there are any, else the operator's forecast; gaps are NaN."""
        values: dict[datetime, Row] = {}
        faults: list[str] = []
        begin = grid.start
        while begin < grid.end:
            end = min(begin + _LONGEST_RANGE, grid.end)
            await self._ask(begin, end, values, faults)
            begin = end
        kind, name = CarbonKind.AVERAGE, f"NESO {self._region}"
        return series(grid, sorted(values.values()), kind, name, self.gaps, faults)

    async def _ask(
        self, begin: datetime, end: datetime, values: dict[datetime, Row], faults: list[str]
    ) -> None:
        # The API answers with the half hours that end after ``from``.
        span = f"{stamp(begin)}/{stamp(end)}"
        path = f"/intensity/{span}"
        if self._region != "GB":
            path = f"/regional{path}/postcode/{self._region}"
        answer = await self._fetcher.json(self._base + path, headers={"Accept": "application/json"})
        if isinstance(answer, HttpFault):
            faults.append(answer.reason)
            return
        rows = list(_half_hours(answer.data))
        if not rows:
            faults.append("the answer has no half hours")
        values.update((row[0], row) for row in rows)


def _half_hours(data: object) -> Iterator[Row]:
    rows = data.get("data") if isinstance(data, dict) else None
    if isinstance(rows, dict):  # a region's answer holds its own "data"
        rows = rows.get("data")
    for row in rows if isinstance(rows, list) else []:
        intensity = row.get("intensity") if isinstance(row, dict) else None
        at = utc(row.get("from")) if isinstance(row, dict) else None
        if at is None or not isinstance(intensity, dict):
            continue
        actual = number(intensity.get("actual"))
        if actual == actual:
            yield at, actual, Nature.MEASURED
        else:
            yield at, number(intensity.get("forecast")), Nature.FORECAST
