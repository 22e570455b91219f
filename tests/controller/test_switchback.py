"""A drawn schedule is run by the controller itself: back to as found, and on again, whoever looks."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from supervision_kit import demo_site

from controller.actions import Actions
from controller.clock import SimulatedClock
from controller.cycle import CycleRecord, run_cycle
from controller.guard import Purpose
from controller.modes import Mode
from controller.proposals import Decision, ProposalStatus
from controller.replay import GoingOn
from controller.settings import Settings
from controller.store import Store
from controller.switchback import Busy, Run, SwitchbackBook, Wish, settling_h
from controller.switchback_arm import levers_off, steps_back, told
from controller.two_person import Request, SamePerson
from controller.wiring import Controller, Knowledge, assemble, inline_planner
from plant.errors import ConfigError
from reports.switchback import Arm
from reports.switchback_analysis import analyze
from reports.switchback_record import Applied, Stretch
from sim.plant import SimulatedPlant
from sim.weather import ConstantWeather
from sim.workload import DiurnalWorkload
from telemetry.gateways import Field
from telemetry.historian import Historian
from telemetry.simulated import InProcessGateway

SITE = demo_site()
START = datetime(2026, 7, 6, 3, 30, tzinfo=UTC)  # half an hour before midnight on the site's clock
TICK_S = 300.0
DAY = date(2026, 7, 6)
C, B = Arm.CONTROL, Arm.BASELINE


def wish(arms: list[Arm], block_h: int, washout_h: float) -> Wish:
    """A day whose first blocks are these, by trying seeds: a test may, an engineer announces one."""
    wishes = (Wish(DAY, 1, block_h, washout_h, seed) for seed in range(200))
    return next(w for w in wishes if [b.arm for b in w.drawn(SITE.timezone).blocks[: len(arms)]] == arms)


LONG = wish([C, B, C], 3, 1.2)
SHORT = wish([B, C], 2, 0.5)


@dataclass
class Loop:
    """The production loop around a simulated plant, a tick at a time, with a robot that approves."""

    plant: SimulatedPlant
    clock: SimulatedClock
    gateway: InProcessGateway
    store: Store = field(default_factory=lambda: Store("sqlite://"))
    historian: Historian = field(default_factory=lambda: Historian("sqlite://"))
    controller: Controller = field(init=False)
    actions: Actions = field(init=False)
    records: list[CycleRecord] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.restart()

    @property
    def book(self) -> SwitchbackBook:
        return self.controller.parts.authority.switchback

    @property
    def now(self) -> datetime:
        return self.clock.now()

    def restart(self) -> None:
        """A new program over the same database, plant and history."""
        self.controller = assemble(
            SITE,
            Settings(),
            self.clock,
            historian=self.historian,
            field=Field(SITE, [self.gateway]),
            store=self.store,
            plans_by=lambda k: inline_planner("trim-and-respond", SITE, k),
            knowledge=Knowledge(None, None, ""),
            store_s=TICK_S,
        )
        self.actions = Actions(self.controller.parts)
        asyncio.run(self.controller.poller.poll())

    def start(self, wanted: Wish = SHORT) -> Run:
        asked = self.book.ask(wanted, by="ann", at=self.now)
        assert isinstance(asked, Request)
        run = self.book.confirm(asked.id, by="bob", at=self.now)
        assert isinstance(run, Run)
        return run

    def until(self, end: datetime) -> None:
        while self.now < end:
            asyncio.run(self.tick())

    async def tick(self) -> None:
        parts = self.controller.parts
        await parts.authority.heartbeat.beat()
        record = await run_cycle(parts)
        self.records.append(record)
        self.actions.note_outlook(record.outlook)
        self.actions.note_plan(self.now)
        desk = parts.authority.desk
        pending = desk.pending(self.now)
        if pending is not None and pending.status is ProposalStatus.PENDING:
            desk.decide(pending.id, Decision.APPROVE, digest=pending.digest, by="robot", at=self.now)
        await self.actions.run()
        self.clock.turn_to(self.now + timedelta(seconds=TICK_S))
        self.gateway.advance_to(self.now)
        await self.controller.poller.poll()

    def off(self) -> frozenset[str]:
        return frozenset(levers_off(SITE, self.controller.poller.snapshot()))


@pytest.fixture
def loop() -> Loop:
    plant = SimulatedPlant(SITE, None, ConstantWeather(24.0, 17.0), DiurnalWorkload(len(SITE.zones), 1), 1)
    first = plant.reset(START)
    gateway = InProcessGateway(GoingOn(plant, first), START, SITE.points)
    return Loop(plant, SimulatedClock(START), gateway)


def test_baseline_blocks_stand_as_found_and_nothing_is_proposed_in_them(loop: Loop) -> None:
    run = loop.start(LONG)
    schedule = run.schedule
    end = schedule.blocks[2].end
    loop.until(end)
    loop.clock.turn_to(schedule.blocks[-1].end)  # nobody needs to see the rest of the day
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
    record = loop.book.record(run.id)
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
    record = loop.book.record(run.id)
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
    record = loop.book.record(run.id)
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
    assert f"{block.arm} block 1 of 12" in line
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
    spans = [(s.since, s.until) for s in loop.book.record(run.id)]
    assert spans == [(at, at + timedelta(minutes=5)), (at + timedelta(minutes=60),) * 2]
    assert isinstance(loop.book.stretch, Stretch)
