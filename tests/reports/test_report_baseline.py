"""The baseline finds a law that was planted, refuses data that carry none, and says why."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from made_up_plant import MadeUpPlant

from plant.history import History
from plant.points import SITE
from plant.quantities import Quantity
from reports.baseline import BaselineModel, Basis, MeterName, fit_baseline
from reports.hourly import hourly_as_found

FORTNIGHT = 14 * 24


def test_two_weeks_as_found_make_a_qualified_baseline(model: BaselineModel) -> None:
    assert model.qualified
    assert model.statistics[MeterName.FACILITY].cv_rmse < 0.01
    assert model.statistics[MeterName.FACILITY].n == FORTNIGHT


def test_the_planted_law_is_predicted_where_it_was_seen(made_up: MadeUpPlant, model: BaselineModel) -> None:
    truth = made_up.history(48, noise=0.0)
    estimate = model.estimate(truth)
    np.testing.assert_allclose(estimate.facility_kw, truth.column("utility-meter.power"), rtol=0.01)
    np.testing.assert_allclose(estimate.it_kw, truth.column("it-meter.power"), rtol=1e-3)
    np.testing.assert_allclose(estimate.water_l_h, truth.column("makeup-water.flow") * 3.6e6, rtol=0.02)


def test_it_power_of_the_baseline_does_not_follow_our_air(made_up: MadeUpPlant, model: BaselineModel) -> None:
    # 40 kW more server fans at the same utilization: the site as found would not have had them.
    warm = made_up.history(24, fan_extra_kw=40.0, as_found=False)
    cool = made_up.history(24)
    np.testing.assert_allclose(model.estimate(warm).it_kw, model.estimate(cool).it_kw)


def test_without_utilization_the_model_says_what_it_cannot_see(without_utilization: MadeUpPlant) -> None:
    history = without_utilization.history(FORTNIGHT)
    model = fit_baseline(history, at=history.end)
    assert model.basis is Basis.IT_POWER
    assert model.qualified
    assert "server fans" in model.reasons[0]


def test_hours_with_a_lever_elsewhere_and_the_hour_after_are_left_out(made_up: MadeUpPlant) -> None:
    history = made_up.history(FORTNIGHT)
    lever = history.site.levers[0]
    history.values.loc[history.values.index[4 * 100 + 2], lever.points[0]] += 2 * lever.resolution
    model = fit_baseline(history, at=history.end)
    assert model.statistics[MeterName.FACILITY].n == FORTNIGHT - 2


def test_a_setpoint_nobody_reported_is_not_taken_for_as_found(made_up: MadeUpPlant) -> None:
    history = made_up.history(FORTNIGHT)
    history.values[history.site.levers[0].points[0]] = np.nan
    model = fit_baseline(history, at=history.end)
    assert not model.qualified
    assert model.reasons == ("only 0 usable as-found hours, 48 are needed",)


def test_a_model_without_data_predicts_nothing_rather_than_zero(made_up: MadeUpPlant) -> None:
    history = made_up.history(24)
    estimate = fit_baseline(history, at=history.end).estimate(history)
    assert np.isnan(estimate.facility_kw).all()


def test_a_load_that_weather_does_not_explain_is_refused(made_up: MadeUpPlant) -> None:
    history = made_up.history(FORTNIGHT)
    rng = np.random.default_rng(5)
    history.values["utility-meter.power"] = np.repeat(rng.exponential(500, FORTNIGHT), 4)
    model = fit_baseline(history, at=history.end)
    assert not model.qualified
    assert any("CV(RMSE)" in reason for reason in model.reasons)


def test_missing_input_is_missing_output(model: BaselineModel) -> None:
    drivers = {zone: np.array([0.5, np.nan]) for zone in model.weights_kw}
    estimate = model.predict(drivers, np.array([np.nan, 15.0]))
    assert np.isnan(estimate.facility_kw).all()
    assert np.isfinite(estimate.it_kw).tolist() == [True, False]


def test_a_model_read_back_from_json_is_equal(model: BaselineModel) -> None:
    text = model.to_json()
    assert BaselineModel.from_json(text) == model
    json.loads(text, parse_constant=pytest.fail)  # strict JSON: no NaN, no Infinity


def test_an_unfitted_model_survives_json_too(made_up: MadeUpPlant) -> None:
    history = made_up.history(24)
    model = fit_baseline(history, at=history.end)
    assert BaselineModel.from_json(model.to_json()) == model


def test_a_site_with_only_a_site_it_meter_can_have_a_baseline(without_utilization: MadeUpPlant) -> None:
    site = without_utilization.site
    kept = tuple(p for p in site.points if p.quantity is not Quantity.IT_POWER or p.owner == SITE)
    whole = without_utilization.history(FORTNIGHT)
    history = History(replace(site, points=kept), whole.step_s, whole.values, whole.measured_share)
    model = fit_baseline(history, at=history.end)
    assert model.qualified
    assert set(model.weights_kw) == {SITE}


def test_the_fitted_range_knows_weather_it_has_not_seen(model: BaselineModel) -> None:
    assert model.fitted_range is not None
    it = np.full(2, (model.fitted_range.it_low_kw + model.fitted_range.it_high_kw) / 2)
    inside = model.fitted_range.contains(it, np.array([18.0, -20.0]))
    assert inside.tolist() == [True, False]


def test_a_gap_in_the_middle_does_not_count_as_following(made_up: MadeUpPlant) -> None:
    history = made_up.history(48)
    kept = history.values.drop(history.values.index[40:80])
    grid = pd.date_range(history.start, history.end, freq="900s")
    gappy = History(history.site, 900, kept.reindex(grid), history.measured_share)
    rows = hourly_as_found(gappy, {})
    assert (~rows.follows).sum() == 2  # the first row, and the first after the gap
