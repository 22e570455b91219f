"""Greenhouse gases of a period, each basis in rows of its own: never added, never netted.

Scope 2 location-based and market-based side by side (GHG Protocol Scope 2 Guidance, 2015), marginal
for consequences of what we changed, on-site fuel as Scope 1. Every row has its factor and the
factor's source, year and kind. Avoided emissions stand apart and are taken off nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from plant.forecast import CarbonKind
from reports.account_record import Account
from reports.pairs import PairKey
from reports.supplied import Factor, Supplied, allocate


class Basis(StrEnum):
    """Which question a row answers."""

    LOCATION = "scope 2 location-based"
    MARKET = "scope 2 market-based"
    MARKET_HOURLY = "scope 2 market-based, hour by hour"
    FUEL = "scope 1 on-site fuel"
    AVOIDED_AVERAGE = "avoided, average factor"
    AVOIDED_MARGINAL = "avoided, marginal factor"


@dataclass(frozen=True, slots=True)
class CarbonRow:
    """One amount of energy times one factor. NaN where it is withheld.

    `kwh` is electricity, or the fuel's energy; `kg` is `kwh * factor.g_per_kwh / 1000`, but for
    hourly factors the sum over steps, and then the factor shown is their weighted mean.
    """

    key: str
    basis: Basis
    what: str
    kwh: float
    kg: float
    factor: Factor | None
    synthetic: bool = False
    evidence: str = ""
    withheld: str | None = None


@dataclass(frozen=True)
class CarbonStatement:
    """All rows of a period, in order; totals are by basis and never across."""

    rows: tuple[CarbonRow, ...]
    assumptions: tuple[str, ...]

    def total_kg(self, basis: Basis) -> float:
        """Sum of a basis; NaN where any row of it is withheld or there is none."""
        rows = [r for r in self.rows if r.basis is basis]
        return math.fsum(r.kg for r in rows) if rows else math.nan


def carbon_statement(of: Account, supplied: Supplied, marginal: Account | None = None) -> CarbonStatement:
    """Every basis of a period.

    Parameters
    ----------
    of : Account
        The period, with the site's own carbon feed.
    marginal : Account or None
        The same period accounted with a marginal feed, where one is named.
    """
    assumptions = ["contract volumes are spread evenly over each contract's own time"]
    if of.carbon.synthetic:
        assumptions.append(f"the carbon factors of {of.carbon.provider} are synthetic: not for disclosure")
    rows = [_location(of), *_market(of, supplied, assumptions), *_hour_by_hour(of, supplied)]
    rows += _fuels(of, supplied)
    rows += _avoided(of, marginal)
    return CarbonStatement(tuple(rows), tuple(assumptions))


def _hourly(of: Account, kwh: float, kg: float) -> Factor:
    mean = kg / kwh * 1000 if kwh else math.nan
    return Factor(mean, of.carbon.provider, of.start.year, f"{of.carbon.kind}, of each step")


def _location(of: Account) -> CarbonRow:
    counted = of.pairs.get(PairKey.CARBON_PER_FACILITY)
    kwh = counted.denominator if counted else of.totals.facility_kwh
    kg = of.totals.carbon_kg
    what = "electricity by the grid's average factor"
    if of.carbon.kind is not CarbonKind.AVERAGE:
        reason = "the site's carbon feed is marginal; location-based needs an average factor"
        return CarbonRow("location", Basis.LOCATION, what, kwh, math.nan, None, withheld=reason)
    missing_h = of.covered_h.facility_kwh - of.covered_h.carbon_kg
    reason_gap = f"no factor for {missing_h:.1f} h of metered time" if missing_h > 1e-9 else None
    if math.isnan(kg):
        return CarbonRow("location", Basis.LOCATION, what, kwh, kg, None, withheld="no carbon factors")
    return CarbonRow(
        "location",
        Basis.LOCATION,
        what if reason_gap is None else f"{what} ({reason_gap}: that time is not in the sum)",
        kwh,
        kg,
        _hourly(of, kwh, kg),
        of.carbon.synthetic,
    )


def _market(of: Account, supplied: Supplied, assumptions: list[str]) -> list[CarbonRow]:
    """Certificates and contracts first, then the residual mix, then (said so) the grid average."""
    kwh = of.totals.facility_kwh
    if math.isnan(kwh):
        return [_withheld(Basis.MARKET, "market", "facility energy is not metered")]
    rows, left = [], kwh
    for contract, covered in allocate(supplied, of.start, of.end, kwh):
        factor = contract.factor
        rows.append(
            CarbonRow(
                f"market/{contract.id}",
                Basis.MARKET,
                f"{contract.kind} {contract.id}",
                covered,
                covered * factor.g_per_kwh / 1000,
                factor,
                evidence=contract.evidence,
            )
        )
        left -= covered
    if left <= 1e-9 * kwh:
        return rows
    rest = supplied.residual_mix or supplied.grid_average
    if rest is None:
        reason = f"operator must supply residual_mix for {left:.0f} kWh without a contract"
        return [*rows, _withheld(Basis.MARKET, "market/rest", reason, left)]
    if supplied.residual_mix is None:
        assumptions.append("no residual mix was supplied: the grid average stands in for it")
    what = f"electricity without a contract, {rest.kind}"
    return [*rows, CarbonRow("market/rest", Basis.MARKET, what, left, left * rest.g_per_kwh / 1000, rest)]


def _hour_by_hour(of: Account, supplied: Supplied) -> list[CarbonRow]:
    """The option: contracts with an hourly series cover only what was used in the hour they generated."""
    if not supplied.hourly:
        return []
    matched, rest = of.pairs[PairKey.HOURLY_MATCHED], of.pairs[PairKey.HOURLY_REST]
    kwh = matched.denominator
    left = of.totals.facility_kwh - kwh
    share = kwh / of.totals.facility_kwh if of.totals.facility_kwh else math.nan
    names = ", ".join(v.id for v in supplied.hourly)
    mean = matched.numerator / kwh * 1000 if kwh > 0 else math.nan
    sources = "; ".join(dict.fromkeys(v.factor.source for v in supplied.hourly))
    factor = Factor(mean, sources, supplied.hourly[0].factor.year, "contracts, weighted")
    evidence = "; ".join(dict.fromkeys(v.evidence for v in supplied.hourly))
    rows = [
        CarbonRow(
            "market_hourly/matched",
            Basis.MARKET_HOURLY,
            f"{share:.1%} matched in its own hour ({names})",
            kwh,
            matched.numerator,
            factor,
            evidence=evidence,
        )
    ]
    mix = supplied.residual_mix or supplied.grid_average
    if mix is None:
        reason = f"operator must supply residual_mix for {left:.0f} kWh no contract matched in its hour"
        return [*rows, _withheld(Basis.MARKET_HOURLY, "market_hourly/rest", reason, left)]
    what = f"not matched in its hour, {mix.kind}"
    return [
        *rows,
        CarbonRow("market_hourly/rest", Basis.MARKET_HOURLY, what, rest.denominator, rest.numerator, mix),
    ]


def _fuels(of: Account, supplied: Supplied) -> list[CarbonRow]:
    return [
        CarbonRow(
            f"fuel/{fuel.id}",
            Basis.FUEL,
            f"{fuel.amount:g} {fuel.unit} {fuel.fuel}",
            fuel.amount * fuel.kwh_per_unit,
            fuel.amount * fuel.kg_per_unit,
            Factor(fuel.kg_per_unit / fuel.kwh_per_unit * 1000, fuel.source, fuel.year, "combustion"),
            evidence=fuel.evidence,
        )
        for fuel in supplied.fuels_in(of.start, of.end)
    ]


def _avoided(of: Account, marginal: Account | None) -> list[CarbonRow]:
    average = of if of.carbon.kind is CarbonKind.AVERAGE else None
    consequence = marginal or (of if of.carbon.kind is CarbonKind.MARGINAL else None)
    rows = []
    for basis, key, one in (
        (Basis.AVOIDED_AVERAGE, "avoided/average", average),
        (Basis.AVOIDED_MARGINAL, "avoided/marginal", consequence),
    ):
        if one is None:
            kind = "an average" if basis is Basis.AVOIDED_AVERAGE else "a marginal"
            rows.append(_withheld(basis, key, f"no carbon feed with {kind} factor is named"))
        elif math.isnan(one.saving.carbon_kg):
            rows.append(_withheld(basis, key, "there is no baseline to compare with"))
        else:
            kwh, kg = one.saving.facility_kwh, one.saving.carbon_kg
            low, high = one.interval.low.carbon_kg, one.interval.high.carbon_kg
            band = "" if math.isnan(low) else f", 90 % interval {low:.1f} to {high:.1f} kg"
            what = f"baseline minus actual{band}; in no total"
            # A mean factor of a difference means nothing, so none is shown: the steps have their own.
            factor = _hourly(one, 0.0, kg)
            rows.append(CarbonRow(key, basis, what, kwh, kg, factor, one.carbon.synthetic))
    return rows


def _withheld(basis: Basis, key: str, reason: str, kwh: float = math.nan) -> CarbonRow:
    return CarbonRow(key, basis, "", kwh, math.nan, None, withheld=reason)
