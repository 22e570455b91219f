"""Room units with compressors: what is learned of them, when it is refused, and what a plan makes of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import numpy as np
import pandas as pd
import pyomo.environ as pyo
import pytest
from analytic_plant import START, schedule
from played_site import Day, PlayedSite, example
from pyomo.contrib.solver.common.factory import SolverFactory

from optimizer.board_reader import read_board
from optimizer.commissioning import commissioning_plan
from optimizer.identify import identify
from optimizer.identify.dx import DxLaw, learn_dx
from optimizer.identify.evidence import Evidence
from optimizer.identify.signals import STATIC_STEP_S, Signals
from optimizer.laws.dx import add_compressors, load_compressors
from optimizer.model import PlantModel
from optimizer.mpc import MpcPolicy
from plant.history import History
from plant.points import PointId
from plant.readings import Quality, Reading
from plant.setpoints import LeverId
from plant.site import Site
from plant.snapshot import Snapshot

AIR_KW_K, UNITS = 24.0, 3
FAN_KW, STANDBY_KW, PER_KW, PER_OUTDOOR_K, PER_RETURN_K = 4.5, 6.0, 0.20, 0.006, 0.004
"""The analytic plant: a unit's fan at full speed; compressors' own 6 kW and 0.20 kW a kW at 18 °C outdoors
and 40 °C return, 0.006 more a kelvin outdoors above 18 °C and 0.004 more a kelvin of cooler return air."""


@pytest.fixture(scope="module")
def site() -> Site:
    return example("dx")


def analytic(site: Site, days: float = 4.0, seed: int = 2, **still: float) -> History:
    """Telemetry of zone-a; ``still`` names inputs that stay where they are."""
    rng, n = np.random.default_rng(seed), int(days * 288)
    hours, stepped = np.arange(n) / 12, partial(schedule, rng, n)

    outdoor = 24 + 8 * np.sin(2 * np.pi * (hours - 9) / 24) + stepped(-2, 2, 72)
    it = 110 + 30 * np.sin(2 * np.pi * (hours - 12) / 24) + stepped(-12, 12, 30)
    speed, supply = stepped(0.5, 1.0, 9), stepped(17, 24, 14)
    inputs = {"outdoor": outdoor, "it": it, "speed": speed, "supply": supply}
    inputs |= {name: np.full(n, value) for name, value in still.items()}
    outdoor, it, speed, supply = (inputs[k] for k in ("outdoor", "it", "speed", "supply"))
    fan = UNITS * FAN_KW * speed**3
    back = supply + it / (AIR_KW_K * speed)
    rate = PER_KW + PER_OUTDOOR_K * np.maximum(outdoor - 18, 0) + PER_RETURN_K * (40 - back)
    power = fan + STANDBY_KW + (it + fan) * rate + rng.normal(0, 0.4, n)
    columns = {"zone-a.it-power": it, "outdoor.dry-bulb": outdoor}
    for unit in ("dx-1", "dx-2", "dx-3"):
        columns |= {
            f"{unit}.power": power / UNITS,
            f"{unit}.fan-speed": speed,
            f"{unit}.supply-air": supply,
            f"{unit}.return-air": back + fan / (AIR_KW_K * speed),
        }
    index = pd.date_range(START, periods=n, freq="300s")
    frame = pd.DataFrame(columns, index=index)
    return History(site, 300, frame, frame.notna().astype(float))


def learned(history: History) -> tuple[DxLaw, Evidence, Evidence]:
    still = Signals.of(history).coarse(STATIC_STEP_S)
    law, _, (units, fans) = learn_dx(still, history.site.zones[0].id, AIR_KW_K)
    return law, units, fans


# -- the law's block ----------------------------------------------------------------------------


def test_warmer_air_is_worth_what_the_compressors_save() -> None:
    # Fans at 0.8 add 5 x 0.8 = 4 to both: kW ≥ 56 + 4 - 2 supply + 0.5 beyond and ≥ 11 + 4 + 0.5 beyond,
    # beyond 10: they meet at 22.5 °C, 20 kW. Supply
    # costs 1 a kelvin above 18, power 1.5 a kilowatt: at 18 °C 29 kW, and each kelvin saves 3 and costs 1
    # up to 22.5 °C; beyond it saves nothing. So 22.5 °C: 20 kW x 1.5 + 4.5 = 34.5.
    m = pyo.ConcreteModel()
    m.t, m.z, m.k, m.b = pyo.RangeSet(0, 0), pyo.RangeSet(0, 0), pyo.RangeSet(0, 1), pyo.Block()
    m.supply, m.speed = pyo.Var(m.t, m.z, bounds=(18, 25)), pyo.Var(m.t, m.z, bounds=(0.4, 1))
    m.speed.fix(0.8)
    m.beyond = pyo.Expression(m.t, m.z, expr=10.0)
    add_compressors(m.b, m.t, m.z, m.k, m.supply, m.speed, m.beyond)
    planes = [np.array(v).reshape(1, 1, 2) for v in ([56.0, 11.0], [-2.0, 0.0], [5.0, 5.0], [0.5, 0.5])]
    load_compressors(m.b, np.array([1.5]), *planes)
    m.cost = pyo.Objective(expr=m.b.cost + (m.supply[0, 0] - 18))
    SolverFactory("highs").solve(m)
    assert pyo.value(m.cost) == pytest.approx(34.5)
    assert pyo.value(m.supply[0, 0]) == pytest.approx(22.5)


# -- identification -----------------------------------------------------------------------------


def test_known_compressors_are_found_again(site: Site) -> None:
    still = Signals.of(analytic(site)).coarse(STATIC_STEP_S)
    law, fans, (units, fan_record) = learn_dx(still, site.zones[0].id, AIR_KW_K)
    assert units.trusted
    assert fan_record.trusted
    assert units.cv_rmse < 0.05
    # By hand, 130 kW of racks at 20 °C and 80 %: fans 3 x 4.5 x 0.8³ = 6.91 kW, return 20 + 130 / 19.2
    # = 26.77 °C, compressors 6 + 136.9 (0.20 + 0.004 x 13.23) = 40.63 kW at 18 °C outdoors; at 30 °C
    # 136.9 x 0.072 = 9.86 kW more.
    fan = fans.power_kw(0.8)
    cool, warm = fan + law.power_kw(130 + fan, np.array([18.0, 30.0]), 26.77)
    assert cool == pytest.approx(47.54, rel=0.02)
    assert warm - cool == pytest.approx(9.86, rel=0.08)


def test_its_intervals_hold_the_truth(site: Site) -> None:
    scale = 315 / (315 / 3.4)  # the law's numbers are shares of rated input at rated load
    truth = {
        "standby_ratio": STANDBY_KW / (315 / 3.4),
        "per_10k_outdoor": 10 * PER_OUTDOOR_K * scale,
        "per_10k_cooler_return": 10 * PER_RETURN_K * scale,
    }
    inside = []
    for seed in range(6):
        estimates = {e.name: e for e in learned(analytic(site, seed=seed))[1].estimates}
        inside += [estimates[k].low - 0.01 <= v <= estimates[k].high + 0.01 for k, v in truth.items()]
    assert np.mean(inside) >= 0.8


@pytest.mark.parametrize(
    ("history", "reason"),
    [
        ({"days": 0.4}, "usable samples, 48 are needed"),
        ({"outdoor": 30.0}, "outdoor air stayed within 30.0 to 30.0 °C"),
        ({"it": 130.0, "speed": 0.9}, "how power rises with load is a prior"),
    ],
)
def test_what_was_never_seen_is_refused_with_its_reason(
    site: Site, history: dict[str, float], reason: str
) -> None:
    record = learned(analytic(site, **history))[1]
    assert not record.trusted
    assert any(reason in why for why in record.disqualified)


def test_a_fan_that_stood_still_is_a_prior(site: Site) -> None:
    _, units, fans = learned(analytic(site, speed=0.9))
    assert units.trusted
    assert "fan speed stayed within 90% to 90%" in fans.disqualified[0]


def test_a_meter_that_reads_garbage_is_refused(site: Site) -> None:
    history = analytic(site)
    rng = np.random.default_rng(0)
    for unit in ("dx-1", "dx-2", "dx-3"):
        history.values[f"{unit}.power"] = rng.uniform(0, 60, len(history.values))
    record = learned(history)[1]
    assert any("hold-out CV(RMSE)" in why for why in record.disqualified)


def test_load_that_only_rose_with_the_weather_is_refused(site: Site) -> None:
    history = analytic(site, speed=0.9)
    history.values["zone-a.it-power"] = 60 + 3 * history.values["outdoor.dry-bulb"]
    assert any("only moved together" in why for why in learned(history)[1].disqualified)


def test_power_never_falls_with_load_or_heat_outdoors_whatever_the_meter_says(site: Site) -> None:
    history = analytic(site)
    upside_down = 40 - 0.5 * (history.values["outdoor.dry-bulb"] - 18)
    for unit in ("dx-1", "dx-2", "dx-3"):
        history.values[f"{unit}.power"] = upside_down / UNITS
    law, _, _ = learned(history)
    assert np.all(np.diff(law.power_kw(120.0, np.linspace(10, 42, 9), 30.0)) >= 0)
    assert np.all(np.diff(law.power_kw(np.linspace(20, 300, 9), 30.0, 30.0)) >= 0)
    assert np.all(np.diff(law.power_kw(120.0, 30.0, np.linspace(20, 40, 9))) <= 0)


# -- the planner --------------------------------------------------------------------------------

NOON = datetime(2025, 7, 8, tzinfo=UTC)


@pytest.fixture(scope="module")
def hall() -> PlayedSite:
    return PlayedSite.of("dx", NOON, 1.0, 1.0)


@pytest.fixture(scope="module")
def planned(hall: PlayedSite) -> Day:
    return hall.day(MpcPolicy(hall.site, hall.model), decide_s=3600)


def test_a_site_without_water_has_no_say_about_water(hall: PlayedSite) -> None:
    model = hall.model
    names = {e.name for e in model.evidence}
    assert {"zone-a.dx", "zone-b.dx"} <= names
    assert not names & {"chillers", "tower", "coils", "water"}
    assert PlantModel.from_json(model.to_json()).version == model.version


def test_a_day_of_planning_saves_energy_and_keeps_the_racks_cool(hall: PlayedSite, planned: Day) -> None:
    hall.assert_pays(planned, least_kwh=200)


def test_the_program_has_a_part_in_it_and_the_sentence_says_what_is_done(planned: Day) -> None:
    plans = [a.plan for a in planned.answers if a.plan is not None]
    assert len(plans) == len(planned.answers)
    assert all(any(c.name == "solver" for c in plan.candidates) for plan in plans)
    assert "Warmer supply air in zone-a, zone-b; less air in zone-a, zone-b" in plans[0].reason


def test_levers_of_untaught_units_stay_and_the_reason_is_said(hall: PlayedSite) -> None:
    site, model = hall.site, hall.model
    why = "outdoor air stayed within 30.0 to 30.0 °C: its effect on the compressors is a prior"
    evidence = tuple(replace(e, disqualified=(why,)) if e.name == "zone-a.dx" else e for e in model.evidence)
    snapshot = Snapshot(site, START, {p: _reading(p, v) for p, v in _standing(site).items()})
    board = read_board(site, replace(model, evidence=evidence), snapshot)
    assert [a.free for a in (*board.supply, *board.speed)] == [False, True, False, True]
    assert f"zone-a.supply-air stays where it is: {why}" in board.left_alone


def test_standing_fans_and_supply_air_are_what_commissioning_steps(site: Site) -> None:
    still = analytic(site, speed=0.9, supply=18.0)
    lessons = commissioning_plan(site, identify(still, at=still.end)).lessons
    assert {LeverId("zone-a.supply-air"), LeverId("zone-a.fan-speed")} <= set(lessons)


def _standing(site: Site) -> dict[PointId, float]:
    return {p: lever.as_found for lever in site.levers for p in lever.points}


def _reading(point: PointId, value: float) -> Reading:
    return Reading(point, START, value, Quality.GOOD)
