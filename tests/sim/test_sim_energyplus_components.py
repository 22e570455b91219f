"""Our machines against EnergyPlus's, on the same inputs: what EnergyPlus reports goes into our functions.

Needs the extra ``energyplus``, which the checks install. Each rig is run once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

pyenergyplus = pytest.importorskip("pyenergyplus")

import energyplus_rigs as rigs  # noqa: E402

from sim.foreign.energyplus_session import EnergyPlusSession, Model, Taken, Told  # noqa: E402
from sim.physics import chiller, coil, economizer, fans, merkel, pumps, tower, water  # noqa: E402

WEATHER = Path(pyenergyplus.__file__).parent / "data" / "weather"
CHICAGO = WEATHER / "USA_IL_Chicago-OHare.Intl.AP.725300_TMY3.epw"
LAS_VEGAS = WEATHER / "USA_NV_Las.Vegas-McCarran.Intl.AP.723860_TMY3.epw"
EXAMPLE = Path(__file__).parents[2] / "examples" / "energyplus"
CP_WATER = 4.186
DESIGN_APPROACH_K = float(tower.approach_k(np.array(25.56), np.array(5.56), np.array(1.0)))
TELLS = {
    "dry_c": ("Site Outdoor Air Drybulb Temperature", "Environment"),
    "wet_c": ("Site Outdoor Air Wetbulb Temperature", "Environment"),
    "pressure_pa": ("Site Outdoor Air Barometric Pressure", "Environment"),
    "chiller_heat_w": ("Chiller Evaporator Cooling Rate", "chiller"),
    "chiller_w": ("Chiller Electricity Rate", "chiller"),
    "leaving_c": ("Chiller Evaporator Outlet Temperature", "chiller"),
    "entering_c": ("Chiller Condenser Inlet Temperature", "chiller"),
    "tower_in_c": ("Cooling Tower Inlet Temperature", "tower"),
    "tower_out_c": ("Cooling Tower Outlet Temperature", "tower"),
    "tower_air": ("Cooling Tower Air Flow Rate Ratio", "tower"),
    "tower_kg_s": ("Cooling Tower Mass Flow Rate", "tower"),
    "tower_heat_w": ("Cooling Tower Heat Transfer Rate", "tower"),
    "tower_fan_w": ("Cooling Tower Fan Electricity Rate", "tower"),
    "evaporated_m3_s": ("Cooling Tower Water Evaporation Volume", "tower"),
    "exchanged_w": ("Fluid Heat Exchanger Heat Transfer Rate", "exchanger"),
    "warm_in_c": ("Fluid Heat Exchanger Loop Supply Side Inlet Temperature", "exchanger"),
    "cold_in_c": ("Fluid Heat Exchanger Loop Demand Side Inlet Temperature", "exchanger"),
    "warm_kg_s": ("Fluid Heat Exchanger Loop Supply Side Mass Flow Rate", "exchanger"),
    "cold_kg_s": ("Fluid Heat Exchanger Loop Demand Side Mass Flow Rate", "exchanger"),
    "pump_w": ("Pump Electricity Rate", "chilled pump"),
    "pump_kg_s": ("Pump Mass Flow Rate", "chilled pump"),
}


COIL_TELLS = {
    "heat_w": ("Cooling Coil Total Cooling Rate", "row-a coil"),
    "sensible_w": ("Cooling Coil Sensible Cooling Rate", "row-a coil"),
    "air_in_c": ("System Node Temperature", "row-a fan out"),
    "air_out_c": ("System Node Temperature", "row-a coil air out"),
    "air_kg_s": ("System Node Mass Flow Rate", "row-a fan out"),
    "humidity": ("System Node Humidity Ratio", "row-a fan out"),
    "water_in_c": ("System Node Temperature", "row-a coil water in"),
    "water_kg_s": ("System Node Mass Flow Rate", "row-a coil water in"),
    "fan_w": ("Fan Electricity Rate", "row-a fan"),
}
PLANT_RANGES = {
    "load": (-1.1e6, -0.1e6),
    "flow": (0.55, 1.0),
    "chilled setpoint": (4.6, 8.8),
    "condenser setpoint": (8.0, 32.0),
}
HALL_RANGES = {
    "chilled setpoint": (6.0, 12.0),
    "condenser setpoint": (16.0, 26.0),
    "row-a supply air setpoint": (16.0, 24.0),
    "row-a fan speed": (0.45, 1.0),
}
Ranges = Mapping[str, tuple[float, float]]


def drive(
    epjson: rigs.Objects,
    weather: Path,
    start: datetime,
    tells: Mapping[str, tuple[str, str]],
    ranges: Ranges,
    seed: int,
) -> pd.DataFrame:
    """A model whose schedules are drawn anew every step; one row a step of what it reported and was set."""
    takes = {name: Taken("Schedule:Constant", "Schedule Value", name) for name in ranges}
    model = Model(epjson, weather, {name: Told(*of) for name, of in tells.items()}, takes, "rig")
    session, rng = EnergyPlusSession(model), np.random.default_rng(seed)

    def drawn() -> dict[str, float]:
        return {name: float(rng.uniform(*span)) for name, span in ranges.items()}

    session.start(start, drawn())
    rows = []
    for _ in range(300):
        values = drawn()
        rows.append({**values, **session.step(values, timedelta(minutes=10))})
    session.close()
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def york() -> pd.DataFrame:
    """Two days of July with the York screw machine."""
    rig = rigs.plant_rig(chiller.YORK_YS, 781e3, 5.42, 6.67, 29.44, DESIGN_APPROACH_K)
    return drive(rig, CHICAGO, datetime(2026, 7, 8, 12, tzinfo=UTC), TELLS, PLANT_RANGES, seed=1)


@pytest.fixture(scope="module")
def trane() -> pd.DataFrame:
    """Two days of October with the Trane centrifugal machine."""
    rig = rigs.plant_rig(chiller.TRANE_CVHE, 1442e3, 6.61, 5.56, 23.89, DESIGN_APPROACH_K)
    return drive(rig, CHICAGO, datetime(2026, 10, 12, 12, tzinfo=UTC), TELLS, PLANT_RANGES, seed=2)


@pytest.fixture(scope="module")
def both(york: pd.DataFrame, trane: pd.DataFrame) -> pd.DataFrame:
    """What both rigs have alike: tower, exchanger, pump."""
    return pd.concat([york, trane], ignore_index=True)


@pytest.fixture(scope="module")
def hall() -> pd.DataFrame:
    """Two dry days of January in the example's hall: its coil stays dry."""
    epjson = json.loads((EXAMPLE / "hall.epJSON").read_text(encoding="utf-8"))
    start = datetime(2026, 1, 12, 12, tzinfo=UTC)
    frame = drive(epjson, LAS_VEGAS, start, COIL_TELLS, HALL_RANGES, seed=3)
    assert frame["heat_w"].to_numpy() == pytest.approx(frame["sensible_w"].to_numpy())
    return frame


