"""Metrics fed with a made-up hour in which every metric of the catalog has something to say."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from controller.alarm_catalog import Priority
from controller.contingency import TripOutcome
from controller.metrics import Metrics
from controller.metrics_upkeep import Condition
from plant.data_quality import DataQuality
from plant.forecast import Band, CarbonKind, CarbonSeries, Forecast, PriceSeries
from plant.history import History
from plant.plan import NoPlan, NoPlanCause, Plan, PlanStatus, Prediction, SolverFacts
from plant.points import SITE, OwnerId, Point
from plant.quantities import Quantity
from plant.readings import Quality, Reading
from plant.site import Site
from plant.snapshot import Snapshot
from plant.timegrid import TimeGrid
from reports.account_record import Account
from reports.balance import meter_balance
from reports.baseline import BaselineModel
from telemetry.crosschecks import CrossCheck
from telemetry.health import DeviceHealth
from telemetry.historian.writer import StoreState
from telemetry.poller import PollStats

ROOT = Path(__file__).parents[2]
START = datetime(2026, 7, 1, tzinfo=UTC)

TYPICAL = {
    Quantity.INLET_TEMPERATURE: 24.0,
    Quantity.SUPPLY_AIR_TEMPERATURE: 18.0,
    Quantity.RETURN_AIR_TEMPERATURE: 32.0,
    Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT: 18.0,
    Quantity.FAN_SPEED: 0.8,
    Quantity.FAN_SPEED_SETPOINT: 0.9,
    Quantity.VALVE_POSITION: 0.5,
    Quantity.POWER: 10.0,
    Quantity.IT_POWER: 200.0,
    Quantity.UTILIZATION: 0.5,
    Quantity.RUN_STATUS: 1.0,
    Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE: 7.0,
    Quantity.CHILLED_WATER_RETURN_TEMPERATURE: 13.0,
    Quantity.CHILLED_WATER_FLOW: 0.03,
    Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE_SETPOINT: 7.0,
    Quantity.CONDENSER_WATER_SUPPLY_TEMPERATURE: 24.0,
    Quantity.CONDENSER_WATER_SUPPLY_TEMPERATURE_SETPOINT: 24.0,
    Quantity.ECONOMIZER_HEAT: 100.0,
    Quantity.OUTDOOR_DRY_BULB: 22.0,
    Quantity.OUTDOOR_WET_BULB: 17.0,
    Quantity.FACILITY_POWER: 1100.0,
    Quantity.COOLING_POWER: 160.0,
    Quantity.WATER_FLOW: 3e-4,
    Quantity.HEARTBEAT: 1.0,
    Quantity.HEARTBEAT_ECHO: 1.0,
    Quantity.LOCAL_CONTROL: 0.0,
}


def typical_snapshot(site: Site, at: datetime = START, **values: float) -> Snapshot:
    """Every point at a typical value; `values` by point id with underscores for dots and dashes."""

    def reading(point: Point) -> Reading:
        value = values.get(point.id.replace(".", "_").replace("-", "_"), TYPICAL[point.quantity])
        quality = Quality.MISSING if math.isnan(value) else Quality.GOOD
        return Reading(point.id, at - timedelta(seconds=5), value, quality)

    return Snapshot(site, at, {p.id: reading(p) for p in site.points})


def made_up_history(site: Site, start: datetime, hours: int, cooling_factor: float) -> History:
    steps = hours * 4
    h = np.arange(steps) / 4
    use = 0.5 + 0.2 * np.sin(2 * np.pi * h / 24)
    wet_bulb = 17 + 5 * np.sin(2 * np.pi * (h - 3) / 24) + 2 * np.sin(h / 17)
    it = 1120 * (0.3 + 0.6 * use)
    cooling = cooling_factor * (40 + 0.12 * it + 5 * np.maximum(wet_bulb - 16, 0) + np.sin(h / 5))
    columns = {
        "utility-meter.power": 1.06 * it + cooling,
        "it-meter.power": it,
        "cooling-meter.power": cooling,
        "makeup-water.flow": (0.6 * it) / 3.6e6,
        "outdoor.wet-bulb": wet_bulb,
        **{f"{z.id}.utilization": use for z in site.zones},
    }
    columns |= {p: np.full(steps, lv.as_found) for lv in site.levers for p in lv.points}
    index = pd.date_range(start, periods=steps, freq="900s")
    values = pd.DataFrame(columns, index=index)
    return History(site, 900, values, pd.DataFrame(1.0, index=index, columns=values.columns))


def constant_feeds(start: datetime, hours: int) -> tuple[CarbonSeries, PriceSeries]:
    """Carbon and price that do not change, labeled synthetic."""
    grid = TimeGrid(start, 3600, hours)
    carbon = CarbonSeries(grid, np.full(hours, 400.0), CarbonKind.AVERAGE, "synthetic", synthetic=True)
    return carbon, PriceSeries(grid, np.full(hours, 0.1), "USD", "tariff")


def typical_plan(site: Site) -> Plan:
    grid = TimeGrid(START, 900, 96)
    flat = np.ones(96)
    inlets = {z.id: 25.0 * flat for z in site.zones}

    def prediction(kw: float) -> Prediction:
        return Prediction(
            inlets, dict.fromkeys(inlets, 0.3 * flat), 800 * flat, 150 * flat, kw * flat, flat, flat, flat
        )

    return Plan(
        id="p1",
        made_at=START,
        grid=grid,
        status=PlanStatus.OPTIMAL,
        chosen="mpc",
        trajectory={lv.id: lv.as_found * flat for lv in site.levers},
        prediction=prediction(1000.0),
        hold=prediction(1050.0),
        candidates=(),
        binding=(),
        reason="test",
        model_version="1",
        solver=SolverFacts("highs", "optimal", 1e-4, 10, 10, {"build": 0.4, "solve": 1.2}),
        data_quality=DataQuality(measured=110, missing=(site.points[0].id,), oldest_s=12.0),
    )


def typical_outlook() -> Forecast:
    carbon, price = constant_feeds(START, 48)
    flat = Band(np.full(48, 20.0), np.ones(48))
    return Forecast(START, carbon.grid, {}, flat, flat, carbon, price)


def typical_condition(turn: int) -> Condition:
    """One device silent, everything else well; counters that grow."""
    return Condition(
        devices=(DeviceHealth("bms#1", True, 0, ""), DeviceHealth("servers", False, 3, "no answer")),
        polling=PollStats(10 * turn, turn, 0.5, 0.1),
        history=StoreState("", 0, turn),
        checks=(CrossCheck("heat balance", True, "as it should be", ()),),
        feeds={"watttime": ()},
    )


def feed(
    metrics: Metrics, site: Site, baseline: BaselineModel, accounted: Callable[..., Account], turn: int = 0
) -> None:
    """Let the metrics see one of everything; call with rising `turn` for a running site."""
    now = START + timedelta(minutes=5 * turn)
    metrics.observe_snapshot(typical_snapshot(site, now, zone_a_inlet_1=27.5))
    metrics.observe_heartbeat()
    metrics.observe_cycle(2.0)
    metrics.observe_cycle(0.5, failure="no_data")
    metrics.observe_plan(NoPlan(START, NoPlanCause.DEADLINE, "late"))
    metrics.observe_plan(typical_plan(site))
    for outcome in ("pending", "approved", "applied"):
        metrics.observe_proposal(outcome)
    metrics.observe_pending(1)
    for kind in ("approve", "reject", "hold", "fallback", "mode_change", "limit_change"):
        metrics.observe_decision(kind)
    metrics.observe_command("confirmed")
    metrics.observe_setpoints("approved", site.as_found)
    metrics.observe_leases({lv.id: now + timedelta(minutes=30) for lv in site.levers})
    zones = [SITE, *(z.id for z in site.zones)]
    metrics.observe_modes(dict.fromkeys(zones, "advisory"))
    metrics.observe_market(now, *constant_feeds(START, 48))
    metrics.observe_feeds(typical_outlook())
    metrics.observe_switchback("control")
    metrics.observe_balance(meter_balance(made_up_history(site, START, 24, 1.0)))
    metrics.observe_trips([TripOutcome(OwnerId("crah-1"), OwnerId("zone-a"), 29.5, 32.0, float("inf"))])
    metrics.observe_baseline(baseline)
    metrics.observe_condition(typical_condition(turn))
    metrics.observe_alarms([Priority.LOW])
    metrics.observe_interval(accounted(0.8, START + timedelta(hours=turn)))
