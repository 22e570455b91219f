"""Moist air against PsychroLib (ASHRAE Fundamentals 2017) and CoolProp: other people's numbers."""

from __future__ import annotations

import numpy as np
import psychrolib
import pytest
from CoolProp import HumidAirProp

from plant.psychrometrics import (
    dew_point_c,
    enthalpy_kj_kg,
    humidity_ratio,
    saturation_pressure_kpa,
    wet_bulb_c,
)

SEA_LEVEL_PA = 101_325.0
CONDITIONS = [(t, rh) for t in (2.0, 10.0, 20.0, 27.0, 35.0, 45.0) for rh in (0.1, 0.4, 0.7, 0.95)]


@pytest.fixture(autouse=True)
def si_units() -> None:
    psychrolib.SetUnitSystem(psychrolib.SI)


@pytest.mark.parametrize("t", [-60.0, -20.0, -0.1, 0.0, 0.1, 15.0, 50.0, 120.0])
def test_saturation_pressure_is_psychrolibs(t: float) -> None:
    assert saturation_pressure_kpa(t) * 1000 == pytest.approx(psychrolib.GetSatVapPres(t), rel=1e-9)


@pytest.mark.parametrize(("t", "rh"), CONDITIONS)
def test_humidity_ratio_and_enthalpy_are_psychrolibs(t: float, rh: float) -> None:
    theirs = psychrolib.GetHumRatioFromRelHum(t, rh, SEA_LEVEL_PA)
    assert humidity_ratio(t, rh) == pytest.approx(theirs, rel=1e-9)
    assert enthalpy_kj_kg(t, theirs) == pytest.approx(
        psychrolib.GetMoistAirEnthalpy(t, theirs) / 1000, rel=1e-9
    )


@pytest.mark.parametrize(("t", "rh"), CONDITIONS)
def test_wet_bulb_is_psychrolibs_within_a_thousandth(t: float, rh: float) -> None:
    theirs = psychrolib.GetTWetBulbFromRelHum(t, rh, SEA_LEVEL_PA)
    if abs(theirs) < 1:
        # Within 1 K of freezing PsychroLib mixes its ice and water branches.
        assert wet_bulb_c(t, rh) == pytest.approx(theirs, abs=0.6)
    else:
        assert wet_bulb_c(t, rh) == pytest.approx(theirs, abs=1.5e-3)


@pytest.mark.parametrize(("t", "rh"), [(15.0, 0.5), (20.0, 0.5), (27.0, 0.6), (35.0, 0.4), (45.0, 0.2)])
def test_wet_bulb_is_coolprops_within_a_twentieth(t: float, rh: float) -> None:
    # CoolProp solves real-gas equations, so a few hundredths are the models' difference.
    theirs = HumidAirProp.HAPropsSI("B", "T", t + 273.15, "P", SEA_LEVEL_PA, "R", rh) - 273.15
    assert wet_bulb_c(t, rh) == pytest.approx(theirs, abs=0.05)


@pytest.mark.parametrize(("t", "rh"), [(5.0, 0.8), (20.0, 0.5), (27.0, 0.6), (40.0, 0.3)])
def test_dew_point_is_coolprops_within_a_tenth(t: float, rh: float) -> None:
    theirs = HumidAirProp.HAPropsSI("D", "T", t + 273.15, "P", SEA_LEVEL_PA, "R", rh) - 273.15
    assert dew_point_c(t, rh) == pytest.approx(theirs, abs=0.1)


def test_wet_bulb_at_altitude_is_psychrolibs() -> None:
    pascal = psychrolib.GetStandardAtmPressure(1600)
    theirs = psychrolib.GetTWetBulbFromRelHum(30.0, 0.3, pascal)
    assert wet_bulb_c(30.0, 0.3, pascal / 1000) == pytest.approx(theirs, abs=1.5e-3)


def test_saturated_air_is_its_own_wet_bulb_and_dew_point() -> None:
    t = np.linspace(2, 45, 20)
    np.testing.assert_allclose(wet_bulb_c(t, 1.0), t, atol=1e-3)
    np.testing.assert_allclose(dew_point_c(t, 1.0), t, atol=1e-9)


def test_wet_bulb_lies_between_dew_point_and_dry_bulb() -> None:
    t, rh = np.meshgrid(np.linspace(5, 45, 15), np.linspace(0.1, 0.95, 15))
    wet = wet_bulb_c(t, rh)
    assert (wet < t).all()
    assert (wet > dew_point_c(t, rh)).all()


def test_shapes_broadcast_and_a_gap_stays_a_gap() -> None:
    out = wet_bulb_c(np.array([[20.0], [np.nan]]), np.array([0.3, 0.5, 0.7]))
    assert out.shape == (2, 3)
    assert np.isnan(out[1]).all()
    assert np.isfinite(out[0]).all()


def test_hot_and_dry_desert_air_is_inside_the_search() -> None:
    theirs = psychrolib.GetTWetBulbFromRelHum(50.0, 0.02, SEA_LEVEL_PA)
    assert wet_bulb_c(50.0, 0.02) == pytest.approx(theirs, abs=1.5e-3)
