"""Units: each converted once, by factors from NIST SP 811 and the definitions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plant.errors import ConfigError
from plant.quantities import FACTS, Quantity
from plant.units import UNITS, Dimension, unit


@pytest.mark.parametrize(
    ("symbol", "outside", "inside"),
    [
        ("degF", 32.0, 0.0),
        ("degF", 212.0, 100.0),
        ("degF", -40.0, -40.0),
        ("K", 273.15, 0.0),
        ("W", 1500.0, 1.5),
        ("MW", 1.2, 1200.0),
        ("J", 3.6e6, 1.0),
        ("MWh", 2.0, 2000.0),
        ("percent", 45.0, 0.45),
        ("gpm", 1000.0, 0.0630901964),  # NIST SP 811: 1 gal/min = 6.309 020 E-05 m3/s
        ("L/s", 30.0, 0.03),
        ("L/min", 60.0, 0.001),
        ("L/h", 3600.0, 0.001),
        ("m3/h", 36.0, 0.01),
        ("m3", 2.5, 2500.0),
        ("psi", 14.695949, 101.325),
        ("Pa", 250.0, 0.25),
        ("lb/MWh", 1000.0, 453.59237),
    ],
)
def test_a_known_conversion(symbol: str, outside: float, inside: float) -> None:
    assert unit(symbol).to_inside(outside) == pytest.approx(inside, rel=1e-6, abs=1e-9)


@given(symbol=st.sampled_from(sorted(UNITS)), value=st.floats(-1e6, 1e6))
def test_there_and_back_is_the_same(symbol: str, value: float) -> None:
    found = unit(symbol)
    assert found.from_inside(found.to_inside(value)) == pytest.approx(value, rel=1e-9, abs=1e-6)


def test_a_temperature_difference_has_no_offset() -> None:
    assert unit("delta_K").to_inside(0.0) == 0.0
    assert unit("delta_K").dimension is not unit("K").dimension


def test_an_unknown_unit_names_the_ones_there_are() -> None:
    with pytest.raises(ConfigError, match="use one of degC") as refused:
        unit("furlong")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("quantity", list(Quantity))
def test_the_inside_unit_of_every_quantity_is_inside(quantity: Quantity) -> None:
    facts = FACTS[quantity]
    inside = unit(facts.inside_unit)
    assert inside.dimension is facts.dimension
    assert (inside.factor, inside.offset) == (1.0, 0.0)
    assert facts.low < facts.high


@pytest.mark.parametrize("dimension", list(Dimension))
def test_every_dimension_has_exactly_one_inside_unit(dimension: Dimension) -> None:
    inside = [u.symbol for u in UNITS.values() if u.dimension is dimension and (u.factor, u.offset) == (1, 0)]
    assert len(inside) == 1
