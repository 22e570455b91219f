"""What a decision was told of the days ahead is kept with it, all of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from controller.canonical import plain
from controller.scenario.again import _outlook
from controller.scenario.recorder import forecast_frame, outlook_facts
from plant.forecast import Band, CarbonKind, CarbonSeries, Forecast, PriceSeries
from plant.points import OwnerId
from plant.setpoints import LeverId
from plant.timegrid import TimeGrid

NOW = datetime(2025, 7, 8, 12, tzinfo=UTC)


def test_a_forecast_is_made_again_with_the_billed_peak_and_the_work_that_waits(tmp_path: Path) -> None:
    grid = TimeGrid(NOW, 900, 4)
    numbers = np.arange(4.0)
    told = Forecast(
        issued_at=NOW,
        grid=grid,
        it_reference_kw={OwnerId("zone-b"): Band(400 + numbers, 0.1 * numbers)},
        dry_bulb_c=Band(30 + numbers, numbers),
        wet_bulb_c=Band(20 + numbers, numbers),
        carbon=CarbonSeries(grid, 300 + numbers, CarbonKind.AVERAGE, "somebody", False),
        price=PriceSeries(grid, 0.1 * numbers, "USD", "somebody else"),
        month_peak_kw=812.5,
        ordinary_peak_kw=790.25,
        waiting_kwh={LeverId("zone-b.deferred"): 37.5},
    )
    forecast_frame("D-000001", told).to_parquet(tmp_path / "forecasts.parquet")
    facts = json.loads(json.dumps(plain(outlook_facts(told))))
    again = _outlook(tmp_path, {"id": "D-000001", "outlook": facts})
    assert again.month_peak_kw == 812.5
    assert again.ordinary_peak_kw == 790.25
    assert again.waiting_kwh == {LeverId("zone-b.deferred"): 37.5}
    assert again.grid == told.grid
    np.testing.assert_array_equal(again.it_reference_kw[OwnerId("zone-b")].mean, 400 + numbers)
    np.testing.assert_array_equal(again.price.per_kwh, told.price.per_kwh)
