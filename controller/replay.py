"""Replay: the production cycle on a simulated clock, against a plant in this process.

The same cycle, envelope, desk, execution and ledger as in production; only the clock, the gateway
and the store are others, and a robot operator approves what is proposed, through the same desk.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from controller.actions import ActionRecord, Actions
from controller.clock import SimulatedClock
from controller.cycle import CycleRecord, run_cycle
from controller.feeds import Feeds
from controller.knowledge import Knowledge, learn
from controller.ledger import Ledger
from controller.policies import inline_planner
from controller.proposals import Decision, ProposalStatus
from controller.relearning import EVERY, merged
from controller.settings import Settings
from controller.store import Store
from controller.wiring import Controller, assemble
from plant.commands import Command
from plant.plan import NoPlan
from plant.ports import Plant
from plant.readings import Reading
from plant.site import Site
from plant.snapshot import Snapshot
from reports.account_record import Account
from telemetry.gateways import Field, FieldGateway
from telemetry.historian import Historian
from telemetry.simulated import InProcessGateway

ROBOT = "replay operator"


@dataclass(frozen=True)
class GoingOn:
    """A plant that already stands where the replay begins. Satisfies `Plant`."""

    plant: Plant
    first: Sequence[Reading]

    def reset(self, start: datetime) -> Sequence[Reading]:
        """Nothing is reset: the plant goes on."""
        return self.first

    def advance(self, commands: Sequence[Command], seconds: float) -> Sequence[Reading]:
        """Let time pass."""
        return self.plant.advance(commands, seconds)


class Observer(Protocol):
    """Somebody who watches a replay: a recorder, a progress bar, a sentinel."""

    def began(self, controller: Controller) -> None:
        """The controller is assembled; nothing has been read yet."""
        ...

    def thought(self, record: CycleRecord) -> None:
        """A cycle ended."""
        ...

    def acted(self, record: ActionRecord, before: Snapshot) -> None:
        """A round of acting ended; ``before`` is the snapshot it acted on."""
        ...

    def passed(self, snapshot: Snapshot) -> None:
        """A tick of time passed, and the plant was read again."""
        ...


@dataclass
class Tally:
    """What a replay counted."""

    proposals: Counter[str] = field(default_factory=Counter)
    plans: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class ReplayResult:
    """What came of a replay: the site's own account of it, and counts."""

    policy: str
    account: Account | None
    proposals: dict[str, int]
    plans: dict[str, int]


@dataclass(frozen=True)
class ReplayRun:
    """One replay to do. `on_cycle` is called with the instant after each cycle (progress, plots).

    `wire` may put something between the controller and the plant's gateway; `feeds` replaces what
    the site file names.
    """

    site: Site
    plant: Plant
    policy: str
    start: datetime
    duration: timedelta
    historian: Historian
    knowledge: Knowledge | None = None
    settings: Settings = field(default_factory=Settings)
    tick_s: float = 300.0
    on_cycle: Callable[[datetime], None] = lambda at: None
    observers: Sequence[Observer] = ()
    feeds: Feeds | None = None
    wire: Callable[[InProcessGateway], FieldGateway] = lambda gateway: gateway


async def replay(run: ReplayRun) -> ReplayResult:
    """Run a policy in closed loop for `duration` and account for it."""
    clock = SimulatedClock(run.start)
    gateway = InProcessGateway(run.plant, run.start, run.site.points)
    knowledge = run.knowledge or learn(run.site, run.historian, run.settings, run.start)
    controller = assemble(
        run.site,
        run.settings,
        clock,
        historian=run.historian,
        field=Field(run.site, [run.wire(gateway)]),
        store=Store("sqlite://"),
        plans_by=lambda known: inline_planner(run.policy, run.site, known),
        knowledge=knowledge,
        store_s=run.tick_s,
        feeds=run.feeds,
    )
    for observer in run.observers:
        observer.began(controller)
    tally = await _drive(run, controller, clock, gateway)
    await controller.field.close()
    ledger: Ledger = controller.ledger
    counts = {str(k): n for k, n in controller.parts.authority.desk.counts().items()}
    controller.parts.authority.store.close()
    return ReplayResult(run.policy, ledger.total, counts, dict(tally.plans))


async def _drive(
    run: ReplayRun, controller: Controller, clock: SimulatedClock, gateway: InProcessGateway
) -> Tally:
    tally, actions = Tally(), Actions(controller.parts)
    heartbeat = controller.parts.authority.heartbeat
    heartbeat.take_over(await controller.poller.poll())
    due, learned = run.start, run.start
    while clock.now() < run.start + run.duration:
        await heartbeat.beat()
        if clock.now() - learned >= EVERY:
            learned = clock.now()
            new = learn(run.site, run.historian, run.settings, learned)
            await controller.adopt(merged(controller.knowledge, new))
        if clock.now() >= due:
            due += timedelta(seconds=run.settings.cycle_s)
            record = await _think(controller, actions, tally)
            for observer in run.observers:
                observer.thought(record)
            run.on_cycle(clock.now())
        _approve(controller, clock.now())
        before = controller.poller.snapshot()
        done = await actions.run()
        for observer in run.observers:
            observer.acted(done, before)
        clock.turn_to(clock.now() + timedelta(seconds=run.tick_s))
        gateway.advance_to(clock.now())
        snapshot = await controller.poller.poll()
        for observer in run.observers:
            observer.passed(snapshot)
        await controller.ledger.close_intervals(clock.now())
        controller.ledger.write_down(clock.now())
    return tally


async def _think(controller: Controller, actions: Actions, tally: Tally) -> CycleRecord:
    record = await run_cycle(controller.parts)
    actions.note_outlook(record.outlook)
    if isinstance(record.answer, NoPlan):
        tally.plans[record.answer.cause.value] += 1
        return record
    actions.note_plan(controller.parts.clock.now())
    plan = record.answer.plan
    tally.plans["rule" if plan is None else plan.status.value] += 1
    return record


def _approve(controller: Controller, at: datetime) -> None:
    """Approve what is pending, by its digest, as a person would."""
    desk = controller.parts.authority.desk
    pending = desk.pending(at)
    if pending is not None and pending.status is ProposalStatus.PENDING:
        desk.decide(pending.id, Decision.APPROVE, digest=pending.digest, by=ROBOT, at=at)
