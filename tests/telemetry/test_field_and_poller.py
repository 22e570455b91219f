from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from loopback import free_port
from telemetry_kit import BMS, NOON, SERVERS, HandClock, bms, modbus_point, series_point, small_site
from wire_server import WireDevice

from plant.commands import Command, Confirmed, Receipt, Refused
from plant.errors import BrokenPromise, ConfigError
from plant.gateways import Gateway, GatewayKind
from plant.points import Point, PointId
from plant.quantities import Quantity
from plant.readings import Quality, Reading, missing
from telemetry.gateways import Field, open_gateways
from telemetry.health import DeviceHealth
from telemetry.poller import Poller
from telemetry.quality import Judge
from telemetry.simulated import InProcessGateway

SUPPLY = modbus_point("supply", 0, scale=0.1)
SETPOINT = modbus_point("setpoint", 1, Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT, scale=0.1)
INLET = series_point("inlet", "inlet_celsius")
POINTS = [SUPPLY, INLET, SETPOINT]
SITE = small_site(
    POINTS,
    [
        Gateway(BMS, GatewayKind.MODBUS, "127.0.0.1:1", poll_s=10),
        Gateway(SERVERS, GatewayKind.EXPORTER, "http://127.0.0.1:1", poll_s=30),
    ],
)


class Fake:
    """A gateway that answers at once, or never."""

    def __init__(self, points: Sequence[Point], value: float = 20.0, *, hangs: bool = False) -> None:
        self.points = points
        self.value = value
        self.hangs = hangs
        self.reads = 0
        self.written: list[Command] = []
        self.clock: HandClock | None = None

    @property
    def health(self) -> tuple[DeviceHealth, ...]:
        return ()

    def serves(self, point: Point) -> bool:
        return point in self.points

    async def read(self, points: Sequence[Point]) -> list[Reading]:
        self.reads += 1
        if self.hangs:
            await asyncio.Event().wait()
        now = self.clock.now() if self.clock else NOON
        return [Reading(p.id, now, self.value, Quality.GOOD) for p in points]

    async def write(self, commands: Sequence[Command]) -> list[Receipt]:
        self.written += commands
        return [Confirmed(c, c.value) for c in commands]

    async def close(self) -> None:
        """Nothing."""


class Kept:
    """A store that keeps a list."""

    def __init__(self) -> None:
        self.readings: list[Reading] = []

    def append(self, readings: Sequence[Reading]) -> None:
        self.readings += readings


async def test_a_field_asks_each_gateway_for_its_own_and_keeps_the_order() -> None:
    field = Field(SITE, [Fake([SUPPLY, SETPOINT], 18.0), Fake([INLET], 22.0)])
    assert [(r.point, r.value) for r in await field.read(POINTS)] == [
        ("supply", 18.0),
        ("inlet", 22.0),
        ("setpoint", 18.0),
    ]


async def test_a_point_no_gateway_serves_is_missing_and_its_writes_are_refused() -> None:
    field = Field(SITE, [Fake([INLET])])
    readings = await field.read(POINTS)
    assert [r.quality for r in readings] == [Quality.MISSING, Quality.GOOD, Quality.MISSING]
    assert [r.point for r in await field.read_all()] == ["inlet"]
    (receipt,) = await field.write([Command(SETPOINT.id, 20.0)])
    assert isinstance(receipt, Refused)


async def test_writes_reach_the_gateway_that_owns_the_point_in_order() -> None:
    one, two = Fake([SUPPLY, SETPOINT]), Fake([INLET])
    commands = [Command(SETPOINT.id, 20.0), Command(INLET.id, 1.0), Command(SETPOINT.id, 21.0)]
    receipts = await Field(SITE, [one, two]).write(commands)
    assert [r.command for r in receipts] == commands
    assert one.written == [commands[0], commands[2]]


async def test_a_dead_gateway_does_not_delay_another(device: WireDevice) -> None:
    device.set(0, [180, 200])
    site = small_site(
        POINTS,
        [
            bms(device.port),
            Gateway(SERVERS, GatewayKind.EXPORTER, f"http://127.0.0.1:{free_port()}", timeout_s=0.2),
        ],
    )
    field = Field(site, open_gateways(site, HandClock()))
    readings = await field.read(POINTS)
    assert [r.quality for r in readings] == [Quality.GOOD, Quality.MISSING, Quality.GOOD]
    assert {h.device: h.answering for h in field.health} == {"bms/1": True, "servers": False}
    await field.close()


