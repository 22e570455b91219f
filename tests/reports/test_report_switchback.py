"""Randomized switchback: a schedule nobody can choose afterwards, and an effect that is found again."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from made_up_plant import MadeUpPlant

from benchmarks.savings_coverage import (
    NOTHING,
    SWITCHED_DAYS,
    Score,
    scores,
    switchback_trial,
    switched,
)
from benchmarks.savings_made_up import World
from plant.errors import ConfigError
from plant.points import PointId
from plant.site import Site
from reports.switchback import Arm, Schedule, draw_schedule
from reports.switchback_analysis import _anytime_factor, _jackknife, analyze
from reports.switchback_record import Applied, Stretch, run_as

MONDAY = date(2026, 7, 6)


def test_the_same_seed_draws_the_same_schedule_and_another_seed_another() -> None:
    one = draw_schedule(MONDAY, 28, "Europe/Berlin", seed=1)
    assert draw_schedule(MONDAY, 28, "Europe/Berlin", seed=1) == one
    assert draw_schedule(MONDAY, 28, "Europe/Berlin", seed=2).id != one.id
    assert Schedule.from_json(one.to_json()) == one


@pytest.mark.parametrize("block_h", [6, 12, 24])
def test_both_arms_get_as_many_blocks_of_each_kind(block_h: int) -> None:
    schedule = draw_schedule(MONDAY, 28, "UTC", seed=3, block_h=block_h)
    for stratum in {b.stratum for b in schedule.blocks}:
        arms = [b.arm for b in schedule.blocks if b.stratum == stratum]
        assert arms.count(Arm.CONTROL) == arms.count(Arm.BASELINE)


def test_each_arm_comes_first_in_about_half_of_the_pairs() -> None:
    firsts = [draw_schedule(MONDAY, 2, "UTC", seed=seed).blocks[0].arm for seed in range(400)]
    # Binomial(400, 1/2) has a standard deviation of 10: four of them either way.
    assert 160 <= firsts.count(Arm.CONTROL) <= 240


def test_blocks_follow_the_local_clock_through_its_change() -> None:
    schedule = draw_schedule(date(2026, 10, 24), 3, "Europe/Berlin", seed=1, block_h=12)
    hours = [(b.end - b.start).total_seconds() / 3600 for b in schedule.blocks]
    assert hours == [12, 12, 13, 12, 12, 12]  # the night of 25 October has an hour twice
    assert all(a.end == b.start for a, b in zip(schedule.blocks, schedule.blocks[1:], strict=False))


def test_the_hours_after_a_switch_count_for_neither_arm() -> None:
    schedule = draw_schedule(MONDAY, 8, "UTC", seed=5, washout_h=2)
    switch = next(i for i in range(1, 8) if schedule.blocks[i].arm is not schedule.blocks[i - 1].arm)
    start = schedule.blocks[switch].start
    assert not schedule.counts(start + timedelta(hours=1, minutes=59))
    assert schedule.counts(start + timedelta(hours=2))
    assert schedule.arm_at(start) is schedule.blocks[switch].arm


def test_two_blocks_of_the_same_arm_in_a_row_have_no_washout_between() -> None:
    schedule = draw_schedule(MONDAY, 28, "UTC", seed=5)
    same = next(i for i in range(1, 28) if schedule.blocks[i].arm is schedule.blocks[i - 1].arm)
    assert schedule.counts(schedule.blocks[same].start)


def test_outside_the_schedule_there_is_no_arm() -> None:
    schedule = draw_schedule(MONDAY, 2, "UTC", seed=5)
    assert schedule.arm_at(datetime(2026, 7, 5, 23, 59, tzinfo=UTC)) is None
    assert schedule.arm_at(datetime(2026, 7, 8, tzinfo=UTC)) is None


@pytest.mark.parametrize(
    ("choices", "words"),
    [({"block_h": 5}, "divide"), ({"washout_h": 12}, "eats"), ({"days": 1}, "no pair")],
)
def test_a_schedule_that_cannot_tell_anything_is_refused(choices: dict[str, int], words: str) -> None:
    days = choices.pop("days", 14)
    with pytest.raises(ConfigError, match=words):
        draw_schedule(MONDAY, days, "UTC", seed=1, **choices)


FRIDAY = date(2026, 7, 10)


@pytest.mark.parametrize("block_h", [2, 6, 24])
@pytest.mark.parametrize(("first", "days", "needed"), [(MONDAY, 1, 2), (FRIDAY, 1, 3), (FRIDAY, 2, 3)])
def test_a_span_in_which_every_arm_would_be_a_toss_is_refused_with_the_span_that_will_do(
    first: date, days: int, needed: int, block_h: int
) -> None:
    with pytest.raises(ConfigError) as refused:
        draw_schedule(first, days, "UTC", seed=1, block_h=block_h, washout_h=0.5)
    assert refused.value.thing == "switchback schedule"
    assert "no pair of blocks" in refused.value.problem
    assert refused.value.mend == f"use {needed} days or more"
    assert "\n" not in str(refused.value)
    drawn = draw_schedule(first, needed, "UTC", seed=1, block_h=block_h, washout_h=0.5)
    arms = Counter((pair, block.arm) for pair, block in zip(drawn.pairs, drawn.blocks, strict=True))
    assert any(arms[pair, Arm.BASELINE] == arms[pair, Arm.CONTROL] == 1 for pair in drawn.pairs)


def test_a_schedule_that_was_not_followed_shows_nothing(demo_site: Site) -> None:
    world = World(demo_site, 1)
    schedule = draw_schedule(MONDAY, 28, demo_site.timezone, seed=1)
    everywhere = world.facility(schedule.blocks[0].start, 28 * 24, 0.1)  # never as found
    result = analyze(everywhere, schedule)
    assert not result.qualified
    assert "run as drawn" in result.reasons[0]
    assert np.isnan(result.saving_kw)


def test_too_few_blocks_are_refused_with_their_number(made_up: MadeUpPlant) -> None:
    schedule = draw_schedule(MONDAY, 8, "UTC", seed=1)
    history = made_up.history(8 * 24, start=schedule.blocks[0].start)
    assert "only 4 baseline blocks have data, 6 are needed" in analyze(history, schedule).reasons


def test_a_gap_is_left_out_and_not_counted(demo_site: Site) -> None:
    schedule = draw_schedule(MONDAY, 28, demo_site.timezone, seed=2)
    history = World(demo_site, 2).facility(schedule.blocks[0].start, 28 * 24, 0.0)
    whole = analyze(history, schedule)
    history.values.loc[history.values.index[100:150], PointId("utility-meter.power")] = np.nan
    gap = pd.DatetimeIndex(history.values.index[100:150])
    lost = sum(schedule.counts(t.to_pydatetime()) for t in gap)
    holey = analyze(history, schedule)
    assert whole.control_hours + whole.baseline_hours - lost == holey.control_hours + holey.baseline_hours


def test_a_known_saving_is_found_and_nothing_is_found_where_nothing_changed(demo_site: Site) -> None:
    found = switchback_trial(World(demo_site, 4), 0.1)
    assert found.covers
    assert found.finds
    assert not switchback_trial(World(demo_site, 4), 0.0).finds
    assert SWITCHED_DAYS == 56


def test_the_jackknife_is_that_of_a_hand_calculation() -> None:
    """Four clusters of one row each, one constant column: the standard error of a mean."""
    y = np.array([1.0, 2.0, 4.0, 9.0])
    error = _jackknife(np.ones((4, 1)), y, np.arange(4))
    assert error == pytest.approx(y.std(ddof=1) / 2)  # s / sqrt(n)


def test_the_anytime_interval_is_wider_by_the_factor_of_the_paper() -> None:
    # n = planned = 20, alpha = 0.1: r = (4.60517 + log(5.60517)) / 20 = 0.31644; nr + 1 = 7.3287;
    # sqrt(2 * 7.3287 / 6.3287 * log(sqrt(7.3287) / 0.1)) = 2.7642; times t(19) / z = 1.72913 / 1.64485.
    assert _anytime_factor(0.9, 19, 20) == pytest.approx(2.7642 * 1.72913 / 1.64485, rel=1e-4)


def test_every_pair_has_one_block_of_each_arm() -> None:
    schedule = draw_schedule(MONDAY, 28, "Europe/Berlin", seed=3)
    arms: dict[int, set[Arm]] = {}
    for block, pair in zip(schedule.blocks, schedule.pairs, strict=True):
        arms.setdefault(pair, set()).add(block.arm)
    assert len(arms) == 14
    assert all(found == set(Arm) for found in arms.values())


def test_hours_count_as_they_were_run_and_not_as_they_were_drawn(demo_site: Site) -> None:
    """Two days of control were spent in fallback, at twice the power: they belong to neither arm."""
    world = World(demo_site, 4)
    history, schedule, _ = switched(world, 0.1)
    blocks = [b for b in schedule.blocks if b.arm is Arm.CONTROL][:2]
    record = [
        Stretch(
            b.start, b.end, Applied.INTERRUPTED if b in blocks else Applied(b.arm), "stopped" * (b in blocks)
        )
        for b in schedule.blocks
    ]
    column = PointId("utility-meter.power")
    for b in blocks:
        inside = (history.values.index >= b.start) & (history.values.index < b.end)
        history.values.loc[inside, column] *= 2
    believed, recorded = analyze(history, schedule), analyze(history, schedule, record=record)
    assert believed.saving_kw < 0 < recorded.saving_kw
    assert recorded.recorded
    assert recorded.control_blocks == believed.control_blocks - 2
    assert recorded.as_drawn_saving_kw == pytest.approx(believed.saving_kw)
    # Two of 28 control days were not run as drawn, and the settling after them.
    assert 0.90 <= recorded.compliance < 0.95


def test_time_nobody_recorded_belongs_to_neither_arm_and_settles_first(demo_site: Site) -> None:
    schedule = draw_schedule(MONDAY, 28, demo_site.timezone, seed=1, washout_h=2.0)
    times = pd.date_range(schedule.blocks[0].start, schedule.blocks[-1].end, freq="h", inclusive="left")
    whole = [Stretch(b.start, b.end, Applied(b.arm)) for b in schedule.blocks]
    hole = schedule.blocks[5].start + timedelta(hours=10)
    cut = [
        *whole[:5],
        replace(whole[5], until=hole),
        replace(whole[5], since=hole + timedelta(hours=1)),
        *whole[6:],
    ]
    before, after = (run_as(schedule, record, times, 3600).as_drawn for record in (whole, cut))
    lost = [t.to_pydatetime() for t in times[before & ~after]]
    assert lost == [hole + timedelta(hours=h) for h in range(3)]  # the hole and two hours of washout


def test_what_the_plant_remembers_is_told_and_widens_the_interval(demo_site: Site) -> None:
    """Baseline blocks after control take 20 kW less than they would: a shift of their share of 20 kW."""
    world = World(demo_site, 4)
    history, schedule, _ = switched(world, 0.1)
    before = analyze(history, schedule)
    arms = [b.arm for b in schedule.blocks]
    after = [
        b for a, b in itertools.pairwise(schedule.blocks) if (a.arm, b.arm) == (Arm.CONTROL, Arm.BASELINE)
    ]
    for b in after:
        inside = (history.values.index >= b.start) & (history.values.index < b.end)
        history.values.loc[inside, PointId("utility-meter.power")] -= 20.0
    remembered = analyze(history, schedule)
    share = len(after) / arms.count(Arm.BASELINE)
    assert remembered.carryover_kw == pytest.approx(share * 20, abs=before.carryover_kw + 1.5)
    assert before.saving_kw - remembered.saving_kw == pytest.approx(share * 20, abs=1.5)
    assert remembered.low_kw < before.saving_kw < remembered.high_kw


def test_before_the_end_it_says_that_it_is_interim(demo_site: Site) -> None:
    world = World(demo_site, 4)
    history, schedule, _ = switched(world, 0.1)
    early = replace(history, values=history.values[:800], measured_share=history.measured_share[:800])
    assert analyze(early, schedule).interim
    # Asked for up to the end, of which the rest has not come: the same.
    asked = replace(history, values=history.values.copy())
    asked.values.iloc[800:] = np.nan
    assert analyze(asked, schedule).interim
    assert analyze(asked, schedule).compliance == 1.0, "what has not come was not run otherwise"
    record = [Stretch(b.start, b.end, Applied(b.arm)) for b in schedule.blocks]
    assert analyze(history, schedule, record=record[:40]).interim, "it was stopped before its end"
    assert not analyze(history, schedule, record=record).interim
    result = analyze(history, schedule)
    assert not result.interim
    assert result.anytime_low_kw < result.low_kw < result.saving_kw < result.high_kw < result.anytime_high_kw


def test_both_methods_cover_the_truth_in_a_small_benchmark() -> None:
    table: list[Score] = list(scores(range(10), looks=False))
    for score in (s for s in table if "OpenDSM" not in s.method):
        # With ten worlds only, eight is what chance allows where nine are expected.
        assert score.covered >= 8, score
        if score.saving == NOTHING:
            assert score.found <= 2, score
        else:
            assert score.found == score.seeds, score
