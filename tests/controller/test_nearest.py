"""Where nothing is feasible the nearest change is named, by the plant's own learned laws."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from supervision_kit import START, demo_site
from test_contingency import standing

from controller.nearest import Nearest, nearest_changes
from optimizer.identify.coils import CoilLaw
from optimizer.identify.crah_fans import FanLaw
from optimizer.identify.evidence import Coverage
from optimizer.identify.inlets import InletLaw
from plant.quantities import Quantity

SITE = demo_site()


def test_no_model_no_answer() -> None:
    assert nearest_changes(SITE, None, standing()) == ()


def test_the_sentence_names_the_limit_the_load_and_the_air() -> None:
    said = Nearest(SITE.zones[0].id, 28.4, 27.0, 31.0, 1.4).sentence
    assert said == (
        "zone-a: with every lever where it helps most its warmest rack settles at 28.4 °C, limit 27 °C; "
        "31 kW less load there, or supply air 1.4 K cooler than can be made, would do"
    )
    assert "kW less" not in Nearest(SITE.zones[0].id, 28.4, 27.0, math.inf, 1.4).sentence


def test_the_least_load_to_shed_by_hand() -> None:
    # One sensor, half of the air's gain above 4 K comes back: T = 17 + (d - 4)/2 with d = P/20 at full air.
    # At 500 kW d is 25 K and T 27.5 °C; 27 °C is d = 24: 480 kW.
    law = InletLaw(
        sensors=(SITE.points_of(SITE.zones[0].id, Quantity.INLET_TEMPERATURE)[0].id,),
        coefficients=((0.0, 0.0, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),),
        std_k=(0.1,),
        tau_s=300.0,
        air_kw_k=20.0,
        gain_k=Coverage("air_gain_k", 4, 30),
    )
    assert float(law.settled_c(17.0, 500.0, 1.0).max()) == pytest.approx(27.5)
    assert float(law.settled_c(17.0, 480.0, 1.0).max()) == pytest.approx(27.0)
    from controller import nearest
    from optimizer.zones import ZoneModel

    cold = CoilLaw(air_kw_k=20.0, water_kw_k=2000.0, ua_kw_k=5000.0, valve_exponent=1.0)
    zone = ZoneModel(SITE.zones[0].id, None, law, cold, FanLaw(1, (0.0, 0.0, 0.0, 0.0, 0.0)))  # type: ignore[arg-type]
    snapshot = standing(load_kw=500.0)
    found = nearest._of_zone(SITE, SITE.zones[0], zone, snapshot)
    assert found is not None
    assert found.best_c == pytest.approx(27.5, abs=0.05)
    assert found.shed_kw == pytest.approx(20.0, abs=1.0)
    assert nearest._of_zone(SITE, SITE.zones[0], zone, standing(load_kw=470.0)) is None
    assert replace(found, zone=found.zone) == found
    assert snapshot.time == START
