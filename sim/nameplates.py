"""What a nameplate says, or what is usual; and how much one machine differs from the next."""

from __future__ import annotations

import numpy as np

from sim.arrays import Array


def given(value: float | None, otherwise: float) -> float:
    """The nameplate's figure, or the usual one."""
    return otherwise if value is None else value


def around(rng: np.random.Generator, count: int, spread: float) -> Array:
    """Factors about one, normal, cut at two standard deviations. Shape (count,). [-]"""
    return np.asarray(1.0 + spread * np.clip(rng.standard_normal(count), -2, 2))
