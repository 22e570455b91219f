"""A program that dies at a stated step of an execution, over real Modbus. Forks, so that dying is cheap.

Reads lines ``STEP DATABASE`` and answers each with what the victim said and how it ended. Step -1
does not die and lists the steps: before each of them nothing of it has happened yet.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import event
from supervision_kit import A_AIR, WATER, FakePlant, HandClock, Room, demo_site, room

from controller.actuation import settle
from controller.store import Store, sqlite_url
from plant.commands import Receipt
from plant.setpoints import LeverId
from plant.site import Site
from telemetry.gateways import Field, open_gateways
from telemetry.modbus.link import ModbusLink

WANTED: dict[LeverId, float] = {A_AIR: 18.4, WATER: 7.3}


def wired_site(port: int) -> Site:
    """The demo site with its building management system at this port."""
    site = demo_site()
    bms = replace(next(g for g in site.gateways if g.id == "bms"), target=f"127.0.0.1:{port}", retries=0)
    return replace(site, gateways=(bms, *(g for g in site.gateways if g.id != "bms")))


@dataclass
class WiredPlant(FakePlant):
    """Registers on a wire; inlets as a fake plant has them."""

    field: Field | None = None

    async def refresh(self) -> None:
        assert self.field is not None
        points = [self.site.point_by_id[p] for lever in self.site.levers for p in lever.points]
        self.registers = {r.point: r.value for r in await self.field.read(points) if r.usable}

    async def write(self, commands: Any) -> list[Receipt]:
        assert self.field is not None
        self.writes.extend(commands)
        return await self.field.write(commands)


def wired_room(port: int, url: str) -> tuple[Room, WiredPlant]:
    site, clock = wired_site(port), HandClock()
    plant = WiredPlant(site, field=Field(site, open_gateways(site, clock)))
    r = room(url, plant=plant)
    return replace(r, clock=clock, guard=_timed(r, clock)), plant


def _timed(r: Room, clock: HandClock) -> Any:
    r.guard._clock = clock
    return r.guard


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


class Reaper:
    """Counts the steps and, before the one it was told, kills."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.steps = 0
        self.armed = False

    def step(self, name: str) -> None:
        if not self.armed:
            return
        if self.at < 0 or self.steps == self.at:
            say(f"step {name}")
        if self.steps == self.at:
            os.kill(os.getpid(), signal.SIGKILL)
        self.steps += 1

    def watch(self, store: Store) -> None:
        """Every commit that changes something, every request on the wire."""
        touched: set[str] = set()

        def noted(_c: object, _cur: object, statement: str, *_: object) -> None:
            found = re.match(r"(?:INSERT INTO|UPDATE|DELETE FROM) (\w+)", statement)
            if found:
                touched.add(found.group(1))

        def committing(_c: object) -> None:
            if touched:
                self.step(f"commit {'+'.join(sorted(touched - {'audit_head'}))}")
            touched.clear()

        event.listen(store._engine, "before_cursor_execute", noted)
        event.listen(store._engine, "commit", committing)
        reads, writes = ModbusLink.read, ModbusLink.write

        async def read(link: Any, table: Any, device: int, start: int, *args: Any, **more: Any) -> Any:
            self.step(f"read {start}")
            return await reads(link, table, device, start, *args, **more)

        async def write(link: Any, table: Any, device: int, start: int, words: Any) -> Any:
            self.step(f"write {start}")
            return await writes(link, table, device, start, words)

        ModbusLink.read, ModbusLink.write = read, write  # type: ignore[method-assign]


async def victim(port: int, at: int, url: str) -> None:
    r, plant = wired_room(port, url)
    reaper = Reaper(at)
    reaper.watch(r.store)
    await plant.refresh()
    p = r.approved(WANTED)
    reaper.armed = True
    await r.carry_out(p)
    r.clock.forward(30)
    await plant.refresh()
    ended = r.desk.get(p.id)
    assert ended is not None
    settle(ended, desk=r.desk, snapshot=r.snapshot(), site=r.site, at=r.now)
    reaper.step("end")


@contextmanager
def forked() -> Iterator[bool]:
    """True in the child, which never comes back."""
    child = os.fork()
    if child == 0:
        yield True
        os._exit(0)
    _, status = os.waitpid(child, 0)
    say(f"ended {os.waitstatus_to_exitcode(status)}")
    yield False


def nursery(port: int) -> None:
    with TemporaryDirectory() as folder:
        empty = Path(folder) / "empty.db"
        Store(sqlite_url(empty)).close()
        for line in sys.stdin:
            at, database = line.split()
            shutil.copy(empty, database)
            with forked() as is_child:
                if is_child:
                    asyncio.run(victim(port, int(at), sqlite_url(database)))


if __name__ == "__main__":
    nursery(int(sys.argv[1]))
