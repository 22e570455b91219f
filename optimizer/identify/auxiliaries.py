"""The small laws: chilled-water and condenser pumps, losses, water use, heat gains, meters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from optimizer.identify.coils import coil_heat_kw
from optimizer.identify.evidence import Evidence
from optimizer.identify.intervals import places_seen
from optimizer.identify.regression import Bounds, Prior, coverage, evidence, fit
from optimizer.identify.signals import Signals
from optimizer.identify.tower import rejected_kw
from plant.forecast import Array
from plant.psychrometrics import CP_WATER, RHO_WATER
from plant.quantities import Quantity
from plant.site import EquipmentKind, Nameplate, Site


@dataclass(frozen=True)
class PolynomialLaw:
    """y = Σ c_k (x / x_ref)^k with c ≥ 0: power against flow, loss against load."""

    reference: float
    coefficients: tuple[float, ...]

    def at(self, x: ArrayLike) -> Array:
        """The value at ``x``."""
        ratio = np.asarray(x, float) / self.reference
        out = np.zeros_like(ratio)
        for c in reversed(self.coefficients):
            out = out * ratio + c
        return np.asarray(out)


@dataclass(frozen=True)
class CondenserPumpLaw:
    """P = c0 + c1 · chillers running + c2 · exchanger at work alone + c3 · exchanger beside chillers. [kW]

    Alone the exchanger needs a pump; beside chillers it may have one of its own or share theirs.
    `full_kw` is with all pumps running.
    """

    coefficients: tuple[float, float, float, float]
    full_kw: float

    def power_kw(self, chillers: ArrayLike, economizer: ArrayLike) -> Array:
        """Pump power. [kW]"""
        return np.asarray(_pump_features(chillers, economizer) @ np.array(self.coefficients))


def _pump_features(chillers: ArrayLike, economizer: ArrayLike) -> Array:
    count, at_work = np.broadcast_arrays(np.asarray(chillers, float), np.asarray(economizer, float))
    alone = np.maximum(1.0 - count, 0.0)
    return np.stack([np.ones(count.shape), count, at_work * alone, at_work * (1.0 - alone)], axis=-1)


@dataclass(frozen=True)
class WaterLaw:
    """Make-up water in liters per kWh rejected: w0 + w1 · max(T_wb, 0)/20."""

    dry: float
    per_wet_bulb: float

    def liters_per_kwh(self, wet_bulb_c: ArrayLike) -> Array:
        """Use per heat rejected. [L/kWh]"""
        return np.asarray(self.dry + self.per_wet_bulb * np.maximum(np.asarray(wet_bulb_c, float), 0.0) / 20)


def learn_chw_pump(signals: Signals) -> tuple[PolynomialLaw, Evidence]:
    """Pump power against chilled-water flow (as heat capacity rate, kW/K), cubic at most."""
    plate = _first(signals.site, EquipmentKind.CHILLED_WATER_PUMP)
    rated_flow = (plate.water_flow_m3_s or 0.05) * RHO_WATER * CP_WATER
    flow = signals.of_site(Quantity.CHILLED_WATER_FLOW) * RHO_WATER * CP_WATER
    power = signals.total(EquipmentKind.CHILLED_WATER_PUMP, Quantity.POWER)
    share = np.linspace(0.2, 1.0, 5)
    rated = plate.power_kw or 0.0
    prior = Prior(_powers(share), rated * (0.0205 * share + 0.4101 * share**2 + 0.5753 * share**3), 4.0)
    fitted = fit(_powers(flow / rated_flow), power, Bounds.nonnegative(4), prior)
    law = PolynomialLaw(rated_flow, tuple(float(c) for c in fitted.coefficients))
    record = evidence(
        "chilled-water pump",
        fitted,
        coverage(flow_kw_k=flow),
        prior_std=0.2 * rated,
        worst_cv_rmse=0.2,
        names=("constant_kw", "linear_kw", "square_kw", "cube_kw"),
        places=places_seen(flow / rated_flow, lambda share: _powers(np.array([share]))[0]),
    )
    return law, record


def compare_chw_pump(law: PolynomialLaw, signals: Signals) -> tuple[Array, Array]:
    """Measured and predicted chilled-water pump power. [kW] Shapes (samples,)."""
    flow = signals.of_site(Quantity.CHILLED_WATER_FLOW) * RHO_WATER * CP_WATER
    return signals.total(EquipmentKind.CHILLED_WATER_PUMP, Quantity.POWER), law.at(flow)


def learn_condenser_pump(signals: Signals) -> tuple[CondenserPumpLaw, Evidence]:
    """Pump power against what is running."""
    power = signals.total(EquipmentKind.CONDENSER_WATER_PUMP, Quantity.POWER)
    count = signals.total(EquipmentKind.CHILLER, Quantity.RUN_STATUS)
    run = _economizer_run(signals)
    rated = _first(signals.site, EquipmentKind.CONDENSER_WATER_PUMP).power_kw or 0.0
    chillers = max(len(signals.site.equipment_of(EquipmentKind.CHILLER)), 1)
    # By default a pump for each chiller, and one for the exchanger where it works alone.
    states = _pump_features([1.0, chillers, 0.0, 1.0], [0.0, 0.0, 1.0, 1.0])
    each = rated / chillers
    prior = Prior(states, np.array([each, rated, each, each]), 4.0)
    fitted = fit(_pump_features(count, run), power, Bounds.nonnegative(4), prior)
    base, per_chiller, alone, beside = (float(c) for c in fitted.coefficients)
    law = CondenserPumpLaw((base, per_chiller, alone, beside), max(rated, 1e-6))
    record = evidence(
        "condenser pump",
        fitted,
        coverage(chillers=count),
        prior_std=0.3 * rated,
        worst_cv_rmse=0.3,
        names=("constant_kw", "per_chiller_kw", "economizer_alone_kw", "economizer_beside_kw"),
        may_stand=True,
    )
    return law, record


def compare_condenser_pump(law: CondenserPumpLaw, signals: Signals) -> tuple[Array, Array]:
    """Measured and predicted condenser pump power. [kW] Shapes (samples,)."""
    count = signals.total(EquipmentKind.CHILLER, Quantity.RUN_STATUS)
    run = _economizer_run(signals)
    return signals.total(EquipmentKind.CONDENSER_WATER_PUMP, Quantity.POWER), law.power_kw(count, run)


def _economizer_run(signals: Signals) -> Array:
    """Its run status, zero where the site has none."""
    if signals.site.equipment_of(EquipmentKind.ECONOMIZER):
        return signals.total(EquipmentKind.ECONOMIZER, Quantity.RUN_STATUS)
    return np.zeros(signals.samples)


def learn_losses(signals: Signals) -> tuple[PolynomialLaw, Evidence]:
    """Facility minus IT minus cooling: distribution losses and all else, against IT power."""
    it, loss = signals.of_site(Quantity.IT_POWER), _loss_kw(signals)
    design = sum(z.it_design_kw for z in signals.site.zones)
    share = np.array([0.3, 0.6, 0.9])
    # Delta-conversion UPS and PDU of domain notes §5.3, as shares of design.
    typical = design * (0.028 + 0.0064 * share + 0.026 * share**2)
    fitted = fit(
        _powers(it / design)[:, :3], loss, Bounds.nonnegative(3), Prior(_powers(share)[:, :3], typical, 2.0)
    )
    law = PolynomialLaw(design, tuple(float(c) for c in fitted.coefficients))
    record = evidence(
        "losses",
        fitted,
        coverage(it_kw=it),
        prior_std=0.02 * design,
        worst_cv_rmse=0.2,
        names=("constant_kw", "linear_kw", "square_kw"),
        places=places_seen(it / design, lambda share: _powers(np.array([share]))[0, :3]),
    )
    return law, record


def compare_losses(law: PolynomialLaw, signals: Signals) -> tuple[Array, Array]:
    """Measured and predicted losses. [kW] Shapes (samples,)."""
    return _loss_kw(signals), law.at(signals.of_site(Quantity.IT_POWER))


def _loss_kw(signals: Signals) -> Array:
    facility, it = signals.of_site(Quantity.FACILITY_POWER), signals.of_site(Quantity.IT_POWER)
    return np.asarray(facility - it - signals.of_site(Quantity.COOLING_POWER))


def learn_it_meter(signals: Signals) -> tuple[PolynomialLaw, Evidence]:
    """The site's IT meter against the sum of the zones: what is lost between the two."""
    zones = _zones_kw(signals)
    design = sum(z.it_design_kw for z in signals.site.zones)
    x = _powers(zones / design)[:, :2]
    share = np.array([0.3, 0.9])
    bounds = Bounds(np.array([0.0, 0.9 * design]), np.array([0.1 * design, 1.2 * design]))
    target = signals.of_site(Quantity.IT_POWER)
    fitted = fit(x, target, bounds, Prior(_powers(share)[:, :2], share * design, 2.0))
    law = PolynomialLaw(design, tuple(float(c) for c in fitted.coefficients))
    return law, evidence(
        "it meter",
        fitted,
        coverage(it_kw=zones),
        prior_std=0.02 * design,
        worst_cv_rmse=0.1,
        names=("constant_kw", "at_design_kw"),
    )


