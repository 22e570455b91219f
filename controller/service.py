"""The running program: polling, beating, thinking, acting, accounting and answering, side by side.

Each loop does one thing at its own pace; a bug in any of them ends the program, which the plant
notices by the missing heartbeat. That is the safe direction.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeAlias

from controller.actions import ActionRecord, Actions
from controller.alarms import AlarmKind
from controller.api import EventBus
from controller.balance_watch import BalanceWatch
from controller.child_work import WorkFailed
from controller.cycle import CycleRecord, run_cycle
from controller.demotion import Demotion
from controller.drift_watch import DriftWatch
from controller.keeping import keep
from controller.recall import LastAsked
from controller.relearning import EVERY, Relearner
from controller.scoring import Scorer
from controller.status import Readiness, SiteStatus, status_of
from controller.store import StoreUnavailable
from controller.switchback_arm import told
from controller.trip_watch import TripWatch
from controller.upkeep import Upkeep
from controller.wiring import Controller
from plant.plan import NoPlan, Plan
from plant.ports import Advice

_log = logging.getLogger(__name__)

Companion: TypeAlias = Callable[[], Coroutine[object, object, None]]
"""Something that runs as long as the service: it watches `stopping` itself."""

ACCOUNT_EVERY = timedelta(seconds=15)
"""How often, by the site's clock, it is looked whether an interval has ended."""
ACT_EVERY_WALL_S = 0.5
"""How often granted proposals are looked for: people should see their approval take effect."""


