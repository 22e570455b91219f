"""What a switchback showed: the effect of control on facility power, with an interval.

Facility power of the counted hours on the arm, load (utilization, not IT power: our air moves that) and
outdoor wet bulb, by ordinary least squares (statsmodels). Hours of a block are not independent, so the
error is clustered by block, or Newey-West where that is larger, and t has the blocks' degrees of freedom.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from plant.history import History
from plant.quantities import Quantity
from reports.baseline_model import Basis, drivers_of
from reports.hourly import hourly_means
from reports.regression import fit_change_points
from reports.series import as_found, read_series, zone_series
from reports.statistics import CONFIDENCE
from reports.switchback import METHOD_VERSION, Arm, Schedule

Array = NDArray[np.float64]

MIN_BLOCKS = 6
"""Blocks each arm needs: with fewer the spread between blocks is not known."""
MIN_COMPLIANCE = 0.9
"""Share of counted hours that must have been run as drawn."""
_DAY_H = 24


@dataclass(frozen=True)
class SwitchbackResult:
    """The effect, or the reasons why there is none.

    `saving_kw` is how much less facility power an hour under control took (negative: a loss), `low_kw`
    and `high_kw` its interval; `saving_kwh` is that over the counted hours under control and no more.
    Nothing is annualized.
    """

    schedule_id: str
    qualified: bool
    reasons: tuple[str, ...]
    saving_kw: float
    low_kw: float
    high_kw: float
    confidence: float
    baseline_kw: float
    control_hours: float
    baseline_hours: float
    control_blocks: int
    baseline_blocks: int
    compliance: float
    method_version: str = METHOD_VERSION

    @property
    def saving_share(self) -> float:
        """Saving over what the same hours take as found. [-]"""
        return self.saving_kw / self.baseline_kw

    @property
    def saving_kwh(self) -> float:
        """Energy saved in the counted hours under control."""
        return self.saving_kw * self.control_hours


def analyze(history: History, schedule: Schedule, confidence: float = CONFIDENCE) -> SwitchbackResult:
    """Analyze what was run by a schedule.

    Parameters
    ----------
    history : History
        Covers the schedule; any step that divides an hour.
    confidence : float
        Of the two-sided interval.

    Returns
    -------
    SwitchbackResult
        Not `qualified`, with reasons and without figures, where the data do not carry an answer.
    """
    rows, basis_reason = _hours(history, schedule)
    compliance = _compliance(history, schedule)
    blocks = {arm: int(rows.loc[rows["control"] == (arm is Arm.CONTROL), "block"].nunique()) for arm in Arm}
    reasons = [] if basis_reason is None else [basis_reason]
    refused = [
        f"only {count} {arm} blocks have data, {MIN_BLOCKS} are needed"
        for arm, count in blocks.items()
        if count < MIN_BLOCKS
    ]
    if not compliance >= MIN_COMPLIANCE:
        refused.append(f"only {compliance:.0%} of the counted hours were run as drawn")
    on = rows["control"].to_numpy() > 0
    nothing = (math.nan,) * 3
    effect, error, freedom = nothing if refused else _effect(rows)
    half = math.nan if refused else _t_value(confidence, freedom) * error
    return SwitchbackResult(
        schedule_id=schedule.id,
        qualified=not refused,
        reasons=(*refused, *reasons),
        saving_kw=-effect,
        low_kw=-effect - half,
        high_kw=-effect + half,
        confidence=confidence,
        baseline_kw=float(rows["facility"][on].mean()) - effect if on.any() else math.nan,
        control_hours=float(on.sum()),
        baseline_hours=float((~on).sum()),
        control_blocks=blocks[Arm.CONTROL],
        baseline_blocks=blocks[Arm.BASELINE],
        compliance=compliance,
    )


def _hours(history: History, schedule: Schedule) -> tuple[pd.DataFrame, str | None]:
    """Counted hours with facility power, load, wet bulb, arm and block; and what to know of the load."""
    series = read_series(history)
    utilized = bool(zone_series(history, Quantity.UTILIZATION))
    basis = Basis.UTILIZATION if utilized else Basis.IT_POWER
    drivers = drivers_of(history, basis)
    weights = {d: history.site.zone_by_id[d].it_design_kw if utilized else 1.0 for d in drivers}
    load = np.sum([weights[d] * drivers[d] for d in drivers], axis=0)
    frame = pd.DataFrame(
        {"facility": series.facility_kw.values, "load": load, "wet_bulb": series.wet_bulb_c.values},
        index=history.values.index,
    )
    rows = hourly_means(frame, history.step_s).dropna()
    times = [t.to_pydatetime() for t in rows.index]
    rows = rows.assign(
        counted=[schedule.counts(t) for t in times],
        block=[-1 if (n := schedule.block_at(t)) is None else n for t in times],
        control=[float(schedule.arm_at(t) is Arm.CONTROL) for t in times],
    )
    reason = None if utilized else "no zone utilization: the effect on server fans is not in the saving"
    return rows[rows["counted"]], reason


def _compliance(history: History, schedule: Schedule) -> float:
    """Share of counted steps whose levers stood where the arm wanted them (control: anywhere)."""
    stood = as_found(history)
    times = [t.to_pydatetime() for t in history.values.index]
    baseline = np.array([schedule.counts(t) and schedule.arm_at(t) is Arm.BASELINE for t in times])
    return float(stood[baseline].mean()) if baseline.any() else math.nan


def _effect(rows: pd.DataFrame) -> tuple[float, float, float]:
    """Effect of control [kW], its standard error and the degrees of freedom."""
    import statsmodels.api as sm  # heavy to import, needed only here

    y, load, wet_bulb = (rows[c].to_numpy(dtype=float) for c in ("facility", "load", "wet_bulb"))
    on = rows["control"].to_numpy(dtype=float)
    form = fit_change_points(y[on == 0], load[on == 0], wet_bulb[on == 0]).form
    design = np.column_stack([on, form.design(load, wet_bulb)])
    blocks = rows["block"].to_numpy()
    model = sm.OLS(y, design)
    clustered = model.fit(cov_type="cluster", cov_kwds={"groups": blocks, "use_correction": True})
    hac = model.fit(cov_type="HAC", cov_kwds={"maxlags": _DAY_H, "use_correction": True})
    error = max(float(clustered.bse[0]), float(hac.bse[0]))
    freedom = max(len(np.unique(blocks)) - 2, 1)
    return float(clustered.params[0]), error, float(freedom)


def _t_value(confidence: float, freedom: float) -> float:
    from scipy.stats import t as student  # heavy to import, needed only here

    return float(student.ppf(1 - (1 - confidence) / 2, freedom))
