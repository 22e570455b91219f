"""The whole supervision around one fake plant: everything a person, a sensor or a planner can do to it.

The parts are those of the running program (`wiring.make_authority`, `run_cycle`, `Actions`); only planner,
forecast, clock and plant are told by hand. Every write that arrives is noted with what was true then.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

import numpy as np
from supervision_kit import FakePlant, HandClock, demo_site

from controller.actions import Actions
from controller.cycle import run_cycle
from controller.drafts import Draft
from controller.envelope import Range
from controller.guard import Purpose
from controller.limits import LimitBook
from controller.metrics import Metrics
from controller.modes import Mode
from controller.parts import Authority, Parts
from controller.planner import InlinePlanner
from controller.proposals import Decision, Proposal
from controller.standing import StandingApprovals
from controller.store import Store
from controller.switchback_run import Wish
from controller.wiring import follow_limits, make_authority
from plant.commands import Command, Receipt
from plant.forecast import Band, CarbonKind, CarbonSeries, Forecast, PriceSeries
from plant.points import SITE, PointId
from plant.ports import Advice, PolicyAnswer
from plant.quantities import Quantity
from plant.readings import Quality, Reading
from plant.setpoints import Lever, LeverId, Setpoints
from plant.snapshot import Snapshot
from plant.timegrid import TimeGrid

# Room for a trip has tests and a benchmark of its own, and would make these stories three times as long.
OURS = replace(demo_site(), safety=replace(demo_site().safety, n_minus_one=()))
LEVER_OF: Mapping[PointId, Lever] = {p: lever for lever in OURS.levers for p in lever.points}
PERIOD_S = 300.0
_METRICS = Metrics(OURS)


@dataclass(frozen=True)
class Note:
    """One write that reached the plant, and what was true then."""

    command: Command
    purpose: Purpose
    at: datetime
    before: float
    told: float
    """What the program was told of the register."""
    hot: frozenset[str]
    """Zones that are warm, with enough sensors left for the program to know it."""
    unseen: frozenset[str]
    stopped: bool
    held: frozenset[LeverId]
    taken: bool
    chosen: Mode
    """The lesser of what people chose for the lever's zone and for the site."""
    limited: Lever
    """The lever by the limits in force."""
    agreed: bool
    """Whether a person, or a standing approval in a supervised zone, is behind it."""

    @property
    def lever(self) -> Lever:
        """The lever by the site file."""
        return LEVER_OF[self.command.point]


@dataclass
class WatchedPlant(FakePlant):
    """Keeps a note of every setpoint that arrives."""

    notes: list[Note] = field(default_factory=list)
    lies: dict[PointId, float] = field(default_factory=dict)
    local: bool = False
    machine: Machine | None = None

    def snapshot(self, at: datetime) -> Snapshot:
        """What the program is told, lies and all."""
        told = super().snapshot(at)
        shown: dict[PointId, float] = {}
        for zone in self.site.zones:
            shown |= {p.id: 150.0 for p in self.site.points_in(zone.id, Quantity.IT_POWER)}
        for lever, quantity in _MEASURED:
            for point in self.site.points:
                if point.quantity is quantity and point.owner in _OWNERS[lever]:
                    shown[point.id] = self.registers[self.site.lever_by_id[lever].points[0]]
        shown |= {p.id: float(self.local) for p in self.site.points_with(Quantity.LOCAL_CONTROL)}
        shown |= {
            p.id: self.registers.get(HEARTBEAT, 0.0) for p in self.site.points_with(Quantity.HEARTBEAT_ECHO)
        }
        shown |= self.lies
        readings = {p: Reading(p, at, v, Quality.GOOD) for p, v in shown.items() if p not in self.blind}
        return Snapshot(self.site, at, {**told.readings, **readings})

    async def write(self, commands: Sequence[Command]) -> list[Receipt]:
        assert self.machine is not None
        self.notes += [self.machine.note(c) for c in commands if c.point in LEVER_OF]
        return await super().write(commands)


HEARTBEAT = OURS.points_with(Quantity.HEARTBEAT)[0].id
_MEASURED = tuple(
    (lever.id, {
        Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT: Quantity.SUPPLY_AIR_TEMPERATURE,
        Quantity.FAN_SPEED_SETPOINT: Quantity.FAN_SPEED,
        Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE_SETPOINT: Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE,
        Quantity.CONDENSER_WATER_SUPPLY_TEMPERATURE_SETPOINT: Quantity.CONDENSER_WATER_SUPPLY_TEMPERATURE,
    }[lever.quantity])
    for lever in OURS.levers
)  # fmt: skip
_OWNERS = {
    lever.id: {OURS.point_by_id[p].owner for p in lever.points} | {lever.owner} for lever in OURS.levers
}


