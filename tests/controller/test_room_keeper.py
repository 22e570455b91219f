"""A policy that knows nothing of trips keeps room for one, and is only as careful as that takes."""

from __future__ import annotations

from typing import cast

from test_contingency import EDGE, SITE, standing

from controller.contingency import TripCheck
from controller.room_keeper import RoomKeeper
from optimizer.baselines import TrimAndRespondPolicy
from plant.forecast import Forecast
from plant.ports import Advice
from plant.setpoints import Setpoints
from plant.snapshot import Snapshot

NO_FORECAST = cast(Forecast, None)


class Warmer:
    """Wants everything a step warmer."""

    name = "warmer"

    def decide(self, snapshot: Snapshot, forecast: Forecast) -> Advice:
        now, sign = snapshot.setpoints(), {"fan": -1.0}
        moves = {
            lv.id: lv.toward(now[lv.id], now[lv.id] + lv.max_move * sign.get(lv.quantity.value[:3], 1.0))
            for lv in SITE.levers
        }
        return Advice(Setpoints(moves), "warmer")


def asked(snapshot: Snapshot, check: TripCheck) -> Setpoints:
    answer = RoomKeeper(SITE, Warmer(), check).decide(snapshot, NO_FORECAST)
    assert isinstance(answer, Advice)
    return answer.setpoints


def test_where_there_is_room_the_rivals_own_step_is_taken() -> None:
    cool, check = standing(supply_c=18.0, speed=1.0, load_kw=120.0), TripCheck(SITE, None)
    assert asked(cool, check) == Warmer().decide(cool, NO_FORECAST).setpoints


def test_at_the_edge_no_step_takes_the_last_room() -> None:
    check = TripCheck(SITE, None)
    assert any(o.margin_k < 0 for o in check.now(EDGE, Warmer().decide(EDGE, NO_FORECAST).setpoints))
    assert all(o.margin_k >= 0 for o in check.now(EDGE, asked(EDGE, check)))


def test_where_a_load_has_grown_into_the_room_it_steps_cooler() -> None:
    check, grown = TripCheck(SITE, None), standing(supply_c=23.5, speed=0.75, load_kw=215.0)
    before = {o.zone: o.inlet_c for o in check.now(grown)}
    assert min(o.margin_k for o in check.now(grown)) < 0
    after = check.now(grown, asked(grown, check))
    assert all(o.inlet_c < before[o.zone] for o in after)


def test_it_goes_by_the_name_of_what_it_keeps_careful() -> None:
    assert RoomKeeper(SITE, TrimAndRespondPolicy(SITE), TripCheck(SITE, None)).name == "trim-and-respond"
