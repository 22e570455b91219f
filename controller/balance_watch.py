"""The meter balance as an alarm: energy that goes in at a meter and is not seen to come out, over a day.

`METERS_DISAGREE` is about this moment's powers; this is about energy. A small leak of kilowatts shows only
when it is summed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from controller.alarms import AlarmBook, AlarmKind
from controller.recall import HistorySource
from plant.site import Site
from plant.timegrid import floor_to
from reports.balance import BalanceLine, MeterBalance, meter_balance

WINDOW = timedelta(hours=24)
EVERY = timedelta(hours=1)
LEAST_H = 12.0
"""A residual over fewer common hours alarms nobody: silent meters are alarmed as such."""
_STEP_S = 300


@dataclass
class BalanceWatch:
    """Looks back over a day once an hour, and lets each line's alarm stand while it does not close."""

    site: Site
    source: HistorySource
    alarms: AlarmBook
    show: Callable[[MeterBalance], None]
    _last: datetime | None = None

    async def look(self, at: datetime) -> MeterBalance | None:
        """The balance of the last day; None between two looks."""
        if self._last is not None and at - self._last < EVERY:
            return None
        self._last = at
        end = floor_to(at, _STEP_S)
        # A day of samples is read beside the loop: approvals must not wait for it.
        day = await asyncio.to_thread(self.source.history, self.site, end - WINDOW, end, _STEP_S)
        balance = meter_balance(day)
        for line in balance:
            self._judge(line, at)
        self.show(balance)
        return balance

    def _judge(self, line: BalanceLine, at: datetime) -> None:
        """A line that cannot be told now is left as it was: no data is not good data."""
        if line.hours < LEAST_H:
            return
        sums = f"{line.residual_kwh:.0f} of {line.upper_kwh:.0f} kWh in {line.hours:.0f} h"
        detail = f"{line.alarm or 'closed'}; {sums}"
        self.alarms.hold_to(AlarmKind.METER_BALANCE, line.name, line.alarm is not None, detail, at)
