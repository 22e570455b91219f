"""Published numbers that the rest of the suite does not already hold the physics to."""

from __future__ import annotations

import numpy as np
import pytest

from plant.psychrometrics import CP_AIR, CP_WATER, RHO_AIR, RHO_WATER, dew_point_c, humidity_ratio, wet_bulb_c
from sim.physics import backup, dx, fans, heat_pump, merkel, moisture, power_chain, recirculation, tank, tower
from sim.physics.chiller import AIR_COOLED, TRANE_CVHE, YORK_YS, available_kw, compressor_kw, side_by_side
from sim.physics.tank import TankState


def a(value: float) -> np.ndarray:
    return np.asarray(value, float)


# -- moist air ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("dry_c", "humidity", "expected"), [(24, 0.5, 12.93), (18, 0.6, 10.11)])
def test_dew_points(dry_c: float, humidity: float, expected: float) -> None:
    # Magnus form, Sonntag 1990.
    assert float(dew_point_c(dry_c, humidity)) == pytest.approx(expected, abs=0.005)
    vapor = humidity * 0.6112 * np.exp(17.62 * dry_c / (243.12 + dry_c))
    ratio = a(0.622 * vapor / (101.325 - vapor))
    assert float(moisture.dew_point_c(ratio, 101.325)) == pytest.approx(expected, abs=0.005)


@pytest.mark.parametrize(("dry_c", "humidity", "stull_c"), [(20, 0.5, 13.70), (35, 0.4, 24.51)])
def test_wet_bulbs_lie_within_stulls_own_error(dry_c: float, humidity: float, stull_c: float) -> None:
    # R. Stull, J. Appl. Meteor. Climatol. 50 (2011): -1 to +0.65 K off, mean absolute error 0.3 K.
    rh = 100 * humidity
    stull = dry_c * np.arctan(0.151977 * np.sqrt(rh + 8.313659)) + np.arctan(dry_c + rh)
    stull += 0.00391838 * rh**1.5 * np.arctan(0.023101 * rh) - np.arctan(rh - 1.676331) - 4.686035
    assert stull == pytest.approx(stull_c, abs=0.005)
    assert -1.0 < stull - float(wet_bulb_c(dry_c, humidity)) < 0.65
    ratio = humidity_ratio(dry_c, humidity)
    assert -1.0 < stull - float(moisture.wet_bulb_c(a(dry_c), ratio, 101.325)) < 0.65


def test_newtons_wet_bulb_is_the_bisected_one() -> None:
    dry, humidity = np.meshgrid(np.linspace(18, 40, 12), np.linspace(0.1, 0.9, 9))
    newton = moisture.wet_bulb_c(dry, humidity_ratio(dry, humidity), 101.325)
    np.testing.assert_allclose(newton, wet_bulb_c(dry, humidity), atol=0.05)


def test_humidity_ratio_from_wet_bulb_agrees_with_psychrolib() -> None:
    import psychrolib

    psychrolib.SetUnitSystem(psychrolib.SI)
    for dry, wet in ((30.0, 22.0), (12.0, 9.0), (35.0, 18.0)):
        got = float(moisture.ratio_from_wet_bulb(a(dry), a(wet), 101.325))
        assert got == pytest.approx(psychrolib.GetHumRatioFromTWetBulb(dry, wet, 101325), rel=0.01)
        rh = float(moisture.relative_humidity(a(got), a(dry), 101.325))
        assert rh == pytest.approx(psychrolib.GetRelHumFromHumRatio(dry, got, 101325), rel=0.01)


# -- rooms and fans ---------------------------------------------------------------------------------


def test_tangs_matrix_balances() -> None:
    """T_in = T_sup + D·P with the corrected K⁻¹·P, against a direct solution of the heat balance."""
    rng = np.random.default_rng(4)
    n = 5
    share = rng.uniform(0, 0.12, (n, n))
    k = rng.uniform(3, 6, n)
    power = rng.uniform(10, 40, n)
    supply = 17.0
    d = recirculation.interference_matrix(k, share)
    # K·T_in = Aᵀ·K·T_out + (K - Aᵀ·K)·T_sup; K·T_out = K·T_in + P.
    matrix = np.diag(k) - share.T @ np.diag(k)
    inlet = np.linalg.solve(matrix, share.T @ power + matrix @ np.full(n, supply))
    np.testing.assert_allclose(supply + d @ power, inlet, atol=1e-10)
    assert (d >= 0).all()


