"""Confidence: how far what we know may be trusted now, and how much authority that leaves.

A stale model, a wide forecast or poor sensors narrow every warming move, in steps, down to none. Moves
that cool are never narrowed: doubt is no reason to leave a rack warm.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from controller.envelope import COOLER, Range
from controller.reach import reaches
from optimizer.model import PlantModel
from plant.forecast import Forecast
from plant.points import SITE, OwnerId
from plant.quantities import Quantity
from plant.setpoints import Lever, LeverId
from plant.site import Site
from plant.snapshot import Snapshot

STALE_AFTER, USELESS_AFTER = timedelta(days=14), timedelta(days=60)
"""Age of the newest data a model was learned from, at which it counts half and not at all."""
WIDE, TOO_WIDE = 0.15, 0.35
"""Standard deviation of the next hour's IT load over the load. [-]"""
POOR, TOO_POOR = 0.8, 0.5
"""Share of a zone's inlet sensors that are usable."""
HALF, NONE = 0.5, 0.0
_SOON_S = 3600


@dataclass(frozen=True, slots=True)
class Doubt:
    """One reason to trust less, where, and the share of a move that is left."""

    owner: OwnerId
    share: float
    reason: str


def doubts(
    site: Site, model: PlantModel | None, forecast: Forecast, snapshot: Snapshot, at: datetime
) -> tuple[Doubt, ...]:
    """Everything that speaks for moving less, worst first."""
    found = [*_of_model(model, at), *_of_forecast(site, forecast), *_of_sensors(site, snapshot)]
    return tuple(sorted(found, key=lambda d: d.share))


def narrowing(site: Site, snapshot: Snapshot, found: tuple[Doubt, ...]) -> Mapping[LeverId, Range]:
    """What each lever may still do under these doubts; levers without doubt are not in it."""
    ranges: dict[LeverId, Range] = {}
    for lever in site.levers:
        mine = [d for d in found if d.owner == SITE or reaches(site, lever, (d.owner,))]
        present = snapshot.lever_value(lever)
        if mine and not math.isnan(present):
            ranges[lever.id] = _around(lever, present, mine[0])
    return ranges


def _around(lever: Lever, present: float, doubt: Doubt) -> Range:
    sign, reach = COOLER.get(lever.quantity, 0), doubt.share * lever.max_move
    low = present - reach if sign >= 0 else -math.inf
    high = present + reach if sign <= 0 else math.inf
    much = "only moves that cool are made" if reach == 0 else f"warming moves are {doubt.share:.0%} of usual"
    return Range(low, high, f"{doubt.reason}: {much}")


def _of_model(model: PlantModel | None, at: datetime) -> list[Doubt]:
    if model is None:
        return []  # a rule that needs no model is not the worse for its absence
    age = at - model.data_until
    if age < STALE_AFTER:
        return []
    share = NONE if age >= USELESS_AFTER else HALF
    return [Doubt(SITE, share, f"the model's newest data is {age.days} days old")]


def _of_forecast(site: Site, forecast: Forecast) -> list[Doubt]:
    steps = max(1, _SOON_S // forecast.grid.step_s)
    found = []
    for zone in site.zones:
        band = forecast.it_reference_kw.get(zone.id)
        if band is None:
            continue
        mean, spread = float(np.mean(band.mean[:steps])), float(np.mean(band.std[:steps]))
        wide = spread / mean if mean > 0 else 0.0
        if wide > WIDE:
            share = NONE if wide > TOO_WIDE else HALF
            found.append(
                Doubt(zone.id, share, f"the load of {zone.id} is foretold to within ±{wide:.0%} only")
            )
    return found


def _of_sensors(site: Site, snapshot: Snapshot) -> list[Doubt]:
    found = []
    for zone in site.zones:
        sensors = site.points_of(zone.id, Quantity.INLET_TEMPERATURE)
        usable = snapshot.inlets_c(zone.id).size
        if sensors and usable < POOR * len(sensors):
            share = NONE if usable < TOO_POOR * len(sensors) else HALF
            found.append(
                Doubt(zone.id, share, f"{usable} of {len(sensors)} inlet sensors of {zone.id} are usable")
            )
    return found
