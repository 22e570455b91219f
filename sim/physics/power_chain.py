"""Losses between the utility meter and the servers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sim.arrays import Array


class LossLaw(NamedTuple):
    """Loss over rated power = no_load + proportional·x + square·x², x = load over rated. [-]

    N. Rasmussen, "Electrical efficiency modeling for data centers," APC/Schneider WP113, table 2.
    """

    no_load: float
    proportional: float
    square: float


UPS_MODERN = LossLaw(0.01333, 0.00640, 0.01081)
"""Delta-conversion example: 87.7/93.0/96.3/97.0 % at 10/20/50/100 % load."""
UPS_LEGACY = LossLaw(0.04, 0.05, 0.0)
PDU = LossLaw(0.015, 0.0, 0.015)
WIRING = LossLaw(0.0, 0.0, 0.01)


def loss_kw(load_kw: Array, rated_kw: Array, law: LossLaw) -> Array:
    """Loss at a load. [kW]"""
    x = load_kw / rated_kw
    return np.asanyarray(rated_kw * (law.no_load + x * (law.proportional + x * law.square)))


def efficiency(load_kw: Array, rated_kw: Array, law: LossLaw) -> Array:
    """Output over input at a load; 0 at no load. [-]"""
    return np.asanyarray(load_kw / (load_kw + loss_kw(load_kw, rated_kw, law)))
