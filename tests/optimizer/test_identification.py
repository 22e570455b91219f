"""Identification finds the analytic plant again, and says so when it cannot."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
from analytic_plant import Truth, make_history, without

from optimizer.identify import identify
from optimizer.identify.evidence import Origin
from optimizer.identify.regression import Bounds, Prior, fit
from optimizer.model import PlantModel
from plant.history import History
from plant.quantities import Quantity

TRUTH = Truth()


def test_everything_is_learned_and_trusted_from_a_well_stepped_week(model: PlantModel) -> None:
    # It was summer: of the economizer's exchanger the data say nothing, and that is said.
    assert [e.name for e in model.evidence if not e.trusted] == ["economizer"]


def test_fan_power_is_found_within_three_percent(model: PlantModel) -> None:
    for speed in (0.6, 0.8, 1.0):
        true = 2 * (TRUTH.fan_static_kw + TRUTH.fan_cube_kw * speed**3)
        assert model.zones[1].fans.power_kw(speed) == pytest.approx(true, rel=0.03)


def test_server_rise_is_found_within_three_tenths_of_a_percent_of_design(model: PlantModel) -> None:
    zone = model.zones[0]
    design = zone.it.design_kw
    for inlet in (22.0, 25.0, 27.0):
        true = design * (TRUTH.rise_above_24 * max(inlet - 24, 0) + TRUTH.rise_above_26 * max(inlet - 26, 0))
        found = float(zone.it.rise_kw(np.full(6, inlet), 0.7 * design))
        assert found == pytest.approx(true, abs=0.003 * design)


def test_reference_power_is_what_a_cool_inlet_would_show(model: PlantModel) -> None:
    zone = model.zones[0]
    design, load = zone.it.design_kw, 0.5
    cool = design * (TRUTH.idle + TRUTH.per_utilization * load)
    warm = cool + design * (TRUTH.rise_above_24 * 3 + TRUTH.rise_above_26 * 1)
    assert float(zone.it.reference_kw(warm, np.full(6, 27.0))) == pytest.approx(cool, rel=0.004)


@pytest.mark.parametrize("gain_k", [5.0, 8.0, 10.0])
def test_recirculation_is_found_within_a_quarter_kelvin(model: PlantModel, gain_k: float) -> None:
    law = model.zones[0].inlets
    true = 21.0 + 0.2 + TRUTH.base_share * gain_k + TRUTH.short_share * max(gain_k - TRUTH.short_from_k, 0)
    found = law.settled_c(21.0, gain_k * law.air_kw_k, 1.0).max()
    assert found == pytest.approx(true, abs=0.25)


def test_time_constant_and_airflow_are_found(model: PlantModel) -> None:
    for zone in model.zones:
        assert zone.inlets.tau_s == pytest.approx(TRUTH.tau_s, rel=0.1)
        assert zone.inlets.air_kw_k == pytest.approx(TRUTH.air_kw_k, rel=0.01)


@pytest.mark.parametrize(("load", "chw", "cw"), [(900.0, 8.0, 22.0), (800.0, 13.0, 27.0)])
def test_chiller_power_is_found_within_three_percent(
    model: PlantModel, load: float, chw: float, cw: float
) -> None:
    n = 2
    true = (
        TRUTH.chiller_fixed_kw * n
        + load * (TRUTH.chiller_per_kw + TRUTH.chiller_per_cw_k * (cw - 12))
        + load * TRUTH.chiller_per_chw_k * (18 - chw)
        + TRUTH.chiller_bend * load**2 / (n * 800)
    )
    assert float(model.chillers.running(load)) == n
    assert float(model.chillers.power_kw(load, chw, cw)) == pytest.approx(true, rel=0.03)


def test_chiller_power_never_breaks_its_three_signs(model: PlantModel) -> None:
    load, chw, cw = np.meshgrid(np.linspace(50, 600, 12), np.linspace(5, 18, 8), np.linspace(10, 34, 9))
    power = model.chillers.power_kw(load, chw, cw)
    assert (np.diff(power, axis=1) >= 0).all()
    assert (np.diff(power, axis=0) <= 1e-9).all()
    assert (np.diff(power, axis=2) >= -1e-9).all()


def test_tower_power_is_found_and_its_limit_is_the_same_law(model: PlantModel) -> None:
    # At design duty (1000 kW, 4 K approach, 25.6 °C wet bulb) the truth uses 20 kW.
    assert float(model.tower.power_kw(29.6, 1000.0, 25.6, 1.0)) == pytest.approx(20.0, rel=0.08)
    coldest = model.tower.coldest_c(1000.0, 18.0, 1.0, model.tower.full_kw)
    assert float(model.tower.power_kw(coldest, 1000.0, 18.0, 1.0)) == pytest.approx(
        model.tower.full_kw, rel=0.001
    )
    assert model.tower.full_kw == pytest.approx(TRUTH.tower_full_kw, rel=0.03)


def test_losses_gains_and_water_are_found(model: PlantModel) -> None:
    assert float(model.losses.at(800.0)) == pytest.approx(0.05 * 800, rel=0.03)
    assert float(model.load_kw(np.array(800.0))) == pytest.approx(TRUTH.gain * 800, rel=0.01)
    assert float(model.water.liters_per_kwh(18.0)) == pytest.approx(1.8, rel=0.03)


@pytest.fixture(scope="module")
def cold() -> History:
    """Cold air and tower water that is run cold: the economizer takes heat."""
    return make_history(days=5, seed=5, wet_c=4.0, cw_c=(14.0, 20.0))


def effectiveness(model: PlantModel) -> float:
    """Heat taken from 2 K of span, over all that could be."""
    law = model.economizer
    return float(law.heat_kw(900.0, law.reference_kw_k, 24.0, 22.0)) / (2.0 * law.reference_kw_k)


def test_an_economizer_s_start_is_found_in_cold_weather() -> None:
    seen = make_history(days=5, seed=5, wet_c=8.0)
    line = float(identify(seen, at=seen.end).economizer.switching.start_span_k(8.0))
    assert line == pytest.approx(TRUTH.economizer_enable_k, abs=0.6)


def test_an_economizer_s_effectiveness_is_found_where_it_takes_heat(cold: History) -> None:
    # The truth is 0.75, the textbook says 0.7.
    assert (cold.values["economizer-1.heat"] > 100).mean() > 0.3
    assert effectiveness(identify(cold, at=cold.end)) == pytest.approx(0.75, abs=0.01)


def test_levers_that_never_moved_are_said_to_teach_nothing_about_air() -> None:
    still = make_history(days=3, still=True)
    flat = replace(still, values=still.values.copy())
    for zone in flat.site.zones:
        flat.values[f"{zone.id}.it-power"] = 0.7 * zone.it_design_kw
    found = identify(flat, at=flat.end)
    inlets = next(e for e in found.evidence if e.name == "zone-a.inlets")
    assert not inlets.trusted
    assert any("effect of fan speed is a prior" in reason for reason in inlets.disqualified)


def test_too_short_a_history_leaves_nameplate_values_and_says_so() -> None:
    short = make_history(days=0.3)
    found = identify(short, at=short.end)
    chillers = next(e for e in found.evidence if e.name == "chillers")
    assert chillers.origin is Origin.NAMEPLATE
    assert "nameplate" in chillers.disqualified[0]
    # Nameplate: 800 kW at COP 5.4 is 148 kW at rated temperatures.
    assert float(found.chillers.power_kw(800 * 0.8, 6.7, 29.4)) == pytest.approx(118, rel=0.25)


def test_a_tenth_of_samples_lost_does_not_move_what_is_found(history: History, model: PlantModel) -> None:
    rng = np.random.default_rng(1)
    holed = replace(history, values=history.values.mask(rng.random(history.values.shape) < 0.1))
    found = identify(holed, at=holed.end)
    assert float(found.chillers.power_kw(900.0, 9.0, 25.0)) == pytest.approx(
        float(model.chillers.power_kw(900.0, 9.0, 25.0)), rel=0.03
    )


def test_badly_covered_intervals_are_not_used(history: History) -> None:
    blind = replace(history, measured_share=history.measured_share * 0.4)
    found = identify(blind, at=blind.end)
    assert all(e.origin is Origin.NAMEPLATE for e in found.evidence)


def test_a_site_without_plant_meters_still_gets_a_model(history: History) -> None:
    poor = without(history.site, Quantity.CHILLED_WATER_FLOW, Quantity.UTILIZATION, Quantity.FACILITY_POWER)
    found = identify(replace(history, site=poor), at=history.end)
    assert not found.trusts("coils")
    assert not found.trusts("zone-a.it")
    assert found.trusts("zone-a.inlets")


def test_a_model_survives_json_and_pickle_with_its_version(model: PlantModel) -> None:
    again = PlantModel.from_json(model.to_json())
    assert again.version == model.version
    assert pickle.loads(pickle.dumps(model)).version == model.version
    assert replace(model, data_until=model.data_from).version != model.version


def test_a_bound_holds_where_the_data_point_the_other_way() -> None:
    x = np.column_stack([np.ones(100), np.linspace(0, 1, 100)])
    found = fit(x, 5 - 3 * x[:, 1], Bounds.nonnegative(2), Prior(np.array([[1.0, 0.0]]), np.array([3.5])))
    # The best constant for 5 - 3x on [0, 1] is its mean.
    assert found.coefficients[1] == 0
    assert found.coefficients[0] == pytest.approx(3.5, abs=0.01)


def test_coils_ask_for_the_water_they_did() -> None:
    # Valves whose flow goes with the square of their position, on the coil the analytic plant has.
    history = make_history(days=3)
    values = history.values.copy()
    for column in values.columns:
        if column.endswith(".valve"):
            values[column] = np.sqrt(values[column])
    found = identify(replace(history, values=values), at=history.end).zones[0].coil
    assert found.valve_exponent == pytest.approx(2.0, rel=0.05)
    for speed, water in ((0.6, 0.3), (0.8, 0.5), (1.0, 0.8)):
        asked = TRUTH.coil.effectiveness(speed, water)
        share = float(found.water_share(speed, asked))
        assert share * found.water_kw_k == pytest.approx(water * TRUTH.coil.water_kw_k, rel=0.05)


def quarters(history: History, share: float) -> np.ndarray:
    """A share of the history's quarter hours, at random: which of its samples are theirs."""
    picked = np.random.default_rng(4).random(len(history.values) // 3) < share
    return np.repeat(picked, 3)


def test_starts_and_stops_are_not_the_chillers_curve(history: History, model: PlantModel) -> None:
    # Thrice the power in quarter hours in which a machine was away for a while changes nothing.
    values = history.values.copy()
    turning = quarters(history, 0.05)
    away = turning & (np.arange(len(turning)) % 3 == 1)
    values.loc[away, "chiller-2.run"] = 0.5
    for unit in ("chiller-1.power", "chiller-2.power"):
        values.loc[turning, unit] *= 3
    found = identify(replace(history, values=values), at=history.end).chillers
    for load, chw, cw in ((900.0, 8.0, 22.0), (800.0, 13.0, 27.0)):
        usual = float(model.chillers.power_kw(load, chw, cw, np.array(2.0)))
        assert float(found.power_kw(load, chw, cw, np.array(2.0))) == pytest.approx(usual, rel=0.01)


def test_an_exchanger_that_took_all_there_was_says_nothing_of_what_it_could(cold: History) -> None:
    values = cold.values.copy()
    load = values["plant.chw-flow"] * 4186 * (values["plant.chw-return"] - values["plant.chw-supply"])
    full = quarters(cold, 0.3) & (values["economizer-1.heat"] > 100)
    values.loc[full, "economizer-1.heat"] = load[full]
    assert effectiveness(identify(replace(cold, values=values), at=cold.end)) == pytest.approx(0.75, abs=0.01)
