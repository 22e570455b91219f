"""What a trip would do, by hand, and changes that leave no room for one are narrowed."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from supervision_kit import (
    A_AIR,
    A_FAN,
    START,
    WATER,
    FakePlant,
    HandClock,
    demo_site,
    draft_of_verdict,
    room,
)

from controller import spare_room
from controller.contingency import TripCheck
from controller.envelope import COOLER, Verdict, review
from controller.recheck import Moment, Refusal, objection
from controller.spare_room import broken_by, leave_room
from plant.points import OwnerId
from plant.quantities import Quantity
from plant.readings import Quality, Reading
from plant.redundancy import declared_redundancy
from plant.setpoints import LeverId
from plant.site import EquipmentKind, Site
from plant.snapshot import Snapshot

SITE = demo_site()


def standing(
    supply_c: float = 20.0,
    speed: float = 0.8,
    water_c: float = 10.0,
    load_kw: float = 170.0,
    site: Site = SITE,
) -> Snapshot:
    """Every zone alike: levers where told, air and fans there too, the same load everywhere."""
    plant = FakePlant(site)
    values = {
        Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT: supply_c,
        Quantity.FAN_SPEED_SETPOINT: speed,
        Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE_SETPOINT: water_c,
    }
    for lever in site.levers:
        if lever.quantity in values:
            plant.registers.update(dict.fromkeys(lever.points, values[lever.quantity]))
    measured = {
        Quantity.SUPPLY_AIR_TEMPERATURE: supply_c,
        Quantity.FAN_SPEED: speed,
        Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE: water_c,
        Quantity.IT_POWER: load_kw,
    }
    shown = {
        p.id: Reading(p.id, START, measured[p.quantity], Quality.GOOD)
        for p in site.points
        if p.quantity in measured
    }
    return Snapshot(site, START, {**plant.snapshot(START).readings, **shown})


def declaring(**safety: object) -> Site:
    return replace(SITE, safety=replace(SITE.safety, **safety))  # type: ignore[arg-type]


def worst(snapshot: Snapshot, site: Site = SITE) -> dict[str, float]:
    return {o.zone: o.inlet_c for o in TripCheck(site, None).now(snapshot)}


def test_where_racks_settle_after_an_air_units_trip_by_hand() -> None:
    # Without a model. 32 m³/s rated, 1.2 kg/m³ and 1.006 kJ/(kg K): 38.6 kW/K. One of two left at full speed:
    # 170 kW gain 8.8 K, of which a tenth comes back, and all beyond 9 K; 1.6 times to the worst rack: 1.41 K.
    # Were the lost unit 5 % the stronger, the load to grow by 5 % (no past tells) and server fans to add 2 %:
    # 3.06 K. That excess and two standard deviations of 1 K add as squares.
    def rise_k(gain_k: float) -> float:
        return 1.6 * (0.1 * gain_k + max(gain_k - 9, 0))

    kw_k = 32 * 1.2 * 1.006 * 0.5
    likely, at_worst = rise_k(170 / kw_k), rise_k(170 * 1.05 * 1.02 / (0.95 * kw_k))
    settled = 20 + likely + math.hypot(2, at_worst - likely)
    assert worst(standing(speed=1.0))["zone-a"] == pytest.approx(settled, abs=0.05)


def test_less_is_declared_and_the_racks_get_warmer() -> None:
    slow = standing(speed=0.5)
    helped, alone = worst(slow), worst(slow, declaring(survivor_fan=None))
    assert alone["zone-a"] > helped["zone-a"] + 5
    late = worst(slow, declaring(survivor_ramp_s=600.0))
    assert helped["zone-a"] < late["zone-a"] <= alone["zone-a"] + 0.1


def test_a_zone_with_one_unit_has_no_room_at_all() -> None:
    lone = replace(SITE, equipment=tuple(e for e in SITE.equipment if e.id != "crah-2"))
    assert declared_redundancy(lone).left_of(OwnerId("zone-a")) == 0.0
    outcome = next(o for o in TripCheck(lone, None).now(standing(site=lone)) if o.zone == "zone-a")
    assert outcome.margin_k < 0
    assert outcome.minutes < 15
    assert "passes 32 °C" in outcome.sentence


def stopped(snapshot: Snapshot, unit: str) -> Snapshot:
    """The same with one unit's fan seen to stand still."""
    (fan,) = snapshot.site.points_of(OwnerId(unit), Quantity.FAN_SPEED)
    still = Reading(fan.id, START, 0.0, Quality.GOOD)
    return replace(snapshot, readings={**snapshot.readings, fan.id: still})


