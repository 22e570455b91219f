"""What a plan leads to at the pessimistic edge, reckoned here and not by whoever made the plan.

A nonlinear walk through the calibrated laws, zone by zone: the air a coil can make, servers that answer
to their inlets, inlets that follow with their time constant. The load is taken at the upper edge of its
forecast, the plant room at its weakest, and every lever where the plan puts it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from optimizer.march import HOTTEST_C
from optimizer.model import PlantModel
from optimizer.switches import SwitchKind, read_switches
from optimizer.units_running import as_it_runs
from optimizer.zones import ZoneModel
from plant.forecast import Array, Forecast
from plant.idle_units import redundancy_now, seen_in
from plant.plan import Plan
from plant.points import SITE, OwnerId
from plant.quantities import Quantity
from plant.setpoints import LeverId
from plant.site import EquipmentKind, Site
from plant.snapshot import Snapshot

SIGMAS = 2.0
"""Width of the forecast's edge: about one load in forty is higher. [-]"""
_MOST_BIAS_K, _STEADY_K = 12.0, 0.1


@dataclass(frozen=True)
class EdgeRollout:
    """Warmest inlets at the edge by zone, with the plan and with nothing changed. Shapes (steps,). [°C]

    `short` says what the plant room could not do for the plan.
    """

    with_plan_c: Mapping[OwnerId, Array]
    holding_c: Mapping[OwnerId, Array]
    short: tuple[str, ...] = ()


def edge_rollout(
    site: Site, model: PlantModel, plan: Plan, forecast: Forecast, snapshot: Snapshot
) -> EdgeRollout:
    """Walk through a plan, and through changing nothing, at the forecast's pessimistic edge."""
    present = {name: np.full(plan.grid.steps, value) for name, value in snapshot.setpoints().items()}
    planned = {**present, **{name: np.asarray(path, float) for name, path in plan.trajectory.items()}}
    running, _ = as_it_runs(model, redundancy_now(site, snapshot))
    walks = [_Walk(site, model, running, levers, forecast, snapshot) for levers in (planned, present)]
    with_plan, holding = ({z.id: walk.inlets_c(z) for z in running.zones} for walk in walks)
    return EdgeRollout(with_plan, holding, walks[0].short())


