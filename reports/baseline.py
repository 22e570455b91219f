"""Fitting the baseline: what the site, run as it was found, would have used. IPMVP by regression.

The IT meter answers to *our* air (server fans), so the baseline must not be conditioned on the
present IT power. It is explained by zone utilization, which our setpoints do not move; cooling,
facility and water follow from that baseline IT power and the outdoor wet bulb.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from plant.history import History
from plant.points import OwnerId
from plant.quantities import Quantity
from reports.baseline_model import (
    METHOD,
    METHOD_VERSION,
    BaselineEstimate,
    BaselineModel,
    Basis,
    FittedRange,
    MeterName,
    drivers_of,
    it_design,
)
from reports.hourly import HourlyRows, hourly_as_found
from reports.regression import ChangePointFit, LinearFit, choose, fit_change_points, least_squares
from reports.series import zone_series
from reports.statistics import FitStatistics, fit_statistics

__all__ = [
    "METHOD",
    "METHOD_VERSION",
    "BaselineEstimate",
    "BaselineModel",
    "Basis",
    "FittedRange",
    "MeterName",
    "fit_baseline",
]

Array = NDArray[np.float64]

MIN_HOURS = 48
"""Fewer as-found hours than two days tell nothing of a day's shape."""

_WITHOUT_UTILIZATION = (
    "no zone utilization is measured: the baseline follows present IT power, so savings or losses "
    "at server fans are not seen"
)


def fit_baseline(history: History, *, at: datetime) -> BaselineModel:
    """Fit the baseline on those hours in which every lever stood where the site had it before us.

    Parameters
    ----------
    history : History
        Any step that divides an hour. Hours with a lever elsewhere, the hour after one (the plant
        still carries it) and hours with under 75 % of their steps are left out.
    at : datetime
        When this is done, for the record.

    Returns
    -------
    BaselineModel
        Not `qualified`, with reasons, where the data do not carry one: never an exception.
    """
    basis = Basis.UTILIZATION if zone_series(history, Quantity.UTILIZATION) else Basis.IT_POWER
    rows = hourly_as_found(history, drivers_of(history, basis))
    reasons = [] if basis is Basis.UTILIZATION else [_WITHOUT_UTILIZATION]
    weights = _weights(history, basis)
    if rows.hours < MIN_HOURS:
        reasons.append(f"only {rows.hours} usable as-found hours, {MIN_HOURS} are needed")
        return _finish(history, at, basis, weights, None, {}, {}, None, False, reasons)
    it = _fit_it(rows, weights)
    load_kw = it.predict(it_design(it.names, rows.drivers, weights))
    statistics = {MeterName.IT: fit_statistics(rows.it_kw, load_kw, len(it.names), rows.follows)}
    meters: dict[MeterName, ChangePointFit] = {}
    for name, y in (
        (MeterName.COOLING, rows.cooling_kw),
        (MeterName.FACILITY, rows.facility_kw),
        (MeterName.WATER, rows.water_l_h),
    ):
        known = ~np.isnan(y)
        if known.sum() < MIN_HOURS:
            reasons.append(f"{name}: only {int(known.sum())} hours are metered, no baseline for it")
            continue
        fit = fit_change_points(y[known], load_kw[known], rows.wet_bulb_c[known])
        predicted = fit.predict(load_kw[known], rows.wet_bulb_c[known])
        used_up = fit.form.parameters + len(it.names)
        meters[name] = fit
        statistics[name] = fit_statistics(y[known], predicted, used_up, _follows(rows, known))
    reasons += [p for name, s in statistics.items() for p in s.problems(name)]
    qualified = MeterName.FACILITY in meters and not statistics[MeterName.FACILITY].problems("")
    return _finish(
        history, at, basis, weights, it, meters, statistics, _range(rows, load_kw), qualified, reasons
    )


def _weights(history: History, basis: Basis) -> Mapping[OwnerId, float]:
    if basis is Basis.IT_POWER:
        return dict.fromkeys(drivers_of(history, basis), 1.0)
    zones = history.site.zone_by_id
    return {zone: zones[zone].it_design_kw for zone in zone_series(history, Quantity.UTILIZATION)}


def _fit_it(rows: HourlyRows, weights: Mapping[OwnerId, float]) -> LinearFit:
    """One load for the whole site, or a slope for each zone where the data can tell them apart."""
    forms = (("1", "load"), ("1", *(str(d) for d in weights)))
    names = choose(forms, lambda form: it_design(form, rows.drivers, weights), rows.it_kw, len)
    return least_squares(names, it_design(names, rows.drivers, weights), rows.it_kw)


def _follows(rows: HourlyRows, known: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """`rows.follows` after leaving out rows: a pair counts only if both of its hours are there."""
    before_known = np.concatenate(([False], known[:-1]))
    return np.asarray((rows.follows & before_known)[known])


def _range(rows: HourlyRows, load_kw: Array) -> FittedRange:
    return FittedRange(
        rows.times[0].to_pydatetime(),
        rows.times[-1].to_pydatetime(),
        float(rows.wet_bulb_c.min()),
        float(rows.wet_bulb_c.max()),
        float(load_kw.min()),
        float(load_kw.max()),
        *(float(c) for c in np.quantile(rows.wet_bulb_c, (0.05, 0.95))),
    )


def _finish(
    history: History,
    at: datetime,
    basis: Basis,
    weights: Mapping[OwnerId, float],
    it: LinearFit | None,
    meters: Mapping[MeterName, ChangePointFit],
    statistics: Mapping[MeterName, FitStatistics],
    fitted_range: FittedRange | None,
    qualified: bool,
    reasons: list[str],
) -> BaselineModel:
    """The record, named after its own content."""
    model = BaselineModel(
        "",
        history.site.id,
        at,
        basis,
        weights,
        it,
        meters,
        statistics,
        fitted_range,
        qualified,
        tuple(reasons),
    )
    return replace(model, id=hashlib.sha256(model.to_json().encode()).hexdigest()[:12])
