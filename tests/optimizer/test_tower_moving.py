"""A tower whose water is on its way: its fans work at the water's heat store, not at the load."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from analytic_plant import Truth, make_history, saturated

from optimizer.identify.signals import STATIC_STEP_S, Signals
from optimizer.identify.tower import TowerLaw, compare_tower, learn_tower
from plant.history import History
from plant.quantities import Quantity
from plant.site import EquipmentKind

HALF_RANGE_K = 1.5
"""Of the plant's design day, from which its fans' power is told."""


def on_its_way(history: History) -> History:
    """The same telemetry, with fans at double or half power in the quarter-hour that the water moves in."""
    values = history.values.copy()
    water = next(iter(history.site.points_with(Quantity.CONDENSER_WATER_SUPPLY_TEMPERATURE)))
    quarter = values[water.id].rolling(3).mean()
    moved = quarter.diff(3).to_numpy()[2::3]  # of quarter-hour means, one each
    push = np.repeat(np.where(np.abs(moved) > 0.3, -np.sign(moved), 0.0), 3)[: len(values)]
    for cell in history.site.equipment_of(EquipmentKind.TOWER_CELL):
        for point in history.site.points_of(cell.id, Quantity.POWER):
            values[point.id] *= np.power(2.0, np.nan_to_num(push))
    return replace(history, values=values)


def law_of(history: History) -> TowerLaw:
    return learn_tower(Signals.of(history).coarse(STATIC_STEP_S))[0]


def test_fans_that_move_the_water_do_not_shape_the_law() -> None:
    """The truth: P = 20 kW (Q/1000 kW)³ (ΔH/ΔH_design)⁻³, so both exponents are 3."""
    law = law_of(on_its_way(make_history(days=6.0)))
    assert law.coefficients[1:] == pytest.approx((3.0, 3.0), abs=0.2)
    design = saturated(np.array(25.6 + 4.0 + HALF_RANGE_K)) - saturated(np.array(25.6))
    told = np.exp(law.coefficients[0] + law.coefficients[1] * np.log(1000.0))
    told *= design ** -law.coefficients[2]
    assert float(told) == pytest.approx(Truth().tower_at_design_kw, rel=0.05)


def test_water_that_never_stands_still_is_learned_from_all_the_same() -> None:
    history = make_history(days=6.0)
    rows = history.values.index[:: STATIC_STEP_S // history.step_s]
    swung = history.values.copy()
    water = next(iter(history.site.points_with(Quantity.CONDENSER_WATER_SUPPLY_TEMPERATURE)))
    swing = np.repeat(np.where(np.arange(len(rows)) % 2 > 0, 0.4, -0.4), 3)[: len(swung)]
    swung[water.id] = swung[water.id] + swing
    _, record = learn_tower(Signals.of(replace(history, values=swung)).coarse(STATIC_STEP_S))
    assert record.samples > 100


def test_fans_that_move_the_water_are_no_drift_and_a_fouled_tower_is() -> None:
    history = on_its_way(make_history(days=6.0))
    law, signals = law_of(history), Signals.of(history).coarse(STATIC_STEP_S)
    measured, told = compare_tower(law, signals)
    off = (measured - told)[np.isfinite(measured - told)]
    assert off.size > 100
    assert np.sqrt(np.mean(off**2)) < 0.1
    fouled = history.values.copy()
    for cell in history.site.equipment_of(EquipmentKind.TOWER_CELL):
        for point in history.site.points_of(cell.id, Quantity.POWER):
            fouled[point.id] *= 1.2
    measured, told = compare_tower(law, Signals.of(replace(history, values=fouled)).coarse(STATIC_STEP_S))
    assert float(np.nanmean(measured - told)) == pytest.approx(np.log(1.2), abs=0.05)
