"""A tank: what is learned of it, and what it can and cannot do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from analytic_plant import START, demo_site

from optimizer.identify.signals import Signals
from optimizer.identify.storage import StorageLaw, learn_storage
from plant.history import History
from plant.points import OwnerId, Point, PointId
from plant.quantities import Quantity
from plant.site import Equipment, EquipmentKind, Nameplate, Site


def tank_site(storage_kwh: float | None) -> Site:
    site, tank = demo_site(), OwnerId("tank-1")
    points = tuple(
        Point(PointId(name), tank, quantity, "ratio" if "charge" in name else "kW", None)
        for name, quantity in (
            ("tank-1.charge", Quantity.STORAGE_CHARGE),
            ("tank-1.rate", Quantity.STORAGE_RATE),
        )
    )
    plate = Nameplate(storage_kwh=storage_kwh)
    return replace(
        site,
        equipment=(*site.equipment, Equipment(tank, EquipmentKind.STORAGE_TANK, None, plate)),
        points=(*site.points, *points),
    )


def telemetry(site: Site, capacity_kwh: float, loss_per_h: float, days: float = 4.0) -> Signals:
    """A tank filled and emptied in steps, in minutes: charge from the balance, with a sensor's noise."""
    rng = np.random.default_rng(4)
    n = int(days * 1440)
    rate = np.repeat(rng.choice([-300.0, 0.0, 0.0, 300.0], n // 120 + 1), 120)[:n]
    charge, now = np.empty(n), 0.5
    taken = np.empty(n)
    for k in range(n):
        room = np.clip(rate[k], -now * capacity_kwh * 60, (1 - now) * capacity_kwh * 60)
        now += (room / capacity_kwh - loss_per_h * now) / 60
        charge[k], taken[k] = now, room
    frame = pd.DataFrame(
        {"tank-1.charge": charge + rng.normal(0, 0.001, n), "tank-1.rate": taken},
        index=pd.date_range(START, periods=n, freq="60s"),
    )
    return Signals.of(History(site, 60, frame, frame.notna().astype(float))).coarse(900)


@pytest.mark.parametrize("nameplate", [2000.0, 2600.0, None])
def test_capacity_and_loss_are_found_whatever_the_nameplate_says(nameplate: float | None) -> None:
    law, record = learn_storage(telemetry(tank_site(nameplate), capacity_kwh=2000.0, loss_per_h=0.01))
    assert record is not None
    assert record.trusted
    assert law.capacity_kwh == pytest.approx(2000.0, rel=0.03)
    assert law.loss_per_h == pytest.approx(0.01, abs=0.002)


def test_a_tank_nobody_moved_keeps_its_nameplate() -> None:
    site = tank_site(1800.0)
    empty = pd.DataFrame(index=pd.date_range(START, periods=10, freq="900s"))
    law, record = learn_storage(Signals.of(History(site, 900, empty, empty)))
    assert record is not None
    assert not record.trusted
    assert law.capacity_kwh == pytest.approx(1800.0)
    assert law.most_kw == pytest.approx(450.0)


def test_a_site_without_a_tank_has_no_such_law() -> None:
    empty = pd.DataFrame(index=pd.date_range(START, periods=10, freq="900s"))
    law, record = learn_storage(Signals.of(History(demo_site(), 900, empty, empty)))
    assert record is None
    assert not law.present


def test_a_tank_takes_no_more_than_it_has_room_for_and_gives_no_more_than_it_holds() -> None:
    # 1000 kWh, 400 kW, a quarter hour: full it takes nothing; with 50 kWh it gives 200 kW; at a load
    # of 120 kW it gives 120.
    law = StorageLaw(1000.0, 0.0, 400.0)

    def taken(wanted: float, stored: float, load: float) -> float:
        return float(law.taken_kw(np.array(wanted), np.array(stored), np.array(load), 0.25))

    assert taken(300.0, 1000.0, 500.0) == pytest.approx(0.0)
    assert taken(900.0, 500.0, 500.0) == pytest.approx(400.0)
    assert taken(-300.0, 50.0, 500.0) == pytest.approx(-200.0)
    assert taken(-300.0, 0.0, 500.0) == pytest.approx(0.0)
    assert taken(-300.0, 900.0, 120.0) == pytest.approx(-120.0)
