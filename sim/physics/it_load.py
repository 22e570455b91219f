"""Servers: what they draw and how much air they pull, given work and inlet temperature."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.arrays import Array


@dataclass(frozen=True)
class ServerLaw:
    """How servers answer to inlet temperature.

    Defaults give +0.41 %/K of server power between 23 and 30 °C: inside the measured room-level
    sensitivity of +0.35 to +0.5 %/K (arXiv 2509.26163); flat below about 25 °C (ASHRAE TC 9.9,
    2011 white paper, order of magnitude).
    """

    idle_share: float = 0.40
    """Power at no work over power at full work. [-]"""
    fan_share: float = 0.03
    """Fan power over total power at full work and a cool inlet. [-]"""
    fan_knee_c: float = 25.0
    fan_softness_k: float = 0.7
    fan_rise_per_k: float = 0.04
    """Growth of fan speed, and so of airflow, per kelvin above the knee. [1/K]"""
    fan_speed_max: float = 1.8
    leakage_per_k: float = 0.001
    leakage_reference_c: float = 20.0
    idle_airflow_share: float = 0.55
    """Airflow at no power over airflow at design power. [-]"""


def softplus(x: Array, softness: float) -> Array:
    """A smooth max(x, 0) that is `softness`·ln 2 at the corner, in the unit of x."""
    scaled = x / softness
    return np.asanyarray(softness * (np.maximum(scaled, 0.0) + np.log1p(np.exp(-np.abs(scaled)))))


def reference_power_kw(utilization: Array, design_kw: Array, law: ServerLaw) -> Array:
    """Server power at a cool inlet: idle + (max - idle)·u, linear in work. [kW]

    The usual linear model (Fan, Weber, Barroso, ISCA 2007).
    """
    return np.asanyarray(design_kw * (law.idle_share + (1.0 - law.idle_share) * utilization))


def fan_speed_ratio(inlet_c: Array, law: ServerLaw) -> Array:
    """Server fan speed over its cool-inlet speed; 1 when cool, rising above the knee. [-]"""
    return np.minimum(
        1.0 + law.fan_rise_per_k * softplus(inlet_c - law.fan_knee_c, law.fan_softness_k), law.fan_speed_max
    )


def power_ratio(fan_ratio: Array, inlet_c: Array, law: ServerLaw) -> Array:
    """Server power over its cool-inlet power: leakage plus cubic fan power. [-]

    Fan affinity P ∝ n³; leakage linear in temperature about the reference.
    """
    leakage = (1.0 - law.fan_share) * (
        1.0 + law.leakage_per_k * np.maximum(inlet_c - law.leakage_reference_c, 0.0)
    )
    return np.asanyarray(leakage + law.fan_share * fan_ratio * fan_ratio * fan_ratio)


def airflow_m3_s(
    reference_kw: Array, design_kw: Array, design_airflow_m3_s: Array, fan_ratio: Array, law: ServerLaw
) -> Array:
    """Air the servers pull: rises with their power, and with fan speed (V ∝ n). [m³/s]"""
    share = law.idle_airflow_share + (1.0 - law.idle_airflow_share) * reference_kw / design_kw
    return np.asanyarray(design_airflow_m3_s * share * fan_ratio)


def airflow_for_rise_m3_s(power_kw: Array | float, rise_k: float) -> Array:
    """Air that carries `power_kw` at a temperature rise: P / (ρ·cp·ΔT). [m³/s] 0.069 per kW at 12 K."""
    return np.asanyarray(power_kw / (1.2 * 1.006 * rise_k))
