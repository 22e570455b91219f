"""The site's own controllers, lower half: valves, staging, tower fans, economizer.

In the manner of ASHRAE Guideline 36: fast loops hold temperatures, chillers are staged by load
with minimum run and idle times, the water-side economizer is integrated and enabled when the
wet bulb promises enough (5.20.3), and tower fans hold the condenser-water setpoint.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from plant.psychrometrics import CP_AIR, RHO_AIR
from sim.arrays import Array
from sim.parameters import PlantParameters
from sim.physics import tower
from sim.plc import Registers
from sim.state import Actuators, Flows, PlantState, Weather
from sim.teamwork import chillers_to_run, helping_speed, takeover_ramp

VALVE_LEAST, VALVE_GAIN, VALVE_STROKE_PER_STEP = 0.02, 1.2, 2.0
TOWER_FAN_LEAST, TOWER_GAIN_PER_K_S, ECONOMIZER_FAN_MAX = 0.1, 0.05 / 30, 0.85
STAGE_UP_ERROR_K, STAGE_UP_LOAD, STAGE_UP_AFTER_S, STAGE_UP_REST_S = 0.8, 0.96, 300.0, 600.0
STAGE_DOWN_LOAD, STAGE_DOWN_AFTER_S, STAGE_MIN_RUN_S = 0.85, 900.0, 1800.0
START_RAMP_S = 240.0
ECONOMIZER_ON_K, ECONOMIZER_OFF_K, ECONOMIZER_HOLD_S = 1.5, 0.3, 1200.0
EXCHANGER_APPROACH_K, FROST_C = 1.5, 4.0
ECONOMIZER_COLDER_K = 3.0
"""How far below the chilled-water setpoint tower water is driven while the exchanger works."""
OVERRIDE_K, OVERRIDE_END_K = 2.5, 0.5
"""Chilled water this much too warm: the plant stages by itself, whatever a supervisor allows."""
CHARGE_FULL_K, CHARGE_NONE_K = 0.5, 2.0
"""A tank is charged less and less while chilled water is this much too warm: the load comes first."""


class LoopState(NamedTuple):
    """What the loops remember. Shapes as in `Actuators`; stages and timers (...)."""

    valve: Array
    tower_fan: Array
    stage: Array
    stage_age_s: Array
    up_s: Array
    down_s: Array
    ramp: Array
    economizer_on: Array
    economizer_age_s: Array
    helping: Array
    """Speed at which units help a dead neighbor, else 0. Shape (..., crahs)."""
    running: Array
    """Chillers told to run in the last scan, 0 or 1. Shape (..., chillers)."""
    tripped: Array
    """Fault contacts of the chillers, as the last scan found them."""
    stopped_s: Array
    """Time since a chiller was last stopped. Shape (...)."""
    override: Array
    """1 while the plant stages by itself, whatever a supervisor allows. Shape (...)."""
    damper: Array
    """Outdoor-air dampers. Shape (..., zones)."""


def begin_loops(p: PlantParameters) -> LoopState:
    """A plant that has run for a while: all chillers on, so that it sheds what it need not run."""
    n = len(p.crahs.zone_of)
    ready = np.array(1e5)
    return LoopState(
        valve=np.full(n, 0.5),
        tower_fan=np.array(0.6),
        stage=np.array(float(len(p.chillers.nominal_kw))),
        stage_age_s=ready,
        up_s=np.array(0.0),
        down_s=np.array(0.0),
        ramp=np.array(1.0),
        economizer_on=np.array(0.0),
        economizer_age_s=ready,
        helping=np.zeros(n),
        running=np.ones(len(p.chillers.nominal_kw)),
        tripped=np.zeros(len(p.chillers.nominal_kw)),
        stopped_s=ready,
        override=np.array(0.0),
        damper=np.zeros(len(p.zones.design_kw)),
    )


def control(
    p: PlantParameters,
    loops: LoopState,
    setpoints: Registers,
    state: PlantState,
    last: Flows,
    weather: Weather,
    step_s: float,
) -> tuple[LoopState, Actuators]:
    """Read the plant, move everything one scan."""
    helping = helping_speed(p, loops.helping, setpoints.fan_ratio, last.crah_fan_kw, step_s)
    setpoints = setpoints._replace(fan_ratio=np.maximum(setpoints.fan_ratio, helping))
    staged = _stages(p, loops, setpoints, state, last, step_s)
    running = chillers_to_run(p, staged.stage, loops.tripped)
    ramp = takeover_ramp(p, staged.ramp, loops.running, running)
    economizer_on, economizer_age = _economizer(p, loops, setpoints, last, weather, step_s)
    target = np.where(
        economizer_on > 0,
        np.maximum(np.minimum(setpoints.condenser_c, setpoints.chilled_c - ECONOMIZER_COLDER_K), FROST_C),
        setpoints.condenser_c,
    )
    fan_max = np.where(economizer_on > 0, ECONOMIZER_FAN_MAX, 1.0)
    new = LoopState(
        valve=_valves(p, loops, setpoints, state, last, step_s),
        tower_fan=_tower_fan(loops, last, target, fan_max, step_s),
        stage=staged.stage,
        stage_age_s=staged.age_s,
        up_s=staged.up_s,
        down_s=staged.down_s,
        ramp=ramp,
        economizer_on=economizer_on,
        economizer_age_s=economizer_age,
        helping=helping,
        running=running,
        tripped=0.0 * running,
        stopped_s=staged.stopped_s,
        override=staged.override,
        damper=p.plan.dampers(p, loops.damper, setpoints, state, last, weather, step_s),
    )
    return new, Actuators(
        fan=setpoints.fan_ratio,
        valve=new.valve,
        chillers_on=running,
        chiller_ramp=ramp,
        economizer_on=economizer_on,
        tower_fan=new.tower_fan,
        chilled_target_c=setpoints.chilled_c,
        condenser_target_c=target,
        damper=new.damper,
        tank_kw=_tank_rate(setpoints, state),
        liquid_target_c=setpoints.liquid_c,
        deferred_kw=setpoints.deferred_kw,
    )


def _valves(
    p: PlantParameters, loops: LoopState, sp: Registers, state: PlantState, last: Flows, step_s: float
) -> Array:
    """Supply-air control: open or close in proportion to cooling wanted over cooling had. [K over K]"""
    c = p.crahs
    fan_rise_k = last.crah_fan_kw / (RHO_AIR * CP_AIR * c.airflow_m3_s * np.maximum(sp.fan_ratio, 0.05))
    before_c = last.entering_c + fan_rise_k
    wanted, had = before_c - sp.supply_air_c, np.maximum(before_c - state.supply_c, 0.05)
    stroke = VALVE_STROKE_PER_STEP
    ratio = np.minimum(np.maximum(wanted / had, 1 / stroke), stroke) ** (VALVE_GAIN * min(step_s / 30.0, 1.0))
    return np.minimum(np.maximum(loops.valve * ratio, VALVE_LEAST), 1.0)


def _tower_fan(loops: LoopState, last: Flows, target: Array, fan_max: Array, step_s: float) -> Array:
    """Common fan speed of the cells: faster while the water it makes is too warm."""
    error = np.minimum(np.maximum(last.tower_raw_c - target, -4.0), 4.0)
    return np.minimum(
        np.maximum(loops.tower_fan * np.exp(TOWER_GAIN_PER_K_S * step_s * error), TOWER_FAN_LEAST), fan_max
    )


class _Staged(NamedTuple):
    stage: Array
    age_s: Array
    up_s: Array
    down_s: Array
    ramp: Array
    stopped_s: Array
    override: Array


def _stages(
    p: PlantParameters, loops: LoopState, sp: Registers, state: PlantState, last: Flows, step_s: float
) -> _Staged:
    """Number of running chillers, with delays, minimum times and what a supervisor allows."""
    ch, n = p.chillers, len(p.chillers.nominal_kw)
    error = state.chilled_c - sp.chilled_c
    heat = last.chiller_heat_kw.sum(axis=-1)
    stage, machines = loops.stage, np.arange(n)
    first = (machines < stage[..., None]) * ch.nominal_kw
    newest = (machines == stage[..., None] - 1) * 1.0
    next_one = (machines == stage[..., None]) * 1.0
    fewer = 1.0 - (newest * ch.nominal_kw).sum(axis=-1) / np.maximum(first.sum(axis=-1), 1e-9)
    override = (
        np.where(loops.override > 0, error > OVERRIDE_END_K, (error > OVERRIDE_K) & (loops.up_s > 0)) * 1.0
    )
    most = np.where(override > 0, n, np.minimum(sp.chillers_enabled, n))
    short = (error > STAGE_UP_ERROR_K) | ((heat > STAGE_UP_LOAD * last.capacity_kw) & (stage > 0))
    # One machine less must carry the load; the last one goes only when it has nothing to do.
    least = np.maximum(STAGE_DOWN_LOAD * fewer, 0.02) * last.capacity_kw
    spare = ((heat < least) & (error < 0.3) & (stage > 0)) | (stage > most)
    up = np.where(short, loops.up_s + step_s, 0.0)
    down = np.where(spare, loops.down_s + step_s, 0.0)
    age, stopped = loops.stage_age_s + step_s, loops.stopped_s + step_s
    may_start = (age >= STAGE_UP_REST_S) & (stopped >= (next_one * ch.min_off_s).sum(axis=-1))
    start = (up >= STAGE_UP_AFTER_S) & may_start & (stage < most)
    ran = age >= np.maximum((newest * ch.min_on_s).sum(axis=-1), STAGE_MIN_RUN_S)
    wait = np.where(stage > most, 0.0, STAGE_DOWN_AFTER_S)
    stop = (down >= np.maximum(wait, step_s)) & ran & ~start
    new = stage + start - stop
    changed = start | stop
    start_s = START_RAMP_S if np.isnan(p.loops.standby_start_s) else p.loops.standby_start_s
    ramp = np.where(start, stage / np.maximum(new, 1.0) + 0.1, loops.ramp + step_s / start_s)
    return _Staged(
        stage=new,
        age_s=np.where(changed, 0.0, age),
        up_s=np.where(changed, 0.0, up),
        down_s=np.where(changed, 0.0, down),
        ramp=np.minimum(np.where(stop, 1.0, ramp), 1.0),
        stopped_s=np.where(stop, 0.0, stopped),
        override=override,
    )


def _economizer(
    p: PlantParameters, loops: LoopState, sp: Registers, last: Flows, weather: Weather, step_s: float
) -> tuple[Array, Array]:
    """On when tower water would be clearly colder than the return, off when it hardly is."""
    if p.loops.exchanger_ua_kw_k <= 0:
        return loops.economizer_on, loops.economizer_age_s
    flow = p.loops.condenser_max_kg_s * np.maximum(loops.stage, 1.0) / len(p.chillers.nominal_kw)
    ratio = tower.liquid_to_gas(flow / p.loops.tower_water_kg_s, np.asanyarray(ECONOMIZER_FAN_MAX))
    promised = weather.wet_bulb_c + tower.approach_k(weather.wet_bulb_c, np.asanyarray(4.0), ratio)
    gain = last.chilled_return_c - promised - EXCHANGER_APPROACH_K
    age = loops.economizer_age_s + step_s
    free = age >= ECONOMIZER_HOLD_S
    on = loops.economizer_on > 0
    new = np.where(free & ~on & (gain > ECONOMIZER_ON_K), 1.0, loops.economizer_on)
    new = np.where(free & on & (gain < ECONOMIZER_OFF_K), 0.0, new)
    new = np.where(sp.economizer_enable < 0.5, 0.0, new)
    return new, np.where(new != loops.economizer_on, 0.0, age)


def _tank_rate(sp: Registers, state: PlantState) -> Array:
    """The rate asked for; charging gives way while the load's own water is too warm."""
    error = (state.chilled_c - sp.chilled_c)[..., None]
    leave = np.minimum(np.maximum((CHARGE_NONE_K - error) / (CHARGE_NONE_K - CHARGE_FULL_K), 0.0), 1.0)
    return np.where(sp.tank_kw > 0.0, sp.tank_kw * leave, sp.tank_kw)
