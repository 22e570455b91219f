"""What all direct-to-chip loops give to tower water, draw and leak, at one or many operating points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.identify.liquid import LiquidLaw
from plant.forecast import Array

FULL = 0.95
"""A plate is asked for no more than this of what it could give, or than it was seen to serve."""


@dataclass(frozen=True)
class LoopSums:
    """All loops together, arrays of one shape. [kW]"""

    heat_kw: Array
    pump_kw: Array
    leak_kw: Array
    short_kw: Array


def loop_sums(
    laws: tuple[LiquidLaw, ...], zones: tuple[int, ...], it_kw: Array, liquid_c: Array, cw_c: Array
) -> LoopSums:
    """At zones' IT power (…, zones), loops' supply temperatures (…, loops) and condenser water (…)."""
    none = np.zeros(np.broadcast_shapes(it_kw.shape[:-1], liquid_c.shape[:-1], cw_c.shape))
    heat, pump, leak, short = none, none, none, none
    for i, (law, z) in enumerate(zip(laws, zones, strict=True)):
        own = law.heat_kw(it_kw[..., z], liquid_c[..., i])
        asked = law.asked(own, liquid_c[..., i], cw_c)
        heat, pump = heat + own, pump + law.power_kw(asked)
        leak = leak + law.leak_kw(it_kw[..., z], liquid_c[..., i])
        short = short + own * np.maximum(asked - max(law.most_asked, FULL), 0.0)
    return LoopSums(heat, pump, leak, short)
