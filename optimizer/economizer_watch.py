"""The economizer as snapshots go by: whether it runs, since when, and where it really starts.

Laws are learned by the day; a PLC that tunes its start rule moves it by kelvins within one. A plan that
warms the return water to the learned line and sees nothing start would do so forever. So what was
seen to be not enough is added to the line, and what was enough replaces it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from optimizer.identify.switching import SwitchingLaw
from optimizer.machines import Economizer
from plant.points import SITE
from plant.quantities import Quantity
from plant.site import EquipmentKind
from plant.snapshot import Snapshot

_MOST_BIAS_K = 5.0


@dataclass
class EconomizerWatch:
    """Watches one law at work; without a law only whether it runs. What nobody saw turn ran for ever."""

    law: SwitchingLaw | None = None
    _on: float = float("nan")
    _turned: datetime | None = None
    _excess_k: float = float("nan")
    _bias_k: float = 0.0

    def state(self, now: datetime) -> Economizer:
        """As it is."""
        since = float("inf") if self._turned is None else max((now - self._turned).total_seconds(), 0.0)
        return Economizer(self._on, since, self._bias_k)

    def observe(self, snapshot: Snapshot) -> None:
        """By its run status; where it does not say, the start rule alone is left to plan by."""
        owners = snapshot.site.equipment_of(EquipmentKind.ECONOMIZER)
        seen = np.array([snapshot.mean(e.id, Quantity.RUN_STATUS) for e in owners])
        known = seen[~np.isnan(seen)]
        on = float(known.max() > 0.5) if known.size else float("nan")
        excess = self._excess_now(snapshot)
        before = self._excess_k
        if self._on == self._on and on == on and on != self._on:
            self._turned = snapshot.time
            if on > 0.5:
                self._take(min(before, excess) if excess == excess else before, certain=True)
        elif on < 0.5 and self._rested(snapshot.time):
            # Two looks in a row: a start takes a PLC a minute or two.
            self._take(min(before, excess), certain=False)
        self._on, self._excess_k = on, excess

    def _take(self, excess_k: float, *, certain: bool) -> None:
        if excess_k == excess_k and (certain or excess_k > self._bias_k):
            self._bias_k = float(np.clip(excess_k, -_MOST_BIAS_K, _MOST_BIAS_K))

    def _rested(self, now: datetime) -> bool:
        """Whether it may start at all: a while after it stopped it may not."""
        least = 0.0 if self.law is None else 1.5 * self.law.min_off_s
        return self._turned is None or (now - self._turned).total_seconds() > least

    def _excess_now(self, snapshot: Snapshot) -> float:
        """How far the return water is above the learned line. [K]"""
        if self.law is None:
            return float("nan")
        warm = snapshot.mean(SITE, Quantity.CHILLED_WATER_RETURN_TEMPERATURE)
        wet = snapshot.mean(SITE, Quantity.OUTDOOR_WET_BULB)
        owners = snapshot.site.equipment_of(EquipmentKind.CHILLER)
        seen = [snapshot.mean(e.id, Quantity.RUN_STATUS) for e in owners]
        share = float(np.nan_to_num(np.mean(seen), nan=1.0)) if seen else 1.0
        return float(warm - wet - self.law.start_span_k(wet, share))
