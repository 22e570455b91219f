"""The production loop around a simulated plant, a tick at a time, with a robot that approves."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from supervision_kit import demo_site

from controller.actions import Actions
from controller.clock import SimulatedClock
from controller.cycle import CycleRecord, run_cycle
from controller.knowledge import Knowledge
from controller.policies import inline_planner
from controller.proposals import Decision, ProposalStatus
from controller.replay import GoingOn
from controller.settings import Settings
from controller.store import Store
from controller.switchback import SwitchbackBook
from controller.switchback_arm import levers_off
from controller.switchback_run import Run, Wish
from controller.two_person import Request
from controller.wiring import Controller, assemble
from reports.switchback import Arm
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
    """Two days whose first blocks are these, by trying seeds: a test may, an engineer announces one."""
    wishes = (Wish(DAY, 2, block_h, washout_h, seed) for seed in range(200))
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


def summer_loop(**stores: object) -> Loop:
    """A warm, steady night at the demo site; `store` and `historian` where they are to be files."""
    plant = SimulatedPlant(SITE, None, ConstantWeather(24.0, 17.0), DiurnalWorkload(len(SITE.zones), 1), 1)
    first = plant.reset(START)
    gateway = InProcessGateway(GoingOn(plant, first), START, SITE.points)
    return Loop(plant, SimulatedClock(START), gateway, **stores)  # type: ignore[arg-type]
