"""The interval of cost holds every priced meter's uncertainty, and covers zero where nothing changed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from made_up_plant import MadeUpPlant, ar1

from plant.forecast import CarbonSeries, PriceSeries
from plant.history import History
from plant.site import Site
from plant.timegrid import TimeGrid
from reports.account import account
from reports.account_record import Account, combine
from reports.baseline import fit_baseline
from reports.baseline_model import BaselineModel, MeterName
from reports.baseline_part import BaselinePart, Stake
from reports.figures import EnergyFigures, Figure
from reports.statistics import FitStatistics, saving_half_width

Carbon = Callable[..., CarbonSeries]
FITTED_H = 14 * 24
DEAR_PER_M3 = 60.0
"""Water at this price is about a third of the made-up plant's cost, and its meter the worse understood."""


def with_water_at(site: Site, per_m3: float) -> Site:
    return replace(site, tariff=replace(site.tariff, water_price_per_m3=per_m3))


def unchanged_world(site: Site, seed: int, days: int, together: float) -> tuple[History, History]:
    """Two weeks and then `days` more of the same plant; water's noise goes along with cooling's or not."""
    hours = FITTED_H + 24 * days
    whole = MadeUpPlant(site).history(hours, step_s=3600, seed=seed, noise=0.05, rho=0.8)
    cooling = ar1(np.random.default_rng(seed), hours, 0.8)  # the draw `history` made for cooling
    own = ar1(np.random.default_rng(9000 + seed), hours, 0.8)
    noise = together * cooling + math.sqrt(1 - together**2) * own
    whole.values["makeup-water.flow"] *= np.maximum(1 + 0.2 * noise, 0)
    return part(whole, slice(0, FITTED_H)), part(whole, slice(FITTED_H, hours))


def part(history: History, rows: slice) -> History:
    return replace(
        history, values=history.values.iloc[rows], measured_share=history.measured_share.iloc[rows]
    )


def told(history: History, model: BaselineModel, carbon: Carbon, price: float | np.ndarray = 0.1) -> Account:
    hours = len(history.values) * history.step_s // 3600
    grid = TimeGrid(history.start, 3600, hours)
    prices = PriceSeries(grid, np.full(hours, 1.0) * price, "USD", "test")
    return account(history, baseline=model, carbon=carbon(hours, start=history.start), price=prices)


@pytest.mark.parametrize(("days", "together"), [(1, 0.0), (1, 0.9), (3, 0.0)])
def test_where_nothing_was_changed_the_cost_interval_covers_zero(
    demo_site: Site, flat_carbon: Carbon, days: int, together: float
) -> None:
    site, covered, by_energy_alone, carbon = with_water_at(demo_site, DEAR_PER_M3), 0, 0, 0
    for seed in range(10):
        before, after = unchanged_world(site, seed, days, together)
        found = told(after, fit_baseline(before, at=before.end), flat_carbon)
        interval, one = found.interval, found.baseline_parts[0]
        covered += interval.low.cost < 0 < interval.high.cost
        carbon += interval.low.carbon_kg < 0 < interval.high.carbon_kg
        fit, hours = one.statistics[MeterName.FACILITY], one.hours.cost
        by_energy_alone += abs(found.saving.cost) < saving_half_width(
            one.amounts.cost, hours, fit, one.sparse.cost
        )
    assert covered >= 9
    assert carbon >= 9
    assert by_energy_alone <= 6  # water's misfit is what this is about


def test_a_planted_saving_of_cost_lies_inside_its_interval(demo_site: Site, flat_carbon: Carbon) -> None:
    before, after = unchanged_world(with_water_at(demo_site, DEAR_PER_M3), 3, 3, 0.0)
    model = fit_baseline(before, at=before.end)
    after.values["utility-meter.power"] -= 200.0  # 200 kW · 72 h at 0.10 and 0.4 kg · 0.05
    interval = told(after, model, flat_carbon).interval
    assert interval.low.cost < 200 * 72 * (0.10 + 0.4 * 0.05) < interval.high.cost


