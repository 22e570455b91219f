"""A planning problem put together from a snapshot and a forecast, or what is missing for one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.billing import DemandBill
from optimizer.board_reader import read_board
from optimizer.identify.liquid import REFERENCE_C
from optimizer.model import PlantModel, World
from optimizer.moist import dew_point_of, pressure_kpa
from optimizer.problem import PlannerSettings, Problem
from optimizer.running import STANDING, Running
from optimizer.switches import read_switches
from optimizer.units_running import as_it_runs
from plant.forecast import Array, Forecast
from plant.idle_units import redundancy_now
from plant.quantities import Quantity
from plant.site import EquipmentKind, Site
from plant.snapshot import Snapshot

_STEADY_K = 0.1
"""Inlets this much warmer than the model says are taken for noise, not for bias. [K]"""
_MOST_BIAS_K = 12.0
_G_PER_TONNE = 1e6


@dataclass(frozen=True)
class Unready:
    """Why there is no problem to solve: data that a plan may not do without."""

    reason: str


def pose(
    site: Site,
    model: PlantModel,
    settings: PlannerSettings,
    snapshot: Snapshot,
    forecast: Forecast,
    running: Running = STANDING,
) -> Problem | Unready:
    """Put one problem together, or say what is missing."""
    board = read_board(site, model, snapshot)
    switches = read_switches(site, model, snapshot)
    missing = (*board.missing, *switches.missing)
    if missing:
        return Unready(f"the present position of {', '.join(missing)} is not known")
    blind = [z.id for z in site.zones if not snapshot.inlets_c(z.id).size]
    if blind:
        return Unready(f"no usable rack inlet in {', '.join(blind)}")
    reference = np.column_stack([forecast.it_reference_kw[z.id].mean for z in site.zones])
    spread = np.column_stack([forecast.it_reference_kw[z.id].std for z in site.zones])
    wet = forecast.wet_bulb_c.mean
    dry = forecast.dry_bulb_c.mean
    asked = [("IT power", reference), ("wet bulb", wet), ("price", forecast.price.per_kwh)]
    if not model.bank.plain:
        asked.append(("dry bulb", dry))
    for name, values in asked:
        if np.isnan(values).any():
            return Unready(f"the forecast of {name} has gaps")
    carbon = forecast.carbon.g_per_kwh
    notes = [*board.left_alone, *switches.left_alone]
    if any(e.zone is None for e in site.equipment_of(EquipmentKind.AIR_ECONOMIZER)):
        notes.append("outdoor air of no one zone is in no law: what it saves is not predicted")
    notes += [
        f"{record.name} is reckoned with, untaught: {'; '.join(record.disqualified)}"
        for record in model.evidence
        if record.name.endswith((".outdoor-air", ".liquid")) and not record.trusted
    ]
    if np.isnan(carbon).any():
        notes.append("carbon intensity has gaps: those hours are planned without a carbon cost")
    per_g = site.tariff.carbon_price_per_tonne / _G_PER_TONNE
    inlets, bias = _inlets(site, model, snapshot)
    dew = None if model.bank.plain else dew_point_of(dry, wet, pressure_kpa(site.elevation_m))
    stored = _stored_kwh(site, model, snapshot)
    running_units, redundancy = as_it_runs(model, redundancy_now(site, snapshot))
    world = World(
        forecast.grid.step_s, reference, np.nan_to_num(spread), wet, inlets, bias, stored,
        machines=running.machines, dry_bulb_c=dry, dew_point_c=dew, liquid_c=_liquid_c(model, snapshot),
    )  # fmt: skip
    return Problem(
        site=site,
        model=running_units,
        learned=model.version,
        settings=settings,
        grid=forecast.grid,
        board=board,
        world=world,
        energy_price=forecast.price.per_kwh + per_g * np.nan_to_num(carbon),
        plain_price=forecast.price.per_kwh,
        carbon_g_per_kwh=carbon,
        limit_c=np.array([z.limits.planning_max_c for z in site.zones]),
        redundancy=redundancy,
        notes=tuple(notes),
        switches=switches,
        schedule=switches.held(forecast.grid.steps),
        running=running,
        waiting_kwh=forecast.waiting_kwh,
        bill=DemandBill.of(site, forecast),
        storage_kw=None if board.tank is None else np.full(forecast.grid.steps, board.tank.present),
    )


def _stored_kwh(site: Site, model: PlantModel, snapshot: Snapshot) -> float:
    """What the tanks hold now; 0 where nobody knows (their lever is then left alone). [kWh]"""
    charge = snapshot.values(site.points_with(Quantity.STORAGE_CHARGE))
    known = charge[~np.isnan(charge)]
    return float(known.mean()) * model.storage.capacity_kwh if known.size else 0.0


def _liquid_c(model: PlantModel, snapshot: Snapshot) -> Array | None:
    """Where liquid loops stand: their setpoint, else what is measured. Shape (loops,). [°C]"""
    if not model.liquid:
        return None
    asked = [snapshot.mean(law.unit, Quantity.LIQUID_SUPPLY_TEMPERATURE_SETPOINT) for law in model.liquid]
    seen = [snapshot.mean(law.unit, Quantity.LIQUID_SUPPLY_TEMPERATURE) for law in model.liquid]
    return np.nan_to_num(np.where(np.isnan(asked), seen, asked), nan=REFERENCE_C)


def _inlets(site: Site, model: PlantModel, snapshot: Snapshot) -> tuple[Array, Array]:
    """Where each inlet stands, and how much warmer it is than the model can explain.

    A lost sensor is taken to stand where the zone's warmest does. A warm residual is kept over the
    horizon (a plan must not count on it going away); a cool one is not counted on.
    """
    sensors = model.bank.sensors
    inlets = np.full((len(model.zones), sensors), np.nan)
    bias = np.zeros_like(inlets)
    for i, zone in enumerate(model.zones):
        law = zone.inlets
        seen = np.array([snapshot.value(p) for p in law.sensors])
        supply = snapshot.zone_mean(zone.id, Quantity.SUPPLY_AIR_TEMPERATURE)
        speed = snapshot.zone_mean(zone.id, Quantity.FAN_SPEED)
        power = snapshot.zone_mean(zone.id, Quantity.IT_POWER)
        if not np.isnan([supply, speed, power]).any() and speed > 0.05:
            unexplained = seen - law.settled_c(supply, power, speed) - _STEADY_K
            bias[i, : len(seen)] = np.clip(np.nan_to_num(unexplained), 0.0, _MOST_BIAS_K)
        inlets[i, : len(seen)] = np.where(np.isnan(seen), snapshot.worst_inlet_c(zone.id), seen)
    return inlets, bias
