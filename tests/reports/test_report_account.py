"""Accounts: sums by hand, gaps that stay gaps, savings that may be negative, parts that add up."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_plant import START, MadeUpPlant

from plant.forecast import CarbonKind, CarbonSeries, PriceSeries
from plant.history import History
from plant.points import PointId
from plant.timegrid import TimeGrid
from reports.account import account
from reports.account_record import Account, CarbonFacts, combine
from reports.baseline import BaselineModel, fit_baseline
from reports.figures import EnergyFigures, Figure

Carbon = Callable[..., CarbonSeries]
Price = Callable[..., PriceSeries]


@pytest.fixture
def accounted(flat_carbon: Carbon, flat_price: Price) -> Callable[..., Account]:
    def run(history: History, baseline: BaselineModel | None = None) -> Account:
        hours = int((history.end - history.start).total_seconds() // 3600) + 2
        start = history.start
        return account(
            history,
            baseline=baseline,
            carbon=flat_carbon(hours, start=start),
            price=flat_price(hours, start=start),
        )

    return run


def test_a_constant_load_adds_up_as_on_paper(made_up: MadeUpPlant, accounted: Callable[..., Account]) -> None:
    history = made_up.history(2, step_s=300)
    for point, value in (
        ("utility-meter.power", 1200.0),
        ("it-meter.power", 1000.0),
        ("cooling-meter.power", 150.0),
        ("makeup-water.flow", 500 / 3.6e6),
    ):
        history.values[point] = value
    totals = accounted(history).totals
    assert totals.facility_kwh == pytest.approx(2400)
    assert totals.it_kwh == pytest.approx(2000)
    assert totals.cooling_kwh == pytest.approx(300)
    assert totals.water_l == pytest.approx(1000)
    assert totals.carbon_kg == pytest.approx(960)  # 2400 kWh at 400 g
    # energy 2400 at 0.10, carbon 0.96 t at 50 a tonne, water 1 m3 at 2.50 (the demo site's tariff)
    assert totals.cost == pytest.approx(240 + 48 + 2.5)


def test_the_planted_saving_lies_inside_its_interval(
    made_up: MadeUpPlant, model: BaselineModel, accounted: Callable[..., Account]
) -> None:
    after = made_up.history(72, seed=7, cooling_saving=0.2, as_found=False)
    truth = made_up.history(72, noise=0.0)
    planted = 0.2 * truth.column("cooling-meter.power").sum() * truth.step_s / 3600
    found = accounted(after, model)
    assert found.interval.low.facility_kwh < planted < found.interval.high.facility_kwh
    assert found.saving.facility_kwh == pytest.approx(planted, rel=0.05)


@pytest.mark.parametrize("cooling_saving", [0.0, 0.15])
def test_the_interval_covers_the_truth_in_at_least_nine_of_ten_worlds(
    made_up: MadeUpPlant, accounted: Callable[..., Account], cooling_saving: float
) -> None:
    covered = 0
    for seed in range(10):
        noisy = {"step_s": 3600, "noise": 0.05, "rho": 0.8}
        before = made_up.history(14 * 24, seed=seed, **noisy)
        found = fit_baseline(before, at=before.end)
        after = made_up.history(72, seed=100 + seed, cooling_saving=cooling_saving, as_found=False, **noisy)
        untouched = made_up.history(72, seed=100 + seed, **noisy)
        meter = PointId("utility-meter.power")
        truth = (untouched.column(meter) - after.column(meter)).sum()
        interval = accounted(after, found).interval
        covered += interval.low.facility_kwh <= truth <= interval.high.facility_kwh
    assert covered >= 9


def test_nothing_changed_shows_no_saving(
    made_up: MadeUpPlant, model: BaselineModel, accounted: Callable[..., Account]
) -> None:
    same = accounted(made_up.history(72, seed=11), model)
    assert same.interval.low.facility_kwh < 0 < same.interval.high.facility_kwh


def test_warmer_air_that_costs_more_at_server_fans_is_a_loss(
    made_up: MadeUpPlant, model: BaselineModel, accounted: Callable[..., Account]
) -> None:
    worse = accounted(made_up.history(24, fan_extra_kw=60, cooling_saving=0.1, as_found=False), model)
    assert worse.saving.cooling_kwh > 0
    assert worse.saving.facility_kwh < 0


def test_a_gap_is_left_out_and_stated_not_filled(
    made_up: MadeUpPlant, model: BaselineModel, accounted: Callable[..., Account]
) -> None:
    history = made_up.history(10)
    whole = accounted(history, model)
    power = history.column("utility-meter.power").copy()
    history.values.iloc[8:16, history.values.columns.get_loc("utility-meter.power")] = np.nan
    gappy = accounted(history, model)
    assert gappy.totals.facility_kwh == pytest.approx(whole.totals.facility_kwh - power[8:16].sum() * 0.25)
    assert gappy.covered_h.facility_kwh == 8
    assert gappy.shares[Figure.FACILITY].missing == pytest.approx(0.2)
    assert gappy.totals.it_kwh == whole.totals.it_kwh
    # the ratio sums leave the same steps out of both sides
    it = history.column("it-meter.power")
    assert gappy.ratios.pue_it_kwh == pytest.approx((it.sum() - it[8:16].sum()) * 0.25)


def test_a_saving_compares_only_steps_both_sides_have(
    made_up: MadeUpPlant, model: BaselineModel, accounted: Callable[..., Account]
) -> None:
    history = made_up.history(10)
    column = history.values.columns.get_loc("outdoor.wet-bulb")
    history.values.iloc[0:20, column] = np.nan  # no weather: no baseline for these five hours
    found = accounted(history, model)
    assert found.covered_h.facility_kwh == 10
    assert found.compared_h.facility_kwh == 5
    assert found.compared.facility_kwh < found.totals.facility_kwh
    assert abs(found.saving.facility_kwh) < 0.02 * found.compared.facility_kwh


def test_missing_carbon_is_a_gap_never_zero(made_up: MadeUpPlant, flat_price: Price) -> None:
    history = made_up.history(4)
    history.values["utility-meter.power"] = 1000.0
    grid = TimeGrid(history.start, 3600, 4)
    intensity = np.array([100.0, np.nan, 300.0, 400.0])
    carbon = CarbonSeries(grid, intensity, CarbonKind.MARGINAL, "test", synthetic=False)
    found = account(history, baseline=None, carbon=carbon, price=flat_price(4))
    assert found.totals.carbon_kg == pytest.approx(800)
    assert found.covered_h.carbon_kg == 3
    assert found.covered_h.facility_kwh == 4
    assert "carbon intensity is missing for 25.0% of the metered time" in found.notes
    assert found.carbon.kind is CarbonKind.MARGINAL


def test_what_is_said_of_the_carbon_gap_is_true_of_the_whole(made_up: MadeUpPlant, flat_price: Price) -> None:
    def one(hour: int, g_per_kwh: float) -> Account:
        history = made_up.history(1, start=START + timedelta(hours=hour))
        grid = TimeGrid(history.start, 3600, 1)
        carbon = CarbonSeries(grid, np.array([g_per_kwh]), CarbonKind.AVERAGE, "test", True)
        return account(history, baseline=None, carbon=carbon, price=flat_price(4))

    day = combine([one(hour, np.nan if hour == 1 else 400.0) for hour in range(4)])
    assert "carbon intensity is missing for 25.0% of the metered time" in day.notes


def test_carbon_follows_the_hours_not_the_mean(made_up: MadeUpPlant, flat_price: Price) -> None:
    history = made_up.history(2)
    history.values["utility-meter.power"] = np.repeat([1000.0, 3000.0], 4)
    carbon = CarbonSeries(
        TimeGrid(history.start, 3600, 2), np.array([500.0, 100.0]), CarbonKind.AVERAGE, "test", False
    )
    found = account(history, baseline=None, carbon=carbon, price=flat_price(2))
    assert found.totals.carbon_kg == pytest.approx(500 + 300)


def test_nothing_measured_is_nan_and_not_zero(
    made_up: MadeUpPlant, accounted: Callable[..., Account]
) -> None:
    history = made_up.history(2)
    history.values["cooling-meter.power"] = np.nan
    found = accounted(history)
    assert math.isnan(found.totals.cooling_kwh)
    assert found.shares[Figure.COOLING].missing == 1


def test_ten_percent_of_samples_dropped_show_as_ten_percent(
    made_up: MadeUpPlant, accounted: Callable[..., Account]
) -> None:
    history = made_up.history(10)
    history.measured_share.loc[:, :] = 0.9
    found = accounted(history)
    shares = found.shares[Figure.FACILITY]
    assert (shares.measured, shares.estimated, shares.missing) == pytest.approx((0.9, 0.1, 0.0))


def test_without_a_baseline_there_is_no_saving(
    made_up: MadeUpPlant, accounted: Callable[..., Account]
) -> None:
    found = accounted(made_up.history(2))
    assert all(math.isnan(v) for v in found.saving.as_dict().values())
    assert "there is no baseline yet" in found.notes


def test_weather_outside_the_fitted_range_is_counted(
    made_up: MadeUpPlant, model: BaselineModel, accounted: Callable[..., Account]
) -> None:
    history = made_up.history(4)
    history.values["outdoor.wet-bulb"] = -15.0
    assert accounted(history, model).extrapolated_h == 4


def _same(a: EnergyFigures, b: EnergyFigures) -> bool:
    return all(
        getattr(a, f.name) == pytest.approx(getattr(b, f.name), rel=1e-9, abs=1e-9, nan_ok=True)
        for f in fields(a)
    )


@settings(max_examples=25, deadline=None)
@given(
    cuts=st.lists(st.integers(1, 47), max_size=3, unique=True),
    gaps=st.lists(st.integers(0, 47), max_size=12),
    meter=st.sampled_from(["utility-meter.power", "it-meter.power", "outdoor.wet-bulb", "makeup-water.flow"]),
)
def test_accounts_of_adjacent_intervals_add_up(
    made_up: MadeUpPlant,
    flat_carbon: Carbon,
    flat_price: Price,
    model: BaselineModel,
    cuts: list[int],
    gaps: list[int],
    meter: str,
) -> None:
    history = made_up.history(12, as_found=False)
    history.values.iloc[gaps, history.values.columns.get_loc(meter)] = np.nan
    rng = np.random.default_rng(2)
    grid = TimeGrid(history.start, 1800, 24)
    intensity = np.where(rng.random(24) < 0.1, np.nan, rng.uniform(50, 600, 24))
    carbon = CarbonSeries(grid, intensity, CarbonKind.AVERAGE, "test", True)

    def run(part: slice) -> Account:
        piece = History(history.site, 900, history.values.iloc[part], history.measured_share.iloc[part])
        return account(piece, baseline=model, carbon=carbon, price=flat_price(12))

    edges = [0, *sorted(cuts), 48]
    pieces = combine([run(slice(a, b)) for a, b in itertools.pairwise(edges)])
    whole = run(slice(0, 48))
    for name in ("totals", "compared", "baseline", "saving", "covered_h", "compared_h"):
        assert _same(getattr(pieces, name), getattr(whole, name)), name
    assert _same(pieces.interval.low, whole.interval.low)
    for f in fields(whole.ratios):
        assert getattr(pieces.ratios, f.name) == pytest.approx(getattr(whole.ratios, f.name), nan_ok=True)
    for figure in Figure:
        assert pieces.shares[figure].missing == pytest.approx(whole.shares[figure].missing)
    assert (pieces.start, pieces.end) == (whole.start, whole.end)


def test_overlapping_accounts_are_refused(made_up: MadeUpPlant, accounted: Callable[..., Account]) -> None:
    once = accounted(made_up.history(2))
    with pytest.raises(ValueError, match="overlaps"):
        combine([once, once])


def test_a_change_of_provider_is_named_and_a_change_of_kind_refused(
    made_up: MadeUpPlant, accounted: Callable[..., Account]
) -> None:
    first = accounted(made_up.history(2))
    later = accounted(made_up.history(2, start=first.end))
    measured = replace(later, carbon=CarbonFacts("grid", CarbonKind.AVERAGE, synthetic=False))
    assert combine([first, measured]).carbon == CarbonFacts("test + grid", CarbonKind.AVERAGE, synthetic=True)
    assert combine([first, later]).carbon == first.carbon
    marginal = replace(later, carbon=CarbonFacts("test", CarbonKind.MARGINAL, synthetic=True))
    with pytest.raises(ValueError, match="kinds of carbon"):
        combine([first, marginal])


def test_time_between_two_accounts_counts_as_missing(
    made_up: MadeUpPlant, accounted: Callable[..., Account]
) -> None:
    first = made_up.history(2)
    later = made_up.history(2, start=first.start + timedelta(hours=4))
    both = combine([accounted(first), accounted(later)])
    assert both.shares[Figure.FACILITY].missing == pytest.approx(2 / 6)


def test_an_interval_that_tells_nothing_is_withheld_and_its_reason_told(
    made_up: MadeUpPlant, accounted: Callable[..., Account]
) -> None:
    rough = {"step_s": 3600, "noise": 0.6, "rho": 0.93}
    before = made_up.history(6 * 24, seed=1, **rough)
    after = made_up.history(24, seed=2, as_found=False, **rough)
    found = accounted(after, fit_baseline(before, at=before.end))
    assert math.isnan(found.interval.low.cooling_kwh)
    assert math.isnan(found.interval.high.cooling_kwh)
    reasons = [note for note in found.notes if note.startswith("cooling_kwh: no interval")]
    assert len(reasons) == 1
    assert "leaves" in reasons[0] or "tells nothing" in reasons[0]