def test_a_unit_that_stands_still_already_is_not_counted_on_when_the_other_trips() -> None:
    found = {o.zone: o for o in TripCheck(SITE, None).now(stopped(standing(), "crah-1"))}
    assert found["zone-a"].unit == "crah-2"
    assert found["zone-a"].margin_k < 0
    assert "more than 60 °C" in found["zone-a"].sentence, "no air at all: how hot exactly is nobody's concern"
    assert found["zone-b"].inlet_c == worst(standing())["zone-b"]


def test_half_of_a_zones_air_is_missing_before_anything_trips_by_hand() -> None:
    # As by hand above, but nothing trips beside it: half the air, the load 5 % up and server fans 2 %.
    def rise_k(gain_k: float) -> float:
        return 1.6 * (0.1 * gain_k + max(gain_k - 9, 0))

    kw_k = 32 * 1.2 * 1.006 * 0.5
    likely, at_worst = rise_k(170 / kw_k), rise_k(170 * 1.05 * 1.02 / kw_k)
    chillers = declaring(n_minus_one=(EquipmentKind.CHILLER,), chiller_start_s=1.0)
    asked = stopped(standing(speed=1.0, site=chillers), "crah-1")
    settled = 20 + likely + math.hypot(2, at_worst - likely)
    assert worst(asked, chillers)["zone-a"] == pytest.approx(settled, abs=0.05)


def test_what_a_chiller_does_not_take_warms_the_loop_by_hand() -> None:
    # Two of 800 kW. 4 x 205 kW of IT grown by 2 %, and fans (88 kW rated, at 80 % squared: 56 kW): 893 kW.
    # Both run (893 > 1.05 x 800); one is left with 95 %: 760 kW; 133 kW go on warming 55,980 kJ/K for 900 s.
    check = TripCheck(SITE, None)
    heat = 4 * 205 * 1.02 + 88 * 0.64
    both = (heat - 0.95 * 800) * 900 / (13.4 * 998 * 4.186)
    # or the economizer takes so much that one carries 840 kW alone, and nothing does for four minutes
    alone = (1.05 * 800 * 240 + (1.05 * 800 - 0.95 * 800) * 660) / (13.4 * 998 * 4.186)
    loop = check._loop_c(check.standing(standing(load_kw=205.0), {}))
    assert loop[-1, 0] - 10 == pytest.approx(max(both, alone), rel=0.02)
    undeclared = TripCheck(declaring(chiller_start_s=None), None)
    later = undeclared._loop_c(undeclared.standing(standing(load_kw=205.0), {}))
    assert later[-1, 0] > loop[-1, 0] + 5


def test_a_site_that_names_no_machine_is_asked_nothing() -> None:
    nothing = TripCheck(declaring(n_minus_one=()), None)
    assert not nothing.asked
    only_air = TripCheck(declaring(n_minus_one=(EquipmentKind.CRAH,)), None)
    assert only_air.asked
    assert {o.unit for o in only_air.now(standing())} <= {f"crah-{k}" for k in range(1, 9)}


def test_an_unknown_position_or_load_tells_nothing() -> None:
    known = standing()
    blind = {p: r for p, r in known.readings.items() if not p.startswith("zone-a.it-power")}
    assert TripCheck(SITE, None).now(Snapshot(SITE, START, blind)) == ()


def test_what_cannot_be_told_warms_nothing() -> None:
    known = standing()
    blind = Snapshot(SITE, START, {p: r for p, r in known.readings.items() if not p.endswith(".it-power")})
    verdict = narrowed(blind, {A_AIR: 20.4, A_FAN: 0.84})
    assert set(verdict.changes) == {A_FAN}
    assert any("cannot be told" in reason for reason in verdict.reasons)
    assert narrowed(blind, {A_FAN: 0.84}).reasons == ()


