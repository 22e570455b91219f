"""The levers of a site found in a snapshot: where they stand, and which of them the model is fit to move."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from optimizer.board import HELD, Axis, Board
from optimizer.model import PlantModel
from plant.idle_units import seen_in
from plant.points import SITE, OwnerId
from plant.quantities import Quantity
from plant.setpoints import Lever
from plant.site import EquipmentKind, Site
from plant.snapshot import Snapshot

_NO_COMPRESSOR_LAW = "the planner has no law of the compressors in this zone's DX units"
_SHARED = "the zone's coils and its DX units share the heat, and no law says how"


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
            seen = seen_in(self._snapshot.site, owner, measured, self._snapshot)
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