def compare_it_meter(law: PolynomialLaw, signals: Signals) -> tuple[Array, Array]:
    """Measured and predicted reading of the site's IT meter. [kW] Shapes (samples,)."""
    return signals.of_site(Quantity.IT_POWER), law.at(_zones_kw(signals))


def _zones_kw(signals: Signals) -> Array:
    return np.asarray(np.sum([signals.of_zone(z.id, Quantity.IT_POWER) for z in signals.site.zones], axis=0))


def learn_gains(signals: Signals) -> tuple[PolynomialLaw, Evidence]:
    """Heat the chilled water takes up against IT and CRAH fan power: walls, distribution losses."""
    heat = _heat_kw(signals)
    design = sum(z.it_design_kw for z in signals.site.zones)
    x = _powers(heat / design)[:, :2]
    share = np.array([0.3, 0.9])
    bounds = Bounds(np.array([0.0, 0.8 * design]), np.array([0.2 * design, 1.25 * design]))
    load = np.where(signals.closed, signals.cooling_load_kw, np.nan)
    fitted = fit(x, load, bounds, Prior(_powers(share)[:, :2], share * design * 1.03, 4.0))
    law = PolynomialLaw(design, tuple(float(c) for c in fitted.coefficients))
    return law, evidence(
        "heat gains",
        fitted,
        coverage(heat_kw=heat),
        prior_std=0.05 * design,
        worst_cv_rmse=0.1,
        names=("constant_kw", "at_design_kw"),
    )


