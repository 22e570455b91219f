"""A small plant in closed form, with every parameter known: what identification must find again.

Its formulas are written out here once more, apart from the coil, which is the published
effectiveness-NTU relation and is checked against hand values of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from optimizer.identify.coils import CoilLaw
from plant.forecast import Array, Band, CarbonKind, CarbonSeries, Forecast, PriceSeries
from plant.history import History
from plant.points import PointId
from plant.psychrometrics import CP_WATER, RHO_WATER, enthalpy_kj_kg, humidity_ratio
from plant.quantities import Quantity
from plant.readings import Quality, Reading
from plant.site import Site
from plant.site_file import load_site
from plant.snapshot import Snapshot
from plant.timegrid import TimeGrid

STEP_S = 300
START = datetime(2025, 6, 2, tzinfo=UTC)


def demo_site() -> Site:
    """The site the points and nameplates are taken from."""
    return load_site(Path(__file__).parents[2] / "examples" / "demo.yaml")


@dataclass(frozen=True)
class Truth:
    """The parameters to be found."""

    air_kw_k: float = 38.0
    idle: float = 0.4
    per_utilization: float = 0.6
    rise_above_24: float = 0.003
    rise_above_26: float = 0.004
    fan_static_kw: float = 0.3
    fan_cube_kw: float = 9.0
    tau_s: float = 600.0
    base_share: float = 0.08
    short_share: float = 0.7
    short_from_k: float = 8.0
    coil: CoilLaw = field(default_factory=lambda: CoilLaw(38.0, 70.0, 39.0, 1.0))
    gain: float = 1.04
    chiller_fixed_kw: float = 15.0
    chiller_per_kw: float = 0.06
    chiller_per_cw_k: float = 0.0035
    chiller_per_chw_k: float = 0.0030
    chiller_bend: float = 0.04
    stage_share: float = 0.8
    tower_full_kw: float = 44.0
    tower_at_design_kw: float = 20.0
    tower_exponent: float = 3.0
    loss_share: float = 0.05
    economizer_effectiveness: float = 0.75
    economizer_enable_k: float = 8.0


def saturated(t: Array) -> Array:
    """Enthalpy of saturated air. [kJ/kg]"""
    return enthalpy_kj_kg(t, humidity_ratio(t, 1.0))


def schedule(rng: np.random.Generator, samples: int, low: float, high: float, dwell: int) -> Array:
    """A lever stepped at random, every ``dwell`` samples."""
    return np.repeat(rng.uniform(low, high, samples // dwell + 1), dwell)[:samples]


def make_history(
    days: float = 6.0,
    seed: int = 3,
    noise: float = 1.0,
    still: bool = False,
    wet_c: float = 18.0,
    cw_c: tuple[float, float] = (21.0, 29.0),
) -> History:
    """Telemetry of the analytic plant; ``still`` keeps every lever where it is.

    ``cw_c`` is the range condenser water is stepped over: the economizer takes heat only where that is cold.
    """
    site, truth = demo_site(), Truth()
    rng = np.random.default_rng(seed)
    n = int(days * 86_400 / STEP_S)
    hours = np.arange(n) * STEP_S / 3600
    wet = wet_c + 3 * np.sin(2 * np.pi * (hours - 9) / 24) + np.repeat(rng.normal(0, 1, n // 72 + 1), 72)[:n]
    chw = np.full(n, 9.0) if still else schedule(rng, n, 7.0, 15.0, 18)
    cw_sp = np.full(n, 25.0) if still else schedule(rng, n, *cw_c, 12)
    columns: dict[str, Array] = {}
    heat, water = np.zeros(n), np.zeros(n)
    fans_total, it_total = np.zeros(n), np.zeros(n)
    design = np.array([z.it_design_kw for z in site.zones])
    phase = np.arange(len(design))
    load = 0.55 + 0.2 * np.sin(2 * np.pi * (hours[:, None] - 10 + phase) / 24)
    load = np.clip(load + np.column_stack([schedule(rng, n, -0.08, 0.08, 24) for _ in phase]), 0.05, 0.95)
    supplies = np.full((n, len(phase)), 20.0)
    speeds = np.full((n, len(phase)), 0.8)
    if not still:
        supplies = np.column_stack([schedule(rng, n, 18.0, 24.0, 12) for _ in phase])
        supplies = np.maximum(supplies, chw[:, None] + 3.0)
        speeds = np.column_stack([schedule(rng, n, 0.55, 1.0, 9) for _ in phase])
    its, inlet_table = _room(truth, design, load, supplies, speeds)
    for number, zone in enumerate(site.zones):
        it, supply, speed = its[:, number], supplies[:, number], speeds[:, number]
        inlets = inlet_table[:, number]
        fan = 2 * (truth.fan_static_kw + truth.fan_cube_kw * speed**3)
        zone_heat = it + fan
        span = zone_heat / (truth.air_kw_k * speed)
        share = truth.coil.water_share(speed, np.minimum(span / (supply + span - chw), 1.0))
        water += share * truth.coil.water_kw_k
        heat, it_total, fans_total = heat + zone_heat, it_total + it, fans_total + fan
        columns[f"{zone.id}.it-power"] = it + noise * rng.normal(0, 0.3, n)
        columns[f"{zone.id}.utilization"] = load[:, number]
        for s in range(6):
            columns[f"{zone.id}.inlet-{s + 1}"] = inlets[:, s] + noise * rng.normal(0, 0.1, n)
        for unit in (2 * number + 1, 2 * number + 2):
            columns |= {
                f"crah-{unit}.supply-air": supply,
                f"crah-{unit}.supply-air.setpoint": supply,
                f"crah-{unit}.return-air": supply + span,
                f"crah-{unit}.fan-speed": speed,
                f"crah-{unit}.fan-speed.setpoint": speed,
                f"crah-{unit}.power": fan / 2 + noise * rng.normal(0, 0.03, n),
                f"crah-{unit}.valve": share,
            }
    columns |= _plant_room(truth, truth.gain * heat, water, chw, cw_sp, wet)
    chillers = columns["chiller-1.power"] + columns["chiller-2.power"]
    towers = columns["tower-1.power"] + columns["tower-2.power"]
    cooling = fans_total + chillers + towers + columns["chw-pumps.power"] + columns["cw-pumps.power"]
    columns |= {
        "outdoor.wet-bulb": wet,
        "outdoor.dry-bulb": wet + 6,
        "it-meter.power": it_total,
        "cooling-meter.power": cooling,
        "utility-meter.power": it_total * (1 + truth.loss_share) + cooling,
    }
    index = pd.date_range(START, periods=n, freq=f"{STEP_S}s")
    frame = pd.DataFrame(columns, index=index)
    return History(site, STEP_S, frame, frame.notna().astype(float))


def _room(truth: Truth, design: Array, load: Array, supply: Array, speed: Array) -> tuple[Array, Array]:
    """IT power (samples, zones) and inlets (samples, zones, 6), stepped through time."""
    n, zones = load.shape
    offset = np.linspace(-0.3, 0.2, 6)
    lag = 1 - np.exp(-60.0 / truth.tau_s)
    it, inlets = np.empty((n, zones)), np.empty((n, zones, 6))
    state = supply[0][:, None] + 1.0 + offset
    substeps = STEP_S // 60
    for k in range(n):
        ratio = truth.idle + truth.per_utilization * load[k]
        power_sum, inlet_sum = np.zeros(zones), np.zeros((zones, 6))
        for _ in range(substeps):
            warm = np.maximum(state - 24, 0).mean(axis=1) * truth.rise_above_24
            warm += np.maximum(state - 26, 0).mean(axis=1) * truth.rise_above_26
            power = design * (ratio + warm)
            gain = power / (truth.air_kw_k * speed[k])
            rise = truth.base_share * gain + truth.short_share * np.maximum(gain - truth.short_from_k, 0.0)
            state = state + lag * ((supply[k] + rise)[:, None] + offset - state)
            power_sum, inlet_sum = power_sum + power, inlet_sum + state
        it[k], inlets[k] = power_sum / substeps, inlet_sum / substeps
    return it, inlets


def _plant_room(
    truth: Truth, load: Array, water: Array, chw: Array, cw_sp: Array, wet: Array
) -> dict[str, Array]:
    warm = chw + load / water
    on = (warm - wet > truth.economizer_enable_k).astype(float)
    count = np.clip(np.ceil(load / (truth.stage_share * 800)), 1, 2)
    free = on * np.clip(truth.economizer_effectiveness * water * np.maximum(warm - cw_sp, 0), 0, load)
    left = load - free
    count = np.clip(np.ceil(left / (truth.stage_share * 800)), 1, 2)
    cw = cw_sp
    for _ in range(20):
        chiller = (
            truth.chiller_fixed_kw * count
            + left * (truth.chiller_per_kw + truth.chiller_per_cw_k * np.maximum(cw - 12, 0))
            + left * truth.chiller_per_chw_k * (18 - chw)
            + truth.chiller_bend * left**2 / (count * 800)
        )
        rejected = load + chiller
        full_force = 1.0
        half_range = rejected / (2 * 0.08 * RHO_WATER * CP_WATER)
        design = saturated(np.array(25.6 + 4.0 + 1.5)) - saturated(np.array(25.6))
        force = saturated(np.maximum(cw, wet + 1) + half_range) - saturated(wet)
        wanted = (
            truth.tower_at_design_kw
            * (rejected / 1000) ** truth.tower_exponent
            * (force / design) ** -truth.tower_exponent
            * full_force
        )
        cw = np.where(wanted > truth.tower_full_kw, cw + 0.1, cw)
    tower = np.minimum(wanted, truth.tower_full_kw)
    ratio = water / (0.056 * RHO_WATER * CP_WATER)
    return {
        "plant.chw-supply": chw,
        "plant.chw-supply.setpoint": chw,
        "plant.chw-return": warm,
        "plant.chw-flow": water / (RHO_WATER * CP_WATER),
        "plant.cw-supply": cw,
        "plant.cw-supply.setpoint": cw_sp,
        "chiller-1.power": chiller / count,
        "chiller-1.run": np.ones_like(load),
        "chiller-2.power": np.where(count > 1, chiller / 2, 0.0),
        "chiller-2.run": count - 1,
        "economizer-1.heat": free,
        "economizer-1.run": on,
        "tower-1.power": tower / 2,
        "tower-2.power": tower / 2,
        "tower-1.fan-speed": np.cbrt(tower / truth.tower_full_kw),
        "tower-2.fan-speed": np.cbrt(tower / truth.tower_full_kw),
        "chw-pumps.power": 30 * (0.1 * ratio + 0.9 * ratio**3),
        "cw-pumps.power": np.full_like(load, 30.0),
        "makeup-water.flow": rejected * 1.8 / 3600 / 1000,
    }


def snapshot_at(history: History, row: int, **changes: float) -> Snapshot:
    """A row of a history as a snapshot; ``changes`` by point id with '_' for '.' and '__' for '-'."""
    time = history.values.index[row].to_pydatetime()
    values = {str(k): float(v) for k, v in history.values.iloc[row].items()}
    values |= {k.replace("__", "-").replace("_", "."): v for k, v in changes.items()}
    readings = {
        PointId(k): Reading(PointId(k), time, v, Quality.GOOD if v == v else Quality.MISSING)
        for k, v in values.items()
    }
    return Snapshot(history.site, time, readings)


def without(site: Site, *quantities: Quantity) -> Site:
    """The same site with some quantities not measured at all."""
    return replace(site, points=tuple(p for p in site.points if p.quantity not in quantities))


def flat_outlook(site: Site, start: datetime, steps: int = 96) -> tuple[CarbonSeries, PriceSeries, TimeGrid]:
    """Constant carbon and price on a quarter-hour grid."""
    grid = TimeGrid(start, 900, steps)
    carbon = CarbonSeries(grid, np.full(steps, 350.0), CarbonKind.AVERAGE, "flat", True)
    return carbon, PriceSeries(grid, np.full(steps, 0.1), site.tariff.currency, "flat"), grid


def outlook(
    site: Site, start: datetime, load_share: float = 0.7, wet_c: float = 18.0, steps: int = 96
) -> Forecast:
    """A forecast in which nothing changes."""
    carbon, price, grid = flat_outlook(site, start, steps)

    def band(value: float, std: float) -> Band:
        return Band(np.full(steps, value), np.full(steps, std))

    return Forecast(
        issued_at=start,
        grid=grid,
        it_reference_kw={z.id: band(load_share * z.it_design_kw, 3.0) for z in site.zones},
        dry_bulb_c=band(wet_c + 6, 1.0),
        wet_bulb_c=band(wet_c, 1.0),
        carbon=carbon,
        price=price,
    )
