"""Whose exhaust who breathes: cross-interference between rack groups.

Q. Tang, S. K. S. Gupta, G. Varsamopoulos, "Energy-efficient thermal-aware task scheduling for
homogeneous high-performance computing data centers," IEEE TPDS 19(11), 2008: inlet rises by
D·p with D = (K - Aᵀ·K)⁻¹ - K⁻¹, K = diag(ρ·f·cp). Their matrix holds at one airflow; here its
entries grow with the share of server air that the units fail to supply.
"""

from __future__ import annotations

import numpy as np

from sim.arrays import Array

REACH_GROUPS = 1.5
"""Along a row, exhaust reaches its neighbors; it falls by e every so many groups."""


def interference_matrix(stream_kw_k: Array, share: Array) -> Array:
    """Tang's D. [K/kW] `share[i, j]`: part of group i's exhaust heat that enters group j.

    Notes
    -----
    Printed in the paper, T_out = T_in + K·P is a slip; K⁻¹·P is meant, and balances.
    """
    k = np.diag(stream_kw_k)
    return np.asarray(np.linalg.inv(k - share.T @ k) - np.linalg.inv(k))


def mixing_matrix(exposure: Array, reach: float = REACH_GROUPS) -> Array:
    """How a zone's recirculated exhaust is dealt out. Shape (groups, groups), row i breathes column j.

    Row sums are the groups' exposures (mean 1), column sums 1: what one breathes another does not,
    so the zone's mean is untouched. Near groups exchange most. Sinkhorn-balanced.
    """
    n = len(exposure)
    apart = np.abs(np.arange(n)[:, None] - np.arange(n)[None, :])
    mix = np.exp(-apart / reach)
    for _ in range(500):
        mix = mix * (exposure / mix.sum(axis=1))[:, None]
        mix = mix / mix.sum(axis=0)[None, :]
    return np.asarray(mix * (exposure / mix.sum(axis=1))[:, None])


def inlets_c(
    cold_c: Array,
    supply_c: Array,
    hot_c: Array,
    recirculation: Array,
    exposure: Array,
    mixing: Array,
    last_inlet_c: Array,
    offset_k: Array,
) -> Array:
    """Inlet temperature of each rack group. Shape (..., zones, groups). [°C]

    A group of exposure e breathes e·φ of exhaust where the zone's mean is φ. Exhaust is as much
    warmer than the hot aisle's mean as its own inlet was: so hot spots feed their neighbors, the
    more the higher φ. With φ below one this settles (the matrix's columns sum to one).
    """
    spread = recirculation * (hot_c - supply_c)
    warmer = last_inlet_c - offset_k
    warmer = warmer - warmer.mean(axis=-1)[..., None]
    fed = (mixing * warmer[..., None, :]).sum(axis=-1)
    return np.asanyarray(
        cold_c[..., None]
        + (exposure - 1.0) * spread[..., None]
        + recirculation[..., None] * (fed - fed.mean(axis=-1)[..., None])
        + offset_k
    )
