"""Outdoor-air dampers: what is learned of them, when they are refused, and what a plan makes of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import numpy as np
import pandas as pd
import pyomo.environ as pyo
import pytest
from analytic_plant import START, schedule
from played_site import PlayedSite, example
from pyomo.contrib.solver.common.factory import SolverFactory

from optimizer.identify.air_economizer import learn_outdoor_air
from optimizer.identify.evidence import Evidence
from optimizer.identify.outdoor_air import OutdoorAirLaw
from optimizer.identify.signals import STATIC_STEP_S, Signals
from optimizer.laws.outdoor_air import add_outdoor_air, load_outdoor_air
from optimizer.moist import dew_point_of, pressure_kpa
from optimizer.mpc import MpcPolicy
from optimizer.problem import PlannerSettings
from plant.forecast import Array
from plant.history import History
from plant.psychrometrics import CP_WATER, RHO_WATER
from plant.setpoints import LeverId
from plant.site import Site

AIR_KW_K, OPEN_KW_K, HEAT_GAIN, DEW_MAX_C = 38.0, 30.0, 1.02, 13.0
"""The analytic plant: zones' air at full speed, dampers wide open, heat gains, and a PLC that closes at 13 °C
dew point where the site file says 15. [kW/K, kW/K, -, °C]"""


@pytest.fixture(scope="module")
def site() -> Site:
    return example("air-economizer")


def analytic(
    site: Site,
    days: float = 6.0,
    seed: int = 2,
    warm_c: float = 12.0,
    dew_min_c: float = -40.0,
    slow_fans: float = 0.0,
) -> History:
    """Telemetry of two zones alike; ``warm_c`` is the mean outdoor temperature.

    The PLC closes dampers below ``dew_min_c``, too, and opens them for the air it expects: with slow fans
    the share of it that comes in falls with the power ``slow_fans``.
    """
    rng, n = np.random.default_rng(seed), int(days * 288)
    hours, stepped = np.arange(n) / 12, partial(schedule, rng, n)

    outdoor = warm_c + 9 * np.sin(2 * np.pi * (hours - 9) / 24) + stepped(-3, 3, 60)
    wet = outdoor - stepped(0.3, 5.0, 48)
    dew = dew_point_of(outdoor, wet, pressure_kpa(site.elevation_m))
    water, load = 6.0, np.zeros(n)
    columns: dict[str, Array] = {"outdoor.dry-bulb": outdoor, "outdoor.wet-bulb": wet}
    cooling = np.full(n, 100.0)
    for k, zone in enumerate(site.zones):
        it = 180 + 40 * np.sin(2 * np.pi * (hours - 12 + k) / 24) + stepped(-20, 20, 30)
        speed, supply = stepped(0.6, 1.0, 9), stepped(17, 23, 14)
        fan = 22 * speed**3
        heat, air = it + fan, AIR_KW_K * speed
        back = supply + heat / air
        most = np.minimum(OPEN_KW_K, air) * np.where(back - outdoor > 1, back - outdoor, 0.0)
        leave = np.clip(np.minimum(DEW_MAX_C - dew, dew - dew_min_c), 0, 1)
        follows = (np.minimum(OPEN_KW_K, air) / OPEN_KW_K) ** slow_fans
        taken = leave * follows * np.minimum(heat, most)
        damper = taken / np.maximum(np.minimum(OPEN_KW_K, air) * np.maximum(back - outdoor, 1.0), 1e-6)
        load += HEAT_GAIN * heat - taken
        letter = "ab"[k]
        columns |= {
            f"{zone.id}.it-power": it,
            f"outdoor-air-{letter}.damper": damper,
            f"outdoor-air-{letter}.enable.setpoint": np.ones(n),
        }
        for unit in (f"crah-{2 * k + 1}", f"crah-{2 * k + 2}"):
            columns |= {
                f"{unit}.supply-air": supply,
                f"{unit}.return-air": back,
                f"{unit}.fan-speed": speed,
                f"{unit}.power": fan / 2,
            }
    load = np.maximum(load, 0.0) + rng.normal(0, 3, n)
    columns |= {
        "plant.chw-flow": np.full(n, water / 1000),
        "plant.chw-supply": np.full(n, 8.0),
        "plant.chw-return": 8.0 + load / (water / 1000 * RHO_WATER * CP_WATER),
        "cooling-meter.power": cooling,
    }
    frame = pd.DataFrame(columns, index=pd.date_range(START, periods=n, freq="300s"))
    return History(site, 300, frame, frame.notna().astype(float))


def learned(history: History) -> tuple[OutdoorAirLaw, Evidence]:
    still = Signals.of(history).coarse(STATIC_STEP_S)
    zones = [z.id for z in history.site.zones]
    laws, records = learn_outdoor_air(still, dict.fromkeys(zones, AIR_KW_K))
    return laws[zones[0]], records[0]


# -- the law --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("heat", "cooler_k", "dew_c", "taken"),
    [
        (200.0, 10.0, 5.0, 200.0),  # 30 kW/K x 10 K = 300 kW would go: all of the heat does
        (400.0, 10.0, 5.0, 300.0),
        (400.0, 10.0, 14.5, 150.0),  # half a kelvin inside the limit of 15: half open
        (400.0, 10.0, 15.5, 0.0),
        (400.0, 0.5, 5.0, 0.0),  # hardly cooler than what comes back
    ],
)
def test_outdoor_air_takes_what_there_is_or_what_it_can(
    heat: float, cooler_k: float, dew_c: float, taken: float
) -> None:
    law = OutdoorAirLaw(30.0, 6.0, -9.0, 15.0)
    assert float(law.taken_kw(heat, 38.0, cooler_k, law.leave(dew_c))) == pytest.approx(taken)


def test_relief_fans_follow_the_cube() -> None:
    # Half of 300 kW is half of the air: an eighth of 6 kW.
    assert float(OutdoorAirLaw(30.0, 6.0, -9.0, 15.0).fans_kw(150.0, 10.0)) == pytest.approx(0.75)


def test_warmer_supply_air_lets_more_heat_out() -> None:
    # Fans at 0.8 let 5 x 0.8 = 4 more out by both: taken ≤ 96 + 4 + 1 beyond and ≤ -424 + 4 + 30 supply;
    # beyond 20: 120 at most, reached at 18 °C.
    # A kilowatt left costs 1, a kelvin above 16 costs 10: at 18 °C 0 left and 20 paid; at 17 °C 30 left.
    m = pyo.ConcreteModel()
    m.t, m.z, m.k, m.b = pyo.RangeSet(0, 0), pyo.RangeSet(0, 0), pyo.RangeSet(0, 1), pyo.Block()
    m.supply, m.speed = pyo.Var(m.t, m.z, bounds=(16, 25)), pyo.Var(m.t, m.z, bounds=(0.4, 1))
    m.speed.fix(0.8)
    m.beyond = pyo.Expression(m.t, m.z, expr=20.0)
    add_outdoor_air(m.b, m.t, m.z, m.k, m.supply, m.speed, m.beyond)
    planes = [np.array(v).reshape(1, 1, 2) for v in ([96.0, -424.0], [0.0, 30.0], [5.0, 5.0], [1.0, 0.0])]
    load_outdoor_air(m.b, *planes)
    m.cost = pyo.Objective(expr=120 - m.b.taken_kw[0, 0] + 10 * (m.supply[0, 0] - 16))
    SolverFactory("highs").solve(m)
    assert pyo.value(m.supply[0, 0]) == pytest.approx(18.0)
    assert pyo.value(m.cost) == pytest.approx(20.0)


def test_the_dew_point_is_that_of_the_tables() -> None:
    # PsychroLib 2.5, wet bulb and dew point: 20 °C, 50 %: 13.78 and 9.27; 30 °C, 60 %: 23.81 and 21.39.
    assert float(dew_point_of(20.0, 13.78)) == pytest.approx(9.27, abs=0.1)
    assert float(dew_point_of(30.0, 23.81)) == pytest.approx(21.39, abs=0.15)


# -- identification ---------------------------------------------------------------------------------


def test_known_dampers_and_the_limit_they_really_keep_are_found(site: Site) -> None:
    law, record = learned(analytic(site))
    assert record.trusted
    assert law.most_kw_k == pytest.approx(OPEN_KW_K, rel=0.08)
    assert law.dew_high_c == pytest.approx(DEW_MAX_C, abs=0.3)
    (found,) = record.estimates
    assert found.low - 1.0 <= OPEN_KW_K <= found.high + 1.0


def test_a_dry_limit_that_the_plc_really_keeps_is_found(site: Site) -> None:
    # In air of 2 °C on the mean; the site file says -9 °C dew point, the PLC keeps -4.
    law, _ = learned(analytic(site, warm_c=2.0, dew_min_c=-4.0))
    assert law.dew_low_c == pytest.approx(-4.0, abs=0.3)


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_how_far_slow_fans_fall_short_is_found(site: Site, power: float) -> None:
    # To a quarter, and as much less as G, known to some 6 %, is found too large.
    assert learned(analytic(site, slow_fans=power))[0].slow_fans == pytest.approx(power, abs=0.26)


def test_dampers_that_never_opened_are_a_nameplate(site: Site) -> None:
    law, record = learned(analytic(site, warm_c=38.0))
    assert not record.trusted
    assert "never opened" in record.disqualified[0]
    assert law.most_kw_k == pytest.approx(30 * 1.2 * 1.006)
    assert law.dew_high_c == 15.0


def test_too_short_a_history_is_a_nameplate(site: Site) -> None:
    law, record = learned(analytic(site, days=0.3))
    assert not record.trusted
    assert law.most_kw_k == pytest.approx(30 * 1.2 * 1.006)


def test_a_water_meter_that_reads_garbage_is_refused(site: Site) -> None:
    history = analytic(site)
    rng = np.random.default_rng(0)
    history.values["plant.chw-return"] = 8.0 + rng.uniform(0, 40, len(history.values))
    assert not learned(history)[1].trusted


# -- the planner ------------------------------------------------------------------------------------

APRIL = datetime(2025, 4, 8, tzinfo=UTC)


@pytest.fixture(scope="module")
def hall() -> PlayedSite:
    return PlayedSite.of("air-economizer", APRIL, 1.5, 1.5)


def test_a_day_of_planning_saves_energy_and_keeps_the_racks_cool(hall: PlayedSite) -> None:
    # As found the site lets in air of 85 % humidity at its own supply temperature: compared under that limit.
    moist = tuple(
        replace(z, humidity=replace(z.humidity, relative_humidity_max=0.95)) for z in hall.site.zones
    )
    lax = hall.under(replace(hall.site, zones=moist))
    quick = replace(PlannerSettings.of(lax.site), use_solver=False, n_minus_one=False)
    # A hundredth of the day's energy, planned by the search alone and once an hour.
    lax.assert_pays(lax.day(MpcPolicy(lax.site, lax.model, quick), decide_s=3600), least_kwh=140)


def test_outdoor_air_beyond_a_rooms_humidity_limits_is_kept_out(hall: PlayedSite) -> None:
    dry = tuple(replace(z, humidity=replace(z.humidity, dew_point_max_c=-8.0)) for z in hall.site.zones)
    strict = hall.under(replace(hall.site, zones=dry))
    answer = strict.answer(MpcPolicy(strict.site, strict.model))
    assert answer.plan is not None
    assert any(c.name == "solver" for c in answer.plan.candidates)
    assert set(answer.plan.trajectory[LeverId("outdoor-air-a.enable")][1:]) == {0.0}
    assert "outdoor air stays out in outdoor-air-a, outdoor-air-b" in answer.plan.reason
