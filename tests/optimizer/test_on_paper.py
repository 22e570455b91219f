"""The paper plant: its rollout, and the numbers of each law's cuts, beside what paper says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from analytic_plant import demo_site
from paper_plant import KEEP, paper_day, paper_plant, paper_problem, path, standing
from scheduled_site import CHILLERS, TANK, seen, with_levers, with_tank
from scipy.optimize import brentq

from optimizer.beyond import Beyond
from optimizer.blocks import Grouping
from optimizer.build import TRUST, Numbers
from optimizer.cuts import AirCuts, Lines, Reference
from optimizer.identify.dx import DxLaw
from optimizer.identify.outdoor_air import OutdoorAirLaw
from optimizer.pose import pose
from optimizer.problem import PlannerSettings, Problem
from optimizer.room_cuts import ROOM_SHIFTS_K, water_cuts
from optimizer.zone_cuts import ZonePlanes, damper_cuts, unit_cuts
from plant.forecast import Array

SINGLY = Grouping.of(96, 96, 1)
# ASHRAE Fundamentals 2017, ch. 1, table 2: saturated air holds 57.555 kJ/kg at 20 °C and 99.977 at 30 °C.
# (The optimizer's formula is some 0.1 kJ/kg off: five hundredths of a kilowatt of fans here.)
FORCE = 99.977 - 57.555


def effectiveness(speed: float, water: float) -> float:
    """Counterflow by Incropera (11.29a), the paper plant's coil; written out here once more."""
    air, flow = 40.0 * speed, 80.0 * water
    ntu = 60.0 / (0.6 * speed**-0.8 + 0.4 * water**-0.85) / min(air, flow)
    ratio = min(air, flow) / max(air, flow)
    gone = np.exp(-ntu * (1 - ratio))
    return float((1 - gone) / (1 - ratio * gone) * min(air, flow) / air)


def flow_kw_k(heat_kw: float, supply_c: float, speed: float, chw_c: float) -> float:
    """Water a zone's coil asks for, by root finding."""
    span = heat_kw / (40.0 * speed)
    asked = span / (supply_c + span - chw_c)
    return 80.0 * float(brentq(lambda w: effectiveness(speed, w) - asked, 1e-3, 1.0))


# -- rollout ----------------------------------------------------------------------------------------


def test_a_step_of_the_rollout_is_that_of_paper() -> None:
    # 116.625 kW of IT at r = 0.75, fans 3.375 kW: 120 kW a zone, 500 kW of load. d = 3.8875 K; inlets settle
    # at 20.88875 and 20.38875 °C, from 22 a quarter is left.
    problem = paper_problem(116.625)
    rolled = problem.model.rollout(problem.course(path(problem, 20.0, 0.75, 8.0, 28.0)[None]), problem.world)
    settled = 20.0 + 0.5 + 0.38875
    assert rolled.worst_inlet_c[0, 0] == pytest.approx(settled + KEEP * (22.0 - settled))
    assert rolled.it_kw[0, 0] == pytest.approx(4 * 116.625)
    # One chiller: 10 + 500 (0.1 + 0.032 + 0.020) = 86 kW. Rejected 586 kW; one of two pumps moves half of the
    # water, so the range is 4 K and the tower's mean water 30 °C: 586 / 42.42 = 13.81 kW. Pumps 5 + 10.
    room = 86.0 + 586.0 / FORCE + 15.0
    assert rolled.cooling_kw[0, 0] == pytest.approx(4 * 3.375 + room, abs=0.05)
    assert rolled.facility_kw[0, 0] == pytest.approx(466.5 + 10 + 0.04 * 466.5 + 13.5 + room, abs=0.05)
    assert rolled.water_l[0, 0] == pytest.approx(586.0 * 0.25 * 1.8, rel=1e-4)
    assert rolled.chillers_on[0, 0] == 1.0


