"""A provider's weather made the site's own: corrected by how far off it was here, persistence in its gaps.

The mean is ``provider + lasting + (now - lasting) * exp(-h / memory)``: `lasting` is the mean error of
the last two days, `now` that of the last hour. The spread is what was left after such a correction,
and more the further ahead. What was measured already is no forecast and is not taken for one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from plant.forecast import Array, Band, Nature, WeatherSeries, WeatherSource
from plant.history import History, mean_of_known
from plant.points import PointId
from plant.timegrid import TimeGrid

LOOK_BACK = timedelta(hours=48)
_LATELY_S = 3600.0
_MEMORY_S = 6 * 3600.0
"""How long the error of the moment lasts; an assumption, between a front and a day."""
_FEWEST = 8
_LEAST_STD_K = 0.3
_STD_K_PER_DAY = 1.0
"""What a provider's own error grows by, beyond what its analysis of the past shows; an assumption."""
_NO_FORECAST = (Nature.MEASURED, Nature.ESTIMATED)


@dataclass(frozen=True, slots=True)
class Told:
    """One quantity as a provider tells it and as it was measured here. NaN where unknown. [°C]"""

    grid: TimeGrid
    told: Array
    measured: Array


def asked_grid(grid: TimeGrid) -> TimeGrid:
    """The horizon with the look back before it, on the same steps."""
    back = int(LOOK_BACK.total_seconds()) // grid.step_s
    return TimeGrid(grid.start - timedelta(seconds=back * grid.step_s), grid.step_s, back + grid.steps)


def source_of(series: WeatherSeries, used: int) -> WeatherSource | None:
    """Whose weather a forecast is, if the series told any of it; None where it is persistence."""
    nature = series.nature
    if used == 0 or not foretells(series):
        return None
    if nature is Nature.MIXED:  # the past of it served for the correction alone
        nature = Nature.FORECAST
    return WeatherSource(series.provider, nature, used)


def foretells(series: WeatherSeries) -> bool:
    """Whether the series may be used for times to come: a record of measurements may not."""
    return series.nature not in _NO_FORECAST


def corrected(told: Told, now_c: float, horizon: TimeGrid, otherwise: Band) -> Band:
    """A provider's values over the horizon, corrected by its errors here.

    Parameters
    ----------
    told : Told
        On `asked_grid(horizon)`.
    now_c : float
        The snapshot's value, NaN where unknown.
    otherwise : Band
        Taken for steps of which the provider says nothing. Shapes (steps,).
    """
    back = told.grid.steps - horizon.steps
    error = (told.measured - told.told)[:back]
    ahead_s = horizon.step_s * (np.arange(horizon.steps) + 0.5)
    known = error[~np.isnan(error)]
    lasting = float(known.mean()) if known.size >= _FEWEST else 0.0
    lately = error[-max(1, int(_LATELY_S) // horizon.step_s) :]
    present = np.append(lately[~np.isnan(lately)], _present(told, now_c, back))
    present = present[~np.isnan(present)]
    unusual = float(present.mean()) - lasting if present.size else 0.0
    mean = told.told[back:] + lasting + unusual * np.exp(-ahead_s / _MEMORY_S)
    left = float(np.std(known - lasting)) if known.size >= _FEWEST else float(otherwise.std.max())
    std = np.hypot(max(left, _LEAST_STD_K), _STD_K_PER_DAY * ahead_s / 86_400)
    gap = np.isnan(mean)
    return Band(np.where(gap, otherwise.mean, mean), np.where(gap, otherwise.std, std))


def measured_on(history: History, points: Sequence[PointId], grid: TimeGrid) -> Array:
    """Mean of the points' history on a grid of the same step; NaN where there is none. Shape (steps,)."""
    out = np.full(grid.steps, np.nan)
    columns = [history.column(point) for point in points]
    if not columns or not len(history.values) or history.step_s != grid.step_s:
        return out
    stacked = np.column_stack(columns)
    mean = mean_of_known(stacked, axis=1)
    first = round((history.start - grid.start).total_seconds() / grid.step_s)
    steps = np.arange(len(mean)) + first
    inside = (steps >= 0) & (steps < grid.steps)
    out[steps[inside]] = mean[inside]
    return out


def _present(told: Told, now_c: float, back: int) -> float:
    return now_c - float(told.told[back])
