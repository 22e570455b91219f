"""Learned curves against values worked out by hand or published."""

from __future__ import annotations

import numpy as np
import pytest

from optimizer.identify.auxiliaries import PolynomialLaw, WaterLaw
from optimizer.identify.chillers import ChillerLaw
from optimizer.identify.coils import CoilLaw
from optimizer.identify.crah_fans import FanLaw
from optimizer.identify.dx import DxLaw
from optimizer.identify.economizer import EconomizerLaw
from optimizer.identify.evidence import Coverage
from optimizer.identify.inlets import RISE_KNOTS_K, InletLaw
from optimizer.identify.it_power import KNOTS_C, ItCurve
from optimizer.identify.outdoor_air import OutdoorAirLaw
from optimizer.identify.staging import StagingLaw
from optimizer.identify.storage import StorageLaw
from optimizer.identify.switching import SwitchingLaw
from optimizer.identify.tower import TowerLaw, saturated_kj_kg
from plant.points import PointId


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


def test_polynomial_by_hand() -> None:
    assert float(PolynomialLaw(10.0, (1.0, 2.0, 3.0)).at(20.0)) == 1 + 2 * 2 + 3 * 4


# -- learned laws, each with numbers of its own -------------------------------------------------------


def test_servers_by_hand() -> None:
    # 100 kW design, half used: 70 kW asked for. Inlets 25 and 29: 3 K above 24 and 1.5 above 26 on the mean:
    # 3 % + 1.5 · 0.5 · 2 % = 4.5 kW more. A lost inlet is not in the mean: 1 K above 24, 1 kW.
    law = ItCurve(100.0, 0.4, 0.6, (0.0, 0.0, 0.01, 0.0), (0.0, 0.0, 0.0, 0.02))
    assert tuple(KNOTS_C) == (20.0, 22.0, 24.0, 26.0)
    assert float(law.rise_kw([25.0, 29.0], 70.0)) == pytest.approx(4.5)
    assert float(law.rise_kw([25.0, np.nan], 70.0)) == pytest.approx(1.0)
    # And back, with what the load itself has to do with it settled in two rounds.
    assert float(law.reference_kw(74.5, [25.0, 29.0])) == pytest.approx(70.0, abs=0.02)


def test_an_inlet_by_hand() -> None:
    # d = 300 / (40 · 0.75) = 10 K. 0.3 + 0.2 (10 - 4) + 0.5 (10 - 8) = 2.5 K above supply; at 25 °C servers
    # draw more: 0.4 (10 - 8) (25 - 20) / 5 = 0.8 K on top.
    weights = (0.3, 0.0, 0.2, 0.0, 0.5, 0.0, 0.0, 0.0, 0.4)
    assert tuple(RISE_KNOTS_K[[1, 3]]) == (4.0, 8.0)
    law = InletLaw((PointId("a"),), (weights,), (0.1,), 600.0, 40.0, Coverage("air_gain_k", 5.0, 12.0))
    assert float(law.settled_c(20.0, 300.0, 0.75)[0]) == pytest.approx(22.5)
    assert float(law.settled_c(25.0, 300.0, 0.75)[0]) == pytest.approx(28.3)


def test_fans_by_hand() -> None:
    # Two units at half speed: 2 (0.3 + 0.25 + 0.25 + 0.5 + 0.0625).
    assert float(FanLaw(2, (0.3, 0.5, 1.0, 4.0, 2.0)).power_kw(0.5)) == pytest.approx(2.725)


def test_chillers_by_hand() -> None:
    # 1,200 kW at 8 °C chilled and 26 °C condenser water: two of 800 kW run. 2 · 10 + 1200 (0.1 + 0.02 · 1.4
    # + 0.01 · 0.6 + 0.02 · 1.0) + 1200² / 1600 (0.03 + 0.005 · 1.4) = 20 + 184.8 + 33.3.
    law = ChillerLaw((10.0, 0.1, 0.02, 0.01, 0.02, 0.03, 0.005), StagingLaw(2, 800.0))
    assert float(law.power_kw(1200.0, 8.0, 26.0)) == pytest.approx(238.1)
    # Where only one may run it takes all: 10 + 184.8 + 66.6, and 400 kW of it are not carried.
    one = np.array(1.0)
    assert float(law.running(1200.0, one)) == 1.0
    assert float(law.power_kw(1200.0, 8.0, 26.0, one)) == pytest.approx(261.4)
    assert float(law.short_kw(1200.0, one)) == pytest.approx(400.0)
    assert float(law.short_kw(700.0, one)) == 0.0
    # Nothing starts for 3 kW.
    assert float(law.running(3.0)) == 0.0


