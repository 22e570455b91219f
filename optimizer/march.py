"""Zones step by step: inlets follow supply, servers answer to inlets, coils give what their water can."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.course import Course, World
from optimizer.identify.inlets import FEATURES, inlet_features
from optimizer.identify.it_power import KNOTS_C
from optimizer.room_side import Outside
from optimizer.zones import ZoneBank
from plant.forecast import Array

HOTTEST_C = 60.0
"""Inlets are not followed beyond: servers shut down long before (ASHRAE A4 allows 45), and a course that
comes here is refused whatever the number. Learned laws know nothing of it and would run away: servers
that are warm draw more, and recirculate more."""

MOST_OF_DESIGN = 2.0
"""Racks draw at most this multiple of their design power, all fans at full speed."""


@dataclass(frozen=True)
class Marched:
    """What became of the zones. Shapes (candidates, steps, zones)."""

    worst_inlet_c: Array
    """Warmest inlet within each step."""
    it_kw: Array
    supply_c: Array


def marched(bank: ZoneBank, course: Course, world: World, outside: Outside | None) -> Marched:
    """The zones along candidate courses.

    A coil that its water cannot serve lets its supply air drift up; what compressors cannot carry warms the
    air they make. Inlets stay within `HOTTEST_C`, racks within `MOST_OF_DESIGN`: what would run away comes
    out as far too hot, and finite.
    """
    steps = _Steps.of(bank, course, world)
    candidates, count, zones = course.supply_c.shape
    keep = np.exp(-world.step_s / bank.tau_s)[:, None, None]
    # Candidates last: a few long rows instead of many short ones.
    start = bank.padded(world.inlets_c)[..., None]
    inlets = np.broadcast_to(start, (zones, bank.sensors, candidates)).copy()
    beside = bank.absent_k[..., None]
    bias = bank.padded(world.inlet_bias_k, 0.0)[..., None]
    features = np.empty((zones, FEATURES, candidates))
    worst, it, supply = (np.empty((count, zones, candidates)) for _ in range(3))
    before = inlets.max(axis=1)
    for k in range(count):
        power = it[k] = steps.it_kw(k, inlets)
        heat, air = power + steps.fans_kw[k], steps.coil_air_kw_k[k]
        if outside is None:
            given = np.maximum(steps.asked_c[k], steps.water_c[k] + heat / air * steps.excess[k])
        else:
            side = bank.room(heat.T, power.T, steps.asked_c[k].T, steps.speed[k].T, outside.at(k))
            left, lacks = side.left_kw.T / air, side.short_kw.T / air
            given = np.maximum(steps.asked_c[k], steps.water_c[k] + left * steps.excess[k]) + lacks
        supply[k] = given
        inlet_features(power / steps.air_kw_k[k], given, out=features.swapaxes(1, 2))
        settled = given[:, None] + (bank.coefficients @ features + beside) + bias
        inlets = np.minimum(settled + (inlets - settled) * keep, HOTTEST_C)
        after = inlets.max(axis=1)
        worst[k] = np.maximum(before, after) if k else after
        before = after
    return Marched(*(np.ascontiguousarray(a.transpose(2, 0, 1)) for a in (worst, it, supply)))


@dataclass(frozen=True)
class _Steps:
    """All that does not follow from inlets, reckoned once. Shapes (steps, zones, candidates or 1)."""

    asked_c: Array
    water_c: Array
    speed: Array
    fans_kw: Array
    excess: Array
    air_kw_k: Array
    coil_air_kw_k: Array
    reference_kw: Array
    most_kw: Array
    per_heat: Array
    """What a kelvin of a sensor above each knot adds to a rack's power. Shape (…, knots, candidates or 1)."""
    scale_kw: Array

    @classmethod
    def of(cls, bank: ZoneBank, course: Course, world: World) -> _Steps:
        """For candidate courses in one world."""
        reference = world.it_reference_kw if world.it_reference_kw.ndim > 2 else world.it_reference_kw[None]
        if course.put_off_kw is not None:
            reference = np.maximum(reference - course.put_off_kw, 0.0)
        weights = bank.fan_weights(reference).transpose(1, 2, 3, 0)
        return cls(
            asked_c=_by_step(course.supply_c),
            water_c=_by_step(bank.water_c(course.chw_c)),
            speed=_by_step(course.speed),
            fans_kw=_by_step(bank.fan_kw(course.speed)),
            excess=_by_step(bank.open_valve_excess(course.speed)),
            air_kw_k=_by_step(bank.air_kw_k * course.speed),
            coil_air_kw_k=_by_step(bank.coils.air_kw_k * course.speed),
            reference_kw=_by_step(reference),
            most_kw=_by_step(np.maximum(MOST_OF_DESIGN * bank.design_kw, reference)),
            per_heat=np.ascontiguousarray(weights),
            scale_kw=bank.per_sensor_kw[:, None],
        )

    def it_kw(self, step: int, inlets_c: Array) -> Array:
        """What racks draw at their inlets (zones, sensors, candidates). Shape (zones, candidates). [kW]"""
        heat = np.maximum(inlets_c[:, None] - KNOTS_C[:, None, None], 0.0).sum(axis=2)
        answer = (heat * self.per_heat[step]).sum(axis=1) * self.scale_kw
        return np.asarray(np.minimum(self.reference_kw[step] + answer, self.most_kw[step]))


def _by_step(values: Array) -> Array:
    """Candidates, steps, zones to steps, zones, candidates: each step in one piece."""
    return np.ascontiguousarray(values.transpose(1, 2, 0))
