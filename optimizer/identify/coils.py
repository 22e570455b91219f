"""CRAH coils: how much water they ask for, and the coolest air a given water can make.

Effectiveness–NTU, counterflow, with the off-design conductance of domain notes §5.1
(1/UA = 0.6 r^-0.8 + 0.4 w^-0.85 over UA0; Modelica Buildings defaults). Three numbers are learned
for the site's coils, scaled to each zone by its rated capacity: conductance, full water flow, and
the exponent of valve position in flow.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import least_squares

from optimizer.identify.evidence import Evidence, Origin
from optimizer.identify.regression import LEAST_SAMPLES, Bounds, Prior, coverage, errors, fit, unmoved
from optimizer.identify.signals import Signals
from plant.forecast import Array
from plant.points import OwnerId
from plant.psychrometrics import CP_AIR, CP_WATER, RHO_AIR, RHO_WATER
from plant.quantities import Quantity
from plant.site import EquipmentKind, Site

R_LOW, R_HIGH, R_STEPS, E_STEPS = 0.2, 1.1, 19, 49
_W_GRID = np.geomspace(0.004, 1.0, 160)
_WIDE_OPEN = 0.97
_AIRFLOW_PER_KW = 0.1  # m³/s per kW of IT, where no nameplate says (EnergyPlus ITE examples)


@dataclass(frozen=True)
class CoilLaw:
    """A zone's coils taken together.

    `air_kw_k` and `water_kw_k` are heat capacity rates at full fan speed and open valve,
    `ua_kw_k` the conductance there. [kW/K]
    """

    air_kw_k: float
    water_kw_k: float
    ua_kw_k: float
    valve_exponent: float

    @cached_property
    def table(self) -> tuple[Array, Array]:
        """Best effectiveness by speed, and water share by (speed, share of that effectiveness)."""
        speeds = np.linspace(R_LOW, R_HIGH, R_STEPS)
        shares = np.linspace(0.0, 1.0, E_STEPS)
        reached = self.effectiveness(speeds[:, None], _W_GRID[None, :])
        best = reached[:, -1]
        water = np.stack(
            [np.interp(shares * b, e, _W_GRID, left=0.0) for b, e in zip(best, reached, strict=True)]
        )
        water[:, 0] = 0.0
        return best, water

    def effectiveness(self, speed: ArrayLike, water: ArrayLike) -> Array:
        """Air-side effectiveness (T_return − T_supply)/(T_return − T_water) at a share of full flow."""
        r, w = np.asarray(speed, float), np.asarray(water, float)
        c_air, c_water = self.air_kw_k * r, self.water_kw_k * w
        ua = self.ua_kw_k / (0.6 * r**-0.8 + 0.4 * w**-0.85)
        least, most = np.minimum(c_air, c_water), np.maximum(c_air, c_water)
        ratio = np.minimum(least / most, 0.9999)
        gone = np.exp(-ua / least * (1 - ratio))
        return np.asarray((1 - gone) / (1 - ratio * gone) * least / c_air)

    def best_effectiveness(self, speed: ArrayLike) -> Array:
        """Effectiveness with the valve open."""
        best, _ = self.table
        return np.asarray(np.interp(np.asarray(speed, float), np.linspace(R_LOW, R_HIGH, R_STEPS), best))

    def water_share(self, speed: ArrayLike, effectiveness: ArrayLike) -> Array:
        """Share of full water flow that gives an effectiveness, 1 where it is beyond reach."""
        _, water = self.table
        position = (np.clip(speed, R_LOW, R_HIGH) - R_LOW) * ((R_STEPS - 1) / (R_HIGH - R_LOW))
        share = np.clip(np.asarray(effectiveness, float) / self.best_effectiveness(speed), 0.0, 1.0)
        height = share * (E_STEPS - 1)
        # What is not known has no place in a table: it stays NaN and must not become an index.
        i = np.minimum(np.nan_to_num(position).astype(int), R_STEPS - 2)
        j = np.minimum(np.nan_to_num(height).astype(int), E_STEPS - 2)
        u, v = position - i, height - j
        low = water[i, j] * (1 - v) + water[i, j + 1] * v
        high = water[i + 1, j] * (1 - v) + water[i + 1, j + 1] * v
        return np.asarray(low * (1 - u) + high * u)

    def coolest_supply_c(self, speed: ArrayLike, heat_kw: ArrayLike, water_c: ArrayLike) -> Array:
        """Coolest supply air the water can make at this airflow and heat. [°C]

        From ε = (T_r − T_s)/(T_r − T_w) and T_r − T_s = Q/C: T_s = T_w + (Q/C)(1/ε − 1).
        """
        span = np.asarray(heat_kw, float) / (self.air_kw_k * np.asarray(speed, float))
        return np.asarray(np.asarray(water_c, float) + span * (1 / self.best_effectiveness(speed) - 1))


def learn_airflow(signals: Signals, zone: OwnerId) -> float:
    """Heat capacity rate of a zone's supply air at full speed, from its heat balance. [kW/K]"""
    rated = rated_air_kw_k(signals.site, zone)
    span = signals.of_zone(zone, Quantity.RETURN_AIR_TEMPERATURE) - signals.of_zone(
        zone, Quantity.SUPPLY_AIR_TEMPERATURE
    )
    x = (signals.of_zone(zone, Quantity.FAN_SPEED) * span)[:, None]
    fitted = fit(
        x,
        zone_heat_kw(signals, zone),
        Bounds(np.array([0.4 * rated]), np.array([2.0 * rated])),
        Prior(np.array([[7.0]]), np.array([7.0 * rated]), samples=2.0),
    )
    return float(fitted.coefficients[0])


