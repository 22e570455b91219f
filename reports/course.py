"""The course of a period: what its hours or days used, for a picture.

A report's rows answer for sums, each with its own ratios and interval. These parts show only when it was
used; they carry no interval, because the errors of neighboring hours go together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reports.figures import EnergyFigures, Figure
from reports.rates import Rates, StepRates

_BY_HOUR_UP_TO = timedelta(days=2, hours=1)
_BY_DAY_UP_TO = timedelta(days=62, hours=1)
"""A local day has 25 hours when the clocks go back."""


@dataclass(frozen=True, slots=True)
class CoursePart:
    """One hour or day of the period, by its local name (``07-01 13:00`` or ``2026-07-01``).

    `totals` are over the time each figure is known; `compared` and `baseline` over the steps in which
    both are. NaN where nothing is. `unknown_share` is the share of the time without the facility's meter.
    """

    label: str
    unknown_share: float
    totals: EnergyFigures
    compared: EnergyFigures
    baseline: EnergyFigures


def course(steps: StepRates, period: timedelta) -> tuple[CoursePart, ...]:
    """What a piece of a period is shown by: hours up to two days, days up to two months, else nothing.

    Parameters
    ----------
    steps : StepRates
        The piece.
    period : timedelta
        Length of the whole period.
    """
    if period > _BY_DAY_UP_TO:
        return ()
    starts = pd.DatetimeIndex(steps.history.values.index)
    local = starts.tz_convert(steps.history.site.timezone)
    if period > _BY_HOUR_UP_TO:
        number, form = pd.factorize(local.date)[0], "%Y-%m-%d"
    else:
        # Counted and not named: the hour in which clocks go back comes twice.
        passed = (starts - starts[0]) // pd.Timedelta(hours=1)
        number, form = passed.to_numpy(), "%m-%d %H:%M"
    groups = [np.flatnonzero(number == n) for n in np.unique(number)]
    return tuple(_part(steps, where, local[where[0]].strftime(form)) for where in groups)


def _part(steps: StepRates, where: NDArray[np.intp], label: str) -> CoursePart:
    actual = {f: steps.actual[f][where] for f in Figure}
    expected = {f: steps.expected[f][where] for f in Figure}
    both = {f: ~np.isnan(actual[f]) & ~np.isnan(expected[f]) for f in Figure}

    def summed(rates: Rates, figure: Figure, counted: NDArray[np.bool_]) -> float:
        known = rates[figure][counted]
        return float(math.fsum(known)) * steps.step_h if known.size else math.nan

    return CoursePart(
        label,
        float(np.isnan(actual[Figure.FACILITY]).mean()),
        EnergyFigures.of(lambda f: summed(actual, f, ~np.isnan(actual[f]))),
        EnergyFigures.of(lambda f: summed(actual, f, both[f])),
        EnergyFigures.of(lambda f: summed(expected, f, both[f])),
    )
