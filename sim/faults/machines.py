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

    `valve` and `damper` hold NaN where they are free; `off` is 1 for chillers that may not run, `shut`
    for tanks that do nothing.
    """

    valve: Array
    damper: Array
    off: Array
    shut: Array
    no_economizer: bool

    def hold(self, loops: LoopState, actuators: Actuators) -> tuple[LoopState, Actuators]:
        """Loops and actuators as the broken machines leave them."""
        valve = np.where(np.isnan(self.valve), loops.valve, self.valve)
        damper = np.where(np.isnan(self.damper), loops.damper, self.damper)
        loops = loops._replace(valve=valve, damper=damper, tripped=np.zeros_like(loops.tripped) + self.off)
        actuators = actuators._replace(
            valve=valve,
            damper=damper,
            chillers_on=actuators.chillers_on * (1.0 - self.off),
            tank_kw=actuators.tank_kw * (1.0 - self.shut),
        )
        if not self.no_economizer:
            return loops, actuators
        none = np.zeros_like(loops.economizer_on)
        # Its timer starts anew each scan, so its controller never enables it.
        loops = loops._replace(economizer_on=none, economizer_age_s=none)
        return loops, actuators._replace(economizer_on=none)


def upset_by(faults: Sequence[Fault], site: Site, p: PlantParameters) -> Upset | None:
    """What these faults hold; None where they hold nothing."""
    valve, damper = np.full(len(p.crahs.zone_of), np.nan), np.full(len(site.zones), np.nan)
    off, shut, locked = np.zeros(len(p.chillers.nominal_kw)), np.zeros(len(p.tanks.mass_kg)), False
    for fault in faults:
        match fault.kind:
            case "stuck_valve":
                valve[_crahs(fault, site, p)] = fault.magnitude
            case "compressor_trip":
                valve[_crahs(fault, site, p)] = 0.0
            case "stuck_damper":
                damper[_zones(fault, site)] = fault.magnitude
            case "chiller_trip":
                off[_places(fault, site)] = 1.0
            case "tank_valve_shut":
                shut[_places(fault, site)] = 1.0
            case "economizer_lockout":
                locked = locked or bool(_places(fault, site))
                damper[_zones(fault, site)] = 0.0
    free = np.isnan(valve).all() and np.isnan(damper).all()
    if free and not off.any() and not shut.any() and not locked:
        return None
    return Upset(valve, damper, off, shut, locked)


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
            cdus = _places(fault, site, EquipmentKind.CDU)
            liquid = replace(p.liquid, ua_kw_k=_scaled(p.liquid.ua_kw_k, cdus, left))
            return replace(p, crahs=crahs, liquid=liquid)
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
        case "fouled_dx_condenser":
            hit = _crahs(fault, site, p)
            cop = _scaled(p.crahs.dx_cop, hit, 1 / (1 + fault.magnitude))
            return replace(p, crahs=replace(p.crahs, dx_cop=cop, dx_kw=_scaled(p.crahs.dx_kw, hit, left)))
        case "liquid_pump_trip":
            hit = _places(fault, site)
            through = _scaled(p.liquid.flow_kg_s, hit, left)
            pumped = _scaled(p.liquid.pump_kw, hit, left)
            return replace(p, liquid=replace(p.liquid, flow_kg_s=through, pump_kw=pumped))
        case "heat_pump_trip":
            still = 1 - len(_places(fault, site)) / len(site.equipment_of(EquipmentKind.HEAT_RECOVERY))
            return replace(p, recovery=replace(p.recovery, most_kw=p.recovery.most_kw * still))
        case "chilled_pump_trip":
            loops = replace(
                p.loops,
                chilled_max_kg_s=p.loops.chilled_max_kg_s * left,
                chilled_pump_kw=p.loops.chilled_pump_kw * left,
                primary_pump_kw=p.loops.primary_pump_kw * left,
            )
            return replace(p, loops=loops)
        case "condenser_pump_trip":
            flow, power = p.loops.condenser_max_kg_s * left, p.loops.condenser_pump_kw * left
            return replace(p, loops=replace(p.loops, condenser_max_kg_s=flow, condenser_pump_kw=power))
        case "fouled_tower" | "failed_tower_fan":
            return _worn_tower(p, fault, site)
        case "blocked_tiles":
            where = np.array([fault.hits(z.id) for z in site.zones], float)
            return replace(p, zones=replace(p.zones, leak=p.zones.leak + fault.magnitude * where))
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
    return [i for machine in machines_hit(fault, site) if machine in units for i in units[machine]]


def _places(fault: Fault, site: Site, kind: EquipmentKind | None = None) -> list[int]:
    """Which machines of a kind are hit; of the fault's first kind where none is given."""
    same = site.equipment_of(kind or fault.facts.machines[0])
    return [i for i, e in enumerate(same) if fault.hits(e.id)]


def _zones(fault: Fault, site: Site) -> list[int]:
    """The zones whose outdoor-air dampers are hit."""
    serves = {e.zone for e in site.equipment_of(EquipmentKind.AIR_ECONOMIZER) if fault.hits(e.id)}
    return [i for i, z in enumerate(site.zones) if z.id in serves or None in serves]


def _scaled(values: Array, places: list[int], factor: float) -> Array:
    out = values.copy()
    out[places] *= factor
    return out