def zone_heat_kw(signals: Signals, zone: OwnerId) -> Array:
    """IT power and fan power of a zone, less what leaves by liquid: what its air must take up. [kW]"""
    fans = [
        signals.mean(signals.site.points_of(e.id, Quantity.POWER))
        for e in signals.site.equipment_of(EquipmentKind.CRAH, zone)
    ]
    fan_kw = np.nan_to_num(np.sum(fans, axis=0)) if fans else 0.0
    # A room unit with a compressor meters both together: of its fan the nameplate tells.
    rated = sum(e.nameplate.power_kw or 0.0 for e in signals.site.equipment_of(EquipmentKind.DX_UNIT, zone))
    own_kw = rated * signals.of_zone(zone, Quantity.FAN_SPEED) ** 3 if rated else 0.0
    by_air = 1.0 - signals.liquid_share.get(zone, 0.0)
    return np.asarray(by_air * signals.of_zone(zone, Quantity.IT_POWER) + fan_kw + own_kw)


def coil_heat_kw(signals: Signals, zone: OwnerId) -> Array:
    """What of a zone's heat is left for its coils: all but what outdoor air takes. [kW]"""
    heat = zone_heat_kw(signals, zone)
    free = signals.free_heat_kw.get(zone)
    return heat if free is None else np.maximum(heat - free, 0.0)


def rated_air_kw_k(site: Site, zone: OwnerId) -> float:
    """The nameplate's air heat capacity rate, or what the IT design asks for. [kW/K]"""
    units = (*site.equipment_of(EquipmentKind.CRAH, zone), *site.equipment_of(EquipmentKind.DX_UNIT, zone))
    flows = [e.nameplate.airflow_m3_s for e in units]
    if flows and all(flows):
        return sum(f for f in flows if f) * RHO_AIR * CP_AIR
    return site.zone_by_id[zone].it_design_kw * _AIRFLOW_PER_KW * RHO_AIR * CP_AIR


def rated_coil_kw(site: Site, zone: OwnerId) -> float:
    """Rated cooling of a zone's CRAHs, or half as much again as its IT design. [kW]"""
    rated = [e.nameplate.capacity_kw for e in site.equipment_of(EquipmentKind.CRAH, zone)]
    if rated and all(rated):
        return float(sum(c for c in rated if c))
    return 1.5 * site.zone_by_id[zone].it_design_kw