def test_a_tower_by_hand() -> None:
    # P = Q / (h(C + range / 2) - h(B)): 586 kW, 293 kW/K of which half flows: range 4 K, mean 30 °C at 28 °C
    # leaving. ASHRAE: 99.977 - 57.555 = 42.42 kJ/kg at 20 °C wet bulb: 13.81 kW. And the other way round.
    law = TowerLaw(40.0, 293.0, (0.0, 1.0, 1.0))
    assert float(law.power_kw(28.0, 586.0, 20.0, 0.5)) == pytest.approx(13.81, abs=0.05)
    assert float(law.coldest_c(586.0, 20.0, 0.5, 13.81)) == pytest.approx(28.0, abs=0.05)
    # Never more than full, and never nearer to the wet bulb than half a kelvin.
    assert float(law.power_kw(19.0, 586.0, 20.0, 0.5)) == 40.0
    assert float(law.coldest_c(5.0, 20.0, 1.0, 40.0)) == pytest.approx(20.5)


def test_an_exchanger_falls_off_with_flow() -> None:
    # 0.7 + 0.2 (1 - 150 / 100) = 0.6: 0.6 · 150 · 4 = 360 kW.
    law = EconomizerLaw(True, 0.7, 0.2, 100.0, False, 3.0, 1.0)
    assert float(law.heat_kw(500.0, 150.0, 20.0, 16.0)) == pytest.approx(360.0)


def test_the_line_an_economizer_starts_at() -> None:
    # 8 K at 10 °C; at 5 °C 0.2 · 5 more; with half of the chillers 5 / 2 less. Never below 1 K.
    law = SwitchingLaw(start_k=8.0, start_per_k=0.2, start_per_share_k=5.0)
    assert float(law.start_span_k(5.0, 0.5)) == pytest.approx(6.5)
    assert float(law.start_span_k(40.0, 0.0)) == pytest.approx(1.0)
    # It stays while the return water is cooled by more than 1 K: 110 kW of 100 kW/K, not 90.
    assert [bool(law.stays(heat, 100.0)) for heat in (90.0, 110.0)] == [False, True]


def test_water_losses_and_what_a_tank_keeps_by_hand() -> None:
    law = WaterLaw(1.2, 0.8)
    assert [float(law.liters_per_kwh(t)) for t in (20.0, 10.0, -5.0)] == pytest.approx([2.0, 1.6, 1.2])
    # Two hours at 1 % an hour.
    assert StorageLaw(1000.0, 0.01, 100.0).keep(2.0) == pytest.approx(0.9802, abs=1e-4)


def test_compressors_by_hand() -> None:
    # Half of 200 kW at 35 °C outdoors and 30 °C return, 50 kW rated input: 50 (0.1 + 0.5 · 0.6 + 0.25 · 0.2
    # + 0.5 · 0.3 · 1.7 + 0.5 · 0.4 · 0.5 + 0.5 · 0.5 · 1) = 50 · 1.055.
    law = DxLaw(200.0, 50.0, (0.1, 0.6, 0.2, 0.3, 0.4, 0.5))
    assert float(law.power_kw(100.0, 35.0, 30.0)) == pytest.approx(52.75)
    # Ten kelvins beyond 35 °C take 7 % of what they are counted on for; cool air adds nothing.
    assert float(law.able_kw(45.0)) == pytest.approx(186.0)
    assert float(law.able_kw(10.0)) == pytest.approx(200.0)


def test_slow_fans_let_less_outdoor_air_in() -> None:
    # Half the air dampers could move, exponent 0.5: 15 kW/K · 10 K · 0.7071 of 400 kW.
    law = OutdoorAirLaw(30.0, 6.0, -9.0, 15.0, slow_fans=0.5)
    assert float(law.taken_kw(400.0, 15.0, 10.0, 1.0)) == pytest.approx(106.07, abs=0.01)