@dataclass
class Service:
    """One controller at work."""

    controller: Controller
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    events: EventBus = field(default_factory=EventBus)
    last_cycle: CycleRecord | None = None
    last_action: ActionRecord | None = None
    cycles: int = 0
    statuses: dict[str, int] = field(default_factory=dict)
    stage_s: dict[str, list[float]] = field(default_factory=dict)
    _nudged: asyncio.Event = field(default_factory=asyncio.Event)
    _rethink: asyncio.Event = field(default_factory=asyncio.Event)
    _ready_at: datetime | None = None

    def __post_init__(self) -> None:
        parts = self.controller.parts
        self._actions = Actions(parts)
        self._scorer = Scorer(parts.site, parts.authority.rollout, parts.cycle_s)
        parts.authority.audit.listen(self._scorer.heard)
        lately = LastAsked(self.controller.historian)
        self._balance = BalanceWatch(
            parts.site, lately, parts.authority.alarms, parts.metrics.observe_balance
        )
        self._drift = DriftWatch(
            parts.site,
            lately,
            parts.authority.alarms,
            lambda: self.controller.knowledge.model,
        )
        parts.drifted = lambda: self._drift.drifted
        parts.authority.limits.listen(self._scorer.adopt)
        authority = parts.authority
        self._trip_watch = TripWatch(parts)
        self._demotion = Demotion(authority.modes, authority.rollout, authority.alarms, parts.site)

    async def run(self, *beside: Companion) -> None:
        """Work until `stopping` is set, with ``beside`` (an HTTP server, a view) in the same group."""
        await self._begin()
        controller = self.controller
        loops: tuple[Companion, ...] = (
            lambda: controller.poller.run(self.stopping),
            lambda: controller.parts.authority.heartbeat.run(self.stopping),
            self._think,
            self._act,
            self._account,
            self._relearn,
            self._trip_watch.run,
            Upkeep(controller).run,
        )
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(loop()) for loop in loops]
            for companion in beside:
                group.create_task(companion())
            group.create_task(self._end(tasks))

    def nudge(self) -> None:
        """Look for granted proposals now."""
        self._nudged.set()

    def replan(self) -> None:
        """Think again now: what may be moved has changed."""
        self._rethink.set()

    def status(self) -> SiteStatus | None:
        """The site as it is now; None before the first poll."""
        parts = self.controller.parts
        snapshot = parts.snapshot()
        if not snapshot.readings:
            return None
        plan = self.last_cycle.sentence if self.last_cycle else self.controller.knowledge.sentence
        saving = self.controller.ledger.saving()
        now, book = parts.clock.now(), parts.authority.switchback
        shown = status_of(snapshot, parts.authority.modes, at=now, saving=saving, plan=plan)
        applied = None if book.stretch is None else book.stretch.applied
        spare = self._trip_watch
        running = told(book.running(now), applied, now)
        notes = (*shown.notes, *parts.authority.takeover.notes, *spare.notes, *running)
        return replace(
            shown, notes=notes, redundancy=spare.outcomes, data_age_s=parts.authority.watch.oldest_s(now)
        )

    def readiness(self) -> Readiness:
        """Fresh data and a recent plan."""
        parts = self.controller.parts
        now = parts.clock.now()
        reasons = []
        oldest = parts.authority.watch.oldest_s(now)
        if oldest > parts.site.safety.max_data_age_s:
            reasons.append(f"a zone was last seen {oldest:.0f} s ago")
        if self._ready_at is None:
            reasons.append("no plan yet")
        elif (now - self._ready_at).total_seconds() > 3 * parts.cycle_s:
            reasons.append(f"the last plan was made at {self._ready_at.isoformat()}")
        return Readiness(not reasons, tuple(reasons))

    async def _begin(self) -> None:
        """One poll before anything is decided, and the heartbeat goes on from the plant's own count."""
        parts = self.controller.parts
        snapshot = await self.controller.poller.poll()
        parts.authority.heartbeat.take_over(snapshot)
        await parts.authority.heartbeat.beat()
        await self.controller.ledger.resume(parts.clock.now())

    async def _end(self, loops: Sequence[asyncio.Task[None]]) -> None:
        await self.stopping.wait()
        for loop in loops:
            loop.cancel()

    async def _think(self) -> None:
        """A cycle every `cycle_s` of the site's clock; one that took too long is not made up for."""
        clock, cycle_s = self.controller.parts.clock, self.controller.parts.cycle_s
        while True:
            self._rethink.clear()
            began, due = time.monotonic(), clock.now() + timedelta(seconds=cycle_s)
            try:
                await self.controller.keep_up()
                record = await run_cycle(self.controller.parts)
                self._note(record, time.monotonic() - began)
            except StoreUnavailable as error:
                self._without_store("a cycle", error)
            await self._due_or_asked(due)

    async def _due_or_asked(self, due: datetime) -> None:
        """Until the next cycle is due, or somebody changed what may be moved."""
        waits = [
            asyncio.ensure_future(self.controller.parts.clock.sleep_until(due)),
            asyncio.ensure_future(self._rethink.wait()),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _note(self, record: CycleRecord, took_s: float) -> None:
        parts = self.controller.parts
        self.last_cycle, self.cycles = record, self.cycles + 1
        self._actions.note_outlook(record.outlook)
        failure = record.answer.cause.value if isinstance(record.answer, NoPlan) else None
        if failure is None:
            self._ready_at = parts.clock.now()
            self._actions.note_plan(self._ready_at)
        self._scorer.cycled(record)
        keep(record, parts.authority.store)
        parts.metrics.observe_cycle(took_s, failure=failure)
        parts.metrics.observe_market(record.snapshot.time, record.outlook.carbon, record.outlook.price)
        parts.metrics.observe_feeds(record.outlook)
        outcome = record.answer.plan if isinstance(record.answer, Advice) else record.answer
        status = "rule" if outcome is None else _status_word(outcome)
        self.statuses[status] = self.statuses.get(status, 0) + 1
        if outcome is not None:
            parts.metrics.observe_plan(outcome)
            stages = {} if outcome.solver is None else outcome.solver.stage_s
            for stage, seconds in {**stages, "cycle": took_s}.items():
                self.stage_s.setdefault(stage, []).append(seconds)
        pending = parts.authority.desk.pending(parts.clock.now())
        parts.metrics.observe_pending(0 if pending is None else 1)
        self.events.publish("cycle", {"at": record.snapshot.time.isoformat(), "sentence": record.sentence})

    async def _act(self) -> None:
        parts = self.controller.parts
        while True:
            self._nudged.clear()
            try:
                self.last_action = await self._actions.run()
            except StoreUnavailable as error:
                self._without_store("a round of acting", error)
            for demoted in self._demotion.look(parts.clock.now()):
                self.events.publish("mode", {"scope": demoted.scope, "mode": str(demoted.to)})
            snapshot = parts.snapshot()
            parts.metrics.observe_snapshot(snapshot)
            parts.metrics.observe_heartbeat()
            modes = parts.authority.modes
            owners = ["site", *(zone.id for zone in parts.site.zones)]
            parts.metrics.observe_modes({o: modes.effective(o).value for o in owners})  # type: ignore[arg-type, misc]
            if self.last_action is not None and self.last_action.executed is not None:
                self.events.publish("executed", {"proposal": self.last_action.executed.proposal_id})
            try:
                await asyncio.wait_for(self._nudged.wait(), ACT_EVERY_WALL_S)
            except TimeoutError:
                continue

    def _without_store(self, what: str, error: Exception) -> None:
        """Nothing is proposed or written without a record; fallback, which needs none, goes on."""
        parts = self.controller.parts
        if not parts.authority.alarms.uncleared(AlarmKind.STORE_LOST):
            _log.warning("%s was cut short, the database cannot be reached: %s", what, error)
        parts.authority.sentinel.store(reachable=False, at=parts.clock.now())

    async def _relearn(self) -> None:
        clock = self.controller.parts.clock
        relearner = Relearner(self.controller, clock.now())
        while True:
            await clock.sleep_until(relearner.last + EVERY)
            try:
                await relearner.learn_now(clock.now())
            except (WorkFailed, StoreUnavailable) as error:
                _log.warning("nothing was learned today, the model stays as it is: %s", error)

    async def _account(self) -> None:
        parts = self.controller.parts
        while True:
            closed = await self.controller.ledger.close_intervals(parts.clock.now())
            if closed is not None:
                parts.metrics.observe_interval(closed)
                self._scorer.accounted(closed)
            try:
                at = parts.clock.now()
                self.controller.ledger.write_down(at)
                await self._balance.look(at)
                await self._drift.look(at)
            except StoreUnavailable as error:
                self._without_store("the ledger", error)
            await parts.clock.sleep_until(parts.clock.now() + ACCOUNT_EVERY)


def _status_word(outcome: Plan | NoPlan) -> str:
    return outcome.status.value if isinstance(outcome, Plan) else outcome.cause.value
