"""What a switchback showed: the effect of control on facility power, with an interval.

Facility power of the counted hours on the arm, load (utilization, not IT power: our air moves that) and
outdoor wet bulb, by ordinary least squares (statsmodels). Hours of a block are not independent, and blocks
are drawn in pairs, so the error is the jackknife over blocks, or over pairs, or Newey-West, whichever is
largest, and t has the pairs' degrees of freedom. (Clustered sandwich errors are too small with a few dozen
clusters: J. G. MacKinnon, M. Ø. Nielsen, M. D. Webb, J. Econometrics 232 (2023), section 5.)

Two intervals: one for a single look when the schedule has ended (fixed horizon), and a wider one that
holds however often somebody looks, and may be used to stop early (an asymptotic confidence sequence).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

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
from reports.switchback import Arm, Schedule
from reports.switchback_record import RunAs, Stretch, run_as

Array = NDArray[np.float64]

METHOD_VERSION = "switchback-analysis/2"
MIN_BLOCKS = 6
"""Blocks each arm needs: with fewer the spread between blocks is not known."""
MIN_COMPLIANCE = 0.9
"""Share of counted hours that must have been run as drawn."""
_DAY_H = 24
_HOUR_S = 3600


@dataclass(frozen=True)
class SwitchbackResult:
    """The effect, or the reasons why there is none.

    `saving_kw` is how much less facility power an hour under control took (negative: a loss), `low_kw`
    and `high_kw` its interval at the schedule's end; `saving_kwh` is that over the counted hours under
    control and no more. Nothing is annualized. Hours count as they were *run*; `as_drawn_saving_kw` takes
    every drawn hour, whatever interrupted it. `anytime_low_kw` and `anytime_high_kw` hold at every look.
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
    as_drawn_saving_kw: float = math.nan
    anytime_low_kw: float = math.nan
    anytime_high_kw: float = math.nan
    carryover_kw: float = math.nan
    """By how much baseline hours after control, unlike those after as found, shift the saving: the plant
    remembers. It is in the interval, in quadrature; it is not taken off the saving."""
    interim: bool = False
    """The schedule was not run to its last hour: only the anytime interval may be acted on."""
    recorded: bool = False
    """Whether the arms are from the record of what was applied, not from the schedule alone."""
    method_version: str = METHOD_VERSION

    @property
    def saving_share(self) -> float:
        """Saving over what the same hours take as found. [-]"""
        return self.saving_kw / self.baseline_kw

    @property
    def saving_kwh(self) -> float:
        """Energy saved in the counted hours under control."""
        return self.saving_kw * self.control_hours


def analyze(
    history: History,
    schedule: Schedule,
    confidence: float = CONFIDENCE,
    *,
    record: Sequence[Stretch] | None = None,
) -> SwitchbackResult:
    """Analyze what was run by a schedule.

    Parameters
    ----------
    history : History
        Covers the schedule, or its beginning; any step that divides an hour.
    confidence : float
        Of the two-sided interval.
    record : sequence of Stretch or None
        What was applied when, by who applied it. None: somebody else ran the schedule and it is believed,
        but for the as-found hours, whose levers are looked at.

    Returns
    -------
    SwitchbackResult
        Not `qualified`, with reasons and without figures, where the data do not carry an answer.
    """
    until = _run_until(history, record)
    history = _before(history, until)
    ran = run_as(schedule, record, pd.DatetimeIndex(history.values.index), history.step_s)
    everything, basis_reason = _hours(history, ran)
    rows = everything[everything["as_drawn"]]
    drawn_rows = everything[everything["drawn"]]
    compliance = _compliance(history, ran, recorded=record is not None)
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
    effect, error, freedom, carried = (math.nan,) * 4 if refused else _effect(rows, schedule)
    half = math.nan if refused else math.hypot(_t_value(confidence, freedom) * error, carried)
    planned = len(set(schedule.pairs))
    anytime = (
        math.nan if refused else math.hypot(_anytime_factor(confidence, freedom, planned) * error, carried)
    )
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
        as_drawn_saving_kw=math.nan if refused else -_effect(drawn_rows, schedule)[0],
        anytime_low_kw=-effect - anytime,
        anytime_high_kw=-effect + anytime,
        carryover_kw=carried,
        interim=until < schedule.blocks[-1].end - timedelta(hours=1),
        recorded=record is not None,
    )


def _run_until(history: History, record: Sequence[Stretch] | None) -> datetime:
    """Until when a schedule was run, or data came: asked for may be a time that has not come yet."""
    if record is not None:
        return max((s.until for s in record), default=history.start)
    known = history.values.index[~np.isnan(read_series(history).facility_kw.values)]
    step = timedelta(seconds=history.step_s)
    return known[-1].to_pydatetime() + step if len(known) else history.start


def _before(history: History, until: datetime) -> History:
    """Without what was not run: time that has not come is no time that was not run as drawn."""
    rows = np.asarray(history.values.index < pd.Timestamp(until))
    return replace(history, values=history.values[rows], measured_share=history.measured_share[rows])


