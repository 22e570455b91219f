"""What we do not know well narrows what we may do; no doubt ever widens it, or keeps a rack warm."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from supervision_kit import A_AIR, A_FAN, START, WATER, FakePlant, demo_site, draft_of_verdict, room

from controller.actuation import Outcome, Refusal
from controller.alarms import AlarmBook, AlarmKind
from controller.confidence import HALF, NONE, Doubt, doubts, narrowing
from controller.drift_watch import EVERY, DriftWatch
from controller.envelope import COOLER, Range, VerdictOutcome, review
from controller.parts import Parts
from optimizer.identify.drift import Drift
from optimizer.model import PlantModel
from plant.forecast import Band, CarbonKind, CarbonSeries, Forecast, PriceSeries
from plant.points import SITE as WHOLE
from plant.points import OwnerId
from plant.quantities import Quantity
from plant.setpoints import LeverId
from plant.snapshot import Snapshot
from plant.timegrid import TimeGrid

SITE = demo_site()
A, B = OwnerId("zone-a"), OwnerId("zone-b")


def foretold(
    spread: float = 0.05, zone: OwnerId | None = None, load_kw: float = 150.0, later: float | None = None
) -> Forecast:
    """A flat load foretold to within 5 %, but for one zone (or all of them); ``later`` is after an hour."""
    grid = TimeGrid(START, 900, 8)

    def band(share: float) -> Band:
        std = np.full(8, load_kw * share if load_kw else share)
        if later is not None:
            std[4:] = load_kw * later
        return Band(np.full(8, load_kw), std)

    flat = Band(np.full(8, 20.0), np.full(8, 1.0))
    loads = {z.id: band(spread if zone in (None, z.id) else 0.05) for z in SITE.zones}
    carbon = CarbonSeries(grid, np.full(8, 400.0), CarbonKind.AVERAGE, "test", synthetic=True)
    return Forecast(START, grid, loads, flat, flat, carbon, PriceSeries(grid, np.full(8, 0.1), "USD", "test"))


def aged(days: float) -> PlantModel:
    return cast(PlantModel, SimpleNamespace(data_until=START - timedelta(days=days)))


def law(name: str, times: float = 1.5) -> Drift:
    """A law whose error is so many times the limit of drift."""
    return Drift(name, 96, rmse=0.4 * times, bias=0.1, learned_std=0.1, limit=0.4)


def found(
    *,
    model: PlantModel | None = None,
    outlook: Forecast | None = None,
    seen: Snapshot | None = None,
    drifted: tuple[Drift, ...] = (),
) -> dict[str, float]:
    """The least share that is left, by whom it is doubted of."""
    snapshot = seen or FakePlant(SITE).snapshot(START)
    told = doubts(SITE, model, outlook or foretold(), snapshot, START, drifted)
    shares: dict[str, float] = {}
    for doubt in told:
        shares[doubt.owner] = min(doubt.share, shares.get(doubt.owner, 1.0))
    return shares


def blind(share: float) -> Snapshot:
    """So many of zone-a's inlet sensors say nothing."""
    plant = FakePlant(SITE)
    sensors = SITE.points_of(A, Quantity.INLET_TEMPERATURE)
    plant.blind = {p.id for p in sensors[: round(share * len(sensors))]}
    return plant.snapshot(START)


def test_what_is_known_well_leaves_everything() -> None:
    assert found(model=aged(13.9)) == {}
    assert narrowing(SITE, FakePlant(SITE).snapshot(START), ()) == {}


@pytest.mark.parametrize(("days", "left"), [(14, HALF), (59, HALF), (60, NONE), (400, NONE)])
def test_an_old_model_counts_half_after_two_weeks_and_nothing_after_two_months(
    days: float, left: float
) -> None:
    assert found(model=aged(days)) == {WHOLE: left}


@pytest.mark.parametrize(
    ("spread", "left"), [(0.14, None), (0.16, HALF), (0.36, NONE), (math.nan, NONE), (math.inf, NONE)]
)
def test_a_wide_forecast_is_doubted_in_its_own_zone(spread: float, left: float | None) -> None:
    assert found(outlook=foretold(spread, A)) == ({} if left is None else {A: left})


def test_only_the_next_hour_is_asked_for() -> None:
    assert found(outlook=foretold(0.05, later=3.0)) == {}