def test_servers_answer_to_the_mean_of_their_inlets() -> None:
    # Inlets stand at 28 °C in all zones: the first step adds 2 (28 - 24) = 8 kW a zone, each.
    problem = paper_problem(116.625)
    hot = replace(problem.world, inlets_c=np.where(np.isnan(problem.world.inlets_c), np.nan, 28.0))
    rolled = problem.model.rollout(problem.course(path(problem, 20.0, 0.75, 8.0, 28.0)[None]), hot)
    assert rolled.it_kw[0, 0] == pytest.approx(4 * (116.625 + 8.0))


def test_water_too_warm_for_the_air_asked_for_makes_warmer_air() -> None:
    # 300 kW and fans at r = 0.75: 303.375 kW, a span of 10.1125 K. With the valve open and water of 18 °C the
    # air is 18 + 10.1125 (1/0.75733 - 1) = 21.24 °C, whoever asks for 20.
    problem = paper_problem(300.0)
    rolled = problem.model.rollout(problem.course(path(problem, 20.0, 0.75, 18.0, 28.0)[None]), problem.world)
    assert effectiveness(0.75, 1.0) == pytest.approx(0.75733, abs=1e-4)
    assert rolled.supply_c[0, 0] == pytest.approx(21.240, abs=0.01)


def test_load_beyond_one_machine_is_carried_by_two() -> None:
    # 1,233.5 kW: 20 + 1233.5 · 0.152 = 207.49; rejected 1440.99, all water moves, range 4.92 K, so its mean
    # is 30.46 °C: 102.45 kJ/kg (CoolProp 8), 1440.99 / (102.45 - 57.56) = 32.1 kW. Pumps 25.
    problem = paper_problem(300.0)
    rolled = problem.model.rollout(problem.course(path(problem, 20.0, 0.75, 8.0, 28.0)[None]), problem.world)
    assert rolled.chillers_on[0, 0] == 2.0
    assert rolled.cooling_kw[0, 0] == pytest.approx(4 * 3.375 + 207.49 + 32.1 + 25.0, abs=0.2)


# -- cuts of the zones' laws ------------------------------------------------------------------------


def at_reference(lines: Lines, at: float) -> Array:
    """The highest cut of zone a in the first block."""
    return (lines.level[0, 0] + lines.slope[0, 0] * at).max()


@pytest.fixture(scope="module")
def busy() -> tuple[Problem, Reference, AirCuts]:
    """300 kW a zone at r = 0.75: d is 10 K, inlet 2 the warmer one, 2 K above supply; 303.375 kW of heat."""
    problem = paper_problem(300.0)
    at = Reference.of(problem, path(problem, 20.0, 0.75, 8.0, 28.0), SINGLY)
    return problem, at, AirCuts.of(problem.model, at)


def test_fan_cuts_are_tangents_of_the_cube(busy: tuple[Problem, Reference, AirCuts]) -> None:
    fan = busy[2].fan
    speeds = np.array([0.63, 0.69, 0.75, 0.81, 0.87])
    assert fan.slope[0, 0] == pytest.approx(24 * speeds**2)
    assert fan.level[0, 0] == pytest.approx(-16 * speeds**3)


def test_rise_cuts_are_chords_of_the_warmer_inlet(busy: tuple[Problem, Reference, AirCuts]) -> None:
    # d = 7.5 / r. r = 0.75: 0.1 · 10 + 0.5 · 2 = 2. r = 0.81: 0.926 + 0.630 = 1.556. r = 0.87: 0.862 + 0.310
    # = 1.172, where inlet 1 has 0.5 + 0.862 = 1.362.
    rise = busy[2].rise
    assert at_reference(rise, 0.75) == pytest.approx(2.0, abs=1e-3)
    assert at_reference(rise, 0.81) == pytest.approx(1.556, abs=1e-3)
    assert at_reference(rise, 0.87) == pytest.approx(1.362, abs=1e-3)
    # Between two points the chord, above the curve: (2 + 1.556) / 2.
    assert at_reference(rise, 0.78) == pytest.approx(1.778, abs=1e-3)


