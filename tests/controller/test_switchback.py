"""A drawn schedule is run by the controller itself: back to as found, and on again, whoever looks."""

from __future__ import annotations

import asyncio
import itertools
from datetime import datetime, timedelta

import numpy as np
import pytest
from switchback_kit import LONG, SHORT, SITE, START, TICK_S, Loop, summer_loop

from controller.guard import Purpose
from controller.modes import Mode
from controller.switchback_arm import steps_back, told
from controller.switchback_kept import stretches_of
from controller.switchback_run import Busy, Run, settling_h
from controller.two_person import Request, SamePerson
from plant.errors import ConfigError
from reports.switchback import Arm
from reports.switchback_analysis import analyze
from reports.switchback_record import Applied, Stretch


@pytest.fixture
def loop() -> Loop:
    return summer_loop()


def test_baseline_blocks_stand_as_found_and_nothing_is_proposed_in_them(loop: Loop) -> None:
    run = loop.start(LONG)
    schedule = run.schedule
    end = schedule.blocks[2].end
    loop.until(end)
    loop.clock.turn_to(schedule.blocks[-1].end)  # nobody needs to see the rest of it
    asyncio.run(loop.actions.run())
    offered = [(r.snapshot.time, r.proposal) for r in loop.records]
    arms = [(schedule.arm_at(at), proposal) for at, proposal in offered]
    assert not any(p for arm, p in arms if arm is Arm.BASELINE)
    assert any(p for arm, p in arms if arm is Arm.CONTROL)
    history = loop.controller.historian.history(SITE, schedule.blocks[0].start, end, 300)
    stood = np.ones(len(history.values), bool)
    for lever in SITE.levers:
        for point in lever.points:
            stood &= np.abs(history.column(point) - lever.as_found) <= lever.resolution + 1e-6
    counted = [schedule.counts(t.to_pydatetime()) for t in history.values.index]
    arm = np.array([schedule.arm_at(t.to_pydatetime()) is Arm.BASELINE for t in history.values.index])
    assert stood[arm & counted].all()
    assert not stood[~arm & counted].all(), "control never moved a lever: the test shows nothing"
    # What was written down is what the plant did; the analysis reads it.
    record = stretches_of(loop.store, run.id)
    assert {s.applied for s in record} >= {Applied.BASELINE, Applied.CONTROL}
    found = analyze(history, schedule, record=record)
    assert found.recorded
    assert found.compliance > 0.95
    # The log said so: the schedule before its first block, every block, and the end.
    everything = loop.controller.parts.authority.audit.since(START)
    audit = [r for r in everything if r.kind.startswith("switchback.")]
    kinds = [r.kind for r in audit]
    assert kinds.count("switchback.block") == 3
    started = next(r for r in audit if r.kind == "switchback.started")
    assert started.at < schedule.blocks[0].start
    assert started.what["schedule"] == schedule.id
    assert kinds[-1] == "switchback.ended"


def test_a_restart_goes_on_with_the_schedule_and_leaves_a_gap_in_the_record(loop: Loop) -> None:
    run = loop.start()
    first, second = run.schedule.blocks[:2]
    loop.until(first.start + timedelta(minutes=20))
    loop.clock.turn_to(loop.now + timedelta(hours=1))  # nobody was there
    loop.gateway.advance_to(loop.now)
    back_at = loop.now
    loop.restart()
    loop.until(second.start + timedelta(minutes=20))
    again = loop.book.running(loop.now)
    assert again is not None
    assert again.schedule == run.schedule
    record = stretches_of(loop.store, run.id)
    gap = [(a.until, b.since) for a, b in itertools.pairwise(record) if b.since > a.until]
    assert len(gap) == 1
    assert gap[0][1] == back_at
    assert gap[0][1] - gap[0][0] >= timedelta(hours=1)


def _in_baseline(loop: Loop) -> Run:
    """A run at the beginning of its first block, a baseline one, with every lever three moves away."""
    run = loop.start(SHORT)
    loop.until(run.schedule.blocks[0].start - timedelta(seconds=TICK_S))
    for lever in SITE.levers:
        for point in lever.points:
            sign = 1 if lever.as_found + 3 * lever.max_move <= lever.high else -1
            loop.plant.write(point, lever.as_found + sign * 3 * lever.max_move)
    loop.clock.turn_to(loop.now + timedelta(seconds=TICK_S))
    loop.gateway.advance_to(loop.now)
    asyncio.run(loop.controller.poller.poll())
    assert loop.off() == {lever.id for lever in SITE.levers}
    return run