def column(frame: pd.DataFrame, name: str, scale: float = 1.0) -> np.ndarray:
    return frame[name].to_numpy(float) * scale


def in_range(both: pd.DataFrame) -> pd.DataFrame:
    """Rows in which the fan ran and the correlation holds: range 1.1 to 22.2 K, approach from 1.1 K."""
    span = (both["tower_in_c"] - both["tower_out_c"]).between(*tower.RANGE_LIMITS_K)
    approach = both["tower_out_c"] - both["wet_c"]
    return both[span & (approach >= tower.LEAST_APPROACH_K) & (both["tower_air"] >= 0.2)]


@pytest.mark.parametrize(
    ("rig", "curves", "reference_kw", "cop", "least_rows"),
    [("york", chiller.YORK_YS, 781.0, 5.42, 120), ("trane", chiller.TRANE_CVHE, 1442.0, 6.61, 200)],
)
def test_chiller_power_is_energyplus_s_within_half_a_percent(
    rig: str,
    curves: chiller.ChillerCurves,
    reference_kw: float,
    cop: float,
    least_rows: int,
    request: pytest.FixtureRequest,
) -> None:
    frame: pd.DataFrame = request.getfixturevalue(rig)
    # EnergyPlus enters its curves with the setpoint. Where the machine is at its end and misses it,
    # the two are not asked the same question; nor where the curves' range ends (ours go on beyond it).
    held = (frame["leaving_c"] - frame["chilled setpoint"]).abs() < 0.01
    frame = frame[held & (frame["chiller_heat_w"] > 1.0) & frame["entering_c"].between(*curves.entering_c)]
    te, tc = column(frame, "leaving_c"), column(frame, "entering_c")
    available = chiller.available_kw(np.array(reference_kw), curves, te, tc)
    ours = chiller.compressor_kw(
        column(frame, "chiller_heat_w", 1e-3), available, np.array(cop), curves, te, tc
    )
    assert len(frame) >= least_rows
    assert np.ptp(tc) > 12
    assert ours == pytest.approx(column(frame, "chiller_w", 1e-3), rel=0.005)


def test_tower_water_leaves_within_three_tenths_of_a_kelvin(both: pd.DataFrame) -> None:
    frame = in_range(both)
    water_ratio = column(frame, "tower_kg_s") / (rigs.TOWER_WATER_M3_S * 998.0)
    ratio = water_ratio / column(frame, "tower_air")
    ours = tower.leaving_water_c(column(frame, "tower_in_c"), column(frame, "wet_c"), ratio)
    assert len(frame) > 400
    assert np.ptp(column(frame, "wet_c")) > 15
    assert ours == pytest.approx(column(frame, "tower_out_c"), abs=0.3)


