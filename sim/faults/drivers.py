"""Faults of the world around the simulator: hot spells and load steps, as wrapped drivers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from plant.psychrometrics import saturation_pressure_kpa, wet_bulb_c
from plant.site import Site
from sim.arrays import Array
from sim.faults.fault import Fault
from sim.weather import WeatherSource
from sim.workload import WorkloadSource

WEATHER_EDGE_S = 3600.0
"""Weather comes and goes over an hour: an outdoor sensor that jumps is a fault of its own."""
LOAD_EDGE_S = 60.0
LEAST_LOAD, MOST_LOAD = 0.02, 1.0


@dataclass(frozen=True)
class ShiftedWeather:
    """Weather with heat waves and humid spells on top. Satisfies `WeatherSource`."""

    base: WeatherSource
    faults: Sequence[Fault]
    pressure_kpa: float = 101.325

    def at(self, unix_s: Array) -> tuple[Array, Array]:
        """Dry and wet bulb at instants. [°C]"""
        dry, wet = self.base.at(unix_s)
        for fault in self.faults:
            share = _share(fault, np.asarray(unix_s, float), WEATHER_EDGE_S)
            if not share.any():
                continue
            if fault.kind == "heat_wave":
                warmer = dry + fault.magnitude * share
                dry, wet = warmer, warmed_wet_bulb_c(dry, wet, warmer, self.pressure_kpa)
            else:
                wet = np.minimum(wet + fault.magnitude * share, dry)
        return dry, wet


def warmed_wet_bulb_c(dry_c: Array, wet_c: Array, warmer_c: Array, pressure_kpa: float) -> Array:
    """Wet bulb of the same moisture at another dry bulb. [°C]

    Humidity ratio from dry and wet bulb by ASHRAE Fundamentals 2017, ch. 1, eq. 33.
    """
    saturated = saturation_pressure_kpa(wet_c)
    full = 0.621945 * saturated / (pressure_kpa - saturated)
    ratio = ((2501 - 2.326 * wet_c) * full - 1.006 * (dry_c - wet_c)) / (2501 + 1.86 * dry_c - 4.186 * wet_c)
    ratio = np.maximum(ratio, 1e-5)
    vapor = pressure_kpa * ratio / (0.621945 + ratio)
    humidity = np.clip(vapor / saturation_pressure_kpa(warmer_c), 0.01, 1.0)
    return np.asarray(np.minimum(wet_bulb_c(warmer_c, humidity, pressure_kpa), warmer_c))


@dataclass(frozen=True)
class SteppedWorkload:
    """Work with steps on top. Satisfies `WorkloadSource`."""

    base: WorkloadSource
    faults: Sequence[Fault]
    site: Site

    def at(self, unix_s: Array) -> Array:
        """Utilization at instants. Shape (instants, zones). [-]"""
        load = np.array(self.base.at(unix_s))
        for fault in self.faults:
            zones = np.array([fault.hits(z.id) for z in self.site.zones], float)
            share = _share(fault, np.atleast_1d(np.asarray(unix_s, float)), LOAD_EDGE_S)
            load = load + fault.magnitude * share[:, None] * zones
        return np.asarray(np.clip(load, LEAST_LOAD, MOST_LOAD))


def _share(fault: Fault, unix_s: Array, edge_s: float) -> Array:
    """0 outside, 1 inside, linear over `edge_s` at both ends."""
    begin, end = fault.start.timestamp(), fault.end.timestamp()
    edge = min(edge_s, (end - begin) / 2)
    return np.asarray(np.clip(np.minimum((unix_s - begin) / edge, (end - unix_s) / edge), 0.0, 1.0))
