"""Market-based carbon as metrics: by the operator's contracts, apart from location average and marginal.

The source is the site's reporting file, as in the report. The same contracts stand on both sides of
a comparison, so what was saved counts at the factor of the last kilowatt-hour: the residual mix, or
nothing while contracts cover all. Where no factor was supplied for the rest there is a gap.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from controller.metrics_sample import GRAMS_PER_KG, SECONDS_PER_H, Amount, Amounts
from reports.account_record import Account
from reports.baseline_model import METHOD
from reports.supplied import Supplied, allocate

KIND = "market"
FIGURE = "carbon_market_kg"


def tells(supplied: Supplied) -> bool:
    """Whether the operator supplied anything to tell market-based carbon by."""
    return bool(supplied.contracts or supplied.residual_mix or supplied.grid_average)


def labels(supplied: Supplied) -> tuple[str, str, str]:
    """Kind, provider and whether it is made up, as the other kinds of carbon have them."""
    return KIND, f"contracts in {supplied.file.name if supplied.file else 'no file'}", "false"


def market_kg(supplied: Supplied, start: datetime, hours: float, kwh: float) -> float:
    """Market-based CO2e of energy used in the `hours` from `start`; NaN where a factor is missing. [kg]"""
    if not kwh >= 0 or hours <= 0:
        return math.nan
    parts = allocate(supplied, start, start + timedelta(hours=hours), kwh)
    left = kwh - math.fsum(covered for _, covered in parts)
    grams = math.fsum(covered * contract.factor.g_per_kwh for contract, covered in parts)
    if left > 1e-9 * kwh:
        rest = supplied.residual_mix or supplied.grid_average
        if rest is None:
            return math.nan
        grams += left * rest.g_per_kwh
    return grams / GRAMS_PER_KG


def market_amounts(account: Account, supplied: Supplied) -> Amounts:
    """What one accounted interval adds; nothing at all where nothing was supplied."""
    if not tells(supplied):
        return
    kind = labels(supplied)
    covered_h, compared_h = account.covered_h.facility_kwh, account.compared_h.facility_kwh
    used = market_kg(supplied, account.start, covered_h, account.totals.facility_kwh)
    known_s = 0.0 if math.isnan(used) else covered_h * SECONDS_PER_H
    yield Amount("accounted_seconds_total", (FIGURE,), known_s, FIGURE)
    missing_s = max(account.period.total_seconds() - known_s, 0.0)
    yield Amount("unaccounted_seconds_total", (FIGURE,), missing_s, FIGURE)
    if not math.isnan(used):
        yield Amount("carbon_grams_total", kind, used * GRAMS_PER_KG, FIGURE)
    sides = {
        "compared": market_kg(supplied, account.start, compared_h, account.compared.facility_kwh),
        "baseline": market_kg(supplied, account.start, compared_h, account.baseline.facility_kwh),
    }
    if any(math.isnan(kg) for kg in sides.values()):
        return  # both or neither, so that they subtract
    yield Amount("compared_seconds_total", (FIGURE,), compared_h * SECONDS_PER_H, FIGURE)
    for side, kg in sides.items():
        yield Amount(f"{side}_carbon_grams_total", (METHOD, *kind), kg * GRAMS_PER_KG, FIGURE)


def market_zeros(supplied: Supplied, *, compared: bool) -> Amounts:
    """Nothing yet, of everything that will be counted."""
    if not tells(supplied):
        return
    kind = labels(supplied)
    for name in ("accounted", "compared", "unaccounted"):
        yield Amount(f"{name}_seconds_total", (FIGURE,), 0.0, FIGURE)
    yield Amount("carbon_grams_total", kind, 0.0, FIGURE)
    for side in ("compared", "baseline") if compared else ():
        yield Amount(f"{side}_carbon_grams_total", (METHOD, *kind), 0.0, FIGURE)
