from __future__ import annotations

import numpy as np
import pytest

from sim.physics.chiller import TRANE_CVHE, YORK_YS, ChillerCurves, available_kw, compressor_kw


def cop(curves: ChillerCurves, capacity: float, rated: float, te: float, tc: float, plr: float) -> float:
    leaving, entering = np.asarray(te), np.asarray(tc)
    available = available_kw(np.asarray(capacity), curves, leaving, entering)
    heat = plr * available
    return float(heat / compressor_kw(heat, available, np.asarray(rated), curves, leaving, entering))


@pytest.mark.parametrize(
    ("curves", "capacity", "rated", "te", "tc", "plr", "expected"),
    [
        # Computed from EnergyPlus datasets/Chillers.idf with the Engineering Reference's formulas.
        (TRANE_CVHE, 1442, 6.61, 6.67, 29.44, 1.0, 5.98),
        (TRANE_CVHE, 1442, 6.61, 6.67, 29.44, 0.4, 7.57),
        (TRANE_CVHE, 1442, 6.61, 8.89, 23.89, 0.7, 8.40),
        (TRANE_CVHE, 1442, 6.61, 6.67, 18.0, 0.4, 10.22),
        (YORK_YS, 781, 5.42, 6.67, 29.44, 1.0, 5.40),
        (YORK_YS, 781, 5.42, 8.89, 23.89, 0.7, 7.26),
    ],
)
def test_reproduces_the_published_coefficients_of_performance(
    curves: ChillerCurves, capacity: float, rated: float, te: float, tc: float, plr: float, expected: float
) -> None:
    assert cop(curves, capacity, rated, te, tc, plr) == pytest.approx(expected, abs=0.005)


def test_part_load_is_formed_with_the_capacity_at_these_temperatures() -> None:
    # Hand calculation: CVHE at (8.89, 23.89) makes 1.0926 of its reference capacity; at half the
    # *reference* load the ratio is 0.5 / CAPFT, not 0.5.
    te, tc = np.asarray(8.89), np.asarray(23.89)
    available = available_kw(np.asarray(1000.0), TRANE_CVHE, te, tc)
    c1, c2, c3 = TRANE_CVHE.part_load
    plr = 500.0 / float(available)
    a = TRANE_CVHE.eir
    eir = a[0] + a[1] * 8.89 + a[2] * 8.89**2 + a[3] * 23.89 + a[4] * 23.89**2 + a[5] * 8.89 * 23.89
    by_hand = float(available) / 6.61 * eir * (c1 + c2 * plr + c3 * plr**2)
    power = compressor_kw(np.asarray(500.0), available, np.asarray(6.61), TRANE_CVHE, te, tc)
    assert float(power) == pytest.approx(by_hand, rel=1e-9)
    assert abs(plr - 0.5) > 0.02


@pytest.mark.parametrize("curves", [YORK_YS, TRANE_CVHE])
def test_power_falls_with_warmer_chilled_water_and_rises_with_warmer_condenser_far_beyond_the_fit(
    curves: ChillerCurves,
) -> None:
    te = np.linspace(4.5, 20, 60)[:, None]
    tc = np.linspace(curves.entering_c[0], 40, 50)[None, :]
    heat = np.full((60, 50), 300.0)  # within capacity everywhere
    available = available_kw(np.full((60, 50), 800.0), curves, te, tc)
    power = compressor_kw(heat, available, np.asarray(5.4), curves, te, tc)
    assert (np.diff(power, axis=0) < 0).all()
    assert (np.diff(power, axis=1) > 0).all()


def test_extrapolation_uses_the_median_slope_of_the_published_sets() -> None:
    at = [cop(YORK_YS, 800, 5.4, te, 25.0, 0.7) for te in (8.89, 13.89)]
    assert at[0] / at[1] == pytest.approx(np.exp(-0.024 * 5), rel=1e-6)


def test_below_its_least_load_a_machine_cycles_in_proportion() -> None:
    available = np.asarray(800.0)
    heat = np.array([36.0, 18.0])
    power = compressor_kw(heat, available, np.asarray(5.4), YORK_YS, np.asarray(7.0), np.asarray(25.0))
    assert power[0] == pytest.approx(2 * power[1])


def test_a_leading_batch_gives_the_same_as_one_at_a_time() -> None:
    te = np.array([[6.0, 7.0], [8.0, 12.0]])
    available = available_kw(np.array([800.0, 900.0]), YORK_YS, te, np.asarray(25.0))
    batched = compressor_kw(0.6 * available, available, np.asarray(5.0), YORK_YS, te, np.asarray(25.0))
    one = available_kw(np.asarray(900.0), YORK_YS, np.asarray(12.0), np.asarray(25.0))
    alone = compressor_kw(0.6 * one, one, np.asarray(5.0), YORK_YS, np.asarray(12.0), np.asarray(25.0))
    assert batched[1, 1] == pytest.approx(float(alone))