@dataclass(frozen=True)
class _Walk:
    """One set of lever paths at the edge."""

    site: Site
    model: PlantModel
    running: PlantModel
    """The laws of the units that run."""
    levers: Mapping[LeverId, Array]
    forecast: Forecast
    snapshot: Snapshot

    def inlets_c(self, zone: ZoneModel) -> Array:
        """Warmest inlet of a zone at each step's end. Shape (steps,)."""
        load = self._load_kw(zone.id)
        supply_set, speed, water = self._air(zone.id)
        law = zone.inlets
        inlets = self._start(zone)
        bias = self._bias(zone, inlets)
        keep = math.exp(-self.forecast.grid.step_s / law.tau_s)
        worst = np.empty(len(load))
        for k, reference in enumerate(load):
            power = reference + float(zone.it.rise_kw(inlets, np.asarray(reference)))
            heat = power + float(zone.fans.power_kw(np.asarray(speed[k])))
            supply = max(supply_set[k], float(zone.coil.coolest_supply_c(speed[k], heat, water[k])))
            settled = law.settled_c(supply, power, speed[k]) + bias
            # Warm servers draw more: learned laws would run away, and what is no number passes every limit.
            inlets = np.minimum(settled + (inlets - settled) * keep, HOTTEST_C)
            worst[k] = np.nanmax(inlets)
        return worst

    def short(self) -> tuple[str, ...]:
        """Whether all chillers and the economizer together could be asked for more than they make."""
        units = self.site.equipment_of(EquipmentKind.CHILLER)
        plates = [e.nameplate.capacity_kw for e in units]
        if not plates or not all(plates):
            return ()
        able = sum(p or 0.0 for p in plates)
        heat = sum(self._load_kw(z.id) for z in self.model.zones)
        load = float(np.max(self.model.load_kw(np.asarray(heat))))
        if load <= able or self.site.equipment_of(EquipmentKind.ECONOMIZER):
            return ()
        return (f"the load may reach {load:.0f} kW, the chillers make {able:.0f} kW",)

    def _load_kw(self, zone: OwnerId) -> Array:
        load = self.forecast.it_reference_kw[zone].upper(SIGMAS)
        return np.maximum(load if self._moved_kw is None else load - self._moved_kw[zone], 0.0)

    @cached_property
    def _moved_kw(self) -> Mapping[OwnerId, Array] | None:
        """Work put off less caught up under these levers; None where the site lets none wait.

        What is caught up comes on top. What is put off counts only as far as it is put off already.
        """
        switches = read_switches(self.site, self.model, self.snapshot)
        if switches.column(SwitchKind.DEFERRAL) is None:
            return None
        zones, stays = self.site.zones, switches.held(self.forecast.grid.steps)
        levers = [s.axis.levers[0].id for s in switches.each]
        asked = np.column_stack([self.levers.get(lv, stays[:, i]) for i, lv in enumerate(levers)])
        load = np.column_stack([self.forecast.it_reference_kw[z.id].mean for z in zones])
        known = load, np.array([z.it_design_kw for z in zones]), self.forecast.grid.step_h
        net, now = (switches.put_off_kw(s, *known, self.forecast.waiting_kwh) for s in (asked, stays))
        assert net is not None
        assert now is not None
        return dict(zip((z.id for z in zones), np.minimum(net, np.maximum(now, 0.0)).T, strict=True))

    def _air(self, zone: OwnerId) -> tuple[Array, Array, Array]:
        """Supply-air setpoint, fan speed and water at each step, warm side first where levers differ."""
        owners = {zone, *(e.id for e in self.site.equipment if e.zone == zone)}
        plant = {SITE, *(e.id for e in self.site.equipment if e.zone is None)}
        return (
            self._path(
                owners, Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT, zone, Quantity.SUPPLY_AIR_TEMPERATURE
            ),
            self._path(owners, Quantity.FAN_SPEED_SETPOINT, zone, Quantity.FAN_SPEED, least=True),
            self._path(
                plant,
                Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE_SETPOINT,
                SITE,
                Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE,
            ),
        )

    def _path(
        self, owners: set[OwnerId], sets: Quantity, zone: OwnerId, shown: Quantity, *, least: bool = False
    ) -> Array:
        levers = [lv for lv in self.site.levers if lv.owner in owners and lv.quantity is sets]
        paths = [self.levers[lv.id] for lv in levers if lv.id in self.levers]
        if paths:
            return np.asarray(np.min(paths, axis=0) if least else np.max(paths, axis=0))
        at_site, snapshot = zone == SITE, self.snapshot
        seen = snapshot.mean(SITE, shown) if at_site else seen_in(self.site, zone, shown, snapshot)
        return np.full(self.forecast.grid.steps, seen)

    def _start(self, zone: ZoneModel) -> Array:
        """Where the zone's inlets stand; a lost sensor where the warmest does."""
        seen = np.array([self.snapshot.value(p) for p in zone.inlets.sensors])
        return np.where(np.isnan(seen), self.snapshot.worst_inlet_c(zone.id), seen)

    def _bias(self, zone: ZoneModel, inlets: Array) -> Array:
        """How much warmer each inlet is than its law says: it is not counted on to go away. [K]"""
        supply = self.snapshot.zone_mean(zone.id, Quantity.SUPPLY_AIR_TEMPERATURE)
        speed = self.snapshot.zone_mean(zone.id, Quantity.FAN_SPEED)
        power = self.snapshot.mean(zone.id, Quantity.IT_POWER)
        if np.isnan([supply, speed, power]).any() or speed < 0.05:
            return np.zeros_like(inlets)
        # The mean speed has units that stand still in it, and so has the law of all units.
        whole = next(z for z in self.model.zones if z.id == zone.id)
        unexplained = inlets - whole.inlets.settled_c(supply, power, speed) - _STEADY_K
        return np.asarray(np.clip(np.nan_to_num(unexplained), 0.0, _MOST_BIAS_K))
