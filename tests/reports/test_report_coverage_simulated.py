"""The savings benchmark in small: on simulated sites with a known saving, our intervals hold it.

Eight sites, ten days fitted and four accounted, a switchback by half days: enough to see a broken interval,
not to see one that covers 85 of 100. `python -m benchmarks.savings_coverage --on simulator` shows that.
"""

from __future__ import annotations

import pytest

from benchmarks.savings_coverage import Trials, simulated_sites, simulated_trials

SEEDS, FITTED_DAYS = range(8), 10


@pytest.fixture(scope="module")
def trials() -> dict[bool, Trials]:
    sites, schedules = simulated_sites(SEEDS, FITTED_DAYS, 4, block_h=12, step_s=100.0)
    return {s: simulated_trials(sites, schedules, FITTED_DAYS * 24, s, looks=False) for s in (False, True)}


@pytest.mark.parametrize("saving", [False, True])
@pytest.mark.parametrize("method", ["ours", "switchback"])
def test_the_interval_holds_the_true_saving(trials: dict[bool, Trials], method: str, saving: bool) -> None:
    found = getattr(trials[saving], method)
    # 90 % of eight: seven or more in four of five draws of an honest interval; the seeds are fixed.
    assert sum(t.covers for t in found) >= 6


@pytest.mark.parametrize("method", ["ours", "switchback"])
def test_nothing_is_found_where_nothing_was_changed(trials: dict[bool, Trials], method: str) -> None:
    assert sum(t.finds for t in getattr(trials[False], method)) <= 2


def test_a_switchback_finds_the_saving_and_its_interval_is_narrow(trials: dict[bool, Trials]) -> None:
    found = trials[True].switchback
    assert sum(t.finds for t in found) == len(found)
    assert all(t.half < 0.4 * t.truth for t in found)
