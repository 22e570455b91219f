"""A limit two people tightened holds at once: for the planner, the envelope, and what was approved before."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from api_kit import api_room
from supervision_kit import A_AIR, demo_site

from controller.actions import Actions
from controller.api import build_app
from controller.clock import SimulatedClock
from controller.cycle import CycleRecord, run_cycle
from controller.knowledge import Knowledge
from controller.mode import NeedsSecond
from controller.planner import InlinePlanner, Planner
from controller.proposals import Decision, ProposalStatus
from controller.replay import GoingOn
from controller.settings import Settings
from controller.store import Store
from controller.wiring import Controller, assemble
from optimizer.identify.drift import Drift
from optimizer.model import PlantModel
from plant.forecast import Forecast
from plant.ports import Advice, PolicyAnswer
from plant.setpoints import Setpoints
from plant.site import Site
from plant.snapshot import Snapshot
from sim.plant import SimulatedPlant
from sim.weather import ConstantWeather
from sim.workload import DiurnalWorkload
from telemetry.gateways import Field
from telemetry.historian import Historian
from telemetry.simulated import InProcessGateway

_DEMO = demo_site()
# Room for a trip narrows too and has its own tests; warm as found, so that a limit can be set below it.
SITE = replace(
    _DEMO,
    safety=replace(_DEMO.safety, n_minus_one=()),
    levers=tuple(replace(lv, as_found=21.0) if lv.id == A_AIR else lv for lv in _DEMO.levers),
)
START = datetime(2026, 7, 6, 3, 30, tzinfo=UTC)
HIGH = f"{A_AIR}.high"


@dataclass(frozen=True)
class Warmest:
    """Wants all the warmth the site it was built for allows."""

    site: Site
    name: str = "warmest"

    def decide(self, snapshot: Snapshot, forecast: Forecast) -> PolicyAnswer:
        """Supply air of zone a as high as it may go."""
        return Advice(Setpoints({A_AIR: self.site.lever_by_id[A_AIR].high}), "as warm as it may be")


@dataclass
class House:
    """The production parts around a simulated plant; planners are counted as they are started."""

    controller: Controller
    actions: Actions
    started: list[Site]

    @property
    def now(self) -> datetime:
        return self.controller.parts.clock.now()

    def cycle(self) -> CycleRecord:
        """One turn of the service's thinking loop."""

        async def think() -> CycleRecord:
            await self.controller.keep_up()
            return await run_cycle(self.controller.parts)

        return asyncio.run(think())

    def tighten(self, name: str, value: float) -> None:
        limits = self.controller.parts.authority.limits
        asked = limits.ask(name, value, by="eve", at=self.now, reason="old servers")
        assert isinstance(asked, NeedsSecond)
        limits.confirm(asked.request.id, by="adam", at=self.now)


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> House:
    plant = SimulatedPlant(SITE, None, ConstantWeather(24.0, 17.0), DiurnalWorkload(len(SITE.zones), 1), 1)
    gateway = InProcessGateway(GoingOn(plant, plant.reset(START)), START, SITE.points)
    started: list[Site] = []

    def start(_policy: str, site: Site, _known: Knowledge, _settings: Settings) -> Planner:
        started.append(site)
        return InlinePlanner(Warmest(site))

    monkeypatch.setattr("controller.wiring.start_planner", start)
    controller = assemble(
        SITE,
        Settings(),
        SimulatedClock(START + timedelta(seconds=60)),
        historian=Historian("sqlite://"),
        field=Field(SITE, [gateway]),
        store=Store("sqlite://"),
        knowledge=Knowledge(None, None, ""),
    )
    gateway.advance_to(START + timedelta(seconds=60))
    asyncio.run(controller.poller.poll())
    return House(controller, Actions(controller.parts), started)


