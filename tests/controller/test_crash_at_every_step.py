"""Killed at every step of an execution, over real Modbus: before or after, never between."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "telemetry"))

from crash_victim import wired_room
from wire_server import Request, WireDevice

from controller.guard import commands_of
from controller.proposals import ProposalStatus
from controller.recovery import recover
from controller.store import sqlite_url

CRAH_1, CRAH_2, WATER = 200, 210, 100
BEFORE, AFTER = {CRAH_1: 180, CRAH_2: 180, WATER: 70}, {CRAH_1: 184, CRAH_2: 184, WATER: 73}
REGISTERS = (CRAH_1, CRAH_2, WATER)


def on_the_wire(*registers: int) -> list[str]:
    """What the gateway does for each register: look, write, read back."""
    return [f"{verb} {register}" for register in registers for verb in ("read", "write", "read")]


CLAIMED, RECORDED, ENDED = "commit audit+proposals", "commit commands", "commit audit+proposals"
LOOKED = ["read 100", "read 200"]
STEPS = [
    CLAIMED,  # validated
    RECORDED,  # what is about to be written
    *on_the_wire(WATER, CRAH_1, CRAH_2),  # written, read back
    RECORDED,  # what became of it
    ENDED,  # applied
    *LOOKED,
    ENDED,  # plant confirmed: verified
    "end",
]
"""Every step of a change that succeeds. A victim dies before the step it is named by."""
ROLLBACK_STEPS = [
    CLAIMED,
    RECORDED,
    *on_the_wire(WATER, CRAH_1, CRAH_2),
    RECORDED,
    RECORDED,  # what is about to be set back
    *on_the_wire(WATER, CRAH_1),
    RECORDED,
    ENDED,  # rolled back
    *LOOKED,
    "end",
]
"""The same where the second machine refuses the write: the others are set back."""


@dataclass
class Nursery:
    """A program that gives birth to victims, and the plant they talk to."""

    plant: WireDevice
    program: asyncio.subprocess.Process

    async def victim(self, step: int, database: Path) -> tuple[list[str], int]:
        """What the victim said before it died, and how it ended."""
        assert self.program.stdin is not None
        assert self.program.stdout is not None
        self.program.stdin.write(f"{step} {database}\n".encode())
        said: list[str] = []
        while line := (await self.program.stdout.readline()).decode().strip():
            if line.startswith("ended "):
                return said, int(line.split()[1])
            said.append(line.removeprefix("step "))
        raise AssertionError("the nursery is gone")


@pytest.fixture
async def nursery() -> AsyncIterator[Nursery]:
    plant = WireDevice()
    await plant.start()
    victim = Path(__file__).parent / "crash_victim.py"
    pipe = asyncio.subprocess.PIPE
    program = await asyncio.create_subprocess_exec(
        sys.executable, str(victim), str(plant.port), stdin=pipe, stdout=pipe
    )
    yield Nursery(plant, program)
    assert program.stdin is not None
    program.stdin.close()
    await program.wait()
    await plant.stop()


def fill(plant: WireDevice) -> None:
    """Every holding register as the site was found, and a log that begins now."""
    plant.log.clear()
    plant.set(0, [0] * 400)
    plant.set(100, [70, 240])
    for crah in range(8):
        plant.set(200 + 10 * crah, [180, 900])


def image(plant: WireDevice) -> dict[int, int]:
    return {register: plant.holding[1, register] for register in REGISTERS}


def refuses_the_second_machine(device: WireDevice, request: Request) -> int | None:
    return 4 if request.writes and request.start == CRAH_2 else None


async def look_after(nursery: Nursery, database: Path, step: str) -> ProposalStatus:
    """Start again on the same database, and see to it that everything is said and the plant is whole."""
    r, plant = wired_room(nursery.plant.port, sqlite_url(database))
    r.clock.forward(60)
    await plant.refresh()
    await recover(desk=r.desk, store=r.store, snapshot=r.snapshot(), site=r.site, writer=r.guard, at=r.now)
    (proposal,) = r.desk.recent(5)
    kinds = [record.kind for record in reversed(r.audit.tail(50))]
    assert r.audit.verify() is None, step
    assert proposal.decided_by == "eve", step
    assert kinds[:2] == ["proposal.offered", "proposal.approved"], step
    if proposal.status is not ProposalStatus.APPROVED:
        assert kinds[2] == "proposal.started", step
        assert f"proposal.{proposal.status}" in kinds, step
        assert not r.desk.unfinished(), step
    commands = commands_of(r.store, proposal.id)
    written = {request.start for request in nursery.plant.writes}
    told = {{"crah-1": CRAH_1, "crah-2": CRAH_2}.get(c.point.split(".")[0], WATER) for c in commands}
    assert written <= told, f"{step}: nothing reaches a register that was not recorded first"
    assert all(c.state != "intended" for c in commands), f"{step}: what became of each write is known"
    assert plant.field is not None
    await plant.field.close()
    r.store.close()
    return proposal.status


def safe_throughout(plant: WireDevice) -> bool:
    """Every register only ever held its old value or the approved one."""
    return all(request.words[0] in (BEFORE[request.start], AFTER[request.start]) for request in plant.writes)


_S = ProposalStatus
SUCCEEDS = {_S.APPROVED, _S.FAILED, _S.ROLLED_BACK, _S.APPLIED, _S.VERIFIED}


@pytest.mark.parametrize(
    ("steps", "first", "refusing", "endings"),
    # What comes before the refusal is the same in both.
    [(STEPS, 0, False, SUCCEEDS), (ROLLBACK_STEPS, 10, True, {_S.FAILED, _S.ROLLED_BACK})],
    ids=["a change that succeeds", "a change that is rolled back"],
)
async def test_killed_before_each_step(
    nursery: Nursery,
    tmp_path: Path,
    steps: list[str],
    first: int,
    refusing: bool,
    endings: set[ProposalStatus],
) -> None:
    plant = nursery.plant
    plant.behave = refuses_the_second_machine if refusing else plant.behave
    fill(plant)
    assert await nursery.victim(-1, tmp_path / "alive.db") == (steps, 0), "the list above is all there is"
    ended: set[ProposalStatus] = set()
    for number, step in list(enumerate(steps))[first:]:
        fill(plant)
        database = tmp_path / f"{number}.db"
        assert await nursery.victim(number, database) == ([step], -9)
        ended.add(await look_after(nursery, database, step))
        assert image(plant) in (BEFORE, AFTER), f"killed before {step}: {image(plant)} is between"
        assert safe_throughout(plant), step
        assert not refusing or image(plant) == BEFORE
    assert ended == endings
