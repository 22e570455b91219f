"""The levers as arrays: where they stand, how far and how fast they may go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from optimizer.duty import PLAIN, Duty
from optimizer.model import Course, PlantModel
from optimizer.rounding import rounded_safely
from plant.forecast import Array
from plant.points import SITE, OwnerId
from plant.quantities import Quantity
from plant.setpoints import Lever, LeverId
from plant.site import EquipmentKind, Site
from plant.snapshot import Snapshot

_MOVES_PER_STEP_S = 300
_AIR_BITE = 0.4
HELD = "it is held"
_NO_COMPRESSOR_LAW = "the planner has no law of the compressors in this zone's DX units"
_SHARED = "the zone's coils and its DX units share the heat, and no law says how"


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


def read_board(site: Site, model: PlantModel, snapshot: Snapshot) -> Board:
    """Find the axes of a site, leaving alone what the model is not fit to move."""
    reader = _Reader(site, snapshot, _authority(site, model))
    zones = [z.id for z in site.zones]
    supply = tuple(
        reader.axis(z, Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT, Quantity.SUPPLY_AIR_TEMPERATURE, 20.0)
        for z in zones
    )
    speed = tuple(reader.axis(z, Quantity.FAN_SPEED_SETPOINT, Quantity.FAN_SPEED, 1.0) for z in zones)
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
    tank = reader.tank(site, model)
    return Board(supply, speed, chw, cw, tuple(reader.missing), tuple(reader.left_alone), tank)


def _authority(site: Site, model: PlantModel) -> Mapping[tuple[OwnerId, Quantity], str]:
    """What the model may not move, and why."""
    refused: dict[tuple[OwnerId, Quantity], str] = {}
    by_name = {e.name: e for e in model.evidence}
    for zone in site.zones:
        own = by_name.get(f"{zone.id}.dx")
        if own is None and site.equipment_of(EquipmentKind.DX_UNIT, zone.id):
            # Cold would seem free: what their compressors draw is in no law.
            why = _SHARED if site.equipment_of(EquipmentKind.CRAH, zone.id) else _NO_COMPRESSOR_LAW
            refused[(zone.id, Quantity.FAN_SPEED_SETPOINT)] = why
            refused[(zone.id, Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT)] = why
            continue
        if own is not None and not own.trusted:
            why = "; ".join(own.disqualified)
            refused[(zone.id, Quantity.FAN_SPEED_SETPOINT)] = why
            refused[(zone.id, Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT)] = why
            continue
        inlets = by_name[f"{zone.id}.inlets"]
        if not inlets.trusted:
            why = "; ".join(inlets.disqualified)
            refused[(zone.id, Quantity.FAN_SPEED_SETPOINT)] = why
            # Supply air reaches the racks one for one whatever the airflow's effect: a law that is
            # only unsure about airflow may still move it.
            if inlets.coverage == () or "prior" not in why:
                refused[(zone.id, Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT)] = why
    if "coils" in by_name and not by_name["coils"].trusted:
        why = "; ".join(by_name["coils"].disqualified)
        refused[(SITE, Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE_SETPOINT)] = why
    if "tower" in by_name and not by_name["tower"].trusted:
        why = "; ".join(by_name["tower"].disqualified)
        refused[(SITE, Quantity.CONDENSER_WATER_SUPPLY_TEMPERATURE_SETPOINT)] = why
    return refused


class _Reader:
    """Collects what is missing and left alone while the axes are read."""

    def __init__(
        self, site: Site, snapshot: Snapshot, refused: Mapping[tuple[OwnerId, Quantity], str]
    ) -> None:
        self._snapshot, self._refused, self._by_place = snapshot, refused, _by_place(site)
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
        if why is None and any(lv.id in self._snapshot.held for lv in levers):
            why = HELD
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

    def tank(self, site: Site, model: PlantModel) -> Axis | None:
        """The tank's axis; several tanks are moved by their first lever only."""
        levers = [lv for lv in site.levers if lv.quantity is Quantity.STORAGE_RATE_SETPOINT]
        if not levers:
            return None
        lever, *others = levers
        self.left_alone += [f"{lv.id} stays where it is: one tank is planned for" for lv in others]
        present = self._snapshot.lever_value(lever)
        if present != present:
            self.missing.append(str(lever.id))
            present = lever.as_found
        charge = self._snapshot.values(site.points_with(Quantity.STORAGE_CHARGE))
        known = model.storage.present and not np.isnan(charge).all()
        free = known and lever.id not in self._snapshot.held
        if not free:
            why = HELD if known else "nobody knows what the tank holds"
            self.left_alone.append(f"{lever.id} stays where it is: {why}")
        low, high = (lever.low, lever.high) if free else (present, present)
        return Axis(
            f"{lever.owner} {lever.quantity.value}",
            (lever,),
            present,
            low,
            high,
            lever.max_move,
            lever.resolution,
            lever.as_found,
            safe_is_down=True,
        )

    def _levers(self, owner: OwnerId, sets: Quantity) -> tuple[Lever, ...]:
        return self._by_place.get((owner, sets), ())


def _by_place(site: Site) -> dict[tuple[OwnerId, Quantity], tuple[Lever, ...]]:
    """Levers by the zone (or the site) they act on, in the site's order."""
    plant_kinds = {EquipmentKind.CHILLER, EquipmentKind.TOWER_CELL}
    place = {e.id: e.zone or (SITE if e.kind in plant_kinds else e.id) for e in site.equipment}
    found: dict[tuple[OwnerId, Quantity], list[Lever]] = {}
    for lever in site.levers:
        found.setdefault((place.get(lever.owner, lever.owner), lever.quantity), []).append(lever)
    return {key: tuple(levers) for key, levers in found.items()}
