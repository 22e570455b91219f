"""What the world will do over the horizon, from the site's own history and the feeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from optimizer.forecast.moved_work import MovedWork, deferrals, moved_work
from optimizer.forecast.peaks import month_so_far_kw, ordinary_day_kw
from optimizer.forecast.seasonal import Habit, Past, expect
from optimizer.model import PlantModel
from optimizer.zones import ZoneModel
from plant.forecast import Array, Band, CarbonSeries, Forecast, PriceSeries
from plant.history import History, mean_of_known
from plant.points import SITE, OwnerId, PointId
from plant.quantities import Quantity
from plant.site import Site
from plant.snapshot import Snapshot
from plant.timegrid import TimeGrid

_LOAD = Habit(memory_s=2.5 * 3600, days=21, weekly=True, least_std=0.0)
_WEATHER = Habit(memory_s=18 * 3600, days=5, weekly=False, least_std=0.3)
_LEAST_LOAD_SHARE = 0.01
_THIN_S = 900


@dataclass(frozen=True)
class Forecaster:
    """Forecasts for one site. Keeps nothing between calls."""

    site: Site
    model: PlantModel

    def forecast(
        self, history: History, snapshot: Snapshot, carbon: CarbonSeries, price: PriceSeries, grid: TimeGrid
    ) -> Forecast:
        """Expectations over ``grid`` from the history before it and the snapshot.

        Gaps in history and snapshot are bridged; where a zone has no known power at all its design
        power is expected, with a spread to match. Carbon gaps stay NaN.
        """
        past = _Past.before(history, grid)
        dry = self._weather(Quantity.OUTDOOR_DRY_BULB, past, snapshot, grid)
        wet = self._weather(Quantity.OUTDOOR_WET_BULB, past, snapshot, grid)
        wet = Band(np.fmin(wet.mean, np.where(np.isnan(dry.mean), np.inf, dry.mean)), wet.std)
        drawn = {z.id: self._drawn(z, past, snapshot) for z in self.model.zones}
        moved = self._moved(drawn, past, snapshot)
        metered = past.of(tuple(p.id for p in self.site.points_of(SITE, Quantity.FACILITY_POWER)))
        clocks = ZoneInfo(self.site.timezone)
        return Forecast(
            issued_at=snapshot.time,
            grid=grid,
            it_reference_kw={z.id: self._load(z, past, drawn[z.id], moved, grid) for z in self.model.zones},
            dry_bulb_c=dry,
            wet_bulb_c=wet,
            carbon=_carbon_on(carbon, grid),
            price=_price_on(price, grid),
            month_peak_kw=month_so_far_kw(metered, grid.start, clocks),
            ordinary_peak_kw=ordinary_day_kw(metered, past.step_s, grid.start, clocks),
            waiting_kwh={} if moved is None else moved.waiting_kwh,
        )

    def _weather(self, quantity: Quantity, past: _Past, snapshot: Snapshot, grid: TimeGrid) -> Band:
        points = tuple(p.id for p in self.site.points_of(SITE, quantity))
        return expect(past.of(points), snapshot.mean(SITE, quantity), grid, _WEATHER)

    def _drawn(self, zone: ZoneModel, past: _Past, snapshot: Snapshot) -> Array:
        """Reference IT power by quarter hour, and now: measured power less what the server fans added."""
        measured = past.of(tuple(p.id for p in self.site.points_in(zone.id, Quantity.IT_POWER)))
        before = reference_kw(zone, measured.value, past.stack(zone.inlets.sensors))
        power = snapshot.zone_mean(zone.id, Quantity.IT_POWER)
        seen = np.array([[snapshot.value(p) for p in zone.inlets.sensors]])
        return np.append(before, reference_kw(zone, np.array([power]), seen))

    def _moved(self, drawn: Mapping[OwnerId, Array], past: _Past, snapshot: Snapshot) -> MovedWork | None:
        """Work that was moved in those quarter hours, and now; None where the site lets none wait."""
        if not deferrals(self.site):
            return None
        # The snapshot counts twice: for the minutes since the last quarter hour, and as the instant it is.
        hours = np.append(np.full(past.kept, past.step_s / 3600), [past.since_s(snapshot) / 3600, 0.0])
        stood = {
            lever.id: np.append(past.of(lever.points).value, [snapshot.lever_value(lever)] * 2)
            for lever in deferrals(self.site)
        }
        seen = {zone: np.append(power, power[-1]) for zone, power in drawn.items()}
        found = moved_work(self.site, stood, seen, hours)
        return replace(found, net_kw={z: np.delete(net, past.kept) for z, net in found.net_kw.items()})

    def _load(
        self, zone: ZoneModel, past: _Past, drawn_kw: Array, moved: MovedWork | None, grid: TimeGrid
    ) -> Band:
        """What will be asked for, had nothing been put off, from what was drawn by quarter hour and now.

        People and their jobs go by the site's clocks, also around the days on which those change.
        """
        design = zone.it.design_kw
        asked = drawn_kw if moved is None else np.maximum(drawn_kw + moved.net_kw[zone.id], 0.0)
        habit = replace(_LOAD, least_std=_LEAST_LOAD_SHARE * design, clocks=ZoneInfo(self.site.timezone))
        band = expect(Past(past.time_s, asked[:-1]), float(asked[-1]), grid, habit)
        if np.isnan(band.mean).any():
            return Band(np.full(grid.steps, design), np.full(grid.steps, 0.2 * design))
        return Band(np.clip(band.mean, 0.0, 1.3 * design), band.std)


def reference_kw(zone: ZoneModel, power_kw: Array, inlets_c: Array) -> Array:
    """Reference IT power behind a measured one. [kW] Inlets (samples, sensors), power (samples,).

    Where no inlet is known the measured power itself: a little high, which is the safe side.
    """
    return np.where(np.isnan(inlets_c).all(axis=-1), power_kw, zone.it.reference_kw(power_kw, inlets_c))


@dataclass(frozen=True)
class _Past:
    """The history before the forecast, thinned to quarter hours."""

    history: History
    time_s: Array
    end: int
    ratio: int
    kept: int

    @property
    def step_s(self) -> int:
        """Length of what it is thinned to. [s]"""
        return self.ratio * self.history.step_s

    def since_s(self, snapshot: Snapshot) -> float:
        """From its end to a snapshot, if that is not longer than such a step. [s]"""
        ended = self.time_s[-1] + self.step_s / 2 if self.kept else snapshot.time.timestamp()
        return float(np.clip(snapshot.time.timestamp() - ended, 0.0, self.step_s))

    @classmethod
    def before(cls, history: History, grid: TimeGrid) -> _Past:
        times = pd.DatetimeIndex(history.values.index).as_unit("s").asi8.astype(float)
        # An interval is known once it has ended.
        usable = int(np.searchsorted(times + history.step_s, grid.start.timestamp(), side="right"))
        ratio = max(1, _THIN_S // history.step_s)
        kept = usable // ratio
        middle = times[usable - kept * ratio : usable].reshape(kept, ratio).mean(axis=1) + history.step_s / 2
        return cls(history, middle, usable, ratio, kept)

    def of(self, points: tuple[PointId, ...]) -> Past:
        """Mean over the points, by quarter hour."""
        if not points or not self.kept:
            return Past(self.time_s, np.full(len(self.time_s), np.nan))
        return Past(self.time_s, mean_of_known(self.stack(points), axis=1))

    def stack(self, points: tuple[PointId, ...]) -> Array:
        """Several points by quarter hour. Shape (quarters, points)."""
        return np.column_stack([self._thin(p) for p in points]) if points else np.empty((self.kept, 0))

    def _thin(self, point: PointId) -> Array:
        values = self.history.column(point)[self.end - self.kept * self.ratio : self.end]
        return mean_of_known(values.reshape(self.kept, self.ratio), axis=1)


def _carbon_on(series: CarbonSeries, grid: TimeGrid) -> CarbonSeries:
    if series.grid == grid:
        return series
    return replace(series, grid=grid, g_per_kwh=_step_values(series.grid, series.g_per_kwh, grid))


def _price_on(series: PriceSeries, grid: TimeGrid) -> PriceSeries:
    if series.grid == grid:
        return series
    return PriceSeries(
        grid, _step_values(series.grid, series.per_kwh, grid), series.currency, series.provider
    )


def _step_values(source: TimeGrid, values: Array, grid: TimeGrid) -> Array:
    """Values of the intervals that hold each step's start; NaN outside."""
    starts = grid.start.timestamp() + grid.step_s * np.arange(grid.steps)
    index = np.floor((starts - source.start.timestamp()) / source.step_s).astype(int)
    inside = (index >= 0) & (index < source.steps)
    return np.where(inside, values[np.clip(index, 0, source.steps - 1)], np.nan)
