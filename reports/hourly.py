"""Hourly rows for fitting a baseline: the as-found hours of a history, all drivers known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from plant.history import History
from plant.points import OwnerId
from reports.series import as_found, read_series

Array = NDArray[np.float64]

_HOUR_S = 3600
_MIN_PRESENT = 0.75


@dataclass(frozen=True)
class HourlyRows:
    """Hourly means in which IT power, weather and drivers are all known. Arrays have shape (hours,).

    `cooling_kw`, `facility_kw` and `water_l_h` may hold NaN. `follows` says whether a row is the
    hour right after the row before it.
    """

    times: pd.DatetimeIndex
    it_kw: Array
    cooling_kw: Array
    facility_kw: Array
    water_l_h: Array
    wet_bulb_c: Array
    drivers: Mapping[OwnerId, Array]
    follows: NDArray[np.bool_]

    @property
    def hours(self) -> int:
        """How many rows there are."""
        return len(self.times)


def hourly_as_found(history: History, drivers: Mapping[OwnerId, Array]) -> HourlyRows:
    """Hours in which every lever stood as found, after an hour for the plant to settle."""
    series = read_series(history)
    columns: dict[str, Array] = {
        "it": series.it_kw.values,
        "cooling": series.cooling_kw.values,
        "facility": series.facility_kw.values,
        "water": series.water_l_h.values,
        "wet_bulb": series.wet_bulb_c.values,
        **{f"driver {owner}": values for owner, values in drivers.items()},
    }
    frame = pd.DataFrame(columns, index=history.values.index)
    hourly = hourly_means(frame, history.step_s)
    stood = _stood_whole_hours(history)
    needed = ["it", "wet_bulb", *(f"driver {owner}" for owner in drivers)]
    usable = stood & hourly[needed].notna().all(axis=1).to_numpy()
    rows = hourly.loc[usable]
    times = pd.DatetimeIndex(rows.index)
    steps_s = np.diff(times.as_unit("s").asi8, prepend=0)

    def column(name: str) -> Array:
        return rows[name].to_numpy(dtype=float)

    return HourlyRows(
        times=times,
        it_kw=column("it"),
        cooling_kw=column("cooling"),
        facility_kw=column("facility"),
        water_l_h=column("water"),
        wet_bulb_c=column("wet_bulb"),
        drivers={owner: column(f"driver {owner}") for owner in drivers},
        follows=steps_s == max(_HOUR_S, history.step_s),
    )


def hourly_means(frame: pd.DataFrame, step_s: int) -> pd.DataFrame:
    """Means over clock hours; NaN where under 75 % of the hour's steps have a value."""
    if step_s >= _HOUR_S:
        return frame
    by_hour = frame.groupby(pd.DatetimeIndex(frame.index).floor("h"))
    enough = by_hour.count() >= _MIN_PRESENT * (_HOUR_S / step_s)
    return by_hour.mean().where(enough)


def _stood_whole_hours(history: History) -> NDArray[np.bool_]:
    """Hours as found from end to end whose hour before was too (the first hour is believed)."""
    stood = pd.Series(as_found(history), index=history.values.index)
    if history.step_s < _HOUR_S:
        stood = stood.groupby(pd.DatetimeIndex(stood.index).floor("h")).all()
    now = stood.to_numpy(dtype=bool)
    before = np.concatenate(([True], now[:-1])) if len(now) else now
    return np.asarray(now & before)
