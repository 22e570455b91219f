from __future__ import annotations

import numpy as np
import pytest

from sim.physics import it_load, room
from sim.physics.it_load import ServerLaw

LAW = ServerLaw()


def server_ratio(inlet_c: float) -> float:
    inlet = np.asarray(inlet_c)
    return float(it_load.power_ratio(it_load.fan_speed_ratio(inlet, LAW), inlet, LAW))


def test_server_power_rises_as_measured_between_23_and_30_degrees() -> None:
    # arXiv 2509.26163: +0.35 to +0.5 %/K of room server power.
    per_k = (server_ratio(30) / server_ratio(23) - 1) / 7
    assert 0.0035 <= per_k <= 0.005


def test_server_power_is_nearly_flat_when_cool() -> None:
    assert server_ratio(24) / server_ratio(18) - 1 < 0.006
    assert server_ratio(35) / server_ratio(15) - 1 > 0.05


def test_idle_and_full_power() -> None:
    power = it_load.reference_power_kw(np.array([0.0, 0.5, 1.0]), np.asarray(100.0), LAW)
    np.testing.assert_allclose(power, [40.0, 70.0, 100.0])


def test_airflow_for_twelve_kelvin() -> None:
    # P / (ρ·cp·ΔT) = 1 / (1.2 · 1.006 · 12) = 0.069 m³/s per kW.
    assert float(it_load.airflow_for_rise_m3_s(1.0, 12.0)) == pytest.approx(0.069, abs=2e-4)


def test_server_fans_pull_more_air_when_hot() -> None:
    cool, hot = it_load.fan_speed_ratio(np.array([20.0, 32.0]), LAW)
    assert cool == pytest.approx(1.0, abs=1e-3)
    assert hot > 1.2


def recirculation(ratio: float) -> float:
    return float(
        room.recirculation_share(np.asarray(ratio), np.asarray(1.0), np.asarray(0.03), np.asarray(1.08), 0.09)
    )


def test_recirculation_covers_at_least_what_the_crahs_do_not_supply() -> None:
    for ratio in np.linspace(0.3, 2.0, 30):
        assert recirculation(ratio) >= max(0.0, 1 - ratio)


def test_recirculation_falls_to_the_leak_with_plenty_of_air() -> None:
    shares = [recirculation(r) for r in (0.7, 0.9, 1.1, 1.4, 2.0)]
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] == pytest.approx(0.03, abs=1e-3)


def settle(supply_kg_s: float, phi: float, step_s: float = 30.0, steps: int = 2000) -> room.RoomState:
    state = room.RoomState(*(np.asarray(20.0) for _ in range(3)))
    for _ in range(steps):
        state = room.step_room(
            state, np.asarray(18.0), np.asarray(supply_kg_s), np.asarray(20.0), np.asarray(phi),
            *(np.asarray(v) for v in (240.0, 400.0, 1800.0, 12000.0, 25.0)), step_s,
        )  # fmt: skip
    return state


def test_a_settled_room_hands_all_its_heat_to_the_supply_air() -> None:
    state = settle(26.0, 0.1)
    assert 26.0 * 1.006 * (float(state.hot_c) - 18.0) == pytest.approx(240.0, rel=1e-6)


def test_settled_inlet_by_hand_without_bypass() -> None:
    # With supply = servers' own draw of fresh air there is no bypass:
    # inlet = supply + φ/(1-φ)·ΔT with ΔT = 240 / (20·1.006) = 11.93 K.
    state = settle(20.0 * 0.8, 0.2)
    assert float(state.cold_c) == pytest.approx(18.0 + 0.25 * 240 / (20 * 1.006), rel=1e-6)


def test_the_room_answers_within_ten_to_twenty_minutes() -> None:
    state = settle(26.0, 0.1)
    before = float(state.cold_c)
    trace = []
    for _ in range(240):
        state = room.step_room(
            state, np.asarray(20.0), np.asarray(26.0), np.asarray(20.0), np.asarray(0.1),
            *(np.asarray(v) for v in (240.0, 400.0, 1800.0, 12000.0, 25.0)), 30.0,
        )  # fmt: skip
        trace.append(float(state.cold_c) - before)
    reached = next(i for i, rise in enumerate(trace) if rise >= 0.9 * trace[-1]) * 30 / 60
    assert trace[-1] == pytest.approx(2.0, abs=0.02)
    # Tang et al. 2008: a new steady state in about 10 to 20 minutes... of the air; the floor drags.
    assert 10 <= reached <= 45


def test_energy_closes_at_any_step_length() -> None:
    for step_s in (1.0, 30.0, 600.0):
        old = room.RoomState(np.asarray(21.0), np.asarray(33.0), np.asarray(19.0))
        capacities = np.array([400.0, 1800.0, 12000.0])
        new = room.step_room(
            old, np.asarray(18.0), np.asarray(26.0), np.asarray(20.0), np.asarray(0.15), np.asarray(240.0),
            *(np.asarray(c) for c in capacities), np.asarray(25.0), step_s,
        )  # fmt: skip
        stored = float(capacities @ (np.array(new) - np.array(old)))
        flow = step_s * (240.0 - 26.0 * 1.006 * (float(new.hot_c) - 18.0))
        assert stored == pytest.approx(flow, rel=1e-9)
