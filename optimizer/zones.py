"""The air side of the zones: their laws together, and all zones' numbers stacked into arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from optimizer.coil_bank import CoilBank
from optimizer.identify.coils import CoilLaw
from optimizer.identify.crah_fans import FanLaw
from optimizer.identify.dx import DxLaw
from optimizer.identify.inlets import FEATURES, InletLaw, inlet_features
from optimizer.identify.it_power import KNOTS_C, ItCurve
from optimizer.identify.load_growth import UNKNOWN
from optimizer.identify.outdoor_air import OutdoorAirLaw
from optimizer.room_side import DamperBank, Outside, RoomSide, room_side
from optimizer.room_units import UnitBank
from plant.forecast import Array
from plant.points import OwnerId

_NOWHERE_C = -273.0
NO_WATER_C = 0.0
"""Stands for the chilled water of a zone that has none: no supply air is asked to be colder."""
EXTRAPOLATION_STD = 0.45
"""Standard deviation added per kelvin of air gain beyond what the data covered. [K/K]"""


@dataclass(frozen=True)
class ZoneModel:
    """The air side of one zone."""

    id: OwnerId
    it: ItCurve
    inlets: InletLaw
    coil: CoilLaw
    fans: FanLaw
    dx: DxLaw | None = None
    """Its compressors; None where chilled water cools it."""
    outdoor: OutdoorAirLaw | None = None
    """Its outdoor-air dampers; None where it has none."""
    growth: float = UNKNOWN
    """Share by which its load may rise while a machine is out and nobody has acted yet. [-]"""


@dataclass(frozen=True)
class ZoneBank:
    """The zones' learned numbers as arrays, zones first, sensors padded to the largest zone."""

    zones: tuple[ZoneModel, ...]
    sensors: int
    present: Array
    coefficients: Array
    tau_s: Array
    std_k: Array
    air_kw_k: Array
    gain_low_k: Array
    gain_high_k: Array
    growth: Array
    design_kw: Array
    idle: Array
    per_utilization: Array
    fixed: Array
    per_load: Array
    fans: Array
    coils: CoilBank
    units: UnitBank | None = None
    """None where chilled water cools every zone."""
    by_air: Array | None = None
    """Part of each zone's IT power that leaves by air; None where all of it does."""
    dampers: DamperBank | None = None
    """None where no zone has outdoor-air dampers."""

    @classmethod
    def of(cls, zones: tuple[ZoneModel, ...], liquid: Mapping[OwnerId, float] | None = None) -> ZoneBank:
        """Stack the zones; ``liquid`` is the part of their IT power that leaves by liquid."""
        sensors = max(len(z.inlets.sensors) for z in zones)
        present = np.zeros((len(zones), sensors))
        coefficients = np.zeros((len(zones), sensors, zones[0].inlets.matrix.shape[1]))
        for i, zone in enumerate(zones):
            present[i, : len(zone.inlets.sensors)] = 1.0
            coefficients[i, : len(zone.inlets.sensors)] = zone.inlets.matrix
        return cls(
            zones=zones,
            sensors=sensors,
            present=present,
            coefficients=coefficients,
            tau_s=np.array([z.inlets.tau_s for z in zones]),
            std_k=np.array([max(z.inlets.std_k) for z in zones]),
            air_kw_k=np.array([z.inlets.air_kw_k for z in zones]),
            gain_low_k=np.array([z.inlets.gain_k.low for z in zones]),
            gain_high_k=np.array([z.inlets.gain_k.high for z in zones]),
            growth=np.array([z.growth for z in zones]),
            design_kw=np.array([z.it.design_kw for z in zones]),
            idle=np.array([z.it.idle for z in zones]),
            per_utilization=np.array([max(z.it.per_utilization, 1e-6) for z in zones]),
            fixed=np.array([z.it.fixed for z in zones]),
            per_load=np.array([z.it.per_load for z in zones]),
            fans=np.array([[z.fans.units * c for c in z.fans.coefficients] for z in zones]),
            coils=CoilBank.of(tuple(z.coil for z in zones)),
            units=UnitBank.of(tuple(z.dx for z in zones)) if any(z.dx for z in zones) else None,
            by_air=np.array([1.0 - liquid.get(z.id, 0.0) for z in zones]) if liquid else None,
            dampers=DamperBank.of(tuple(z.outdoor for z in zones)) if any(z.outdoor for z in zones) else None,
        )

    @property
    def plain(self) -> bool:
        """Whether all heat of all zones goes to chilled water."""
        return self.units is None and self.dampers is None and self.by_air is None

    def room(self, heat_kw: Array, it_kw: Array, supply_c: Array, speed: Array, outside: Outside) -> RoomSide:
        """What zones do with their heat before chilled water sees it. Zones last."""
        air, by_air = self.coils.air_kw_k * speed, self.it_by_air_kw(it_kw)
        heat = heat_kw - (it_kw - by_air)
        return room_side(self.units, self.dampers, heat, supply_c + by_air / air, air, outside)

    def it_by_air_kw(self, it_kw: Array) -> Array:
        """What of IT power (zones last) leaves by air. [kW]"""
        return it_kw if self.by_air is None else it_kw * self.by_air

    @cached_property
    def wet(self) -> Array:
        """1 for each zone that chilled water cools, else 0. Shape (zones,)."""
        return np.array([float(z.dx is None) for z in self.zones])

    def water_heat_kw(self, heat_kw: Array) -> Array:
        """What of the zones' heat (zones last) chilled water takes, in all. [kW]"""
        return np.asarray((heat_kw if self.units is None else heat_kw * self.wet).sum(axis=-1))

    def water_c(self, chw_c: Array) -> Array:
        """The water each zone's air is made with, zones last; where there is none, colder than it matters."""
        water = chw_c[..., None]
        return water if self.units is None else np.where(self.wet > 0, water, NO_WATER_C)

    @cached_property
    def absent_k(self) -> Array:
        """Takes sensors that do not exist out of every maximum. Shape (zones, sensors). [K]"""
        return np.where(self.present > 0, 0.0, _NOWHERE_C)

    @cached_property
    def per_sensor_kw(self) -> Array:
        """Design power that one sensor speaks for. Shape (zones,). [kW]"""
        return np.asarray(self.design_kw / self.present.sum(axis=-1))

    def padded(self, values: Array, absent: float = _NOWHERE_C) -> Array:
        """Sensors that do not exist take ``absent``, so that a maximum passes them by."""
        return np.where(np.isnan(values) | (self.present == 0), absent, values)

    def rise_k(self, gain_k: Array, supply_c: Array) -> Array:
        """Settled inlet above supply. Shape (…, zones) to (…, zones, sensors). [K]"""
        shape = np.broadcast_shapes(gain_k.shape, supply_c.shape)
        gain, supply = (np.broadcast_to(a, shape).reshape(-1, shape[-1]).T for a in (gain_k, supply_c))
        # Zones first: a few large products instead of many tiny ones.
        features = np.empty((len(gain), FEATURES, gain.shape[1]))
        inlet_features(gain, supply, out=features.swapaxes(1, 2))
        rise = self.coefficients @ features + self.absent_k[..., None]
        return np.asarray(rise.transpose(2, 0, 1).reshape(*shape, self.sensors))

    def inlet_std_k(self, gain_k: Array, supply_c: Array, load_share: Array) -> Array:
        """Spread of the warmest inlet: the law's own, the load's, and that of going beyond the data.

        Zones last. `load_share` is the load's standard deviation over the load. [K]
        """
        now = self.rise_k(gain_k, supply_c).max(axis=-1)
        more = self.rise_k(gain_k * (1 + load_share), supply_c).max(axis=-1)
        beyond = np.maximum(gain_k - self.gain_high_k, 0.0) + np.maximum(self.gain_low_k - gain_k, 0.0)
        return np.asarray(np.sqrt(self.std_k**2 + (more - now) ** 2 + (EXTRAPOLATION_STD * beyond) ** 2))

    def rise_kw(self, inlets_c: Array, reference_kw: Array) -> Array:
        """Server fans' answer. Shape (…, zones, sensors) and (…, zones) to (…, zones). [kW]"""
        heat = np.maximum(inlets_c[..., None, :] - KNOTS_C[:, None], 0.0).sum(axis=-1)
        return np.asarray((heat * self.fan_weights(reference_kw)).sum(axis=-1) * self.per_sensor_kw)

    def fan_weights(self, reference_kw: Array) -> Array:
        """What a kelvin above each knot adds, as a share of design. Shape (…, zones) to (…, zones, knots)."""
        load = np.clip((reference_kw / self.design_kw - self.idle) / self.per_utilization, 0.0, 1.0)
        return np.asarray(self.fixed + load[..., None] * self.per_load)

    def fan_kw(self, speed: Array) -> Array:
        """CRAH fan power of each zone, zones last. [kW]"""
        c = self.fans.T
        return np.asarray(c[0] + speed * (c[1] + speed * (c[2] + speed * (c[3] + speed**2 * c[4]))))

    def fan_slope_kw(self, speed: Array) -> Array:
        """What more speed costs, zones last. [kW]"""
        c = self.fans.T
        return np.asarray(c[1] + speed * (2 * c[2] + speed * (3 * c[3] + speed**2 * 5 * c[4])))

    def open_valve_excess(self, speed: Array) -> Array:
        """1/ε − 1 with valves open: supply cannot be cooler than water plus this times the air's span."""
        excess = np.asarray(1 / self.coils.best_effectiveness(speed) - 1)
        return excess if self.units is None else excess * self.wet

    def flow_kw_k(self, heat_kw: Array, supply_c: Array, speed: Array, chw_c: Array) -> Array:
        """Chilled water each zone's coils ask for, as heat capacity rate. Zones last. [kW/K]

        `chw_c` has the zones' axis too, of length one.
        """
        span = heat_kw / (self.coils.air_kw_k * speed)
        approach = np.maximum(supply_c + span - chw_c, 0.1)
        flow = self.coils.water_kw_k * self.coils.water_share(speed, np.minimum(span / approach, 1.0))
        return flow if self.units is None else flow * self.wet
