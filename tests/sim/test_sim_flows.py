"""Moisture, pipes, tanks, plenums: what goes in comes out or stays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from plant.psychrometrics import CP_WATER
from plant.site_file import load_site
from sim.derive import derive_parameters
from sim.physics import fans, moisture, pipes, recirculation, tank
from sim.physics.tank import TankState


def a(*values: float) -> np.ndarray:
    return np.asarray(values if len(values) > 1 else values[0], float)


@pytest.mark.parametrize("step_s", [1.0, 60.0, 3600.0])
def test_water_in_air_is_conserved_at_any_step_length(step_s: float) -> None:
    old, outdoor, air_kg, exchange, contact, full = 0.011, 0.016, 400.0, 0.3, 15.0, 0.0085
    new = moisture.step_moisture(a(old), a(outdoor), a(air_kg), a(exchange), a(contact), a(full), step_s)
    stored = air_kg * (float(new.ratio) - old)
    flows = step_s * (exchange * (outdoor - float(new.ratio)) - float(new.condensed_kg_s))
    assert stored == pytest.approx(flows, rel=1e-9)
    assert float(new.condensed_kg_s) > 0
    assert float(new.ratio) >= full


def test_nothing_condenses_on_a_coil_above_the_dew_point() -> None:
    new = moisture.step_moisture(a(0.008), a(0.008), a(400.0), a(0.1), a(15.0), a(0.0085), 60.0)
    assert float(new.condensed_kg_s) == 0.0
    assert float(new.ratio) == pytest.approx(0.008)


def test_a_wet_coil_dries_the_room_to_its_surface() -> None:
    ratio = a(0.014)
    for _ in range(200):
        ratio = moisture.step_moisture(ratio, a(0.014), a(400.0), a(0.02), a(15.0), a(0.0085), 60.0).ratio
    assert float(ratio) == pytest.approx(0.0085, rel=0.01)


def test_a_pipe_delays_by_its_volume_over_its_flow() -> None:
    cells, flow, cell_kg, step_s = np.full(3, 7.0), 50.0, 1000.0, 1.0
    trace = []
    for _ in range(200):
        cells = pipes.step_pipe(cells, a(12.0), a(CP_WATER * flow), CP_WATER * cell_kg, step_s)
        trace.append(float(cells[-1]))
    # Mean residence time 3·1000/50 = 60 s: the area above the answer.
    delay = sum(12.0 - t for t in trace) * step_s / 5.0
    assert delay == pytest.approx(60.0, rel=0.05)
    assert trace[10] < 7.2


@pytest.mark.parametrize("step_s", [5.0, 60.0, 600.0])
def test_a_pipe_gains_exactly_what_flows_in_minus_out(step_s: float) -> None:
    old = np.array([7.0, 8.0, 9.0])
    stream, cell = CP_WATER * 40.0, CP_WATER * 900.0
    new = pipes.step_pipe(old, a(12.0), a(stream), cell, step_s)
    assert cell * float((new - old).sum()) == pytest.approx(step_s * stream * (12.0 - float(new[-1])))


def cycle(charge_kg_s: float, hours: float) -> tuple[float, float]:
    """Charge an empty tank with 7 °C water, then discharge it with 15 °C returned. kWh in, kWh out."""
    mass, interface, step_s = a(120_000.0), a(0.2), 60.0
    state = TankState(a(tank.LEAST_SHARE), a(15.0), a(15.0))
    moved = []
    for charging in (True, False):
        total = 0.0
        for _ in range(int(hours * 60)):
            most = tank.room_to_charge_kg_s if charging else tank.left_to_discharge_kg_s
            flow = np.minimum(a(charge_kg_s), most(state, mass, step_s))
            none = a(0.0)
            before = tank.stored_kj(state, mass)
            flows = (flow, none) if charging else (none, flow)
            state = tank.step_tank(state, flows[0], a(7.0), flows[1], a(15.0), mass, interface, step_s)
            total += float(before - tank.stored_kj(state, mass)) / 3600
        moved.append(total)
    return moved[0], -moved[1]


def test_a_stratified_tank_gives_back_most_of_its_charge() -> None:
    stored, given = cycle(10.0, 8.0)
    assert stored > 900  # 120 t over 8 K is 1116 kWh
    # Figure of merit of real stratified tanks: 0.85 to 0.95 (Dincer and Rosen).
    useful = given / (120_000 * CP_WATER * 8.0 / 3600)
    assert 0.8 < useful <= 0.97


def test_a_tank_gains_exactly_what_flows_in_minus_out() -> None:
    state = TankState(a(0.4), a(8.0), a(14.0))
    mass = a(50_000.0)
    new = tank.step_tank(state, a(6.0), a(6.5), a(0.0), a(15.0), mass, a(0.3), 60.0)
    gained = float(tank.stored_kj(new, mass) - tank.stored_kj(state, mass))
    assert gained == pytest.approx(60.0 * CP_WATER * 6.0 * (6.5 - 14.0), rel=1e-9)
    assert float(new.cold_share) == pytest.approx(0.4 + 6.0 * 60 / 50_000)


def test_a_tank_left_alone_loses_one_to_three_percent_of_its_charge_a_day() -> None:
    # Dincer and Rosen: 1 to 3 % a day of a full charge; here with 25 °C outside.
    site = load_site(Path(__file__).parents[2] / "examples" / "storage.yaml")
    p = derive_parameters(site, 1).tanks
    state = TankState(np.array([0.8]), np.array([7.0]), np.array([15.0]))
    before, none = tank.charge(state, p.design_k), np.zeros(1)
    for _ in range(24):
        gain = tank.wall_gain_kw(state, a(25.0), p.wall_kw_k)
        state = tank.step_tank(state, none, none, none, none, p.mass_kg, p.interface_kw_k, 3600.0, gain)
    lost = float((before - tank.charge(state, p.design_k))[0])
    assert 0.005 < lost < 0.03


ONE_ZONE = np.ones((4, 1))
ZONE_OF = (0, 0, 0, 0)


def test_units_at_one_speed_deliver_that_speed() -> None:
    for speed in (0.4, 0.75, 1.0):
        flow = fans.shared_plenum_flow(np.full(4, speed), np.full(4, 0.25), ONE_ZONE, ZONE_OF)
        np.testing.assert_allclose(flow, speed, rtol=1e-12)


def test_when_one_unit_stands_still_the_others_blow_a_little_more() -> None:
    share = np.array([0.25e-3, 0.25, 0.25, 0.25])
    flow = fans.shared_plenum_flow(np.full(4, 0.8), share, ONE_ZONE, ZONE_OF)
    # By hand: Q = 3/4·v, 1.75·v² = 2·0.64 - 0.25·Q².
    v = (2 * 0.64 / (1.75 + 0.25 * 0.5625)) ** 0.5
    np.testing.assert_allclose(flow[1:], v, rtol=1e-3)
    assert 1.0 < v / 0.8 < 1.05


def test_exhaust_is_dealt_out_without_making_more_of_it() -> None:
    exposure = np.array([0.6, 0.8, 1.9, 0.9, 0.8, 1.0])
    mix = recirculation.mixing_matrix(exposure)
    np.testing.assert_allclose(mix.sum(axis=1), exposure, rtol=1e-6)
    np.testing.assert_allclose(mix.sum(axis=0), 1.0, rtol=1e-3)
    assert mix[2, 1] > mix[2, 5]


def settled_inlets(phi: float) -> np.ndarray:
    exposure = np.array([0.7, 0.7, 1.9, 0.9, 0.9, 0.9])
    mix = recirculation.mixing_matrix(exposure)
    inlet = np.full(6, 20.0)
    for _ in range(300):
        inlet = recirculation.inlets_c(a(20.0), a(18.0), a(32.0), a(phi), exposure, mix, inlet, np.zeros(6))
    return inlet


def test_a_hot_spot_feeds_its_neighbors_the_more_the_less_air_there_is() -> None:
    little, much = settled_inlets(0.1), settled_inlets(0.5)
    for inlet in (little, much):
        assert inlet.argmax() == 2
        assert inlet.mean() == pytest.approx(20.0, abs=1e-9)
    # Groups 3 and 5 have one exposure; 3 is the hot group's neighbor.
    assert much[3] - much[5] > little[3] - little[5] > 0
