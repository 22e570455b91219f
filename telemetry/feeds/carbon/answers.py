"""What every carbon provider on the network shares: values with times become a series with gaps."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from datetime import datetime

from plant.forecast import CarbonKind, CarbonSeries
from plant.timegrid import TimeGrid
from telemetry.feeds.resample import onto_grid, with_lengths

_log = logging.getLogger(__name__)

MOST_G_PER_KWH = 2000.0
"""Burning lignite badly is about 1200; more is a wrong unit."""


class Gaps:
    """What the last question to a provider did not bring. For an alarm."""

    def __init__(self, provider: str) -> None:
        self.provider = provider
        self.faults: tuple[str, ...] = ()

    def say(self, faults: Sequence[str]) -> None:
        """Keep the reasons; log them when they change."""
        told = tuple(dict.fromkeys(faults))
        if told != self.faults:
            if told:
                _log.warning("carbon feed %s: %s", self.provider, "; ".join(told))
            else:
                _log.info("carbon feed %s answers again", self.provider)
        self.faults = told


def credible(g_per_kwh: float) -> float:
    """The value, or NaN: no grid has none, a negative or an absurd intensity."""
    return g_per_kwh if 0 < g_per_kwh < MOST_G_PER_KWH else math.nan


def series(
    grid: TimeGrid,
    values: Sequence[tuple[datetime, float]],
    kind: CarbonKind,
    provider: str,
    gaps: Gaps,
    faults: Sequence[str],
) -> CarbonSeries:
    """Values at their own times on the grid; what is missing is NaN and said."""
    absurd = sum(math.isnan(credible(value)) for _, value in values)
    on_grid = onto_grid(with_lengths([(at, credible(value)) for at, value in values]), grid)
    missing = sum(math.isnan(value) for value in on_grid)
    told = list(faults)
    if absurd:
        told.append(f"{absurd} values that are zero or not credible")
    if missing and not faults:
        told.append(f"nothing for {missing} of {grid.steps} steps")
    gaps.say(told)
    return CarbonSeries(grid, on_grid, kind, provider, synthetic=False)
