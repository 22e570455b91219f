"""Confidence: how far what we know may be trusted now, and how much authority that leaves.

A stale model, a law that has drifted, a wide forecast or poor sensors narrow every warming move, in steps,
down to none. Moves that cool are never narrowed: doubt is no reason to leave a rack warm. What cannot be
told (no forecast of a zone) is the strongest doubt.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from controller.envelope import COOLER, Range
from controller.reach import reaches
from optimizer.identify.drift import Drift
from optimizer.model import PlantModel
from plant.forecast import Band, Forecast
from plant.points import SITE, OwnerId
from plant.quantities import Quantity
from plant.setpoints import Lever, LeverId
from plant.site import Site
from plant.snapshot import Snapshot

STALE_AFTER, USELESS_AFTER = timedelta(days=14), timedelta(days=60)
"""Age of the newest data a model was learned from, at which it counts half and not at all."""
WIDE, TOO_WIDE = 0.15, 0.35
"""Standard deviation of the next hour's IT load over the load. [-]"""
LEAST_LOAD = 0.02
"""Share of a zone's design load below which its spread is not held against it: an empty room. [-]"""
FAR = 2.0
"""Times its drift limit at which a law that foretells inlets counts not at all. [-]"""
POOR, TOO_POOR = 0.8, 0.5
"""Share of a zone's inlet sensors that are usable."""
HALF, NONE = 0.5, 0.0
_SOON_S = 3600
_FORETELL_INLETS = frozenset({"inlets", "coils", "gains"})
"""Laws that what the racks will breathe is reckoned with; the others tell of power and water."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """One reason to trust less, where, and the share of a move that is left."""

    owner: OwnerId
    share: float
    reason: str


def doubts(
    site: Site,
    model: PlantModel | None,
    forecast: Forecast,
    snapshot: Snapshot,
    at: datetime,
    drifted: Sequence[Drift] = (),
) -> tuple[Doubt, ...]:
    """Everything that speaks for moving less, worst first. ``drifted`` are laws that no longer fit."""
    found = [
        *_of_model(model, at),
        *_of_drift(site, drifted),
        *_of_forecast(site, forecast),
        *_of_sensors(site, snapshot),
    ]
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


def _of_drift(site: Site, drifted: Sequence[Drift]) -> list[Doubt]:
    """A law of a zone is that zone's doubt, one of the plant room everybody's."""
    found = []
    for law in drifted:
        zone, _, part = law.name.rpartition(".")
        owner = OwnerId(zone) if zone in site.zone_by_id else SITE
        far = part in _FORETELL_INLETS and not law.rmse < FAR * law.limit
        reason = f"the plant has drifted from its model ({law.name})"
        found.append(Doubt(owner, NONE if far else HALF, reason))
    return found


def _means(band: Band, steps: int) -> tuple[float, float]:
    return float(np.mean(band.mean[:steps])), float(np.mean(band.std[:steps]))


def _of_forecast(site: Site, forecast: Forecast) -> list[Doubt]:
    steps = max(1, _SOON_S // forecast.grid.step_s)
    found = []
    for zone in site.zones:
        band = forecast.it_reference_kw.get(zone.id)
        mean, spread = (math.nan, math.nan) if band is None else _means(band, steps)
        if math.isnan(mean) or math.isnan(spread):
            found.append(Doubt(zone.id, NONE, f"the load of {zone.id} is not foretold"))
            continue
        wide = spread / max(mean, LEAST_LOAD * zone.it_design_kw)
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
