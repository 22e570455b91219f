"""Wiring: with `feeds` and `policies` the only files that name concrete classes. Everything else gets what it
needs handed in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path

from controller.alarms import AlarmBook
from controller.audit import AuditLog
from controller.audit_metrics import counting
from controller.baselines import BaselineBook
from controller.fallback import FallbackController
from controller.feeds import Feeds, open_feeds
from controller.guard import GuardedWriter
from controller.holds import HoldBook
from controller.knowledge import Knowledge, learn
from controller.ledger import Ledger, interval_s
from controller.lever_memory import LeverMemory
from controller.lever_truth import LeverTruth
from controller.limits import LimitBook
from controller.metrics import Metrics
from controller.modes import Mode, ModeKeeper
from controller.outlook import Foreteller, Outlook
from controller.parts import Authority, Parts
from controller.planner import Planner
from controller.policies import start_planner
from controller.proposals import ApprovalDesk
from controller.recall import Recall
from controller.rescue import Rescue
from controller.rollout import Rollout
from controller.sentinel import Sentinel
from controller.settings import Settings
from controller.standing import StandingApprovals
from controller.store import Store
from controller.switchback import SwitchbackBook
from controller.takeover import Takeover
from controller.untaught import UntaughtForeteller
from controller.watchdog import DataWatch, Heartbeat
from optimizer.baselines import TrimAndRespondPolicy
from optimizer.forecast import Forecaster
from optimizer.identify.drift import widened
from plant.ports import Clock, PointWriter
from plant.site import Site
from reports.supplied_file import load_supplied
from telemetry.gateways import Field, open_gateways
from telemetry.historian import Historian
from telemetry.poller import Poller
from telemetry.quality import Judge


def make_authority(
    site: Site,
    clock: Clock,
    writer: PointWriter,
    store: Store,
    metrics: Metrics,
    *,
    period_s: float,
    initial: Mode,
    latch_file: Path | None,
) -> tuple[Authority, StandingApprovals]:
    """Everything that narrows and records, over one store."""
    audit = AuditLog(store)
    audit.listen(counting(metrics))
    rollout = Rollout(store, audit, site, cycle_s=period_s)
    modes = ModeKeeper(store, audit, site, initial=initial, latch_file=latch_file, gate=rollout)
    alarms = AlarmBook(store, audit)
    holds = HoldBook(store, audit, site)
    standing = StandingApprovals(store, audit)
    limits = LimitBook(store, audit, site)
    guard = GuardedWriter(
        writer,
        site,
        clock,
        store,
        stopped=lambda: modes.stopped is not None,
        period_s=period_s,
        taken=lambda: takeover.points,
    )
    desk = ApprovalDesk(store, audit, site, modes=modes, holds=holds, standing=standing)
    heartbeat = Heartbeat(guard, site, clock)
    takeover = Takeover(site, alarms, audit, desk, heartbeat)
    authority = Authority(
        store=store,
        audit=audit,
        modes=modes,
        holds=holds,
        desk=desk,
        alarms=alarms,
        writer=guard,
        heartbeat=heartbeat,
        watch=DataWatch(site, clock.now()),
        fallback=FallbackController(site, TrimAndRespondPolicy(site)),
        rescue=Rescue(site),
        sentinel=Sentinel(alarms, site),
        truth=LeverTruth(site, alarms, audit, LeverMemory(store), clock.now()),
        rollout=rollout,
        limits=limits,
        switchback=SwitchbackBook(store, audit, site.timezone, longest_gap_s=3 * period_s),
        takeover=takeover,
    )
    return authority, standing


def make_outlook(
    site: Site, historian: Historian, knowledge: Knowledge, feeds: Feeds, settings: Settings
) -> Outlook:
    """The forecast's sources."""
    foreteller: Foreteller = (
        UntaughtForeteller(site) if knowledge.model is None else Forecaster(site, knowledge.model)
    )
    recall = Recall(historian, site, settings.plan_step_s, timedelta(days=settings.history_days))
    step_s, steps = settings.plan_step_s, settings.plan_steps
    return Outlook(recall, foreteller, feeds.carbon, feeds.price, step_s, steps, feeds.weather)


