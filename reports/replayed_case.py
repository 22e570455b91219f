"""The business case from replays: what runs of a scenario saved against the same plant as found.

A replay is a forecast of a measurement, not one: its range is how much the runs differ from each other and
what the operator adds for everything a simulation does not know. That is the first assumption.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from plant.errors import ConfigError
from reports.business_case import (
    AnnualBasis,
    BusinessCase,
    Investment,
    PilotCandidate,
    Range,
    check_basis,
    terms_in_words,
    worth,
)
from reports.statistics import CONFIDENCE


@dataclass(frozen=True, slots=True)
class Replayed:
    """One run and the same plant as found over the same hours: what it saved. NaN where it cannot be told."""

    label: str
    currency: str
    hours: float
    facility_kwh: float
    cost: float
    carbon_kg: float


def case_of_replays(runs: Sequence[Replayed], terms: Investment, annual: AnnualBasis) -> BusinessCase:
    """What runs promise for a year. `annual` says for how many of its hours, and how sure that is.

    Raises
    ------
    ConfigError
        If there is no run with a saving, or runs count in different currencies.
    """
    check_basis(annual)
    if not runs or any(math.isnan(r.cost) for r in runs):
        raise ConfigError(
            "business case", "has no replay with a saving", "give runs whose scenario is compared as found"
        )
    if len({r.currency for r in runs}) > 1:
        raise ConfigError("business case", "mixes currencies", "give runs of one site")
    currency = runs[0].currency
    assumptions = [
        f"replayed, not measured: {len(runs)} runs of a simulated plant, {sum(r.hours for r in runs):.0f} h; "
        + ("the range is their spread" if len(runs) > 1 else "one run tells no spread of its own"),
        f"carried over to {annual.hours:.0f} hours of a year, ±{annual.spread:.0%} more: {annual.says}",
        "cost is energy, carbon price and water at the tariff of the scenario, without demand charges",
        terms_in_words(terms, currency),
        f"runs: {', '.join(r.label for r in runs)}",
    ]
    return worth(
        currency,
        _yearly(runs, lambda r: r.facility_kwh, annual),
        _yearly(runs, lambda r: r.cost, annual),
        _yearly(runs, lambda r: r.carbon_kg, annual).times(1 / 1000),
        terms,
        assumptions,
    )


def pilot_of_replays(name: str, levers: Sequence[str], runs: Sequence[Replayed]) -> PilotCandidate:
    """A pilot candidate: what runs in which only its levers were moved saved, each over its hours."""
    hours = sum(r.hours for r in runs) / max(len(runs), 1)
    saved = _yearly(runs, lambda r: r.facility_kwh, AnnualBasis(hours, 0.0, ""))
    return PilotCandidate(name, saved, tuple(levers))


def _yearly(runs: Sequence[Replayed], of: Callable[[Replayed], float], annual: AnnualBasis) -> Range:
    """Mean rate of the runs times the year's hours; Student's interval over runs, spread in quadrature."""
    from scipy.stats import t as student  # heavy to import, needed only here

    rates = [of(r) / r.hours for r in runs]
    mid = math.fsum(rates) / len(rates)
    half = 0.0
    if len(rates) > 1:
        deviation = math.sqrt(math.fsum((r - mid) ** 2 for r in rates) / (len(rates) - 1))
        quantile = float(student.ppf(1 - (1 - CONFIDENCE) / 2, len(rates) - 1))
        half = quantile * deviation / math.sqrt(len(rates))
    elif annual.spread == 0:
        half = math.nan
    whole = math.hypot(half * annual.hours, annual.spread * mid * annual.hours)
    return Range(mid * annual.hours - whole, mid * annual.hours, mid * annual.hours + whole)
