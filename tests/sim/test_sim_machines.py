from __future__ import annotations

import numpy as np
import pytest

from sim.physics import coil, economizer, fans, power_chain, pumps


@pytest.mark.parametrize(
    ("curve", "speed", "expected"),
    [
        (fans.VAV_GENERIC, 0.5, 0.48),
        (fans.EC_PLUG, 0.5, 0.29),
        (fans.EC_PLUG, 0.7, 0.40),
        (fans.TOWER, 0.5, 0.126),
    ],
)
def test_fan_polynomials_give_the_published_shares(
    curve: tuple[float, float, float, float], speed: float, expected: float
) -> None:
    assert float(fans.power_ratio(np.asarray(speed), curve)) == pytest.approx(expected, abs=0.006)


@pytest.mark.parametrize("curve", [fans.VAV_GENERIC, fans.EC_PLUG, fans.TOWER])
def test_a_fan_at_rest_draws_nothing_and_at_full_speed_its_nameplate(
    curve: tuple[float, float, float, float],
) -> None:
    rest, full = fans.power_ratio(np.array([0.0, 1.0]), curve)
    assert rest == 0.0
    # The generic VAV set adds up to 0.9898 as published.
    assert full == pytest.approx(1.0, abs=0.011)


def test_pump_polynomials_by_hand() -> None:
    # 0.0205·0.5 + 0.4101·0.25 + 0.5753·0.125 and 0.0216·0.5 - 0.0325·0.25 + 1.0095·0.125
    half = np.asarray(0.5)
    assert float(pumps.power_ratio(half, pumps.CHILLED_WATER)) == pytest.approx(0.18469, abs=1e-5)
    assert float(pumps.power_ratio(half, pumps.CONDENSER_WATER)) == pytest.approx(0.12886, abs=1e-5)
    assert float(pumps.hydraulic_power_kw(0.05, 160.0, 0.8)) == pytest.approx(10.0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("law", "loads", "expected"),
    [
        (power_chain.UPS_MODERN, (0.1, 0.2, 0.5, 1.0), (0.877, 0.930, 0.963, 0.970)),
        (power_chain.UPS_LEGACY, (0.1, 0.2, 0.5, 1.0), (0.69, 0.80, 0.885, 0.917)),
    ],
)
def test_ups_efficiency_is_the_white_papers(
    law: power_chain.LossLaw, loads: tuple[float, ...], expected: tuple[float, ...]
) -> None:
    got = power_chain.efficiency(1500 * np.array(loads), np.asarray(1500.0), law)
    np.testing.assert_allclose(got, expected, atol=6e-4)


def test_counterflow_effectiveness_against_the_textbook() -> None:
    # Incropera, table 11.4 relations: NTU 1, Cr 0 → 1 - 1/e; Cr 1 → NTU/(1+NTU); NTU 2, Cr 0.5.
    ntu, ratio = np.array([1.0, 1.0, 2.0]), np.array([0.0, 1.0, 0.5])
    by_hand = [1 - np.exp(-1), 0.5, (1 - np.exp(-1)) / (1 - 0.5 * np.exp(-1))]
    np.testing.assert_allclose(coil.counterflow_effectiveness(ntu, ratio), by_hand, rtol=1e-5)


def test_sizing_inverts_effectiveness() -> None:
    ntu = coil.ntu_for_effectiveness(0.586, 0.446)
    assert float(coil.counterflow_effectiveness(np.asarray(ntu), np.asarray(0.446))) == pytest.approx(0.586)


def test_a_coil_never_moves_more_heat_than_the_lesser_stream_allows() -> None:
    water = np.linspace(0.1, 80, 50)
    heat = coil.coil_heat_kw(np.asarray(30.0), np.asarray(7.0), np.asarray(19.0), water, np.asarray(20.0))
    assert (heat <= np.minimum(19.0, water) * 23.0 + 1e-9).all()
    assert (np.diff(heat) > 0).all()


def test_design_flows_give_design_conductance_and_less_flow_gives_less() -> None:
    ua = coil.off_design_ua_kw_k(np.asarray(20.0), np.array([1.0, 0.5, 1.0]), np.array([1.0, 1.0, 0.5]))
    assert ua[0] == pytest.approx(20.0)
    assert ua[1] < 20.0
    assert ua[2] < 20.0


def test_the_exchanger_leaves_its_design_approach() -> None:
    ua = economizer.ua_for_approach_kw_k(1200.0, 6.0, 1.5)
    heat = economizer.heat_kw(
        np.asarray(17.5), np.asarray(10.0), np.asarray(200.0), np.asarray(200.0), np.asarray(ua)
    )
    # 1200 kW cool 200 kW/K of water from 17.5 to 11.5 °C: 1.5 K above the 10 °C tower water.
    assert float(heat) == pytest.approx(1200.0, rel=1e-3)


def test_the_exchanger_never_heats() -> None:
    args = (np.asarray(100.0), np.asarray(100.0), np.asarray(500.0))
    assert float(economizer.heat_kw(np.asarray(10.0), np.asarray(12.0), *args)) == 0.0
