"""Authority that is taken away ends what was agreed to under it; it does not come back with the mode."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from supervision_kit import A_AIR, Room, room
from test_actuation import approved, run, status

from controller.actuation import Outcome, Refusal
from controller.envelope import Range
from controller.modes import Mode, NeedsSecond
from controller.proposals import Proposal, ProposalStatus
from controller.store import sqlite_url


def granted_beforehand(r: Room) -> Proposal:
    """Approved by a standing approval of eve's; the use is spent, nothing is written yet."""
    r.standing.grant({A_AIR: Range(18, 19)}, until=r.now + timedelta(hours=8), count=2, by="eve", at=r.now)
    r.desk.offer(r.draft({A_AIR: 18.4}), r.now)
    found = r.desk.granted(r.now)
    assert found is not None
    assert found.standing is not None
    return found


@pytest.mark.parametrize("scope", ["site", "zone-a"])
async def test_what_only_a_standing_approval_agreed_to_ends_when_the_mode_is_advisory(scope: str) -> None:
    r = room(mode=Mode.SUPERVISED)
    p = granted_beforehand(r)
    r.modes.change(scope, Mode.ADVISORY, by="adam", at=r.now, reason="doubts")
    assert status(r, p) is ProposalStatus.SUPERSEDED, "the next one is for a person"
    assert r.desk.granted(r.now) is None
    refused = await run(r, p)
    assert (refused.outcome, refused.refusal) == (Outcome.REFUSED, Refusal.NOT_APPROVED)
    assert r.plant.writes == []
    (ended,) = r.audit.of_kind("proposal.superseded")
    assert "the mode is advisory" in str(ended.what["why"])


async def test_authority_that_comes_back_does_not_bring_back_what_it_had_agreed_to() -> None:
    """Supervised, advisory, supervised again within the proposal's life: nothing is written."""
    r = room(mode=Mode.SUPERVISED)
    p = granted_beforehand(r)
    r.modes.change("site", Mode.ADVISORY, by="adam", at=r.now, reason="doubts")
    asked = r.modes.change("site", Mode.SUPERVISED, by="eve", at=r.now, reason="settled")
    assert isinstance(asked, NeedsSecond)
    r.modes.confirm_change(asked.request.id, by="adam", at=r.now)
    assert r.modes.site_mode is Mode.SUPERVISED
    assert r.desk.granted(r.now) is None
    assert (await run(r, p)).outcome is Outcome.REFUSED
    assert r.plant.writes == []


@pytest.mark.parametrize("by_a_person", [True, False])
async def test_what_was_approved_before_a_stop_is_not_carried_out_after_it(by_a_person: bool) -> None:
    r = room(mode=Mode.SUPERVISED)
    p = approved(r) if by_a_person else granted_beforehand(r)
    r.modes.stop(by="eve", reason="smoke", at=r.now)
    asked = r.modes.ask_resume(by="eve", reason="clear", at=r.now)
    assert asked is not None
    r.modes.confirm_resume(asked.id, by="adam", at=r.now)
    assert r.modes.stopped is None
    assert status(r, p) is ProposalStatus.SUPERSEDED
    assert r.desk.granted(r.now) is None


async def test_a_failure_that_passes_ends_what_waited_for_it(tmp_path: Path) -> None:
    r = room(sqlite_url(tmp_path / "c.db"), mode=Mode.SUPERVISED)
    p = granted_beforehand(r)
    with closing(sqlite3.connect(tmp_path / "c.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        r.modes.enter_fallback("no plan", "for 30 min", r.now)
        other.execute("ROLLBACK")
    r.modes.leave_fallback("no plan", r.now)
    assert any(r.store.writable or time.sleep(0.05) for _ in range(600)), "it answers again"
    assert r.desk.granted(r.now) is None, "with the database gone it could not be ended then"
    assert status(r, p) is ProposalStatus.SUPERSEDED


async def test_another_zone_gone_to_advisory_takes_nothing_from_a_standing_approval() -> None:
    r = room(mode=Mode.SUPERVISED)
    p = granted_beforehand(r)
    r.modes.change("zone-b", Mode.ADVISORY, by="adam", at=r.now, reason="doubts")
    assert (await run(r, p)).outcome is Outcome.APPLIED


async def test_what_a_person_approved_stands_when_the_mode_drops_to_advisory() -> None:
    r = room(mode=Mode.SUPERVISED)
    p = approved(r)
    r.modes.change("site", Mode.ADVISORY, by="adam", at=r.now, reason="doubts")
    assert (await run(r, p)).outcome is Outcome.APPLIED


async def test_a_standing_approval_revoked_meanwhile_carries_nothing_out() -> None:
    r = room(mode=Mode.SUPERVISED)
    p = granted_beforehand(r)
    r.standing.revoke(p.standing or "", by="adam", at=r.now)
    assert (await run(r, p)).refusal is Refusal.LAPSED
    assert r.plant.writes == []
