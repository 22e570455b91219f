"""Machines are not started and stopped more often, or sooner, than they may be."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy.exc import OperationalError
from supervision_kit import A_AIR, FakePlant, HandClock, demo_site

from controller.envelope import Range, review
from controller.guard import GuardedWriter, Purpose
from controller.run_limits import start_ranges
from controller.store import Store
from plant.commands import Command, Confirmed, Refused
from plant.points import SITE, PointId
from plant.quantities import Quantity
from plant.setpoints import Lever, LeverId
from plant.site import EquipmentKind, RunLimits, Site

COUNT = PointId("chillers.enabled")


def site() -> Site:
    """The demo site, its chillers started by a setpoint: twice an hour each, on 10 min, off 5 min."""
    demo = demo_site()
    like = demo.points_with(Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE_SETPOINT)[0]
    point = replace(like, id=COUNT, quantity=Quantity.CHILLERS_ENABLED_SETPOINT)
    lever = Lever(
        LeverId("chillers"),
        SITE,
        Quantity.CHILLERS_ENABLED_SETPOINT,
        (COUNT,),
        1,
        2,
        1,
        1,
        as_found=2,
        fallback=2,
    )
    run = RunLimits(min_on_s=600, min_off_s=300, starts_per_hour=1)
    units = tuple(replace(e, run=run) if e.kind is EquipmentKind.CHILLER else e for e in demo.equipment)
    return replace(demo, points=(*demo.points, point), levers=(*demo.levers, lever), equipment=units)


class Desk:
    """A guard over a fake plant whose chillers can be counted."""

    def __init__(self) -> None:
        self.site = site()
        self.clock = HandClock()
        self.plant = FakePlant(self.site)
        self.guard = GuardedWriter(
            self.plant, self.site, self.clock, Store("sqlite://"), stopped=lambda: False
        )

    def ask(self, count: float, purpose: Purpose = Purpose.PROPOSAL) -> str:
        snapshot = self.plant.snapshot(self.clock.now())
        receipt = asyncio.run(self.guard.write([Command(COUNT, count)], snapshot=snapshot, purpose=purpose))[
            0
        ]
        match receipt:
            case Confirmed():
                return "done"
            case Refused(reason=reason):
                return reason
        return "?"


def test_a_machine_runs_and_rests_its_least_times() -> None:
    desk = Desk()
    assert desk.ask(1) == "done"
    desk.clock.forward(290)
    assert "must rest 5 min" in desk.ask(2)
    desk.clock.forward(60)
    assert desk.ask(2) == "done"
    desk.clock.forward(320)
    assert "must run 10 min" in desk.ask(1)
    desk.clock.forward(300)
    assert desk.ask(1) == "done"


def test_starts_within_an_hour_are_counted() -> None:
    desk = Desk()
    done = 0
    for _ in range(3):  # a start every 16 minutes; two machines, one start an hour each
        assert desk.ask(1) == "done"
        desk.clock.forward(330)
        said = desk.ask(2)
        done += said == "done"
        desk.clock.forward(650)
        if said != "done":
            assert said == "2 starts within the hour, 2 are allowed"
    assert done == 2
    desk.clock.forward(3600)
    assert desk.ask(2) == "done", "an hour later it may start again"


def test_a_rescue_starts_a_machine_but_never_stops_one() -> None:
    desk = Desk()
    assert desk.ask(1) == "done"
    desk.clock.forward(400)
    assert desk.ask(2, Purpose.RESCUE) == "done"
    desk.clock.forward(1000)
    assert desk.ask(1, Purpose.RESCUE) == "a rescue only cools"


def test_a_start_that_cannot_be_recorded_is_not_made_and_the_rest_of_a_fallback_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = Desk()
    assert desk.ask(1) == "done"
    desk.clock.forward(600)

    def locked() -> None:
        raise OperationalError("BEGIN IMMEDIATE", {}, Exception("database is locked"))

    monkeypatch.setattr(desk.guard._store._engine, "begin", locked)  # it can still be read
    air = desk.site.lever_by_id[A_AIR].points[0]
    wanted = [Command(COUNT, 2.0), Command(air, desk.plant.registers[air] - 0.5)]
    snapshot = desk.plant.snapshot(desk.clock.now())
    start, colder = asyncio.run(desk.guard.write(wanted, snapshot=snapshot, purpose=Purpose.FALLBACK))
    assert isinstance(start, Refused)
    assert start.reason == "it could not be recorded first"
    assert isinstance(colder, Confirmed)
    assert desk.plant.registers[COUNT] == 1


def test_what_may_not_start_or_stop_is_not_proposed_either() -> None:
    """The envelope says so beforehand, in the guard's words: nobody is asked for what would be refused."""
    desk = Desk()
    lever = LeverId("chillers")

    def proposed(count: float) -> tuple[float, str]:
        snapshot = desk.plant.snapshot(desk.clock.now())
        limits = start_ranges(desk.guard._store, desk.site, snapshot, desk.clock.now())
        narrowed = ({name: Range(*limit) for name, limit in limits.items()},)
        verdict = review(desk.site, {lever: count}, snapshot, at=desk.clock.now(), narrowed=narrowed)
        return verdict.setpoints[lever], "; ".join(verdict.reasons)

    assert proposed(1) == (1, "")
    assert desk.ask(1) == "done"
    desk.clock.forward(290)
    assert proposed(2)[0] == 1
    assert "must rest 5 min" in proposed(2)[1]
    desk.clock.forward(60)
    assert proposed(2) == (2, "")
    assert desk.ask(2) == "done"
    desk.clock.forward(320)
    assert proposed(1)[0] == 2
    assert "must run 10 min" in proposed(1)[1]
