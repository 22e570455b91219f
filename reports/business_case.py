"""The business case: what a measured saving is worth in a year, with its range and its assumptions.

A saving that was measured over a year is taken as it is. One from a shorter time is only carried over to a
year where the operator says which year it stands for (`AnnualBasis`), the range then grows, and the result
says so in its first assumption. Nothing is multiplied up in silence.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from plant.errors import ConfigError
from plant.site import Site
from reports.account_record import Account
from reports.figures import Figure

_YEAR = timedelta(days=365)
_HOURS_A_YEAR = 8760.0


@dataclass(frozen=True, slots=True)
class Range:
    """A value with the ends of its range. NaN ends: no range can be told."""

    low: float
    mid: float
    high: float

    def times(self, factor: float) -> Range:
        """Scaled; a negative factor turns the ends around."""
        ends = sorted((self.low * factor, self.high * factor))
        return Range(ends[0], self.mid * factor, ends[1])


@dataclass(frozen=True, slots=True)
class AnnualBasis:
    """How a saving measured over less than a year is carried over to a year, and how unsure that is.

    `hours` is how many hours of a year are like the measured ones (season and load), `spread` by which
    share the yearly saving may differ from that for reasons the measurement could not see, and `says`
    whose judgment that is. Hours beyond `hours` count as saving nothing.
    """

    hours: float
    spread: float
    says: str


@dataclass(frozen=True, slots=True)
class Investment:
    """Money in and the terms it is judged on. Rates are yearly fractions."""

    once: float
    yearly: float
    years: int
    discount: float
    price_growth: float = 0.0


@dataclass(frozen=True)
class BusinessCase:
    """Yearly amounts and what they are worth; `payback_years` is infinite where it is never earned back."""

    currency: str
    kwh: Range
    money: Range
    co2e_t: Range
    payback_years: Range
    net_present_value: Range
    assumptions: tuple[str, ...]


def business_case(of: Account, investment: Investment, annual: AnnualBasis | None = None) -> BusinessCase:
    """What the saving of an account is worth.

    Raises
    ------
    ConfigError
        If the account is shorter than a year and nobody said how to carry it over, has no comparison or
        its baseline is not qualified, or the terms make no sense.
    """
    _check(of, investment, annual)
    factor, spread, said = _to_a_year(of, annual)
    kwh = _yearly(of, Figure.FACILITY, factor, spread)
    money = _yearly(of, Figure.COST, factor, spread)
    carbon = _yearly(of, Figure.CARBON, factor, spread).times(1 / 1000)
    assumptions = [
        *said,
        "cost is energy, carbon price and water at the tariff of the measured time, without demand charges",
        f"{of.carbon.kind} carbon factors of {of.carbon.provider}"
        + (" (synthetic)" if of.carbon.synthetic else ""),
        terms_in_words(investment, of.currency),
        *of.notes,
    ]
    return worth(of.currency, kwh, money, carbon, investment, assumptions)


def worth(
    currency: str, kwh: Range, money: Range, co2e_t: Range, terms: Investment, assumptions: Sequence[str]
) -> BusinessCase:
    """What yearly amounts are worth on these terms."""
    check_terms(terms)
    return BusinessCase(
        currency, kwh, money, co2e_t, _payback(money, terms), _npv(money, terms), tuple(assumptions)
    )


def terms_in_words(terms: Investment, currency: str) -> str:
    """The terms as an assumption."""
    return (
        f"{terms.once:g} {currency} once and {terms.yearly:g} a year, {terms.years} years, "
        f"discount {terms.discount:.1%}, prices growing {terms.price_growth:.1%} a year"
    )


def cash_flow(money: float, terms: Investment) -> tuple[float, ...]:
    """Discounted cash added up, from the day of the investment to the end of each year."""
    total, found = -terms.once, [-terms.once]
    for y in range(1, terms.years + 1):
        net = money * (1 + terms.price_growth) ** (y - 1) - terms.yearly
        total += net / (1 + terms.discount) ** y
        found.append(total)
    return tuple(found)


def _check(of: Account, investment: Investment, annual: AnnualBasis | None) -> None:
    if math.isnan(of.saving.cost) or not all(p.qualified for p in of.baseline_parts):
        raise ConfigError(
            "business case",
            "has no saving from a qualified baseline",
            "measure first: see the report's notes",
        )
    if of.period < _YEAR and annual is None:
        days = of.period.total_seconds() / 86400
        raise ConfigError(
            "business case",
            f"{days:.0f} days are not a year",
            "measure a year, or say which hours of the year they stand for",
        )
    if annual is not None:
        check_basis(annual)
    check_terms(investment)


def check_basis(annual: AnnualBasis) -> None:
    """Refuse a basis that is not a part of a year.

    Raises
    ------
    ConfigError
        If it has no hours, more than a year's, or a negative spread.
    """
    if not (0 < annual.hours <= _HOURS_A_YEAR and annual.spread >= 0):
        raise ConfigError("business case, annual basis", "is not a part of a year", "give 1 to 8760 hours")


def check_terms(terms: Investment) -> None:
    """Refuse terms that make no sense.

    Raises
    ------
    ConfigError
        If there is no year, or money is worth nothing a year later.
    """
    if terms.years < 1 or terms.discount <= -1:
        raise ConfigError(
            "business case, terms", "make no sense", "give years ≥ 1 and a discount above -100 %"
        )


def _to_a_year(of: Account, annual: AnnualBasis | None) -> tuple[float, float, list[str]]:
    measured_h = of.compared_h.facility_kwh
    if annual is None:
        gap = 1 - measured_h / (of.period.total_seconds() / 3600)
        return _YEAR / of.period, 0.0, [f"measured over a year ({gap:.1%} of it without data saves nothing)"]
    said = (
        f"carried over from {measured_h:.0f} measured hours to {annual.hours:.0f} hours of a year, "
        f"±{annual.spread:.0%} beyond the measurement's own interval: {annual.says}"
    )
    return annual.hours / measured_h, annual.spread, [said]


def _yearly(of: Account, figure: Figure, factor: float, spread: float) -> Range:
    """Measured range and what the carrying over adds, in quadrature."""
    mid, high = of.saving[figure] * factor, of.interval.high[figure] * factor
    half = math.hypot(high - mid, spread * mid)
    return Range(mid - half, mid, mid + half)


def _payback(money: Range, terms: Investment) -> Range:
    def years(saved: float) -> float:
        net = saved - terms.yearly
        if math.isnan(net):
            return math.nan
        return terms.once / net if net > 0 else math.inf

    return Range(years(money.high), years(money.mid), years(money.low))


def _npv(money: Range, terms: Investment) -> Range:
    """Σ (saved·(1+g)^(y-1) - yearly) / (1+d)^y - once, at the end of each year y."""

    def value(saved: float) -> float:
        yearly = (
            (saved * (1 + terms.price_growth) ** (y - 1) - terms.yearly) / (1 + terms.discount) ** y
            for y in range(1, terms.years + 1)
        )
        return math.fsum(yearly) - terms.once

    return Range(value(money.low), value(money.mid), value(money.high))


@dataclass(frozen=True, slots=True)
class PilotCandidate:
    """One zone or lever group and what controlling it alone saved. [kWh over the same replayed time]"""

    name: str
    saved_kwh: Range
    levers: tuple[str, ...]


def where_to_start(site: Site, trials: Sequence[PilotCandidate]) -> tuple[PilotCandidate, ...]:
    """Candidates by what they surely bring: the low end of the range, per lever, first the best.

    `trials` come from replays in which only that candidate's levers were moved.

    Raises
    ------
    ConfigError
        If a candidate names a lever the site does not have.
    """
    known = set(site.lever_by_id)
    for trial in trials:
        strangers = set(trial.levers) - known
        if strangers or not trial.levers:
            raise ConfigError(
                f"pilot candidate {trial.name}",
                f"names no lever of the site ({', '.join(sorted(strangers)) or 'none'})",
                "use ids of the site file",
            )

    def surely(trial: PilotCandidate) -> tuple[float, float]:
        low = trial.saved_kwh.low if not math.isnan(trial.saved_kwh.low) else -math.inf
        return -low / len(trial.levers), -trial.saved_kwh.mid

    return tuple(sorted(trials, key=surely))