EDGE = standing(supply_c=23.5, speed=0.75, load_kw=200.0)
"""A plant with next to no room left in any zone."""


def narrowed(snapshot: Snapshot, wanted: dict[LeverId, float]) -> Verdict:
    def asked(values: object) -> Verdict:
        return review(SITE, values, snapshot)  # type: ignore[arg-type]

    return leave_room(asked(wanted), TripCheck(SITE, None), SITE, snapshot, asked)


def test_a_change_that_leaves_no_room_is_cut_and_says_why() -> None:
    wanted = {A_AIR: 24.0, A_FAN: 0.70}
    assert broken_by(TripCheck(SITE, None), EDGE, wanted)
    verdict = narrowed(EDGE, wanted)
    assert not broken_by(TripCheck(SITE, None), EDGE, {n: c.after for n, c in verdict.changes.items()})
    assert any("if crah-" in reason and "warming moves are cut" in reason for reason in verdict.reasons)


def test_a_change_that_cools_passes_however_little_room_there_is() -> None:
    verdict = narrowed(EDGE, {A_AIR: 23.0, A_FAN: 0.80})
    assert dict(verdict.setpoints) == {A_AIR: 23.0, A_FAN: 0.8}


def test_an_approved_change_is_refused_when_the_room_for_it_is_gone() -> None:
    r = room(
        plant=FakePlant(SITE),
    )
    snapshot = standing(supply_c=23.0, speed=0.75, load_kw=120.0)
    proposal = r.desk.offer(draft_of_verdict(review(SITE, {A_AIR: 23.4}, snapshot)), r.now)
    moment = Moment(r.now, snapshot, SITE, trips=TripCheck(SITE, None))
    assert objection(proposal, moment) is None
    grown = standing(supply_c=23.0, speed=0.75, load_kw=215.0)
    refused = objection(proposal, replace(moment, snapshot=grown))
    assert refused is not None
    assert refused[0] is Refusal.ENVELOPE
    assert "if crah-" in refused[1]
    assert HandClock().now() == START


_levers = st.sampled_from([lv.id for lv in SITE.levers if "condenser" not in lv.id])
_wanted = st.dictionaries(_levers, st.floats(-1.2, 1.2), min_size=1, max_size=9)
_states = st.tuples(st.floats(17.5, 25), st.floats(0.45, 0.95), st.floats(7.5, 15.5), st.floats(100, 260))


def _shares(snapshot: Snapshot, shares: dict[LeverId, float]) -> dict[LeverId, float]:
    levers = SITE.lever_by_id
    return {n: snapshot.lever_value(levers[n]) + s * levers[n].max_move for n, s in shares.items()}


def _never_less_room(state: tuple[float, float, float, float], shares: dict[LeverId, float]) -> None:
    snapshot = standing(*(round(v, 2) for v in state))
    check = TripCheck(SITE, None)
    verdict = narrowed(snapshot, _shares(snapshot, shares))
    now = {o.zone: o.inlet_c for o in check.now(snapshot)}
    for outcome in check.now(snapshot, {n: c.after for n, c in verdict.changes.items()}):
        assert outcome.margin_k >= 0 or outcome.inlet_c <= now[outcome.zone] + 0.1 + 1e-6, outcome.sentence


@given(_states, _wanted)
@settings(max_examples=25, deadline=None, derandomize=True)
def test_whatever_is_wanted_nothing_is_proposed_that_leaves_too_little_room(
    state: tuple[float, float, float, float], shares: dict[LeverId, float]
) -> None:
    _never_less_room(state, shares)


def test_without_the_narrowing_the_property_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spare_room, "broken_by", lambda *_: ())
    with pytest.raises(AssertionError, match="passes 32"):
        _never_less_room((23.5, 0.75, 10.0, 200.0), {A_AIR: 1.0, A_FAN: -1.0})


def test_a_warming_move_is_what_the_table_says() -> None:
    assert COOLER[SITE.lever_by_id[WATER].quantity] == -1
    assert math.isfinite(worst(standing())["zone-d"])
