"""A plant of one's own, small enough to read: each zone is one lump of air between servers and coil.

Run the real controller against it:

    coolwright scenario run training-load-steps --plant examples.own_plant:make \\
        --policy trim-and-respond --days 0.1

Anything with these two methods will do: an FMU, EnergyPlus, the model your consultant left you. Tell the
site's points you can; a point you do not tell is missing to the controller, never zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np

from plant.commands import Command
from plant.points import SITE, OwnerId, PointId
from plant.quantities import Quantity
from plant.readings import Quality, Reading
from plant.site import Site

AIR_KW_K = 1.2 * 1.006
"""Heat that 1 m³/s of air carries per kelvin. [kW/K]"""
LUMP_KJ_K_PER_RACK = 500.0
PLANT_KW_PER_KW = 0.16
"""Electricity of the whole plant room for each kilowatt of heat it removes."""


class LumpPlant:
    """Satisfies `plant.ports.Plant`: reset, and advance with commands."""

    def __init__(self, site: Site, seed: int) -> None:
        self._site = site
        self._rng = np.random.default_rng(seed)
        self._it_kw = np.array([0.6 * z.it_design_kw for z in site.zones])
        self._lump_kj_k = np.array([LUMP_KJ_K_PER_RACK * z.racks for z in site.zones])
        self._air_m3_s = np.array([z.it_design_kw / (AIR_KW_K * 9.0) for z in site.zones])

    def reset(self, start: datetime) -> Sequence[Reading]:
        """Begin as the site was found."""
        self._now = start
        self._set = {p: lever.as_found for lever in self._site.levers for p in lever.points}
        self._inlet_c = self._zone_mean(Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT) + 1.0
        return self._readings()

    def advance(self, commands: Sequence[Command], seconds: float) -> Sequence[Reading]:
        """Take the setpoints, let time pass, say what is."""
        self._set.update({c.point: c.value for c in commands})
        supply_c = self._zone_mean(Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT)
        carried_kw_k = (
            AIR_KW_K * self._air_m3_s * np.maximum(self._zone_mean(Quantity.FAN_SPEED_SETPOINT), 0.05)
        )
        # A tenth of the servers' heat comes round again; the exact solution of a first-order lump.
        settled_c = supply_c + 0.1 * self._it_kw / carried_kw_k
        share = -np.expm1(-seconds * carried_kw_k / self._lump_kj_k)
        self._inlet_c = self._inlet_c + share * (settled_c - self._inlet_c)
        self._now += timedelta(seconds=seconds)
        return self._readings()

    def _zone_mean(self, quantity: Quantity) -> np.ndarray:
        def mean(zone: OwnerId) -> float:
            values = [self._set[p.id] for p in self._site.points_in(zone, quantity) if p.id in self._set]
            return float(np.mean(values))

        return np.array([mean(z.id) for z in self._site.zones])

    def _readings(self) -> list[Reading]:
        told: dict[PointId, float] = dict(self._set)
        fans = self._zone_mean(Quantity.FAN_SPEED_SETPOINT)
        fan_kw = float((20.0 * fans**3).sum())
        it_kw = float(self._it_kw.sum())
        cooling_kw = fan_kw + PLANT_KW_PER_KW * it_kw
        for n, zone in enumerate(self._site.zones):
            for place, point in enumerate(self._site.points_of(zone.id, Quantity.INLET_TEMPERATURE)):
                told[point.id] = self._inlet_c[n] + 0.2 * place + 0.05 * self._rng.standard_normal()
            for quantity, value in ((Quantity.IT_POWER, self._it_kw[n]), (Quantity.UTILIZATION, 0.6)):
                told.update({p.id: value for p in self._site.points_of(zone.id, quantity)})
            for point in self._site.points_in(zone.id, Quantity.SUPPLY_AIR_TEMPERATURE):
                told[point.id] = self._zone_mean(Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT)[n]
            for point in self._site.points_in(zone.id, Quantity.FAN_SPEED):
                told[point.id] = fans[n]
        for quantity, value in (
            (Quantity.IT_POWER, it_kw),
            (Quantity.COOLING_POWER, cooling_kw),
            (Quantity.FACILITY_POWER, it_kw * 1.08 + cooling_kw),
        ):
            told.update({p.id: value for p in self._site.points_of(SITE, quantity)})
        return [Reading(point, self._now, float(value), Quality.GOOD) for point, value in told.items()]


def make(site: Site, seed: int) -> LumpPlant:
    """The factory that ``--plant examples.own_plant:make`` names."""
    return LumpPlant(site, seed)
