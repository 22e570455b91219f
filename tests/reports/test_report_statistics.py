"""Guideline 14 statistics against numbers other people computed."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import t as student

from reports.statistics import FitStatistics, fit_statistics, guideline_half_width, saving_half_width

RECORDED = json.loads((Path(__file__).parent / "fixtures" / "opendsm_hourly.json").read_text())
"""Made-up hourly series and what OpenDSM 1.2.7 said of them, run in an environment of its own (see
`provenance` in the file: OpenDSM needs an older pandas than we do)."""


@pytest.mark.parametrize("case", RECORDED["cases"])
def test_guideline_14_statistics_agree_with_opendsm_on_the_same_series(case: dict[str, Any]) -> None:
    theirs = case["opendsm"]
    observed = np.array(case["baseline_observed"])
    predicted = np.array(case["baseline_predicted"])
    follows = np.arange(len(observed)) > 0
    fit = fit_statistics(observed, predicted, case["parameters"], follows)
    expected = sum(case["reporting_predicted"])
    saving = expected - sum(case["reporting_observed"])
    half = guideline_half_width(expected, len(case["reporting_predicted"]), fit)
    assert fit.n_effective == pytest.approx(theirs["n_prime"], rel=1e-9)
    assert fit.cv_rmse == pytest.approx(theirs["cvrmse_adj"], rel=1e-9)
    # They divide the bias by n, Guideline 14 by n - 1.
    assert fit.nmbe == pytest.approx(theirs["nmbe"] * fit.n / (fit.n - 1), rel=1e-9)
    # They look t up at n - p - 1 degrees of freedom, Guideline 14 at n - p.
    ours = half / float(student.ppf(0.95, fit.n - fit.p)) * theirs["t_stat"]
    assert ours == pytest.approx(theirs["total_savings_uncertainty"], rel=1e-9)
    assert ours / saving == pytest.approx(theirs["fsu"], rel=1e-9)
    assert half == pytest.approx(theirs["total_savings_uncertainty"], rel=1e-4)
    assert saving_half_width(expected, len(case["reporting_predicted"]), fit) > half


def test_cv_rmse_and_nmbe_of_five_hours_computed_by_hand() -> None:
    actual = np.array([10.0, 12.0, 11.0, 13.0, 14.0])
    predicted = np.array([11.0, 11.0, 11.0, 12.0, 14.0])
    # errors -1, 1, 0, 1, 0: sum of squares 3 over 5 - 2; sum 1 over (5 - 1); mean 12
    fit = fit_statistics(actual, predicted, 2, np.array([False, True, True, True, True]))
    assert fit.cv_rmse == pytest.approx(math.sqrt(3 / 3) / 12)
    assert fit.nmbe == pytest.approx(1 / (4 * 12))


def test_autocorrelation_of_a_known_process_is_found() -> None:
    rng = np.random.default_rng(3)
    e = np.zeros(20_000)
    for i in range(1, len(e)):
        e[i] = 0.7 * e[i - 1] + rng.normal()
    follows = np.ones(len(e), dtype=bool)
    fit = fit_statistics(1000 + e, np.full(len(e), 1000.0), 1, follows)
    assert fit.rho == pytest.approx(0.7, abs=0.02)
    assert fit.n_effective == pytest.approx(len(e) * 0.3 / 1.7, rel=0.1)


def test_the_half_width_is_the_stated_formula_computed_by_hand() -> None:
    # n 1000, p 4, rho 0.5: n' = 333.33; CV'' = 0.05 sqrt(996/1000 * 333.33/329.33) = 0.050202;
    # t(0.95, 329.33) = 1.649480; sqrt(1000/333.33 * (1/720 + 4/1000)) = 0.127148;
    # 1.649480 * 50000 * 0.050202 * 0.127148 = 526.4
    fit = FitStatistics(1000, 4, 100.0, 0.05, 0.0, 0.5)
    assert saving_half_width(50_000, 720, fit) == pytest.approx(526.4, rel=1e-3)
    # A tenth of it in weather hardly seen: sqrt(526.4^2 + (0.04 * 5000)^2) = 563.1
    assert saving_half_width(50_000, 720, fit, sparse=5_000) == pytest.approx(563.1, rel=1e-3)


def test_the_noise_part_is_the_standard_error_of_a_mean_of_a_known_process() -> None:
    """AR(1) of rho 0.8, hourly sd 5 around 100: 4,000 two-week sums, by simulation, against the formula.

    With known coefficients (no p) and a long fit nothing but the noise of the reported hours is left.
    """
    rng = np.random.default_rng(11)
    rho, hours, worlds = 0.8, 336, 4000
    e = np.zeros((worlds, hours))
    e[:, 0] = rng.normal(size=worlds)
    for i in range(1, hours):
        e[:, i] = rho * e[:, i - 1] + math.sqrt(1 - rho**2) * rng.normal(size=worlds)
    spread = 1.645 * 5 * float(e.sum(axis=1).std())
    fit = FitStatistics(100_000, 0, 100.0, 0.05, 0.0, rho)
    assert saving_half_width(100 * hours, hours, fit) == pytest.approx(spread, rel=0.05)


def test_more_reporting_hours_narrow_the_relative_interval_down_to_what_the_fit_knows() -> None:
    fit = FitStatistics(1000, 4, 100.0, 0.05, 0.0, 0.5)
    day, month, ages = (saving_half_width(100 * h, h, fit) / (100 * h) for h in (24, 720, 1e9))
    # sqrt((1/24 + 4/1000) / (1/720 + 4/1000)), and no narrower than sqrt(4/1000) of it
    assert day / month == pytest.approx(2.91134, rel=1e-4)
    assert month / ages == pytest.approx(math.sqrt((1 / 720 + 4 / 1000) / (4 / 1000)), rel=1e-6)


def test_hours_that_all_tell_the_same_support_no_interval() -> None:
    fit = FitStatistics(50, 6, 100.0, 0.05, 0.0, 0.95)  # n' = 1.3 < p
    assert math.isnan(saving_half_width(1000, 24, fit))


def test_a_fit_beyond_the_hourly_limits_says_so() -> None:
    assert FitStatistics(1000, 4, 100.0, 0.29, 0.09, 0.5).problems("facility") == ()
    poor = FitStatistics(1000, 4, 100.0, 0.31, -0.11, 0.5).problems("facility")
    assert [p.split()[1] for p in poor] == ["CV(RMSE)", "NMBE"]


def test_a_fit_without_numbers_is_not_acceptable() -> None:
    assert FitStatistics(3, 4, 100.0, math.nan, math.nan, 0.0).problems("facility")
