"""Killed at any moment, the store has every approved command and audit record."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from supervision_kit import A_AIR, FakePlant, demo_site, room

from controller.guard import commands_of
from controller.proposals import ProposalStatus
from controller.recovery import recover
from controller.store import Store, sqlite_url
from plant.errors import ConfigError

KIT = Path(__file__).parent

VICTIM = """
import asyncio, os, signal, sys
sys.path.insert(0, {kit!r})
from supervision_kit import A_AIR, room
from controller.actuation import execute
from controller.proposals import Decision

async def main():
    r = room({url!r})
    p = r.desk.offer(r.draft({{A_AIR: 18.4}}), r.now)
    r.desk.decide(p.id, Decision.APPROVE, digest=p.digest, by="eve", at=r.now)
    if {moment!r} == "approved":
        os.kill(os.getpid(), signal.SIGKILL)
    if {moment!r} == "claimed":
        r.desk.begin(p, r.now)
        os.kill(os.getpid(), signal.SIGKILL)
    inner = r.plant._write
    def deadly(command):
        if {moment!r} == "before the wire" or r.plant.writes:
            os.kill(os.getpid(), signal.SIGKILL)
        receipt = inner(command)
        print(command.point, command.value, flush=True)
        return receipt
    r.plant._write = deadly
    await execute(r.desk.get(p.id), desk=r.desk, snapshot=r.snapshot(), site=r.site, writer=r.guard,
                  audit=r.audit, clock=r.clock)

asyncio.run(main())
"""


@pytest.mark.parametrize("moment", ["approved", "claimed", "before the wire", "between two registers"])
async def test_after_kill_9_the_record_is_complete_and_the_plant_whole(tmp_path: Path, moment: str) -> None:
    url = sqlite_url(tmp_path / "c.db")
    source = VICTIM.format(kit=str(KIT), url=url, moment=moment)
    killed = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr

    plant = FakePlant(demo_site())
    for line in killed.stdout.splitlines():  # what the plant had heard before the program died
        point, value = line.split()
        plant.registers[point] = float(value)
    before = dict(FakePlant(demo_site()).registers)

    r = room(url, plant=plant)
    r.clock.forward(30)
    assert r.audit.verify() is None
    assert [rec.kind for rec in r.audit.tail(20)][-2:] == ["proposal.approved", "proposal.offered"]
    await recover(desk=r.desk, store=r.store, snapshot=r.snapshot(), site=r.site, writer=r.guard, at=r.now)

    (proposal,) = r.desk.recent(1)
    assert proposal.decided_by == "eve"
    expected = {
        "approved": ProposalStatus.APPROVED,
        "claimed": ProposalStatus.FAILED,
        "before the wire": ProposalStatus.FAILED,
        "between two registers": ProposalStatus.ROLLED_BACK,
    }
    assert proposal.status is expected[moment]
    assert plant.registers == before, "before or after, never between"
    recorded = {c.point for c in commands_of(r.store, proposal.id)}
    assert recorded == (set() if moment in ("approved", "claimed") else set(r.site.lever_by_id[A_AIR].points))


def test_accounts_snapshots_and_plans_are_kept_and_pruned(tmp_path: Path) -> None:
    r = room(sqlite_url(tmp_path / "c.db"))
    r.store.append_ledger({"facility_kwh": 10.0, "baseline_kwh": 12.0, "note": "x"}, r.now)
    r.store.append_ledger({"facility_kwh": 11.0, "baseline_kwh": float("nan")}, r.now)
    r.store.save_snapshot(r.now, {"zone-a": 22.0})
    r.store.save_plan("plan-1", r.now, {"status": "optimal"})
    again = Store(sqlite_url(tmp_path / "c.db"))
    assert again.ledger_totals() == {"facility_kwh": 21.0, "baseline_kwh": 12.0}
    assert again.ledger()[1][1]["baseline_kwh"] is None
    assert again.plan("plan-1") == {"status": "optimal"}
    again.prune(r.now + timedelta(days=1))
    assert again.plan("plan-1") is None
    assert len(again.ledger()) == 2


@pytest.mark.parametrize("url", ["not a url", "sqlite:////nowhere/at/all/c.db"])
def test_a_store_that_cannot_be_opened_is_one_clear_line(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Store(url)
    assert "\n" not in str(caught.value)
