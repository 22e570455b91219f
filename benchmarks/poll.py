"""How late polls are, and what they cost: 10,000 points over 20 Modbus devices every 5 s.

    python -m benchmarks.poll [--json] [--seconds 40]

The devices are another process on loopback that answers any read. In the same run the same points
are read once by a naive client, one point a request, through the same link.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import random
import struct
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path

from plant.gateways import Gateway, GatewayKind
from plant.points import GatewayId, ModbusAddress, ModbusTable, OwnerId, Point, PointId, RegisterType
from plant.quantities import Quantity
from plant.site import CarbonSource, InletLimits, Safety, Site, Tariff, Zone
from telemetry.gateways import Field, open_gateways
from telemetry.historian import Historian
from telemetry.modbus.link import ModbusLink
from telemetry.poller import Poller
from telemetry.quality import Judge

POLL_S = 5.0


class WallClock:
    """Real time."""

    def now(self) -> datetime:
        """The present instant, UTC."""
        return datetime.now(UTC)

    async def sleep_until(self, instant: datetime) -> None:
        """Sleep until it has come."""
        await asyncio.sleep(max(0.0, (instant - self.now()).total_seconds()))


@dataclass(frozen=True)
class Measured:
    """What a run showed."""

    points: int
    devices: int
    polls: int
    p99_lateness_s: float
    worst_lateness_s: float
    cpu_share: float
    pass_cpu_ms: float
    naive_pass_cpu_ms: float
    pass_wall_ms: float
    naive_pass_wall_ms: float


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Any read gets 20.0, 20.0, … as float32."""
    try:
        while True:
            tid, _, length, unit = struct.unpack(">HHHB", await reader.readexactly(7))
            function, _, count = struct.unpack(">BHH", await reader.readexactly(length - 1))
            body = struct.pack(">BB", function, 2 * count) + b"\x41\xa0\x00\x00" * (count // 2)
            writer.write(struct.pack(">HHHB", tid, 0, len(body) + 1, unit) + body)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


def _devices(pipe: Connection, number: int) -> None:
    async def serve() -> None:
        servers = [await asyncio.start_server(_answer, "127.0.0.1", 0) for _ in range(number)]
        pipe.send([server.sockets[0].getsockname()[1] for server in servers])
        await asyncio.Event().wait()

    asyncio.run(serve())


def _site(ports: Sequence[int], points: int) -> Site:
    each = points // len(ports)
    zone = OwnerId("hall")
    gateways = [
        Gateway(GatewayId(f"d{n}"), GatewayKind.MODBUS, f"127.0.0.1:{port}", poll_s=POLL_S)
        for n, port in enumerate(ports)
    ]
    made = [
        Point(
            PointId(f"{gateway.id}.{i}"),
            zone,
            Quantity.INLET_TEMPERATURE,
            "degC",
            "Rack_Inlet_Air_Temperature_Sensor",
            ModbusAddress(gateway.id, ModbusTable.INPUT, 2 * i, RegisterType.FLOAT32),
        )
        for gateway in gateways
        for i in range(each)
    ]
    return Site(
        id="bench",
        name="benchmark",
        latitude=0,
        longitude=0,
        elevation_m=0,
        timezone="UTC",
        pue_category=1,
        zones=(Zone(zone, 1, 1.0, InletLimits()),),
        equipment=(),
        gateways=tuple(gateways),
        points=tuple(made),
        levers=(),
        safety=Safety(),
        tariff=Tariff("EUR", 0.1),
        carbon=CarbonSource("synthetic", "CAISO"),
    )


async def _one_pass(site: Site, field: Field) -> tuple[float, float]:
    """CPU and wall seconds of reading everything once."""
    await field.read_all()  # connects
    wall, cpu = time.perf_counter(), time.process_time()
    readings = await field.read_all()
    assert all(r.usable for r in readings)
    return time.process_time() - cpu, time.perf_counter() - wall


async def _naive_pass(site: Site) -> tuple[float, float]:
    """The same, one point a request, devices side by side."""
    links = {g.id: ModbusLink(g, random.Random(0)) for g in site.gateways}

    async def device(gateway: Gateway) -> None:
        for point in site.points:
            address = point.address
            if isinstance(address, ModbusAddress) and address.gateway == gateway.id:
                await links[gateway.id].read(address.table, 1, address.address, 2)

    wall, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(device(g) for g in site.gateways))
    spent = time.process_time() - cpu, time.perf_counter() - wall
    for link in links.values():
        await link.close()
    return spent


async def _measure(ports: Sequence[int], points: int, seconds: float, folder: Path) -> Measured:
    site, clock = _site(ports, points), WallClock()
    field = Field(site, open_gateways(site, clock))
    pass_cpu, pass_wall = await _one_pass(site, field)
    historian = Historian(f"sqlite:///{folder / 'history.db'}")
    poller = Poller(site, field, Judge(site), clock, historian)
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, stop.set)
    wall, cpu = time.perf_counter(), time.process_time()
    await poller.run(stop)
    share = (time.process_time() - cpu) / (time.perf_counter() - wall)
    await field.close()
    historian.close()
    naive_cpu, naive_wall = await _naive_pass(site)
    stats = poller.stats
    return Measured(
        points=len(site.points),
        devices=len(ports),
        polls=stats.polls,
        p99_lateness_s=round(stats.p99_lateness_s, 4),
        worst_lateness_s=round(stats.worst_lateness_s, 4),
        cpu_share=round(share, 4),
        pass_cpu_ms=round(1000 * pass_cpu, 1),
        naive_pass_cpu_ms=round(1000 * naive_cpu, 1),
        pass_wall_ms=round(1000 * pass_wall, 1),
        naive_pass_wall_ms=round(1000 * naive_wall, 1),
    )


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--points", type=int, default=10_000)
    parser.add_argument("--devices", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=40.0)
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    devices = context.Process(target=_devices, args=(theirs, options.devices), daemon=True)
    devices.start()
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(_measure(ours.recv(), options.points, options.seconds, Path(folder)))
    devices.terminate()
    devices.join()
    if options.json:
        print(json.dumps(vars(found)))
        return
    for name, value in vars(found).items():
        print(f"{name:22} {value}")


if __name__ == "__main__":
    main()