class Machine:
    """The program, and the hands of everybody around it."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.store = Store("sqlite://")
        self.plant = WatchedPlant(OURS, machine=self)
        self.wanted: Mapping[LeverId, float] = {}
        self.purpose = Purpose.PROPOSAL
        self.agreed: set[str] = set()
        self.halves: list[str] = []
        self._raise()

    def _raise(self) -> None:
        """Start the program over what is in the store."""
        made = make_authority(
            OURS,
            self.clock,
            self.plant,
            self.store,
            _METRICS,
            period_s=PERIOD_S,
            initial=Mode.SUPERVISED,
            latch_file=None,
        )
        self.authority: Authority = made[0]
        self.standing: StandingApprovals = made[1]
        self.limits: LimitBook = self.authority.limits
        self.parts = Parts(
            site=self.limits.site,
            clock=self.clock,
            cycle_s=PERIOD_S,
            snapshot=lambda: self.plant.snapshot(self.clock.now()),
            outlook=cast(Any, self),
            planner=InlinePlanner(self),
            authority=self.authority,
            metrics=_METRICS,
        )
        follow_limits(self.parts)
        self.actions = Actions(self.parts)
        self.authority.heartbeat.take_over(self.plant.snapshot(self.clock.now()))
        self._overhear()

    def _overhear(self) -> None:
        """What each write is for, as the guard is told."""
        inner = self.authority.writer.write

        async def write(
            commands: Sequence[Command],
            *,
            snapshot: Snapshot,
            purpose: Purpose,
            proposal: str | None = None,
        ) -> list[Receipt]:
            self.purpose, self.proposal = purpose, proposal
            return await inner(commands, snapshot=snapshot, purpose=purpose, proposal=proposal)

        self.authority.writer.write = write  # type: ignore[method-assign]
        self.proposal: str | None = None
        self._foretell()

    def _foretell(self) -> None:
        """Foretell that inlets stay as they are: where nothing is foretold no standing approval counts."""
        inner = self.authority.desk.offer

        def offer(draft: Draft, at: datetime) -> Proposal:
            stay = tuple(replace(i, after_c=i.before_c, std_k=0.0) for i in draft.inlets)
            return inner(replace(draft, inlets=stay), at)

        self.authority.desk.offer = offer  # type: ignore[method-assign]

    # The planner and the forecast, by hand
    name = "a solver"

    def decide(self, snapshot: Snapshot, forecast: Forecast) -> PolicyAnswer:
        """Whatever the story wants of a solver; what is no number at all it fails on."""
        return Advice(Setpoints(dict(self.wanted)), "the solver says so")

    async def look(self, snapshot: Snapshot) -> Forecast:
        """Everything stays as it is."""
        grid = TimeGrid(snapshot.time, 900, 4)
        loads = {z.id: Band(np.full(4, 150.0), np.full(4, 5.0)) for z in OURS.zones}
        air = Band(np.full(4, 20.0), np.full(4, 1.0))
        carbon = CarbonSeries(grid, np.full(4, 400.0), CarbonKind.AVERAGE, "test", synthetic=True)
        return Forecast(
            snapshot.time, grid, loads, air, air, carbon, PriceSeries(grid, np.full(4, 0.1), "USD", "t")
        )

    # What happens
    async def think(self, wanted: Mapping[LeverId, float]) -> None:
        """A cycle with this answer of the solver."""
        self.wanted = wanted
        record = await run_cycle(self.parts)
        self.actions.note_outlook(record.outlook)
        self.actions.note_plan(self.clock.now())

    async def act(self) -> None:
        """A beat and a round of acting; afterwards nothing may be half done."""
        await self.authority.heartbeat.beat()
        before = dict(self.plant.registers)
        done = (await self.actions.run()).executed
        if done is not None and done.receipts:
            proposal = self.authority.desk.get(done.proposal_id)
            assert proposal is not None
            self._whole(proposal, before)

    def _whole(self, proposal: Proposal, before: Mapping[PointId, float]) -> None:
        """All registers have moved; or, where one does not answer, none of the others.

        But a register that somebody had put out of its range is not sent out there again.
        """
        told = {
            p: change.after
            for name, change in proposal.changes.items()
            for p in OURS.lever_by_id[name].points
        }
        answering, there = set(told) - self.plant.dead, self.plant.registers
        inside = {p for p in answering if LEVER_OF[p].low <= before[p] <= LEVER_OF[p].high}
        wanted = told if answering == set(told) else before
        if any(abs(there[p] - wanted[p]) > 1e-6 for p in (answering if wanted is told else inside)):
            self.halves.append(proposal.id)

    def decide_on(self, how: str) -> None:
        """What a person says to the proposal on the table."""
        at, desk = self.clock.now(), self.authority.desk
        pending = desk.pending(at)
        if pending is None:
            return
        digest = "0" * 64 if how == "wrong digest" else pending.digest
        decision = Decision.REJECT if how == "reject" else Decision.APPROVE
        desk.decide(pending.id, decision, digest=digest, by="eve", at=at)
        if how == "approve":
            self.agreed.add(pending.id)

    def restart(self) -> None:
        """The program dies between two steps and comes back."""
        self._raise()

    def note(self, command: Command) -> Note:
        """What is true as this write arrives."""
        now, modes = self.clock.now(), self.authority.modes
        lever, told = LEVER_OF[command.point], self.plant.snapshot(self.clock.now())
        warm, unseen = set(), set()
        for zone in OURS.zones:
            sensors = OURS.points_of(zone.id, Quantity.INLET_TEMPERATURE)
            seen = [v for v in (told.value(p.id) for p in sensors) if not math.isnan(v)]
            if 2 * len(seen) < len(sensors):
                unseen.add(zone.id)
            elif max(seen) >= 27.0:
                warm.add(zone.id)
        chosen = min((modes.chosen(SITE), modes.chosen(lever.owner)), key=_RANK.__getitem__)
        return Note(
            command,
            self.purpose,
            now,
            self.plant.registers.get(command.point, math.nan),
            told.value(command.point),
            frozenset(warm),
            frozenset(unseen),
            modes.stopped is not None,
            frozenset(
                name
                for hold in self.authority.holds.active(now)
                for name in self.authority.holds.levers_of(hold.target)
            ),
            self.plant.local and bool(self.authority.takeover.levers),
            chosen,
            self.limits.site.lever_by_id[lever.id],
            self._behind(),
        )

    def _behind(self) -> bool:
        if self.proposal is None or self.proposal in self.agreed:
            return True
        proposal = self.authority.desk.get(self.proposal)
        if proposal is None or "standing" not in (proposal.decided_by or ""):
            return False
        moved = [OURS.lever_by_id[name].owner for name in proposal.changes]
        every = [z.id for z in OURS.zones]
        touched = {z for owner in moved for z in ([owner] if owner in OURS.zone_by_id else every)}
        return all(self.authority.modes.effective(z) is Mode.SUPERVISED for z in (SITE, *touched))


_RANK = {Mode.FALLBACK: 0, Mode.SHADOW: 1, Mode.ADVISORY: 2, Mode.SUPERVISED: 3}
Step = tuple[str, Any]


async def _in_pairs(first: Callable[[], Any], second: Callable[[str], Any]) -> None:
    """Something two people must agree on."""
    asked = first()
    request = getattr(asked, "request", asked)
    if hasattr(request, "id"):
        second(request.id)


async def take(m: Machine, step: Step) -> None:
    """One step of a story."""
    name, what = step
    at, authority, plant = m.clock.now(), m.authority, m.plant
    match name:
        case "think":
            await m.think(what)
        case "act":
            await m.act()
        case "decide":
            m.decide_on(what)
        case "inlet":
            plant.inlet_c[what[0]] = what[1]
        case "blind":
            plant.blind.add(what)
        case "dead":
            plant.dead.add(what)
        case "lie":
            plant.lies[what[0]] = what[1]
        case "mend":
            for trouble in (plant.blind, plant.dead, plant.lies):
                trouble.clear()
            plant.local = False
        case "local":
            plant.local = True
            await m.act()
        case "somebody else":
            plant.registers[what[0]] = what[1]
        case "hold":
            authority.holds.place(what, reason="belt", by="eve", at=at, until=at + timedelta(minutes=20))
        case "stop":
            authority.modes.stop(by="eve", reason="smoke", at=at)
        case "resume":
            await _in_pairs(
                lambda: authority.modes.ask_resume(by="eve", reason="clear", at=at),
                lambda key: authority.modes.confirm_resume(key, by="adam", at=at),
            )
        case "mode":
            await _in_pairs(
                lambda: authority.modes.change(what[0], what[1], by="eve", at=at, reason="so"),
                lambda key: authority.modes.confirm_change(key, by="adam", at=at),
            )
        case "limit":
            await _in_pairs(
                lambda: authority.limits.ask(what[0], what[1], by="eve", at=at, reason="so"),
                lambda key: authority.limits.confirm(key, by="adam", at=at),
            )
        case "standing":
            m.standing.grant({what: Range(0, 40)}, until=at + timedelta(hours=1), count=3, by="eve", at=at)
        case "switchback":
            wish = Wish(date(2026, 3, 2), 14, 24, 2.0, what)
            await _in_pairs(
                lambda: authority.switchback.ask(wish, by="eve", at=at),
                lambda key: authority.switchback.confirm(key, by="adam", at=at),
            )
            # to the first block: midnight where the site is
            m.clock.instant = max(at, datetime(2026, 3, 2, 8, tzinfo=UTC))
        case "restart":
            m.restart()
        case "wait":
            m.clock.forward(what)
        case _:
            raise AssertionError(name)


async def play(steps: Sequence[Step]) -> Machine:
    """A story from the beginning; the record must be whole at its end."""
    m = Machine()
    for step in steps:
        await take(m, step)
        m.clock.forward(1)
    assert m.authority.audit.verify() is None
    m.store.close()
    return m
