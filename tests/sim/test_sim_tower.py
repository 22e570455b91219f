from __future__ import annotations

import numpy as np
import pytest

from sim.physics.tower import approach_k, leaving_water_c, liquid_to_gas
from sim.physics.water import evaporation_kg_s, makeup_kg_s


@pytest.mark.parametrize(
    ("wet_c", "range_k", "air", "expected"),
    [
        # YorkCalc as EnergyPlus and Modelica Buildings compute it.
        (20, 5.56, 1.0, 5.06),
        (20, 5.56, 0.5, 10.93),
        (10, 5.56, 1.0, 7.77),
        (5, 5.56, 1.0, 9.38),
        (20, 8.0, 1.0, 6.74),
        (25.56, 5.56, 1.0, 3.84),
    ],
)
def test_approach_is_the_published_one(wet_c: float, range_k: float, air: float, expected: float) -> None:
    got = approach_k(np.asarray(wet_c), np.asarray(range_k), liquid_to_gas(np.asarray(1.0), np.asarray(air)))
    assert float(got) == pytest.approx(expected, abs=0.005)


def test_the_closed_form_solves_the_correlation() -> None:
    wet = np.linspace(-5, 26, 12)[:, None, None]
    entering = wet + np.linspace(12, 35, 10)[None, :, None]
    ratio = liquid_to_gas(np.asarray(1.0), np.linspace(0.35, 1, 6)[None, None, :])
    leaving = leaving_water_c(entering, wet, ratio)
    inside = (entering - leaving > 1.2) & (entering - leaving < 22.0)
    approach = approach_k(wet, entering - leaving, ratio)
    np.testing.assert_allclose((wet + approach - leaving)[inside], 0.0, atol=1e-9)
    assert inside.mean() > 0.6


def test_more_air_never_makes_warmer_water() -> None:
    air = np.linspace(0.2, 1.0, 30)
    leaving = leaving_water_c(np.asarray(30.0), np.asarray(18.0), liquid_to_gas(np.asarray(1.0), air))
    assert (np.diff(leaving) <= 1e-9).all()


def test_all_heat_taken_as_vapor_needs_the_rule_of_thumb() -> None:
    # Air entering at its own dew point on a hot, humid day gives most of its heat as vapor:
    # at most 1.48 L per kWh, the ratio 3600 / 2430.
    kg_s = evaporation_kg_s(np.asarray(1000.0), np.asarray(60.0), np.asarray(27.0), np.asarray(26.9), 101.3)
    liters_per_kwh = float(kg_s) * 3.6
    assert 1.0 < liters_per_kwh < 1.48


def test_cold_air_carries_part_of_the_heat_dry() -> None:
    args = (np.asarray(1000.0), np.asarray(60.0))
    cold = evaporation_kg_s(*args, np.asarray(0.0), np.asarray(-2.0), 101.3)
    warm = evaporation_kg_s(*args, np.asarray(30.0), np.asarray(22.0), 101.3)
    assert cold < 0.7 * warm


def test_saturated_exit_agrees_with_psychrolib() -> None:
    import psychrolib

    psychrolib.SetUnitSystem(psychrolib.SI)
    dry, wet, air, heat = 28.0, 20.0, 60.0, 1000.0
    w_in = psychrolib.GetHumRatioFromTWetBulb(dry, wet, 101325)
    h_out = psychrolib.GetMoistAirEnthalpy(dry, w_in) / 1000 + heat / air
    low, high = wet, 60.0
    for _ in range(60):
        middle = (low + high) / 2
        if psychrolib.GetSatAirEnthalpy(middle, 101325) / 1000 > h_out:
            high = middle
        else:
            low = middle
    expected = air * (psychrolib.GetSatHumRatio(low, 101325) - w_in)
    got = evaporation_kg_s(np.asarray(heat), np.asarray(air), np.asarray(dry), np.asarray(wet), 101.325)
    assert float(got) == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize(("cycles", "expected"), [(3, 2.22), (4, 1.98), (5, 1.85), (6, 1.78)])
def test_make_up_at_cycles_of_concentration(cycles: float, expected: float) -> None:
    # 1.48 L/kWh evaporated; drift is inside the blowdown as long as blowdown exceeds it.
    evaporated = 1000.0 / 2430.0
    liters_per_kwh = float(makeup_kg_s(np.asarray(evaporated), np.asarray(40.0), cycles)) * 3.6
    assert liters_per_kwh == pytest.approx(expected, abs=0.01)
