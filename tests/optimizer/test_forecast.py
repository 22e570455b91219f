"""Forecasts know nothing later than now, and how wrong they have been."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from analytic_plant import flat_outlook, snapshot_at

from optimizer.forecast import Forecaster
from optimizer.forecast.seasonal import Habit, Past, expect
from optimizer.model import PlantModel
from plant.forecast import Forecast
from plant.history import History
from plant.timegrid import TimeGrid

HABIT = Habit(memory_s=7200, days=10, weekly=False, least_std=0.1)


def forecast_at(history: History, model: PlantModel, row: int) -> Forecast:
    snapshot = snapshot_at(history, row)
    carbon, price, grid = flat_outlook(history.site, snapshot.time)
    return Forecaster(history.site, model).forecast(history, snapshot, carbon, price, grid)


def test_the_future_in_the_history_changes_nothing(history: History, model: PlantModel) -> None:
    row = 1200
    spoiled = history.values.copy()
    spoiled.iloc[row:] = 1e6
    honest = forecast_at(history, model, row)
    snapshot = snapshot_at(history, row)
    carbon, price, grid = flat_outlook(history.site, snapshot.time)
    blind = Forecaster(history.site, model).forecast(
        replace(history, values=spoiled), snapshot, carbon, price, grid
    )
    np.testing.assert_array_equal(blind.wet_bulb_c.mean, honest.wet_bulb_c.mean)
    for zone in history.site.zones:
        np.testing.assert_array_equal(
            blind.it_reference_kw[zone.id].mean, honest.it_reference_kw[zone.id].mean
        )


def test_a_daily_wave_is_expected_to_come_again() -> None:
    start = pd.Timestamp("2025-03-10", tz="UTC")
    seconds = start.timestamp() + np.arange(0, 6 * 86_400, 900.0)
    seconds += 450  # a quarter hour is known by its middle
    wave = 100 + 20 * np.sin(2 * np.pi * seconds / 86_400)
    grid = TimeGrid((start + timedelta(days=6)).to_pydatetime(), 900, 96)
    band = expect(Past(seconds, wave), np.nan, grid, HABIT)
    times = grid.start.timestamp() + 900 * (np.arange(96) + 0.5)
    np.testing.assert_allclose(band.mean, 100 + 20 * np.sin(2 * np.pi * times / 86_400), atol=0.4)


def test_what_is_unusual_now_fades_with_its_memory() -> None:
    start = pd.Timestamp("2025-03-10", tz="UTC")
    seconds = start.timestamp() + np.arange(0, 6 * 86_400, 900.0)
    grid = TimeGrid((start + timedelta(days=6)).to_pydatetime(), 900, 96)
    band = expect(Past(seconds, np.full(len(seconds), 50.0)), 60.0, grid, HABIT)
    # After one memory (two hours, between steps 7 and 8) 10 · e^-1 is left; a past without anything
    # unusual teaches no other memory. Between the lags the way there is straight, hence the tolerance.
    assert float(np.mean(band.mean[7:9])) == pytest.approx(50 + 10 / np.e, abs=0.1)


def test_spread_covers_what_really_came(history: History, model: PlantModel) -> None:
    inside, total = 0, 0
    zone = history.site.zones[0]
    for row in range(900, 1400, 40):
        band = forecast_at(history, model, row).it_reference_kw[zone.id]
        came = history.values[f"{zone.id}.it-power"].to_numpy()[row : row + 24].reshape(8, 3).mean(axis=1)
        inside += int((np.abs(came - band.mean[:8]) <= 2.5 * band.std[:8] + 2.0).sum())
        total += 8
    assert inside / total > 0.9


def test_gaps_are_bridged_and_a_zone_without_any_power_is_expected_at_design(
    history: History, model: PlantModel
) -> None:
    holed = history.values.copy()
    holed.iloc[600:900] = np.nan
    holed["zone-b.it-power"] = np.nan
    found = forecast_at(replace(history, values=holed), model, 1200)
    assert np.isfinite(found.wet_bulb_c.mean).all()
    assert np.isfinite(found.it_reference_kw[history.site.zones[0].id].mean).all()
    zone = history.site.zones[1]
    assert found.it_reference_kw[zone.id].mean[0] == zone.it_design_kw
    assert found.it_reference_kw[zone.id].std[0] == pytest.approx(0.2 * zone.it_design_kw)


def test_feeds_on_another_grid_are_laid_on_ours_and_stay_unknown_outside(
    history: History, model: PlantModel
) -> None:
    snapshot = snapshot_at(history, 1200)
    carbon, price, _ = flat_outlook(history.site, snapshot.time)
    hourly = TimeGrid(snapshot.time, 3600, 12)
    carbon = replace(carbon, grid=hourly, g_per_kwh=np.arange(12.0))
    grid = TimeGrid(snapshot.time, 900, 96)
    found = Forecaster(history.site, model).forecast(history, snapshot, carbon, price, grid)
    np.testing.assert_array_equal(found.carbon.g_per_kwh[:8], [0, 0, 0, 0, 1, 1, 1, 1])
    assert np.isnan(found.carbon.g_per_kwh[48:]).all()
