"""The chilled-water side: pipes, pumps, economizer, tank, chillers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from plant.psychrometrics import CP_WATER
from sim.arrays import Array
from sim.parameters import PIPE_CELLS, PIPE_SHARE, PlantParameters
from sim.parts.air import AirFlows
from sim.physics import chiller, economizer, pipes, pumps, tank
from sim.physics.tank import TankState
from sim.state import Actuators, PlantState, Weather

LOOP_CONTROL_S = 120.0
"""How fast chillers and exchanger correct the chilled-water temperature."""
MIN_FLOW_PER_CHILLER = 0.35
"""Least evaporator flow over design; a bypass keeps it."""


class ChilledFlows(NamedTuple):
    """What happened between coils and machines."""

    chilled_c: Array
    flow_pipe_c: Array
    return_pipe_c: Array
    return_c: Array
    flow_kg_s: Array
    pump_kw: Array
    chiller_heat_kw: Array
    chiller_kw: Array
    economizer_kw: Array
    capacity_kw: Array
    tank: TankState
    tank_kw: Array
    wall_kw: Array
    """Heat that came into tanks through their walls. Shape (...)."""


class Pumped(NamedTuple):
    """Water sent to the coils: how much, how warm, and what pumping it takes."""

    flow_kg_s: Array
    inlet_c: Array
    pump_kw: Array


def no_chilled_water(
    p: PlantParameters,
    state: PlantState,
    act: Actuators,
    air: AirFlows,
    tower_kg_s: Array,
    weather: Weather,
    step_s: float,
) -> ChilledFlows:
    """A site without a water plant: nothing moves."""
    none = 0.0 * state.chilled_c
    idle = none[..., None] * p.chillers.nominal_kw
    return ChilledFlows(
        state.chilled_c, state.flow_pipe_c, state.return_pipe_c, state.chilled_c, none, none,
        idle, idle, none, none, state.tank, 0.0 * state.tank.cold_c, none,
    )  # fmt: skip


def chilled_water(
    p: PlantParameters,
    state: PlantState,
    act: Actuators,
    air: AirFlows,
    tower_kg_s: Array,
    weather: Weather,
    step_s: float,
) -> ChilledFlows:
    """Coil heat comes home by pipe, is met by the exchanger first, then the tank, then chillers that run."""
    loops, ch = p.loops, p.chillers
    coils_kg_s = air.water_kg_s.sum(axis=-1)
    pumped = p.plan.pumping(p, state, act, coils_kg_s)
    stream = CP_WATER * pumped.flow_kg_s
    cell_kj_k = loops.chilled_kj_k * PIPE_SHARE / PIPE_CELLS
    flow_pipe = pipes.step_pipe(state.flow_pipe_c, pumped.inlet_c, stream, cell_kj_k, step_s)
    warmed = flow_pipe[..., -1] + air.water_heat_kw.sum(axis=-1) / stream
    return_pipe = pipes.step_pipe(state.return_pipe_c, warmed, stream, cell_kj_k, step_s)
    return_c = return_pipe[..., -1]

    load = stream * (return_c - pumped.inlet_c) + pumped.pump_kw
    node_kj_k = loops.chilled_kj_k * (1.0 - 2.0 * PIPE_SHARE)
    correction = node_kj_k * (state.chilled_c - act.chilled_target_c) / max(LOOP_CONTROL_S, step_s)
    needed = np.maximum(load + correction, 0.0)
    most = economizer.heat_kw(
        return_c, state.condenser_c, stream, CP_WATER * tower_kg_s, np.asanyarray(loops.exchanger_ua_kw_k)
    )
    free = act.economizer_on * np.minimum(most, needed)
    stored = p.plan.storage(p, state, act, return_c, needed - free, weather, step_s)
    charged = stored.charge_kw.sum(axis=-1)

    entering = np.maximum(state.condenser_c[..., None], ch.curves.entering_c[0])
    leaving = state.chilled_c[..., None]
    available = chiller.available_kw(ch.reference_kw, ch.curves, leaving, entering) * act.chillers_on
    capacity = available.sum(axis=-1)
    left = np.maximum(needed - free + charged, 0.0)
    part = np.minimum(
        (left / np.maximum(capacity, 1e-6))[..., None], ch.curves.plr_max * act.chiller_ramp[..., None]
    )
    heat = available * part
    power = act.chillers_on * chiller.compressor_kw(
        heat, available, ch.cop_reference, ch.curves, leaving, entering
    )
    removed = heat.sum(axis=-1) + free - charged
    chilled = state.chilled_c + step_s * (load - removed) / node_kj_k
    return ChilledFlows(
        chilled, flow_pipe, return_pipe, return_c, pumped.flow_kg_s, pumped.pump_kw,
        heat, power, free, capacity, stored.tank, stored.charge_kw, stored.wall_kw,
    )  # fmt: skip


# -- pumping ------------------------------------------------------------------------------------


def variable_primary(p: PlantParameters, state: PlantState, act: Actuators, coils_kg_s: Array) -> Pumped:
    """One set of variable-speed pumps; a bypass at the end of the run keeps the chillers' least flow."""
    loops = p.loops
    running = act.chillers_on.sum(axis=-1)
    least = MIN_FLOW_PER_CHILLER * loops.chilled_max_kg_s / len(p.chillers.nominal_kw) * running
    flow = np.maximum(np.maximum(coils_kg_s, least), 0.02 * loops.chilled_max_kg_s)
    share = np.minimum(flow / loops.chilled_max_kg_s, 1.0)
    return Pumped(
        flow, state.chilled_c, loops.chilled_pump_kw * pumps.power_ratio(share, pumps.CHILLED_WATER)
    )