def test_a_load_that_nobody_foretold_is_the_strongest_doubt() -> None:
    outlook = foretold()
    gone = replace(outlook, it_reference_kw={k: v for k, v in outlook.it_reference_kw.items() if k != A})
    assert found(outlook=gone) == {A: NONE}
    assert found(outlook=foretold(load_kw=math.nan)) == dict.fromkeys((z.id for z in SITE.zones), NONE)


def test_an_empty_room_is_not_doubted_for_a_spread_of_next_to_nothing() -> None:
    # 0.2 kW around 0 kW in a room designed for 200: no share of it is known, and none matters
    assert found(outlook=foretold(0.2, load_kw=0.0)) == {}


@pytest.mark.parametrize(("share", "left"), [(0.17, None), (0.34, HALF), (0.5, HALF), (0.84, NONE)])
def test_poor_sensors_are_doubted_in_their_zone(share: float, left: float | None) -> None:
    assert found(seen=blind(share)) == ({} if left is None else {A: left})


@pytest.mark.parametrize(
    ("name", "times", "owner", "left"),
    [
        ("zone-a.inlets", 1.5, A, HALF),
        ("zone-a.inlets", 2.0, A, NONE),
        ("zone-a.inlets", math.nan, A, NONE),
        ("zone-a.fans", 9.0, A, HALF),  # tells of power: no rack is warmer than foretold for it
        ("coils", 2.5, WHOLE, NONE),
        ("chillers", 9.0, WHOLE, HALF),
        ("zone-z.inlets", 1.5, WHOLE, HALF),  # of no zone we know: then everybody's
    ],
)
def test_a_law_that_has_drifted_is_a_doubt_of_its_zone_or_of_the_whole_plant(
    name: str, times: float, owner: str, left: float
) -> None:
    assert found(drifted=(law(name, times),)) == {owner: left}


def test_the_worst_doubt_counts_and_says_why() -> None:
    snapshot = blind(0.34)
    told = doubts(SITE, aged(70), foretold(), snapshot, START, (law("zone-a.inlets"),))
    ranges = narrowing(SITE, snapshot, told)
    assert set(ranges) == set(SITE.lever_by_id)
    assert ranges[A_AIR].high == pytest.approx(snapshot.lever_value(SITE.lever_by_id[A_AIR]))
    assert ranges[A_AIR].why == "the model's newest data is 70 days old: only moves that cool are made"


def test_half_a_doubt_leaves_half_a_warming_move_and_every_cooling_one() -> None:
    # supply air at 18 °C moves 0.5 K at most, fans at 90 % by 5 points, cooler being faster
    snapshot = FakePlant(SITE).snapshot(START)
    half = narrowing(SITE, snapshot, (Doubt(A, HALF, "so"),))
    assert (half[A_AIR].low, half[A_AIR].high) == (-math.inf, pytest.approx(18.25))
    assert (half[A_FAN].low, half[A_FAN].high) == (pytest.approx(0.875), math.inf)
    assert WATER in half, "the plant's water cools this zone too"
    assert LeverId("zone-b.supply-air") not in half
    verdict = review(SITE, {A_AIR: 18.5, A_FAN: 0.85}, snapshot, narrowed=(half,))
    assert verdict.setpoints[A_AIR] == pytest.approx(18.2)
    assert verdict.setpoints[A_FAN] == pytest.approx(0.88)


def test_a_lever_without_a_safe_direction_may_not_move_at_all() -> None:
    odd = replace(SITE.levers[0], quantity=Quantity.ECONOMIZER_ENABLE_SETPOINT)
    site = replace(SITE, levers=(odd, *SITE.levers[1:]))
    left = narrowing(site, FakePlant(site).snapshot(START), (Doubt(WHOLE, NONE, "so"),))[odd.id]
    assert left.low == left.high


_DOUBTS = st.lists(
    st.builds(
        Doubt,
        st.sampled_from([WHOLE, *(z.id for z in SITE.zones)]),
        st.sampled_from([HALF, NONE]),
        st.just("so"),
    ),
    max_size=4,
)