def learn_coils(signals: Signals, air_kw_k: dict[OwnerId, float]) -> tuple[dict[OwnerId, CoilLaw], Evidence]:
    """Fit the three site-wide coil numbers to measured water flow and valve positions."""
    site = signals.site
    zones = [z.id for z in site.zones]
    needs = _Needs.of(signals, air_kw_k)
    flow = signals.of_site(Quantity.CHILLED_WATER_FLOW) * RHO_WATER * CP_WATER
    valves = np.column_stack([signals.of_zone(z, Quantity.VALVE_POSITION) for z in zones])
    # A saturated coil tells only that flow was full: leave it out.
    usable = ~(np.isnan(needs.effectiveness).any(axis=1)) & ~np.isnan(flow)
    usable &= ~(np.nan_to_num(valves) > _WIDE_OPEN).any(axis=1)
    # Half-open dampers leave the coils little and the meters much to err about.
    usable &= signals.closed
    samples = int(usable.sum())
    guess = np.log([0.22, 0.17, 1.0])

    def laws(log_numbers: Array) -> dict[OwnerId, CoilLaw]:
        ua, water, exponent = np.exp(log_numbers)
        return {
            z: CoilLaw(air_kw_k[z], water * rated_coil_kw(site, z), ua * rated_coil_kw(site, z), exponent)
            for z in zones
        }

    def predict(log_numbers: Array) -> tuple[Array, Array]:
        trial = laws(log_numbers)
        water, opened = np.zeros(samples), np.empty((samples, len(zones)))
        for k, z in enumerate(zones):
            share = trial[z].water_share(needs.speed[usable, k], needs.effectiveness[usable, k])
            water += share * trial[z].water_kw_k
            opened[:, k] = share ** (1 / trial[z].valve_exponent)
        return water, opened

    def residuals(log_numbers: Array) -> Array:
        water, opened = predict(log_numbers)
        scale = max(float(np.mean(flow[usable])), 1e-6)
        flows = (water - flow[usable]) / scale
        seats = np.nan_to_num((opened - valves[usable]).ravel() * 0.5)
        belief = (log_numbers - guess) * np.sqrt(2.0) * 0.1
        return np.concatenate([flows, seats, belief])

    inputs = coverage(
        effectiveness=needs.effectiveness.ravel(), speed=needs.speed.ravel(), valve=valves.ravel()
    )
    if samples < LEAST_SAMPLES:
        reason = f"{samples} usable samples of flow, valves and air: rated capacity is used"
        return laws(guess), Evidence(
            "coils", Origin.NAMEPLATE, samples, 0.3, np.nan, np.nan, inputs, (reason,)
        )
    found = least_squares(residuals, guess, bounds=(guess - 1.6, guess + 1.6), x_scale=0.2, max_nfev=60).x
    std, cv_rmse, nmbe = errors(flow[usable], predict(found)[0])
    each = [
        unmoved(coverage(effectiveness=needs.effectiveness[:, k], speed=needs.speed[:, k]))
        for k in range(len(zones))
    ]
    against = each[0] if all(each) else ()
    if not cv_rmse <= 0.2:
        against += (f"water flow CV(RMSE) {cv_rmse:.0%} is above 20%",)
    return laws(found), Evidence("coils", Origin.LEARNED, samples, std, cv_rmse, nmbe, inputs, against)


def compare_coils(laws: dict[OwnerId, CoilLaw], signals: Signals) -> tuple[Array, Array]:
    """Measured and predicted chilled-water flow where no valve was wide open. [kW/K] Shapes (samples,)."""
    needs = _Needs.of(signals, {zone: law.air_kw_k for zone, law in laws.items()})
    flow = signals.of_site(Quantity.CHILLED_WATER_FLOW) * RHO_WATER * CP_WATER
    valves = np.column_stack([signals.of_zone(z, Quantity.VALVE_POSITION) for z in laws])
    usable = ~np.isnan(needs.effectiveness).any(axis=1) & ~(np.nan_to_num(valves) > _WIDE_OPEN).any(axis=1)
    water = np.zeros(int(usable.sum()))
    for k, law in enumerate(laws.values()):
        share = law.water_share(needs.speed[usable, k], needs.effectiveness[usable, k])
        water += share * law.water_kw_k
    predicted = np.full(signals.samples, np.nan)
    predicted[usable] = water
    return flow, predicted


@dataclass(frozen=True)
class _Needs:
    """Speed and effectiveness asked of each zone's coils. Shape (samples, zones)."""

    speed: Array
    effectiveness: Array

    @classmethod
    def of(cls, signals: Signals, air_kw_k: dict[OwnerId, float]) -> _Needs:
        water = signals.of_site(Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE)
        speeds, reached = [], []
        for zone in air_kw_k:
            speed = signals.of_zone(zone, Quantity.FAN_SPEED)
            supply = signals.of_zone(zone, Quantity.SUPPLY_AIR_TEMPERATURE)
            span = coil_heat_kw(signals, zone) / (air_kw_k[zone] * np.maximum(speed, 0.05))
            speeds.append(speed)
            reached.append(np.clip(span / np.maximum(supply + span - water, 0.5), 0.0, 1.0))
        return cls(np.column_stack(speeds), np.column_stack(reached))