def primary_secondary(p: PlantParameters, state: PlantState, act: Actuators, coils_kg_s: Array) -> Pumped:
    """Constant flow through each running chiller, variable flow to the coils, a decoupler between.

    When the coils want more than the chillers pass, the rest comes back through the decoupler as it
    returned: supply water is warmer than the chillers make it.
    """
    loops = p.loops
    primary_share = act.chillers_on.sum(axis=-1) / len(p.chillers.nominal_kw)
    # The exchanger has the primary pumps' flow too.
    primary = loops.chilled_max_kg_s * np.maximum(primary_share, act.economizer_on)
    flow = np.maximum(coils_kg_s, 0.02 * loops.chilled_max_kg_s)
    back = np.maximum(flow - primary, 0.0) / flow
    inlet = state.chilled_c + back * (state.return_pipe_c[..., -1] - state.chilled_c)
    share = np.minimum(flow / loops.chilled_max_kg_s, 1.0)
    secondary_kw = loops.chilled_pump_kw * pumps.power_ratio(share, pumps.CHILLED_WATER)
    primary_kw = loops.primary_pump_kw * primary / loops.chilled_max_kg_s
    return Pumped(flow, inlet, secondary_kw + primary_kw)


# -- storage ------------------------------------------------------------------------------------


class Stored(NamedTuple):
    """What a tank did: charging is positive."""

    tank: TankState
    charge_kw: Array
    wall_kw: Array


def no_storage(
    p: PlantParameters,
    state: PlantState,
    act: Actuators,
    return_c: Array,
    needed_kw: Array,
    weather: Weather,
    step_s: float,
) -> Stored:
    """No tank."""
    return Stored(state.tank, 0.0 * state.tank.cold_c, 0.0 * needed_kw)


def storage_tank(
    p: PlantParameters,
    state: PlantState,
    act: Actuators,
    return_c: Array,
    needed_kw: Array,
    weather: Weather,
    step_s: float,
) -> Stored:
    """Tanks charge with plant water and discharge into it; never more cold than is needed now."""
    t, s = p.tanks, state.tank
    asked = np.minimum(np.maximum(act.tank_kw, -t.most_kw), t.most_kw)
    chilled, back = state.chilled_c[..., None], return_c[..., None]
    # Charging with water that is hardly colder than what it pushes out is no use: one kelvin at least.
    in_k = s.warm_c - chilled
    most_in = np.minimum(
        t.most_kw / (CP_WATER * t.design_k) * 2.0, tank.room_to_charge_kg_s(s, t.mass_kg, step_s)
    )
    in_kg_s = np.where(
        in_k > 1.0, np.minimum(np.maximum(asked, 0.0) / (CP_WATER * np.maximum(in_k, 1.0)), most_in), 0.0
    )
    out_k = back - s.cold_c
    most_out = np.minimum(
        t.most_kw / (CP_WATER * t.design_k) * 2.0, tank.left_to_discharge_kg_s(s, t.mass_kg, step_s)
    )
    wanted = np.minimum(np.maximum(-asked, 0.0), needed_kw[..., None] / len(t.mass_kg))
    out_kg_s = np.where(out_k > 1.0, np.minimum(wanted / (CP_WATER * np.maximum(out_k, 1.0)), most_out), 0.0)
    gain_kw = tank.wall_gain_kw(s, weather.dry_bulb_c[..., None], t.wall_kw_k)
    new = tank.step_tank(s, in_kg_s, chilled, out_kg_s, back, t.mass_kg, t.interface_kw_k, step_s, gain_kw)
    return Stored(new, CP_WATER * (in_kg_s * in_k - out_kg_s * out_k), gain_kw.sum(axis=-1))
