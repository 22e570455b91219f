"""How far a sum of coefficients can go while the data are explained nearly as well.

    max g·u   where   |R u − z|² ≤ least + room   and   low ≤ u ≤ high

The answer is the end of the path u(λ) = argmin ½ |R u − z|² − λ g·u within the bounds, which starts at the
best fit and is straight between the places where a coefficient meets a bound or leaves one (the critical
line of Markowitz, Naval Research Logistics Quarterly 3, 1956). So it is walked, not searched.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from plant.forecast import Array

_HAIR = 1e-14
"""Curvature added, relative to all there is: what data do not tell runs away instead of dividing by zero."""
_AT = 1e-9
_TURNS = 20
"""Turns of the path a coefficient, beyond which it would be going in circles."""


@dataclass(frozen=True)
class Valley:
    """A sum of squares about its lowest point within bounds. Shapes (features,) and (features, features)."""

    curvature: Array
    """RᵀR."""
    lowest: Array
    slope: Array
    """Rᵀ(R u − z) at the lowest point: what bounds hold back there."""
    low: Array
    high: Array


@dataclass(frozen=True)
class Reach:
    """The end of a way."""

    value: float
    """g·u there; infinite where nothing ends it."""
    moved: Array
    """How far each coefficient went. Shape (features,)."""
    free: int
    """Coefficients that no bound held there."""
    held: bool
    """Whether a bound held any on the way: only without is the length of the way the root of the room."""


def furthest(valley: Valley, goal: Array, room: float) -> Reach:
    """Walk from the lowest point toward more of ``goal``·u until the squares have grown by ``room``.

    Parameters
    ----------
    goal : ndarray, shape (features,)
    """
    size = len(goal)
    h = valley.curvature + _HAIR * np.trace(valley.curvature) * np.eye(size)
    margin = _AT * np.maximum(1.0, np.abs(valley.lowest))
    # -1 and 1: held by the lower and the upper bound; 0: free.
    side = np.where(valley.lowest <= valley.low + margin, -1, 0)
    side = np.where(valley.lowest >= valley.high - margin, 1, side)
    u = np.where(side < 0, valley.low, np.where(side > 0, valley.high, valley.lowest))
    slope = np.where(side == 0, 0.0, valley.slope)
    held, price, spent = bool(np.any(side)), 0.0, 0.0
    for _ in range(_TURNS * size):
        way = _way(h, goal, side)
        gain, bends = float(goal @ way), h @ way
        # Squares grow by 2 λ s gain + s² gain over a step s of the price λ.
        end = np.sqrt(price**2 + max(room - spent, 0.0) / gain) - price if gain > 0 else np.inf
        steps = _turns(valley, u, way, slope - price * goal, bends - goal, side)
        turn = int(np.argmin(steps))
        step = min(float(end), float(steps[turn]))
        if not np.isfinite(step):
            return Reach(float(goal @ u), u - valley.lowest, int(np.sum(side == 0)), held)
        u, slope = u + step * way, slope + step * bends
        spent, price = spent + (2 * price * step + step**2) * gain, price + step
        if end <= steps[turn]:
            return Reach(float(goal @ u), u - valley.lowest, int(np.sum(side == 0)), held)
        held = True
        side[turn] = np.sign(way[turn]) if side[turn] == 0 else 0
        u = np.where(side < 0, valley.low, np.where(side > 0, valley.high, u))
    return Reach(np.inf, u - valley.lowest, int(np.sum(side == 0)), held)


def _way(h: Array, goal: Array, side: NDArray[np.int_]) -> Array:
    """The direction of the path where some coefficients are held."""
    free = side == 0
    way = np.zeros(len(goal))
    if free.any():
        way[free] = np.linalg.solve(h[np.ix_(free, free)], goal[free])
    return way


def _turns(valley: Valley, u: Array, way: Array, push: Array, pushes: Array, side: NDArray[np.int_]) -> Array:
    """Steps to where each free coefficient meets a bound, and each held one is let go; else infinite.

    ``push`` is what presses a held one (positive: down), ``pushes`` how that changes a step.
    """
    steps = np.full(len(u), np.inf)
    with np.errstate(divide="ignore", invalid="ignore"):
        down, up = (valley.low - u) / way, (valley.high - u) / way
        let_go = -push / pushes
    tiny = 1e-15
    steps = np.where((side == 0) & (way < -tiny), down, steps)
    steps = np.where((side == 0) & (way > tiny), up, steps)
    steps = np.where((side < 0) & (pushes < -tiny), let_go, steps)
    steps = np.where((side > 0) & (pushes > tiny), let_go, steps)
    return np.asarray(np.maximum(steps, 0.0))
