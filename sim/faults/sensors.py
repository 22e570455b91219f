"""What faults make of readings: each takes a true reading and gives what would be heard instead."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import pairwise

import numpy as np

from plant.points import ModbusAddress, Point, PointId, RegisterType
from plant.readings import Quality, Reading, missing
from plant.site import Site
from sim.faults.fault import Fault, points_hit

_SPIKE_SHARE = 0.1
_WIDE = frozenset({RegisterType.FLOAT32, RegisterType.INT32, RegisterType.UINT32})


@dataclass
class SensorFault:
    """One reading fault at work: which points, and what it must remember of each."""

    fault: Fault
    points: tuple[PointId, ...]
    rng: np.random.Generator
    neighbor: Mapping[PointId, PointId]
    """The point whose register comes next on the same gateway."""
    memory: dict[PointId, Reading] = field(default_factory=dict)

    def distort(self, true: Mapping[PointId, Reading], site: Site) -> dict[PointId, Reading]:
        """What is heard of the points this fault touches."""
        lost = self.fault.kind == "gateway_flapping" and self.rng.random() < self.fault.magnitude
        return {
            p: missing(p, true[p].time) if lost else self._one(site.point_by_id[p], true)
            for p in self.points
            if p in true
        }

    def _one(self, point: Point, true: Mapping[PointId, Reading]) -> Reading:
        r, m = true[point.id], self.fault.magnitude
        first = self.memory.setdefault(point.id, r)
        match self.fault.kind:
            case "sensor_stuck":
                return replace(r, value=first.value, quality=first.quality)
            case "sensor_drift":
                hours = (r.time - self.fault.start).total_seconds() / 3600
                return replace(r, value=r.value + m * hours)
            case "sensor_bias":
                return replace(r, value=r.value + m)
            case "sensor_noise":
                return replace(r, value=r.value + m * float(self.rng.standard_normal()))
            case "sensor_gain":
                return replace(r, value=r.value * m)
            case "sensor_spikes":
                return replace(r, value=r.value + m * float(self.rng.random() < _SPIKE_SHARE))
            case "sensor_swap":
                other = true.get(PointId(self.fault.other or ""))
                return missing(point.id, r.time) if other is None else replace(other, point=point.id)
            case "sensor_sentinel":
                return replace(r, value=m, quality=Quality.GOOD)
            case "sensor_nan":
                return replace(r, value=math.nan, quality=Quality.GOOD)
            case "sensor_zero":
                return replace(r, value=0.0)
            case "sensor_fahrenheit":
                return replace(r, value=r.value * 1.8 + 32)
            case "sensor_coarse":
                return replace(r, value=round(r.value / m) * m if r.usable else r.value)
            case "sensor_lag":
                return self._lagged(first, r, m)
            case "stale_series":
                return first
            case "exception_code":
                return missing(point.id, r.time, Quality.NOT_AVAILABLE)
            case "clock_jump":
                return replace(r, time=r.time + timedelta(seconds=m))
            case "word_order_flip":
                return _words_swapped(point, r)
            case "register_shift":
                after = self.neighbor.get(point.id)
                return r if after is None or after not in true else replace(r, value=true[after].value)
            case _:  # sensor_dead, gateway_timeout
                return missing(point.id, r.time)

    def _lagged(self, before: Reading, now: Reading, time_constant_s: float) -> Reading:
        passed_s = (now.time - before.time).total_seconds()
        share = -math.expm1(-passed_s / time_constant_s)
        said = replace(now, value=before.value + share * (now.value - before.value))
        if said.usable:
            self.memory[now.point] = said
        return said


def sensor_fault(fault: Fault, site: Site, seed: int, number: int) -> SensorFault:
    """A fault ready to work; its randomness depends on the seed and its place in the list."""
    points = points_hit(fault, site)
    return SensorFault(fault, points, np.random.default_rng([seed, 0xFA17, number]), neighbors(site))


def neighbors(site: Site) -> dict[PointId, PointId]:
    """For each Modbus point the next one of its gateway, device and table, by address."""
    groups: dict[tuple[str, int, str], list[tuple[int, PointId]]] = {}
    for point in site.points:
        if isinstance(point.address, ModbusAddress):
            a = point.address
            groups.setdefault((a.gateway, a.device_id, a.table), []).append((a.address, point.id))
    found: dict[PointId, PointId] = {}
    for members in groups.values():
        ordered = [p for _, p in sorted(members)]
        found.update(pairwise(ordered))
    return found


def _words_swapped(point: Point, reading: Reading) -> Reading:
    """The value a 32-bit register pair has when its words are read the wrong way round."""
    if not isinstance(point.address, ModbusAddress) or point.address.type not in _WIDE:
        return reading
    if not math.isfinite(reading.value):
        return reading
    if point.address.type is RegisterType.FLOAT32:
        packed = struct.pack(">f", reading.value)
        (value,) = struct.unpack(">f", packed[2:] + packed[:2])
        return replace(reading, value=float(value))
    raw = round(reading.value) & 0xFFFFFFFF
    return replace(reading, value=float((raw >> 16) | (raw & 0xFFFF) << 16))