ENERGY = FitStatistics(n=720, p=3, mean=1000.0, cv_rmse=0.02, nmbe=0.0, rho=0.5)
WATER = FitStatistics(n=720, p=3, mean=600.0, cv_rmse=0.20, nmbe=0.0, rho=0.5)


def one_part(*cost: Stake, water: FitStatistics = WATER) -> BaselinePart:
    amounts = EnergyFigures.of(lambda f: 1000.0 if f is Figure.COST else 10_000.0)
    nothing, day = EnergyFigures.of(lambda _: 0.0), EnergyFigures.of(lambda _: 24.0)
    fits = {MeterName.FACILITY: ENERGY, MeterName.WATER: water}
    return BaselinePart("m", True, (), amounts, nothing, day, fits, cost)


def test_the_half_widths_of_energy_and_water_are_added_as_on_paper() -> None:
    of = one_part(Stake(MeterName.FACILITY, 800.0, 50.0), Stake(MeterName.WATER, 200.0, 0.0))
    # n' = 720 / 3 = 240, t(237) = 1.6513 (table), sqrt(3 · (1/24 + 3/720)) = 0.37081,
    # CV'' = CV · sqrt(717/720 · 240/237) = 1.00420 CV
    energy = math.hypot(1.6513 * 800 * 0.02 * 1.00420 * 0.37081, 0.04 * 50)
    water = 1.6513 * 200 * 0.20 * 1.00420 * 0.37081
    assert of.half_width(Figure.COST) == pytest.approx(energy + water, rel=1e-4)


def test_water_that_has_no_interval_of_its_own_still_widens_that_of_cost() -> None:
    loose = replace(WATER, cv_rmse=1.0)
    of = one_part(Stake(MeterName.FACILITY, 900.0, 0.0), Stake(MeterName.WATER, 100.0, 0.0), water=loose)
    assert math.isnan(of.half_width(Figure.WATER))  # 1.6513 · 1.0042 · 0.37081 = 61 % of it
    energy = 1.6513 * 900 * 0.02 * 1.00420 * 0.37081
    assert of.half_width(Figure.COST) == pytest.approx(energy + 61.49, rel=1e-3)


def test_cost_has_no_interval_where_the_water_fit_carries_none_and_says_so() -> None:
    stuck = replace(WATER, rho=0.995)  # 720 · 0.005 / 1.995 = 1.8 hours for three parameters
    of = one_part(Stake(MeterName.FACILITY, 900.0, 0.0), Stake(MeterName.WATER, 100.0, 0.0), water=stuck)
    assert math.isnan(of.half_width(Figure.COST))
    assert "cost: no interval, autocorrelation 0.99 of water_l_h leaves 1.8" in str(
        of.interval_problem(Figure.COST)
    )
    assert of.interval_problem(Figure.FACILITY) is None


def test_hours_of_negative_price_make_nothing_surer(demo_site: Site, flat_carbon: Carbon) -> None:
    site = replace(
        demo_site, tariff=replace(demo_site.tariff, water_price_per_m3=0.0, carbon_price_per_tonne=0.0)
    )
    before, after = unchanged_world(site, 5, 1, 0.0)
    model = fit_baseline(before, at=before.end)
    dear, mixed = (told(after, model, flat_carbon, p) for p in (0.1, 0.1 * np.tile([1.0, -1.0], 12)))
    widths = [(of.interval.high.cost - of.interval.low.cost) / 2 for of in (dear, mixed)]
    assert abs(mixed.baseline.cost) < 0.1 * dear.baseline.cost
    assert widths[1] == pytest.approx(widths[0])


def test_the_cost_interval_of_a_period_does_not_depend_on_how_it_is_cut(
    demo_site: Site, flat_carbon: Carbon
) -> None:
    before, after = unchanged_world(with_water_at(demo_site, DEAR_PER_M3), 6, 2, 0.0)
    model = fit_baseline(before, at=before.end)
    whole = told(after, model, flat_carbon)
    days = [told(part(after, slice(a, a + 24)), model, flat_carbon) for a in (0, 24)]
    assert combine(days).interval.low.cost == pytest.approx(whole.interval.low.cost)
