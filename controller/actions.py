"""Acting: carry out what was granted, keep what is ours, and take the safe direction when in doubt.

Runs every few seconds, so that an approval takes effect at once and a failure is met at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from controller.actuation import Execution, Moment, Outcome, execute, recover, settle
from controller.alarms import AlarmKind
from controller.distress import Distress
from controller.failed_writes import FailedWrites
from controller.fallback import steps_to
from controller.guard import RESCUE_MOVES, Purpose
from controller.last_resort import LastResort
from controller.leases import Lease, leases, renew
from controller.lost_leases import LostLeases
from controller.modes import Mode
from controller.parts import Parts
from controller.proposals import Proposal, ProposalStatus
from controller.reach import home_of
from controller.rescue import TOO_WARM
from controller.switchback_arm import SwitchbackArm
from controller.watchdog import DataState
from plant.commands import Confirmed, Receipt
from plant.forecast import Forecast
from plant.points import SITE, OwnerId, PointId
from plant.setpoints import LeverId, Setpoints
from plant.site import Site
from plant.snapshot import Snapshot
from reports.switchback import Arm

STALE = "stale data"
NO_PLAN = "no plan"


@dataclass(frozen=True)
class ActionRecord:
    """What one round of acting did."""

    at: datetime
    executed: Execution | None = None
    settled: tuple[Proposal, ...] = ()
    fallback: tuple[Receipt, ...] = ()


class Actions:
    """The acting side of a controller. Call `run` often; it does each thing when it is due."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._outlook: Forecast | None = None
        self._last_plan_at = parts.clock.now()
        self._last_fallback_at: datetime | None = None
        self._put_back_at: dict[LeverId, datetime] = {}
        self._renew_again_at: datetime | None = None
        self._switchback = SwitchbackArm(parts)
        self._distress = Distress(parts)
        self._last_resort = LastResort(parts)
        self._lost_leases = LostLeases(parts)
        self._failed_writes = FailedWrites(parts)

    def note_plan(self, at: datetime) -> None:
        """A cycle ended with a plan; leases live on it."""
        self._last_plan_at = at

    def note_outlook(self, outlook: Forecast) -> None:
        """The newest forecast, for the fallback controller's own use."""
        self._outlook = outlook

    async def run(self) -> ActionRecord:
        """One round: look, then fall back where that is due, else carry out and keep."""
        at = self._parts.clock.now()
        snapshot = self._parts.snapshot()
        self._watch(snapshot, at)
        self._parts.authority.truth.judge(snapshot, at)
        await self._distress.look(at)
        self._last_resort.look(snapshot, at)
        if self._distress.standing or self._last_resort.standing:
            return ActionRecord(at)
        await self._put_back(snapshot, at)
        await self._failed_writes.look(snapshot, at)
        fallen = self._fallen()
        fallback = await self._fall_back(snapshot, fallen, at) if fallen else ()
        self._distress.fell_back(fallback, at)
        arm = await self._switchback.follow(snapshot, fallen, at)
        if SITE in fallen:
            await self._lost_leases.look(snapshot, at)
            return ActionRecord(at, fallback=fallback)
        await self._recover(snapshot, at)
        executed = None if arm is Arm.BASELINE else await self._execute(snapshot, at)
        settled = self._settle(at)
        await self._renew(at)
        await self._lost_leases.look(snapshot, at)
        return ActionRecord(at, executed, settled, fallback)

    def _watch(self, snapshot: Snapshot, at: datetime) -> None:
        """Enter and leave fallback by the age of the data and of the plan."""
        authority = self._parts.authority
        authority.watch.see(snapshot)
        authority.takeover.look(snapshot, at)
        zones = authority.watch.zones(at)
        authority.sentinel.plant(snapshot, at, echoed=authority.heartbeat.echoed(snapshot))
        authority.sentinel.data(zones, authority.modes, at)
        authority.sentinel.store(authority.modes.flush() and authority.store.writable, at)
        authority.rescue.see(snapshot, at)
        for zone in zones:
            warm = zone in authority.rescue.zones
            self._fallback_while(warm, TOO_WARM, "its racks are above their limit", at, zone)
        for zone, state in zones.items():
            self._fallback_while(state is DataState.FALLBACK, STALE, "its sensors are not seen", at, zone)
        lost = authority.watch.site(at) is DataState.FALLBACK
        self._fallback_while(lost, STALE, "the plant is not seen", at, SITE)
        # Without fresh data nothing we write can be checked: the plant must take its own setpoints.
        if lost:
            authority.heartbeat.withhold("the plant is not seen")
        else:
            authority.heartbeat.resume()
        idle_s = (at - self._last_plan_at).total_seconds()
        late = idle_s > self._parts.site.safety.lease_s
        self._fallback_while(late, NO_PLAN, f"no plan for {idle_s / 60:.0f} min", at, SITE)

    def _fallback_while(self, present: bool, cause: str, detail: str, at: datetime, owner: OwnerId) -> None:
        authority = self._parts.authority
        if present:
            changed = authority.modes.enter_fallback(cause, detail, at, owner)
        else:
            changed = authority.modes.leave_fallback(cause, at, owner)
        if changed:
            authority.alarms.hold_to(AlarmKind.FALLBACK, owner, present, f"{cause}: {detail}", at)

    def _fallen(self) -> frozenset[OwnerId]:
        """Who is in fallback, of those in our care: in shadow nothing is ever written."""
        modes = self._parts.authority.modes
        if modes.chosen(SITE) is Mode.SHADOW:
            return frozenset()
        owners = (SITE, *(zone.id for zone in self._parts.site.zones))
        ours = (owner for owner in owners if modes.chosen(owner) is not Mode.SHADOW)
        return frozenset(owner for owner in ours if modes.effective(owner) is Mode.FALLBACK)

    async def _fall_back(
        self, snapshot: Snapshot, fallen: frozenset[OwnerId], at: datetime
    ) -> tuple[Receipt, ...]:
        """One step of the fallen zones each control period; zones in rescue are cooled faster."""
        period = timedelta(seconds=self._parts.cycle_s)
        if self._last_fallback_at is not None and at - self._last_fallback_at < period:
            return ()
        authority = self._parts.authority
        held, warm = authority.barred(at), authority.rescue.zones & fallen
        # Too warm or not, a zone we do not see is ramped by the rule for the blind.
        urgent = authority.fallback.rescue(snapshot, warm | ({SITE} if warm else set()), held=held)
        gone = {command.point for command in urgent}
        slow = authority.fallback.commands(snapshot, self._outlook, owners=fallen - warm, held=held)
        # A fallen site's own levers are in both: the slow step would take the fast one back.
        ramp = [command for command in slow if command.point not in gone]
        if not urgent and not ramp:
            return ()
        self._last_fallback_at = at
        return (
            *await authority.writer.write(urgent, snapshot=snapshot, purpose=Purpose.RESCUE),
            *await authority.writer.write(ramp, snapshot=snapshot, purpose=Purpose.FALLBACK),
        )

    async def _put_back(self, snapshot: Snapshot, at: datetime) -> None:
        """Undo what a lever that answers backwards was told, unless a person holds it or it is not ours."""
        authority = self._parts.authority
        if authority.modes.chosen(SITE) is Mode.SHADOW:
            return
        kept = authority.kept(at)
        for name, target in authority.truth.put_back(snapshot).items():
            lever = self._parts.site.lever_by_id[name]
            home = home_of(self._parts.site, lever.owner)
            if name in kept or authority.modes.chosen(home) is Mode.SHADOW:
                continue
            last = self._put_back_at.get(name)
            if last is None or at - last >= timedelta(seconds=self._parts.cycle_s):
                self._put_back_at[name] = at
                back = steps_to(lever, target, snapshot, RESCUE_MOVES)
                await authority.writer.write(back, snapshot=snapshot, purpose=Purpose.PUT_BACK)

    async def _recover(self, snapshot: Snapshot, at: datetime) -> None:
        authority = self._parts.authority
        if not authority.store.writable:
            return  # what would be found out could not be written down
        if authority.desk.unfinished() and not authority.takeover.levers:
            recovered = await recover(
                desk=authority.desk,
                store=authority.store,
                snapshot=snapshot,
                site=self._parts.site,
                writer=authority.writer,
                at=at,
            )
            for done in recovered:
                if done.outcome is not Outcome.APPLIED:  # what is only read proves no wire
                    self._heard(done, at)

    async def _execute(self, snapshot: Snapshot, at: datetime) -> Execution | None:
        authority = self._parts.authority
        granted = authority.desk.granted(at)
        # An approval that came soon after the last move waits for the rest of the control period.
        if granted is None or not authority.writer.ready(_points_of(granted, self._parts.site)):
            return None
        moment = Moment(
            at=self._parts.clock.now(),
            snapshot=snapshot,
            site=self._parts.site,
            held=authority.barred(at),
            trips=self._parts.trips,
            narrowed=self._parts.narrowed(self._outlook, snapshot, at),
        )
        done = await execute(
            granted,
            moment,
            desk=authority.desk,
            writer=authority.writer,
            audit=authority.audit,
            clock=self._parts.clock,
        )
        self._heard(done, at)
        for receipt in done.receipts:
            self._parts.metrics.observe_command(type(receipt).__name__.lower())
        return done

    def _heard(self, done: Execution, at: datetime) -> None:
        """What became of a change: alarms, closed levers, fallback."""
        self._parts.authority.sentinel.executed(done, at)
        proposal = self._parts.authority.desk.get(done.proposal_id)
        if proposal is not None:
            self._distress.executed(done, proposal, at)
        self._failed_writes.executed(done, at)

    def _settle(self, at: datetime) -> tuple[Proposal, ...]:
        """Let the newest snapshot confirm what was applied before it."""
        authority = self._parts.authority
        snapshot = self._parts.snapshot()
        applied = authority.desk.recent(10, ProposalStatus.APPLIED)
        after = [
            settle(p, desk=authority.desk, snapshot=snapshot, site=self._parts.site, at=at) for p in applied
        ]
        ended = tuple(p for p in after if p.status is not ProposalStatus.APPLIED)
        authority.sentinel.settled(ended, at)
        return ended

    async def _renew(self, at: datetime) -> None:
        authority = self._parts.authority
        if self._renew_again_at is not None and at < self._renew_again_at:
            return
        renewal = await renew(
            store=authority.store,
            site=self._parts.site,
            snapshot=self._parts.snapshot(),
            writer=authority.writer,
            at=at,
            held=authority.closed(at),
        )
        authority.sentinel.renewed(renewal.lost, at)
        failed = not all(isinstance(r, Confirmed) for r in renewal.receipts)
        pause = timedelta(seconds=self._parts.site.safety.heartbeat_s)
        self._renew_again_at = at + pause if failed else None
        self._show_ours()

    def _show_ours(self) -> None:
        """Where approved changes hold the levers, and until when."""
        held = leases(self._parts.authority.store)
        self._parts.metrics.observe_leases(self._expiries(held))
        ours = {lv.id: held[p].value for lv in self._parts.site.levers for p in lv.points if p in held}
        self._parts.metrics.observe_setpoints("approved", Setpoints(ours))

    def _expiries(self, held: Mapping[PointId, Lease]) -> dict[LeverId, datetime]:
        """Until when each lever is ours: the earliest end among its registers."""
        length = timedelta(seconds=self._parts.site.safety.lease_s)
        found: dict[LeverId, datetime] = {}
        for lever in self._parts.site.levers:
            ends = [held[p].renewed_at + length for p in lever.points if p in held]
            if ends:
                found[lever.id] = min(ends)
        return found


def _points_of(proposal: Proposal, site: Site) -> list[PointId]:
    return [point for lever in proposal.changes for point in site.lever_by_id[lever].points]
