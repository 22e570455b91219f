"""A zone's air after a trip: its calibrated laws, or nameplates and an energy balance without them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.identify.coils import CoilLaw
from optimizer.identify.inlets import InletLaw
from optimizer.identify.load_growth import UNKNOWN
from optimizer.model import PlantModel
from plant.forecast import Array
from plant.points import OwnerId
from plant.psychrometrics import CP_AIR, RHO_AIR
from plant.quantities import Quantity
from plant.site import EquipmentKind, Site, Zone
from plant.snapshot import Snapshot

UNLIKE_K, BEYOND = 0.4, 0.15
"""Spread of what no past has shown, and of each kelvin of air gain beyond it. [K, K/K]"""
WARM, WARM_C, SHORT_K, SHORT_BAND_K, COOL_C = 0.1, 25.0, 6.0, 4.0, 20.0
"""Server fans draw in more exhaust when inlets pass 25 °C and air is short; what a learned law adds for
supply air above 20 °C is a part of that. [K/K, °C, K, K, °C]"""
STEEPEST = 1.0
"""Least kelvins of the warmest inlet per kelvin of air gain beyond what was learned. [K/K]"""
LEAK, SHORT_FROM_K, EXPOSED = 0.1, 9.0, 1.6
"""Without a law: a tenth of the air's gain comes back; all of it once less is supplied than servers draw
at a 9 K rise; and the worst placed rack breathes 1.6 times its share. [-, K, -]"""
STORE, MOST_TAU_S, HOT_AISLE_S = 0.6, 900.0, 90.0
"""Share of the heat store that a zone's time constant tells of which is counted on; the longest such time
believed; and what air alone takes. [-, s, s]"""
RATED_OUTDOOR_C, PER_OUTDOOR_K, LEAST_ABLE, COUNTED_ON = 35.0, 0.007, 0.6, 0.95
"""Capacity of an air-cooled unit: of its plate at 35 °C outdoors 0.7 % less per kelvin above that (EnergyPlus
reference-building units: 0.6 to 0.9 %/K), never more than the plate, and 5 % for age. [°C, 1/K, -, -]"""
LEAST_FLOW, COLDEST_C = 0.8, 5.0
"""Share of it that is left at next to no air (EnergyPlus's usual flow modifier 0.8 + 0.2 x); low-pressure
control makes nothing colder. [-, °C]"""
_AIR_PER_KW, _COIL_IN_K, _CAPACITY = 0.1, 23.0, 1.5
_MOST_BIAS_K, _STEADY_K = 12.0, 0.1


@dataclass(frozen=True)
class AirLaw:
    """How one zone's warmest inlet answers to load, airflow and supply air. Vectorised over instants.

    `learned` is None where the zone's inlet law may not be trusted, `coil` where the coils' may not.
    """

    site: Site
    zone: OwnerId
    air_kw_k: float
    """Heat capacity rate of the zone's supply air at full speed. [kW/K]"""
    coil_share: float
    """Without a coil law: rated effectiveness of the coils. [-]"""
    rated_fan_kw: float
    learned: InletLaw | None
    coil: CoilLaw | None
    dx_kw: float = 0.0
    """Rated capacity of all units, where nothing but compressors of their own cools the zone's air. [kW]"""
    growth: float = UNKNOWN
    """Share by which the load may rise while nobody acts. [-]"""

    def gain_k(self, load_kw: Array, moved: Array) -> Array:
        """What the zone's air gains. `moved` is the share of full airflow that flows. [K]"""
        return np.asarray(load_kw / (self.air_kw_k * moved))

    def rise_k(self, load_kw: Array, moved: Array, supply_c: Array, bias_k: float) -> Array:
        """Warmest inlet above supply air. [K]"""
        gain = self.gain_k(load_kw, moved)
        law = self.learned
        rise = self._balance_k(gain) if law is None else self._law_k(law, gain, supply_c)
        already = 0.0 if law is None else rise - self._law_k(law, gain, np.minimum(supply_c, COOL_C))
        rise = rise + bias_k
        short = np.clip((gain - SHORT_K) / SHORT_BAND_K, 0.0, 1.0)
        warm = WARM * short * np.maximum(supply_c + rise - WARM_C, 0.0)
        return np.asarray(rise + np.maximum(warm - already, 0.0))

    def spread_k(self, load_kw: Array, moved: Array) -> Array:
        """Standard deviation of the warmest inlet. [K]"""
        if self.learned is None:
            return np.full(np.shape(moved), 1.0)
        beyond = np.maximum(self.gain_k(load_kw, moved) - self.learned.gain_k.high, 0.0)
        return np.asarray(np.sqrt(max(self.learned.std_k) ** 2 + UNLIKE_K**2 + (BEYOND * beyond) ** 2))

    def made_c(
        self,
        back_c: Array,
        speed: Array,
        water_c: Array,
        *,
        left: float = 1.0,
        outdoor_c: Array | float = 35.0,
    ) -> Array:
        """Coolest air the units that are left can make of the air that comes back. [°C]

        Compressors take what they are able to, however warm it gets; a coil with open valve takes more then.
        """
        if self.dx_kw > 0:
            able = self.dx_kw * left * _able_share(outdoor_c) * (LEAST_FLOW + (1 - LEAST_FLOW) * speed)
            flow = self.air_kw_k * np.maximum(left * speed, 0.02)
            coldest = np.maximum(back_c - able / flow, COLDEST_C)
            return np.asarray(coldest + self.fan_kw(speed) / (self.air_kw_k * speed))
        share = self.coil_share if self.coil is None else self.coil.best_effectiveness(speed)
        fans = self.fan_kw(speed) / (self.air_kw_k * speed)
        return np.asarray(back_c - share * (back_c - water_c) + fans)

    def warms_in_s(self, moved: Array) -> Array:
        """Time constant with which the air that comes back warms. [s]

        C/(C_air r) with the zone's heat store C. Inlets follow supply air with τ = C/(C_air r) as well,
        and halls are learned from at less than full fan speed: C is more than a share `STORE` of τ·C_air.
        """
        store = STORE * min(self.learned.tau_s, MOST_TAU_S) if self.learned is not None else 0.0
        return np.maximum(store / moved, HOT_AISLE_S)

    def fan_kw(self, speed: Array) -> Array:
        """Fan power of all units. [kW]"""
        return np.asarray(self.rated_fan_kw * np.asarray(speed, float) ** 2)

    def bias_k(self, snapshot: Snapshot) -> float:
        """How much warmer the warmest inlet is now than the law says; never less than nothing. [K]"""
        worst = snapshot.worst_inlet_c(self.zone)
        supply = snapshot.zone_mean(self.zone, Quantity.SUPPLY_AIR_TEMPERATURE)
        speed = snapshot.zone_mean(self.zone, Quantity.FAN_SPEED)
        load = snapshot.mean(self.zone, Quantity.IT_POWER)
        if self.learned is None or np.isnan([worst, supply, speed, load]).any() or speed < 0.05:
            return 0.0
        expected = float(self.learned.settled_c(supply, load, speed).max())
        return float(np.clip(worst - expected - _STEADY_K, 0.0, _MOST_BIAS_K))

    def _law_k(self, law: InletLaw, gain: Array, supply_c: Array) -> Array:
        """The learned rise; beyond its data no flatter than all further gain coming back."""
        inside = np.minimum(gain, max(law.gain_k.high, 1.0))
        unit = law.air_kw_k  # with this as load and full speed the law's own gain is what is asked
        here = law.settled_c(supply_c, inside * unit, 1.0).max(axis=-1) - supply_c
        there = law.settled_c(supply_c, gain * unit, 1.0).max(axis=-1) - supply_c
        return np.asarray(np.maximum(there, here + STEEPEST * (gain - inside)))

    @staticmethod
    def _balance_k(gain: Array) -> Array:
        """T_in = T_s + (1 - s)/s ΔT for a share s < 1 of what servers draw, which is d - ΔT; and a leak."""
        return np.asarray(EXPOSED * (LEAK * gain + np.maximum(gain - SHORT_FROM_K, 0.0)))


def air_law(site: Site, zone: Zone, model: PlantModel | None) -> AirLaw:
    """A zone's law from what was learned, as far as that may be trusted."""
    found = None if model is None else next((z for z in model.zones if z.id == zone.id), None)
    trusted = found is not None and model is not None and model.trusts(f"{zone.id}.inlets")
    coils = found is not None and model is not None and model.trusts("coils")
    units = [e for e in site.equipment if e.zone == zone.id and e.kind in _AIR_KINDS]
    plates = [e.nameplate for e in units]
    flow = sum(p.airflow_m3_s or 0.0 for p in plates) or _AIR_PER_KW * zone.it_design_kw
    rated = flow * RHO_AIR * CP_AIR
    capacity = sum(p.capacity_kw or 0.0 for p in plates) or _CAPACITY * zone.it_design_kw
    return AirLaw(
        site=site,
        zone=zone.id,
        air_kw_k=found.inlets.air_kw_k if found is not None and trusted else rated,
        coil_share=min(max(capacity / (rated * _COIL_IN_K), 0.2), 0.95),
        rated_fan_kw=sum(p.power_kw or 0.0 for p in plates),
        learned=found.inlets if found is not None and trusted else None,
        dx_kw=capacity if all(e.kind is EquipmentKind.DX_UNIT for e in units) and units else 0.0,
        coil=found.coil if found is not None and coils else None,
        growth=UNKNOWN if found is None else found.growth,
    )


_AIR_KINDS = (EquipmentKind.CRAH, EquipmentKind.DX_UNIT)


def _able_share(outdoor_c: Array | float) -> Array:
    over = np.asarray(outdoor_c, float) - RATED_OUTDOOR_C
    return np.asarray(COUNTED_ON * np.clip(1.0 - PER_OUTDOOR_K * over, LEAST_ABLE, 1.0))