@given(_DOUBTS, st.sampled_from(SITE.levers), st.floats(-2, 2))
@settings(max_examples=150, deadline=None, derandomize=True, database=None)
def test_no_doubt_widens_and_none_is_in_the_way_of_cooling(
    told: list[Doubt], lever: object, share: float
) -> None:
    lever = SITE.lever_by_id[lever.id]  # type: ignore[attr-defined]
    snapshot = FakePlant(SITE).snapshot(START)
    present = snapshot.lever_value(lever)
    wanted = {lever.id: present + share * lever.max_move}
    worst_first = tuple(sorted(told, key=lambda d: d.share))
    free = review(SITE, wanted, snapshot).setpoints[lever.id]
    left = review(SITE, wanted, snapshot, narrowed=(narrowing(SITE, snapshot, worst_first),))
    got, sign = left.setpoints[lever.id], COOLER[lever.quantity]
    assert abs(got - present) <= abs(free - present) + 1e-9
    assert (got - present) * (free - present) >= -1e-9
    if (free - present) * sign > 0:
        assert got == pytest.approx(free)


class Source:
    """No history at all: what the watch finds in it is told by hand."""

    def history(self, *_: object) -> None: ...


class Watched:
    """A drift watch over a room whose drift is told by hand, and the parts that ask it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.room = room()
        self.alarms = AlarmBook(self.room.store, self.room.audit)
        self.told: tuple[Drift, ...] = ()
        self.model = aged(1)
        monkeypatch.setattr("controller.drift_watch.drift", lambda *_: self.told)
        self.watch = DriftWatch(SITE, Source(), self.alarms, lambda: self.model)  # type: ignore[arg-type]

    def look(self, *told: Drift) -> None:
        self.told = told
        self.room.clock.forward(EVERY.total_seconds())
        asyncio.run(self.watch.look(self.room.now))

    def narrowed(self) -> tuple[dict[LeverId, Range], ...]:
        """What the running program's parts make of it."""
        truth = SimpleNamespace(only_cooler=lambda _: {})
        asked = SimpleNamespace(
            authority=SimpleNamespace(truth=truth, store=self.room.store),
            site=SITE,
            model=None,
            drifted=lambda: self.watch.drifted,
        )
        outlook = foretold()
        return Parts.narrowed(asked, outlook, self.room.snapshot(), self.room.now)  # type: ignore[arg-type, return-value]


def test_a_law_that_drifts_raises_an_alarm_narrows_and_both_end_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = Watched(monkeypatch)
    wanted = {A_AIR: 18.5}
    assert review(SITE, wanted, desk.room.snapshot(), narrowed=desk.narrowed()).setpoints[A_AIR] == 18.5
    desk.look(law("zone-a.inlets"))
    assert [a.source for a in desk.alarms.uncleared(AlarmKind.MODEL_DRIFT)] == ["zone-a.inlets"]
    verdict = review(SITE, wanted, desk.room.snapshot(), narrowed=desk.narrowed())
    assert (verdict.outcome, verdict.setpoints[A_AIR]) == (VerdictOutcome.CLAMPED, pytest.approx(18.2))
    assert verdict.reasons == (
        "zone-a.supply-air: the plant has drifted from its model (zone-a.inlets): "
        "warming moves are 50% of usual",
    )
    desk.look(law("zone-a.inlets", 0.9))
    assert desk.alarms.uncleared(AlarmKind.MODEL_DRIFT) == []
    assert review(SITE, wanted, desk.room.snapshot(), narrowed=desk.narrowed()).setpoints[A_AIR] == 18.5


def test_a_law_that_cannot_be_judged_today_is_still_doubted_and_a_new_model_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = Watched(monkeypatch)
    desk.look(law("zone-a.inlets"), law("chillers"))
    desk.look(law("chillers", 0.5))
    assert [d.name for d in desk.watch.drifted] == ["zone-a.inlets"]
    desk.model = aged(0)
    assert desk.watch.drifted == ()


def test_a_doubt_that_came_after_the_approval_counts_at_execution() -> None:
    r = room()
    verdict = review(SITE, {A_AIR: 18.4}, r.snapshot())
    granted = r.approved(draft_of_verdict(verdict))
    since = narrowing(SITE, r.snapshot(), (Doubt(A, NONE, "the model's newest data is 60 days old"),))
    done = asyncio.run(r.carry_out(granted, narrowed=(since,)))
    assert (done.outcome, done.refusal) == (Outcome.REFUSED, Refusal.ENVELOPE)
    assert r.plant.writes == []
