"""KPIs by hand: sum first, divide last, and never annualize."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest

from plant.kpi import cue, pue, wue

YEAR = timedelta(days=365)


def test_pue_of_a_year_is_total_over_it() -> None:
    found = pue(12_000_000, 8_000_000, YEAR, 1)
    assert found.value == 1.5
    assert found.name == "PUE (category 1)"


def test_under_twelve_months_it_is_interim() -> None:
    assert pue(15, 10, YEAR - timedelta(seconds=1), 2).name == "interim PUE (category 2)"
    assert pue(15, 10, timedelta(days=366), 2).name == "PUE (category 2)"


def test_a_leap_year_of_365_days_is_twelve_months_and_364_are_not() -> None:
    assert pue(15, 10, timedelta(days=364), 1).name.startswith("interim")


def test_the_pue_of_two_months_is_not_the_mean_of_their_pues() -> None:
    # 300/200 and 110/100: mean 1.3, of the sums 410/300 = 1.3667
    assert pue(300 + 110, 200 + 100, timedelta(days=61), 1).value == pytest.approx(410 / 300)


def test_wue_is_liters_per_kilowatt_hour() -> None:
    found = wue(1_800_000, 1_000_000)  # 1800 m3 on 1 GWh: 1.8 m3/MWh
    assert (found.value, found.unit) == (1.8, "L/kWh")


def test_cue_of_an_all_grid_site_is_its_factor_times_pue() -> None:
    assert cue(1200 * 0.4, 800).value == pytest.approx(0.4 * 1200 / 800)


@pytest.mark.parametrize("it_kwh", [0.0, -1.0, math.nan])
def test_without_it_energy_there_is_no_ratio(it_kwh: float) -> None:
    assert math.isnan(pue(100, it_kwh, YEAR, 1).value)
    assert math.isnan(wue(100, it_kwh).value)
    assert math.isnan(cue(100, it_kwh).value)


def test_a_missing_numerator_is_a_missing_ratio() -> None:
    assert math.isnan(wue(math.nan, 100).value)
