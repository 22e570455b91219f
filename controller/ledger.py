"""The ledger: what was used and what the baseline would have used, interval by interval, written once.

The running total is told from the historian at start and extended as intervals close, so a restart
changes nothing. An interval is closed once its samples have surely arrived. Intervals are short where
readings come often, so that something can be shown soon after a start; what is written down are
whole rows of five minutes. A row that cannot be written waits, and is written when the database answers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from controller.recall import HistorySource
from controller.status import Saving
from controller.store import Store
from plant.forecast import Nature
from plant.gateways import GatewayKind
from plant.ports import CarbonFeed, PriceFeed
from plant.site import Site
from plant.timegrid import TimeGrid, floor_to
from reports.account import account
from reports.account_record import Account, combine
from reports.baseline_model import BaselineModel

ROW_S = 300
SHORT_S = 60
ARRIVAL = timedelta(seconds=90)
"""How long after an interval's end its samples may still come in."""
_OFTEN_S = 30.0
"""Polled at least this often, a minute always holds a reading of its own."""
_RETOLD = timedelta(days=7)
"""How much of the past is told again at once after a restart."""


def interval_s(site: Site, store_s: float, speed: float = 1.0) -> int:
    """How long an interval is: a minute where each has readings of its own, else five.

    A server's series may be scraped seldom, and a fast clock skips polls: there a minute without a
    reading would be a gap that five minutes do not have.
    """
    seldom = any(g.poll_s > _OFTEN_S or g.kind is GatewayKind.PROMETHEUS for g in site.gateways)
    return ROW_S if seldom or store_s > SHORT_S or speed > 10 else SHORT_S


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
    interval_s: int = ROW_S
    _total: Account | None = None
    _unwritten: list[tuple[Account, Nature]] = field(default_factory=list)
    _closed_until: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.since = floor_to(self.since, self.interval_s)
        self._closed_until = self.since

    @property
    def total(self) -> Account | None:
        """Everything since `since`; None before the first interval has closed."""
        return self._total

    async def resume(self, now: datetime) -> None:
        """After a restart: tell again what was written down, from the historian, a week at a time."""
        rows = self.store.ledger()
        if not rows:
            return
        self.since = datetime.fromisoformat(str(rows[0][1]["start"]))
        self._closed_until = self.since
        end = datetime.fromisoformat(str(rows[-1][1]["end"]))
        while self._closed_until < end:
            told = await self._account_until(min(self._closed_until + _RETOLD, end))
            if told is None:
                return
            self._total = self._with(told[0])

    async def close_intervals(self, now: datetime) -> Account | None:
        """Account for what has ended since the last call; None if nothing has."""
        end = floor_to(now - ARRIVAL, self.interval_s)
        fresh = await self._account_until(end) if end > self._closed_until else None
        if fresh is None:
            return None
        self._total = self._with(fresh[0])
        self._unwritten.append(fresh)
        return fresh[0]

    def write_down(self, now: datetime) -> int:
        """Write the rows that are complete, and how many; the others wait.

        Raises
        ------
        StoreUnavailable
            If the database cannot be reached: nothing is lost, the rows wait for the next call.
        """
        written = 0
        while (count := self._complete()) > 0:
            part = self._unwritten[:count]
            row = _row(combine([a for a, _ in part]), Nature.of(nature for _, nature in part))
            self.store.append_ledger(row, now)
            del self._unwritten[:count]
            written += 1
        return written

    def _complete(self) -> int:
        """How many of the waiting intervals make the next row: to the end of five minutes, of one kind."""
        for n, (one, _) in enumerate(self._unwritten, 1):
            after = self._unwritten[n][0] if n < len(self._unwritten) else None
            long = one.end - self._unwritten[0][0].start >= timedelta(seconds=ROW_S)
            ends_row = long or floor_to(one.end, ROW_S) == one.end
            if ends_row or (after is not None and after.carbon.kind is not one.carbon.kind):
                return n
        return 0

    def _with(self, fresh: Account) -> Account:
        """The running total with one interval more. Average and marginal carbon are never added: when
        the feed's kind changes a new total begins, and the rows written down keep both."""
        if self._total is None or self._total.carbon.kind is not fresh.carbon.kind:
            return fresh
        return combine([self._total, fresh])

    async def _account_until(self, end: datetime) -> tuple[Account, Nature] | None:
        start = self._closed_until
        steps = int((end - start).total_seconds()) // self.interval_s
        if steps < 1:
            return None
        grid = TimeGrid(start, self.interval_s, steps)
        history = self.source.history(self.site, start, end, self.interval_s)
        carbon, price = await self.carbon.intensity(grid), await self.price.price(grid)
        self._closed_until = end
        told = account(history, baseline=self.baseline, carbon=carbon, price=price)
        return told, carbon.nature

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


def _row(a: Account, carbon: Nature) -> dict[str, object]:
    """Flat, so that any tool can sum it; `store.canonical` writes NaN as nothing."""
    return {
        "start": a.start.isoformat(),
        "end": a.end.isoformat(),
        "carbon_provider": a.carbon.provider,
        "carbon_kind": str(a.carbon.kind),
        "carbon_synthetic": a.carbon.synthetic,
        "carbon_nature": str(carbon),
        "method_version": a.method_version,
        **{f"actual_{name}": value for name, value in a.totals.as_dict().items()},
        **{f"compared_{name}": value for name, value in a.compared.as_dict().items()},
        **{f"baseline_{name}": value for name, value in a.baseline.as_dict().items()},
    }
