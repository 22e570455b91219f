"""The levers as arrays: where they stand, how far and how fast they may go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from optimizer.model import Course, PlantModel
from plant.forecast import Array
from plant.points import OwnerId
from plant.quantities import Quantity
from plant.setpoints import Lever, LeverId
from plant.site import SITE, EquipmentKind, Site
from plant.snapshot import Snapshot

_MOVES_PER_STEP_S = 300
_EXACT = 1e-6
_AIR_BITE = 0.4


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

    def round_safely(self, value: float) -> float:
        """On the lever's resolution, on the safe side, within one move of the present and its range."""
        step = self.resolution
        low = max(self.low, self.present - self.max_move) if self.free else self.present
        high = min(self.high, self.present + self.max_move) if self.free else self.present
        if abs(value - self.present) < step / 2 or not self.free:
            return self.present
        down, up = np.floor(value / step + _EXACT) * step, np.ceil(value / step - _EXACT) * step
        order = (down, up) if self.safe_is_down else (up, down)
        for candidate in order:
            if low - _EXACT <= candidate <= high + _EXACT:
                return round(float(candidate), 6)
        return self.present


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

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Every axis, in the order of `pack`."""
        return (*self.supply, *self.speed, self.chw, self.cw)

    def pack(self, course: Course) -> Array:
        """A course as one array. Shape (candidates, steps, axes)."""
        return np.concatenate(
            [course.supply_c, course.speed, course.chw_c[..., None], course.cw_c[..., None]], axis=-1
        )

    def unpack(self, values: Array) -> Course:
        """The inverse of `pack`."""
        z = len(self.supply)
        return Course(values[..., :z], values[..., z : 2 * z], values[..., 2 * z], values[..., 2 * z + 1])

    def ramped(self, target: Array, step_s: int) -> Array:
        """Walk from the present toward a target path as fast as the levers may. Shape (…, steps, axes).

        The first step takes one move, for a new plan comes before the next; later ones as many as
        control periods fit in. Less air comes in smaller bites at first: it warms racks within a
        minute or two where colder supply takes ten, so a full move of both at once would overshoot.
        """
        move = np.array([a.max_move for a in self.axes])
        low, high = np.array([a.low for a in self.axes]), np.array([a.high for a in self.axes])
        later = move * max(1.0, step_s / _MOVES_PER_STEP_S)
        first_down = np.array([a.max_move * (1.0 if a.safe_is_down else _AIR_BITE) for a in self.axes])
        at = np.broadcast_to(np.array([a.present for a in self.axes]), target[..., 0, :].shape)
        out = np.empty_like(target)
        for k in range(target.shape[-2]):
            up, down = (move, first_down) if k == 0 else (later, later)
            wanted = np.clip(target[..., k, :], low, high)
            at = np.clip(wanted, at - down, at + up)
            out[..., k, :] = at
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


def read_board(site: Site, model: PlantModel, snapshot: Snapshot) -> Board:
    """Find the axes of a site, leaving alone what the model is not fit to move."""
    reader = _Reader(site, snapshot, _authority(site, model))
    zones = [z.id for z in site.zones]
    supply = tuple(
        reader.axis(z, Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT, Quantity.SUPPLY_AIR_TEMPERATURE, 20.0)
        for z in zones
    )
    speed = tuple(reader.axis(z, Quantity.FAN_SPEED_SETPOINT, Quantity.FAN_SPEED, 0.9) for z in zones)
    chw = reader.axis(
        SITE,
        Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE_SETPOINT,
        Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE,
        7.0,
    )
    cw = reader.axis(
        SITE,
        Quantity.CONDENSER_WATER_SUPPLY_TEMPERATURE_SETPOINT,
        Quantity.CONDENSER_WATER_SUPPLY_TEMPERATURE,
        25.0,
    )
    return Board(supply, speed, chw, cw, tuple(reader.missing), tuple(reader.left_alone))


def _authority(site: Site, model: PlantModel) -> Mapping[tuple[OwnerId, Quantity], str]:
    """What the model may not move, and why."""
    refused: dict[tuple[OwnerId, Quantity], str] = {}
    by_name = {e.name: e for e in model.evidence}
    for zone in site.zones:
        inlets = by_name[f"{zone.id}.inlets"]
        if not inlets.trusted:
            why = "; ".join(inlets.disqualified)
            refused[(zone.id, Quantity.FAN_SPEED_SETPOINT)] = why
            # Supply air reaches the racks one for one whatever the airflow's effect: a law that is
            # only unsure about airflow may still move it.
            if inlets.coverage == () or "prior" not in why:
                refused[(zone.id, Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT)] = why
    if not by_name["coils"].trusted:
        why = "; ".join(by_name["coils"].disqualified)
        refused[(SITE, Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE_SETPOINT)] = why
    if not by_name["tower"].trusted:
        why = "; ".join(by_name["tower"].disqualified)
        refused[(SITE, Quantity.CONDENSER_WATER_SUPPLY_TEMPERATURE_SETPOINT)] = why
    return refused


class _Reader:
    """Collects what is missing and left alone while the axes are read."""

    def __init__(
        self, site: Site, snapshot: Snapshot, refused: Mapping[tuple[OwnerId, Quantity], str]
    ) -> None:
        self._site, self._snapshot, self._refused = site, snapshot, refused
        self.missing: list[str] = []
        self.left_alone: list[str] = []

    def axis(self, owner: OwnerId, sets: Quantity, measured: Quantity, default: float) -> Axis:
        """One axis with its present position."""
        levers = self._levers(owner, sets)
        down = sets is not Quantity.FAN_SPEED_SETPOINT
        name = f"{owner} {sets.value}"
        if not levers:
            seen = self._snapshot.zone_mean(owner, measured)
            at = default if seen != seen else seen
            return Axis(name, (), at, at, at, 0.0, 0.1, at, down)
        stands = [self._snapshot.lever_value(lever) for lever in levers]
        unknown = [str(lv.id) for lv, value in zip(levers, stands, strict=True) if value != value]
        self.missing += unknown
        present = float(np.nanmean(stands)) if len(unknown) < len(levers) else levers[0].as_found
        low, high = max(lv.low for lv in levers), min(lv.high for lv in levers)
        why = self._refused.get((owner, sets))
        if why is not None:
            self.left_alone += [f"{lv.id} stays where it is: {why}" for lv in levers]
            low = high = present
        return Axis(
            name,
            levers,
            present,
            low,
            high,
            min(lv.max_move for lv in levers),
            max(lv.resolution for lv in levers),
            float(np.mean([lv.as_found for lv in levers])),
            down,
        )

    def _levers(self, owner: OwnerId, sets: Quantity) -> tuple[Lever, ...]:
        owners = {owner, *(e.id for e in self._site.equipment if e.zone == owner)}
        if owner == SITE:
            plant_kinds = {EquipmentKind.CHILLER, EquipmentKind.TOWER_CELL}
            owners |= {e.id for e in self._site.equipment if e.kind in plant_kinds}
        return tuple(lv for lv in self._site.levers if lv.owner in owners and lv.quantity is sets)