def test_a_merkel_tower_s_water_leaves_within_three_tenths_of_a_kelvin() -> None:
    ua = merkel.design_ua_kw_k(1046.0, 45.0, 33.0, 25.56, 5.56, 3.9)
    york = rigs.plant_rig(chiller.YORK_YS, 781e3, 5.42, 6.67, 29.44, 3.9)
    rig = rigs.with_merkel_tower(york, ua * 1000)
    tells = {name: of for name, of in TELLS.items() if not name.startswith(("chiller", "evaporated"))}
    tells["tower_air"] = ("Cooling Tower Fan Speed Ratio", "tower")
    start = datetime(2026, 7, 8, 12, tzinfo=UTC)
    frame = in_range(drive(rig, CHICAGO, start, tells, PLANT_RANGES, seed=1))
    air = column(frame, "tower_air")
    density = column(frame, "pressure_pa") / (287.0 * (column(frame, "dry_c") + 273.15))
    flow = column(frame, "tower_kg_s")
    share = merkel.conductance_ratio(
        25.56 - column(frame, "wet_c"), air, flow / (rigs.TOWER_WATER_M3_S * 998.0)
    )
    ours = merkel.leaving_water_c(
        column(frame, "tower_in_c"),
        column(frame, "wet_c"),
        flow,
        rigs.TOWER_AIR_M3_S * density * air,
        ua * share,
        column(frame, "pressure_pa", 1e-3),
    )
    assert len(frame) > 200
    assert np.ptp(air) > 0.5
    assert ours == pytest.approx(column(frame, "tower_out_c"), abs=0.3)


def test_the_tower_evaporates_what_energyplus_evaporates(both: pd.DataFrame) -> None:
    frame = in_range(both)
    density = column(frame, "pressure_pa") / (287.0 * (column(frame, "dry_c") + 273.15))
    ours = water.evaporation_kg_s(
        column(frame, "tower_heat_w", 1e-3),
        rigs.TOWER_AIR_M3_S * density * column(frame, "tower_air"),
        column(frame, "dry_c"),
        column(frame, "wet_c"),
        column(frame, "pressure_pa", 1e-3),
    )
    per_step_kg = 600.0 * ours
    # EnergyPlus takes the rise in *specific* humidity, W/(1 + W), times the air: 2·W less, up to 5 %.
    assert per_step_kg == pytest.approx(column(frame, "evaporated_m3_s", 998.0), rel=0.06)


def test_tower_and_crah_fan_power_are_energyplus_s_within_one_percent(
    both: pd.DataFrame, hall: pd.DataFrame
) -> None:
    blowing = both[both["tower_air"] >= 0.2]
    ours = rigs.TOWER_FAN_W * fans.power_ratio(column(blowing, "tower_air"), fans.TOWER)
    assert ours == pytest.approx(column(blowing, "tower_fan_w"), rel=0.01)
    # 400 Pa at 10 m³/s and 70 % total efficiency: 5.714 kW, by hand.
    speed = column(hall, "row-a fan speed")
    assert 5714.3 * fans.power_ratio(speed, fans.EC_PLUG) == pytest.approx(column(hall, "fan_w"), rel=0.01)
    assert np.ptp(speed) > 0.5


def test_the_economizers_exchanger_carries_what_energyplus_s_carries(both: pd.DataFrame) -> None:
    frame = both[both["exchanged_w"] > 1e3]
    ours = economizer.heat_kw(
        column(frame, "warm_in_c"),
        column(frame, "cold_in_c"),
        column(frame, "warm_kg_s", CP_WATER),
        column(frame, "cold_kg_s", CP_WATER),
        np.array(rigs.EXCHANGER_W_K / 1000),
    )
    assert len(frame) > 30
    assert ours == pytest.approx(column(frame, "exchanged_w", 1e-3), rel=0.005)


def test_pump_power_is_energyplus_s_within_two_percent(both: pd.DataFrame) -> None:
    frame = both[both["pump_kg_s"] > 0.1]
    ratio = column(frame, "pump_kg_s") / (rigs.CHILLED_M3_S * 999.9)
    ours = rigs.CHILLED_PUMP_W * pumps.power_ratio(ratio, pumps.CHILLED_WATER)
    assert ours == pytest.approx(column(frame, "pump_w"), rel=0.02)


def test_coil_heat_away_from_design_is_energyplus_s_within_two_percent(hall: pd.DataFrame) -> None:
    # The example's design point: 10 m³/s of air from 29 to 17.5 °C, 6.5 L/s of water at 8 °C.
    design_air = column(hall, "air_kg_s").max()
    design = design_air * (1.006 + 1.86 * 0.006), 6.5 * CP_WATER
    effectiveness = design[0] * (29.0 - 17.5) / (min(design) * (29.0 - 8.0))
    ua = coil.ntu_for_effectiveness(effectiveness, min(design) / max(design)) * min(design)
    air_in, water_in = column(hall, "air_in_c"), column(hall, "water_in_c")
    now = coil.off_design_ua_kw_k(
        np.array(ua),
        column(hall, "air_kg_s") / design_air,
        column(hall, "water_kg_s") / 6.5,
        coil.ENERGYPLUS_HOT_SIDE_RATIO,
        coil.warmth_factors(air_in, water_in, 29.0, 8.0),
    )
    cp_air = 1.006 + 1.86 * column(hall, "humidity")
    ours = coil.coil_heat_kw(
        air_in, water_in, column(hall, "air_kg_s") * cp_air, column(hall, "water_kg_s", CP_WATER), now
    )
    assert np.ptp(column(hall, "water_kg_s")) > 3
    assert ours == pytest.approx(column(hall, "heat_w", 1e-3), rel=0.02)
