"""Making the case: a plan and the envelope's verdict become a draft a person can judge."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime

import numpy as np

from controller.contingency import TripOutcome
from controller.drafts import Draft, Effect, Estimate, InletOutlook
from controller.effect_error import EffectError
from controller.envelope import Verdict
from controller.watchdog import data_age_s
from plant.plan import Plan
from plant.ports import Advice
from plant.setpoints import Setpoints
from plant.site import Site
from plant.snapshot import Snapshot

LOOK_AHEAD_S = 3600
"""The effect shown is that of an hour with the change made and nothing moved after it, against leaving
everything as it is: what follows in the plan is another proposal, and another decision."""


def draft_of_plan(
    plan: Plan,
    verdict: Verdict,
    snapshot: Snapshot,
    site: Site,
    *,
    at: datetime,
    error: EffectError | None = None,
    carbon_synthetic: bool = False,
    trips: Sequence[TripOutcome] = (),
) -> Draft | None:
    """The draft of a plan's first move as the envelope allows it; None if nothing would change.

    ``error`` is that of predicted differences; None when not known: then no interval is shown.
    ``trips`` are what would be if a machine tripped after the move.
    """
    if not verdict.changes:
        return None
    return Draft(
        setpoints=Setpoints({lever: change.after for lever, change in verdict.changes.items()}),
        changes=verdict.changes,
        reason=plan.reason,
        effect=_effect(plan, site, error or EffectError(), carbon_synthetic),
        inlets=_inlets(plan, snapshot, site),
        plan_id=plan.id,
        binding=plan.binding,
        prices=plan.shadow_prices,
        trips=tuple(trips),
        remarks=(*verdict.reasons, *plan.data_quality.remarks),
        data_age_s=data_age_s(snapshot, at),
        stays_s=_stays_s(plan, verdict, site),
    )


def draft_of_advice(
    advice: Advice,
    verdict: Verdict,
    snapshot: Snapshot,
    site: Site,
    *,
    at: datetime,
    trips: Sequence[TripOutcome] = (),
) -> Draft | None:
    """The draft of a rule's setpoints: nothing is predicted, and so nothing is claimed."""
    if not verdict.changes:
        return None
    unknown = Estimate(math.nan)
    return Draft(
        setpoints=Setpoints({lever: change.after for lever, change in verdict.changes.items()}),
        changes=verdict.changes,
        reason=advice.reason,
        effect=Effect(LOOK_AHEAD_S, unknown, unknown, unknown, unknown, site.tariff.currency),
        inlets=tuple(
            InletOutlook(z.id, snapshot.worst_inlet_c(z.id), math.nan, math.nan, z.limits.recommended_max_c)
            for z in site.zones
        ),
        trips=tuple(trips),
        remarks=verdict.reasons,
        data_age_s=data_age_s(snapshot, at),
    )


def _stays_s(plan: Plan, verdict: Verdict, site: Site) -> float:
    """Until the plan would move any of the changed levers on, by more than a register tells apart."""
    steps = plan.grid.steps
    for name, change in verdict.changes.items():
        path, lever = np.asarray(plan.trajectory.get(name, ()), float), site.lever_by_id[name]
        moved = np.flatnonzero(np.abs(path - change.after) > lever.resolution)
        steps = min(steps, max(int(moved[0]), 1) if moved.size else steps)
    return float(steps * plan.grid.step_s)


def _effect(plan: Plan, site: Site, error: EffectError, carbon_synthetic: bool) -> Effect:
    steps = max(1, min(plan.grid.steps, LOOK_AHEAD_S // plan.grid.step_s))
    plan_, hold = plan.alone or plan.prediction, plan.hold

    def difference(with_plan: np.ndarray, without: np.ndarray) -> float:
        return float(np.sum(with_plan[:steps] - without[:steps]))

    power_kw = difference(plan_.facility_kw, hold.facility_kw) / steps
    # An error in power is one in carbon and money, at what a kilowatt-hour holds and costs meanwhile.
    kwh = max(float(np.sum(plan_.facility_kw[:steps])) * plan.grid.step_h, 1e-9)
    per_kwh = (float(np.sum(plan_.carbon_kg[:steps])) / kwh, float(np.sum(plan_.cost[:steps])) / kwh)
    off_kwh = error.power_kw * steps * plan.grid.step_h
    water_l = difference(plan_.water_l, hold.water_l)
    return Effect(
        over_s=steps * plan.grid.step_s,
        power_kw=_estimate(power_kw, error.relative, error.power_kw),
        carbon_kg=_estimate(
            difference(plan_.carbon_kg, hold.carbon_kg), error.relative, off_kwh * per_kwh[0]
        ),
        cost=_estimate(difference(plan_.cost, hold.cost), error.relative, off_kwh * per_kwh[1]),
        water_l=_estimate(water_l, error.relative, error.water * abs(water_l)),
        currency=site.tariff.currency,
        carbon_synthetic=carbon_synthetic,
    )


def _estimate(value: float, relative: float, absolute: float) -> Estimate:
    """With its 95 % interval."""
    half = 1.96 * math.hypot(relative * value, absolute)
    return Estimate(value, value - half, value + half)


def _inlets(plan: Plan, snapshot: Snapshot, site: Site) -> tuple[InletOutlook, ...]:
    steps = max(1, min(plan.grid.steps, LOOK_AHEAD_S // plan.grid.step_s))
    found, predicted = [], plan.alone or plan.prediction
    for zone in site.zones:
        after = predicted.worst_inlet_c.get(zone.id)
        std = predicted.worst_inlet_std_k.get(zone.id)
        if after is None or std is None:
            found.append(
                InletOutlook(
                    zone.id, snapshot.worst_inlet_c(zone.id), math.nan, math.nan, _limit(site, zone.id)
                )
            )
            continue
        worst = int(np.argmax(after[:steps]))
        found.append(
            InletOutlook(
                zone.id,
                snapshot.worst_inlet_c(zone.id),
                float(after[worst]),
                float(std[worst]),
                _limit(site, zone.id),
            )
        )
    return tuple(found)


def _limit(site: Site, zone: str) -> float:
    return next(z.limits.recommended_max_c for z in site.zones if z.id == zone)