def compare_gains(law: PolynomialLaw, signals: Signals) -> tuple[Array, Array]:
    """Measured and predicted cooling load. [kW] Shapes (samples,)."""
    return signals.cooling_load_kw, law.at(_heat_kw(signals))


def _heat_kw(signals: Signals) -> Array:
    return np.asarray(np.sum([coil_heat_kw(signals, z.id) for z in signals.site.zones], axis=0))


def learn_water(signals: Signals) -> tuple[WaterLaw, Evidence]:
    """Make-up water against heat rejected and wet bulb."""
    rejected = rejected_kw(signals) / 3600  # kWh each second
    wet = signals.of_site(Quantity.OUTDOOR_WET_BULB)
    flow_l_s = signals.of_site(Quantity.WATER_FLOW) * 1000
    x = np.column_stack([rejected, rejected * np.maximum(wet, 0.0) / 20])
    # Domain notes §5.5: 1.98 L/kWh at four cycles of concentration, less in cold weather.
    prior = Prior(np.array([[0.2, 0.0], [0.2, 0.2]]), 0.2 * np.array([1.5, 1.98]), 4.0)
    fitted = fit(x, flow_l_s, Bounds.nonnegative(2), prior)
    law = WaterLaw(float(fitted.coefficients[0]), float(fitted.coefficients[1]))
    return law, evidence(
        "water",
        fitted,
        coverage(wet_bulb_c=wet),
        prior_std=0.1,
        worst_cv_rmse=0.3,
        names=("dry_l_kwh", "per_wet_bulb_l_kwh"),
    )


def compare_water(law: WaterLaw, signals: Signals) -> tuple[Array, Array]:
    """Measured and predicted make-up water. [L/s] Shapes (samples,)."""
    wet = signals.of_site(Quantity.OUTDOOR_WET_BULB)
    return signals.of_site(Quantity.WATER_FLOW) * 1000, law.liters_per_kwh(wet) * rejected_kw(signals) / 3600


def _powers(ratio: Array) -> Array:
    return np.column_stack([np.ones_like(ratio), ratio, ratio**2, ratio**3])


def _first(site: Site, kind: EquipmentKind) -> Nameplate:
    found = site.equipment_of(kind)
    return found[0].nameplate if found else Nameplate()