def test_crah_fan_power_from_pressure() -> None:
    # EnergyPlus examples: 300 to 486 Pa, total efficiency 0.7: 0.43 to 0.69 kW per m³/s.
    assert float(fans.air_power_kw(a(1.0), a(300.0), 0.7)) == pytest.approx(0.4286, abs=1e-4)
    assert float(fans.air_power_kw(a(1.0), a(486.0), 0.7)) == pytest.approx(0.6943, abs=1e-4)
    assert float(fans.static_pressure_pa(a(0.5), 400.0, 0.2)) == pytest.approx(160.0)


# -- power chain ------------------------------------------------------------------------------------


def test_pdu_and_wiring_by_the_white_paper_and_two_paths_at_half_load() -> None:
    half = float(power_chain.loss_kw(a(500.0), a(1000.0), power_chain.PDU))
    assert half == pytest.approx(1000 * (0.015 + 0.015 * 0.25))
    assert float(power_chain.loss_kw(a(1000.0), a(1000.0), power_chain.WIRING)) == pytest.approx(10.0)
    # 2N: each of two units carries half, and the no-load loss is paid twice.
    two = 2 * float(power_chain.loss_kw(a(250.0), a(1000.0), power_chain.UPS_MODERN))
    assert two == pytest.approx(2 * 1000 * (0.01333 + 0.0064 * 0.25 + 0.01081 * 0.0625))


# -- chillers and DX ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("leaving_c", "outdoor_c", "expected"), [(6.67, 35.0, 2.96), (6.67, 15.0, 4.89), (10.0, 25.0, 4.22)]
)
def test_the_air_cooled_chiller(leaving_c: float, outdoor_c: float, expected: float) -> None:
    # 90.1 prototype AC_2010_PA, full load.
    available = available_kw(a(1000.0), AIR_COOLED, a(leaving_c), a(outdoor_c))
    power = compressor_kw(available, available, a(2.96), AIR_COOLED, a(leaving_c), a(outdoor_c))
    assert float(available / power) == pytest.approx(expected, abs=0.01)


def test_machines_of_different_kind_side_by_side_are_what_each_is_alone() -> None:
    both = side_by_side([YORK_YS, TRANE_CVHE])
    nominal, heat = np.array([600.0, 1500.0]), np.array([300.0, 900.0])
    together = available_kw(nominal, both, a(8.0)[..., None], a(24.0)[..., None])
    power = compressor_kw(heat, together, np.array([5.4, 6.6]), both, a(8.0)[..., None], a(24.0)[..., None])
    for k, (curves, cop) in enumerate(((YORK_YS, 5.4), (TRANE_CVHE, 6.6))):
        alone = available_kw(a(nominal[k]), curves, a(8.0), a(24.0))
        assert together[k] == pytest.approx(float(alone))
        by_itself = compressor_kw(a(heat[k]), alone, a(cop), curves, a(8.0), a(24.0))
        assert power[k] == pytest.approx(float(by_itself))


def test_the_dx_unit_gives_its_rating_at_rating_and_the_published_values_elsewhere() -> None:
    # Hand calculation from EnergyPlus's CoolCStandard10Ton coefficients.
    assert float(dx.capacity_ratio(a(19.44), a(35.0))) == pytest.approx(1.0, abs=0.01)
    assert float(dx.energy_input_ratio(a(19.44), a(35.0))) == pytest.approx(1.0, abs=0.02)
    by_hand = 1.23649 - 0.02431 * 20 + 0.00057 * 400 - 0.01434 * 25 + 0.00063 * 625 - 0.00038 * 500
    assert float(dx.energy_input_ratio(a(20.0), a(25.0))) == pytest.approx(by_hand, rel=1e-12)
    assert float(dx.part_load_factor(a(0.5))) == pytest.approx(0.925)


def test_a_dx_unit_needs_more_the_hotter_it_is_outside_and_no_less_below_its_head_pressure_limit() -> None:
    outdoor = np.linspace(18, 46, 30)
    eir = dx.energy_input_ratio(a(19.0), outdoor)
    assert (np.diff(eir) > 0).all()
    assert float(dx.energy_input_ratio(a(19.0), a(-10.0))) == float(eir[0])
    warm = dx.energy_input_ratio(np.linspace(17, 22, 20), a(30.0))
    assert (np.diff(warm) < 0).all()


# -- towers -------------------------------------------------------------------------------------------