def test_server_cuts_rise_by_two_kilowatts_a_kelvin() -> None:
    # Supply 27: every inlet is above 24, and the mean a quarter kelvin below the warmer one: 2 (T - 24.25).
    problem = paper_problem(116.625)
    at = Reference.of(problem, path(problem, 27.0, 0.75, 8.0, 28.0), SINGLY)
    server = AirCuts.of(problem.model, at).server
    assert at_reference(server, 28.0) == pytest.approx(2 * 3.75)
    assert at_reference(server, 30.0) == pytest.approx(2 * 5.75)


def test_valve_cuts_touch_what_an_open_coil_makes(busy: tuple[Problem, Reference, AirCuts]) -> None:
    valve = busy[2].valve

    def above_water_k(speed: float) -> float:
        return (300.0 + 8 * speed**3) / (40.0 * speed) * (1 / effectiveness(speed, 1.0) - 1)

    middle = valve.level[0, 0, 1] + valve.slope[0, 0, 1] * np.array([0.75, 0.77])
    assert middle[0] == pytest.approx(above_water_k(0.75), abs=0.01)
    assert middle[1] == pytest.approx(above_water_k(0.77), abs=0.03)


# -- cuts of the water side -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("supply_k", "faster", "hotter_kw", "chw_k"),
    [(0, 0, 0, 0), (0.5, 0, 0, 0), (0, 0.02, 0, 0), (0, 0, 8.0, 0), (0, 0, 0, 0.5)],
)
def test_flow_cuts_follow_the_coil_around_the_reference(
    busy: tuple[Problem, Reference, AirCuts], supply_k: float, faster: float, hotter_kw: float, chw_k: float
) -> None:
    problem, at, _ = busy
    flow = water_cuts(problem, at)[0]
    zones = np.arange(4)
    here = np.full((96, 4), 1.0)
    beyond = 303.375 - 300.0 + hotter_kw
    terms = flow.of_zones(zones, (20.0 + supply_k) * here, (0.75 + faster) * here, beyond * here).sum(axis=1)
    cut = flow.level[:, 0] + terms[:, 0] + flow.per_chw[:, 0] * (8.0 + chw_k)
    asked = 4 * flow_kw_k(303.375 + hotter_kw, 20.0 + supply_k, 0.75 + faster, 8.0 + chw_k)
    unmoved = 4 * flow_kw_k(303.375, 20.0, 0.75, 8.0)
    # The coil's table is within 3 % of the formula; the change is told within a tenth of itself.
    assert cut[0] == pytest.approx(asked, rel=0.03)
    if asked != unmoved:
        at_rest = (
            flow.level[0, 0] + flow.of_zones(zones, 20.0 * here, 0.75 * here, 3.375 * here).sum(axis=1)[0, 0]
        )
        at_rest = at_rest + flow.per_chw[0, 0] * 8.0
        assert cut[0] - at_rest == pytest.approx(asked - unmoved, rel=0.12)


