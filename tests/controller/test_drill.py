"""The dead-man drill: the plant takes over when we fall silent, and comes back when we are heard again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from supervision_kit import START, FakePlant, HandClock, Room, demo_site, room

from controller.drill import DeadManDrill
from controller.modes import Mode
from controller.rollout import Rollout
from controller.scoring import Scorer
from controller.watchdog import DataWatch, Heartbeat
from plant.commands import Command, Receipt
from plant.errors import ConfigError
from plant.quantities import Quantity
from plant.readings import Quality, Reading
from plant.snapshot import Snapshot

BEAT_S, DEAD_MAN_S = 30.0, 150.0


@dataclass
class LocalPlant(FakePlant):
    """Takes local control after five missed beats; comes back on a beat and a setpoint, as a PLC does."""

    clock: HandClock = field(default_factory=HandClock)
    local: bool = False
    deaf: bool = False
    stubborn: bool = False
    heard_at: datetime = START

    async def write(self, commands: Sequence[Command]) -> list[Receipt]:
        # The gateway does not send what a register holds already.
        sent = [c for c in commands if self.registers.get(c.point) != c.value]
        receipts = await super().write(commands)
        beats = [c for c in commands if self.site.point_by_id[c.point].quantity is Quantity.HEARTBEAT]
        if beats:
            self.heard_at = self.clock.now()
        elif sent and self.local and self.clock.now() - self.heard_at < timedelta(seconds=DEAD_MAN_S):
            self.local = self.stubborn
        return receipts

    def snapshot(self, at: datetime) -> Snapshot:
        silent_s = (at - self.heard_at).total_seconds()
        self.local = self.local or (silent_s >= DEAD_MAN_S and not self.deaf)
        shown = super().snapshot(at)
        (point,) = self.site.points_with(Quantity.LOCAL_CONTROL)
        said = Reading(point.id, at, float(self.local), Quality.GOOD)
        return Snapshot(self.site, at, {**shown.readings, point.id: said})


class BeatingClock(HandClock):
    """While a drill waits, the heartbeat's own loop and the watch go on."""

    def __init__(self, meanwhile: Callable[[], Any]) -> None:
        super().__init__()
        self.meanwhile = meanwhile

    async def sleep_until(self, instant: datetime) -> None:
        await super().sleep_until(instant)
        await self.meanwhile()


@dataclass
class Bench:
    room: Room
    plant: LocalPlant
    clock: HandClock
    heartbeat: Heartbeat
    rollout: Rollout
    drill: DeadManDrill
    events: dict[float, Callable[[], Any]] = field(default_factory=dict)


def bench(mode: Mode = Mode.ADVISORY) -> Bench:
    async def meanwhile() -> None:
        await heartbeat.beat()
        watch.see(plant.snapshot(clock.now()))
        for after_s, happen in list(b.events.items()):
            if (clock.now() - START).total_seconds() >= after_s:
                b.events.pop(after_s)
                happen()

    clock = BeatingClock(meanwhile)
    plant = LocalPlant(demo_site(), clock=clock)
    r = room(plant=plant, mode=mode)
    r.guard._clock = clock
    heartbeat, watch = Heartbeat(r.guard, r.site, clock), DataWatch(r.site, START)
    rollout = Rollout(r.store, r.audit, r.site)
    authority = SimpleNamespace(
        modes=r.modes,
        holds=r.holds,
        desk=r.desk,
        writer=r.guard,
        heartbeat=heartbeat,
        watch=watch,
        rollout=rollout,
    )
    parts: Any = SimpleNamespace(
        site=r.site, clock=clock, snapshot=lambda: plant.snapshot(clock.now()), authority=authority
    )
    b = Bench(r, plant, clock, heartbeat, rollout, DeadManDrill(parts))
    return b


