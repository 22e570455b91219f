"""Pumps of the condenser loop: one for each chiller, and one for the exchanger where it works alone.

Beside chillers the exchanger shares their flow or has a pump of its own: which of the two is the plant's.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from optimizer.identify.auxiliaries import CondenserPumpLaw, learn_condenser_pump
from optimizer.identify.signals import Signals
from plant.forecast import Array
from plant.quantities import Quantity
from plant.site import EquipmentKind
from plant.site_file import load_site

EACH_KW = 15.0
STATES = np.array([(1, 0), (2, 0), (0, 1), (1, 1)] * 60)
"""Chillers running and exchanger at work, a sample each."""


def pumped(drawn_kw: Array) -> Signals:
    """The demo site's pumps drawing so much in all, in each of the states."""
    site = load_site(Path("examples/demo.yaml"))
    chillers, exchangers, pumps = (
        site.equipment_of(k)
        for k in (EquipmentKind.CHILLER, EquipmentKind.ECONOMIZER, EquipmentKind.CONDENSER_WATER_PUMP)
    )
    columns: dict[object, Array] = {}
    for number, chiller in enumerate(chillers):
        for point in site.points_of(chiller.id, Quantity.RUN_STATUS):
            columns[point.id] = np.asarray(STATES[:, 0] > number, float)
    for exchanger in exchangers:
        for point in site.points_of(exchanger.id, Quantity.RUN_STATUS):
            columns[point.id] = STATES[:, 1].astype(float)
    for pump in pumps:
        for point in site.points_of(pump.id, Quantity.POWER):
            columns[point.id] = drawn_kw / len(pumps)
    return Signals(site, 300, len(STATES), columns)  # type: ignore[arg-type]


def test_a_shared_pump_is_learned_as_one() -> None:
    law, record = learn_condenser_pump(pumped(EACH_KW * np.maximum(STATES[:, 0], STATES[:, 1])))
    assert record.trusted
    assert [float(law.power_kw(*s)) for s in ((1, 0), (2, 0), (0, 1), (1, 1))] == pytest.approx(
        [15.0, 30.0, 15.0, 15.0], abs=0.3
    )


def test_a_pump_of_its_own_is_learned_as_one_more() -> None:
    law, record = learn_condenser_pump(pumped(EACH_KW * STATES.sum(axis=1)))
    assert record.trusted
    assert [float(law.power_kw(*s)) for s in ((1, 0), (0, 1), (1, 1))] == pytest.approx(
        [15.0, 15.0, 30.0], abs=0.3
    )


def test_what_each_state_draws_by_hand() -> None:
    law = CondenserPumpLaw((1.0, 14.0, 16.0, 3.0), 30.0)
    np.testing.assert_array_equal(law.power_kw([2, 0, 1, 2], [0, 1, 1, 1]), [29.0, 17.0, 18.0, 32.0])
