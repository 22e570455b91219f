"""The business case: nothing is multiplied up in silence, and money follows from the measured range."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from made_up_plant import MadeUpPlant

from plant.errors import ConfigError
from plant.site import Site
from reports.account import account
from reports.account_record import Account
from reports.baseline_model import BaselineModel
from reports.business_case import (
    AnnualBasis,
    Investment,
    PilotCandidate,
    Range,
    business_case,
    where_to_start,
)
from reports.figures import EnergyFigures

TERMS = Investment(once=10_000.0, yearly=500.0, years=3, discount=0.1)
SUMMER = AnnualBasis(hours=4000.0, spread=0.3, says="summer hours of 2025, facility manager")


@pytest.fixture(scope="module")
def saved(
    made_up: MadeUpPlant,
    model: BaselineModel,
    flat_carbon: Callable[..., object],
    flat_price: Callable[..., object],
) -> Account:
    after = made_up.history(72, cooling_saving=0.2, seed=3, as_found=False)
    return account(after, baseline=model, carbon=flat_carbon(72), price=flat_price(72))  # type: ignore[arg-type]


def test_three_days_are_not_a_year(saved: Account) -> None:
    with pytest.raises(ConfigError, match="3 days are not a year"):
        business_case(saved, TERMS)


def test_carrying_over_is_said_first_and_widens_the_range(saved: Account) -> None:
    case = business_case(saved, TERMS, SUMMER)
    assert case.assumptions[0].startswith("carried over from 72 measured hours to 4000 hours of a year, ±30%")
    assert case.kwh.mid == pytest.approx(saved.saving.facility_kwh * 4000 / 72)
    measured_half = (saved.interval.high.facility_kwh - saved.saving.facility_kwh) * 4000 / 72
    assert case.kwh.high - case.kwh.mid == pytest.approx(math.hypot(measured_half, 0.3 * case.kwh.mid))


def test_payback_and_present_value_are_those_computed_by_hand(saved: Account) -> None:
    # 6000 a year less 500: 10000 / 5500 = 1.8182 years;
    # 5500/1.1 + 5500/1.21 + 5500/1.331 - 10000 = 5000 + 4545.45 + 4132.23 - 10000 = 3677.69
    year = _of_a_year(saved, cost=6000.0)
    case = business_case(year, TERMS)
    assert case.payback_years.mid == pytest.approx(1.8182, abs=1e-4)
    assert case.net_present_value.mid == pytest.approx(3677.69, abs=0.01)


def test_a_saving_that_does_not_pay_its_upkeep_is_never_earned_back(saved: Account) -> None:
    case = business_case(_of_a_year(saved, cost=400.0), TERMS)
    assert case.payback_years.mid == math.inf
    assert case.net_present_value.mid < -10_000


def test_a_case_without_a_qualified_baseline_is_refused(saved: Account) -> None:
    parts = tuple(replace(p, qualified=False) for p in saved.baseline_parts)
    with pytest.raises(ConfigError, match="qualified"):
        business_case(replace(saved, baseline_parts=parts), TERMS, SUMMER)


def test_the_pilot_starts_where_the_low_end_per_lever_is_best(demo_site: Site) -> None:
    sure = PilotCandidate("zone-a", Range(90, 100, 110), ("zone-a.supply-air", "zone-a.fan-speed"))
    lucky = PilotCandidate("zone-b", Range(-50, 150, 350), ("zone-b.supply-air", "zone-b.fan-speed"))
    water = PilotCandidate("chilled water", Range(80, 90, 100), ("plant.chilled-water",))
    assert [c.name for c in where_to_start(demo_site, [lucky, sure, water])] == [
        "chilled water",
        "zone-a",
        "zone-b",
    ]


def test_a_candidate_with_a_lever_the_site_lacks_is_refused(demo_site: Site) -> None:
    with pytest.raises(ConfigError, match="zone-z"):
        where_to_start(demo_site, [PilotCandidate("z", Range(1, 2, 3), ("zone-z.fan-speed",))])


def _of_a_year(saved: Account, cost: float) -> Account:
    """The same account over 365 days with another saving of money."""
    figures = replace(saved.compared, cost=saved.baseline.cost - cost)
    return replace(
        saved,
        end=saved.start + timedelta(days=365),
        compared=EnergyFigures.of(lambda f: figures[f]),
    )
