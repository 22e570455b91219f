"""Authority is earned by a scorecard and kept by drills."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

import pytest
from supervision_kit import A_AIR, START, WATER, Room, room

from controller.alarms import AlarmBook, AlarmKind
from controller.commissioning import commissioning_record, to_json, to_markdown
from controller.decisions import Decision, RejectionCode
from controller.demotion import Demotion
from controller.modes import Mode, ModeKeeper, NeedsSecond, NotEarned, Set
from controller.rollout import Rollout, Stage
from controller.scorecard import Seen
from controller.scoring import Scorer
from plant.points import SITE, OwnerId

A = OwnerId("zone-a")
HOUR_CYCLES = 3600.0  # a cycle an hour keeps the tests short


def rollout(r: Room) -> Rollout:
    return Rollout(r.store, r.audit, r.site, cycle_s=HOUR_CYCLES)


def live(
    book: Rollout, days: int, *, zone: OwnerId = A, cycles: int = 24, until: datetime = START, **seen: float
) -> None:
    """`days` whole days before `until`, each with `cycles` cycles."""
    midnight = until.replace(hour=0)
    for day in range(1, days + 1):
        for hour in range(cycles):
            at = midnight - timedelta(days=day) + timedelta(hours=hour)
            usual = {"inlet_error_k": 0.5, "forecast_error": 0.04, "predicted_kwh": 10.0, "actual_kwh": 9.0}
            book.scores.observe(zone, at, Seen(**{**usual, **seen}))


def test_a_zone_that_showed_nothing_is_given_nothing() -> None:
    missing = rollout(room()).objections(A, Mode.SUPERVISED, START)
    assert any("0 full days seen, 14 needed" in m for m in missing)
    assert any("never held" in m for m in missing)


def test_a_good_fortnight_and_a_drill_are_enough() -> None:
    book = rollout(room())
    live(book, 14)
    book.record_drill(by="eve", at=START - timedelta(days=10), passed=True, took_over_after_s=95)
    assert book.objections(A, Mode.SUPERVISED, START) == ()
    card = book.scores.card(A, START)
    assert (card.days, card.cycles) == (14, 336)
    assert card.inlet_error_k == pytest.approx(0.5)
    assert card.saving_ratio == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("seen", "says"),
    [
        ({"inlet_error_k": 1.4}, "inlet error 1.4 K"),
        ({"inlet_error_k": math.nan}, "inlet error ? K"),
        ({"violation_s": 60.0}, "336 min above"),
        ({"forecast_error": -0.15}, "load forecast error 15 %"),
        ({"forecast_error": math.nan}, "load forecast error ? %"),
        ({"actual_kwh": 2.0}, "saved 0.20 of what"),
        ({"predicted_kwh": 0.0}, "saved ? of what"),
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
    card = book.scores.card(A, START)
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


def test_the_sites_ceiling_may_rise_once_one_zone_has_earned_it() -> None:
    r = room()
    book = rollout(r)
    assert len({m.split(":")[0] for m in book.objections(SITE, Mode.ADVISORY, START)}) == len(r.site.zones)
    live(book, 3)
    assert book.objections(A, Mode.ADVISORY, START) == ()
    assert book.objections(SITE, Mode.ADVISORY, START) == ()


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("maintenance", ""),
        ("not_now", ""),
        ("disagree", "people overrode"),
        ("hold", "people overrode"),
        ("unsafe", "called unsafe"),
    ],
)
def test_a_no_counts_by_its_code(code: str, says: str) -> None:
    book = rollout(room())
    live(book, 14)
    book.record_drill(by="eve", at=START, passed=True)
    for day in range(1, 9):  # eight in 336 cycles are 2.4 %, 2 % are allowed
        book.scores.override(A, START - timedelta(days=day), code)
    missing = "; ".join(book.objections(A, Mode.SUPERVISED, START))
    assert (says in missing) if says else not missing
    assert book.scores.card(A, START).overrides == {code: 8}


def test_a_rejection_through_the_desk_reaches_the_cards_of_the_zones_it_touches() -> None:
    r = room()
    book = rollout(r)
    r.audit.listen(Scorer(r.site, book, 300.0).heard)
    p = r.desk.offer(r.draft({A_AIR: 18.4}), r.now)
    no = Decision.REJECT
    r.desk.decide(p.id, no, digest=p.digest, by="eve", at=r.now, code=RejectionCode.BAD_DATA)
    assert book.scores.card(A, r.now).overrides == {"bad_data": 1}
    assert book.scores.card(OwnerId("zone-b"), r.now).overrides == {}
    q = r.desk.offer(r.draft({WATER: 7.3}), r.now)
    r.desk.decide(q.id, no, digest=q.digest, by="eve", at=r.now, code=RejectionCode.NOT_NOW)
    assert book.scores.card(OwnerId("zone-b"), r.now).overrides == {"not_now": 1}, "water moves every zone"
    assert r.desk.get(p.id).decision_code == "bad_data"  # type: ignore[union-attr]


def promote(modes: ModeKeeper, scope: str, mode: Mode, at: datetime) -> Set:
    asked = modes.change(scope, mode, by="eve", at=at, reason="earned")
    assert isinstance(asked, NeedsSecond), asked
    done = modes.confirm_change(asked.request.id, by="adam", at=at)
    assert isinstance(done, Set)
    return done


def test_zones_are_walked_one_by_one_and_the_site_is_a_ceiling() -> None:
    r = room()
    book = rollout(r)
    zones = [z.id for z in r.site.zones]
    for zone in zones:
        live(book, 4, zone=zone, until=START + timedelta(days=1))
    modes = ModeKeeper(r.store, r.audit, r.site, initial=Mode.SHADOW, gate=book)
    promote(modes, "site", Mode.ADVISORY, START)
    assert {modes.effective(z) for z in zones} == {Mode.SHADOW}, "a higher ceiling gives no zone more"
    promote(modes, zones[0], Mode.ADVISORY, START)
    assert book.standing(zones[0], Mode.ADVISORY, START).stage is Stage.PILOT
    early = modes.change(zones[1], Mode.ADVISORY, by="eve", at=START, reason="too")
    assert isinstance(early, NotEarned)
    assert "needed before the next zone" in early.missing[0]
    tomorrow = START + timedelta(days=1)
    asked = modes.change(zones[1], Mode.ADVISORY, by="eve", at=tomorrow, reason="next")
    assert isinstance(asked, NeedsSecond)
    modes.demote(zones[0], Mode.SHADOW, "inlet above limit", tomorrow)
    lost = modes.confirm_change(asked.request.id, by="adam", at=tomorrow)
    assert isinstance(lost, NotEarned), "what was earned when asked must still be earned when agreed"
    assert "lost advisory" in " ".join(lost.missing)
    assert modes.effective(zones[1]) is Mode.SHADOW


def test_what_moves_every_zone_is_automatic_only_where_every_zone_is() -> None:
    r = room(mode=Mode.SUPERVISED)
    water = frozenset({WATER})
    assert r.modes.of_levers(water) is Mode.SUPERVISED
    r.modes.change("zone-b", Mode.SHADOW, by="eve", at=START, reason="work")
    assert r.modes.of_levers(water) is Mode.ADVISORY
    assert r.modes.of_levers(frozenset({A_AIR})) is Mode.SUPERVISED


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
    record = commissioning_record(r.site, book, modes, r.audit, since=START, at=START)
    assert [(rec.kind, rec.who) for rec in record.events] == [
        ("mode.not_earned", "eve"),
        ("drill.dead_man", "adam"),
    ]
    page = to_markdown(record)
    assert "0 full days seen, 3 needed" in page
    assert "by adam: passed. PLC took over" in page
    assert r.audit.head().hash in page
    assert to_json(record)["audit_intact"] is True


def demotion(r: Room) -> tuple[Demotion, AlarmBook, Rollout]:
    alarms, book = AlarmBook(r.store, r.audit), rollout(r)
    return Demotion(r.modes, book, alarms, r.site), alarms, book


def test_a_warm_zone_loses_automatic_changes_at_once_and_others_keep_them() -> None:
    r = room(mode=Mode.SUPERVISED)
    watch, alarms, book = demotion(r)
    book.record_drill(by="eve", at=START, passed=True)
    assert watch.look(START) == []
    alarms.raise_(AlarmKind.INLET_RECOMMENDED, "zone-a", "27.4 °C", START)
    assert [(d.scope, d.to) for d in watch.look(START)] == [(A, Mode.ADVISORY)]
    assert watch.look(START) == [], "once"
    assert r.modes.effective(OwnerId("zone-b")) is Mode.SUPERVISED
    assert [a.kind for a in alarms.standing(START)] == [AlarmKind.INLET_RECOMMENDED, AlarmKind.DEMOTED]
    assert [rec.who for rec in r.audit.tail(9) if rec.kind == "mode.demoted"] == ["coolwright"]


def test_a_zone_above_allowable_goes_to_shadow_only_when_it_is_calm() -> None:
    r = room()
    watch, alarms, _ = demotion(r)
    alarms.raise_(AlarmKind.INLET_ALLOWABLE, "zone-a", "33 °C", START)
    r.modes.enter_fallback("too warm", "its racks", START, A)
    assert watch.look(START) == [], "in shadow nothing is written, and it must be cooled first"
    alarms.clear(AlarmKind.INLET_ALLOWABLE, "zone-a", START)
    assert watch.look(START) == []
    r.modes.leave_fallback("too warm", START, A)
    assert [(d.scope, d.to) for d in watch.look(START)] == [(A, Mode.SHADOW)]
    assert r.modes.effective(A) is Mode.SHADOW


def test_an_overdue_drill_takes_supervised_away_everywhere() -> None:
    r = room(mode=Mode.SUPERVISED)
    watch, _, book = demotion(r)
    book.record_drill(by="eve", at=START, passed=True)
    assert watch.look(START + timedelta(days=92)) == []
    gone = watch.look(START + timedelta(days=93))
    assert {d.to for d in gone} == {Mode.ADVISORY}
    assert r.modes.site_mode is Mode.ADVISORY
    assert "older than 92 days" in gone[0].why


def test_an_audit_log_that_is_broken_takes_supervised_away_from_all() -> None:
    r = room(mode=Mode.SUPERVISED)
    watch, alarms, book = demotion(r)
    book.record_drill(by="eve", at=START, passed=True)
    alarms.raise_(AlarmKind.AUDIT_BROKEN, "site", "record 3 was altered", START)
    assert len(watch.look(START)) == len(r.site.zones) + 1