def _hours(history: History, ran: RunAs) -> tuple[pd.DataFrame, str | None]:
    """Whole hours with facility power, load, wet bulb, arm and block; and what to know of the load."""
    series = read_series(history)
    utilized = bool(zone_series(history, Quantity.UTILIZATION))
    basis = Basis.UTILIZATION if utilized else Basis.IT_POWER
    drivers = drivers_of(history, basis)
    weights = {d: history.site.zone_by_id[d].it_design_kw if utilized else 1.0 for d in drivers}
    load = np.sum([weights[d] * drivers[d] for d in drivers], axis=0)
    index = history.values.index
    frame = pd.DataFrame(
        {"facility": series.facility_kw.values, "load": load, "wet_bulb": series.wet_bulb_c.values},
        index=index,
    )
    flags = pd.DataFrame({"drawn": ran.drawn, "as_drawn": ran.as_drawn}, index=index)
    arms = pd.DataFrame({"control": ran.control.astype(float), "block": ran.block}, index=index)
    if history.step_s < _HOUR_S:
        hour = pd.DatetimeIndex(index).floor("h")
        flags, arms = flags.groupby(hour).all(), arms.groupby(hour).first()
    rows = hourly_means(frame, history.step_s).join(flags).join(arms).dropna()
    reason = None if utilized else "no zone utilization: the effect on server fans is not in the saving"
    return rows, reason


def _compliance(history: History, ran: RunAs, *, recorded: bool) -> float:
    """Share of counted steps that ran as drawn, of the arm that kept to it less.

    Without a record nothing is known of control but that it was wanted: only as-found steps are judged.
    """
    baseline = ran.drawn & ~ran.control
    arms = (baseline, ran.drawn & ran.control) if recorded else (baseline,)
    kept = ran.as_drawn & (ran.control | as_found(history))
    shares = [float(kept[arm].mean()) for arm in arms if arm.any()]
    return min(shares) if shares and baseline.any() else math.nan


def _effect(rows: pd.DataFrame, schedule: Schedule) -> tuple[float, float, float, float]:
    """Effect of control [kW], its standard error, the degrees of freedom, and what is carried over [kW]."""
    import statsmodels.api as sm  # heavy to import, needed only here

    y, load, wet_bulb = (rows[c].to_numpy(dtype=float) for c in ("facility", "load", "wet_bulb"))
    on = rows["control"].to_numpy(dtype=float)
    form = fit_change_points(y[on == 0], load[on == 0], wet_bulb[on == 0]).form
    design = np.column_stack([on, form.design(load, wet_bulb)])
    blocks = rows["block"].to_numpy(dtype=int)
    pairs = np.asarray(schedule.pairs)[blocks]
    fit = sm.OLS(y, design).fit(cov_type="HAC", cov_kwds={"maxlags": _DAY_H, "use_correction": True})
    error = max(float(fit.bse[0]), _jackknife(design, y, blocks), _jackknife(design, y, pairs))
    freedom = float(max(len(np.unique(pairs)) - 1, 1))
    return float(fit.params[0]), error, freedom, _carried_over(design, y, on, blocks, schedule)


def _carried_over(design: Array, y: Array, on: Array, blocks: NDArray[np.int64], schedule: Schedule) -> float:
    """Shift of the effect by baseline blocks that follow control; 0 where none or all of them do. [kW]"""
    arms = [b.arm for b in schedule.blocks]
    follows = np.array([n > 0 and arms[n - 1] is Arm.CONTROL for n in range(len(arms))])
    after = (follows[blocks] & (on == 0)).astype(float)
    share = float(after[on == 0].mean())
    if not 0 < share < 1:
        return 0.0
    solution = np.linalg.lstsq(np.column_stack([after, design]), y, rcond=None)[0]
    return abs(share * float(solution[0]))


def _jackknife(design: Array, y: Array, clusters: NDArray[np.int64]) -> float:
    """Standard error of the first coefficient, each cluster of rows left out once (CV3)."""
    square, product = design.T @ design, design.T @ y
    without = []
    for cluster in np.unique(clusters):
        x, part = design[clusters == cluster], y[clusters == cluster]
        without.append(np.linalg.lstsq(square - x.T @ x, product - x.T @ part, rcond=None)[0][0])
    spread = np.asarray(without) - np.mean(without)
    return math.sqrt((len(without) - 1) / len(without) * float(spread @ spread))


def _anytime_factor(confidence: float, freedom: float, planned_pairs: int) -> float:
    """How many standard errors wide an interval is that holds at every look.

    sqrt(2 (nr + 1) / (nr) · log(sqrt(nr + 1) / alpha)) with n independent pairs, and r chosen so that it
    is narrowest when the schedule ends; times t over normal, because the variance is estimated.

    References
    ----------
    I. Waudby-Smith et al., "Time-uniform central limit theory and asymptotic confidence sequences",
    Annals of Statistics 52 (2024), Theorem 2.2 and the optimal r of its appendix (best at n = planned).
    """
    from scipy.stats import norm  # heavy to import, needed only here

    alpha = 1 - confidence
    n, planned = freedom + 1, max(planned_pairs, 2)
    r = (-2 * math.log(alpha) + math.log(-2 * math.log(alpha) + 1)) / planned
    width = math.sqrt(2 * (n * r + 1) / (n * r) * math.log(math.sqrt(n * r + 1) / alpha))
    return width * _t_value(confidence, freedom) / float(norm.ppf(1 - alpha / 2))


def _t_value(confidence: float, freedom: float) -> float:
    from scipy.stats import t as student  # heavy to import, needed only here

    return float(student.ppf(1 - (1 - confidence) / 2, freedom))