async def test_a_drill_measures_that_the_plant_took_over_and_came_back() -> None:
    b = bench()
    before = dict(b.plant.registers)
    b.room.audit.listen(Scorer(b.room.site, b.rollout, 300.0).heard)
    held = await b.drill.hold("eve")
    assert held.passed, held.note
    assert b.rollout.scores.card(b.room.site.zones[0].id, b.clock.now()).overrides == {}
    assert DEAD_MAN_S <= held.took_over_after_s <= DEAD_MAN_S + 2 * BEAT_S
    assert not b.plant.local
    assert b.rollout.drill_objection(b.clock.now()) == ""
    assert b.rollout.last_drill() == held
    moved = {p: v for p, v in b.plant.registers.items() if p in before and v != before[p]}
    assert moved == {}, "handing back moves nothing"
    assert b.room.holds.active(b.clock.now()) == []
    assert (await b.heartbeat.beat()).receipt is not None, "it beats again"
    kinds = [r.kind for r in b.room.audit.tail(5)]
    assert kinds[:2] == ["drill.dead_man", "hold.released"]


async def test_nothing_is_proposed_or_approved_while_it_lasts() -> None:
    b = bench()
    r = b.room
    p = r.desk.offer(r.draft({next(iter(r.site.lever_by_id)): 18.4}), START)
    b.events[60.0] = lambda: seen.append(r.holds.levers(b.clock.now()) == {lv.id for lv in r.site.levers})
    seen: list[bool] = []
    await b.drill.hold("eve")
    assert seen == [True]
    assert str(r.desk.get(p.id).status) == "superseded"  # type: ignore[union-attr]


async def test_a_plant_that_does_not_take_over_fails_the_drill_and_is_beaten_to_again() -> None:
    b = bench()
    b.plant.deaf = True
    held = await b.drill.hold("eve")
    assert not held.passed
    assert "took local control: not after" in held.note
    assert b.rollout.drill_objection(b.clock.now()).endswith("failed")
    assert (await b.heartbeat.beat()).receipt is not None


async def test_a_plant_that_does_not_come_back_fails_the_drill() -> None:
    b = bench()
    b.plant.stubborn = True
    held = await b.drill.hold("eve")
    assert not held.passed
    assert "it came back: not after" in held.note


@pytest.mark.parametrize(
    ("happens", "says"),
    [
        (lambda b: b.plant.inlet_c.update({"zone-b": 27.5}), "zone-b is too warm"),
        (lambda b: b.room.modes.stop(by="adam", reason="smoke", at=b.clock.now()), "the stop was pressed"),
        (
            lambda b: b.plant.blind.update(
                p.id for p in b.room.site.points_of(b.room.site.zones[0].id, Quantity.INLET_TEMPERATURE)
            ),
            "zone-a is",
        ),
    ],
)
async def test_it_is_broken_off_when_somebody_or_something_needs_us(
    happens: Callable[[Bench], Any], says: str
) -> None:
    b = bench()
    b.events[60.0] = lambda: happens(b)
    held = await b.drill.hold("eve")
    assert not held.passed
    assert says in held.note
    assert b.heartbeat._withheld == {}
    assert b.room.holds.active(b.clock.now()) == []


@pytest.mark.parametrize(
    ("prepare", "says"),
    [
        (lambda b: b.room.modes.stop(by="eve", reason="x", at=START), "stop"),
        (lambda b: b.plant.inlet_c.update({"zone-a": 28.0}), "too warm"),
        (lambda b: setattr(b.plant, "local", True), "already"),
        (lambda b: b.room.modes.enter_fallback("no plan", "x", START), "fallback"),
    ],
)
async def test_it_is_not_begun_where_it_could_not_end_well(
    prepare: Callable[[Bench], Any], says: str
) -> None:
    b = bench()
    prepare(b)
    with pytest.raises(ConfigError, match=says):
        await b.drill.hold("eve")
    assert b.heartbeat._withheld == {}
    assert b.rollout.last_drill() is None, "what was not held is not recorded"


async def test_in_shadow_no_drill_is_held() -> None:
    assert "shadow" in bench(Mode.SHADOW).drill.objection()


async def test_who_withholds_for_another_reason_is_not_overruled() -> None:
    b = bench()
    b.heartbeat.withhold("the plant is not seen")
    b.heartbeat.withhold("drill", who="drill")
    b.heartbeat.resume(who="drill")
    assert (await b.heartbeat.beat()).withheld == "the plant is not seen"
