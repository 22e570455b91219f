"""Water-cooled electric chillers in the DOE-2 / EnergyPlus Chiller:Electric:EIR form.

Curve inputs are *leaving* chilled water Te and *entering* condenser water Tc. The published sets
end at 8.89 °C chilled water; beyond a set's range its edge is held and compressor power goes on
with the median slope of 157 published sets: -2.4 %/K of warmer chilled water, +2.3 %/K of warmer
condenser water. Capacity is held. So power stays monotone where the polynomials need not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

import numpy as np

from sim.arrays import Array

CHILLED_WATER_SLOPE_PER_K = -0.024
CONDENSER_SLOPE_PER_K = 0.023

Number: TypeAlias = float | Array
"""One machine's coefficient, or one for each of several machines."""
Six: TypeAlias = tuple[Number, Number, Number, Number, Number, Number]
Three: TypeAlias = tuple[Number, Number, Number]


@dataclass(frozen=True)
class ChillerCurves:
    """One published set (EnergyPlus datasets/Chillers.idf) and the range it holds in."""

    name: str
    capacity: Six
    eir: Six
    part_load: Three
    leaving_c: tuple[Number, Number]
    entering_c: tuple[Number, Number]
    plr_min: Number
    plr_max: Number


YORK_YS = ChillerCurves(
    "York YS 781 kW / 5.42 COP, screw, vanes",
    (1.002148, 3.300191e-02, 3.741670e-04, -5.925358e-03, -2.599267e-05, -2.172126e-04),
    (4.475957e-01, -1.054652e-02, 7.126870e-04, 1.158632e-02, 5.151510e-04, -9.831355e-04),
    (2.519108e-01, 2.756914e-01, 4.725826e-01),
    (4.44, 8.89),
    (15.56, 35.0),
    0.09,
    1.01,
)
TRANE_CVHE = ChillerCurves(
    "Trane CVHE 1442 kW / 6.61 COP, centrifugal, variable speed",
    (4.007341e-01, 1.148568e-03, 1.049504e-04, 5.574667e-02, -1.646131e-03, 1.323200e-03),
    (6.287646e-01, -3.024605e-02, 6.137016e-04, 1.805826e-02, 1.640653e-04, -1.113802e-04),
    (9.299787e-02, 3.244475e-01, 5.818753e-01),
    (4.44, 8.89),
    (12.78, 35.0),
    0.10,
    1.07,
)


AIR_COOLED_CAPACITY: Six = (1.0433825, 0.0407073, 0.0004506, -0.0041514, -0.0000886, -0.0003467)
AIR_COOLED_EIR: Six = (0.5961907, -0.0099493, 0.0007888, 0.0004506, 0.0004875, -0.0007623)
AIR_COOLED = ChillerCurves(
    "air-cooled AC_2010_PA / 2.96 COP (90.1 prototype; part load: Trane screw, reference buildings)",
    AIR_COOLED_CAPACITY,
    AIR_COOLED_EIR,
    (0.0727, 0.953, -0.0266),
    (5.0, 10.0),
    (12.7, 51.7),
    0.15,
    1.0,
)
"""Its `entering` is outdoor air, not condenser water."""


def side_by_side(sets: Sequence[ChillerCurves]) -> ChillerCurves:
    """Several machines' sets as one, each number an array with one value a machine."""

    def column(of: Callable[[ChillerCurves], Sequence[Number]]) -> tuple[Array, ...]:
        return tuple(np.array([of(s) for s in sets], float).T)

    return ChillerCurves(
        " + ".join(s.name for s in sets),
        cast(Six, column(lambda s: s.capacity)),
        cast(Six, column(lambda s: s.eir)),
        cast(Three, column(lambda s: s.part_load)),
        cast("tuple[Number, Number]", column(lambda s: s.leaving_c)),
        cast("tuple[Number, Number]", column(lambda s: s.entering_c)),
        np.array([s.plr_min for s in sets], float),
        np.array([s.plr_max for s in sets], float),
    )


def biquadratic(c: Six, x: Array, y: Array) -> Array:
    """c1 + c2·x + c3·x² + c4·y + c5·y² + c6·x·y."""
    return np.asanyarray(c[0] + x * (c[1] + c[2] * x) + y * (c[3] + c[4] * y + c[5] * x))


def available_kw(reference_kw: Array, curves: ChillerCurves, leaving_c: Array, entering_c: Array) -> Array:
    """Capacity at these temperatures, held beyond the set's range. [kW]"""
    te = np.minimum(np.maximum(leaving_c, curves.leaving_c[0]), curves.leaving_c[1])
    tc = np.minimum(np.maximum(entering_c, curves.entering_c[0]), curves.entering_c[1])
    return np.asanyarray(reference_kw * biquadratic(curves.capacity, te, tc))


def full_load_eir_ratio(curves: ChillerCurves, leaving_c: Array, entering_c: Array) -> Array:
    """Energy input ratio at full load over the reference one, extrapolated as said above. [-]"""
    te = np.minimum(np.maximum(leaving_c, curves.leaving_c[0]), curves.leaving_c[1])
    tc = np.minimum(np.maximum(entering_c, curves.entering_c[0]), curves.entering_c[1])
    # Below the condenser range nothing is gained: head-pressure control holds the machine there.
    beyond = CHILLED_WATER_SLOPE_PER_K * (leaving_c - te) + CONDENSER_SLOPE_PER_K * np.maximum(
        entering_c - tc, 0.0
    )
    return np.asanyarray(biquadratic(curves.eir, te, tc) * np.exp(beyond))


def compressor_kw(
    heat_kw: Array,
    available: Array,
    cop_reference: Array,
    curves: ChillerCurves,
    leaving_c: Array,
    entering_c: Array,
) -> Array:
    """Compressor power of a running machine. [kW]

    P = Q_av / COP_ref · EIRFT · EIRFPLR(PLR) · CR with PLR = Q / Q_av and cycling ratio
    CR = min(PLR / PLR_min, 1) (EnergyPlus Engineering Reference, Chiller:Electric:EIR). PLR is
    formed with the capacity *at these temperatures*: dividing by the reference capacity instead
    is the classic mistake.
    """
    plr = heat_kw / np.maximum(available, 1e-9)
    held = np.minimum(np.maximum(plr, curves.plr_min), curves.plr_max)
    c = curves.part_load
    part_load = c[0] + held * (c[1] + c[2] * held)
    cycling = np.minimum(plr / curves.plr_min, 1.0)
    eir = full_load_eir_ratio(curves, leaving_c, entering_c)
    return np.asanyarray(available / cop_reference * eir * part_load * cycling)
