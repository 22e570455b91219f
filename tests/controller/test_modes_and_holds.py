"""Going down is immediate, going up takes two, a stop latches, a hold holds."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError
from supervision_kit import A_AIR, START, Room, demo_site, room

from controller.audit import AuditLog
from controller.holds import Hold, UnknownTarget
from controller.modes import Mode, ModeKeeper, NeedsSecond, Set, UnknownScope
from controller.store import Store, sqlite_url
from controller.two_person import Agreed, NotOpen, SamePerson
from plant.points import SITE, OwnerId

A = OwnerId("zone-a")


def keeper(tmp_path: Path) -> ModeKeeper:
    store = Store(sqlite_url(tmp_path / "m.db"))
    return ModeKeeper(store, AuditLog(store), demo_site(), latch_file=tmp_path / "STOPPED")


def lose(r: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> None:
        raise OperationalError("BEGIN", {}, Exception("disk I/O error"))

    monkeypatch.setattr(r.store._engine, "begin", gone)


def test_less_authority_holds_at_once(tmp_path: Path) -> None:
    modes = keeper(tmp_path)
    assert modes.change("zone-a", Mode.SHADOW, by="eve", at=START, reason="test") == Set(A, Mode.SHADOW)
    assert modes.effective(A) is Mode.SHADOW
    assert modes.effective(OwnerId("zone-b")) is Mode.ADVISORY
    assert A_AIR in modes.closed_levers()
    assert keeper(tmp_path).effective(A) is Mode.SHADOW, "a restart keeps it"


def test_more_authority_waits_for_a_second_person(tmp_path: Path) -> None:
    modes = keeper(tmp_path)
    asked = modes.change("site", Mode.SUPERVISED, by="eve", at=START, reason="after two weeks")
    assert isinstance(asked, NeedsSecond)
    assert modes.site_mode is Mode.ADVISORY
    assert isinstance(modes.confirm_change(asked.request.id, by="eve", at=START), SamePerson)
    assert modes.site_mode is Mode.ADVISORY
    assert modes.confirm_change(asked.request.id, by="adam", at=START) == Set(SITE, Mode.SUPERVISED)
    assert modes.site_mode is Mode.SUPERVISED
    assert isinstance(modes.confirm_change(asked.request.id, by="adam", at=START), NotOpen), "works once"


def test_a_request_ends(tmp_path: Path) -> None:
    modes = keeper(tmp_path)
    asked = modes.change("site", Mode.SUPERVISED, by="eve", at=START, reason="later")
    assert isinstance(asked, NeedsSecond)
    late = modes.confirm_change(asked.request.id, by="adam", at=START + timedelta(hours=1))
    assert isinstance(late, NotOpen)
    assert modes.site_mode is Mode.ADVISORY


def test_a_resume_request_does_not_confirm_a_mode(tmp_path: Path) -> None:
    modes = keeper(tmp_path)
    asked = modes.change("site", Mode.SUPERVISED, by="eve", at=START, reason="x")
    modes.stop(by="eve", reason="smoke", at=START)
    assert isinstance(asked, NeedsSecond)
    assert isinstance(modes.confirm_resume(asked.request.id, by="adam", at=START), NotOpen)
    assert modes.stopped is not None


def test_an_unknown_scope_is_an_answer(tmp_path: Path) -> None:
    assert isinstance(
        keeper(tmp_path).change("zone-z", Mode.SHADOW, by="eve", at=START, reason="x"), UnknownScope
    )


def test_the_least_of_zone_and_site_counts(tmp_path: Path) -> None:
    modes = keeper(tmp_path)
    modes.change("site", Mode.SHADOW, by="eve", at=START, reason="x")
    assert modes.effective(A) is Mode.SHADOW
    assert modes.of_levers(frozenset({A_AIR})) is Mode.SHADOW


def test_a_breach_demotes_and_never_promotes(tmp_path: Path) -> None:
    modes = keeper(tmp_path)
    assert modes.demote(A, Mode.SHADOW, "inlet above limit", START)
    assert not modes.demote(A, Mode.ADVISORY, "again", START)
    assert modes.chosen(A) is Mode.SHADOW


def test_a_blind_zone_falls_back_alone_and_comes_back_by_itself(tmp_path: Path) -> None:
    modes = keeper(tmp_path)
    assert modes.enter_fallback("stale_data", "no inlet for 20 min", START, A)
    assert not modes.enter_fallback("stale_data", "still none", START, A), "said once"
    assert modes.effective(A) is Mode.FALLBACK
    assert modes.site_mode is Mode.ADVISORY
    assert modes.leave_fallback("stale_data", START, A)
    assert modes.effective(A) is Mode.ADVISORY


def test_a_stop_survives_a_restart_and_lifting_it_takes_two(tmp_path: Path) -> None:
    modes = keeper(tmp_path)
    modes.stop(by="eve", reason="smoke", at=START)
    modes = keeper(tmp_path)
    assert modes.site_mode is Mode.FALLBACK
    request = modes.ask_resume(by="eve", reason="clear", at=START)
    assert request is not None
    assert isinstance(modes.confirm_resume(request.id, by="eve", at=START), SamePerson)
    assert modes.stopped is not None
    assert isinstance(modes.confirm_resume(request.id, by="adam", at=START), Agreed)
    assert modes.site_mode is Mode.ADVISORY
    assert keeper(tmp_path).stopped is None


def test_the_first_stop_stands(tmp_path: Path) -> None:
    modes = keeper(tmp_path)
    modes.stop(by="eve", reason="smoke", at=START)
    assert modes.stop(by="adam", reason="other", at=START).by == "eve"


def test_a_stop_works_with_the_database_gone_and_is_recorded_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    r = room(sqlite_url(tmp_path / "s.db"))
    modes = ModeKeeper(r.store, r.audit, r.site, latch_file=tmp_path / "STOPPED")
    with monkeypatch.context() as patched:
        lose(r, patched)
        modes.stop(by="eve", reason="smoke", at=START)
        assert modes.site_mode is Mode.FALLBACK
        assert not modes.flush()
    assert modes.flush()
    assert r.audit.tail(1)[0].kind == "stop"


def test_a_stop_made_without_the_database_survives_a_crash_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    r = room(sqlite_url(tmp_path / "s.db"))
    modes = ModeKeeper(r.store, r.audit, r.site, latch_file=tmp_path / "STOPPED")
    with monkeypatch.context() as patched:
        lose(r, patched)
        modes.stop(by="eve", reason="smoke", at=START)
    reborn = ModeKeeper(r.store, r.audit, r.site, latch_file=tmp_path / "STOPPED")
    assert reborn.stopped is not None
    assert reborn.stopped.reason == "smoke"


def test_a_latch_file_nobody_can_read_still_means_stop(tmp_path: Path) -> None:
    (tmp_path / "STOPPED").write_text("{half a rec")
    assert keeper(tmp_path).stopped is not None


@pytest.mark.parametrize(
    ("target", "levers"),
    [
        ("crah-2", {"zone-a.supply-air", "zone-a.fan-speed"}),
        ("zone-a", {"zone-a.supply-air", "zone-a.fan-speed"}),
        ("plant.chilled-water", {"plant.chilled-water"}),
    ],
)
def test_a_hold_takes_every_lever_that_touches_its_target(target: str, levers: set[str]) -> None:
    r = room()
    assert isinstance(
        r.holds.place(target, reason="belt", by="eve", at=r.now, until=r.now + timedelta(hours=3)), Hold
    )
    assert r.holds.levers(r.now) == levers


def test_holding_the_site_holds_everything_and_holds_end() -> None:
    r = room()
    r.holds.place("site", reason="audit", by="eve", at=r.now, until=r.now + timedelta(hours=1))
    assert len(r.holds.levers(r.now)) == len(r.site.levers)
    assert r.holds.levers(r.now + timedelta(hours=1)) == frozenset()


def test_holding_what_nothing_moves_is_refused() -> None:
    r = room()
    answer = r.holds.place("ups-1", reason="x", by="eve", at=r.now, until=r.now + timedelta(hours=1))
    assert isinstance(answer, UnknownTarget)


def test_holds_survive_a_restart_and_a_release_ends_them(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "h.db")
    first = room(url)
    hold = first.holds.place("crah-3", reason="belt", by="eve", at=START, until=START + timedelta(hours=3))
    assert isinstance(hold, Hold)
    second = room(url)
    assert [h.id for h in second.holds.active(START)] == [hold.id]
    assert second.holds.release(hold.id, by="adam", at=START) is not None
    assert second.holds.release(hold.id, by="adam", at=START) is None
    assert room(url).holds.active(START) == []