def test_the_next_plan_and_proposal_keep_to_it_and_nothing_is_replanned_for_nothing(house: House) -> None:
    first = house.cycle()
    stood = first.snapshot.lever_value(SITE.lever_by_id[A_AIR])
    assert first.proposal is not None
    assert first.proposal.changes[A_AIR].after >= stood + 0.2 - 1e-6
    house.tighten(HIGH, stood + 0.1)
    second = house.cycle()
    assert isinstance(second.answer, Advice)
    assert second.answer.setpoints[A_AIR] == stood + 0.1, "the planner itself knows the limit"
    assert second.proposal is not None
    assert second.proposal.changes[A_AIR].after == pytest.approx(stood + 0.1)
    assert house.cycle().proposal is not None
    assert [site.lever_by_id[A_AIR].high for site in house.started] == [
        SITE.lever_by_id[A_AIR].high,
        stood + 0.1,
    ], "one planner for each set of limits, and none for a cycle without a change"


def test_a_law_that_drifts_makes_the_planner_unsure_once_and_no_other_law_does(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    law = Drift("zone-a.inlets", 96, 1.4, 1.2, 0.2, 0.8)
    unsure: list[tuple[str, ...]] = []

    def widened(model: PlantModel, found: tuple[Drift, ...]) -> PlantModel:
        unsure.append(tuple(d.name for d in found))
        return model

    monkeypatch.setattr("controller.wiring.widened", widened)
    house.controller.knowledge = replace(house.controller.knowledge, model=cast(PlantModel, object()))
    drifted: list[Drift] = []
    house.controller.parts.drifted = lambda: tuple(drifted)
    house.cycle()
    drifted.append(law)
    house.cycle()
    drifted[0] = replace(law, rmse=1.5)
    house.cycle()
    assert unsure == [("zone-a.inlets",)], "a planner for each law that drifts, none for each hour it does"
    assert len(house.started) == 2
    drifted.clear()
    house.cycle()
    assert unsure[1:] == [()], "and the model as it was learned once the plant answers by it again"


def test_what_was_approved_before_is_not_written_any_more(house: House) -> None:
    offered = house.cycle().proposal
    assert offered is not None
    parts = house.controller.parts
    desk = parts.authority.desk
    desk.decide(offered.id, Decision.APPROVE, digest=offered.digest, by="kim", at=house.now)
    before = {p: parts.snapshot().value(p) for p in SITE.lever_by_id[A_AIR].points}
    house.tighten(HIGH, offered.changes[A_AIR].before + 0.1)
    asyncio.run(house.actions.run())
    asyncio.run(house.controller.poller.poll())
    ended = desk.get(offered.id)
    assert ended is not None
    assert ended.status is ProposalStatus.SUPERSEDED
    assert "range" in str(ended.note)
    assert {p: parts.snapshot().value(p) for p in before} == before


def test_a_zone_that_is_warm_by_the_new_limit_is_cooled_at_once(house: House) -> None:
    parts = house.controller.parts
    house.cycle()
    asyncio.run(house.actions.run())
    assert parts.authority.rescue.zones == frozenset()
    inlet = parts.snapshot().worst_inlet_c(SITE.zones[0].id)
    name = SITE.zones[0].id
    house.tighten(f"{name}.recommended_max_c", inlet - 0.5)
    asyncio.run(house.actions.run())
    assert parts.authority.rescue.zones == {name}


async def test_the_second_person_s_word_wakes_the_planner_and_not_the_first_s() -> None:
    d = api_room()
    woken: list[str] = []
    d.app = build_app(replace(d.deps, replan=lambda: woken.append("replan")))
    async with d.client("engineer") as first, d.client("engineer-2") as second:
        wish = {"value": 25.5, "reason": "old servers"}
        asked = (await first.put(f"/api/v1/limits/{SITE.zones[0].id}.recommended_max_c", json=wish)).json()
        assert woken == []
        path = f"/api/v1/limits/requests/{asked['id']}/confirmation"
        assert (await first.post(path)).status_code == 403
        assert woken == []
        assert (await second.post(path)).status_code == 200
    assert woken == ["replan"]