async def test_overlapping_registers_stop_the_start() -> None:
    site = small_site([modbus_point("a", 0), modbus_point("b", 0)], [bms(1)])
    with pytest.raises(ConfigError, match="overlaps"):
        open_gateways(site, HandClock())


def poller(
    *gateways: Fake, kept: Kept | None = None, clock: HandClock | None = None, store_s: float = 60
) -> Poller:
    clock = clock or HandClock()
    for gateway in gateways:
        gateway.clock = clock
    return Poller(SITE, Field(SITE, gateways), Judge(SITE), clock, kept or Kept(), store_s=store_s)


async def test_a_poll_gives_a_judged_snapshot_and_stores_it() -> None:
    kept = Kept()
    snapshot = await poller(Fake([SUPPLY, SETPOINT], 18.0), Fake([INLET], 99.0), kept=kept).poll()
    assert snapshot.time == NOON
    assert snapshot.value(SUPPLY.id) == 18.0
    assert snapshot.reading(INLET.id).quality is Quality.OUT_OF_RANGE
    assert {r.point: r.quality for r in kept.readings}[INLET.id] is Quality.OUT_OF_RANGE


async def test_a_snapshot_grows_stale_by_the_clock_without_a_poll() -> None:
    clock = HandClock()
    polling = poller(Fake(POINTS), clock=clock)
    await polling.poll()
    clock.pass_s(181)
    assert polling.snapshot().reading(SUPPLY.id).quality is Quality.STALE
    assert polling.snapshot().age_s(SUPPLY.id) == 181


async def test_at_most_one_reading_a_minute_is_stored() -> None:
    kept, clock = Kept(), HandClock()
    polling = poller(Fake([SUPPLY]), kept=kept, clock=clock)
    for _ in range(13):
        await polling.poll()
        clock.pass_s(10)
    assert [r.time.second for r in kept.readings] == [0, 0, 0]


async def test_each_gateway_is_polled_in_its_own_rhythm_and_a_hanging_one_holds_up_nobody() -> None:
    clock, stop = HandClock(), asyncio.Event()
    bms_fake, hanging = Fake([SUPPLY, SETPOINT]), Fake([INLET], hangs=True)
    polling = poller(bms_fake, hanging, clock=clock)

    async def stop_after_ten_minutes() -> None:
        while clock.now() < NOON + timedelta(seconds=600):
            await asyncio.sleep(0)
        stop.set()

    await asyncio.gather(polling.run(stop), stop_after_ten_minutes())
    assert 60 <= bms_fake.reads <= 63
    assert hanging.reads == 1


async def test_polls_that_fell_due_meanwhile_are_skipped_and_counted() -> None:
    clock, stop = HandClock(), asyncio.Event()

    class Slow(Fake):
        async def read(self, points: Sequence[Point]) -> list[Reading]:
            readings = await super().read(points)
            clock.pass_s(25)
            if self.reads == 3:
                stop.set()
            return readings

    slow = Slow([SUPPLY])
    polling = poller(slow, clock=clock)
    await polling.run(stop)
    assert polling.stats.skipped >= 4
    assert (clock.now() - NOON).total_seconds() % 5 == 0


class Tank:
    """A plant of one temperature that goes to its setpoint at once."""

    def __init__(self) -> None:
        self.setpoint = 18.0
        self.now = NOON

    def reset(self, start: datetime) -> list[Reading]:
        self.now = start
        return self.readings()

    def advance(self, commands: Sequence[Command], seconds: float) -> list[Reading]:
        for command in commands:
            self.setpoint = command.value
        self.now += timedelta(seconds=seconds)
        return self.readings()

    def readings(self) -> list[Reading]:
        return [Reading(PointId(n), self.now, self.setpoint, Quality.GOOD) for n in ("supply", "setpoint")]


async def test_a_plant_in_process_moves_when_it_is_advanced() -> None:
    gateway = InProcessGateway(Tank(), NOON, POINTS)
    (receipt,) = await gateway.write([Command(SETPOINT.id, 21.0)])
    assert isinstance(receipt, Confirmed)
    assert (await gateway.read([SUPPLY]))[0].value == 18.0
    gateway.advance_to(NOON + timedelta(minutes=5))
    (reading,) = await gateway.read([SUPPLY])
    assert (reading.value, reading.time) == (21.0, NOON + timedelta(minutes=5))
    assert (await gateway.read([INLET])) == [missing(INLET.id, gateway.now)]
    with pytest.raises(BrokenPromise):
        gateway.advance_to(NOON)
