"""Direct-to-chip loops: what is learned of them, when they are refused, and how warm a plan runs them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import numpy as np
import pandas as pd
import pytest
from analytic_plant import START, schedule
from played_site import Day, PlayedSite, example

from optimizer.commissioning import commissioning_plan
from optimizer.identify import identify
from optimizer.identify.evidence import Evidence
from optimizer.identify.liquid import LiquidLaw, learn_liquid
from optimizer.identify.signals import STATIC_STEP_S, Signals
from optimizer.liquid_loops import drawn_kw
from optimizer.mpc import MpcPolicy
from optimizer.problem import PlannerSettings
from optimizer.switches import SwitchKind, read_switches
from plant.history import History
from plant.points import OwnerId, PointId
from plant.psychrometrics import CP_WATER, RHO_WATER
from plant.readings import Quality, Reading
from plant.setpoints import LeverId
from plant.site import Site
from plant.snapshot import Snapshot

SHARE, BASE_KW, LEAK_PER_K, FLOW_KW_K = 0.75, 4.0, 0.002, 55.0
PUMP_KW, FACILITY_KW = 4.0, 9.0
"""The analytic unit: three quarters of IT power by liquid, a loop pump, a facility pump by the square."""


@pytest.fixture(scope="module")
def site() -> Site:
    return example("liquid")


def analytic(site: Site, days: float = 4.0, seed: int = 2, **still: float) -> History:
    """Telemetry of cdu-1 in zone-b; ``still`` names inputs that stay where they are."""
    rng, n = np.random.default_rng(seed), int(days * 288)
    hours, stepped = np.arange(n) / 12, partial(schedule, rng, n)

    inputs = {
        "it": 330 + 60 * np.sin(2 * np.pi * (hours - 12) / 24) + stepped(-30, 30, 30),
        "liquid": stepped(26, 40, 15),
        "cw": stepped(20, 26, 24),
    }
    inputs |= {name: np.full(n, value) for name, value in still.items()}
    asked_for, liquid, cw = inputs["it"], inputs["liquid"], inputs["cw"]
    leaks = SHARE * asked_for * LEAK_PER_K * np.maximum(liquid - 30, 0)
    it, heat = asked_for + leaks, BASE_KW + SHARE * asked_for + leaks
    back = liquid + heat / FLOW_KW_K
    asked = heat / (FLOW_KW_K * (back - cw))
    columns = {
        "zone-b.it-power": it + rng.normal(0, 0.5, n),
        "zone-b.utilization": (asked_for / 480 - 0.4) / 0.6,
        "cdu-1.heat": heat + rng.normal(0, 1, n),
        "cdu-1.liquid-supply": liquid,
        "cdu-1.liquid-return": back,
        "cdu-1.liquid-flow": np.full(n, FLOW_KW_K / RHO_WATER / CP_WATER),
        "cdu-1.power": PUMP_KW + FACILITY_KW * asked**2 + rng.normal(0, 0.05, n),
        "plant.cw-supply": cw,
    }
    frame = pd.DataFrame(columns, index=pd.date_range(START, periods=n, freq="300s"))
    return History(site, 300, frame, frame.notna().astype(float))


def learned(history: History) -> tuple[LiquidLaw, Evidence]:
    laws, records = learn_liquid(Signals.of(history).coarse(STATIC_STEP_S))
    return laws[0], records[0]


# -- identification ---------------------------------------------------------------------------------


def test_a_known_loop_is_found_again(site: Site) -> None:
    law, record = learned(analytic(site))
    assert record.trusted
    assert law.share == pytest.approx(SHARE, rel=0.005)
    assert law.leak_per_k == pytest.approx(LEAK_PER_K, abs=0.0001)
    assert law.flow_kw_k == pytest.approx(FLOW_KW_K, rel=0.01)
    # By hand: 304 kW at 30 °C liquid and 24 °C tower water: return 35.53 °C, x = 304 / 634 = 0.4795, 6.07 kW.
    asked = law.asked(304.0, 30.0, 24.0)
    assert float(asked) == pytest.approx(0.4795, rel=0.01)
    assert float(law.power_kw(asked)) == pytest.approx(6.07, rel=0.03)


@pytest.mark.parametrize(
    ("history", "reason"),
    [
        ({"days": 0.4}, "usable samples, 48 are needed"),
        ({"liquid": 30.0}, "liquid supply stayed within 30.0 to 30.0 °C"),
        ({"it": 330.0}, "the liquid's share of it is a prior"),
    ],
)
def test_what_was_never_seen_is_refused_with_its_reason(
    site: Site, history: dict[str, float], reason: str
) -> None:
    record = learned(analytic(site, **history))[1]
    assert not record.trusted
    assert any(reason in why for why in record.disqualified)


def test_a_meter_that_reads_garbage_is_refused(site: Site) -> None:
    history = analytic(site)
    history.values["cdu-1.power"] = np.random.default_rng(0).uniform(0, 20, len(history.values))
    assert any("hold-out CV(RMSE)" in why for why in learned(history)[1].disqualified)


def test_a_liquid_setpoint_that_stood_still_is_stepped_in_commissioning(site: Site) -> None:
    still = analytic(site, liquid=30.0)
    lessons = commissioning_plan(site, identify(still, at=still.end)).lessons
    assert LeverId("cdu-1.liquid-supply") in lessons


# -- how warm -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("leak_per_k", "best_c"),
    [
        # 80 kW at 10 kW/K over 20 °C tower water: x = 8 / (T - 12), pumps 12 x, leakage 80 κ (T - 30).
        (0.005, 30.0),  # at 30 °C the pumps save 0.296 kW a kelvin and chips would leak 0.4
        (0.002, 36.5),  # 96 / (T - 12)² = 0.16: T = 36.5
        (0.0, 45.0),
    ],
)
def test_pumping_is_weighed_against_leakage(leak_per_k: float, best_c: float) -> None:
    law = LiquidLaw(OwnerId("cdu"), OwnerId("z"), 0.8, 0.0, leak_per_k, 10.0, (0.0, 12.0, 0.0, 0.0), 0.9)
    grid = np.linspace(25.0, 45.0, 41)
    assert grid[drawn_kw(law, np.array(100.0), grid, np.array(20.0)).argmin()] == pytest.approx(
        best_c, abs=0.5
    )


def test_liquid_stays_above_the_dew_point_of_its_room(site: Site) -> None:
    humid = tuple(replace(z, humidity=replace(z.humidity, dew_point_max_c=26.0)) for z in site.zones)
    damp = replace(site, zones=humid)
    model = identify(analytic(damp), at=START)
    values = {p: lever.as_found for lever in damp.levers for p in lever.points}
    readings = {p: Reading(PointId(p), START, v, Quality.GOOD) for p, v in values.items()}
    switches = read_switches(damp, model, Snapshot(damp, START, readings))
    (axis,) = [s.axis for s in switches.each if s.kind is SwitchKind.LIQUID]
    assert axis.low == 28.0


# -- the planner --------------------------------------------------------------------------------------

JULY = datetime(2025, 7, 8, tzinfo=UTC)


@pytest.fixture(scope="module")
def hall() -> PlayedSite:
    return PlayedSite.of("liquid", JULY, 1.0, 1.5)


@pytest.fixture(scope="module")
def planned(hall: PlayedSite) -> Day:
    quick = replace(PlannerSettings.of(hall.site), use_solver=False)
    return hall.day(MpcPolicy(hall.site, hall.model, quick), decide_s=7200)


def test_the_rooms_air_is_not_given_the_liquids_heat(hall: PlayedSite) -> None:
    # Both zones have the same two units: the same air, whatever leaves by liquid in one of them.
    a, b = (z.coil.air_kw_k for z in hall.model.zones)
    assert b == pytest.approx(a, rel=0.1)


def test_a_day_of_planning_saves_energy_and_keeps_the_racks_cool(hall: PlayedSite, planned: Day) -> None:
    hall.assert_pays(planned, least_kwh=300)


def test_chips_that_would_leak_more_than_pumps_save_keep_their_liquid(planned: Day) -> None:
    assert all(28.0 <= a.setpoints[LeverId("cdu-1.liquid-supply")] <= 32.0 for a in planned.answers)


def test_where_chips_do_not_leak_the_loop_is_warmed_and_the_sentence_says_so(hall: PlayedSite) -> None:
    tight = replace(hall.model, liquid=tuple(replace(law, leak_per_k=0.0) for law in hall.model.liquid))
    answer = replace(hall, model=tight).answer(MpcPolicy(hall.site, tight))
    assert answer.setpoints[LeverId("cdu-1.liquid-supply")] == 31.0
    assert answer.plan is not None
    assert "warmer liquid" in answer.plan.reason
