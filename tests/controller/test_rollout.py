"""Authority is earned by a scorecard and kept by drills."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest
from supervision_kit import START, Room, room

from controller.modes import Mode, ModeKeeper, NeedsSecond, NotEarned, Set
from controller.rollout import Rollout
from plant.points import SITE, OwnerId

A = OwnerId("zone-a")
HOUR_CYCLES = 3600.0  # a cycle an hour keeps the tests short


def rollout(r: Room) -> Rollout:
    return Rollout(r.store, r.audit, r.site, cycle_s=HOUR_CYCLES)


def live(book: Rollout, days: int, *, zone: OwnerId = A, cycles: int = 24, **seen: float) -> None:
    """`days` days that end at START, each with `cycles` cycles."""
    midnight = START.replace(hour=0)
    for day in range(1, days + 1):
        for hour in range(cycles):
            at = midnight - timedelta(days=day) + timedelta(hours=hour)
            what = {"inlet_error_k": 0.5, "predicted_kwh": 10.0, "actual_kwh": 9.0, **seen}
            book.observe(zone, at, **what)  # type: ignore[arg-type]


def test_a_zone_that_showed_nothing_is_given_nothing() -> None:
    missing = rollout(room()).objections(A, Mode.SUPERVISED, START)
    assert any("0 full days seen, 14 needed" in m for m in missing)
    assert any("never held" in m for m in missing)


def test_a_good_fortnight_and_a_drill_are_enough() -> None:
    book = rollout(room())
    live(book, 14)
    book.record_drill(by="eve", at=START - timedelta(days=10), passed=True, took_over_after_s=95)
    assert book.objections(A, Mode.SUPERVISED, START) == ()
    card = book.scorecard(A, START)
    assert (card.days, card.cycles) == (14, 336)
    assert card.inlet_error_k == pytest.approx(0.5)
    assert card.saving_ratio == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("seen", "says"),
    [
        ({"inlet_error_k": 1.4}, "inlet error 1.4 K"),
        ({"inlet_error_k": math.nan}, "inlet error nan K"),
        ({"violation_s": 60.0}, "336 min above"),
        ({"overrides": 1}, "overrode 100 %"),
        ({"actual_kwh": 2.0}, "saved 0.20 of what"),
        ({"predicted_kwh": 0.0}, "saved nan of what"),
    ],
)
def test_each_weakness_is_named_and_what_was_not_judged_is_not_passed(
    seen: dict[str, float], says: str
) -> None:
    book = rollout(room())
    live(book, 14, **seen)
    book.record_drill(by="eve", at=START, passed=True)
    (missing,) = book.objections(A, Mode.SUPERVISED, START)
    assert says in missing


def test_days_that_were_mostly_missed_do_not_count_but_their_violations_do() -> None:
    book = rollout(room())
    live(book, 14, cycles=18, violation_s=10.0)  # 18 of 24 is below 80 %
    card = book.scorecard(A, START)
    assert card.days == 0
    assert card.violation_s == 14 * 18 * 10.0


@pytest.mark.parametrize(
    ("days_ago", "passed", "says"), [(93, True, "older than 92 days"), (1, False, "failed"), (92, True, "")]
)
def test_a_drill_that_is_old_or_failed_blocks_supervised(days_ago: int, passed: bool, says: str) -> None:
    book = rollout(room())
    live(book, 14)
    book.record_drill(by="eve", at=START - timedelta(days=days_ago), passed=passed)
    missing = book.objections(A, Mode.SUPERVISED, START)
    assert bool(missing) is bool(says)
    assert not says or says in missing[0]


def test_the_site_is_ready_when_every_zone_is() -> None:
    book = rollout(room())
    live(book, 3)
    assert book.objections(A, Mode.ADVISORY, START) == ()
    assert len({m.split(":")[0] for m in book.objections(SITE, Mode.ADVISORY, START)}) == 3


def test_the_mode_keeper_asks_the_gate_before_a_second_person() -> None:
    r = room()
    book = rollout(r)
    modes = ModeKeeper(r.store, r.audit, r.site, initial=Mode.SHADOW, gate=book)
    refused = modes.change("zone-a", Mode.ADVISORY, by="eve", at=START, reason="please")
    assert isinstance(refused, NotEarned)
    live(book, 3)
    assert isinstance(modes.change("zone-a", Mode.ADVISORY, by="eve", at=START, reason="please"), NeedsSecond)
    down = modes.change("zone-a", Mode.SHADOW, by="eve", at=START, reason="x")
    assert isinstance(down, Set), "going down asks nobody"


def test_the_commissioning_record_tells_who_tried_what() -> None:
    r = room()
    book = rollout(r)
    modes = ModeKeeper(r.store, r.audit, r.site, initial=Mode.SHADOW, gate=book)
    modes.change("zone-a", Mode.ADVISORY, by="eve", at=START, reason="please")
    book.record_drill(by="adam", at=START, passed=True, took_over_after_s=95, note="PLC took over")
    assert [(rec.kind, rec.who) for rec in book.commissioning(START)] == [
        ("mode.not_earned", "eve"),
        ("drill.dead_man", "adam"),
    ]
