"""A calibration as people read it: what was learned, from what, how well, and what is still unknown."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

from optimizer.commissioning import CommissioningPlan, commissioning_plan
from optimizer.forecast import Forecaster
from optimizer.forecast.skill import Skill, skill
from optimizer.identify.compare import Comparison, compare
from optimizer.identify.evidence import Estimate, Evidence
from optimizer.identify.horizon import calibrate
from optimizer.model import PlantModel
from plant.history import History


@dataclass(frozen=True)
class Calibration:
    """A model with everything that speaks for and against it."""

    model: PlantModel
    comparisons: tuple[Comparison, ...]
    skill: tuple[Skill, ...]
    lessons: CommissioningPlan
    """The steps that would teach what the history did not."""


def make_calibration(history: History, at: datetime) -> Calibration:
    """Learn, try on unseen data, score the forecasts, and say what is missing.

    Raises
    ------
    ConfigError
        If the history is too short to learn from.
    """
    model = calibrate(history, at=at)
    return Calibration(
        model,
        compare(model, history),
        skill(Forecaster(history.site, model), history),
        commissioning_plan(history.site, model),
    )


def table(made: Calibration) -> list[str]:
    """Lines for a terminal."""
    model = made.model
    lines = [
        f"model {model.version} of {model.site_id}, "
        f"learned from {model.data_from:%Y-%m-%d %H:%M} to {model.data_until:%Y-%m-%d %H:%M} UTC",
        "",
        f"{'submodel':22}{'origin':11}{'samples':>8}{'CV(RMSE)':>10}{'NMBE':>8}  "
        "error on unseen data (15 min / 1 h / 6 h, or at any time)",
    ]
    units = {c.name: c.unit for c in made.comparisons}
    for record in model.evidence:
        lines += _record(record, units.get(record.name, ""))
    lines += _skill_lines(made.skill)
    return lines + _lesson_lines(made)


def _record(record: Evidence, unit: str) -> list[str]:
    errors = " / ".join(f"{h.rmse:.3g}" for h in record.horizon) or "-"
    seen = ", ".join(f"{c.name} {c.low:.3g} to {c.high:.3g}" for c in record.coverage)
    lines = [
        f"{record.name:22}{record.origin.value:11}{record.samples:8d}{_percent(record.cv_rmse):>10}"
        f"{_percent(record.nmbe):>8}  {errors} {unit}",
        f"    seen: {seen or 'nothing'}",
    ]
    curve = [
        f"{e.name} {e.value:.4g} ({_end(e.low)} to {_end(e.high)})" for e in record.estimates if _told(e)
    ]
    lines += [f"    90 %: {', '.join(curve)}"] if curve else []
    return lines + [f"    AGAINST: {reason}" for reason in record.disqualified]


def _told(estimate: Estimate) -> bool:
    """Places on curves are for reading; single coefficients stand in for each other and are in the JSON."""
    return estimate.name.startswith("at_")


def _end(value: float) -> str:
    return "open" if math.isnan(value) else f"{value:.4g}"


def _percent(share: float) -> str:
    return "-" if math.isnan(share) else f"{share:.1%}"


def _skill_lines(found: tuple[Skill, ...]) -> list[str]:
    if not found:
        return ["", "forecasts: less than four days of history, no skill can be told"]
    head = (
        f"{'forecast':26}{'ahead':>8}{'MAE':>9}{'vs last value':>15}{'vs yesterday':>14}{'in 90 % band':>14}"
    )
    rows = [
        f"{s.what:26}{s.ahead_s / 3600:>6.2g} h{s.mae:9.3g}{s.over_persistence:15.0%}{s.over_yesterday:14.0%}"
        f"{s.covered:14.0%}"
        for s in found
    ]
    return ["", head, *rows]


def _lesson_lines(made: Calibration) -> list[str]:
    plan = made.lessons
    if plan.empty:
        return ["", "every lever moved enough to be learned"]
    steps = [f"    {lever}: {why}" for lever, why in plan.lessons.items()]
    return [
        "",
        f"too little was seen of {len(steps)} levers; {plan.hours:g} h of small steps would teach them "
        "(coolwright run SITE --policy commissioning: each step is a proposal to approve):",
        *steps,
    ]