@pytest.mark.parametrize("what", ["hold", "stop", "shadow"])
def test_hold_stop_and_shadow_stand_before_the_schedule(loop: Loop, what: str) -> None:
    run = _in_baseline(loop)
    authority = loop.controller.parts.authority
    lever = SITE.levers[0]
    if what == "hold":
        authority.holds.place(
            lever.owner if lever.owner != "site" else lever.id,
            reason="work on it",
            by="ann",
            at=loop.now,
            until=loop.now + timedelta(hours=4),
        )
    elif what == "stop":
        authority.modes.stop(by="ann", reason="a test", at=loop.now)
    else:
        authority.modes.change("site", Mode.SHADOW, by="ann", at=loop.now, reason="a test")
    before = {p: loop.controller.poller.snapshot().value(p) for p in lever.points}
    loop.until(loop.now + timedelta(minutes=30))
    after = {p: loop.controller.poller.snapshot().value(p) for p in lever.points}
    wrote = {Purpose(r["purpose"]) for r in _writes(loop, run.schedule.blocks[0].start)}
    record = stretches_of(loop.store, run.id)
    assert record[-1].applied is Applied.INTERRUPTED
    if what == "hold":
        assert after == before
        assert lever.id in record[-1].detail
    else:
        assert Purpose.SWITCHBACK not in wrote
        assert record[-1].detail in ("stopped", "the site is in shadow")


def _writes(loop: Loop, since: datetime) -> list[dict[str, object]]:
    from sqlalchemy import select

    from controller.canonical import stamp
    from controller.tables import COMMANDS

    rows = loop.store.rows(select(COMMANDS).where(COMMANDS.c.intended_at >= stamp(since)))
    return [dict(r) for r in rows]


def test_the_way_back_goes_one_move_a_control_period_and_by_the_guard(loop: Loop) -> None:
    run = _in_baseline(loop)
    switch = run.schedule.blocks[0].start
    loop.until(switch + timedelta(minutes=30))
    writes = [r for r in _writes(loop, switch) if r["purpose"] == Purpose.SWITCHBACK]
    levers = {p: lever for lever in SITE.levers for p in lever.points}
    assert writes
    for row in writes:
        lever = levers[row["point"]]  # type: ignore[index]
        assert abs(row["value"] - row["before"]) <= lever.max_move + 1e-9  # type: ignore[operator]
    assert not loop.off()


def test_two_people_start_one_stops_and_only_one_runs(loop: Loop) -> None:
    asked = loop.book.ask(SHORT, by="ann", at=loop.now)
    assert isinstance(asked, Request)
    assert isinstance(loop.book.confirm(asked.id, by="ann", at=loop.now), SamePerson)
    assert loop.book.running(loop.now) is None
    run = loop.book.confirm(asked.id, by="bob", at=loop.now)
    assert isinstance(run, Run)
    assert run.by == "ann and bob"
    assert isinstance(loop.book.ask(SHORT, by="ann", at=loop.now), Busy)
    stopped = loop.book.stop(by="cat", reason="maintenance", at=loop.now)
    assert stopped is not None
    assert loop.book.running(loop.now) is None
    loop.restart()
    assert loop.book.running(loop.now) is None
    assert loop.book.latest == stopped


def test_an_arm_is_never_drawn_for_a_block_that_has_begun(loop: Loop) -> None:
    loop.clock.turn_to(START + timedelta(hours=1))
    with pytest.raises(ConfigError, match="would begin in the past"):
        loop.book.ask(SHORT, by="ann", at=loop.now)


def test_units_of_a_lever_that_stand_apart_come_together(loop: Loop) -> None:
    lever = next(lv for lv in SITE.levers if len(lv.points) == 2)
    for point, sign in zip(lever.points, (1, -1), strict=True):
        loop.plant.write(point, lever.as_found + sign * 2 * lever.resolution)
    loop.clock.turn_to(loop.now + timedelta(seconds=60))
    loop.gateway.advance_to(loop.now)
    asyncio.run(loop.controller.poller.poll())
    steps = steps_back(SITE, loop.controller.poller.snapshot(), loop.now, frozenset())
    assert {c.point: c.value for c in steps} == dict.fromkeys(lever.points, lever.as_found)


def test_the_washout_is_as_long_as_the_slowest_lever_and_an_hour() -> None:
    # Chilled water from 7 to 16 °C, half a kelvin every five minutes: an hour and a half.
    assert settling_h(SITE, 300.0) == 2.5


def test_whoever_looks_is_told(loop: Loop) -> None:
    run = loop.start()
    assert "begins at" in told(run, None, loop.now)[0]
    block = run.schedule.blocks[0]
    line = told(run, Applied.MOVING, block.start)[0]
    assert f"{block.arm} block 1 of 24" in line
    assert line.endswith("moving, washout")
    loop.until(block.start + timedelta(minutes=20))
    page = loop.controller.parts.metrics.render()[0].decode()
    shown = {"control": "control"}.get(block.arm, "baseline")
    assert f'coolwright_switchback_applied{{applied="{shown}",site="demo"}} 1.0' in page


def test_the_database_gone_is_a_gap_in_the_record_and_no_crash(loop: Loop) -> None:
    run = loop.start()
    at = run.schedule.blocks[0].start
    loop.book.observe(run, Applied.CONTROL, "", at)
    loop.book.observe(run, Applied.CONTROL, "", at + timedelta(minutes=5))
    loop.book.observe(run, Applied.CONTROL, "", at + timedelta(minutes=60))
    spans = [(s.since, s.until) for s in stretches_of(loop.store, run.id)]
    assert spans == [(at, at + timedelta(minutes=5)), (at + timedelta(minutes=60),) * 2]
    assert isinstance(loop.book.stretch, Stretch)