def test_merkels_adjustments() -> None:
    # f_wb = 1 + 0.0081·Δ, f_air = 1.3x - 0.3x², f_water = 0.1082 + 1.667x - 0.7713x².
    one = float(merkel.conductance_ratio(a(0.0), a(1.0), a(1.0)))
    assert one == pytest.approx(1.0039, abs=1e-4)
    assert float(merkel.conductance_ratio(a(10.0), a(1.0), a(1.0))) == pytest.approx(1.081 * one)
    assert float(merkel.conductance_ratio(a(0.0), a(0.5), a(1.0))) == pytest.approx(0.575 * one)


def merkel_leaving(entering_c: float, wet_c: float, fan: float) -> float:
    water, air = 86.0, 86.0 / 1.2
    ua = merkel.design_ua_kw_k(2000.0, water, air, 25.56, 5.56, 3.89)
    adjusted = ua * merkel.conductance_ratio(a(25.56 - wet_c), a(fan), a(1.0))
    return float(merkel.leaving_water_c(a(entering_c), a(wet_c), a(water), a(air * fan), adjusted, 101.325))


def test_merkels_tower_makes_its_design_water_at_design() -> None:
    assert merkel_leaving(25.56 + 3.89 + 5.56, 25.56, 1.0) == pytest.approx(25.56 + 3.89, abs=0.05)


def test_merkel_and_york_agree_about_an_ordinary_tower() -> None:
    for wet_c in (10.0, 15.0, 20.0, 25.0):
        entering = wet_c + 12.0
        york = tower.leaving_water_c(a(entering), a(wet_c), tower.liquid_to_gas(a(1.0), a(1.0)))
        assert merkel_leaving(entering, wet_c, 1.0) == pytest.approx(float(york), abs=1.2)


def test_merkels_tower_is_colder_with_more_air_and_never_below_the_wet_bulb() -> None:
    left = [merkel_leaving(32.0, 20.0, fan) for fan in np.linspace(0.15, 1.0, 12)]
    assert left == sorted(left, reverse=True)
    assert min(left) > 20.0


def test_a_cell_with_its_fan_off_draws_an_eighth_of_its_air() -> None:
    # EnergyPlus: 12.5 % of capacity by free convection.
    assert float(tower.liquid_to_gas(a(1.0), a(0.0))) == pytest.approx(8.0)


# -- storage, heat-up, backup ---------------------------------------------------------------------------


def test_a_cubic_meter_of_tank_holds_seven_kilowatt_hours_at_six_kelvin() -> None:
    state = TankState(a(0.97), a(7.0), a(13.0))
    full = RHO_WATER * CP_WATER * 6.0 / 3600
    assert full == pytest.approx(7.0, abs=0.05)
    assert float(tank.charge(state, a(6.0))) == pytest.approx(1.0)


def test_a_room_of_air_alone_warms_by_fifty_kelvin_a_minute_per_kilowatt_and_cubic_meter() -> None:
    assert 60 * float(backup.heat_up_k_per_s(a(1.0), a(RHO_AIR * CP_AIR))) == pytest.approx(49.7, abs=0.1)


def test_chilled_water_that_carries_a_megawatt_for_a_minute() -> None:
    assert pytest.approx(2.4, abs=0.01) == 60_000 / (RHO_WATER * CP_WATER * 6.0)


def test_a_battery_lasts_longer_at_less_load_than_in_proportion() -> None:
    # Peukert: 200 kWh at 1200 kW is ten minutes; at half load 2^1.15 times as long.
    full = float(backup.battery_time_s(a(200.0), a(1200.0), a(1200.0)))
    half = float(backup.battery_time_s(a(200.0), a(1200.0), a(600.0)))
    assert full == pytest.approx(600.0)
    assert half == pytest.approx(600.0 * 2**1.15)
    assert float(backup.battery_time_s(a(200.0), a(1200.0), a(1300.0))) == 0.0


def test_a_heat_pump_keeps_its_share_of_carnot() -> None:
    # 65 °C from 30 °C at COP 5; from 40 °C the lift is 25 K in place of 35: 5·35/25.
    assert float(heat_pump.cop(a(30.0), 65.0, 5.0, 30.0)) == pytest.approx(5.0)
    assert float(heat_pump.cop(a(40.0), 65.0, 5.0, 30.0)) == pytest.approx(7.0)
    demand = heat_pump.demand_share(np.array([20.0, 5.0, -10.0]))
    np.testing.assert_allclose(demand, [0.0, 0.5, 1.0])
