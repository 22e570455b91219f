"""On real Modbus: people turn the simulated plant to local, and not one setpoint is written until remote."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from loopback import free_port
from supervision_kit import A_AIR, HandClock, draft_of_verdict

from controller.actions import Actions
from controller.alarms import AlarmKind
from controller.envelope import review
from controller.knowledge import Knowledge
from controller.policies import inline_planner
from controller.proposals import Decision, ProposalStatus
from controller.settings import Settings
from controller.store import Store
from controller.takeover import Takeover
from controller.wiring import Controller, assemble
from plant.points import PointId
from plant.quantities import Quantity
from plant.site_file import load_site
from sim.faces.exporter import ExporterFace
from sim.faces.modbus_server import ModbusFace
from sim.plant import SimulatedPlant
from sim.serve import LivePlants, ServeOptions, build_plant
from sim.weather import load_weather
from telemetry.historian import Historian

DEMO = Path(__file__).parents[2] / "examples" / "demo.yaml"
BEGIN = datetime(2026, 5, 4, tzinfo=UTC)
STEP_S = 30.0


class Panel(LivePlants):
    """The plant with its panel: notes what is written, and has a selector."""

    def __init__(self, controlled: SimulatedPlant, as_found: SimulatedPlant) -> None:
        super().__init__(controlled, as_found, BEGIN)
        self.written: list[PointId] = []

    def write(self, point: PointId, value: float) -> None:
        if self.controlled.site.point_by_id[point].quantity is not Quantity.HEARTBEAT:
            self.written.append(point)
        super().write(point, value)

    def select(self, *, local: bool) -> None:
        image = self.controlled.image
        told = image.plc.supervision._replace(local=local)
        self.controlled._image = replace(image, plc=image.plc._replace(supervision=told))


@dataclass
class World:
    """A controller and its plant, stepped by hand over real sockets."""

    panel: Panel
    modbus: ModbusFace
    page: ExporterFace
    controller: Controller
    clock: HandClock
    actions: Actions = field(init=False)

    def __post_init__(self) -> None:
        self.actions = Actions(self.controller.parts)

    async def go(self, seconds: float) -> None:
        for _ in range(round(seconds / STEP_S)):
            self.clock.forward(STEP_S)
            self.panel.advance_to(self.clock.now().timestamp())
            values = self.panel.values()
            self.modbus.publish(values)
            self.page.publish(values)
            await self.controller.parts.authority.heartbeat.beat()
            await self.controller.poller.poll()
            self.actions.note_plan(self.clock.now())
            await self.actions.run()

    def approve(self, air_c: float) -> str:
        """Somebody agrees to another supply air in zone-a."""
        authority, at = self.controller.parts.authority, self.clock.now()
        snapshot = self.controller.parts.snapshot()
        draft = draft_of_verdict(review(self.controller.parts.site, {A_AIR: air_c}, snapshot, at=at))
        shown = authority.desk.offer(draft, at)
        authority.desk.decide(shown.id, Decision.APPROVE, digest=shown.digest, by="eve", at=at)
        return shown.id

    def kinds(self) -> set[AlarmKind]:
        alarms = self.controller.parts.authority.alarms.standing(self.clock.now())
        return {a.kind for a in alarms if a.cleared_at is None}


@asynccontextmanager
async def world(folder: Path) -> AsyncIterator[World]:
    text = DEMO.read_text().replace("127.0.0.1:15020", f"127.0.0.1:{free_port()}")
    file = folder / "site.yaml"
    file.write_text(text.replace("127.0.0.1:19100", f"127.0.0.1:{free_port()}"))
    site = load_site(file)
    options = ServeOptions(site, "greensboro", BEGIN, seed=3, speed=1.0)
    weather = load_weather(options.weather)
    panel = Panel(build_plant(options, weather), build_plant(options, weather))
    modbus = next(ModbusFace(site, g, panel) for g in site.gateways if g.kind.value == "modbus")
    page = next(ExporterFace(site, g, list) for g in site.gateways if g.kind.value == "exporter")
    clock = HandClock(BEGIN)
    values = panel.values()
    modbus.publish(values)
    page.publish(values)
    await modbus.start()
    page.start()
    controller = assemble(
        site,
        Settings(),
        clock,
        historian=Historian("sqlite://"),
        store=Store("sqlite://"),
        plans_by=lambda known: inline_planner("fixed", site, known),
        knowledge=Knowledge(None, None, "nothing learned"),
    )
    try:
        yield World(panel, modbus, page, controller, clock)
    finally:
        await controller.close()
        await modbus.stop()
        page.stop()


async def story(w: World) -> tuple[str, int]:
    """A change is carried out, another approved, and somebody turns the selector to local."""
    await w.go(120)
    w.approve(18.4)
    await w.go(120)
    assert set(w.panel.written) == set(w.controller.parts.site.lever_by_id[A_AIR].points)
    await w.go(300)
    waiting = w.approve(18.8)
    w.panel.select(local=True)
    before = len(w.panel.written)
    # Longer than half a lease: what is ours would be renewed, and that would take the plant back.
    await w.go(1000)
    return waiting, len(w.panel.written) - before


async def test_while_people_have_the_plant_no_setpoint_reaches_the_wire_and_then_it_goes_on(
    tmp_path: Path,
) -> None:
    async with world(tmp_path) as w:
        waiting, written = await story(w)
        authority = w.controller.parts.authority
        assert written == 0
        assert w.panel.controlled.local_control, "a setpoint would have taken it back"
        assert AlarmKind.TAKEN_OVER in w.kinds()
        assert AlarmKind.HEARTBEAT_LOST not in w.kinds(), "the heart goes on, and is echoed"
        gone = authority.desk.get(waiting)
        assert gone is not None
        assert gone.status is ProposalStatus.SUPERSEDED
        assert "people have taken it" in (gone.note or "")
        w.panel.select(local=False)
        await w.go(60)
        assert AlarmKind.TAKEN_OVER not in w.kinds()
        w.approve(18.8)
        await w.go(60)
        assert len(w.panel.written) >= 4


async def test_without_the_watch_our_own_writes_take_the_plant_from_the_people(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Takeover, "look", lambda *_: None)
    async with world(tmp_path) as w:
        _, written = await story(w)
        assert written > 0
        assert not w.panel.controlled.local_control
