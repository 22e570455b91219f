"""Every true quantity of one plant in one vector: what sensors are wired to."""

from __future__ import annotations

import numpy as np

from sim.arrays import Array
from sim.loops import LoopState
from sim.parameters import PlantParameters
from sim.plc import Plc
from sim.state import Flows, PlantState, Weather


def signals_of(
    p: PlantParameters, state: PlantState, flows: Flows, loops: LoopState, plc: Plc, weather: Weather
) -> Array:
    """Every true quantity of one plant in one vector, laid out as `layout_of` says."""
    who, regs = plc.supervision, plc.registers
    ups_kw = flows.facility_kw - flows.cooling_kw - p.power.lighting_kw
    return np.concatenate(
        (
            state.inlet_c.ravel(),
            state.supply_c,
            state.room.hot_c,
            np.maximum(plc.active.fan_ratio, loops.helping),
            loops.valve,
            flows.crah_fan_kw,
            regs.supply_air_c,
            regs.fan_ratio,
            flows.zone_it_kw,
            flows.utilization,
            flows.chiller_kw,
            (flows.chiller_heat_kw > 0).astype(float),
            flows.tower_fan_kw,
            np.array(
                [
                    regs.chilled_c,
                    regs.condenser_c,
                    flows.it_meter_kw,
                    state.chilled_c,
                    flows.chilled_return_c,
                    flows.chilled_kg_s / 998.0,
                    state.condenser_c,
                    flows.economizer_kw,
                    weather.dry_bulb_c,
                    weather.wet_bulb_c,
                    flows.facility_kw,
                    flows.cooling_kw,
                    flows.makeup_kg_s / 998.0,
                    who.heartbeat,
                    float(who.local),
                    flows.chilled_pump_kw,
                    flows.condenser_pump_kw,
                    loops.economizer_on,
                    loops.tower_fan,
                    ups_kw,
                ]
            ),
        )
    )


_SCALARS = (
    "chilled_sp", "condenser_sp", "it_meter", "chilled", "chilled_return", "chilled_flow", "condenser",
    "economizer", "dry", "wet", "facility", "cooling", "makeup", "heartbeat", "local", "chilled_pump",
    "condenser_pump", "economizer_on", "tower_speed", "ups",
)  # fmt: skip


def layout_of(p: PlantParameters) -> dict[str, range]:
    """Where each named signal lies in the vector of `signals_of`."""
    zones, crahs = len(p.zones.design_kw), len(p.crahs.zone_of)
    chillers, cells = len(p.chillers.nominal_kw), len(p.loops.tower_fan_kw)
    sizes = {
        "inlet": zones * p.groups, "supply": crahs, "hot": zones, "fan": crahs, "valve": crahs,
        "crah_kw": crahs,
        "sat_sp": crahs, "fan_sp": crahs, "zone_it": zones, "util": zones, "chiller_kw": chillers,
        "chiller_on": chillers, "tower_kw": cells, **dict.fromkeys(_SCALARS, 1),
    }  # fmt: skip
    found, at = {}, 0
    for name, size in sizes.items():
        found[name] = range(at, at + size)
        at += size
    return found
