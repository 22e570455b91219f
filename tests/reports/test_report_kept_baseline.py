"""A baseline kept by an earlier version, without the middle of its weather, still loads and still tells."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from made_up_plant import MadeUpPlant
from made_up_reports import carbon_of, price_of

from plant.forecast import CarbonKind
from plant.points import OwnerId
from reports.account import account_of
from reports.baseline_model import BaselineModel
from reports.figures import Figure
from reports.rates import step_rates

KEPT = Path(__file__).parent / "fixtures" / "kept_baseline_before_usual_weather.json"


def test_a_kept_baseline_without_the_newer_fields_loads_and_predicts() -> None:
    text = KEPT.read_text(encoding="utf-8")
    assert not {"usual_low_c", "usual_high_c"} & set(json.loads(text)["fitted_range"])
    model = BaselineModel.from_json(text)
    assert model.id == "0123456789ab"
    found = model.predict({OwnerId("room"): np.array([0.5])}, np.array([15.0]))
    assert found.it_kw[0] == pytest.approx(100 + 0.5 * 1000)
    assert found.facility_kw[0] == pytest.approx(50 + 1.2 * 600)
    assert math.isnan(found.water_l_h[0])
    assert BaselineModel.from_json(model.to_json()).id == model.id


def test_without_its_middle_the_whole_fitted_weather_counts_as_usual() -> None:
    fitted = BaselineModel.from_json(KEPT.read_text(encoding="utf-8")).fitted_range
    assert fitted is not None
    assert fitted.sparse(np.array([9.9, 10.0, 25.0, 25.1])).tolist() == [True, False, False, True]


def test_an_account_by_it_has_an_interval_of_energy_and_none_of_what_it_never_fitted(
    made_up: MadeUpPlant,
) -> None:
    zones = {str(z.id): 1000.0 / len(made_up.site.zones) for z in made_up.site.zones}
    model = BaselineModel.from_json(json.dumps({**json.loads(KEPT.read_text("utf-8")), "weights_kw": zones}))
    history = made_up.history(24, step_s=3600)
    end = (history.values.index[-1] + history.values.index.freq).to_pydatetime()
    carbon, price = carbon_of(400.0, CarbonKind.AVERAGE)(history.start, end), price_of(history.start, end)
    steps = step_rates(history, baseline=model, carbon=carbon, price=price)
    low = account_of(steps, model, carbon, price).interval.low
    assert {f for f in Figure if not math.isnan(low[f])} == {Figure.FACILITY, Figure.CARBON}
