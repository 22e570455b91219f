"""Faults of machines of the bundled simulator: changed parameters, or actuators held from outside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from plant.points import OwnerId, PointId
from plant.quantities import Quantity
from plant.site import EquipmentKind, Site
from sim.arrays import Array
from sim.faults.fault import Fault, machines_hit
from sim.loops import LoopState
from sim.parameters import PlantParameters
from sim.plc import crah_units
from sim.state import Actuators

NO_AIR = 1e-3
"""Share of its air a CRAH with a dead fan still passes: the physics wants it above zero."""


@dataclass(frozen=True)
class Upset:
    """Machines that do not do what their controllers tell them. Satisfies `sim.plant.Upset`.

    `valve` holds NaN where the valve is free; `off` is 1 for chillers that may not run.
    """

    valve: Array
    off: Array
    no_economizer: bool

    def hold(self, loops: LoopState, actuators: Actuators) -> tuple[LoopState, Actuators]:
        """Loops and actuators as the broken machines leave them."""
        valve = np.where(np.isnan(self.valve), loops.valve, self.valve)
        loops = loops._replace(valve=valve, tripped=np.zeros_like(loops.tripped) + self.off)
        actuators = actuators._replace(valve=valve, chillers_on=actuators.chillers_on * (1.0 - self.off))
        if not self.no_economizer:
            return loops, actuators
        none = np.zeros_like(loops.economizer_on)
        # Its timer starts anew each scan, so its controller never enables it.
        loops = loops._replace(economizer_on=none, economizer_age_s=none)
        return loops, actuators._replace(economizer_on=none)


def upset_by(faults: Sequence[Fault], site: Site, p: PlantParameters) -> Upset | None:
    """What these faults hold; None where they hold nothing."""
    valve, off, locked = np.full(len(p.crahs.zone_of), np.nan), np.zeros(len(p.chillers.nominal_kw)), False
    for fault in faults:
        match fault.kind:
            case "stuck_valve":
                valve[_crahs(fault, site, p)] = fault.magnitude
            case "chiller_trip":
                off[_places(fault, site)] = 1.0
            case "economizer_lockout":
                locked = True
    if np.isnan(valve).all() and not off.any() and not locked:
        return None
    return Upset(valve, off, locked)


def worn(p: PlantParameters, faults: Sequence[Fault], site: Site) -> PlantParameters:
    """The plant's parameters with these faults in force."""
    for fault in faults:
        p = _worn_by(p, fault, site)
    return p


def _worn_by(p: PlantParameters, fault: Fault, site: Site) -> PlantParameters:
    left = 1.0 - fault.magnitude
    match fault.kind:
        case "fouled_coil":
            crahs = replace(p.crahs, ua_kw_k=_scaled(p.crahs.ua_kw_k, _crahs(fault, site, p), left))
            return replace(p, crahs=crahs)
        case "belt_slip":
            air = _scaled(p.crahs.airflow_m3_s, _crahs(fault, site, p), left)
            return replace(p, crahs=replace(p.crahs, airflow_m3_s=air))
        case "failed_fan":
            units = _crahs(fault, site, p)
            crahs = replace(
                p.crahs,
                airflow_m3_s=_scaled(p.crahs.airflow_m3_s, units, NO_AIR),
                fan_kw=_scaled(p.crahs.fan_kw, units, 0.0),
            )
            return replace(p, crahs=crahs)
        case "fouled_condenser":
            cop = _scaled(p.chillers.cop_reference, _places(fault, site), 1 / (1 + fault.magnitude))
            return replace(p, chillers=replace(p.chillers, cop_reference=cop))
        case "chilled_pump_trip":
            flow, power = p.loops.chilled_max_kg_s * left, p.loops.chilled_pump_kw * left
            return replace(p, loops=replace(p.loops, chilled_max_kg_s=flow, chilled_pump_kw=power))
        case "condenser_pump_trip":
            flow, power = p.loops.condenser_max_kg_s * left, p.loops.condenser_pump_kw * left
            return replace(p, loops=replace(p.loops, condenser_max_kg_s=flow, condenser_pump_kw=power))
        case "fouled_tower" | "failed_tower_fan":
            return _worn_tower(p, fault, site)
        case "blocked_tiles":
            hit = np.array([fault.hits(z.id) for z in site.zones], float)
            return replace(p, zones=replace(p.zones, leak=p.zones.leak + fault.magnitude * hit))
        case _:
            return p


def _worn_tower(p: PlantParameters, fault: Fault, site: Site) -> PlantParameters:
    """Fouled fill passes less air; a dead fan leaves its cell with what convection draws.

    The correlation works with the ratio of water to air: less air per cell is more water to it.
    """
    cells, hit = len(p.loops.tower_fan_kw), _places(fault, site)
    share = len(hit) / cells
    dead = fault.kind == "failed_tower_fan"
    left = 1.0 - share * (0.875 if dead else fault.magnitude)
    fan = _scaled(p.loops.tower_fan_kw, hit, 0.0) if dead else p.loops.tower_fan_kw
    loops = replace(
        p.loops,
        tower_water_kg_s=p.loops.tower_water_kg_s * left,
        tower_air_kg_s=p.loops.tower_air_kg_s * left,
        tower_fan_kw=fan,
    )
    return replace(p, loops=loops)


def dead_fan_points(faults: Sequence[Fault], site: Site) -> frozenset[PointId]:
    """Fan-speed sensors of fans that stand still: their feedback says so."""
    stopped = {
        m for f in faults if f.kind in ("failed_fan", "failed_tower_fan") for m in machines_hit(f, site)
    }
    return frozenset(p.id for owner in stopped for p in site.points_of(OwnerId(owner), Quantity.FAN_SPEED))


def _crahs(fault: Fault, site: Site, p: PlantParameters) -> list[int]:
    units = crah_units(site, p.crahs)
    return [i for machine in machines_hit(fault, site) for i in units[machine]]


def _places(fault: Fault, site: Site) -> list[int]:
    same = site.equipment_of(fault.facts.machine or EquipmentKind.METER)
    return [i for i, e in enumerate(same) if fault.hits(e.id)]


def _scaled(values: Array, places: list[int], factor: float) -> Array:
    out = values.copy()
    out[places] *= factor
    return out
