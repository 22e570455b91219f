"""What the site's sensors say: the true signals, picked for each point, with bias and noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from plant.points import ModbusAddress, OwnerId, Point, RegisterType
from plant.quantities import FACTS, Quantity, QuantityFacts, Role
from plant.site import Site
from plant.units import unit
from sim.arrays import Array
from sim.parameters import PlantParameters
from sim.signals import layout_of
from sim.wiring import Wiring

Q = Quantity
# Standard deviations of noise and of each sensor's own fixed bias: (absolute, relative).
# Ordinary instruments: room air sensors 0.1 K, immersed water sensors 0.03 K, class-1 meters.
_NOISE: dict[Quantity, tuple[float, float]] = {
    Q.INLET_TEMPERATURE: (0.08, 0.0),
    Q.SUPPLY_AIR_TEMPERATURE: (0.06, 0.0),
    Q.RETURN_AIR_TEMPERATURE: (0.08, 0.0),
    Q.FAN_SPEED: (0.001, 0.0),
    Q.VALVE_POSITION: (0.004, 0.0),
    Q.POWER: (0.02, 0.004),
    Q.IT_POWER: (0.05, 0.002),
    Q.UTILIZATION: (0.004, 0.0),
    Q.CHILLED_WATER_SUPPLY_TEMPERATURE: (0.03, 0.0),
    Q.CHILLED_WATER_RETURN_TEMPERATURE: (0.03, 0.0),
    Q.CONDENSER_WATER_SUPPLY_TEMPERATURE: (0.04, 0.0),
    Q.CHILLED_WATER_FLOW: (0.0, 0.006),
    Q.ECONOMIZER_HEAT: (0.0, 0.01),
    Q.OUTDOOR_DRY_BULB: (0.1, 0.0),
    Q.OUTDOOR_WET_BULB: (0.1, 0.0),
    Q.FACILITY_POWER: (0.1, 0.001),
    Q.COOLING_POWER: (0.05, 0.003),
    Q.WATER_FLOW: (0.0, 0.01),
    Q.ZONE_DEW_POINT: (0.15, 0.0),
    Q.RELATIVE_HUMIDITY: (0.005, 0.0),
    Q.OUTDOOR_AIR_DAMPER: (0.004, 0.0),
    Q.STORAGE_CHARGE: (0.004, 0.0),
    Q.STORAGE_RATE: (0.0, 0.01),
    Q.LIQUID_SUPPLY_TEMPERATURE: (0.04, 0.0),
    Q.LIQUID_RETURN_TEMPERATURE: (0.04, 0.0),
    Q.LIQUID_FLOW: (0.0, 0.006),
    Q.LIQUID_HEAT: (0.0, 0.01),
    Q.RECOVERED_HEAT: (0.0, 0.01),
}
METER_CLASS: dict[Quantity, float] = {
    Q.FACILITY_POWER: 0.5,
    Q.IT_POWER: 1.0,
    Q.COOLING_POWER: 1.0,
    Q.POWER: 2.0,
}
"""Accuracy class of the site's electricity meters: at normal load the error stays within so many
percent of the reading (IEC 62053-21 class 1 and 2, IEC 62053-22 class 0.5 S)."""
CLASS_SIGMAS = 3.0
"""A meter that passed its test is well inside its class: a third of it is one standard deviation."""
_BIAS_OVER_NOISE = 0.7
_CONTINUOUS = {RegisterType.FLOAT32, RegisterType.FLOAT64, RegisterType.BOOL}


@dataclass(frozen=True)
class Instruments:
    """The site's sensors: `pick` (points × signals) turns true signals into true point values."""

    points: tuple[Point, ...]
    pick: Array
    known: Array
    """Whether this plant has such a thing at all. Shape (points,), 0 or 1."""
    noise_abs: Array
    noise_rel: Array
    bias_abs: Array
    bias_rel: Array
    low: Array
    high: Array
    resolution: Array
    """Smallest step the point's register can show; 0 where it is a float."""

    def true_values(self, signals: Array) -> Array:
        """What perfect sensors would say. Shape (..., signals) → (..., points)."""
        return np.asarray(signals @ self.pick.T)

    def measure(self, signals: Array, rng: np.random.Generator) -> Array:
        """What these sensors say; NaN for a point the plant does not have. Shape (..., points)."""
        true = self.true_values(signals)
        spread = self.noise_abs + self.noise_rel * np.abs(true)
        said = true + self.bias_abs + self.bias_rel * true + spread * rng.standard_normal(true.shape)
        said = np.minimum(np.maximum(said, self.low), self.high)
        # A machine at rest draws nothing and its meter says so.
        said = np.where((self.noise_rel > 0) & (true == 0), 0.0, said)
        coarse = self.resolution > 0
        grain = np.where(coarse, self.resolution, 1.0)
        said = np.where(coarse, np.round(said / grain) * grain, said)
        return np.where(self.known > 0, said, np.nan)


def install(
    site: Site, p: PlantParameters, crah_units: dict[OwnerId, tuple[int, ...]], seed: int
) -> Instruments:
    """Bind each point of the site to true signals, and give each sensor its own bias."""
    layout = layout_of(p)
    wiring = Wiring(site, p, layout, crah_units)
    n = len(site.points)
    width = max(r.stop for r in layout.values())
    pick = np.zeros((n, width))
    known = np.zeros(n)
    for row, point in enumerate(site.points):
        for index, weight in wiring.signals_for(point):
            pick[row, index] += weight
            known[row] = 1.0
    rng = np.random.default_rng([seed, 0x5E05])
    noise = np.array([_NOISE.get(q.quantity, (0.0, 0.0)) for q in site.points])
    own = np.clip(rng.standard_normal((n, 1)), -2, 2)
    bias = noise * _BIAS_OVER_NOISE * own
    classes = np.array([METER_CLASS.get(q.quantity, np.nan) for q in site.points])
    by_class = classes / 100 / CLASS_SIGMAS * own[:, 0]
    facts = [FACTS[q.quantity] for q in site.points]
    # Outdoor and process temperatures may go anywhere; ratios and amounts stay possible.
    bounded = [f.role is Role.SENSOR and f.inside_unit != "degC" for f in facts]
    return Instruments(
        points=site.points,
        pick=pick,
        known=known,
        noise_abs=noise[:, 0],
        noise_rel=noise[:, 1],
        bias_abs=bias[:, 0],
        bias_rel=np.where(np.isnan(classes), bias[:, 1], by_class),
        # A tank's rate has two directions; a power meter's least is its own zero.
        low=np.array([_least(f) if b else -np.inf for f, b in zip(facts, bounded, strict=True)]),
        high=np.array([f.high if b else np.inf for f, b in zip(facts, bounded, strict=True)]),
        resolution=np.array([_resolution(q) for q in site.points]),
    )


def _least(facts: QuantityFacts) -> float:
    return facts.low if facts.low < -1.0 else max(facts.low, 0.0)


def _resolution(point: Point) -> float:
    """The inside-unit worth of one count of an integer register."""
    address = point.address
    if not isinstance(address, ModbusAddress) or address.type in _CONTINUOUS:
        return 0.0
    return abs(address.scale * unit(point.unit).factor)
