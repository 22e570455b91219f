"""Waste heat lifted to a temperature somebody wants."""

from __future__ import annotations

import numpy as np

from sim.arrays import Array


def cop(source_c: Array, sink_c: float, rated: float, rated_source_c: float) -> Array:
    """Heat delivered per electricity: a fixed share of Carnot's. [-]

    Constant second-law efficiency (EN 14511 rating point to others; Reinholdt et al. 2018 find 0.4 to
    0.6 for large machines over lifts of 20 to 60 K). The lift is taken as 10 K at least.
    """
    lift = np.maximum(sink_c - source_c, 10.0)
    share = rated * max(sink_c - rated_source_c, 10.0)
    return np.maximum(share / lift, 1.5)


def demand_share(outdoor_c: Array, none_at_c: float = 15.0, full_at_c: float = -5.0) -> Array:
    """What a heating network takes of its most: linear in outdoor temperature (heating curve). [-]"""
    return np.minimum(np.maximum((none_at_c - outdoor_c) / (none_at_c - full_at_c), 0.0), 1.0)
