"""Leases: whose a register is, told by readings taken after our write and by nothing older."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from supervision_kit import A_AIR, Room, room

from controller.leases import Renewal, leases, renew
from plant.points import PointId
from plant.setpoints import LeverId
from plant.snapshot import Snapshot

CRAH_1 = PointId("crah-1.supply-air.setpoint")


async def ours() -> Room:
    """A room in which zone-a's supply air is ours."""
    r = room()
    await r.carry_out(r.approved({A_AIR: 18.4}))
    return r


def seen(r: Room, value: float, at: datetime) -> Snapshot:
    """The plant now, but with this register as it was read at that instant."""
    now = r.snapshot()
    told = replace(now.readings[CRAH_1], value=value, time=at)
    return Snapshot(r.site, now.time, {**now.readings, CRAH_1: told})


async def look(r: Room, shown: Snapshot, held: frozenset[LeverId] = frozenset()) -> Renewal:
    return await renew(store=r.store, site=r.site, snapshot=shown, writer=r.guard, at=r.now, held=held)


@pytest.mark.parametrize(
    ("after_polls", "lost"), [(-1.0, ()), (0.0, ()), (1.0, ()), (1.1, (CRAH_1,)), (5.0, (CRAH_1,))]
)
async def test_a_reading_from_before_our_write_is_nobodys_doing(
    after_polls: float, lost: tuple[PointId, ...]
) -> None:
    r = await ours()
    wrote, poll_s = r.now, max(g.poll_s for g in r.site.gateways)
    r.clock.forward(6 * poll_s)
    read_at = wrote + timedelta(seconds=after_polls * poll_s)
    assert (await look(r, seen(r, 18.0, read_at))).lost == lost


async def test_what_a_person_holds_is_neither_renewed_nor_called_lost() -> None:
    r = await ours()
    r.clock.forward(r.site.safety.lease_s)
    r.plant.registers[CRAH_1] = 20.0
    r.plant.writes.clear()
    assert await look(r, r.snapshot(), frozenset({A_AIR})) == Renewal((), ())
    assert r.plant.writes == []


async def test_a_renewal_begins_the_lease_anew() -> None:
    r = await ours()
    before = leases(r.store)[CRAH_1].renewed_at
    r.clock.forward(r.site.safety.lease_s / 2)
    assert len((await look(r, r.snapshot())).receipts) == 2
    assert leases(r.store)[CRAH_1].renewed_at == r.now > before
    r.clock.forward(r.site.safety.lease_s / 2 - 1)
    assert (await look(r, r.snapshot())).receipts == (), "half a lease has not passed yet"
