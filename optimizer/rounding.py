"""What can be written of what is wanted: on a lever's resolution, on the safe side, within one move."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from plant.forecast import Array

_EXACT = 1e-6
_DIGITS = 6


def rounded_safely(
    wanted: ArrayLike,
    present: ArrayLike,
    bounds: tuple[ArrayLike, ArrayLike],
    step: ArrayLike,
    safe_is_down: ArrayLike,
) -> Array:
    """The multiple of ``step`` next to ``wanted`` on its safe side, else on the other, else ``present``.

    ``bounds`` are what one move and the range allow. Less than half a step from ``present`` is no move.
    Arrays of one shape, or such as broadcast to it.
    """
    value, at, size = (np.asarray(a, dtype=float) for a in (wanted, present, step))
    down = np.round(np.floor(value / size + _EXACT) * size, _DIGITS)
    up = np.round(np.ceil(value / size - _EXACT) * size, _DIGITS)
    safe, other = np.where(safe_is_down, down, up), np.where(safe_is_down, up, down)

    def allowed(candidate: Array) -> NDArray[np.bool_]:
        low, high = bounds
        inside = (np.asarray(low) - _EXACT <= candidate) & (candidate <= np.asarray(high) + _EXACT)
        return np.asarray(inside)

    chosen = np.where(allowed(safe), safe, np.where(allowed(other), other, at))
    return np.asarray(np.where(np.abs(value - at) < size / 2, at, chosen))
