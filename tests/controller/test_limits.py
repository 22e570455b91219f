"""Limits: two people, only narrower, and what is not understood is closed."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import insert
from supervision_kit import A_AIR, START, WATER, Room, room

from controller.envelope import review
from controller.limits import LimitBook, LimitSet, NotNarrower, UnknownLimit
from controller.mode import NeedsSecond
from controller.store import sqlite_url
from controller.tables import LIMITS
from controller.two_person import SamePerson

HIGH = "zone-a.supply-air.high"
INLET = "zone-a.recommended_max_c"


def book(r: Room) -> LimitBook:
    return LimitBook(r.store, r.audit, r.site)


def agree(limits: LimitBook, name: str, value: float | None) -> LimitSet:
    asked = limits.ask(name, value, by="eve", at=START, reason="old servers")
    assert isinstance(asked, NeedsSecond), asked
    done = limits.confirm(asked.request.id, by="adam", at=START)
    assert isinstance(done, LimitSet), done
    return done


def test_one_person_changes_nothing_and_two_change_what_the_envelope_allows(tmp_path: Path) -> None:
    r = room(sqlite_url(tmp_path / "l.db"))
    limits = book(r)
    hard = r.site.lever_by_id[A_AIR]
    before = r.snapshot().lever_value(hard)
    asked = limits.ask(HIGH, before + 0.1, by="eve", at=START, reason="old servers")
    assert isinstance(asked, NeedsSecond)
    assert isinstance(limits.confirm(asked.request.id, by="eve", at=START), SamePerson)
    assert limits.site is r.site
    assert limits.confirm(asked.request.id, by="adam", at=START) == LimitSet(HIGH, hard.high, before + 0.1)
    wanted = {A_AIR: before + 0.4}
    assert review(r.site, wanted, r.snapshot()).changes[A_AIR].after == pytest.approx(before + 0.4)
    assert review(limits.site, wanted, r.snapshot()).changes[A_AIR].after == pytest.approx(before + 0.1)
    told = r.audit.tail(1)[0]
    assert (told.kind, told.who) == ("limits.set", "eve and adam")
    assert (told.what["before"], told.what["after"]) == (hard.high, before + 0.1)
    assert book(r).site.lever_by_id[A_AIR].high == before + 0.1, "a restart keeps it"


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        (HIGH, 99.0, "the site file allows at most"),
        (INLET, 27.5, "the site file allows at most 27"),
        ("zone-a.margin_k", 0.1, "the site file allows at least"),
        (HIGH, 1.0, "low would be above high"),
        (INLET, 18.2, "nothing would be left"),
        ("site.max_data_age_s", 0.0, "no sensible value"),
        ("zone-a.min_units_running", 1.5, "whole numbers"),
        (INLET, float("nan"), "not a number"),
    ],
)
def test_nothing_gets_past_the_site_file(name: str, value: float, says: str) -> None:
    answer = book(room()).ask(name, value, by="eve", at=START, reason="x")
    assert isinstance(answer, NotNarrower)
    assert says in answer.why


def test_a_limit_nobody_knows_cannot_be_set() -> None:
    assert isinstance(book(room()).ask("zone-z.high", 1.0, by="eve", at=START, reason="x"), UnknownLimit)


def test_going_back_to_the_site_file_takes_two_as_well() -> None:
    r = room()
    limits = book(r)
    agree(limits, INLET, 25.0)
    assert limits.site.zones[0].limits.recommended_max_c == 25.0
    assert agree(limits, INLET, None).before == 25.0
    assert limits.site == r.site


def store_row(r: Room, name: str, value: float) -> None:
    with r.store.transaction() as tx:
        tx.execute(
            insert(LIMITS).values(name=name, value=value, by="x", reason="x", at="2026-01-01T00:00:00+00:00")
        )


def test_a_stored_limit_outside_the_hard_range_closes_what_it_guards() -> None:
    r = room()
    store_row(r, INLET, 40.0)
    limits = book(r)
    assert limits.site == r.site
    assert {A_AIR, WATER} <= limits.closed_levers(), "the plant's levers move this zone too"
    assert not any(lv.startswith("zone-b") for lv in limits.closed_levers())
    agree(limits, INLET, None)
    assert limits.closed == ()


def test_a_stored_limit_that_nobody_can_place_closes_everything_until_two_people_drop_it() -> None:
    r = room()
    store_row(r, "zone-gone.recommended_max_c", 25.0)
    limits = book(r)
    assert limits.closed_levers() == {lv.id for lv in r.site.levers}
    agree(limits, "zone-gone.recommended_max_c", None)
    assert limits.closed_levers() == frozenset()


def test_whoever_listens_hears_the_limited_site_now_and_later() -> None:
    r = room()
    limits, heard = book(r), []
    limits.listen(lambda site: heard.append(site.zones[0].limits.recommended_max_c))
    agree(limits, INLET, 25.0)
    assert heard == [27.0, 25.0]
