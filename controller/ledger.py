"""The ledger: what was used and what the baseline would have used, interval by interval, written once.

The running total is told from the historian at start and extended as intervals close, so a restart
changes nothing. An interval is closed once its samples have surely arrived.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from controller.recall import HistorySource
from controller.status import Saving
from controller.store import Store
from plant.ports import CarbonFeed, PriceFeed
from plant.site import Site
from plant.timegrid import TimeGrid, floor_to
from reports.account import Account, account, combine
from reports.baseline_model import BaselineModel

INTERVAL_S = 300
ARRIVAL = timedelta(seconds=90)
"""How long after an interval's end its samples may still come in."""


@dataclass
class Ledger:
    """Closes intervals of one site from `since` on."""

    site: Site
    store: Store
    source: HistorySource
    carbon: CarbonFeed
    price: PriceFeed
    baseline: BaselineModel | None
    since: datetime
    _total: Account | None = None
    _closed_until: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.since = floor_to(self.since, INTERVAL_S)
        self._closed_until = self.since

    @property
    def total(self) -> Account | None:
        """Everything since `since`; None before the first interval has closed."""
        return self._total

    async def resume(self, now: datetime) -> None:
        """After a restart: tell again what was written down, from the historian."""
        rows = self.store.ledger()
        if rows:
            self.since = datetime.fromisoformat(str(rows[0][1]["start"]))
            self._closed_until = self.since
            self._total = await self._account_until(datetime.fromisoformat(str(rows[-1][1]["end"])))

    async def close_intervals(self, now: datetime) -> Account | None:
        """Account for what has ended since the last call; None if nothing has."""
        end = floor_to(now - ARRIVAL, INTERVAL_S)
        if end <= self._closed_until:
            return None
        fresh = await self._account_until(end)
        if fresh is not None:
            self._total = self._with(fresh)
            self.store.append_ledger(_row(fresh), now)
        return fresh

    def _with(self, fresh: Account) -> Account:
        """The running total with one interval more. Average and marginal carbon are never added: when
        the feed's kind changes a new total begins, and the rows written down keep both."""
        if self._total is None or self._total.carbon.kind is not fresh.carbon.kind:
            return fresh
        return combine([self._total, fresh])

    async def _account_until(self, end: datetime) -> Account | None:
        start = self._closed_until
        steps = int((end - start).total_seconds()) // INTERVAL_S
        if steps < 1:
            return None
        grid = TimeGrid(start, INTERVAL_S, steps)
        history = self.source.history(self.site, start, end, INTERVAL_S)
        carbon, price = await self.carbon.intensity(grid), await self.price.price(grid)
        self._closed_until = end
        return account(history, baseline=self.baseline, carbon=carbon, price=price)

    def saving(self) -> Saving | None:
        """What was saved so far, in the shape people are shown; None while it cannot be told."""
        if self._total is None or not self._total.baseline_parts:
            return None
        saved = self._total.saving
        return Saving(
            since=self._total.start,
            baseline="as found, by regression on load and weather",
            facility_kwh=saved.facility_kwh,
            carbon_kg=saved.carbon_kg,
            cost=saved.cost,
            water_l=saved.water_l,
            currency=self._total.currency,
            carbon_synthetic=self._total.carbon.synthetic,
        )


def _row(a: Account) -> dict[str, object]:
    """Flat, so that any tool can sum it; `store.canonical` writes NaN as nothing."""
    return {
        "start": a.start.isoformat(),
        "end": a.end.isoformat(),
        "carbon_provider": a.carbon.provider,
        "carbon_kind": str(a.carbon.kind),
        "carbon_synthetic": a.carbon.synthetic,
        "method_version": a.method_version,
        **{f"actual_{name}": value for name, value in a.totals.as_dict().items()},
        **{f"compared_{name}": value for name, value in a.compared.as_dict().items()},
        **{f"baseline_{name}": value for name, value in a.baseline.as_dict().items()},
    }
