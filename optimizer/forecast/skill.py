"""Forecast skill on the site's own history: against persistence and against the same time yesterday.

Rolling origins; each forecast sees nothing later than its origin. Skill is 1 − MAE / MAE of the
rival: above zero where the forecast is the better one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from optimizer.forecast.clocks import day_before_s
from optimizer.forecast.forecaster import Forecaster, reference_kw
from optimizer.forecast.moved_work import deferrals, moved_work
from plant.forecast import Array, Band, CarbonKind, CarbonSeries, PriceSeries
from plant.history import History, mean_of_known
from plant.points import SITE, OwnerId, Point, PointId
from plant.quantities import Quantity
from plant.readings import Quality, Reading
from plant.snapshot import Snapshot
from plant.timegrid import TimeGrid

AHEAD_S = (900, 3600, 21_600, 86_400)
BAND = 0.9
_STEP_S, _STEPS = 900, 97
_ORIGIN_EVERY = timedelta(hours=3)
_WARM_UP = timedelta(days=3)
_WEATHER = ("outdoor dry bulb", "outdoor wet bulb")


@dataclass(frozen=True)
class Skill:
    """One forecast quantity at one time ahead, over many origins. Errors in the quantity's unit."""

    what: str
    ahead_s: int
    origins: int
    mae: float
    persistence_mae: float
    yesterday_mae: float
    covered: float
    """Share of outcomes inside the forecast's own 90 % band."""

    @property
    def over_persistence(self) -> float:
        """1 − MAE / MAE of leaving the last value as it is."""
        return 1.0 - self.mae / self.persistence_mae if self.persistence_mae > 0 else float("nan")

    @property
    def over_yesterday(self) -> float:
        """1 − MAE / MAE of the same time of the day before."""
        return 1.0 - self.mae / self.yesterday_mae if self.yesterday_mae > 0 else float("nan")


def skill(forecaster: Forecaster, history: History) -> tuple[Skill, ...]:
    """Try the forecaster on its own past. Empty where there are less than four days of it."""
    truth = _truth(forecaster, history)
    sun, clocks = ZoneInfo("UTC"), ZoneInfo(forecaster.site.timezone)
    rows: dict[tuple[str, int], list[tuple[float, float, float, bool]]] = {}
    for origin in _origins(history):
        at = int((origin - history.start).total_seconds() // history.step_s)
        for what, band in _bands(forecaster, history, origin).items():
            for ahead in AHEAD_S:
                middle = origin.timestamp() + ahead - _STEP_S / 2
                day_s = middle - day_before_s(middle, sun if what in _WEATHER else clocks)
                row = _row(truth[what], band, at, ahead, history.step_s, day_s)
                if row is not None:
                    rows.setdefault((what, ahead), []).append(row)
    return tuple(_summary(what, ahead, np.array(found)) for (what, ahead), found in rows.items())


def _origins(history: History) -> Iterator[datetime]:
    origin = history.start + _WARM_UP
    while origin <= history.end - timedelta(days=1):
        yield origin
        origin += _ORIGIN_EVERY


def _truth(forecaster: Forecaster, history: History) -> Mapping[str, Array]:
    """What came, by the forecast's names, on the history's steps."""
    found = {
        what: _column_mean(history, forecaster.site.points_of(SITE, quantity))
        for what, quantity in zip(
            _WEATHER, (Quantity.OUTDOOR_DRY_BULB, Quantity.OUTDOOR_WET_BULB), strict=True
        )
    }
    asked: dict[OwnerId, Array] = {}
    for zone in forecaster.model.zones:
        power = _column_mean(history, forecaster.site.points_in(zone.id, Quantity.IT_POWER))
        inlets = np.column_stack([history.column(p) for p in zone.inlets.sensors])
        asked[zone.id] = reference_kw(zone, power, inlets)
    # Work that levers moved in time did come: at the time when it was asked for.
    stood = {lv.id: _mean_of(history, lv.points) for lv in deferrals(forecaster.site)}
    hours = np.full(len(history.values), history.step_s / 3600)
    moved = moved_work(forecaster.site, stood, asked, hours).net_kw
    return found | {f"{zone} IT power": power + moved[zone] for zone, power in asked.items()}


def _column_mean(history: History, points: tuple[Point, ...]) -> Array:
    return _mean_of(history, [p.id for p in points])


def _mean_of(history: History, points: Sequence[PointId]) -> Array:
    return mean_of_known(np.column_stack([history.column(p) for p in points]), axis=1)


def _bands(forecaster: Forecaster, history: History, origin: datetime) -> Mapping[str, Band]:
    grid = TimeGrid(origin, _STEP_S, _STEPS)
    nothing = np.full(_STEPS, np.nan)
    carbon = CarbonSeries(grid, nothing, CarbonKind.AVERAGE, "none", False)
    price = PriceSeries(grid, nothing, forecaster.site.tariff.currency, "none")
    made = forecaster.forecast(history, _snapshot(history, origin), carbon, price, grid)
    loads = {f"{zone} IT power": band for zone, band in made.it_reference_kw.items()}
    return dict(zip(_WEATHER, (made.dry_bulb_c, made.wet_bulb_c), strict=True)) | loads


def _snapshot(history: History, origin: datetime) -> Snapshot:
    """The last interval that had ended by then."""
    last = history.values.loc[: origin - timedelta(seconds=history.step_s)].iloc[-1]
    readings = {
        PointId(str(point)): Reading(
            PointId(str(point)), origin, float(value), Quality.GOOD if value == value else Quality.MISSING
        )
        for point, value in last.items()
    }
    return Snapshot(history.site, origin, readings)


def _row(
    truth: Array, band: Band, at: int, ahead_s: int, step_s: int, day_s: float
) -> tuple[float, float, float, bool] | None:
    """Errors of the forecast and its rivals over the quarter hour that ends `ahead_s` from the origin.

    `day_s` is how long ago yesterday's same time is there: an hour less or more when clocks change.
    """
    width = _STEP_S // step_s
    end = at + ahead_s // step_s
    came, now = _mean(truth[end - width : end]), _mean(truth[max(at - 1, 0) : at])
    day = round(day_s) // step_s
    before = _mean(truth[max(end - width - day, 0) : max(end - day, 0)])
    if end > len(truth) or any(v != v for v in (came, now, before)):
        return None
    k = ahead_s // _STEP_S - 1
    low, high = band.quantile((1 - BAND) / 2)[k], band.quantile((1 + BAND) / 2)[k]
    return abs(float(band.mean[k]) - came), abs(now - came), abs(before - came), bool(low <= came <= high)


def _mean(values: Array) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")


def _summary(what: str, ahead_s: int, rows: Array) -> Skill:
    mae, persistence, yesterday, inside = rows.mean(axis=0)
    return Skill(what, ahead_s, len(rows), float(mae), float(persistence), float(yesterday), float(inside))
