"""Plans with a schedule: what a tank, machines, a peak and a carbon cap make of a day."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from analytic_plant import snapshot_at
from scheduled_site import (
    CAPACITY_KWH,
    CHILLERS,
    ECONOMIZER,
    MOST_KW,
    TANK,
    day,
    seen,
    with_levers,
    with_tank,
)

from optimizer.model import PlantModel
from optimizer.mpc import MpcPolicy
from plant.forecast import Forecast
from plant.history import History
from plant.plan import Plan
from plant.ports import Advice
from plant.site import Site
from plant.snapshot import Snapshot

DEAR = slice(24, 40)
"""The dear hours' steps."""


@pytest.fixture(scope="module")
def row(history: History) -> Snapshot:
    return snapshot_at(history, 700)


def planned(site: Site, model: PlantModel, snapshot: Snapshot, forecast: Forecast) -> Plan:
    answer = MpcPolicy(site, model).decide(snapshot, forecast)
    assert isinstance(answer, Advice)
    assert answer.plan is not None
    return answer.plan


def tank_day(
    history: History, model: PlantModel, row: Snapshot, charge: float = 0.5, dear: float = 0.3
) -> Plan:
    site = with_levers(history.site, TANK)
    now = seen(row, site, charge)
    return planned(site, with_tank(model), now, day(site, now, dear=dear))


@pytest.fixture(scope="module")
def shifted(history: History, model: PlantModel, row: Snapshot) -> Plan:
    return tank_day(history, model, row)


def test_a_tank_is_used_in_the_dear_hours_and_filled_in_the_cheap_ones(shifted: Plan) -> None:
    stored = shifted.prediction.stored_kwh
    assert stored is not None
    assert stored[23] > 0.7 * CAPACITY_KWH
    assert stored[39] < 0.3 * CAPACITY_KWH
    lighter = shifted.hold.facility_kw - shifted.prediction.facility_kw
    assert lighter[DEAR].mean() > lighter[40:].mean() + 10
    assert shifted.costs is not None
    assert shifted.hold_costs is not None
    assert shifted.costs.total < shifted.hold_costs.total


def test_it_holds_no_less_than_nothing_and_no_more_than_it_can(shifted: Plan) -> None:
    stored = shifted.prediction.stored_kwh
    assert stored is not None
    assert stored.min() >= -1e-6
    assert stored.max() <= CAPACITY_KWH + 1e-6
    rate = shifted.trajectory[TANK.id]
    assert np.abs(rate).max() <= MOST_KW + 1e-6
    assert (np.abs(np.diff(rate)) <= 3 * MOST_KW + 1e-6).all()


def test_where_energy_costs_the_same_all_day_a_tank_is_no_worse_than_none(
    history: History, model: PlantModel, row: Snapshot
) -> None:
    even = tank_day(history, model, row, dear=0.1)
    plain = planned(
        with_levers(history.site),
        model,
        seen(row, with_levers(history.site)),
        day(history.site, row, dear=0.1),
    )
    assert even.costs is not None
    assert plain.costs is not None
    # Half a tank of cold was there to begin with: at most its worth is gained, nothing is lost.
    assert even.costs.total <= plain.costs.total + 1.0


@pytest.mark.parametrize("charge", [0.0, 1.0])
def test_an_empty_tank_gives_nothing_and_a_full_one_takes_nothing(
    history: History, model: PlantModel, row: Snapshot, charge: float
) -> None:
    plan = tank_day(history, model, row, charge)
    stored = plan.prediction.stored_kwh
    assert stored is not None
    assert stored.min() >= -1e-6
    assert stored.max() <= CAPACITY_KWH + 1e-6
    assert plan.prediction.cost.sum() < plan.hold.cost.sum()
    first = plan.trajectory[TANK.id][0]
    assert first >= 0 if charge == 0.0 else first <= 0


def test_machines_asked_for_always_carry_the_load(history: History, model: PlantModel, row: Snapshot) -> None:
    site = with_levers(history.site, CHILLERS, ECONOMIZER)
    now = seen(row, site, plant_chillers_setpoint=2.0)
    for load in (0.3, 0.9):
        plan = planned(site, model, now, day(site, now, load=load))
        running, asked = plan.prediction.chillers_on, plan.trajectory[CHILLERS.id]
        assert running is not None
        assert (running <= asked).all()
        assert not any("short" in v.limit for v in plan.violations)
        assert set(np.unique(asked)) <= {0.0, 1.0, 2.0}
        for zone in site.zones:
            assert (plan.prediction.worst_inlet_c[zone.id][4:] <= zone.limits.planning_max_c).all()


