"""Change points are found where they are, and what is not there is not fitted."""

from __future__ import annotations

import numpy as np
import pytest

from reports.regression import ChangePointForm, choose, fit_change_points, least_squares

HOURS = 24 * 21
RNG = np.random.default_rng(4)
LOAD_KW = 800 + 100 * np.sin(np.arange(HOURS) / 24 * 2 * np.pi) + RNG.normal(0, 20, HOURS)
WET_BULB_C = 15 + 7 * np.sin(np.arange(HOURS) / 29 * 2 * np.pi) + RNG.normal(0, 1, HOURS)


def test_a_knee_is_followed_on_both_sides() -> None:
    knee_c = float(np.quantile(WET_BULB_C, 0.45).round(1))  # on the grid that is searched
    law = 100 + 0.3 * LOAD_KW + 12 * np.maximum(WET_BULB_C - knee_c, 0)
    fit = fit_change_points(law + RNG.normal(0, 1, HOURS), LOAD_KW, WET_BULB_C)
    assert fit.form == ChangePointForm(("1", "P", "above"), high_c=knee_c)
    load, wet_bulb = np.array([800.0, 800.0, 800.0]), np.array([8.0, knee_c, 22.0])
    expected = 340 + 12 * np.array([0.0, 0.0, 22.0 - knee_c])
    np.testing.assert_allclose(fit.predict(load, wet_bulb), expected, atol=1.0)


def test_what_weather_does_not_move_gets_no_weather_term() -> None:
    y = 50 + 0.2 * LOAD_KW + RNG.normal(0, 5, HOURS)
    assert fit_change_points(y, LOAD_KW, WET_BULB_C).form.terms == ("1", "P")


def test_pure_noise_is_a_constant() -> None:
    assert fit_change_points(RNG.normal(50, 5, HOURS), LOAD_KW, WET_BULB_C).form.terms == ("1",)


def test_change_points_count_as_parameters() -> None:
    assert ChangePointForm(("1", "P", "above", "below"), 18.0, 5.0).parameters == 6


def test_terms_that_say_the_same_are_not_told_apart() -> None:
    use = RNG.uniform(0, 1, HOURS)
    forms = (("1", "a"), ("1", "a", "b"))
    columns = {"1": np.ones(HOURS), "a": use, "b": 2 * use}
    chosen = choose(
        forms, lambda f: np.column_stack([columns[c] for c in f]), 3 + use + RNG.normal(0, 0.1, HOURS), len
    )
    assert chosen == ("1", "a")


def test_the_spread_of_a_new_value_is_the_textbook_one_for_independent_noise() -> None:
    design = np.column_stack([np.ones(HOURS), LOAD_KW])
    fit = least_squares(["1", "P"], design, 10 + 0.5 * LOAD_KW + RNG.normal(0, 3.0, HOURS))
    new = np.array([[1.0, 800.0], [1.0, 1500.0]])
    textbook = 3.0 * np.sqrt(1 + np.einsum("ij,jk,ik->i", new, np.linalg.inv(design.T @ design), new))
    # Newey-West lags make the covariance itself noisy
    spread = np.sqrt(np.einsum("ij,jk,ik->i", new, np.asarray(fit.covariance), new) + fit.sigma**2)
    np.testing.assert_allclose(spread, textbook, rtol=0.15)


def test_autocorrelated_noise_widens_the_parameters_spread() -> None:
    noise = np.zeros(HOURS)
    for i in range(1, HOURS):
        noise[i] = 0.9 * noise[i - 1] + RNG.normal(0, 1)
    design = np.ones((HOURS, 1))
    fit = least_squares(["1"], design, 100 + noise)
    naive = fit.sigma**2 / HOURS
    assert fit.covariance[0][0] > 4 * naive


@pytest.mark.parametrize("hours", [48, 60])
def test_few_hours_get_a_simple_form(hours: int) -> None:
    y = 50 + 0.2 * LOAD_KW[:hours] + 3 * np.maximum(WET_BULB_C[:hours] - 14, 0)
    assert fit_change_points(y, LOAD_KW[:hours], WET_BULB_C[:hours]).form.parameters <= hours // 8
