"""The levers as arrays: where they stand, how far and how fast they may go."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from optimizer.duty import PLAIN, Duty
from optimizer.model import Course
from optimizer.rounding import rounded_safely
from plant.forecast import Array
from plant.setpoints import Lever, LeverId

_MOVES_PER_STEP_S = 300
_AIR_BITE = 0.4
HELD = "it is held"


@dataclass(frozen=True)
class Axis:
    """One decision a step: a zone's supply air or fan speed, the plant's chilled or condenser water.

    An axis without levers stays at `present`. Several levers of one axis always go together.
    """

    name: str
    levers: tuple[Lever, ...]
    present: float
    low: float
    high: float
    max_move: float
    resolution: float
    as_found: float
    safe_is_down: bool

    @property
    def free(self) -> bool:
        """Whether the plan may move it."""
        return self.high > self.low

    @property
    def bounds(self) -> tuple[float, float]:
        """What one move and the range allow."""
        if not self.free:
            return self.present, self.present
        return max(self.low, self.present - self.max_move), min(self.high, self.present + self.max_move)

    def round_safely(self, value: float) -> float:
        """On the lever's resolution, on the safe side, within one move of the present and its range."""
        if not self.free:
            return self.present
        return float(rounded_safely(value, self.present, self.bounds, self.resolution, self.safe_is_down))


@dataclass(frozen=True)
class Board:
    """All axes: supply air and fan speed by zone, then chilled and condenser water."""

    supply: tuple[Axis, ...]
    speed: tuple[Axis, ...]
    chw: Axis
    cw: Axis
    missing: tuple[str, ...]
    """Levers whose present position nobody knows: nothing may be planned."""
    left_alone: tuple[str, ...]
    """Levers the model is not fit to move, with the reason."""
    tank: Axis | None = None
    """The tank's rate (+ charges) where the site has such a lever, last of all axes. [kW]"""

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Every axis, in the order of `pack`."""
        last = () if self.tank is None else (self.tank,)
        return (*self.supply, *self.speed, self.chw, self.cw, *last)

    @cached_property
    def present(self) -> Array:
        """Where each axis stands. Shape (axes,), as of all these."""
        return np.array([a.present for a in self.axes])

    @cached_property
    def low(self) -> Array:
        """Lowest each may go."""
        return np.array([a.low for a in self.axes])

    @cached_property
    def high(self) -> Array:
        """Highest each may go."""
        return np.array([a.high for a in self.axes])

    @cached_property
    def move(self) -> Array:
        """Largest move of a control period."""
        return np.array([a.max_move for a in self.axes])

    @cached_property
    def scale(self) -> Array:
        """What movement is counted in: a move, where there is one."""
        return np.maximum(self.move, 1e-9)

    @cached_property
    def _first_down(self) -> Array:
        return np.array([a.max_move * (1.0 if a.safe_is_down else _AIR_BITE) for a in self.axes])

    @cached_property
    def _bounds(self) -> tuple[Array, Array]:
        low, high = np.array([a.bounds for a in self.axes]).T
        return low, high

    @cached_property
    def _resolution(self) -> Array:
        return np.array([a.resolution for a in self.axes])

    @cached_property
    def _safe_is_down(self) -> Array:
        return np.array([a.safe_is_down for a in self.axes])

    @cached_property
    def free(self) -> Array:
        """Which the plan may move."""
        return np.array([a.free for a in self.axes])

    def written(self, values: Array) -> Array:
        """What `Axis.round_safely` makes of each axis' value. Shape (…, axes)."""
        found = rounded_safely(values, self.present, self._bounds, self._resolution, self._safe_is_down)
        return np.where(self.free, found, self.present)

    def pack(self, course: Course) -> Array:
        """A course as one array. Shape (candidates, steps, axes)."""
        parts = [course.supply_c, course.speed, course.chw_c[..., None], course.cw_c[..., None]]
        if self.tank is not None:
            rate = course.duty.storage_kw
            parts.append((np.zeros_like(course.chw_c) if rate is None else rate)[..., None])
        return np.concatenate(parts, axis=-1)

    def unpack(self, values: Array) -> Course:
        """The inverse of `pack`."""
        z = len(self.supply)
        duty = PLAIN if self.tank is None else Duty(storage_kw=values[..., 2 * z + 2])
        chw, cw = values[..., 2 * z], values[..., 2 * z + 1]
        return Course(values[..., :z], values[..., z : 2 * z], chw, cw, duty)

    def ramped(self, target: Array, step_s: int) -> Array:
        """Walk from the present toward a target path as fast as the levers may. Shape (…, steps, axes).

        The first step takes one move, for a new plan comes before the next; later ones as many as
        control periods fit in. Less air comes in smaller bites at first: it warms racks within a
        minute or two where colder supply takes ten, so a full move of both at once would overshoot.
        """
        later = self.move * max(1.0, step_s / _MOVES_PER_STEP_S)
        wanted = np.clip(target, self.low, self.high)
        out = np.empty_like(wanted)
        at, up, down = self.present, self.move, self._first_down
        for k in range(target.shape[-2]):
            at = np.minimum(np.maximum(wanted[..., k, :], at - down), at + up)
            out[..., k, :] = at
            up = down = later
        return out

    def trajectory(self, values: Array) -> dict[LeverId, Array]:
        """A path (steps, axes) by lever, its first value rounded safely to what can be written."""
        found: dict[LeverId, Array] = {}
        for i, axis in enumerate(self.axes):
            for lever in axis.levers:
                path = values[:, i].copy()
                path[0] = axis.round_safely(float(path[0]))
                found[lever.id] = path
        return found