@dataclass
class Controller:
    """A whole controller: the parts of the cycle and what feeds and records them."""

    settings: Settings
    parts: Parts
    standing: StandingApprovals
    poller: Poller
    field: Field
    historian: Historian
    knowledge: Knowledge
    ledger: Ledger
    feeds: Feeds
    plans_by: Callable[[Knowledge], Planner]
    planned_for: Site
    """The limits the present planner knows."""
    baselines: BaselineBook
    planned_unsure: frozenset[str] = frozenset()
    """The laws the present planner knows to have drifted."""

    async def adopt(self, knowledge: Knowledge) -> None:
        """Go on with what was learned anew: between two cycles, a new planner and outlook."""
        if self.knowledge.baseline is None or not self.knowledge.baseline.qualified:
            kept = self.baselines.settle(knowledge.baseline, self.parts.clock.now())
            knowledge = replace(knowledge, baseline=kept)
        if self.ledger.baseline is None and knowledge.baseline is not None:
            self.ledger.baseline = knowledge.baseline
            self.parts.metrics.observe_baseline(knowledge.baseline)
        if knowledge.model is not None and knowledge.model != self.knowledge.model:
            parts = self.parts
            parts.model = knowledge.model
            parts.outlook = make_outlook(parts.site, self.historian, knowledge, self.feeds, self.settings)
            await self._plan_anew(knowledge, frozenset())
        self.knowledge = knowledge

    async def keep_up(self) -> None:
        """Between two cycles: a planner that knows the limits people have changed since it was started, and
        is as unsure of laws that have drifted since as they proved to be."""
        drifted = self.parts.drifted()
        names = frozenset(law.name for law in drifted)
        if self.planned_for is self.parts.site and names == self.planned_unsure:
            return
        known = self.knowledge
        model = None if known.model is None else widened(known.model, drifted)
        await self._plan_anew(replace(known, model=model), names)

    async def _plan_anew(self, knowledge: Knowledge, unsure: frozenset[str]) -> None:
        """A new planner in place of the present one, which may finish closing after it."""
        old, self.parts.planner = self.parts.planner, self.plans_by(knowledge)
        self.planned_for, self.planned_unsure = self.parts.site, unsure
        await old.close()

    async def close(self) -> None:
        """Let go of sockets, processes and files, in that order."""
        await self.field.close()
        await self.parts.planner.close()
        await asyncio.to_thread(self.historian.close)
        self.parts.authority.store.close()


def follow_limits(parts: Parts) -> None:
    """Limits that people changed reach everything that judges by them."""

    def limited(now: Site) -> None:
        parts.site = now
        parts.authority.sentinel.adopt(now)
        parts.authority.rescue.adopt(now)

    parts.authority.limits.listen(limited)


def assemble(
    site: Site,
    settings: Settings,
    clock: Clock,
    *,
    policy: str = "mpc",
    historian: Historian,
    field: Field | None = None,
    store: Store | None = None,
    initial: Mode = Mode.ADVISORY,
    latch_file: Path | None = None,
    plans_by: Callable[[Knowledge], Planner] | None = None,
    knowledge: Knowledge | None = None,
    store_s: float = 60.0,
    feeds: Feeds | None = None,
) -> Controller:
    """Build a controller. Gateways are opened but not yet asked anything.

    ``field``, ``store``, ``planner``, ``knowledge`` and ``feeds`` are for replays and demos: an
    in-process plant, a store of its own, planning in this process or started early, what was learned
    before, and a scenario's own prices.
    """
    field = field or Field(site, open_gateways(site, clock))
    store = store or Store(settings.database)
    knowledge = knowledge or learn(site, historian, settings, clock.now())
    feeds = feeds or open_feeds(site, clock, settings)
    baselines = BaselineBook(store, AuditLog(store))
    knowledge = replace(knowledge, baseline=baselines.settle(knowledge.baseline, clock.now()))
    poller = Poller(site, field, Judge(site), clock, historian, store_s=store_s)
    supplied = load_supplied(site.reporting_file, site.timezone)
    metrics = Metrics(site, version=version("coolwright"), supplied=supplied)
    metrics.observe_baseline(knowledge.baseline)
    authority, standing = make_authority(
        site, clock, field, store, metrics, period_s=settings.cycle_s, initial=initial, latch_file=latch_file
    )
    plans_by = plans_by or (lambda known: start_planner(policy, authority.limits.site, known, settings))
    parts = Parts(
        site=authority.limits.site,
        clock=clock,
        cycle_s=settings.cycle_s,
        snapshot=poller.snapshot,
        outlook=make_outlook(site, historian, knowledge, feeds, settings),
        planner=plans_by(knowledge),
        authority=authority,
        metrics=metrics,
        model=knowledge.model,
    )
    interval = interval_s(site, store_s, getattr(clock, "speed", 1.0))
    book = (store, historian, feeds.carbon, feeds.price, knowledge.baseline, clock.now(), interval)
    follow_limits(parts)
    authority.truth.model = lambda: parts.model
    ledger = Ledger(site, *book)
    return Controller(
        settings,
        parts,
        standing,
        poller,
        field,
        historian,
        knowledge,
        ledger,
        feeds,
        plans_by,
        parts.site,
        baselines,
    )
