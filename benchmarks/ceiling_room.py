"""Room for a trip as a price on a ceiling's paths: the planner's own requirement, without its doubts.

The law is the learned one, with the trip's safe-side rules (`optimizer.after_trip`); the load is the
true one and the spread is none. It tells what the room itself costs, apart from not knowing. Where that
is not enough, because a machine that is really tripped there (`trips_along`) takes an inlet above its
limit, the price grows by what was missing (`TripPrice.grown`): who knows all survives all.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import numpy as np

from benchmarks.ceiling import VIOLATION_PER_K_H
from benchmarks.ceiling_rollout import PERIOD_S, Array
from benchmarks.savings_record import Recorded
from optimizer.after_trip import after_trip_c
from optimizer.contingency import KEPT_K
from optimizer.model import PlantModel
from optimizer.pose import Unready, pose
from optimizer.problem import PlannerSettings, Problem, lever_axis
from plant.errors import BrokenPromise
from plant.forecast import Band, CarbonKind, CarbonSeries, Forecast, PriceSeries
from plant.site import Site
from plant.snapshot import Snapshot
from plant.timegrid import TimeGrid
from sim.physics.it_load import reference_power_kw
from sim.plant import SimulatedPlant

_EVERY = 6
"""Periods between the instants looked at, each at the end of the last."""


class TripPrice:
    """What paths (paths, periods, levers) owe for missing room, by period."""

    def __init__(self, plant: SimulatedPlant, model: PlantModel, periods: int) -> None:
        site, p = plant.site, plant.parameters
        instants: Array = plant.now.timestamp() + PERIOD_S * (np.arange(float(periods)) + 0.5)
        use = plant.workload.at(instants[_EVERY - 1 :: _EVERY])
        self._load = np.asarray(reference_power_kw(use, p.zones.design_kw, p.server))
        self._problem = _posed(site, model, plant, self._load)
        axes = lever_axis(self._problem.board)
        self._levers = [axes[lever.id] for lever in site.levers]
        self._allowed = np.array([z.limits.allowable_max_c for z in site.zones]) - KEPT_K
        self._missing: Array = np.zeros_like(self._load)

    def __call__(self, paths: Array) -> Array:
        """Money a period, as inlets above their limit are priced."""
        over = np.maximum(self._foretold_c(paths) + self._missing - self._allowed, 0.0).max(axis=-1)
        owed = VIOLATION_PER_K_H * over * PERIOD_S / 3600
        return np.repeat(owed, _EVERY, axis=1)[:, : paths.shape[1]]

    def grown(self, path: Array, truly_c: Array) -> bool:
        """Ask for more where trips along a path truly went above the limit; whether any did.

        ``truly_c`` is what `trips_along` found, (instants, zones).
        """
        failed = truly_c > self._allowed + KEPT_K
        short = truly_c - self._foretold_c(path[None])[0]
        self._missing = np.where(failed, np.maximum(self._missing, short), self._missing)
        return bool(failed.any())

    def _foretold_c(self, paths: Array) -> Array:
        """Warmest inlet after a trip by the learned law. Shape (paths, instants, zones)."""
        board, seen = self._problem.board, paths[:, _EVERY - 1 :: _EVERY]
        on_axes = np.broadcast_to(board.present, (*seen.shape[:2], len(board.axes))).copy()
        on_axes[..., self._levers] = seen
        course = board.unpack(on_axes)
        return after_trip_c(
            self._problem, course.supply_c, course.speed, course.chw_c, self._load, 0.0 * self._load
        )


def trips_along(plant: SimulatedPlant, path: Array) -> Array:
    """Warmest true inlet of each zone after the worst trip at each instant. Shape (instants, zones)."""
    done = Recorded(plant.copy(), trips_every=_EVERY)
    done.follow(path)
    return np.stack(done.trips)


def _posed(site: Site, model: PlantModel, plant: SimulatedPlant, load_kw: Array) -> Problem:
    readings = plant.copy().readings()
    snapshot = Snapshot(site, readings[0].time, {r.point: r for r in readings})
    settings = replace(PlannerSettings.of(site), sigmas=0.0)
    problem = pose(site, model, settings, snapshot, _forecast(site, plant.now, load_kw))
    if isinstance(problem, Unready):
        raise BrokenPromise(f"no room can be reckoned: {problem.reason}")
    return problem


def _forecast(site: Site, now: datetime, load_kw: Array) -> Forecast:
    """Enough of one to pose a problem; only the load is looked at."""
    grid = TimeGrid(now, _EVERY * PERIOD_S, len(load_kw))
    none = np.zeros(grid.steps)
    return Forecast(
        issued_at=now,
        grid=grid,
        it_reference_kw={z.id: Band(load_kw[:, i], none) for i, z in enumerate(site.zones)},
        dry_bulb_c=Band(none, none),
        wet_bulb_c=Band(none, none),
        carbon=CarbonSeries(grid, none, CarbonKind.AVERAGE, "none", True),
        price=PriceSeries(grid, none, site.tariff.currency, "none"),
    )
