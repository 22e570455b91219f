"""A small site, a fake plant that remembers every write, and the desk around them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from controller.actuation import Execution, Moment, execute
from controller.audit import AuditLog
from controller.drafts import Draft, Effect, Estimate, InletOutlook
from controller.envelope import Range, Verdict, review
from controller.guard import GuardedWriter
from controller.holds import HoldBook
from controller.modes import Mode, ModeKeeper
from controller.proposals import ApprovalDesk, Decision, Proposal
from controller.standing import StandingApprovals
from controller.store import Store
from plant.commands import Command, Confirmed, Receipt, Unreachable
from plant.points import OwnerId, PointId
from plant.quantities import Quantity
from plant.readings import Quality, Reading
from plant.setpoints import LeverId, Setpoints
from plant.site import Site
from plant.site_file import load_site
from plant.snapshot import Snapshot

START = datetime(2026, 3, 1, 10, tzinfo=UTC)
SITE_FILE = Path(__file__).parents[2] / "examples" / "demo.yaml"
A_AIR = LeverId("zone-a.supply-air")
A_FAN = LeverId("zone-a.fan-speed")
WATER = LeverId("plant.chilled-water")


@cache
def demo_site() -> Site:
    return load_site(SITE_FILE)


@dataclass
class HandClock:
    """Time that moves when the test says so."""

    instant: datetime = START

    def now(self) -> datetime:
        return self.instant

    async def sleep_until(self, instant: datetime) -> None:
        self.instant = max(self.instant, instant)

    def forward(self, seconds: float) -> datetime:
        self.instant += timedelta(seconds=seconds)
        return self.instant


@dataclass
class FakePlant:
    """Registers and inlets. Every write that reaches it is kept, in order."""

    site: Site
    registers: dict[PointId, float] = field(default_factory=dict)
    inlet_c: dict[str, float] = field(default_factory=dict)
    writes: list[Command] = field(default_factory=list)
    dead: set[PointId] = field(default_factory=set)
    blind: set[PointId] = field(default_factory=set)

    def __post_init__(self) -> None:
        for lever in self.site.levers:
            for point in lever.points:
                self.registers.setdefault(point, lever.as_found)

    async def write(self, commands: Sequence[Command]) -> list[Receipt]:
        return [self._write(c) for c in commands]

    def _write(self, command: Command) -> Receipt:
        self.writes.append(command)
        if command.point in self.dead:
            return Unreachable(command, "no answer")
        self.registers[command.point] = command.value
        return Confirmed(command, command.value)

    def snapshot(self, at: datetime) -> Snapshot:
        readings = {
            p: Reading(p, at, v, Quality.GOOD) for p, v in self.registers.items() if p not in self.blind
        }
        for zone in self.site.zones:
            for point in self.site.points_of(zone.id, Quantity.INLET_TEMPERATURE):
                if point.id in self.blind:
                    continue
                readings[point.id] = Reading(point.id, at, self.inlet_c.get(zone.id, 22.0), Quality.GOOD)
        return Snapshot(self.site, at, readings)


@dataclass
class Room:
    """Everything the supervision needs, wired around one fake plant."""

    site: Site
    clock: HandClock
    plant: FakePlant
    store: Store
    audit: AuditLog
    modes: ModeKeeper
    holds: HoldBook
    standing: StandingApprovals
    desk: ApprovalDesk
    guard: GuardedWriter

    @property
    def now(self) -> datetime:
        return self.clock.now()

    def snapshot(self) -> Snapshot:
        return self.plant.snapshot(self.clock.now())

    def draft(self, wanted: Mapping[LeverId, float]) -> Draft:
        return draft_of_verdict(review(self.site, wanted, self.snapshot()))

    def approved(self, wanted: Mapping[LeverId, float] | Draft) -> Proposal:
        """A change offered and approved by eve, not carried out yet."""
        draft = wanted if isinstance(wanted, Draft) else self.draft(wanted)
        p = self.desk.offer(draft, self.now)
        self.desk.decide(p.id, Decision.APPROVE, digest=p.digest, by="eve", at=self.now)
        found = self.desk.get(p.id)
        assert found is not None
        return found

    async def carry_out(
        self,
        proposal: Proposal,
        held: frozenset[LeverId] = frozenset(),
        narrowed: Sequence[Mapping[LeverId, Range]] = (),
    ) -> Execution:
        """One turn of acting on what was approved."""
        return await execute(
            proposal,
            Moment(self.now, self.snapshot(), self.site, held, narrowed=narrowed),
            desk=self.desk,
            writer=self.guard,
            audit=self.audit,
            clock=self.clock,
        )


def room(url: str = "sqlite://", *, plant: FakePlant | None = None, mode: Mode = Mode.ADVISORY) -> Room:
    site = plant.site if plant else demo_site()
    clock = HandClock()
    plant = plant or FakePlant(site)
    store = Store(url)
    audit = AuditLog(store)
    modes = ModeKeeper(store, audit, site, initial=mode)
    holds = HoldBook(store, audit, site)
    standing = StandingApprovals(store, audit)
    desk = ApprovalDesk(store, audit, site, modes=modes, holds=holds, standing=standing)
    guard = GuardedWriter(plant, site, clock, store, stopped=lambda: modes.stopped is not None)
    return Room(site, clock, plant, store, audit, modes, holds, standing, desk, guard)


def draft_of_verdict(verdict: Verdict) -> Draft:
    changed = {lever: verdict.setpoints[lever] for lever in verdict.changes}
    return Draft(
        setpoints=Setpoints(changed),
        changes=verdict.changes,
        reason="warmer supply air saves chiller work",
        effect=an_effect(),
        inlets=(InletOutlook(zone_a(), 22.0, 22.5, 0.3, 27.0),),
    )


def an_effect() -> Effect:
    return Effect(
        over_s=3600,
        power_kw=Estimate(-12.0, -15.0, -9.0),
        carbon_kg=Estimate(-4.8, -6.0, -3.6),
        cost=Estimate(-1.0, -1.3, -0.8),
        water_l=Estimate(3.0, math.nan, math.nan),
        currency="USD",
    )


def zone_a() -> OwnerId:
    return demo_site().zones[0].id
