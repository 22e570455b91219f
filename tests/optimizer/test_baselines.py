"""The rivals: what trim-and-respond does with each request."""

from __future__ import annotations

from dataclasses import replace

import pytest
from analytic_plant import outlook, snapshot_at

from optimizer.baselines import FixedPolicy, TrimAndRespondPolicy
from plant.history import History
from plant.plan import NoPlan
from plant.points import PointId
from plant.ports import Advice
from plant.readings import missing
from plant.setpoints import Setpoints
from plant.snapshot import Snapshot


@pytest.fixture
def cool(history: History) -> Snapshot:
    """Racks at 22 °C over 20 °C air, valves at 60 %, wet bulb 15 °C, fans at 80 %."""
    row = snapshot_at(history, 500)
    values = {p.id: r.value for p, r in ((p, row.reading(p.id)) for p in history.site.points)}
    for point in history.site.points:
        name = point.id
        if ".inlet-" in name:
            values[name] = 22.0
        elif "supply-air" in name:
            values[name] = 20.0
        elif name.endswith("fan-speed.setpoint"):
            values[name] = 0.8
        elif name.endswith(".valve"):
            values[name] = 0.6
    values[PointId("outdoor.wet-bulb")] = 15.0
    values[PointId("plant.chw-supply.setpoint")] = 10.0
    values[PointId("plant.cw-supply.setpoint")] = 24.0
    return replace(row, readings={k: replace(row.reading(k), value=v) for k, v in values.items()})


def changed(snapshot: Snapshot, **values: float) -> Snapshot:
    named = {k.replace("__", "-").replace("_", "."): v for k, v in values.items()}
    readings = {k: replace(r, value=named[k]) if k in named else r for k, r in snapshot.readings.items()}
    return replace(snapshot, readings=readings)


def decided(snapshot: Snapshot) -> Setpoints:
    answer = TrimAndRespondPolicy(snapshot.site).decide(snapshot, outlook(snapshot.site, snapshot.time))
    assert isinstance(answer, Advice)
    return answer.setpoints


def by_name(found: Setpoints) -> dict[str, float]:
    return {str(k): v for k, v in found.items()}


def test_fixed_is_the_as_found_setpoints_whatever_happens(cool: Snapshot) -> None:
    answer = FixedPolicy(cool.site).decide(cool, outlook(cool.site, cool.time))
    assert isinstance(answer, Advice)
    assert answer.setpoints == cool.site.as_found


def test_without_requests_everything_trims_toward_cheaper(cool: Snapshot) -> None:
    found = by_name(decided(cool))
    assert found["zone-a.supply-air"] == pytest.approx(20.1)
    assert found["zone-a.fan-speed"] == pytest.approx(0.79)
    # 2 % of 7 to 16 °C is 0.18 K: one resolution step of 0.1 K.
    assert found["plant.chilled-water"] == pytest.approx(10.1)
    # Wet bulb 15 + approach 4 = 19, one move of 1 K at a time.
    assert found["plant.condenser-water"] == pytest.approx(23.0)


def test_a_warm_rack_cools_its_own_zone_only(cool: Snapshot) -> None:
    found = by_name(decided(changed(cool, **{"zone__c_inlet__3": 26.0})))
    # 0.5 K above the 25.5 °C target: two requests of 0.2 K; rise 6 K asks for air too.
    assert found["zone-c.supply-air"] == pytest.approx(19.6)
    assert found["zone-c.fan-speed"] == pytest.approx(0.85)
    assert found["zone-a.supply-air"] == pytest.approx(20.1)


def test_valves_wide_open_ask_for_colder_water(cool: Snapshot) -> None:
    found = by_name(decided(changed(cool, **{"crah__1_valve": 0.97, "crah__5_valve": 0.99})))
    # Two requests of 3 % of 9 K is 0.54, at most one move of 0.5.
    assert found["plant.chilled-water"] == pytest.approx(9.5)


def test_a_zone_without_inlets_is_cooled_as_fast_as_it_may(cool: Snapshot) -> None:
    lost = {
        PointId(f"zone-b.inlet-{k}"): missing(PointId(f"zone-b.inlet-{k}"), cool.time) for k in range(1, 7)
    }
    found = by_name(decided(replace(cool, readings={**cool.readings, **lost})))
    assert found["zone-b.supply-air"] == pytest.approx(19.5)
    assert found["zone-b.fan-speed"] == pytest.approx(0.85)


def test_an_unknown_position_is_no_advice(cool: Snapshot) -> None:
    name = PointId("plant.cw-supply.setpoint")
    blind = replace(cool, readings={**cool.readings, name: missing(name, cool.time)})
    answer = TrimAndRespondPolicy(cool.site).decide(blind, outlook(cool.site, cool.time))
    assert isinstance(answer, NoPlan)
    assert "plant.condenser-water" in answer.reason