def test_a_demand_charge_lowers_the_peak_unless_it_is_billed_already(
    history: History, model: PlantModel, row: Snapshot
) -> None:
    peaks = []
    for charge, billed in ((0.0, 0.0), (12.0, 0.0), (12.0, 5000.0)):
        site = with_levers(history.site, TANK, demand_charge=charge)
        now = seen(row, site)
        outlook = day(site, now, dear=0.12)
        # Two busy hours: what a tank can shave.
        busy = {
            z: replace(band, mean=band.mean * np.where(np.abs(np.arange(96) - 40) < 4, 1.15, 1.0))
            for z, band in outlook.it_reference_kw.items()
        }
        forecast = replace(outlook, it_reference_kw=busy, month_peak_kw=billed)
        plan = planned(site, with_tank(model), now, forecast)
        assert plan.costs is not None
        assert plan.hold_costs is not None
        peaks.append(float(plan.prediction.facility_kw.max()))
        assert plan.costs.demand == pytest.approx(charge * max(peaks[-1] - billed, 0.0))
        assert plan.costs.total <= plan.hold_costs.total + 0.5
    free, charged, paid = peaks
    assert charged < free - 10
    assert paid == pytest.approx(free, abs=0.01)


def test_a_carbon_cap_is_kept_at_the_least_price_that_keeps_it(
    history: History, model: PlantModel, row: Snapshot
) -> None:
    site = with_levers(history.site, TANK)
    site = replace(site, tariff=replace(site.tariff, carbon_price_per_tonne=0.0))
    now = seen(row, site)
    dirty = np.where((np.arange(96) >= 24) & (np.arange(96) < 60), 700.0, 100.0)
    plain = day(site, now, dear=0.1)
    forecast = replace(plain, carbon=replace(plain.carbon, g_per_kwh=dirty))
    free = planned(site, with_tank(model), now, forecast)
    reached = float(free.prediction.carbon_kg.sum())

    def capped(kg: float) -> Plan:
        strict = replace(site, planning=replace(site.planning, carbon_cap_kg_per_day=kg))
        return planned(strict, with_tank(model), replace(now, site=strict), forecast)

    kept = capped(0.995 * reached)
    assert kept.prediction.carbon_kg.sum() <= 0.995 * reached + 1e-6
    assert not any(v.limit == "carbon cap" for v in kept.violations)
    price = next(p for p in kept.shadow_prices if p.limit == "carbon cap")
    assert price.unit == "kg"
    assert 0 < price.saving < 2.0
    assert kept.costs is not None
    assert free.costs is not None
    assert kept.costs.total >= free.costs.total - 1.0
    # Half of it cannot be had: servers take most. The plan says by how much, and what that is priced at.
    hopeless = capped(0.5 * reached)
    broken = next(v for v in hopeless.violations if v.limit == "carbon cap")
    assert broken.unit == "kg"
    assert broken.amount == pytest.approx(hopeless.prediction.carbon_kg.sum() - 0.5 * reached)
    assert broken.penalty == pytest.approx(2.0 * broken.amount)
    # A cap nobody reaches changes nothing.
    assert capped(2 * reached).first() == free.first()


def test_costs_are_told_apart_and_add_up(shifted: Plan, history: History) -> None:
    costs, predicted = shifted.costs, shifted.prediction
    assert costs is not None
    tariff = history.site.tariff
    assert costs.carbon == pytest.approx(predicted.carbon_kg.sum() / 1000 * tariff.carbon_price_per_tonne)
    assert costs.water == pytest.approx(predicted.water_l.sum() / 1000 * tariff.water_price_per_m3)
    hours = shifted.grid.step_h * np.arange(96)
    price = np.where((hours >= 6) & (hours < 10), 0.3, 0.1)
    assert costs.energy == pytest.approx((predicted.facility_kw * price).sum() * shifted.grid.step_h)
    assert costs.energy + costs.carbon + costs.water == pytest.approx(predicted.cost.sum())
    running = predicted.chillers_on
    assert running is not None
    started = np.maximum(np.diff(running), 0.0).sum()
    assert costs.wear >= 5.0 * started - 1e-6
    assert costs.total == pytest.approx(
        costs.energy + costs.carbon + costs.water + costs.demand + costs.wear + costs.stored
    )


def test_more_room_in_the_tank_never_costs_more(history: History, model: PlantModel, row: Snapshot) -> None:
    site = with_levers(history.site, TANK)
    money = []
    for capacity in (0.5, 1.0, 2.0):
        # The same 400 kWh of cold to begin with.
        now = seen(row, site, charge=400.0 / (capacity * CAPACITY_KWH))
        plan = planned(site, with_tank(model, capacity * CAPACITY_KWH), now, day(site, now))
        assert plan.costs is not None
        assert plan.prediction.stored_kwh is not None
        money.append(plan.costs.total)
    assert money[0] >= money[1] - 1.0 >= money[2] - 2.0
