"""Learned curves against values worked out by hand or published."""

from __future__ import annotations

import numpy as np
import pytest

from optimizer.identify.auxiliaries import CondenserPumpLaw, PolynomialLaw
from optimizer.identify.coils import CoilLaw
from optimizer.identify.economizer import EconomizerLaw
from optimizer.identify.switching import SwitchingLaw
from optimizer.identify.tower import saturated_kj_kg


def test_counterflow_coil_at_equal_capacity_rates_is_ntu_over_one_plus_ntu() -> None:
    # Cr = 1 and UA at design 2 C: ε = 2 / 3 (Incropera, Fundamentals of Heat and Mass Transfer, 11.29b).
    coil = CoilLaw(air_kw_k=40.0, water_kw_k=40.0, ua_kw_k=80.0, valve_exponent=1.0)
    assert float(coil.effectiveness(1.0, 1.0)) == pytest.approx(2 / 3, rel=1e-3)


def test_counterflow_coil_at_half_capacity_ratio() -> None:
    # NTU 1.5, Cr 0.5: (1 - e^-0.75) / (1 - 0.5 e^-0.75) = 0.6908.
    coil = CoilLaw(air_kw_k=40.0, water_kw_k=80.0, ua_kw_k=60.0, valve_exponent=1.0)
    assert float(coil.effectiveness(1.0, 1.0)) == pytest.approx(0.6908, abs=1e-4)


def test_water_asked_for_gives_back_the_effectiveness() -> None:
    coil = CoilLaw(40.0, 70.0, 39.0, 1.0)
    speed, water = np.array([0.5, 0.8, 1.0]), np.array([0.2, 0.5, 0.9])
    asked = coil.water_share(speed, coil.effectiveness(speed, water))
    np.testing.assert_allclose(asked, water, rtol=0.04)


def test_air_at_the_coolest_supply_needs_the_valve_open() -> None:
    coil = CoilLaw(40.0, 70.0, 39.0, 1.0)
    supply = float(coil.coolest_supply_c(0.8, 200.0, 10.0))
    span = 200.0 / (40.0 * 0.8)
    assert span / (supply + span - 10.0) == pytest.approx(float(coil.effectiveness(0.8, 1.0)), rel=1e-3)


@pytest.mark.parametrize(("temperature", "enthalpy"), [(0.0, 9.473), (20.0, 57.555), (30.0, 99.977)])
def test_saturated_enthalpy_is_ashraes_table(temperature: float, enthalpy: float) -> None:
    # ASHRAE Fundamentals 2017, ch. 1, table 2 (moist air at 101.325 kPa).
    assert float(saturated_kj_kg(temperature)) == pytest.approx(enthalpy, abs=0.35)


def test_economizer_never_takes_more_than_the_load_nor_less_than_nothing() -> None:
    law = EconomizerLaw(True, 0.8, 0.0, 100.0, False, 3.0, 1.0, SwitchingLaw(start_k=8.0, start_per_k=0.0))
    assert float(law.heat_kw(500.0, 100.0, 20.0, 16.0)) == pytest.approx(0.8 * 100 * 4)
    assert float(law.heat_kw(200.0, 100.0, 20.0, 16.0)) == 200.0
    assert float(law.heat_kw(500.0, 100.0, 20.0, 24.0)) == 0.0
    assert not law.enabled(20.0, 13.0)
    assert law.enabled(20.0, 11.0)


def test_polynomial_and_pump_by_hand() -> None:
    assert float(PolynomialLaw(10.0, (1.0, 2.0, 3.0)).at(20.0)) == 1 + 2 * 2 + 3 * 4
    assert float(CondenserPumpLaw((1.0, 14.0, 15.0), 30.0).power_kw(2, 0)) == 29.0