def test_room_planes_touch_the_plant_rooms_power_and_its_water() -> None:
    # 500 kW of load (see the rollout above): 86 + 13.81 + 15 kW. Water: 586 · 1.8 = 1,054.8 L/h at 2.5 a m³
    # is 2.637 an hour, as much as 22.44 kW at 0.1 and 350 g/kWh at 50 a tonne: 0.1175.
    problem = paper_problem(116.625)
    at = Reference.of(problem, path(problem, 20.0, 0.75, 8.0, 28.0), SINGLY)
    planes = water_cuts(problem, at)[1]
    total = 4 * flow_kw_k(120.0, 20.0, 0.75, 8.0)

    def plane(k: int, heat: float, chw: float, cw: float) -> float:
        value = planes.level[0, k] + planes.per_heat[0, k] * heat + planes.per_flow[0, k] * total
        return float(value + planes.per_chw[0, k] * chw + planes.per_cw[0, k] * cw)

    def paper(heat: float, chw: float, cw: float, force: float) -> float:
        chiller = 10 + (heat + 20) * (0.1 + 0.002 * (cw - 12) + 0.002 * (18 - chw))
        rejected = heat + 20 + chiller
        return chiller + rejected / force + 15 + rejected * 1.8 / 1000 * 2.5 / 0.1175

    assert plane(0, 480.0, 8.0, 28.0) == pytest.approx(paper(480.0, 8.0, 28.0, FORCE), abs=0.05)
    # A kilowatt more of heat: 0.152 of chiller, 1.152 (1 / 42.42 + 0.0383) of tower and water, less what the
    # tower is spared as its water is 1.152 / 293 = 0.0039 K warmer, at 5.3 kJ/(kg K): 586 · 0.0208 / 42.42².
    # A kelvin of chilled water: 1 kW less of chiller, and of tower and water for it.
    assert planes.per_heat[0, 0] == pytest.approx(0.152 + 1.152 * (1 / FORCE + 0.0383) - 0.0068, abs=0.001)
    assert planes.per_chw[0, 0] == pytest.approx(-1.0 * (1 + 1 / FORCE + 0.0383), abs=0.01)
    # Touched 2 K warmer, too: mean water 32 °C has 111.0 kJ/kg (CoolProp 8: 110.99).
    assert tuple(ROOM_SHIFTS_K[3]) == (0.0, 2.0)
    assert plane(3, 480.0, 8.0, 30.0) == pytest.approx(paper(480.0, 8.0, 30.0, 110.99 - 57.56), abs=0.1)


# -- laws only some sites have ----------------------------------------------------------------------


def test_what_no_plan_chooses_and_what_machines_can_carry() -> None:
    # 466.5 kW of IT and 10 + 4 % of it are fixed. Load is 20 + heat; one machine of 800 kW was asked for in
    # the first half of the day, both in the second; a kilowatt short over a quarter hour costs 100 / 4.
    site = with_levers(demo_site(), CHILLERS)
    problem = paper_problem(116.625, site=site)
    problem = replace(problem, schedule=np.where(np.arange(96) < 48, 1.0, 2.0)[:, None])
    at = Reference.of(problem, path(problem, 20.0, 0.75, 8.0, 28.0), SINGLY)
    found = Beyond.of(problem, at, SINGLY)
    assert found.fixed_kw[0] == pytest.approx(466.5 + 10 + 0.04 * 466.5)
    level, per_heat, able, price = found.capacity
    assert (level + per_heat * 480.0)[[0, 50]] == pytest.approx(500.0)
    assert able[[0, 50]] == pytest.approx([800.0, 1600.0])
    assert price[0] == pytest.approx(25.0)


def test_a_tank_begins_with_what_it_holds() -> None:
    # A quarter of 2,000 kWh, of which a standing hour takes a thousandth: exp(-0.00025) a quarter hour.
    site = with_levers(demo_site(), TANK)
    snapshot = seen(standing(site), site, charge=0.25)
    model = with_tank(paper_plant(site))
    problem = pose(site, model, PlannerSettings(), snapshot, paper_day(site, np.full(96, 116.625)))
    assert isinstance(problem, Problem)
    route = np.column_stack([path(problem, 20.0, 0.75, 8.0, 28.0), np.zeros(96)])
    start, capacity, _, price, keep = Beyond.of(problem, Reference.of(problem, route, SINGLY), SINGLY).tank
    assert start == pytest.approx(500.0)
    assert capacity == pytest.approx(2000.0)
    assert keep == pytest.approx(np.full(96, np.exp(-0.00025)))
    assert price == pytest.approx(3 * 0.1175), "three times the dearest hour"


