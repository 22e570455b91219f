"""What an account and a baseline look like as metrics: amounts to add, in base units."""

from __future__ import annotations

import math

from controller.metrics_sample import (
    GRAMS_PER_KG,
    JOULES_PER_KWH,
    SECONDS_PER_H,
    Amount,
    Amounts,
    Sample,
    Samples,
)
from plant.forecast import CarbonSeries
from reports.account_record import Account
from reports.baseline_model import METHOD, BaselineModel
from reports.figures import Figure

_M3_PER_L = 1e-3
_METERS = {Figure.FACILITY: "facility", Figure.IT: "it", Figure.COOLING: "cooling"}


def account_amounts(account: Account) -> Amounts:
    """Everything one accounted interval adds. A missing figure adds nothing but its missing time."""
    carbon = (account.carbon.kind.value, account.carbon.provider, str(account.carbon.synthetic).lower())
    found = [*_metered(account, carbon), *_compared(account, carbon)]
    for figure in Figure:
        covered_s = account.covered_h[figure] * SECONDS_PER_H
        compared_s = account.compared_h[figure] * SECONDS_PER_H
        missing_s = max(account.period.total_seconds() - covered_s, 0.0)
        found.append(Amount("accounted_seconds_total", (figure.value,), covered_s, figure.value))
        found.append(Amount("compared_seconds_total", (figure.value,), compared_s, figure.value))
        found.append(Amount("unaccounted_seconds_total", (figure.value,), missing_s, figure.value))
    return (amount for amount in found if not math.isnan(amount.value))


def _metered(account: Account, carbon: tuple[str, ...]) -> Amounts:
    totals = account.totals
    for figure, meter in _METERS.items():
        yield Amount("energy_joules_total", (meter,), totals[figure] * JOULES_PER_KWH, figure.value)
    yield Amount("water_cubic_meters_total", (), totals.water_l * _M3_PER_L, Figure.WATER.value)
    yield Amount("carbon_grams_total", carbon, totals.carbon_kg * GRAMS_PER_KG, Figure.CARBON.value)
    side = "cost_credit_total" if totals.cost < 0 else "cost_debit_total"
    yield Amount(side, (account.currency,), abs(totals.cost), Figure.COST.value)


def _compared(account: Account, carbon: tuple[str, ...]) -> Amounts:
    """Both sides of each comparison with the same labels, so that they subtract: both or neither."""
    kinds: list[tuple[str, Figure, tuple[str, ...], float]] = [
        ("energy_joules_total", figure, (meter, METHOD), JOULES_PER_KWH) for figure, meter in _METERS.items()
    ]
    kinds += [
        ("carbon_grams_total", Figure.CARBON, (METHOD, *carbon), GRAMS_PER_KG),
        ("water_cubic_meters_total", Figure.WATER, (METHOD,), _M3_PER_L),
        ("cost_total", Figure.COST, (METHOD, account.currency), 1.0),
    ]
    for name, figure, labels, factor in kinds:
        sides = {"compared": account.compared[figure], "baseline": account.baseline[figure]}
        least = min(sides.values())
        if least < 0:
            yield Amount(f"compared_{name}", labels, least, figure.value)
            continue
        for word, value in sides.items():
            yield Amount(f"{word}_{name}", labels, value * factor, figure.value)


def zeros(currency: str, carbon: CarbonSeries | None, *, compared: bool) -> Amounts:
    """Nothing yet, of everything that will be counted: `increase()` misses what a counter is born with.

    Carbon begins once its intensity is known: a feed that never answered is a gap and not zero grams.
    """
    sides = ("compared", "baseline") if compared else ()
    for figure, meter in _METERS.items():
        yield Amount("energy_joules_total", (meter,), 0.0, figure.value)
        for side in sides:
            yield Amount(f"{side}_energy_joules_total", (meter, METHOD), 0.0, figure.value)
    yield Amount("water_cubic_meters_total", (), 0.0, Figure.WATER.value)
    for side in sides:
        yield Amount(f"{side}_water_cubic_meters_total", (METHOD,), 0.0, Figure.WATER.value)
        yield Amount(f"{side}_cost_total", (METHOD, currency), 0.0, Figure.COST.value)
    for figure in Figure:
        for name in ("accounted", "compared", "unaccounted"):
            yield Amount(f"{name}_seconds_total", (figure.value,), 0.0, figure.value)
    if carbon is not None:
        kind = (carbon.kind.value, carbon.provider, str(carbon.synthetic).lower())
        yield Amount("carbon_grams_total", kind, 0.0, Figure.CARBON.value)
        for side in sides:
            yield Amount(f"{side}_carbon_grams_total", (METHOD, *kind), 0.0, Figure.CARBON.value)


def saving_samples(account: Account) -> Samples:
    """Facility energy saved over an account with its interval; a bound that is unknown is absent."""
    interval = account.interval
    for bound, kwh in (
        ("low", interval.low.facility_kwh),
        ("expected", account.saving.facility_kwh),
        ("high", interval.high.facility_kwh),
    ):
        if not math.isnan(kwh):
            yield Sample("saving_joules", (METHOD, bound), kwh * JOULES_PER_KWH)


def baseline_samples(model: BaselineModel | None) -> Samples:
    """How good a baseline is."""
    if model is None:
        return
    yield Sample("baseline_qualified", (METHOD,), float(model.qualified))
    for meter, fit in model.statistics.items():
        if not math.isnan(fit.cv_rmse):
            yield Sample("baseline_cv_rmse_ratio", (METHOD, meter.value), fit.cv_rmse)
    hours = max((fit.n for fit in model.statistics.values()), default=0)
    yield Sample("baseline_fitted_seconds", (METHOD,), hours * SECONDS_PER_H)
