"""Wiring: the only file that names concrete classes. Everything else gets what it needs handed in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path

from controller.alarms import AlarmBook
from controller.audit import AuditLog
from controller.audit_metrics import counting
from controller.baselines import BaselineBook
from controller.fallback import FallbackController
from controller.guard import GuardedWriter
from controller.holds import HoldBook
from controller.ledger import Ledger, interval_s
from controller.lever_memory import LeverMemory
from controller.lever_truth import LeverTruth
from controller.limits import LimitBook
from controller.metrics import Metrics
from controller.modes import Mode, ModeKeeper
from controller.outlook import Foreteller, Outlook
from controller.parts import Authority, Parts
from controller.planner import InlinePlanner, Planner, WorkerPlanner
from controller.proposals import ApprovalDesk
from controller.recall import Recall
from controller.rescue import Rescue
from controller.rollout import Rollout
from controller.room_keeper import with_room_kept
from controller.sentinel import Sentinel
from controller.settings import Settings
from controller.standing import StandingApprovals
from controller.store import Store
from controller.switchback import SwitchbackBook
from controller.takeover import Takeover
from controller.untaught import Untaught, UntaughtForeteller
from controller.watchdog import DataWatch, Heartbeat
from optimizer.baselines import FixedPolicy, TrimAndRespondPolicy
from optimizer.commissioning import CommissioningPolicy, commissioning_plan
from optimizer.forecast import Forecaster
from optimizer.identify import identify
from optimizer.identify.drift import widened
from optimizer.model import PlantModel
from optimizer.mpc import MpcPolicy
from plant.errors import ConfigError
from plant.history import History
from plant.ports import CarbonFeed, Clock, PointWriter, Policy, PriceFeed, WeatherFeed
from plant.site import Site
from plant.timegrid import floor_to
from reports.baseline import fit_baseline
from reports.baseline_model import BaselineModel
from reports.supplied_file import load_supplied
from telemetry.feeds import FeedSettings, open_carbon_feed, open_price_feed, open_weather_feed
from telemetry.gateways import Field, open_gateways
from telemetry.historian import Historian
from telemetry.poller import Poller
from telemetry.quality import Judge

POLICIES = ("mpc", "trim-and-respond", "fixed")
COMMISSIONING = "commissioning"
"""Not a rival but a lesson: small steps that teach the plant's answer."""
FIT_STEP_S = 300
LEAST_HISTORY = timedelta(days=2)
"""With less than this there is no model: the program watches, and says so."""


@dataclass(frozen=True)
class Knowledge:
    """What was learned from the site's own past. None where there is too little of it."""

    model: PlantModel | None
    baseline: BaselineModel | None
    sentence: str


@dataclass(frozen=True)
class Feeds:
    """What the outside world tells: prices of a kWh in money and in carbon, and weather where it is named."""

    carbon: CarbonFeed
    price: PriceFeed
    weather: WeatherFeed | None = None


def learn(site: Site, historian: Historian, settings: Settings, at: datetime) -> Knowledge:
    """Identify the plant and fit the baseline from the historian's last days."""
    start = floor_to(at - timedelta(days=settings.history_days), FIT_STEP_S)
    history = historian.history(site, start, floor_to(at, FIT_STEP_S), FIT_STEP_S)
    known = history.values.notna().any(axis=1)
    covered = timedelta(seconds=FIT_STEP_S) * int(known.sum())
    if covered < LEAST_HISTORY:
        hours = covered.total_seconds() / 3600
        return Knowledge(None, None, f"{hours:.0f} h of history; two days are needed to learn the plant")
    first = known.idxmax()
    past = History(site, FIT_STEP_S, history.values.loc[first:], history.measured_share.loc[first:])
    model = identify(past, at=at)
    return Knowledge(model, fit_baseline(past, at=at), f"learned from {covered.days} days: {model.version}")


def carbon_settings(clock: Clock | None, given: Settings) -> FeedSettings:
    """How carbon feeds are opened: the site's own, and one the operator names for consequences."""
    return FeedSettings(clock, given.carbon_secrets, given.carbon_cache, given.carbon_url)


def open_feeds(site: Site, clock: Clock | None = None, settings: Settings | None = None) -> Feeds:
    """The feeds a site file names.

    Raises
    ------
    ConfigError
        If a provider is not known, or lacks its secrets or (on the network) a clock.
    """
    given = settings or Settings()
    carbon = carbon_settings(clock, given)
    weather = FeedSettings(clock, {}, given.carbon_cache, given.weather_url)
    return Feeds(
        open_carbon_feed(site.carbon, carbon),
        open_price_feed(site, given.price_file),
        open_weather_feed(site, weather),
    )


def make_policy(name: str, site: Site, model: PlantModel | None) -> Policy:
    """A policy by the name users type.

    Raises
    ------
    ConfigError
        If there is none of that name.
    """
    match name:
        case "fixed":
            return FixedPolicy(site)
        case "trim-and-respond":
            return with_room_kept(site, TrimAndRespondPolicy(site), model)
        case "mpc":
            return Untaught() if model is None else MpcPolicy(site, model)
        case "commissioning":
            return CommissioningPolicy(site, commissioning_plan(site, model))
        case _:
            known = ", ".join((*POLICIES, COMMISSIONING))
            raise ConfigError(f"policy {name!r}", "is not known", f"use one of {known}")


def start_planner(policy: str, site: Site, knowledge: Knowledge, settings: Settings) -> Planner:
    """A worker process that is already loading its solver."""
    planner = WorkerPlanner(make_policy(policy, site, knowledge.model), settings.plan_deadline_s)
    planner.start()
    return planner


def inline_planner(policy: str, site: Site, knowledge: Knowledge) -> Planner:
    """Planning in this process, for replays."""
    return InlinePlanner(make_policy(policy, site, knowledge.model))


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
