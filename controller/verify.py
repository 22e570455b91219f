"""The second check of a plan, by code that shares nothing with the optimizer or the envelope.

First the plan as issued: complete, finite, in range, ramps no steeper than the levers allow. Then
what it predicts, with its own margin, and what a rollout made elsewhere finds at the pessimistic edge
of the forecast: no inlet above its limit, unless leaving everything as it is would be no better.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from controller.rollout_check import EdgeRollout
from plant.plan import Plan, Prediction
from plant.points import OwnerId
from plant.setpoints import Lever
from plant.site import Site, Zone

EDGE_SIGMAS = 2.0
"""Width of the pessimistic edge: about one in forty inlets would be warmer. [-]"""

NO_WORSE_K = 0.1
"""Where a limit is passed anyway, a plan may exceed doing nothing by this much. [K]"""

RAMP_TOLERANCE = 1e-3

STRICT_H = 2.0
"""Within this the edge must keep to the recommended limit: two dozen plans come before it ends. [h]"""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a plan: about what, and in plain words."""

    about: str
    problem: str


@dataclass(frozen=True)
class PlanCheck:
    """Every finding; none means the plan may be proposed."""

    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Whether the plan may be proposed."""
        return not self.findings

    @property
    def reason(self) -> str:
        """The findings on one line."""
        return "; ".join(f"{f.about}: {f.problem}" for f in self.findings)


def check_plan(
    plan: Plan,
    site: Site,
    *,
    at: datetime,
    edge: EdgeRollout | None = None,
    sigmas: float = EDGE_SIGMAS,
    period_s: float = 300.0,
    max_age_s: float = 1800.0,
) -> PlanCheck:
    """Check a plan and, where there is one, the supervisor's own rollout of it at the edge."""
    findings = [
        *_age(plan, at, max_age_s),
        *(f for lever in site.levers for f in _trajectory(plan, lever, period_s)),
        *(f for zone in site.zones for f in _inlets(plan.prediction, plan.hold, zone, plan, sigmas)),
        *(f for zone in site.zones for f in _at_edge(edge, zone, plan)),
    ]
    if edge is not None:
        findings.extend(Finding("plant room", problem) for problem in edge.short)
    unknown = sorted(set(plan.trajectory) - {lever.id for lever in site.levers})
    findings.extend(Finding(name, "the site has no such lever") for name in unknown)
    return PlanCheck(tuple(findings))


def _age(plan: Plan, at: datetime, max_age_s: float) -> Iterator[Finding]:
    age_s = (at - plan.made_at).total_seconds()
    if not -1.0 <= age_s <= max_age_s:
        yield Finding("plan", f"it was made {age_s:.0f} s ago")


def _trajectory(plan: Plan, lever: Lever, period_s: float) -> Iterator[Finding]:
    """A lever that is not in the plan is not moved by it; one that is must be in order at every step."""
    if lever.id not in plan.trajectory:
        return
    values = np.asarray(plan.trajectory[lever.id], dtype=float)
    if values.shape != (plan.grid.steps,) or not np.isfinite(values).all():
        yield Finding(lever.id, "its trajectory has gaps")
        return
    if values.min() < lever.low - RAMP_TOLERANCE or values.max() > lever.high + RAMP_TOLERANCE:
        yield Finding(
            lever.id,
            f"goes from {values.min():g} to {values.max():g}, outside {lever.low:g} to {lever.high:g}",
        )
    moves_a_step = max(1, math.floor(plan.grid.step_s / period_s))
    steepest = float(np.abs(np.diff(values)).max(initial=0.0))
    if steepest > lever.max_move * moves_a_step + RAMP_TOLERANCE:
        yield Finding(lever.id, f"moves {steepest:g} in one step of {plan.grid.step_s} s")


def _inlets(
    prediction: Prediction, hold: Prediction, zone: Zone, plan: Plan, sigmas: float
) -> Iterator[Finding]:
    edge, hold_edge = _edge(prediction, zone.id, sigmas), _edge(hold, zone.id, sigmas)
    if edge is None or edge.shape != (plan.grid.steps,) or not np.isfinite(edge).all():
        yield Finding(zone.id, "its inlet is not predicted")
        return
    if hold_edge is None or hold_edge.shape != edge.shape or not np.isfinite(hold_edge).all():
        hold_edge = np.full_like(edge, -np.inf)
    limit = zone.limits.recommended_max_c
    # Hours away the margin has grown with the forecast's doubt, and a newer plan comes long before:
    # there what is expected must keep to the limit, soon also the unlikely.
    near = np.arange(plan.grid.steps) * plan.grid.step_h < STRICT_H
    checked = np.where(near, edge, prediction.worst_inlet_c[zone.id])
    excess = np.where(edge > hold_edge + NO_WORSE_K, checked - limit, 0.0)
    worst = int(excess.argmax())
    if excess[worst] > 0:
        when = plan.grid.times()[worst].isoformat(timespec="minutes")
        yield Finding(zone.id, f"inlet may reach {checked[worst]:.1f} °C at {when}, limit {limit:.1f} °C")


def _at_edge(edge: EdgeRollout | None, zone: Zone, plan: Plan) -> Iterator[Finding]:
    """Near steps against the recommended limit; later ones, planned again many times, the allowable."""
    if edge is None:
        return
    inlet, held = edge.with_plan_c.get(zone.id), edge.holding_c.get(zone.id)
    if inlet is None or inlet.shape != (plan.grid.steps,) or not np.isfinite(inlet).all():
        yield Finding(zone.id, "its inlet cannot be told at the edge of the forecast")
        return
    if held is None or held.shape != inlet.shape or not np.isfinite(held).all():
        held = np.full_like(inlet, -np.inf)
    near = np.arange(plan.grid.steps) * plan.grid.step_h < STRICT_H
    limit = np.where(near, zone.limits.recommended_max_c, zone.limits.allowable_max_c)
    excess = np.where(inlet > held + NO_WORSE_K, inlet - limit, 0.0)
    worst = int(excess.argmax())
    if excess[worst] > 0:
        when = plan.grid.times()[worst].isoformat(timespec="minutes")
        yield Finding(
            zone.id,
            f"at the upper edge of the load its inlet reaches {inlet[worst]:.1f} °C at {when}, "
            f"limit {limit[worst]:.1f} °C",
        )


def _edge(prediction: Prediction, zone: OwnerId, sigmas: float) -> np.ndarray | None:
    mean, std = prediction.worst_inlet_c.get(zone), prediction.worst_inlet_std_k.get(zone)
    return None if mean is None or std is None else np.asarray(mean + sigmas * std, dtype=float)
