"""From approval to registers that hold it, or back to where they were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from supervision_kit import A_AIR, A_FAN, WATER, FakePlant, Room, demo_site, room

from controller.actuation import Execution, Outcome, Refusal, settle
from controller.guard import GuardedWriter, Purpose, commands_of
from controller.leases import leases, renew
from controller.proposals import Decision, Proposal, ProposalStatus
from controller.recovery import recover
from plant.commands import Command, Confirmed, Mismatch, Receipt, Refused
from plant.points import PointId


def approved(r: Room, wanted: dict | None = None) -> Proposal:
    return r.approved(wanted or {A_AIR: 18.4, WATER: 7.3})


async def run(r: Room, p: Proposal, held: frozenset = frozenset()) -> Execution:
    return await r.carry_out(p, held)


def status(r: Room, p: Proposal) -> ProposalStatus:
    found = r.desk.get(p.id)
    assert found is not None
    return found.status


async def test_every_register_of_every_changed_lever_is_written_once_and_nothing_else() -> None:
    r = room()
    done = await run(r, approved(r))
    assert done.outcome is Outcome.APPLIED
    assert {(c.point, c.value) for c in r.plant.writes} == {
        ("crah-1.supply-air.setpoint", 18.4),
        ("crah-2.supply-air.setpoint", 18.4),
        ("plant.chw-supply.setpoint", 7.3),
    }
    assert len(r.plant.writes) == 3


async def test_a_later_snapshot_confirms_it_and_an_earlier_one_does_not() -> None:
    r = room()
    p = approved(r)
    await run(r, p)
    applied = r.desk.get(p.id)
    assert applied is not None
    same_instant = settle(applied, desk=r.desk, snapshot=r.snapshot(), site=r.site, at=r.now)
    assert same_instant.status is ProposalStatus.APPLIED
    r.clock.forward(60)
    later = settle(applied, desk=r.desk, snapshot=r.snapshot(), site=r.site, at=r.now)
    assert later.status is ProposalStatus.VERIFIED


async def test_a_plant_that_does_not_keep_the_value_fails_the_proposal() -> None:
    r = room()
    p = approved(r)
    await run(r, p)
    r.plant.registers[PointId("crah-2.supply-air.setpoint")] = 16.0
    r.clock.forward(60)
    settled = settle(r.desk.get(p.id) or p, desk=r.desk, snapshot=r.snapshot(), site=r.site, at=r.now)
    assert settled.status is ProposalStatus.FAILED
    assert "crah-2" in (settled.note or "")


async def test_it_is_carried_out_once() -> None:
    r = room()
    p = approved(r)
    await run(r, p)
    writes = len(r.plant.writes)
    again = await run(r, p)
    assert again.outcome is Outcome.REFUSED
    assert len(r.plant.writes) == writes


@pytest.mark.parametrize("decision", [None, Decision.REJECT])
async def test_without_approval_nothing_is_written(decision: Decision | None) -> None:
    r = room()
    before = dict(r.plant.registers)
    p = r.desk.offer(r.draft({A_AIR: 18.4}), r.now)
    if decision:
        r.desk.decide(p.id, decision, digest=p.digest, by="eve", at=r.now)
    refused = await run(r, p)
    assert refused.refusal is Refusal.NOT_APPROVED
    assert (r.plant.writes, r.plant.registers) == ([], before)


async def test_after_its_expiry_nothing_is_written() -> None:
    r = room()
    p = approved(r)
    r.clock.forward(r.site.safety.proposal_expiry_s)
    assert (await run(r, p)).refusal is Refusal.EXPIRED
    assert r.plant.writes == []


async def test_a_proposal_dressed_up_as_another_is_refused() -> None:
    r = room()
    p = approved(r)
    draft = r.draft({A_AIR: 18.5})
    assert (await run(r, replace(p, draft=draft))).refusal is Refusal.TAMPERED
    assert r.plant.writes == []


async def test_if_the_plant_moved_meanwhile_nothing_is_written() -> None:
    r = room()
    p = approved(r)
    r.plant.registers[PointId("plant.chw-supply.setpoint")] = 8.0
    refused = await run(r, p)
    assert refused.refusal is Refusal.PLANT_CHANGED
    assert "stood at 7 and now at 8" in refused.reason
    assert r.plant.writes == []
    assert status(r, p) is ProposalStatus.SUPERSEDED


async def test_if_a_zone_got_hot_meanwhile_nothing_is_written() -> None:
    r = room()
    p = approved(r)
    r.plant.inlet_c["zone-a"] = 27.2
    assert (await run(r, p)).refusal is Refusal.ENVELOPE
    assert r.plant.writes == []


async def test_a_hold_placed_meanwhile_keeps_it_waiting() -> None:
    r = room()
    p = approved(r)
    assert (await run(r, p, held=frozenset({WATER}))).refusal is Refusal.HELD
    assert r.plant.writes == []
    assert status(r, p) is ProposalStatus.APPROVED


async def test_waiting_is_recorded_once_however_often_it_is_asked() -> None:
    r = room()
    p = approved(r)
    before = r.audit.head().seq
    for _ in range(5):
        await run(r, p, held=frozenset({WATER}))
        r.clock.forward(5)
    assert r.audit.head().seq == before + 1


async def test_a_register_that_does_not_answer_undoes_the_whole_change() -> None:
    r = room()
    before = dict(r.plant.registers)
    p = approved(r)
    r.plant.dead = {PointId("crah-2.supply-air.setpoint")}
    done = await run(r, p)
    assert done.outcome is Outcome.FAILED, "the dead register cannot be confirmed either way"
    assert r.plant.registers == before
    assert status(r, p) is ProposalStatus.FAILED


@dataclass
class Clamping(FakePlant):
    """One device holds its own idea of a value, until asked for the old one."""

    async def write(self, commands: Sequence[Command]) -> list[Receipt]:
        receipts = await super().write(commands)
        return [self._clamp(r) for r in receipts]

    def _clamp(self, receipt: Receipt) -> Receipt:
        command = receipt.command
        if command.point == "crah-2.supply-air.setpoint" and command.value > 18.0:
            self.registers[command.point] = 18.2
            return Mismatch(command, 18.2)
        return receipt


async def test_a_device_that_clamps_gets_its_old_value_back() -> None:
    r = room(plant=Clamping(demo_site()))
    before = dict(r.plant.registers)
    p = approved(r)
    done = await run(r, p)
    assert done.outcome is Outcome.ROLLED_BACK
    assert r.plant.registers == before
    assert status(r, p) is ProposalStatus.ROLLED_BACK


async def test_a_register_that_stands_right_already_is_left_alone() -> None:
    r = room()
    p = approved(r, {A_AIR: 18.4})
    r.plant.registers[PointId("crah-1.supply-air.setpoint")] = 18.2
    r.plant.registers[PointId("crah-2.supply-air.setpoint")] = 17.9
    # mean 18.05 is within one resolution of what was shown, so it goes ahead
    await run(r, p)
    assert {c.point for c in r.plant.writes} == {
        "crah-1.supply-air.setpoint",
        "crah-2.supply-air.setpoint",
    }


async def write(r: Room, commands: list[Command], purpose: Purpose = Purpose.PROPOSAL) -> list[Receipt]:
    return await r.guard.write(commands, snapshot=r.snapshot(), purpose=purpose)


@pytest.mark.parametrize(
    ("point", "value"),
    [
        ("crah-1.supply-air.setpoint", 26.0),
        ("crah-1.supply-air.setpoint", 18.6),
        ("crah-1.supply-air.setpoint", float("nan")),
        ("crah-1.supply-air", 18.2),
        ("heartbeat", 7.0),
        ("no-such-point", 1.0),
    ],
)
async def test_the_guard_lets_nothing_through_that_is_not_a_small_move_of_a_lever(
    point: str, value: float
) -> None:
    r = room()
    receipts = await write(r, [Command(PointId(point), value)])
    assert isinstance(receipts[0], Refused)
    assert r.plant.writes == []


async def test_the_guard_refuses_a_proposal_whole() -> None:
    r = room()
    receipts = await write(
        r,
        [
            Command(PointId("crah-1.supply-air.setpoint"), 18.2),
            Command(PointId("crah-2.supply-air.setpoint"), 30.0),
        ],
    )
    assert all(isinstance(x, Refused) for x in receipts)
    assert r.plant.writes == []


async def test_many_small_moves_in_one_period_do_not_add_up_to_a_large_one() -> None:
    r = room()
    point = PointId("crah-1.supply-air.setpoint")
    assert isinstance((await write(r, [Command(point, 18.4)]))[0], Confirmed)
    r.clock.forward(30)
    assert isinstance((await write(r, [Command(point, 18.8)]))[0], Refused)
    r.clock.forward(300)
    assert isinstance((await write(r, [Command(point, 18.8)]))[0], Confirmed)


async def test_a_register_is_moved_once_in_a_control_period_however_little() -> None:
    r = room()
    point = PointId("crah-1.supply-air.setpoint")
    assert isinstance((await write(r, [Command(point, 18.2)]))[0], Confirmed)
    r.clock.forward(200)
    (receipt,) = await write(r, [Command(point, 18.3)])
    assert isinstance(receipt, Refused)
    assert "200 s ago, less than a control period" in receipt.reason
    assert isinstance((await write(r, [Command(point, 18.2)], Purpose.RENEW))[0], Confirmed)
    assert isinstance((await write(r, [Command(point, 18.0)], Purpose.FALLBACK))[0], Confirmed)


async def test_a_restart_forgets_no_pace() -> None:
    r = room()
    point = PointId("crah-1.supply-air.setpoint")
    assert isinstance((await write(r, [Command(point, 18.4)]))[0], Confirmed)
    r.clock.forward(60)
    r.guard = GuardedWriter(r.plant, r.site, r.clock, r.store, stopped=lambda: False)
    assert not r.guard.ready([point])
    assert isinstance((await write(r, [Command(point, 18.8)]))[0], Refused)
    assert isinstance((await write(r, [Command(point, 18.8)], Purpose.FALLBACK))[0], Refused)
    r.clock.forward(240)
    assert isinstance((await write(r, [Command(point, 18.8)]))[0], Confirmed)


async def test_under_a_stop_only_fallback_is_written() -> None:
    r = room()
    r.modes.stop(by="eve", reason="smoke", at=r.now)
    point = PointId("crah-1.supply-air.setpoint")
    assert isinstance((await write(r, [Command(point, 18.2)]))[0], Refused)
    assert isinstance((await write(r, [Command(point, 18.2)], Purpose.RENEW))[0], Refused)
    assert isinstance((await write(r, [Command(point, 17.8)], Purpose.FALLBACK))[0], Confirmed)


async def test_with_the_database_gone_a_proposal_is_not_written_but_fallback_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    r = room()
    lose_database(r, monkeypatch)
    point = PointId("crah-1.supply-air.setpoint")
    assert isinstance((await write(r, [Command(point, 18.2)]))[0], Refused)
    assert r.plant.writes == []
    assert isinstance((await write(r, [Command(point, 17.8)], Purpose.FALLBACK))[0], Confirmed)
    assert r.guard.unrecorded == 1


def lose_database(r: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlalchemy.exc import OperationalError

    def gone() -> None:
        raise OperationalError("BEGIN", {}, Exception("disk I/O error"))

    monkeypatch.setattr(r.store._engine, "begin", gone)


async def test_leases_are_renewed_while_the_plant_holds_them_and_given_up_when_it_does_not() -> None:
    r = room()
    await run(r, approved(r, {A_AIR: 18.4, A_FAN: 0.88}))
    assert set(leases(r.store)) == {
        "crah-1.supply-air.setpoint",
        "crah-2.supply-air.setpoint",
        "crah-1.fan-speed.setpoint",
        "crah-2.fan-speed.setpoint",
    }
    r.plant.writes.clear()
    early = await renew(store=r.store, site=r.site, snapshot=r.snapshot(), writer=r.guard, at=r.now)
    assert early.receipts == ()
    r.clock.forward(r.site.safety.lease_s / 2)
    r.plant.registers[PointId("crah-1.supply-air.setpoint")] = 16.0
    due = await renew(store=r.store, site=r.site, snapshot=r.snapshot(), writer=r.guard, at=r.now)
    assert due.lost == ("crah-1.supply-air.setpoint",)
    assert len(due.receipts) == 3
    assert all(isinstance(x, Confirmed) for x in due.receipts)


async def test_what_fallback_wrote_is_not_renewed() -> None:
    r = room()
    await run(r, approved(r, {A_AIR: 18.4}))
    r.clock.forward(300)
    points = [PointId("crah-1.supply-air.setpoint"), PointId("crah-2.supply-air.setpoint")]
    await write(r, [Command(p, 18.0) for p in points], Purpose.FALLBACK)
    assert leases(r.store) == {}


CUT = ["before any write", "after some writes", "after every write", "the plant fell back"]


@pytest.mark.parametrize("cut", CUT)
async def test_after_a_crash_the_record_is_finished_from_what_the_plant_says(cut: str) -> None:
    r = room()
    before = dict(r.plant.registers)
    p = approved(r)
    assert r.desk.begin(p, r.now)
    points = [PointId(f"crah-{i}.supply-air.setpoint") for i in (1, 2)]
    r.guard._book.intend([Command(x, 18.4) for x in points], r.snapshot(), Purpose.PROPOSAL, p.id, r.now)
    if cut == "after some writes":
        r.plant.registers[points[0]] = 18.4
    if cut == "after every write":
        r.plant.registers.update(dict.fromkeys(points, 18.4))
    if cut == "the plant fell back":
        r.plant.registers.update(dict.fromkeys(points, 17.2))
    r.clock.forward(20)
    ended = await recover(
        desk=r.desk, store=r.store, snapshot=r.snapshot(), site=r.site, writer=r.guard, at=r.now
    )
    expected = {
        "before any write": ProposalStatus.FAILED,
        "after some writes": ProposalStatus.ROLLED_BACK,
        "after every write": ProposalStatus.APPLIED,
        "the plant fell back": ProposalStatus.FAILED,
    }
    assert [status(r, p) for _ in ended] == [expected[cut]]
    assert r.desk.unfinished() == []
    if cut in ("before any write", "after some writes"):
        assert r.plant.registers == before


async def test_recovery_waits_for_a_plant_it_cannot_see() -> None:
    r = room()
    p = approved(r)
    r.desk.begin(p, r.now)
    point = PointId("crah-1.supply-air.setpoint")
    r.guard._book.intend([Command(point, 18.4)], r.snapshot(), Purpose.PROPOSAL, p.id, r.now)
    r.plant.blind = {point}
    ended = await recover(
        desk=r.desk, store=r.store, snapshot=r.snapshot(), site=r.site, writer=r.guard, at=r.now
    )
    assert ended == []
    assert [u.id for u in r.desk.unfinished()] == [p.id]


async def test_recovery_does_not_judge_by_readings_from_before_the_writes() -> None:
    r = room()
    p = approved(r)
    old = r.snapshot()
    r.desk.begin(p, r.now)
    point = PointId("crah-1.supply-air.setpoint")
    r.guard._book.intend([Command(point, 18.4)], old, Purpose.PROPOSAL, p.id, r.now)
    r.plant.registers[point] = 18.4
    r.clock.forward(5)
    early = await recover(desk=r.desk, store=r.store, snapshot=old, site=r.site, writer=r.guard, at=r.now)
    assert early == [], "the old reading would have said that nothing was written"
    fresh = r.snapshot()
    ended = await recover(desk=r.desk, store=r.store, snapshot=fresh, site=r.site, writer=r.guard, at=r.now)
    assert [e.outcome for e in ended] == [Outcome.APPLIED]
    assert status(r, p) is ProposalStatus.APPLIED


async def test_commands_are_recorded_before_they_go_out() -> None:
    r = room()
    seen: list[int] = []
    p = approved(r)
    inner = r.plant.write

    async def watching(commands: Sequence[Command]) -> list[Receipt]:
        seen.append(len(commands_of(r.store, p.id)))
        return await inner(commands)

    r.plant.write = watching  # type: ignore[method-assign]
    await run(r, p)
    assert seen == [3]
    assert {c.state for c in commands_of(r.store, p.id)} == {"confirmed"}
