"""One pending proposal, one decision, for exactly what was shown, in time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from supervision_kit import A_AIR, A_FAN, WATER, Room, room

from controller.envelope import Change, Range
from controller.modes import Mode
from controller.proposals import (
    AlreadyDecided,
    Decided,
    Decision,
    DigestMismatch,
    Expired,
    Held,
    Proposal,
    ProposalStatus,
    Unknown,
)
from controller.store import sqlite_url
from plant.errors import BrokenPromise
from plant.setpoints import Setpoints

APPROVE, REJECT = Decision.APPROVE, Decision.REJECT


@pytest.fixture
def r() -> Room:
    return room()


def offered(r: Room, air: float = 18.4) -> Proposal:
    return r.desk.offer(r.draft({A_AIR: air}), r.now)


def approve(r: Room, p: Proposal) -> object:
    return r.desk.decide(p.id, APPROVE, digest=p.digest, by="eve", at=r.now)


def test_an_approved_proposal_is_granted_once_begun_never_again(r: Room) -> None:
    p = offered(r)
    assert r.desk.granted(r.now) is None
    assert isinstance(approve(r, p), Decided)
    granted = r.desk.granted(r.now)
    assert granted is not None
    assert granted.decided_by == "eve"
    assert r.desk.begin(granted, r.now)
    assert not r.desk.begin(granted, r.now)
    assert r.desk.granted(r.now) is None


def test_what_was_shown_comes_back_from_the_store_with_the_same_seal(r: Room) -> None:
    p = offered(r)
    again = r.desk.get(p.id)
    assert again is not None
    assert again.seal() == p.digest
    assert dict(again.setpoints) == {A_AIR: 18.4}
    assert again.effect.power_kw.low == -15.0
    assert again.effect.water_l.low != again.effect.water_l.low  # NaN stays unknown


def test_an_identical_draft_keeps_the_proposal_another_supersedes_it(r: Room) -> None:
    p = offered(r)
    assert offered(r).id == p.id
    other = offered(r, air=18.2)
    assert other.id != p.id
    old = r.desk.get(p.id)
    assert old is not None
    assert old.status is ProposalStatus.SUPERSEDED
    assert isinstance(approve(r, p), AlreadyDecided)


def test_a_new_offer_does_not_take_back_what_was_approved(r: Room) -> None:
    p = offered(r)
    approve(r, p)
    offered(r, air=18.2)
    granted = r.desk.granted(r.now)
    assert granted is not None
    assert granted.id == p.id


def test_one_different_byte_is_not_a_decision(r: Room) -> None:
    p = offered(r)
    wrong = ("1" if p.digest[0] != "1" else "2") + p.digest[1:]
    assert isinstance(r.desk.decide(p.id, APPROVE, digest=wrong, by="eve", at=r.now), DigestMismatch)
    assert r.desk.granted(r.now) is None


def test_a_proposal_changed_in_the_database_cannot_be_approved(tmp_path: Path) -> None:
    r = room(sqlite_url(tmp_path / "c.db"))
    p = offered(r)
    with r.store.transaction() as tx:
        tx.execute(text("UPDATE proposals SET payload = replace(payload, '18.4', '25.4')"))
    assert isinstance(approve(r, p), DigestMismatch)


def test_the_first_decision_stands(r: Room) -> None:
    p = offered(r)
    assert isinstance(r.desk.decide(p.id, REJECT, digest=p.digest, by="eve", at=r.now), Decided)
    assert isinstance(approve(r, p), AlreadyDecided)
    assert r.desk.granted(r.now) is None


def test_an_offer_ends(r: Room) -> None:
    p = offered(r)
    r.clock.forward(r.site.safety.proposal_expiry_s)
    assert isinstance(approve(r, p), Expired)
    assert isinstance(approve(r, p), Expired)
    assert r.desk.pending(r.now) is None


def test_an_approval_that_nobody_carried_out_ends_too(r: Room) -> None:
    p = offered(r)
    approve(r, p)
    r.clock.forward(r.site.safety.proposal_expiry_s)
    assert r.desk.granted(r.now) is None
    ended = r.desk.get(p.id)
    assert ended is not None
    assert ended.status is ProposalStatus.EXPIRED


def test_nobody_decides_what_is_not_there(r: Room) -> None:
    assert isinstance(r.desk.decide("P-9", APPROVE, digest="0" * 64, by="eve", at=r.now), Unknown)


def test_a_hold_bars_approval_but_not_rejection(r: Room) -> None:
    p = offered(r)
    r.holds.place("crah-2", reason="belt", by="eve", at=r.now, until=r.now + timedelta(hours=3))
    assert isinstance(approve(r, p), Held)
    assert isinstance(r.desk.decide(p.id, REJECT, digest=p.digest, by="eve", at=r.now), Decided)


def test_a_hold_after_approval_keeps_it_from_being_granted(r: Room) -> None:
    p = offered(r)
    approve(r, p)
    r.holds.place("zone-a", reason="visitors", by="eve", at=r.now, until=r.now + timedelta(hours=3))
    assert r.desk.granted(r.now) is None
    withdrawn = r.desk.withdraw(r.holds.levers_of("zone-a"), r.now, "held")
    assert [w.id for w in withdrawn] == [p.id]


@pytest.mark.parametrize("mode", [Mode.SHADOW, Mode.FALLBACK])
def test_in_shadow_and_fallback_nothing_is_approved(mode: Mode) -> None:
    r = room(mode=mode)
    assert isinstance(approve(r, offered(r)), Held)


def test_a_stop_bars_everything(r: Room) -> None:
    p = offered(r)
    approve(r, p)
    r.modes.stop(by="eve", reason="smoke", at=r.now)
    assert r.desk.granted(r.now) is None
    assert isinstance(approve(r, offered(r, air=18.2)), Held)


def grant(r: Room, count: int = 2, **kwargs: float) -> None:
    r.standing.grant(
        {A_AIR: Range(18, 19)}, until=r.now + timedelta(hours=8), count=count, by="eve", at=r.now, **kwargs
    )


def test_a_standing_approval_works_only_in_supervised_mode_and_only_so_often() -> None:
    r = room(mode=Mode.SUPERVISED)
    grant(r, count=1)
    p = offered(r)
    granted = r.desk.granted(r.now)
    assert granted is not None
    assert granted.id == p.id
    assert "standing" in (granted.decided_by or "")
    r.desk.begin(granted, r.now)
    r.desk.mark(p.id, ProposalStatus.APPLIED, r.now)
    offered(r, air=18.2)
    assert r.desk.granted(r.now) is None, "its one use is spent"

    advisory = room(mode=Mode.ADVISORY)
    grant(advisory)
    offered(advisory)
    assert advisory.desk.granted(advisory.now) is None


def test_a_standing_approval_covers_no_other_lever_range_or_thin_margin() -> None:
    r = room(mode=Mode.SUPERVISED)
    grant(r)
    r.desk.offer(r.draft({A_AIR: 18.4, WATER: 7.3}), r.now)
    assert r.desk.granted(r.now) is None, "chilled water was not agreed"
    below = r.draft({A_AIR: 17.6})
    r.desk.offer(below, r.now)
    assert r.desk.granted(r.now) is None, "17.6 °C is below the range"
    thin = room(mode=Mode.SUPERVISED)
    grant(thin, min_margin_k=5.0)
    offered(thin)  # predicted 22.5 °C under 27 °C: 4.5 K
    assert thin.desk.granted(thin.now) is None
    blind = room(mode=Mode.SUPERVISED)
    grant(blind)
    blind.desk.offer(replace(blind.draft({A_AIR: 18.4}), inlets=()), blind.now)
    assert blind.desk.granted(blind.now) is None, "no predicted inlet is no margin"


def test_a_draft_that_changes_nothing_is_our_own_mistake(r: Room) -> None:
    with pytest.raises(BrokenPromise):
        r.draft({A_AIR: 18.0})


def test_a_draft_with_an_infinite_setpoint_is_our_own_mistake(r: Room) -> None:
    draft = r.draft({A_AIR: 18.4})
    endless = Setpoints({A_AIR: float("inf")})
    with pytest.raises(BrokenPromise):
        replace(draft, setpoints=endless, changes={A_AIR: Change(18.0, float("inf"))})


def test_statuses_only_move_forward(r: Room) -> None:
    p = offered(r)
    with pytest.raises(BrokenPromise):
        r.desk.mark(p.id, ProposalStatus.VERIFIED, r.now)


def test_every_step_is_in_the_audit_log(r: Room) -> None:
    p = offered(r)
    approve(r, p)
    r.desk.begin(r.desk.get(p.id) or p, r.now)
    r.desk.mark(p.id, ProposalStatus.APPLIED, r.now)
    kinds = [rec.kind for rec in reversed(r.audit.tail(10))]
    assert kinds == ["proposal.offered", "proposal.approved", "proposal.started", "proposal.applied"]
    assert r.audit.verify() is None


def test_a_restart_keeps_the_approval(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "c.db")
    first = room(url)
    p = first.desk.offer(first.draft({A_AIR: 18.4, A_FAN: 0.88}), first.now)
    approve(first, p)
    second = room(url)
    granted = second.desk.granted(second.now)
    assert granted is not None
    assert granted.digest == p.digest
    assert second.audit.verify() is None
