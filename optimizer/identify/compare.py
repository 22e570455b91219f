"""Every submodel beside the telemetry: measured against predicted, by the names the evidence uses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.identify.air_economizer import compare_outdoor_air, free_heat_kw
from optimizer.identify.auxiliaries import (
    compare_chw_pump,
    compare_condenser_pump,
    compare_gains,
    compare_it_meter,
    compare_losses,
    compare_water,
)
from optimizer.identify.chillers import compare_chillers
from optimizer.identify.coils import compare_coils
from optimizer.identify.crah_fans import compare_fans
from optimizer.identify.dx import compare_dx
from optimizer.identify.economizer import compare_economizer
from optimizer.identify.inlets import compare_inlets
from optimizer.identify.it_power import compare_it
from optimizer.identify.liquid import compare_liquid, shares
from optimizer.identify.signals import DYNAMIC_STEP_S, STATIC_STEP_S, Signals
from optimizer.identify.tower import compare_tower
from optimizer.model import PlantModel
from plant.forecast import Array
from plant.history import History


@dataclass(frozen=True)
class Comparison:
    """One submodel's measured and predicted output, where both are known. Shapes (samples,)."""

    name: str
    unit: str
    measured: Array
    predicted: Array

    @property
    def bias(self) -> float:
        """Mean of predicted minus measured; NaN without samples."""
        return float(np.mean(self.predicted - self.measured)) if self.measured.size else float("nan")

    @property
    def rmse(self) -> float:
        """Root mean square error; NaN without samples."""
        if not self.measured.size:
            return float("nan")
        return float(np.sqrt(np.mean((self.predicted - self.measured) ** 2)))


def compare(model: PlantModel, history: History) -> tuple[Comparison, ...]:
    """What the model says of a history, submodel by submodel, in the units of the evidence."""
    signals = Signals.of(history)
    still, moving = signals.coarse(STATIC_STEP_S), signals.coarse(DYNAMIC_STEP_S)
    still = still.with_liquid(shares(model.liquid))
    air = {z.id: z.coil.air_kw_k for z in model.zones}
    outdoor = {z.id: z.outdoor for z in model.zones if z.outdoor is not None}
    still = still.with_free_heat(free_heat_kw(outdoor, still, air))
    found = [_known("coils", "kW/K", compare_coils({z.id: z.coil for z in model.zones}, still))]
    for zone in model.zones:
        found += [
            _known(f"{zone.id}.it", "share of design", compare_it(zone.it, still, zone.id)),
            _known(f"{zone.id}.inlets", "degC", compare_inlets(zone.inlets, moving, zone.id)),
        ]
        if zone.outdoor is not None:
            pair = compare_outdoor_air(zone.outdoor, air[zone.id], still, zone.id)
            found.append(_known(f"{zone.id}.outdoor-air", "kW", pair))
        if zone.dx is None:
            found.append(_known(f"{zone.id}.fans", "kW", compare_fans(zone.fans, still, zone.id)))
        else:
            pair = compare_dx(zone.dx, zone.fans, air[zone.id], still, zone.id)
            found.append(_known(f"{zone.id}.dx", "kW", pair))
    found += [
        *(_known(f"{law.unit}.liquid", "kW", compare_liquid(law, still)) for law in model.liquid),
        _known("heat gains", "kW", compare_gains(model.gains, still)),
        _known("chillers", "kW", compare_chillers(model.chillers, still)),
        _known("economizer", "kW", compare_economizer(model.economizer, still)),
        _known("tower", "ln kW", compare_tower(model.tower, still)),
        _known("chilled-water pump", "kW", compare_chw_pump(model.chw_pump, still)),
        _known("condenser pump", "kW", compare_condenser_pump(model.cw_pump, still)),
        _known("it meter", "kW", compare_it_meter(model.it_meter, still)),
        _known("losses", "kW", compare_losses(model.losses, still)),
        _known("water", "L/s", compare_water(model.water, still)),
    ]
    learned = {e.name for e in model.evidence}
    return tuple(each for each in found if each.name in learned)


def _known(name: str, unit: str, pair: tuple[Array, Array]) -> Comparison:
    measured, predicted = pair
    both = ~(np.isnan(measured) | np.isnan(predicted))
    return Comparison(name, unit, measured[both], predicted[both])
