"""What every carbon provider on the network shares: values with times become a series with gaps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from typing import TypeAlias

from plant.forecast import CarbonKind, CarbonSeries, Nature
from plant.timegrid import TimeGrid
from telemetry.feeds.gaps import Gaps
from telemetry.feeds.resample import onto_grid, with_lengths

MOST_G_PER_KWH = 2000.0
"""Burning lignite badly is about 1200; more is a wrong unit."""


Row: TypeAlias = tuple[datetime, float, Nature]
"""When, how much, and whether that was measured, worked out or foretold."""


def credible(g_per_kwh: float) -> float:
    """The value, or NaN: no grid has none, a negative or an absurd intensity."""
    return g_per_kwh if 0 < g_per_kwh < MOST_G_PER_KWH else math.nan


def series(
    grid: TimeGrid,
    values: Sequence[Row],
    kind: CarbonKind,
    provider: str,
    gaps: Gaps,
    faults: Sequence[str],
) -> CarbonSeries:
    """Values at their own times on the grid; what is missing is NaN and said."""
    absurd = sum(math.isnan(credible(value)) for _, value, _ in values)
    on_grid = onto_grid(with_lengths([(at, credible(value)) for at, value, _ in values]), grid)
    missing = sum(math.isnan(value) for value in on_grid)
    told = list(faults)
    if absurd:
        told.append(f"{absurd} values that are zero or not credible")
    if missing and not faults:
        told.append(f"nothing for {missing} of {grid.steps} steps")
    gaps.say(told)
    nature = nature_on(grid, [(at, nature) for at, value, nature in values if credible(value) == value])
    return CarbonSeries(grid, on_grid, kind, provider, synthetic=False, nature=nature)


def nature_on(grid: TimeGrid, natures: Sequence[tuple[datetime, Nature]]) -> Nature:
    """What the values are that a grid was filled from. One that began before it may reach into it."""
    by_time = dict(natures)
    inside = {nature for at, nature in by_time.items() if grid.start <= at < grid.end}
    before = [at for at in by_time if at < grid.start and grid.start not in by_time]
    return Nature.of(inside | ({by_time[max(before)]} if before else set()))