@pytest.fixture(scope="module")
def own() -> tuple[Problem, Reference]:
    """Outdoor air 10 °C. Zone a has compressors, 50 kW for 200: 50 (0.1 + 0.6 u + 0.2 u²); zone b dampers."""
    problem = paper_problem(116.625, wet_c=4.0)  # outdoor air 10 °C
    a, b, *others = problem.model.zones
    dry = replace(a, dx=DxLaw(200.0, 50.0, (0.1, 0.6, 0.2, 0.0, 0.0, 0.0)))
    open_ = replace(b, outdoor=OutdoorAirLaw(20.0, 2.0, -30.0, 30.0))
    model = replace(problem.model, zones=(dry, open_, *others))
    world = replace(problem.world, dry_bulb_c=np.full(96, 10.0), dew_point_c=np.full(96, 4.0))
    mixed = replace(problem, model=model, world=world)
    return mixed, Reference.of(mixed, path(problem, 20.0, 0.75, 8.0, 28.0), SINGLY)


def plane_at(planes: ZonePlanes, zone: int, supply: float, speed: float, beyond: float) -> Array:
    level, per_supply, per_speed, per_heat = (a[0, zone] for a in planes.each)
    return np.asarray(level + per_supply * supply + per_speed * speed + per_heat * beyond)


def test_compressor_planes_touch_the_law(own: tuple[Problem, Reference]) -> None:
    # 120 kW, u = 0.6: 50 (0.1 + 0.36 + 0.072) = 26.6 kW; 50 (0.6 + 0.24) / 200 = 0.21 more a kilowatt, and
    # 0.6 % more of that for a chord of 2 %.
    planes = unit_cuts(*own)
    assert plane_at(planes, 0, 20.0, 0.75, 3.375).max() == pytest.approx(26.6)
    assert plane_at(planes, 0, 20.0, 0.75, 13.375).max() == pytest.approx(26.6 + 2.1, abs=0.02)
    assert plane_at(planes, 2, 20.0, 0.75, 3.375).max() == pytest.approx(0.0)


def test_damper_planes_touch_the_law(own: tuple[Problem, Reference]) -> None:
    # Back at 20 + 116.625 / 30 = 23.8875 °C, 13.8875 K warmer than outdoors: 277.75 kW could go, all 120 do,
    # whatever else.
    planes = damper_cuts(*own)
    assert plane_at(planes, 1, 20.0, 0.75, 3.375).min() == pytest.approx(120.0)
    assert plane_at(planes, 1, 20.0, 0.75, 0.0).min() == pytest.approx(116.625)
    assert own[1].left_kw[0] == pytest.approx([120.0, 0.0, 120.0, 120.0])


# -- how far levers may go --------------------------------------------------------------------------


def test_levers_go_as_far_as_they_are_trusted_and_as_fast_as_their_time_allows() -> None:
    problem = paper_problem(116.625)
    grouping = Grouping.of(96, 8, 4)
    numbers = Numbers.of(problem, path(problem, 20.0, 0.75, 7.0, 28.0), grouping)
    board = problem.board
    chw = board.axes.index(board.chw)
    # Supply 20 - 2; water 7 + 2, but no colder than 7; condenser water 28 + 3, but no warmer than 29.
    assert TRUST["supply"] == TRUST["chw"] == 2.0
    assert TRUST["cw"] == 3.0
    assert numbers.low[0, [0, chw, chw + 1]] == pytest.approx([18.0, 7.0, 25.0])
    assert numbers.high[0, [0, chw, chw + 1]] == pytest.approx([22.0, 9.0, 29.0])
    # Five minutes a move. Now one; a quarter hour later three; from the last single step's middle (7) to the
    # middle of the first four (9.5) seven and a half.
    periods = np.array([1.0, 3.0, 7.5, 12.0])
    assert numbers.reach[[0, 1, 8, 9], chw] == pytest.approx(0.5 * periods)
    # Condenser water goes from 24 to 28 at once on this path: what the path does is allowed.
    assert numbers.reach[[0, 1], chw + 1] == pytest.approx([4.0, 3.0])
    assert numbers.hours[[0, 8]] == pytest.approx([0.25, 1.0])
